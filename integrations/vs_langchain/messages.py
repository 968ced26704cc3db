"""Between LangChain's messages and those of the core."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Literal

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    convert_to_messages,
)
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.prompt_values import PromptValue

from vs_core import Completion, ConfigurationError, Distribution, Message, Request
from vs_core.messages import with_instructions
from vs_core.strategies.typed import validated
from vs_langchain.internals import cut_off
from vs_langchain.structure import STRUCTURE

__all__ = [
    "Keep",
    "ToolsCalled",
    "apieces",
    "distribution_of",
    "from_answer",
    "from_cut_off",
    "from_input",
    "kept",
    "pieces",
    "to_messages",
]

_ROLES = {"human": "user", "ai": "assistant"}
_CLASSES: dict[str, type[BaseMessage]] = {
    "user": HumanMessage,
    "assistant": AIMessage,
    "system": SystemMessage,
}


# --- what goes to the model ------------------------------------------------------------------


def from_input(value: Any) -> tuple[Message, ...]:
    """Return what a model may be given (string, messages, prompt value) as messages of the core.

    Raises:
        ConfigurationError: If it is none of these, or empty.
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
            f"A model takes a string, messages or a prompt value, not {type(value).__name__}. "
            "Put a prompt before it: prompt | VerbalizedSampler(llm)."
        )
    if not any(message.content or message.additional_kwargs for message in messages):
        raise ConfigurationError("The prompt is empty: there is nothing to ask the model.")
    return tuple(_from_message(message) for message in messages)


def _from_message(message: BaseMessage) -> Message:
    role = message.role if isinstance(message, ChatMessage) else message.type
    return Message(_ROLES.get(role, role), message.content, raw=message)


def to_messages(request: Request, further: str = "") -> list[BaseMessage]:
    """Return a request as LangChain's messages; those that came from the user as they were.

    Args:
        request: What is asked.
        further: Instructions that follow those of the request.
    """
    asked = with_instructions(request.messages, further) if further else request.messages
    messages = [_to_message(message) for message in asked]
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


# --- what comes from the model ---------------------------------------------------------------


class ToolsCalled(BaseException):
    """A model called tools of the user's instead of answering.

    No error, as an agent's model does so half the time: whoever keeps failures, keeps not this.

    Args:
        message: What it said, untouched; a chunk, where it was streamed.
    """

    def __init__(self, message: AIMessage) -> None:
        super().__init__(", ".join(dict.fromkeys(call["name"] for call in message.tool_calls)))
        self.message = message


def from_answer(answer: Any) -> Completion:
    """Return what a chat model or an LLM answered as a completion.

    Raises:
        ToolsCalled: If it calls tools of the user's.
    """
    if not isinstance(answer, BaseMessage):
        return Completion(str(answer))
    text: str = answer.text or answer.additional_kwargs.get("refusal") or ""
    if isinstance(answer, AIMessage) and (answer.tool_calls or answer.invalid_tool_calls):
        text = _written(answer)
    return _completion(text, answer)


def _completion(text: str, message: BaseMessage) -> Completion:
    about = message.response_metadata
    return Completion(
        text,
        _usage(message),
        message,
        reasoning=_reasoning(message),
        finish_reason=about.get("finish_reason") or about.get("stop_reason"),
        model=about.get("model_name") or about.get("model"),
    )


def _reasoning(message: BaseMessage) -> str | None:
    """What a model thought before it answered, wherever its provider puts that."""
    if isinstance(message.content, str) and "reasoning_content" not in message.additional_kwargs:
        return None
    blocks = (block for block in message.content_blocks if block["type"] == "reasoning")
    return "\n\n".join(filter(None, (block.get("reasoning") for block in blocks))) or None


def _written(message: AIMessage) -> str:
    """What was written into the tool that stands for the structure.

    Raises:
        ToolsCalled: If tools of the user's are called: they run before there is an answer.
    """
    calls = (*message.tool_calls, *message.invalid_tool_calls)
    ours = [call for call in calls if call["name"] == STRUCTURE]
    if len(ours) < len(calls):
        raise ToolsCalled(_without_ours(message) if ours else message)
    written = ours[0]["args"]
    return written if isinstance(written, str) else json.dumps(written or {}, ensure_ascii=False)


def _without_ours(message: AIMessage) -> AIMessage:
    """A message without the call of the tool that only the sampler knows."""
    theirs = [call for call in message.tool_calls if call["name"] != STRUCTURE]
    return AIMessage(
        message.text,
        tool_calls=theirs,
        response_metadata=message.response_metadata,
        usage_metadata=message.usage_metadata,
        id=message.id,
    )


