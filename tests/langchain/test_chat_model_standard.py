"""`VerbalizedChatModel` in langchain-tests' standard suites, over ChatOpenAI as it is.

Nothing of the suites is overridden but what names the model. The unit suite asks no server.
"""

import pytest
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from vs_core.testing import SimulatedServer
from vs_langchain import VerbalizedChatModel


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "x")


class TestUnit(ChatModelUnitTests):
    chat_model_class = VerbalizedChatModel

    @property
    def chat_model_params(self):
        return {"llm": ChatOpenAI(model="gpt-4.1-mini", api_key="x"), "k": 3}


class TestIntegration(ChatModelIntegrationTests):
    chat_model_class = VerbalizedChatModel
    supports_json_mode = True  # these two as langchain-openai's own tests say of ChatOpenAI
    supports_anthropic_inputs = True

    @pytest.fixture(autouse=True)
    def _serving(self):
        """One server a test: ChatOpenAI keeps a client an address, and each test has a loop."""
        with SimulatedServer() as server:
            self.base_url = server.base_url
            yield

    @property
    def chat_model_params(self):
        llm = ChatOpenAI(
            base_url=self.base_url, api_key="x", model="gpt-4.1-mini", stream_usage=True
        )  # fmt: skip
        return {"llm": llm, "k": 3}
