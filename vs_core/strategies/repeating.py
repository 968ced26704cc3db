"""Running a strategy again and again, until there is enough: by a rule, or as the task needs it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from vs_core.candidates import Distribution, plain_text
from vs_core.errors import ParseError
from vs_core.messages import Message
from vs_core.strategies.base import Strategy
from vs_core.strategies.pump import LEFT_OUT, Flow, Interrupted, Pump, Rounds

__all__ = ["SETTLED", "Rule", "as_needed", "repeat", "unseen_weight"]

Rule = Callable[[Distribution], bool]
"""Whether the distribution so far is enough."""

SETTLED = 0.1
"""With ``n="auto"`` it is enough when a further run would bring new answers of no more weight."""


def repeat(strategy: Strategy, task: Sequence[Message], until: Rule, budget: int) -> Flow:
    """Return the flow that runs a strategy's flow until a rule is met; see `vs_core.stopping`."""
    runs = _Runs()
    yield from runs.repeat(strategy, task, lambda: until(runs.found), budget)
    return runs.result({})


def as_needed(strategy: Strategy, task: Sequence[Message]) -> Flow:
    """Return the flow of ``n="auto"``: many runs where a task has many answers, one if it has one.

    After each run it is estimated how much new a further one would bring (`unseen_weight`). Its
    metadata are those of `repeat`, and ``unseen``: that estimate, on [0, 1].
    """
    runs = _Runs()
    once = strategy.replace(n=None)
    yield from runs.repeat(
        once, task, lambda: unseen_weight(runs.parts) <= SETTLED, strategy.budget
    )
    return runs.result({"unseen": round(unseen_weight(runs.parts), 6)})


def unseen_weight(runs: Sequence[Distribution]) -> float:
    """Estimate the weight of the answers that a further run would be the first to give.

    It is the weight of those that only one run gave, left out one run at a time and averaged. For
    runs of one answer each that is the estimate of Good and Turing: singletons over answers. A
    list differs within itself by design, so it is runs that are compared, never candidates.

    One run has nothing to be compared with. If it states probabilities, what is not the likeliest
    answer counts as unseen: a task with one answer is known by its first run, and no other.

    Args:
        runs: What each run gave; empty ones say nothing.

    Returns:
        A number on [0, 1]; 1 where nothing is known.

    Source: Good 1953 (Biometrika), for samples of weighted lists.
    """
    seen = [weights for weights in map(_weights, runs) if weights]
    if not seen:
        return 1.0
    if len(seen) == 1:
        stated = all(c.probability is not None for run in runs for c in run)
        return max(0.0, 1 - max(seen[0].values())) if stated else 1.0  # weights are rounded
    givers = Counter(key for weights in seen for key in weights)
    alone = [
        math.fsum(weight for key, weight in weights.items() if givers[key] == 1) for weights in seen
    ]
    return min(1.0, math.fsum(alone) / len(alone))


def _weights(run: Distribution) -> dict[str, float]:
    """Answer to weight, without regard to case and white space."""
    found: dict[str, float] = {}
    for candidate, weight in zip(run, run.weights, strict=True):
        key = plain_text(candidate)
        found[key] = found.get(key, 0.0) + weight
    return found


class _Runs:
    """What the runs found, what they cost, and what they left out."""

    def __init__(self) -> None:
        self.found = Distribution()
        self.parts: list[Distribution] = []
        self.calls = 0
        self.usage: Counter[str] = Counter()
        self.lists: dict[str, list[Any]] = {name: [] for name in LEFT_OUT}
        self._asked = 0
        self._stopped = ""

    def repeat(
        self, strategy: Strategy, task: Sequence[Message], enough: Callable[[], bool], budget: int
    ) -> Rounds:
        """Run until there is enough, or a further run could go over the budget."""
        self._asked = sum(strategy.sizes())
        yield from self._run(strategy.flow(task))
        while not (done := enough()) and self.calls + len(strategy.sizes()) <= budget:
            try:
                yield from self._run(strategy.flow(task))
            except ParseError as error:  # such as a refusal; what was found is no worse for it
                self.lists["unread"].append(error.text)
        self._stopped = "until" if done else "budget"

    def _run(self, flow: Flow) -> Rounds:
        """One run of a strategy."""
        pump = Pump(flow)
        found = Distribution()
        try:
            found = yield from pump.flow()
        except ParseError:  # its answers were paid for, and keep their numbers
            found = Distribution(completions=[each.bare() for each in pump.completions])
            raise
        except Interrupted as interrupted:
            found = interrupted.partial or Distribution()
            interrupted.partial = self.found + found if self.found or found else None
            raise
        finally:
            self.calls += pump.calls
            self.usage.update(pump.usage)
            self.parts.append(found)
            self.found += found
        for name, left_out in self.lists.items():
            left_out += found.metadata.get(name, ())

    def result(self, about: dict[str, Any]) -> Distribution:
        """All candidates; with the metadata of the first run, and added up what adds up."""
        asked = self._asked * len(self.parts)
        metadata = {
            **self.found.metadata,
            "n": asked,
            "calls": self.calls,
            "usage": dict(self.usage),
            "runs": len(self.parts),
            "stopped": self._stopped,
            **about,
            **{name: left_out for name, left_out in self.lists.items() if left_out},
        }
        if len(self.found) < asked:
            metadata["missing"] = asked - len(self.found)
        return self.found.model_copy(update={"metadata": metadata})
