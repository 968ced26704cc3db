"""LlamaIndex, through OpenAILike: asked in words, and for structured output."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.llm import LLMChatEndEvent
from llama_index.core.llms import LLM, ChatMessage
from llama_index.llms.openai_like import OpenAILike

from vs_core import Distribution
from vs_core.testing.conformance import ConformanceSuite, Harness
from vs_core.testing.ways import WaysHarness, WaysSuite
from vs_llama_index import VerbalizedLLM, VerbalizedQueryTransform, distribution_of


class LlamaIndexHarness(Harness):
    name = "llama_index"
    method: ClassVar[str] = "text"

    def build(self, base_url: str, **options: Any) -> VerbalizedQueryTransform:
        llm = OpenAILike(
            model="simulated", api_base=base_url, api_key="x", max_retries=0,
            is_chat_model=True, is_function_calling_model=True,
        )  # fmt: skip
        return VerbalizedQueryTransform(
            llm=llm, prompt="{query_str}", method=self.method, **options
        )  # fmt: skip

    def run(self, sampler: VerbalizedQueryTransform, prompt: str) -> Distribution:
        return sampler.run(prompt).distribution

    async def arun(self, sampler: VerbalizedQueryTransform, prompt: str) -> Distribution:
        try:
            return (await sampler.arun(prompt)).distribution
        finally:
            # One loop serves all tests: a connection that is left to the garbage collector would
            # free its file number behind the loop's back, and the next one on it would hang.
            await sampler._asking.llm._get_aclient().close()


class TestLlamaIndex(ConformanceSuite):
    harness = LlamaIndexHarness()


class JsonSchemaHarness(LlamaIndexHarness):
    name = "llama_index, JSON schema"
    formats = ("json",)
    method = "json_schema"


class ToolHarness(LlamaIndexHarness):
    name = "llama_index, tool"
    formats = ("json",)
    method = "tool"


class TestLlamaIndexJsonSchema(ConformanceSuite):
    harness = JsonSchemaHarness()


class TestLlamaIndexTool(ConformanceSuite):
    harness = ToolHarness()


def _llm(base_url):
    return OpenAILike(
        model="simulated", api_base=base_url, api_key="x", max_retries=0, is_chat_model=True
    )


class Seen(BaseEventHandler):
    """Notes what the model inside was asked."""

    records: list[Any]

    def handle(self, event: Any, **_: Any) -> None:
        if isinstance(event, LLMChatEndEvent) and not isinstance(event.response.raw, Distribution):
            self.records.append(event)


class Tracing:
    @contextmanager
    def tracing(self) -> Iterator[list[Any]]:
        seen, root = Seen(records=[]), get_dispatcher()
        root.add_event_handler(seen)
        try:
            yield seen.records
        finally:
            root.event_handlers.remove(seen)


UNBOUNDED = "LlamaIndex has no setting for how many calls run at once"


def _said(prompt):
    return [ChatMessage(content=prompt)]


def _chat(llm, prompt, limit, settings):
    return distribution_of(llm.chat(_said(prompt), **settings))


async def _achat(llm, prompt, limit, settings):
    try:
        return distribution_of(await llm.achat(_said(prompt), **settings))
    finally:
        await llm.llm._get_aclient().close()


def _complete(llm, prompt, limit, settings):
    return distribution_of(llm.complete(prompt, **settings))


async def _acomplete(llm, prompt, limit, settings):
    try:
        return distribution_of(await llm.acomplete(prompt, **settings))
    finally:
        await llm.llm._get_aclient().close()


def _stream_chat(llm, prompt, limit, settings):
    for piece in llm.stream_chat(_said(prompt), **settings):
        yield distribution_of(piece)


async def _astream_chat(llm, prompt, limit, settings):
    try:
        async for piece in await llm.astream_chat(_said(prompt), **settings):
            yield distribution_of(piece)
    finally:
        await llm.llm._get_aclient().close()


def _stream_complete(llm, prompt, limit, settings):
    for piece in llm.stream_complete(prompt, **settings):
        yield distribution_of(piece)


async def _astream_complete(llm, prompt, limit, settings):
    try:
        async for piece in await llm.astream_complete(prompt, **settings):
            yield distribution_of(piece)
    finally:
        await llm.llm._get_aclient().close()


ONE = "a stream is one piece: what is drawn is known when all candidates are there"
DRAWN = "gives a drawn answer and no distribution: tests/llama_index/test_llm.py"


class LlmWays(Tracing, WaysHarness):
    name = "llama_index, LLM"
    interface: ClassVar = LLM
    ways: ClassVar = {
        "chat": _chat, "achat": _achat, "complete": _complete, "acomplete": _acomplete,
        "stream_chat": _stream_chat, "astream_chat": _astream_chat,
        "stream_complete": _stream_complete, "astream_complete": _astream_complete,
    }  # fmt: skip
    lacks: ClassVar = {
        f"{twin}{name}": DRAWN
        for name in ("predict", "predict_and_call", "structured_predict", "stream",
                     "stream_structured_predict")
        for twin in ("", "a")
    } | {"bounded": UNBOUNDED, "pieces": ONE, "closing": ONE}  # fmt: skip

    def build(self, base_url: str, **options: Any) -> VerbalizedLLM:
        return VerbalizedLLM(_llm(base_url), **options)


class TestLlmWays(WaysSuite):
    harness = LlmWays()


def _run(sampler, prompt, limit, settings):
    return sampler.run(prompt).distribution


async def _arun(sampler, prompt, limit, settings):
    try:
        return (await sampler.arun(prompt)).distribution
    finally:
        await sampler._asking.llm._get_aclient().close()


class TransformWays(Tracing, WaysHarness, LlamaIndexHarness):
    name = "llama_index, transform"
    interface: ClassVar = VerbalizedQueryTransform
    ways: ClassVar = {"run": _run, "arun": _arun}
    lacks: ClassVar = {
        "bounded": UNBOUNDED,
        "settings": "a transform takes none; they are the LLM's",
    }


class TestTransformWays(WaysSuite):
    harness = TransformWays()
