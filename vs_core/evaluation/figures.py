"""The figures of the paper, for the user's own run (matplotlib).

What is black in a figure stands for the colour of text: in a report it follows the reader's
background, light or dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from vs_core.errors import ConfigurationError
from vs_core.evaluation.canvas import WHISKERS, Series, blank, grid, locator, overlaid, short
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
_MARKERS = "^DvPX*<>ph"
"""Of thresholds, the largest first; baselines have circles, no threshold a square."""

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
    figure, axes = blank(6.4, 0.9 + 0.36 * len(found))
    names = _names(findings, [arm for arm, _ in found])
    for place, (arm, figures) in enumerate(found):
        axes.barh(place, figures.estimate, height=0.62, color=_colour(findings, arm.strategy))
        axes.errorbar(figures.estimate, place, xerr=_error(figures), **WHISKERS)
    axes.set_yticks(range(len(found)), [short(name, 40) for name in names])
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
    front = pareto([(across[arm].estimate, up[arm].estimate) for arm in arms])
    most = max(x for x, _ in front) or 1.0

    def frame(axes: Axes) -> None:
        axes.plot(
            *zip(*front, strict=True), color="black", lw=1, ls=":", zorder=1, label="Pareto front"
        )
        axes.set_xlim(0, max(1.05 * most, axes.get_xlim()[1]))
        axes.set_ylim(0, 1.04)

    series = [
        Series(
            short(name, 40),
            _colour(findings, arm.strategy),
            partial(_point, across[arm], up[arm], _marker(findings, arm)),
        )
        for arm, name in zip(arms, _names(findings, arms), strict=True)
    ]
    return overlaid(series, frame, spread.label, worth.label)


def _point(x: Interval, y: Interval, marker: str, axes: Axes, colour: str, **options: Any) -> None:
    axes.errorbar(
        x.estimate, y.estimate, xerr=_error(x), yerr=_error(y), color=colour, marker=marker,
        ms=7, lw=1, **options,
    )  # fmt: skip


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
    figure, panels = grid(len(shown), _ABREAST, (1.1, 0.7 + 0.2 * len(kinds)))
    names = _names(findings, [arm for arm, _ in shown])
    for axes, (arm, found), name in zip(panels, shown, names, strict=True):
        _shares(axes, _colour(findings, arm.strategy), found, kinds, expected)
        axes.set_title(short(name, 40).replace(" < ", "\n< ").replace(", ", "\n"), fontsize=8)
    texts = {
        answer.kind: answer.name or answer.text for found in given.values() for answer in found
    }
    panels[0].set_yticks(
        range(len(kinds)), [short(texts.get(kind, kind), 36) for kind in kinds], fontsize=8
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
    axes.xaxis.set_major_locator(locator(3))
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
    series = []
    for arm, name in zip(arms, _names(findings, list(arms)), strict=True):
        amounts = [
            amount
            for group in arms[arm]
            for answer in group
            if (amount := answer.candidate.metadata.get("donation")) is not None
        ]
        if amounts:
            colour = _colour(findings, arm.strategy)
            series.append(Series(short(name, 40), colour, partial(_steps, amounts)))
    if not series:
        raise ConfigurationError("No dialogue ended in an amount.")

    def frame(axes: Axes) -> None:
        if task.people:
            _steps(task.people, axes, "black", lw=2.5, alpha=0.7, label="people")
        axes.set_xlim(0, MOST)
        axes.set_ylim(0, 1.02)

    return overlaid(series, frame, "donation, dollars", "share of the dialogues up to it")


def _steps(amounts: Sequence[float], axes: Axes, colour: str, **style: Any) -> None:
    ordered = sorted(amounts)
    heights = [(place + 1) / len(ordered) for place in range(len(ordered))]
    axes.step([0, *ordered, MOST], [0, *heights, 1], where="post", color=colour, **style)


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
    series = [
        Series(
            short(_full(findings, model, strategy), 40),
            _colour(findings, strategy),
            partial(_curve, sorted(points, key=lambda point: point[0]), _dash(findings, model)),
        )
        for (model, strategy), points in lines.items()
    ]
    series += [
        Series(
            short(_full(findings, arm.model, _unlimited(arm, lines)), 40),
            _colour(findings, arm.strategy),
            partial(_level, figures.estimate),
        )
        for arm, figures in found
        if arm.threshold is None
    ]
    used = sorted({arm.threshold for arm, _ in found if arm.threshold is not None})

    def frame(axes: Axes) -> None:
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.set_xticks(used, [f"{threshold:g}" for threshold in used])
        axes.set_xlim(1.25 * used[-1], used[0] / 1.25)

    across = "probability threshold (to the right: further into the tail)"
    return overlaid(series, frame, across, measure.label)


def _unlimited(arm: Arm, lines: Mapping[tuple[str, str], Any]) -> str:
    """The name of an arm that has no threshold, beside those of the same strategy that have one."""
    both = (arm.model, arm.strategy) in lines
    return f"{arm.strategy} without" if both else arm.strategy


def _curve(
    points: Sequence[tuple[float, Interval]], dash: str, axes: Axes, colour: str, **options: Any
) -> None:
    sides = [_sides(figures) for _, figures in points]
    axes.errorbar(
        [threshold for threshold, _ in points],
        [figures.estimate for _, figures in points],
        yerr=[list(side) for side in zip(*sides, strict=True)],
        marker="o", ms=5, capsize=2, lw=1.5, ls=dash, color=colour, **options,
    )  # fmt: skip


def _level(estimate: float, axes: Axes, colour: str, **options: Any) -> None:
    axes.axhline(estimate, color=colour, lw=1.4, ls=":", **options)


def calibration(findings: Findings, task: Task) -> Figure:
    """Draw a reliability diagram; see `Experiment.plot_calibration`."""
    from vs_core.metrics import brier_score, expected_calibration_error, reliability_diagram

    # What is said in a dialogue depends on what was said before: there is no one distribution.
    arms = {} if isinstance(task, Dialogue) else _arms(findings, task)
    series, most = [], 0.0
    for arm, name in zip(arms, _names(findings, list(arms)), strict=True):
        pairs = _claims(findings, arm, arms)
        if not pairs:
            continue
        claimed, came = zip(*pairs, strict=True)
        points = reliability_diagram(claimed, came, bins=8, binning="quantile")
        error = expected_calibration_error(claimed, came, bins=8, binning="quantile")
        x, y = [each.confidence for each in points], [each.frequency for each in points]
        label = f"{short(name, 40)} (ECE {error:.3f}, Brier {brier_score(claimed, came):.3f})"
        draw = partial(_reliability, x, y, _marker(findings, arm))
        series.append(Series(label, _colour(findings, arm.strategy), draw))
        most = max(most, *x, *y)
    if not most:
        raise ConfigurationError(
            "Calibration needs a strategy that verbalizes probabilities, and a reference or direct "
            "answers to compare them with."
        )

    def frame(axes: Axes) -> None:
        axes.plot([0, most], [0, most], color="black", lw=1, ls=":", label="calibrated")

    known = any(item.reference for item in task.items)
    up = "in the reference" if known else "how often it comes when asked directly"
    return overlaid(series, frame, "probability that the model states", up)


def _reliability(
    x: Sequence[float], y: Sequence[float], marker: str, axes: Axes, colour: str, **options: Any
) -> None:
    axes.plot(x, y, marker=marker, ms=5, lw=1.5, color=colour, **options)


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
    if arm.threshold is None:
        return "s" if findings.strategies[arm.strategy].verbalizes else "o"
    used = sorted({each.threshold for each in findings.arms if each.threshold is not None})
    return _MARKERS[used[::-1].index(arm.threshold) % len(_MARKERS)]
