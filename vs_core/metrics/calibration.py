"""Calibration: do verbalized probabilities come true, and what temperature would mend them?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vs_core.candidates import Distribution
from vs_core.checks import require_count
from vs_core.errors import ConfigurationError
from vs_core.metrics.distributional import table_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Bin",
    "brier_score",
    "expected_calibration_error",
    "fit_shared_temperature",
    "fit_temperature",
    "log_score",
    "reliability_diagram",
]

Weighed = Distribution | Mapping[Any, float]
"""Weights, counts or shares by text."""

Binning = Literal["uniform", "quantile"]


@dataclass(frozen=True)
class Bin:
    """One point of a reliability diagram: the predictions over ``lower`` and up to ``upper``.

    Args:
        lower: Where the bin begins, on [0, 1].
        upper: Where it ends.
        confidence: Mean of the predicted probabilities.
        frequency: Mean of the outcomes: what the confidence ought to be.
        count: Number of predictions, at least 1.
    """

    lower: float
    upper: float
    confidence: float
    frequency: float
    count: int


def reliability_diagram(
    probabilities: ArrayLike,
    outcomes: ArrayLike,
    *,
    bins: int = 10,
    binning: Binning = "uniform",
) -> list[Bin]:
    """Group predictions by probability and compare each group with what came of it.

    DeGroot and Fienberg 1983; the binning is that of Guo et al. 2017, section 2.

    Args:
        probabilities: As verbalized, on [0, 1], shape (n,).
        outcomes: What happened, on [0, 1], shape (n,): 1 and 0 for right and wrong, or a frequency,
            such as how often the model itself gives that answer.
        bins: How many, at least 1.
        binning: ``"uniform"`` bins are equally wide; ``"quantile"`` bins hold about as many
            predictions each.

    Returns:
        The bins that hold a prediction, from low to high; none for no predictions.

    Raises:
        ConfigurationError: If the two differ in length, a value is not on [0, 1], or an option
            cannot work.
    """
    p, y = _pairs(probabilities, outcomes)
    require_count("bins", bins)
    if binning not in ("uniform", "quantile"):
        raise ConfigurationError(f"binning must be 'uniform' or 'quantile', not {binning!r}.")
    if not p.size:
        return []
    steps = np.linspace(0, 1, bins + 1)
    edges = steps if binning == "uniform" else np.percentile(p, steps * 100)
    places = np.searchsorted(edges[1:-1], p)  # a value on an edge belongs below it
    return [
        Bin(
            float(edges[place]),
            float(edges[place + 1]),
            float(p[places == place].mean()),
            float(y[places == place].mean()),
            int((places == place).sum()),
        )
        for place in np.unique(places)
    ]


def expected_calibration_error(
    probabilities: ArrayLike,
    outcomes: ArrayLike,
    *,
    bins: int = 10,
    binning: Binning = "uniform",
) -> float:
    """ECE: the mean gap between confidence and frequency over the predictions (Guo et al. 2017).

    Args:
        probabilities: As verbalized, on [0, 1], shape (n,).
        outcomes: What happened, on [0, 1], shape (n,).
        bins: How many, at least 1.
        binning: As in `reliability_diagram`.

    Returns:
        Σ count/n · |confidence − frequency| over the bins, on [0, 1]; ``nan`` for no predictions.

    Raises:
        ConfigurationError: As `reliability_diagram`.
    """
    diagram = reliability_diagram(probabilities, outcomes, bins=bins, binning=binning)
    total = sum(each.count for each in diagram)
    gaps = [each.count * abs(each.confidence - each.frequency) for each in diagram]
    return math.fsum(gaps) / total if total else math.nan


def brier_score(probabilities: ArrayLike, outcomes: ArrayLike) -> float:
    """Mean squared distance of the probabilities from what happened (Brier 1950).

    A proper score: nobody does better by saying anything but what they believe. ECE is none: a
    model that always claims the base rate has an ECE of 0.

    Args:
        probabilities: As verbalized, on [0, 1], shape (n,).
        outcomes: What happened, on [0, 1], shape (n,).

    Returns:
        On [0, 1], less is better; ``nan`` for no predictions.

    Raises:
        ConfigurationError: If the two differ in length, or a value is not on [0, 1].
    """
    p, y = _pairs(probabilities, outcomes)
    return float(((p - y) ** 2).mean()) if p.size else math.nan


def log_score(probabilities: ArrayLike, outcomes: ArrayLike, *, epsilon: float = 1e-6) -> float:
    """Mean of −y·ln p − (1 − y)·ln(1 − p), in nats: the logarithmic score (Good 1952).

    Proper, as `brier_score` is; certain and wrong costs far more here.

    Args:
        probabilities: As verbalized, on [0, 1], shape (n,).
        outcomes: What happened, on [0, 1], shape (n,).
        epsilon: Probabilities nearer to 0 or 1 are moved to this distance, so that a certain
            mistake costs −ln ε and not infinity; on [0, ½). 0 moves none.

    Returns:
        At least 0, less is better; ``nan`` for no predictions.

    Raises:
        ConfigurationError: If the two differ in length, or a value is out of range.
    """
    if not 0 <= epsilon < 0.5:
        raise ConfigurationError(f"epsilon must be on [0, 0.5), not {epsilon}.")
    p, y = _pairs(probabilities, outcomes)
    if not p.size:
        return math.nan
    from scipy.special import xlogy

    p = np.clip(p, epsilon, 1 - epsilon)
    return float(-(xlogy(y, p) + xlogy(1 - y, 1 - p)).mean())


def _pairs(
    probabilities: ArrayLike, outcomes: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    p, y = _shares(probabilities, "probabilities"), _shares(outcomes, "outcomes")
    if p.shape != y.shape:
        raise ConfigurationError(f"There are {p.size} probabilities and {y.size} outcomes.")
    return p, y


def _shares(values: ArrayLike, name: str) -> NDArray[np.float64]:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{name} must be numbers: {error}") from error
    if array.ndim != 1 or not ((array >= 0) & (array <= 1)).all():
        raise ConfigurationError(f"{name} must be one row of numbers between 0 and 1.")
    return array


def fit_temperature(
    verbalized: Weighed, observed: Weighed, *, bounds: tuple[float, float] = (0.01, 100.0)
) -> float:
    """Find the temperature at which reweighting comes nearest to the observed frequencies.

    `fit_shared_temperature` of one pair.

    Args:
        verbalized: The distribution; its weights are w.
        observed: How often each text came, as counts or shares, by text.
        bounds: Least and greatest temperature, both positive.

    Raises:
        ConfigurationError: As `fit_shared_temperature`.
    """
    return fit_shared_temperature([(verbalized, observed)], bounds=bounds)


def fit_shared_temperature(
    pairs: Iterable[tuple[Weighed, Weighed]], *, bounds: tuple[float, float] = (0.01, 100.0)
) -> float:
    """Find the one temperature that mends the verbalized probabilities of many tasks.

    The T that minimises Σ count · D(observed ‖ w^(1/T) / Σ w^(1/T)), for `Distribution.reweight`.
    In 1/T this is the likelihood of an exponential family, so there is one minimum: where the mean
    log weight under the model is the observed one. Fit it on some tasks, and use it on others of
    the same kind and model: what it is worth shows only there.

    Args:
        pairs: For each task the distribution, whose weights are w, and how often each text came.
            Counts make a task weigh as much as it was observed; shares make all weigh the same.
        bounds: Least and greatest temperature, both positive.

    Returns:
        The temperature: over 1 if the model claims too sharp a distribution, under 1 if too flat.
        At its bound if the best is beyond it (all observations on the largest weight; observations
        that the weights order the wrong way round). Observations of weight 0 are left out, as no
        temperature reaches them. 1, no change, where there is nothing to learn from: no
        observations, or equal weights.

    Raises:
        ConfigurationError: If a text is there twice (`Distribution.dedupe` merges them), a weight
            is negative, or the bounds cannot work.
    """
    low, high = bounds
    if not 0 < low < high < math.inf:
        raise ConfigurationError(f"bounds must be positive and in order, not {bounds}.")
    tasks = [found for pair in pairs if (found := _told(*pair)) is not None]
    if not tasks:
        return 1.0
    from scipy.optimize import brentq
    from scipy.special import softmax

    target = math.fsum(float(counts @ logs) for logs, counts in tasks)

    def excess(inverse: float) -> float:
        """Log weights expected at temperature 1/inverse over the observed ones; it grows."""
        expected = (counts.sum() * (softmax(inverse * logs) @ logs) for logs, counts in tasks)
        return math.fsum(map(float, expected)) - target

    if excess(1 / high) >= 0:
        return high
    if excess(1 / low) <= 0:
        return low
    return 1 / float(brentq(excess, 1 / high, 1 / low, xtol=1e-12, rtol=1e-12))


def _told(
    verbalized: Weighed, observed: Weighed
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Log weights and counts of a task; None where they say nothing of a temperature."""
    weights = {key: weight for key, weight in _single(verbalized).items() if weight > 0}
    seen = _single(observed)
    counts = np.array([seen.get(key, 0.0) for key in weights])
    if not counts.any() or len(set(weights.values())) < 2:
        return None
    return np.log(np.array(list(weights.values()))), counts


def _single(measure: Weighed) -> dict[Any, float]:
    """Weights by text, each there once."""
    table = table_of(measure)
    if len(table) < len(measure):
        texts = [str(candidate) for candidate in measure]
        twice = next(text for text in texts if texts.count(text) > 1)
        raise ConfigurationError(f"{twice[:60]!r} is there twice: use distribution.dedupe().")
    if any(not 0 <= weight < math.inf for weight in table.values()):
        raise ConfigurationError("Weights and counts must be finite and at least 0.")
    return table
