"""`VerbalizedChatModel`: a chat model whose answers are drawn from a distribution."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, LLMResult
from langchain_core.runnables import Runnable, RunnableBinding, RunnableConfig
from pydantic import Field, PrivateAttr

from vs_core.effects import Effect, Effects, aperform, perform
from vs_core.plugins import plugins
from vs_langchain.answers import Answering, Drawing, all_counted, counted, uncounted
from vs_langchain.forms import Form, form_of_response, split
from vs_langchain.internals import below, below_run, identified
from vs_langchain.messages import Keep
from vs_langchain.models import models_in
from vs_langchain.options import StrategyOptions
from vs_langchain.sampling import as_model, as_seed
from vs_langchain.settings import settings_among, with_settings
from vs_langchain.structure import Method, forced
from vs_langchain.typed import structured_output

__all__ = ["VerbalizedChatModel"]

_DEEP = ("configurable", "max_concurrency", "recursion_limit")


class VerbalizedChatModel(StrategyOptions, BaseChatModel):
    """A chat model that asks another one for a distribution, and answers with a drawn candidate.

    It goes wherever a chat model is demanded by type::

        model = VerbalizedChatModel(ChatOpenAI(model="gpt-4.1-mini"), k=5)
        model.invoke("Tell me a joke")              # an AIMessage
        create_agent(model, tools, response_format=Answer)

    The drawn text streams. Structured answers are verbalized too: those of `with_structured_output`
    and of agents. A message in which the model calls tools passes through untouched. The calls of
    the wrapped model are children of this one's run, and their usage is counted once: in the
    message it is the sum, in callbacks each call has its own.

    ``generate`` gives as many different generations as the wrapped model's ``n`` says.

    Args:
        llm: The chat model to ask, also bound, configured, retrying or with fallbacks.
        strategy: A registered name or a strategy of `vs_core`.
        method: How structured output is asked for; see `VerbalizedSampler`.
        resampler: How one is drawn.
        seed: Makes drawing reproducible: an int.
        distribution: How much of the distribution stands in ``response_metadata``: ``"full"``,
            ``"compact"`` (texts and probabilities alone, as a history is sent around with every
            turn), or ``"none"``. See `distribution_of`.
        stop: Texts at which a drawn answer ends. The wrapped model's own ``stop`` would end the
            distribution.
        **options: Options of the strategy; fields of any chat model, such as ``tags``; and settings
            of the wrapped model, such as ``temperature``, which then is made anew with them.

    Raises:
        ConfigurationError: If an option cannot work.
    """

    name: str | None = "VerbalizedChatModel"
    llm: Runnable[Any, Any]
    method: Method = "auto"
    resampler: Any = "proportional"
    seed: int | None = None
    distribution: Keep = "compact"
    stop: list[str] | None = None
    cache: Any = Field(default=False, exclude=True)
    """The wrapped model's calls are cached; what is drawn from them is drawn anew."""
    form: Form | None = Field(default=None, exclude=True, repr=False)
    tools: tuple[Any, ...] = Field(default=(), exclude=True, repr=False)
    types: dict[str, Any] = Field(default_factory=dict, exclude=True, repr=False)
    """Types of an agent's structured answers by their names, where they are known."""
    _config: RunnableConfig = PrivateAttr(default_factory=RunnableConfig)

    def __init__(self, llm: Any, **options: Any) -> None:
        model = as_model(llm)
        if "seed" in options:
            as_seed(options["seed"])
        plugins.resampler(options.get("resampler", "proportional"))
        settings = settings_among(options, model, type(self).model_fields)
        options = {name: value for name, value in options.items() if name not in settings}
        model = with_settings(model, settings)
        options.setdefault("profile", getattr(_first(model), "profile", None))
        super().__init__(llm=model, **options)
        self._sampler()

    # --- answering ---------------------------------------------------------------------------

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return perform(self._generating(messages, stop, run_manager, kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await aperform(self._generating(messages, stop, run_manager, kwargs))

    def _generating(
        self, messages: Any, stop: Any, run_manager: Any, kwargs: dict[str, Any]
    ) -> Effects[ChatResult]:
        count = kwargs.pop("n", None) or getattr(_first(self.llm), "n", None) or 1
        sampler, config = self._sampler(stop, count), self._below(run_manager)
        answers = yield Effect(
            lambda: sampler.invoke(messages, config, **kwargs),
            lambda: sampler.ainvoke(messages, config, **kwargs),
        )
        return ChatResult(generations=[ChatGeneration(message=uncounted(m)) for m in answers])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        config = self._below(run_manager)
        for chunk in self._sampler(stop).stream(messages, config, **kwargs):
            yield ChatGenerationChunk(message=uncounted(chunk))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        config = self._below(run_manager)
        async with aclosing(self._sampler(stop).astream(messages, config, **kwargs)) as chunks:
            async for chunk in chunks:
                yield ChatGenerationChunk(message=uncounted(chunk))

    def _sampler(self, stop: Sequence[str] | None = None, count: int = 1) -> Any:
        """What asks for a distribution and draws ``count`` messages from it."""
        given, method = self._given(), self.method
        if self.form is not None:
            given["schema"] = self.form.schema
            if self.form.by_tool and method == "auto":
                method = "tool"
        if count > 1:  # different ones come from one call
            given |= {"k": max(self.k, count), "n": max(self._strategy().in_all, count)}
        return Answering(
            model=self.llm,
            output="message",
            method=method,
            resampler=self.resampler,
            seed=self.seed,
            distribution=self.distribution,
            **given,
        ).model_copy(
            update={
                "tools": self.tools,
                "drawing": Drawing(self.form, tuple(stop or self.stop or ()), count),
            }
        )

    def _below(self, run_manager: Any) -> RunnableConfig:
        """The config of what runs below: all of this run's that is not of a single run."""
        callbacks = below(run_manager) if run_manager else below_run(self._config)
        deep = {key: value for key, value in self._config.items() if key in _DEEP}
        return cast("RunnableConfig", {**deep, "callbacks": callbacks})

    # LangChain's chat models hand no config down, and callbacks would count the usage of a message
    # as well as that of the calls it took. So both are seen to around LangChain's own methods.

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> AIMessage:
        """Answer; see `BaseChatModel.invoke`. ``max_concurrency`` bounds the calls it takes."""
        model, config = self._under(config)
        return super(VerbalizedChatModel, model).invoke(input, config, **kwargs)

    async def ainvoke(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AIMessage:
        """Answer without blocking; see `invoke`."""
        model, config = self._under(config)
        return await super(VerbalizedChatModel, model).ainvoke(input, config, **kwargs)

    def stream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Yield the pieces of a drawn answer, as soon as it is known which one is drawn."""
        model, config = self._under(config)
        for chunk in super(VerbalizedChatModel, model).stream(input, config, **kwargs):
            yield counted(chunk)

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Yield the pieces of a drawn answer without blocking; see `stream`."""
        model, config = self._under(config)
        streaming: Any = super(VerbalizedChatModel, model).astream(input, config, **kwargs)
        async with aclosing(streaming) as chunks:
            async for chunk in chunks:
                yield counted(chunk)

    def generate(self, *args: Any, **kwargs: Any) -> LLMResult:
        """Answer several conversations; see `BaseChatModel.generate`."""
        return all_counted(super().generate(*args, **kwargs))

    async def agenerate(self, *args: Any, **kwargs: Any) -> LLMResult:
        """Answer several conversations without blocking; see `BaseChatModel.agenerate`."""
        return all_counted(await super().agenerate(*args, **kwargs))

    def _under(self, config: RunnableConfig | None) -> tuple[VerbalizedChatModel, RunnableConfig]:
        """This model under a config, and the config."""
        model, config = self.model_copy(), identified(config)
        model._config = config
        return model, config

    # --- tools and structures ----------------------------------------------------------------

    def bind_tools(
        self,
        tools: Sequence[Any],
        *,
        tool_choice: Any = None,
        response_format: Any = None,
        **kwargs: Any,
    ) -> Runnable[Any, AIMessage]:
        """Return this model with tools.

        A message in which it calls a tool passes through; its answers are drawn. What an agent
        wants as the structure of its answer (``response_format``, or among the tools that it must
        choose from those that have no function: types, JSON schemas) is verbalized: k typed
        candidates, one drawn. A call that is forced on it among tools that do something is made by
        the wrapped model alone.

        Args:
            tools: As the wrapped model takes them.
            tool_choice: As the wrapped model takes it.
            response_format: A type or a JSON schema, as OpenAI's API has it.
            **kwargs: Further settings of the wrapped model.

        Raises:
            ConfigurationError: If the structure cannot be verbalized.
        """
        llm: Any = self.llm
        rest, form = list(tools), None
        if response_format is not None:
            form = form_of_response(response_format, self.types)
        elif forced({"tool_choice": tool_choice}):
            rest, form = split(tools, tool_choice, self.types)
        if form is not None:
            form.require(self._strategy())
            kwargs.pop("strict", None)  # decided for each schema that is asked for
            model = self.model_copy(update={"form": form, "tools": tuple(rest)})
            return RunnableBinding(bound=model, kwargs=kwargs)
        if tool_choice is not None:
            kwargs["tool_choice"] = tool_choice
        bound = llm.bind_tools(tools, **kwargs)
        if forced(kwargs):
            return cast("Runnable[Any, AIMessage]", bound)
        return RunnableBinding(bound=self.model_copy(update={"llm": bound}))

    def with_structured_output(
        self, schema: Any = None, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[Any, Any]:
        """Return what draws a value of a type from k typed candidates.

        Args:
            schema: A pydantic model, a TypedDict, any type that pydantic validates, or a JSON
                schema.
            include_raw: Whether to return a dict of ``raw`` (the message, which carries the
                distribution), ``parsed`` and ``parsing_error``.
            **kwargs: ``method`` (``"json_schema"``, ``"function_calling"``, or ``"json_mode"``,
                which asks in words) and ``strict``, as the wrapped model has them.

        Returns:
            A Runnable that gives an instance of a type, or a dict for a JSON schema.

        Raises:
            ConfigurationError: If ``schema`` is no type, or an option is unknown.
        """
        return structured_output(self._sampler(), schema, include_raw=include_raw, **kwargs)

    # --- describing --------------------------------------------------------------------------

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """It is not: LangChain loads chat models from a list of its own. Pickling works."""
        return False

    @property
    def _llm_type(self) -> str:
        return "verbalized"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        own = ("method", "seed", "distribution", "stop")
        options = {key: value for key, value in self._given().items() if key != "prompts"}
        model = _first(self.llm)
        known = isinstance(model, BaseChatModel)
        inner = dict(model._identifying_params) if known else repr(model)
        return {**options, **{name: getattr(self, name) for name in own}, "llm": inner}

    @property
    def model_name(self) -> str | None:
        """Name of the wrapped model, where it has one."""
        names = (getattr(_first(self.llm), key, None) for key in ("model_name", "model"))
        return next((name for name in names if isinstance(name, str)), None)

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        """Those of the wrapped model: what a trace is to say of provider and model."""
        model = _first(self.llm)
        if isinstance(model, BaseChatModel):
            return model._get_ls_params(stop, **kwargs)
        return super()._get_ls_params(stop, **kwargs)


def _first(llm: Runnable[Any, Any]) -> Any:
    """The wrapped model itself; of several the first choice."""
    return next(models_in(llm))
