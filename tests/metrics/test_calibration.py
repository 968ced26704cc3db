"""Calibration: against scikit-learn, and temperatures that are known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from tests.strict import warnings_are_errors
from vs_core import Candidate, ConfigurationError, Distribution
from vs_core.metrics import (
    expected_calibration_error,
    fit_temperature,
    kl_divergence,
    reliability_diagram,
)

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
