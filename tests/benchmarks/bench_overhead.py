"""What vs-core adds to a model call, with a model that answers at once.

Run: python -m tests.benchmarks.bench_overhead

In LangChain the baseline is the same chain with LangChain's own parser in the sampler's place. Then
200 calls at concurrency 16, with a model that takes 50 ms: requests of one call each through the
core, through a LangChain chain as an async batch and as a batch in threads, each with and without
the sampler, and one request of 200 calls.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import PydanticOutputParser
from langchain_core.outputs import ChatResult  # noqa: TC002
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable  # noqa: TC002
from pydantic import BaseModel

from vs_core import averbalize, verbalize
from vs_langchain import VerbalizedSampler

ANSWER = json.dumps({"responses": [{"text": f"answer {i}", "probability": 0.2} for i in range(5)]})


class Response(BaseModel):
    text: str
    probability: float


class Responses(BaseModel):
    responses: list[Response]


def median(work: Callable[[], object], runs: int = 500) -> float:
    """Median seconds of a call."""
    work()
    spent = []
    for _ in range(runs):
        begin = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begin)
    return statistics.median(spent)


def by_turns(
    ours: Callable[[], object], base: Callable[[], object], runs: int = 2000
) -> dict[str, tuple[float, float]]:
    """Quantiles of the seconds of both, which take turns: what disturbs one disturbs the other.

    A machine that does other things too slows some calls down and none up, so the first quartile
    is nearer to what the calls cost than the median is.
    """
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for work, seconds in zip((ours, base), spent, strict=True):
            begin = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - begin)
    first, second = (statistics.quantiles(seconds) for seconds in spent)
    return {"median": (first[1], second[1]), "first quartile": (first[0], second[0])}


def endless() -> GenericFakeChatModel:
    return GenericFakeChatModel(messages=iter(lambda: AIMessage(ANSWER), None))


class Slow(GenericFakeChatModel):
    """A model that takes some time."""

    seconds: float

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        time.sleep(self.seconds)
        return super()._generate(*args, **kwargs)

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        await asyncio.sleep(self.seconds)
        return super()._generate(*args, **kwargs)


def slow_chain(seconds: float, last: Runnable[Any, Any]) -> Runnable[Any, Any]:
    llm = Slow(messages=iter(lambda: AIMessage(ANSWER), None), seconds=seconds)
    return ChatPromptTemplate.from_template("{x}") | llm | last


async def abatched(last: Runnable[Any, Any], calls: int, limit: int, seconds: float) -> float:
    chain = slow_chain(seconds, last)
    begin = time.perf_counter()
    await chain.abatch([{"x": "a"}] * calls, {"max_concurrency": limit})
    return time.perf_counter() - begin


def batched(last: Runnable[Any, Any], calls: int, limit: int, seconds: float) -> float:
    chain = slow_chain(seconds, last)
    begin = time.perf_counter()
    chain.batch([{"x": "a"}] * calls, {"max_concurrency": limit})
    return time.perf_counter() - begin


async def one_request(calls: int, limit: int, seconds: float) -> float:
    chain = slow_chain(seconds, VerbalizedSampler(k=5, n=5 * calls))
    begin = time.perf_counter()
    await chain.ainvoke({"x": "a"}, {"max_concurrency": limit})
    return time.perf_counter() - begin


async def concurrent(calls: int, limit: int, seconds: float) -> float:
    """Seconds for many requests that share one limit."""
    free = asyncio.Semaphore(limit)

    async def complete(request: object) -> str:
        await asyncio.sleep(seconds)
        return ANSWER

    async def one() -> None:
        async with free:
            await averbalize("x", complete)

    begin = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(calls)))
    return time.perf_counter() - begin


def main() -> None:
    core = median(lambda: verbalize("x", lambda request: ANSWER))
    print(f"core: verbalize over an instant model        {core * 1e6:8.0f} µs")
    prompt = ChatPromptTemplate.from_template("{x}")
    sampler, parser = VerbalizedSampler(k=5), PydanticOutputParser(pydantic_object=Responses)
    ours = prompt | endless() | sampler
    base = prompt | endless() | parser
    given = {"x": "a"}
    for name, (a, b) in by_turns(lambda: ours.invoke(given), lambda: base.invoke(given)).items():
        print(f"LangChain: chain with the sampler            {a * 1e6:8.0f} µs ({name})")
        print(f"LangChain: chain with PydanticOutputParser   {b * 1e6:8.0f} µs, ratio {a / b:.2f}, "
              f"difference {(a - b) * 1e3:.2f} ms a call")  # fmt: skip
    ideal = -(-200 // 16) * 0.05
    for name, spend in {
        "core": lambda: asyncio.run(concurrent(200, 16, 0.05)),
        "LangChain, abatch": lambda: asyncio.run(abatched(sampler, 200, 16, 0.05)),
        "LangChain, abatch without": lambda: asyncio.run(abatched(parser, 200, 16, 0.05)),
        "LangChain, batch": lambda: batched(sampler, 200, 16, 0.05),
        "LangChain, batch without": lambda: batched(parser, 200, 16, 0.05),
        "LangChain, one request": lambda: asyncio.run(one_request(200, 16, 0.05)),
    }.items():
        spent = statistics.median(spend() for _ in range(3))
        print(
            f"200 calls, 16 at once, 50 ms each: {name:<26}{spent:6.2f} s, {spent / ideal:.2f}x "
            "of ideal"
        )


if __name__ == "__main__":
    main()
