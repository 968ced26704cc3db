"""Counts are checked in one place: True is none, and 0 is not a silent default."""

import numpy as np
import pytest

from vs_core import (
    ConfigurationError,
    Distribution,
    VSStandard,
    arun,
    astream,
    averbalize,
    run,
    stream,
    verbalize,
)
from vs_core.checks import require_count, require_optional_count
from vs_core.evaluation import Experiment
from vs_core.messages import as_messages
from vs_core.metrics import distinct_n
from vs_core.stopping import coverage
from vs_core.testing import SimulatedModel

NO_COUNTS = [0, -3, True, False, 2.0, "3", [3], np.True_, None]


@pytest.mark.parametrize("value", NO_COUNTS, ids=repr)
def test_what_is_no_count_is_refused(value):
    with pytest.raises(ConfigurationError, match=r"^k must be a whole number of at least 1, not "):
        require_count("k", value)


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)], ids=repr)
def test_a_count_becomes_an_int(value):
    assert require_count("k", value) == 3
    assert type(require_count("k", value)) is int
    assert type(VSStandard(k=value, n=value).n) is int


def test_a_count_may_be_left_out_or_be_zero_where_that_is_said():
    assert require_optional_count("n", None) is None
    assert require_optional_count("n", 0, least=0) == 0
    assert Distribution(["a"]).sample(0) == []
    with pytest.raises(ConfigurationError, match="n must be a whole number of at least 0, not -1"):
        Distribution(["a"]).sample(-1)
    with pytest.raises(ConfigurationError, match="not True"):
        Distribution(["a"]).sample(True)


@pytest.mark.parametrize("limit", [0, -3, True, 1.5])
async def test_no_driver_takes_a_limit_that_is_none(limit):
    """0 was 16 in silence, and -3 a ValueError of a thread pool."""
    model = SimulatedModel()

    def flow():
        return VSStandard(k=2, n=4).flow(as_messages("Name a US state."))

    async def drained(events):
        return [event async for event in events]

    refused = pytest.raises(ConfigurationError, match="max_concurrency must be a whole number")
    with refused:
        run(flow(), model, max_concurrency=limit)
    with refused:
        list(stream(flow(), model.stream, max_concurrency=limit))
    with refused:
        verbalize("x", model, max_concurrency=limit)
    with refused:
        await arun(flow(), model.acomplete, max_concurrency=limit)
    with refused:
        await drained(astream(flow(), model.astream, max_concurrency=limit))
    with refused:
        await averbalize("x", model.acomplete, max_concurrency=limit)


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("k", lambda: VSStandard(k=True)),
        ("n", lambda: VSStandard(n=True)),
        ("retries", lambda: VSStandard(retries=True)),
        ("budget", lambda: verbalize("x", SimulatedModel(), until=coverage(0.9), budget=True)),
        ("concurrency", lambda: Experiment("dice", model=SimulatedModel(), concurrency=True)),
        ("attempts", lambda: Experiment("dice", model=SimulatedModel(), attempts=0)),
        ("n, the length of an n-gram,", lambda: distinct_n(["a b"], True)),
    ],
)
def test_true_is_no_count_of_the_core(name, use):
    with pytest.raises(ConfigurationError, match=f"{name} must be a whole number"):
        use()
