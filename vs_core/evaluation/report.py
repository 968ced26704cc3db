"""The report: one HTML file that needs nothing else, and in which no answer can do harm.

Everything goes through the template's autoescaping, except the figures, whose texts matplotlib
escapes. A content security policy forbids scripts and loading besides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import resources
from typing import TYPE_CHECKING, Any

from vs_core.display import printable, shorten
from vs_core.errors import ConfigurationError, raise_missing_extra
from vs_core.evaluation.canvas import svg
from vs_core.evaluation.captioned import captioned
from vs_core.evaluation.findings import Findings, arm_of
from vs_core.evaluation.measures import Measure
from vs_core.evaluation.tables import agreed, amount, expected, needed, shown, table
from vs_core.evaluation.tasks.base import Task

if TYPE_CHECKING:
    import pandas as pd

    from vs_core.metrics import Difference

__all__ = ["html"]

_SHOWN = 8
"""Answers of each strategy that a reader sees."""


def html(findings: Findings) -> str:
    """Return the report of an experiment that was run.

    Raises:
        ConfigurationError: If it was not run.
        MissingExtraError: If the extra ``metrics`` is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise_missing_extra("metrics", error)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["harmless"] = printable
    source = resources.files("vs_core.evaluation").joinpath("report.html.jinja").read_text("utf-8")
    rows = table(findings)
    tasks = [_section(findings, task, rows) for task in findings.tasks.values()]
    return environment.from_string(source).render(experiment=findings, tasks=tasks)


def _section(findings: Findings, task: Task, rows: pd.DataFrame) -> dict[str, Any]:
    own = rows[rows["task"] == task.name]
    measures = [each for each in task.measures if each.name in own and own[each.name].notna().any()]
    return {
        "task": task,
        "measures": measures,
        "differences": list(_differences(findings, task, measures)),
        "expected": [
            (row, shown(row["measured"], row["low"], row["high"]))
            for row in expected(findings).to_dict("records")
            if row["task"] == task.name
        ],
        "rows": [
            _row(findings, row, [each.name for each in measures]) for row in own.to_dict("records")
        ],
        "same": [
            agreed(*labels, found) for labels, found in findings.agreements(task.name).items()
        ],
        "figures": list(_figures(findings, task)),
        "samples": list(_samples(findings, task)),
        "unread": [
            (arm_label(result), shorten(result.unread, 300))
            for result in findings.results
            if result.cell.task == task.name and result.unread
        ][:_SHOWN],
    }


def _differences(
    findings: Findings, task: Task, measures: list[Measure]
) -> Iterator[dict[str, Any]]:
    """For each model what is compared with what, and a row for each other arm."""
    for model in findings.models:
        found = findings.differences(task.name, model)
        arms = list(dict.fromkeys(arm for arm, _ in found))
        if not arms:
            continue
        yield {
            "model": model,
            "baseline": findings.baseline(task.name, model).label,
            "rows": [
                (arm.label, [_difference(found.get((arm, each.name))) for each in measures])
                for arm in arms
            ],
            "needed": max(
                (count for each in found.values() if not math.isnan(count := needed(each))),
                default=None,
            ),
        }


def _difference(found: Difference | None) -> dict[str, Any]:
    """A difference as text, and whether it is told from none."""
    if found is None or math.isnan(found.estimate):
        return {"text": "–", "told": False}
    if math.isnan(found.pvalue):
        return {"text": f"{found.estimate:+.2f}", "told": False}
    interval = f"{found.estimate:+.2f} ({found.low:+.2f} to {found.high:+.2f})"
    chance = "p < .001" if found.pvalue < 0.001 else f"p = {found.pvalue:.3f}".replace("0.", ".")
    return {"text": f"{interval}, {chance}", "told": found.pvalue < 0.05}


def arm_label(result: Any) -> str:
    """Return the strategy and threshold of a result."""
    return arm_of(result.cell).label


def _row(findings: Findings, row: dict[Any, Any], measures: list[str]) -> dict[str, Any]:
    threshold = "" if math.isnan(row["threshold"]) else f" < {row['threshold']:g}"
    costs = [f"{each}_per_useful" for each in ("calls", "tokens", "cost")] if findings.asked else []
    if findings.price is None:
        costs = costs[:2]
    return {
        "model": row["model"],
        "strategy": f"{row['strategy']}{threshold}",
        "figures": [
            shown(*(row[f"{name}{end}"] for end in ("", "_low", "_high"))) for name in measures
        ],
        "useful": f"{row['useful']} of {row['candidates']}",
        "missing": row.get("missing"),
        "calls": row.get("calls"),
        "costs": [amount(row[cost]) for cost in costs],
    }


def _figures(findings: Findings, task: Task) -> Iterator[tuple[str, str]]:
    """The figures that can be drawn, each with its caption."""
    for place, each in enumerate(captioned(task)):
        try:
            figure = each.draw(findings, task)
        except ConfigurationError:  # such as quality without a judge
            continue
        yield each.caption, svg(figure, f"{task.name}-{place}")


def _samples(findings: Findings, task: Task) -> Iterator[tuple[str, list[str]]]:
    """The first answers of each strategy to the first prompt."""
    seen = set()
    for result in findings.results:
        model = f"{result.cell.model}: " if len(findings.models) > 1 else ""
        label = f"{model}{arm_label(result)}"
        if result.cell.task == task.name and label not in seen:
            seen.add(label)
            yield label, [shorten(task.text(each), 600) for each in result.distribution[:_SHOWN]]
