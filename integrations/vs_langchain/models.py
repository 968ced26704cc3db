"""Models and what LangChain wraps around them: finding them, and asking them for structure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, cast

from langchain_core.caches import BaseCache
from langchain_core.globals import get_llm_cache
from langchain_core.language_models import BaseChatModel, BaseLanguageModel, BaseLLM
from langchain_core.runnables import Runnable, RunnableBranch, RunnableConfig, RunnableSequence
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.runnables.config import merge_configs
from langchain_core.runnables.configurable import DynamicRunnable
from langchain_core.runnables.fallbacks import RunnableWithFallbacks

from vs_core import ConfigurationError

__all__ = [
    "STRUCTURE",
    "Method",
    "gives_text",
    "inner",
    "is_model",
    "of_one_call",
    "rebuilt",
    "require_free",
    "structured",
]

Method = Literal["auto", "json_schema", "tool", "text"]

STRUCTURE = "verbalized_responses"
"""Name of the JSON schema, and of the tool, by which a distribution is asked for."""

_TAKEN = frozenset(["tools", "functions", "response_format"])
"""Settings of a model that leave no room for a structure of ours."""

AnyRunnable = Runnable[Any, Any]


def inner(runnable: AnyRunnable) -> list[AnyRunnable]:
    """Return what a wrapper hands its input to: all of that must do for the wrapper to do."""
    if isinstance(runnable, RunnableBindingBase):
        return [runnable.bound]
    if isinstance(runnable, RunnableWithFallbacks):
        return [runnable.runnable, *runnable.fallbacks]
    if isinstance(runnable, RunnableBranch):
        return [*(branch for _, branch in runnable.branches), runnable.default]
    return []


def rebuilt(runnable: AnyRunnable, parts: Sequence[AnyRunnable]) -> AnyRunnable:
    """Return a wrapper with other things in it, in the order of `inner`."""
    if isinstance(runnable, RunnableBindingBase):
        return runnable.model_copy(update={"bound": parts[0]})
    if isinstance(runnable, RunnableWithFallbacks):
        return runnable.model_copy(update={"runnable": parts[0], "fallbacks": list(parts[1:])})
    assert isinstance(runnable, RunnableBranch)  # noqa: S101  # nothing else has inner parts
    branches = [(when, part) for (when, _), part in zip(runnable.branches, parts, strict=False)]
    return runnable.model_copy(update={"branches": branches, "default": parts[-1]})


def is_model(runnable: AnyRunnable) -> bool:
    """Whether a step is a model, however it is bound, configured or protected."""
    if isinstance(runnable, BaseLanguageModel) or _chosen_later(runnable):
        return True
    if isinstance(runnable, DynamicRunnable):
        return is_model(runnable.default)
    wrapped = isinstance(runnable, (RunnableBindingBase, RunnableWithFallbacks))
    return wrapped and is_model(inner(runnable)[0])


def _chosen_later(runnable: AnyRunnable) -> bool:
    """Whether this is what ``init_chat_model`` returns for a model that the config names.

    The class is private to ``langchain``, which need not be installed.
    """
    return type(runnable).__name__ == "_ConfigurableModel"


def gives_text(runnable: AnyRunnable) -> bool:
    """Whether a model answers with a string instead of a message."""
    if isinstance(runnable, DynamicRunnable):
        return gives_text(runnable.default)
    parts = inner(runnable)
    return gives_text(parts[0]) if parts else isinstance(runnable, BaseLLM)


def require_free(runnable: AnyRunnable) -> None:
    """Refuse a model that is made to answer in a structure of the user's.

    Raises:
        ConfigurationError: If it is: it could not answer in ours.
    """
    for part in inner(runnable):
        require_free(part)
    settings = runnable.kwargs if isinstance(runnable, RunnableBindingBase) else {}
    wanted = settings.get("response_format")
    structured = isinstance(wanted, type) or (
        isinstance(wanted, Mapping) and wanted.get("type") == "json_schema"
    )
    forced = settings.get("tool_choice") not in (None, "auto", "none", False)
    if structured or forced or "ls_structured_output_format" in settings:
        raise ConfigurationError(
            "The model is bound to a structure of its own (with_structured_output, "
            "response_format, tool_choice), in which it cannot give several answers. Give the "
            "structure to the sampler, as the type of each: VerbalizedSampler(llm, k=5, "
            "schema=YourModel), or prompt | llm | VerbalizedSampler(k=5, schema=YourModel)."
        )


# --- keeping calls apart ---------------------------------------------------------------------


class _OfOneCall(BaseCache):
    """A cache in which each call of a flow has entries of its own.

    The key of a chat model's call holds the fields of its messages, where that of a model which
    completes text is what is sent: so the number of the call can only go into the key here.
    """

    def __init__(self, cache: BaseCache, call: int) -> None:
        self._cache = cache
        self._mark = f"\n(call {call})"

    def lookup(self, prompt: str, llm_string: str) -> Any:
        return self._cache.lookup(prompt + self._mark, llm_string)

    def update(self, prompt: str, llm_string: str, return_val: Any) -> None:
        self._cache.update(prompt + self._mark, llm_string, return_val)

    async def alookup(self, prompt: str, llm_string: str) -> Any:
        return await self._cache.alookup(prompt + self._mark, llm_string)

    async def aupdate(self, prompt: str, llm_string: str, return_val: Any) -> None:
        await self._cache.aupdate(prompt + self._mark, llm_string, return_val)

    def clear(self, **kwargs: Any) -> None:
        self._cache.clear(**kwargs)


def of_one_call(runnable: AnyRunnable, call: int, config: RunnableConfig) -> AnyRunnable:
    """Return a model whose cache keeps this call of a flow apart from its others."""

    def apart(model: AnyRunnable) -> AnyRunnable:
        if not isinstance(model, BaseLLM) or model.cache is False:
            return model
        cache = model.cache if isinstance(model.cache, BaseCache) else get_llm_cache()
        if cache is None:
            return model
        return model.model_copy(update={"cache": _OfOneCall(cache, call)})

    return _with_models(runnable, apart, config) if call else runnable


def _with_models(
    runnable: AnyRunnable, change: Callable[[AnyRunnable], AnyRunnable], config: RunnableConfig
) -> AnyRunnable:
    """A step with each model in it changed; itself where nothing is.

    Where the config chooses among models, it is a step with the chosen one.
    """
    runnable, config = _chosen(runnable, config)
    parts = inner(runnable)
    if not parts:
        return change(runnable)
    changed = [_with_models(part, change, config) for part in parts]
    same = all(new is old for new, old in zip(changed, parts, strict=True))
    return runnable if same else rebuilt(runnable, changed)


def _chosen(runnable: AnyRunnable, config: RunnableConfig) -> tuple[AnyRunnable, RunnableConfig]:
    """What the config chooses where it can, and the config for what is in it."""
    if isinstance(runnable, DynamicRunnable):
        runnable, config = runnable.prepare(config)
    if _chosen_later(runnable):
        runnable = cast("Any", runnable)._model(config)
    if isinstance(runnable, RunnableBindingBase):
        config = merge_configs(config, runnable.config)
    return runnable, config


# --- structured output -----------------------------------------------------------------------


def structured(
    runnable: AnyRunnable, schema: Mapping[str, Any], method: Method, config: RunnableConfig
) -> AnyRunnable:
    """Return a model that is asked for answers of a JSON schema, wherever that can be done.

    Args:
        runnable: A model, however it is bound, configured or protected.
        schema: JSON schema of an object.
        method: ``"json_schema"``, ``"tool"``, or what the profile of each model says (``"auto"``).
        config: Of the call, which may choose among configured models.

    Returns:
        The runnable; as it was where nothing can be asked for, as with a model that has tools.

    Raises:
        ConfigurationError: If a method was chosen that the model does not have.
    """

    def asked(model: AnyRunnable) -> AnyRunnable:
        if isinstance(model, BaseChatModel):
            return _asked(model, {"title": STRUCTURE, **schema}, method)
        if method == "auto":
            return model
        raise ConfigurationError(
            f"method={method!r} needs a chat model, not {type(model).__name__}; "
            "method='text' works with any model."
        )

    return runnable if _taken(runnable, config) else _with_models(runnable, asked, config)


def _taken(runnable: AnyRunnable, config: RunnableConfig) -> bool:
    """Whether the settings of a model leave no room for a structure of ours."""
    runnable, config = _chosen(runnable, config)
    if isinstance(runnable, RunnableBindingBase) and runnable.kwargs.keys() & _TAKEN:
        return True
    return any(_taken(part, config) for part in inner(runnable))


def _asked(model: BaseChatModel, schema: dict[str, Any], method: Method) -> AnyRunnable:
    if method != "auto":
        return _asked_by(model, schema, method)
    for promised in _methods(model):
        with suppress(ConfigurationError):  # the profile of a model may promise too much
            return _asked_by(model, schema, promised)
    return model


def _asked_by(model: BaseChatModel, schema: dict[str, Any], method: Method) -> AnyRunnable:
    try:
        if method == "tool":
            return model.bind_tools([schema], tool_choice="any")
        chain = model.with_structured_output(schema, method="json_schema")
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{type(model).__name__} does not support method={method!r} ({error}); "
            "method='text' works with any model."
        ) from error
    assert isinstance(chain, RunnableSequence)  # noqa: S101  # the model, then LangChain's parser
    return chain.first


def _methods(model: BaseChatModel) -> Iterator[Method]:
    """What the profile of a model says that it can do, the best first."""
    profile: Mapping[str, Any] = getattr(model, "profile", None) or {}
    if profile.get("structured_output"):
        yield "json_schema"
    if profile.get("tool_calling") and profile.get("tool_choice"):
        yield "tool"
