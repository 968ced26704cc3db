"""Objects that hold several candidates: columns, numbered keys, a key for each candidate."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from vs_core.formats.base import Entry
from vs_core.formats.candidate_reader import CandidateReader, as_text
from vs_core.formats.keys import (
    ASIDE,
    CONTENT,
    NAMING,
    VAGUE,
    are_scalars,
    is_number,
    is_number_key,
    number_key,
    text_key,
)
from vs_core.words import META, TEXT, kind_of

__all__ = ["keyed", "numbered", "parallel"]

_NUMBERED = re.compile(r"\s{0,9}([^\W\d]{0,60})[ _.#-]{0,9}(\d{1,4})\s{0,9}\Z")
_LETTERED = re.compile(r"(?:[^\W\d_]+[ _-]?)?(?:[A-Za-z]|\d{1,4})\Z")


def parallel(data: Mapping[str, Any], reader: CandidateReader) -> list[Entry]:
    """Return the candidates of ``{"texts": […], "probabilities": […]}``, also as objects."""
    columns = {
        str(key): list(value.values()) if isinstance(value, dict) else value
        for key, value in data.items()
        if isinstance(value, (list, dict)) and value
    }
    lists = [(key, value) for key, value in columns.items() if are_scalars(value)]
    if len(lists) < 2 or not reader.shape.definition:
        return []
    named = [
        (key, value)
        for key, value in lists
        if is_number_key(key) and isinstance(data[key], (list, dict))
    ]
    if not named:
        return []
    number, numbers = named[0]
    others = [(k, v) for k, v in lists if k != number and not kind_of(k) & {META}]
    others.sort(key=lambda pair: (len(pair[1]) != len(numbers), not kind_of(pair[0]) & NAMING))
    others = [(k, v) for k, v in others if any(not is_number(text) for text in v)] or (
        others if all(isinstance(data[k], list) for k, _ in others) else []
    )
    texts = others[0][1] if others else []
    by_text = data[number]
    if isinstance(by_text, dict):
        if texts and all(isinstance(text, str) and text in by_text for text in texts):
            numbers = [by_text[text] for text in texts]
        elif not texts or not isinstance(data[others[0][0]], dict):
            return []
    elif not texts or isinstance(data[others[0][0]], dict):
        return []
    padded = [*numbers, *[None] * len(texts)]
    return [
        Entry(as_text(text), probability, None, reader.repairs)
        for text, probability in zip(texts, padded, strict=False)
    ]


def numbered(data: Mapping[str, Any], reader: CandidateReader) -> list[Entry]:
    """Return those of ``{"1": {…}, "2": {…}}`` and of ``{"text_1": "…", "probability_1": 0.2}``."""
    keys = {key: match for key in data if (match := _NUMBERED.match(str(key)))}
    if not keys:
        return []
    numbers = {match[2]: data[key] for key, match in keys.items() if is_number_key(match[1])}
    rest = {key: m for key, m in keys.items() if not is_number_key(m[1])}
    if len(rest) > 1 and not numbers and all(is_number(data[key]) for key in rest):
        return []  # names that end in a number
    texts: dict[str, str] = {}
    for key, match in rest.items():  # of several keys with one number the text's
        known = texts.get(match[2])
        if known is None or (kind_of(match[1]) & CONTENT and not kind_of(rest[known][1])):
            texts[match[2]] = key
    found = [
        _with_number(reader.entry(data[key]), numbers.get(number)) for number, key in texts.items()
    ]
    entries = [entry for entry in found if entry is not None]
    if not numbers and all(entry.probability is None for entry in entries):
        return [] if reader.shape.definition and len(entries) < 2 else entries
    return entries


def keyed(data: Mapping[str, Any], reader: CandidateReader) -> list[Entry]:
    """Return those of ``{"A": {"text": …}}`` and of ``{"Paris": {"probability": 0.5}}``."""
    items = [(str(key), value) for key, value in data.items() if not kind_of(str(key)) & ASIDE]
    if not items or not all(isinstance(value, dict) and value for _, value in items):
        return []
    shape = reader.shape
    numbers = [number_key(value, shape) for _, value in items]
    if any(number is None for number in numbers):
        return []
    entries = []
    for (key, value), number in zip(items, numbers, strict=True):
        rest = {k: v for k, v in value.items() if k != number}
        name = text_key(rest, shape.fields)
        if name is not None and _says(name, key, shape.fields):
            entries.append(reader.of_object(value))
        else:
            entries.append(Entry(key.strip(), value[number], None, reader.repairs, rest))
    return [entry for entry in entries if entry is not None]


def _says(name: str, key: str, fields: Sequence[str]) -> bool:
    """Whether the text of an object stands under ``name``, and not in the object's ``key``."""
    if name in fields or (TEXT in kind_of(name) and name.lower() not in VAGUE):
        return True
    return bool(kind_of(name) & CONTENT) and _LETTERED.match(key) is not None


def _with_number(entry: Entry | None, number: Any) -> Entry | None:
    if entry is None or entry.probability is not None:
        return entry
    return entry._replace(probability=number)
