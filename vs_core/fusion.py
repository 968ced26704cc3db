"""Searching by several queries: what is searched for, and how the results become one ranking."""

from __future__ import annotations

import heapq
import logging
import math
import statistics
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from vs_core.candidates import Distribution
from vs_core.display import shorten
from vs_core.errors import ConfigurationError

__all__ = [
    "best_score",
    "by_rank",
    "coverage",
    "distribution_based_score",
    "reciprocal_rank",
    "relative_score",
    "searches",
    "surviving",
]

Id = TypeVar("Id", bound=Hashable)
R = TypeVar("R")

RANK_CONSTANT = 60.0
"""Of reciprocal rank fusion, as in its paper."""


def searches(
    query: str | Sequence[str], distribution: Distribution, *, include_original: bool = True
) -> dict[str, float]:
    """Return what to search for, each with its weight.

    Args:
        query: The user's own query, or several wordings of it, which share its weight.
        distribution: Other queries, by their verbalized probabilities.
        include_original: Whether the query itself is searched for too. It comes first, and has
            the weight of an average candidate: 1 / (n + 1) beside n of them.

    Returns:
        Text to weight, on (0, 1]; sums to 1. The same text twice is one search of both weights.
    """
    total = len(distribution) + include_original
    own = [query] if isinstance(query, str) else query
    found = dict.fromkeys(own, 1 / total / len(own)) if include_original else {}
    share = len(distribution) / total if total else 0.0
    for candidate, weight in zip(distribution, distribution.weights, strict=True):
        found[candidate.text] = found.get(candidate.text, 0.0) + share * weight
    return {text: weight for text, weight in found.items() if weight > 0}


def surviving(
    searches: Sequence[str], results: Sequence[list[R] | BaseException], log: logging.Logger
) -> list[list[R]]:
    """Return the results of searches, nothing for those that failed, of which a warning tells.

    Args:
        searches: What was searched for, of each result.
        results: What was found, or the error.
        log: Where the warnings go.

    Raises:
        Exception: The first error, if all failed.
    """
    errors = [result for result in results if isinstance(result, BaseException)]
    if errors and len(errors) == len(results):
        raise errors[0]
    for query, result in zip(searches, results, strict=True):
        if isinstance(result, BaseException):
            log.warning("The search for %r failed, the others count: %r", shorten(query), result)
    return [[] if isinstance(result, BaseException) else result for result in results]


def coverage(
    results: Sequence[Mapping[Id, float]],
    weights: Sequence[float] | None = None,
    *,
    top_k: int | None = None,
) -> dict[Id, float]:
    """Fuse results so that each search is heard by its weight: proportional representation.

    Place by place, the item is taken that adds most: Σ wᵢ · rᵢ / (1 + sᵢ), where rᵢ is its score in
    result i, scaled to [0, 1], and sᵢ is the sum of those of the items that are taken already. A
    search that is served well counts for less of the next place. So weights are quotas: where the
    results share nothing, the places are split as D'Hondt's method splits seats; and an item that
    several searches found serves them all.

    Args:
        results: Id to score, any finite numbers; more is better.
        weights: Of each result, not negative; default: all 1.
        top_k: How many to take; None takes all, in time that is quadratic at worst.

    Returns:
        Id to what it added, in the order taken, which never rises; of equal ones the one that was
        seen first is taken first.

    Raises:
        ConfigurationError: If the weights do not fit.

    Source: sequential proportional approval voting (Thiele 1895), with graded approvals; to rank
    search results by proportionality is the idea of Dang and Croft 2012 (SIGIR).
    """
    given = [_Scaled.between_ends(result) for result in results]
    shares = list(_weights(results, weights))
    at_first = _summed(given, shares)
    served = [1.0] * len(shares)
    claims: dict[Id, list[tuple[int, float]]] = {}

    def added(item: Id) -> float:
        found = claims.get(item)
        if found is None:
            found = claims[item] = [
                (search, shares[search] * ((result.scores[item] - result.low) / result.spread))
                for search, result in enumerate(given)
                if item in result.scores
            ]
        return sum([claim / served[search] for search, claim in found])

    # What an item adds can only fall, and by no more than `fallen` since a time. So most need never
    # be computed anew: those that added too little at first, and those in `waiting`, by what they
    # added when they were computed last, that can add less now than the best does.
    order = list(at_first.items())
    reached = 0
    fallen = 1.0
    waiting: list[tuple[float, int, Id]] = []  # by -added / fallen, which orders them at any time
    taken: dict[Id, float] = {}
    while len(taken) < (len(order) if top_k is None else min(top_k, len(order))):
        most = 1 / min(served)  # of what it added at first, that any item can add now
        while reached < len(order) and not (
            waiting and order[reached][1] * most < -waiting[0][0] * fallen
        ):
            item = order[reached][0]
            heapq.heappush(waiting, (-added(item) / fallen, reached, item))
            reached += 1
        then, place, item = waiting[0]
        adds = added(item)
        if -adds / fallen != then:
            heapq.heapreplace(waiting, (-adds / fallen, place, item))
            continue
        heapq.heappop(waiting)
        taken[item] = adds
        before = list(served)
        for search, result in enumerate(given):
            if item in result.scores:
                served[search] += (result.scores[item] - result.low) / result.spread
        kept = max(old / new for old, new in zip(before, served, strict=True))
        fallen *= min(1.0, kept * (1 + 1e-12))  # a little more than that, for what is rounded
    return taken


