"""LlamaIndex, through OpenAILike: asked in words, and for structured output."""

from typing import Any, ClassVar

from llama_index.llms.openai_like import OpenAILike

from vs_core import Distribution
from vs_core.testing.conformance import ConformanceSuite, Harness
from vs_llama_index import VerbalizedQueryTransform


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
