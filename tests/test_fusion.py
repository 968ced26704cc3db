"""Searching by several queries and fusing what they find."""

import logging
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vs_core import Candidate, ConfigurationError, Distribution
from vs_core.fusion import (
    best_score,
    by_rank,
    coverage,
    distribution_based_score,
    reciprocal_rank,
    relative_score,
    searches,
    surviving,
)

RANKINGS = st.lists(st.lists(st.integers(0, 9), max_size=8), max_size=5)


def distribution(**weights):
    return Distribution([Candidate(text=t, probability=p) for t, p in weights.items()])


def test_the_query_itself_has_the_weight_of_an_average_candidate():
    found = searches("q", distribution(a=0.3, b=0.1, c=0.0))
    assert list(found) == ["q", "a", "b"]  # what has no weight is not searched for
    assert found == pytest.approx({"q": 1 / 4, "a": 0.75 * 3 / 4, "b": 0.25 * 3 / 4})
    assert searches("q", distribution(a=0.3, b=0.1), include_original=False) == pytest.approx(
        {"a": 0.75, "b": 0.25}
    )


def test_the_same_text_is_searched_for_once_with_both_weights():
    found = searches("q", Distribution([Candidate(text=t, probability=0.5) for t in ("q", "a")]))
    assert found == pytest.approx({"q": 2 / 3, "a": 1 / 3})
    assert searches("q", Distribution()) == {"q": 1.0}
    assert searches("q", Distribution(), include_original=False) == {}


def test_reciprocal_rank_by_hand():
    scores = reciprocal_rank([["a", "b"], ["b", "c"]], [1.0, 0.5])
    assert list(scores) == ["b", "a", "c"]
    assert scores == pytest.approx({"b": 1 / 62 + 0.5 / 61, "a": 1 / 61, "c": 0.5 / 62})
    assert reciprocal_rank([["a"]], constant=0) == {"a": 1.0}
    assert reciprocal_rank([]) == {}


@given(RANKINGS, st.data())
def test_reciprocal_rank_is_the_formula(rankings, data):
    weights = data.draw(st.lists(st.floats(0, 1), min_size=len(rankings), max_size=len(rankings)))
    scores = reciprocal_rank(rankings, weights)
    for item in {item for ranking in rankings for item in ranking}:
        expected = math.fsum(
            weight / (60 + list(dict.fromkeys(ranking)).index(item) + 1)
            for ranking, weight in zip(rankings, weights, strict=True)
            if item in ranking
        )
        assert scores[item] == pytest.approx(expected, abs=1e-12)
    assert list(scores.values()) == sorted(scores.values(), reverse=True)


def test_relative_score_by_hand():
    scores = relative_score([{"a": 10.0, "b": 5.0, "c": 0.0}, {"c": 0.2, "b": 0.1}], [1.0, 0.5])
    assert scores == pytest.approx({"a": 1.0, "b": 0.5, "c": 0.5})
    assert list(scores) == ["a", "b", "c"]
    assert relative_score([{"a": 3.0, "b": 3.0}, {}]) == {"a": 1.0, "b": 1.0}


def scaled(result):
    low, high = min(result.values()), max(result.values())
    return {i: (s - low) / (high - low) if high > low else 1.0 for i, s in result.items()}


RESULTS = st.lists(st.dictionaries(st.integers(0, 9), st.integers(-50, 50)), max_size=5)


@given(RESULTS, st.data())
def test_coverage_takes_what_adds_most_place_by_place(results, data):
    weights = data.draw(st.lists(st.floats(0, 1), min_size=len(results), max_size=len(results)))
    top_k = data.draw(st.none() | st.integers(0, 12))
    taken = coverage(results, weights, top_k=top_k)
    left = list(dict.fromkeys(item for result in results for item in result))
    assert len(taken) == (len(left) if top_k is None else min(top_k, len(left)))
    served = [0.0] * len(results)

    def adds(item):
        return math.fsum(
            weight * scaled(result)[item] / (1 + full)
            for result, weight, full in zip(results, weights, served, strict=True)
            if item in result
        )

    for item, added in taken.items():
        assert added == pytest.approx(adds(item), abs=1e-12)
        assert added >= max(adds(other) for other in left) - 1e-9
        left.remove(item)
        served[:] = [
            full + scaled(result)[item] if item in result else full
            for result, full in zip(results, served, strict=True)
        ]
    assert list(taken.values()) == sorted(taken.values(), reverse=True)


