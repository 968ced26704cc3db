"""Multi-turn prompting, a baseline: one more answer each turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from vs_core.messages import Message
from vs_core.strategies.base import Flow
from vs_core.strategies.calls import turns
from vs_core.strategies.direct import Direct

__all__ = ["MultiTurn"]


@dataclass(frozen=True, kw_only=True)
class MultiTurn(Direct):
    """One conversation of n turns: each asks for one more, different answer as plain text."""

    name: ClassVar[str] = "multi_turn"

    k: int = 5

    def further(self, k: int) -> str:  # noqa: ARG002
        """For one more answer."""
        return self.prompts.another

    def flow(self, task: Sequence[Message]) -> Flow:
        """n turns, one after the other."""
        return turns(self, task)
