"""All that crosses the boundary to a model: messages, requests and completions."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Annotated, Any, Literal

from pydantic import Field

from vs_core.errors import ConfigurationError, ModelError
from vs_core.formats.base import Format, Shape

__all__ = ["Completion", "Message", "Prompt", "Request", "as_completion", "as_messages"]


@dataclass(frozen=True)
class Message:
    """One message of a conversation with a chat model.

    Args:
        role: ``"system"``, ``"user"``, ``"assistant"`` or any other role the model knows.
        content: A string, or a sequence of content parts (mappings, as in the OpenAI chat API)
            when the message is multimodal. vs-core passes parts through untouched.
        raw: The framework's own message object that this one stands for, if it came from one, so
            that an integration can hand it back unchanged. It takes no part in comparison.
    """

    role: str
    content: Any
    raw: Any = field(default=None, compare=False, repr=False)

    def with_text(self, text: str) -> Message:
        """Return this message with ``text`` added as a new paragraph (or content part)."""
        if isinstance(self.content, str):
            return replace(self, content=f"{self.content}\n\n{text}" if self.content else text)
        return replace(self, content=[*self.content, {"type": "text", "text": text}])

    @property
    def text(self) -> str:
        """The textual content: the string itself, or the text parts joined by newlines."""
        if isinstance(self.content, str):
            return self.content
        texts = (_text(part) for part in self.content or ())
        return "\n".join(text for text in texts if isinstance(text, str) and text)

    def as_dict(self) -> dict[str, Any]:
        """The message as the OpenAI chat API writes it: ``{"role": ..., "content": ...}``."""
        return {"role": self.role, "content": self.content}


def _text(part: Any) -> Any:
    """The text of a content part: a string, a mapping, or a framework's own object."""
    if isinstance(part, str):
        return part
    return part.get("text") if isinstance(part, Mapping) else getattr(part, "text", None)


Prompt = str | Message | Mapping[str, Any] | Sequence[Message | Mapping[str, Any]]
"""What a user may give as a task: a string, a message, or a conversation of messages."""


def as_messages(prompt: Prompt) -> tuple[Message, ...]:
    """Return ``prompt`` as messages; a string is one user message.

    Raises:
        ConfigurationError: If the prompt is empty or holds something that is not a message.
    """
    if isinstance(prompt, str):
        items: Sequence[Any] = [Message("user", prompt)] if prompt.strip() else []
    elif isinstance(prompt, (Message, Mapping)):
        items = [prompt]
    else:
        items = list(prompt)
    if not items:
        raise ConfigurationError("The prompt is empty: give a question or a list of messages.")
    return tuple(_as_message(item) for item in items)


def _as_message(item: Any) -> Message:
    if isinstance(item, Message):
        return item
    if isinstance(item, Mapping) and "role" in item and "content" in item:
        return Message(str(item["role"]), item["content"])
    raise ConfigurationError(
        f"Not a message: {item!r:.200}. A message is a vs_core.Message or a mapping with "
        "'role' and 'content'."
    )


def digest_of(messages: Sequence[Message]) -> str:
    """Return 16 hexadecimal digits that tell one task from another, on any machine."""
    written = _encoder.encode([[m.role, m.content] for m in messages])
    return blake2b(written.encode(), digest_size=8).hexdigest()


def _plainly(part: Any) -> Any:
    """A framework's own content part as data; its type alone, where it cannot be."""
    dump = getattr(part, "model_dump", None)
    try:
        return dump(mode="json") if dump else type(part).__name__
    except Exception:  # a part that cannot be written down: such as an open stream
        return type(part).__name__


_encoder = json.JSONEncoder(default=_plainly, sort_keys=True)


def with_instructions(messages: Sequence[Message], text: str) -> tuple[Message, ...]:
    """Return ``messages`` with ``text`` joined to their system message.

    A conversation without a system message gets one, in front.
    """
    for index, message in enumerate(messages):
        if message.role in ("system", "developer"):
            return (*messages[:index], message.with_text(text), *messages[index + 1 :])
    return (Message("system", text), *messages)


