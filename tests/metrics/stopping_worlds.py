"""How often `coverage(0.95)` has seen what it says, and at what cost, where the truth is known.

Run: python -m tests.metrics.stopping_worlds (about two minutes)

The confidence was chosen on one half of the worlds; docs/metrics.md gives the figures of both.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vs_core import Candidate, Distribution
from vs_core.stopping import Rule, coverage

Ask = Callable[[Sequence[float], random.Random], Sequence[int]]
"""Answers of one call, as places in the weights."""

TARGET = 0.95


def differing(weights: Sequence[float], rng: random.Random) -> list[int]:
    """Five answers that differ, as a list or a distribution has them."""
    keys = [math.log(rng.random()) / weight for weight in weights]
    return sorted(range(len(weights)), key=keys.__getitem__)[-5:]


def clustered(weights: Sequence[float], rng: random.Random) -> list[int]:
    """The same, but of a third of all answers, of one corner in half of the calls."""
    size = max(5, len(weights) // 3)
    first = rng.randrange(len(weights) - size + 1) if rng.random() < 0.5 else 0
    return [first + place for place in differing(weights[first : first + size], rng)]


def five(weights: Sequence[float], rng: random.Random) -> list[int]:
    """Five answers that know nothing of each other."""
    return rng.choices(range(len(weights)), weights, k=5)


def one(weights: Sequence[float], rng: random.Random) -> list[int]:
    """One answer."""
    return rng.choices(range(len(weights)), weights)


def _lognormal() -> list[float]:
    rng = random.Random(0)
    return [math.exp(rng.gauss(0, 1.5)) for _ in range(80)]


CHOSEN_ON = {
    "50 by Zipf's law": [1 / (place + 1) for place in range(50)],
    "20 alike": [1.0] * 20,
    "60, each .8 of the last": [0.8**place for place in range(60)],
}
HELD_OUT = {
    "80, log-normal": _lognormal(),
    "100 alike": [1.0] * 100,
    "200 by Zipf's law, steeper": [1 / (place + 1) ** 1.2 for place in range(200)],
}
FEW = {"5, the first of them .7": [0.7, 0.2, 0.06, 0.03, 0.01]}


@dataclass(frozen=True)
class Outcome:
    """What came of runs in one world: the share that had seen enough, calls asked and needed."""

    reached: float
    asked: int
    needed: int

    @property
    def cost(self) -> float:
        """Calls over those of somebody who knows the truth."""
        return self.asked / self.needed


def outcome(
    weights: Sequence[float], ask: Ask, rule: Rule, runs: int, rng: random.Random, most: int = 1500
) -> Outcome:
    """Ask until the rule is met and until enough was seen, many times."""
    often = Counter(each for _ in range(1000) for each in set(ask(weights, rng)))
    share = {each: count / often.total() for each, count in often.items()}
    reached = asked = needed = 0
    for _ in range(runs):
        found: list[Candidate] = []
        covered: list[float] = []
        stopped = None
        while stopped is None or covered[-1] < TARGET:
            answers = ask(weights, rng)
            found += [Candidate(text=str(each), call=len(covered)) for each in answers]
            covered.append(sum(share.get(int(text), 0) for text in {c.text for c in found}))
            if stopped is None and (rule(Distribution(found)) or len(covered) == most):
                stopped = len(covered)
        reached += covered[stopped - 1] >= TARGET
        asked += stopped
        needed += sum(each < TARGET for each in covered) + 1
    return Outcome(reached / runs, asked, needed)


WORLDS = (("chosen on", CHOSEN_ON), ("held out", HELD_OUT), ("few", FEW))


def main() -> None:
    rng, runs = random.Random(0), 30
    for title, worlds in WORLDS:
        for name, weights in worlds.items():
            for ask in (five, one) if worlds is FEW else (differing, clustered, five):
                was = outcome(weights, ask, coverage(TARGET), runs, rng)
                said = f"reached {was.reached:4.0%}  cost {was.cost:.2f} of {was.needed / runs:.0f}"
                print(f"{title:<10} {name:<28} {ask.__name__:<10} {said} calls", flush=True)


if __name__ == "__main__":
    main()
