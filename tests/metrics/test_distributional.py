"""Divergences and tests of two distributions: against scipy, and sums written out."""

import math
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from tests.strict import warnings_are_errors
from vs_core import Candidate, ConfigurationError, Distribution
from vs_core.metrics import (
    chi_square,
    js_divergence,
    kl_divergence,
    ks_statistic,
    total_variation,
)

pytestmark = warnings_are_errors

DIVERGENCES = (kl_divergence, js_divergence, total_variation)
FAIR = dict.fromkeys(range(1, 7), 1)
weights = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        *[
            st.lists(st.just(0.0) | st.floats(1e-3, 100), min_size=n, max_size=n).filter(any)
            for _ in range(2)
        ]
    )
)
positive = st.integers(1, 12).flatmap(
    lambda n: st.tuples(*[st.lists(st.floats(1e-3, 100), min_size=n, max_size=n) for _ in range(2)])
)


@given(weights, st.sampled_from([math.e, 2.0, 10.0]))
def test_divergences_agree_with_scipy(pair, base):
    p, q = pair
    assert kl_divergence(p, q, base=base) == pytest.approx(stats.entropy(p, q, base), abs=1e-9)
    with np.errstate(invalid="ignore"):  # its root of a hair under 0 is nan, in old versions aloud
        expected = np.nan_to_num(jensenshannon(p, q, base)) ** 2
    assert js_divergence(p, q, base=base) == pytest.approx(expected, abs=1e-9)
    assert js_divergence(q, p, base=base) == pytest.approx(expected, abs=1e-9)


@given(weights)
def test_total_variation_is_the_largest_gap_of_an_event(pair):
    p, q = (np.array(side) / sum(side) for side in pair)
    assert total_variation(*pair) == pytest.approx((p - q)[p > q].sum(), abs=1e-9)


@given(weights, st.floats(1e-9, 10))
def test_epsilon_smooths_the_reference_alone(pair, epsilon):
    p, q = (np.array(side) / sum(side) for side in pair)
    smoothed = [share + epsilon for share in q]
    expected = stats.entropy(p, smoothed)
    assert math.isfinite(expected)
    assert kl_divergence(*pair, epsilon=epsilon) == pytest.approx(expected, abs=1e-9)


def test_missing_support_is_infinite_unless_smoothed():
    assert kl_divergence([0.5, 0.5], [1, 0]) == math.inf
    assert kl_divergence([1, 0], [0.5, 0.5]) == pytest.approx(math.log(2))
    assert kl_divergence([0.5, 0.5], [1, 0], epsilon=1e-6) == pytest.approx(
        0.5 * math.log(0.5 / (1.000001 / 1.000002)) + 0.5 * math.log(0.5 / (1e-6 / 1.000002))
    )


def test_mappings_are_matched_by_outcome():
    assert kl_divergence(Counter([1, 1, 2]), {2: 1, 1: 2}) == 0
    assert kl_divergence(Counter([1, 2]), FAIR) == pytest.approx(math.log(3))
    assert total_variation({"a": 1}, {"b": 5}) == 1
    assert chi_square(Counter([1, 2]), {2: 1, 1: 1}) == (0, 1)


def test_a_distribution_counts_by_its_texts():
    verbalized = Distribution(
        Candidate(text=text, probability=p) for text, p in [("a", 0.1), ("b", 0.2), ("a", 0.1)]
    )
    assert kl_divergence(verbalized, {"b": 1, "a": 1}) == 0
    assert total_variation({"b": 1}, verbalized) == pytest.approx(0.5)


@pytest.mark.parametrize("metric", DIVERGENCES)
def test_documented_values_of_divergences(metric):
    for empty in ([], {}, Distribution(), {"a": 0}):
        assert math.isnan(metric(empty, {} if isinstance(empty, dict) else empty))
    assert math.isnan(metric({}, {"a": 1}))
    assert math.isnan(metric({"a": 1}, {}))
    assert metric([3], [4]) == 0
    assert metric([5e-324, 5e-324], [1e308, 1e308]) == 0
    assert metric([0.1] * 7, [0.7] * 7) == pytest.approx(0, abs=1e-15)
    assert metric([8, 9, 2], [8 * 0.1, 9 * 0.1, 2 * 0.1]) >= 0  # whatever rounding does
    farthest = {kl_divergence: math.inf, js_divergence: math.log(2), total_variation: 1}[metric]
    assert metric([1, 0], [0, 1]) == pytest.approx(farthest)


@pytest.mark.parametrize("metric", [*DIVERGENCES, chi_square])
@pytest.mark.parametrize(
    ("p", "q", "message"),
    [
        ([1], [1, 2], "1 and 2 outcomes"),
        ([1, -1], [1, 1], "negative"),
        ([1, 1], {"a": 1, "b": 1}, "by name"),
        ([1, math.nan], [1, 1], "finite"),
        (["a"], ["b"], "must be numbers"),
    ],
)
def test_what_is_not_a_distribution_is_said(metric, p, q, message):
    with pytest.raises(ConfigurationError, match=message):
        metric(p, q)


@pytest.mark.parametrize("option", [{"epsilon": -1}, {"epsilon": math.nan}, {"base": 1}])
def test_options_that_cannot_work_are_said(option):
    with pytest.raises(ConfigurationError, match=next(iter(option))):
        kl_divergence([1], [1], **option)


# --- tests -------------------------------------------------------------------------------------

