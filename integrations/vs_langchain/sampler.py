"""`VerbalizedSampler`: a Runnable that asks a model for a distribution."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, closing
from threading import Lock
from typing import Any, Literal, get_args

from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata, add_usage
from langchain_core.prompts import BasePromptTemplate
from langchain_core.runnables import (
    Runnable,
    RunnableBinding,
    RunnableConfig,
    RunnableLambda,
    RunnablePassthrough,
    RunnableSequence,
)
from langchain_core.runnables.base import RunnableEach, RunnableLike, coerce_to_runnable
from langchain_core.runnables.config import merge_configs, patch_config
from langchain_core.runnables.graph import Graph
from pydantic import Field

from vs_core import (
    Candidate,
    Completion,
    ConfigurationError,
    Distribution,
    ModelError,
    Request,
    Strategy,
)
from vs_core.display import shorten
from vs_core.driver import arun, astream, run, stream
from vs_core.plugins import plugins
from vs_langchain.messages import (
    ToolsCalled,
    apieces,
    from_answer,
    from_cut_off,
    from_input,
    pieces,
    to_messages,
)
from vs_langchain.models import (
    Method,
    gives_text,
    inner,
    is_model,
    of_one_call,
    rebuilt,
    require_free,
    structured,
)
from vs_langchain.options import StrategyOptions

__all__ = ["Snapshot", "VerbalizedSampler", "snapshot"]

Output = Literal["distribution", "message", "text", "value"]

_SPELLING = (
    "Put the model into the sampler: VerbalizedSampler(llm, k=5) stands in for the model anywhere. "
    "Appending works on a chain built with '|' that holds a model: prompt | llm | "
    "VerbalizedSampler(k=5); to adapt it, adapt the sampler and not the chain: prompt | llm | "
    "VerbalizedSampler(k=5).with_retry()."
)
_NO_STREAM = "nostream"
"""Tag of model calls whose tokens LangGraph does not stream as messages."""
_OF_ONE_CALL = frozenset(["id", "logprobs", "token_usage", "usage"])
"""What the metadata of a model's answer says of a single call."""
_PLUMBING = ("first", "middle", "last")  # fields of a sequence, which this is in name only


class Snapshot(Distribution):
    """A distribution so far, as streams give it.

    LangChain adds up the pieces of a stream; of two snapshots the later one stands.
    """

    def __add__(self, other: Distribution) -> Distribution:
        return other if isinstance(other, Snapshot) else super().__add__(other)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Distribution):
            return NotImplemented
        mine = (self.candidates, self.reasoning, self.metadata)
        return mine == (other.candidates, other.reasoning, other.metadata)

    __hash__ = None  # type: ignore[assignment]  # as a distribution: its metadata is a dict

    def grown(self, candidate: Candidate) -> Snapshot:
        """Return the snapshot with one more candidate."""
        return Snapshot(candidates=(*self.candidates, candidate))


