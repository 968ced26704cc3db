"""JSON answers: ``{"responses": [{"text": …, "probability": …}]}``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic_core import from_json

from vs_core.formats.base import CUT_OFF, Answer, Format, Shape, Splitter
from vs_core.formats.decoded import interpret
from vs_core.formats.loose import Loose, read_loose

__all__ = ["Json"]


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
        """See `Format.json_schema`. Strict: every property is required, none may be added."""
        content = self._content_key(shape)
        item: dict[str, Any] = {
            content: {"type": "string"} if shape.schema is None else dict(shape.schema)
        }
        definitions = item[content].pop("$defs", None)
        if shape.definition:
            percent = shape.definition.name == "percentage"
            item[shape.definition.key] = {"type": "string" if percent else "number"}
        properties: dict[str, Any] = {"reasoning": {"type": "string"}} if shape.reasoning else {}
        properties["responses"] = {"type": "array", "items": _strict(item)}
        schema = _strict(properties)
        if definitions:
            schema["$defs"] = definitions
        return schema

    def write(self, answer: Answer, shape: Shape) -> str:
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

    def read(self, text: str, shape: Shape) -> Answer | None:
        """See `Format.read`: any JSON in the text that holds candidates."""
        documents = _documents(text)
        answers = [interpret(found, shape, lines=len(documents) > 1) for found in documents]
        return _merged([answer for answer in answers if answer])

    def splitter(self) -> Splitter:
        """See `Format.splitter`."""
        return _ObjectSplitter()


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


def _documents(text: str) -> list[Loose]:
    """The outermost objects and lists in a text, in order."""
    documents: list[Loose] = []
    match = _PLAUSIBLE.search(text)
    if match is None:
        return documents
    whole = _whole(text, match.start())
    if whole is not None:
        return [whole]
    while match is not None:
        found = read_loose(text, match.start())
        if found is None:  # nested too deep, and so is what begins one bracket further on
            break
        if found.value:
            documents.append(found)
        match = _PLAUSIBLE.search(text, max(found.end, match.end()))
    return documents


# What an object or list of candidates can begin with; brackets in prose begin otherwise.
_PLAUSIBLE = re.compile(
    r"\{(?=\s{0,99}(?:[\"'“‘„`}/#]|\w[\w -]{0,40}:))|\[(?=\s{0,99}[\"'“‘„`{\[/#\]])"
)


def _whole(text: str, start: int) -> Loose | None:
    """Read all from the bracket at ``start``, if that is JSON as far as it goes."""
    try:
        return Loose(from_json(text[start:]), len(text))
    except ValueError as error:
        problem = str(error)
    if problem.startswith("trailing characters"):
        return _surrounded(text, start)
    if problem.startswith("EOF while parsing"):
        return _truncated(text, start, in_string=problem.startswith("EOF while parsing a string"))
    return None


def _surrounded(text: str, start: int) -> Loose | None:
    """Read all from the bracket at ``start`` to the last one, if that is JSON as it stands."""
    end = max(text.rfind("}"), text.rfind("]")) + 1
    try:
        return Loose(from_json(text[start:end]), end)
    except ValueError:
        return None


def _truncated(text: str, start: int, *, in_string: bool) -> Loose | None:
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
    return Loose(data, len(text), {CUT_OFF: None}, torn) if torn else None


def _closing_brackets(text: str) -> int:
    """How many closing brackets a text ends with."""
    end = text[len(text.rstrip("}], \t\r\n")) :]
    return end.count("}") + end.count("]")


def _merged(answers: Sequence[Answer]) -> Answer | None:
    """Choose among the documents of one text, or put them together.

    Several documents of one candidate each are JSON Lines. Otherwise the answer is the one with the
    most candidates, of equals the last: what comes before is an example or a draft.
    """
    if len(answers) > 1 and all(len(answer.entries) == 1 for answer in answers):
        entries = [entry for answer in answers for entry in answer.entries]
        reasonings = [answer.reasoning for answer in answers if answer.reasoning]
        return Answer(entries, reasonings[0] if reasonings else None)
    return max(reversed(answers), key=lambda answer: len(answer.entries), default=None)
