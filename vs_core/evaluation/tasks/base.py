"""What a task is: prompts, how they are asked, and what is measured of the answers."""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import BaseModel

from vs_core.candidates import Candidate
from vs_core.errors import ConfigurationError
from vs_core.evaluation.items import Item
from vs_core.evaluation.judge import GRADE, Opinion, Verdict
from vs_core.evaluation.measures import (
    DISTINCT,
    LEXICAL,
    QUALITY,
    SEMANTIC,
    UTILITY,
    Measure,
)
from vs_core.messages import as_messages
from vs_core.plugins import plugins
from vs_core.strategies import Flow, Strategy

__all__ = ["Task", "task_of"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """What strategies are compared on. A plugin registers more (hook ``vs_tasks``).

    Args:
        name: Identifies it.
        items: The prompts, at least one.
        measures: What is measured of the answers; see `vs_core.evaluation.Measure`.
        diversity: Name of the measure that stands for diversity in figures; where it could not be
            taken (no embeddings), the first of ``measures`` that could.
        quality: Name of the measure that stands for quality where no judge was asked, or "".
        schema: Type of the answers; None for plain text. See `vs_core.Strategy`.
        rubric: What makes an answer good, for a judge.
        opinion: What a judge is asked for; another than a grade is in ``Answer.verdict``.
        question: How it is asked for that.
        repeats: Whether an answer that came before is as useful as a new one.
        on_unparsed: What becomes of an answer that cannot be read; see `vs_core.Strategy`.

    Raises:
        ConfigurationError: If there is no prompt.
    """

    name: str
    items: Sequence[Item]
    measures: Sequence[Measure] = (SEMANTIC, LEXICAL, DISTINCT, QUALITY, UTILITY)
    diversity: str = "semantic_diversity"
    quality: str = ""
    schema: Any = None
    rubric: str = "The answer does what the request asks for, and does it well."
    opinion: type[Opinion] = Verdict
    question: str = GRADE
    repeats: bool = False
    on_unparsed: Literal["raise", "single"] = "raise"

    about: ClassVar[str] = "n answers to each prompt"

    def __post_init__(self) -> None:
        if not self.items:
            raise ConfigurationError(f"The task {self.name!r} has no prompt.")

    # --- asking --------------------------------------------------------------------------------

    def sizes(self, n: int) -> list[tuple[int, int]]:
        """Return the runs for n answers: the place of the item, and how many answers of it."""
        return [(place, n) for place in range(len(self.items))]

    def adapted(self, strategy: Strategy) -> Strategy:
        """Return the strategy as this task asks: with its type, and what to do if unreadable."""
        if "on_unparsed" not in strategy.given:
            strategy = strategy.replace(on_unparsed=self.on_unparsed)
        strategy = strategy.replace(prompts=strategy.prompts.for_task(self.name))
        return strategy if self.schema is None else strategy.typed(self.schema)

    def flow(self, item: Item, strategy: Strategy, rng: random.Random) -> Flow:  # noqa: ARG002
        """Return the flow that answers one item; it does no I/O, see `vs_core.driver`.

        Args:
            item: The prompt.
            strategy: As `adapted`, with ``n`` set.
            rng: For draws; a run that is resumed gets it in the same state.
        """
        return strategy.flow(as_messages(item.prompt))

    def calls(self, strategy: Strategy) -> int:
        """Return how many model calls a flow takes if every answer can be read."""
        return len(strategy.sizes())

    def unit(self, candidate: Candidate) -> Hashable:
        """Return what of a run a candidate depends on, such as its call: the unit of intervals."""
        return candidate.call

    # --- reading -------------------------------------------------------------------------------

    def text(self, candidate: Candidate) -> str:
        """Return what is compared and judged of an answer."""
        return candidate.text

    def asked_for(self, candidate: Candidate) -> bool:  # noqa: ARG002
        """Return whether a candidate is one of the n, and not said on the way there."""
        return True

    def counts(self, candidate: Candidate) -> bool:
        """Return whether a candidate is an answer at all, and of the right type."""
        return bool(candidate.text.strip()) and (
            self.schema is None or isinstance(candidate.value, BaseModel)
        )

    def named(self, item: Item, candidate: Candidate) -> str | None:
        """Return the right answer that a candidate gives, by its first spelling; None for none."""
        return item.answer(self.text(candidate))

    def right(self, item: Item, candidate: Candidate) -> bool:
        """Return whether an answer is right, where the task can tell; otherwise True."""
        return not item.truth or self.named(item, candidate) is not None


def task_of(task: str | Task, **options: Any) -> Task:
    """Return a task made with ``options`` by name, or the given one.

    Raises:
        ConfigurationError: If the name is unknown, an option cannot work, or options are given with
            an object.
        MissingExtraError: If the extra ``metrics`` is not installed.
    """
    made: Task = plugins.make("tasks", task, **options)
    return made
