"""A simulated server that knows the right answers."""

import pytest

from tests.evaluation.running import taught
from vs_core.clients import OpenAIModel
from vs_core.testing import SimulatedServer


@pytest.fixture
def server():
    with SimulatedServer(taught()) as server:
        yield server


@pytest.fixture
def model(server):
    return OpenAIModel("simulated", base_url=server.base_url)
