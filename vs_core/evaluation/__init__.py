"""Does it help on my task with my model, and what does it cost? (extra ``metrics``).

`Experiment` asks a model for answers to a task by several strategies, measures them, and draws the
figures of Zhang et al. 2025 for them. `score` measures answers that are there already. ``vs
compare`` and ``vs score`` do the same from the command line, and ``docs/evaluation.md`` shows all.

Importing this package loads nothing heavy: a name loads its module at first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vs_core.lazy import lazily

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
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "experiment": ("Experiment",),
            "items": ("Item", "read_items"),
            "judge": ("LLMJudge",),
            "measures": ("Answer", "Measure"),
            "runner": ("Cell", "Result"),
            "sameness": ("SameJudge",),
            "scoring": ("Columns", "Scores", "score"),
            "simulated": ("simulated_tasks",),
            "tasks.base": ("Task", "task_of"),
        },
        extra="metrics",
    )

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
