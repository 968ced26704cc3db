"""Who stays in a race: arms that lose by their paired intervals are asked no more.

No arm is asked here: these are functions of what was measured.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from vs_core.metrics.paired import paired_difference

__all__ = ["Limits", "Measured", "Standing", "front", "kept", "ranked", "schedule"]

T = TypeVar("T")
Unit = Hashable
"""A prompt and a run of it: what arms are compared over."""


@dataclass(frozen=True)
class Measured:
    """What an arm gave for a unit.

    Args:
        diversity: Different good answers over those asked for, on [0, 1].
        quality: Mean score of the answers, on [0, 1]; nan if none can be scored.
        useful: Different answers.
        tokens: Of all calls, question and answer.
        cost: Of all calls; nan without a price.
        calls: How many there were.
    """

    diversity: float
    quality: float
    useful: int
    tokens: float
    cost: float
    calls: int


@dataclass(frozen=True)
class Limits:
    """What an arm must keep to.

    Args:
        floor: Least mean quality, on [0, 1]; None for none.
        loss: Most by which quality may be under that of direct answers; None for none.
        tokens: Most tokens a useful answer.
        cost: Most cost of a useful answer.
    """

    floor: float | None = None
    loss: float | None = None
    tokens: float | None = None
    cost: float | None = None


@dataclass(frozen=True)
class Standing:
    """How an arm stands.

    Args:
        diversity: Its mean; with ``low`` and ``high``, the 95 % interval over units.
        low: Lower end; nan under two units.
        high: Upper end.
        quality: Its mean; nan if nothing can be scored.
        tokens: A useful answer; inf if there is none.
        cost: A useful answer; nan without a price.
        calls: In all.
        units: Of how many.
    """

    diversity: float
    low: float
    high: float
    quality: float
    tokens: float
    cost: float
    calls: int
    units: int

    @classmethod
    def of(cls, measured: Iterable[Measured]) -> Standing:
        """Add up what an arm gave."""
        seen = list(measured)
        nothing = dict.fromkeys(range(len(seen)), 0.0)
        spread = paired_difference({i: m.diversity for i, m in enumerate(seen)}, nothing)
        scored = [m.quality for m in seen if not math.isnan(m.quality)]
        useful = sum(m.useful for m in seen)
        return cls(
            spread.estimate,
            max(0.0, spread.low) if spread.units > 1 else math.nan,
            min(1.0, spread.high) if spread.units > 1 else math.nan,
            math.fsum(scored) / len(scored) if scored else math.nan,
            sum(m.tokens for m in seen) / useful if useful else math.inf,
            sum(m.cost for m in seen) / useful if useful else math.inf,
            sum(m.calls for m in seen),
            len(seen),
        )


def _within(standing: Standing, limits: Limits, direct: Standing | None) -> bool:
    """Whether an arm keeps to the limits, as far as its means say."""
    least = [] if limits.floor is None else [limits.floor]
    if limits.loss is not None and direct is not None:
        least.append(direct.quality - limits.loss)
    return (
        not any(standing.quality < floor for floor in least)
        and (limits.tokens is None or standing.tokens <= limits.tokens)
        and (limits.cost is None or not standing.cost > limits.cost)
    )


def ranked(
    measured: Mapping[str, Mapping[Unit, Measured]], limits: Limits, direct: str
) -> list[str]:
    """Return the arms that keep to the limits, the most diverse first, then the others."""
    standing = {arm: Standing.of(units.values()) for arm, units in measured.items() if units}

    def order(arm: str) -> tuple[bool, float, float]:
        own = standing[arm]
        inside = _within(own, limits, standing.get(direct))
        return not inside, -own.diversity, own.tokens

    return sorted(standing, key=order)


def kept(
    measured: Mapping[str, Mapping[Unit, Measured]], limits: Limits, direct: str, *, level: float
) -> tuple[list[str], dict[str, str]]:
    """Return the arms that can still win, the best first, and why each of the others cannot.

    An arm is out if the interval of its paired difference to the leader lies below 0, or that of
    its quality below what is asked for.

    Args:
        measured: Contender to unit to what it gave.
        limits: What is asked for.
        direct: Name of the arm of direct answers.
        level: Of the intervals, on (0, 1).
    """
    leader, *others = ranked(measured, limits, direct)
    out = {}
    for arm in others:
        if why := _lost(arm, leader, measured, limits, direct, level):
            out[arm] = why
    return [arm for arm in (leader, *others) if arm not in out], out


def _lost(
    arm: str,
    leader: str,
    measured: Mapping[str, Mapping[Unit, Measured]],
    limits: Limits,
    direct: str,
    level: float,
) -> str | None:
    own = measured[arm]
    behind = paired_difference(
        {unit: m.diversity for unit, m in own.items()},
        {unit: m.diversity for unit, m in measured[leader].items()},
        level=level,
    )
    if behind.high < 0:
        return f"less diverse than {leader} by {-behind.estimate:.2f}"
    quality = {unit: m.quality for unit, m in own.items()}
    if limits.floor is not None:
        under = paired_difference(quality, dict.fromkeys(quality, limits.floor), level=level)
        if under.high < 0:
            return f"quality {under.estimate + limits.floor:.2f} is under {limits.floor:g}"
    if limits.loss is not None:
        plain = {unit: m.quality - (limits.loss or 0.0) for unit, m in measured[direct].items()}
        under = paired_difference(quality, plain, level=level)
        if under.high < 0:
            return f"quality falls by more than {limits.loss:g} under direct answers"
    return None


def front(standings: Mapping[str, Standing], of: str) -> list[str]:
    """Return the arms that no other beats in diversity and in another thing at once.

    Args:
        standings: Contender to how it stands.
        of: ``"quality"``, more of which is better, or ``"tokens"`` or ``"cost"``, less of which is.

    Returns:
        Names, the most diverse first.
    """
    sign = 1 if of == "quality" else -1

    def place(arm: str) -> tuple[float, float]:
        value = getattr(standings[arm], of)
        return standings[arm].diversity, -math.inf if math.isnan(value) else sign * value

    best: list[str] = []
    for arm in sorted(standings, key=place, reverse=True):
        if not best or place(arm)[1] > place(best[-1])[1]:
            best.append(arm)
    return best


def schedule(units: Sequence[T], first: int) -> Iterator[Sequence[T]]:
    """Yield what is asked round by round: few units first, and twice as many in all each time."""
    start, size = 0, first
    while start < len(units):
        yield units[start : start + size]
        start, size = start + size, start + size
