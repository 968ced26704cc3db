"""One generator serves a synchronous method and its asynchronous twin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from vs_core.effects import (
    Effect,
    Effects,
    Emit,
    Stream,
    aperform,
    aproduce,
    aproduce_with,
    perform,
    produce,
    produce_with,
)


def _double(number: int) -> Effect:
    async def slowly() -> int:
        await asyncio.sleep(0)
        return number * 2

    return Effect(lambda: number * 2, slowly)


def _fail() -> Effect:
    async def slowly() -> int:
        raise ValueError("no")

    return Effect(lambda: int("no"), slowly)


def _sum() -> Effects[int]:
    return (yield _double(1)) + (yield _double(2))


def _mended() -> Effects[str]:
    try:
        yield _fail()
    except ValueError:
        return (yield Effect(lambda: "mended", lambda: asyncio.sleep(0, "mended")))
    return "not reached"


def _failing() -> Effects[int]:
    number: int = yield _fail()
    return number


def _stream(closed: list[str]) -> Stream[int]:
    try:
        for number in range(3):
            yield Emit((yield _double(number)))
    finally:
        closed.append("closed")


async def test_both_return_what_the_generator_returns() -> None:
    assert perform(_sum()) == await aperform(_sum()) == 6


async def test_an_effect_that_fails_raises_where_it_was_yielded() -> None:
    assert perform(_mended()) == await aperform(_mended()) == "mended"
    with pytest.raises(ValueError, match="no"):
        perform(_failing())
    with pytest.raises(ValueError, match="no"):
        await aperform(_failing())


async def test_items_are_handed_on_in_order() -> None:
    assert list(produce(_stream([]))) == [0, 2, 4]
    assert [item async for item in aproduce(_stream([]))] == [0, 2, 4]


async def test_closing_a_stream_closes_the_generator() -> None:
    closed: list[str] = []
    items: Iterator[int] = produce(_stream(closed))
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert closed == ["closed"]
    aitems = aproduce(_stream(closed))
    await anext(aitems)
    await aitems.aclose()  # type: ignore[attr-defined]
    assert closed == ["closed"] * 2


async def test_cancelling_reaches_the_generator() -> None:
    closed: list[str] = []

    def waiting() -> Effects[None]:
        try:
            yield Effect(lambda: None, lambda: asyncio.sleep(60))
        finally:
            closed.append("closed")

    task = asyncio.ensure_future(aperform(waiting()))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed == ["closed"]


@pytest.mark.parametrize("taken", [1, 3])
async def test_what_a_generator_opens_is_closed_at_its_end_or_where_its_reader_stops(
    taken: int,
) -> None:
    log: list[str] = []

    @contextmanager
    def door() -> Iterator[str]:
        log.append("opened")
        try:
            yield "in"
        finally:
            log.append("closed")

    @asynccontextmanager
    async def adoor() -> AsyncIterator[str]:
        with door() as inside:
            yield inside

    def steps(stack: Any) -> Stream[str]:
        inside = yield Effect(
            lambda: stack.enter_context(door()), lambda: stack.enter_async_context(adoor())
        )
        for number in range(3):
            yield Emit(f"{inside} {number}")

    expected = ["in 0", "in 1", "in 2"][:taken]
    items = produce_with(steps)
    assert [next(items) for _ in range(taken)] == expected
    items.close()
    assert log == ["opened", "closed"]
    aitems = aproduce_with(steps)
    assert [await anext(aitems) for _ in range(taken)] == expected
    await aitems.aclose()
    assert log == ["opened", "closed"] * 2
