"""How figures are drawn: axes, legends, panels, and what a page or a paper takes of them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vs_core.display import shorten
from vs_core.errors import ConfigurationError, raise_missing_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "FORMATS",
    "WHISKERS",
    "Series",
    "blank",
    "grid",
    "legend",
    "locator",
    "overlaid",
    "save",
    "short",
    "svg",
]

WHISKERS: dict[str, Any] = {"color": "black", "lw": 1.2, "capsize": 3, "fmt": "none"}

FORMATS = ("svg", "pdf", "png")
"""What a figure can be written as; the first two are vectors."""

_PALE = "#a9afb8"
_MOST_TOGETHER = 6
"""Series that a reader tells apart in one frame; more of them have a panel each."""


def blank(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure with one pair of axes, in inches."""
    figure = _figure(width, height)
    axes = figure.add_subplot()
    _bare(axes)
    return figure, axes


def grid(count: int, abreast: int, panel: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """Return a figure of panels with shared axes.

    Args:
        count: How many panels.
        abreast: Most of them in a row.
        panel: Width and height of one, in inches.
    """
    columns = min(count, abreast)
    lines = math.ceil(count / columns)
    figure = _figure(max(4.0, 2.4 + panel[0] * columns), lines * panel[1] + 0.4)
    rows = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    panels = [axes for row in rows for axes in row]
    for axes in panels:
        _bare(axes)
    for axes in panels[count:]:
        axes.set_visible(False)
    return figure, panels[:count]


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise_missing_extra("metrics", error)
    return Figure(figsize=(width, height), layout="constrained")


def _bare(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)


def legend(axes: Axes) -> None:
    """Put the legend beside the axes."""
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8)


def locator(bins: int) -> Any:
    """Return what places at most so many ticks."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(bins)


def short(text: str, width: int) -> str:
    """A text that may be a model's: short, harmless, and no formula to matplotlib."""
    return shorten(text, width).replace("$", r"\$")


# --- several series ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Series:
    """What is drawn of one arm.

    Args:
        label: Its name, as `short` makes it.
        colour: Its own.
        draw: Draws it into axes in a colour, with further options of matplotlib.
    """

    label: str
    colour: str
    draw: Callable[..., None]


def overlaid(
    series: Sequence[Series], frame: Callable[[Axes], None], across: str, up: str
) -> Figure:
    """Draw series over each other; more than six each in a panel, the others pale behind.

    Args:
        series: What is compared.
        frame: Draws what every panel has: limits, ticks, lines to compare with.
        across: Label of the x axis.
        up: Label of the y axis.
    """
    if len(series) <= _MOST_TOGETHER:
        figure, axes = blank(6.4, 4.0)
        for each in series:
            each.draw(axes, each.colour, label=each.label)
        frame(axes)
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        legend(axes)
        return figure
    figure, panels = grid(len(series), 4, (1.7, 1.7))
    for axes, own in zip(panels, series, strict=True):
        for other in series:
            if other is not own:
                other.draw(axes, _PALE, alpha=0.35, zorder=1)
        own.draw(axes, own.colour, zorder=3)
        frame(axes)
        axes.set_title(own.label.replace(" < ", "\n< ").replace(", ", "\n"), fontsize=8)
        axes.tick_params(labelsize=7)
    figure.supxlabel(across, fontsize=9)
    figure.supylabel(up, fontsize=9)
    return figure


# --- what a page or a paper takes ----------------------------------------------------------------


def svg(figure: Figure, name: str) -> str:
    """Return a figure as an SVG element to stand in a page.

    Args:
        figure: The figure.
        name: Of the figure in this page; its parts are named after it.
    """
    written = StringIO()
    with _set({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    element = written.getvalue()
    element = element[element.index("<svg") :]
    for reference in ('id="', 'href="#', "url(#"):
        element = element.replace(reference, f"{reference}{name}-")
    return element.replace("#000000", "currentColor")


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as a paper takes it: the same file for the same figure, fonts embedded.

    Raises:
        ConfigurationError: If the file cannot be written.
    """
    format = path.suffix.removeprefix(".")
    about = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(format)
    settings = {"svg.fonttype": "path", "svg.hashsalt": path.stem, "pdf.fonttype": 42}
    try:
        with _set(settings):
            figure.savefig(path, format=format, dpi=300, metadata=about)
    except OSError as error:
        raise ConfigurationError(f"Cannot write {path}: {error.strerror or error}.") from error
    return path


@contextmanager
def _set(settings: Any) -> Iterator[None]:
    import matplotlib as mpl

    with mpl.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # the page's font has it
        yield
