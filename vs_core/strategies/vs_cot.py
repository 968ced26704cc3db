"""VS-CoT: reason about angles first, then k responses with probabilities."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

from vs_core.formats.base import Shape
from vs_core.strategies.vs_standard import VSStandard

__all__ = ["VSCoT"]


@dataclass(frozen=True, kw_only=True)
class VSCoT(VSStandard):
    """VS-Standard after reasoning, which the distribution keeps (Zhang et al. 2025, section 4)."""

    name: ClassVar[str] = "vs_cot"

    def instruction(self, k: int) -> str:
        """That of VS-Standard, and to reason first."""
        return f"{super().instruction(k)}\n{self.words.reason.format(k=k)}".strip()

    def shape(self, k: int) -> Shape:
        """That of VS-Standard, with reasoning."""
        shape = super().shape(k)
        assert shape is not None  # noqa: S101  # for the type checker: VS-Standard has a shape
        return dataclasses.replace(shape, reasoning=True)
