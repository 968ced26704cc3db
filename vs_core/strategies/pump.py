"""The one place that steps through a flow: what to answer now, take these answers, the result.

Drivers answer the requests of a pump. A flow that is made of flows steps through each of them with
a pump of its own, as `Pump.flow`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

from vs_core.candidates import Distribution
from vs_core.messages import Completion, Request, total_usage

__all__ = ["LEFT_OUT", "Flow", "Interrupted", "Pump", "Rounds"]

Flow = Generator[Sequence[Request], Sequence[Completion], Distribution]
"""A strategy at work: yields rounds of independent requests, is sent their completions."""

Rounds = Generator[Sequence[Request], Sequence[Completion], None]
"""A part of a flow."""

LEFT_OUT = ("surplus", "invalid", "unread", "failed")
"""Keys of the metadata that list what an answer held and the distribution does not."""


class Interrupted(BaseException):
    """Thrown into a flow in the place of its answers: a call failed for good, or the user left.

    No `Exception`, for no flow is to go on after it. A flow that has candidates in hand leaves
    them in ``partial`` on its way out.

    Args:
        completions: The answers of the round that had come in; None for each that had not.
    """

    def __init__(self, completions: Sequence[Completion | None]) -> None:
        super().__init__()
        self.completions = completions
        self.partial: Distribution | None = None


class Pump:
    """A flow, stepped through.

    Args:
        flow: The flow, not begun. It runs to its first round at once.

    Attributes:
        requests: What is to be answered now, numbered through from 0; empty at the end.
        result: The distribution, once there is one.
        completions: The answers so far, in the order of their requests.

    Raises:
        ParseError: From here or from `take`, if the flow comes to no distribution.
    """

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self.requests: Sequence[Request] = ()
        self.result: Distribution | None = None
        self.completions: list[Completion] = []
        self._advance(None)

    @property
    def calls(self) -> int:
        """How many calls were answered."""
        return len(self.completions)

    @property
    def usage(self) -> dict[str, int]:
        """Tokens of all calls."""
        return total_usage(self.completions)

    @property
    def value(self) -> Distribution:
        """The result of a flow that is at its end."""
        assert self.result is not None, "the flow is not at its end"  # noqa: S101
        return self.result

    def take(self, completions: Sequence[Completion]) -> None:
        """Take in the answers to ``requests``, in their order, and go on to the next round."""
        self.completions += completions
        self._advance(completions)

    def _advance(self, completions: Sequence[Completion] | None) -> None:
        self.requests = ()
        try:
            asked = next(self._flow) if completions is None else self._flow.send(completions)
        except StopIteration as stop:
            self.result = stop.value
            return
        self.requests = [
            request if request.call == number else replace(request, call=number)
            for number, request in enumerate(asked, start=self.calls)
        ]

    def interrupt(
        self, error: BaseException, completions: Sequence[Completion | None] = ()
    ) -> NoReturn:
        """End the flow for an error; raise that, with what is in hand as its ``partial``.

        Args:
            error: What ended it.
            completions: The answers of this round that had come in; None for the others.
        """
        interrupted = Interrupted(completions)
        with suppress(Interrupted, StopIteration):
            self._flow.throw(interrupted)
        with suppress(AttributeError, TypeError):  # some errors take no attributes
            error.partial = interrupted.partial  # type: ignore[attr-defined]
        raise error

    def flow(self) -> Flow:
        """Return this pump as a flow, for the flow of which it is a part."""
        try:
            while self.requests:
                try:
                    completions = yield self.requests
                except Interrupted as interrupted:
                    self._flow.throw(interrupted)
                    raise
                self.take(completions)
            return self.value
        finally:
            self.close()

    def close(self) -> None:
        """End the flow where it stands."""
        self._flow.close()
