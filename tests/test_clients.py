"""The plain client over an OpenAI-compatible endpoint."""

import asyncio
import json
import pickle
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Literal

import httpx
import pytest
from pydantic import BaseModel

from vs_core import (
    Completion,
    ConfigurationError,
    Message,
    ModelError,
    Request,
    averbalize,
    stream,
    verbalize,
)
from vs_core.caller import name_of
from vs_core.clients import OpenAIModel
from vs_core.formats.json import without_bounds
from vs_core.redaction import redacted
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


async def test_closing_closes_the_connections(model):
    model(REQUEST)
    await model.acomplete(REQUEST)
    clients = (model._client, model._async_client)
    model.close()
    await model.aclose()
    assert [client.is_closed() for client in clients] == [True, True]


def test_one_model_serves_several_event_loops(model):
    async def once():
        try:
            return await averbalize(PROMPT, model.acomplete, k=2)
        finally:
            await model.aclose()

    assert [len(asyncio.run(once())) for _ in range(3)] == [2, 2, 2]
    assert len(verbalize(PROMPT, model, k=2)) == 2
    model.close()
    model.close()  # nothing is left to close
    assert len(verbalize(PROMPT, model, k=2)) == 2


def test_calls_of_one_flow_have_seeds_of_their_own(server):
    seeded = OpenAIModel("simulated", base_url=server.base_url, seed=7, max_retries=0)
    verbalize(PROMPT, seeded, k=2, n=6, max_concurrency=1)
    assert [request["seed"] for request in server.requests] == [7, 8, 9]


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


# --- what a client can be told, and what it does not tell ----------------------------------------

SECRET = "sk-very-secret"


def secretive(**options) -> OpenAIModel:
    return OpenAIModel(
        "m",
        base_url="http://user:hunter2@127.0.0.1:9/v1?token=hunter2",
        api_key=SECRET,
        default_headers={"X-Token": "hunter2"},
        extra_headers={"Authorization": "Bearer hunter2"},
        extra_body={"api_key": "hunter2", "min_p": 0.1},
        temperature=0.5,
        max_tokens=7,
        **options,
    )


def test_secrets_are_shown_nowhere():
    model = secretive(max_retries=0)
    with pytest.raises(ModelError) as failure:
        model(REQUEST)
    shown = f"{model!r} {model.settings} {failure.value} {name_of(model)}"
    assert "hunter2" not in shown
    assert SECRET not in shown
    assert model.settings["max_tokens"] == 7
    assert model.settings["extra_body"] == {"api_key": "***", "min_p": 0.1}
    assert model.settings["extra_headers"] == {"Authorization": "***"}


def test_settings_are_what_answers_depend_on():
    def made(**options):
        return OpenAIModel("m", base_url="http://127.0.0.1/v1", **options).settings

    assert made(temperature=1) == made(temperature=1, api_key="a", timeout=3, max_retries=1)
    assert made(temperature=1) != made(temperature=2)
    assert made() != made(structured=True)


def test_a_failed_call_says_where_and_what():
    with pytest.raises(ModelError, match=r"'m' at http://127\.0\.0\.1:9/v1 failed: Connection"):
        OpenAIModel("m", base_url="http://127.0.0.1:9/v1", max_retries=0)(REQUEST)


def test_what_the_api_does_not_have_is_refused_at_once():
    with pytest.raises(ConfigurationError, match=r"no parameter 'tempratur'.*extra_body"):
        OpenAIModel("m", tempratur=0.3)


