"""The rules by which what a model wrote becomes a probability."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vs_core import ConfigurationError
from vs_core.probabilities import DEFINITIONS, definition_of, read_probabilities


def values(raws, definition="explicit"):
    return [value for value, _ in read_probabilities(raws, DEFINITIONS[definition])]


@pytest.mark.parametrize(
    ("raws", "expected"),
    [
        ([0.5, 0.3], [0.5, 0.3]),
        ([1, 0], [1, 0]),
        ([1.5, 0.75, 0.3], [1, 0.5, 0.2]),  # the largest just over 1, others under: scaled by it
        ([50, 30, 1], [0.5, 0.3, 0.01]),  # percentages by context
        ([2, 1], [0.02, 0.01]),
        ([300, 100], [0.75, 0.25]),  # counts
        (["50%", 30], [0.5, 0.3]),
        (["150%", "-5%"], [1, None]),
        (["0%", 50, 0], [0, 0.5, 0]),
        ([True, math.nan, math.inf, [], {}], [None] * 5),
        (["1/0", "1/4", "3 in 4"], [None, 0.25, 0.75]),
        (["０．５", "５０％"], [0.5, 0.5]),  # full-width
        ([-0.1, 0.1], [None, 0.1]),
    ],
)
def test_plain_probabilities(raws, expected):
    assert values(raws) == [None if e is None else pytest.approx(e) for e in expected]


def test_each_rule_that_changed_a_number_is_named():
    for raws in ([1.5, 0.75], [50, 30], [300, 100], ["1/4"], ["about 0.5"], ["many"], [-1.0]):
        assert all(repair for _, repair in read_probabilities(raws, None)), raws
    assert read_probabilities([0.5, None, "0.25"], None) == [
        (0.5, None),
        (None, None),
        (0.25, None),
    ]


def test_nll_and_perplexity():
    assert values([0.0, math.log(4), -math.log(4)], "nll") == pytest.approx([1, 0.25, 0.25])
    assert values([1, 4, 0.5], "perplexity") == [1, 0.25, None]
    huge = values([2000.0, 2000.0 + math.log(2)], "nll")
    assert huge[0] / huge[1] == pytest.approx(2)


@given(
    st.lists(st.none() | st.floats() | st.integers() | st.text(max_size=12), max_size=8),
    st.sampled_from(list(DEFINITIONS)),
)
def test_whatever_was_written_the_result_is_a_probability_or_none(raws, definition):
    found = values(raws, definition)
    assert len(found) == len(raws)
    assert all(value is None or 0 <= value <= 1 for value in found)


def test_an_unknown_definition_lists_the_known():
    with pytest.raises(ConfigurationError, match="implicit, explicit"):
        definition_of("odds")
