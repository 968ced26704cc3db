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

__all__ = [
    "below",
    "chosen_later",
    "chosen_now",
    "cut_off",
    "hidden",
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
