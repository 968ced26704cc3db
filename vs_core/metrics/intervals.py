"""An estimate with its confidence interval."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Interval"]


class _Ends(NamedTuple):
    estimate: float
    low: float
    high: float


class Interval(_Ends):
    """An estimate with its confidence interval.

    Args:
        estimate: Of all observations.
        low: Lower end; ``nan`` where the data cannot say.
        high: Upper end.
        reason: Why there is no interval, where there is none.
    """

    reason: str

    def __new__(cls, estimate: float, low: float, high: float, *, reason: str = "") -> Interval:
        """Make it; the reason is no part of the tuple."""
        interval = super().__new__(cls, estimate, low, high)
        interval.reason = reason
        return interval
