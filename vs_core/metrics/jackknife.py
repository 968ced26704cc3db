"""How sure a figure is where observations hang together: the jackknife over groups, with t."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from vs_core.errors import ConfigurationError
from vs_core.metrics.intervals import Interval

__all__ = ["FEWEST_GROUPS", "Spread", "jackknife", "spread"]

FEWEST_GROUPS = 4
"""Of fewer the spread cannot be told: there is no interval then, and `Interval.reason` says so."""

_MOST_BLOCKS = 100
"""More groups than these are left out by the block (Kott 2001): the metric is not computed more
often than that, and t with 99 degrees of freedom is nearly the normal distribution."""


class Spread(NamedTuple):
    """How a metric varies from group to group.

    Args:
        estimate: Of all observations.
        error: Its standard error; ``nan`` where the data cannot say.
        groups: Of how many groups, or blocks of groups, that was told.
        reason: Why there is no error, where there is none.
    """

    estimate: float
    error: float
    groups: int
    reason: str = ""

    def reach(self, level: float) -> float:
        """Return how far an interval of this level reaches to either side."""
        from scipy.stats import t

        return float(t.ppf((1 + level) / 2, self.groups - 1)) * self.error


def spread(
    metric: Callable[..., float], samples: Sequence[Any], groups: Sequence[Hashable]
) -> Spread:
    """Return a metric with its standard error by the delete-one-group jackknife.

    It is √((g − 1)/g · Σ (θ₍ᵢ₎ − θ̄)²) over the g values that the metric has without one group each
    (Tukey 1958; Efron 1982, chapter 3).

    Args:
        metric: As for `confidence_interval`.
        samples: One sample, or several whose places belong together.
        groups: To which group each place belongs: such as the call that a candidate came from.

    Raises:
        ConfigurationError: If samples and groups differ in length.
    """
    if {len(sample) for sample in samples} != {len(groups)}:
        raise ConfigurationError("groups must name the group of every observation.")
    estimate = float(metric(*samples))
    blocks = _blocks(groups)
    if len(blocks) < FEWEST_GROUPS:
        reason = f"{len(blocks)} groups are too few: an interval takes {FEWEST_GROUPS}"
        return Spread(estimate, math.nan, len(blocks), reason)
    every = np.arange(len(groups))
    rests = (np.delete(every, block) for block in blocks)
    values = np.array([float(metric(*(_taken(s, rest) for s in samples))) for rest in rests])
    if not np.isfinite([estimate, *values]).all():
        reason = "the metric has no finite value without one of the groups"
        return Spread(estimate, math.nan, len(blocks), reason)
    count = len(values)
    error = math.sqrt((count - 1) / count * float(((values - values.mean()) ** 2).sum()))
    return Spread(estimate, error, count)


def jackknife(
    metric: Callable[..., float],
    samples: Sequence[Any],
    groups: Sequence[Hashable],
    *,
    level: float,
    bounds: tuple[float, float],
) -> Interval:
    """Return the interval of a metric by its `spread`, with Student's t.

    Args:
        metric: As for `confidence_interval`.
        samples: See `spread`.
        groups: See `spread`.
        level: Confidence, on (0, 1).
        bounds: Least and greatest value that the metric can have.

    Raises:
        ConfigurationError: If samples and groups differ in length.
    """
    found = spread(metric, samples, groups)
    if found.reason:
        return Interval(found.estimate, math.nan, math.nan, reason=found.reason)
    reach, (least, greatest) = found.reach(level), bounds
    return Interval(
        found.estimate, max(least, found.estimate - reach), min(greatest, found.estimate + reach)
    )


def _blocks(groups: Sequence[Hashable]) -> list[list[int]]:
    """The places of each group; of many groups, of blocks of them, dealt out in turn."""
    numbers: dict[Hashable, int] = {}
    for group in groups:
        numbers.setdefault(group, len(numbers))
    blocks: list[list[int]] = [[] for _ in range(min(len(numbers), _MOST_BLOCKS))]
    for place, group in enumerate(groups):
        blocks[numbers[group] % _MOST_BLOCKS].append(place)
    return blocks


def _taken(sample: Any, places: Any) -> Any:
    return sample[places] if isinstance(sample, np.ndarray) else [sample[i] for i in places]
