"""json_repair and LangChain's JsonOutputParser, with a generous reading of the JSON they give."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .figures import Read
from .kinds import Item

ASKED = {"text", "probability"}


def json_repair(answer: str, k: int) -> Read:
    import json_repair as library

    try:
        return _read(library.loads(answer))
    except (ValueError, RecursionError, TypeError, IndexError):
        return Read(None)


def langchain(answer: str, k: int) -> Read:
    from langchain_core.exceptions import OutputParserException
    from langchain_core.output_parsers import JsonOutputParser

    try:
        return _read(JsonOutputParser().parse(answer))
    except (OutputParserException, ValueError, RecursionError):
        return Read(None)


def _read(value: Any) -> Read:
    found = max(_lists(value), key=len, default=[])
    return Read(tuple(found)) if found else Read(None)


def _lists(value: Any) -> Iterable[list[Item]]:
    if isinstance(value, list):
        yield [item for item in map(_item, value) if item]
    if isinstance(value, dict):
        values = list(value.values())
        yield [item for item in map(_item, values) if item]
        pairs = [Item(str(key), _number(x)) for key, x in value.items()]
        if pairs and all(pair.p is not None for pair in pairs):
            yield pairs
        value = values
    if isinstance(value, list):
        for inner in value:
            yield from _lists(inner)


def _item(value: Any) -> Item | None:
    if isinstance(value, dict):
        if value.keys() >= ASKED:  # as a caller reads it who has asked for these keys
            value = {key: value[key] for key in ("text", "probability")}
        value = list(value.values())
    if not isinstance(value, list):
        return None
    texts = [x for x in value if isinstance(x, str) and _number(x) is None]
    texts = texts or [x for x in value if isinstance(x, str)]
    numbers = [n for n in (_number(x) for x in value if x not in texts[:1]) if n is not None]
    if texts and numbers:
        return Item(texts[0], numbers[-1])
    return None


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        match = re.fullmatch(r"\s*~?(\d*\.?\d+)\s*(%?)\s*", value)
        if not match:
            return None
        return float(match[1]) / (100 if match[2] else 1)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    return None
