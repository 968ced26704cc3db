"""A simulated server for each test, and dspy.LM talking to it."""

import dspy
import pytest

from vs_core.testing import SimulatedServer


@pytest.fixture
def server():
    with SimulatedServer() as server:
        yield server


@pytest.fixture
def make_lm(server):
    def make(name="simulated", cache=False, **options):
        return dspy.LM(
            f"openai/{name}", api_base=server.base_url, api_key="x", cache=cache, num_retries=0,
            **options,
        )  # fmt: skip

    return make


@pytest.fixture(autouse=True)
def lm(make_lm):
    lm = make_lm()
    with dspy.context(lm=lm, adapter=dspy.ChatAdapter()):
        yield lm


@pytest.fixture
def memory_cache():
    """DSPy's cache without the disk, which would outlive the test."""
    before = dspy.cache
    dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=True)
    yield
    dspy.cache = before
