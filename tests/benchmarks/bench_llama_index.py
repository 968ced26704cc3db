"""What the LlamaIndex parts take beside the model and the retrievers.

Run: python -m tests.benchmarks.bench_llama_index

k queries at a retriever that takes 50 ms, against one retrieval plus the model call; fusing 10
lists of 1,000 nodes, their ids alone and as nodes, against QueryFusionRetriever;
the synthesizer against LlamaIndex's own, over an LLM that answers at once; and calls and tokens of
long contexts beside LlamaIndex's modes.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
import statistics
import time
from collections.abc import Callable, Coroutine
from typing import Any

from llama_index.core import Settings
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.llms.types import CompletionResponse, LLMMetadata
from llama_index.core.llms import CustomLLM
from llama_index.core.llms.callbacks import llm_completion_callback
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.llms.openai_like import OpenAILike
from pydantic import Field

from vs_core.fusion import coverage, reciprocal_rank, relative_score
from vs_core.testing import SimulatedServer
from vs_llama_index import VerbalizedFusionRetriever, VerbalizedSynthesizer
from vs_llama_index.fusing import fuse

LATENCY = 0.05  # seconds a retrieval
MODEL = 0.1  # seconds a model call
ANSWER = json.dumps(
    {
        "responses": [
            {"value": {"answer": f"answer {i}", "sources": [i]}, "probability": 0.2}
            for i in range(5)
        ]
    }
)


class Slow(BaseRetriever):
    """Takes 50 ms, blocking or not."""

    def _retrieve(self, query_bundle: Any) -> list[NodeWithScore]:
        time.sleep(LATENCY)
        return [NodeWithScore(node=TextNode(text=query_bundle.query_str), score=1.0)]

    async def _aretrieve(self, query_bundle: Any) -> list[NodeWithScore]:
        await asyncio.sleep(LATENCY)
        return [NodeWithScore(node=TextNode(text=query_bundle.query_str), score=1.0)]


class Instant(CustomLLM):
    """Answers at once."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_chat_model=True)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=ANSWER)

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        yield CompletionResponse(text=ANSWER, delta=ANSWER)


def median(work: Callable[[], object], runs: int) -> float:
    """Median seconds of a call."""
    work()
    spent = []
    for _ in range(runs):
        begin = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begin)
    return statistics.median(spent)


async def amedian(work: Callable[[], Coroutine[Any, Any, object]], runs: int) -> float:
    """Median seconds of an awaited call."""
    await work()
    spent = []
    for _ in range(runs):
        begin = time.perf_counter()
        await work()
        spent.append(time.perf_counter() - begin)
    return statistics.median(spent)


async def retrieving() -> None:
    with SimulatedServer(delay=MODEL) as server:
        llm = OpenAILike(
            model="simulated", api_base=server.base_url, api_key="x", is_chat_model=True
        )
        call = median(lambda: llm.complete("Name a US state."), 15)
        acall = await amedian(lambda: llm.acomplete("Name a US state."), 15)
        for k in (5, 10, 20):
            retriever = VerbalizedFusionRetriever([Slow()], llm, k=k)
            for name, spent, model in (
                ("retrieve", median(lambda by=retriever: by.retrieve("Who?"), 15), call),
                ("aretrieve", await amedian(lambda by=retriever: by.aretrieve("Who?"), 15), acall),
            ):
                ideal = model + LATENCY
                print(
                    f"{name:<10}{k + 1:>3} queries: {spent * 1e3:6.0f} ms, {spent / ideal:.2f}x of "
                    f"one retrieval and the model call ({ideal * 1e3:.0f} ms)"
                )


