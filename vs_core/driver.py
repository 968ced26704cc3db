"""The only loops over a flow, and `verbalize`, which runs one over any callable.

`run` and `arun` go to the end and give the distribution; `stream` and `astream` give each candidate
as it is complete, and the distribution last. A round of several requests runs concurrently.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
    Sequence,
)
from contextlib import aclosing, suppress
from contextvars import copy_context
from typing import Any

from vs_core.candidates import Candidate, Distribution
from vs_core.checks import require_optional_count
from vs_core.messages import Completion, Message, Prompt, Request, as_completion, as_messages
from vs_core.parsing import StreamParser
from vs_core.plugins import plugins
from vs_core.stopping import DEFAULT_BUDGET, Rule, repeated
from vs_core.strategies.base import Flow, Strategy
from vs_core.strategies.typed import validated

__all__ = ["arun", "astream", "averbalize", "run", "stream", "verbalize"]

Complete = Callable[[Request], "Completion | str"]
AsyncComplete = Callable[[Request], Awaitable["Completion | str"]]
Pieces = Callable[[Request], Iterator["str | Completion"]]
AsyncPieces = Callable[[Request], AsyncIterator["str | Completion"]]

DEFAULT_CONCURRENCY = 16
"""Requests of a round that are in flight at once, unless ``max_concurrency`` says otherwise."""


def run(flow: Flow, complete: Complete, *, max_concurrency: int | None = None) -> Distribution:
    """Run a flow to its end.

    Args:
        flow: What `Strategy.flow` returned.
        complete: Answers one request. It is called from several threads at once for a round of
            several requests, each in a copy of the caller's context (`contextvars`).
        max_concurrency: Most requests in flight; 1 keeps to the calling thread. Default: 16.

    Returns:
        The distribution.

    Raises:
        ParseError: If no answer held a distribution.
        ModelError: If ``complete`` returned something that is not an answer.
        ConfigurationError: If ``max_concurrency`` is not at least 1.
        Exception: Whatever ``complete`` raised, untouched; requests not yet begun are dropped.
    """
    limit = _limit(max_concurrency)
    steps = _observed(flow)
    try:
        requests = next(steps)
        while True:
            requests = steps.send(_complete_round(requests, complete, limit))
    except StopIteration as stop:
        return _result(stop)
    finally:
        steps.close()


async def arun(
    flow: Flow, complete: AsyncComplete, *, max_concurrency: int | None = None
) -> Distribution:
    """Run a flow to its end without blocking; see `run`.

    If one request fails, or the caller is cancelled, the others of its round are cancelled.
    """
    limit = _limit(max_concurrency)
    steps = _observed(flow)
    try:
        requests = next(steps)
        while True:
            requests = steps.send(await _acomplete_round(requests, complete, limit))
    except StopIteration as stop:
        return _result(stop)
    finally:
        steps.close()


def stream(
    flow: Flow, pieces: Pieces, *, max_concurrency: int | None = None
) -> Generator[Candidate | Distribution, None, None]:
    """Run a flow and yield each candidate as soon as it is complete, and the distribution last.

    Args:
        flow: What `Strategy.flow` returned.
        pieces: Answers one request piece by piece: an iterator of strings, and of `Completion`
            objects where a piece brings token usage. Called as ``complete`` is by `run`.
        max_concurrency: Most requests in flight; 1 keeps to the calling thread. Default: 16.

    Yields:
        Candidates, those of parallel requests as they come, with the probability as far as it can
        be known from the candidate alone; then one `Distribution`, which is authoritative: the
        same that `run` would return.

    Closing the iterator early stops the requests in flight at their next piece, drops those not
    yet begun, and returns when none is left. Raises what `run` raises.
    """
    limit = _limit(max_concurrency)
    steps = _observed(flow)
    try:
        requests = next(steps)
        while True:
            answers = [_Incoming(request) for request in requests]
            yield from _stream_round(answers, pieces, limit)
            requests = steps.send([answer.completion() for answer in answers])
    except StopIteration as stop:
        yield _result(stop)
    finally:
        steps.close()


async def astream(
    flow: Flow, pieces: AsyncPieces, *, max_concurrency: int | None = None
) -> AsyncGenerator[Candidate | Distribution, None]:
    """Run a flow without blocking and yield candidates as they come; see `stream`.

    Closing the iterator early, or cancelling its consumer, cancels the requests in flight.
    """
    limit = _limit(max_concurrency)
    steps = _observed(flow)
    try:
        requests = next(steps)
        while True:
            answers = [_Incoming(request) for request in requests]
            async with aclosing(_astream_round(answers, pieces, limit)) as candidates:
                async for candidate in candidates:
                    yield candidate
            requests = steps.send([answer.completion() for answer in answers])
    except StopIteration as stop:
        yield _result(stop)
    finally:
        steps.close()


def _observed(flow: Flow) -> Flow:
    """The flow, with its requests and its result shown to the observers on their way out."""
    try:
        requests = next(flow)
        while True:
            for request in requests:
                plugins.observe_request(request)
            requests = flow.send((yield requests))
    except StopIteration as stop:
        distribution = _result(stop)
        plugins.observe_distribution(distribution)
        return distribution
    finally:
        flow.close()


def _limit(max_concurrency: int | None) -> int:
    """How many requests may be in flight at once."""
    return require_optional_count("max_concurrency", max_concurrency) or DEFAULT_CONCURRENCY


def _result(stop: StopIteration) -> Distribution:
    distribution: Distribution = stop.value
    return distribution


def _complete_round(
    requests: Sequence[Request], complete: Complete, limit: int
) -> list[Completion]:
    workers = min(len(requests), limit)
    if workers <= 1:
        return [as_completion(complete(request)) for request in requests]
    from concurrent.futures import ThreadPoolExecutor

    executor = ThreadPoolExecutor(workers, thread_name_prefix="vs_core")
    try:
        futures = [executor.submit(copy_context().run, complete, request) for request in requests]
        return [as_completion(future.result()) for future in futures]
    finally:
        executor.shutdown(cancel_futures=True)


async def _acomplete_round(
    requests: Sequence[Request], complete: AsyncComplete, limit: int
) -> list[Completion]:
    import asyncio

    free = asyncio.Semaphore(limit)

    async def answer(request: Request) -> Completion:
        await free.acquire()
        completion = as_completion(await complete(request))
        free.release()  # a call that fails keeps its place, so that none begins after it
        return completion

    tasks = [asyncio.ensure_future(answer(request)) for request in requests]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# --- streaming -------------------------------------------------------------------------------


class _Incoming:
    """The answer to one request, while it comes in."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self._texts: list[str] = []
        self._usage: Counter[str] = Counter()
        self._parser = (
            None if request.shape is None else StreamParser.of(request.shape, request.format)
        )

    def feed(self, piece: str | Completion) -> list[Candidate]:
        """Take in a piece; return the candidates that it completed, those that fit their type."""
        completion = as_completion(piece)
        self._texts.append(completion.text)
        self._usage.update(completion.usage)
        found = self._parser.feed(completion.text) if self._parser else []
        checked = (validated(candidate, self.request.schema) for candidate in found)
        call = {"call": self.request.call}
        return [item.model_copy(update=call) for item, problem in checked if problem is None]

    def finish(self) -> list[Candidate]:
        """Return the candidate of an answer that is plain text."""
        text = "".join(self._texts).strip()
        return (
            [Candidate(text=text, call=self.request.call)] if self._parser is None and text else []
        )

    def completion(self) -> Completion:
        """Return the whole answer."""
        return Completion("".join(self._texts), dict(self._usage))


