"""Intervals over groups, and differences of arms that are paired by unit."""

import math
import pickle

import numpy as np
import pytest
from scipy.stats import t, ttest_ind, ttest_rel
from statsmodels.stats.power import TTestPower

from tests.metrics.coverage_of_intervals import METRICS, coverage, false_alarms
from vs_core import ConfigurationError
from vs_core.metrics import (
    Interval,
    confidence_interval,
    corrected,
    paired_difference,
    units_needed,
)
from vs_core.metrics.jackknife import Spread, spread
from vs_core.metrics.paired import independent_difference


@pytest.mark.parametrize("metric", METRICS)
def test_intervals_over_calls_hold_the_truth_where_candidates_hang_together(metric):
    assert coverage(metric, 6, 0.5, 300) >= 0.91  # .93 less what 300 runs let it vary


def test_candidates_as_units_would_not():
    assert coverage("mean score", 6, 0.5, 100, grouped=False) < 0.85


def test_the_jackknife_of_a_mean_is_the_t_interval_of_the_means_of_groups():
    sample = np.array([1.0, 2, 4, 4, 0, 1, 9, 7])
    groups = ["a", "a", "b", "b", "c", "c", "d", "d"]
    interval = confidence_interval(np.mean, sample, groups=groups)
    means = np.array([1.5, 4, 0.5, 8])
    reach = 3.182446 * means.std(ddof=1) / 2
    assert interval.estimate == 3.5
    assert interval == pytest.approx((3.5, 3.5 - reach, 3.5 + reach), abs=1e-5)


def test_groups_may_be_of_any_size_and_order():
    one = confidence_interval(np.mean, [1, 2, 3, 4, 5, 6], groups=[0, 1, 2, 3, 0, 0])
    other = confidence_interval(np.mean, [5, 2, 1, 4, 6, 3], groups=[0, 1, 0, 3, 0, 2])
    assert one == pytest.approx(other)


def test_there_is_none_under_four_groups_and_it_says_why():
    interval = confidence_interval(np.mean, [1, 2, 3], groups=[0, 1, 2])
    assert interval.estimate == 2
    assert math.isnan(interval.low)
    assert "too few" in interval.reason
    assert pickle.loads(pickle.dumps(interval)).reason == interval.reason
    infinite = confidence_interval(lambda seen: math.inf, [1, 2, 3, 4], groups=[0, 1, 2, 3])
    assert "no finite value" in infinite.reason


def test_of_many_groups_blocks_are_left_out():
    sample = np.random.default_rng(5).normal(size=250)
    found = spread(np.mean, [sample], range(250))
    assert found.groups == 100
    rests = [np.delete(sample, range(block, 250, 100)).mean() for block in range(100)]
    assert found.error == pytest.approx(np.std(rests) * math.sqrt(99))


def test_the_ends_keep_to_bounds():
    interval = confidence_interval(np.mean, [0, 1, 0, 1.0], groups=[0, 1, 2, 3], bounds=(0, 1))
    assert interval == (0.5, 0, 1)


def test_every_observation_has_a_group():
    with pytest.raises(ConfigurationError, match="group of every observation"):
        confidence_interval(np.mean, [1, 2, 3, 4], groups=[0, 1, 2])


def test_an_interval_is_three_numbers():
    estimate, low, high = Interval(1, 0, 2, reason="")
    assert (estimate, low, high) == (1, 0, 2)


# --- arms ----------------------------------------------------------------------------------------


def test_a_paired_difference_is_the_paired_t_test():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=12), rng.normal(size=12)
    found = paired_difference(dict(enumerate(first)), dict(enumerate(second)))
    wanted = ttest_rel(first, second)
    interval = wanted.confidence_interval(0.95)
    assert found.pvalue == pytest.approx(wanted.pvalue)
    assert found.spread == pytest.approx(np.std(first - second, ddof=1))
    assert found.units == 12
    assert found[:3] == pytest.approx((np.mean(first - second), interval.low, interval.high))


def test_units_that_one_arm_lacks_or_that_have_no_value_are_left_out():
    found = paired_difference(
        {"a": 1.0, "b": 3.0, "c": math.nan, "x": 9.0}, {"a": 0, "b": 1, "c": 0}
    )
    assert (found.units, found.estimate) == (2, 1.5)
    alone = paired_difference({"a": 1.0}, {"a": 0.5})
    assert alone.estimate == 0.5
    assert alone.units == 1
    assert all(map(math.isnan, (alone.low, alone.high, alone.pvalue, alone.spread)))
    assert math.isnan(paired_difference({}, {}).estimate)


