"""The only loops over a flow, and `verbalize`, which runs one over any callable.

`run` and `arun` go to the end and give the distribution; `stream` and `astream` give each candidate
as it is complete, and the distribution last. A round of several requests runs concurrently.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
    Sequence,
)
from contextlib import aclosing, closing, suppress
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar, overload

from typing_extensions import Unpack

from vs_core.candidates import Candidate, Distribution
from vs_core.checks import require_optional_count
from vs_core.concurrency import Failed, ain_parallel, in_parallel, unless_cancelled
from vs_core.errors import ConfigurationError, ModelError
from vs_core.messages import (
    Completion,
    Message,
    Prompt,
    Request,
    as_completion,
    as_messages,
    joined,
)
from vs_core.plugins import plugins
from vs_core.progress import Advance, Progress, shown
from vs_core.stopping import Rule, repeated
from vs_core.strategies.base import Options, Strategy, strategy_of
from vs_core.strategies.pump import Flow, Pump
from vs_core.strategies.typed import validated
from vs_core.telemetry import span

__all__ = ["arun", "astream", "averbalize", "partial_of", "run", "stream", "verbalize"]

Complete = Callable[[Request], "Completion | str"]
AsyncComplete = Callable[[Request], Awaitable["Completion | str"]]
T = TypeVar("T")
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
        Exception: Whatever ``complete`` raised, at once: requests not yet begun are dropped, and
            those in flight are not waited for. `partial_of` gives what was in hand.
    """
    limit = _limit(max_concurrency)
    with span() as traced, closing(Pump(flow)) as pump:
        for requests in _rounds(pump):
            answers = _Answers(requests)
            jobs = [partial(_completed, complete, request) for request in requests]
            try:
                for number, answer in in_parallel(jobs, limit, answers.survive):
                    answers.put(number, answer)
            except BaseException as error:
                pump.interrupt(error, answers.in_hand)
            pump.take(answers.completions)
        traced.finish(pump.value)
        return pump.value


