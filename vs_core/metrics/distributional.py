"""Two distributions compared: divergences, distances and tests."""

from __future__ import annotations

import math
import warnings
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import rel_entr, xlogy

from vs_core.candidates import Distribution
from vs_core.errors import ConfigurationError

__all__ = [
    "HypothesisTest",
    "Measure",
    "chi_square",
    "js_divergence",
    "kl_divergence",
    "ks_statistic",
    "table_of",
    "total_variation",
]

Measure = Distribution | Mapping[Any, float] | ArrayLike
"""A finite distribution: weights by outcome, or by place; a `Distribution` by its texts.

Weights need not sum to 1: counts (`collections.Counter`) will do. An outcome that is not named
has weight 0.
"""


class HypothesisTest(NamedTuple):
    """A test's statistic and p-value."""

    statistic: float
    pvalue: float


def kl_divergence(
    p: Measure,
    q: Measure,
    *,
    epsilon: float = 0.0,
    base: float = math.e,
    correct: bool = False,
) -> float:
    """Kullback–Leibler divergence D(p‖q) = Σ p log(p/q): what it costs to take q for p.

    An outcome that p does not have adds nothing. One that p has and q does not makes the divergence
    infinite: that is its value, and the default. To keep it finite, ``epsilon`` is added to the
    probability of every outcome of either distribution in q, which is then normalised again; p is
    left as it is. The result then depends on ``epsilon``, so report the two together.

    Args:
        p: What was observed; see `Measure`.
        q: The reference.
        epsilon: Added to each probability of q, at least 0; such as 1e-6.
        base: Of the logarithm, over 1: e gives nats, 2 bits.
        correct: Take off what few draws alone make of it: p holds counts of independent draws. The
            entropy of p is then estimated as Chao, Wang and Jost 2013 do; of 30 draws from 50
            states the divergence from their own distribution is .70 too large without, .03 with
            it. The result can be a little under 0.

    Returns:
        At least 0 if not corrected, infinite at the most; 0 for equal distributions; ``nan`` if one
        is empty.

    Raises:
        ConfigurationError: If a weight is negative or not finite, the two are of different kinds
            or lengths, an option cannot work, or counts to be corrected are not whole numbers.
    """
    if not 0 <= epsilon < math.inf:
        raise ConfigurationError(f"epsilon must be at least 0 and finite, not {epsilon}.")
    _require_base(base)
    pair = _aligned(p, q)
    if pair is None:
        return math.nan
    first, second = pair[0], pair[1] + epsilon
    found = _relative_entropy(first, second / second.sum(), base)
    return found - _missed_entropy(_weights(p, q)[0]) / math.log(base) if correct else found


def _missed_entropy(counts: NDArray[np.float64]) -> float:
    """How much entropy, in nats, the shares of few draws lack (Chao, Wang and Jost 2013)."""
    if (counts != counts.round()).any():
        raise ConfigurationError("Only counts can be corrected: whole numbers, not shares.")
    seen = counts[counts > 0]
    n, once, twice = int(seen.sum()), int((seen == 1).sum()), int((seen == 2).sum())
    if n < 2:
        return 0.0
    steps = np.arange(1, n)
    harmonic = np.concatenate([[0.0], np.cumsum(1 / steps)])  # to 1/m, at m
    places = seen.astype(int)
    entropy = float((seen / n) @ (harmonic[n - 1] - harmonic[np.minimum(places, n) - 1]))
    if once:  # the part of what was never seen, from what was seen once and twice
        few = n - 1
        rare = 2 * twice / (few * once + 2 * twice) if twice else 2 / (few * (once - 1) + 2)
        if rare < 1:
            left = -math.log(rare) - float((1 - rare) ** steps @ (1 / steps))
            entropy += once / n * (1 - rare) ** (1 - n) * left
    return entropy + float(xlogy(seen / n, seen / n).sum())


def js_divergence(p: Measure, q: Measure, *, base: float = math.e) -> float:
    """Jensen–Shannon divergence: the mean KL divergence of p and q from their average (Lin 1991).

    Args:
        p: A distribution; see `Measure`.
        q: Another; the order does not matter.
        base: Of the logarithm, over 1: e gives nats, 2 bits.

    Returns:
        From 0 (equal) to log 2 (no outcome in common): 0.693 nats, 1 bit. It is finite whatever
        the supports. ``nan`` if one is empty.

    Raises:
        ConfigurationError: As `kl_divergence`.
    """
    _require_base(base)
    pair = _aligned(p, q)
    if pair is None:
        return math.nan
    middle = (pair[0] + pair[1]) / 2
    return sum(_relative_entropy(side, middle, base) for side in pair) / 2


def total_variation(p: Measure, q: Measure) -> float:
    """Total variation distance: ½ Σ |p − q|, the most by which the two disagree on any event.

    Args:
        p: A distribution; see `Measure`.
        q: Another; the order does not matter.

    Returns:
        From 0 (equal) to 1 (no outcome in common); ``nan`` if one is empty.

    Raises:
        ConfigurationError: If a weight is negative or not finite, or the two are of different
            kinds or lengths.
    """
    pair = _aligned(p, q)
    return math.nan if pair is None else min(1.0, float(np.abs(pair[0] - pair[1]).sum()) / 2)


