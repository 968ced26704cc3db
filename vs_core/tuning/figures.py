"""The curve of a race: diversity against quality, and against what a different answer takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from vs_core.errors import raise_missing_extra
from vs_core.tuning.racing import Standing, front

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["curves"]

_LABELS = {
    "quality": "mean quality",
    "tokens": "tokens a different answer",
    "cost": "cost of a different answer",
}


def curves(standings: Mapping[str, Standing], left: Mapping[str, str], note: str = "") -> Figure:
    """Return a panel for quality, where it is known, and one for cost, or else for tokens.

    Args:
        standings: Contender to how it stands.
        left: Those that left the race, on fewer prompts than the others; they are hollow.
        note: What stands above.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise_missing_extra("metrics", error)

    def known(of: str) -> bool:
        return any(math.isfinite(getattr(each, of)) for each in standings.values())

    wanted = [of for of in ("quality", "cost" if known("cost") else "tokens") if known(of)]
    figure = Figure(figsize=(5.2 * max(1, len(wanted)), 4.0), layout="constrained")
    for place, of in enumerate(wanted, start=1):
        _panel(figure.add_subplot(1, len(wanted), place), standings, left, of)
    if note:
        figure.suptitle(note, fontsize=9, parse_math=False)
    return figure


def _panel(axes: Axes, standings: Mapping[str, Standing], left: Mapping[str, str], of: str) -> None:
    places = {
        name: (getattr(each, of), each.diversity)
        for name, each in standings.items()
        if math.isfinite(getattr(each, of))
    }
    best = [name for name in front(standings, of) if name in places]
    axes.plot(*zip(*(places[name] for name in best), strict=True), color="black", lw=1, ls=":")
    for name, (x, y) in places.items():
        each = standings[name]
        if math.isfinite(each.low):
            axes.plot([x, x], [each.low, each.high], color="#8a8f98", lw=1, zorder=1)
        axes.plot(x, y, "o", color="#00897b", fillstyle="none" if name in left else "full")
        if name in best:
            axes.annotate(
                name, (x, y), (4, 4), textcoords="offset points", fontsize=8, parse_math=False
            )
    axes.set(xlabel=_LABELS[of], ylabel="share of answers that differ", ylim=(0, 1.04))
    axes.spines[["top", "right"]].set_visible(False)
