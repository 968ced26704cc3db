"""How sure a figure is where observations hang together: the jackknife over groups, with t."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from vs_core.errors import ConfigurationError
from vs_core.metrics.intervals import Interval

__all__ = ["FEWEST_GROUPS", "jackknife"]

FEWEST_GROUPS = 4
"""Of fewer the spread cannot be told: there is no interval then, and `Interval.reason` says so."""


def jackknife(
    metric: Callable[..., float],
    samples: Sequence[Sequence[Any] | np.ndarray[Any, Any]],
    groups: Sequence[Hashable],
    *,
    level: float,
    bounds: tuple[float, float],
) -> Interval:
    """Return the delete-one-group jackknife interval of a metric (Tukey 1958; Efron 1982, ch. 3).

    Its standard error is √((g − 1)/g · Σ (θ₍ᵢ₎ − θ̄)²) over the g values that the metric has without
    one group each, and its reach that of Student's t with g − 1 degrees of freedom.

    Args:
        metric: As for `confidence_interval`.
        samples: One sample, or several whose places belong together.
        groups: To which group each place belongs: such as the call that a candidate came from.
        level: Confidence, on (0, 1).
        bounds: Least and greatest value that the metric can have.

    Raises:
        ConfigurationError: If samples and groups differ in length.
    """
    if {len(sample) for sample in samples} != {len(groups)}:
        raise ConfigurationError("groups must name the group of every observation.")
    estimate = float(metric(*samples))
    places: dict[Hashable, list[int]] = {}
    for place, group in enumerate(groups):
        places.setdefault(group, []).append(place)
    if len(places) < FEWEST_GROUPS:
        reason = f"{len(places)} groups are too few: an interval takes {FEWEST_GROUPS}"
        return Interval(estimate, math.nan, math.nan, reason=reason)
    every = np.arange(len(groups))
    rests = (np.delete(every, gone) for gone in places.values())
    values = np.array([float(metric(*(_taken(s, rest) for s in samples))) for rest in rests])
    if not np.isfinite([estimate, *values]).all():
        reason = "the metric has no finite value without one of the groups"
        return Interval(estimate, math.nan, math.nan, reason=reason)
    reach = _reach(values, level)
    least, greatest = bounds
    return Interval(estimate, max(least, estimate - reach), min(greatest, estimate + reach))


def _reach(values: np.ndarray[Any, Any], level: float) -> float:
    from scipy.stats import t

    count = len(values)
    error = math.sqrt((count - 1) / count * float(((values - values.mean()) ** 2).sum()))
    return float(t.ppf((1 + level) / 2, count - 1)) * error


def _taken(sample: Any, places: Any) -> Any:
    return sample[places] if isinstance(sample, np.ndarray) else [sample[i] for i in places]
