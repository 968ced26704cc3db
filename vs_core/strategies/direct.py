"""Direct prompting, the baseline: one answer a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from vs_core.messages import Message
from vs_core.strategies.base import Flow, Strategy
from vs_core.strategies.calls import parallel

__all__ = ["Direct"]


@dataclass(frozen=True, kw_only=True)
class Direct(Strategy):
    """Ask n times for one answer, as users do without Verbalized Sampling.

    Candidates carry no probability, so their weights are uniform. ``n`` defaults to ``k``, which
    is 1 here unless it is given: one answer a call leaves ``k`` no other meaning.
    """

    name: ClassVar[str] = "direct"

    k: int = 1

    def instruction(self, k: int) -> str:  # noqa: ARG002
        """Nothing: the task goes to the model as it is."""
        return ""

    def shape(self, k: int) -> None:  # noqa: ARG002
        """None: any text is an answer."""
        return

    def sizes(self) -> list[int]:
        """One candidate a call."""
        return [1] * (self.n or self.k)

    def flow(self, task: Sequence[Message]) -> Flow:
        """n independent calls."""
        return parallel(self, task)
