"""The figures of the paper, for the user's own run (matplotlib).

What is black in a figure stands for the colour of text: in a report it follows the reader's
background, light or dark.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

from vs_core.display import shorten
from vs_core.errors import ConfigurationError, raise_missing_extra
from vs_core.evaluation.findings import Arm, Findings
from vs_core.evaluation.measures import QUALITY, Answer, Measure, shares, stated
from vs_core.evaluation.tasks.base import Task
from vs_core.evaluation.tasks.dialogue import MOST, Dialogue
from vs_core.plugins import plugins

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vs_core.metrics import Interval

__all__ = [
    "answers",
    "calibration",
    "diversity",
    "diversity_of",
    "pareto",
    "quality",
    "quality_of",
    "svg",
    "thresholds",
]

# Of middling lightness, so that they show on white and on black.
_COLOURS = (
    "#8a8f98", "#b07d48", "#c9a227", "#4f9d69", "#3b82c4", "#9b5fc0", "#d1495b",
    "#2a9d8f", "#e76f51", "#7f6fb0", "#6a994e", "#c06c84", "#577590",
)  # fmt: skip
_MOST_ANSWERS = 12
_ABREAST = 7
_MOST_PANELS = 3 * _ABREAST
_DASHES = ("-", "--", ":", "-.")

Groups = list[list[Answer]]


# --- what is drawn -----------------------------------------------------------------------------


def diversity_of(findings: Findings, task: Task) -> Measure:
    """Return the measure that stands for diversity: the task's, or the first that was taken.

    Raises:
        ConfigurationError: If no answer could be read, so that none was.
    """
    arms = _arms(findings, task)
    named = [each for each in task.measures if each.name == task.diversity]
    for measure in (*named, *task.measures):
        if any(_is_number(findings.interval(arm, measure)) for arm in arms):
            return measure
    raise ConfigurationError(f"Nothing was measured on {task.name!r}: no answer could be read.")


def quality_of(findings: Findings, task: Task) -> Measure:
    """Return the measure that stands for quality: the judge's, or else the task's own.

    Raises:
        ConfigurationError: If there is neither.
    """
    judged = any(name == task.name for name, *_ in findings.scores)
    wanted = QUALITY.name if judged else task.quality
    for measure in task.measures:
        if measure.name == wanted:
            return measure
    raise ConfigurationError(f"The task {task.name!r} needs a judge to speak of quality.")


def _arms(findings: Findings, task: Task) -> dict[Arm, Groups]:
    return {arm: groups for arm, groups in findings.arms.items() if arm.task == task.name}


def _is_number(found: Interval) -> bool:
    return not math.isnan(found.estimate)


def _measured(findings: Findings, task: Task, measure: Measure) -> Iterator[tuple[Arm, Interval]]:
    for arm in _arms(findings, task):
        found = findings.interval(arm, measure)
        if _is_number(found):
            yield arm, found


# --- figures -----------------------------------------------------------------------------------


def diversity(findings: Findings, task: Task) -> Figure:
    """Draw diversity by strategy; see `Experiment.plot_diversity`."""
    measure = diversity_of(findings, task)
    found = list(_measured(findings, task, measure))
    figure, axes = _figure(6.4, 0.9 + 0.36 * len(found))
    names = _names(findings, [arm for arm, _ in found])
    for place, (arm, figures) in enumerate(found):
        axes.barh(place, figures.estimate, height=0.62, color=_colour(findings, arm.strategy))
        axes.errorbar(figures.estimate, place, xerr=_error(figures), **_WHISKERS)
    axes.set_yticks(range(len(found)), [_label(name, 40) for name in names])
    axes.invert_yaxis()
    axes.set_xlabel(measure.label)
    axes.set_xlim(left=0)
    return figure


def quality(findings: Findings, task: Task) -> Figure:
    """Draw quality against diversity; see `Experiment.plot_quality`."""
    spread, worth = diversity_of(findings, task), quality_of(findings, task)
    across = dict(_measured(findings, task, spread))
    up = dict(_measured(findings, task, worth))
    arms = [arm for arm in across if arm in up]
    if not arms:
        raise ConfigurationError(f"The quality of {task.name!r} is not known of any strategy.")
    figure, axes = _figure(6.4, 4.0)
    points = [(across[arm].estimate, up[arm].estimate) for arm in arms]
    front = pareto(points)
    axes.plot(
        *zip(*front, strict=True), color="black", lw=1, ls=":", zorder=1, label="Pareto front"
    )
    for arm, name in zip(arms, _names(findings, arms), strict=True):
        x, y = across[arm], up[arm]
        axes.errorbar(
            x.estimate, y.estimate, xerr=_error(x), yerr=_error(y),
            color=_colour(findings, arm.strategy), marker=_marker(findings, arm),
            ms=7, lw=1, label=_label(name, 40),
        )  # fmt: skip
    axes.set_xlim(left=0)
    axes.set_ylim(0, 1.04)
    axes.set_xlabel(spread.label)
    axes.set_ylabel(worth.label)
    _legend(axes)
    return figure


def answers(findings: Findings, task: Task, item: int = 0) -> Figure:
    """Draw how often which answers came; see `Experiment.plot_answers`."""
    arms = _arms(findings, task)
    if isinstance(task, Dialogue):
        return _donations(findings, task, arms)
    prompt = task.items[item].prompt
    given = {
        arm: [answer for group in groups for answer in group if answer.item.prompt == prompt]
        for arm, groups in arms.items()
    }
    reference = task.items[item].reference
    total = math.fsum((reference or {}).values()) or 1.0
    expected = {answer: weight / total for answer, weight in (reference or {}).items()}
    kinds = _most(given.values(), expected)
    shown = list(given.items())[:_MOST_PANELS]
    figure, panels = _panels(len(shown), len(kinds))
    names = _names(findings, [arm for arm, _ in shown])
    for axes, (arm, found), name in zip(panels, shown, names, strict=True):
        _shares(axes, _colour(findings, arm.strategy), found, kinds, expected)
        axes.set_title(_label(name, 40).replace(" < ", "\n< ").replace(", ", "\n"), fontsize=8)
    texts = {
        answer.kind: answer.name or answer.text for found in given.values() for answer in found
    }
    panels[0].set_yticks(
        range(len(kinds)), [_label(texts.get(kind, kind), 36) for kind in kinds], fontsize=8
    )
    panels[0].invert_yaxis()
    _key(figure, expected)
    return figure


def _shares(
    axes: Axes,
    colour: str,
    found: Sequence[Answer],
    kinds: Sequence[str],
    expected: Mapping[str, float],
) -> None:
    came, claimed = shares(found), stated(found)
    places = range(len(kinds))
    axes.barh(places, [came.get(kind, 0) for kind in kinds], color=colour)
    if claimed:
        values = [claimed.get(kind, math.nan) for kind in kinds]
        axes.plot(values, places, "D", mfc="none", mec="black", ms=4)
    if expected:
        values = [expected.get(kind, math.nan) for kind in kinds]
        axes.plot(values, places, "|", color="black", ms=9, mew=1.5)
    axes.xaxis.set_major_locator(_locator(3))
    axes.tick_params(labelsize=8)


def _key(figure: Figure, expected: Mapping[str, float]) -> None:
    from matplotlib.lines import Line2D

    # The square stands for bars of any colour.
    came = Line2D([], [], color="#8a8f98", marker="s", ls="", ms=7)
    claimed = Line2D([], [], mec="black", mfc="none", marker="D", ls="", ms=4)
    handles, texts = [came, claimed], ["share of the answers", "as the model stated it"]
    if expected:
        handles.append(Line2D([], [], color="black", marker="|", ls="", ms=9, mew=1.5))
        texts.append("reference")
    figure.legend(handles, texts, loc="outside lower center", ncols=3, frameon=False, fontsize=8)


def _most(given: Any, expected: Mapping[str, float]) -> list[str]:
    """The answers to show: the likeliest of the reference, else those that came most."""
    kinds = sorted(expected, key=lambda kind: -expected[kind])[:_MOST_ANSWERS]
    if kinds:
        return kinds
    total: dict[str, float] = {}
    for found in given:
        for kind, share in shares(found).items():
            total[kind] = total.get(kind, 0) + share
    return sorted(total, key=lambda kind: -total[kind])[:_MOST_ANSWERS]


def _donations(findings: Findings, task: Dialogue, arms: Mapping[Arm, Groups]) -> Figure:
    """Cumulative shares of what was given."""
    figure, axes = _figure(6.4, 3.6)
    if task.people:
        _steps(axes, task.people, color="black", lw=2.5, alpha=0.7, label="people")
    for arm, name in zip(arms, _names(findings, list(arms)), strict=True):
        amounts = [
            amount
            for group in arms[arm]
            for answer in group
            if (amount := answer.candidate.metadata.get("donation")) is not None
        ]
        if amounts:
            _steps(axes, amounts, color=_colour(findings, arm.strategy), label=_label(name, 40))
    axes.set_xlim(0, MOST)
    axes.set_xlabel("donation, dollars")
    axes.set_ylabel("share of the dialogues up to it")
    axes.set_ylim(0, 1.02)
    _legend(axes)
    return figure


def _steps(axes: Axes, amounts: Sequence[float], **style: Any) -> None:
    ordered = sorted(amounts)
    heights = [(place + 1) / len(ordered) for place in range(len(ordered))]
    axes.step([0, *ordered, MOST], [0, *heights, 1], where="post", **style)


def thresholds(findings: Findings, task: Task) -> Figure:
    """Draw diversity against the threshold; see `Experiment.plot_thresholds`."""
    measure = diversity_of(findings, task)
    found = list(_measured(findings, task, measure))
    lines: dict[tuple[str, str], list[tuple[float, Interval]]] = {}
    for arm, figures in found:
        if arm.threshold is not None:
            lines.setdefault((arm.model, arm.strategy), []).append((arm.threshold, figures))
    if not any(len(points) > 1 for points in lines.values()):
        raise ConfigurationError("Give at least two thresholds, and a strategy that uses them.")
    figure, axes = _figure(6.4, 3.8)
    for (model, strategy), points in lines.items():
        points.sort(key=lambda point: point[0])
        sides = [_sides(figures) for _, figures in points]
        axes.errorbar(
            [threshold for threshold, _ in points],
            [figures.estimate for _, figures in points],
            yerr=[list(side) for side in zip(*sides, strict=True)],
            marker="o", ms=5, capsize=2, lw=1.5, ls=_dash(findings, model),
            color=_colour(findings, strategy), label=_label(_full(findings, model, strategy), 40),
        )  # fmt: skip
    for arm, figures in found:
        if arm.threshold is None:
            name = _label(_full(findings, arm.model, arm.strategy), 40)
            axes.axhline(
                figures.estimate, color=_colour(findings, arm.strategy), lw=1.4, ls=":", label=name
            )
    used = sorted({arm.threshold for arm, _ in found if arm.threshold is not None})
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_xticks(used, [f"{threshold:g}" for threshold in used])
    axes.invert_xaxis()
    axes.set_xlabel("probability threshold (to the right: further into the tail)")
    axes.set_ylabel(measure.label)
    _legend(axes)
    return figure


def calibration(findings: Findings, task: Task) -> Figure:
    """Draw a reliability diagram; see `Experiment.plot_calibration`."""
    from vs_core.metrics import expected_calibration_error, reliability_diagram

    # What is said in a dialogue depends on what was said before: there is no one distribution.
    arms = {} if isinstance(task, Dialogue) else _arms(findings, task)
    figure, axes = _figure(6.4, 4.2)
    most = 0.0
    for arm, name in zip(arms, _names(findings, list(arms)), strict=True):
        pairs = _claims(findings, arm, arms)
        if not pairs:
            continue
        claimed, came = zip(*pairs, strict=True)
        points = reliability_diagram(claimed, came, bins=8, binning="quantile")
        error = expected_calibration_error(claimed, came, bins=8, binning="quantile")
        x, y = [each.confidence for each in points], [each.frequency for each in points]
        axes.plot(
            x, y, marker=_marker(findings, arm), ms=5, lw=1.5,
            color=_colour(findings, arm.strategy),
            label=f"{_label(name, 40)} (ECE {error:.3f})",
        )  # fmt: skip
        most = max(most, *x, *y)
    if not most:
        raise ConfigurationError(
            "Calibration needs a strategy that verbalizes probabilities, and a reference or direct "
            "answers to compare them with."
        )
    axes.plot([0, most], [0, most], color="black", lw=1, ls=":", label="calibrated")
    known = any(item.reference for item in task.items)
    axes.set_xlabel("probability that the model states")
    axes.set_ylabel("in the reference" if known else "how often it comes when asked directly")
    _legend(axes)
    return figure


def _claims(findings: Findings, arm: Arm, arms: Mapping[Arm, Groups]) -> list[tuple[float, float]]:
    """Stated probabilities, each with what it ought to be."""
    direct = {
        group[0].item.prompt: shares(group)
        for other, groups in arms.items()
        if findings.strategies[other.strategy].asks_directly and other.model == arm.model
        for group in groups
        if group
    }
    pairs = []
    for answer in (answer for group in arms[arm] for answer in group if answer.counts):
        weights = answer.item.reference or direct.get(answer.item.prompt)
        probability = answer.candidate.probability
        if weights and probability is not None:
            total = math.fsum(weights.values())
            pairs.append((probability, weights.get(answer.kind, 0.0) / total))
    return pairs


def pareto(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points that no other beats in one value without losing in the other.

    Args:
        points: Pairs of which more is better in both.

    Returns:
        Those of the front, by their first value; points at the same place once.
    """
    front: list[tuple[float, float]] = []
    for point in sorted(set(points), reverse=True):
        if not front or point[1] > front[-1][1]:
            front.append(point)
    return front[::-1]


