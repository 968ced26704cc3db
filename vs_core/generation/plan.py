"""What a run asks for: which rows, how each is asked, and until when."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from vs_core.candidates import plain_text
from vs_core.equivalence import Equivalence
from vs_core.errors import ConfigurationError
from vs_core.generation.distinct import Taken, distinct
from vs_core.generation.tasks import Prompting, RowTask, checked
from vs_core.strategies import Flow
from vs_core.tables import rows_of

__all__ = ["Plan"]


class Plan:
    """What is asked, whatever asks it. It can be pickled, so that another machine may go by it.

    Args:
        prompting: How a row becomes a task.
        limit: Most rows of the table; None for all.
        until_distinct: Ask until each row has exactly so many different answers.
        avoid_seen: With it: tell the model what came already.
        calls_a_row: With it: most calls a row.
        same: With it: what makes two answers the same; None for their text, without regard to case
            and white space.
        unseen: With it: end a row where so little probability is left to see.
        unique: With it: no answer counts that another row has.

    Raises:
        ConfigurationError: If a number is not at least 1.
    """

    def __init__(
        self,
        prompting: Prompting,
        *,
        limit: int | None = None,
        until_distinct: int | None = None,
        avoid_seen: bool = False,
        calls_a_row: int = 20,
        same: Equivalence | None = None,
        unseen: float | None = None,
        unique: bool = False,
    ) -> None:
        self.prompting = prompting
        self.strategy = prompting.strategy
        self.limit = limit
        self._wanted = until_distinct
        self._avoid_seen = avoid_seen
        self._calls_a_row = calls_a_row
        self._same = same
        self._unseen = unseen
        self.taken = Taken() if unique and until_distinct is not None else None
        if until_distinct is None:
            given = {"avoid_seen": avoid_seen, "same": same, "unseen": unseen}
            if idle := [name for name, value in given.items() if value]:
                raise ConfigurationError(f"{', '.join(idle)} goes with until_distinct.")
        else:
            distinct(self.strategy, (), until_distinct, budget=calls_a_row, unseen=unseen)

    @property
    def settings(self) -> dict[str, Any]:
        """What the answers depend on, as JSON can write it."""
        return {
            **self.prompting.settings,
            "until_distinct": self._wanted,
            "avoid_seen": self._avoid_seen,
            "same": None if self._same is None else self._same.label,
            "unseen": self._unseen,
        }

    @property
    def blocks(self) -> bool:
        """Whether its flows call others in between, as embedders."""
        return self._same is not None

    def count(self, table: Any) -> int:
        """Look at each row, and return how many are asked; raises what `checked` does."""
        return checked(self.prompting, table, self.limit)

    def tasks(self, table: Any) -> Iterator[RowTask]:
        """Yield the tasks of a table, in order."""
        return self.prompting.tasks(islice(rows_of(table), self.limit))

    def flow(self, task: RowTask) -> Flow:
        """Return the flow of a task."""
        if self._wanted is None:
            return self.strategy.flow(task.messages)
        return distinct(
            self.strategy, task.messages, self._wanted,
            budget=self._calls_a_row, avoid_seen=self._avoid_seen, same=self._same or plain_text,
            unseen=self._unseen, taken=self.taken, owner=task.id,
        )  # fmt: skip
