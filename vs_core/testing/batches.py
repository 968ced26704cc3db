"""OpenAI's files and batches on the simulated server: lines fail, expire, come in any order."""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

__all__ = ["CUT_OFF", "BatchFaults", "Batching"]

Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""From the body of a request to that of its response."""


@dataclass(frozen=True)
class BatchFaults:
    """How lines of a batch go wrong, as shares of them, at random under a seed.

    Args:
        failed: Lines that end in an error of the server.
        expired: Lines that were not done in time.
        cut_off: Answers that reached the limit of their length.
        polls: How often a batch is looked at before it is at its end.
        refused: Whether the file itself is refused.
        seed: Of all that is random.
        cancelled: Lines that were not done before somebody cancelled the batch.
    """

    failed: float = 0.0
    expired: float = 0.0
    cut_off: float = 0.0
    polls: int = 1
    refused: bool = False
    seed: int = 0
    cancelled: float = 0.0

    def drawn(self, rng: random.Random) -> str:
        """Return what becomes of a line: ``"failed"``, ``"cut_off"``, …; "" for a whole answer."""
        at = rng.random()
        for name in ("failed", "expired", "cancelled"):
            share: float = getattr(self, name)
            if at < share:
                return name
            at -= share
        return "cut_off" if rng.random() < self.cut_off else ""


CUT_OFF = {"max_tokens": 12}
"""What cuts an answer off, in the words of either API."""


@dataclass
class _Batch:
    id: str
    file: str
    output: str
    errors: str
    polls: int
    status: str = "in_progress"
    counts: dict[str, int] = field(default_factory=dict)


class Batching:
    """The files and batches of a server.

    Args:
        answer: Answers one request.
        faults: How lines go wrong.
    """

    def __init__(self, answer: Answer, faults: BatchFaults) -> None:
        self._answer = answer
        self.faults = faults
        self.files: dict[str, bytes] = {}
        self._batches: dict[str, _Batch] = {}

    def routes(self) -> list[Route]:
        """Return what is served."""
        from starlette.routing import Route

        return [
            Route("/v1/files", self._upload, methods=["POST"]),
            Route("/v1/files/{id}/content", self._content),
            Route("/v1/batches", self._create, methods=["POST"]),
            Route("/v1/batches/{id}", self._retrieve),
        ]

    async def _upload(self, request: Request) -> Response:
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        form = BytesParser(policy=HTTP).parsebytes(head + await request.body())
        parts: dict[Any, Any] = {
            part.get_param("name", header="content-disposition"): part for part in form.iter_parts()
        }
        if parts["purpose"].get_payload() != "batch":
            return as_json(_REFUSED, 400)
        data: bytes = parts["file"].get_payload(decode=True)
        name = f"file-{len(self.files)}"
        self.files[name] = data
        about = {"bytes": len(data), "created_at": 0, "filename": "batch.jsonl", "purpose": "batch"}
        return as_json({"id": name, "object": "file", "status": "processed", **about})

    async def _content(self, request: Request) -> Response:
        from starlette.responses import Response

        return Response(self.files[request.path_params["id"]])

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        if (body["endpoint"], body["completion_window"]) != ("/v1/chat/completions", "24h"):
            return as_json(_REFUSED, 400)
        number = len(self._batches)
        batch = _Batch(
            f"batch_{number}", body["input_file_id"], f"out-{number}", f"err-{number}",
            self.faults.polls,
        )  # fmt: skip
        if self.faults.refused:
            batch.status = "failed"
        else:
            await self._run(batch, random.Random(f"{self.faults.seed} {number}"))
        self._batches[batch.id] = batch
        return as_json(self._shown(batch))

    async def _retrieve(self, request: Request) -> Response:
        batch = self._batches[request.path_params["id"]]
        batch.polls -= 1
        if batch.polls <= 0 and batch.status == "in_progress":
            batch.status = "completed"
        return as_json(self._shown(batch))

    async def _run(self, batch: _Batch, rng: random.Random) -> None:
        lines = [json.loads(line) for line in self.files[batch.file].splitlines()]
        done, failed = [], []
        for line in lines:
            drawn = self.faults.drawn(rng)
            if drawn == "failed":
                response = {"status_code": 500, "request_id": "r", "body": _ERROR}
                failed.append(_result(line, response, None))
            elif drawn in ("expired", "cancelled"):
                error = {"code": f"batch_{drawn}", "message": f"It was {drawn}."}
                failed.append(_result(line, None, error))
            else:
                body = {**line["body"], **(CUT_OFF if drawn else {})}
                response = {"status_code": 200, "request_id": "r", "body": await self._answer(body)}
                done.append(_result(line, response, None))
        rng.shuffle(done)
        batch.counts = {"total": len(lines), "completed": len(done), "failed": len(failed)}
        for name, results in ((batch.output, done), (batch.errors, failed)):
            self.files[name] = b"".join(json.dumps(each).encode() + b"\n" for each in results)

    def _shown(self, batch: _Batch) -> dict[str, Any]:
        ended = batch.status == "completed"
        shown: dict[str, Any] = {
            "id": batch.id, "object": "batch", "endpoint": "/v1/chat/completions", "errors": None,
            "input_file_id": batch.file, "completion_window": "24h", "status": batch.status,
            "output_file_id": batch.output if ended and self.files[batch.output] else None,
            "error_file_id": batch.errors if ended and self.files[batch.errors] else None,
            "created_at": 0, "request_counts": batch.counts or None,
        }  # fmt: skip
        if batch.status == "failed":
            said = {"code": "invalid_json_line", "message": "This refusal is simulated.", "line": 1}
            shown["errors"] = {"object": "list", "data": [said]}
        return shown


_ERROR = {"error": {"message": "This failure is simulated.", "type": "server_error"}}
_REFUSED = {"error": {"message": "It is no batch of chats.", "type": "invalid_request_error"}}


def _result(line: Mapping[str, Any], response: Any, error: Any) -> dict[str, Any]:
    about = {"id": "batch_req", "custom_id": line["custom_id"]}
    return {**about, "response": response, "error": error}


def as_json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response of JSON."""
    from starlette.responses import JSONResponse

    return JSONResponse(data, status, headers)
