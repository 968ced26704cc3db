"""Models and what LangChain wraps around them: finding them, and asking them for structure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel, BaseLanguageModel, BaseLLM
from langchain_core.runnables import Runnable, RunnableBranch, RunnableConfig, RunnableSequence
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.runnables.config import merge_configs
from langchain_core.runnables.configurable import DynamicRunnable
from langchain_core.runnables.fallbacks import RunnableWithFallbacks

from vs_core import ConfigurationError

__all__ = ["STRUCTURE", "Method", "gives_text", "inner", "model_within", "rebuilt", "structured"]

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


def model_within(runnable: AnyRunnable) -> BaseLanguageModel[Any] | None:
    """Return the model in a step that is one, however it is bound, configured or protected."""
    if isinstance(runnable, BaseLanguageModel):
        return runnable
    if isinstance(runnable, DynamicRunnable):
        return model_within(runnable.default)
    if isinstance(runnable, (RunnableBindingBase, RunnableWithFallbacks)):
        return model_within(inner(runnable)[0])
    return None


def gives_text(runnable: AnyRunnable) -> bool:
    """Whether a model answers with a string instead of a message."""
    return isinstance(model_within(runnable), BaseLLM)


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
    if isinstance(runnable, DynamicRunnable):
        runnable, config = runnable.prepare(config)
    if isinstance(runnable, BaseChatModel):
        return _asked(runnable, {"title": STRUCTURE, **schema}, method)
    if isinstance(runnable, RunnableBindingBase):
        if runnable.kwargs.keys() & _TAKEN:
            return runnable
        config = merge_configs(config, runnable.config)
    parts = inner(runnable)
    if not parts and method != "auto":
        raise ConfigurationError(
            f"method={method!r} needs a chat model, not {type(runnable).__name__}; "
            "method='text' works with any model."
        )
    asked = [structured(part, schema, method, config) for part in parts]
    same = all(new is old for new, old in zip(asked, parts, strict=True))
    return runnable if same else rebuilt(runnable, asked)


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