class VerbalizedSampler(StrategyOptions, RunnableSequence[Any, Any]):
    """Ask a model for a distribution of answers instead of one.

    Appended to a chain built with ``|``, it weaves itself around the chain's model::

        prompt | llm | VerbalizedSampler(k=5)                      # a Distribution
        prompt | llm | StrOutputParser() | VerbalizedSampler(k=5)  # parsed, candidate by candidate

    With a model of its own it stands in for the model anywhere::

        VerbalizedSampler(llm, k=5).invoke("Tell me a joke")

    All calls go through the model's own ``invoke`` and ``ainvoke``: callbacks, caching, retries,
    rate limits and tracing work as they do without it. Model calls are children of its run. All
    arguments are fields, so ``configurable_fields`` can open them to ``config["configurable"]``.

    Args:
        model: A chat model or LLM, also bound, configured, retrying or with fallbacks. None leaves
            it to the chain that the sampler is appended to.
        strategy: A registered name or a strategy of `vs_core`.
        output: What comes out: the ``"distribution"``; a ``"message"`` (an AIMessage drawn from
            it, with the distribution in ``response_metadata`` and the usage of all calls), its
            ``"text"``, or its ``"value"`` (what the parser after the model made of it). A model
            that calls tools instead of answering has its message passed on by ``"message"``.
        method: How structured output is asked for, where the format has a JSON schema:
            ``"json_schema"``, ``"tool"`` (a forced call), ``"text"`` (not at all), or ``"auto"``:
            what the model's profile says that it can do.
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
    output: Output = "distribution"
    method: Method = "auto"
    resampler: Any = "proportional"
    seed: int | None = None
    deferred: tuple[Any, ...] = Field(default=(), exclude=True, repr=False)
    """What was asked of it before it had a model: methods of a Runnable with their arguments."""

    def __init__(
        self,
        model: RunnableLike[Any, Any] | None = None,
        *,
        strategy: str | Strategy = "vs_standard",
        output: Output = "distribution",
        method: Method = "auto",
        resampler: Any = "proportional",
        seed: int | None = None,
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
                    "model": None if model is None else _as_model(model),
                    "strategy": strategy,
                    "output": _one_of("output", output, Output),
                    "method": _one_of("method", method, Method),
                    "resampler": resampler,
                    "seed": _as_seed(seed),
                }
            )
        )

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
        woven = self._woven(left, ())
        if woven is None:
            raise ConfigurationError(f"There is no model to be found in the chain. {_SPELLING}")
        return woven

    def _woven(self, left: Runnable[Any, Any], after: Sequence[Runnable[Any, Any]]) -> Any:
        """A chain with this sampler around its last model; None if it has none.

        What follows the model goes into the sampler, which applies it to each candidate.
        """
        if is_model(left):
            require_free(left)
            return self.around(left, _chained(after))
        if isinstance(left, VerbalizedSampler):
            return None
        if isinstance(left, RunnableSequence):
            for index, step in reversed(list(enumerate(left.steps))):
                woven = self._woven(step, [*left.steps[index + 1 :], *after])
                if woven is not None:
                    return _chained([*left.steps[:index], woven])
            return None
        parts = [self._woven(part, after) for part in inner(left)]
        if None in parts and any(part is not None for part in parts):
            raise ConfigurationError(
                f"Not every branch of {left.get_name()} has a model to be found. {_SPELLING}"
            )
        return rebuilt(left, parts) if parts and None not in parts else None

    def around(self, model: Runnable[Any, Any], after: Runnable[Any, Any] | None = None) -> Any:
        """Return this sampler with a model, and with what is applied to each candidate."""
        sampler: Any = self._but(model=model, after=after, deferred=())
        for method, args, kwargs in self.deferred:
            args, kwargs = _around_all((args, kwargs), model, after)
            sampler = getattr(sampler, method)(*args, **kwargs)
        return sampler

    def _but(self, **fields: Any) -> VerbalizedSampler:
        """This sampler with other fields."""
        return self.model_copy(update=fields)

    def _adapted(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """What a method of any Runnable gives; without a model, as soon as it has one."""
        if self.model is None:
            return self._but(deferred=(*self.deferred, (method, args, kwargs)))
        return getattr(super(), method)(*args, **kwargs)

    def bind(self, **kwargs: Any) -> Any:
        """Bind settings of the model; see `Runnable.bind`."""
        return self._adapted("bind", **kwargs)

    def with_config(self, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """See `Runnable.with_config`."""
        return self._adapted("with_config", config, **kwargs)

    def with_listeners(self, **listeners: Any) -> Any:
        """See `Runnable.with_listeners`."""
        return self._adapted("with_listeners", **listeners)

    def with_alisteners(self, **listeners: Any) -> Any:
        """See `Runnable.with_alisteners`."""
        return self._adapted("with_alisteners", **listeners)

    def with_types(self, **types: Any) -> Any:
        """See `Runnable.with_types`."""
        return self._adapted("with_types", **types)

    def with_retry(self, **options: Any) -> Any:
        """Try the whole request again when it fails; see `Runnable.with_retry`."""
        return self._adapted("with_retry", **options)

    def with_fallbacks(self, fallbacks: Sequence[Runnable[Any, Any]], **options: Any) -> Any:
        """See `Runnable.with_fallbacks`."""
        return self._adapted("with_fallbacks", fallbacks, **options)

    def configurable_fields(self, **fields: Any) -> Any:
        """Open arguments to ``config["configurable"]``; see `Runnable.configurable_fields`.

        Raises:
            ConfigurationError: If one of them is no argument.
        """
        fields = {"schema_" if name == "schema" else name: f for name, f in fields.items()}
        unknown = fields.keys() - type(self).model_fields.keys()
        if unknown:
            raise ConfigurationError(f"VerbalizedSampler has no argument {sorted(unknown)}.")
        return self._adapted("configurable_fields", **fields)

    def configurable_alternatives(self, which: Any, **alternatives: Any) -> Any:
        """See `Runnable.configurable_alternatives`."""
        return self._adapted("configurable_alternatives", which, **alternatives)

    def map(self) -> Runnable[Sequence[Any], list[Any]]:
        """See `Runnable.map`; it needs a model, for a chain cannot be woven into each input."""
        return RunnableEach(bound=self.steps[0])

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> VerbalizedSampler:
        """Return this sampler with tools bound to its model, as agents ask of a model.

        Raises:
            ConfigurationError: If it has no model, or a ``response_format`` is to be bound with the
                tools: then the model could not give several answers.
        """
        model: Any = self.steps and self.model
        if "response_format" in kwargs:
            raise ConfigurationError(
                "A model that must answer in a structure (ProviderStrategy) cannot give several "
                "answers. Let the agent ask for the structure by a tool: response_format="
                "ToolStrategy(YourModel)."
            )
        return self._but(model=model.bind_tools(tools, **kwargs))

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
        asking = _Asking(self, config, run_manager)

        def complete(request: Request) -> Completion:
            model = asking.model(request)
            try:
                return asking.heard(model.invoke(to_messages(request), asking.config, **kwargs))
            except Exception as error:
                return _salvaged(error)

        try:
            distribution = run(asking.flow(value), complete, max_concurrency=asking.limit)
        except ToolsCalled as called:
            return self._passed_on(called)
        results = None
        if self.after is not None:
            answers = asking.answers(distribution)
            results = self.after.batch(answers, asking.config, return_exceptions=True)
        return self._finished(distribution, results, asking)

    async def _arun(
        self,
        value: Any,
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
        **kwargs: Any,
    ) -> Any:
        asking = _Asking(self, config, run_manager)

        async def complete(request: Request) -> Completion:
            model = asking.model(request)
            messages = to_messages(request)
            try:
                return asking.heard(await model.ainvoke(messages, asking.config, **kwargs))
            except Exception as error:
                return _salvaged(error)

        try:
            distribution = await arun(asking.flow(value), complete, max_concurrency=asking.limit)
        except ToolsCalled as called:
            return self._passed_on(called)
        results = None
        if self.after is not None:
            answers = asking.answers(distribution)
            results = await self.after.abatch(answers, asking.config, return_exceptions=True)
        return self._finished(distribution, results, asking)

    def _finished(
        self, distribution: Distribution, results: Sequence[Any] | None, asking: _Asking
    ) -> Any:
        """What ``output`` says of a distribution and what the step after the model made of it."""
        if results is not None:
            assert self.after is not None  # noqa: S101  # it gave the results
            distribution = _with_values(distribution, results, self.after)
        distribution = distribution.seeded(self.seed)
        if self.output == "distribution":
            return distribution
        passed = iter([not isinstance(result, Exception) for result in results or distribution])
        eligible = distribution.filter(lambda _: next(passed))
        candidate = eligible.sample(resampler=self.resampler)
        if self.output == "message":
            return asking.message(candidate.text, distribution)
        return candidate.text if self.output == "text" else candidate.value

    def _passed_on(self, called: ToolsCalled) -> AIMessage:
        """The message by which a model calls tools, where messages come out."""
        if self.output == "message":
            return called.message
        raise ModelError(
            f"The model called tools ({called}) instead of answering. "
            "VerbalizedSampler(llm, output='message') passes such a message on."
        ) from None

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
        asking = _Asking(self, config, run_manager)

        def answer(request: Request) -> Iterator[Completion]:
            model = asking.model(request)
            chunks = model.stream(to_messages(request), asking.config, **kwargs)
            return pieces(chunks, asking.hear)

        flow = asking.flow(_added_up(list(inputs)))
        grown = Snapshot()
        try:
            with closing(stream(flow, answer, max_concurrency=asking.limit)) as events:
                for event in events:
                    if isinstance(event, Candidate):
                        grown = grown.grown(event)
                        if self.output == "distribution":
                            yield grown
                        continue
                    results = None
                    if self.after is not None:
                        answers = asking.answers(event)
                        results = self.after.batch(answers, asking.config, return_exceptions=True)
                    yield _streamed(self._finished(event, results, asking))
        except ToolsCalled as called:
            yield _streamed(self._passed_on(called))

    async def _atransform(
        self,
        inputs: AsyncIterator[Any],
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        asking = _Asking(self, config, run_manager)

        def answer(request: Request) -> AsyncIterator[Completion]:
            model = asking.model(request)
            chunks = model.astream(to_messages(request), asking.config, **kwargs)
            return apieces(chunks, asking.hear)

        flow = asking.flow(_added_up([chunk async for chunk in inputs]))
        grown = Snapshot()
        try:
            async with aclosing(astream(flow, answer, max_concurrency=asking.limit)) as events:
                async for event in events:
                    if isinstance(event, Candidate):
                        grown = grown.grown(event)
                        if self.output == "distribution":
                            yield grown
                        continue
                    results = None
                    if self.after is not None:
                        answers = asking.answers(event)
                        after = self.after.abatch(answers, asking.config, return_exceptions=True)
                        results = await after
                    yield _streamed(self._finished(event, results, asking))
        except ToolsCalled as called:
            yield _streamed(self._passed_on(called))

    # --- describing --------------------------------------------------------------------------

    @property
    def InputType(self) -> Any:  # noqa: N802
        """What a model takes."""
        return LanguageModelInput

    @property
    def OutputType(self) -> Any:  # noqa: N802
        """What ``output`` says."""
        if self.output == "value" and self.after is not None:
            return self.after.OutputType
        types = {"distribution": Distribution, "message": AIMessage, "text": str}
        return types.get(self.output, Any if self.schema_ is None else self.schema_)

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


class _Asking:
    """How one run asks its model."""

    def __init__(
        self,
        sampler: VerbalizedSampler,
        config: RunnableConfig,
        run_manager: CallbackManagerForChainRun | AsyncCallbackManagerForChainRun,
    ) -> None:
        if sampler.model is None:
            raise ConfigurationError(f"This VerbalizedSampler has no model. {_SPELLING}")
        if sampler.output == "value" and sampler.after is None and sampler.schema_ is None:
            raise ConfigurationError(
                "output='value' needs something that makes values: a schema, or a parser after the "
                "model."
            )
        self._model = sampler.model
        self._method = sampler.method
        self._strategy = sampler._strategy()
        self._run_id = run_manager.run_id
        self.config = patch_config(config, callbacks=run_manager.get_child())
        if sampler.output != "distribution":  # the model's own tokens are not what comes out
            self.config = merge_configs(self.config, {"tags": [_NO_STREAM]})
        self.limit = config.get("max_concurrency")
        self._about: dict[str, Any] = {}
        self._usage: UsageMetadata | None = None
        self._lock = Lock()

    def flow(self, value: Any) -> Any:
        return self._strategy.flow(from_input(value))

    def model(self, request: Request) -> Runnable[Any, Any]:
        """The model, made to answer a request in its structure where it can."""
        model = of_one_call(self._model, request.call, self.config)
        schema = None if self._method == "text" else request.json_schema
        return model if schema is None else structured(model, schema, self._method, self.config)

    def hear(self, answer: Any) -> None:
        """Remember what a model says beside its answer: calls come from several threads."""
        if isinstance(answer, AIMessage):
            with self._lock:
                self._about |= answer.response_metadata
                if answer.usage_metadata is not None:
                    self._usage = add_usage(self._usage, answer.usage_metadata)

    def heard(self, answer: Any) -> Completion:
        """The answer of a model as a completion."""
        self.hear(answer)
        return from_answer(answer)

    def answers(self, distribution: Distribution) -> list[Any]:
        """The candidates as what the model would have answered."""
        texts = [candidate.text for candidate in distribution]
        if gives_text(self._model):
            return list(texts)
        about = self._own_metadata()
        return [AIMessage(text, response_metadata=dict(about)) for text in texts]

    def message(self, text: str, distribution: Distribution) -> AIMessage:
        """A drawn answer as a message like the model's own."""
        about = {**self._own_metadata(), "distribution": distribution.model_dump(mode="json")}
        return AIMessage(
            text,
            response_metadata=about,
            usage_metadata=self._usage,
            id=f"lc_run--{self._run_id}",
        )

    def _own_metadata(self) -> dict[str, Any]:
        """What the model says of its answers, but for what is of a single call."""
        return {key: value for key, value in self._about.items() if key not in _OF_ONE_CALL}


