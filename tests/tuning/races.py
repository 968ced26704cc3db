"""Does the race find the best arm? On simulated models of which the best arm is known.

Run: python -m tests.tuning.races  (some minutes). The table is in docs/tuning.md. The model is
simulated: this is about the race, and says nothing of which arm is best for a real one.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from vs_core import Request
from vs_core.metrics.paired import Difference, paired_difference
from vs_core.testing import SimulatedModel, SimulatedTask
from vs_core.tuning import Tuning, tune
from vs_core.tuning.arms import grid

PROMPTS = [f"Name a thing of kind {kind}." for kind in "abcdefghijklmnop"]
GRID = {
    "strategies": ("sequence", "vs_standard", "vs_cot"),
    "ks": (3, 6),
    "thresholds": (None, 0.02),
}
N = 12


def _tasks(answers: int, decay: float) -> tuple[SimulatedTask, ...]:
    """Each kind has its answers, every next one less likely by a factor."""
    return tuple(
        SimulatedTask(kind, rf"kind {kind}\b", {f"{kind}{n}": decay**n for n in range(answers)})
        for kind in "abcdefghijklmnop"
    )


def common(prompt: str, text: str) -> float:
    """How usual an answer is: the k-th likeliest scores less than the one before."""
    return max(0.0, 1 - int("".join(filter(str.isdigit, text.split(" ")[0])) or 0) / 20)


@dataclass(frozen=True)
class Scenario:
    """A simulated model, and what is asked for."""

    name: str
    answers: int
    decay: float
    gamma: float
    floor: float | None = None

    def model(self, seed: int) -> Callable[[Request], object]:
        return SimulatedModel(gamma=self.gamma, seed=seed, tasks=_tasks(self.answers, self.decay))

    def tuned(self, seed: int, units: int = 24) -> Tuning:
        score = common if self.floor is not None else None
        return tune(
            PROMPTS, self.model(seed), score=score, floor=self.floor, n=N, units=units, seed=seed,
            concurrency=1, **GRID,
        )  # fmt: skip


SCENARIOS = (
    Scenario("many answers", 60, 0.95, 8.0),
    Scenario("few answers", 8, 0.7, 8.0),
    Scenario("many answers, usual ones alone", 40, 0.9, 4.0, floor=0.75),
)


@cache
def truth(
    scenario: Scenario, seed: int, arm: str, repeats: int = 6
) -> dict[tuple[int, int], tuple[float, float]]:
    """Diversity and quality of an arm, on all prompts and many runs of them."""
    from vs_core import verbalize

    (found,) = [a for a in grid(**GRID, temperatures=(None,), n=N) if a.name == arm]
    model = scenario.model(seed)
    values = {}
    for run in range(repeats):
        for place, prompt in enumerate(PROMPTS):
            answers = [c.text for c in verbalize(prompt, model, strategy=found.strategy)][:N]
            quality = math.fsum(common(prompt, text) for text in answers) / len(answers)
            values[place, run] = len(set(answers)) / N, quality
    return values


def best(scenario: Scenario, seed: int) -> str:
    """The arm that is truly best: the most diverse of those over the floor."""
    arms = [arm.name for arm in grid(**GRID, temperatures=(None,), n=N)]

    def worth(arm: str) -> tuple[bool, float]:
        values = truth(scenario, seed, arm).values()
        quality = math.fsum(q for _, q in values) / len(values)
        enough = scenario.floor is None or quality >= scenario.floor
        return enough, math.fsum(d for d, _ in values) / len(values)

    return max(arms, key=worth)


def behind(scenario: Scenario, seed: int, arm: str) -> Difference:
    """How far an arm truly is from the best one, with its paired interval."""
    leader = best(scenario, seed)
    own = {unit: d for unit, (d, _) in truth(scenario, seed, arm).items()}
    return paired_difference(own, {u: d for u, (d, _) in truth(scenario, seed, leader).items()})


def as_good(scenario: Scenario, seed: int, arm: str) -> bool:
    """Whether an arm is the best one, or one that the paired interval does not tell from it.

    An arm that truly breaks the floor is not, whatever its diversity: by more than 0.02.
    """
    if scenario.floor is not None:
        values = truth(scenario, seed, arm).values()
        if math.fsum(q for _, q in values) / len(values) < scenario.floor - 0.02:
            return False
    found = behind(scenario, seed, arm)
    return arm == best(scenario, seed) or found.high >= 0 or found.estimate > -0.02


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    print(f"{options.seeds} seeds, {len(grid(**GRID, temperatures=(None,), n=N))} arms")
    for scenario in SCENARIOS:
        found = [scenario.tuned(seed) for seed in range(options.seeds)]
        names = [tuning.winner.name for tuning in found]
        right = sum(name == best(scenario, seed) for seed, name in enumerate(names))
        good = sum(as_good(scenario, seed, name) for seed, name in enumerate(names))
        share = [tuning.share_of_grid for tuning in found]
        optimism = math.fsum(tuning.optimism for tuning in found) / len(found)
        regret = math.fsum(-behind(scenario, s, n).estimate for s, n in enumerate(names)) / len(
            found
        )
        print(
            f"{scenario.name:<32} the best {right:>3}, as good {good:>3} of {len(found)}; calls "
            f"{min(share):.0%} to {max(share):.0%} of the grid's; truly behind {regret:.3f}; "
            f"looked better by {optimism:+.3f}"
        )


if __name__ == "__main__":
    main()
