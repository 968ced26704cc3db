"""Decoded JSON as an answer: where its candidates are, whatever the keys are called."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from vs_core.formats.base import CUT_OFF, Answer, Entry, Shape
from vs_core.formats.loose import Loose
from vs_core.formats.words import is_probability_word

__all__ = ["interpret"]

LIST_KEYS = (
    "responses", "candidates", "answers", "samples", "completions", "items", "results", "outputs",
    "options", "list", "output", "result", "response", "answer", "data",
)  # fmt: skip
TEXT_KEYS = (
    "text", "response", "answer", "content", "completion", "output", "candidate", "result",
    "message", "value", "item", "option", "sample", "joke", "story", "poem", "query", "question",
    "name", "title",
)  # fmt: skip
PROBABILITY_KEYS = (
    "probability", "prob", "p", "likelihood", "confidence", "percentage", "weight", "score",
    "nll", "negative_log_likelihood", "perplexity", "ppl",
)  # fmt: skip
ERROR_KEYS = ("error", "errors", "detail", "usage")
METADATA_KEYS = (
    "id", "index", "rank", "number", "no", "type", "category", "label", "style", "explanation",
    "note", "notes", "code", "status", "count", "k", "total", "error", "message", "justification",
)  # fmt: skip
REASONING_KEYS = ("reasoning", "thoughts", "thought", "thinking", "rationale", "analysis")


def interpret(found: Loose, shape: Shape, *, lines: bool = False) -> Answer | None:
    """Return the candidates in decoded JSON; None if it holds none.

    Args:
        found: What was read.
        shape: What was asked for.
        lines: Whether there is other JSON beside it, as in JSON Lines: then an object that the text
            ends in may be a candidate that did not get to its probability.
    """
    reader = _DataReader(shape, tuple(found.repairs), found.torn, lines)
    entries = reader.entries(found.value, 0)
    return Answer(entries, reader.reasoning) if entries else None


class _DataReader:
    """Finds candidates in decoded JSON, whatever its keys are called."""

    def __init__(self, shape: Shape, repairs: tuple[str, ...], torn: set[int], lines: bool) -> None:
        self.shape = shape
        self.lines = lines
        self.repairs = tuple(repair for repair in repairs if repair != CUT_OFF)
        self.torn = torn
        self.reasoning: str | None = None
        self.text_keys = (*shape.fields, *TEXT_KEYS)

    def entries(self, data: Any, depth: int) -> list[Entry]:
        """The candidates in a list, or in an object that is or holds one."""
        if isinstance(data, list):
            return self._of_list(data)
        if not isinstance(data, dict) or depth > 5 or not data:
            return []
        self._note_reasoning(data)
        return (
            self._listed(data, depth)
            or self._parallel(data)
            or self._numbered(data)
            or self._single(data, depth)
            or self._mapped(data)
        )

    def _note_reasoning(self, data: Mapping[str, Any]) -> None:
        for key, value in data.items():
            if _name(key) in REASONING_KEYS and isinstance(value, (str, list)) and value:
                text = value if isinstance(value, str) else "\n".join(map(str, value))
                self.reasoning = self.reasoning or text

    def _of_list(self, items: list[Any]) -> list[Entry]:
        found = [self._entry(item) for item in items]
        entries = [entry for entry in found if entry is not None]
        if id(items) in self.torn and entries and not isinstance(items[-1], (dict, list)):
            entries[-1] = _marked(entries[-1], CUT_OFF)
        return entries

    # --- objects -----------------------------------------------------------------------------

    def _listed(self, data: Mapping[str, Any], depth: int) -> list[Entry]:
        """``{"responses": […]}``, under any name, and inside wrappers."""
        if self._probability_key(data) is not None:
            return []
        inner = [
            (key, value)
            for key, value in data.items()
            if isinstance(value, (dict, list)) and _name(key) not in REASONING_KEYS + ERROR_KEYS
        ]
        lists = [value for _, value in inner if isinstance(value, list)]
        if len(lists) == 2 and len(lists[0]) == len(lists[1]) and _scalars(lists[0] + lists[1]):
            return []  # parallel arrays
        inner.sort(key=lambda pair: _name(pair[0]) not in LIST_KEYS)
        if len(inner) > 1 and all(isinstance(value, dict) for _, value in inner):
            return []  # numbered candidates
        for _, value in inner:
            found = self.entries(value, depth + 1)
            if found:
                return found
        return []

    def _parallel(self, data: Mapping[str, Any]) -> list[Entry]:
        """``{"texts": […], "probabilities": […]}``."""
        lists = [(_name(k), v) for k, v in data.items() if isinstance(v, list) and _scalars(v)]
        named = (v for k, v in lists if _is_probability_key(k) or _is_probability_key(k[:-1]))
        numbers = next(named, None)
        texts = next((v for _, v in lists if v is not numbers), None)
        if numbers is None or texts is None or not self.shape.definition:
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
            match[2]: data[key]
            for key, match in numbered.items()
            if _is_probability_key(_name(match[1]))
        }
        found = [
            _with_number(self._entry(data[key]), numbers.get(match[2]))
            for key, match in numbered.items()
            if not _is_probability_key(_name(match[1]))
        ]
        return [entry for entry in found if entry is not None]

    def _single(self, data: Mapping[str, Any], depth: int) -> list[Entry]:
        """An object that is itself a candidate."""
        known = self.shape.definition is None or self._probability_key(data) is not None
        if depth == 0 and not known and not (self.lines and id(data) in self.torn):
            return []  # one text in an object is an answer, but no distribution
        entry = self._entry(data)
        return [] if entry is None else [entry]

    def _mapped(self, data: Mapping[str, Any]) -> list[Entry]:
        """``{"text": 0.2, "other text": 0.1}``."""
        pairs = [(k, v) for k, v in data.items() if _name(k) not in REASONING_KEYS]
        if not self.shape.definition or not all(_is_number(value) for _, value in pairs):
            return []
        if any(_name(key) in METADATA_KEYS for key, _ in pairs):
            return []
        return [Entry(key.strip(), value, None, self.repairs) for key, value in pairs]

    # --- one candidate -----------------------------------------------------------------------

    def _entry(self, item: Any) -> Entry | None:
        if isinstance(item, dict):
            return self._of_object(item)
        if isinstance(item, list) and len(item) == 2 and _is_number(item[1]):
            return Entry(_text(item[0]), item[1], None, self.repairs)
        if item is None or isinstance(item, (bool, list)) or item == "":
            return None
        if isinstance(item, str):
            return Entry(item.strip(), None, None, self.repairs)
        return Entry(_text(item), None, item, self.repairs)

    def _of_object(self, item: dict[str, Any]) -> Entry | None:
        repairs = (*self.repairs, CUT_OFF) if id(item) in self.torn else self.repairs
        if item.keys() == _AS_ASKED and isinstance(item["text"], str) and not self.shape.fields:
            return Entry(item["text"].strip(), item["probability"], None, repairs)
        key = self._probability_key(item)
        rest = {name: value for name, value in item.items() if name != key}
        probability = item.get(key) if key is not None else None
        fields = self.shape.fields
        if len(fields) > 1 and all(name in rest for name in fields):
            content: Any = {name: rest.pop(name) for name in fields}
        else:
            name = self._text_key(rest)
            if name is None:
                return None
            content = rest.pop(name)
        typed = self.shape.schema is not None  # then what is in the object is the user's
        if (
            isinstance(content, dict) and key is None and not typed
        ):  # {"response": {"text": …, "probability": …}}
            inner = self._of_object(content)
            if inner is not None and inner.probability is not None:
                return inner
        if isinstance(content, str):
            return Entry(content.strip(), probability, None, repairs, rest)
        return Entry(_text(content), probability, content, repairs, rest)

    def _probability_key(self, item: Mapping[str, Any]) -> str | None:
        keys = [key for key in item if _is_probability_key(_name(key))]
        keys = [key for key in keys if key not in self.shape.fields]
        return min(keys, key=lambda key: _rank(_name(key)), default=None)

    def _text_key(self, item: Mapping[str, Any]) -> str | None:
        names = {_name(key): key for key in reversed(list(item))}
        usual = (names[word] for word in self.text_keys if word in names)
        known = next((key for key in usual if item[key] is not None), None)
        if known is not None:
            return known
        strings = [
            key
            for key, value in item.items()
            if isinstance(value, str) and _name(key) not in REASONING_KEYS + METADATA_KEYS
        ]
        return strings[0] if len(strings) == 1 else None


_AS_ASKED = {"text", "probability"}


def _name(key: Any) -> str:
    return str(key).strip().lower()


def _is_probability_key(name: str) -> bool:
    return name in PROBABILITY_KEYS or "prob" in name or is_probability_word(name)


def _rank(name: str) -> int:
    return PROBABILITY_KEYS.index(name) if name in PROBABILITY_KEYS else len(PROBABILITY_KEYS)


def _scalars(values: Sequence[Any]) -> bool:
    return not any(isinstance(value, (dict, list)) for value in values)


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return _NUMERIC.match(value.strip()) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_NUMERIC = re.compile(r"[~≈]?\s*\d*[.,/]?\d+(?:[eE]-?\d+)?\s*%?\Z")
_NUMBERED = re.compile(r"\s*([^\W\d]*)[ _.#-]*(\d{1,4})\s*\Z")


def _text(content: Any) -> str:
    return content.strip() if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _marked(entry: Entry, repair: str) -> Entry:
    return entry._replace(repairs=(*entry.repairs, repair))


def _with_number(entry: Entry | None, number: Any) -> Entry | None:
    if entry is None or entry.probability is not None:
        return entry
    return entry._replace(probability=number)