def _usage(message: BaseMessage) -> dict[str, int]:
    usage = getattr(message, "usage_metadata", None) or {}
    return {key: value for key, value in usage.items() if key.endswith("_tokens")}


def from_cut_off(error: Exception) -> Completion | None:
    """Return the answer for which a client raised because it reached its limit of tokens.

    OpenAI's does so where structured output was asked for; what there is can be read all the same.
    """
    completion = cut_off(error)
    if completion is None:
        return None
    message = completion.choices[0].message
    calls = message.tool_calls or ()
    text = "".join(call.function.arguments for call in calls) or message.content or ""
    usage = completion.usage
    counts = {} if usage is None else {
        "input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }  # fmt: skip
    return Completion(
        text, counts, completion, finish_reason="length", model=getattr(completion, "model", None)
    )


# --- distributions in messages ---------------------------------------------------------------

Keep = Literal["full", "compact", "none"]
"""How much of a distribution stands in the message that was drawn from it."""

_KEY = "distribution"


def kept(distribution: Distribution, keep: Keep) -> dict[str, Any]:
    """Return what the metadata of a message says of its distribution, as plain JSON."""
    if keep == "none":
        return {}
    if keep == "full":
        return {_KEY: distribution.model_dump(mode="json")}
    compact = [{"text": c.text, "probability": c.probability} for c in distribution]
    return {_KEY: {"candidates": compact}}


def distribution_of(message: BaseMessage, schema: Any = None) -> Distribution:
    """Return the distribution that a message was drawn from.

    Args:
        message: What a sampler with ``output="message"``, a `VerbalizedChatModel` or an agent gave.
        schema: Type of the candidates' values: in a message these are plain JSON. A compact
            distribution has none, and they are made from the texts.

    Returns:
        The distribution. A candidate that does not fit the type says so in its ``repairs``.

    Raises:
        ConfigurationError: If the message carries no distribution.
    """
    data = message.response_metadata.get(_KEY)
    if data is None:
        raise ConfigurationError(
            "This message carries no distribution: it was not drawn from one, or it was made with "
            "distribution='none'."
        )
    distribution = Distribution.model_validate(data)
    return distribution.map(lambda candidate: validated(candidate, schema)[0])


# --- answers that come in pieces -------------------------------------------------------------

Hear = Callable[[Any], object]
"""Is told of everything that a model says."""


def pieces(chunks: Iterator[Any], hear: Hear | None = None) -> Iterator[Completion]:
    """Return the pieces of an answer as completions.

    Raises:
        ToolsCalled: At the end, if it calls tools of the user's.
    """
    incoming = _Chunks(hear)
    try:
        for chunk in chunks:
            yield incoming.piece(chunk)
    except Exception as error:
        if from_cut_off(error) is None:
            raise
    incoming.end()


async def apieces(
    chunks: AsyncIterator[Any], hear: Hear | None = None
) -> AsyncIterator[Completion]:
    """Return the pieces of an answer as completions; see `pieces`.

    To close it closes ``chunks``, and so the connection to the model, at once.
    """
    incoming = _Chunks(hear)
    try:
        async for chunk in chunks:
            yield incoming.piece(chunk)
    except Exception as error:
        if from_cut_off(error) is None:
            raise
    finally:
        with suppress(AttributeError):  # any iterator will do
            await chunks.aclose()  # type: ignore[attr-defined]
    incoming.end()


class _Chunks:
    """An answer that comes in pieces."""

    def __init__(self, hear: Hear | None) -> None:
        self._hear = hear
        self._chunks: list[AIMessageChunk] = []
        self._tools_called = False

    def piece(self, chunk: Any) -> Completion:
        if self._hear is not None:
            self._hear(chunk)
        if not isinstance(chunk, AIMessageChunk):
            return from_answer(chunk)
        self._chunks.append(chunk)
        text: str = chunk.text or chunk.additional_kwargs.get("refusal") or ""
        if chunk.tool_call_chunks:
            names = (call["name"] for call in chunk.tool_call_chunks)
            self._tools_called |= any(name and name != STRUCTURE for name in names)
            text = "".join(call["args"] or "" for call in chunk.tool_call_chunks)
        return _completion(text, chunk)

    def end(self) -> None:
        if self._tools_called:
            raise ToolsCalled(add_ai_message_chunks(*self._chunks))
