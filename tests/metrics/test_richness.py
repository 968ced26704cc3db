"""Good-Turing and richness: formulas written out, and simulations whose truth is known."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strict import warnings_are_errors
from vs_core import ConfigurationError
from vs_core.metrics import ace, chao1, unseen_mass

pytestmark = warnings_are_errors

ESTIMATES = (unseen_mass, chao1, ace)
counts = st.lists(st.integers(0, 15) | st.integers(1, 2), min_size=1, max_size=40).filter(any)


def frequency(values, times) -> int:
    return sum(value == times for value in values)


def ace_by_formula(values) -> float:
    """Chao and Lee 1992, as its sums are written."""
    abundant = sum(value > 10 for value in values)
    rare = sum(frequency(values, i) for i in range(1, 11))
    draws = sum(i * frequency(values, i) for i in range(1, 11))
    cover = 1 - frequency(values, 1) / draws
    moments = sum(i * (i - 1) * frequency(values, i) for i in range(1, 11))
    gamma = max(rare / cover * moments / (draws * (draws - 1)) - 1, 0)
    return abundant + rare / cover + frequency(values, 1) / cover * gamma


@given(counts)
def test_estimates_agree_with_their_formulas(values):
    n, f1, f2 = sum(values), frequency(values, 1), frequency(values, 2)
    seen = sum(value > 0 for value in values)
    assert unseen_mass(values) == pytest.approx(f1 / n, abs=1e-9)
    unseen = f1 * f1 / (2 * f2) if f2 else f1 * (f1 - 1) / 2
    assert chao1(values) == pytest.approx(seen + (n - 1) / n * unseen, abs=1e-9)
    few = [value for value in values if 0 < value <= 10]
    if few and f1 < sum(few):
        assert ace(values) == pytest.approx(ace_by_formula(values), abs=1e-9)
    else:
        assert ace(values) == chao1(values)
    assert chao1(values) >= seen
    assert ace(values) >= seen - 1e-9


def test_they_estimate_what_was_not_seen():
    rng = np.random.default_rng(1)
    shares = 1 / np.arange(1, 101)
    shares /= shares.sum()
    misses, seen, richness = [], [], {chao1: [], ace: []}
    for _ in range(300):
        drawn = Counter(rng.choice(100, size=150, p=shares).tolist())
        unseen = 1 - sum(shares[label] for label in drawn)
        misses.append(unseen_mass(drawn) - unseen)
        seen.append(len(drawn))
        for estimate, values in richness.items():
            values.append(estimate(drawn))
    standard_error = np.std(misses) / math.sqrt(len(misses))
    assert abs(np.mean(misses)) < 4 * standard_error  # unbiased, but for 1/n
    for values in richness.values():
        assert abs(np.mean(values) - 100) < (100 - np.mean(seen)) / 2


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_a_mapping_or_the_counts_alone(estimate):
    assert estimate(Counter("aabbbc")) == estimate([2, 3, 1]) == estimate(iter([0, 1, 2, 3]))


def test_documented_values():
    for estimate in ESTIMATES:
        assert math.isnan(estimate([]))
        assert math.isnan(estimate({"a": 0}))
    assert unseen_mass([1]) == 1
    assert unseen_mass([1, 1, 1]) == 1
    assert unseen_mass([9]) == 0
    assert chao1([1]) == ace([1]) == 1
    assert chao1([9]) == ace([9]) == 1
    assert ace([50, 60]) == 2
    assert ace([1, 2, 2]) == pytest.approx(3 / 0.8)  # more even than chance: nothing is added
    assert chao1([1, 1, 1]) == ace([1, 1, 1]) == 5


def test_rare_is_where_certainty_begins():
    assert ace([1, 3, 3], rare=2) == chao1([1, 3, 3])  # the one rare class was seen once
    assert ace([1, 2, 30], rare=2) == pytest.approx(1 + 2 / (2 / 3) + 1 / (2 / 3) * 0)
    with pytest.raises(ConfigurationError, match="rare"):
        ace([1], rare=0)


@pytest.mark.parametrize("estimate", ESTIMATES)
@pytest.mark.parametrize("wrong", [[-1], [0.5], ["answer"], "answers"])
def test_answers_are_not_counts(estimate, wrong):
    with pytest.raises(ConfigurationError, match="Counter"):
        estimate(wrong)
