"""The loops over a flow: order, concurrency, context, cancelling, observers."""

import asyncio
import sys
import threading
import time
from contextlib import suppress
from contextvars import ContextVar

import pytest

import vs_core
from tests.in_flight import InFlight
from vs_core import (
    Candidate,
    Completion,
    Distribution,
    Message,
    ModelError,
    Request,
    arun,
    averbalize,
    hookimpl,
    plugins,
    run,
    verbalize,
)
from vs_core.driver import astream, stream

ANSWER = '{"responses": [{"text": "a", "probability": 0.6}, {"text": "b", "probability": 0.4}]}'


def two_rounds():
    """A flow of two rounds, that reports what it was sent."""
    first = yield [Request((Message("user", f"one {i}"),), call=i) for i in range(3)]
    second = yield [Request((Message("user", "two"),), call=3)]
    return Distribution([completion.text for completion in (*first, *second)])


def echo(request: Request) -> str:
    return request.messages[-1].text


async def aecho(request: Request) -> str:
    await asyncio.sleep(0.01 * (3 - request.call))  # the last asked answers first
    return request.messages[-1].text


EXPECTED = ["one 0", "one 1", "one 2", "two"]


@pytest.mark.parametrize("limit", [None, 1, 2])
async def test_rounds_run_in_order_and_answers_keep_their_place(limit):
    assert [c.text for c in run(two_rounds(), echo, max_concurrency=limit)] == EXPECTED
    assert [c.text for c in await arun(two_rounds(), aecho, max_concurrency=limit)] == EXPECTED


def wide(size):
    completions = yield [Request((Message("user", str(i)),), call=i) for i in range(size)]
    return Distribution([completion.text for completion in completions])


def test_one_round_runs_concurrently_within_the_limit():
    def slow(request: Request) -> str:
        with in_flight:
            time.sleep(0.05)
        return echo(request)

    in_flight = InFlight()
    run(wide(6), slow, max_concurrency=3)
    assert in_flight.most == 3
    in_flight = InFlight()
    run(wide(3), slow, max_concurrency=1)
    assert in_flight.most == 1


async def test_the_limit_holds_without_blocking_too():
    in_flight = InFlight()

    async def slow(request: Request) -> str:
        with in_flight:
            await asyncio.sleep(0.01)
        return echo(request)

    await arun(wide(6), slow, max_concurrency=3)
    assert in_flight.most == 3


def test_threads_see_the_callers_context():
    variable = ContextVar("variable", default="unset")
    variable.set("mine")
    seen = []
    run(wide(3), lambda request: seen.append(variable.get()) or "x")
    assert seen == ["mine"] * 3


def test_one_request_stays_in_the_calling_thread():
    names = []
    run(wide(1), lambda request: names.append(threading.current_thread()) or "x")
    assert names == [threading.current_thread()]


def closing(closed):
    try:
        yield [Request((Message("user", str(i)),), call=i) for i in range(50)]
    finally:
        closed.append(True)


def test_an_error_passes_untouched_and_the_rest_is_dropped():
    calls, closed = [], []

    def fail(request: Request) -> str:
        calls.append(request.call)
        time.sleep(0.005)
        raise TimeoutError("no answer")

    with pytest.raises(TimeoutError, match="no answer"):
        run(closing(closed), fail, max_concurrency=2)
    assert len(calls) < 50
    assert closed == [True]


async def test_an_error_cancels_the_other_requests():
    cancelled, closed = [], []

    async def fail(request: Request) -> str:
        if request.call == 3:
            raise TimeoutError("no answer")
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            cancelled.append(request.call)
            raise
        return "late"

    with pytest.raises(TimeoutError, match="no answer"):
        await arun(closing(closed), fail, max_concurrency=5)
    assert sorted(cancelled) == [0, 1, 2, 4]
    assert closed == [True]


async def test_cancelling_the_caller_cancels_the_requests():
    cancelled = []

    async def hang(request: Request) -> str:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            cancelled.append(request.call)
            raise
        return "late"

    task = asyncio.create_task(arun(wide(3), hang))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(cancelled) == [0, 1, 2]


