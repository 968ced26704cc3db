"""How early a LangChain stream begins, and what many inputs leave in memory.

Run: python -m tests.benchmarks.bench_langchain

The stream: from the simulated server, a token every 20 ms, through ChatOpenAI. How long the first
output takes, as a share of the whole, for growing distributions and for a drawn text; the baseline
is the same chain with LangChain's own JsonOutputParser in the sampler's place.

The memory: what is still allocated after so many inputs of `batch_as_completed`, whose results are
dropped as they come, with the sampler and with PydanticOutputParser in its place.
"""

from __future__ import annotations

import gc
import statistics
import time
import tracemalloc
from typing import Any

from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable  # noqa: TC002
from langchain_openai import ChatOpenAI

from tests.benchmarks.bench_overhead import Responses, endless
from vs_core.testing import SimulatedServer
from vs_langchain import VerbalizedPrompt, VerbalizedSampler

PROMPT = ChatPromptTemplate.from_template("Tell me a story about {x}.")
INPUTS = 10_000


def first_and_whole(chain: Runnable[Any, Any]) -> tuple[float, float]:
    """Seconds until the first output that says something, and until the last."""
    begin, first = time.perf_counter(), 0.0
    for output in chain.stream({"x": "a river"}):
        if output and not first:
            first = time.perf_counter() - begin
    return first, time.perf_counter() - begin


def streams() -> None:
    with SimulatedServer() as server:
        server.token_delay = 0.02
        llm = ChatOpenAI(base_url=server.base_url, api_key="x", model="simulated")
        asked = PROMPT | VerbalizedPrompt(k=5) | llm
        for name, chain in {
            "LangChain's JsonOutputParser": asked | JsonOutputParser(),
            "distributions": PROMPT | llm | VerbalizedSampler(k=5),
            "drawn text, uniform": PROMPT
            | llm
            | VerbalizedSampler(k=5, output="text", resampler="uniform"),
            "drawn text, proportional": PROMPT | llm | VerbalizedSampler(k=5, output="text"),
        }.items():
            shares = [first / whole for first, whole in (first_and_whole(chain) for _ in range(5))]
            print(f"stream of {name:<30} first output after {statistics.median(shares):6.1%}")


def left_over(chain: Runnable[Any, Any]) -> list[float]:
    """MiB that are allocated after each fifth of the inputs, over what was after the first."""
    sizes = []
    config = {"max_concurrency": 8}
    tracemalloc.start()
    for _ in range(5):
        for _ in chain.batch_as_completed([{"x": "a"}] * (INPUTS // 5), config):
            pass
        gc.collect()
        sizes.append(tracemalloc.get_traced_memory()[0] / 2**20)
    tracemalloc.stop()
    return [size - sizes[0] for size in sizes[1:]]


def memory() -> None:
    for name, last in {
        "PydanticOutputParser": PydanticOutputParser(pydantic_object=Responses),
        "VerbalizedSampler": VerbalizedSampler(k=5),
    }.items():
        grown = ", ".join(f"{size:+.2f}" for size in left_over(PROMPT | endless() | last))
        print(f"{INPUTS:,} inputs in batch_as_completed, {name:<22} MiB more: {grown}")


def main() -> None:
    streams()
    memory()


if __name__ == "__main__":
    main()
