"""The core itself over HTTP, with a plain client: what all integrations are held against."""

from typing import Any

from vs_core import Distribution, Strategy, averbalize, plugins, verbalize
from vs_core.clients import OpenAIModel
from vs_core.testing.conformance import ConformanceSuite, Harness


class CoreHarness(Harness):
    name = "core"

    def build(self, base_url: str, **options: Any) -> tuple[OpenAIModel, Strategy]:
        strategy = plugins.strategy(options.pop("strategy", "vs_standard"), **options)
        return OpenAIModel("simulated", base_url=base_url, api_key="x"), strategy

    def run(self, sampler: tuple[OpenAIModel, Strategy], prompt: str) -> Distribution:
        model, strategy = sampler
        return verbalize(prompt, model, strategy=strategy)

    async def arun(self, sampler: tuple[OpenAIModel, Strategy], prompt: str) -> Distribution:
        model, strategy = sampler
        try:
            return await averbalize(prompt, model.acomplete, strategy=strategy)
        finally:
            await model.aclose()  # with the loop, which ends with the test


class TestCore(ConformanceSuite):
    harness = CoreHarness()
