"""When the first of five candidates is out, as a share of the time of the whole answer.

Run: python -m tests.benchmarks.bench_streaming

Over HTTP, on the simulated server with 5 ms before each token, in the core and in LangChain.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable

from langchain_openai import ChatOpenAI

from vs_core import Message, VSStandard, stream
from vs_core.clients import OpenAIModel
from vs_core.testing import SimulatedServer
from vs_langchain import VerbalizedSampler

PROMPT = "Tell me a joke about coffee."


def share(events: Iterable[object]) -> float:
    begin = time.perf_counter()
    arrivals = [time.perf_counter() - begin for _ in events]
    return arrivals[0] / arrivals[-1]


def main() -> None:
    with SimulatedServer(token_delay=0.005) as server:
        model = OpenAIModel("simulated", base_url=server.base_url)
        llm = ChatOpenAI(base_url=server.base_url, api_key="x", model="simulated")
        for format in ("json", "tags", "lines"):
            strategy = VSStandard(k=5, format=format)
            sampler = VerbalizedSampler(llm, k=5, format=format)
            task = [Message("user", PROMPT)]
            core = [share(stream(strategy.flow(task), model.stream)) for _ in range(7)]
            chain = [share(sampler.stream(PROMPT)) for _ in range(7)]
            print(
                f"{format:<6} first candidate after: core {statistics.median(core):4.0%}, "
                f"LangChain {statistics.median(chain):4.0%} of the whole (medians of 7)"
            )


if __name__ == "__main__":
    main()
