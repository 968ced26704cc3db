"""What the words of a prompt ask for.

Of a format that is registered its own instructions are looked for, whoever made it and whatever
they say. A prompt that was pasted, say from the paper, is understood by the words that people use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from vs_core.formats.base import Format, Shape, format_of
from vs_core.plugins import plugins
from vs_core.probabilities import DEFINITIONS, Definition
from vs_core.testing.asked import Asked

__all__ = ["PROBABILITY", "continued", "embedded_schema", "format_in", "instructed", "own_words"]

_NUMBER_WORDS = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
)  # fmt: skip
_NUMBER = rf"(\d{{1,4}}|{'|'.join(_NUMBER_WORDS)})"
_ASKING = r"(?:give|generate|provide|tell|write|suggest|name|list|propose)(?: (?:me|us))?"
_RESPONSES = r"(?:responses|answers|candidates|samples|completions|items|variations)"
_COUNTS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b{_ASKING} {_NUMBER} (?:more|in their place)\b",
        rf"\({_NUMBER} in all\)",
        rf"\b{_NUMBER}\b (?:\w+ ){{0,2}}{_RESPONSES}\b",
        rf"\b{_ASKING} {_NUMBER} (?:[\w-]+ ){{0,3}}?[\w-]+s\b",
    )
)
_THRESHOLD = re.compile(
    r"probabilit[^.\n]{0,80}?\b(?:below|less than|under|smaller than) "
    r"(\d*\.?\d+(?:e-\d+)?) ?(%|percent)?",
    re.IGNORECASE,
)
PROBABILITY = re.compile(
    r"probabilit|\bconfidence\b|\bnll\b|log-likelihood|perplexity", re.IGNORECASE
)
_REASONING = re.compile(r"\breasoning\b", re.IGNORECASE)
_FORMAT_WORDS = {
    "tags": re.compile(r"<response>", re.IGNORECASE),
    "json": re.compile(r"\bjson\b", re.IGNORECASE),
    "lines": re.compile(r"numbered list", re.IGNORECASE),
    "rows": re.compile(r"\bone (?:on|per) (?:each )?line\b", re.IGNORECASE),
}
_MOST_NUMBERS = 20


class OwnWords(NamedTuple):
    """A format whose instructions stand in a text, and the shape that they are for."""

    format: Format
    shape: Shape


def own_words(text: str) -> OwnWords | None:
    """Return the registered format that a text asks for by the format's own instructions."""
    return _own_words(text, tuple(plugins.table("formats")))


@lru_cache(maxsize=1024)
def _own_words(text: str, known: tuple[str, ...]) -> OwnWords | None:
    schema = embedded_schema(text)
    # Where a format does not say some of it in its instructions, what the words say decides.
    count, definition = _count(text), _definition(text)
    found = [
        (
            (size, shape.definition == definition, shape.k == count,
             shape.reasoning == bool(_REASONING.search(text))),
            OwnWords(format, shape),
        )
        for format in map(format_of, known)
        for shape in _shapes(text, schema)
        if (size := len(said := format.instructions(shape))) and said in text
    ]  # fmt: skip
    return max(found, key=lambda each: each[0])[1] if found else None


def _shapes(text: str, schema: Mapping[str, Any] | None) -> Iterator[Shape]:
    """The shapes that a text can be about."""
    numbers = dict.fromkeys(int(number) for number in re.findall(r"(?<!\d)\d{1,4}(?!\d)", text))
    for k in [*numbers][:_MOST_NUMBERS]:
        for definition in (None, *DEFINITIONS.values()):
            yield Shape(k, definition, reasoning=False, schema=schema)
            yield Shape(k, definition, reasoning=True, schema=schema)


def instructed(text: str) -> Asked:
    """Return what instructions ask for; about what is not known yet."""
    said = own_words(text)
    if said is not None:
        shape = said.shape
        return Asked(
            task="",
            k=shape.k,
            definition=shape.definition,
            format=said.format.name,
            reasoning=shape.reasoning,
            threshold=_threshold(text),
            schema=shape.schema,
        )
    k = _count(text)
    return Asked(
        task="",
        k=k,
        definition=_definition(text) if k else None,
        format=format_in(text) or "lines",
        reasoning=k is not None and _REASONING.search(text) is not None,
        threshold=_threshold(text),
        schema=embedded_schema(text) if k else None,
    )


def continued(asked: Asked, text: str) -> Asked:
    """Return what is asked for after a further turn: what that leaves open stays as it was."""
    said = own_words(text)
    if said is not None:
        return replace(
            asked,
            k=said.shape.k,
            definition=said.shape.definition,
            format=said.format.name,
            threshold=_threshold(text) or asked.threshold,
            schema=said.shape.schema or asked.schema,
        )
    k = _count(text)
    if k == 1 and asked.definition is None and format_in(text) is None:
        k = None  # one more, with neither probability nor format, is a plain answer
    elif k is None:
        k = asked.k
    meant = next((d for d in DEFINITIONS.values() if d.meaning in text), None)
    return replace(
        asked,
        k=k,
        definition=meant or asked.definition or (_definition(text) if k else None),
        format=format_in(text) or asked.format,
        threshold=_threshold(text) or asked.threshold,
        schema=embedded_schema(text) or asked.schema,
    )


def _count(text: str) -> int | None:
    for pattern in _COUNTS:
        match = pattern.search(text)
        if match:
            word = match[1].lower()
            count = int(word) if word.isdigit() else _NUMBER_WORDS.index(word) + 1
            return max(1, count)
    return None


def format_in(text: str) -> str | None:
    """Return the format that a text asks for in words of a person's."""
    words = _FORMAT_WORDS.items()
    return next((name for name, pattern in words if pattern.search(text)), None)


def _threshold(text: str) -> float | None:
    match = _THRESHOLD.search(text)
    if match is None:
        return None
    return (float(match[1]) / (100 if match[2] else 1)) or None


def _definition(text: str) -> Definition | None:
    """The probability that a text asks for; None if it asks for none."""
    for definition in DEFINITIONS.values():
        if definition.meaning in text:
            return definition
    for name, pattern in (
        ("nll", r"\bnll\b|negative log"),
        ("perplexity", r"perplexity"),
        ("percentage", r"percent"),
        ("confidence", r"\bconfidence\b"),
    ):
        if re.search(pattern, text, re.IGNORECASE) and PROBABILITY.search(text):
            return DEFINITIONS[name]
    return DEFINITIONS["explicit"] if PROBABILITY.search(text) else None


def embedded_schema(text: str) -> Mapping[str, Any] | None:
    """The JSON schema that a text quotes, if it quotes one."""
    marker = text.find("JSON schema: ")
    if marker < 0:
        return None
    try:
        schema, _ = json.JSONDecoder().raw_decode(text, marker + len("JSON schema: "))
    except ValueError:
        return None
    return schema if isinstance(schema, dict) else None
