"""The same four doors to the real model: each asks whole and streamed, blocking and not."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Any, ClassVar, Literal

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import dspy
from langchain_openai import ChatOpenAI
from llama_index.llms.openai_like import OpenAILike

from tests.real_model.server import MODEL
from vs_core import Candidate, Completion, Distribution, Request, Strategy, plugins
from vs_core.clients import OpenAIModel
from vs_core.driver import arun, astream, run, stream
from vs_core.messages import as_messages
from vs_dspy import VerbalizedSampler as DspySampler
from vs_langchain import VerbalizedSampler as LangChainSampler
from vs_llama_index.completing import acompleter, apieces, completer, pieces

Method = Literal["text", "json_schema", "tool"]
Event = Candidate | Distribution


class Harness:
    """One client of the server, and how it is asked for structure.

    Args:
        base_url: Of the server.
        method: How structure is asked for; ``"text"`` is in words alone.
        max_tokens: Of one answer.
        seed: Of the model.
        **options: Options of the strategy.
    """

    name: ClassVar[str]

    @property
    def streams_usage(self) -> bool:
        """Whether its stream brings the usage of an answer that was cut off."""
        return True

    def __init__(
        self, base_url: str, method: Method, *, max_tokens: int, seed: int = 0, **options: Any
    ) -> None:
        self.method: Any = method
        self.settings = {"temperature": 0.7, "seed": seed, "max_tokens": max_tokens}
        self.options = {"k": 2, "retries": 0, **options}
        self.open(base_url)

    def open(self, base_url: str) -> None:
        raise NotImplementedError

    def run(self, prompt: str) -> Distribution:
        raise NotImplementedError

    async def arun(self, prompt: str) -> Distribution:
        raise NotImplementedError

    def stream(self, prompt: str) -> Iterator[Event]:
        """Candidates as they come; the distribution last."""
        raise NotImplementedError

    def astream(self, prompt: str) -> AsyncIterator[Event]:
        raise NotImplementedError

    def strategy(self) -> Strategy:
        return plugins.strategy(**{"strategy": "vs_standard", **self.options})


class Core(Harness):
    name = "core"

    def open(self, base_url: str) -> None:
        structured = self.method == "json_schema"
        self.model = OpenAIModel(
            MODEL, base_url=base_url, structured=structured, **self.settings
        )  # fmt: skip

    def flow(self, prompt: str) -> Any:
        return self.strategy().flow(as_messages(prompt))

    def run(self, prompt: str, heard: Callable[[Completion], object] = id) -> Distribution:
        def complete(request: Request) -> Completion:
            completion = self.model(request)
            heard(completion)
            return completion

        return run(self.flow(prompt), complete)

    async def arun(self, prompt: str) -> Distribution:
        return await arun(self.flow(prompt), self.model.acomplete)

    def stream(self, prompt: str) -> Iterator[Event]:
        return stream(self.flow(prompt), self.model.stream)

    def astream(self, prompt: str) -> AsyncIterator[Event]:
        return astream(self.flow(prompt), self.model.astream)


class LlamaIndex(Core):  # its completers are for the core's drivers
    name = "llama_index"

    @property
    def streams_usage(self) -> bool:
        return False  # LlamaIndex's client does not ask for it

    def open(self, base_url: str) -> None:
        seed = self.settings.pop("seed")
        self.llm = OpenAILike(
            model=MODEL, api_base=base_url, api_key="none", max_retries=0, is_chat_model=True,
            is_function_calling_model=True, additional_kwargs={"seed": seed}, **self.settings,
        )  # fmt: skip

    def run(self, prompt: str) -> Distribution:
        return run(self.flow(prompt), completer(self.llm, self.method))

    async def arun(self, prompt: str) -> Distribution:
        return await arun(self.flow(prompt), acompleter(self.llm, self.method))

    def stream(self, prompt: str) -> Iterator[Event]:
        return stream(self.flow(prompt), pieces(self.llm, self.method))

    def astream(self, prompt: str) -> AsyncIterator[Event]:
        return astream(self.flow(prompt), apieces(self.llm, self.method))


class LangChain(Harness):
    name = "langchain"

    @property
    def streams_usage(self) -> bool:
        return self.method == "text"  # with a schema OpenAI's client raises before the usage comes

    def open(self, base_url: str) -> None:
        llm = ChatOpenAI(
            model=MODEL, base_url=base_url, api_key="none", max_retries=0, stream_usage=True,
            **self.settings,
        )  # fmt: skip
        self.sampler = LangChainSampler(llm, method=self.method, **self.options)

    def run(self, prompt: str) -> Distribution:
        return self.sampler.invoke(prompt)

    async def arun(self, prompt: str) -> Distribution:
        return await self.sampler.ainvoke(prompt)

    def stream(self, prompt: str) -> Iterator[Event]:
        last = None
        for last in self.sampler.stream(prompt):
            if not last.metadata:  # a snapshot on the way
                yield last[-1]
        yield last

    async def astream(self, prompt: str) -> AsyncIterator[Event]:
        last = None
        async for last in self.sampler.astream(prompt):
            if not last.metadata:
                yield last[-1]
        yield last


class Dspy(Harness):
    name = "dspy"

    def open(self, base_url: str) -> None:
        self.adapter = dspy.ChatAdapter() if self.method == "text" else dspy.JSONAdapter()
        if self.method == "json_schema":  # which JSONAdapter asks of models that LiteLLM knows
            self.settings["extra_body"] = {"response_format": _CANDIDATES}
        self.sampler = DspySampler("request -> response", **self.options)
        self.sampler.set_lm(
            dspy.LM(
                f"openai/{MODEL}", api_base=base_url, api_key="none", cache=False, num_retries=0,
                **self.settings,
            )
        )  # fmt: skip

    def run(self, prompt: str) -> Distribution:
        with dspy.context(adapter=self.adapter):
            prediction = self.sampler(request=prompt)
        return prediction.distribution

    async def arun(self, prompt: str) -> Distribution:
        with dspy.context(adapter=self.adapter):
            prediction = await self.sampler.acall(request=prompt)
        return prediction.distribution

    def stream(self, prompt: str) -> Iterator[Event]:
        program = dspy.streamify(self.sampler, async_streaming=False)
        with dspy.context(adapter=self.adapter):
            for item in program(request=prompt):
                yield from self.event(item)

    async def astream(self, prompt: str) -> AsyncIterator[Event]:
        program = dspy.streamify(self.sampler)
        with dspy.context(adapter=self.adapter):
            async with aclosing(program(request=prompt)) as items:
                async for item in items:
                    for event in self.event(item):
                        yield event

    def event(self, item: Any) -> Iterator[Event]:
        if isinstance(item, Candidate):
            yield item
        elif isinstance(item, dspy.Prediction):
            yield item.distribution


_ITEM = {
    "type": "object",
    "properties": {"response": {"type": "string"}, "probability": {"type": "number"}},
    "required": ["response", "probability"],
    "additionalProperties": False,
}
_SCHEMA = {
    "type": "object",
    "properties": {"candidates": {"type": "array", "items": _ITEM}},
    "required": ["candidates"],
    "additionalProperties": False,
}
_CANDIDATES = {"type": "json_schema", "json_schema": {"name": "candidates", "schema": _SCHEMA}}

HARNESSES = (Core, LangChain, Dspy, LlamaIndex)
