"""A real model behind a real server, through the real client of each framework.

The model is small: it writes too many candidates or too few, percentages as probabilities, prose,
loops, and answers that end in mid-word. The tests hold what must hold of any answer: the number of
candidates is exact or what is missing is said, what the model wrote is in the distribution or in
its metadata, and what cannot be read is an error that carries the text.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import pytest

from tests.real_model.harnesses import HARNESSES, Core, Dspy, Harness, LangChain, LlamaIndex
from vs_core import Candidate, Completion, Distribution, ModelError, ParseError
from vs_core.formats.base import CUT_OFF

pytestmark = pytest.mark.timeout(300)

PROMPT = "Name a US state."
MAX_TOKENS = 80
MODES = ("run", "arun", "stream", "astream")
LOOP = asyncio.new_event_loop()
"""One for all tests: LangChain's models share their connections, and those belong to a loop."""

all_harnesses = pytest.mark.parametrize("harness", HARNESSES, ids=lambda harness: harness.name)


def ask(harness: Harness, mode: str, prompt: str = PROMPT) -> tuple[list[Any], Distribution]:
    """The candidates that came on the way, and the distribution."""
    if mode == "run":
        return [], harness.run(prompt)
    if mode == "arun":
        return [], LOOP.run_until_complete(harness.arun(prompt))
    if mode == "stream":
        *early, last = harness.stream(prompt)
        return early, last

    async def collected() -> list[Any]:
        return [event async for event in harness.astream(prompt)]

    *early, last = LOOP.run_until_complete(collected())
    return early, last


def outcome(call: Callable[[], Any]) -> Any:
    """What a call gives, or the error that says that the answer cannot be read."""
    try:
        return call()
    except ParseError as error:
        return error


def texts_of(distribution: Distribution) -> list[str]:
    """The texts of all candidates, with those that were left out."""
    out = [c for name in ("surplus", "invalid") for c in distribution.metadata.get(name, ())]
    return [*(c.text for c in distribution), *(c["text"] for c in out)]


def letters(text: str) -> str:
    """A text without what JSON and Markdown put around and into it."""
    return re.sub(r"\\[nrt]|[\W_]+", "", text)


def check(distribution: Distribution, harness: Harness) -> None:
    """What holds of any distribution from one answer."""
    about = distribution.metadata
    assert about["calls"] == 1
    assert len(distribution) + about.get("missing", 0) == about["n"] == harness.options["k"]
    (completion,) = distribution.completions
    for text in texts_of(distribution):
        assert letters(text) in letters(completion.text)
    written = re.findall(r'"(?:text|response)":\s*("(?:[^"\\]|\\.)*")', completion.text)
    kept = texts_of(distribution)
    if harness.method == "json_schema":
        assert written or CUT_OFF in distribution[0].repairs
        assert [text for text in map(json.loads, written) if text.strip() not in kept] == []


# --- whole and streamed, blocking and not ----------------------------------------------------


@all_harnesses
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("method", ["text", "json_schema"])
def test_nothing_is_lost(server, harness, method, mode):
    asked = harness(server.base_url, method, max_tokens=MAX_TOKENS, seed=1)
    found = outcome(lambda: ask(asked, mode))
    if isinstance(found, ParseError):
        assert method == "text"  # with a schema the server lets through nothing else
        assert found.text.strip()
        assert letters(found.text[:20]) in letters(str(found))  # it is shown on one line
        return
    early, distribution = found
    check(distribution, asked)
    if mode in ("run", "arun") or asked.streams_usage:
        usage = distribution.metadata["usage"]
        assert usage["input_tokens"] > 50
        assert 0 < usage["output_tokens"] <= MAX_TOKENS
    if "stream" in mode:
        whole = [c for c in distribution if CUT_OFF not in c.repairs]
        assert [c.text for c in early][: len(whole)] == [c.text for c in whole]


# --- cut off ---------------------------------------------------------------------------------


