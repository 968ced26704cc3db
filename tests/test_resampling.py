"""The resamplers: exact bounds, agreement in distribution, determinism."""

import math
import random
from collections import Counter
from functools import partial
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from vs_core import Candidate, ConfigurationError, Distribution, plugins
from vs_core import resampling as r

WITH_REPLACEMENT = (
    r.proportional, r.systematic, r.stratified, r.residual, r.top_p, r.min_p, r.uniform,
)  # fmt: skip
WITHOUT_REPLACEMENT = (r.gumbel_top_k, r.argmax, r.diverse)
probabilities = st.lists(
    st.floats(0, 1) | st.sampled_from([0.0, 1 / 3, 0.1, 0.25, 1e-12]), min_size=1, max_size=12
)
seeds = st.integers(0, 2**32)


def make(values) -> Distribution:
    return Distribution(
        Candidate(text=f"w{index} common", probability=value) for index, value in enumerate(values)
    )


@pytest.mark.parametrize("draw", WITH_REPLACEMENT, ids=lambda f: f.__name__)
@given(probabilities, st.integers(0, 40), seeds)
def test_draws_n_valid_indices_reproducibly(draw, values, n, seed):
    distribution = make(values)
    indices = draw(distribution, n, random.Random(seed))
    assert len(indices) == n
    assert all(0 <= index < len(values) for index in indices)
    assert indices == draw(distribution, n, random.Random(seed))
    if draw is not r.uniform and sum(values) > 0:
        assert all(distribution.weights[index] > 0 for index in indices)


@pytest.mark.parametrize("draw", WITHOUT_REPLACEMENT, ids=lambda f: f.__name__)
@given(probabilities, seeds, st.data())
def test_without_replacement_never_repeats(draw, values, seed, data):
    n = data.draw(st.integers(0, len(values)))
    indices = draw(make(values), n, random.Random(seed))
    assert len(set(indices)) == len(indices) == n
    assert indices == draw(make(values), n, random.Random(seed))
    with pytest.raises(ConfigurationError, match="without replacement"):
        draw(make(values), len(values) + 1, random.Random(seed))


@pytest.mark.parametrize("draw", [r.systematic, r.residual], ids=lambda f: f.__name__)
@given(probabilities, st.integers(1, 60), seeds)
def test_copies_are_near_expectation(draw, values, n, seed):
    distribution = make(values)
    counts = Counter(draw(distribution, n, random.Random(seed)))
    for index, weight in enumerate(distribution.weights):
        assert counts[index] >= math.floor(n * weight + 1e-9)
        if draw is r.systematic:
            assert counts[index] <= math.ceil(n * weight - 1e-9)


@given(probabilities, st.integers(1, 60), seeds)
def test_stratified_copies_are_within_two(values, n, seed):
    distribution = make(values)
    counts = Counter(r.stratified(distribution, n, random.Random(seed)))
    for index, weight in enumerate(distribution.weights):
        assert abs(counts[index] - n * weight) < 2 + 1e-9


@pytest.mark.parametrize(
    "draw",
    [r.proportional, r.systematic, r.stratified, r.residual, r.gumbel_top_k, r.diverse],
    ids=lambda f: f.__name__,
)
def test_the_first_draw_follows_the_weights(draw):
    distribution = make([0.5, 0.3, 0.15, 0.05])
    rng = random.Random(11)
    counts = Counter(draw(distribution, 3, rng)[0] for _ in range(20_000))
    expected = [20_000 * weight for weight in distribution.weights]
    assert chisquare([counts[i] for i in range(4)], expected).pvalue > 1e-4


def test_gumbel_top_k_matches_sampling_without_replacement():
    weights = [0.5, 0.3, 0.15, 0.05]
    rng = random.Random(5)
    counts = Counter(tuple(r.gumbel_top_k(make(weights), 2, rng)) for _ in range(30_000))
    orders = list(permutations(range(4), 2))
    expected = [30_000 * weights[a] * weights[b] / (1 - weights[a]) for a, b in orders]
    assert chisquare([counts[order] for order in orders], expected).pvalue > 1e-4


