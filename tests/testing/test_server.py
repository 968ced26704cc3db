"""The server, through the real OpenAI client, sync and async, and the plain clients of all."""

import http.client
import json
import threading
import time
from typing import Literal

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletion
from pydantic import BaseModel

from vs_core import ConfigurationError, parse
from vs_core.messages import as_messages
from vs_core.testing import SimulatedModel, SimulatedServer
from vs_core.testing.batches import BatchFaults

STATES = [{"role": "user", "content": "Name a US state."}]
ASKED = [
    {"role": "system", "content": "Give 4 responses in JSON, each with its probability."},
    *STATES,
]


@pytest.fixture
def server():
    with SimulatedServer() as server:
        yield server


@pytest.fixture
def client(server):
    return OpenAI(base_url=server.base_url, api_key="any", max_retries=0)


def chat(client, messages=STATES, **options):
    return client.chat.completions.create(model="simulated", messages=messages, **options)


def test_a_chat_completion(server, client):
    answer = chat(client)
    assert answer.choices[0].message.content in SimulatedModel().base_distribution("US state")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert server.requests[0]["messages"] == STATES
    assert server.requests[0]["path"] == "/v1/chat/completions"
    assert [model.id for model in client.models.list()] == ["simulated"]


@pytest.mark.slow  # for its seconds
def test_a_connection_outlives_the_seconds_that_httpx_keeps_one(server):
    address = server.base_url.split("/")[2]
    connection = http.client.HTTPConnection(address)
    for wait in (0, 5.5):
        time.sleep(wait)
        connection.request("GET", "/v1/models")
        assert json.load(connection.getresponse())["data"]
        assert connection.sock is not None
    connection.close()


async def test_async_and_over_http_as_in_process(server):
    client = AsyncOpenAI(base_url=server.base_url, api_key="any")
    answer = await client.chat.completions.create(model="m", messages=ASKED)
    fresh = SimulatedModel()
    assert answer.choices[0].message.content == fresh.answer(as_messages(ASKED)).text


def test_a_stream_is_the_answer_in_pieces(client, server):
    chunks = list(chat(client, ASKED, stream=True, stream_options={"include_usage": True}))
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    server.model.reset()
    whole = chat(client, ASKED)
    assert len(pieces) > 10
    assert "".join(pieces) == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert not any(chunk.usage for chunk in chunks[:-1])
    assert len({(chunk.id, chunk.model) for chunk in chunks}) == 1


def test_an_answer_takes_as_long_as_is_said(server, client):
    for ask in (
        lambda: chat(client),
        lambda: client.completions.create(model="m", prompt="Name a US state."),
        lambda: client.embeddings.create(model="m", input="x"),
    ):
        server.delay = 0.0
        ask()  # what is loaded with the first takes time of its own
        server.delay, began = 0.5, time.perf_counter()
        ask()
        assert time.perf_counter() - began >= 0.5


