"""Anthropic's messages and their batches on the simulated server: lines fail or expire."""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vs_core.testing.batches import CUT_OFF, BatchFaults, as_json

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

__all__ = ["MessageBatching", "as_chat", "as_message"]

Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""From the body of a request to that of its response, both as the Messages API has them."""

_COUNTED = {"errored": 0, "expired": 0, "canceled": 0, "succeeded": 0}
_ENDS = {"failed": "errored", "expired": "expired", "cancelled": "canceled"}


def as_chat(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request to the Messages API as one for a chat completion."""
    system = body.get("system")
    said = [{"role": "system", "content": system}] if system else []
    limits = {"model": body["model"], "max_tokens": body["max_tokens"]}
    return {**limits, "messages": [*said, *body["messages"]], "stop": body.get("stop_sequences")}


def as_message(body: Mapping[str, Any], choice: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return an answer as the Messages API has it.

    Args:
        body: Of the request.
        choice: The message, why it ended, and its usage.
        name: Of the message.
    """
    thoughts = choice["message"].get("reasoning_content")
    thinking = {"type": "thinking", "thinking": thoughts, "signature": "simulated"}
    text = {"type": "text", "text": choice["message"]["content"], "citations": None}
    return {
        "id": name, "type": "message", "role": "assistant", "model": body["model"],
        "content": [*([thinking] if thoughts else []), text],
        "stop_reason": "max_tokens" if choice["finish"] == "length" else "end_turn",
        "stop_sequence": None, "usage": dict(choice["usage"]),
    }  # fmt: skip


@dataclass
class _MessageBatch:
    id: str
    results: list[dict[str, Any]]
    polls: int


class MessageBatching:
    """The message batches of a server.

    Args:
        answer: Answers one request.
        faults: How lines go wrong.
    """

    def __init__(self, answer: Answer, faults: BatchFaults) -> None:
        self._answer = answer
        self.faults = faults
        self._batches: dict[str, _MessageBatch] = {}

    def routes(self) -> list[Route]:
        """Return what is served."""
        from starlette.routing import Route

        path = "/v1/messages/batches"
        return [
            Route(path, self._create, methods=["POST"]),
            Route(f"{path}/{{id}}", self._retrieve),
            Route(f"{path}/{{id}}/results", self._results),
        ]

    async def _create(self, request: Request) -> Response:
        if self.faults.refused:
            said = {"type": "invalid_request_error", "message": "This refusal is simulated."}
            return as_json({"type": "error", "error": said}, 400)
        lines = (await request.json())["requests"]
        number = len(self._batches)
        rng = random.Random(f"{self.faults.seed} {number}")
        results = [await self._result(line, self.faults.drawn(rng)) for line in lines]
        rng.shuffle(results)
        batch = _MessageBatch(f"msgbatch_{number}", results, self.faults.polls)
        self._batches[batch.id] = batch
        return as_json(_shown(batch, request))

    async def _result(self, line: Mapping[str, Any], drawn: str) -> dict[str, Any]:
        result: dict[str, Any] = {"type": _ENDS.get(drawn, "succeeded")}
        if drawn == "failed":
            said = {"type": "api_error", "message": "This failure is simulated."}
            result["error"] = {"type": "error", "error": said, "request_id": None}
        elif drawn in ("", "cut_off"):
            body = {**line["params"], **(CUT_OFF if drawn else {})}
            result["message"] = await self._answer(body)
        return {"custom_id": line["custom_id"], "result": result}

    async def _retrieve(self, request: Request) -> Response:
        batch = self._batches[request.path_params["id"]]
        batch.polls -= 1
        return as_json(_shown(batch, request))

    async def _results(self, request: Request) -> Response:
        from starlette.responses import Response

        lines = [json.dumps(each) for each in self._batches[request.path_params["id"]].results]
        return Response("".join(line + "\n" for line in lines), media_type="application/x-jsonl")


def _shown(batch: _MessageBatch, request: Request) -> dict[str, Any]:
    ended = batch.polls <= 0
    counts = dict(_COUNTED)
    for each in batch.results if ended else ():
        counts[each["result"]["type"]] += 1
    when = "2026-01-01T00:00:00Z"
    return {
        "id": batch.id, "type": "message_batch", "created_at": when, "expires_at": when,
        "processing_status": "ended" if ended else "in_progress",
        "request_counts": {**counts, "processing": 0 if ended else len(batch.results)},
        "ended_at": when if ended else None, "archived_at": None, "cancel_initiated_at": None,
        "results_url": f"{request.base_url}v1/messages/batches/{batch.id}/results"
        if ended else None,
    }  # fmt: skip
