"""Provider batches: what is missing goes into files, and what comes back into the journal.

A batch costs half of a live call and takes up to a day. All flows are advanced until an answer is
missing; the missing requests are the next file. What failed, expired or did not come back is simply
missing again. A strategy of several rounds takes one file a round.

The files are OpenAI's: a user can look at them, and ``vllm run-batch`` takes them too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from vs_core.clients import OpenAIModel
from vs_core.errors import ConfigurationError, ParseError
from vs_core.generation.journal import Journal
from vs_core.messages import Completion, Request
from vs_core.store import digest_of_request
from vs_core.strategies import Flow
from vs_core.strategies.pump import Pump

__all__ = ["Batches", "OpenAIBatches", "Wanted", "completions_of", "missing", "written"]

MOST_REQUESTS = 50_000
MOST_BYTES = 190 * 2**20  # OpenAI takes 200 MB, by which it may mean either
_URL: Literal["/v1/chat/completions"] = "/v1/chat/completions"


class Wanted(NamedTuple):
    """A request that has no answer yet.

    Args:
        task: Id of its task.
        request: The request.
    """

    task: str
    request: Request

    @property
    def id(self) -> str:
        """What the provider calls it: task, number of the call and digest of the question."""
        return f"{self.task}_{self.request.call}_{digest_of_request(self.request)}"


class Batches(Protocol):
    """A provider of batches."""

    def submit(self, path: Path) -> str:
        """Hand in a file; return the provider's id of the batch."""

    def ended(self, batch: str) -> bool:
        """Whether it is at its end, in whatever way."""

    def results(self, batch: str) -> Iterable[str]:
        """The lines of its results, in any order; failed ones may be among them or not."""


def missing(task: str, flow: Flow, journal: Journal) -> list[Wanted]:
    """Advance a flow as far as there are answers; return what it waits for, [] at its end."""
    records = journal.answers(task)
    try:
        pump = Pump(flow)
        while pump.requests:
            known = [journal.recorded(records.get(r.call), r) for r in pump.requests]
            if any(answer is None for answer in known):
                pairs = zip(pump.requests, known, strict=True)
                return [Wanted(task, request) for request, answer in pairs if answer is None]
            pump.take([answer for answer in known if answer is not None])
    except ParseError:  # at its end, though nothing could be read
        pass
    return []


def written(wanted: Iterable[Wanted], model: OpenAIModel, folder: Path, name: str) -> list[Path]:
    """Write requests as batch files, split at the provider's limits; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for lines in _split(_line(each, model) for each in wanted):
        path = folder / f"{name}-{len(paths):03d}.jsonl"
        aside = path.with_suffix(".tmp")
        aside.write_bytes(b"".join(lines))
        aside.replace(path)
        paths.append(path)
    return paths


def _line(wanted: Wanted, model: OpenAIModel) -> bytes:
    body = model.body(wanted.request)
    line = {"custom_id": wanted.id, "method": "POST", "url": _URL, "body": body}
    return json.dumps(line, ensure_ascii=True).encode() + b"\n"


def _split(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    some: list[bytes] = []
    size = 0
    for line in lines:
        if some and (len(some) >= MOST_REQUESTS or size + len(line) > MOST_BYTES):
            yield some
            some, size = [], 0
        some.append(line)
        size += len(line)
    if some:
        yield some


def completions_of(lines: Iterable[str]) -> Iterator[tuple[str, int, str, Completion]]:
    """Yield the answers among the lines of results: task, call, digest of the question, answer.

    Failed and expired lines are left out, as are lines that are torn or not ours.
    """
    for line in lines:
        try:
            record = json.loads(line)
            task, call, asked = record["custom_id"].split("_")
            response = record["response"] or {}
            if response.get("status_code", 200) != 200:
                continue
            completion = _completion(response["body"])
            yield task, int(call), asked, completion
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            continue


def _completion(body: Mapping[str, Any]) -> Completion:
    choice = body["choices"][0]
    message = choice["message"]
    usage = body.get("usage") or {}
    names = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens"}
    return Completion(
        message.get("content") or message.get("refusal") or "",
        {ours: usage[theirs] for ours, theirs in names.items() if theirs in usage},
        None,
        message.get("reasoning_content"),
        choice.get("finish_reason"),
        body.get("model"),
    )


class OpenAIBatches:
    """OpenAI's batches, by its own client, or those of an endpoint that has the same.

    Args:
        model: The model, with its endpoint, key and parameters.
    """

    def __init__(self, model: OpenAIModel) -> None:
        self._model = model

    def submit(self, path: Path) -> str:
        """See `Batches.submit`."""
        client = self._model.client
        with path.open("rb") as file:
            uploaded = client.files.create(file=file, purpose="batch")
        batch = client.batches.create(
            input_file_id=uploaded.id, endpoint=_URL, completion_window="24h"
        )
        found: str = batch.id
        return found

    def ended(self, batch: str) -> bool:
        """See `Batches.ended`.

        Raises:
            ConfigurationError: If the provider refused the file.
        """
        found = self._model.client.batches.retrieve(batch)
        if found.status == "failed":
            errors = getattr(found.errors, "data", None) or []
            said = "; ".join(str(each.message) for each in errors) or "it does not say why"
            raise ConfigurationError(f"The provider refused the batch {batch}: {said}.")
        return found.status in ("completed", "expired", "cancelled")

    def results(self, batch: str) -> Iterator[str]:
        """See `Batches.results`."""
        client = self._model.client
        found = client.batches.retrieve(batch)
        if found.output_file_id:
            yield from client.files.content(found.output_file_id).text.splitlines()