samples = st.lists(st.integers(0, 9) | st.floats(-5, 5), min_size=1, max_size=30)


@given(samples, samples)
def test_the_ks_statistic_is_the_largest_gap_of_the_cumulative_shares(first, second):
    gaps = [
        abs(
            sum(value <= at for value in first) / len(first)
            - sum(value <= at for value in second) / len(second)
        )
        for at in [*first, *second]
    ]
    assert ks_statistic(first, second).statistic == pytest.approx(max(gaps), abs=1e-9)


def test_the_ks_p_value_is_the_share_of_arrangements_that_gap_as_far():
    first, second = [1, 2, 3, 7], [4, 5, 6, 8, 9]
    pooled = np.array(first + second)
    arrangements = [
        ks_statistic(pooled[list(places)], np.delete(pooled, places)).statistic
        for places in combinations(range(9), 4)
    ]
    result = ks_statistic(first, second)
    share = np.mean(np.array(arrangements) >= result.statistic - 1e-12)
    assert result.pvalue == pytest.approx(share, abs=1e-9)


def test_documented_values_of_the_ks_test():
    assert all(map(math.isnan, ks_statistic([], [1.0])))
    assert all(map(math.isnan, ks_statistic([1.0], [])))
    assert ks_statistic([2.0], [2.0]) == (0, 1)
    assert ks_statistic([1, 2, 2], [1, 2, 2]) == (0, 1)
    assert ks_statistic([1, 1], [2, 2]).statistic == 1
    assert ks_statistic([0] * 5, [0] * 4 + [1]).pvalue > 0.9  # scipy's exact method fails on this
    with pytest.raises(ConfigurationError, match="finite"):
        ks_statistic([1.0, math.nan], [1.0])


@given(positive)
def test_chi_square_agrees_with_its_formula(pair):
    observed, expected = np.array(pair[0]), np.array(pair[1])
    scaled = expected / expected.sum() * observed.sum()
    statistic = float(((observed - scaled) ** 2 / scaled).sum())
    result = chi_square(observed, expected)
    assert result.statistic == pytest.approx(statistic, abs=1e-9, rel=1e-9)
    if len(observed) > 1:
        expected_p = stats.chi2.sf(statistic, len(observed) - 1)
        assert result.pvalue == pytest.approx(expected_p, abs=1e-9)


def test_documented_values_of_chi_square():
    assert all(map(math.isnan, chi_square({}, FAIR)))
    assert all(map(math.isnan, chi_square({1: 1}, {})))
    assert chi_square({1: 5}, {1: 1}) == (0, 1)
    assert chi_square({7: 1}, FAIR) == (math.inf, 0)
    assert chi_square(dict.fromkeys(range(1, 7), 10), FAIR) == (0, 1)
    assert chi_square([5, 5, 0], [1, 1, 0]).pvalue == 1  # what cannot come is no outcome
    assert chi_square({1: 60}, FAIR).statistic == pytest.approx(300)


# --- few draws -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("power", "most"), [(1, 0.06), (2, 0.1), (4, 0.1)])
def test_few_draws_make_a_corrected_divergence_hardly_larger(power, most):
    """30 draws from 50 outcomes: of the reference itself, and of sharper ones."""
    reference = 1 / np.arange(2, 52)
    reference /= reference.sum()
    drawn = reference**power / (reference**power).sum()
    true = kl_divergence(drawn, reference)
    samples = np.random.default_rng(0).multinomial(30, drawn, size=400)
    plain = np.mean([kl_divergence(counts, reference) for counts in samples]) - true
    correct = np.mean([kl_divergence(counts, reference, correct=True) for counts in samples]) - true
    assert abs(correct) < most
    assert abs(correct) < 0.6 * plain


def test_many_draws_are_hardly_corrected_and_units_hold():
    counts, reference = {"a": 4000, "b": 6000}, {"a": 1, "b": 1}
    plain = kl_divergence(counts, reference)
    assert kl_divergence(counts, reference, correct=True) == pytest.approx(plain, abs=1e-3)
    few = {"a": 3, "b": 1}
    nats = kl_divergence(few, reference, correct=True)
    assert kl_divergence(few, reference, base=2, correct=True) == pytest.approx(nats / math.log(2))
    assert nats < kl_divergence(few, reference)
    assert kl_divergence({"a": 1}, reference, correct=True) == pytest.approx(math.log(2))
    with pytest.raises(ConfigurationError, match="whole numbers"):
        kl_divergence({"a": 0.5, "b": 0.5}, reference, correct=True)
    # By hand: two draws, each another: A = 2 / ((2 - 1) (2 - 1) + 2) = 2/3.
    entropy = 2 / 2 * (1 - 2 / 3) ** -1 * (-math.log(2 / 3) - 1 / 3) + 2 * (1 / 2) * 1
    both = kl_divergence({"a": 1, "b": 1}, reference, correct=True)
    assert both == pytest.approx(math.log(2) - entropy)


def test_chance_without_repeats_is_finite_and_so_is_one_answer_alone():
    for n in (2, 3, 4):  # nothing is left to be seen: it is as the plain divergence
        alone = kl_divergence({"a": n}, {"a": 1, "b": 1}, correct=True)
        assert alone == pytest.approx(math.log(2))
    found = kl_divergence(dict.fromkeys(range(30), 1), dict.fromkeys(range(50), 1), correct=True)
    assert math.isfinite(found)
