"""How many calls may be in flight: fewer where a provider pushes back, and slowly more again."""

from __future__ import annotations

import asyncio
from types import TracebackType

__all__ = ["Gate"]


class Gate:
    """Lets so many in at once, as an async context manager.

    Additive increase and multiplicative decrease, as TCP has it (Chiu and Jain 1989): a push-back
    halves how many are let in, and as many good ends as are let in allow for one more.

    Args:
        most: How many at once, at least 1, where nothing pushes back.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._allowed = float(most)
        self._inside = 0
        self._changed = asyncio.Condition()
        self.lowered = 0
        """How often it was."""

    @property
    def allowed(self) -> int:
        """How many are let in at once by now, at least 1."""
        return int(self._allowed)

    async def __aenter__(self) -> Gate:
        async with self._changed:
            await self._changed.wait_for(lambda: self._inside < self.allowed)
            self._inside += 1
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        async with self._changed:
            self._inside -= 1
            self._changed.notify(2)  # one more may be let in than before

    def push_back(self, began: int) -> None:
        """Let fewer in.

        Args:
            began: `lowered` when the call that was pushed back began. The other calls of that
                time are pushed back for the same reason, which counts once.
        """
        if began == self.lowered:
            self._allowed = max(1.0, self._allowed / 2)
            self.lowered += 1

    def went_well(self) -> None:
        """Let a little more in."""
        self._allowed = min(float(self._most), self._allowed + 1 / self._allowed)
