"""How diversity changes as one knob is turned."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from vs_core.candidates import plain_text
from vs_core.driver import verbalize
from vs_core.errors import ConfigurationError
from vs_core.metrics import Interval, confidence_interval, lexical_diversity
from vs_core.studio.settings import Settings

__all__ = ["KNOBS", "Point", "svg", "sweep"]

KNOBS = {"threshold": (1.0, 0.5, 0.2, 0.1, 0.05, 0.01), "k": (1, 3, 5, 10, 20)}


@dataclass(frozen=True)
class Point:
    """One setting of the knob.

    Args:
        value: Of the knob.
        diversity: 1 − mean ROUGE-L between answers, with its 95 % interval over calls.
        distinct: Different answers.
        n: Answers.
    """

    value: float
    diversity: Interval
    distinct: int
    n: int


def sweep(settings: Settings, knob: str = "threshold", n: int = 20) -> Iterator[Point]:
    """Ask at each setting of a knob; yield a point as soon as it is known.

    Args:
        settings: All the others.
        knob: ``"threshold"`` or ``"k"``.
        n: Answers at each; from at least four calls, so that there is an interval.

    Raises:
        ConfigurationError: If there is no such knob, or the settings cannot work.
    """
    if knob not in KNOBS:
        raise ConfigurationError(f"A sweep is over {' or '.join(KNOBS)}, not {knob!r}.")
    model = settings.complete()
    for value in KNOBS[knob]:
        changed: dict[str, Any] = {knob: value}
        now = replace(settings, **changed)
        now = replace(now, n=max(n, 4 * now.k))
        found = verbalize(now.messages(), model, strategy=now.made())
        calls = [candidate.call for candidate in found]
        yield Point(
            float(value),
            confidence_interval(lexical_diversity, found.texts, groups=calls, bounds=(0, 1)),
            len({plain_text(candidate) for candidate in found}),
            len(found),
        )


def svg(points: list[Point], knob: str) -> str:
    """Return the points as a drawing, with intervals as bars."""
    width, height, left, bottom = 560, 260, 50, 40
    inner = width - left - 20

    def x(place: int) -> float:
        return left + (place + 0.5) * inner / len(KNOBS[knob])

    def y(value: float) -> float:
        return (height - bottom) - value * (height - bottom - 20)

    marks = []
    for place, point in enumerate(points):
        if not math.isnan(point.diversity.low):
            ends = y(point.diversity.low), y(point.diversity.high)
            marks.append(
                f'<line x1="{x(place):.1f}" x2="{x(place):.1f}" y1="{ends[0]:.1f}" '
                f'y2="{ends[1]:.1f}" stroke="currentColor" stroke-width="2"/>'
            )
        marks.append(
            f'<circle cx="{x(place):.1f}" cy="{y(point.diversity.estimate):.1f}" r="5" '
            f'fill="#00897b"><title>{point.distinct} distinct of {point.n}</title></circle>'
            f'<text x="{x(place):.1f}" y="{height - 18}" text-anchor="middle">'
            f"{point.value:g}</text>"
        )
    ticks = "".join(
        f'<text x="{left - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        f'<line x1="{left}" x2="{width - 20}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" '
        'stroke="currentColor" stroke-opacity=".15"/>'
        for tick in (0, 0.5, 1)
    )
    said = "; ".join(f"{p.value:g}: {p.diversity.estimate:.2f}" for p in points)
    return (
        f'<svg class="vs-sweep" role="img" viewBox="0 0 {width} {height}" font-size="12" '
        f'fill="currentColor" aria-label="lexical diversity by {knob}: {said}">{ticks}'
        f'{"".join(marks)}<text x="{width / 2}" y="{height - 2}" text-anchor="middle">{knob}'
        "</text></svg>"
    )