def test_options_of_the_client_reach_it():
    sent: list[httpx.Request] = []

    def fail(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(500, headers={"retry-after-ms": "1"})

    model = OpenAIModel(
        "m",
        api_key="k",
        timeout=7,
        max_retries=3,
        default_headers={"X-Team": "jokes"},
        default_query={"version": "2"},
        organization="org",
        http_client=httpx.Client(transport=httpx.MockTransport(fail)),
    )
    with pytest.raises(ModelError, match="500"):
        model(REQUEST)
    assert len(sent) == 4
    assert sent[0].headers["x-team"] == "jokes"
    assert sent[0].headers["openai-organization"] == "org"
    assert sent[0].url.params["version"] == "2"
    assert sent[0].extensions["timeout"]["read"] == 7


class Breaking(BaseHTTPRequestHandler):
    """Answers with the first piece of a stream, and goes away."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        piece = {"choices": [{"index": 0, "delta": {"content": '{"responses": ['}}], "id": "1"}
        said = f"data: {json.dumps(piece)}\n\n".encode()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(said), said))
        self.close_connection = True

    def log_message(self, *args):
        pass


def test_a_stream_that_breaks_in_the_middle_is_a_model_error_with_its_cause():
    with ThreadingHTTPServer(("127.0.0.1", 0), Breaking) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        model = OpenAIModel(
            "m", base_url=f"http://127.0.0.1:{server.server_port}/v1", max_retries=0
        )
        with pytest.raises(ModelError, match="m' at http") as caught:
            list(model.stream(REQUEST))
        assert "Error" in type(caught.value.__cause__).__name__
        model.close()
        server.shutdown()


def test_a_model_can_be_pickled_without_the_key_of_the_environment(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    model = OpenAIModel("simulated", base_url=server.base_url)
    model(REQUEST)
    dump = pickle.dumps(model)
    assert SECRET.encode() not in dump
    assert pickle.loads(dump)(REQUEST).text
    assert pickle.loads(pickle.dumps(OpenAIModel("m", api_key="mine")))._key == "mine"


def answers_with(message: dict, finish_reason: str = "stop") -> httpx.Client:
    """A client over a transport that gives one answer: shapes that servers of others give."""
    body = {
        "id": "1", "object": "chat.completion", "created": 1, "model": "thinker-1",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
    }  # fmt: skip
    return httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=body)))


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thoughts_and_the_end_are_kept(field):
    message = {"role": "assistant", "content": '[{"text": "a", "probability": 1}]', field: "Hm."}
    model = OpenAIModel("m", api_key="k", http_client=answers_with(message, "length"))
    found = verbalize("x", model, k=1)
    assert found.reasoning == "Hm."
    assert found.completions[0].finish_reason == "length"
    assert found.completions[0].model == "thinker-1"
    assert "1 of 1 answers reached the limit of their length" in found.repairs


def test_a_model_that_calls_tools_says_so():
    call = {"id": "1", "type": "function", "function": {"name": "search", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    model = OpenAIModel("m", api_key="k", http_client=answers_with(message, "tool_calls"))
    with pytest.raises(ModelError, match=r"called tools \(search\)"):
        model(REQUEST)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"api_key": "x", "apikey": "x", "token": "x", "PASSWORD": "x"}, "***"),
        ({"hf_token": "x", "access-token": "x", "Cookie": "x", "client_secret": "x"}, "***"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(given, shown):
    assert redacted(given) == dict.fromkeys(given, shown)
    assert redacted({"deep": [{"api_key": "x"}]}) == {"deep": [{"api_key": "***"}]}


def test_what_is_no_secret_stays():
    settings = {"max_tokens": 5, "keyword": "a", "tokenizer": "b", "stop": ["x"], "n": None}
    assert redacted(settings) == settings
    assert redacted({"client": object()}) == {"client": "object"}


class Bounded(BaseModel):
    minimum: int
    tags: list[str]


def test_the_schema_bounds_what_small_models_do_not_keep_to(server):
    for bounds in (True, False):
        model = OpenAIModel("simulated", base_url=server.base_url, structured=True, bounds=bounds)
        verbalize(PROMPT, model, k=4)
        sent = server.requests[-1]["response_format"]["json_schema"]["schema"]
        listed = sent["properties"]["responses"]
        probability = listed["items"]["properties"]["probability"]
        if bounds:
            assert (listed["minItems"], listed["maxItems"]) == (4, 4)
            assert (probability["minimum"], probability["maximum"]) == (0, 1)
        else:
            assert listed.keys() == {"type", "items"}
            assert probability == {"type": "number"}


def test_a_property_may_be_called_as_a_bound_is():
    schema = without_bounds({"properties": Bounded.model_json_schema()["properties"], "maximum": 3})
    assert schema["properties"].keys() == {"minimum", "tags"}
    assert "maximum" not in schema
