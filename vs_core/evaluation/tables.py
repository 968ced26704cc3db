"""The figures of an experiment as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vs_core.errors import raise_missing_extra
from vs_core.evaluation.findings import Agreed, Arm, Findings
from vs_core.evaluation.measures import Answer
from vs_core.evaluation.runner import Result
from vs_core.evaluation.tasks.base import Task

if TYPE_CHECKING:
    import pandas as pd

    from vs_core.evaluation.paper import Expected
    from vs_core.metrics import Difference

__all__ = [
    "agreed", "agreements", "amount", "differences", "expected", "needed", "shown", "table",
    "useful",
]  # fmt: skip


def table(findings: Findings) -> pd.DataFrame:
    """Return the figures as `Experiment.table` says."""
    try:
        import pandas as pd
    except ImportError as error:
        raise_missing_extra("metrics", error)
    rows = [_row(findings, arm, groups) for arm, groups in findings.arms.items()]
    frame: pd.DataFrame = pd.DataFrame(rows)
    return frame


def _row(findings: Findings, arm: Arm, groups: list[list[Answer]]) -> dict[str, Any]:
    task = findings.tasks[arm.task]
    row: dict[str, Any] = {
        "model": arm.model,
        "task": arm.task,
        "strategy": arm.strategy,
        "threshold": math.nan if arm.threshold is None else arm.threshold,
    }
    for measure in task.measures:
        estimate, low, high = findings.interval(arm, measure)
        if not math.isnan(estimate):
            name = measure.name
            row |= {name: estimate, f"{name}_low": low, f"{name}_high": high}
    return row | _costs(findings, arm, groups)


def differences(findings: Findings) -> pd.DataFrame:
    """Return the differences from the baseline as `Experiment.differences_table` says."""
    try:
        import pandas as pd
    except ImportError as error:
        raise_missing_extra("metrics", error)
    rows = [
        {
            "model": model,
            "task": task,
            "strategy": arm.label,
            "baseline": findings.baseline(task, model).label,
            "measure": name,
            "difference": each.estimate,
            "low": each.low,
            "high": each.high,
            "pvalue": each.pvalue,
            "units": each.units,
            "prompts_for_2_points": needed(each),
        }
        for task, model in dict.fromkeys((arm.task, arm.model) for arm in findings.arms)
        for (arm, name), each in findings.differences(task, model).items()
    ]
    frame: pd.DataFrame = pd.DataFrame(rows)
    return frame


def agreements(findings: Findings) -> pd.DataFrame:
    """Return how far equivalences agree as `Experiment.agreement_table` says."""
    try:
        import pandas as pd
    except ImportError as error:
        raise_missing_extra("metrics", error)
    rows = [
        {
            "task": task,
            "counts": counts,
            "other": other,
            "answers": found.answers,
            "classes": found.classes,
            "other_classes": found.other_classes,
            **found.agreement._asdict(),
        }
        for task in dict.fromkeys(arm.task for arm in findings.arms)
        for (counts, other), found in findings.agreements(task).items()
    ]
    frame: pd.DataFrame = pd.DataFrame(rows)
    return frame


def expected(findings: Findings) -> pd.DataFrame:
    """Return what is expected beside what was measured, as `Experiment.expected_table` says."""
    try:
        import pandas as pd
    except ImportError as error:
        raise_missing_extra("metrics", error)
    rows = [
        _beside(findings, each, arm)
        for each in findings.expected
        for arm in findings.arms
        if (arm.task, arm.strategy, arm.threshold) == (each.task, each.strategy, None)
    ]
    frame: pd.DataFrame = pd.DataFrame(rows)
    return frame


def agreed(counts: str, other: str, found: Agreed) -> str:
    """Return in words how far two equivalences agree."""
    share, kappa, pairs = found.agreement
    how = f"{found.answers} different texts: {found.classes} answers by {counts}"
    if counts != other:
        how += f", {found.other_classes} by {other}"
    if not pairs:
        return how
    chance = "" if math.isnan(kappa) else f", κ {kappa:.2f}"
    return f"{how}; they agree on {share:.0%} of {pairs:,} pairs{chance}"


def _beside(findings: Findings, each: Expected, arm: Arm) -> dict[str, Any]:
    measure = next(m for m in findings.tasks[arm.task].measures if m.name == each.measure)
    found = findings.interval(arm, measure)
    return {
        "model": arm.model,
        "task": arm.task,
        "strategy": arm.strategy,
        "measure": measure.label,
        "expected": each.value,
        "measured": found.estimate,
        "low": found.low,
        "high": found.high,
        "source": each.source,
    }


def needed(difference: Difference) -> float:
    """Return how many prompts would tell a difference of ±0.02 from none; ``nan`` if unpaired."""
    from vs_core.metrics import units_needed

    if math.isnan(difference.spread):
        return math.nan
    return float(units_needed(difference.spread, 0.02))


def useful(task: Task, answers: Sequence[Answer]) -> int:
    """Count the useful candidates: those that are right, and new unless repeats are as good."""
    good = [answer for answer in answers if answer.counts and answer.right]
    return len(good) if task.repeats else len({(each.item.prompt, each.kind) for each in good})


def _costs(findings: Findings, arm: Arm, groups: list[list[Answer]]) -> dict[str, float]:
    results = findings.results_of(arm)
    task = findings.tasks[arm.task]
    given = [answer for group in groups for answer in group if task.asked_for(answer.candidate)]
    worth = useful(task, given)
    if not findings.asked:
        return {"candidates": len(given), "useful": worth}
    tokens = {name: _used(results, f"{name}_tokens") for name in ("input", "output")}
    calls = sum(result.calls for result in results)
    cost = math.nan
    if findings.price is not None:
        cost = sum(
            price * tokens[name] / 1e6 for name, price in zip(tokens, findings.price, strict=True)
        )
    return {
        "candidates": len(given),
        "missing": sum(findings.missing(result) for result in results),
        "useful": worth,
        "calls": calls,
        "input_tokens": tokens["input"],
        "output_tokens": tokens["output"],
        "cost": cost,
        "calls_per_useful": _ratio(calls, worth),
        "tokens_per_useful": _ratio(sum(tokens.values()), worth),
        "cost_per_useful": _ratio(cost, worth),
    }


def _used(results: Sequence[Result], kind: str) -> int:
    return sum(result.usage.get(kind, 0) for result in results)


def _ratio(amount: float, worth: int) -> float:
    """What one useful candidate took; infinite if there is none."""
    return amount / worth if worth else math.inf


def shown(estimate: float, low: float, high: float) -> str:
    """Return a figure with its interval as text: ``0.62 (0.58 to 0.66)``."""
    if math.isnan(estimate):
        return "–"
    if math.isnan(low) or math.isnan(high):
        return f"{estimate:.3g}"
    return f"{estimate:.2f} ({low:.2f} to {high:.2f})"


def amount(number: float) -> str:
    """Return a count or cost as text, of three digits or more: ``1,810``, ``0.299``."""
    return f"{number:,.0f}" if 100 <= number < math.inf else f"{number:.3g}"
