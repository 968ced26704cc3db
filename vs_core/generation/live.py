"""Running tasks against a model that answers now."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from vs_core.caller import Caller, Complete, Stopped
from vs_core.candidates import Distribution
from vs_core.driver import arun, run
from vs_core.errors import ParseError
from vs_core.generation.journal import Journal
from vs_core.generation.prices import Price
from vs_core.generation.tasks import RowTask
from vs_core.messages import Completion, Request
from vs_core.strategies import Flow

__all__ = ["Finished", "Spent", "finished"]


Answering = Callable[[Request], Coroutine[Any, Any, Completion]]
Drive = Callable[[Flow, Answering], Awaitable[Distribution]]


class Finished(NamedTuple):
    """A task that is at its end.

    Args:
        task: The task.
        found: What came of it; empty if nothing could be read.
        unread: Why nothing could be read; "" otherwise.
    """

    task: RowTask
    found: Distribution
    unread: str = ""


@dataclass
class Spent:
    """What a run took, by now.

    Args:
        price: Of tokens.
        budget: Most that new calls may cost, in the price's currency; None for no limit.
    """

    price: Price
    budget: float | None = None
    calls: int = 0
    known: int = 0
    usage: Counter[str] = field(default_factory=Counter)
    by_batch: Counter[str] = field(default_factory=Counter)

    def add(self, completion: Completion, *, by_batch: bool = False) -> None:
        """Count a new answer; one by a batch costs half."""
        self.calls += 1
        self.usage.update(completion.usage)
        if by_batch:
            self.by_batch.update(completion.usage)

    @property
    def cost(self) -> float | None:
        """Of the new answers; None where no price is known."""
        cost, batched = self.price.of(self.usage), self.price.of(self.by_batch)
        return None if cost is None or batched is None else cost - batched / 2

    @property
    def over(self) -> bool:
        """Whether the budget is spent."""
        return self.budget is not None and (self.cost or 0.0) >= self.budget


async def finished(
    tasks: Iterator[RowTask],
    flow: Callable[[RowTask], Flow],
    complete: Complete,
    *,
    journal: Journal,
    caller: Caller,
    spent: Spent,
    blocks: bool = False,
) -> AsyncIterator[Finished]:
    """Yield each task as it is finished, in any order.

    As many tasks are at work as calls may be in flight, so the table is read as it is needed. What
    the journal has is not asked again. Where the caller stops, tasks at work are left unfinished:
    their answers so far stand in the journal.

    Args:
        tasks: What to run.
        flow: The flow of a task.
        complete: The model.
        journal: Where answers come from and go to.
        caller: How the model is asked.
        spent: Counts what it takes; stops the caller when the budget is spent.
        blocks: Whether flows call others in between, as embedders: each then has a thread.

    Raises:
        Exception: What the model failed with for good. What was answered stands in the journal.
    """
    arrived: asyncio.Queue[Finished | BaseException | None] = asyncio.Queue(4 * caller.concurrency)

    with _driving(caller.concurrency, blocks) as drive:

        async def work() -> None:
            try:
                for task in tasks:
                    await arrived.put(
                        await _run(task, flow, complete, journal, caller, spent, drive)
                    )
                    if caller.failed:
                        break
            except Stopped:
                pass
            except BaseException as error:
                caller.failed = caller.failed or error
                await arrived.put(error)
            await arrived.put(None)

        workers = [asyncio.ensure_future(work()) for _ in range(caller.concurrency)]
        try:
            failures = []
            async for item in _until_all_have_ended(arrived, len(workers)):
                if isinstance(item, Finished):
                    yield item
                else:
                    failures.append(item)
            for failure in failures:
                raise failure
        finally:
            for worker in workers:
                worker.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*workers, return_exceptions=True)


@contextmanager
def _driving(concurrency: int, blocks: bool) -> Iterator[Drive]:
    """How flows are run: in the event loop, or each in a thread that asks the loop."""
    if not blocks:
        yield partial(arun, max_concurrency=concurrency)
        return
    loop = asyncio.get_running_loop()
    threads = ThreadPoolExecutor(concurrency, thread_name_prefix="vs_core")

    async def drive(flow: Flow, answer: Answering) -> Distribution:
        def ask(request: Request) -> Completion:
            return asyncio.run_coroutine_threadsafe(answer(request), loop).result()

        aside = partial(run, max_concurrency=concurrency)
        return await loop.run_in_executor(threads, aside, flow, ask)

    try:
        yield drive
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


async def _until_all_have_ended(
    arrived: asyncio.Queue[Finished | BaseException | None], working: int
) -> AsyncIterator[Finished | BaseException]:
    """What workers put there; each puts a None last."""
    while working:
        item = await arrived.get()
        if item is None:
            working -= 1
        else:
            yield item


async def _run(
    task: RowTask,
    flow: Callable[[RowTask], Flow],
    complete: Complete,
    journal: Journal,
    caller: Caller,
    spent: Spent,
    drive: Drive,
) -> Finished:
    before = journal.answers(task.id)

    async def answer(request: Request) -> Completion:
        known = journal.recorded(before.get(request.call), request)
        if known is not None:
            spent.known += 1
            return known
        completion = await caller.ask(complete, request)
        journal.add(task.id, request, completion)
        spent.add(completion)
        if spent.over:
            caller.stop()
        return completion

    try:
        found = await drive(flow(task), answer)
    except ParseError as error:  # a refusal, say: a result like any other
        return Finished(task, Distribution(), str(error))
    return Finished(task, found)
