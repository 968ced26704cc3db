"""How far two partitions agree, against scikit-learn."""

import math
import random

import pytest

from vs_core import ConfigurationError
from vs_core.metrics import agreement


def test_kappa_over_pairs_is_the_adjusted_rand_index():
    from sklearn.metrics import adjusted_rand_score, rand_score

    rng = random.Random(3)
    for n in (2, 5, 40):
        first, second = ([rng.randrange(4) for _ in range(n)] for _ in range(2))
        found = agreement(first, second)
        assert found.pairs == n * (n - 1) // 2
        assert found.share == pytest.approx(rand_score(first, second))
        if not math.isnan(found.kappa):
            assert found.kappa == pytest.approx(adjusted_rand_score(first, second), abs=1e-12)


def test_pairs_are_taken_within_a_group():
    # Of group x one pair, of which both say the same; of group y one, of which they differ.
    found = agreement("aabb", "aabc", groups="xxyy")
    assert found[0] == 0.5
    assert found.pairs == 2


def test_what_has_no_pair_or_no_difference():
    assert math.isnan(agreement([], []).share)
    assert agreement([1, 1], [2, 2])[0] == 1
    assert math.isnan(agreement([1, 1], [2, 2]).kappa)
    with pytest.raises(ConfigurationError, match="one for each"):
        agreement([1], [1, 2])