def test_uniform_ignores_the_weights():
    rng = random.Random(3)
    counts = Counter(r.uniform(make([0.98, 0.01, 0.01]), 30_000, rng))
    assert chisquare([counts[i] for i in range(3)]).pvalue > 1e-4


def test_argmax_takes_the_heaviest_in_order():
    assert r.argmax(make([0.1, 0.4, 0.4, 0.1]), 3, random.Random(0)) == [1, 2, 0]


def test_top_p_keeps_the_smallest_nucleus():
    distribution = make([0.5, 0.3, 0.15, 0.05])
    drawn = set(r.top_p(distribution, 2000, random.Random(0), p=0.8))
    assert drawn == {0, 1}
    assert set(r.top_p(distribution, 2000, random.Random(0), p=0.81)) == {0, 1, 2}
    assert set(r.top_p(distribution, 2000, random.Random(0), p=1.0)) == {0, 1, 2, 3}


def test_min_p_keeps_what_is_near_the_top():
    distribution = make([0.5, 0.3, 0.15, 0.05])
    assert set(r.min_p(distribution, 2000, random.Random(0), p=0.3)) == {0, 1, 2}
    assert set(r.min_p(distribution, 2000, random.Random(0), p=0.31)) == {0, 1}


def test_diverse_avoids_near_duplicates():
    distribution = Distribution(
        [
            Candidate(text="why did the coffee file a police report", probability=0.4),
            Candidate(text="why did the coffee file a police report today", probability=0.4),
            Candidate(text="espresso yourself", probability=0.2),
        ]
    )
    for seed in range(50):
        chosen = set(r.diverse(distribution, 2, random.Random(seed), tradeoff=0.8))
        assert 2 in chosen
    same = partial(r.diverse, tradeoff=0.0)
    heaviest = [set(same(distribution, 2, random.Random(seed))) for seed in range(50)]
    assert {0, 1} in heaviest
    own = partial(r.diverse, tradeoff=1.0, similarity=lambda a, b: float(len(a) == len(b)))
    assert len(own(distribution, 3, random.Random(0))) == 3


def test_diverse_weighs_a_candidate_against_the_heaviest():
    half_alike = ["red apple", "red pear", "tea"]
    distribution = Distribution(
        [Candidate(text=t, probability=p) for t, p in zip(half_alike, (0.4, 0.4, 0.2), strict=True)]
    )
    for seed in range(30):
        # .6 * 1 - .4 * 1/3 for the other fruit, .6 * 1/2 for the tea
        _, second = r.diverse(distribution, 2, random.Random(seed), tradeoff=0.4)
        assert second != 2


@pytest.mark.parametrize("option", [{"tradeoff": 2.0}, {"tradeoff": -0.1}])
def test_diverse_checks_its_tradeoff(option):
    with pytest.raises(ConfigurationError, match="tradeoff"):
        r.diverse(make([0.5, 0.5]), 1, random.Random(0), **option)


def test_every_resampler_is_registered_under_its_name():
    assert set(plugins.table("resamplers")) >= {
        function.__name__ for function in (*WITH_REPLACEMENT, *WITHOUT_REPLACEMENT)
    }


def test_options_go_with_a_name_or_are_bound():
    distribution = make([0.9, 0.1])
    by_name = distribution.sample(100, resampler="min_p", p=0.5, seed=0)
    bound = distribution.sample(100, resampler=partial(r.min_p, p=0.5), seed=0)
    assert by_name == bound
    assert {candidate.text for candidate in by_name} == {"w0 common"}
    with pytest.raises(ConfigurationError, match="bind them"):
        distribution.sample(1, resampler=r.min_p, p=0.5)