def test_slow_tokens_come_one_by_one(server):
    server.token_delay = 0.01
    client = OpenAI(base_url=server.base_url, api_key="any")
    arrivals = [time.perf_counter() for _ in chat(client, ASKED, stream=True)]
    assert arrivals[len(arrivals) // 2] - arrivals[0] > 0.01 * len(arrivals) / 4


def test_slow_tokens_of_a_completion_come_one_by_one_and_are_those_of_the_whole(server, client):
    asked = {"model": "m", "prompt": "Name a US state."}
    whole = client.completions.create(**asked).choices[0].text
    for fault, delay in (("slow", 0.0), (None, 0.05)):
        server.model.reset()
        server.faults, server.token_delay = [fault], delay
        begin = time.perf_counter()
        chunks = list(client.completions.create(**asked, stream=True))
        assert time.perf_counter() - begin >= 0.05 * (len(chunks) - 1) > 0
        assert "".join(each.choices[0].text for each in chunks) == whole


def test_several_streamed_answers_say_which_is_which_and_why_each_ended(server, client):
    def joined(chunks, text_of):
        texts, ends = ["", ""], [[], []]
        for chunk in chunks:
            (choice,) = chunk.choices
            texts[choice.index] += text_of(choice)
            ends[choice.index].append(choice.finish_reason)
        assert [set(each[:-1]) for each in ends] == [{None}, {None}]
        return list(zip(texts, [each[-1] for each in ends], strict=True))

    prompts = ["Name a US state.", "Tell me a joke about coffee."]
    for ask, asked, text_of in (
        (chat, {"n": 2}, lambda choice: choice.delta.content or ""),
        (
            lambda client, **options: client.completions.create(model="m", **options),
            {"prompt": prompts, "max_tokens": 4},
            lambda choice: choice.text,
        ),
    ):
        server.model.reset()
        whole = ask(client, **asked)
        said = [each.message.content if ask is chat else each.text for each in whole.choices]
        assert [each.index for each in whole.choices] == [0, 1]
        server.model.reset()
        got = joined(ask(client, **asked, stream=True), text_of)
        ends = [each.finish_reason for each in whole.choices]
        assert got == list(zip(said, ends, strict=True))
        assert ends == (["stop", "stop"] if ask is chat else ["stop", "length"])


def test_its_answers_are_of_the_types_that_are_documented(client):
    answers = [
        chat(client),
        *chat(client, stream=True, stream_options={"include_usage": True}),
        client.completions.create(model="m", prompt="Name a US state."),
        list(client.completions.create(model="m", prompt="Name a US state.", stream=True))[-1],
        client.embeddings.create(model="m", input="x"),
        *client.models.list().data,
    ]
    for answer in answers:  # the client itself takes anything
        assert type(answer).model_validate(answer.model_dump()) == answer
        assert not list(undocumented(answer))


def undocumented(answer):
    """What an answer has that OpenAI's types have not, however deep."""
    if isinstance(answer, BaseModel):
        yield from answer.model_extra or ()
        for _, value in answer:
            yield from undocumented(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from undocumented(value)


def test_a_file_comes_back_as_it_was_sent(client):
    data = '{"custom_id": "é", "body": {"model": "m", "messages": []}}\r\n'.encode()
    sent = client.files.create(file=("batch.jsonl", data), purpose="batch")
    assert client.files.content(sent.id).read() == data
    assert sent.bytes == len(data)
    assert not list(undocumented(sent))


def test_its_models_are_listed(client):
    listed = client.models.list()
    assert listed.object == "list"
    (model,) = listed.data
    assert (model.object, model.owned_by) == ("model", "vs-core (simulated)")


def test_n_choices_differ(server, client):
    server.model = SimulatedModel(gamma=1)
    texts = {choice.message.content for choice in chat(client, n=20).choices}
    assert len(texts) > 5


class Answer(BaseModel):
    text: str
    probability: float
    mood: Literal["calm", "wild"]
    stars: int
    tags: list[str]


class Answers(BaseModel):
    reasoning: str
    responses: list[Answer]


def test_a_response_format_is_honoured(client):
    completion = client.chat.completions.parse(model="m", messages=ASKED, response_format=Answers)
    answers = completion.choices[0].message.parsed
    assert len(answers.responses) == 4
    base = SimulatedModel().base_distribution("US state")
    assert all(answer.text in base for answer in answers.responses)
    assert [a.probability for a in answers.responses] == pytest.approx(
        [base[a.text] for a in answers.responses], abs=1e-4
    )


def test_a_tool_is_called_when_the_user_names_it(client):
    tools = [{"type": "function", "function": {"name": "capital", "parameters": {
        "type": "object", "properties": {"state": {"type": "string"}}, "required": ["state"],
    }}}]  # fmt: skip
    naming = [{"role": "user", "content": "Use capital for a US state."}]
    (call,) = chat(client, naming, tools=tools).choices[0].message.tool_calls
    assert call.function.name == "capital"
    assert json.loads(call.function.arguments)["state"]
    result = [{"role": "assistant", "tool_calls": [call.model_dump()]},
              {"role": "tool", "tool_call_id": call.id, "content": "Salem"}]  # fmt: skip
    for messages, choice in ((ASKED, "auto"), (naming, "none"), (naming + result, "auto")):
        answer = chat(client, messages, tools=tools, tool_choice=choice).choices[0].message
        assert answer.tool_calls is None
        assert answer.content


def test_the_arguments_of_a_call_are_those_that_the_user_says(client):
    properties = {
        "share": {"type": "number"}, "count": {"type": "integer"}, "unit": {"enum": ["mile", "km"]},
        "street": {"type": "string"}, "kept": {"type": "string"},
    }  # fmt: skip
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    tools = [{"type": "function", "function": {"name": "ride", "parameters": parameters}}]
    naming = [{"role": "user", "content": "Call ride with 0.25 and 3.0 in KM along 'Elm Road'."}]
    (call,) = chat(client, naming, tools=tools).choices[0].message.tool_calls
    said = json.loads(call.function.arguments)
    assert said.pop("kept")  # of which the user says nothing
    assert said == {"share": 0.25, "count": 3, "unit": "km", "street": "Elm Road"}
    assert '"count": 3,' in call.function.arguments


def test_a_forced_tool_is_called(client):
    function = {"name": "answer", "parameters": Answers.model_json_schema()}
    tools = [{"type": "function", "function": function}]
    choice = {"type": "function", "function": {"name": "answer"}}
    answer = chat(client, ASKED, tools=tools, tool_choice=choice)
    (call,) = answer.choices[0].message.tool_calls
    assert call.function.name == "answer"
    assert len(Answers.model_validate_json(call.function.arguments).responses) == 4
    parts = [
        part
        for chunk in chat(client, ASKED, tools=tools, tool_choice=choice, stream=True)
        for part in chunk.choices[0].delta.tool_calls or ()
    ]
    assert (parts[0].type, parts[0].function.name) == ("function", "answer")
    Answers.model_validate_json("".join(part.function.arguments or "" for part in parts))


def test_limits(client):
    short = chat(client, ASKED, max_tokens=5)
    assert short.choices[0].finish_reason == "length"
    assert len(short.choices[0].message.content) == 20
    assert short.usage.completion_tokens == 5
    stopped = chat(client, ASKED, stop=['"probability"'])
    assert "probability" not in stopped.choices[0].message.content


def test_what_was_answered_leaves_its_place():
    with SimulatedServer(capacity=1, faults=[None, None, "timeout"]) as server:
        client = OpenAI(base_url=server.base_url, api_key="any", max_retries=0)
        chat(client)
        chat(client)
        held = threading.Thread(target=chat, args=(client,))
        held.start()
        while len(server.requests) < 3:
            time.sleep(0.002)
        with pytest.raises(openai.RateLimitError):
            chat(client)
        assert server.most_at_once == 2
    held.join()  # it is answered when the server stops


def test_completions_and_embeddings(client):
    text = client.completions.create(model="m", prompt="Name a US state.").choices[0].text
    assert text in SimulatedModel().base_distribution("US state")
    texts = ["bees find flowers", "how bees find a flower", "interest rates rose"]
    data = client.embeddings.create(model="m", input=texts, dimensions=64).data
    near, far = (sum(a * b for a, b in zip(data[0].embedding, d.embedding, strict=True))
                 for d in data[1:])  # fmt: skip
    assert [(each.object, each.index) for each in data] == [("embedding", n) for n in range(3)]
    assert len(data[0].embedding) == 64
    assert near > far
    plain = client.embeddings.create(model="m", input="x", encoding_format="float").data[0]
    packed = client.embeddings.create(model="m", input="x", encoding_format="base64").data[0]
    assert len(plain.embedding) == 256
    assert isinstance(packed.embedding, str)


@pytest.mark.parametrize(
    ("fault", "error"),
    [("429", openai.RateLimitError), ("500", openai.InternalServerError),
     ("drop", openai.APIConnectionError), ("timeout", openai.APITimeoutError)],
)  # fmt: skip
def test_faults(server, fault, error):
    client = OpenAI(base_url=server.base_url, api_key="any", max_retries=0, timeout=0.5)
    server.faults = [fault]
    with pytest.raises(error):
        chat(client)
    assert chat(client).choices


def test_a_slow_answer_is_slow_and_whole(server, client):
    server.faults = ["slow"]
    begin = time.perf_counter()
    pieces = [chunk.choices[0].delta.content or "" for chunk in chat(client, stream=True)]
    assert time.perf_counter() - begin >= 0.05
    assert "".join(pieces) in SimulatedModel().base_distribution("US state")


def test_a_client_that_retries_gets_through(server):
    server.faults = ["429", "500"]
    client = OpenAI(base_url=server.base_url, api_key="any", max_retries=2)
    assert chat(client).choices
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "body",
    [b"not json", b"[]", b"{}", b'{"messages": []}', b'{"messages": [1]}', b'{"messages": "hi"}',
     b'{"messages": [{"role": "user", "content": "x"}], "n": 0}',
     b'{"messages": [{"role": "user", "content": "x"}], "tools": 7, "tool_choice": "required"}'],
)  # fmt: skip
def test_a_bad_request_is_a_400_with_a_reason(server, body):
    answer = httpx.post(f"{server.base_url}/chat/completions", content=body)
    assert answer.status_code == 400
    assert "Bad request" in answer.json()["error"]["message"]
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_multimodal_content_is_accepted(client):
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    parts = [{"type": "text", "text": "Name a US state."}, image]
    answer = chat(client, [{"role": "user", "content": parts}])
    assert answer.choices[0].message.content in SimulatedModel().base_distribution("US state")


def test_it_starts_and_stops_without_leaving_anything():
    before = threading.active_count()
    with SimulatedServer() as server:
        url = server.base_url
        assert httpx.get(f"{url}/models").status_code == 200
    assert threading.active_count() == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/models")
    with server:  # and it can be started again
        assert httpx.get(f"{server.base_url}/models").status_code == 200


BOUNDED = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "schema": {
            "type": "object",
            "properties": {"states": {"type": "array", "items": {"type": "string"}, "minItems": 2}},
        },
    },
}


