"""The plain client over an OpenAI-compatible endpoint."""

from typing import Literal

import pytest
from pydantic import BaseModel

from vs_core import Completion, Message, ModelError, Request, averbalize, stream, verbalize
from vs_core.clients import OpenAIModel
from vs_core.strategies import VSStandard
from vs_core.testing import SimulatedServer

PROMPT = "Name a US state."
REQUEST = Request((Message("user", PROMPT),))


@pytest.fixture
def server():
    with SimulatedServer() as server:
        yield server


@pytest.fixture
def model(server):
    return OpenAIModel("simulated", base_url=server.base_url, temperature=0.4)


async def test_sync_and_async(server, model):
    first = verbalize(PROMPT, model, k=4)
    server.model.reset()
    second = await averbalize(PROMPT, model.acomplete, k=4)
    assert first == second
    assert first.metadata["usage"]["output_tokens"] > 0
    assert [request["temperature"] for request in server.requests] == [0.4, 0.4]
    assert all("response_format" not in request for request in server.requests)


async def test_streams(server, model):
    *texts, last = model.stream(REQUEST)
    server.model.reset()
    *async_texts, async_last = [piece async for piece in model.astream(REQUEST)]
    assert texts == async_texts
    assert isinstance(last, Completion)
    assert last == async_last
    assert last.usage["output_tokens"] > 0
    *candidates, distribution = stream(VSStandard(k=4).flow(REQUEST.messages), model.stream)
    assert [c.text for c in candidates] == [c.text for c in distribution]


class State(BaseModel):
    name: str
    coast: Literal["west", "east", "none"]
    rank: int


@pytest.mark.parametrize("schema", [None, State])
def test_structured_output_sends_the_schema_and_is_read_alike(server, schema):
    model = OpenAIModel("simulated", base_url=server.base_url, structured=True)
    distribution = verbalize(PROMPT, model, k=4, schema=schema)
    sent = server.requests[0]["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["strict"] is True
    assert "responses" in sent["json_schema"]["schema"]["properties"]
    assert len(distribution) == 4
    assert all(c.probability for c in distribution)
    assert all(schema is None or isinstance(c.value, State) for c in distribution)
    assert distribution.metadata["calls"] == 1
    verbalize(PROMPT, model, k=4, format="tags")
    assert "response_format" not in server.requests[1]


def test_the_models_on_offer(model):
    assert model.models() == ["simulated"]


@pytest.mark.parametrize(
    "use", [lambda model: model(REQUEST), lambda model: list(model.stream(REQUEST))]
)
def test_a_failure_is_a_model_error_with_its_cause(server, model, use):
    server.faults = ["500"] * 10
    with pytest.raises(ModelError, match="simulated") as caught:
        use(model)
    assert caught.value.__cause__ is not None
    with pytest.raises(ModelError, match="failed"):
        OpenAIModel("simulated", base_url="http://127.0.0.1:9/v1").models()


def test_without_a_key_the_error_says_so():
    with pytest.raises(ModelError, match="OPENAI_API_KEY"):
        OpenAIModel("gpt-4.1-mini")(REQUEST)


def test_a_client_that_retries_gets_through_on_its_own(server):
    server.faults = ["429"]
    assert len(verbalize(PROMPT, OpenAIModel("m", base_url=server.base_url), k=3)) == 3
    assert len(server.requests) == 2
