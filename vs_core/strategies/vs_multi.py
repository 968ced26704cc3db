"""VS-Multi: several turns; each asks for further, different responses with probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from vs_core.messages import Message
from vs_core.strategies.base import Flow
from vs_core.strategies.calls import turns
from vs_core.strategies.vs_standard import VSStandard

__all__ = ["VSMulti"]


@dataclass(frozen=True, kw_only=True)
class VSMulti(VSStandard):
    """One conversation of ⌈n/k⌉ turns of k candidates (Zhang et al. 2025, section 4).

    ``n`` defaults to 2·k, two turns: with one it would be VS-Standard.
    """

    name: ClassVar[str] = "vs_multi"

    def sizes(self) -> list[int]:
        """k candidates a turn; two turns unless n says otherwise."""
        return super().sizes() if isinstance(self.n, int) else [self.k] * 2

    def flow(self, task: Sequence[Message]) -> Flow:
        """The turns, one after the other, with the history kept."""
        return turns(self, task)
