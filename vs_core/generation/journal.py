"""Every answer as a durable line, by the task that it belongs to: what a killed run goes on from.

A run's folder holds partitions of the journal, ``journal/*.jsonl``, one for each process that
writes. A line begins with its task's id, so that a million of them are indexed in seconds and only
what is needed is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vs_core.errors import ConfigurationError
from vs_core.messages import Completion, Request
from vs_core.store import Store, answered, completion_of, digest_of_request

__all__ = ["Journal"]

_HEAD = b'{"task": "'
_ID = slice(len(_HEAD), len(_HEAD) + 16)
_PLACE_BITS = 44  # of an offset into a partition: 16 TiB


class Journal:
    """The answers of a run.

    Args:
        folder: Of the run.
        writer: Names the partition that this process writes.

    Raises:
        ConfigurationError: If another process writes that partition, or a line is no record.
    """

    def __init__(self, folder: Path, writer: str = "main") -> None:
        self._folder = folder / "journal"
        self._own = Store(self._folder / f"{writer}.jsonl")
        self._paths = sorted(self._folder.glob("*.jsonl"))
        self._lines: dict[int, int | list[int]] = {}
        for number, path in enumerate(self._paths):
            self._index(number, path)

    def __len__(self) -> int:
        """How many tasks have answers from before."""
        return len(self._lines)

    def _index(self, number: int, path: Path) -> None:
        offset = number << _PLACE_BITS
        lines = self._lines
        with path.open("rb") as file:
            for count, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):  # another process writes it, or was killed at it
                    break
                try:
                    if not line.startswith(_HEAD):
                        raise ValueError
                    task = int(line[_ID], 16)
                except ValueError:
                    raise ConfigurationError(
                        f"{path}:{count} is no record. Take the line out: what it held is then "
                        "asked again."
                    ) from None
                known = lines.get(task)
                if known is None:
                    lines[task] = offset
                elif isinstance(known, list):
                    known.append(offset)
                else:
                    lines[task] = [known, offset]
                offset += len(line)

    def answers(self, task: str) -> dict[int, Any]:
        """Return the records of a task that were there when the journal was opened, by call."""
        places = self._lines.get(int(task, 16), [])
        found = {}
        for place in [places] if isinstance(places, int) else places:
            path = self._paths[place >> _PLACE_BITS]
            with path.open("rb") as file:
                file.seek(place & ((1 << _PLACE_BITS) - 1))
                record = json.loads(file.readline())
            found[record["call"]] = record
        return found

    def add(self, task: str, request: Request, completion: Completion) -> None:
        """Write an answer: whole, or not at all.

        Raises:
            ConfigurationError: If it cannot be written, as on a full disk.
        """
        self.put(task, request.call, digest_of_request(request), completion)

    def put(self, task: str, call: int, asked: str, completion: Completion) -> None:
        """Write an answer to the question of this digest; see `add`."""
        self._own.append({"task": task, "call": call, "request": asked, **answered(completion)})

    def recorded(self, record: Any, request: Request) -> Completion | None:
        """Return the answer of a record, if it answers this request."""
        if record is None or record.get("request") != digest_of_request(request):
            return None
        return completion_of(record)

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield all records."""
        for path in self._paths:
            with path.open("rb") as file:
                yield from map(json.loads, file)

    def close(self) -> None:
        """Have everything on the disk, and let another process write."""
        self._own.close()
