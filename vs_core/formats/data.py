"""Decoded data as an answer: where its candidates are, whatever the keys are called."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import from_json

from vs_core.formats.base import CUT_OFF, Answer, Entry, Shape
from vs_core.formats.lenient_json import Lenient, read_leniently
from vs_core.formats.numbers import BARE, trailing
from vs_core.formats.running_text import sums_to_one
from vs_core.probabilities import read_probabilities
from vs_core.words import (
    CANDIDATE,
    DRAFT,
    EXPLANATION,
    FINAL,
    LIST,
    META,
    PROBABILITY,
    REASONING,
    REFUSAL,
    TEXT,
    TOTAL,
    WEAK,
    kind_of,
)

__all__ = ["JOINED", "interpret", "is_placeholder"]

JOINED = "sections joined"
ASSUMED = "text taken from {!r}"
_ENCODED = frozenset(
    ("arguments", "input", "parameters", "content", "function", "message", "output", "result",
     "text", "response", "answer", "json", "data", "body", "args", "params", "raw")
)  # fmt: skip
"""Keys whose string may itself be JSON that holds the candidates."""
_MOST_WRAPPERS = 6


def interpret(found: Lenient, shape: Shape, *, lines: bool = False) -> Answer | None:
    """Return the candidates in decoded data; None if it holds none.

    Args:
        found: What was read.
        shape: What was asked for.
        lines: Whether there is more beside it, as in JSON Lines: then an object that the text ends
            in may be a candidate that did not get to its probability.
    """
    reader = _DataReader(shape, tuple(found.repairs), found.torn, lines)
    entries = reader.entries(found.value, 0)
    if not entries:
        return None
    return Answer(entries, reader.reasoning, tuple(dict.fromkeys(reader.remarks)), reader.sure)


class _DataReader:
    """Finds candidates in decoded data, whatever its keys are called."""

    def __init__(self, shape: Shape, repairs: tuple[str, ...], torn: set[int], lines: bool) -> None:
        self.shape = shape
        self.lines = lines
        self.repairs = tuple(repair for repair in repairs if repair != CUT_OFF)
        self.torn = torn
        self.reasoning: str | None = None
        self.remarks: list[str] = []
        self.sure = True
        self.unproven = False  # nothing but a sum can tell that these are texts and probabilities

    def entries(self, data: Any, depth: int, *, named: bool = False) -> list[Entry]:
        """The candidates in a list, or in an object that is or holds one.

        Args:
            data: Decoded data.
            depth: Number of wrappers around it.
            named: Whether it stands under a key that names candidates.
        """
        if depth > _MOST_WRAPPERS or not data:
            return []
        if isinstance(data, list):
            return self._of_list(data, depth, named=named or depth == 0)
        if isinstance(data, str):
            return self._encoded(data, depth)
        if not isinstance(data, dict):
            return []
        self._note_reasoning(data)
        return (
            self._parallel(data)
            or self._listed(data, depth, named=named)
            or self._numbered(data)
            or self._keyed(data)
            or self._single(data, depth)
            or self._mapped(data, named=named)
        )

    def _note_reasoning(self, data: Mapping[str, Any]) -> None:
        for key, value in data.items():
            if REASONING in kind_of(str(key)) and isinstance(value, (str, list)) and value:
                text = value if isinstance(value, str) else "\n".join(map(str, value))
                self.reasoning = self.reasoning or text

    # --- lists -------------------------------------------------------------------------------

    def _of_list(self, items: list[Any], depth: int, *, named: bool) -> list[Entry]:
        if _is_pair(items):
            return [self._pair(items)] if self.lines or depth else []
        items = self._without_header(items)
        if _are_named_pairs(items):
            items = [list(item.values()) for item in items]
            self.unproven = True
        found = [self._entry(item) for item in items]
        entries = [entry for entry in found if entry is not None]
        if not entries or (
            all(entry.probability is None for entry in entries)
            and any(isinstance(item, (dict, list)) for item in items)
        ):
            inner = self._joined([(str(at), item) for at, item in enumerate(items)], depth)
            if inner and any(entry.probability is not None for entry in inner):
                return inner
        entries = self._with_inner_numbers(entries)
        if not self._is_distribution(items, entries, named=named) or _is_conversation(items):
            return []
        if self.unproven and not _at_most_one(entries) and len(entries) != self.shape.k:
            self.sure = False
        if id(items) in self.torn and not isinstance(items[-1], (dict, list)):
            entries[-1] = _marked(entries[-1], CUT_OFF)
        return entries

    @staticmethod
    def _without_header(items: list[Any]) -> list[Any]:
        """Rows without the first, where that names the columns."""
        if len(items) > 1 and isinstance(items[0], list) and len(items[0]) > 1:
            head = items[0]
            if all(isinstance(cell, str) for cell in head) and any(map(_is_number_key, head)):
                return items[1:]
        return items

    def _with_inner_numbers(self, entries: list[Entry]) -> list[Entry]:
        """``["Paris (0.5)", "Rome (0.3)"]``: strings that all hold their probability."""
        if len(entries) < 2 or any(e.probability is not None or e.value for e in entries):
            return entries
        found = [trailing(entry.text) for entry in entries]
        if not all(number and number.start > 0 and number.strength > BARE for number in found):
            return entries
        return [
            entry._replace(text=entry.text[: number.start].strip(), probability=number.number)
            for entry, number in zip(entries, found, strict=True)
            if number is not None
        ]

    def _is_distribution(
        self, items: Sequence[Any], entries: Sequence[Entry], *, named: bool
    ) -> bool:
        """Whether a list without probabilities is one all the same: by its names, or by k."""
        if not entries:
            return False
        if any(entry.probability is not None for entry in entries) or not self.shape.definition:
            return True
        if any(CUT_OFF in entry.repairs for entry in entries) or len(entries) == self.shape.k:
            return True
        if all(isinstance(item, dict) for item in items):
            return any(
                key in self.shape.fields or (kind_of(key) & _CONTENT and key.lower() not in _VAGUE)
                for item in items
                for key in map(str, item)
            )
        return named

    # --- objects -----------------------------------------------------------------------------

    def _listed(self, data: Mapping[str, Any], depth: int, *, named: bool) -> list[Entry]:
        """``{"responses": […]}``, under any name, and inside wrappers; several are joined."""
        inner = [
            (str(key), value)
            for key, value in data.items()
            if isinstance(value, (dict, list)) or self._is_encoded(str(key), value)
        ]
        inner = [(key, value) for key, value in inner if not kind_of(key) & _ASIDE]
        if not inner or self._is_candidate(data):
            return []
        if len(inner) > 1:
            final = [pair for pair in inner if FINAL in kind_of(pair[0])]
            if final:
                inner = final
            drafts = [pair for pair in inner if DRAFT in kind_of(pair[0])]
            if drafts and len(drafts) < len(inner):
                inner = [pair for pair in inner if pair not in drafts]
        if len(inner) > 1 and all(isinstance(value, dict) for _, value in inner):
            if all(self._is_candidate(value) for _, value in inner):
                return []  # numbered candidates
            if all(self._number_key(value) is not None for _, value in inner):
                return []
        return self._joined(inner, depth, named=named)

    def _joined(
        self, parts: Sequence[tuple[str, Any]], depth: int, *, named: bool = False
    ) -> list[Entry]:
        found: list[Entry] = []
        sections = 0
        for key, value in sorted(parts, key=lambda pair: LIST not in kind_of(pair[0])):
            said = named or bool(kind_of(key) & _NAMING) or _NAMED_LIKE.search(key) is not None
            if found and not said and not _has_numbers(value):
                continue
            sure, self.sure = self.sure, True
            entries = self.entries(value, depth + 1, named=said)
            extra = bool(found) and (
                not self.sure or all(entry.probability is None for entry in entries)
            )
            self.sure = sure if extra or not entries else sure and self.sure
            if entries and not extra:
                found += entries
                sections += 1
        if sections > 1:
            self.remarks.append(JOINED)
        return found

    def _is_encoded(self, key: str, value: Any) -> bool:
        return (
            isinstance(value, str)
            and value.lstrip()[:1] in ("{", "[")
            and (key.lower() in _ENCODED or LIST in kind_of(key))
            and _ENCODED_CANDIDATES.search(value[:2000]) is not None
        )

    def _encoded(self, text: str, depth: int) -> list[Entry]:
        """Candidates in JSON that stands in a string, as the arguments of a tool call do."""
        if text.lstrip()[:1] not in ("{", "["):
            return []
        try:
            data = from_json(text.strip())
        except ValueError:
            found = read_leniently(text, len(text) - len(text.lstrip()))
            if found is None:
                return []
            data = found.value
            self.repairs = (*self.repairs, *(r for r in found.repairs if r != CUT_OFF))
        return self.entries(data, depth + 1, named=True)

    def _parallel(self, data: Mapping[str, Any]) -> list[Entry]:
        """``{"texts": […], "probabilities": […]}``, and the same as objects of columns."""
        columns = {
            str(key): list(value.values()) if isinstance(value, dict) else value
            for key, value in data.items()
            if isinstance(value, (list, dict)) and value
        }
        lists = [(key, value) for key, value in columns.items() if _scalars(value)]
        if len(lists) < 2 or not self.shape.definition:
            return []
        named = [
            (key, value)
            for key, value in lists
            if _is_number_key(key) and isinstance(data[key], (list, dict))
        ]
        if not named:
            return []
        number_key, numbers = named[0]
        others = [(k, v) for k, v in lists if k != number_key and not kind_of(k) & {META}]
        others.sort(key=lambda pair: (len(pair[1]) != len(numbers), not kind_of(pair[0]) & _NAMING))
        others = [(k, v) for k, v in others if any(not _is_number(text) for text in v)] or (
            others if all(isinstance(data[k], list) for k, _ in others) else []
        )
        texts = others[0][1] if others else []
        by_text = data[number_key]
        if isinstance(by_text, dict):
            if texts and all(isinstance(text, str) and text in by_text for text in texts):
                numbers = [by_text[text] for text in texts]
            elif not texts or not isinstance(data[others[0][0]], dict):
                return []
        elif not texts or isinstance(data[others[0][0]], dict):
            return []
        padded = [*numbers, *[None] * len(texts)]
        return [
            Entry(_text(text), number, None, self.repairs)
            for text, number in zip(texts, padded, strict=False)
        ]

    def _numbered(self, data: Mapping[str, Any]) -> list[Entry]:
        """``{"1": {…}, "2": {…}}`` and ``{"response_1": "…", "probability_1": 0.2}``."""
        numbered = {key: match for key in data if (match := _NUMBERED.match(str(key)))}
        if not numbered:
            return []
        numbers = {
            match[2]: data[key] for key, match in numbered.items() if _is_number_key(match[1])
        }
        rest = {key: m for key, m in numbered.items() if not _is_number_key(m[1])}
        if len(rest) > 1 and not numbers and all(_is_number(data[key]) for key in rest):
            return []  # names that end in a number
        texts: dict[str, str] = {}
        for key, match in rest.items():  # of several keys with one number the text's
            known = texts.get(match[2])
            if known is None or (kind_of(match[1]) & _CONTENT and not kind_of(rest[known][1])):
                texts[match[2]] = key
        found = [
            _with_number(self._entry(data[key]), numbers.get(number))
            for number, key in texts.items()
        ]
        entries = [entry for entry in found if entry is not None]
        if not numbers and all(entry.probability is None for entry in entries):
            return [] if self.shape.definition and len(entries) < 2 else entries
        return entries

    def _keyed(self, data: Mapping[str, Any]) -> list[Entry]:
        """``{"A": {"text": …}, "B": {"text": …}}`` and ``{"Paris": {"probability": 0.5}}``."""
        items = [(str(key), value) for key, value in data.items() if not kind_of(str(key)) & _ASIDE]
        if not items or not all(isinstance(value, dict) and value for _, value in items):
            return []
        if not all(self._number_key(value) is not None for _, value in items):
            return []
        entries = []
        for key, value in items:
            name = self._text_key({k: v for k, v in value.items() if k != self._number_key(value)})
            if name is not None and self._says(name, key):
                entries.append(self._of_object(value))
            else:
                number = self._number_key(value)
                rest = {k: v for k, v in value.items() if k != number}
                entries.append(Entry(key.strip(), value.get(number), None, self.repairs, rest))
        return [entry for entry in entries if entry is not None]

    def _says(self, name: str, key: str) -> bool:
        """Whether the text of an object stands under ``name``, and not in the object's ``key``."""
        if name in self.shape.fields or (TEXT in kind_of(name) and name.lower() not in _VAGUE):
            return True
        return bool(kind_of(name) & _CONTENT) and _LETTERED.match(key) is not None

    def _single(self, data: dict[str, Any], depth: int) -> list[Entry]:
        """An object that is itself a candidate."""
        known = self.shape.definition is None or self._number_key(data) is not None
        if depth == 0 and not known and not (self.lines and id(data) in self.torn):
            return []  # one text in an object is an answer, but no distribution
        if depth and not known:
            return []
        if any(REFUSAL in kind_of(str(key)) for key in data):
            return []
        entry = self._of_object(data)
        if entry is None:
            return []
        number = self._number_key(data)
        if number is not None and PROBABILITY not in kind_of(number):
            text = next((k for k in data if kind_of(str(k)) & {TEXT}), None)
            strong = text is not None and str(text).lower() not in _VAGUE
            wanted = self.shape.definition and self.shape.definition.key == number.lower()
            if not (strong or wanted or self.shape.k == 1 or self.lines):
                return []
        return [entry]

    def _mapped(self, data: Mapping[str, Any], *, named: bool) -> list[Entry]:
        """``{"text": 0.2, "other text": 0.1}``: by k, by their sum, or because it was asked for."""
        pairs = [(str(k), v) for k, v in data.items() if not kind_of(str(k)) & {REASONING}]
        pairs = [(k, v) for k, v in pairs if not (TOTAL in kind_of(k) and len(data) != 2)]
        if not pairs or not self.shape.definition or not all(_is_number(v) for _, v in pairs):
            return []
        if len(pairs) < 2:
            if not (self.lines or named) or WEAK in kind_of(pairs[0][0]):
                return []
            self.sure = named
        if any(_is_number_key(key) and PROBABILITY in kind_of(key) for key, _ in pairs):
            return []
        numbers = [value for _, value in pairs]
        whole = sums_to_one(numbers) or len(pairs) == self.shape.k
        if len(pairs) > 1 and not (whole or named or self.lines or id(data) in self.torn):
            self.sure = False
        if len(pairs) < len([k for k in data if not kind_of(str(k)) & {REASONING}]):
            self.remarks.append("total left out")
        return [Entry(key.strip(), value, None, self.repairs) for key, value in pairs]

    # --- one candidate -----------------------------------------------------------------------

    def _is_candidate(self, item: Any) -> bool:
        """Whether an object has a text and a probability of its own."""
        if not isinstance(item, dict):
            return False
        number = self._number_key(item)
        if number is None:
            return False
        text = self._text_key({key: value for key, value in item.items() if key != number})
        return text is not None and not isinstance(item[text], list)

    def _entry(self, item: Any) -> Entry | None:
        if isinstance(item, dict):
            return self._of_object(item)
        if isinstance(item, list):
            return self._pair(item) if _is_pair(item) else None
        if item is None or isinstance(item, bool) or item == "":
            return None
        if isinstance(item, str):
            return Entry(item.strip(), None, None, self.repairs)
        return Entry(_text(item), None, item, self.repairs)

    def _pair(self, item: Sequence[Any]) -> Entry:
        """``["text", 0.2]``, in either order, perhaps with an ordinal."""
        at = next((i for i in range(len(item) - 1, -1, -1) if _is_number(item[i]) and i != 0), None)
        texts = [value for i, value in enumerate(item) if i != at and isinstance(value, str)]
        if at is None or (not texts and len(item) == 2 and isinstance(item[at], str)):
            at = 0
            texts = [value for value in item[1:] if isinstance(value, str)]
        content = texts[0] if texts else next(v for i, v in enumerate(item) if i != at)
        self.unproven |= not texts
        return Entry(_text(content), item[at], None, self.repairs)

    def _of_object(self, item: dict[str, Any]) -> Entry | None:  # noqa: C901
        repairs = (*self.repairs, CUT_OFF) if id(item) in self.torn else self.repairs
        asked = item.keys() == _AS_ASKED and isinstance(item["text"], str) and not self.shape.fields
        if asked and not isinstance(item["probability"], (dict, list)):
            return Entry(item["text"].strip(), item["probability"], None, repairs)
        key = self._number_key(item)
        rest = {name: value for name, value in item.items() if name != key}
        probability = item.get(key) if key is not None else None
        fields = self.shape.fields
        record = len(fields) > 1 and all(name in rest for name in fields)
        if record:
            content: Any = {name: rest.pop(name) for name in fields}
        else:
            name = self._text_key(rest)
            if name is None:
                return self._one_pair(item, repairs)
            content = rest.pop(name)
            if key is not None and not kind_of(name) & _CONTENT and PROBABILITY not in kind_of(key):
                self.unproven |= name not in fields and key.lower() != self._wanted
            if not kind_of(name) & _CONTENT and name not in fields and len(rest) > 0:
                strings = [k for k, v in rest.items() if isinstance(v, str) and not _is_aside(k)]
                if strings:
                    repairs = (*repairs, ASSUMED.format(name))
        typed = self.shape.schema is not None  # then what is in the object is the user's
        if key is None and not typed:  # {"response": {"text": …, "probability": …}}
            if isinstance(content, dict) and not record:
                inner = self._of_object(content)
                if inner is not None and inner.probability is not None:
                    return inner
            for name, value in rest.items():  # {"text": …, "metadata": {"probability": …}}
                nested = self._number_key(value) if isinstance(value, dict) else None
                if (
                    nested is not None
                    and self._text_key({k: v for k, v in value.items() if k != nested}) is None
                ):
                    probability = value[nested]
                    rest = {k: v for k, v in rest.items() if k != name}
                    break
        if isinstance(probability, list) and len(probability) == 1:
            probability = probability[0]
        if isinstance(probability, dict):
            probability = next((v for v in probability.values() if _is_number(v)), None)
        if isinstance(content, dict) and not typed and len(fields) < 2:
            name = self._text_key(content)
            if name is not None and isinstance(content[name], str) and kind_of(name) & {TEXT}:
                rest, content = (
                    {**rest, **{k: v for k, v in content.items() if k != name}},
                    content[name],
                )
        if isinstance(content, str):
            return Entry(content.strip(), probability, None, repairs, rest)
        return Entry(_text(content), probability, content, repairs, rest)

    def _one_pair(self, item: Mapping[str, Any], repairs: tuple[str, ...]) -> Entry | None:
        """``{"Paris": 0.5}``, one of a list."""
        if len(item) != 1:
            return None
        ((key, value),) = item.items()
        if not _is_number(value) or PROBABILITY in kind_of(str(key)):
            return None
        return Entry(str(key).strip(), value, None, repairs)

    @property
    def _wanted(self) -> str:
        return self.shape.definition.key if self.shape.definition else ""

    def _number_key(self, item: Mapping[str, Any]) -> str | None:
        """The key of the probability: that of the definition, then a sure one, then a weak one."""
        best, rank = None, 9
        wanted = self._wanted
        for key in item:
            kinds = kind_of(str(key))
            if not kinds & _NUMBER or str(key) in self.shape.fields:
                continue
            value = item[key]
            if (isinstance(value, list) and len(value) != 1) or (
                isinstance(value, str) and len(value) > 80
            ):
                continue
            if isinstance(value, dict) and not any(map(_is_number, value.values())):
                continue
            found = _rank(str(key).lower(), kinds, wanted)
            if found < rank:
                best, rank = key, found
        return best

    def _text_key(self, item: Mapping[str, Any]) -> str | None:  # noqa: C901
        for name in self.shape.fields:
            if name in item and item[name] is not None:
                return name
        best, rank = None, 99
        strings = []
        others = []
        for key, value in item.items():
            if isinstance(value, str) and kind_of(str(key)) & _NAMES_OF and value:
                others.append(key)
            if value is None or value == "":
                continue
            kinds = kind_of(str(key))
            found = _text_rank(str(key).lower(), kinds)
            if found and isinstance(value, (int, float)) and " " in str(key).strip():
                continue  # the key of a mapping
            if found < rank and not (found >= _LAST_RANKS and not isinstance(value, str)):
                best, rank = key, found
            if isinstance(value, str) and not kinds & _ASIDE_TEXT:
                strings.append(key)
        if best is not None:
            return best
        if strings or len(others) != 1:
            return strings[0] if strings else None
        return others[0]


