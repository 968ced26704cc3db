"""How a ``dspy.LM`` completes a request of the core, through DSPy's cache."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from vs_core import Completion, ConfigurationError, Request

__all__ = ["completer"]


def completer(model: Any) -> Callable[[Request], Awaitable[Completion]]:
    """Return what answers a request by ``aforward``.

    Args:
        model: A ``dspy.LM``. Of a program give its ``lm``: it has prompts of its own.

    Raises:
        ConfigurationError: If it is another thing of DSPy's.
    """
    import dspy

    if not isinstance(model, dspy.BaseLM):
        raise ConfigurationError(
            f"A model of DSPy is a dspy.LM, not a {type(model).__name__}. A program asks with "
            "prompts of its own: run it over the rows by dspy.Module.batch."
        )

    async def complete(request: Request) -> Completion:
        messages = [message.as_dict() for message in request.messages]
        apart = {"rollout_id": request.call} if request.call else {}
        response = await model.aforward(messages=messages, **apart)
        (choice, *_) = response.choices
        usage = dict(response.usage or {})
        names = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens"}
        return Completion(
            choice.message.content or "",
            {ours: usage[theirs] for ours, theirs in names.items() if usage.get(theirs)},
            response,
            getattr(choice.message, "reasoning_content", None),
            choice.finish_reason,
            getattr(response, "model", None),
        )

    return complete