def by_rank(ranking: Iterable[Id]) -> dict[Id, float]:
    """Return scores for a search that gives none: one over the rank.

    They are what `coverage` and others take. Of one over the rank, a straight line, the logarithm
    and the ranks of `reciprocal_rank`, this found most of 20 questions over fables, with the
    logarithm, and is the simplest.

    Args:
        ranking: Ids, the best first; one that stands there twice counts where it is best.

    Returns:
        Id to score, on (0, 1], the best first.
    """
    return {item: 1 / rank for rank, item in enumerate(dict.fromkeys(ranking), start=1)}


def reciprocal_rank(
    rankings: Sequence[Sequence[Id]],
    weights: Sequence[float] | None = None,
    *,
    constant: float = RANK_CONSTANT,
) -> dict[Id, float]:
    """Fuse rankings by reciprocal rank: Σ wᵢ / (constant + rankᵢ), ranks from 1.

    Args:
        rankings: Ids, the best first; one that stands in a ranking twice counts where it is best.
        weights: Of each ranking, not negative; default: all 1.
        constant: How little the first ranks stand out, over -1.

    Returns:
        Id to score, the best first; of equal scores the one that was seen first.

    Raises:
        ConfigurationError: If the weights do not fit or the constant cannot work.

    Source: Cormack, Clarke and Büttcher 2009 (SIGIR), there without weights.
    """
    if not constant > -1:
        raise ConfigurationError(f"constant must be over -1, not {constant!r}.")
    scores: dict[Id, float] = {}
    for ranking, weight in zip(rankings, _weights(rankings, weights), strict=True):
        for rank, item in enumerate(dict.fromkeys(ranking), start=1):
            scores[item] = scores.get(item, 0.0) + weight / (constant + rank)
    return _best_first(scores)


def relative_score(
    results: Sequence[Mapping[Id, float]], weights: Sequence[float] | None = None
) -> dict[Id, float]:
    """Fuse results by their scores: Σ wᵢ · scoreᵢ, each result's scores scaled to [0, 1].

    The least score of a result becomes 0 and the greatest 1; where all are equal, all become 1.

    Args:
        results: Id to score, any finite numbers; more is better.
        weights: Of each result, not negative; default: all 1.

    Returns:
        Id to score, the best first; of equal scores the one that was seen first.

    Raises:
        ConfigurationError: If the weights do not fit.
    """
    return _summed([_Scaled.between_ends(result) for result in results], weights)


def distribution_based_score(
    results: Sequence[Mapping[Id, float]], weights: Sequence[float] | None = None
) -> dict[Id, float]:
    """Fuse results as `relative_score`, but scaled by how the scores of each are spread.

    Three standard deviations below the mean become 0, and three above it 1.

    Args:
        results: Id to score, any finite numbers; more is better.
        weights: Of each result, not negative; default: all 1.

    Returns:
        Id to score, the best first; of equal scores the one that was seen first.

    Raises:
        ConfigurationError: If the weights do not fit.

    Source: distribution-based score fusion (Mazzeschi 2023), as LlamaIndex and others have it.
    """
    scaled = []
    for result in results:
        middle = statistics.fmean(result.values()) if result else 0.0
        reach = 3 * statistics.pstdev(result.values(), middle) if result else 0.0
        scaled.append(_Scaled(result, middle - reach, middle + reach))
    return _summed(scaled, weights)


def best_score(
    results: Sequence[Mapping[Id, float]], weights: Sequence[float] | None = None
) -> dict[Id, float]:
    """Fuse results by the best score that an item has in any of them.

    Args:
        results: Id to score, any finite numbers that can be compared; more is better.
        weights: Checked, and not used otherwise, unless one is 0: that result is left out.

    Returns:
        Id to score, the best first; of equal scores the one that was seen first.

    Raises:
        ConfigurationError: If the weights do not fit.
    """
    scores: dict[Id, float] = {}
    for result, weight in zip(results, _weights(results, weights), strict=True):
        for item, score in result.items() if weight else ():
            scores[item] = max(score, scores.get(item, -math.inf))
    return _best_first(scores)


class _Scaled(Generic[Id]):
    """Scores, each of which counts ``(score - low) / spread``: where all are alike, 1."""

    __slots__ = ("low", "scores", "spread")

    def __init__(self, scores: Mapping[Id, float], low: float, high: float) -> None:
        flat = low == high
        self.scores = dict.fromkeys(scores, 1.0) if flat else scores
        self.low, self.spread = (0.0, 1.0) if flat else (low, high - low)

    @classmethod
    def between_ends(cls, scores: Mapping[Id, float]) -> _Scaled[Id]:
        """The least score becomes 0, the greatest 1."""
        values = scores.values()
        return cls(scores, min(values, default=0.0), max(values, default=0.0))


def _summed(results: Sequence[_Scaled[Id]], weights: Sequence[float] | None) -> dict[Id, float]:
    sums: dict[Id, float] = {}
    so_far = sums.get
    for result, weight in zip(results, _weights(results, weights), strict=True):
        low, spread = result.low, result.spread
        for item, score in result.scores.items():
            sums[item] = so_far(item, 0.0) + weight * ((score - low) / spread)
    return _best_first(sums)


def _weights(results: Sequence[object], weights: Sequence[float] | None) -> Sequence[float]:
    if weights is None:
        return [1.0] * len(results)
    if len(weights) != len(results):
        raise ConfigurationError(f"There are {len(weights)} weights for {len(results)} results.")
    if not all(0 <= weight < math.inf for weight in weights):
        raise ConfigurationError(f"Weights must be numbers of at least 0, not {list(weights)}.")
    return weights


def _best_first(scores: Mapping[Id, float]) -> dict[Id, float]:
    # The sort is stable in reverse too, and a method as its key is three times as fast as a lambda.
    ranked = sorted(scores, key=scores.__getitem__, reverse=True)
    return {item: scores[item] for item in ranked}
