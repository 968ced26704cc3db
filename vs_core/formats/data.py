"""Decoded data as an answer: where its candidates are, whatever the keys are called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import from_json

from vs_core.formats.base import CUT_OFF, Entry, Reading, Shape
from vs_core.formats.candidate_reader import CandidateReader
from vs_core.formats.keys import (
    ASIDE,
    CONTENT,
    NAMING,
    NUMBER,
    NUMERIC,
    VAGUE,
    is_number,
    is_number_key,
    is_pair,
    number_key,
)
from vs_core.formats.lenient_json import Lenient, read_leniently
from vs_core.formats.mappings import keyed, numbered, parallel
from vs_core.formats.numbers import BARE, trailing
from vs_core.formats.running_text import sums_to_one
from vs_core.probabilities import read_probabilities
from vs_core.words import (
    DRAFT,
    FINAL,
    LIST,
    PROBABILITY,
    REASONING,
    REFUSAL,
    TEXT,
    TOTAL,
    WEAK,
    kind_of,
)

__all__ = ["JOINED", "interpret"]

JOINED = "sections joined"
_ENCODED = frozenset(
    ("arguments", "input", "parameters", "content", "function", "message", "output", "result",
     "text", "response", "answer", "json", "data", "body", "args", "params", "raw")
)  # fmt: skip
"""Keys whose string may itself be JSON that holds the candidates."""
_MOST_WRAPPERS = 6
_NAMED_LIKE = re.compile(r"response|sample|candidate|answer|distribution", re.I)
_ENCODED_CANDIDATES = re.compile(r"\"[^\"]{1,60}\"\s*:|\[\s*[\[\"{]")


def interpret(found: Lenient, shape: Shape, *, lines: bool = False) -> Reading | None:
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
    return Reading(entries, reader.reasoning, tuple(dict.fromkeys(reader.remarks)), reader.sure)


class _DataReader:
    """Finds candidates in decoded data, whatever its keys are called."""

    def __init__(self, shape: Shape, repairs: tuple[str, ...], torn: set[int], lines: bool) -> None:
        self.shape = shape
        self.lines = lines
        kept = tuple(repair for repair in repairs if repair != CUT_OFF)
        self.one = CandidateReader(shape, kept, torn)
        self.reasoning: str | None = None
        self.remarks: list[str] = []
        self.sure = True

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
        nested = any(isinstance(value, (dict, list)) for value in data.values())
        return (
            (nested and parallel(data, self.one))
            or self._listed(data, depth, named=named)
            or numbered(data, self.one)
            or (nested and keyed(data, self.one))
            or self._single(data, depth)
            or self._mapped(data, named=named)
        )

    def _note_reasoning(self, data: Mapping[str, Any]) -> None:
        for key, value in data.items():
            if REASONING in kind_of(str(key)) and isinstance(value, (str, list)) and value:
                text = value if isinstance(value, str) else "\n".join(map(str, value))
                self.reasoning = self.reasoning or text

    def _of_list(self, items: list[Any], depth: int, *, named: bool) -> list[Entry]:
        if is_pair(items):
            return [self.one.pair(items)] if self.lines or depth else []
        items = self._without_header(items)
        if _are_named_pairs(items):
            items = [list(item.values()) for item in items]
            self.one.unproven = True
        found = [self.one.entry(item) for item in items]
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
        if self.one.unproven and not _at_most_one(entries) and len(entries) != self.shape.k:
            self.sure = False
        if id(items) in self.one.torn and not isinstance(items[-1], (dict, list)):
            entries[-1] = _marked(entries[-1], CUT_OFF)
        return entries

    @staticmethod
    def _without_header(items: list[Any]) -> list[Any]:
        """Rows without the first, where that names the columns."""
        if len(items) > 1 and isinstance(items[0], list) and len(items[0]) > 1:
            head = items[0]
            if all(isinstance(cell, str) for cell in head) and any(map(is_number_key, head)):
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
                key in self.shape.fields or (kind_of(key) & CONTENT and key.lower() not in VAGUE)
                for item in items
                for key in map(str, item)
            )
        return named

    def _listed(self, data: Mapping[str, Any], depth: int, *, named: bool) -> list[Entry]:
        """``{"responses": […]}``, under any name, and inside wrappers; several are joined."""
        inner = [
            (str(key), value)
            for key, value in data.items()
            if isinstance(value, (dict, list)) or self._is_encoded(str(key), value)
        ]
        inner = [(key, value) for key, value in inner if not kind_of(key) & ASIDE]
        if not inner or self.one.is_candidate(data):
            return []
        if len(inner) > 1:
            final = [pair for pair in inner if FINAL in kind_of(pair[0])]
            if final:
                inner = final
            drafts = [pair for pair in inner if DRAFT in kind_of(pair[0])]
            if drafts and len(drafts) < len(inner):
                inner = [pair for pair in inner if pair not in drafts]
        if len(inner) > 1 and all(isinstance(value, dict) for _, value in inner):
            if all(self.one.is_candidate(value) for _, value in inner):
                return []  # numbered candidates
            if all(number_key(value, self.shape) is not None for _, value in inner):
                return []
        return self._joined(inner, depth, named=named)

    def _joined(
        self, parts: Sequence[tuple[str, Any]], depth: int, *, named: bool = False
    ) -> list[Entry]:
        found: list[Entry] = []
        known: set[str] = set()  # what was found, as text: entries cannot be hashed
        sections = 0
        for key, value in sorted(parts, key=lambda pair: LIST not in kind_of(pair[0])):
            said = named or bool(kind_of(key) & NAMING) or _NAMED_LIKE.search(key) is not None
            if found and not said and not _has_numbers(value):
                continue
            sure, self.sure = self.sure, True
            entries = self.entries(value, depth + 1, named=said)
            extra = bool(found) and (
                not self.sure or all(entry.probability is None for entry in entries)
            )
            self.sure = sure if extra or not entries else sure and self.sure
            written = list(map(repr, entries)) if len(parts) > 1 else []
            if found and entries and known.issuperset(written):
                continue  # the best of them, once more
            if entries and not extra:
                found += entries
                known.update(written)
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
            self.one.repairs = (*self.one.repairs, *(r for r in found.repairs if r != CUT_OFF))
        return self.entries(data, depth + 1, named=True)

    def _single(self, data: dict[str, Any], depth: int) -> list[Entry]:
        """An object that is itself a candidate."""
        known = self.shape.definition is None or number_key(data, self.shape) is not None
        if depth == 0 and not known and not (self.lines and id(data) in self.one.torn):
            return []  # one text in an object is an answer, but no distribution
        if depth and not known:
            return []
        if any(REFUSAL in kind_of(str(key)) for key in data):
            return []
        entry = self.one.of_object(data)
        if entry is None:
            return []
        number = number_key(data, self.shape)
        if number is not None and PROBABILITY not in kind_of(number):
            text = next((k for k in data if kind_of(str(k)) & {TEXT}), None)
            strong = text is not None and str(text).lower() not in VAGUE
            wanted = self.shape.definition and self.shape.definition.key == number.lower()
            if not (strong or wanted or self.shape.k == 1 or self.lines):
                return []
        return [entry]

    def _mapped(self, data: Mapping[str, Any], *, named: bool) -> list[Entry]:
        """``{"text": 0.2, "other text": 0.1}``: by k, by their sum, or because it was asked for."""
        said = [(str(k), v) for k, v in data.items() if REASONING not in kind_of(str(k))]
        pairs = [(k, v) for k, v in said if not (TOTAL in kind_of(k) and len(data) != 2)]
        if not pairs or not self.shape.definition or not all(is_number(v) for _, v in pairs):
            return []
        if len(pairs) < 2:
            if not (self.lines or named) or WEAK in kind_of(pairs[0][0]):
                return []
            self.sure = named
        if any(is_number_key(key) and PROBABILITY in kind_of(key) for key, _ in pairs):
            return []
        numbers = [value for _, value in pairs]
        whole = sums_to_one(numbers) or len(pairs) == self.shape.k
        if len(pairs) > 1 and not (whole or named or self.lines or id(data) in self.one.torn):
            self.sure = False
        if len(pairs) < len(said):
            self.remarks.append("total left out")
        return [Entry(key.strip(), value, None, self.one.repairs) for key, value in pairs]


def _has_numbers(data: Any) -> bool:
    if not isinstance(data, (list, dict)):
        return isinstance(data, str)
    items = data if isinstance(data, list) else list(data.values())
    return any(isinstance(item, (dict, list, str)) for item in items[:3]) or any(
        map(is_number, items[:3])
    )


def _marked(entry: Entry, repair: str) -> Entry:
    return entry._replace(repairs=(*entry.repairs, repair))


def _are_named_pairs(items: Sequence[Any]) -> bool:
    """Whether all items are a text and a fraction under the same two keys that say nothing."""
    if len(items) < 2 or not all(isinstance(item, dict) and len(item) == 2 for item in items):
        return False
    keys = list(items[0])
    if any(kind_of(str(key)) & NUMBER for key in keys):
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
    numeric = all(NUMERIC.match(entry.text) for entry in entries) or not entries[0].metadata
    total = sum(value or 0.0 for value in values)
    return 0.94 <= total <= 1.06 if numeric else total <= 1.06
