"""Does it help on my task with my model, and what does it cost? (extra ``metrics``).

`Experiment` asks a model for answers to a task by several strategies, measures them, and draws the
figures of Zhang et al. 2025 for them. `score` measures answers that are there already. ``vs
compare`` and ``vs score`` do the same from the command line, and ``docs/evaluation.md`` shows all.

Importing this package loads nothing heavy: a name loads its module at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vs_core.errors import raise_missing_extra

if TYPE_CHECKING:
    from vs_core.evaluation.experiment import Experiment
    from vs_core.evaluation.items import Item, read_items
    from vs_core.evaluation.judge import LLMJudge
    from vs_core.evaluation.measures import Answer, Measure
    from vs_core.evaluation.runner import Cell, Result
    from vs_core.evaluation.sameness import SameJudge
    from vs_core.evaluation.scoring import Columns, Scores, score
    from vs_core.evaluation.simulated import simulated_tasks
    from vs_core.evaluation.tasks.base import Task, task_of

__all__ = [
    "Answer",
    "Cell",
    "Columns",
    "Experiment",
    "Item",
    "LLMJudge",
    "Measure",
    "Result",
    "SameJudge",
    "Scores",
    "Task",
    "read_items",
    "score",
    "simulated_tasks",
    "task_of",
]

_HOMES = {
    "Answer": "measures",
    "Cell": "runner",
    "Columns": "scoring",
    "Experiment": "experiment",
    "Item": "items",
    "LLMJudge": "judge",
    "Measure": "measures",
    "Result": "runner",
    "SameJudge": "sameness",
    "Scores": "scoring",
    "Task": "tasks.base",
    "read_items": "items",
    "score": "scoring",
    "simulated_tasks": "simulated",
    "task_of": "tasks.base",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _module(name: str) -> Any:
    try:
        return import_module(f"{__name__}.{name}")
    except ImportError as error:
        raise_missing_extra("metrics", error)
