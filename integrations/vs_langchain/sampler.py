"""`VerbalizedSampler`: a Runnable that asks a model for a distribution."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, closing
from typing import Any, ClassVar, Literal

from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun
from langchain_core.language_models import BaseLanguageModel, LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import (
    Runnable,
    RunnableBinding,
    RunnableConfig,
    RunnablePassthrough,
    RunnableSequence,
)
from langchain_core.runnables.base import RunnableBindingBase, RunnableLike, coerce_to_runnable
from langchain_core.runnables.config import patch_config
from langchain_core.runnables.configurable import DynamicRunnable
from langchain_core.runnables.fallbacks import RunnableWithFallbacks
from langchain_core.runnables.graph import Graph
from pydantic import Field, PrivateAttr

from vs_core import Candidate, Completion, ConfigurationError, Distribution, Request, Strategy
from vs_core.driver import arun, astream, run, stream
from vs_core.plugins import plugins
from vs_langchain.messages import from_answer, from_input, to_messages

__all__ = ["VerbalizedSampler"]

Output = Literal["distribution", "message", "text", "value"]

_SPELLING = (
    "Put the model into the sampler: VerbalizedSampler(llm, k=5) stands in for the model anywhere. "
    "Appending works on a chain built with '|' that holds a model: prompt | llm | "
    "VerbalizedSampler(k=5)."
)


class Snapshot(Distribution):
    """A distribution so far, as streams give it.

    LangChain adds up the pieces of a stream; of two snapshots the later one stands.
    """

    def __add__(self, other: Distribution) -> Distribution:
        return other if isinstance(other, Snapshot) else super().__add__(other)


class VerbalizedSampler(RunnableSequence[Any, Any]):
    """Ask a model for a distribution of answers instead of one.

    Appended to a chain built with ``|``, it weaves itself around the chain's model::

        prompt | llm | VerbalizedSampler(k=5)                      # a Distribution
        prompt | llm | StrOutputParser() | VerbalizedSampler(k=5)  # parsed, candidate by candidate

    With a model of its own it stands in for the model anywhere::

        VerbalizedSampler(llm, k=5).invoke("Tell me a joke")

    All calls go through the model's own ``invoke`` and ``ainvoke``: callbacks, caching, retries,
    rate limits and tracing work as they do without it. Model calls are children of its run.

    Args:
        model: A chat model or LLM, also bound, configured, retrying or with fallbacks. None leaves
            it to the chain that the sampler is appended to.
        strategy: A registered name or a strategy of `vs_core`.
        output: What comes out: the ``"distribution"``; a ``"message"`` (an AIMessage drawn from
            it, with the distribution in ``response_metadata`` and the usage of all calls), its
            ``"text"``, or its ``"value"`` (what the parser after the model made of it).
        resampler: How one is drawn; a registered name or a function. See `vs_core.resampling`.
        seed: Makes drawing reproducible: an int.
        **options: Options of the strategy: ``k``, ``n``, ``threshold``, ``probability``,
            ``format``, ``retries``, ``on_unparsed``, ``schema``, ``prompts``; see
            `vs_core.strategies.Strategy`.

    Raises:
        ConfigurationError: If an option cannot work; and where weaving cannot happen (a bare
            ``llm | VerbalizedSampler(k=5)``, ``.pipe``), naming the spelling that works.
    """

    name: str | None = "VerbalizedSampler"
    first: Runnable[Any, Any] = Field(default_factory=RunnablePassthrough, exclude=True)
    last: Runnable[Any, Any] = Field(default_factory=RunnablePassthrough, exclude=True)
    model: Runnable[Any, Any] | None = None
    after: Runnable[Any, Any] | None = None
    strategy: Any = "vs_standard"
    output: Output = "distribution"
    resampler: Any = "proportional"
    seed: int | None = None
    options: dict[str, Any] = Field(default_factory=dict)

    _strategy: Strategy = PrivateAttr()

    _FIELDS: ClassVar[tuple[str, ...]] = ("after", "name")

    def __init__(
        self,
        model: RunnableLike[Any, Any] | None = None,
        *,
        strategy: str | Strategy = "vs_standard",
        output: Output = "distribution",
        resampler: Any = "proportional",
        seed: int | None = None,
        **options: Any,
    ) -> None:
        fields = {key: options.pop(key) for key in self._FIELDS if key in options}
        # Not RunnableSequence.__init__, which takes steps: this is a sequence only in order to be
        # asked first when a chain is composed with it.
        super(RunnableSequence, self).__init__(  # type: ignore[call-arg]
            model=None if model is None else coerce_to_runnable(model),
            strategy=strategy,
            output=output,
            resampler=resampler,
            seed=seed,
            options=options,
            **fields,
        )
        self._strategy = plugins.strategy(strategy, **options)
        plugins.resampler(resampler)

    # --- composing ---------------------------------------------------------------------------

    @property
    def steps(self) -> list[Runnable[Any, Any]]:
        """What a longer sequence takes in: this sampler as one step, never its parts.

        Raises:
            ConfigurationError: If it has no model. Every other way of composing than ``|`` with a
                chain comes here, at composition.
        """
        if self.model is None:
            raise ConfigurationError(f"This VerbalizedSampler has no model. {_SPELLING}")
        return [RunnableBinding(bound=self)]

    def __or__(self, other: Any) -> RunnableSequence[Any, Any]:
        """Compose with what follows."""
        return RunnableSequence(*self.steps, coerce_to_runnable(other))

    def __ror__(self, other: Any) -> Any:
        """Compose with what comes before: weave into its chain, or follow it.

        Python asks the right operand first when its type is a subclass of the left one's.
        """
        left = coerce_to_runnable(other)
        if self.model is not None:
            return RunnableSequence(left, *self.steps)
        steps = left.steps if isinstance(left, RunnableSequence) else [left]
        found = [index for index, step in enumerate(steps) if _is_model(step)]
        if not found:
            raise ConfigurationError(f"There is no model to be found in the chain. {_SPELLING}")
        before, model, after = steps[: found[-1]], steps[found[-1]], steps[found[-1] + 1 :]
        woven = self._with(model, _chained(after))
        return _chained([*before, RunnableBinding(bound=woven)]) if before else woven

    def _with(self, model: Runnable[Any, Any], after: Runnable[Any, Any] | None) -> Any:
        return VerbalizedSampler(
            model,
            after=after,
            name=self.name,
            strategy=self.strategy,
            output=self.output,
            resampler=self.resampler,
            seed=self.seed,
            **self.options,
        )

    # --- running -----------------------------------------------------------------------------

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Ask for a distribution.

        Args:
            input: What a model takes: a string, messages or a prompt value.
            config: As for any Runnable; ``max_concurrency`` bounds the calls of one request too.
            **kwargs: Passed to the model.

        Returns:
            What ``output`` says.

        Raises:
            ParseError: If the model gave no distribution, after all retries.
            ConfigurationError: If there is no model, or the input is not one for a model.
        """
        return self._call_with_config(self._run, input, config, run_type="chain", **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Ask for a distribution without blocking; see `invoke`."""
        return await self._acall_with_config(self._arun, input, config, run_type="chain", **kwargs)

    def _run(
        self,
        value: Any,
        run_manager: CallbackManagerForChainRun,
        config: RunnableConfig,
        **kwargs: Any,
    ) -> Any:
        model, child = self._parts(config, run_manager)

        def complete(request: Request) -> Completion:
            return from_answer(model.invoke(to_messages(request), child, **kwargs))

        flow = self._strategy.flow(from_input(value))
        distribution = run(flow, complete, max_concurrency=config.get("max_concurrency"))
        if self.after is not None:
            results = self.after.batch(_answers(distribution), child, return_exceptions=True)
            distribution = _with_values(distribution, results)
        return self._drawn(distribution)

    async def _arun(
        self,
        value: Any,
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
        **kwargs: Any,
    ) -> Any:
        model, child = self._parts(config, run_manager)

        async def complete(request: Request) -> Completion:
            return from_answer(await model.ainvoke(to_messages(request), child, **kwargs))

        flow = self._strategy.flow(from_input(value))
        distribution = await arun(flow, complete, max_concurrency=config.get("max_concurrency"))
        if self.after is not None:
            results = await self.after.abatch(_answers(distribution), child, return_exceptions=True)
            distribution = _with_values(distribution, results)
        return self._drawn(distribution)

    def _parts(
        self,
        config: RunnableConfig,
        run_manager: CallbackManagerForChainRun | AsyncCallbackManagerForChainRun,
    ) -> tuple[Runnable[Any, Any], RunnableConfig]:
        if self.model is None:
            raise ConfigurationError(f"This VerbalizedSampler has no model. {_SPELLING}")
        return self.model, patch_config(config, callbacks=run_manager.get_child())

    def _drawn(self, distribution: Distribution) -> Any:
        """What ``output`` says of a distribution."""
        distribution = distribution.seeded(self.seed)
        if self.output == "distribution":
            return distribution
        candidate = distribution.sample(resampler=self.resampler)
        if self.output == "message":
            return _message(candidate, distribution)
        return candidate.text if self.output == "text" else candidate.value

    # The rest is that of any Runnable, not that of a sequence of steps.

    def batch(self, inputs: list[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Ask for several distributions; see `Runnable.batch`."""
        return Runnable.batch(self, inputs, *args, **kwargs)

    async def abatch(self, inputs: list[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Ask for several distributions without blocking; see `Runnable.abatch`."""
        return await Runnable.abatch(self, inputs, *args, **kwargs)

    def stream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Yield growing distributions, one more candidate each time; see `transform`."""
        yield from self.transform(iter([input]), config, **kwargs)

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Yield growing distributions without blocking; see `transform`."""

        async def inputs() -> AsyncIterator[Any]:
            yield input

        async for output in self.atransform(inputs(), config, **kwargs):
            yield output

    def transform(
        self, input: Iterator[Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Yield growing distributions, one more candidate each time, before the model is done.

        The last one is what `invoke` returns; its candidates alone have the values of a parser
        after the model. Any other ``output`` is drawn from it, and so comes as one piece.
        """
        yield from self._transform_stream_with_config(
            input, self._transform, config, run_type="chain", **kwargs
        )

    async def atransform(
        self, input: AsyncIterator[Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Yield growing distributions without blocking; see `transform`."""
        async for output in self._atransform_stream_with_config(
            input, self._atransform, config, run_type="chain", **kwargs
        ):
            yield output

    def _transform(
        self,
        inputs: Iterator[Any],
        run_manager: CallbackManagerForChainRun,
        config: RunnableConfig,
        **kwargs: Any,
    ) -> Iterator[Any]:
        model, child = self._parts(config, run_manager)

        def pieces(request: Request) -> Iterator[Completion]:
            for chunk in model.stream(to_messages(request), child, **kwargs):
                yield from_answer(chunk)

        flow = self._strategy.flow(from_input(_added_up(list(inputs))))
        grown = Snapshot()
        with closing(stream(flow, pieces, max_concurrency=config.get("max_concurrency"))) as events:
            for event in events:
                if isinstance(event, Candidate):
                    grown = Snapshot(candidates=(*grown, event))
                    if self.output == "distribution":
                        yield grown
                    continue
                if self.after is not None:
                    answers = _answers(event)
                    results = self.after.batch(answers, child, return_exceptions=True)
                    event = _with_values(event, results)
                yield _snapshot(self._drawn(event))

    async def _atransform(
        self,
        inputs: AsyncIterator[Any],
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        model, child = self._parts(config, run_manager)

        async def pieces(request: Request) -> AsyncIterator[Completion]:
            async for chunk in model.astream(to_messages(request), child, **kwargs):
                yield from_answer(chunk)

        flow = self._strategy.flow(from_input(_added_up([chunk async for chunk in inputs])))
        grown = Snapshot()
        limit = config.get("max_concurrency")
        async with aclosing(astream(flow, pieces, max_concurrency=limit)) as events:
            async for event in events:
                if isinstance(event, Candidate):
                    grown = Snapshot(candidates=(*grown, event))
                    if self.output == "distribution":
                        yield grown
                    continue
                if self.after is not None:
                    answers = _answers(event)
                    results = await self.after.abatch(answers, child, return_exceptions=True)
                    event = _with_values(event, results)
                yield _snapshot(self._drawn(event))

    # --- describing --------------------------------------------------------------------------

    @property
    def InputType(self) -> Any:  # noqa: N802
        """What a model takes."""
        return LanguageModelInput

    @property
    def OutputType(self) -> Any:  # noqa: N802
        """What ``output`` says."""
        return {"distribution": Distribution, "message": AIMessage, "text": str}.get(
            self.output, Any
        )

    def get_input_schema(self, config: RunnableConfig | None = None) -> Any:
        """See `Runnable.get_input_schema`."""
        return Runnable.get_input_schema(self, config)

    def get_output_schema(self, config: RunnableConfig | None = None) -> Any:
        """See `Runnable.get_output_schema`."""
        return Runnable.get_output_schema(self, config)

    @property
    def config_specs(self) -> list[Any]:
        """Those of the model and of what follows it."""
        parts = [part for part in (self.model, self.after) if part is not None]
        return [spec for part in parts for spec in part.config_specs]

    def get_graph(self, config: RunnableConfig | None = None) -> Graph:
        """One node: the sampler."""
        return Runnable.get_graph(self, config)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """A sampler is pickled, not serialised by LangChain."""
        return False

    def __repr__(self) -> str:
        options = "".join(f", {key}={value!r}" for key, value in self.options.items())
        return f"VerbalizedSampler({self.model!r}, strategy={self.strategy!r}{options})"


def _is_model(step: Runnable[Any, Any]) -> bool:
    """Whether a step is a model, however it is bound, configured or protected."""
    if isinstance(step, BaseLanguageModel):
        return True
    if isinstance(step, RunnableBindingBase):
        return _is_model(step.bound)
    if isinstance(step, RunnableWithFallbacks):
        return _is_model(step.runnable)
    return isinstance(step, DynamicRunnable) and _is_model(step.default)


def _chained(steps: Sequence[Runnable[Any, Any]]) -> Any:
    """Steps as one Runnable; None if there are none."""
    if len(steps) < 2:
        return steps[0] if steps else None
    return RunnableSequence(*steps)


def _answers(distribution: Distribution) -> list[AIMessage]:
    """The candidates as the messages that the model would have answered."""
    return [AIMessage(candidate.text) for candidate in distribution]


def _with_values(distribution: Distribution, results: Sequence[Any]) -> Distribution:
    """Give each candidate its result; one that failed keeps the error in its repairs.

    Raises the first error if all failed: then it is the step that is wrong, not a candidate.
    """
    errors = [result for result in results if isinstance(result, Exception)]
    if errors and len(errors) == len(results):
        raise errors[0]
    values = iter(results)

    def valued(candidate: Candidate) -> Candidate:
        value = next(values)
        if isinstance(value, Exception):
            return candidate.repaired(f"the step after the model failed: {value}")
        return candidate.model_copy(update={"value": value})

    return distribution.map(valued)


def _snapshot(output: Any) -> Any:
    """A distribution as a snapshot; anything else as it is."""
    if not isinstance(output, Distribution):
        return output
    return Snapshot(
        candidates=output.candidates, reasoning=output.reasoning, metadata=output.metadata
    )


def _added_up(chunks: Sequence[Any]) -> Any:
    """The pieces of an input put together, as LangChain does."""
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    return total


def _message(candidate: Candidate, distribution: Distribution) -> AIMessage:
    usage = distribution.metadata.get("usage") or {}
    read, written = usage.get("input_tokens", 0), usage.get("output_tokens", 0)
    return AIMessage(
        candidate.text,
        response_metadata={"distribution": distribution.model_dump(mode="json")},
        usage_metadata={
            "input_tokens": read,
            "output_tokens": written,
            "total_tokens": read + written,
        }
        if usage
        else None,
    )
