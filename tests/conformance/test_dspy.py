"""DSPy, through dspy.LM, with its adapters."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import dspy
import pytest
from dspy.adapters.baml_adapter import BAMLAdapter
from dspy.utils.callback import BaseCallback

from vs_core import Completion, Distribution
from vs_core.testing import SimulatedModel, SimulatedServer
from vs_core.testing.conformance import FORMATS, ConformanceSuite, Harness
from vs_core.testing.ways import WaysHarness, WaysSuite
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


# Before 3.4, DSPy asks again by itself for what ChatAdapter cannot read, unless told not to.
FILLS = hasattr(dspy.adapters.utils, "apply_output_field_defaults")


class TestDspyChat(ConformanceSuite):
    harness = DspyHarness(dspy.ChatAdapter(use_json_adapter_fallback=FILLS))


class TestDspyJson(ConformanceSuite):
    harness = DspyHarness(dspy.JSONAdapter())


class TestDspyXml(ConformanceSuite):
    # DSPy itself asks again for what is no XML, unless it is told not to: see tests/dspy.
    harness = DspyHarness(dspy.XMLAdapter(use_json_adapter_fallback=False))


class TestDspyBaml(ConformanceSuite):
    harness = DspyHarness(BAMLAdapter())


class Extracts(SimulatedModel):
    """The second model of TwoStepAdapter: hands on the text, as the field that is asked for."""

    def answer(self, messages: Any, json_schema: Any = None) -> Completion:
        asked = messages[-1].text
        text = asked.partition("[[ ## text ## ]]")[2].partition("\n\nRespond with")[0].strip()
        names = re.findall(r"`\[\[ ## (\w+) ## \]\]`", asked)[:-1]
        reasoning, _, rest = text.partition("\n\n") if "\n\n" in text else ("", "", text)
        texts = [reasoning or "It was considered.", rest] if len(names) == 2 else [text]
        fields = zip(names, texts, strict=True)
        said = "\n\n".join(f"[[ ## {name} ## ]]\n{said}" for name, said in fields)
        return Completion(said, {"input_tokens": 1, "output_tokens": 1})


class TestDspyTwoStep(ConformanceSuite):
    harness = DspyHarness(dspy.ChatAdapter())

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def extractor(cls) -> Iterator[None]:
        """A server of its own, so that what the other one counts are the calls of the first."""
        with SimulatedServer(Extracts()) as server:
            second = dspy.LM("openai/extractor", api_base=server.base_url, api_key="x", cache=False)
            cls.harness.adapter = dspy.TwoStepAdapter(second)
            yield


def _under(limit):
    return dspy.context(**({} if limit is None else {"num_threads": limit}))


def _forward(sampler, prompt, limit, settings):
    with _under(limit):
        return sampler(request=prompt, config=settings).distribution


async def _aforward(sampler, prompt, limit, settings):
    with _under(limit):
        return (await sampler.acall(request=prompt, config=settings)).distribution


def _batch(sampler, prompt, limit, settings):
    examples = [dspy.Example(request=prompt, config=settings).with_inputs("request", "config")]
    return sampler.batch(examples, num_threads=limit, disable_progress_bar=True)[0].distribution


def _streamify(sampler, prompt, limit, settings):
    with _under(limit):
        streaming = dspy.streamify(sampler, async_streaming=False)
        for item in streaming(request=prompt, config=settings):
            yield getattr(item, "distribution", item)


async def _astreamify(sampler, prompt, limit, settings):
    with _under(limit):
        streaming = dspy.streamify(sampler, is_async_program=True)
        async for item in streaming(request=prompt, config=settings):
            yield getattr(item, "distribution", item)


# What DSPy 3.4 mended in its streams, for dspy.Predict too.
STREAMS_BEFORE_3_4 = {
    "failure": "DSPy before 3.4 does not pass num_retries on where it streams",
    "error": "DSPy before 3.4 wraps an error in a group where it streams, or drops it",
}


class Spy(BaseCallback):
    def __init__(self, note):
        self.note = note

    def on_lm_start(self, *args, **kwargs):
        self.note()


class DspyWays(WaysHarness, DspyHarness):
    interface: ClassVar = dspy.Predict
    ways: ClassVar = {
        "forward": _forward, "aforward": _aforward, "batch": _batch,
        "streamify": _streamify, "astreamify": _astreamify,
    }  # fmt: skip
    lacks: ClassVar = {
        "streamify.closing": "DSPy runs the program in a thread that it does not stop",
        "astreamify.closing": "DSPy runs the program in a task group that ends with the program",
        "batch.parallel": "in a worker of DSPy's pool, its threads are the bound",
        "streamify.parallel": "a thread of its own could not reach the loop that DSPy streams to",
        "batch.error": "DSPy counts errors in a batch, and gives None",
        "batch.context": "DSPy's own threads take its settings along alone, for Predict too",
        "streamify.trace": "DSPy keeps no trace of a program that it streams",
        "astreamify.trace": "DSPy keeps no trace of a program that it streams",
        **{
            f"{way}.{test}": reason
            for way in ("streamify", "astreamify")
            for test, reason in STREAMS_BEFORE_3_4.items()
            if not FILLS
        },
    }

    def spy(self, note, monkeypatch):
        """Where the language model is called: below it, litellm keeps threads of its own."""
        self.spies = [Spy(note)]

    def build(self, base_url: str, **options: Any) -> VerbalizedSampler:
        sampler = super().build(base_url, **options)
        sampler.lm.callbacks.extend(self.__dict__.pop("spies", []))
        return sampler

    @contextmanager
    def tracing(self) -> Iterator[list[Any]]:
        with dspy.context(trace=[]):
            yield dspy.settings.trace


class TestDspyWays(WaysSuite):
    harness = DspyWays(dspy.ChatAdapter(use_json_adapter_fallback=FILLS))
