"""Calls that fail: what was paid for is kept, and nobody waits for the slow ones."""

from __future__ import annotations

import asyncio
import contextvars
import json
import subprocess
import sys
import threading
import time

import pytest

from vs_core import (
    Completion,
    Message,
    ModelError,
    ParseError,
    Request,
    VSMulti,
    VSStandard,
    arun,
    astream,
    averbalize,
    partial_of,
    run,
    stream,
    verbalize,
)
from vs_core.stopping import repeated
from vs_core.strategies.mixture import mixture

TASK = [Message("user", "x")]


def answer(*texts: str) -> str:
    return json.dumps({"responses": [{"text": text, "probability": 0.1} for text in texts]})


class Model:
    """Answers with texts of its own; fails at the calls that it is told to."""

    def __init__(self, *fails: int, k: int = 5, error: Exception | None = None) -> None:
        self.fails = fails
        self.k = k
        self.error = error or ModelError("no more")
        self.asked: list[int] = []

    def __call__(self, request: Request) -> Completion:
        self.asked.append(request.call)
        if request.call in self.fails:
            raise self.error
        texts = (f"{request.call}.{index}" for index in range(self.k))
        return Completion(answer(*texts), {"output_tokens": 1})

    async def acomplete(self, request: Request) -> Completion:
        await asyncio.sleep(0)
        return self(request)

    def pieces(self, request: Request):
        text = self(request).text
        yield from (text[at : at + 7] for at in range(0, len(text), 7))

    async def apieces(self, request: Request):
        for piece in self.pieces(request):
            await asyncio.sleep(0)
            yield piece


async def by_run(flow, model, **options):
    return run(flow, model, **options)


async def by_arun(flow, model, **options):
    return await arun(flow, model.acomplete, **options)


async def by_stream(flow, model, **options):
    return list(stream(flow, model.pieces, **options))[-1]


async def by_astream(flow, model, **options):
    return [event async for event in astream(flow, model.apieces, **options)][-1]


drivers = pytest.mark.parametrize("drive", [by_run, by_arun, by_stream, by_astream])


# --- keeping what the others gave ----------------------------------------------------------------


@drivers
async def test_failures_are_kept_and_said(drive):
    model = Model(3, 7)
    flow = VSStandard(k=5, n=100, on_failure="keep").flow(TASK)
    found = await drive(flow, model, max_concurrency=4)
    assert len(found) == 90
    assert sorted(model.asked) == list(range(20))
    assert {candidate.call for candidate in found} == {*range(20)} - {3, 7}
    assert found.metadata["failed"] == [
        {"call": 3, "error": "ModelError: no more"},
        {"call": 7, "error": "ModelError: no more"},
    ]
    assert found.metadata["missing"] == 10


@drivers
async def test_an_error_carries_what_was_in_hand(drive):
    flow = VSStandard(k=5, n=100).flow(TASK)
    with pytest.raises(ModelError) as failure:
        await drive(flow, Model(19), max_concurrency=1)
    found = partial_of(failure.value)
    assert found is not None
    assert len(found) == 95
    assert found.metadata["missing"] == 5


@drivers
async def test_a_repair_that_fails_loses_nothing(drive):
    """The conversation of a repair is longer, and may be too long."""
    flow = VSStandard(k=5).flow(TASK)
    found = await drive(flow, Model(1, k=4))
    assert found.texts == ["0.0", "0.1", "0.2", "0.3"]
    assert found.metadata["failed"] == [{"call": 1, "error": "ModelError: no more"}]


@drivers
async def test_where_all_fail_the_first_failure_is_raised(drive):
    flow = VSStandard(k=5, n=10, on_failure="keep").flow(TASK)
    with pytest.raises(ModelError, match="no more") as failure:
        await drive(flow, Model(0, 1))
    assert partial_of(failure.value) is None


@drivers
async def test_a_conversation_keeps_the_turns_before(drive):
    model = Model(2)
    for on_failure in ("keep", "raise"):
        flow = VSMulti(k=5, n=15, on_failure=on_failure).flow(TASK)
        if on_failure == "keep":
            found = await drive(flow, model)
        else:
            with pytest.raises(ModelError) as failure:
                await drive(flow, model)
            found = partial_of(failure.value)
        assert len(found) == 10


@drivers
async def test_repeated_and_mixed_flows_have_theirs_in_hand_too(drive):
    with pytest.raises(ModelError) as failure:
        await drive(repeated(VSStandard(k=5), TASK, lambda _: False, 20), Model(3))
    assert len(partial_of(failure.value)) == 15
    flows = [VSStandard(k=5, n=10).flow(TASK) for _ in range(3)]
    with pytest.raises(ModelError) as failure:
        await drive(mixture(flows), Model(4), max_concurrency=1)
    assert len(partial_of(failure.value)) == 20


