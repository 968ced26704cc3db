"""LlamaIndex, through OpenAILike."""

from typing import Any

from llama_index.llms.openai_like import OpenAILike

from vs_core import Distribution
from vs_core.testing.conformance import ConformanceSuite, Harness
from vs_llama_index import VerbalizedQueryTransform


class LlamaIndexHarness(Harness):
    name = "llama_index"

    def build(self, base_url: str, **options: Any) -> VerbalizedQueryTransform:
        llm = OpenAILike(
            model="simulated", api_base=base_url, api_key="x", is_chat_model=True, max_retries=0
        )
        return VerbalizedQueryTransform(llm=llm, prompt="{query_str}", **options)

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