def test_what_an_endpoint_may_lack():
    def ask(lack, **options):
        with SimulatedServer(lacks=[lack]) as server:
            client = OpenAI(base_url=server.base_url, api_key="any", max_retries=0)
            answer = chat(client, ASKED, **options)
            return list(answer) if options.get("stream") else answer

    assert ask("usage").usage is None
    streamed = {"stream": True, "stream_options": {"include_usage": True}}
    for lack in ("usage", "stream_usage"):
        assert not any(chunk.usage for chunk in ask(lack, **streamed))
    assert ask("stream_usage").usage
    with pytest.raises(openai.BadRequestError, match="not supported"):
        ask("stream", stream=True)
    with pytest.raises(openai.BadRequestError, match="'minItems' is not permitted"):
        ask("bounds", response_format=BOUNDED)
    plain = chat_with_nothing(ASKED)
    assert ask("structured", response_format=BOUNDED).choices[0].message.content == plain
    with pytest.raises(ConfigurationError, match="Unknown lacks"):
        SimulatedServer(lacks=["patience"])


def chat_with_nothing(messages):
    with SimulatedServer() as server:
        client = OpenAI(base_url=server.base_url, api_key="any")
        return chat(client, messages).choices[0].message.content


def test_thoughts_come_apart():
    with SimulatedServer(thinks=True) as server:
        client = OpenAI(base_url=server.base_url, api_key="any")
        whole = chat(client).choices[0].message.reasoning_content
        deltas = [chunk.choices[0].delta for chunk in chat(client, stream=True)]
        assert "".join(getattr(d, "reasoning_content", "") or "" for d in deltas) == whole


