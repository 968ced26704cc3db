"""What an experiment found, as tables, figures and the report read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vs_core.caller import Complete
from vs_core.candidates import Candidate
from vs_core.equivalence import ByText
from vs_core.errors import ConfigurationError
from vs_core.evaluation.judge import Opinion
from vs_core.evaluation.measures import Answer, Measure
from vs_core.evaluation.runner import Cell, Result
from vs_core.evaluation.tasks.base import Task
from vs_core.metrics.answers import plain
from vs_core.strategies import Strategy

if TYPE_CHECKING:
    from vs_core.evaluation.paper import Expected
    from vs_core.metrics import Agreement, Difference, Interval

__all__ = ["Agreed", "Arm", "Findings", "arm_of"]


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


@dataclass(frozen=True)
class Agreed:
    """How far what is counted by agrees with another equivalence.

    Args:
        answers: Different texts.
        classes: Of them, by what is counted by.
        other_classes: By the other.
        agreement: Pair by pair, within a prompt.
    """

    answers: int
    classes: int
    other_classes: int
    agreement: Agreement


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
        note: What a reader of the report must know.

    Attributes:
        results: What each cell gave.
        scores: Of the judge, by task, prompt and text.
        verdicts: What else a task has a judge say, likewise.
        classes: Of each equivalence by its label: by task and prompt the class of each text. The
            first is what is counted by.
        asked: Whether a model was asked for the answers, so that calls and tokens are known.
        expected: Figures to show beside those that were measured, such as those of the paper.
    """

    asked: bool = True
    expected: Sequence[Expected] = ()

    def __init__(
        self,
        tasks: Mapping[str, Task],
        models: Mapping[str, Complete],
        strategies: Mapping[str, Strategy],
        *,
        n: int,
        k: int,
        price: tuple[float, float] | None,
        note: str,
    ) -> None:
        self.tasks = tasks
        self.models = models
        self.strategies = strategies
        self.n = n
        self.k = k
        self.price = price
        self.note = note
        self.results: list[Result] = []
        self.scores: dict[tuple[str, str, str], float] = {}
        self.verdicts: dict[tuple[str, str, str], Opinion] = {}
        self.classes: dict[str, dict[tuple[str, str], dict[str, int]]] = {}
        self._vectors: dict[str, Any] = {}
        self._arms: dict[Arm, list[list[Answer]]] = {}
        self._intervals: dict[tuple[Arm, str], Interval] = {}
        self._firsts: dict[tuple[str, str, str], str] = {}

    @property
    def heading(self) -> str:
        """What was run, in a line."""
        k = ", ".join(dict.fromkeys(str(each.k) for each in self.strategies.values()))
        return f"{', '.join(self.models)} · n = {self.n} · k = {k} · tasks: {', '.join(self.tasks)}"

    def embedded(self, vectors: Mapping[str, Any]) -> None:
        """Take embeddings of answers, by text."""
        self._vectors.update(vectors)
        self._arms.clear()
        self._intervals.clear()

    @property
    def arms(self) -> dict[Arm, list[list[Answer]]]:
        """The answers of everything that is compared, a group for each run of a prompt.

        Raises:
            ConfigurationError: If the experiment was not run.
        """
        if not self.results:
            raise ConfigurationError("There is nothing to show yet: run() the experiment first.")
        if not self._arms:
            self._firsts = self._first_of_each_class()
            for result in self.results:
                self._arms.setdefault(arm_of(result.cell), []).append(self._answers(result))
        return self._arms

    def interval(self, arm: Arm, measure: Measure) -> Interval:
        """Return a measure of an arm with its 95 % interval; ``nan`` where it cannot be taken."""
        place = arm, measure.name
        if place not in self._intervals:
            self._intervals[place] = measure.of(self.arms[arm])
        return self._intervals[place]

    def baseline(self, task: str, model: str) -> Arm:
        """Return what the other arms of a task are compared with: the direct answers, or the first.

        Raises:
            ConfigurationError: If there is no arm of that task and model.
        """
        own = [arm for arm in self.arms if (arm.task, arm.model) == (task, model)]
        direct = [arm for arm in own if self.strategies[arm.strategy].asks_directly]
        if not own:
            raise ConfigurationError(f"There is no arm of the task {task!r} with {model!r}.")
        return (direct or own)[0]

    def differences(self, task: str, model: str) -> dict[tuple[Arm, str], Difference]:
        """Return how much each arm is over the baseline, by arm and measure.

        P-values are corrected for all that are looked at here (Holm 1979).
        """
        from vs_core.metrics import corrected

        base = self.baseline(task, model)
        found = {
            (arm, measure.name): measure.difference(groups, self.arms[base])
            for arm, groups in self.arms.items()
            if (arm.task, arm.model) == (task, model) and arm != base
            for measure in self.tasks[task].measures
        }
        return corrected({place: each for place, each in found.items() if each.units})

    def _answers(self, result: Result) -> list[Answer]:
        task = self.tasks[result.cell.task]
        return [self._answer(task, result.cell, candidate) for candidate in result.distribution]

    def _answer(self, task: Task, cell: Cell, candidate: Candidate) -> Answer:
        item = task.items[cell.item]
        text = task.text(candidate)
        verdict = self.verdicts.get((task.name, item.prompt, text))
        right = None if verdict is None else verdict.right()
        return Answer(
            candidate,
            item,
            text,
            task.named(item, candidate),
            task.counts(candidate),
            task.right(item, candidate) if right is None else right,
            self.scores.get((task.name, item.prompt, text)),
            self._vectors.get(text),
            (cell.item, cell.run, task.unit(candidate)),
            self._firsts.get((task.name, item.prompt, text), ""),
            verdict,
        )

    def _unnamed(self) -> dict[tuple[str, str], list[str]]:
        """The different texts by task and prompt that are no right answer, where repeats matter."""
        found: dict[tuple[str, str], dict[str, None]] = {}
        for result in self.results:
            task = self.tasks[result.cell.task]
            item = task.items[result.cell.item]
            if task.repeats:
                continue
            texts = found.setdefault((task.name, item.prompt), {})
            for each in result.distribution:
                if task.counts(each) and task.named(item, each) is None:
                    texts[task.text(each)] = None
        return {place: list(texts) for place, texts in found.items()}

    def _first_of_each_class(self) -> dict[tuple[str, str, str], str]:
        """The first text that is the same, by task, prompt and text."""
        found = {}
        for (task, prompt), classes in next(iter(self.classes.values()), {}).items():
            firsts = {number: text for text, number in reversed(classes.items())}
            for text, number in classes.items():
                found[task, prompt, text] = plain(firsts[number])
        return found

    def agreements(self, task: str) -> dict[tuple[str, str], Agreed]:
        """Return how far what is counted by agrees with each other equivalence, and with texts."""
        from vs_core.metrics import agreement

        by = dict(self.classes)
        if not by:
            return {}
        counts = next(iter(by))
        texts = ByText()
        by.setdefault(
            texts.label,
            {place: dict(zip(own, texts.classes([*own]), strict=True))
             for place, own in by[counts].items()},
        )  # fmt: skip
        rows = {
            label: [
                (place, number)
                for place, own in places.items()
                if place[0] == task
                for number in own.values()
            ]
            for label, places in by.items()
        }
        first = rows.pop(counts)
        return {
            (counts, label): Agreed(
                len(first), len(set(first)), len(set(other)),
                agreement(first, other, groups=[place for place, _ in first]),
            )
            for label, other in rows.items()
            if first
        }  # fmt: skip

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