@all_harnesses
@pytest.mark.parametrize("mode", MODES)
def test_an_answer_without_a_candidate_is_an_error_with_its_text(server, harness, mode):
    asked = harness(server.base_url, "json_schema", max_tokens=8)
    with pytest.raises(ParseError) as raised:
        ask(asked, mode)
    text = raised.value.text.strip()
    assert text
    assert text[:5] in str(raised.value)


@pytest.mark.parametrize("max_tokens", [14, 18, 22, 26, 34])
def test_a_candidate_that_was_cut_off_says_so(server, max_tokens):
    asked = Core(server.base_url, "json_schema", max_tokens=max_tokens, seed=3, k=3)
    distribution = outcome(lambda: asked.run(PROMPT))
    if isinstance(distribution, ParseError):
        assert re.search(r'"text": "\s*\w', distribution.text) is None
        return
    check(distribution, asked)
    (completion,) = distribution.completions
    assert completion.finish_reason == "length"
    assert distribution.metadata["usage"]["output_tokens"] == max_tokens
    assert distribution.metadata["missing"] >= 1
    for candidate in distribution:
        whole = re.escape(json.dumps(candidate.text)) + r',\s*"probability": \S+\s*}'
        closed = re.search(whole, completion.text)
        assert (CUT_OFF in candidate.repairs) is (closed is None)


def test_what_is_missing_is_asked_for_again(server):
    asked = Core(server.base_url, "json_schema", max_tokens=40, seed=2, k=5, retries=2)
    distribution = asked.run(PROMPT)
    assert distribution.metadata["calls"] == len(distribution.completions) == 3
    raw = "".join(letters(completion.text) for completion in distribution.completions)
    assert all(letters(candidate.text) in raw for candidate in distribution)
    assert len({candidate.call for candidate in distribution}) > 1


# --- cancelled -------------------------------------------------------------------------------

LONG = 800  # tokens that an answer may have; the model would write on and on


def long(server: Any, harness: Callable[..., Harness]) -> Harness:
    return harness(server.base_url, "json_schema", max_tokens=LONG, seed=1, k=200)


def idle(server: Any) -> int:
    """The tokens so far, once nobody's answer is being written any more."""
    server.wait_until_idle()
    found: int = server.tokens()
    return found


def require_stopped(server: Any, before: int) -> None:
    """The server was told: it writes no answer for nobody."""
    server.wait_until_idle()
    assert server.tokens() - before < LONG // 2


# DSPy reads a stream that is closed to its end, in a thread or a task of its own.
@pytest.mark.parametrize("harness", [Core, LangChain, LlamaIndex], ids=lambda harness: harness.name)
def test_closing_a_stream_stops_the_model(server, harness):
    before = idle(server)
    events = long(server, harness).stream(PROMPT)
    assert isinstance(next(events), Candidate)
    events.close()
    require_stopped(server, before)


# LlamaIndex wraps its asynchronous stream in one that leaves it to the garbage collector.
@pytest.mark.parametrize("harness", [Core, LangChain], ids=lambda harness: harness.name)
def test_closing_a_stream_without_blocking_stops_the_model(server, harness):
    before = idle(server)

    async def first() -> Any:
        events = long(server, harness).astream(PROMPT)
        candidate = await anext(events)
        await events.aclose()
        await asyncio.to_thread(require_stopped, server, before)
        return candidate

    assert isinstance(LOOP.run_until_complete(first()), Candidate)


@all_harnesses
def test_cancelling_in_mid_stream_stops_the_model(server, harness):
    came: list[Any] = []

    async def consume() -> None:
        async for event in long(server, harness).astream(PROMPT):
            came.append(event)  # noqa: PERF401  # each as it comes

    async def cancelled() -> bool:
        """Whether it was: the answer may end by itself, and Python 3.10 lets clients swallow it."""
        before = await asyncio.to_thread(idle, server)
        came.clear()
        task = asyncio.create_task(consume())
        while not came:
            assert not task.done()
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
            return False
        await asyncio.to_thread(require_stopped, server, before)
        return True

    assert any(LOOP.run_until_complete(cancelled()) for _ in range(3))


