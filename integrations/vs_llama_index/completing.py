"""Answering requests of the core through a LlamaIndex LLM's own call path."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from typing import Any

from llama_index.core.base.llms.generic_utils import (
    messages_to_prompt as generic_messages_to_prompt,
)
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    TextBlock,
)
from llama_index.core.llms import LLM
from llama_index.core.llms.llm import default_completion_to_prompt

from vs_core import Completion, ConfigurationError, Message, Request
from vs_core.effects import (
    Effect,
    Effects,
    Emit,
    Stream,
    aperform,
    aproduce_with,
    perform,
    produce_with,
)
from vs_llama_index.structured import (
    Method,
    as_json,
    called,
    method_of,
    structured,
    tool_arguments,
)

__all__ = [
    "Fits",
    "acompleter",
    "apieces",
    "completer",
    "from_chat_messages",
    "model_completer",
    "pieces",
    "to_chat_messages",
]

Response = ChatResponse | CompletionResponse

_TURNS = 20
"""Of the event loop, in which the generators around a client's stream end, one after the other;
each takes two."""

Fits = Callable[[Sequence[Message]], bool]
"""Whether a conversation and its answer fit into the context window."""


def completer(
    llm: LLM,
    method: Method = "text",
    fits: Fits | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Callable[[Request], Completion]:
    """Return a ``complete`` callable over an LLM: by its ``chat``, or else its ``complete``.

    Args:
        llm: Any LLM of LlamaIndex.
        method: How structured output is asked for, where the format has a JSON schema:
            ``"json_schema"``, ``"tool"`` (a forced call), ``"text"`` (not at all), or ``"auto"``.
        fits: Whether a conversation that goes on has room for the next turn. One that does not is
            not sent: that is a `ConfigurationError`, and a repair that fails loses nothing.
        settings: What every call is given beside, such as a temperature.

    Raises:
        ConfigurationError: If the LLM does not have the method.
    """
    return _CallPath(llm, method, fits, settings).answer


def acompleter(
    llm: LLM,
    method: Method = "text",
    fits: Fits | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Callable[[Request], Awaitable[Completion]]:
    """Return an async ``complete`` callable over an LLM; see `completer`."""
    return _CallPath(llm, method, fits, settings).aanswer


def model_completer(model: LLM) -> Callable[[Request], Awaitable[Completion]]:
    """Return how an LLM completes a request of the core; see `acompleter`."""
    return acompleter(model)


def pieces(
    llm: LLM,
    method: Method = "text",
    fits: Fits | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Callable[[Request], Iterator[Completion]]:
    """Return what answers piece by piece over an LLM, as `vs_core.driver.stream` takes it."""
    return _CallPath(llm, method, fits, settings).pieces


def apieces(
    llm: LLM,
    method: Method = "text",
    fits: Fits | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Callable[[Request], AsyncIterator[Completion]]:
    """Return what answers piece by piece without blocking; see `pieces`."""
    return _CallPath(llm, method, fits, settings).apieces


class _CallPath:
    """Which method of an LLM answers a request, and how its answer is read."""

    def __init__(
        self, llm: LLM, method: Method, fits: Fits | None, settings: Mapping[str, Any] | None
    ) -> None:
        self._llm = llm
        self._settings = dict(settings or {})
        self._method = method_of(llm, method)
        self._fits = fits

    def answer(self, request: Request) -> Completion:
        return perform(self._answering(request))

    async def aanswer(self, request: Request) -> Completion:
        return await aperform(self._answering(request))

    def pieces(self, request: Request) -> Iterator[Completion]:
        return produce_with(lambda stack: self._arriving(request, stack))

    def apieces(self, request: Request) -> AsyncIterator[Completion]:
        return aproduce_with(lambda stack: self._arriving(request, stack))

    def _answering(self, request: Request) -> Effects[Completion]:
        self._require_room(request)
        name, arguments = self._call(request)
        response = yield Effect(
            lambda: getattr(self._llm, name)(**arguments),
            lambda: getattr(self._llm, f"a{name}")(**arguments),
        )
        return self._completion(response)

    def _arriving(self, request: Request, stack: Any) -> Stream[Completion]:
        self._require_room(request)
        name, arguments = self._call(request)
        ended = False

        def let_go() -> None:
            # LlamaIndex leaves the client's stream to the garbage collector, and until then the
            # server writes on, for money. It is in a circle, so it does not go by itself.
            if not ended:
                gc.collect()

        async def alet_go() -> None:
            for _ in range(0 if ended else _TURNS):
                await asyncio.sleep(0)
            let_go()

        def begun() -> Iterator[Response]:
            stack.callback(let_go)
            responses = getattr(self._llm, f"stream_{name}")(**arguments)
            found: Iterator[Response] = stack.enter_context(closing(responses))
            return found

        async def abegun() -> AsyncIterator[Response]:
            stack.push_async_callback(alet_go)
            responses = await getattr(self._llm, f"astream_{name}")(**arguments)
            found: AsyncIterator[Response] = await stack.enter_async_context(aclosing(responses))
            return found

        responses = yield Effect(begun, abegun)
        incoming = _ArrivingResponse()
        following = Effect(lambda: next(responses, None), lambda: anext(responses, None))
        while (response := (yield following)) is not None:
            yield Emit(incoming.piece(response))
        ended = True
        yield Emit(incoming.end())

    def _require_room(self, request: Request) -> None:
        """Refuse a further turn that does not fit; the first one is the user's matter."""
        before = request.messages[-2:-1]
        further = bool(before) and before[0].role == "assistant" and before[0].raw is None
        if further and self._fits is not None and not self._fits(request.messages):
            raise ConfigurationError(
                "A further turn of the conversation does not fit into the context window."
            )

    def _call(self, request: Request) -> tuple[str, dict[str, Any]]:
        """The method, by its plain name, and its arguments."""
        name, arguments = self._asked(request)
        return name, {**self._settings, **arguments}

    def _asked(self, request: Request) -> tuple[str, dict[str, Any]]:
        messages = to_chat_messages(request.messages)
        if not self._llm.metadata.is_chat_model:
            return "complete", {"prompt": _to_prompt(self._llm, messages), "formatted": True}
        schema = request.json_schema
        if schema is None or self._method == "text":
            return "chat", {"messages": messages}
        structure = structured(schema, self._method)
        if self._method == "tool":
            return "chat_with_tools", {"chat_history": messages, **structure}
        return "chat", {"messages": messages, **structure}

    def _completion(self, response: Response) -> Completion:
        if isinstance(response, CompletionResponse):
            return Completion(response.text or "", _usage(response), response, **_about(response))
        text = called(self._llm, response) if self._method == "tool" else None
        if text is None:
            text = response.message.content or ""
        about = _about(response)
        return Completion(text, _usage(response), response, _reasoning(response), **about)


