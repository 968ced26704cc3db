"""A Runnable that asks a model for a distribution: composing, running, describing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from inspect import signature
from typing import TYPE_CHECKING, Any, Generic, get_args

from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.prompts import BasePromptTemplate
from langchain_core.runnables import (
    Runnable,
    RunnableBinding,
    RunnableConfig,
    RunnableLambda,
    RunnablePassthrough,
    RunnableSequence,
)
from langchain_core.runnables.base import (
    RunnableEach,
    RunnableLike,
    RunnableSerializable,
    coerce_to_runnable,
)
from langchain_core.runnables.graph import Graph
from pydantic import Field
from typing_extensions import TypeVar

from vs_core import Candidate, ConfigurationError, Distribution, Strategy
from vs_core.display import shorten
from vs_core.driver import arun as arun_flow
from vs_core.driver import astream as astream_flow
from vs_core.driver import run as run_flow
from vs_core.driver import stream as stream_flow
from vs_core.effects import Effect, Effects, Emit, Stream, aperform, aproduce, perform, produce
from vs_core.plugins import plugins
from vs_langchain.deferring import Deferring, with_the_model
from vs_langchain.messages import Keep, ToolsCalled
from vs_langchain.models import require_free
from vs_langchain.options import StrategyOptions
from vs_langchain.outputs import OUTPUTS, Output, OutputMode
from vs_langchain.running import SamplerRun
from vs_langchain.structure import Method
from vs_langchain.weaving import no_model, woven

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

__all__ = ["Out", "Sampling", "as_model", "as_seed"]

In = TypeVar("In")
Out = TypeVar("Out", default=Any)
S = TypeVar("S")
AnyRunnable = Runnable[Any, Any]
_PLUMBING = ("first", "middle", "last")  # fields of a sequence, which this is in name only


class Sampling(Deferring, StrategyOptions, RunnableSequence[Any, Out], Generic[Out]):
    """What `vs_langchain.VerbalizedSampler` is, of which others are made too."""

    name: str | None = "VerbalizedSampler"
    first: AnyRunnable = Field(default_factory=RunnablePassthrough, exclude=True)
    last: AnyRunnable = Field(default_factory=RunnablePassthrough, exclude=True)
    model: AnyRunnable | None = None
    after: AnyRunnable | None = None
    output: OutputMode = "distribution"
    method: Method = "auto"
    resampler: Any = "proportional"
    seed: int | None = None
    distribution: Keep = "full"
    stream_raw: bool = False
    tools: tuple[Any, ...] = Field(default=(), exclude=True, repr=False)
    """Tools that the model may call instead of answering in a structure."""

    def __init__(
        self,
        model: RunnableLike[Any, Any] | None = None,
        *,
        strategy: str | Strategy | None = None,
        output: OutputMode = "distribution",
        method: Method = "auto",
        resampler: Any = "proportional",
        seed: int | None = None,
        distribution: Keep = "full",
        stream_raw: bool = False,
        **options: Any,
    ) -> None:
        for name in _PLUMBING:
            options.pop(name, None)
        plugins.resampler(resampler)
        # Not RunnableSequence.__init__, which takes steps: this is a sequence only in order to be
        # asked first when a chain is composed with it.
        super(RunnableSequence, self).__init__(
            **self._gathered(
                {
                    **options,
                    "model": None if model is None else as_model(model),
                    "strategy": strategy,
                    "output": _one_of("output", output, OutputMode),
                    "method": _one_of("method", method, Method),
                    "resampler": resampler,
                    "seed": as_seed(seed),
                    "distribution": _one_of("distribution", distribution, Keep),
                    "stream_raw": stream_raw,
                }
            )
        )

    # --- composing ---------------------------------------------------------------------------

    def _has_model(self) -> bool:
        return self.model is not None

    @property
    def steps(self) -> list[AnyRunnable]:
        """What a longer sequence takes in: this sampler as one step, never its parts.

        Raises:
            ConfigurationError: If it has no model. Every other way of composing than ``|`` with a
                chain comes here, at composition.
        """
        if self.model is None:
            raise no_model(self)
        return [_Step(bound=self)]

    def __or__(self, other: Any) -> Any:
        """Compose with what follows."""
        return self.pipe(other)

    def pipe(self, *others: Any, name: str | None = None) -> Any:
        """Compose with what follows; without a model, as soon as it has one."""
        if self.model is None:
            return super().pipe(*others, name=name)
        return RunnableSequence(*self.steps, *map(coerce_to_runnable, others), name=name)

    def __ror__(
        self, other: RunnableLike[In, Any] | Mapping[str, Any]
    ) -> RunnableSerializable[In, Out]:
        """Compose with what comes before: weave into its chain, or follow it.

        Python asks the right operand first when its type is a subclass of the left one's.
        """
        if self.model is None:
            return self.around(other)
        return RunnableSequence(coerce_to_runnable(other), *self.steps)

    def around(
        self, chain: RunnableLike[In, Any] | Mapping[str, Any]
    ) -> RunnableSerializable[In, Out]:
        """Weave this sampler around the model of a chain.

        What ``chain | sampler`` does for a chain built with ``|``, this does for whatever holds a
        model: ``VerbalizedSampler(k=5).around((prompt | llm).with_retry())``.

        Args:
            chain: A model; a chain with a model in it; what `Runnable.bind`, ``with_config``,
                ``with_types``, ``with_retry`` and ``with_fallbacks`` make of these; or a
                `RunnableBranch` of them.

        Returns:
            The same with the sampler in the place of its last model. What follows the model is
            applied to each candidate.

        Raises:
            ConfigurationError: If there is no model to be found, or it has a structure of its own,
                or the sampler has a model already.
        """
        if self.model is not None:
            raise ConfigurationError("This VerbalizedSampler has a model already.")
        whole: AnyRunnable = coerce_to_runnable(chain)
        made: RunnableSerializable[In, Out] | None = woven(whole, self._over)
        if made is None:
            raise no_model(self, whole)
        return made

    def _over(self, model: AnyRunnable, after: AnyRunnable | None) -> Any:
        """This sampler with a model, and with what is applied to each candidate."""
        return with_the_model(self, model, after)

    def map(self) -> Runnable[Sequence[Any], list[Any]]:
        """See `Runnable.map`.

        Raises:
            ConfigurationError: If it has no model: a chain cannot be woven into each input.
        """
        if self.model is None:
            raise ConfigurationError(
                "map() takes each of several inputs to the model, so it needs the model: "
                "VerbalizedSampler(llm, k=5).map(), or (prompt | llm | "
                "VerbalizedSampler(k=5)).map()."
            )
        return RunnableEach(bound=self.steps[0])

    def as_tool(self, args_schema: Any = None, **options: Any) -> BaseTool:
        """Return a tool that asks for a distribution; see `Runnable.as_tool`.

        Without ``args_schema`` and ``arg_types`` it takes one argument, ``request``: a string.
        """
        from langchain_core.tools import convert_runnable_to_tool

        if args_schema is not None or options.get("arg_types"):
            return convert_runnable_to_tool(self, args_schema, **options)
        asked: AnyRunnable = RunnableLambda(lambda given: given["request"])
        named = {"name": self.get_name(), "description": "Gives diverse answers to a request."}
        return convert_runnable_to_tool(asked | self, **named | options, arg_types={"request": str})

    # --- running -----------------------------------------------------------------------------

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Out:
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
        return self._call_with_config(self._run, input, config, **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Out:
        """Ask for a distribution without blocking; see `invoke`."""
        return await self._acall_with_config(self._arun, input, config, **kwargs)

    def _run(
        self,
        value: Any,
        run_manager: CallbackManagerForChainRun,
        config: RunnableConfig,
        **settings: Any,
    ) -> Any:
        return perform(self._running(value, self._run_of(run_manager, config, settings)))

    async def _arun(
        self,
        value: Any,
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
        **settings: Any,
    ) -> Any:
        return await aperform(self._running(value, self._run_of(run_manager, config, settings)))

    def _run_of(
        self,
        run_manager: CallbackManagerForChainRun | AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
        settings: Mapping[str, Any],
    ) -> SamplerRun:
        """One run, of which its `Output` says what comes out."""
        if self.model is None:
            raise no_model(self)
        self._output.require(self.schema_, self.after)
        return SamplerRun(
            self.model,
            self._strategy(),
            config,
            run_manager,
            method=self.method,
            tools=self.tools,
            resampler=self.resampler,
            seed=self.seed,
            keeps=self.distribution,
            shown=self.stream_raw,
            applied=self.after is not None,
            settings=settings,
        )

    @property
    def _output(self) -> type[Output]:
        """What comes out."""
        return OUTPUTS[self.output]

    def _output_of(self, run: SamplerRun) -> Output:
        """What comes out of one run."""
        return self._output(run)

    def _running(self, value: Any, run: SamplerRun) -> Effects[Any]:
        output = self._output_of(run)
        flow, limit = run.flow(value), run.limit
        try:
            distribution = yield Effect(
                lambda: run_flow(flow, run.complete, max_concurrency=limit),
                lambda: arun_flow(flow, run.acomplete, max_concurrency=limit),
            )
        except ToolsCalled as called:
            return output.called(called)
        whole, eligible = yield from self._applied(distribution, run)
        return output.result(whole, eligible)

    def _applied(
        self, distribution: Distribution, run: SamplerRun
    ) -> Effects[tuple[Distribution, Distribution]]:
        """The candidates with what the step after the model made of them, and those it took."""
        after = self.after
        distribution = distribution.seeded(self.seed)
        if after is None:
            return distribution, distribution
        answers = run.answers(distribution)
        results = yield Effect(
            lambda: after.batch(answers, run.config, return_exceptions=True),
            lambda: after.abatch(answers, run.config, return_exceptions=True),
        )
        whole = _with_values(distribution, results, after)
        taken = iter([not isinstance(result, Exception) for result in results])
        return whole, whole.filter(lambda _: next(taken))

    # The rest is that of any Runnable, not that of a sequence of steps.

    def batch(self, inputs: list[Any], *args: Any, **kwargs: Any) -> list[Out]:
        """Ask for several distributions; see `Runnable.batch`."""
        return Runnable.batch(self, inputs, *args, **kwargs)

    async def abatch(self, inputs: list[Any], *args: Any, **kwargs: Any) -> list[Out]:
        """Ask for several distributions without blocking; see `Runnable.abatch`."""
        return await Runnable.abatch(self, inputs, *args, **kwargs)

    def stream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Out]:
        """Yield what is known so far; see `transform`."""
        yield from self.transform(iter([input]), config, **kwargs)

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Out]:
        """Yield what is known so far without blocking; see `transform`."""

        async def inputs() -> AsyncIterator[Any]:
            yield input

        streaming: Any = self.atransform(inputs(), config, **kwargs)
        async with aclosing(streaming) as outputs:
            async for output in outputs:
                yield output

    def transform(
        self, input: Iterator[Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Out]:
        """Yield what is known so far, before the model is done.

        Distributions grow by a candidate each time, and the last one is what `invoke` returns; its
        candidates alone have the values of a parser after the model. A drawn text comes in pieces,
        as does that of a message, as soon as it is known which one is drawn: with
        ``resampler="uniform"``, no seed and one call when its candidate is complete, otherwise when
        the last one is. A value comes as one piece.
        """
        yield from self._transform_stream_with_config(input, self._transform, config, **kwargs)

    async def atransform(
        self, input: AsyncIterator[Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Out]:
        """Yield what is known so far without blocking; see `transform`."""
        streaming: Any = self._atransform_stream_with_config(
            input, self._atransform, config, **kwargs
        )
        async with aclosing(streaming) as outputs:
            async for output in outputs:
                yield output

    def _transform(
        self,
        inputs: Iterator[Any],
        run_manager: CallbackManagerForChainRun,
        config: RunnableConfig,
        **settings: Any,
    ) -> Iterator[Any]:
        run = self._run_of(run_manager, config, settings)
        flow = run.flow(_added_up(list(inputs)))
        with closing(stream_flow(flow, run.pieces, max_concurrency=run.limit)) as events:
            yield from produce(self._streaming(run, Effect(events.__next__, _never)))

    async def _atransform(
        self,
        inputs: AsyncIterator[Any],
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
        **settings: Any,
    ) -> AsyncIterator[Any]:
        run = self._run_of(run_manager, config, settings)
        flow = run.flow(_added_up([chunk async for chunk in inputs]))
        async with aclosing(astream_flow(flow, run.apieces, max_concurrency=run.limit)) as events:
            async for item in aproduce(self._streaming(run, Effect(_never, events.__anext__))):
                yield item

    def _streaming(self, run: SamplerRun, following: Effect) -> Stream[Any]:
        """What comes out of a stream whose next event ``following`` gives."""
        output = self._output_of(run)
        try:
            while isinstance(event := (yield following), Candidate):
                for item in output.grown(event):
                    yield Emit(item)
            whole, eligible = yield from self._applied(event, run)
            for item in output.rest(whole, eligible):
                yield Emit(item)
        except ToolsCalled as called:
            yield Emit(output.called_in_stream(called))

    # --- describing --------------------------------------------------------------------------

    @property
    def InputType(self) -> Any:  # noqa: N802
        """What a model takes."""
        return LanguageModelInput

    @property
    def OutputType(self) -> Any:  # noqa: N802
        """What ``output`` says."""
        return self._output.type_of(self.schema_, self.after)

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

    def to_json(self) -> Any:
        """See `Serializable.to_json`; what waits for a model cannot be serialised."""
        return self.to_json_not_implemented() if self.deferred else super().to_json()

    def get_graph(self, config: RunnableConfig | None = None) -> Graph:
        """The model, what is applied to each candidate, and the sampler, in this order."""
        if self.model is None:
            return Runnable.get_graph(self, config)
        step = RunnableLambda(lambda answer: answer, name=self.get_name())
        itself = step.with_types(output_type=self.OutputType)
        steps = [self.model, *([] if self.after is None else [self.after]), itself]
        return RunnableSequence(*steps).get_graph(config)


# LangChain looks at the signature of what it calls, each time; so it finds it at once.
for _name in ("_run", "_arun"):
    _method: Any = getattr(Sampling, _name)
    _method.__signature__ = signature(_method)


class _Step(RunnableBinding[Any, Any]):
    """A sampler as a step of a sequence, which would take in the steps of another sequence.

    It binds nothing, so there is nothing to merge. LangChain stores it as the binding that it is.
    """

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        return self.bound.invoke(input, config, **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        return await self.bound.ainvoke(input, config, **kwargs)

    @classmethod
    def lc_id(cls) -> list[str]:
        return RunnableBinding.lc_id()


def as_model(given: Any) -> Runnable[Any, Any]:
    """A model that is given to the sampler, if it can be one."""
    try:
        model: Runnable[Any, Any] = coerce_to_runnable(given)
    except TypeError as error:
        raise ConfigurationError(
            f"A model is a chat model, an LLM or another Runnable, not {given!r:.80}."
        ) from error
    if isinstance(getattr(model, "bound", model), Sampling):
        raise ConfigurationError("A VerbalizedSampler cannot be the model of another.")
    steps = model.steps if isinstance(model, RunnableSequence) else [model]
    if isinstance(steps[0], BasePromptTemplate):
        raise ConfigurationError(
            "VerbalizedSampler(…) takes the model alone. With a prompt before it: prompt | "
            "VerbalizedSampler(llm, k=5), or prompt | llm | VerbalizedSampler(k=5)."
        )
    for step in steps:
        require_free(step)
    return model


def as_seed(seed: Any) -> int | None:
    """Return a seed; ConfigurationError if it is none."""
    if seed is None or (isinstance(seed, int) and not isinstance(seed, bool)):
        return seed
    raise ConfigurationError(f"seed must be a whole number or None, not {seed!r}.")


def _one_of(name: str, value: Any, choices: Any) -> Any:
    known = get_args(choices)
    if value not in known:
        raise ConfigurationError(f"{name} must be one of {', '.join(known)}, not {value!r}.")
    return value


def _with_values(
    distribution: Distribution, results: Sequence[Any], step: Runnable[Any, Any]
) -> Distribution:
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
            return candidate.repaired(f"{step.get_name()} failed: {shorten(str(value), 200)}")
        return candidate.model_copy(update={"value": value})

    return distribution.map(valued)


def _never() -> Any:
    """The other way of an effect that is only ever done in one."""
    raise NotImplementedError


def _added_up(chunks: Sequence[Any]) -> Any:
    """The pieces of an input put together, as LangChain does."""
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    return total
