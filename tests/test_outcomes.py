"""Reading says what it said before; where it does not, see `tests.corpus.outcomes`."""

import pytest

from tests.corpus.outcomes import READ, digests, kept


@pytest.mark.parametrize("group", list(READ))
def test_answers_are_read_as_before(group):
    found = digests(group)
    differ = [
        at for at, (now, then) in enumerate(zip(found, kept(group), strict=True)) if now != then
    ]
    assert not differ, (
        "python -m tests.corpus.outcomes --since HEAD shows each that is read otherwise"
    )
