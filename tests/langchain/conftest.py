"""A server, and LangChain's own client for it."""

import pytest
from langchain_openai import ChatOpenAI

from vs_core.testing import SimulatedServer


@pytest.fixture
def server():
    with SimulatedServer() as server:
        yield server


@pytest.fixture
def llm(server):
    return ChatOpenAI(base_url=server.base_url, api_key="x", model="simulated", max_retries=0)
