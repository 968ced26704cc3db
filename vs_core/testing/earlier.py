"""What the assistant said before in a conversation, whatever structure it stood in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vs_core.errors import ParseError
from vs_core.messages import Message
from vs_core.parsing import parse

__all__ = ["candidates_in", "said_before"]


def said_before(messages: Sequence[Message]) -> frozenset[str]:
    """What the assistant said before, candidate by candidate, and every text within those."""
    found: set[str] = set()
    for message in messages:
        if message.role == "assistant":
            text = _unwrapped(message.text)
            try:
                candidates = parse(text)
            except ParseError:
                found.update(_texts(text))
                continue
            for candidate in candidates:
                found.add(candidate.text)
                found.update(_texts(candidate.text if candidate.value is None else candidate.value))
    return frozenset(found)


def candidates_in(text: str) -> int:
    """Return how many candidates an answer holds; 0 if it cannot be read."""
    try:
        return len(parse(_unwrapped(text)))
    except ParseError:
        return 0


def _texts(value: Any) -> Iterator[str]:
    """All strings in a value; a string may be JSON itself."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value
        if value.startswith(("{", "[")):
            try:
                yield from _texts(json.loads(value))
            except (ValueError, RecursionError):
                return


_LAST_ELEMENT = re.compile(r"^<(\w+)>\n(.*)\n</\1>\Z", re.DOTALL | re.MULTILINE)
"""The last field of an answer as XMLAdapter has it written."""


def _unwrapped(text: str) -> str:
    """An earlier answer without the structure of a DSPy adapter around it."""
    text = re.sub(r"\[\[ ## \w+ ## \]\]", "", text).strip()
    element = _LAST_ELEMENT.search(text)
    if element:
        return element[2].strip()
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return text
    values = list(data.values()) if isinstance(data, dict) else []
    # An object with one text, or with the candidates as text behind some reasoning.
    return values[-1] if values and isinstance(values[-1], str) else text