def _received(answer: _Incoming, pieces: Pieces) -> Generator[list[Candidate], None, None]:
    """Receive one answer; yield the candidates that each piece completed."""
    received = pieces(answer.request)
    try:
        for piece in received:
            yield answer.feed(piece)
    finally:
        with suppress(AttributeError):  # any iterator will do; a generator is closed at once
            received.close()  # type: ignore[attr-defined]
    yield answer.finish()


_Arrived = list[Candidate] | BaseException | None
"""What comes from the receiver of one answer: candidates, what it raised, or that it is done."""


def _stream_round(answers: Sequence[_Incoming], pieces: Pieces, limit: int) -> Iterator[Candidate]:
    workers = min(len(answers), limit)
    if workers > 1:
        yield from _stream_in_threads(answers, pieces, workers)
        return
    for answer in answers:
        for candidates in _received(answer, pieces):
            yield from candidates


def _stream_in_threads(
    answers: Sequence[_Incoming], pieces: Pieces, workers: int
) -> Iterator[Candidate]:
    from concurrent.futures import ThreadPoolExecutor
    from queue import SimpleQueue
    from threading import Event

    arrived: SimpleQueue[_Arrived] = SimpleQueue()
    stopped = Event()

    def receive(answer: _Incoming) -> None:
        received = _received(answer, pieces)
        try:
            for candidates in received:
                if stopped.is_set():
                    return
                arrived.put(candidates)
            arrived.put(None)
        except BaseException as error:  # raised again in the consumer's thread
            arrived.put(error)
        finally:
            received.close()

    executor = ThreadPoolExecutor(workers, thread_name_prefix="vs_core")
    try:
        for answer in answers:
            executor.submit(copy_context().run, receive, answer)
        unfinished = len(answers)
        while unfinished:
            candidates, done = _taken(arrived.get())
            unfinished -= done
            yield from candidates
    finally:
        stopped.set()
        executor.shutdown(cancel_futures=True)