class _ArrivingResponse:
    """An answer that comes in pieces: LlamaIndex repeats with each what came before."""

    def __init__(self) -> None:
        self._read = 0  # characters of a tool's arguments
        self._decoded: dict[str, Any] | None = None
        self._usage: dict[str, int] = {}
        self._about: dict[str, str] = {}
        self._thoughts: list[str] = []

    def piece(self, response: Response) -> Completion:
        self._usage = _usage(response) or self._usage
        self._about |= _about(response)
        self._think(response)
        arguments = None
        if isinstance(response, ChatResponse):
            arguments = tool_arguments(response)
        if isinstance(arguments, str):
            text, self._read = arguments[self._read :], len(arguments)
            return Completion(text, raw=response)
        self._decoded = arguments or self._decoded  # it may change until the end
        return Completion(response.delta or "", raw=response)

    def end(self) -> Completion:
        """The last piece, with the usage: each response gives that of all so far."""
        rest = as_json(self._decoded) if self._decoded and not self._read else ""
        return Completion(rest, self._usage, None, "".join(self._thoughts) or None, **self._about)

    def _think(self, response: Response) -> None:
        piece = _raw_delta(response)
        if piece:
            self._thoughts.append(piece)
        elif isinstance(response, ChatResponse) and (whole := _reasoning(response)):
            self._thoughts = [whole]  # it is repeated with each piece


# --- messages --------------------------------------------------------------------------------


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
    assert llm.completion_to_prompt is not None  # noqa: S101
    own = llm.messages_to_prompt is not generic_messages_to_prompt
    if own or llm.completion_to_prompt is default_completion_to_prompt:
        return llm.messages_to_prompt(messages)
    # Many set only the template of a completion; it is to be used then, as ``LLM.predict`` does.
    return llm.completion_to_prompt("\n\n".join(message.content or "" for message in messages))


_COUNTS = (("input_tokens", "output_tokens"), ("prompt_tokens", "completion_tokens"))
"""What clients call the tokens of question and answer: our names, and OpenAI's."""


def _usage(response: Response) -> dict[str, int]:
    """Tokens of question and answer: some clients put them beside the answer, others leave them."""
    for counts in (response.additional_kwargs, _get(response.raw, "usage")):
        for names in _COUNTS:
            found = [_get(counts, name) for name in names]
            if all(isinstance(count, int) for count in found):
                return dict(zip(_COUNTS[0], found, strict=True))
    return {}


def _about(response: Response) -> dict[str, str]:
    """Why an answer ended and which model gave it, as far as the client says so."""
    raw = response.raw
    choice = next(iter(_get(raw, "choices") or ()), None)
    found = {
        "finish_reason": _get(choice, "finish_reason") or _get(raw, "stop_reason"),
        "model": _get(raw, "model"),
    }
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _reasoning(response: ChatResponse) -> str | None:
    """What a thinking model thought: in blocks of its own, or where compatible servers put it."""
    blocks = [block for block in response.message.blocks if _get(block, "block_type") == "thinking"]
    thought = "\n\n".join(filter(None, (_get(block, "content") for block in blocks)))
    message = _get(next(iter(_get(response.raw, "choices") or ()), None), "message")
    return thought or _beside(message)


def _raw_delta(response: Response) -> str | None:
    """The piece of reasoning that comes with a piece of an answer."""
    return _beside(_get(next(iter(_get(response.raw, "choices") or ()), None), "delta"))


def _beside(message: Any) -> str | None:
    found = _get(message, "reasoning_content") or _get(message, "reasoning")
    return found if isinstance(found, str) else None


def _get(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)
