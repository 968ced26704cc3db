"""LangChain, through ChatOpenAI: asked in words, and for structured output."""

import inspect
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from typing import Any, ClassVar

from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from langchain_core.prompt_values import StringPromptValue
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable
from langchain_core.tracers.context import collect_runs
from langchain_openai import ChatOpenAI

from vs_core import Distribution
from vs_core.testing.conformance import ConformanceSuite, Harness
from vs_core.testing.ways import WaysHarness, WaysSuite
from vs_langchain import VerbalizedChatModel, VerbalizedSampler, distribution_of


def _llm(base_url: str, **options: Any) -> ChatOpenAI:
    return ChatOpenAI(
        base_url=base_url, api_key="x", model="simulated", max_retries=0, **options
    )  # fmt: skip


class LangChainHarness(Harness):
    name = "langchain"
    profile: ClassVar[dict[str, bool]] = {}

    def build(self, base_url: str, **options: Any) -> Runnable[Any, Any]:
        llm = _llm(base_url, profile=self.profile)
        prompt = ChatPromptTemplate.from_template("{request}")
        return prompt | llm | VerbalizedSampler(**options)

    def run(self, sampler: Runnable[Any, Any], prompt: str) -> Distribution:
        return sampler.invoke({"request": prompt})

    async def arun(self, sampler: Runnable[Any, Any], prompt: str) -> Distribution:
        return await sampler.ainvoke({"request": prompt})

    @contextmanager
    def cache(self) -> Iterator[None]:
        set_llm_cache(InMemoryCache())
        try:
            yield
        finally:
            set_llm_cache(None)


class TestLangChain(ConformanceSuite):
    harness = LangChainHarness()


class JsonSchemaHarness(LangChainHarness):
    name = "langchain, JSON schema"
    formats = ("json",)
    profile: ClassVar = {"structured_output": True}


class ToolHarness(LangChainHarness):
    name = "langchain, tool"
    formats = ("json",)
    profile: ClassVar = {"tool_calling": True, "tool_choice": True}


class TestLangChainJsonSchema(ConformanceSuite):
    harness = JsonSchemaHarness()


class TestLangChainTool(ConformanceSuite):
    harness = ToolHarness()


def _given(prompt, limit):
    return prompt, {} if limit is None else {"max_concurrency": limit}


def _invoke(sampler, prompt, limit, settings):
    return sampler.invoke(*_given(prompt, limit), **settings)


async def _ainvoke(sampler, prompt, limit, settings):
    return await sampler.ainvoke(*_given(prompt, limit), **settings)


def _batch(sampler, prompt, limit, settings):
    given, config = _given(prompt, limit)
    return sampler.batch([given], config, **settings)[0]


async def _abatch(sampler, prompt, limit, settings):
    given, config = _given(prompt, limit)
    return (await sampler.abatch([given], config, **settings))[0]


def _batch_as_completed(sampler, prompt, limit, settings):
    given, config = _given(prompt, limit)
    return next(found for _, found in sampler.batch_as_completed([given], config, **settings))


async def _abatch_as_completed(sampler, prompt, limit, settings):
    given, config = _given(prompt, limit)
    many = sampler.abatch_as_completed([given], config, **settings)
    return next(iter([found async for _, found in many]))


def _stream(sampler, prompt, limit, settings):
    yield from sampler.stream(*_given(prompt, limit), **settings)


async def _astream(sampler, prompt, limit, settings):
    async with aclosing(sampler.astream(*_given(prompt, limit), **settings)) as chunks:
        async for chunk in chunks:
            yield chunk


def _transform(sampler, prompt, limit, settings):
    given, config = _given(prompt, limit)
    yield from sampler.transform(iter([given]), config, **settings)


async def _atransform(sampler, prompt, limit, settings):
    given, config = _given(prompt, limit)

    async def inputs():
        yield given

    async with aclosing(sampler.atransform(inputs(), config, **settings)) as chunks:
        async for chunk in chunks:
            yield chunk


async def _all_completed(sampler, inputs):
    many = sampler.abatch_as_completed(inputs, return_exceptions=True)
    return [found async for _, found in many]


