"""How far two ways to tell what is the same agree. Pure Python."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

from vs_core.errors import ConfigurationError

__all__ = ["Agreement", "agreement", "numbered"]


class Agreement(NamedTuple):
    """Two partitions of the same items, compared pair by pair.

    Args:
        share: Share of the pairs of which both say the same, on [0, 1]; ``nan`` without a pair.
        kappa: Cohen's κ of that, which takes off what chance would give: 1 for equal partitions, 0
            for none, under 0 for less; ``nan`` where both say one and the same of every pair.
        pairs: How many pairs there are.
    """

    share: float
    kappa: float
    pairs: int


def agreement(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    *,
    groups: Sequence[Hashable] | None = None,
) -> Agreement:
    """Compare two partitions: of how many pairs do both say that they are the same, or are not?

    Cohen's κ over pairs equals the adjusted Rand index (Warrens 2008). O(n) time.

    Args:
        first: The class of each item by one equivalence, length n.
        second: By another, length n.
        groups: What each item answers; pairs are taken within a group alone. None for one group.

    Raises:
        ConfigurationError: If the lengths differ.
    """
    within: Sequence[Hashable] = [None] * len(first) if groups is None else groups
    if not len(first) == len(second) == len(within):
        raise ConfigurationError(
            f"There are {len(first)}, {len(second)} and {len(within)} classes or groups: one for "
            "each item, please."
        )
    pairs = _pairs(within)
    if not pairs:
        return Agreement(math.nan, math.nan, 0)
    one = _pairs(zip(within, first, strict=True)) / pairs
    other = _pairs(zip(within, second, strict=True)) / pairs
    both = _pairs(zip(within, first, second, strict=True)) / pairs
    share = 1 - one - other + 2 * both
    chance = one * other + (1 - one) * (1 - other)
    kappa = (share - chance) / (1 - chance) if chance < 1 else math.nan
    return Agreement(share, kappa, pairs)


def numbered(keys: Iterable[Hashable]) -> list[int]:
    """Return a number for each key: equal ones have the same, from 0, in the order they come in."""
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def _pairs(items: Iterable[Hashable]) -> int:
    """How many pairs of equal items there are."""
    return sum(count * (count - 1) // 2 for count in Counter(items).values())
