"""The arms of a race: ways to ask, of which one is to be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vs_core.errors import ConfigurationError
from vs_core.strategies.base import Strategy, strategy_of

__all__ = ["DIRECT", "Contender", "grid"]

DIRECT = "direct"
"""The name of the arm that the others are held against."""


@dataclass(frozen=True)
class Contender:
    """One way to ask.

    Args:
        name: That says what it is; no two arms share one.
        strategy: How answers are asked for; its ``n`` is that of the race.
        temperature: Of the model; None leaves it as it is.
    """

    name: str
    strategy: Strategy = field(compare=False)
    temperature: float | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The options of the strategy that this arm is about."""
        made = self.strategy
        settings: dict[str, Any] = {"strategy": made.name}
        if not made.asks_directly:
            settings["k"] = made.k
        if made.threshold is not None:
            settings["threshold"] = made.threshold
        return settings


def grid(
    strategies: Sequence[str | Strategy],
    ks: Sequence[int],
    thresholds: Sequence[float | None],
    temperatures: Sequence[float | None],
    *,
    n: int,
    **options: Any,
) -> list[Contender]:
    """Return every way to ask that the options come to, each once; direct answers come first.

    What means nothing to a strategy is not varied: k to one that asks directly, a threshold to one
    that states no probabilities. No k is over n.

    Args:
        strategies: Registered names or strategies.
        ks: Candidates a call.
        thresholds: None for the full distribution.
        temperatures: None for the model's own.
        n: Answers to each prompt, of every arm alike.
        **options: Further options of all strategies.

    Raises:
        ConfigurationError: If nothing is left, or an option cannot work.
    """
    arms: dict[str, Contender] = {}
    for temperature in temperatures:
        for base in [DIRECT, *strategies]:
            made = strategy_of(base, n=n, **options)
            plain = made.asks_directly
            fitting = dict.fromkeys(min(k, n) for k in ks)
            for k in [None] if plain else fitting:
                for threshold in thresholds if made.verbalizes and not plain else [None]:
                    changed = made.replace(threshold=threshold, **({} if k is None else {"k": k}))
                    arm = Contender(_name(changed, temperature), changed, temperature)
                    arms.setdefault(arm.name, arm)
    if len(arms) < 2:
        raise ConfigurationError("There is nothing to choose from: give more strategies.")
    return list(arms.values())


def _name(strategy: Strategy, temperature: float | None) -> str:
    parts = [strategy.name]
    if not strategy.asks_directly:
        parts.append(f"k={strategy.k}")
    if strategy.threshold is not None:
        parts.append(f"threshold={strategy.threshold:g}")
    if temperature is not None:
        parts.append(f"temperature={temperature:g}")
    return " ".join(parts)
