"""Do two arms differ? Paired differences over prompts, or over calls."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from vs_core.errors import ConfigurationError

if TYPE_CHECKING:
    from vs_core.metrics.jackknife import Spread

__all__ = [
    "Difference",
    "corrected",
    "independent_difference",
    "paired_difference",
    "units_needed",
]


Unit = TypeVar("Unit", bound=Hashable)


class Difference(NamedTuple):
    """How much the first arm is over the second, on the units that both have.

    Args:
        estimate: Mean of the differences.
        low: Lower end of its confidence interval; ``nan`` under two units.
        high: Upper end.
        pvalue: Of the t-test that it is 0, two-sided; ``nan`` where it cannot be told.
        units: How many units (prompts, or else calls of both arms) say so.
        spread: Standard deviation of the differences of paired units; ``nan`` if none are paired.
    """

    estimate: float
    low: float
    high: float
    pvalue: float
    units: int
    spread: float


def paired_difference(
    first: Mapping[Unit, float], second: Mapping[Unit, float], *, level: float = 0.95
) -> Difference:
    """Return the mean difference of two arms over their common units (Student's paired t).

    Prompts are the unit where there are several: what a prompt adds to both arms cancels. With one
    prompt the calls are, which are then paired by nothing but their number.

    Args:
        first: The arm's value by unit; units without a value (``nan``) are left out.
        second: Likewise of the other.
        level: Confidence, on (0, 1).

    Raises:
        ConfigurationError: If ``level`` is out of range.
    """
    from scipy.stats import t

    if not 0 < level < 1:
        raise ConfigurationError(f"level must be between 0 and 1, not {level}.")
    differences = [value - second[unit] for unit, value in first.items() if unit in second]
    differences = [value for value in differences if math.isfinite(value)]
    count = len(differences)
    if count < 2:
        estimate = differences[0] if differences else math.nan
        return Difference(estimate, math.nan, math.nan, math.nan, count, math.nan)
    estimate = math.fsum(differences) / count
    spread = math.sqrt(math.fsum((d - estimate) ** 2 for d in differences) / (count - 1))
    error = spread / math.sqrt(count)
    reach = float(t.ppf((1 + level) / 2, count - 1)) * error
    if error:
        pvalue = 2 * float(t.sf(abs(estimate) / error, count - 1))
    else:  # each unit says the same
        pvalue = 1.0 if estimate == 0 else 0.0
    return Difference(estimate, estimate - reach, estimate + reach, pvalue, count, spread)


def independent_difference(
    first: Sequence[Spread], second: Sequence[Spread], *, level: float = 0.95
) -> Difference:
    """Return the mean difference of two arms whose calls have nothing to do with each other.

    Welch's t: for few prompts, of which each has its calls. The difference is for these prompts.

    Args:
        first: The arm's value of each prompt, with its error over calls: `jackknife.spread`.
        second: Likewise of the other, of the same prompts.
        level: Confidence, on (0, 1).
    """
    from scipy.stats import t

    count = len(first)
    estimate = math.fsum(a.estimate - b.estimate for a, b in zip(first, second, strict=True))
    estimate = estimate / count if count else math.nan
    parts = [(each.error / count, each.groups) for each in (*first, *second)]
    units = sum(groups for _, groups in parts)
    variance = math.fsum(error**2 for error, _ in parts)
    if not count or math.isnan(variance):
        return Difference(estimate, math.nan, math.nan, math.nan, units, math.nan)
    if not variance:
        return Difference(estimate, estimate, estimate, float(not estimate), units, math.nan)
    error = math.sqrt(variance)
    freedom = variance**2 / math.fsum(part**4 / (groups - 1) for part, groups in parts)
    reach = float(t.ppf((1 + level) / 2, freedom)) * error
    pvalue = 2 * float(t.sf(abs(estimate) / error, freedom))
    return Difference(estimate, estimate - reach, estimate + reach, pvalue, units, math.nan)


def corrected(
    differences: Mapping[Unit, Difference], *, method: str = "holm"
) -> dict[Unit, Difference]:
    """Return several differences with p-values corrected for being several.

    Args:
        differences: All that are looked at together.
        method: Of `statsmodels.stats.multitest.multipletests`; default: Holm's (1979), which keeps
            the chance of any false alarm at the level of one test.

    Returns:
        The same differences; those without a p-value as they are. Intervals stay those of one.
    """
    from statsmodels.stats.multitest import multipletests

    tested = [name for name, each in differences.items() if not math.isnan(each.pvalue)]
    if not tested:
        return dict(differences)
    pvalues = multipletests([differences[name].pvalue for name in tested], method=method)[1]
    found = dict(zip(tested, map(float, pvalues), strict=True))
    return {
        name: each._replace(pvalue=found.get(name, each.pvalue))
        for name, each in differences.items()
    }


def units_needed(
    spread: float, difference: float, *, level: float = 0.95, power: float = 0.8
) -> int:
    """Return how many units tell a difference of this size from none, by a paired t-test.

    Args:
        spread: Standard deviation of the differences between units: `Difference.spread`.
        difference: What is to be told, in the same unit: 0.02 for two points of a share. Not 0.
        level: Of the test's confidence, on (0, 1).
        power: Chance to find a difference that is there, on (0, 1).

    Raises:
        ConfigurationError: If a number is out of range.
    """
    from scipy.stats import norm

    if not (0 < level < 1 and 0 < power < 1) or not difference or spread < 0:
        raise ConfigurationError(
            "level and power are between 0 and 1, the difference is not 0, the spread at least 0; "
            f"not {level}, {power}, {difference}, {spread}."
        )
    reach = float(norm.ppf((1 + level) / 2))
    count = ((reach + float(norm.ppf(power))) * spread / difference) ** 2
    return max(2, math.ceil(count + reach**2 / 2))  # t's tails for few units (Guenther 1981)
