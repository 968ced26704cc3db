"""Endpoints that speak as providers do: Anthropic, Ollama, Gemini and Bedrock, over HTTP.

Each stands in front of the simulated server: what a provider's client sends is passed on in the
words of OpenAI's API, and the answer is put into the provider's. They follow the providers'
published references, as far as their clients need here; of the providers' own servers they say
nothing.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from vs_core.testing import SimulatedServer

if TYPE_CHECKING:
    from starlette.requests import Request

USED = {"input_tokens": 11, "output_tokens": 7}
"""What every answer is said to have taken."""


class Providers:
    """A server of all four, for as long as the context is open.

    Attributes:
        simulated: The server that answers.
        url: Where it listens, once it does.
    """

    def __init__(self) -> None:
        self.simulated = SimulatedServer()

    def __enter__(self) -> Providers:
        self.simulated.__enter__()
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        paths = {  # DSPy's own client takes an address to begin where the version stands in others'
            "/v1/messages": self._anthropic,
            "/messages": self._anthropic,
            "/api/chat": self._ollama,
            "/v1beta/models/{model}": self._gemini,
            "/models/{model}": self._gemini,
            "/model/{model}/{call}": self._bedrock,
        }
        routes = [Route(path, answer, methods=["POST"]) for path, answer in paths.items()]
        config = uvicorn.Config(
            Starlette(routes=routes), lifespan="off", log_config=None, ws="none",
            timeout_graceful_shutdown=1,
            headers=[("connection", "close")],  # clients keep one for loops that are no more
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), daemon=True, name="Providers"
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.002)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self.simulated.__exit__(None, None, None)

    async def _answer(
        self,
        messages: list[dict[str, Any]],
        tools: list[tuple[str, Any]],
        forced: Any = None,
        schema: Any = None,
    ) -> tuple[str, Mapping[str, Any] | None]:
        """The text of an answer, or the arguments of a call with the tool's name."""
        asked: dict[str, Any] = {"model": "m", "messages": messages}
        if tools:
            functions = [{"name": name, "parameters": about} for name, about in tools]
            asked["tools"] = [{"type": "function", "function": each} for each in functions]
        if forced:
            name = forced if isinstance(forced, str) else tools[0][0]
            asked["tool_choice"] = {"type": "function", "function": {"name": name}}
        if schema:
            form = {"name": "answer", "schema": schema}
            asked["response_format"] = {"type": "json_schema", "json_schema": form}
        async with httpx.AsyncClient() as client:
            url = f"{self.simulated.base_url}/chat/completions"
            answer = (await client.post(url, json=asked)).raise_for_status().json()
        message = answer["choices"][0]["message"]
        if calls := message.get("tool_calls"):
            return calls[0]["function"]["arguments"], {"name": calls[0]["function"]["name"]}
        return message["content"], None

    # --- Anthropic: platform.claude.com/docs/en/api/messages -------------------------------------

    async def _anthropic(self, request: Request) -> Response:
        body = await request.json()
        messages = [{"role": m["role"], "content": _text(m["content"])} for m in body["messages"]]
        if body.get("system"):
            messages.insert(0, {"role": "system", "content": _text(body["system"])})
        choice = body.get("tool_choice") or {}
        form = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
        text, call = await self._answer(
            messages,
            [(tool["name"], tool["input_schema"]) for tool in body.get("tools", ())],
            choice.get("name") or choice.get("type") == "any",
            form.get("schema"),
        )
        block: dict[str, Any] = {"type": "text", "text": text}
        if call:
            block = {"type": "tool_use", "id": "t1", **call, "input": json.loads(text)}
        head = {
            "id": "m1", "type": "message", "role": "assistant", "model": body["model"],
            "stop_reason": "tool_use" if call else "end_turn", "stop_sequence": None,
        }  # fmt: skip
        if not body.get("stream"):
            return JSONResponse({**head, "content": [block], "usage": USED})
        empty = {**block, "input": {}} if call else {**block, "text": ""}
        kind, field = ("input_json_delta", "partial_json") if call else ("text_delta", "text")
        begun = {**USED, "output_tokens": 1}
        events = [
            {
                "type": "message_start",
                "message": {**head, "content": [], "stop_reason": None, "usage": begun},
            },
            {"type": "content_block_start", "index": 0, "content_block": empty},
            *(
                {"type": "content_block_delta", "index": 0, "delta": {"type": kind, field: piece}}
                for piece in _pieces(text)
            ),
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": head["stop_reason"], "stop_sequence": None},
                "usage": {"output_tokens": USED["output_tokens"]},
            },
            {"type": "message_stop"},
        ]
        lines = [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events]
        return _streamed(lines, "text/event-stream")

    # --- Ollama: docs.ollama.com/api/chat -----------------------------------------------------

    async def _ollama(self, request: Request) -> Response:
        body = await request.json()
        tools = [tool["function"] for tool in body.get("tools") or ()]
        form = body.get("format")
        text, call = await self._answer(
            [{"role": m["role"], "content": m["content"]} for m in body["messages"]],
            [(tool["name"], tool["parameters"]) for tool in tools],
            schema=form if isinstance(form, dict) else None,
        )
        head = {"model": body["model"], "created_at": "2025-01-01T00:00:00Z"}
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if call:
            function = {**call, "arguments": json.loads(text)}
            message = {"role": "assistant", "content": "", "tool_calls": [{"function": function}]}
        end = {
            **head, "done": True, "done_reason": "stop", "total_duration": 1, "load_duration": 1,
            "prompt_eval_count": USED["input_tokens"], "prompt_eval_duration": 1,
            "eval_count": USED["output_tokens"], "eval_duration": 1,
        }  # fmt: skip
        if body.get("stream") is False:
            return JSONResponse({**end, "message": message})
        parts = [message] if call else [{**message, "content": piece} for piece in _pieces(text)]
        lines = [{**head, "done": False, "message": part} for part in parts]
        last = {**end, "message": {"role": "assistant", "content": ""}}
        return _streamed(
            [json.dumps(line) + "\n" for line in [*lines, last]], "application/x-ndjson"
        )

    # --- Gemini: ai.google.dev/api/generate-content ------------------------------------------

    async def _gemini(self, request: Request) -> Response:
        body = await request.json()
        turns = [
            {
                "role": {"model": "assistant"}.get(m.get("role"), "user"),
                "content": _text(m["parts"]),
            }
            for m in body["contents"]
        ]
        if said := body.get("systemInstruction"):
            turns.insert(0, {"role": "system", "content": _text(said["parts"])})
        declared = [f for t in body.get("tools", ()) for f in t.get("functionDeclarations", ())]
        calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
        named = calling.get("allowedFunctionNames") or [None]
        config = body.get("generationConfig") or {}
        text, call = await self._answer(
            turns,
            [(f["name"], _lowered(f["parameters"])) for f in declared],
            named[0] or calling.get("mode") == "ANY",
            config.get("responseJsonSchema") or config.get("responseSchema"),
        )
        pieces = _pieces(text) if "stream" in request.url.path and not call else [text]
        usage = {
            "promptTokenCount": USED["input_tokens"], "candidatesTokenCount": USED["output_tokens"],
            "totalTokenCount": sum(USED.values()),
        }  # fmt: skip
        chunks: list[dict[str, Any]] = []
        for place, piece in enumerate(pieces, start=1):
            part = (
                {"functionCall": {**call, "args": json.loads(piece)}} if call else {"text": piece}
            )
            found: dict[str, Any] = {"content": {"role": "model", "parts": [part]}, "index": 0}
            chunk: dict[str, Any] = {"candidates": [found], "modelVersion": "gemini-simulated"}
            if place == len(pieces):
                found["finishReason"] = "STOP"
                chunk["usageMetadata"] = usage
            chunks.append(chunk)
        if "stream" not in request.url.path:
            return JSONResponse(chunks[0])
        return _streamed(
            [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks], "text/event-stream"
        )

    # --- Bedrock: docs.aws.amazon.com/bedrock/latest/APIReference, Converse and ConverseStream ---

    async def _bedrock(self, request: Request) -> Response:
        body = await request.json()
        turns = [{"role": m["role"], "content": _text(m["content"])} for m in body["messages"]]
        if body.get("system"):
            turns.insert(0, {"role": "system", "content": _text(body["system"])})
        tools = body.get("toolConfig") or {}
        specs = [tool["toolSpec"] for tool in tools.get("tools", ()) if "toolSpec" in tool]
        choice = tools.get("toolChoice") or {}
        form = ((body.get("outputConfig") or {}).get("textFormat") or {}).get("structure") or {}
        schema = (form.get("jsonSchema") or {}).get("schema")
        text, call = await self._answer(
            turns,
            [(spec["name"], spec["inputSchema"]["json"]) for spec in specs],
            (choice.get("tool") or {}).get("name") or "any" in choice,
            json.loads(schema) if schema else None,
        )
        usage = {
            "inputTokens": USED["input_tokens"], "outputTokens": USED["output_tokens"],
            "totalTokens": sum(USED.values()),
        }  # fmt: skip
        reason = "tool_use" if call else "end_turn"
        block: dict[str, Any] = {"text": text}
        if call:
            block = {"toolUse": {"toolUseId": "t1", **call, "input": json.loads(text)}}
        if request.path_params["call"] == "converse":
            message = {"role": "assistant", "content": [block]}
            return JSONResponse({
                "output": {"message": message}, "stopReason": reason, "usage": usage,
                "metrics": {"latencyMs": 1},
            })  # fmt: skip
        events: list[tuple[str, dict[str, Any]]] = [("messageStart", {"role": "assistant"})]
        if call:
            start = {"toolUse": {"toolUseId": "t1", **call}}
            events.append(("contentBlockStart", {"contentBlockIndex": 0, "start": start}))
        for piece in _pieces(text):
            delta = {"toolUse": {"input": piece}} if call else {"text": piece}
            events.append(("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta}))
        events += [
            ("contentBlockStop", {"contentBlockIndex": 0}),
            ("messageStop", {"stopReason": reason}),
            ("metadata", {"usage": usage, "metrics": {"latencyMs": 1}}),
        ]
        frames = [_frame(name, data) for name, data in events]
        return _streamed(frames, "application/vnd.amazon.eventstream")


def _text(content: Any) -> str:
    """The text of a message, of whatever parts."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def _lowered(schema: Any) -> Any:
    """A schema of Google's as JSON Schema has it: names of types are in capitals there."""
    if isinstance(schema, list):
        return [_lowered(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _lowered(part) for name, part in schema.items()}
    if isinstance(kind := found.get("type"), str):
        found["type"] = kind.lower()
    return found


def _pieces(text: str, size: int = 7) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def _streamed(parts: list[str] | list[bytes], kind: str) -> Response:
    async def each() -> AsyncIterator[str | bytes]:
        for part in parts:
            yield part

    return StreamingResponse(each(), media_type=kind)


def _frame(name: str, data: Mapping[str, Any]) -> bytes:
    """An event in Amazon's binary framing: lengths, headers, payload, and checksums."""
    about = {":message-type": "event", ":event-type": name, ":content-type": "application/json"}
    headers = b"".join(_header(*pair) for pair in about.items())
    payload = json.dumps(data).encode()
    total = 12 + len(headers) + len(payload) + 4
    prelude = struct.pack(">II", total, len(headers))
    frame = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return frame + struct.pack(">I", zlib.crc32(frame))


def _header(name: str, value: str) -> bytes:
    return (
        struct.pack("B", len(name)) + name.encode() + b"\x07"
        + struct.pack(">H", len(value)) + value.encode()
    )  # fmt: skip
