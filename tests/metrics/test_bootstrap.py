"""Confidence intervals: they hold the truth as often as they say, for metrics of every kind."""

import math
from collections import Counter

import numpy as np
import pytest

from tests.strict import warnings_are_errors
from vs_core import ConfigurationError
from vs_core.metrics import (
    chao1,
    confidence_interval,
    coverage,
    distinct_n,
    expected_calibration_error,
    kl_divergence,
    ks_statistic,
    lexical_diversity,
    semantic_diversity,
    unseen_mass,
)

pytestmark = warnings_are_errors

FACES = [0.3, 0.25, 0.15, 0.1, 0.1, 0.1]
FAIR = dict.fromkeys(range(6), 1)
ZIPF = 1 / np.arange(1, 51)
ZIPF /= ZIPF.sum()
STATES = [f"state {number}" for number in range(50)]


def embeddings(rng, n):
    return rng.normal(size=(n, 6)) + 0.6


def rolls(rng, n):
    return rng.choice(6, size=n, p=FACES).tolist()


def kl(drawn):
    return kl_divergence(Counter(drawn), FAIR)


def texts(rng, n):
    return [" ".join(rng.choice(list("abcdefgh"), size=5)) for _ in range(n)]


def labels(rng, n):
    return [STATES[number] for number in rng.choice(50, size=n, p=ZIPF)]


def unseen(drawn):
    return unseen_mass(Counter(drawn))


def richness(drawn):
    return chao1(Counter(drawn))


