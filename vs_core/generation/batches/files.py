"""Files of requests and of results: what has no answer yet, and what came back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from vs_core.errors import ModelError, ParseError
from vs_core.generation.folder import aside
from vs_core.generation.journal import Journal
from vs_core.messages import Completion, Request
from vs_core.store import digest_of_request
from vs_core.strategies import Flow
from vs_core.strategies.pump import Pump

__all__ = ["FileFormat", "Wanted", "completions_of", "missing", "written"]


class FileFormat(Protocol):
    """How a provider writes files of requests, and of results."""

    most_requests: int
    """Of one file."""
    most_bytes: int
    """Of one file."""

    def line(self, wanted: Wanted) -> dict[str, Any]:
        """Return a request as a line of a file."""

    def completion(self, line: Mapping[str, Any]) -> Completion | None:
        """Return the answer that a line of results holds; None if it failed in any way.

        Raises:
            Exception: If it is no such line.
        """


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


def written(
    wanted: Iterable[Wanted], written_as: FileFormat, folder: Path, name: str
) -> tuple[int, list[Path]]:
    """Write requests as batch files, split at the provider's limits; return how many, and where.

    The files are called ``NAME-000.jsonl`` and so on. Memory holds one line.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    total = 0
    lines = _Peekable(_encoded(written_as.line(each)) for each in wanted)
    while lines.more:
        path = folder / f"{name}-{len(paths):03d}.jsonl"
        with aside(path) as other, other.open("wb") as file:
            count = size = 0
            while lines.more and _fits(written_as, count, size + len(lines.first)):
                count, size = count + 1, size + len(lines.first)
                file.write(lines.take())
        total += count
        paths.append(path)
    return total, paths


def _encoded(line: Mapping[str, Any]) -> bytes:
    return json.dumps(line, ensure_ascii=True).encode() + b"\n"


def _fits(written_as: FileFormat, count: int, size: int) -> bool:
    """Whether a file takes another line; it takes one at least."""
    return not count or (count < written_as.most_requests and size <= written_as.most_bytes)


class _Peekable:
    """Lines, of which the next can be looked at."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self.first = next(lines, b"")

    @property
    def more(self) -> bool:
        return bool(self.first)

    def take(self) -> bytes:
        line, self.first = self.first, next(self._lines, b"")
        return line


def completions_of(
    lines: Iterable[str], written_as: FileFormat
) -> Iterator[tuple[str, int, str, Completion]]:
    """Yield the answers among the lines of results: task, call, digest of the question, answer.

    Failed, expired and cancelled lines are left out, as are lines that are torn or not ours.
    """
    for line in lines:
        try:
            record = json.loads(line)
            task, call, asked = record["custom_id"].split("_")
            completion = written_as.completion(record)
            number = int(call)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, ModelError):
            continue
        if completion is not None:
            yield task, number, asked, completion
