"""What an experiment found, as tables, figures and the report read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vs_core.candidates import Candidate
from vs_core.errors import ConfigurationError
from vs_core.evaluation.items import Item
from vs_core.evaluation.measures import Answer, Measure
from vs_core.evaluation.runner import Cell, Complete, Result
from vs_core.evaluation.tasks.base import Task
from vs_core.strategies import Strategy

if TYPE_CHECKING:
    from vs_core.metrics import Interval

__all__ = ["Arm", "Findings", "arm_of"]


@dataclass(frozen=True)
class Arm:
    """What is compared: one strategy, on one task, with one model and threshold.

    Args:
        model: Name of the model.
        task: Name of the task.
        strategy: Name of the strategy.
        threshold: Below which every probability was asked to be; None for no limit.
    """

    model: str
    task: str
    strategy: str
    threshold: float | None = None

    @property
    def label(self) -> str:
        """Strategy and threshold, as figures name them."""
        return self.strategy if self.threshold is None else f"{self.strategy} < {self.threshold:g}"


def arm_of(cell: Cell) -> Arm:
    """Return what a cell is a part of."""
    return Arm(cell.model, cell.task, cell.strategy, cell.threshold)


class Findings:
    """The answers of an experiment and what is measured of them.

    Args:
        tasks: The tasks by name.
        models: The models by name.
        strategies: The strategies by name.
        n: Answers to each prompt.
        k: Candidates a call.
        price: Of a million input and of a million output tokens; None where it is not known.
        resamples: Of the bootstrap behind each interval.
        seed: Of the intervals.
        note: What a reader of the report must know.

    Attributes:
        results: What each cell gave.
        scores: Of the judge, by task, prompt and text.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        models: Mapping[str, Complete],
        strategies: Mapping[str, Strategy],
        *,
        n: int,
        k: int,
        price: tuple[float, float] | None,
        resamples: int,
        seed: int,
        note: str,
    ) -> None:
        self.tasks = tasks
        self.models = models
        self.strategies = strategies
        self.n = n
        self.k = k
        self.price = price
        self.resamples = resamples
        self.seed = seed
        self.note = note
        self.results: list[Result] = []
        self.scores: dict[tuple[str, str, str], float] = {}
        self._vectors: dict[str, Any] = {}
        self._arms: dict[Arm, list[list[Answer]]] = {}
        self._intervals: dict[tuple[Arm, str], Interval] = {}

    @property
    def arms(self) -> dict[Arm, list[list[Answer]]]:
        """The answers of everything that is compared, a group for each run of a prompt.

        Raises:
            ConfigurationError: If the experiment was not run.
        """
        if not self.results:
            raise ConfigurationError("There is nothing to show yet: run() the experiment first.")
        if not self._arms:
            for result in self.results:
                self._arms.setdefault(arm_of(result.cell), []).append(self._answers(result))
        return self._arms

    def interval(self, arm: Arm, measure: Measure) -> Interval:
        """Return a measure of an arm with its 95 % interval; ``nan`` where it cannot be taken."""
        place = arm, measure.name
        if place not in self._intervals:
            self._intervals[place] = measure.of(
                self.arms[arm], resamples=self.resamples, seed=self.seed
            )
        return self._intervals[place]

    def _answers(self, result: Result) -> list[Answer]:
        task = self.tasks[result.cell.task]
        item = task.items[result.cell.item]
        return [self._answer(task, item, candidate) for candidate in result.distribution]

    def _answer(self, task: Task, item: Item, candidate: Candidate) -> Answer:
        text = task.text(candidate)
        return Answer(
            candidate,
            item,
            text,
            task.named(item, candidate),
            task.counts(candidate),
            task.right(item, candidate),
            self.scores.get((task.name, item.prompt, text)),
            self._vectors.get(text),
        )

    def results_of(self, arm: Arm) -> list[Result]:
        """Return the results of one arm, in order."""
        return [result for result in self.results if arm_of(result.cell) == arm]

    def missing(self, result: Result) -> int:
        """Return how many candidates a run was asked for and did not give."""
        task = self.tasks[result.cell.task]
        return max(0, result.cell.n - sum(map(task.asked_for, result.distribution)))

    def _texts(self, result: Result) -> list[str]:
        task = self.tasks[result.cell.task]
        return [task.text(each) for each in result.distribution if task.counts(each)]

    def _task(self, name: str | None) -> Task:
        if name is None and len(self.tasks) == 1:
            return next(iter(self.tasks.values()))
        if name is None or name not in self.tasks:
            raise ConfigurationError(f"Name one of the tasks: {', '.join(self.tasks)}.")
        return self.tasks[name]
