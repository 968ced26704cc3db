"""Running jobs side by side, in threads or in tasks, and handing on what comes of them.

A job is a function that returns an iterator. What the iterators of several jobs yield comes out of
one, each item with the number of its job, as it arrives. Closing that stops the jobs.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Coroutine,
    Generator,
    Iterator,
    Sequence,
)
from contextlib import aclosing, closing, suppress
from contextvars import copy_context
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

__all__ = ["Failed", "ain_parallel", "finished", "in_parallel", "unless_cancelled"]

T = TypeVar("T")


@dataclass(frozen=True)
class Failed:
    """What a job raised: its last item."""

    error: BaseException


class _Done:
    """The last item of a job that ended well; it goes no further than this file."""


_DONE = _Done()


Survives = Callable[[int], bool]
"""Whether the other jobs go on when the job of this number fails."""


def in_parallel(
    jobs: Sequence[Callable[[], Iterator[T]]], limit: int, survives: Survives = lambda _: False
) -> Generator[tuple[int, T | Failed], None, None]:
    """Run jobs in threads; one job alone, or a limit of 1, stays in the calling thread.

    Each job runs in a copy of the caller's context. When the iterator is closed, jobs not yet
    begun are dropped, and those at work end at their next item: they are not waited for. The
    threads are daemons, so that the end of the process need not wait for them either.

    Args:
        jobs: What to run.
        limit: Most of them at once, at least 1.
        survives: Whether jobs go on to be begun after a job has failed.

    Yields:
        The number of a job, and an item of it, or `Failed` at its end.
    """
    workers = min(len(jobs), limit)
    if workers > 1:
        yield from _Threads(jobs, survives).run(workers)
        return
    for number, job in enumerate(jobs):
        for item in _items(job):
            yield number, item


class _Threads(Generic[T]):
    """The threads of one call of `in_parallel`, and what they share."""

    def __init__(self, jobs: Sequence[Callable[[], Iterator[T]]], survives: Survives) -> None:
        # Contexts are copied here: that of a thread is empty.
        self._waiting = deque((at, job, copy_context()) for at, job in enumerate(jobs))
        self._survives = survives
        self._unfinished = len(jobs)
        self._arrived: SimpleQueue[tuple[int, T | Failed | _Done]] = SimpleQueue()
        self._stopped = threading.Event()

    def run(self, workers: int) -> Generator[tuple[int, T | Failed], None, None]:
        try:
            for _ in range(workers):
                threading.Thread(target=self._work, name="vs_core", daemon=True).start()
            while self._unfinished:
                number, item = self._arrived.get()
                self._unfinished -= isinstance(item, (Failed, _Done))
                if not isinstance(item, _Done):
                    yield number, item
        finally:
            self._stopped.set()

    def _work(self) -> None:
        with suppress(IndexError):  # nothing is waiting any more
            while not self._stopped.is_set():
                number, job, context = self._waiting.popleft()
                context.run(self._serve, number, job)

    def _serve(self, number: int, job: Callable[[], Iterator[T]]) -> None:
        with closing(_items(job)) as items:
            for item in items:
                if isinstance(item, Failed) and not self._survives(number):
                    self._stopped.set()
                self._arrived.put((number, item))
                if isinstance(item, Failed) or self._stopped.is_set():
                    return
        self._arrived.put((number, _DONE))


def _items(job: Callable[[], Iterator[T]]) -> Generator[T | Failed, None, None]:
    try:
        yield from job()  # which closes it, where it can be closed
    except GeneratorExit:
        raise
    except BaseException as error:  # raised again by whoever reads the items
        yield Failed(error)


async def ain_parallel(
    jobs: Sequence[Callable[[], AsyncIterator[T]]], limit: int, survives: Survives = lambda _: False
) -> AsyncGenerator[tuple[int, T | Failed], None]:
    """Run jobs as tasks; see `in_parallel`. When the iterator is closed, they are cancelled."""
    if len(jobs) == 1:
        async with aclosing(_aitems(jobs[0])) as items:
            async for item in items:
                yield 0, item
        return
    import asyncio

    free = asyncio.Semaphore(limit)
    arrived: asyncio.Queue[tuple[int, T | Failed | _Done]] = asyncio.Queue()

    async def work(number: int, job: Callable[[], AsyncIterator[T]]) -> None:
        await free.acquire()
        last: Failed | _Done = _DONE
        async with aclosing(_aitems(job)) as items:
            async for item in items:
                if isinstance(item, Failed):
                    last = item
                else:
                    arrived.put_nowait((number, item))
        arrived.put_nowait((number, last))
        if not isinstance(last, Failed) or survives(number):
            free.release()  # else it keeps its place, so that none begins after it

    tasks = [asyncio.ensure_future(work(number, job)) for number, job in enumerate(jobs)]
    try:
        unfinished = len(jobs)
        while unfinished:
            number, come = await arrived.get()
            unfinished -= isinstance(come, (Failed, _Done))
            if not isinstance(come, _Done):
                yield number, come
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _aitems(job: Callable[[], AsyncIterator[T]]) -> AsyncGenerator[T | Failed, None]:
    try:
        items = job()
        try:
            async for item in items:
                yield item
        finally:
            with suppress(AttributeError):
                await items.aclose()  # type: ignore[attr-defined]
    except GeneratorExit:
        raise
    except BaseException as error:  # of a model that cancels itself, too: its reader must not wait
        yield Failed(error)


async def unless_cancelled(items: AsyncIterator[T]) -> AsyncIterator[T]:
    """Hand items on; a cancellation that their source swallowed is raised after all.

    Before Python 3.12 `asyncio.wait_for` swallows one that meets the item it waits for, and
    LangChain's client of OpenAI waits so for each chunk: a stream in full flow would go on. Python
    3.10 does not say whether a task was cancelled, and so nothing is changed there.
    """
    import asyncio

    def times() -> int:
        count = getattr(asyncio.current_task(), "cancelling", None)  # of an asyncio task of 3.11
        return count() if count else 0

    end: Any = object()
    while True:
        before = times()  # what is cancelled between two items is raised by the next await
        item = await anext(items, end)
        if times() > before:
            raise asyncio.CancelledError
        if item is end:
            return
        yield item


def finished(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also where an event loop runs already, as in a notebook."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1, thread_name_prefix="vs_core") as thread:
        return thread.submit(asyncio.run, work).result()
