"""VS-Standard: k responses, each with its probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from vs_core.messages import Message
from vs_core.strategies.base import Flow, Strategy
from vs_core.strategies.calls import parallel

__all__ = ["VSStandard"]


@dataclass(frozen=True, kw_only=True)
class VSStandard(Strategy):
    """Ask for k responses with their probabilities in one call (Zhang et al. 2025, section 4)."""

    name: ClassVar[str] = "vs_standard"

    def instruction(self, k: int) -> str:
        """To give k responses with probabilities, sampled from the distribution or its tails."""
        sampling = self.words.sampling(self.threshold)
        return self.words.verbalize.format(k=k, n=self.in_all, sampling=sampling)

    def flow(self, task: Sequence[Message]) -> Flow:
        """⌈n/k⌉ independent calls."""
        return parallel(self, task)
