"""`VerbalizedSampler`: a Runnable that asks a model for a distribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Literal, overload

from langchain_core.messages import AIMessage
from langchain_core.runnables.base import RunnableLike
from typing_extensions import TypeVar, Unpack

from vs_core import ConfigurationError, Distribution
from vs_core.resampling import Resampler
from vs_langchain.messages import Keep
from vs_langchain.options import ChainOptions
from vs_langchain.outputs import OutputMode
from vs_langchain.sampling import Out, Sampling
from vs_langchain.structure import Method, forced

__all__ = ["SamplerOptions", "VerbalizedSampler"]

S = TypeVar("S")


class SamplerOptions(ChainOptions, total=False):
    """The further options of a sampler; for type checkers."""

    method: Method
    resampler: str | Resampler
    seed: int | None
    distribution: Keep
    stream_raw: bool


class VerbalizedSampler(Sampling[Out], Generic[Out]):
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

    @overload
    def __init__(
        self: VerbalizedSampler[Distribution[Any]],
        model: RunnableLike[Any, Any] | None = None,
        *,
        output: Literal["distribution"] = "distribution",
        schema: Mapping[str, Any] | None = None,
        **options: Unpack[SamplerOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: VerbalizedSampler[Distribution[S]],
        model: RunnableLike[Any, Any] | None = None,
        *,
        output: Literal["distribution"] = "distribution",
        schema: type[S],
        **options: Unpack[SamplerOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: VerbalizedSampler[AIMessage],
        model: RunnableLike[Any, Any] | None = None,
        *,
        output: Literal["message"],
        schema: Any = None,
        **options: Unpack[SamplerOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: VerbalizedSampler[str],
        model: RunnableLike[Any, Any] | None = None,
        *,
        output: Literal["text"],
        schema: Any = None,
        **options: Unpack[SamplerOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: VerbalizedSampler[S],
        model: RunnableLike[Any, Any] | None = None,
        *,
        output: Literal["value"],
        schema: type[S],
        **options: Unpack[SamplerOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: VerbalizedSampler[Any],
        model: RunnableLike[Any, Any] | None = None,
        *,
        output: OutputMode = "distribution",
        schema: Any = None,
        **options: Unpack[SamplerOptions],
    ) -> None: ...
    def __init__(self, model: RunnableLike[Any, Any] | None = None, **options: Any) -> None:
        super().__init__(model, **options)

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        """Return this sampler with tools bound to its model, as agents ask of a model.

        A message in which the model calls a tool passes through; the model stays free to answer. If
        a tool, or a structure, is forced on it, see `VerbalizedChatModel.bind_tools`.

        Raises:
            ConfigurationError: If it has no model, or could not give several answers.
        """
        model: Any = self.steps and self.model
        if not forced(kwargs):
            return self.model_copy(update={"model": model.bind_tools(tools, **kwargs)})
        if self.output != "message" or self.after is not None:
            raise ConfigurationError(
                "A model that must call a tool, or must answer in a structure, gives no text to "
                "sample. VerbalizedSampler(llm, output='message') and VerbalizedChatModel(llm) "
                "verbalize the structure of an agent's answer."
            )
        from vs_langchain.chat_model import VerbalizedChatModel

        own = ("method", "resampler", "seed", "distribution")
        settings = {name: getattr(self, name) for name in own}
        return VerbalizedChatModel(model, **settings, **self._given()).bind_tools(tools, **kwargs)

    def with_structured_output(self, schema: Any, **options: Any) -> Any:
        """Return what draws a value of a type; see `VerbalizedChatModel.with_structured_output`.

        Raises:
            ConfigurationError: If it has no model, or ``schema`` is no type.
        """
        from vs_langchain.typed import structured_output

        return structured_output(self, schema, **options) if self.steps else None
