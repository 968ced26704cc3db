"""Calibration: against scikit-learn, and temperatures that are known."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from tests.strict import warnings_are_errors
from vs_core import Candidate, ConfigurationError, Distribution, verbalize
from vs_core.metrics import (
    brier_score,
    expected_calibration_error,
    fit_shared_temperature,
    fit_temperature,
    kl_divergence,
    log_score,
    reliability_diagram,
)
from vs_core.testing import SimulatedModel

pytestmark = warnings_are_errors

predictions = st.lists(
    st.tuples(st.floats(0, 1) | st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0]), st.booleans()),
    min_size=2,
    max_size=60,
)


def make(weights) -> Distribution:
    return Distribution(
        Candidate(text=str(index), probability=value) for index, value in enumerate(weights)
    )


@pytest.mark.parametrize("binning", ["uniform", "quantile"])
@given(predictions, st.integers(1, 15))
def test_the_diagram_agrees_with_scikit_learn(binning, pairs, bins):
    p, y = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    if len(set(y)) < 2:
        y[0] = 1 - y[0]  # scikit-learn wants both
    diagram = reliability_diagram(p, y, bins=bins, binning=binning)
    frequencies, confidences = calibration_curve(y, p, n_bins=bins, strategy=binning)
    assert [point.frequency for point in diagram] == pytest.approx(list(frequencies), abs=1e-9)
    assert [point.confidence for point in diagram] == pytest.approx(list(confidences), abs=1e-9)
    assert sum(point.count for point in diagram) == len(p)
    for point in diagram:
        assert point.lower - 1e-12 <= point.confidence <= point.upper + 1e-12


@given(predictions, st.integers(1, 15))
def test_the_error_agrees_with_its_formula(pairs, bins):
    groups: dict[int, list[tuple[float, bool]]] = {}
    for p, y in pairs:
        edges = np.linspace(0, 1, bins + 1)
        number = next(i for i in range(bins) if p <= edges[i + 1])  # (edge, edge]
        groups.setdefault(number, []).append((p, y))
    gaps = [abs(sum(p for p, _ in group) - sum(y for _, y in group)) for group in groups.values()]
    p, y = zip(*pairs, strict=True)
    expected = sum(gaps) / len(pairs)
    assert expected_calibration_error(p, y, bins=bins) == pytest.approx(expected, abs=1e-9)


def test_calibrated_predictions_have_no_error():
    p = [0.2] * 10 + [0.8] * 10
    y = [1] * 2 + [0] * 8 + [1] * 8 + [0] * 2
    assert expected_calibration_error(p, y) == pytest.approx(0, abs=1e-12)
    assert expected_calibration_error(p, [1 - each for each in y]) == pytest.approx(0.6)


def test_frequencies_may_be_outcomes():
    assert expected_calibration_error([0.5, 0.5], [0.25, 0.35]) == pytest.approx(0.2)


def test_documented_values():
    assert reliability_diagram([], []) == []
    assert math.isnan(expected_calibration_error([], []))
    assert expected_calibration_error([0.7], [1]) == pytest.approx(0.3)
    assert expected_calibration_error([0.7] * 5, [1] * 5, binning="quantile") == pytest.approx(0.3)
    assert [point.count for point in reliability_diagram([0.7] * 5, [1] * 5)] == [5]


@pytest.mark.parametrize(
    ("p", "y", "options", "message"),
    [
        ([0.5], [1, 0], {}, "1 probabilities and 2 outcomes"),
        ([1.5], [1], {}, "probabilities must be"),
        ([0.5], [math.nan], {}, "outcomes must be"),
        (["x"], [1], {}, "must be numbers"),
        ([0.5], [1], {"bins": 0}, "at least 1"),
        ([0.5], [1], {"binning": "equal"}, "quantile"),
    ],
)
def test_what_cannot_work_is_said(p, y, options, message):
    with pytest.raises(ConfigurationError, match=message):
        expected_calibration_error(p, y, **options)


# --- temperature -------------------------------------------------------------------------------

weights = st.lists(st.floats(0.01, 1), min_size=2, max_size=8).filter(
    lambda values: max(values) / min(values) > 1.5
)


@given(weights, st.floats(0.2, 5))
def test_a_known_temperature_is_recovered(values, temperature):
    verbalized = make(values)
    observed = verbalized.reweight(temperature)
    fitted = fit_temperature(verbalized, observed)
    assert fitted == pytest.approx(temperature, rel=1e-6)
    assert kl_divergence(observed, verbalized.reweight(fitted)) < 1e-9


@given(weights, st.data())
def test_no_other_temperature_comes_nearer(values, data):
    verbalized = make(values)
    count = st.integers(0, 20)
    counts = data.draw(st.lists(count, min_size=len(values), max_size=len(values)).filter(any))
    observed = {str(index): count for index, count in enumerate(counts)}
    bounds = (0.05, 20)
    fitted = fit_temperature(verbalized, observed, bounds=bounds)
    assert bounds[0] <= fitted <= bounds[1]
    best = kl_divergence(observed, verbalized.reweight(fitted), epsilon=1e-15)
    for other in np.geomspace(*bounds, 40):
        assert best <= kl_divergence(observed, verbalized.reweight(other), epsilon=1e-15) + 1e-9


def test_documented_values_of_the_temperature():
    verbalized = make([0.6, 0.4])
    assert fit_temperature(verbalized, {}) == 1
    assert fit_temperature(Distribution(), {"a": 1}) == 1
    assert fit_temperature(make([0.5]), {"0": 3}) == 1
    assert fit_temperature(make([0.5, 0.5]), {"0": 3, "1": 1}) == 1
    assert fit_temperature(verbalized, {"elsewhere": 3}) == 1
    assert fit_temperature(verbalized, {"0": 3}) == 0.01
    assert fit_temperature(verbalized, {"1": 3}, bounds=(0.5, 7)) == 7
    assert fit_temperature({"a": 0.6, "b": 0.4, "c": 0}, {"a": 6, "b": 4, "c": 9}) == (
        pytest.approx(1)
    )


def test_what_cannot_be_fitted_is_said():
    with pytest.raises(ConfigurationError, match=r"'a' is there twice: use distribution\.dedupe"):
        fit_temperature(Distribution(["b", "a", "a"]), {"a": 1})
    with pytest.raises(ConfigurationError, match="at least 0"):
        fit_temperature({"a": 1, "b": 2}, {"a": -1})
    with pytest.raises(ConfigurationError, match="bounds"):
        fit_temperature({"a": 1, "b": 2}, {"a": 1}, bounds=(0, 1))


@given(predictions)
def test_proper_scores_agree_with_scikit_learn(pairs):
    p, y = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    assert brier_score(p, y) == pytest.approx(brier_score_loss(y, p, pos_label=1), abs=1e-12)
    clipped = np.clip(p, 1e-6, 1 - 1e-6)
    assert log_score(p, y) == pytest.approx(log_loss(y, clipped, labels=[0, 1]), abs=1e-9)


@given(st.floats(0.05, 0.95), st.floats(0.01, 0.99))
def test_nobody_does_better_than_by_saying_what_is_so(truth, other):
    outcomes = [truth] * 3  # as a frequency
    for proper in (brier_score, log_score):
        best = proper([truth] * 3, outcomes)
        assert best <= proper([other] * 3, outcomes) + 1e-12


def test_documented_values_of_the_proper_scores():
    assert math.isnan(brier_score([], []))
    assert math.isnan(log_score([], []))
    assert log_score([1.0], [0]) == pytest.approx(-math.log(1e-6))
    assert log_score([1.0], [0], epsilon=0) == math.inf
    assert log_score([1.0], [1], epsilon=0) == 0
    with pytest.raises(ConfigurationError, match="epsilon must be"):
        log_score([0.5], [1], epsilon=0.5)
    with pytest.raises(ConfigurationError, match="1 probabilities and 2 outcomes"):
        brier_score([0.5], [1, 0])


# --- one temperature for many tasks --------------------------------------------------------------


@given(st.lists(weights, min_size=1, max_size=4), st.floats(0.2, 5))
def test_a_shared_temperature_is_recovered(tasks, temperature):
    pairs = [(make(values), make(values).reweight(temperature)) for values in tasks]
    assert fit_shared_temperature(pairs) == pytest.approx(temperature, rel=1e-6)


def test_tasks_weigh_as_they_were_observed():
    flat, sharp = {"a": 0.8, "b": 0.2}, {"a": 1, "b": 1}
    once = fit_shared_temperature([(flat, sharp), (flat, {"a": 80, "b": 20})])
    much = fit_shared_temperature([(flat, {"a": 1000, "b": 1000}), (flat, {"a": 80, "b": 20})])
    assert 1 < once < much
    assert fit_shared_temperature([]) == 1
    assert fit_shared_temperature([({}, {"a": 1}), (flat, {"a": 8, "b": 2})]) == pytest.approx(1)


def observed(model, prompt):
    """What a simulated model claims of its answers, and how often it gives each."""
    claimed = verbalize(prompt, model, k=8, seed=1).dedupe()
    given = verbalize(prompt, model, strategy="direct", n=80, max_concurrency=1)
    return claimed, Counter(given.texts)


@pytest.mark.parametrize("gamma", [0.3, 3.0])
def test_a_temperature_improves_a_simulated_model_where_it_was_not_fitted(gamma):
    """Asked directly it sharpens what it verbalizes by gamma: it is off by that temperature."""
    model = SimulatedModel(gamma=gamma, noise=0.2, seed=4)
    pairs = [observed(model, f"Name thing {number} of a list.") for number in range(12)]
    fitted, held_out = pairs[::2], pairs[1::2]
    temperature = fit_shared_temperature(fitted)
    assert temperature == pytest.approx(1 / gamma, rel=0.3)

    def errors(warmth):
        claims, came = [], []
        for claimed, counts in held_out:
            known = [text for text in claimed.texts if counts[text]]
            total = sum(counts[text] for text in known)
            mended = claimed.reweight(warmth)
            claims += list(mended.weights)
            came += [counts[text] / total if total else 0.0 for text in mended.texts]
        return [score(claims, came) for score in (brier_score, log_score)]

    before, after = errors(1.0), errors(temperature)
    assert all(new < old for new, old in zip(after, before, strict=True)), (before, after)
