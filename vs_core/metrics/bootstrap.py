"""How sure a figure is: confidence intervals for any metric, by jackknife or bootstrap."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vs_core.checks import require_count
from vs_core.errors import ConfigurationError
from vs_core.metrics.intervals import Interval
from vs_core.metrics.jackknife import jackknife
from vs_core.metrics.richness import chao1

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["confidence_interval"]


def confidence_interval(
    metric: Callable[..., float],
    *samples: Sequence[Any] | NDArray[Any],
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    paired: bool = False,
    pairwise: bool = False,
    unseen: bool | Sequence[Hashable] = False,
    bounds: tuple[float, float] = (-math.inf, math.inf),
    seed: int | None = None,
) -> Interval:
    """Confidence interval of a metric: over groups of observations, or over observations alone.

    Candidates of one call depend on each other. Whoever counts them as independent gets intervals
    that are too narrow; so say which call each came from, or which prompt where there are several:
    ``groups=[candidate.call for candidate in distribution]``. The interval is then the jackknife
    over groups with t, see `vs_core.metrics.jackknife`: there is none under four groups. The
    options of the bootstrap (``resamples``, ``pairwise``, ``unseen``, ``seed``) do not matter then.

    Without groups it is a bootstrap (Efron and Tibshirani 1993), for observations that do not
    depend on each other. They are drawn anew with replacement, and the metric is computed of each
    resample. A resample repeats observations, which by itself moves most metrics of diversity: a
    text drawn twice is a pair of identical texts, and no new class can turn up. So the spread of
    the resampled values is used and their shift is not: the quantiles are moved by the estimate
    minus their mean. They are taken a little further out to make up for few observations
    (Hesterberg 2015, the expanded percentile interval). The interval is for the expected value of
    the metric over samples of this size.

    Args:
        metric: Called with as many samples as are given; bind what is fixed with a lambda or
            `functools.partial`: ``lambda rolls: kl_divergence(Counter(rolls), FAIR)``.
        *samples: Sequences of observations: texts, rows of embeddings, rolls.
        groups: To which group each observation belongs; samples are then paired.
        level: Confidence, on (0, 1).
        resamples: How many; the metric is computed as often, and once more.
        paired: Draw the same places of every sample (probabilities and their outcomes); otherwise
            samples are drawn independently (two groups that a test compares).
        pairwise: For a metric that is a mean over pairs of one sample, 0 for a pair of the same
            (`semantic_diversity`, `lexical_diversity`): leave out the pairs of an observation with
            itself, which in a small sample are most of the spread and all of the shift. Neither
            end is beyond the least and the greatest that a pair can give.
        unseen: For a metric that counts classes (`unseen_mass`, `chao1`, `coverage`), where the
            sample alone has too little spread: draw labels from the distribution that Chao et al.
            2014 estimate for their bootstrap, in which classes not seen yet share the unseen
            mass. True adds as many new labels as `chao1` estimates; a sequence says which they are
            (the right answers not found yet).
        bounds: Least and greatest value that the metric can have; the interval is cut off there.
        seed: Makes the interval reproducible.

    Returns:
        The estimate with the ends of its interval. Both ends are ``nan`` where the data cannot say:
        fewer than two observations, or a metric that is infinite or ``nan`` on a resample.
        Identical observations give an interval of no width.

    Raises:
        ConfigurationError: If there is no sample, paired samples differ in length, or an option
            cannot work.
    """
    _require(samples, level, resamples, paired, pairwise or bool(unseen))
    if groups is not None:
        return jackknife(metric, samples, groups, level=level, bounds=bounds)
    estimate = float(metric(*samples))
    size = min(len(sample) for sample in samples)
    if size < 2:
        return Interval(estimate, math.nan, math.nan, reason="fewer than two observations")
    rng = np.random.default_rng(seed)
    if unseen:
        draws = _relabelled(list(samples[0]), unseen, rng)
    else:
        draws = _redrawn(samples, paired, pairwise, rng)
    drawn = (next(draws) for _ in range(resamples))
    values = np.array([scale * float(metric(*resample)) for resample, scale in drawn])
    if not np.isfinite([estimate, *values]).all():
        reason = "the metric has no finite value on a resample"
        return Interval(estimate, math.nan, math.nan, reason=reason)
    tail = _tail(level, size)
    # Without pairs of the same there is no shift to take back, and so no end beyond what a mean
    # over pairs can be. Rounded, or a mean of ones would be a last digit over 1.
    shift = 0.0 if pairwise else estimate - values.mean()
    low, high = np.round(np.quantile(values, [tail, 1 - tail]) + shift, 12)
    least, greatest = bounds
    return Interval(
        estimate, float(max(least, min(low, estimate))), float(min(greatest, max(high, estimate)))
    )


def _require(
    samples: Sequence[Any], level: float, resamples: int, paired: bool, single: bool
) -> None:
    if not samples or (single and len(samples) > 1):
        raise ConfigurationError(
            "Give at least one sample, and with pairwise= or unseen= just one."
        )
    require_count("resamples", resamples, least=2)
    if not 0 < level < 1:
        raise ConfigurationError(f"level must be between 0 and 1, not {level}.")
    if paired and len({len(sample) for sample in samples}) > 1:
        raise ConfigurationError("Paired samples must be of equal length.")


def _tail(level: float, size: int) -> float:
    """Share of resampled values beyond each end, smaller the fewer the observations."""
    from scipy.stats import norm, t

    reach = t.ppf((1 - level) / 2, size - 1) * math.sqrt(size / (size - 1))
    return float(norm.cdf(reach))


_Resamples = Iterator[tuple[list[Any], float]]
"""Resamples of all samples, for ever, each with the factor that its value takes."""


def _redrawn(
    samples: Sequence[Any], paired: bool, pairwise: bool, rng: np.random.Generator
) -> _Resamples:
    while True:
        places = [rng.integers(0, len(sample), len(sample)) for sample in samples]
        if paired:
            places = places[:1] * len(samples)
        scale = _without_self_pairs(places[0]) if pairwise else 1.0
        if math.isfinite(scale):
            yield [_taken(*each) for each in zip(samples, places, strict=True)], scale


def _without_self_pairs(places: NDArray[np.int64]) -> float:
    """Pairs / pairs of different observations: the others are 0, so the mean grows by this."""
    n = len(places)
    same = sum(count * (count - 1) for count in np.bincount(places).tolist())
    return math.inf if same == n * (n - 1) else n * (n - 1) / (n * (n - 1) - same)


def _taken(sample: Any, places: NDArray[np.int64]) -> Any:
    return sample[places] if isinstance(sample, np.ndarray) else [sample[i] for i in places]


def _relabelled(
    sample: Sequence[Hashable], unseen: bool | Sequence[Hashable], rng: np.random.Generator
) -> _Resamples:
    """Resamples of one sample of labels, with some that were not seen."""
    counts = Counter(sample)
    if isinstance(unseen, bool):
        missing = math.ceil(chao1(counts) - len(counts))
        fresh: list[Any] = [f"unseen class {number}" for number in range(missing)]
    else:
        fresh = [label for label in unseen if label not in counts]
    labels = [*counts, *fresh]
    shares = _shares(np.array(list(counts.values())), len(fresh))
    while True:
        places = rng.choice(len(labels), len(sample), p=shares)
        yield [[labels[place] for place in places]], 1.0


def _shares(counts: NDArray[np.int64], missing: int) -> NDArray[np.float64]:
    """Estimated probabilities of the classes seen and of ``missing`` others (Chao et al. 2014)."""
    n, once, twice = int(counts.sum()), int((counts == 1).sum()), int((counts == 2).sum())
    shares = counts / n
    if not (once and missing):
        return shares if not missing else np.append(shares, np.zeros(missing))
    numerator, rest = ((n - 1) * once, 2 * twice) if twice else ((n - 1) * (once - 1), 2)
    mass = once / n * numerator / (numerator + rest)  # of what was not seen
    # Classes that were seen give up that mass, rare ones more of their own than common ones.
    unlucky = shares * (1 - shares) ** n
    shares = shares - mass * unlucky / unlucky.sum()
    shares = np.append(np.clip(shares, 0, None), np.full(missing, mass / missing))
    return np.asarray(shares / shares.sum())
