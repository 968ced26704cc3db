"""The simulated model behind an OpenAI-compatible HTTP API, so that real clients talk to it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import math
import re
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, get_args

from vs_core.errors import ConfigurationError, raise_missing_extra
from vs_core.messages import Completion, Message
from vs_core.testing.batches import BatchFaults, Batching, as_json
from vs_core.testing.calling import arguments, called_tool
from vs_core.testing.filling import REASONING
from vs_core.testing.message_batches import MessageBatching, as_chat, as_message
from vs_core.testing.model import SimulatedModel, split, tokens

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["Fault", "Lack", "SimulatedServer", "serve"]

Fault = Literal["429", "500", "drop", "slow", "timeout"]
"""Ways to fail, one request at a time: rate limit, server error, a connection that is closed in the
middle of the answer, slow tokens, and no answer for a long time."""

Lack = Literal["bounds", "stream", "stream_usage", "structured", "usage"]
"""What an endpoint may lack:

============ =====================================================================
bounds       it refuses a schema that bounds numbers, or how many items there are
stream       it refuses to stream
stream_usage it streams without saying what that took
structured   it takes ``response_format``, and pays no heed to it
usage        it never says how many tokens an answer took
============ =====================================================================
"""

_MODEL = "simulated"
_BOUNDS = ("minItems", "maxItems", "minimum", "maximum")
_DIMENSIONS = 256
_GRACE = 1.0  # seconds that answers under way have to end when the server stops
_LONGEST_SILENCE = 60.0  # seconds that a "timeout" holds a connection, at most
_SLOW_TOKEN = 0.05  # seconds a token of a "slow" answer


class SimulatedServer:
    """A server of a `SimulatedModel` on this machine, in a thread of its own.

    Use it as a context manager::

        with SimulatedServer() as server:
            client = OpenAI(base_url=server.base_url, api_key="any")

    It serves chat completions (streamed or not, ``response_format``, ``n``, ``stop``,
    ``max_tokens``, tools that are forced or that the user's last message names), completions,
    embeddings, files and batches, and the list of models; and by Anthropic's API, at `url`,
    messages and message batches.

    Args:
        model: What answers; default: a `SimulatedModel` with its defaults.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        faults: How to fail, one entry a request, in order; None does not, nor do requests after
            the last entry. See `Fault`.
        delay: Seconds before each answer.
        token_delay: Seconds before each token of a streamed answer.
        names: The only models that it has; a request for another is an error, as it is anywhere.
            None answers to every name. Clients such as DSPy keep answers on disk by the name of
            the model alone: under a real one, a real program would later find simulated answers.
        lacks: What it has not; see `Lack`.
        thinks: Whether answers come with thoughts, in the field ``reasoning_content``.
        batch_faults: How lines of batches go wrong; see `vs_core.testing.batches.BatchFaults`.
        capacity: Most requests that it works on at once; it answers 429 to one more. None for all.

    Attributes:
        model: May be replaced while the server runs.
        faults: May be replaced while the server runs.
        capacity: May be replaced while the server runs.
        batches: Its files and batches.
        message_batches: Those of Anthropic's API.
        requests: The JSON bodies of all requests so far, each with its ``path``, in order.
        most_at_once: Most requests that were worked on at once, up to the first token of a stream.

    Raises:
        MissingExtraError: If starlette or uvicorn are not installed; on entering.
        ConfigurationError: If a fault or a lack is unknown; on entering, if the address cannot be
            listened on.
    """

    def __init__(
        self,
        model: SimulatedModel | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Sequence[Fault | None] = (),
        delay: float = 0.0,
        token_delay: float = 0.0,
        names: Sequence[str] | None = None,
        lacks: Collection[Lack] = (),
        thinks: bool = False,
        batch_faults: BatchFaults | None = None,
        capacity: int | None = None,
    ) -> None:
        for what, given, known in (
            ("faults", {*faults} - {None}, get_args(Fault)),
            ("lacks", {*lacks}, get_args(Lack)),
        ):
            if unknown := given - {*known}:
                listed = sorted(map(str, unknown))
                raise ConfigurationError(f"Unknown {what} {listed}. Known: {', '.join(known)}.")
        self.model = model or SimulatedModel()
        self.faults = list(faults)
        self.requests: list[dict[str, Any]] = []
        self.delay = delay
        self.token_delay = token_delay
        self.names = None if names is None else tuple(names)
        self.lacks = frozenset(lacks)
        self.thinks = thinks
        self.batches = Batching(self._answer, batch_faults or BatchFaults())
        self.message_batches = MessageBatching(self._message, self.batches.faults)
        self.capacity = capacity
        self.most_at_once = self._at_once = 0
        self._address = (host, port)
        self._stopping = Event()
        self._server: uvicorn.Server | None = None
        self._thread: Thread | None = None
        self._stop: Callable[[], object] | None = None

    @property
    def base_url(self) -> str:
        """Where clients find it, ending in ``/v1``."""
        return f"http://{self._address[0]}:{self._address[1]}/v1"

    @property
    def url(self) -> str:
        """Where Anthropic's client finds it, which puts ``/v1`` before its paths itself."""
        return self.base_url.removesuffix("/v1")

    def __enter__(self) -> SimulatedServer:
        listener = self._listen()
        self._stopping.clear()
        self._server = _uvicorn(self)
        running = self._serve(self._server, listener)
        self._thread = Thread(
            target=asyncio.run, args=(running,), name="SimulatedServer", daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.002)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._stop is not None
        assert self._thread is not None
        self._stopping.set()
        self._stop()
        self._thread.join()

    async def _serve(self, server: uvicorn.Server, listener: socket.socket) -> None:
        """Serve until told to stop; uvicorn by itself takes a fifth of a second to notice."""
        told = asyncio.Event()
        self._stop = partial(asyncio.get_running_loop().call_soon_threadsafe, told.set)
        serving = asyncio.ensure_future(server.serve([listener]))
        stopped = asyncio.ensure_future(told.wait())
        await asyncio.wait((serving, stopped), return_when=asyncio.FIRST_COMPLETED)
        for listening in server.servers:
            listening.close()
        for connection in [*server.server_state.connections]:
            connection.shutdown()  # at once, or after the answer that is under way
        if answering := {*server.server_state.tasks}:
            await asyncio.wait(answering, timeout=_GRACE)
        serving.cancel()
        await asyncio.wait((serving,))

    def _listen(self) -> socket.socket:
        """Take the address; from then on `base_url` is where the server is."""
        host, port = self._address
        try:
            listener = socket.create_server((host, port), backlog=512)
        except (OSError, OverflowError) as error:  # the latter for a port that is none
            reason = getattr(error, "strerror", None) or error
            raise ConfigurationError(f"Cannot listen on {host}:{port}: {reason}.") from error
        self._address = listener.getsockname()[:2]
        return listener

    # --- answering ---------------------------------------------------------------------------

    @contextmanager
    def _counted(self, request: dict[str, Any]) -> Iterator[None]:
        self.requests.append(request)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            self._at_once -= 1

    def _take_fault(self) -> Fault | None:
        if self.capacity is not None and self._at_once > self.capacity:
            return "429"
        return self.faults.pop(0) if self.faults else None

    async def _chat(self, body: dict[str, Any], fault: Fault | None) -> Response:
        if refusal := self._refusal(body):
            return _error(400, refusal)
        choices = [self._choice(body) for _ in range(_whole(body, "n", 1))]
        if body.get("stream"):
            return _sse(self._chunks(body, choices, fault))
        response = _chat_response(body, choices)
        if "usage" in self.lacks:
            del response["usage"]
        return as_json(response)

    async def _answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """The response to one request of a batch."""
        self.requests.append({**body, "path": "batch"})
        return _chat_response(body, [self._choice(body)])

    async def _message(self, body: dict[str, Any]) -> dict[str, Any]:
        """The response to one request of a batch of Anthropic's."""
        self.requests.append({**body, "path": "batch"})
        return self._as_message(body)

    async def _messages(self, body: dict[str, Any], fault: Fault | None) -> Response:  # noqa: ARG002
        return as_json(self._as_message(body))

    def _as_message(self, body: Mapping[str, Any]) -> dict[str, Any]:
        name: str = _head(body, "msg", "message")["id"]
        return as_message(body, self._choice(as_chat(body)), name)

    def _refusal(self, body: Mapping[str, Any]) -> str | None:
        """Why a request is refused that asks for what this server lacks."""
        if "stream" in self.lacks and body.get("stream"):
            return "Streaming is not supported here. This refusal is simulated."
        schema = json.dumps(_response_schema(body)) if "bounds" in self.lacks else ""
        if found := next((word for word in _BOUNDS if f'"{word}"' in schema), None):
            return f"{found!r} is not permitted in a schema here. This refusal is simulated."
        return None

    def _choice(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """One choice: the message, why it ended, and its usage."""
        messages = [_message(item) for item in body["messages"]]
        tool = called_tool(body, messages)
        own = None if "structured" in self.lacks else _response_schema(body)
        schema = tool["parameters"] if tool else own
        completion = _limited(self.model.answer(messages, schema), body)
        message: dict[str, Any] = {"role": "assistant", "refusal": None}
        if tool is None:
            message["content"] = completion.text
            if self.thinks:
                message["reasoning_content"] = REASONING
            return {"message": message, "finish": completion.raw, "usage": completion.usage}
        said = next((m.text for m in reversed(messages) if m.role == "user"), "")
        written = arguments(completion.text, tool["parameters"], said)
        call = {
            "id": f"call_{hashlib.blake2b(completion.text.encode()).hexdigest()[:12]}",
            "type": "function",
            "function": {"name": tool["name"], "arguments": written},
        }
        message |= {"content": None, "tool_calls": [call]}
        return {"message": message, "finish": "tool_calls", "usage": completion.usage}

    async def _chunks(
        self, body: Mapping[str, Any], choices: Sequence[Mapping[str, Any]], fault: Fault | None
    ) -> AsyncIterator[dict[str, Any]]:
        import anyio

        pause = _SLOW_TOKEN if fault == "slow" else self.token_delay
        for index, choice in enumerate(choices):
            yield _chunk(body, index, {"role": "assistant", "content": ""})
            for delta in _deltas(choice["message"]):
                if pause:
                    await anyio.sleep(pause)
                yield _chunk(body, index, delta)
            yield _chunk(body, index, {}, choice["finish"])
        wanted = (body.get("stream_options") or {}).get("include_usage")
        if wanted and not self.lacks & {"usage", "stream_usage"}:
            head = _head(body, "chatcmpl", "chat.completion.chunk")
            yield {**head, "choices": [], "usage": _usage(choices)}

    async def _complete(self, body: dict[str, Any], fault: Fault | None) -> Response:
        prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
        texts = [
            _limited(self.model.answer([Message("user", str(prompt))]), body) for prompt in prompts
        ]
        if body.get("stream"):
            return _sse(self._completion_chunks(body, texts, fault))
        choices = [
            {"index": index, "text": text.text, "finish_reason": text.raw, "logprobs": None}
            for index, text in enumerate(texts)
        ]
        usage = _usage([{"usage": text.usage} for text in texts])
        return as_json(
            {**_head(body, "cmpl", "text_completion"), "choices": choices, "usage": usage}
        )

    async def _completion_chunks(
        self, body: Mapping[str, Any], texts: Sequence[Completion], fault: Fault | None
    ) -> AsyncIterator[dict[str, Any]]:
        import anyio

        pause = _SLOW_TOKEN if fault == "slow" else self.token_delay
        head = _head(body, "cmpl", "text_completion")
        for index, text in enumerate(texts):
            for token in split(text.text):
                if pause:
                    await anyio.sleep(pause)
                choice = {"index": index, "text": token, "finish_reason": None, "logprobs": None}
                yield {**head, "choices": [choice]}
            choice = {"index": index, "text": "", "finish_reason": text.raw, "logprobs": None}
            yield {**head, "choices": [choice]}

    async def _embed(self, body: dict[str, Any], fault: Fault | None) -> Response:  # noqa: ARG002
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        size = _whole(body, "dimensions", _DIMENSIONS)
        vectors: list[Any] = [embedding(str(text), size) for text in texts]
        if body.get("encoding_format") == "base64":
            packed = [struct.pack(f"<{size}f", *vector) for vector in vectors]
            vectors = [base64.b64encode(data).decode() for data in packed]
        data = [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, vector in enumerate(vectors)
        ]
        used = sum(tokens(str(text)) for text in texts)
        usage = {"prompt_tokens": used, "total_tokens": used}
        return as_json({"object": "list", "data": data, "model": _name(body), "usage": usage})


def serve(
    model: SimulatedModel | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 8765,
    names: Sequence[str] = (_MODEL,),
) -> None:
    """Serve until interrupted, saying where and that it is simulated.

    Args:
        model: What answers; default: a `SimulatedModel` with its defaults.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        names: The only models that it has; see `SimulatedServer`.

    Raises:
        MissingExtraError: If starlette or uvicorn are not installed.
        ConfigurationError: If the address cannot be listened on.
    """
    server = SimulatedServer(model, host=host, port=port, names=names)
    listener = server._listen()
    print(
        f"A SIMULATED model at {server.base_url} (its name: {' or '.join(names)}; any key will "
        "do); Ctrl-C stops it.",
        flush=True,
    )
    _uvicorn(server).run([listener])


def embedding(text: str, dimensions: int = _DIMENSIONS) -> list[float]:
    """Return a unit vector for a text: hashed words and their parts, so similar texts are near."""
    vector = [0.0] * dimensions
    for word in re.findall(r"\w+", text.casefold()):
        padded = f"<{word}>"
        pieces = {word, *(padded[i : i + 3] for i in range(len(padded) - 2))}
        for piece in pieces:
            digest = hashlib.blake2b(piece.encode("utf-8", "replace"), digest_size=8).digest()
            index = int.from_bytes(digest[:4], "little") % dimensions
            vector[index] += 1.0 if digest[4] & 1 else -1.0
    norm = math.sqrt(math.fsum(value * value for value in vector))
    return [value / norm for value in vector] if norm else [1.0] + [0.0] * (dimensions - 1)


# --- HTTP --------------------------------------------------------------------------------------


def _uvicorn(server: SimulatedServer) -> uvicorn.Server:
    try:
        import uvicorn
    except ImportError as error:
        raise_missing_extra("testing", error)
    config = uvicorn.Config(
        _app(server), lifespan="off", log_config=None, log_level="critical", access_log=False,
        timeout_graceful_shutdown=1, timeout_keep_alive=_IDLE, ws="none",
    )  # fmt: skip
    return uvicorn.Server(config)


_IDLE = 75
"""Seconds that an idle connection stays open, as nginx's do. uvicorn's own 5 are those after which
httpx lets go of one: a request could meet the end of the connection that it was to go by."""


def _app(server: SimulatedServer) -> Starlette:
    try:
        from starlette.applications import Starlette
        from starlette.routing import Route
    except ImportError as error:
        raise_missing_extra("testing", error)

    handlers = {
        "/v1/chat/completions": (server._chat, "messages"),
        "/v1/completions": (server._complete, "prompt"),
        "/v1/embeddings": (server._embed, "input"),
        "/v1/messages": (server._messages, "messages"),
    }

    async def post(request: Request) -> Response:
        handler, required = handlers[request.url.path]
        body = await _read(request, required, server.names)
        if not isinstance(body, dict):
            return body
        with server._counted({**body, "path": request.url.path}):
            return await answer(handler, body)

    async def answer(handler: Any, body: dict[str, Any]) -> Response:
        fault = server._take_fault()
        if fault != "429":  # which is said at once
            await _wait(server, server.delay)
        if fault in ("429", "500"):
            return _error(int(fault), "This failure is simulated.")
        if fault == "timeout":
            await _wait(server, _LONGEST_SILENCE)
        try:
            response = await handler(body, fault)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return _error(400, f"Bad request: {type(error).__name__}: {error}")
        return _dropped() if fault == "drop" else response

    async def models(request: Request) -> Response:  # noqa: ARG001
        about = {"object": "model", "created": 0, "owned_by": "vs-core (simulated)"}
        offered = [{"id": name, **about} for name in server.names or (_MODEL,)]
        return as_json({"object": "list", "data": offered})

    routes = [Route(path, post, methods=["POST"]) for path in handlers]
    batches = [*server.batches.routes(), *server.message_batches.routes()]
    return Starlette(routes=[*routes, Route("/v1/models", models), *batches])


async def _read(
    request: Request, required: str, names: Sequence[str] | None
) -> dict[str, Any] | Response:
    """The body of a request, or why it is refused."""
    try:
        body = await request.json()
        if not isinstance(body, dict) or not body.get(required):
            raise ValueError(f"the body must be an object with {required!r}")
    except ValueError as error:
        return _error(400, f"Bad request: {error}")
    if names is not None and _name(body) not in names:
        return _error(404, _unknown(_name(body), names))
    return body


async def _wait(server: SimulatedServer, seconds: float) -> None:
    """Sleep, unless the server is to stop."""
    import anyio

    until = time.monotonic() + seconds
    # Polling, for the flag is set in another thread than the event loop's.
    while (left := until - time.monotonic()) > 0 and not server._stopping.is_set():  # noqa: ASYNC110
        await anyio.sleep(min(0.05, left))


def _error(status: int, message: str) -> Response:
    kind = {400: "invalid_request_error", 429: "rate_limit_error"}.get(status, "server_error")
    error = {"message": message, "type": kind, "param": None, "code": str(status)}
    return as_json({"error": error}, status, {"Retry-After": "0"} if status == 429 else None)


def _unknown(name: str, names: Sequence[str]) -> str:
    return (
        f"The model {name!r} does not exist here: this server is SIMULATED and has "
        f"{' and '.join(map(repr, names))}. vs serve --name {name} lets it answer to that name; "
        "mind that clients may keep its answers under it."
    )


def _dropped() -> Response:
    """A response that promises more than it sends, so that the connection is cut."""
    from starlette.responses import Response

    return Response(b'{"id": ', headers={"Content-Length": "1000"}, media_type="application/json")


def _sse(chunks: AsyncIterator[dict[str, Any]]) -> Response:
    from starlette.responses import StreamingResponse

    async def events() -> AsyncIterator[str]:
        async for chunk in chunks:
            yield f"data: {json.dumps(chunk)}\n\n"
        yield "data: [DONE]\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


# --- the shapes of the API -----------------------------------------------------------------------


def _whole(body: Mapping[str, Any], key: str, default: int) -> int:
    value = body.get(key)
    if value is None:
        return default
    if not isinstance(value, int) or not 1 <= value <= 4096:
        raise ValueError(f"{key} must be a whole number from 1 to 4096")
    return value


def _message(item: Mapping[str, Any]) -> Message:
    return Message(str(item["role"]), item.get("content") or "")


def _response_schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    response_format = body.get("response_format") or {}
    if response_format.get("type") != "json_schema":
        return None
    schema: Mapping[str, Any] = response_format["json_schema"]["schema"]
    return schema


def _limited(completion: Completion, body: Mapping[str, Any]) -> Completion:
    """Apply ``stop`` and ``max_tokens``; ``raw`` becomes the finish reason."""
    text, finish = completion.text, "stop"
    stops = body.get("stop") or ()
    for stop in [stops] if isinstance(stops, str) else stops:
        text = text.partition(stop)[0]
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    if most and tokens(text) > most:
        text, finish = text[: most * 4], "length"
    usage = {**completion.usage, "output_tokens": tokens(text)}
    return Completion(text, usage, finish)


def _name(body: Mapping[str, Any]) -> str:
    return str(body.get("model") or _MODEL)


def _head(body: Mapping[str, Any], prefix: str, kind: str) -> dict[str, Any]:
    digest = hashlib.blake2b(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
    return {
        "id": f"{prefix}-{digest[:16]}",
        "object": kind,
        "created": int(time.time()),
        "model": _name(body),
        "system_fingerprint": "simulated",
    }


def _usage(choices: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    read = choices[0]["usage"]["input_tokens"]
    written = sum(choice["usage"]["output_tokens"] for choice in choices)
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
    }


def _chat_response(body: Mapping[str, Any], choices: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    listed = [
        {
            "index": index,
            "message": choice["message"],
            "finish_reason": choice["finish"],
            "logprobs": None,
        }
        for index, choice in enumerate(choices)
    ]
    head = _head(body, "chatcmpl", "chat.completion")
    return {**head, "choices": listed, "usage": _usage(choices)}


def _chunk(
    body: Mapping[str, Any], index: int, delta: Mapping[str, Any], finish: str | None = None
) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": finish, "logprobs": None}
    return {**_head(body, "chatcmpl", "chat.completion.chunk"), "choices": [choice]}


def _deltas(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The pieces of a message as they are streamed."""
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = {"name": call["function"]["name"], "arguments": ""}
        head = {"index": index, "id": call["id"], "type": "function", "function": function}
        yield {"tool_calls": [head]}
        for piece in split(call["function"]["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
    for piece in split(message.get("reasoning_content") or ""):
        yield {"reasoning_content": piece}
    for piece in split(message.get("content") or ""):
        yield {"content": piece}
