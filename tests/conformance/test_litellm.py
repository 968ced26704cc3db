"""The bridge of examples/litellm: what a further framework needs is what that file holds."""

from contextlib import aclosing
from typing import Any, ClassVar

import litellm
import pytest

import examples.litellm.bridge as bridge
from examples.litellm.bridge import LiteLLM
from vs_core import Distribution, Message, Strategy, averbalize, driver, plugins, verbalize
from vs_core.testing.conformance import ConformanceSuite, Harness
from vs_core.testing.ways import WaysHarness, WaysSuite


class LiteLLMHarness(Harness):
    name = "litellm"

    def build(self, base_url: str, **options: Any) -> tuple[LiteLLM, Strategy]:
        strategy = plugins.strategy(options.pop("strategy", "vs_standard"), **options)
        model = LiteLLM("openai/simulated", api_base=base_url, api_key="x", max_retries=0)
        return model, strategy

    def run(self, sampler: tuple[LiteLLM, Strategy], prompt: str) -> Distribution:
        model, strategy = sampler
        return verbalize(prompt, model, strategy=strategy)

    async def arun(self, sampler: tuple[LiteLLM, Strategy], prompt: str) -> Distribution:
        model, strategy = sampler
        return await averbalize(prompt, model.acomplete, strategy=strategy)


class TestLiteLLM(ConformanceSuite):
    harness = LiteLLMHarness()


def _flow(sampler, prompt, settings):
    model, strategy = sampler
    model = LiteLLM(**{**model.settings, **settings})
    return model, strategy.flow([Message("user", prompt)])


def _run(sampler, prompt, limit, settings):
    model, flow = _flow(sampler, prompt, settings)
    return driver.run(flow, model, max_concurrency=limit)


async def _arun(sampler, prompt, limit, settings):
    model, flow = _flow(sampler, prompt, settings)
    return await driver.arun(flow, model.acomplete, max_concurrency=limit)


def _stream(sampler, prompt, limit, settings):
    model, flow = _flow(sampler, prompt, settings)
    yield from driver.stream(flow, model.stream, max_concurrency=limit)


async def _astream(sampler, prompt, limit, settings):
    model, flow = _flow(sampler, prompt, settings)
    async with aclosing(driver.astream(flow, model.astream, max_concurrency=limit)) as events:
        async for event in events:
            yield event


class LiteLLMWays(WaysHarness, LiteLLMHarness):
    interface: ClassVar = LiteLLM
    ways: ClassVar = {"run": _run, "arun": _arun, "stream": _stream, "astream": _astream}
    lacks: ClassVar = {"trace": "LiteLLM keeps no records of runs"}

    def spy(self, note, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where LiteLLM is called: below it are threads and a transport of its own."""

        def spied(call):
            def calling(**arguments):
                note()
                return call(**arguments)

            return calling

        for name in ("completion", "acompletion"):
            monkeypatch.setattr(bridge.litellm, name, spied(getattr(litellm, name)))


class TestLiteLLMWays(WaysSuite):
    harness = LiteLLMWays()
