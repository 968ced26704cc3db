"""What the keys of decoded data say: which names a text, which a number, and what is neither."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from vs_core.formats.base import Shape
from vs_core.words import (
    CANDIDATE,
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

__all__ = [
    "ASIDE",
    "CONTENT",
    "NAMING",
    "NUMBER",
    "NUMERIC",
    "VAGUE",
    "are_scalars",
    "is_aside",
    "is_number",
    "is_number_key",
    "is_pair",
    "number_key",
    "text_key",
]

ASIDE = frozenset((REASONING, REFUSAL, TOTAL))
NAMING = frozenset((TEXT, CANDIDATE, LIST, FINAL, PROBABILITY))
NUMBER = frozenset((PROBABILITY, WEAK))
CONTENT = frozenset((TEXT, CANDIDATE))
_ASIDE_TEXT = frozenset((REASONING, META, EXPLANATION, REFUSAL, TOTAL))
_NAMES_OF = frozenset((META, EXPLANATION))
VAGUE = frozenset(("name", "title", "message", "value", "code", "line", "body", "output", "result",
                    "string", "state", "city", "item", "case", "version", "example"))  # fmt: skip
"""Keys that name a content so vaguely that they alone make no candidate."""
_FIRST = ("text", "response", "answer", "content", "completion", "output", "candidate", "result")
_LAST_RANKS = 20
NUMERIC = re.compile(
    r"[~≈]?\s*\d*[.,/]?\d+(?:[eE]-?\d+)?\s*(?:%|％|percent)?"
    r"(?:\s*\((?:approx\.?|estimated?|high|low|medium|rough(?:ly)?)\))?\Z"
)


def number_key(item: Mapping[str, Any], shape: Shape) -> str | None:
    """Return the key of the probability: the definition's, a sure one, a weak one."""
    best, rank = None, 9
    wanted = shape.definition.key if shape.definition else ""
    for key in item:
        kinds = kind_of(str(key))
        if not kinds & NUMBER or str(key) in shape.fields:
            continue
        value = item[key]
        if (isinstance(value, list) and len(value) != 1) or (
            isinstance(value, str) and len(value) > 80
        ):
            continue
        if isinstance(value, dict) and sum(map(is_number, value.values())) != 1:
            continue
        found = _rank(str(key).lower(), kinds, wanted)
        if found < rank:
            best, rank = key, found
    return best


def _rank(name: str, kinds: frozenset[str], wanted: str) -> int:
    if name == wanted:
        return 0
    if name == "probability":
        return 1
    return 2 if PROBABILITY in kinds else 3


def text_key(item: Mapping[str, Any], fields: Sequence[str]) -> str | None:
    """Return the key of the text: a field asked for, then the best name, then the first string."""
    for name in fields:
        if item.get(name) is not None:
            return name
    best = _best_name(item)
    if best is not None:
        return best
    filled = [key for key, value in item.items() if isinstance(value, str) and value]
    strings = [key for key in filled if not is_aside(key)]
    if strings:
        return strings[0]
    others = [key for key in filled if kind_of(str(key)) & _NAMES_OF]
    return others[0] if len(others) == 1 else None


def _best_name(item: Mapping[str, Any]) -> str | None:
    """The key that says best that it holds a candidate's text."""
    best, rank = None, 99
    for key, value in item.items():
        if value is None or value == "":
            continue
        found = _text_rank(str(key).lower(), kind_of(str(key)))
        if found and isinstance(value, (int, float)) and " " in str(key).strip():
            continue  # the key of a mapping
        if found < rank and not (found >= _LAST_RANKS and not isinstance(value, str)):
            best, rank = key, found
    return best


def _text_rank(name: str, kinds: frozenset[str]) -> int:
    """How well a key says that it holds a candidate's text; the least is the best."""
    if name in _FIRST:
        return _FIRST.index(name)
    if TEXT in kinds and name not in VAGUE:
        return 10 if not kinds & _ASIDE_TEXT else 15
    if TEXT in kinds:
        return 12
    if CANDIDATE in kinds and not kinds & {META}:
        return _LAST_RANKS
    return 99


def is_aside(key: str) -> bool:
    """Return whether a key says that what stands under it is not the text."""
    return bool(kind_of(str(key)) & _ASIDE_TEXT)


def is_number_key(name: str) -> bool:
    """Return whether a key, also in the plural, names a probability."""
    return bool(kind_of(name) & NUMBER) or bool(kind_of(name.removesuffix("s")) & NUMBER)


def are_scalars(values: Sequence[Any]) -> bool:
    """Return whether none of the values is a list or an object."""
    return not any(isinstance(value, (dict, list)) for value in values)


def is_number(value: Any) -> bool:
    """Return whether a value is a number, or a string that says one."""
    if isinstance(value, str):
        return len(value) < 40 and NUMERIC.match(value.strip()) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_pair(item: Sequence[Any]) -> bool:
    """Return whether a list is a text with its number, perhaps with an ordinal in front."""
    if not 2 <= len(item) <= 4 or not are_scalars(item):
        return False
    numbers = sum(is_number(value) for value in item)
    texts = sum(isinstance(value, str) and not is_number(value) for value in item)
    return (numbers >= 1 and texts >= 1) or (numbers == 2 == len(item) and _fraction(item[1]))


def _fraction(value: Any) -> bool:
    return isinstance(value, float) and 0 <= value <= 1
