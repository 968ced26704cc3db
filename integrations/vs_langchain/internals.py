"""What this package knows of LangChain beyond its public names: each fact behind one function.

tests/langchain/test_internals.py holds them all to the LangChain that is installed.
"""

from __future__ import annotations

import sys
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForLLMRun,
    BaseCallbackManager,
    CallbackManager,
    CallbackManagerForLLMRun,
)
from langchain_core.runnables import Runnable, RunnableConfig, RunnableSequence
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.runnables.config import ensure_config
from langchain_core.utils.uuid import uuid7

__all__ = [
    "below",
    "below_run",
    "chosen_later",
    "chosen_now",
    "cut_off",
    "hidden",
    "identified",
    "message_id",
    "model_in",
    "operands",
]

AnyRunnable = Runnable[Any, Any]


def message_id(run_id: object) -> str:
    """The id that LangChain gives to the message of a run: so it counts as the run's own."""
    return f"lc_run--{run_id}"


def hidden(config: RunnableConfig) -> RunnableConfig:
    """A config under which LangGraph does not stream a model's tokens as messages."""
    return {**config, "tags": [*(config.get("tags") or ()), "nostream"]}


def below(
    run_manager: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun,
) -> BaseCallbackManager:
    """The callbacks of what runs below a chat model's run, which LangChain has childless."""
    synchronous = isinstance(run_manager, CallbackManagerForLLMRun)
    kind = CallbackManager if synchronous else AsyncCallbackManager
    manager = kind(handlers=[], parent_run_id=run_manager.run_id)
    manager.set_handlers(run_manager.inheritable_handlers)
    manager.add_tags(run_manager.inheritable_tags)
    manager.add_metadata(run_manager.inheritable_metadata)
    return manager


def identified(config: RunnableConfig | None) -> RunnableConfig:
    """A config that says the id of the run it is for."""
    given = ensure_config(config)
    return {**given, "run_id": given.get("run_id") or uuid7()}


def below_run(config: RunnableConfig) -> BaseCallbackManager | None:
    """The callbacks of what runs below the run that a config identifies; None if it does not.

    To the methods that stream, LangChain does not say what run they are of.
    """
    if "run_id" not in config:
        return None
    manager = CallbackManager.configure(
        inheritable_callbacks=config.get("callbacks"),
        inheritable_tags=config.get("tags"),
        inheritable_metadata=config.get("metadata"),
    )
    manager.parent_run_id = config["run_id"]
    return manager


def chosen_later(runnable: AnyRunnable) -> bool:
    """Whether this is what ``init_chat_model`` returns for a model that the config names.

    The class is private to ``langchain``, which need not be installed.
    """
    return type(runnable).__name__ == "_ConfigurableModel"


def chosen_now(runnable: Any, config: RunnableConfig) -> AnyRunnable:
    """The model that a config names, of a runnable that is `chosen_later`."""
    model: AnyRunnable = runnable._model(config)
    return model


def model_in(chain: AnyRunnable) -> AnyRunnable | None:
    """The model of what ``with_structured_output`` returns, bound to ask for the structure.

    LangChain's own returns the model and then a parser. None for anything else.
    """
    first = chain.first if isinstance(chain, RunnableSequence) else None
    return first if isinstance(first, RunnableBindingBase) else None


def cut_off(error: Exception) -> Any:
    """The completion for which OpenAI's client raised because it reached its limit of tokens.

    None for any other error. The client need not be installed.
    """
    if type(error).__name__ != "LengthFinishReasonError":
        return None
    return getattr(error, "completion", None)


def operands() -> tuple[Any, ...]:
    """The steps of the sequence that is being made further up the stack; empty if there is none.

    Where ``chain | sampler`` never asks the sampler, its sequence is all that knows the chain.
    """
    frame = sys._getframe(1)
    for _ in range(8):
        if frame.f_code is RunnableSequence.__init__.__code__:
            return tuple(frame.f_locals.get("steps", ()))
        if frame.f_back is None:
            break
        frame = frame.f_back
    return ()