@all_harnesses
def test_a_cancelled_task_ends_and_asks_no_more(server, harness):
    """This server writes an answer that is not streamed to its end, whoever has gone."""
    before = idle(server)
    asked = harness(server.base_url, "text", max_tokens=100, retries=3)

    async def cancelled() -> None:
        task = asyncio.create_task(asked.arun(PROMPT))
        while not await asyncio.to_thread(server.busy):
            assert not task.done()
            await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert server.busy()  # it did not wait for the answer

    LOOP.run_until_complete(cancelled())
    server.wait_until_idle()
    assert server.tokens() - before <= 100


# --- at once ---------------------------------------------------------------------------------


class Busiest:
    """The most requests that the server was seen to answer at once."""

    def __init__(self, server: Any) -> None:
        self.seen = 0
        self._server = server
        self._done = Event()
        self._thread = Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            self.seen = max(self.seen, self._server.busy())

    def __enter__(self) -> Busiest:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


@all_harnesses
@pytest.mark.parametrize("mode", ["run", "astream"])
def test_four_calls_at_once(server, harness, mode):
    asked = harness(server.base_url, "json_schema", max_tokens=MAX_TOKENS, seed=4, n=8)
    with Busiest(server) as busiest:
        early, distribution = ask(asked, mode)
    about = distribution.metadata
    assert about["calls"] == len(distribution.completions) == 4
    assert len(distribution) + about.get("missing", 0) == 8
    raw = [letters(completion.text) for completion in distribution.completions]
    assert all(letters(text) in "|".join(raw) for text in texts_of(distribution))
    assert all(letters(c.text) in raw[c.call] for c in distribution if c.call is not None)
    if not (harness is Dspy and mode == "astream"):
        assert 2 <= busiest.seen <= 4
    if mode == "astream":
        assert {c.text for c in distribution if CUT_OFF not in c.repairs} <= {c.text for c in early}


# --- in words --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("strategy", ["vs_standard", "vs_cot", "sequence"])
@pytest.mark.parametrize("format", ["json", "tags", "lines"])
def test_whatever_it_writes_is_read_or_carried_by_the_error(server, format, strategy, seed):
    asked = Core(server.base_url, "text", max_tokens=120, seed=seed, k=3, format=format)
    asked.options["strategy"] = strategy
    answers: list[Completion] = []
    prompt = "Tell me a joke about coffee."
    distribution = outcome(lambda: asked.run(prompt, heard=answers.append))
    if isinstance(distribution, ParseError):
        assert distribution.text.strip() == answers[0].text.strip() != ""
        return
    assert len(distribution) + distribution.metadata.get("missing", 0) == 3
    for text in texts_of(distribution):
        assert letters(text) in letters(answers[0].text)


# --- refused ---------------------------------------------------------------------------------


@all_harnesses
@pytest.mark.parametrize("mode", ["run", "astream"])
def test_a_prompt_beyond_the_context_is_a_clear_error(server, harness, mode):
    asked = harness(server.base_url, "text", max_tokens=5)
    with pytest.raises(ModelError if harness is Core else Exception, match="context size"):
        ask(asked, mode, "word " * 3000)


@pytest.mark.parametrize("harness", [LangChain, LlamaIndex], ids=lambda harness: harness.name)
@pytest.mark.parametrize("mode", ["run", "astream"])
def test_a_server_that_ignores_the_tool_is_read_all_the_same(server, harness, mode):
    """This model's template knows no tools: the server lets it answer in words."""
    asked = harness(server.base_url, "tool", max_tokens=MAX_TOKENS, seed=1)
    found = outcome(lambda: ask(asked, mode))
    if isinstance(found, ParseError):
        assert found.text.strip()
    else:
        check(found[1], asked)
