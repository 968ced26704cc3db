"""One generator for a synchronous method and its asynchronous twin.

Two methods that differ in their ``await`` alone are one generator of effects: it yields what is to
be done and is sent what came of it, while `perform` and `aperform` do it in their own way::

    def _answer(self, question):
        reply = yield Effect(lambda: llm.chat(question), lambda: llm.achat(question))
        return read(reply)

    def answer(self, question):
        return perform(self._answer(question))

    async def aanswer(self, question):
        return await aperform(self._answer(question))

A generator that also has something to say on the way yields `Emit`, and `produce` and `aproduce`
hand those on. An effect that fails raises inside the generator, where it was yielded.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from contextlib import AsyncExitStack, ExitStack, aclosing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

__all__ = [
    "Effect",
    "Effects",
    "Emit",
    "Stream",
    "aperform",
    "aproduce",
    "aproduce_with",
    "perform",
    "produce",
    "produce_with",
]

T = TypeVar("T")


@dataclass(frozen=True)
class Effect:
    """Something to do, in its two ways.

    Args:
        run: Does it and returns what came of it.
        arun: The same without blocking.
    """

    run: Callable[[], Any]
    arun: Callable[[], Awaitable[Any]]


@dataclass(frozen=True)
class Emit(Generic[T]):
    """Something to hand on to whoever reads the stream."""

    item: T


Effects = Generator[Effect, Any, T]
"""Yields effects, is sent what came of each, returns a T."""

Stream = Generator["Effect | Emit[T]", Any, Any]
"""Yields effects and items of type T; what it returns is ignored."""


def perform(steps: Effects[T]) -> T:
    """Run a generator of effects to its end and return its value."""
    try:
        step = next(steps)
        while True:
            step = next(steps) if isinstance(step, Emit) else _after(step, steps)
    except StopIteration as stop:
        value: T = stop.value
        return value
    finally:
        steps.close()


def produce(steps: Stream[T]) -> Iterator[T]:
    """Run a generator of effects; yield its items. Closing the iterator closes the generator."""
    try:
        step = next(steps)
        while True:
            if isinstance(step, Emit):
                yield step.item
                step = next(steps)
            else:
                step = _after(step, steps)
    except StopIteration:
        return
    finally:
        steps.close()


def produce_with(begin: Callable[[ExitStack], Stream[T]]) -> Generator[T, None, None]:
    """As `produce`, of a generator that opens things: it is given what closes them at the end.

    Args:
        begin: Begins the generator. An effect of it enters what it opens into the stack, by
            ``enter_context`` here and by ``enter_async_context`` in `aproduce_with`.
    """
    with ExitStack() as stack:
        yield from produce(begin(stack))


def _after(effect: Any, steps: Generator[Any, Any, Any]) -> Any:
    """Do an effect, and return what ``steps`` yields next."""
    try:
        result = effect.run()
    except BaseException as error:
        return steps.throw(error)
    return steps.send(result)


async def aperform(steps: Effects[T]) -> T:
    """Run a generator of effects to its end without blocking and return its value."""
    value: list[T] = []
    async for _ in _astepping(steps, value.append):
        pass
    return value[0]


async def aproduce(steps: Stream[T]) -> AsyncGenerator[T, None]:
    """Run a generator of effects without blocking; yield its items; see `produce`."""
    stepping = _astepping(steps, lambda _: None)
    try:
        async for item in stepping:
            yield item
    finally:  # closing this iterator closes the generator now, and not when it is collected
        await stepping.aclose()


async def aproduce_with(begin: Callable[[AsyncExitStack], Stream[T]]) -> AsyncGenerator[T, None]:
    """Run a generator that opens things without blocking; see `produce_with`."""
    async with AsyncExitStack() as stack, aclosing(aproduce(begin(stack))) as items:
        async for item in items:
            yield item


async def _astepping(
    steps: Generator[Any, Any, T], returned: Callable[[T], None]
) -> AsyncGenerator[Any, None]:
    """As `produce`; an asynchronous generator returns nothing, so its value goes to a call."""
    try:
        step = next(steps)
        while True:
            if isinstance(step, Emit):
                yield step.item
                step = next(steps)
                continue
            try:
                result = await step.arun()
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as stop:
        returned(stop.value)
    finally:
        steps.close()
