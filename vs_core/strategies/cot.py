"""Chain of thought, a baseline: one answer a call, after reasoning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from vs_core.formats.base import Shape
from vs_core.messages import Message
from vs_core.strategies.base import Flow, Strategy
from vs_core.strategies.calls import parallel

__all__ = ["CoT"]

S = TypeVar("S", bound="CoT")


@dataclass(frozen=True, kw_only=True)
class CoT(Strategy):
    """Ask n times for one answer that follows reasoning. No probabilities; weights are uniform."""

    name: ClassVar[str] = "cot"

    k: int = 1

    def instruction(self, k: int) -> str:  # noqa: ARG002
        """To reason first."""
        return self.words.reason_once

    def shape(self, k: int) -> Shape:  # noqa: ARG002
        """Reasoning, and one response."""
        return Shape(
            k=1, definition=None, reasoning=True, schema=self._json_schema(), strict=self.strict
        )

    def sizes(self) -> list[int]:
        """One candidate a call."""
        return [1] * self.in_all

    def for_one_draw(self: S) -> S:
        """Return this strategy asking once: more calls would only be more draws."""
        return self.replace(k=1, n=1)

    def flow(self, task: Sequence[Message]) -> Flow:
        """n independent calls."""
        return parallel(self, task)