@given(st.lists(st.floats(0.05, 1), min_size=1, max_size=5), st.integers(1, 20))
def test_weights_are_quotas_where_the_results_share_nothing(weights, places):
    """Places are split as seats are by D'Hondt: nobody is left with a better claim to another's."""
    results = [{(search, n): 1.0 for n in range(places)} for search in range(len(weights))]
    taken = [search for search, _ in coverage(results, weights, top_k=places)]
    seats = [taken.count(search) for search in range(len(weights))]
    assert sum(seats) == places
    worst = min(weight / held for weight, held in zip(weights, seats, strict=True) if held)
    assert worst >= max(w / (held + 1) for w, held in zip(weights, seats, strict=True)) - 1e-9
    for weight, held in zip(weights, seats, strict=True):
        assert held >= math.floor(places * weight / math.fsum(weights) - 1e-9)


def test_coverage_by_hand():
    # "b" serves both, so that the second place goes to what serves neither so well: not "a".
    first, second = {"a": 4.0, "b": 3.0, "z": 0.0}, {"c": 4.0, "b": 3.0, "z": 0.0}
    assert coverage([first, second]) == pytest.approx({"b": 1.5, "a": 4 / 7, "c": 4 / 7, "z": 0.0})
    assert list(coverage([first, second], [1.0, 0.0])) == ["a", "b", "z", "c"]
    assert coverage([]) == coverage([{}]) == {}
    assert list(coverage([{"a": 1.0}], top_k=0)) == []


def test_where_a_search_gives_no_scores_its_ranks_count():
    assert by_rank(["a", "b", "a", "c"]) == {"a": 1.0, "b": 1 / 2, "c": 1 / 3}
    assert by_rank([]) == {}
    first, second = by_rank("abcd"), by_rank("xyzd")  # "d" is last in both
    assert "".join(coverage([first, second], [0.6, 0.4], top_k=4)) == "axby"


def test_distribution_based_score_by_hand():
    # mean 2, standard deviation 1: 3 is one above the middle of six.
    scores = distribution_based_score([{"a": 3.0, "b": 1.0}, {"b": 5.0}], [1.0, 0.5])
    assert scores == pytest.approx({"a": 4 / 6, "b": 2 / 6 + 0.5})
    assert list(scores) == ["b", "a"]
    assert distribution_based_score([{}]) == {}


def test_best_score_by_hand():
    assert best_score([{"a": 0.1, "b": 0.3}, {"a": 0.9}], [0.9, 0.1]) == {"a": 0.9, "b": 0.3}
    assert best_score([{"a": -2.0}, {"b": 1.0}], [1.0, 0.0]) == {"a": -2.0}


RULES = [coverage, relative_score, distribution_based_score, best_score, reciprocal_rank]


@pytest.mark.parametrize("fuse", RULES)
def test_bad_weights_are_errors(fuse):
    results = [["a"], ["b"]] if fuse is reciprocal_rank else [{"a": 1.0}, {"b": 1.0}]
    with pytest.raises(ConfigurationError, match="1 weights for 2 results"):
        fuse(results, [1.0])
    with pytest.raises(ConfigurationError, match="at least 0"):
        fuse(results, [1.0, -1.0])
    with pytest.raises(ConfigurationError, match="at least 0"):
        fuse(results, [1.0, math.nan])


def test_a_constant_that_cannot_work_is_an_error():
    with pytest.raises(ConfigurationError, match="over -1"):
        reciprocal_rank([["a"]], constant=-1)


def test_several_wordings_of_the_query_share_its_weight():
    found = searches(["q", "r"], distribution(a=0.3, b=0.1))
    assert found == pytest.approx({"q": 1 / 6, "r": 1 / 6, "a": 1 / 2, "b": 1 / 6})
    assert list(found) == ["q", "r", "a", "b"]


def test_what_failed_is_reported_and_the_rest_kept(caplog):
    log, error = logging.getLogger("somewhere"), TimeoutError("too slow")
    assert surviving(["a", "b"], [[1, 2], error], log) == [[1, 2], []]
    (record,) = caplog.records
    assert record.name == "somewhere"
    assert "'b'" in record.getMessage()
    assert "too slow" in record.getMessage()
    with pytest.raises(TimeoutError):
        surviving(["a"], [error], log)
    assert surviving([], [], log) == []
