"""One candidate of decoded data: an object, a pair or a text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from typing import Any

from vs_core.formats.base import CUT_OFF, Entry, Shape
from vs_core.formats.keys import (
    CONTENT,
    is_aside,
    is_number,
    is_number_key,
    is_pair,
    number_key,
    text_key,
)
from vs_core.words import PROBABILITY, TEXT, kind_of

__all__ = ["CandidateReader", "as_text"]

ASSUMED = "text taken from {!r}"
_AS_ASKED = {"text", "probability"}


class CandidateReader:
    """Reads single candidates, whatever their keys are called.

    Args:
        shape: What was asked for.
        repairs: What was repaired in the whole; each candidate has it.
        torn: Identities of the objects that the text ends in.

    Attributes:
        unproven: Whether nothing but a sum can tell that these are texts and probabilities.
    """

    def __init__(self, shape: Shape, repairs: tuple[str, ...], torn: Set[int]) -> None:
        self.shape = shape
        self.repairs = repairs
        self.torn = torn
        self.unproven = False

    def is_candidate(self, item: Any) -> bool:
        """Return whether an object has a text and a probability of its own."""
        if not isinstance(item, dict):
            return False
        number = number_key(item, self.shape)
        if number is None or any(map(_is_mapping, item.items())):
            return False
        rest = {key: value for key, value in item.items() if key != number}
        text = text_key(rest, self.shape.fields)
        return text is not None and not isinstance(item[text], list)

    def entry(self, item: Any) -> Entry | None:
        """Return the candidate that one of a list is; None if it is none."""
        if isinstance(item, dict):
            return self.of_object(item)
        if isinstance(item, list):
            return self.pair(item) if is_pair(item) else None
        if item is None or isinstance(item, bool) or item == "":
            return None
        if isinstance(item, str):
            return Entry(item.strip(), None, None, self.repairs)
        return Entry(as_text(item), None, item, self.repairs)

    def pair(self, item: Sequence[Any]) -> Entry:
        """Return the candidate of ``["text", 0.2]``, in either order, perhaps with an ordinal."""
        at = next((i for i in range(len(item) - 1, -1, -1) if is_number(item[i]) and i != 0), None)
        texts = [value for i, value in enumerate(item) if i != at and isinstance(value, str)]
        if at is None or (not texts and len(item) == 2 and isinstance(item[at], str)):
            at = 0
            texts = [value for value in item[1:] if isinstance(value, str)]
        content = texts[0] if texts else next(v for i, v in enumerate(item) if i != at)
        self.unproven |= not texts
        return Entry(as_text(content), item[at], None, self.repairs)

    def of_object(self, item: dict[str, Any]) -> Entry | None:
        """Return the candidate that an object is; None if it is none."""
        repairs = (*self.repairs, CUT_OFF) if id(item) in self.torn else self.repairs
        if self._is_as_asked(item):
            return Entry(item["text"].strip(), item.get("probability"), None, repairs)
        key = number_key(item, self.shape)
        rest = {name: value for name, value in item.items() if name != key}
        probability = item[key] if key is not None else None
        if self._is_record(rest):
            content: Any = {name: rest.pop(name) for name in self.shape.fields}
            inner = None
        else:
            name = text_key(rest, self.shape.fields)
            if name is None:
                return self._one_pair(item, repairs)
            content = rest.pop(name)
            repairs = (*repairs, *self._assumed(name, key, rest))
            inner = content
        if key is None and self.shape.schema is None:
            entry = self._nested(inner)
            if entry is not None:
                return entry
            probability, rest = self._nested_number(rest)
        content, rest = self._inner_text(content, rest)
        value = None if isinstance(content, str) else content
        return Entry(as_text(content), _scalar(probability), value, repairs, rest)

    def _is_as_asked(self, item: Mapping[str, Any]) -> bool:
        return (
            item.keys() <= _AS_ASKED
            and isinstance(item.get("text"), str)
            and not self.shape.fields
            and not isinstance(item.get("probability"), (dict, list))
        )

    def _is_record(self, item: Mapping[str, Any]) -> bool:
        """Whether an object has all of several fields that were asked for."""
        return len(self.shape.fields) > 1 and all(name in item for name in self.shape.fields)

    def _assumed(self, name: str, key: str | None, rest: Mapping[str, Any]) -> tuple[str, ...]:
        """What was assumed where the text stands under a ``name`` that does not say so."""
        if kind_of(name) & CONTENT:
            return ()
        asked = name in self.shape.fields
        if key is not None and PROBABILITY not in kind_of(key):
            self.unproven |= not asked and key.lower() != self._wanted
        others = any(isinstance(value, str) and not is_aside(k) for k, value in rest.items())
        return (ASSUMED.format(name),) if others and not asked else ()

    def _nested(self, content: Any) -> Entry | None:
        """``{"response": {"text": …, "probability": …}}``."""
        inner = self.of_object(content) if isinstance(content, dict) else None
        return inner if inner is not None and inner.probability is not None else None

    def _nested_number(self, rest: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """``{"text": …, "metadata": {"probability": …}}``: the number, and what is left."""
        for name, value in rest.items():
            key = number_key(value, self.shape) if isinstance(value, dict) else None
            if key is None:
                continue
            if text_key({k: v for k, v in value.items() if k != key}, self.shape.fields) is None:
                return value[key], {k: v for k, v in rest.items() if k != name}
        return None, rest

    def _inner_text(self, content: Any, rest: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The text of a content that is itself an object, unless that is what was asked for."""
        asked = self.shape.schema is not None or len(self.shape.fields) > 1
        if asked or not isinstance(content, dict):
            return content, rest
        name = text_key(content, self.shape.fields)
        if name is None or not isinstance(content[name], str) or TEXT not in kind_of(name):
            return content, rest
        return content[name], {**rest, **{k: v for k, v in content.items() if k != name}}

    def _one_pair(self, item: Mapping[str, Any], repairs: tuple[str, ...]) -> Entry | None:
        """``{"Paris": 0.5}``, one of a list."""
        if len(item) != 1:
            return None
        ((key, value),) = item.items()
        if not is_number(value) or PROBABILITY in kind_of(str(key)):
            return None
        return Entry(str(key).strip(), value, None, repairs)

    @property
    def _wanted(self) -> str:
        return self.shape.definition.key if self.shape.definition else ""


def _is_mapping(pair: tuple[Any, Any]) -> bool:
    """Whether a key names probabilities, and several texts have theirs under it."""
    key, value = pair
    if not isinstance(value, dict) or len(value) < 2 or not is_number_key(str(key)):
        return False
    return all(map(is_number, value.values()))


def as_text(content: Any) -> str:
    """Return a content as a text: JSON, if it is none."""
    return content.strip() if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _scalar(probability: Any) -> Any:
    """A number that stands in a list or an object of its own."""
    if isinstance(probability, list) and len(probability) == 1:
        probability = probability[0]
    if isinstance(probability, dict):
        return next((v for v in probability.values() if is_number(v)), None)
    return probability
