"""Asking for a task until there are so many different answers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

from vs_core.candidates import Candidate, Distribution, plain_text
from vs_core.checks import require_count
from vs_core.errors import ParseError
from vs_core.messages import Message
from vs_core.strategies import Flow, Strategy

__all__ = ["distinct"]

Same = Callable[[Candidate], Hashable]
"""What makes two candidates the same answer."""

_MOST_NAMED = 20
_IDLE_ROUNDS = 2
"""Rounds without anything new after which there is nothing more to be had."""


def distinct(
    strategy: Strategy,
    task: Sequence[Message],
    wanted: int,
    *,
    budget: int = 20,
    avoid_seen: bool = False,
    same: Same = plain_text,
) -> Flow:
    """Return the flow that asks again until there are exactly so many different answers.

    It ends early where the calls are used up, or two rounds bring nothing new: there is little left
    to see then. In its metadata ``stopped`` says which.

    Args:
        strategy: How it is asked, each round anew.
        task: The messages.
        wanted: How many different answers, at least 1.
        budget: Most model calls, at least 1.
        avoid_seen: Tell the model which answers came already, the most frequent first.
        same: What makes two candidates the same.

    Raises:
        ConfigurationError: If a number is not at least 1.
        ParseError: From the flow, if the first round cannot be read.
    """
    require_count("until_distinct", wanted)
    require_count("budget", budget)
    return _distinct(strategy, tuple(task), wanted, budget, avoid_seen, same)


def _distinct(
    strategy: Strategy,
    task: tuple[Message, ...],
    wanted: int,
    budget: int,
    avoid_seen: bool,
    same: Same,
) -> Flow:
    found = Distribution()
    kinds: dict[Hashable, int] = {}
    calls = idle = 0
    while True:
        asked = _avoiding(task, found, kinds, same) if avoid_seen and found else task
        before = len(kinds)
        try:
            more = yield from strategy.flow(asked)
        except ParseError:
            if not found:
                raise
            more = Distribution()
        calls += max(len(more.completions), len(strategy.sizes()))
        found = found + more if found else more
        for candidate in more:
            kinds[same(candidate)] = kinds.get(same(candidate), 0) + 1
        idle = 0 if len(kinds) > before else idle + 1
        stopped = _ended(len(kinds) >= wanted, idle, calls + len(strategy.sizes()) > budget)
        if stopped:
            kept = found.dedupe(same)[:wanted]
            about = {**found.metadata, "calls": calls, "stopped": stopped, "distinct": len(kept)}
            return kept.model_copy(update={"metadata": about})


def _ended(enough: bool, idle: int, spent: bool) -> str:
    if enough:
        return "enough"
    if idle >= _IDLE_ROUNDS:
        return "nothing new"
    return "budget" if spent else ""


def _avoiding(
    task: tuple[Message, ...], found: Distribution, kinds: dict[Hashable, int], same: Same
) -> tuple[Message, ...]:
    """The task, with what has been said already."""
    first = {same(candidate): candidate.text for candidate in reversed(found)}
    often = sorted(kinds, key=lambda kind: -kinds[kind])[:_MOST_NAMED]
    said = "\n".join(f"- {first[kind]}" for kind in often)
    last = task[-1]
    text = f"{last.content}\n\nThese have been given already; give others:\n{said}"
    return (*task[:-1], replace(last, content=text))
