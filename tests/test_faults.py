"""Over HTTP, under connections that fail: what was received is in the result, once."""

import pytest

from tests.faults import KINDS, N, attempt


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "in pieces"])
@pytest.mark.parametrize("kind", [*KINDS, "all"])
def test_nothing_that_was_received_is_lost_or_doubled(kind, streamed):
    outcome = attempt(kind, streamed=streamed, retries=0)
    assert outcome.received
    assert outcome.lost == outcome.doubled == 0
    assert outcome.failed or kind == "slow"
    assert len(outcome.texts) <= N


def test_retries_of_the_client_make_a_run_complete():
    outcome = attempt("500", streamed=False, retries=5)
    assert len(outcome.texts) == N
    assert outcome.failed == 0
