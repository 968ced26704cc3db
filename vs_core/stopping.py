"""When to stop asking: rules, and the flow that asks until one is met.

A rule is any function from the distribution so far to whether it is enough::

    verbalize("Name a US state.", complete, until=coverage(0.95), budget=40)
    verbalize("Name a US state.", complete, until=lambda found: len(found.dedupe()) >= 30)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from vs_core.candidates import Candidate, Distribution, plain_text
from vs_core.checks import require_count
from vs_core.errors import ConfigurationError
from vs_core.messages import Message
from vs_core.metrics.richness import unseen_bound
from vs_core.strategies.base import DEFAULT_BUDGET, Flow, Strategy
from vs_core.strategies.repeating import Rule, repeat

__all__ = ["DEFAULT_BUDGET", "Rule", "coverage", "repeated"]


def coverage(
    target: float = 0.95,
    *,
    key: Callable[[Candidate], Hashable] | None = None,
    confidence: float = 0.97,
) -> Rule:
    """Return the rule to stop when the answers not yet seen have little probability left.

    The unseen probability must be under 1 − target not by estimate alone, but by its upper bound:
    an estimate is under it by chance about when it is first asked. Calls are the units, for the
    candidates of one call differ by design (`vs_core.metrics.richness.unseen_bound`). It is the
    probability that one more answer is new, as the model is asked here, and not the share of right
    answers found; `vs_core.metrics.coverage` measures that where the truth is known.

    Args:
        target: Share of the probability to have seen, on (0, 1).
        key: What makes two candidates the same answer. Default: their text, without regard to case
            and white space, as `Distribution.dedupe` has it.
        confidence: Of the bound, on [0.5, 1); 0.5 is the estimate.

    Returns:
        The rule.

    Raises:
        ConfigurationError: If the target is not on (0, 1), or the confidence not on [0.5, 1).
    """
    if not 0 < target < 1:
        raise ConfigurationError(f"A coverage to stop at is between 0 and 1, not {target!r}.")
    if not 0.5 <= confidence < 1:
        raise ConfigurationError(f"A confidence is on [0.5, 1), not {confidence!r}.")
    return _Coverage(target, key, confidence)


@dataclass(frozen=True)
class _Coverage:
    """A class and not a closure, so that it can be pickled and shows its target."""

    target: float
    key: Callable[[Candidate], Hashable] | None
    confidence: float

    def __call__(self, found: Distribution) -> bool:
        key = self.key or plain_text
        calls: defaultdict[Hashable, set[Hashable]] = defaultdict(set)
        for place, candidate in enumerate(found):
            # What no call is known of stands alone.
            call = ("alone", place) if candidate.call is None else candidate.call
            calls[call].add(key(candidate))
        return unseen_bound(calls.values(), self.confidence) < 1 - self.target


def repeated(
    strategy: Strategy,
    task: Sequence[Message],
    until: Rule,
    budget: int = DEFAULT_BUDGET,
) -> Flow:
    """Return the flow that runs a strategy's flow again and again, until there is enough.

    It is a flow like any other: it does no I/O, and every driver runs it. What one run of the
    strategy asks in parallel stays parallel; the rule is asked between runs.

    Args:
        strategy: What to repeat; each run asks for its ``n`` candidates anew.
        task: The messages.
        until: The rule; see `Rule`.
        budget: Most model calls, at least 1. A run that could go over it does not begin, except
            the first; only mending unreadable answers may then take more (`Strategy.retries`).

    Returns:
        The flow. Its distribution holds the candidates of all runs, in order. In its metadata
        ``n``, ``calls`` and ``usage`` are of all runs, ``runs`` is their number, and ``stopped`` is
        ``"until"`` or ``"budget"``.

    Raises:
        ConfigurationError: If ``until`` is not a function or the budget is not at least 1.
        ParseError: From the flow, if the first run cannot be read. A later one goes to
            ``metadata["unread"]``.
    """
    if not callable(until):
        raise ConfigurationError(
            f"until must be a rule such as vs_core.stopping.coverage(0.95), not {until!r}."
        )
    require_count("budget", budget)
    return repeat(strategy, task, until, budget)