def fusing() -> None:
    rng = random.Random(0)
    modes = ("coverage", "reciprocal_rank", "relative_score")
    for size in (1_000, 3_000, 10_000):
        nodes = [TextNode(text=f"passage {i}", metadata={"page": i}) for i in range(size)]
        lists = [
            [NodeWithScore(node=n, score=1 - i / 1_000) for i, n in enumerate(chosen)]
            for chosen in (rng.sample(nodes, 1_000) for _ in range(10))
        ]
        scored = [{found.node_id: found.get_score() for found in result} for result in lists]
        ids = [list(result) for result in scored]
        core = (
            median(lambda given=scored: coverage(given, top_k=10), 21) * 1e3,
            median(lambda given=ids: reciprocal_rank(given), 21) * 1e3,
            median(lambda given=scored: relative_score(given), 21) * 1e3,
        )
        found = {(str(number), 0): result for number, result in enumerate(lists)}
        theirs = QueryFusionRetriever([Slow()], Instant())
        own = median(lambda found=found, by=theirs: by._reciprocal_rerank_fusion(found), 11)
        print(f"10 lists of 1,000 from {size:>6,} nodes; QueryFusionRetriever {own * 1e3:.1f} ms")
        for mode, alone in zip(modes, core, strict=True):
            spent = median(lambda mode=mode, given=lists: fuse(given, mode=mode, top_k=10), 21)
            print(
                f"  {mode:<16} ids and scores {alone:5.1f} ms; whole nodes {spent * 1e3:5.1f} ms, "
                f"{spent / own:.2f}x of QueryFusionRetriever"
            )


def synthesizing() -> None:
    nodes = [NodeWithScore(node=TextNode(text=f"passage {i} " * 50), score=1.0) for i in range(5)]
    ours, theirs = VerbalizedSynthesizer(Instant()), get_response_synthesizer(Instant())
    pairs = [
        (
            median(lambda: ours.synthesize("Who?", nodes), 30),
            median(lambda: theirs.synthesize("Who?", nodes), 30),
        )
        for _ in range(5)
    ]
    a, b = (statistics.median(side) * 1e3 for side in zip(*pairs, strict=True))
    print(
        f"synthesize: {a:.1f} ms, LlamaIndex's compact mode {b:.1f} ms, difference {a - b:.1f} ms"
    )


class Knows(CustomLLM):
    """Answers what the context says of the captain; counts calls and tokens."""

    window: int
    tokens: list[int] = Field(default_factory=list)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_chat_model=True, context_window=self.window)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        found = re.search(r"\b(Ahab)\b", prompt)  # in the context, or an answer from before
        if "probability" not in prompt:
            text = found[1] if found else "The context does not mention it."
        else:
            source = re.search(r"Source (\d+):(?:(?!Source \d)[\s\S])*captain is called", prompt)
            cited = {"answer": "Ahab", "sources": [int(source[1])] if source else []}
            silent = {"answer": None, "sources": []}
            shares = ((cited, 0.8), (silent, 0.2)) if found else ((silent, 1.0),)
            responses = [{"value": value, "probability": share} for value, share in shares]
            text = json.dumps({"responses": responses})
        self.tokens.append(len(Settings.tokenizer(prompt)) + len(Settings.tokenizer(text)))
        return CompletionResponse(text=text)

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        yield self.complete(prompt)


def long_contexts() -> None:
    """One fact in 41 passages of about 370 tokens: who finds it, with how many calls and tokens."""
    filler = "The harbour was quiet and the gulls sat upon the posts while the tide came slowly. "
    nodes = [
        NodeWithScore(node=TextNode(text=filler * 20 + "The captain is called Ahab." * (n == 20)))
        for n in range(41)
    ]
    print("one fact in 41 passages; the model is made up, and knows what its context says")
    for window in (3_900, 8_000, 16_000):
        for mode in ("compact", "refine", "tree_summarize", "verbalized"):
            llm = Knows(window=window)
            if mode == "verbalized":
                part: Any = VerbalizedSynthesizer(llm, 2, retries=0, resampler="argmax")
            else:
                part = get_response_synthesizer(llm, response_mode=mode)
            right = "Ahab" in str(part.synthesize("What is the captain called?", nodes))
            print(
                f"  window {window:>6,} {mode:<15} {len(llm.tokens):>3} calls "
                f"{sum(llm.tokens):>7,} tokens  {'right' if right else 'wrong'}"
            )


def main() -> None:
    logging.getLogger("vs_core").setLevel("ERROR")
    asyncio.run(retrieving())
    fusing()
    synthesizing()
    long_contexts()


if __name__ == "__main__":
    main()
