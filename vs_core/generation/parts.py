"""Parts of the output: files of so many tasks that are whole or not there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from vs_core.candidates import Candidate
from vs_core.generation.folder import aside
from vs_core.generation.live import Finished
from vs_core.generation.rows import Shaping
from vs_core.generation.tasks import RowTask

__all__ = ["Gathering", "Parts"]


class Parts:
    """Finished parts of the output: a file of JSON Lines for so many tasks.

    A part is named by its place and by a digest of its tasks, so a run that goes on finds those
    that are finished, and a table that has changed since gets new ones.

    Args:
        folder: Of the run.
        size: Tasks a part.
    """

    def __init__(self, folder: Path, size: int = 1000) -> None:
        self._folder = folder / "parts"
        self.size = size
        self.paths: list[Path] = []

    def path(self, tasks: Sequence[RowTask]) -> Path:
        """Return where the part of these tasks stands or is to stand; it is one of all then."""
        digest = blake2b("".join(task.id for task in tasks).encode(), digest_size=8).hexdigest()
        path = self._folder / f"{tasks[0].number // self.size:06d}-{digest}.jsonl"
        self.paths.append(path)
        return path

    def write(self, path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write a part aside, and put it in its place."""
        with aside(path) as other, other.open("w", encoding="utf-8", errors="replace") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")

    def answers(self) -> Iterator[tuple[str, Candidate]]:
        """Yield what the finished parts hold: the id of a task, and an answer to it."""
        for path in sorted(self._folder.glob("*.jsonl")):
            with path.open(encoding="utf-8") as file:
                for row in map(json.loads, file):
                    prefix = "vs_" if "vs_id" in row else ""
                    for each in row.get(f"{prefix}candidates", [row]):
                        text = each.get(f"{prefix}text", each.get("text"))
                        yield row[f"{prefix}id"], Candidate(text=text)

    def clean(self) -> None:
        """Take away the parts of another table, and what was not finished."""
        for path in set(self._folder.glob("*")) - set(self.paths):
            path.unlink(missing_ok=True)


class Gathering:
    """The rows of parts that are not complete yet.

    Args:
        parts: Where a part goes that is complete.
        shaping: How a task becomes rows.
    """

    def __init__(self, parts: Parts, shaping: Shaping) -> None:
        self._parts = parts
        self._shaping = shaping
        self._open: dict[int, tuple[Path, int, dict[int, list[dict[str, Any]]]]] = {}

    def expect(self, path: Path, tasks: Sequence[RowTask]) -> None:
        """Begin a part."""
        self._open[tasks[0].number // self._parts.size] = (path, len(tasks), {})

    def add(self, done: Finished) -> list[dict[str, Any]]:
        """Take in a finished task, write its part if that is complete, and return its rows."""
        place = done.task.number // self._parts.size
        path, size, tasks = self._open[place]
        rows = tasks[done.task.number] = self._shaping.rows(done.task, done.found)
        if len(tasks) == size:
            self._parts.write(path, (row for number in sorted(tasks) for row in tasks[number]))
            del self._open[place]
        return rows
