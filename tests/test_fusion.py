"""Searching by several queries and fusing what they find."""

import logging
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vs_core import Candidate, ConfigurationError, Distribution
from vs_core.fusion import reciprocal_rank, relative_score, searches, surviving

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


@pytest.mark.parametrize("fuse", [reciprocal_rank, relative_score])
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
