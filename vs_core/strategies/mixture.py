"""Several flows as one: what is too long for one call becomes several, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from functools import reduce
from itertools import islice
from operator import add
from typing import Any

from vs_core.candidates import Candidate, Distribution
from vs_core.errors import ParseError
from vs_core.messages import Completion, Request
from vs_core.strategies.calls import LEFT_OUT
from vs_core.strategies.pump import Flow, Interrupted, Pump

__all__ = ["mixture"]


def mixture(flows: Sequence[Flow]) -> Flow:
    """Return a flow that runs flows side by side and mixes their distributions in equal parts.

    Their rounds go out together, so the calls run concurrently. Of m distributions each candidate's
    probability counts 1/m: that is its probability if each of the parts is as likely to be the one
    that matters. One flow stays as it is.

    Args:
        flows: At least one, none of them begun.

    Raises:
        ParseError: If none of them gave a distribution; if some did, ``metadata["unread"]`` of the
            mixture holds the texts of the others.
    """
    if len(flows) == 1:
        return (yield from flows[0])
    parts = [_Part(flow) for flow in flows]
    try:
        while requests := [request for part in parts for request in part.requests]:
            try:
                completions = iter((yield requests))
            except Interrupted as interrupted:
                interrupted.partial = _in_hand(parts, interrupted.completions)
                raise
            for part in parts:
                part.receive(list(islice(completions, len(part.requests))))
        return _mixed(parts)
    finally:
        for part in parts:
            part.close()


class _Part:
    """One of the flows, and what it came to."""

    def __init__(self, flow: Flow) -> None:
        self._pump = Pump(flow)
        self.result: Distribution | None = None
        self.error: ParseError | None = None
        self.close = self._pump.close

    @property
    def requests(self) -> Sequence[Request]:
        return self._pump.requests

    def receive(self, completions: Sequence[Completion]) -> None:
        if not self.requests:
            return
        try:
            self._pump.take(completions)
        except ParseError as error:
            self.error = error
        self.result = self._pump.result

    def interrupt(self, completions: Sequence[Completion | None]) -> None:
        """End it where it stands; its result is what it has in hand."""
        if self.requests:
            stop = _Stop()
            with suppress(_Stop):
                self._pump.interrupt(stop, completions)
            self.result = stop.partial


class _Stop(Exception):  # noqa: N818  # it carries what a part has in hand, and ends here
    partial: Distribution | None = None


def _in_hand(
    parts: Sequence[_Part], completions: Sequence[Completion | None]
) -> Distribution | None:
    answers = iter(completions)
    for part in parts:
        part.interrupt(list(islice(answers, len(part.requests))))
    return _mixed(parts) if any(part.result for part in parts) else None


def _mixed(parts: Sequence[_Part]) -> Distribution:
    results = [part.result for part in parts if part.result is not None]
    errors = [part.error for part in parts if part.error is not None]
    if not results:
        raise errors[0]

    def share(candidate: Candidate) -> Candidate:
        if candidate.probability is None:
            return candidate
        return candidate.model_copy(update={"probability": candidate.probability / len(results)})

    left_out = {
        name: [item for result in results for item in result.metadata.get(name, ())]
        for name in LEFT_OUT
    }
    left_out["unread"] += [error.text for error in errors]
    counts = {
        name: sum(result.metadata.get(name, 0) for result in results)
        for name in ("n", "calls", "missing")
    }
    metadata: dict[str, Any] = {
        **results[0].metadata,
        **counts,
        "usage": dict(sum((Counter(r.metadata["usage"]) for r in results), Counter[str]())),
        **left_out,
    }
    for name in ("missing", *left_out):  # said only where there is something to say
        if not metadata[name]:
            del metadata[name]
    whole = reduce(add, results)  # which numbers their calls through
    return whole.map(share).model_copy(update={"metadata": metadata})