async def arun(
    flow: Flow, complete: AsyncComplete, *, max_concurrency: int | None = None
) -> Distribution:
    """Run a flow to its end without blocking; see `run`.

    If one request fails, or the caller is cancelled, the others of its round are cancelled.
    """
    limit = _limit(max_concurrency)
    with span() as traced, closing(Pump(flow)) as pump:
        for requests in _rounds(pump):
            answers = _Answers(requests)
            jobs = [partial(_acompleted, complete, request) for request in requests]
            try:
                async with aclosing(ain_parallel(jobs, limit, answers.survive)) as arriving:
                    async for number, answer in arriving:
                        answers.put(number, answer)
            except BaseException as error:
                pump.interrupt(error, answers.in_hand)
            pump.take(answers.completions)
        traced.finish(pump.value)
        return pump.value


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

    Closing the iterator early stops the requests in flight at their next piece and drops those
    not yet begun. Raises what `run` raises; of a stream that fails, what it had given until then
    counts as its answer where failures are kept.
    """
    limit = _limit(max_concurrency)
    with span(current=False) as traced, closing(Pump(flow)) as pump:
        for requests in _rounds(pump):
            answers = _Answers(requests, in_pieces=True)
            jobs = [partial(_received, incoming, pieces) for incoming in answers.incoming]
            try:
                with closing(in_parallel(jobs, limit, answers.survive)) as arriving:
                    for number, item in arriving:
                        yield from answers.put(number, item)
            except GeneratorExit:
                raise
            except BaseException as error:
                pump.interrupt(error, answers.in_hand)
            pump.take(answers.completions)
        traced.finish(pump.value)
        yield pump.value


async def astream(
    flow: Flow, pieces: AsyncPieces, *, max_concurrency: int | None = None
) -> AsyncGenerator[Candidate | Distribution, None]:
    """Run a flow without blocking and yield candidates as they come; see `stream`.

    Closing the iterator early, or cancelling its consumer, cancels the requests in flight.
    """
    limit = _limit(max_concurrency)
    with span(current=False) as traced, closing(Pump(flow)) as pump:
        for requests in _rounds(pump):
            answers = _Answers(requests, in_pieces=True)
            jobs = [partial(_areceived, incoming, pieces) for incoming in answers.incoming]
            try:
                async with aclosing(ain_parallel(jobs, limit, answers.survive)) as arriving:
                    async for number, item in arriving:
                        for candidate in answers.put(number, item):
                            yield candidate
            except GeneratorExit:
                raise
            except BaseException as error:
                pump.interrupt(error, answers.in_hand)
            pump.take(answers.completions)
        traced.finish(pump.value)
        yield pump.value


def partial_of(error: BaseException) -> Distribution | None:
    """Return what was in hand when a request failed: the candidates of the calls before.

    Args:
        error: What `verbalize`, a driver or an integration raised.

    Returns:
        The distribution, as if nothing more had been asked for; None if nothing was in hand.
    """
    found = getattr(error, "partial", None)
    return found if isinstance(found, Distribution) else None


# --- rounds ----------------------------------------------------------------------------------


def _limit(max_concurrency: int | None) -> int:
    """How many requests may be in flight."""
    return require_optional_count("max_concurrency", max_concurrency) or DEFAULT_CONCURRENCY


def _rounds(pump: Pump) -> Iterator[Sequence[Request]]:
    """The rounds of a flow, shown to the observers on their way out; and then the result."""
    while pump.requests:
        for request in pump.requests:
            plugins.observe_request(request)
        yield pump.requests
    plugins.observe_distribution(pump.value)


class _Answers:
    """The answers to the requests of one round, as they come in."""

    def __init__(self, requests: Sequence[Request], *, in_pieces: bool = False) -> None:
        self._requests = requests
        self._whole: list[Completion | None] = [None] * len(requests)
        self.incoming = [_Incoming(request) for request in requests] if in_pieces else []

    def survive(self, number: int) -> bool:
        """Whether a round goes on when the request of this number fails."""
        return self._requests[number].on_failure == "keep"

    def put(self, number: int, item: Completion | list[Candidate] | Failed) -> list[Candidate]:
        """Take in what came for a request; return the candidates that are complete by it.

        Raises:
            BaseException: What the request failed with, unless failures are to be kept.
        """
        if isinstance(item, list):
            return item
        if isinstance(item, Failed):
            if not (self.survive(number) and isinstance(item.error, Exception)):
                raise item.error
            item = replace(self._begun(number) or Completion(""), error=item.error)
        self._whole[number] = item
        return []

    def _begun(self, number: int) -> Completion | None:
        """What there is of an answer that comes in pieces."""
        begun = self.incoming and self.incoming[number].begun
        return self.incoming[number].completion() if begun else None

    @property
    def in_hand(self) -> list[Completion | None]:
        """The answers so far, and what there is of those that are coming in."""
        return [whole or self._begun(number) for number, whole in enumerate(self._whole)]

    @property
    def completions(self) -> list[Completion]:
        """The answers of a round that is complete."""
        return [completion for completion in self._whole if completion is not None]


def _completed(complete: Complete, request: Request) -> Iterator[Completion]:
    """The answer to one request, as a job of one item."""
    return iter((as_completion(complete(request)),))


async def _acompleted(complete: AsyncComplete, request: Request) -> AsyncIterator[Completion]:
    answer = complete(request)
    if isinstance(answer, (str, Completion)):
        raise ModelError(
            "The model is synchronous, and this call is not: use verbalize, run or stream, or "
            "give the model's asynchronous call."
        )
    yield as_completion(await answer)


class _Incoming:
    """The answer to one request, while it comes in."""

    def __init__(self, request: Request) -> None:
        from vs_core.parsing import StreamParser  # heavy, and not needed to import this

        self.request = request
        self._pieces: list[Completion] = []
        self._parser = (
            None if request.shape is None else StreamParser.of(request.shape, request.format)
        )

    def feed(self, piece: str | Completion) -> list[Candidate]:
        """Take in a piece; return the candidates that it completed, those that fit their type."""
        completion = as_completion(piece)
        self._pieces.append(completion)
        found = self._parser.feed(completion.text) if self._parser else []
        checked = (validated(candidate, self.request.schema) for candidate in found)
        call = {"call": self.request.call}
        return [item.model_copy(update=call) for item, problem in checked if problem is None]

    @property
    def begun(self) -> bool:
        """Whether anything has come."""
        return bool(self._pieces)

    def finish(self) -> list[Candidate]:
        """Return the candidate of an answer that is plain text."""
        text = "" if self._parser else self.completion().text.strip()
        return [Candidate(text=text, call=self.request.call)] if text else []

    def completion(self) -> Completion:
        """Return the whole answer."""
        return joined(self._pieces)


def _received(incoming: _Incoming, pieces: Pieces) -> Iterator[list[Candidate] | Completion]:
    """Receive one answer: the candidates that each piece completed, then the whole."""
    received = pieces(incoming.request)
    try:
        for piece in received:
            yield incoming.feed(piece)
    finally:
        with suppress(AttributeError):  # any iterator will do; a generator is closed at once
            received.close()  # type: ignore[attr-defined]
    yield incoming.finish()
    yield incoming.completion()


async def _areceived(
    incoming: _Incoming, pieces: AsyncPieces
) -> AsyncIterator[list[Candidate] | Completion]:
    received = pieces(incoming.request)
    try:
        async for piece in unless_cancelled(received):
            yield incoming.feed(piece)
    finally:
        with suppress(AttributeError):
            await received.aclose()  # type: ignore[attr-defined]
    yield incoming.finish()
    yield incoming.completion()


# --- verbalize -------------------------------------------------------------------------------


class VerbalizeOptions(Options, total=False):
    """What `verbalize` can be told, but for the type of the candidates: for type checkers."""

    strategy: str | Strategy | None
    until: Rule | None
    seed: int | None
    max_concurrency: int | None
    progress: bool | Progress


@overload
def verbalize(
    prompt: Prompt,
    complete: Complete,
    *,
    schema: type[T],
    **options: Unpack[VerbalizeOptions],
) -> Distribution[T]: ...
@overload
def verbalize(
    prompt: Prompt,
    complete: Complete,
    *,
    schema: Any = None,
    **options: Unpack[VerbalizeOptions],
) -> Distribution: ...
def verbalize(
    prompt: Prompt,
    complete: Complete,
    *,
    strategy: str | Strategy | None = None,
    until: Rule | None = None,
    seed: int | None = None,
    max_concurrency: int | None = None,
    progress: bool | Progress = False,
    **options: Any,
) -> Distribution:
    """Ask any model for a distribution of answers.

    Args:
        prompt: The task: a string, a message or a conversation; content may be multimodal.
        complete: The model: any callable that takes a `Request` and returns a string or a
            `Completion`.
        strategy: A registered name, or a strategy; default: that of the profile, or
            ``"vs_standard"``.
        until: Ask again and again until this rule is met: ``vs_core.stopping.coverage(0.95)``, or
            any function from the `Distribution` so far to whether it is enough.
        seed: Makes `Distribution.sample` reproducible without a seed of its own. It does not
            reach the model, whose settings are its own.
        max_concurrency: Most requests in flight at once; see `run`.
        progress: True shows a bar on standard error (extra ``cli``); a function is called with the
            number of calls done and of those expected, after each.
        **options: Options of the strategy: ``k``, ``n``, ``budget`` (most model calls, with
            ``until`` or ``n="auto"``), ``threshold``, ``probability``,
            ``format``, ``retries``, ``on_unparsed``, ``on_failure``, ``strict``, ``schema``,
            ``prompts``; see `vs_core.strategies.Strategy`. And ``profile``, a file that has
            those which are not given: see `vs_core.profiles`.

    Returns:
        The distribution: ``n`` candidates (default ``k``), with ``until`` those of all runs.

    Raises:
        ParseError: If the model gave no distribution, after all retries.
        ModelError: If ``complete`` returned something that is not an answer.
        ConfigurationError: If a name is unknown or an option cannot work.
        Exception: What ``complete`` raised; `partial_of` gives what was in hand.
    """
    made = strategy_of(strategy, **options)
    flow = _flow(made, as_messages(prompt), until)
    with shown(progress, len(made.sizes())) as advance:
        counting = _counting(complete, advance)
        return run(flow, counting, max_concurrency=max_concurrency).seeded(seed)


@overload
async def averbalize(
    prompt: Prompt,
    complete: AsyncComplete,
    *,
    schema: type[T],
    **options: Unpack[VerbalizeOptions],
) -> Distribution[T]: ...
@overload
async def averbalize(
    prompt: Prompt,
    complete: AsyncComplete,
    *,
    schema: Any = None,
    **options: Unpack[VerbalizeOptions],
) -> Distribution: ...
async def averbalize(
    prompt: Prompt,
    complete: AsyncComplete,
    *,
    strategy: str | Strategy | None = None,
    until: Rule | None = None,
    seed: int | None = None,
    max_concurrency: int | None = None,
    progress: bool | Progress = False,
    **options: Any,
) -> Distribution:
    """Ask any model for a distribution of answers, over an async callable; see `verbalize`."""
    made = strategy_of(strategy, **options)
    flow = _flow(made, as_messages(prompt), until)
    with shown(progress, len(made.sizes())) as advance:
        counting = _acounting(complete, advance)
        return (await arun(flow, counting, max_concurrency=max_concurrency)).seeded(seed)


def _counting(complete: Complete, advance: Advance | None) -> Complete:
    """The same, telling of each call that is done."""
    if advance is None:
        return complete

    def counted(request: Request) -> Completion | str:
        answer = complete(request)
        advance()
        return answer

    return counted


def _acounting(complete: AsyncComplete, advance: Advance | None) -> AsyncComplete:
    if advance is None:
        return complete

    async def counted(request: Request) -> Completion | str:
        answer = await complete(request)
        advance()
        return answer

    return counted


def _flow(strategy: Strategy, task: Sequence[Message], until: Rule | None) -> Flow:
    if until is None:
        return strategy.flow(task)
    if strategy.n == "auto":
        raise ConfigurationError('until and n="auto" both say when it is enough: give one of them.')
    return repeated(strategy, task, until, strategy.budget)