_NAMES_OF = frozenset((META, EXPLANATION))
_AS_ASKED = {"text", "probability"}
_NUMBER = frozenset((PROBABILITY, WEAK))
_CONTENT = frozenset((TEXT, CANDIDATE))
_NAMING = frozenset((TEXT, CANDIDATE, LIST, FINAL, PROBABILITY))
_ASIDE = frozenset((REASONING, REFUSAL, TOTAL))
_ASIDE_TEXT = frozenset((REASONING, META, EXPLANATION, REFUSAL, TOTAL))
_NAMED_LIKE = re.compile(r"response|sample|candidate|answer|distribution", re.I)
_VAGUE = frozenset(("name", "title", "message", "value", "code", "line", "body", "output", "result",
                    "string", "state", "city", "item", "case", "version", "example"))  # fmt: skip
"""Keys that name a content so vaguely that they alone make no candidate."""
_FIRST = ("text", "response", "answer", "content", "completion", "output", "candidate", "result")
_LAST_RANKS = 20
_ENCODED_CANDIDATES = re.compile(r"\"[^\"]{1,60}\"\s*:|\[\s*[\[\"{]")


def _is_aside(key: str) -> bool:
    return bool(kind_of(str(key)) & _ASIDE_TEXT)


def _rank(name: str, kinds: frozenset[str], wanted: str) -> int:
    if name == wanted:
        return 0
    if name == "probability":
        return 1
    return 2 if PROBABILITY in kinds else 3