def test_an_unknown_fault_is_refused():
    with pytest.raises(ConfigurationError, match="explode"):
        SimulatedServer(faults=["explode"])


def test_requests_are_kept_in_order_from_many_threads(server, client):
    threads = [threading.Thread(target=chat, args=(client, ASKED)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.requests) == 20


def test_the_answers_are_json(client):
    text = chat(client, ASKED).choices[0].message.content
    assert len(json.loads(text)["responses"]) == len(parse(text)) == 4


# --- batches -------------------------------------------------------------------------------------

FAULTS = BatchFaults(polls=3, failed=0.2, expired=0.2, cancelled=0.2, cut_off=0.3)
NAMES = [str(number) for number in range(40)]
BODY = {"model": "m", "messages": ASKED}


def batched(server):
    """A batch by OpenAI's client: as it was seen, its answers, and what went wrong."""
    client = OpenAI(base_url=server.base_url, api_key="any", max_retries=0)
    about = {"method": "POST", "url": "/v1/chat/completions", "body": BODY}
    data = "".join(json.dumps({"custom_id": name, **about}) + "\n" for name in NAMES).encode()
    file = client.files.create(file=("batch.jsonl", data), purpose="batch")
    assert (file.bytes, file.filename) == (len(data), "batch.jsonl")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    seen = [batch, *(client.batches.retrieve(batch.id) for _ in range(4))]
    for answer in (file, *seen):
        assert type(answer).model_validate(answer.model_dump()) == answer
    shown = {(each.id, each.input_file_id, each.endpoint) for each in seen}
    assert shown == {(batch.id, file.id, "/v1/chat/completions")}
    ids = (seen[-1].output_file_id, seen[-1].error_file_id)
    kept = [client.files.content(name).text.splitlines() if name else [] for name in ids]
    return seen, *([json.loads(line) for line in lines] for lines in kept)


def test_what_is_no_batch_of_chats_is_refused():
    batch = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
    with SimulatedServer() as server:
        client = OpenAI(base_url=server.base_url, api_key="any", max_retries=0)
        with pytest.raises(openai.BadRequestError, match="no batch of chats"):
            client.files.create(file=("batch.jsonl", b""), purpose="evals")
        file = client.files.create(file=("batch.jsonl", b""), purpose="batch")
        for other in ({"endpoint": "/v1/embeddings"}, {"completion_window": "1h"}):
            with pytest.raises(openai.BadRequestError, match="no batch of chats"):
                client.batches.create(input_file_id=file.id, **{**batch, **other})
        assert client.batches.create(input_file_id=file.id, **batch).status == "in_progress"


def test_a_batch_of_openais_is_done_after_so_many_looks():
    with SimulatedServer(batch_faults=FAULTS) as server:
        seen, done, wrong = batched(server)
        again, _, _ = batched(server)
    assert [batch.status for batch in seen] == ["in_progress"] * 3 + ["completed"] * 2
    assert not any(batch.output_file_id or batch.error_file_id for batch in seen[:3])
    assert again[0].id != seen[0].id
    counts = seen[-1].request_counts
    assert (counts.total, counts.completed, counts.failed) == (40, len(done), len(wrong))
    names = [line["custom_id"] for line in done]
    assert names != sorted(names, key=int)  # in any order, as the real ones
    assert sorted(names + [line["custom_id"] for line in wrong], key=int) == NAMES
    answers = [ChatCompletion.model_validate(line["response"]["body"]) for line in done]
    assert {answer.choices[0].finish_reason for answer in answers} == {"stop", "length"}
    assert {line["response"]["status_code"] for line in done} == {200}
    assert {line["error"] for line in done} == {None}
    ends = {line["error"]["code"] if line["error"] else line["response"]["status_code"]
            for line in wrong}  # fmt: skip
    assert ends == {500, "batch_expired", "batch_cancelled"}
    assert {request["path"] for request in server.requests} == {"batch"}


def test_a_batch_without_faults_has_no_file_of_errors_and_a_refused_one_no_file_at_all():
    with SimulatedServer() as server:
        seen, done, wrong = batched(server)
    assert [batch.status for batch in seen] == ["in_progress"] + ["completed"] * 4
    assert (len(done), wrong, seen[-1].error_file_id) == (40, [], None)
    with SimulatedServer(batch_faults=BatchFaults(refused=True)) as server:
        seen, done, wrong = batched(server)
    assert {batch.status for batch in seen} == {"failed"}
    assert (done, wrong, server.requests) == ([], [], [])
    assert "simulated" in seen[-1].errors.data[0].message
