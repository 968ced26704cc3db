"""What was not yet seen, from how often what was seen came. Pure Python: the core uses it too."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from statistics import NormalDist
from typing import Any

from vs_core.checks import require_count
from vs_core.errors import ConfigurationError

__all__ = ["Counts", "ace", "chao1", "unseen_bound", "unseen_mass"]

Counts = Mapping[Any, int] | Iterable[int]
"""How often each class was seen: a `collections.Counter`, or counts alone. Zeros are ignored."""


def unseen_mass(counts: Counts) -> float:
    """Good–Turing estimate of the probability that the next draw is of a class not yet seen.

    Good 1953: the number of classes seen once / the number of draws.

    Args:
        counts: How often each class was seen; see `Counts`.

    Returns:
        On [0, 1]; 1 if nothing was seen twice, 0 if everything was; ``nan`` for no draws.

    Raises:
        ConfigurationError: If a count is not a whole number of at least 0.
    """
    seen = _positive(counts)
    return seen.count(1) / sum(seen) if seen else math.nan


def unseen_bound(calls: Iterable[Iterable[Hashable]], confidence: float = 0.97) -> float:
    """Upper bound of the probability that the next answer is new, with calls as the units.

    The estimate is that of incidences (Chao and others 2014): Q₁/U · (t − 1)Q₁ / ((t − 1)Q₁ + 2Q₂),
    with t calls, U answers in them that differ within their call, and Qᵢ classes that came in i
    calls. Its error is the jackknife's over calls, and at least √(Q₁ + 1) / U, that of a count and
    one: what came in no call leaves no trace in the jackknife.

    Args:
        calls: The classes that each call gave.
        confidence: Of the bound, one-sided, on (0, 1). Asked again after each call, a bound is
            crossed by chance more often than that says; see docs/metrics.md for what .97 gives.

    Returns:
        At least 0; 1 for fewer than three calls, which say too little.
    """
    units = [set(call) for call in calls]
    counts = Counter(each for unit in units for each in unit)
    total, number = sum(counts.values()), len(units)
    if number < 3 or not total:
        return 1.0
    once, twice = (sum(count == times for count in counts.values()) for times in (1, 2))
    left_out = [
        _unseen_incidence(*_without(unit, counts, once, twice), total - len(unit), number - 1)
        for unit in units
    ]
    mean = sum(left_out) / number
    jackknife = (number - 1) / number * sum((each - mean) ** 2 for each in left_out)
    error = max(math.sqrt(jackknife), math.sqrt(once + 1) / total)
    estimate = _unseen_incidence(once, twice, total, number)
    return estimate + NormalDist().inv_cdf(confidence) * error


def _unseen_incidence(once: int, twice: int, total: int, calls: int) -> float:
    if not total or not once:
        return float(not total)
    weighted = (calls - 1) * once
    return once / total * weighted / (weighted + 2 * twice)


def _without(
    unit: Iterable[Hashable], counts: Mapping[Hashable, int], once: int, twice: int
) -> tuple[int, int]:
    """How many classes came in one and in two calls, if this call had not been."""
    here: Sequence[int] = [counts[each] for each in unit]
    ones, twos, threes = (here.count(times) for times in (1, 2, 3))
    return once - ones + twos, twice - twos + threes


def chao1(counts: Counts) -> float:
    """Chao1: a lower bound on the number of classes, seen and unseen (Chao 1984).

    S + (n − 1)/n · f₁² / (2 f₂), with fᵢ the number of classes seen i times; where f₂ is 0, its
    bias-corrected form S + (n − 1)/n · f₁ (f₁ − 1) / 2.

    Args:
        counts: How often each class was seen; see `Counts`.

    Returns:
        At least the number of classes seen; ``nan`` for no draws.

    Raises:
        ConfigurationError: If a count is not a whole number of at least 0.
    """
    seen = _positive(counts)
    if not seen:
        return math.nan
    n, once, twice = sum(seen), seen.count(1), seen.count(2)
    unseen = once**2 / (2 * twice) if twice else once * (once - 1) / 2
    return len(seen) + (n - 1) / n * unseen


def ace(counts: Counts, *, rare: int = 10) -> float:
    """ACE: abundance-based coverage estimate of the number of classes (Chao and Lee 1992).

    Classes seen more than ``rare`` times are certain; the number of the others is divided by their
    coverage and raised by how unequal they are.

    Args:
        counts: How often each class was seen; see `Counts`.
        rare: A class seen at most so often is rare, at least 1.

    Returns:
        At least the number of classes seen. `chao1` where every rare class was seen once, as they
        then have no coverage; ``nan`` for no draws.

    Raises:
        ConfigurationError: If a count is not a whole number of at least 0, or ``rare`` is under 1.
    """
    require_count("rare", rare)
    seen = _positive(counts)
    few = [count for count in seen if count <= rare]
    once, draws = few.count(1), sum(few)
    if not few or once == draws:
        return chao1(seen)
    covered = 1 - once / draws
    pairs = sum(count * (count - 1) for count in few)
    spread = max(len(few) / covered * pairs / (draws * (draws - 1)) - 1, 0.0)
    return len(seen) - len(few) + len(few) / covered + once / covered * spread


def _positive(counts: Counts) -> list[int]:
    values = list(counts.values() if isinstance(counts, Mapping) else counts)
    for value in values:
        if isinstance(value, str) or value < 0 or value != int(value):
            raise ConfigurationError(
                f"A count must be a whole number of at least 0, not {value!r}; collections.Counter "
                "counts a list of answers."
            )
    return [int(value) for value in values if value]