def _text_rank(name: str, kinds: frozenset[str]) -> int:
    """How well a key says that it holds a candidate's text; the least is the best."""
    if name in _FIRST:
        return _FIRST.index(name)
    if TEXT in kinds and name not in _VAGUE:
        return 10 if not kinds & _ASIDE_TEXT else 15
    if TEXT in kinds:
        return 12
    if CANDIDATE in kinds and not kinds & {META}:
        return _LAST_RANKS
    return 99


def _is_number_key(name: str) -> bool:
    return bool(kind_of(name) & _NUMBER) or bool(kind_of(name.removesuffix("s")) & _NUMBER)


def _has_numbers(data: Any) -> bool:
    if isinstance(data, str):
        return True
    items = data if isinstance(data, list) else list(data.values())
    return any(isinstance(item, (dict, list, str)) for item in items[:3]) or any(
        map(_is_number, items[:3])
    )


def _scalars(values: Sequence[Any]) -> bool:
    return not any(isinstance(value, (dict, list)) for value in values)


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) < 40 and _NUMERIC.match(value.strip()) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_pair(item: Sequence[Any]) -> bool:
    """Whether a list is a text with its number, perhaps with an ordinal in front."""
    if not 2 <= len(item) <= 4 or not _scalars(item):
        return False
    numbers = sum(_is_number(value) for value in item)
    texts = sum(isinstance(value, str) and not _is_number(value) for value in item)
    return (numbers >= 1 and texts >= 1) or (numbers == 2 == len(item) and _fraction(item[1]))