def test_units_that_all_say_the_same_are_sure():
    assert paired_difference({1: 1.0, 2: 2.0}, {1: 0.0, 2: 1.0}).pvalue == 0
    assert paired_difference({1: 1.0, 2: 2.0}, {1: 1.0, 2: 2.0}).pvalue == 1


def test_equal_arms_are_called_different_as_often_as_promised():
    assert 0.03 <= false_alarms(6, 1000) <= 0.07


def test_a_difference_of_one_prompt_is_welch_s_t_test():
    rng = np.random.default_rng(2)
    first, second = rng.normal(1, 2, size=9), rng.normal(0, 1, size=6)
    sides = [[spread(np.mean, [each], range(len(each)))] for each in (first, second)]
    found = independent_difference(*sides)
    wanted = ttest_ind(first, second, equal_var=False)
    interval = wanted.confidence_interval(0.95)
    assert found[:4] == pytest.approx(
        (first.mean() - second.mean(), interval.low, interval.high, wanted.pvalue)
    )
    assert found.units == 15
    assert math.isnan(found.spread)  # nothing is paired
    narrow = independent_difference(*sides, level=0.5)
    wanted = wanted.confidence_interval(0.5)
    assert narrow[1:3] == pytest.approx((wanted.low, wanted.high))


def test_a_difference_of_several_prompts_is_their_mean():
    first = [Spread(3.0, 0.6, 4), Spread(5.0, 0.8, 6)]
    second = [Spread(2.0, 0.0, 5), Spread(1.0, 0.0, 7)]
    found = independent_difference(first, second)
    error = math.hypot(0.6, 0.8) / 2
    freedom = error**4 / (0.3**4 / 3 + 0.4**4 / 5)  # Welch and Satterthwaite
    reach = t.ppf(0.975, freedom) * error
    assert found[:3] == pytest.approx((2.5, 2.5 - reach, 2.5 + reach))
    assert found.pvalue == pytest.approx(2 * t.sf(2.5 / error, freedom))
    assert found.units == 22


def test_a_difference_without_an_error_has_no_interval_and_one_without_spread_no_width():
    known, unknown = Spread(3.0, 0.0, 4), Spread(1.0, math.nan, 3, "too few")
    found = independent_difference([known], [unknown])
    assert (found.estimate, found.units) == (2, 7)
    assert all(map(math.isnan, (found.low, found.high, found.pvalue, found.spread)))
    none = independent_difference([], [])
    assert none.units == 0
    assert math.isnan(none.estimate)
    assert independent_difference([known], [known])[:5] == (0, 0, 0, 1, 8)
    assert independent_difference([known], [Spread(1.0, 0.0, 5)])[:5] == (2, 2, 2, 0, 9)


def test_several_differences_are_corrected():
    made = {
        name: paired_difference(dict(enumerate(values)), dict.fromkeys(range(4), 0.0))
        for name, values in {"a": [1, 2, 1, 2], "b": [0.1, 0.5, -0.3, 0.2], "none": [1]}.items()
    }
    found = corrected(made)
    assert found["a"].pvalue == pytest.approx(2 * made["a"].pvalue)
    assert found["b"].pvalue == pytest.approx(made["b"].pvalue)
    assert math.isnan(found["none"].pvalue)
    assert corrected({}) == {}


@pytest.mark.parametrize(("spread", "difference"), [(0.1, 0.02), (0.05, 0.02), (0.3, 0.1)])
def test_as_many_units_as_the_exact_power_asks_for(spread, difference):
    exact = TTestPower().solve_power(difference / spread, alpha=0.05, power=0.8)
    assert abs(units_needed(spread, difference) - exact) <= 1


def test_two_units_are_the_least_that_tell_anything():
    assert units_needed(0.0, 0.02) == 2
    assert units_needed(0.0, 0.02, level=0.5) == 2
    assert units_needed(0.1, 0.02, level=0.99) > units_needed(0.1, 0.02) > 2
    assert units_needed(0.1, 0.02, power=0.5) < units_needed(0.1, 0.02)


@pytest.mark.parametrize("wrong", [{"difference": 0}, {"power": 1}, {"spread": -1}])
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ConfigurationError):
        units_needed(**{"spread": 0.1, "difference": 0.02} | wrong)
