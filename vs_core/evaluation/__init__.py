"""Does it help on my task with my model, and what does it cost? (extra ``metrics``).

`Experiment` asks a model for answers to a task by several strategies, measures them, and draws the
figures of Zhang et al. 2025 for them. ``vs compare`` does the same from the command line, and
``docs/evaluation.md`` shows both.

Importing this package loads nothing heavy: a name loads its module at first use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from vs_core.errors import raise_missing_extra
from vs_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from vs_core.evaluation.experiment import Experiment
    from vs_core.evaluation.judge import LLMJudge
    from vs_core.evaluation.measures import Answer, Measure
    from vs_core.evaluation.runner import Cell, Result
    from vs_core.evaluation.simulated import simulated_tasks
    from vs_core.evaluation.tasks.base import Item, Task, read_items

__all__ = [
    "Answer",
    "Cell",
    "Experiment",
    "Item",
    "LLMJudge",
    "Measure",
    "Result",
    "Task",
    "read_items",
    "simulated_tasks",
]

_HOMES = {
    "Answer": "measures",
    "Cell": "runner",
    "Experiment": "experiment",
    "Item": "tasks.base",
    "LLMJudge": "judge",
    "Measure": "measures",
    "Result": "runner",
    "Task": "tasks.base",
    "read_items": "tasks.base",
    "simulated_tasks": "simulated",
}

_TASKS = {
    "poem": "creative",
    "story": "creative",
    "joke": "creative",
    "states": "questions",
    "questions": "questions",
    "dice": "chance",
    "coin": "chance",
    "digit": "chance",
    "math_questions": "synthetic",
    "wrong_solutions": "synthetic",
    "dialogue": "dialogue",
    "safety": "safety",
}
"""The built-in tasks by the module that makes them."""


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


@hookimpl
def vs_tasks() -> Mapping[str, Callable[..., Task]]:
    """Register the tasks: a factory takes ``file``, and what else its module says."""
    return {name: partial(_made, module, name) for name, module in _TASKS.items()}


def _made(module: str, name: str, **options: Any) -> Task:
    task: Task = getattr(_module(f"tasks.{module}"), name)(**options)
    return task
