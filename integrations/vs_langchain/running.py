"""One run of a sampler: how it asks its model, and what the model said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from threading import Lock
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun
from langchain_core.language_models import BaseLanguageModel
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata, add_usage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import patch_config

from vs_core import Candidate, Completion, Distribution, Request, Strategy
from vs_core.effects import Effect, Effects, aperform, perform
from vs_core.strategies.base import Flow
from vs_langchain.caching import of_one_call
from vs_langchain.internals import hidden
from vs_langchain.messages import Keep, apieces, from_answer, from_cut_off, from_input, pieces
from vs_langchain.messages import to_messages as messages_of
from vs_langchain.models import (
    AnyRunnable,
    bound_settings,
    gives_text,
    with_models,
    without_setting,
)
from vs_langchain.structure import Method, has_tools, structured

__all__ = ["SamplerRun"]

_OF_ONE_CALL = frozenset(["id", "logprobs", "token_usage", "usage"])
"""What the metadata of a model's answer says of a single call."""


class SamplerRun:
    """Ask a model for what one flow wants, and remember what it says beside its answers.

    Args:
        model: What answers.
        strategy: What is asked for.
        config: Of the run; the model's calls become its children.
        run_manager: Of the run.
        method: How structured output is asked for.
        tools: Of the user's, which the model may call instead, beside the tool for the structure.
        resampler: How one candidate is drawn.
        seed: Of the draw.
        keeps: How much of the distribution stands in a message.
        shown: Whether LangGraph may stream the model's own tokens as messages.
        applied: Whether a step is applied to each candidate before one is drawn.
        settings: Of the model, for this run.
    """

    def __init__(
        self,
        model: AnyRunnable,
        strategy: Strategy,
        config: RunnableConfig,
        run_manager: CallbackManagerForChainRun | AsyncCallbackManagerForChainRun,
        *,
        method: Method = "auto",
        tools: tuple[Any, ...] = (),
        resampler: Any = "proportional",
        seed: int | None = None,
        keeps: Keep = "full",
        shown: bool = False,
        applied: bool = False,
        settings: Mapping[str, Any],
    ) -> None:
        self.id = run_manager.run_id
        self.config = patch_config(config, callbacks=run_manager.get_child())
        if not shown:
            self.config = hidden(self.config)
        self.limit = config.get("max_concurrency")
        self.keeps = keeps
        self.usage: UsageMetadata | None = None
        self._strategy = strategy
        self._method = method
        self._tools = tools
        self._resampler = resampler
        self._seed = seed
        self._applied = applied
        bound = model.bind(**settings) if settings else model
        self._model = with_models(bound, _once, self.config)
        self._said = bound_settings(self._model)
        self._further = strategy.words.tools if tools or has_tools(self._said) else ""
        self._about: dict[str, Any] = {}
        self._lock = Lock()

    def flow(self, value: Any) -> Flow:
        """The flow for an input of the sampler's."""
        return self._strategy.flow(from_input(value))

    # --- asking ------------------------------------------------------------------------------

    def complete(self, request: Request) -> Completion:
        """Answer a request."""
        return perform(self._completing(request))

    async def acomplete(self, request: Request) -> Completion:
        """Answer a request without blocking."""
        return await aperform(self._completing(request))

    def _completing(self, request: Request) -> Effects[Completion]:
        model, messages = self._asked(request)
        try:
            answer = yield Effect(
                lambda: model.invoke(messages, self.config),
                lambda: model.ainvoke(messages, self.config),
            )
        except Exception as error:
            completion = from_cut_off(error)
            if completion is None:
                raise
            return completion
        self._hear(answer)
        return from_answer(answer)

    def pieces(self, request: Request) -> Iterator[Completion]:
        """Answer a request piece by piece."""
        model, messages = self._asked(request)
        return pieces(model.stream(messages, self.config), self._hear)

    def apieces(self, request: Request) -> AsyncIterator[Completion]:
        """Answer a request piece by piece without blocking."""
        model, messages = self._asked(request)
        return apieces(model.astream(messages, self.config), self._hear)

    def _asked(self, request: Request) -> tuple[AnyRunnable, list[Any]]:
        """The model, made to answer in the structure of a request where it can, and its input."""
        model = of_one_call(self._model, request.call, self.config)
        schema = None if self._method == "text" and not self._tools else request.json_schema
        if schema is not None:
            model = structured(model, schema, self._method, self.config, self._tools)
        if "strict" in self._said:
            model = without_setting(model, "strict")
        return model, messages_of(request, self._further)

    # --- what was said -----------------------------------------------------------------------

    def _hear(self, answer: Any) -> None:
        """Remember what a model says beside its answer: calls come from several threads."""
        if isinstance(answer, AIMessage):
            with self._lock:
                self._about |= answer.response_metadata
                if answer.usage_metadata is not None:
                    self.usage = add_usage(self.usage, answer.usage_metadata)

    @property
    def about(self) -> dict[str, Any]:
        """What the model says of its answers, but for what is of a single call."""
        return {key: value for key, value in self._about.items() if key not in _OF_ONE_CALL}

    def answers(self, distribution: Distribution) -> list[Any]:
        """The candidates as what the model would have answered."""
        texts = [candidate.text for candidate in distribution]
        if gives_text(self._model):
            return list(texts)
        about = self.about
        return [AIMessage(text, response_metadata=dict(about)) for text in texts]

    # --- drawing -----------------------------------------------------------------------------

    @property
    def candidates(self) -> int:
        """How many are asked for."""
        return sum(self._strategy.sizes())

    @property
    def draws_a_place(self) -> bool:
        """Whether the draw depends on nothing but how many candidates there are.

        So it can be made before they come. With a seed it depends on all of them, and with several
        calls a candidate that comes early may be one too many.
        """
        return (
            self._resampler == "uniform"
            and not self._applied
            and self._seed is None
            and len(self._strategy.sizes()) == 1
        )

    def drawn(self, eligible: Distribution) -> Candidate:
        """One candidate."""
        return eligible.sample(resampler=self._resampler)


def _once(model: AnyRunnable) -> AnyRunnable:
    """A model that answers a request once: its further answers would be paid for and not read."""
    n = getattr(model, "n", None)
    if not isinstance(model, BaseLanguageModel) or not isinstance(n, int) or n < 2:
        return model
    return model.model_copy(update={"n": 1})
