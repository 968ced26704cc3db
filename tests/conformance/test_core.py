"""The core itself over HTTP, with a plain client: what all integrations are held against."""

from contextlib import aclosing, closing
from typing import Any, ClassVar

import vs_core
from vs_core import Distribution, Message, Strategy, averbalize, driver, plugins, verbalize
from vs_core.clients import OpenAIModel
from vs_core.testing.conformance import ConformanceSuite, Harness
from vs_core.testing.ways import WaysHarness, WaysSuite


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


def _flow(sampler, prompt, settings):
    model, strategy = sampler
    return model.replace(**settings), strategy.flow([Message("user", prompt)])


def _run(sampler, prompt, limit, settings):
    model, flow = _flow(sampler, prompt, settings)
    with closing(model):
        return driver.run(flow, model, max_concurrency=limit)


async def _arun(sampler, prompt, limit, settings):
    model, flow = _flow(sampler, prompt, settings)
    try:
        return await driver.arun(flow, model.acomplete, max_concurrency=limit)
    finally:
        await model.aclose()


def _verbalize(sampler, prompt, limit, settings):
    model, strategy = sampler
    with closing(model.replace(**settings)) as model:
        return verbalize(prompt, model, strategy=strategy, max_concurrency=limit)


async def _averbalize(sampler, prompt, limit, settings):
    model, strategy = sampler
    model = model.replace(**settings)
    try:
        return await averbalize(prompt, model.acomplete, strategy=strategy, max_concurrency=limit)
    finally:
        await model.aclose()


def _stream(sampler, prompt, limit, settings):
    model, flow = _flow(sampler, prompt, settings)
    with closing(model):
        yield from driver.stream(flow, model.stream, max_concurrency=limit)


async def _astream(sampler, prompt, limit, settings):
    model, flow = _flow(sampler, prompt, settings)
    try:
        async with aclosing(driver.astream(flow, model.astream, max_concurrency=limit)) as events:
            async for event in events:
                yield event
    finally:
        await model.aclose()


class CoreWays(WaysHarness, CoreHarness):
    interface: ClassVar = vs_core
    ways: ClassVar = {
        "run": _run, "arun": _arun, "stream": _stream, "astream": _astream,
        "verbalize": _verbalize, "averbalize": _averbalize,
    }  # fmt: skip
    lacks: ClassVar = {"trace": "spans have tests of their own: tests/test_telemetry.py"}

    def build(self, base_url: str, **options: Any) -> tuple[OpenAIModel, Strategy]:
        _, strategy = super().build(base_url, **options)
        return OpenAIModel("simulated", base_url=base_url, api_key="x", max_retries=0), strategy


class TestCoreWays(WaysSuite):
    harness = CoreWays()