async def test_what_a_broken_stream_had_given_is_kept():
    whole = answer("a", "b", "c")

    def pieces(request):
        if request.call == 1:
            yield whole[: whole.index('"c"')]
            raise ModelError("connection lost")
        yield whole

    flow = VSStandard(k=3, n=6, on_failure="keep", retries=0).flow(TASK)
    *early, found = stream(flow, pieces)
    assert sorted(candidate.text for candidate in early) == ["a", "a", "b", "b", "c"]
    assert sorted(found.texts) == ["a", "a", "b", "b", "c"]
    assert found.metadata["failed"][0]["call"] == 1
    with pytest.raises(ModelError) as failure:
        list(stream(VSStandard(k=3, n=6).flow(TASK), pieces, max_concurrency=1))
    assert partial_of(failure.value).texts == ["a", "b", "c", "a", "b"]


def test_a_stream_that_broke_off_is_asked_for_the_rest():
    whole = answer("a", "b", "c")

    def pieces(request):
        if request.call == 0:
            yield whole[: whole.index('"c"')]
            raise ModelError("connection lost")
        yield answer("d")

    *_, found = stream(VSStandard(k=3, on_failure="keep").flow(TASK), pieces)
    assert found.texts == ["a", "b", "d"]
    assert "failed" not in found.metadata


def test_an_error_of_a_flow_is_no_failure_of_a_call():
    with pytest.raises(ParseError):
        verbalize("x", lambda _: "I cannot.", on_failure="keep")


# --- not waiting ---------------------------------------------------------------------------------


def slow_but(number: int, release: threading.Event):
    def complete(request: Request) -> str:
        if request.call == number:
            raise ModelError("no")
        release.wait(30)
        return answer("a")

    return complete


def test_an_error_does_not_wait_for_slow_calls():
    release = threading.Event()
    begun = time.monotonic()
    with pytest.raises(ModelError):
        verbalize("x", slow_but(2, release), k=1, n=3)
    assert time.monotonic() - begun < 10
    release.set()


def test_nothing_begins_after_a_failure():
    model = Model(0)
    with pytest.raises(ModelError):
        verbalize("x", model, k=5, n=500, max_concurrency=2)
    assert len(model.asked) < 50


SCRIPT = """
import signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell began it with &
from vs_core import verbalize
def complete(request):
    if request.call == 0 and sys.argv[1] == "error":
        raise RuntimeError("no")
    if request.call == 0 and sys.argv[1] == "interrupt":
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # as Ctrl-C does
    time.sleep(60)
try:
    verbalize("x", complete, k=1, n=4)
except BaseException as error:
    print(type(error).__name__, flush=True)
"""


@pytest.mark.parametrize(
    ("how", "raised"), [("error", "RuntimeError"), ("interrupt", "KeyboardInterrupt")]
)
def test_the_process_ends_while_calls_are_in_flight(how, raised):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, timeout=40
    )
    assert done.stdout.split() == [raised]


async def test_a_producer_that_cancels_itself_ends_the_stream():
    async def pieces(request):
        yield answer("a")[:5]
        raise asyncio.CancelledError

    async def read() -> None:
        async for _ in astream(VSStandard(k=1, n=3).flow(TASK), pieces):
            pass

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(read(), 10)


async def test_cancelling_cancels_the_calls_and_keeps_what_came():
    cancelled = []

    async def complete(request):
        if request.call == 0:
            return answer("a")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(request.call)
            raise

    task = asyncio.ensure_future(averbalize("x", complete, k=1, n=3))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(cancelled) == [1, 2]


# --- the wrong kind of model ---------------------------------------------------------------------


async def test_the_wrong_kind_of_model_is_named():
    model = Model()
    with pytest.raises(ModelError, match=r"asynchronous.*averbalize"):
        verbalize("x", model.acomplete)
    with pytest.raises(ModelError, match=r"synchronous.*verbalize"):
        await averbalize("x", model)


# --- what threads see ----------------------------------------------------------------------------


def test_every_thread_has_the_context_of_the_caller():
    team: contextvars.ContextVar[str] = contextvars.ContextVar("team")
    team.set("jokes")
    seen = []

    def complete(request):
        seen.append(team.get())
        team.set(str(request.call))
        return answer("a")

    verbalize("x", complete, k=1, n=20)
    assert seen == ["jokes"] * 20
    assert team.get() == "jokes"
