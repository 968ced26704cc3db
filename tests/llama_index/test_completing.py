"""What of an answer is kept: thoughts, why it ended, which model gave it; over HTTP."""

import asyncio
import gc
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import SimpleNamespace

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ThinkingBlock
from llama_index.llms.openai_like import OpenAILike
from openai import InternalServerError

from vs_llama_index import VerbalizedLLM, VerbalizedQueryTransform, VerbalizedSynthesizer
from vs_llama_index.asking import PromptInput
from vs_llama_index.completing import _ArrivingResponse

ANSWER = json.dumps({"responses": [{"text": t, "probability": 0.5} for t in ("Ohio", "Utah")]})


class Thinks(BaseHTTPRequestHandler):
    """A compatible server whose model thinks: whole, and in pieces."""

    beside = "reasoning_content"
    ended = "stop"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        stream = asked.get("stream")
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if stream else "application/json")
        self.end_headers()
        head = {"id": "1", "created": 0, "model": "thinker-2"}
        if not stream:
            message = {"role": "assistant", "content": ANSWER, self.beside: "Let me think. Two."}
            choice = {"index": 0, "message": message, "finish_reason": self.ended}
            body = {**head, "object": "chat.completion", "choices": [choice]}
            self.wfile.write(json.dumps(body).encode())
            return
        deltas = [{"role": "assistant", "content": ""}]  # as all servers begin
        deltas += [{self.beside: "Let me think. "}, {self.beside: "Two."}]
        deltas += [{"content": ANSWER[at : at + 9]} for at in range(0, len(ANSWER), 9)]
        for delta in [*deltas, None]:
            choice = {
                "index": 0,
                "delta": delta or {},
                "finish_reason": None if delta else self.ended,
            }
            body = {**head, "object": "chat.completion.chunk", "choices": [choice]}
            self.wfile.write(f"data: {json.dumps(body)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *args):
        pass


class Endless(Thinks):
    """Writes on until nobody listens."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        head = {"id": "1", "created": 0, "model": "x", "object": "chat.completion.chunk"}
        for number in count():
            said = f"{number}. word {number} (probability: 0.01)\n"
            choice = {"index": 0, "delta": {"content": said}, "finish_reason": None}
            try:
                self.wfile.write(f"data: {json.dumps({**head, 'choices': [choice]})}\n\n".encode())
            except OSError:
                self.server.given_up.set()
                return


@contextmanager
def served(handler):
    """A server of a handler, and the client of it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.given_up = threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server, OpenAILike(
            model="x", api_base=f"http://127.0.0.1:{server.server_port}", api_key="x",
            is_chat_model=True, max_retries=0,
        )  # fmt: skip
        server.shutdown()


@pytest.fixture(params=["reasoning_content", "reasoning"])
def thinker(request):
    handler = type("Handler", (Thinks,), {"beside": request.param})
    with served(handler) as (_, llm):
        yield llm


async def test_thoughts_and_the_end_of_an_answer_are_kept(thinker):
    transform = VerbalizedQueryTransform(thinker, 2)
    for bundle in (transform("Name states."), await transform.arun("Name states.")):
        distribution = bundle.distribution
        assert distribution.reasoning == "Let me think. Two."
        (completion,) = distribution.completions
        assert (completion.finish_reason, completion.model) == ("stop", "thinker-2")
        assert completion.text == ANSWER
        assert [candidate.call for candidate in distribution] == [0, 0]


async def test_thoughts_are_kept_of_a_stream(thinker):
    synthesizer = VerbalizedSynthesizer(thinker, 2, cite=False)
    asking = synthesizer._asking
    task = PromptInput({"context_str": "States.", "query_str": "Which?"})
    *_, whole = asking.stream(synthesizer._template, task)
    events = [event async for event in asking.astream(synthesizer._template, task)]
    for distribution in (whole, events[-1]):
        assert list(distribution.texts) == ["Ohio", "Utah"]
        assert distribution.reasoning == "Let me think. Two."
        assert distribution.completions[0].finish_reason == "stop"
        assert distribution.completions[0].model == "thinker-2"


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_stream_that_is_given_up_lets_go_of_the_connection(asynchronous):
    with served(Endless) as (server, llm):
        gc.disable()  # that it goes is no matter of luck
        try:
            synthesizer = VerbalizedSynthesizer(llm, 5, format="lines", cite=False, streaming=True)
            if asynchronous:
                candidates = (await synthesizer.aget_response("Which?", ["Words."])).candidates()
                assert (await anext(candidates)).text == "word 0"
                await asyncio.wait_for(candidates.aclose(), 10)
            else:
                candidates = synthesizer.get_response("Which?", ["Words."]).candidates()
                assert next(candidates).text == "word 0"
                candidates.close()
            assert await asyncio.to_thread(server.given_up.wait, 20)
        finally:
            gc.enable()


def test_blocks_of_thinking_are_kept_of_other_clients():
    """Clients such as that of Anthropic have thoughts in blocks, repeated with each piece."""
    incoming = _ArrivingResponse()
    for thought, text in (("Hm", ""), ("Hm, two", ""), ("Hm, two", "Ohio")):
        message = ChatMessage(role="assistant", content=text or None)
        message.blocks.insert(0, ThinkingBlock(content=thought))
        incoming.piece(ChatResponse(message=message, delta=text))
    assert incoming.end().reasoning == "Hm, two"


def test_a_call_that_fails_for_good_costs_itself_alone(make_llm, server):
    kept = VerbalizedQueryTransform(make_llm(), 2, n=6, on_failure="keep")
    server.faults.extend([None, "500", None])
    distribution = kept("Name states.").distribution
    assert len(distribution) == 4
    assert len(distribution.metadata["failed"]) == 1
    server.faults.extend([None, "500", None])
    raising = VerbalizedLLM(make_llm(), 2, n=6)
    with pytest.raises(InternalServerError):
        raising.complete("Name states.")


def test_the_seed_draws_elsewhere_for_every_task(make_llm):
    ours = VerbalizedLLM(make_llm(), 5, seed=7)
    questions = [f"Name something of kind {n}." for n in range(12)]
    places = set()
    for question in questions:
        response = ours.complete(question)
        places.add(response.raw.texts.index(str(response)))
    assert len(places) > 1


@pytest.mark.parametrize(
    "where",
    [
        {"additional_kwargs": {"prompt_tokens": 9, "completion_tokens": 7}},  # OpenAI, Gemini
        {"raw": {"usage": {"prompt_tokens": 9, "completion_tokens": 7}}},  # Ollama
        {"raw": {"usage": SimpleNamespace(input_tokens=9, output_tokens=7)}},  # Anthropic
        {"additional_kwargs": {"tool_calls": []}, "raw": {"usage": {"input_tokens": 9}}},
    ],
)
def test_tokens_are_counted_wherever_a_client_puts_them(where):
    message = ChatMessage(role="assistant", content=ANSWER)
    incoming = _ArrivingResponse()
    incoming.piece(ChatResponse(message=message, delta=ANSWER, **where))
    counted = {} if "tool_calls" in str(where) else {"input_tokens": 9, "output_tokens": 7}
    assert incoming.end().usage == counted
