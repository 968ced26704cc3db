"""How a LangChain model, or a chain that takes messages, completes a request of the core."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from vs_core import Completion, Request
from vs_langchain.messages import from_answer, to_messages
from vs_langchain.models import AnyRunnable

__all__ = ["completer"]


def completer(model: AnyRunnable) -> Callable[[Request], Awaitable[Completion]]:
    """Return what answers a request by ``ainvoke``, with LangChain's callbacks and cache.

    Args:
        model: A chat model, an LLM, or a chain that takes messages.
    """

    async def complete(request: Request) -> Completion:
        return from_answer(await model.ainvoke(to_messages(request)))

    return complete
