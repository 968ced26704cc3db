"""Reading a model's answer: detection and recovery over the formats."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vs_core.candidates import Candidate, Distribution
from vs_core.errors import ParseError
from vs_core.formats.base import Answer, Format, Shape
from vs_core.plugins import plugins
from vs_core.probabilities import definition_of, read_probabilities

__all__ = ["DEFAULT_LIMIT", "parse"]

DEFAULT_LIMIT = 10_000_000
"""Characters of the longest answer that is read, unless ``limit`` says otherwise."""


def parse(
    raw: str,
    *,
    format: str | Format | None = None,
    k: int | None = None,
    fields: tuple[str, ...] = (),
    probability: str = "explicit",
    limit: int = DEFAULT_LIMIT,
) -> Distribution:
    """Read a model's answer as a distribution, in whatever format it is written.

    The hints are never needed; they sharpen the choice where an answer can be read in two ways.

    Args:
        raw: The answer.
        format: Name of the format that was asked for, or the format.
        k: Number of candidates that were asked for.
        fields: Names under which the content of a candidate may stand. With several, a candidate
            is a record of them and ``candidate.value`` is a dict.
        probability: Which definition was asked for (see `vs_core.probabilities`).
        limit: Most characters to read.

    Returns:
        The candidates in the order of the answer, at least one.

    Raises:
        ParseError: If the answer holds no distribution; it carries the text and the reason.
        ConfigurationError: If a name is unknown.
    """
    shape = Shape(k=k or 5, definition=definition_of(probability), fields=tuple(fields))
    return read(raw, shape, format, limit=limit)


def read(
    raw: str, shape: Shape, format: str | Format | None = None, *, limit: int = DEFAULT_LIMIT
) -> Distribution:
    """Read an answer by the `Shape` it was asked for; see `parse`."""
    if not isinstance(raw, str):
        raise ParseError(f"an answer is a string, not {type(raw).__name__}", repr(raw))
    if len(raw) > limit:
        raise ParseError(
            f"the answer has {len(raw):,} characters, over the limit of {limit:,}", raw
        )
    if not raw.strip():
        raise ParseError("the answer is empty", raw)
    ladder = list(_ladder(format))
    for view in _views(raw):
        for rung in ladder:
            answer = rung.read(view, shape)
            if answer:
                return _distribution(answer, shape)
    raise ParseError("the answer holds no candidates with probabilities", raw)


def _ladder(hint: str | Format | None) -> Iterator[Format]:
    """Yield the formats in the order to try: the one asked for, then all others."""
    asked = None if hint is None else plugins.format(hint)
    if asked:
        yield asked
    for name in plugins.table("formats"):
        if asked is None or name != asked.name:
            yield plugins.format(name)


_FENCE = re.compile(r"^[ \t]*```[^\n`]*$", re.MULTILINE)


def _views(raw: str) -> Iterator[str]:
    """Yield the parts of an answer that may hold the distribution, likeliest first."""
    text = raw[_end_of_thoughts(raw) :]
    fences = list(_FENCE.finditer(text))
    if fences:
        start = fences[0].end()
        end = fences[1].start() if len(fences) > 1 else len(text)
        yield text[start:end]
    yield text


def _end_of_thoughts(raw: str) -> int:
    """Position after a ``</think>`` block: what a reasoning model drafts is not its answer."""
    end = raw.rfind("</think>")
    return 0 if end < 0 else end + len("</think>")


def _distribution(answer: Answer, shape: Shape) -> Distribution:
    readings = read_probabilities([entry.probability for entry in answer.entries], shape.definition)
    return Distribution(
        (
            Candidate(
                text=entry.text,
                probability=probability,
                value=entry.value,
                repairs=entry.repairs if repair is None else (*entry.repairs, repair),
                metadata=dict(entry.metadata),
            )
            for entry, (probability, repair) in zip(answer.entries, readings, strict=True)
        ),
        reasoning=answer.reasoning,
    )
