"""Calibration: do verbalized probabilities come true, and what temperature would mend them?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vs_core.candidates import Distribution
from vs_core.checks import require_count
from vs_core.errors import ConfigurationError
from vs_core.metrics.distributional import table_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Bin", "expected_calibration_error", "fit_temperature", "reliability_diagram"]

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
    p, y = _shares(probabilities, "probabilities"), _shares(outcomes, "outcomes")
    if p.shape != y.shape:
        raise ConfigurationError(f"There are {p.size} probabilities and {y.size} outcomes.")
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


def _shares(values: ArrayLike, name: str) -> NDArray[np.float64]:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{name} must be numbers: {error}") from error
    if array.ndim != 1 or not ((array >= 0) & (array <= 1)).all():
        raise ConfigurationError(f"{name} must be one row of numbers between 0 and 1.")
    return array


def fit_temperature(
    verbalized: Distribution | Mapping[Any, float],
    observed: Distribution | Mapping[Any, float],
    *,
    bounds: tuple[float, float] = (0.01, 100.0),
) -> float:
    """Find the temperature at which reweighting comes nearest to the observed frequencies.

    The T that minimises D(observed ‖ w^(1/T) / Σ w^(1/T)), for `Distribution.reweight`. In 1/T
    this is the likelihood of an exponential family, so there is one minimum: where the mean log
    weight under the model is the observed one.

    Args:
        verbalized: The distribution; its weights are w.
        observed: How often each text came, as counts or shares, by text.
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
    weights = {key: weight for key, weight in _single(verbalized).items() if weight > 0}
    seen = _single(observed)
    counts = np.array([seen.get(key, 0.0) for key in weights])
    if not counts.any() or len(set(weights.values())) < 2:
        return 1.0
    from scipy.optimize import brentq
    from scipy.special import softmax

    logs = np.log(np.array(list(weights.values())))
    target = float(counts @ logs / counts.sum())

    def excess(inverse: float) -> float:
        """Mean log weight at temperature 1/inverse over the observed one; it grows."""
        return float(softmax(inverse * logs) @ logs) - target

    if excess(1 / high) >= 0:
        return high
    if excess(1 / low) <= 0:
        return low
    return 1 / float(brentq(excess, 1 / high, 1 / low, xtol=1e-12, rtol=1e-12))


def _single(measure: Distribution | Mapping[Any, float]) -> dict[Any, float]:
    """Weights by text, each there once."""
    table = table_of(measure)
    if len(table) < len(measure):
        texts = [str(candidate) for candidate in measure]
        twice = next(text for text in texts if texts.count(text) > 1)
        raise ConfigurationError(f"{twice[:60]!r} is there twice: use distribution.dedupe().")
    if any(not 0 <= weight < math.inf for weight in table.values()):
        raise ConfigurationError("Weights and counts must be finite and at least 0.")
    return table
