"""What a race came to: a table, what beats what, and a profile."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from vs_core.metrics.paired import Difference, paired_difference
from vs_core.profiles import Figure, Profile
from vs_core.tuning.arms import Contender
from vs_core.tuning.racing import Limits, Measured, Standing, front

__all__ = ["Tuning"]


@dataclass(frozen=True)
class Tuning:
    """What was found.

    Args:
        model: Name of the model.
        arms: The ways to ask, by their names.
        direct: Name of the arm of direct answers.
        measured: What each arm gave on the prompts that the choice was made on.
        confirmed: What the winner and direct answers gave on others.
        order: The arms, the best first; those that left the race first are last.
        out: Why each arm left.
        rounds: How many arms answered how many prompts, round by round.
        limits: What was asked for.
        units: Prompts, and runs of them, that an arm which stays to the end is chosen on.
        n: Answers to each prompt.
        simulated: Whether the model is.
    """

    model: str
    arms: Mapping[str, Contender]
    direct: str
    measured: Mapping[str, Mapping[Hashable, Measured]]
    confirmed: Mapping[str, Mapping[Hashable, Measured]]
    order: Sequence[str]
    out: Mapping[str, str]
    rounds: Sequence[tuple[int, int]]
    limits: Limits
    units: int
    n: int
    simulated: bool = False

    def of_simulated(self, simulated: bool = True) -> Tuning:
        """Return this as a race of a simulated model."""
        return replace(self, simulated=simulated)

    @property
    def winner(self) -> Contender:
        """The way to ask that is recommended."""
        return self.arms[self.order[0]]

    @cached_property
    def standings(self) -> dict[str, Standing]:
        """How each arm stands on the prompts that the choice was made on, the best first."""
        return {name: Standing.of(self.measured[name].values()) for name in self.order}

    @cached_property
    def standing(self) -> Standing:
        """How the winner stands on prompts that nothing was chosen by: what to believe."""
        return Standing.of(self.confirmed[self.winner.name].values())

    @property
    def keeps(self) -> bool:
        """Whether the winner keeps to what was asked for, on prompts nothing was chosen by."""
        own, limits = self.standing, self.limits
        direct = Standing.of(self.confirmed[self.direct].values())
        return not (
            (limits.floor is not None and own.quality < limits.floor)
            or (limits.loss is not None and own.quality < direct.quality - limits.loss)
            or (limits.tokens is not None and own.tokens > limits.tokens)
            or (limits.cost is not None and own.cost > limits.cost)
        )

    @cached_property
    def gain(self) -> Difference:
        """How much more diverse the winner is than direct answers, on other prompts: paired."""
        own, plain = self.confirmed[self.winner.name], self.confirmed[self.direct]
        return paired_difference(
            {unit: m.diversity for unit, m in own.items()},
            {unit: m.diversity for unit, m in plain.items()},
        )

    @property
    def optimism(self) -> float:
        """How much better the winner looked where it was chosen than elsewhere."""
        return self.standings[self.winner.name].diversity - self.standing.diversity

    @property
    def calls(self) -> int:
        """Calls that the race took, without those of confirming."""
        return sum(standing.calls for standing in self.standings.values())

    @property
    def share_of_grid(self) -> float:
        """Those calls over what the whole grid would have taken, each arm on all prompts."""
        whole = sum(s.calls / s.units * self.units for s in self.standings.values() if s.units)
        return self.calls / whole if whole else math.nan

    def front(self, of: str = "quality") -> list[str]:
        """Return the arms that none beats in diversity and in another thing: `racing.front`.

        Args:
            of: ``"quality"``, ``"tokens"`` or ``"cost"``.
        """
        return front(self.standings, of)

    def plot(self) -> Any:
        """Draw diversity against quality, and against cost or tokens, with what nothing beats.

        Returns:
            A `matplotlib.figure.Figure`. Arms that left the race are hollow: fewer prompts.

        Raises:
            MissingExtraError: If the extra ``metrics`` is not installed.
        """
        from vs_core.tuning.figures import curves

        note = "SIMULATED: this says what the race does, and nothing of a real model"
        return curves(self.standings, self.out, note if self.simulated else "")

    def profile(self) -> Profile:
        """Return the winner's settings, with its figures on prompts nothing was chosen by."""
        own, gain = self.standing, self.gain
        figures = {
            "different_answers": _figure(own.diversity, own.low, own.high, own.units, "share"),
            "more_than_direct": _figure(gain.estimate, gain.low, gain.high, gain.units, "share"),
            "quality": _figure(own.quality, math.nan, math.nan, own.units, "score"),
            "tokens_a_useful_answer": _figure(own.tokens, math.nan, math.nan, own.units, "tokens"),
        }
        temperature = self.winner.temperature
        return Profile.made_now(
            made_by="vs tune",
            packages=("openai",),
            model=self.model.partition(",")[0],
            settings=self.winner.settings,
            parameters={} if temperature is None else {"temperature": temperature},
            figures={name: each for name, each in figures.items() if each is not None},
            simulated=self.simulated,
            note="" if self.keeps else "It did not keep to what was asked for on other prompts.",
        )

    def as_dict(self) -> dict[str, Any]:
        """As JSON can write it."""
        return {
            "model": self.model,
            "simulated": self.simulated,
            "winner": self.winner.name,
            "settings": self.winner.settings,
            "temperature": self.winner.temperature,
            "keeps": self.keeps,
            "confirmed": _plain(asdict(self.standing)),
            "gain": _plain(self.gain._asdict()),
            "optimism": self.optimism,
            "calls": self.calls,
            "share_of_grid": self.share_of_grid,
            "rounds": [list(each) for each in self.rounds],
            "front": {of: self.front(of) for of in ("quality", "tokens", "cost")},
            "arms": {
                name: {**_plain(asdict(standing)), "left": self.out.get(name)}
                for name, standing in self.standings.items()
            },
        }


def _figure(value: float, low: float, high: float, n: int, unit: str) -> Figure | None:
    """A figure to four digits; None of what was not measured."""
    if not math.isfinite(value):
        return None
    lower, upper = (float(f"{x:.4g}") if math.isfinite(x) else None for x in (low, high))
    return Figure(float(f"{value:.4g}"), lower, upper, n, unit)


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """With None for what is no number, which JSON has no word for."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in data.items()
    }