def test_an_answer_is_a_string_or_a_completion():
    with pytest.raises(ModelError, match="dict"):
        run(wide(1), lambda request: {"text": "x"})
    assert run(wide(1), lambda request: Completion("x"))[0].text == "x"


class Observer:
    def __init__(self):
        self.requests, self.distributions = [], []

    @hookimpl
    def vs_request(self, request):
        self.requests.append(request)

    @hookimpl
    def vs_distribution(self, distribution):
        self.distributions.append(distribution)


async def test_observers_see_every_request_and_distribution():
    observer = Observer()
    plugins.register(observer)
    try:
        first = run(two_rounds(), echo)
        second = await arun(two_rounds(), aecho)
    finally:
        plugins.unregister(observer)
    assert [request.call for request in observer.requests] == [0, 1, 2, 3] * 2
    assert observer.distributions == [first, second]
    run(two_rounds(), echo)
    assert len(observer.distributions) == 2


async def test_verbalize_and_averbalize_agree():
    async def complete(request: Request) -> str:
        return ANSWER

    first = verbalize("joke", lambda request: ANSWER, k=2, n=4, threshold=0.7, seed=5)
    second = await averbalize("joke", complete, k=2, n=4, threshold=0.7, seed=5)
    assert first == second
    assert first.metadata["seed"] == 5
    assert first.metadata["threshold"] == 0.7
    assert [c.text for c in first] == ["a", "b", "a", "b"]


def test_a_strategy_object_may_stand_for_a_name():
    strategy = vs_core.VSStandard(k=2)
    assert verbalize("joke", lambda request: ANSWER, strategy=strategy).metadata["k"] == 2
    changed = verbalize("joke", lambda request: ANSWER, strategy=strategy, k=1)
    assert changed.metadata["k"] == 1
    assert [c["text"] for c in changed.metadata["surplus"]] == ["b"]


# --- streaming ---------------------------------------------------------------------------------

PIECES = [ANSWER[:48], ANSWER[48:-2], ANSWER[-2:]]


def texts_of(events):
    return [event.text for event in events if isinstance(event, Candidate)]


def flow_of(strategy="vs_standard", **options):
    return plugins.strategy(strategy, k=2, **options).flow([Message("user", "x")])


async def apieces(request):
    for piece in PIECES:
        await asyncio.sleep(0)
        yield piece


@pytest.mark.parametrize("strategy", ["vs_standard", "vs_multi"])
@pytest.mark.parametrize("limit", [None, 1])
async def test_a_stream_gives_candidates_and_ends_with_what_run_returns(strategy, limit):
    expected = run(flow_of(strategy, n=4), lambda request: "".join(PIECES))
    events = list(stream(flow_of(strategy, n=4), lambda r: iter(PIECES), max_concurrency=limit))
    async_events = [
        e async for e in astream(flow_of(strategy, n=4), apieces, max_concurrency=limit)
    ]
    for found in (events, async_events):
        assert found[-1] == expected
        assert sorted(texts_of(found)) == ["a", "a", "b", "b"]


async def test_a_candidate_is_out_before_its_answer_is_whole():
    sent = []

    def slow(request):
        for piece in PIECES:
            sent.append(piece)
            yield piece

    events = stream(flow_of(), slow)
    assert next(events).text == "a"
    assert len(sent) == 1
    assert next(events).text == "b"
    assert len(sent) == 2

    async def aslow(request):
        for piece in PIECES:
            sent.append(piece)
            yield piece
            await asyncio.sleep(0.01)

    sent.clear()
    aevents = astream(flow_of(), aslow)
    assert (await anext(aevents)).text == "a"
    assert len(sent) == 1
    await aevents.aclose()


