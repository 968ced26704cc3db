"""What the simulated model has to know to answer the questions of the evaluation."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vs_core.evaluation.items import Item
from vs_core.evaluation.tasks.base import Task
from vs_core.testing.tasks import TASKS, SimulatedTask

__all__ = ["simulated_tasks"]

_DONATION = SimulatedTask(
    "donation",
    r"\bdollars do you donate\b",
    {"0": 4, "1": 3, "2": 2, "0.5": 2, "1.5": 1, "0.25": 1, "0.75": 0.5, "1.25": 0.5},
)


def simulated_tasks(tasks: Iterable[Task]) -> tuple[SimulatedTask, ...]:
    """Return tasks for `vs_core.testing.SimulatedModel`: it is told the right answers.

    Its base distribution is the reference of an item, or falls off over its right answers in the
    order in which they stand. What it knew before, it knows still. All of it is made for testing.
    """
    taught = [
        SimulatedTask(item.prompt[:60], re.escape(item.prompt[-200:]), weights)
        for task in tasks
        if task.schema is None
        for item in task.items
        if (weights := _weights(item))
    ]
    return (*taught, _DONATION, *TASKS)


def _weights(item: Item) -> dict[str, float]:
    if item.reference:
        return {answer: weight for answer, weight in item.reference.items() if weight > 0}
    return {answer: rank**-0.5 for rank, answer in enumerate(item.truth or {}, start=1)}