def _fraction(value: Any) -> bool:
    return isinstance(value, float) and 0 <= value <= 1


_NUMERIC = re.compile(
    r"[~≈]?\s*\d*[.,/]?\d+(?:[eE]-?\d+)?\s*(?:%|％|percent)?"
    r"(?:\s*\((?:approx\.?|estimated?|high|low|medium|rough(?:ly)?)\))?\Z"
)
_NUMBERED = re.compile(r"\s*([^\W\d]*)[ _.#-]*(\d{1,4})\s*\Z")


def _text(content: Any) -> str:
    return content.strip() if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _marked(entry: Entry, repair: str) -> Entry:
    return entry._replace(repairs=(*entry.repairs, repair))


def _with_number(entry: Entry | None, number: Any) -> Entry | None:
    if entry is None or entry.probability is not None:
        return entry
    return entry._replace(probability=number)


def _are_named_pairs(items: Sequence[Any]) -> bool:
    """Whether all items are a text and a fraction under the same two keys that say nothing."""
    if len(items) < 2 or not all(isinstance(item, dict) and len(item) == 2 for item in items):
        return False
    keys = list(items[0])
    if any(kind_of(str(key)) & _NUMBER for key in keys):
        return False
    return all(
        list(item) == keys
        and isinstance(item[keys[0]], str)
        and isinstance(item[keys[1]], (int, float))
        for item in items
    )


def _is_conversation(items: Sequence[Any]) -> bool:
    return all(isinstance(item, dict) and "role" in item for item in items)


def _at_most_one(entries: Sequence[Entry]) -> bool:
    values = [value for value, _ in read_probabilities([entry.probability for entry in entries])]
    numeric = all(_NUMERIC.match(entry.text) for entry in entries) or not entries[0].metadata
    total = sum(value or 0.0 for value in values)
    return 0.94 <= total <= 1.06 if numeric else total <= 1.06


_LETTERED = re.compile(r"(?:[^\W\d_]+[ _-]?)?(?:[A-Za-z]|\d{1,4})\Z")
_PLACEHOLDER = re.compile(
    r"(?:[.…]{2,6}|…|[<\[{(«]\s*(?:your|the|insert|first|second|third|next|another)?\s*"
    r"(?:response|answer|text|joke|story|content|candidate|string|reply|completion)s?"
    r"(?:\s?(?:here|text|\d{1,2}|one|two))?\s*[>\]})»]|your (?:response|answer|text)(?: here)?)\Z",
    re.I,
)


def is_placeholder(text: str) -> bool:
    """Whether a text only stands for one, as in the format that a model echoes."""
    return len(text) < 60 and _PLACEHOLDER.match(text) is not None
