"""Reading says what it said before; where it does not, see `tests.corpus.outcomes`."""

import pytest

from tests.corpus.outcomes import digest, kept

KEPT = kept()


@pytest.mark.parametrize(
    ("group", "hundred"), [(group, at) for group in KEPT for at in range(len(KEPT[group]))]
)
def test_answers_are_read_as_before(group, hundred):
    same = digest(group, hundred) == KEPT[group][hundred]
    assert same, "python -m tests.corpus.outcomes --since HEAD shows what is read otherwise"
