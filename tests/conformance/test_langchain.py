"""LangChain, through ChatOpenAI: asked in words, and for structured output."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable
from langchain_openai import ChatOpenAI

from vs_core import Distribution
from vs_core.testing.conformance import ConformanceSuite, Harness
from vs_langchain import VerbalizedSampler


class LangChainHarness(Harness):
    name = "langchain"
    profile: ClassVar[dict[str, bool]] = {}

    def build(self, base_url: str, **options: Any) -> Runnable[Any, Any]:
        llm = ChatOpenAI(
            base_url=base_url, api_key="x", model="simulated", profile=self.profile
        )  # fmt: skip
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