# --- how it is drawn ---------------------------------------------------------------------------

_WHISKERS: dict[str, Any] = {"color": "black", "lw": 1.2, "capsize": 3, "fmt": "none"}


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = _blank(width, height)
    axes = figure.add_subplot()
    _bare(axes)
    return figure, axes


def _panels(count: int, rows: int) -> tuple[Figure, list[Axes]]:
    columns = min(count, _ABREAST)
    lines = math.ceil(count / columns)
    figure = _blank(max(4.0, 2.4 + 1.1 * columns), lines * (0.7 + 0.2 * rows) + 0.4)
    grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    panels = [axes for line in grid for axes in line]
    for axes in panels:
        _bare(axes)
    for axes in panels[count:]:
        axes.set_visible(False)
    return figure, panels[:count]


def _blank(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise_missing_extra("metrics", error)
    return Figure(figsize=(width, height), layout="constrained")


def _bare(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)


def _legend(axes: Axes) -> None:
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8)


def _locator(bins: int) -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(bins)


def _sides(figures: Interval) -> tuple[float, float]:
    """The distances to the ends of the interval; none where it is not known."""
    if math.isnan(figures.low) or math.isnan(figures.high):
        return 0.0, 0.0
    return figures.estimate - figures.low, figures.high - figures.estimate


