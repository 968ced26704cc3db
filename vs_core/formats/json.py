"""JSON answers: ``{"responses": [{"text": …, "probability": …}]}``."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence, Set
from typing import Any, ClassVar

from pydantic_core import from_json

from vs_core.formats.base import CUT_OFF, Entry, Format, Reading, Shape, Splitter
from vs_core.formats.data import JOINED, interpret
from vs_core.formats.lenient_json import Lenient, read_leniently
from vs_core.formats.markers import marker
from vs_core.formats.numbers import BARE, number_line, trailing
from vs_core.formats.placeholders import is_placeholder
from vs_core.formats.programs import read_program
from vs_core.formats.running_text import sums_to_one
from vs_core.probabilities import Definition
from vs_core.words import PROBABILITY, kind_of

__all__ = ["Json", "without_bounds"]


class Json(Format):
    """A JSON object with a list of candidates, as in the paper's templates."""

    name: ClassVar[str] = "json"

    def instructions(self, shape: Shape) -> str:
        """See `Format.instructions`."""
        keys = [self._content_key(shape)]
        lines = [
            'Answer with a JSON object that has the key "responses": a list of objects '
            f"({shape.k} in all), each with"
            if not shape.reasoning
            else 'Answer with a JSON object that has the key "reasoning", a string, and then the '
            f'key "responses": a list of objects ({shape.k} in all), each with'
        ]
        if shape.schema is None:
            lines.append('- "text": the response alone, as a string, without explanation')
        else:
            lines.append(
                '- "value": the response, as JSON that fits this JSON schema: '
                + json.dumps(shape.schema, ensure_ascii=False)
            )
        if shape.definition:
            keys.append(shape.definition.key)
            lines.append(f'- "{shape.definition.key}": {shape.definition.meaning}')
        lines.append("Write only the JSON object, nothing else.")
        return "\n".join(lines)

    def json_schema(self, shape: Shape) -> dict[str, Any]:
        """See `Format.json_schema`. Strict: every property is required, none may be added.

        The number of responses and the range of a probability are bounded, for small models do not
        keep to what they are told; `without_bounds` is for endpoints that refuse that.
        """
        content = self._content_key(shape)
        item: dict[str, Any] = {
            content: {"type": "string"} if shape.schema is None else dict(shape.schema)
        }
        definitions = item[content].pop("$defs", None)
        if shape.definition:
            item[shape.definition.key] = _number(shape.definition)
        properties: dict[str, Any] = {"reasoning": {"type": "string"}} if shape.reasoning else {}
        k = {"minItems": shape.k, "maxItems": shape.k}
        properties["responses"] = {"type": "array", "items": _strict(item), **k}
        schema = _strict(properties)
        if definitions:
            schema["$defs"] = definitions
        return schema

    def write(self, answer: Reading, shape: Shape) -> str:
        """See `Format.write`."""
        content = self._content_key(shape)
        responses = []
        for entry in answer.entries:
            response = {content: entry.text if shape.schema is None else entry.value}
            if shape.definition and entry.probability is not None:
                response[shape.definition.key] = entry.probability
            responses.append(response)
        written: dict[str, Any] = {"reasoning": answer.reasoning} if shape.reasoning else {}
        return json.dumps({**written, "responses": responses}, ensure_ascii=False)

    @staticmethod
    def _content_key(shape: Shape) -> str:
        return "text" if shape.schema is None else "value"

    def read(self, text: str, shape: Shape) -> Reading | None:
        """See `Format.read`: any JSON in the text that holds candidates, and its relatives."""
        text = _decoded(text)
        documents = _documents(text)
        several = len(documents) > 1
        found = [
            (start, document.end, answer)
            for start, document in documents
            if (answer := _real(interpret(document, shape, lines=several)))
        ]
        answer = _merged(found, text, len(documents))
        if answer is None or not _is_whole(answer.entries):
            return read_program(text, shape) or answer
        return answer

    def splitter(self) -> Splitter:
        """See `Format.splitter`."""
        return _ObjectSplitter()


def _number(definition: Definition) -> dict[str, Any]:
    if definition.name == "percentage":
        return {"type": "string"}
    bounds = {"probability": {"minimum": 0, "maximum": 1}, "perplexity": {"minimum": 1}}
    return {"type": "number", **bounds.get(definition.scale, {})}


_BOUNDS = frozenset(["minItems", "maxItems", "minimum", "maximum"])


