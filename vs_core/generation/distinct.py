"""Asking for a task until there are so many different answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from hashlib import blake2b

from vs_core.candidates import Candidate, Distribution, plain_text
from vs_core.checks import require_count
from vs_core.equivalence import ByMeaning, Equivalence
from vs_core.errors import ConfigurationError, ParseError
from vs_core.messages import Message
from vs_core.metrics.richness import unseen_mass
from vs_core.strategies import Flow, Strategy

__all__ = ["Taken", "distinct"]

Same = Callable[[Candidate], Hashable] | Equivalence
"""What makes two candidates the same answer: a key of each, or classes of their texts."""

_MOST_NAMED = 20
_IDLE_ROUNDS = 2
"""Rounds without anything new after which there is nothing more to be had."""


class Taken:
    """Whose an answer is, where no two tasks of a table may have the same.

    An answer is known by its text, without regard to case and white space. It takes about 100
    bytes an answer.
    """

    def __init__(self) -> None:
        self._owners: dict[int, int] = {}

    def claim(self, task: str, candidate: Candidate) -> bool:
        """Give an answer to the task of this id, if it is nobody's; return whether it is its."""
        owner = int(task, 16)
        return self._owners.setdefault(_digest(candidate), owner) == owner

    def release(self, task: str, candidates: Iterable[Candidate]) -> None:
        """Take back what a task does not need."""
        for candidate in candidates:
            digest = _digest(candidate)
            if self._owners.get(digest) == int(task, 16):
                del self._owners[digest]


def _digest(candidate: Candidate) -> int:
    text = plain_text(candidate).encode("utf-8", "replace")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


def distinct(
    strategy: Strategy,
    task: Sequence[Message],
    wanted: int,
    *,
    budget: int = 20,
    avoid_seen: bool = False,
    same: Same = plain_text,
    unseen: float | None = None,
    taken: Taken | None = None,
    owner: str = "0",
) -> Flow:
    """Return the flow that asks again until there are exactly so many different answers.

    It ends early where the calls are used up, two rounds bring nothing new, or little is left to
    see. In its metadata ``stopped`` says which.

    Args:
        strategy: How it is asked, each round anew.
        task: The messages.
        wanted: How many different answers, at least 1.
        budget: Most model calls, at least 1.
        avoid_seen: Tell the model which answers came already, the most frequent first.
        same: What makes two candidates the same. An equivalence may embed them, which blocks.
        unseen: End where the probability that an answer is new is under this, on (0, 1), by
            `vs_core.metrics.unseen_mass`; None for not.
        taken: What other tasks have; none of that counts here.
        owner: With it: the task's id.

    Raises:
        ConfigurationError: If a number is out of range.
        ParseError: From the flow, if the first round cannot be read.
    """
    require_count("until_distinct", wanted)
    require_count("budget", budget)
    if unseen is not None and not 0 < unseen < 1:
        raise ConfigurationError(f"unseen is a probability between 0 and 1, not {unseen}.")
    limits = _Limits(wanted, budget, unseen)
    return _distinct(strategy, tuple(task), limits, avoid_seen, _classes(same), taken, owner)


class _Limits:
    def __init__(self, wanted: int, budget: int, unseen: float | None) -> None:
        self.wanted = wanted
        self._budget = budget
        self._unseen = unseen

    def reached(self, had: int, counts: Counter[Hashable], idle: int, next_calls: int) -> str:
        """Why it is to end; "" if it is not."""
        if had >= self.wanted:
            return "enough"
        if idle >= _IDLE_ROUNDS:
            return "nothing new"
        if self._unseen is not None and unseen_mass(counts) < self._unseen:
            return "little unseen"
        return "budget" if next_calls > self._budget else ""


def _distinct(
    strategy: Strategy,
    task: tuple[Message, ...],
    limits: _Limits,
    avoid_seen: bool,
    classes_of: Callable[[Distribution], list[Hashable]],
    taken: Taken | None,
    owner: str,
) -> Flow:
    found = Distribution()
    classes: list[Hashable] = []
    ours: list[bool] = []
    calls = idle = 0
    while True:
        asked = _avoiding(task, found, classes) if avoid_seen and found else task
        try:
            more = yield from strategy.flow(asked)
        except ParseError:
            if not found:
                raise
            more = Distribution()
        calls += max(len(more.completions), len(strategy.sizes()))
        found = found + more if found else more
        ours += [taken is None or taken.claim(owner, candidate) for candidate in more]
        before = len(set(classes))
        classes = classes_of(found)
        had = {each for each, mine in zip(classes, ours, strict=True) if mine}
        # What another task has is new too: there may be more that none has.
        idle = 0 if len(set(classes)) > before else idle + 1
        stopped = limits.reached(len(had), Counter(classes), idle, calls + len(strategy.sizes()))
        if stopped:
            kept = _kept(found, classes, ours)[: limits.wanted]
            if taken is not None:
                needed = {plain_text(candidate) for candidate in kept}
                taken.release(owner, (c for c in found if plain_text(c) not in needed))
            about = {**found.metadata, "calls": calls, "stopped": stopped, "distinct": len(kept)}
            return kept.model_copy(update={"metadata": about})


def _classes(same: Same) -> Callable[[Distribution], list[Hashable]]:
    """What gives the class of each candidate."""
    if isinstance(same, ByMeaning):
        same = same.anew()  # or it would remember the vectors of the whole table
    by_texts = getattr(same, "classes", None)
    if by_texts is not None:
        return lambda found: list(by_texts(found.texts))
    return lambda found: [same(candidate) for candidate in found]  # type: ignore[operator]


def _kept(found: Distribution, classes: list[Hashable], ours: list[bool]) -> Distribution:
    """The first of each class, of those that are ours."""
    mine = iter(ours)
    kept = found.filter(lambda _: next(mine))
    numbers = iter([each for each, is_ours in zip(classes, ours, strict=True) if is_ours])
    return kept.dedupe(lambda _: next(numbers))


def _avoiding(
    task: tuple[Message, ...], found: Distribution, classes: list[Hashable]
) -> tuple[Message, ...]:
    """The task, with what has been said already."""
    pairs = zip(reversed(classes), reversed(found.texts), strict=True)
    first = dict(pairs)
    often = [kind for kind, _ in Counter(classes).most_common(_MOST_NAMED)]
    said = "\n".join(f"- {first[kind]}" for kind in often)
    last = task[-1]
    text = f"{last.content}\n\nThese have been given already; give others:\n{said}"
    return (*task[:-1], replace(last, content=text))
