"""`Asking`: how every part of this integration asks its LLM for a distribution."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field, replace
from typing import Any

from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.instrumentation.events.llm import LLMPredictEndEvent, LLMPredictStartEvent
from llama_index.core.llms import LLM
from llama_index.core.llms.mock import MockLLM
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.llms.utils import LLMType, resolve_llm
from llama_index.core.prompts import BasePromptTemplate, PromptTemplate
from llama_index.core.settings import Settings
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.base import BaseEvent

from vs_core import Candidate, ConfigurationError, Distribution, Strategy
from vs_core.driver import arun, astream, run, stream
from vs_core.strategies import Flow
from vs_core.strategies.base import FurtherOptions, strategy_of
from vs_core.strategies.mixture import mixture
from vs_llama_index.completing import (
    Fits,
    acompleter,
    apieces,
    completer,
    from_chat_messages,
    pieces,
)
from vs_llama_index.structured import Method, method_of, require_method

__all__ = [
    "AskOptions",
    "Asking",
    "CandidateEvent",
    "Event",
    "PromptInput",
    "asked_by",
    "configured",
    "require_query",
    "template",
]

Event = Candidate | Distribution


class AskOptions(FurtherOptions, total=False):
    """What else a strategy can be told, by the constructors of this package."""

    schema: Any


def asked_by(strategy: str | Strategy | None, k: int | None, options: AskOptions) -> Strategy:
    """Return the strategy with its options; without a ``k`` it keeps its own."""
    given: dict[str, Any] = {**options} if k is None else {**options, "k": k}
    return strategy_of(strategy, **given)


class CandidateEvent(BaseEvent):
    """A candidate of a stream is complete.

    Args:
        candidate: The candidate.
    """

    candidate: Candidate

    @classmethod
    def class_name(cls) -> str:
        """The name of this kind of event."""
        return "CandidateEvent"


@dataclass(frozen=True)
class PromptInput:
    """What is asked.

    Args:
        values: Of the prompt's variables.
        blocks: LlamaIndex's content blocks, such as images, to be added to the last message.
    """

    values: Mapping[str, str]
    blocks: Sequence[Any] = ()


dispatcher = get_dispatcher(__name__)


def configured(llm: LLMType | None) -> LLM:
    """Return an LLM, by default that of the ``Settings``.

    Raises:
        ConfigurationError: If none is configured, or one that cannot give a distribution.
    """
    try:
        found = Settings.llm if llm is None else llm
        found = found if isinstance(found, BaseLLM) else resolve_llm(found)
    except (ImportError, ValueError) as error:
        raise ConfigurationError(
            f"No LLM is configured: give llm=…, or set Settings.llm. LlamaIndex says: {error}"
        ) from error
    except AssertionError:  # how resolve_llm says it
        raise ConfigurationError(
            f"llm must be an LLM of LlamaIndex, not {type(llm).__name__}."
        ) from None
    if type(found) is MockLLM:  # what LlamaIndex makes of Settings.llm = None
        raise ConfigurationError("The LLM is disabled: give llm=…, or set Settings.llm.")
    if isinstance(found, StructuredLLM):
        raise ConfigurationError(
            "A StructuredLLM answers in a structure of its own. Give the LLM in it, and the "
            "structure as that of a candidate: llm=structured.llm, schema=structured.output_cls."
        )
    assert isinstance(found, LLM)  # noqa: S101  # resolve_llm saw to it
    return found


def require_query(query: str) -> str:
    """Return a query that is not empty.

    Raises:
        ConfigurationError: If it is.
    """
    if not query.strip():
        raise ConfigurationError("The query is empty.")
    return query


def template(prompt: BasePromptTemplate | str, *names: str) -> BasePromptTemplate:
    """Return a prompt as a template that has at least one of the variables.

    Raises:
        ConfigurationError: If it has none of them.
    """
    made = PromptTemplate(prompt) if isinstance(prompt, str) else prompt
    variables = {*made.template_vars, *(made.template_var_mappings or {})}
    if not variables & set(names):
        raise ConfigurationError(
            f"The prompt must be a template of {{{names[0]}}}, not of {sorted(variables)}."
        )
    return made


@dataclass(frozen=True)
class Asking:
    """A strategy, an LLM, and how that is asked.

    All calls go through the LLM's own methods; around them stand the events and spans of
    ``LLM.predict``, so that instrumentation and callbacks see what they see of LlamaIndex's parts.

    Args:
        llm: Any LLM; None takes ``Settings.llm`` at each run.
        strategy: What is asked.
        method: How structured output is asked for; see `completer`.
        seed: Default of `Distribution.sample`.
        fits: Whether a conversation has room for a further turn; those that do not are not sent.
        settings: What every call of the LLM is given beside.

    Raises:
        ConfigurationError: If the LLM does not have the method, or is none.
    """

    llm: LLMType | None
    strategy: Strategy
    method: Method = field(default="auto", kw_only=True)
    seed: int | None = field(default=None, kw_only=True)
    fits: Fits | None = field(default=None, kw_only=True)
    settings: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        require_method(self.method)
        if self.llm is not None:
            object.__setattr__(self, "llm", configured(self.llm))
            method_of(self.model(), self.method)

    def fitting(self, fits: Fits) -> Asking:
        """Return this, with what says whether a further turn fits."""
        return replace(self, fits=fits)

    def typed(self, schema: Any) -> Asking:
        """Return this for candidates of a type."""
        return replace(self, strategy=self.strategy.replace(schema=schema))

    def model(self) -> LLM:
        """The LLM of a run."""
        return configured(self.llm)

    @dispatcher.span
    def run(self, prompt: BasePromptTemplate, *tasks: PromptInput) -> Distribution:
        """Ask for a distribution.

        Args:
            prompt: What is asked.
            *tasks: Values of its variables. Several tasks are asked side by side, and their
                distributions mixed in equal parts; ``metadata["pack"]`` of a candidate is then the
                place of its task.

        Raises:
            ParseError: If the model gave no distribution, after all retries.
            ConfigurationError: If no LLM is configured.
        """
        llm = self.model()
        flow = self._flow(llm, prompt, tasks)
        return self._done(run(flow, completer(llm, *self._how)))

    @dispatcher.span
    async def arun(self, prompt: BasePromptTemplate, *tasks: PromptInput) -> Distribution:
        """Ask for a distribution without blocking; see `run`."""
        llm = self.model()
        flow = self._flow(llm, prompt, tasks)
        return self._done(await arun(flow, acompleter(llm, *self._how)))

    def stream(
        self, prompt: BasePromptTemplate, *tasks: PromptInput
    ) -> Generator[Event, None, None]:
        """Yield each candidate as soon as it is complete, and the distribution last."""
        llm = self.model()
        flow = self._flow(llm, prompt, tasks)
        with closing(stream(flow, pieces(llm, *self._how))) as events:
            for event in events:
                yield self._done(event) if isinstance(event, Distribution) else event

    async def astream(
        self, prompt: BasePromptTemplate, *tasks: PromptInput
    ) -> AsyncGenerator[Event, None]:
        """Yield each candidate without blocking; see `stream`."""
        llm = self.model()
        flow = self._flow(llm, prompt, tasks)
        async with aclosing(astream(flow, apieces(llm, *self._how))) as events:
            async for event in events:
                yield self._done(event) if isinstance(event, Distribution) else event

    def answer(self, messages: Sequence[ChatMessage]) -> Distribution:
        """Ask for a distribution of answers to a conversation; see `run`."""
        llm, flow = self.model(), self.strategy.flow(from_chat_messages(messages))
        return run(flow, completer(llm, *self._how)).seeded(self.seed)

    async def aanswer(self, messages: Sequence[ChatMessage]) -> Distribution:
        """Ask without blocking; see `answer`."""
        llm, flow = self.model(), self.strategy.flow(from_chat_messages(messages))
        return (await arun(flow, acompleter(llm, *self._how))).seeded(self.seed)

    @property
    def _how(self) -> tuple[Method, Fits | None, Mapping[str, Any]]:
        return self.method, self.fits, self.settings

    def _flow(self, llm: LLM, prompt: BasePromptTemplate, tasks: Sequence[PromptInput]) -> Flow:
        flows = []
        for place, task in enumerate(tasks):
            values = dict(task.values)
            dispatcher.event(LLMPredictStartEvent(template=prompt, template_args=values))
            llm._log_template_data(prompt, **values)
            messages = llm._extend_messages(prompt.format_messages(llm=llm, **values))
            if task.blocks:
                last = messages[-1]
                messages[-1] = last.model_copy(update={"blocks": [*last.blocks, *task.blocks]})
            flow = self.strategy.flow(from_chat_messages(messages))
            flows.append(_marked(flow, place) if len(tasks) > 1 else flow)
        return mixture(flows)

    def _done(self, distribution: Distribution) -> Distribution:
        seeded = distribution.seeded(self.seed)
        dispatcher.event(LLMPredictEndEvent(output=seeded.model_dump_json()))
        return seeded


def _marked(flow: Flow, place: int) -> Flow:
    """The flow of a task among several, whose candidates know its place."""
    found = yield from flow
    return found.map(lambda c: c.model_copy(update={"metadata": {**c.metadata, "pack": place}}))