def without_bounds(schema: Any) -> Any:
    """Return a JSON schema without bounds of lists and numbers, which some endpoints refuse."""
    if isinstance(schema, list):
        return [without_bounds(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    # A property that has such a name has a schema behind it, and stays.
    return {
        key: without_bounds(value)
        for key, value in schema.items()
        if key not in _BOUNDS or isinstance(value, Mapping)
    }


class _ObjectSplitter(Splitter):
    """Cuts out the objects that stand in a list, or alone (JSON Lines), by counting brackets."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._in_string = False
        self._skip = False  # the next character is escaped
        self._kept: list[str] | None = None  # pieces of the object in progress
        self._depth = 0  # at which that object began

    def feed(self, chunk: str) -> list[str]:
        """See `Splitter.feed`."""
        complete: list[str] = []
        start = 0 if self._kept is not None else -1
        if self._skip and chunk:
            self._skip, at = False, 1
        else:
            at = 0
        while (match := _SPECIAL.search(chunk, at)) is not None:
            position, at = match.start(), match.end()
            character = match[0]
            if self._in_string:
                if character == "\\":
                    self._skip = at == len(chunk)
                    at += 1
                self._in_string = character != '"'
            elif character == '"':
                self._in_string = bool(self._open)
            elif character in "{[":
                start = self._begin(character, position, start)
            elif character in "}]" and self._open:
                self._open.pop()
                if self._kept is not None and len(self._open) == self._depth:
                    complete.append("".join(self._kept) + chunk[start:at])
                    self._kept, start = None, -1
        if self._kept is not None:
            self._kept.append(chunk[start:])
        return complete

    def _begin(self, character: str, position: int, start: int) -> int:
        """A bracket opens; return where in the chunk the object in progress begins."""
        alone = not self._open
        if character == "[" and self._kept is not None and self._depth == 0:
            self._kept, start = None, -1  # the object holds a list: that has the candidates
        elif character == "{" and self._kept is None and (alone or self._open[-1] == "["):
            self._kept, self._depth, start = [], len(self._open), position
        self._open.append(character)
        return start


_SPECIAL = re.compile(r'[\\"{}\[\]]')


def _strict(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


# --- finding the document --------------------------------------------------------------------


def _decoded(text: str) -> str:
    """A text that is JSON inside a JSON string, quoted or escaped alone, decoded once."""
    start = text.lstrip()[:3]
    try:
        if start[:1] == '"' and start[1:2] in ("{", "[", "\\"):
            inner = from_json(text.strip())
            return inner if isinstance(inner, str) else text
        if "\\" in text and _ESCAPED.search(text[:400]):
            begin, end = text.find("{"), text.rfind("}") + 1
            first = text.find("[")
            if 0 <= first < begin:
                begin, end = first, text.rfind("]") + 1
            inner = from_json(f'"{text[begin:end]}"')
            return inner if isinstance(inner, str) else text
    except ValueError:
        pass
    return text


_ESCAPED = re.compile(r"[{\[]\s{0,20}(?:\\n\s{0,20})?(?:\{\s{0,20}(?:\\n\s{0,20})?)?\\\"")


def _documents(text: str) -> list[tuple[int, Lenient]]:
    """The outermost objects and lists in a text, in order, with where each begins."""
    documents: list[tuple[int, Lenient]] = []
    match = _PLAUSIBLE.search(text)
    if match is None:
        return documents
    whole = _whole(text, match.start())
    if whole is not None:
        return [(match.start(), whole)]
    while match is not None:
        found = read_leniently(text, match.start())
        if found is None:  # nested too deep, and so is what begins one bracket further on
            break
        if found.value:
            documents.append((match.start(), found))
        match = _PLAUSIBLE.search(text, max(found.end, match.end()))
    return documents


# What an object or list of candidates can begin with; brackets in prose begin otherwise.
_PLAUSIBLE = re.compile(
    r"\{(?=\s{0,99}(?:[\"'“‘„`}/#{]|:?\w[\w -]{0,40}(?::|\s=|=)))"
    r"|\[(?=\s{0,99}(?:[\"'“‘„`{\[/#(\]]|[A-Za-z_]\w{0,40}\(|[\d.]{1,9}\s{0,9},\s{0,9}[\"']))"
    r"|\((?=\s{0,99}(?:\(\s{0,9})?(?:[\"']|[\d.]{1,9}\s{0,9},\s{0,9}[\"']))"
)


def _whole(text: str, start: int) -> Lenient | None:
    """Read all from the bracket at ``start``, if that is JSON as far as it goes."""
    try:
        value = from_json(text[start:])
        return None if _repeats_keys(text, start, value) else Lenient(value, len(text))
    except ValueError as error:
        problem = str(error)
    if problem.startswith("trailing characters"):
        return _surrounded(text, start)
    if problem.startswith("EOF while parsing"):
        return _truncated(text, start, in_string=problem.startswith("EOF while parsing a string"))
    return None


def _repeats_keys(text: str, start: int, value: Any) -> bool:
    """Whether an object may have a key twice, of which all but the last are lost."""
    written = text.count('"probability"', start)
    if written < 2:
        return False
    lists = (
        [value] if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    )
    items = (item for each in lists if isinstance(each, list) for item in each)
    return written > sum(isinstance(item, dict) and "probability" in item for item in items)


def _surrounded(text: str, start: int) -> Lenient | None:
    """Read all from the bracket at ``start`` to the last one, if that is JSON as it stands."""
    end = max(text.rfind("}"), text.rfind("]")) + 1
    try:
        value = from_json(text[start:end])
        return Lenient(value, end) if value else None
    except ValueError:
        return None


def _truncated(text: str, start: int, *, in_string: bool) -> Lenient | None:
    """Read what is JSON until the text ends.

    Only that: partial reading leaves out, without a word, all that stands behind a mistake.
    """
    data = from_json(text[start:], allow_partial="trailing-strings")
    path = [data]
    while isinstance(path[-1], (dict, list)) and path[-1]:
        inner = path[-1]
        path.append(inner[-1] if isinstance(inner, list) else next(reversed(inner.values())))
    containers = [value for value in path if isinstance(value, (dict, list))]
    # Brackets at the very end closed the innermost, unless they stand in a string that was cut.
    closed = 0 if in_string else _closing_brackets(text)
    torn = {id(container) for container in containers[: len(containers) - closed]}
    return Lenient(data, len(text), {CUT_OFF: None}, torn) if torn else None


def _closing_brackets(text: str) -> int:
    """How many closing brackets a text ends with."""
    end = text[len(text.rstrip("}], \t\r\n")) :]
    return end.count("}") + end.count("]")


def _is_whole(entries: Sequence[Entry]) -> bool:
    """Whether all have a probability; what the text was cut off in, behind others, needs none."""
    *before, last = entries
    if any(entry.probability is None and CUT_OFF not in entry.repairs for entry in before):
        return False
    return last.probability is not None or (bool(before) and CUT_OFF in last.repairs)


def _real(answer: Reading | None) -> Reading | None:
    """An answer without what only stands for a candidate; None if nothing is left."""
    if answer is None:
        return None
    entries = [entry for entry in answer.entries if not is_placeholder(entry.text)]
    if len(entries) == len(answer.entries):
        return answer
    return answer._replace(entries=entries) if entries else None


def _merged(found: Sequence[tuple[int, int, Reading]], text: str, documents: int) -> Reading | None:
    """Put the documents of one text together; a draft goes before what it was a draft of."""
    if len(found) < 2:
        return _alone(found[0], text) if found else None
    parts = [answer for _, _, answer in found]
    known = [part for part in parts if _has_numbers(part) or _is_torn(part)]
    if any(map(_has_numbers, known)):
        parts = known
    remarks: list[str] = []
    *before, last = parts
    final = {entry.text for entry in last.entries}
    if len(last.entries) > 1:
        parts = [part for part in before if not _is_draft(part, final)] + [last]
        if len(parts) <= len(before):
            remarks.append("an earlier draft left out")
    if len(parts) > 1 and any(len(part.entries) > 1 for part in parts):
        remarks.append(JOINED)
    for part in parts:
        remarks += part.remarks
    reasonings = [part.reasoning for part in parts if part.reasoning]
    return Reading(
        [entry for part in parts for entry in part.entries],
        reasonings[0] if reasonings else None,
        tuple(dict.fromkeys(remarks)),
        all(part.sure for part in parts) or len(parts) == documents or _sums(parts),
        _explained(found, text),
    )


def _has_numbers(part: Reading) -> bool:
    return any(entry.probability is not None for entry in part.entries)


def _is_torn(part: Reading) -> bool:
    return any(CUT_OFF in entry.repairs for entry in part.entries)


def _is_draft(part: Reading, final: Set[str]) -> bool:
    """Whether a document says at least half of what the last one says."""
    return 2 * sum(entry.text in final for entry in part.entries) >= len(final)


def _sums(parts: Sequence[Reading]) -> bool:
    return sums_to_one([entry.probability for part in parts for entry in part.entries])


def _alone(found: tuple[int, int, Reading], text: str) -> Reading:
    explained = _explained([found], text)
    answer = found[2]
    return answer if explained == answer.explained else answer._replace(explained=explained)


_OUTSIDE = 20_000
"""Characters before and behind what was read that are looked at for what speaks against it."""


def _explained(found: Sequence[tuple[int, int, Reading]], text: str) -> float:
    """Less than all if there are probabilities outside: then what was read are texts of a list."""
    if len(found) == 1 and len(found[0][2].entries) == 1:
        start, end, _ = found[0]
        if len(text) > 4 * (end - start) + 400:
            return 0.4
    edges = [(0, found[0][0]), *_gaps(found), (found[-1][1], len(text))]
    for begin, end in edges[:200]:
        if end - begin < 2:
            continue
        outside = (
            text[max(begin, end - _OUTSIDE) : end]
            if not begin
            else text[begin : begin + _OUTSIDE][: end - begin]
        )
        for line in outside.split("\n"):
            if _counts(line):
                return 0.4
    return 1.0


def _gaps(found: Sequence[tuple[int, int, Reading]]) -> list[tuple[int, int]]:
    return [(end, start) for (_, end, _), (start, _, _) in itertools.pairwise(found)]


_SUMMED = re.compile(r"\b(?:sum|sums|total|totals|adds? up|remaining)\b", re.I)


def _counts(line: str) -> bool:
    """Whether a line outside of JSON gives the probability of a candidate."""
    line = line.strip()
    if not 3 <= len(line) <= 160 or not any(character.isdigit() for character in line):
        return False
    if _SUMMED.search(line):
        return False
    number = number_line(line)
    if number is not None:
        return PROBABILITY in kind_of(number.label) or number.enclosed
    found = trailing(line)
    if found is None or found.strength == BARE:
        return False
    return found.start == 0 or marker(line) is not None
