"""The only loops over a flow, and `verbalize`, which runs one over any callable."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextvars import copy_context
from typing import Any

from vs_core.candidates import Distribution
from vs_core.messages import Completion, Prompt, Request, as_completion, as_messages
from vs_core.plugins import plugins
from vs_core.strategies.base import Flow, Strategy

__all__ = ["arun", "averbalize", "run", "verbalize"]

Complete = Callable[[Request], "Completion | str"]
AsyncComplete = Callable[[Request], Awaitable["Completion | str"]]
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
        Exception: Whatever ``complete`` raised, untouched; requests not yet begun are dropped.
    """
    steps = _observed(flow)
    try:
        requests = next(steps)
        while True:
            requests = steps.send(_complete_round(requests, complete, max_concurrency))
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
    steps = _observed(flow)
    try:
        requests = next(steps)
        while True:
            requests = steps.send(await _acomplete_round(requests, complete, max_concurrency))
    except StopIteration as stop:
        return _result(stop)
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


def _result(stop: StopIteration) -> Distribution:
    distribution: Distribution = stop.value
    return distribution


def _complete_round(
    requests: Sequence[Request], complete: Complete, max_concurrency: int | None
) -> list[Completion]:
    workers = min(len(requests), max_concurrency or DEFAULT_CONCURRENCY)
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
    requests: Sequence[Request], complete: AsyncComplete, max_concurrency: int | None
) -> list[Completion]:
    import asyncio

    free = asyncio.Semaphore(max_concurrency or DEFAULT_CONCURRENCY)

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


# --- verbalize -------------------------------------------------------------------------------


def verbalize(
    prompt: Prompt,
    complete: Complete,
    *,
    strategy: str | Strategy = "vs_standard",
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
        seed: Makes `Distribution.sample` reproducible without a seed of its own. It does not
            reach the model, whose settings are its own.
        max_concurrency: Most requests in flight at once; see `run`.
        **options: Options of the strategy: ``k``, ``n``, ``threshold``, ``probability``,
            ``format``, ``retries``, ``on_unparsed``, ``schema``, ``prompts``; see
            `vs_core.strategies.Strategy`.

    Returns:
        The distribution: ``n`` candidates (default ``k``).

    Raises:
        ParseError: If the model gave no distribution, after all retries.
        ModelError: If ``complete`` returned something that is not an answer.
        ConfigurationError: If a name is unknown or an option cannot work.
    """
    flow = plugins.strategy(strategy, **options).flow(as_messages(prompt))
    return _seeded(run(flow, complete, max_concurrency=max_concurrency), seed)


async def averbalize(
    prompt: Prompt,
    complete: AsyncComplete,
    *,
    strategy: str | Strategy = "vs_standard",
    seed: int | None = None,
    max_concurrency: int | None = None,
    **options: Any,
) -> Distribution:
    """Ask any model for a distribution of answers, over an async callable; see `verbalize`."""
    flow = plugins.strategy(strategy, **options).flow(as_messages(prompt))
    return _seeded(await arun(flow, complete, max_concurrency=max_concurrency), seed)


def _seeded(distribution: Distribution, seed: int | None) -> Distribution:
    if seed is None:
        return distribution
    return distribution.model_copy(update={"metadata": {**distribution.metadata, "seed": seed}})
