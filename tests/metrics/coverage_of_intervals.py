"""How often intervals called 95 % hold the truth, where candidates of a call depend on each other.

Run: python -m tests.metrics.coverage_of_intervals [--runs 1000]

Simulated calls of k = 5 candidates: each is a common part of its call and a part of its own, so
that two candidates of a call correlate by ρ. The truth is the mean of the metric over many such
samples. The last lines compare two arms that are equal: how often is a difference found that is
not there? docs/intervals.md has what it printed.
"""

import argparse
import math
from collections import Counter

import numpy as np

from vs_core.metrics import (
    confidence_interval,
    kl_divergence,
    paired_difference,
    semantic_diversity,
)

K = 5
FAIR = dict.fromkeys(range(6), 1 / 6)


def scores(rng, calls, rho):
    """Scores of candidates, rows of a call beside each other."""
    common = rng.normal(size=(calls, 1)) * math.sqrt(rho)
    return (common + rng.normal(size=(calls, K)) * math.sqrt(1 - rho)).ravel()


def embeddings(rng, calls, rho):
    centre = np.ones(16) / 4  # answers to one prompt have something in common
    common = rng.normal(size=(calls, 1, 16)) * math.sqrt(rho)
    own = rng.normal(size=(calls, K, 16)) * math.sqrt(1 - rho)
    return (2 * centre + (common + own) / 4).reshape(-1, 16)


def rolls(rng, calls, rho):
    """Rolls of a die; with chance ρ a call repeats its first one."""
    own = rng.integers(0, 6, size=(calls, K))
    return np.where(rng.random((calls, K)) < rho, own[:, :1], own).ravel()


def labels(rng, calls, rho):
    """One of many answers, some of them common."""
    drawn = np.minimum(rng.zipf(1.6, size=(calls, K)), 500)
    return np.where(rng.random((calls, K)) < rho, drawn[:, :1], drawn).ravel()


METRICS = {
    "mean score": (scores, np.mean, (-math.inf, math.inf)),
    "semantic diversity": (embeddings, semantic_diversity, (0, 1)),
    "distinct share": (labels, lambda seen: len(set(seen.tolist())) / len(seen), (0, 1)),
    "KL from uniform": (
        rolls,
        lambda seen: kl_divergence(Counter(seen.tolist()), FAIR),
        (0, math.inf),
    ),
}


def coverage(name, calls, rho, runs, *, grouped=True, seed=0):
    """Share of intervals that hold the truth."""
    draw, metric, bounds = METRICS[name]
    rng = np.random.default_rng([seed, calls, int(10 * rho)])
    truth = np.mean([metric(draw(rng, calls, rho)) for _ in range(4 * runs)])
    groups = np.repeat(np.arange(calls), K).tolist() if grouped else None
    options = {"groups": groups} if grouped else {"resamples": 200, "seed": 0}
    held = 0
    for _ in range(runs):
        interval = confidence_interval(metric, draw(rng, calls, rho), bounds=bounds, **options)
        held += interval.low <= truth <= interval.high
    return held / runs


def false_alarms(units, runs, *, seed=0):
    """How often two equal arms are called different, with prompts of very different difficulty."""
    rng = np.random.default_rng([seed, units])
    found = 0
    for _ in range(runs):
        difficulty = rng.normal(size=units) * 3
        arms = [
            dict(enumerate(difficulty + rng.normal(size=(units, K)).mean(axis=1))) for _ in "ab"
        ]
        found += paired_difference(*arms).pvalue < 0.05
    return found / runs


def main(runs):
    print(f"Share of 95 % intervals that hold the truth; {runs} runs each, k = {K}\n")
    print("| metric | correlation | 4 calls | 6 calls | 20 calls | candidates as units, 6 calls |")
    print("|---|---|---|---|---|---|")
    for name in METRICS:
        for rho in (0.0, 0.5):
            cells = [f"{coverage(name, calls, rho, runs):.3f}" for calls in (4, 6, 20)]
            naive = coverage(name, 6, rho, max(50, runs // 5), grouped=False)
            print(f"| {name} | {rho} | {' | '.join(cells)} | {naive:.3f} |")
    print("\nEqual arms called different at 5 %:")
    print(
        ", ".join(f"{units} prompts {false_alarms(units, runs):.3f}" for units in (4, 6, 20, 100))
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=1000)
    main(parser.parse_args().runs)