def found(drawn):
    return coverage(drawn, STATES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("metric", "draw", "n", "options"),
    [
        (semantic_diversity, embeddings, 30, {}),
        (semantic_diversity, embeddings, 10, {"pairwise": True}),
        (lexical_diversity, texts, 15, {"pairwise": True}),
        (distinct_n, texts, 15, {}),
        (kl, rolls, 60, {}),
        (unseen, labels, 60, {"unseen": True}),
        (richness, labels, 60, {"unseen": True}),
        (found, labels, 60, {"unseen": STATES}),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_intervals_cover_at_the_nominal_rate(metric, draw, n, options):
    rng = np.random.default_rng(n)
    truth = np.mean([metric(draw(rng, n)) for _ in range(600)])
    trials = 120
    hits = 0
    for trial in range(trials):
        interval = confidence_interval(
            metric, draw(rng, n), level=0.9, resamples=150, seed=trial, **options
        )
        hits += interval.low <= truth <= interval.high
    # 90 % within three standard errors of 120 trials; that of distinct_n errs on the safe side.
    assert 0.82 <= hits / trials <= (1 if metric is distinct_n else 0.98)


def test_a_mean_agrees_with_the_textbook_interval():
    from scipy import stats

    sample = np.random.default_rng(3).normal(size=40)
    interval = confidence_interval(np.mean, sample, resamples=8000, seed=1)
    margin = stats.sem(sample) * stats.t.ppf(0.975, 39)
    assert interval.estimate == pytest.approx(sample.mean())
    assert interval.low == pytest.approx(sample.mean() - margin, abs=0.05 * margin)
    assert interval.high == pytest.approx(sample.mean() + margin, abs=0.05 * margin)
    few = sample[:10]  # of which resampling alone would see too little spread
    interval = confidence_interval(np.mean, few, resamples=8000, seed=1)
    width = 2 * stats.sem(few) * stats.t.ppf(0.975, 9)
    assert 0.95 <= (interval.high - interval.low) / width <= 1


def test_paired_samples_stay_together():
    rng = np.random.default_rng(2)
    p = rng.random(50)

    def gap(a, b):
        return float(np.abs(np.asarray(a) - np.asarray(b)).max())

    assert confidence_interval(gap, p, p, paired=True, resamples=50, seed=0) == (0, 0, 0)
    assert confidence_interval(gap, p, p, resamples=50, seed=0).high > 0
    y = (rng.random(50) < p).astype(float)
    interval = confidence_interval(
        expected_calibration_error, p.tolist(), y.tolist(), paired=True, resamples=200, seed=0
    )
    assert interval.low < interval.estimate < interval.high


def test_pairs_of_one_text_with_itself_are_left_out():
    different = ["a b", "c d", "e f"]  # every pair is 1 apart: there is no spread but of repeats
    assert confidence_interval(lexical_diversity, different, pairwise=True) == (1, 1, 1)
    assert confidence_interval(lexical_diversity, different, seed=0).low < 0.9


@pytest.mark.parametrize("size", [3, 4, 6, 9, 14])
def test_the_ends_of_a_mean_over_pairs_are_what_pairs_can_give(size):
    """A high of 1.0009 was seen, of a metric that is at most 1."""
    words = list("abcdefghijklmnopqrstuvwxyz")
    for seed in range(20):
        rng = np.random.default_rng(seed)
        almost_all_different = [" ".join(rng.choice(words, size=3)) for _ in range(size)]
        interval = confidence_interval(
            lexical_diversity, almost_all_different, pairwise=True, resamples=100, seed=seed
        )
        assert 0 <= interval.low <= interval.estimate <= interval.high <= 1


def test_two_samples_are_drawn_apart_and_keep_their_sizes():
    sizes = set()

    def statistic(a, b):
        sizes.add((len(a), len(b)))
        return ks_statistic(a, b).statistic

    interval = confidence_interval(statistic, list(range(20)), list(range(5, 15)), seed=0)
    assert sizes == {(20, 10)}
    assert interval.low < interval.estimate < interval.high


def test_a_seed_determines_the_interval_and_a_level_its_width():
    sample = texts(np.random.default_rng(0), 12)
    first, again, other = (
        confidence_interval(lexical_diversity, sample, seed=seed, resamples=200)
        for seed in (1, 1, 2)
    )
    assert first == again != other
    narrow = confidence_interval(lexical_diversity, sample, seed=1, resamples=200, level=0.5)
    assert first.low < narrow.low < narrow.high < first.high


def test_an_interval_is_cut_off_at_the_bounds_of_the_metric():
    sample = rolls(np.random.default_rng(4), 12)
    free = confidence_interval(kl, sample, resamples=100, seed=0)
    assert free.low < 0.01
    cut = confidence_interval(kl, sample, resamples=100, seed=0, bounds=(0.01, 0.3))
    assert (cut.low, cut.high) == (0.01, 0.3)
    assert cut.estimate == free.estimate


def test_unseen_labels_are_drawn_by_their_estimated_mass():
    sample = ["a"] * 6 + ["b"] * 3 + ["c", "d"]
    drawn = Counter()

    def count(resample):
        drawn.update(resample)
        return len(set(resample))

    confidence_interval(count, sample, unseen=["x", "y", "a"], resamples=3000, seed=0)
    n, once = 11, 2
    mass = once / n * ((n - 1) * (once - 1)) / ((n - 1) * (once - 1) + 2)
    total = drawn.total() - n
    assert (drawn["x"] + drawn["y"]) / total == pytest.approx(mass, rel=0.05)
    assert drawn["x"] / drawn["y"] == pytest.approx(1, rel=0.1)
    assert drawn["a"] / total == pytest.approx(6 / 11, rel=0.05)
    # Rare classes give up more of what they have than common ones.
    assert drawn["c"] / total / (1 / 11) < 0.8 < drawn["a"] / total / (6 / 11)


def test_where_all_was_seen_labels_are_drawn_as_often_as_they_came():
    sample, drawn = ["a"] * 6 + ["b"] * 2 + ["c"] * 2, Counter()

    def count(resample):
        drawn.update(resample)
        return len(set(resample))

    for unseen_ones in (["a"], ["x"]):  # one that is there, and one that nothing points to
        drawn.clear()
        confidence_interval(count, sample, unseen=unseen_ones, resamples=1000, seed=0)
        assert drawn.keys() == {"a", "b", "c"}
        assert drawn["a"] / drawn.total() == pytest.approx(0.6, rel=0.05)


def test_a_class_that_came_twice_says_how_much_is_unseen():
    sample, drawn = [*"aaaaaaabbcde"], Counter()
    confidence_interval(
        lambda resample: drawn.update(resample) or 0.0, sample, unseen=["x"], resamples=3000, seed=0
    )
    n, once, twice = 12, 3, 1
    mass = once / n * ((n - 1) * once) / ((n - 1) * once + 2 * twice)
    assert drawn["x"] / (drawn.total() - n) == pytest.approx(mass, rel=0.05)


def test_documented_values():
    for few in ([], ["one text"]):
        interval = confidence_interval(lexical_diversity, few, resamples=20)
        assert interval.estimate == 0
        assert math.isnan(interval.low)
        assert math.isnan(interval.high)
    assert confidence_interval(lexical_diversity, ["same"] * 5, resamples=20) == (0, 0, 0)
    assert confidence_interval(unseen, ["same"] * 5, resamples=20, unseen=True) == (0, 0, 0)
    assert confidence_interval(unseen, ["a", "a", "b", "b"], resamples=20, unseen=True)[0] == 0
    infinite = confidence_interval(kl, [0, 1, 7], resamples=20)
    assert infinite.estimate == math.inf
    assert math.isnan(infinite.low)


def test_what_cannot_work_is_said():
    for arguments, options in [
        ((), {}),
        (([1, 2], [1, 2]), {"unseen": True}),
        (([1, 2], [1, 2]), {"pairwise": True}),
        (([1, 2],), {"level": 1}),
        (([1, 2],), {"resamples": 1}),
        (([1, 2], [1]), {"paired": True}),
    ]:
        with pytest.raises(ConfigurationError):
            confidence_interval(lambda *samples: 0.0, *arguments, **options)
