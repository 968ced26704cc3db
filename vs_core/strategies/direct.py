"""Direct prompting, the baseline: one answer a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from vs_core.formats.base import Shape
from vs_core.messages import Message
from vs_core.strategies.base import Flow, Strategy
from vs_core.strategies.calls import parallel

__all__ = ["Direct"]

S = TypeVar("S", bound="Direct")


@dataclass(frozen=True, kw_only=True)
class Direct(Strategy):
    """Ask n times for one answer, as users do without Verbalized Sampling.

    Candidates carry no probability, so their weights are uniform. ``n`` defaults to ``k``, which
    is 1 here unless it is given: one answer a call leaves ``k`` no other meaning.

    Args:
        written: Ask for the answer in the format, where otherwise any text would do.
    """

    name: ClassVar[str] = "direct"
    asks_directly: ClassVar[bool] = True

    k: int = 1
    written: bool = field(default=False, repr=False)

    def instruction(self, k: int) -> str:  # noqa: ARG002
        """Nothing, unless the prompts say so: the task goes to the model as it is."""
        return self.words.direct

    def shape(self, k: int) -> Shape | None:
        """None: any text is an answer. With ``written``, one answer in the format."""
        return (
            Shape(k=k, definition=None, schema=self._json_schema(), strict=self.strict)
            if self.written
            else None
        )

    def typed(self: S, schema: Any) -> S:
        """Return this strategy asking for one answer of a type, which has to be written down."""
        return self.replace(schema=schema, written=True)

    def for_one_draw(self: S) -> S:
        """Return this strategy asking once: more calls would only be more draws."""
        return self.replace(k=1, n=1)

    def sizes(self) -> list[int]:
        """One candidate a call."""
        return [1] * self.in_all

    def flow(self, task: Sequence[Message]) -> Flow:
        """n independent calls."""
        return parallel(self, task)