def _error(figures: Interval) -> list[list[float]]:
    below, above = _sides(figures)
    return [[max(0.0, below)], [max(0.0, above)]]


def _names(findings: Findings, arms: Sequence[Arm]) -> list[str]:
    return [_full(findings, arm.model, arm.label) for arm in arms]


def _full(findings: Findings, model: str, label: str) -> str:
    return label if len(findings.models) == 1 else f"{label}, {model}"


def _dash(findings: Findings, model: str) -> str:
    return _DASHES[list(findings.models).index(model) % len(_DASHES)]


def _colour(findings: Findings, strategy: str) -> str:
    """The same in every report: by the place among the registered strategies."""
    known = [*plugins.table("strategies")]
    others = [name for name in findings.strategies if name not in known]
    if len({each.name for each in findings.strategies.values()}) < len(findings.strategies):
        known = []  # several arms of one strategy: each has a colour of its own
        others = [*findings.strategies]
    return _COLOURS[[*known, *others].index(strategy) % len(_COLOURS)]


def _marker(findings: Findings, arm: Arm) -> str:
    return "s" if findings.strategies[arm.strategy].verbalizes else "o"


def _label(text: str, width: int) -> str:
    """A text that may be a model's: short, harmless, and no formula to matplotlib."""
    return shorten(text, width).replace("$", r"\$")


def svg(draw: Callable[[], Figure], name: str) -> str:
    """Return a figure as an SVG element to stand in a page.

    Args:
        draw: Makes the figure.
        name: Of the figure in this page; its parts are named after it.
    """
    import matplotlib as mpl

    written = StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # the page's font has it
        draw().savefig(written, format="svg", transparent=True, metadata={"Date": None})
    element = written.getvalue()
    element = element[element.index("<svg") :]
    for reference in ('id="', 'href="#', "url(#"):
        element = element.replace(reference, f"{reference}{name}-")
    return element.replace("#000000", "currentColor")
