"""Answering requests of the core through a LlamaIndex LLM's own call path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    TextBlock,
)
from llama_index.core.llms import LLM

from vs_core import Completion, Message, Request

__all__ = ["acompleter", "completer", "from_chat_messages", "to_chat_messages"]


def completer(llm: LLM) -> Callable[[Request], Completion]:
    """Return a ``complete`` callable over an LLM: by its ``chat``, or else its ``complete``."""

    def complete(request: Request) -> Completion:
        messages = to_chat_messages(request.messages)
        if llm.metadata.is_chat_model:
            return _completion(llm.chat(messages))
        return _completion(llm.complete(_to_prompt(llm, messages), formatted=True))

    return complete


def acompleter(llm: LLM) -> Callable[[Request], Awaitable[Completion]]:
    """Return an async ``complete`` callable over an LLM; see `completer`."""

    async def complete(request: Request) -> Completion:
        messages = to_chat_messages(request.messages)
        if llm.metadata.is_chat_model:
            return _completion(await llm.achat(messages))
        return _completion(await llm.acomplete(_to_prompt(llm, messages), formatted=True))

    return complete


def from_chat_messages(messages: Sequence[ChatMessage]) -> tuple[Message, ...]:
    """Return LlamaIndex's messages as those of the core."""
    return tuple(_from_chat_message(message) for message in messages)


def _from_chat_message(message: ChatMessage) -> Message:
    plain = all(isinstance(block, TextBlock) for block in message.blocks)
    content: Any = (message.content or "") if plain else list(message.blocks)
    return Message(message.role.value, content, raw=message)


def to_chat_messages(messages: Sequence[Message]) -> list[ChatMessage]:
    """Return the core's messages as LlamaIndex's; those that came from it as they were."""
    return [_to_chat_message(message) for message in messages]


def _to_chat_message(message: Message) -> ChatMessage:
    original = message.raw
    if isinstance(original, ChatMessage) and _from_chat_message(original) == message:
        return original
    extra = original.additional_kwargs if isinstance(original, ChatMessage) else {}
    content = message.content
    if not isinstance(content, str):
        content = [TextBlock(text=p["text"]) if isinstance(p, Mapping) else p for p in content]
    return ChatMessage(role=message.role, content=content, additional_kwargs=extra)


def _to_prompt(llm: LLM, messages: Sequence[ChatMessage]) -> str:
    """The messages as one text, for a model that only completes."""
    assert llm.messages_to_prompt is not None  # noqa: S101  # LLM sets it; its type says optional
    return llm.messages_to_prompt(messages)


def _completion(response: ChatResponse | CompletionResponse) -> Completion:
    text = response.message.content if isinstance(response, ChatResponse) else response.text
    counts = response.additional_kwargs or {}
    usage = {
        ours: counts[theirs]
        for ours, theirs in (
            ("input_tokens", "prompt_tokens"),
            ("output_tokens", "completion_tokens"),
        )
        if isinstance(counts.get(theirs), int)
    }
    return Completion(text or "", usage, response)