async def test_plain_answers_usage_and_repairs_stream_too():
    def plain(request):
        yield "hel"
        yield "lo"
        yield Completion("", {"output_tokens": 2})

    *candidates, distribution = stream(flow_of("direct"), plain)
    assert texts_of(candidates) == ["hello", "hello"]
    assert distribution.metadata["usage"] == {"output_tokens": 4}
    answers = iter(["I cannot.", "".join(PIECES)])
    *candidates, distribution = stream(flow_of(), lambda request: iter([next(answers)]))
    assert texts_of(candidates) == ["a", "b"]
    assert distribution.metadata["calls"] == 2


@pytest.mark.parametrize("n", [2, 6])  # one call, which needs no thread, and three
def test_closing_a_stream_early_stops_what_runs_and_leaks_nothing(n):
    before, closed = threading.active_count(), []

    def endless(request):
        try:
            yield PIECES[0]
            while True:
                time.sleep(0.005)
                yield " "
        finally:
            closed.append(request.call)

    events = stream(flow_of(n=n), endless)
    assert next(events).text == "a"
    ours = [thread for thread in threading.enumerate() if thread.name == "vs_core"]
    assert len(ours) == (3 if n == 6 else 0)
    events.close()  # waits for none of them: each ends at its next piece
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sorted(closed) == [*range(n // 2)]
    assert threading.active_count() == before


@pytest.mark.parametrize("ending", ["closed", "broken"])
def test_what_a_model_streams_is_closed_with_the_stream_and_not_when_it_is_collected(ending):
    kept = []

    def pieces(request):
        yield PIECES[0]
        yield PIECES[1]

    def held(request):
        kept.append(pieces(request))
        return kept[-1]

    events = stream(flow_of(), held)
    next(events)
    if ending == "closed":
        events.close()
    else:
        with pytest.raises(KeyError):
            events.throw(KeyError)
    assert kept[0].gi_frame is None


@pytest.mark.parametrize("ending", ["read to its end", "closed"])
def test_what_is_iterated_over_is_closed_as_clients_want_it(ending):
    class Response:
        closed = 0

        def __iter__(self):
            return iter(PIECES)

        def close(self):
            self.closed += 1

    response = Response()
    events = stream(flow_of(), lambda request: response)
    next(events)
    if ending == "closed":
        events.close()
    else:
        list(events)
    assert response.closed == 1


@pytest.mark.parametrize("n", [2, 6])
async def test_closing_an_async_stream_early_cancels_what_runs(n):
    closed = []

    async def endless(request):
        try:
            yield PIECES[0]
            await asyncio.sleep(10)
        finally:
            closed.append(request.call)

    events = astream(flow_of(n=n), endless)
    assert (await anext(events)).text == "a"
    await events.aclose()
    assert sorted(closed) == [*range(n // 2)]
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tasks do not say whether it was")
@pytest.mark.parametrize("earlier", [False, True])
async def test_a_cancellation_that_a_client_swallows_ends_the_stream(earlier):
    """As ``asyncio.wait_for`` swallows one before Python 3.12. One of before is not meant."""
    waiting, came = asyncio.Event(), []

    async def swallows(request):
        yield PIECES[0]
        with suppress(asyncio.CancelledError):
            waiting.set()
            await asyncio.sleep(0 if earlier else 10)
        yield PIECES[1]

    async def consume():
        if earlier:
            with suppress(asyncio.CancelledError):
                waiting.set()
                await asyncio.sleep(10)
        async for event in astream(flow_of(n=2), swallows):
            came.append(event)  # noqa: PERF401  # each as it comes

    task = asyncio.create_task(consume())
    await waiting.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() == (not earlier)
    assert [event.text for event in came[:2]] == (["a", "b"] if earlier else ["a"])


async def test_an_error_ends_a_stream():
    def fail(request):
        yield PIECES[0]
        raise TimeoutError("no answer")

    async def afail(request):
        yield PIECES[0]
        raise TimeoutError("no answer")

    for size in (2, 6):
        with pytest.raises(TimeoutError, match="no answer"):
            list(stream(flow_of(n=size), fail))
        with pytest.raises(TimeoutError, match="no answer"):
            [event async for event in astream(flow_of(n=size), afail)]
