"""Multi-turn prompting, a baseline: one more answer each turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from vs_core.messages import Message
from vs_core.strategies.base import Flow
from vs_core.strategies.calls import turns
from vs_core.strategies.direct import Direct

__all__ = ["MultiTurn"]

S = TypeVar("S", bound="MultiTurn")


@dataclass(frozen=True, kw_only=True)
class MultiTurn(Direct):
    """One conversation of n turns: each asks for one more, different answer as plain text."""

    name: ClassVar[str] = "multi_turn"
    asks_directly: ClassVar[bool] = False

    k: int = 5

    def further(self, k: int) -> str:
        """For one more answer."""
        return f"{self.words.another}\n\n{self.format_instructions(k)}".rstrip()

    def for_one_draw(self: S) -> S:
        """Return this strategy with its turns: each answer depends on those before."""
        return self.replace(n=self.k)

    def flow(self, task: Sequence[Message]) -> Flow:
        """n turns, one after the other."""
        return turns(self, task)