def _salvaged(error: Exception) -> Completion:
    """What there is of an answer that was cut off; any other error is raised again."""
    completion = from_cut_off(error)
    if completion is None:
        raise error
    return completion


def _as_model(given: Any) -> Runnable[Any, Any]:
    """A model that is given to the sampler, if it can be one."""
    try:
        model: Runnable[Any, Any] = coerce_to_runnable(given)
    except TypeError as error:
        raise ConfigurationError(
            f"A model is a chat model, an LLM or another Runnable, not {given!r:.80}."
        ) from error
    if isinstance(getattr(model, "bound", model), VerbalizedSampler):
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


def _as_seed(seed: Any) -> int | None:
    if seed is None or (isinstance(seed, int) and not isinstance(seed, bool)):
        return seed
    raise ConfigurationError(f"seed must be a whole number or None, not {seed!r}.")


def _around_all(value: Any, model: Any, after: Any) -> Any:
    """Arguments in which every sampler without a model gets this one."""
    if isinstance(value, VerbalizedSampler) and value.model is None:
        return value.around(model, after)
    if type(value) in (list, tuple):
        return type(value)(_around_all(item, model, after) for item in value)
    if type(value) is dict:
        return {key: _around_all(item, model, after) for key, item in value.items()}
    return value


def _one_of(name: str, value: Any, choices: Any) -> Any:
    known = get_args(choices)
    if value not in known:
        raise ConfigurationError(f"{name} must be one of {', '.join(known)}, not {value!r}.")
    return value


def _chained(steps: Sequence[Runnable[Any, Any]]) -> Any:
    """Steps as one Runnable; None if there are none."""
    if len(steps) < 2:
        return steps[0] if steps else None
    return RunnableSequence(*steps)


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


def snapshot(output: Distribution) -> Snapshot:
    """Return a distribution as a snapshot."""
    return Snapshot(
        candidates=output.candidates, reasoning=output.reasoning, metadata=output.metadata
    )


def _streamed(output: Any) -> Any:
    """What comes out as it comes out of a stream: it can be added up, as LangChain does."""
    if isinstance(output, Distribution):
        return snapshot(output)
    if not isinstance(output, AIMessage) or isinstance(output, AIMessageChunk):
        return output
    return AIMessageChunk(
        content=output.content,
        response_metadata=output.response_metadata,
        usage_metadata=output.usage_metadata,
        id=output.id,
        chunk_position="last",
    )


def _added_up(chunks: Sequence[Any]) -> Any:
    """The pieces of an input put together, as LangChain does."""
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    return total