def _taken(item: _Arrived) -> tuple[list[Candidate], bool]:
    """The candidates that arrived, and whether an answer is done; raises what its receiver did."""
    if isinstance(item, BaseException):
        raise item
    return item or [], item is None


async def _astream_round(
    answers: Sequence[_Incoming], pieces: AsyncPieces, limit: int
) -> AsyncGenerator[Candidate, None]:
    import asyncio

    free = asyncio.Semaphore(limit)
    arrived: asyncio.Queue[_Arrived] = asyncio.Queue()

    async def receive(answer: _Incoming) -> None:
        await free.acquire()
        received = pieces(answer.request)
        try:
            async for piece in received:
                arrived.put_nowait(answer.feed(piece))
            arrived.put_nowait(answer.finish())
            arrived.put_nowait(None)
            free.release()  # a call that fails keeps its place, so that none begins after it
        except Exception as error:  # raised again in the consumer
            arrived.put_nowait(error)
        finally:
            with suppress(AttributeError):
                await received.aclose()  # type: ignore[attr-defined]

    tasks = [asyncio.ensure_future(receive(answer)) for answer in answers]
    try:
        unfinished = len(answers)
        while unfinished:
            candidates, done = _taken(await arrived.get())
            unfinished -= done
            for candidate in candidates:
                yield candidate
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# --- verbalize -------------------------------------------------------------------------------


def verbalize(
    prompt: Prompt,
    complete: Complete,
    *,
    strategy: str | Strategy = "vs_standard",
    until: Rule | None = None,
    budget: int = DEFAULT_BUDGET,
    seed: int | None = None,
    max_concurrency: int | None = None,
    **options: Any,
) -> Distribution:
    """Ask any model for a distribution of answers.

    Args:
        prompt: The task: a string, a message or a conversation; content may be multimodal.
        complete: The model: any callable that takes a `Request` and returns a string or a
            `Completion`.
        strategy: A registered name, or a strategy.
        until: Ask again and again until this rule is met: ``vs_core.stopping.coverage(0.95)``, or
            any function from the `Distribution` so far to whether it is enough.
        budget: With ``until``, most model calls; see `vs_core.stopping.repeated`.
        seed: Makes `Distribution.sample` reproducible without a seed of its own. It does not
            reach the model, whose settings are its own.
        max_concurrency: Most requests in flight at once; see `run`.
        **options: Options of the strategy: ``k``, ``n``, ``threshold``, ``probability``,
            ``format``, ``retries``, ``on_unparsed``, ``schema``, ``prompts``; see
            `vs_core.strategies.Strategy`.

    Returns:
        The distribution: ``n`` candidates (default ``k``), with ``until`` those of all runs.

    Raises:
        ParseError: If the model gave no distribution, after all retries.
        ModelError: If ``complete`` returned something that is not an answer.
        ConfigurationError: If a name is unknown or an option cannot work.
    """
    flow = _flow(plugins.strategy(strategy, **options), as_messages(prompt), until, budget)
    return run(flow, complete, max_concurrency=max_concurrency).seeded(seed)


async def averbalize(
    prompt: Prompt,
    complete: AsyncComplete,
    *,
    strategy: str | Strategy = "vs_standard",
    until: Rule | None = None,
    budget: int = DEFAULT_BUDGET,
    seed: int | None = None,
    max_concurrency: int | None = None,
    **options: Any,
) -> Distribution:
    """Ask any model for a distribution of answers, over an async callable; see `verbalize`."""
    flow = _flow(plugins.strategy(strategy, **options), as_messages(prompt), until, budget)
    return (await arun(flow, complete, max_concurrency=max_concurrency)).seeded(seed)


def _flow(strategy: Strategy, task: Sequence[Message], until: Rule | None, budget: int) -> Flow:
    return strategy.flow(task) if until is None else repeated(strategy, task, until, budget)
