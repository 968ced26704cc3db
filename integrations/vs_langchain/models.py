"""Models and what LangChain wraps around them: finding them, and changing them where they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseLanguageModel, BaseLLM
from langchain_core.runnables import Runnable, RunnableBranch, RunnableConfig
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.runnables.config import merge_configs
from langchain_core.runnables.configurable import DynamicRunnable
from langchain_core.runnables.fallbacks import RunnableWithFallbacks

from vs_core import ConfigurationError
from vs_langchain.internals import chosen_later, chosen_now

__all__ = [
    "AnyRunnable",
    "bound_settings",
    "gives_text",
    "inner",
    "is_model",
    "models_in",
    "rebuilt",
    "require_free",
    "with_models",
    "without_setting",
]

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
        # What ``with_types`` says of the output is said of what was bound before.
        return runnable.model_copy(update={"bound": parts[0], "custom_output_type": None})
    if isinstance(runnable, RunnableWithFallbacks):
        return runnable.model_copy(update={"runnable": parts[0], "fallbacks": list(parts[1:])})
    assert isinstance(runnable, RunnableBranch)  # noqa: S101  # nothing else has inner parts
    branches = [(when, part) for (when, _), part in zip(runnable.branches, parts, strict=False)]
    return runnable.model_copy(update={"branches": branches, "default": parts[-1]})


def is_model(runnable: AnyRunnable) -> bool:
    """Whether a step is a model, however it is bound, configured or protected."""
    if isinstance(runnable, BaseLanguageModel) or chosen_later(runnable):
        return True
    if isinstance(runnable, DynamicRunnable):
        return is_model(runnable.default)
    wrapped = isinstance(runnable, (RunnableBindingBase, RunnableWithFallbacks))
    return wrapped and is_model(inner(runnable)[0])


def models_in(runnable: AnyRunnable) -> Iterator[AnyRunnable]:
    """Yield what is inside all wrappers, the first choice first."""
    if isinstance(runnable, DynamicRunnable):
        runnable = runnable.default
    parts = inner(runnable)
    if not parts:
        yield runnable
    for part in parts:
        yield from models_in(part)


def gives_text(runnable: AnyRunnable) -> bool:
    """Whether a model answers with a string instead of a message."""
    return isinstance(next(models_in(runnable)), BaseLLM)


# --- what is bound to a model ----------------------------------------------------------------


def bound_settings(runnable: AnyRunnable) -> dict[str, Any]:
    """Return all that is bound to a model, or to one of several; the outer bindings count."""
    settings: dict[str, Any] = {}
    if isinstance(runnable, DynamicRunnable):
        return bound_settings(runnable.default)
    for part in reversed(inner(runnable)):
        settings |= bound_settings(part)
    if isinstance(runnable, RunnableBindingBase):
        settings |= runnable.kwargs
    return settings


def without_setting(runnable: AnyRunnable, name: str) -> AnyRunnable:
    """Return a model to which ``name`` is bound no more."""
    parts = inner(runnable)
    if name not in bound_settings(runnable) or not parts:
        return runnable
    runnable = rebuilt(runnable, [without_setting(part, name) for part in parts])
    if isinstance(runnable, RunnableBindingBase):
        kept = {key: value for key, value in runnable.kwargs.items() if key != name}
        return runnable.model_copy(update={"kwargs": kept})
    return runnable


def require_free(runnable: AnyRunnable) -> None:
    """Refuse a model that is made to answer in a structure of the user's.

    Raises:
        ConfigurationError: If it is: it could not answer in ours.
    """
    settings = bound_settings(runnable)
    wanted = settings.get("response_format")
    structured = isinstance(wanted, type) or (
        isinstance(wanted, Mapping) and wanted.get("type") == "json_schema"
    )
    must_call = settings.get("tool_choice") not in (None, "auto", "none", False)
    if structured or must_call or "ls_structured_output_format" in settings:
        raise ConfigurationError(
            "The model is bound to a structure of its own (with_structured_output, "
            "response_format, tool_choice), in which it cannot give several answers. Give the "
            "structure to the sampler, as the type of each: VerbalizedSampler(llm, k=5, "
            "schema=YourModel), or prompt | llm | VerbalizedSampler(k=5, schema=YourModel)."
        )


# --- changing models where they are ----------------------------------------------------------


def with_models(
    runnable: AnyRunnable, change: Callable[[AnyRunnable], AnyRunnable], config: RunnableConfig
) -> AnyRunnable:
    """Return a step with each model in it changed; itself where nothing is.

    Where the config chooses among models, it is a step with the chosen one.
    """
    runnable, config = _chosen(runnable, config)
    parts = inner(runnable)
    if not parts:
        return change(runnable)
    changed = [with_models(part, change, config) for part in parts]
    same = all(new is old for new, old in zip(changed, parts, strict=True))
    return runnable if same else rebuilt(runnable, changed)


def _chosen(runnable: AnyRunnable, config: RunnableConfig) -> tuple[AnyRunnable, RunnableConfig]:
    """What the config chooses where it can, and the config for what is in it."""
    if isinstance(runnable, DynamicRunnable):
        runnable, config = runnable.prepare(config)
    if chosen_later(runnable):
        runnable = chosen_now(runnable, config)
    if isinstance(runnable, RunnableBindingBase):
        config = merge_configs(config, runnable.config)
    return runnable, config
