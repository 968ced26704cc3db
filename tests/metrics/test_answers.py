"""Coverage and precision, with spellings."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strict import warnings_are_errors
from vs_core import ConfigurationError, Distribution
from vs_core.metrics import coverage, precision

pytestmark = warnings_are_errors

TRUTH = ["Ohio", ["New York", "NY", "New York State"], "Iowa", "Maine"]


@given(st.sets(st.integers(0, 30), min_size=1), st.lists(st.integers(0, 30), min_size=1))
def test_plain_answers_are_sets(truth, answers):
    right, given_ = [str(number) for number in truth], [str(number) for number in answers]
    assert coverage(given_, right) == pytest.approx(len(truth & set(answers)) / len(truth))
    assert precision(given_, right) == pytest.approx(
        len([number for number in answers if number in truth]) / len(answers)
    )


def test_spellings_of_one_answer_count_once():
    answers = ["ny", "  New   YORK. ", "**Ohio**", "ohio", "Atlantis"]
    assert coverage(answers, TRUTH) == 0.5
    assert precision(answers, TRUTH) == 0.8
    assert coverage(Distribution(answers), TRUTH) == 0.5


def test_truth_may_be_a_mapping_to_other_spellings():
    truth = {"Ohio": [], "New York": "NY", "Maine": ("ME", "Pine Tree State")}
    assert coverage(["NY", "me"], truth) == pytest.approx(2 / 3)
    assert precision(["NY", "x", "maine", "New York"], truth) == 0.75


def test_normalisation_is_the_users_choice():
    assert coverage(["OHIO"], ["Ohio"], normalise=str) == 0
    assert precision(["ohio!"], ["Ohio"], normalise=lambda text: text[0].lower()) == 1
    assert coverage(["C++", "C", "C#"], ["c", "c++", "c#"]) == 1
    assert coverage(["..."], ["?!"]) == 0


def test_documented_values():
    assert coverage([], TRUTH) == 0
    assert math.isnan(coverage(["Ohio"], []))
    assert math.isnan(precision([], TRUTH))
    assert precision(["Ohio"], []) == 0
    assert coverage(["Ohio"], ["Ohio"]) == precision(["Ohio"], ["Ohio"]) == 1
    assert coverage(["Ohio"] * 9, TRUTH) == 0.25
    assert precision(["Ohio"] * 9, TRUTH) == 1


@pytest.mark.parametrize("metric", [coverage, precision])
@pytest.mark.parametrize(
    ("answers", "truth", "message"),
    [
        (["x"], "Ohio", "collection of right answers"),
        ("Ohio", TRUTH, "list of texts"),
    ],
)
def test_what_cannot_work_is_said(metric, answers, truth, message):
    with pytest.raises(ConfigurationError, match=message):
        metric(answers, truth)


def test_answers_that_share_a_spelling_are_one_with_a_warning():
    truth = [["Georgia", "GA"], "Ohio", ["ga", "Peach State"]]
    with pytest.warns(UserWarning, match="such as 'ga': they count as one, which leaves 2 of 3"):
        assert coverage(["Peach State", "Georgia"], truth) == 0.5
    # One that joins two others makes all three one.
    with pytest.warns(UserWarning, match="leaves 1 of 3"):
        assert coverage(["c"], [["a", "b"], ["c", "d"], ["b", "c"]]) == 1


def test_the_whole_text_is_the_answer():
    truth = {"Texas": "TX", "Netherlands": ()}
    given = ["The state is Texas.", "the Netherlands", "Texas (TX)", "Not Texas.", "Texas Tech"]
    assert precision(given, truth) == 3 / 5
    assert coverage(given, truth) == 1
    assert precision(["The state is Texas."], truth, normalise=str.strip) == 0