@dataclass(frozen=True)
class Request:
    """One call that a strategy wants answered.

    Args:
        messages: The conversation to send.
        shape: What the answer must hold; ``None`` where any text is an answer.
        format: How the answer was asked to be written; ``None`` where any text is an answer.
        call: Number of this call among the calls of its flow, from 0. Two requests of one flow
            never share it, so that a cache keyed by the request keeps independent calls apart
            while a repeated run still finds its answers.
        schema: Type of a candidate's value, where candidates are typed.
        on_failure: What becomes of a call that fails for good: ``"raise"`` ends the flow, with
            ``"keep"`` its completion has the ``error``.
    """

    messages: tuple[Message, ...]
    shape: Shape | None = None
    format: Format | None = field(default=None, repr=False)
    call: int = 0
    schema: Any = field(default=None, repr=False)
    on_failure: Literal["raise", "keep"] = "raise"

    @property
    def json_schema(self) -> dict[str, Any] | None:
        """JSON schema of the answer for structured output, where the format has one."""
        if self.shape is None or self.format is None:
            return None
        return self.format.json_schema(self.shape)


@dataclass(frozen=True)
class Completion:
    """One raw answer of a model.

    Args:
        text: What the model wrote.
        usage: Token counts, such as ``{"input_tokens": 12, "output_tokens": 34}``.
        raw: The framework's own response, for whoever needs more than the text. It is not kept in
            a `Distribution`, and is neither compared nor stored.
        reasoning: What the model thought before it answered, where the API gives that apart.
        finish_reason: Why the answer ended, in the API's words: ``"stop"``, ``"length"``, …
        model: Name of the model that answered, as the API gives it.
        error: Why there is no answer, where the request said that failures are to be kept. As
            ``raw``, it is neither kept, compared nor stored.
        found: The candidates, where whoever completed the request has read them already: a
            `Distribution`. Nor is it kept, compared or stored.
    """

    text: str
    usage: Mapping[str, int] = field(default_factory=dict)
    raw: Annotated[Any, Field(exclude=True)] = field(default=None, compare=False, repr=False)
    reasoning: str | None = None
    finish_reason: str | None = None
    model: str | None = None
    error: Annotated[Any, Field(exclude=True)] = field(default=None, compare=False, repr=False)
    found: Annotated[Any, Field(exclude=True)] = field(default=None, compare=False, repr=False)

    @property
    def cut_off(self) -> bool:
        """Whether the answer reached the limit of its length."""
        return self.finish_reason in ("length", "max_tokens", "MAX_TOKENS")

    def bare(self) -> Completion:
        """Return this answer without the objects that came with it, as it can be stored."""
        if self.raw is None and self.error is None and self.found is None:
            return self
        return Completion(
            self.text, self.usage, None, self.reasoning, self.finish_reason, self.model
        )


def total_usage(completions: Sequence[Completion]) -> dict[str, int]:
    """Return the tokens of several answers, or pieces of one, added up by their names."""
    usage: dict[str, int] = {}
    for completion in completions:
        for name, tokens in (completion.usage or {}).items():
            usage[name] = usage[name] + tokens if name in usage else tokens
    return usage


def joined(pieces: Sequence[Completion]) -> Completion:
    """Return the pieces of one answer as one; what comes with several of them adds up."""
    ends = [piece.finish_reason for piece in pieces if piece.finish_reason]
    models = [piece.model for piece in pieces if piece.model]
    return Completion(
        "".join(piece.text for piece in pieces),
        total_usage(pieces),
        reasoning="".join(piece.reasoning or "" for piece in pieces) or None,
        finish_reason=ends[-1] if ends else None,
        model=models[-1] if models else None,
    )


def as_completion(answer: Completion | str) -> Completion:
    """Return what a user's ``complete`` callable gave as a `Completion`.

    Raises:
        ModelError: If it is neither a string nor a `Completion`.
    """
    if isinstance(answer, Completion):
        return answer
    if isinstance(answer, str):
        return Completion(answer)
    if inspect.isawaitable(answer):
        if inspect.iscoroutine(answer):
            answer.close()  # or Python warns that nobody awaited it
        raise ModelError(
            "The model is asynchronous, and this call is not: use averbalize, arun or astream, or "
            "give the model's synchronous call."
        )
    raise ModelError(
        f"The model call returned {type(answer).__name__}, not a string or a Completion."
    )
