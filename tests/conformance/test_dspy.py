"""DSPy, through dspy.LM, with three of its adapters."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import dspy

from vs_core import Distribution
from vs_core.testing.conformance import FORMATS, ConformanceSuite, Harness
from vs_dspy import VerbalizedSampler


class DspyHarness(Harness):
    name = "dspy"
    formats: ClassVar = (*FORMATS, None)
    refuses_unknown_options = False  # dspy.Predict passes them to the language model, and so do we

    def __init__(self, adapter: dspy.Adapter) -> None:
        self.adapter = adapter
        self.caching = False

    def build(self, base_url: str, **options: Any) -> VerbalizedSampler:
        sampler = VerbalizedSampler("request -> response", **options)
        lm = dspy.LM(
            "openai/simulated", api_base=base_url, api_key="x", cache=self.caching, num_retries=0
        )
        sampler.set_lm(lm)
        return sampler

    def run(self, sampler: VerbalizedSampler, prompt: str) -> Distribution:
        with dspy.context(adapter=self.adapter):
            return sampler(request=prompt).distribution

    async def arun(self, sampler: VerbalizedSampler, prompt: str) -> Distribution:
        with dspy.context(adapter=self.adapter):
            return (await sampler.acall(request=prompt)).distribution

    @contextmanager
    def cache(self) -> Iterator[None]:
        before = dspy.cache
        dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=True)
        dspy.cache.reset_memory_cache()
        self.caching = True
        try:
            yield
        finally:
            self.caching = False
            dspy.cache = before


class TestDspyChat(ConformanceSuite):
    harness = DspyHarness(dspy.ChatAdapter())


class TestDspyJson(ConformanceSuite):
    harness = DspyHarness(dspy.JSONAdapter())


class TestDspyXml(ConformanceSuite):
    harness = DspyHarness(dspy.XMLAdapter())