class LangChainWays(WaysHarness, LangChainHarness):
    interface: ClassVar = Runnable
    ways: ClassVar = {
        "invoke": _invoke, "ainvoke": _ainvoke, "batch": _batch, "abatch": _abatch,
        "batch_as_completed": _batch_as_completed, "abatch_as_completed": _abatch_as_completed,
        "stream": _stream, "astream": _astream, "transform": _transform, "atransform": _atransform,
    }  # fmt: skip
    batches: ClassVar = {
        "batch": lambda sampler, prompts: sampler.batch(prompts, return_exceptions=True),
        "abatch": lambda sampler, prompts: sampler.abatch(prompts, return_exceptions=True),
        "batch_as_completed": lambda sampler, prompts: [
            found for _, found in sampler.batch_as_completed(prompts, return_exceptions=True)
        ],
        "abatch_as_completed": lambda sampler, prompts: _all_completed(sampler, prompts),
    }
    lacks: ClassVar = {
        "stream_events": "events are those of the other ways: tests/langchain/test_sampler.py",
        "astream_events": "events are those of the other ways: tests/langchain/test_sampler.py",
        "abatch_as_completed.cancelling": "LangChain's own lets the calls under way go on",
        "thoughts": "ChatOpenAI itself leaves them out: tests/langchain/test_outputs.py",
    }

    def build(self, base_url: str, **options: Any) -> VerbalizedSampler:
        return VerbalizedSampler(_llm(base_url, stream_usage=True), **options)

    @contextmanager
    def tracing(self) -> Iterator[list[Any]]:
        with _tracing("VerbalizedSampler", "chain") as runs:
            yield runs


@contextmanager
def _tracing(name, run_type):
    with collect_runs() as collected:
        yield collected.traced_runs
    assert {(run.name, run.run_type) for run in collected.traced_runs} == {(name, run_type)}


class TestLangChainWays(WaysSuite):
    harness = LangChainWays()


def _once(way):
    """A way of a chat model that gives messages, each with its distribution."""
    if inspect.iscoroutinefunction(way):

        async def once(*given):
            return distribution_of(await way(*given))
    else:

        def once(*given):
            return distribution_of(way(*given))

    return once


def _in_pieces(way):
    """A way of a chat model that gives the pieces of a message; the whole has a distribution."""
    if inspect.isasyncgenfunction(way):

        async def in_pieces(*given):
            pieces = []
            async with aclosing(way(*given)) as chunks:
                async for chunk in chunks:
                    pieces.append(chunk)
                    yield chunk
            yield distribution_of(sum(pieces[1:], pieces[0]))
    else:

        def in_pieces(*given):
            pieces = []
            for chunk in way(*given):
                pieces.append(chunk)
                yield chunk
            yield distribution_of(sum(pieces[1:], pieces[0]))

    return in_pieces


def _generate(model, prompt, limit, settings):
    return model.generate([[HumanMessage(prompt)]], **settings).generations[0][0].message


async def _agenerate(model, prompt, limit, settings):
    result = await model.agenerate([[HumanMessage(prompt)]], **settings)
    return result.generations[0][0].message


def _generate_prompt(model, prompt, limit, settings):
    result = model.generate_prompt([StringPromptValue(text=prompt)], **settings)
    return result.generations[0][0].message


async def _agenerate_prompt(model, prompt, limit, settings):
    result = await model.agenerate_prompt([StringPromptValue(text=prompt)], **settings)
    return result.generations[0][0].message


GENERATING = {
    "generate": _generate, "agenerate": _agenerate,
    "generate_prompt": _generate_prompt, "agenerate_prompt": _agenerate_prompt,
}  # fmt: skip


class ChatModelWays(LangChainWays):
    name = "langchain, chat model"
    interface: ClassVar = BaseChatModel
    ways: ClassVar = {
        name: (_in_pieces if "stream" in name or "transform" in name else _once)(way)
        for name, way in {**LangChainWays.ways, **GENERATING}.items()
    }
    lacks: ClassVar = (
        LangChainWays.lacks
        | dict.fromkeys([f"{way}.bounded" for way in GENERATING], "LangChain's own takes no config")
        | {
            "neighbours": "gives messages, of which a batch is LangChain's own",
            "closing": "what is drawn of several calls is known when all are done",
        }
    )

    def build(self, base_url: str, **options: Any) -> VerbalizedChatModel:
        llm = _llm(base_url, stream_usage=True)
        return VerbalizedChatModel(llm, distribution="full", **options)

    @contextmanager
    def tracing(self) -> Iterator[list[Any]]:
        with _tracing("VerbalizedChatModel", "llm") as runs:
            yield runs


class TestLangChainChatModelWays(WaysSuite):
    harness = ChatModelWays()
