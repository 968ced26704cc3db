"""Between LangChain's messages and those of the core."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    convert_to_messages,
)
from langchain_core.prompt_values import PromptValue

from vs_core import Completion, ConfigurationError, Message, Request

__all__ = ["from_answer", "from_input", "to_messages"]

_ROLES = {"human": "user", "ai": "assistant"}
_CLASSES: dict[str, type[BaseMessage]] = {
    "user": HumanMessage,
    "assistant": AIMessage,
    "system": SystemMessage,
}


def from_input(value: Any) -> tuple[Message, ...]:
    """Return what a model may be given (string, messages, prompt value) as messages of the core.

    Raises:
        ConfigurationError: If it is none of these.
    """
    if isinstance(value, PromptValue):
        messages = value.to_messages()
    elif isinstance(value, str):
        messages = [HumanMessage(value)]
    elif isinstance(value, BaseMessage):
        messages = [value]
    elif isinstance(value, Sequence):
        messages = convert_to_messages(value)
    else:
        raise ConfigurationError(
            f"VerbalizedSampler takes what a model takes: a string, messages or a prompt value, "
            f"not {type(value).__name__}. Put a prompt before it: prompt | VerbalizedSampler(llm)."
        )
    return tuple(_from_message(message) for message in messages)


def _from_message(message: BaseMessage) -> Message:
    role = message.role if isinstance(message, ChatMessage) else message.type
    return Message(_ROLES.get(role, role), message.content, raw=message)


def to_messages(request: Request) -> list[BaseMessage]:
    """Return a request as LangChain's messages; those that came from the user as they were."""
    messages = [_to_message(message) for message in request.messages]
    if request.call:
        # LangChain's cache is keyed by the messages and all their fields. This one never reaches
        # the model: it only keeps apart the calls of one flow that ask the same thing.
        marked = {**messages[-1].additional_kwargs, "vs_call": request.call}
        messages[-1] = messages[-1].model_copy(update={"additional_kwargs": marked})
    return messages


def _to_message(message: Message) -> BaseMessage:
    original = message.raw
    if isinstance(original, BaseMessage):
        if original.content is message.content:
            return original
        return original.model_copy(update={"content": message.content})
    made = _CLASSES.get(message.role)
    if made is None:
        return ChatMessage(role=message.role, content=message.content)
    return made(content=message.content)


def from_answer(answer: Any) -> Completion:
    """Return what a chat model or an LLM answered as a completion."""
    if isinstance(answer, BaseMessage):
        usage = getattr(answer, "usage_metadata", None) or {}
        counts = {key: value for key, value in usage.items() if isinstance(value, int)}
        return Completion(answer.text, counts, answer)
    return Completion(str(answer))