def ks_statistic(sample: ArrayLike, reference: ArrayLike) -> HypothesisTest:
    """Two-sample Kolmogorov–Smirnov test: the largest gap between the two cumulative shares.

    Args:
        sample: Numbers, shape (n,): such as simulated donations.
        reference: Numbers, shape (m,): such as those of people.

    Returns:
        The statistic on [0, 1], and the two-sided p-value of `scipy.stats.ks_2samp`, which is too
        large (so errs on the safe side) where values repeat. (0, 1) for equal samples; ``nan`` for
        both if a sample is empty.

    Raises:
        ConfigurationError: If a value is not a finite number.
    """
    first, second = _numbers(sample, "sample"), _numbers(reference, "reference")
    if not (first.size and second.size):
        return HypothesisTest(math.nan, math.nan)
    from scipy.stats import ks_2samp

    with warnings.catch_warnings():  # where the exact p-value fails, scipy takes the asymptotic one
        warnings.filterwarnings("ignore", "ks_2samp: Exact", RuntimeWarning)
        result = ks_2samp(first, second)
    return HypothesisTest(float(result.statistic), float(result.pvalue))


def chi_square(observed: Measure, expected: Measure) -> HypothesisTest:
    """Pearson's test of goodness of fit: Σ (observed − expected)² / expected.

    Args:
        observed: Counts; see `Measure`.
        expected: Weights of the same outcomes; they are scaled to the number observed. Name every
            outcome that could have come: ``dict.fromkeys(range(1, 7), 1)`` for a die.

    Returns:
        The statistic, at least 0, and its p-value with one degree of freedom less than there are
        expected outcomes. (inf, 0) if something was observed that was not expected; (0, 1) if only
        one outcome is possible; ``nan`` for both if one is empty.

    Raises:
        ConfigurationError: If a count is negative or not finite, or the two are of different kinds
            or lengths.
    """
    seen, weights = _weights(observed, expected)
    if not (seen.sum() and weights.sum()):
        return HypothesisTest(math.nan, math.nan)
    possible = weights > 0
    if seen[~possible].any():
        return HypothesisTest(math.inf, 0.0)
    if possible.sum() == 1:
        return HypothesisTest(0.0, 1.0)
    from scipy.stats import chisquare

    seen, weights = seen[possible], weights[possible]
    result = chisquare(seen, weights / weights.sum() * seen.sum())
    return HypothesisTest(float(result.statistic), float(result.pvalue))


# --- what is given, as arrays ------------------------------------------------------------------


def table_of(measure: Distribution | Mapping[Any, float]) -> dict[Hashable, float]:
    """Return weights by outcome; those of a `Distribution` by text, equal texts added up."""
    if isinstance(measure, Mapping):
        return dict(measure)
    table: dict[Hashable, float] = {}
    for candidate, weight in zip(measure, measure.weights, strict=True):
        table[candidate.text] = table.get(candidate.text, 0.0) + weight
    return table


def _weights(p: Measure, q: Measure) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both as arrays over the same outcomes, as they were given."""
    named = [isinstance(side, (Mapping, Distribution)) for side in (p, q)]
    if all(named):
        first, second = table_of(p), table_of(q)  # type: ignore[arg-type]
        outcomes = list(dict.fromkeys([*first, *second]))
        p, q = ([table.get(outcome, 0.0) for outcome in outcomes] for table in (first, second))
    elif any(named):
        raise ConfigurationError("Give both distributions by name, or both as sequences.")
    a, b = _numbers(p, "p"), _numbers(q, "q")
    if a.shape != b.shape:
        raise ConfigurationError(f"The distributions have {a.size} and {b.size} outcomes.")
    if (a < 0).any() or (b < 0).any():
        raise ConfigurationError("A distribution cannot hold a negative weight.")
    return a, b


def _aligned(p: Measure, q: Measure) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Both as probabilities over the same outcomes; None if one has no mass."""
    first, second = _weights(p, q)
    if not (first.any() and second.any()):
        return None
    # Dividing by the largest first keeps sums from overflowing and tiny masses from vanishing.
    first, second = first / first.max(), second / second.max()
    return first / first.sum(), second / second.sum()


def _numbers(values: Any, name: str) -> NDArray[np.float64]:
    """The values as one row of finite numbers."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{name} must be numbers: {error}") from error
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ConfigurationError(f"{name} must be one row of finite numbers.")
    return array


def _relative_entropy(p: NDArray[np.float64], q: NDArray[np.float64], base: float) -> float:
    """Σ p log(p/q); rounding can put it a hair under 0."""
    return max(0.0, float(rel_entr(p, q).sum()) / math.log(base))


def _require_base(base: float) -> None:
    if not 1 < base < math.inf:
        raise ConfigurationError(f"The base of a logarithm must be over 1, not {base}.")
