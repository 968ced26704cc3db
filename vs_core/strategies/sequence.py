"""Sequence prompting, a baseline: a plain list of k."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from vs_core.formats.base import Shape
from vs_core.messages import Message
from vs_core.strategies.base import Flow, Strategy
from vs_core.strategies.calls import parallel

__all__ = ["SequenceList"]


@dataclass(frozen=True, kw_only=True)
class SequenceList(Strategy):
    """Ask for a list of k responses, without probabilities; weights are uniform."""

    name: ClassVar[str] = "sequence"

    def instruction(self, k: int) -> str:
        """To give k responses."""
        return self.words.sequence.format(k=k, n=self.in_all)

    def shape(self, k: int) -> Shape:
        """k responses without probabilities."""
        return Shape(k=k, definition=None, schema=self._json_schema(), strict=self.strict)

    def flow(self, task: Sequence[Message]) -> Flow:
        """⌈n/k⌉ independent calls."""
        return parallel(self, task)
