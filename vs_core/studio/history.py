"""The runs of a page: their figures, and two of them beside each other."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from vs_core.candidates import plain_text
from vs_core.display import shorten
from vs_core.metrics import lexical_diversity, semantic_diversity
from vs_core.metrics.jackknife import spread
from vs_core.metrics.paired import Difference, independent_difference
from vs_core.studio.settings import Settings
from vs_core.studio.sides import Side

__all__ = ["Kept", "compared", "difference", "table"]

MOST = 50
"""Runs that a page keeps."""


@dataclass(frozen=True)
class Kept:
    """A run as it is kept.

    Args:
        settings: What it was made from.
        direct: What the plain question gave.
        verbalized: What the distribution gave.
    """

    settings: Settings
    direct: Side
    verbalized: Side


def table(runs: Sequence[Kept]) -> str:
    """Return the runs as a table in HTML, numbered from 1."""
    rows = [
        (
            number, shorten(run.settings.prompt, 80), run.settings.strategy, run.settings.k,
            run.settings.n, run.settings.threshold, run.direct.figures(), run.verbalized.figures(),
        )
        for number, run in enumerate(runs, start=1)
    ]  # fmt: skip
    head = ("#", "prompt", "strategy", "k", "n", "threshold", "direct", "verbalized")
    return _table(head, rows)


def compared(first: Kept, second: Kept, names: tuple[str, str] = ("1", "2")) -> str:
    """Return two runs beside each other in HTML: settings, figures, differences and answers.

    Args:
        first: One.
        second: The other.
        names: How they are called.
    """
    one, other = first.settings.as_dict(), second.settings.as_dict()
    rows: list[tuple[object, ...]] = [
        (name, one[name], other[name]) for name in one if one[name] != other[name]
    ]
    lines = [] if rows else ["The settings are the same."]
    for title, sides in (
        ("direct", (first.direct, second.direct)),
        ("verbalized", (first.verbalized, second.verbalized)),
    ):
        rows.append((title, *(side.figures() for side in sides)))
        lines.append(f"{title}, run {names[1]} over run {names[0]}: {_in_words(*sides)}")
    said = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
    head = ("", f"run {names[0]}", f"run {names[1]}")
    return _table(head, rows) + said + _answers(first.verbalized, second.verbalized, names)


def difference(first: Side, second: Side) -> tuple[str, Difference]:
    """Return by how much the second side is over the first in diversity, and by which metric.

    By meaning where both were embedded, else by words. The interval is over calls; there is none
    under four.
    """
    metric: Callable[..., float]
    name, metric = "lexical diversity", lexical_diversity
    samples: list[Any] = [first.found.texts, second.found.texts]
    if first.meaning is not None and second.meaning is not None:
        name, metric = "semantic diversity", semantic_diversity
        samples = [first.meaning.vectors, second.meaning.vectors]
    spreads = [
        spread(metric, [sample], [candidate.call for candidate in side.found])
        for sample, side in zip(samples, (first, second), strict=True)
    ]
    return name, independent_difference([spreads[1]], [spreads[0]])


def _in_words(first: Side, second: Side) -> str:
    name, by = difference(first, second)
    if math.isnan(by.low):
        return f"{name} {by.estimate:+.2f}; an interval takes four calls of each"
    told = "" if by.low > 0 or by.high < 0 else ", not told apart"
    return f"{name} {by.estimate:+.2f}, 95 % interval {by.low:+.2f} to {by.high:+.2f}{told}"


def _answers(first: Side, second: Side, names: tuple[str, str]) -> str:
    """What only one of them has, and what both have, by their texts."""
    texts = [{plain_text(c): c.text for c in reversed(side.found)} for side in (first, second)]
    parts = [
        (f"only in run {names[0]}", [t for key, t in texts[0].items() if key not in texts[1]]),
        ("in both", [t for key, t in texts[0].items() if key in texts[1]]),
        (f"only in run {names[1]}", [t for key, t in texts[1].items() if key not in texts[0]]),
    ]
    return "".join(
        f"<h4>{html.escape(title)}: {len(found)}</h4><ul>"
        + "".join(f"<li>{html.escape(shorten(text, 300))}</li>" for text in reversed(found))
        + "</ul>"
        for title, found in parts
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    def cells(values: Sequence[object], tag: str) -> str:
        return "".join(f"<{tag}>{html.escape(str(value))}</{tag}>" for value in values)

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f"<table><thead><tr>{cells(head, 'th')}</tr></thead><tbody>{body}</tbody></table>"
