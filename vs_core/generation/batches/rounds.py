"""Rounds of batches: hand in what is missing, wait, take in what came, until little is missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import Protocol

from vs_core.caller import Stopped
from vs_core.errors import ModelError
from vs_core.generation.batches.files import Wanted
from vs_core.generation.folder import aside, read_json, write_json

__all__ = ["Batches", "rounds"]

_MOST_ROUNDS = 100
_LONGEST_SLEEP = 0.5  # seconds; a signal does not end a sleep


class Batches(Protocol):
    """A provider of batches."""

    def submit(self, path: Path) -> str:
        """Hand in a file; return the provider's id of the batch."""

    def ended(self, batch: str) -> bool:
        """Whether it is at its end, in whatever way."""

    def results(self, batch: str) -> Iterable[str]:
        """The lines of its results, in any order; failed ones may be among them or not."""


def rounds(
    backend: Batches,
    folder: Path,
    *,
    wanted: Callable[[], Generator[Wanted, None, None]],
    write: Callable[[Iterable[Wanted], str], tuple[int, list[Path]]],
    take: Callable[[Iterable[str]], int],
    poll: float,
    tail: int,
    tell: Callable[[str], object],
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Run batches, a round after another, until so little is missing that it is asked live.

    Args:
        backend: The provider.
        folder: Where the files are, what came back beside them, and in ``waiting.json`` the ids of
            batches that are under way: another process goes on waiting for them.
        wanted: Yields what is missing.
        write: Writes that as files of this name; returns how many requests, and the files.
        take: Takes in the lines of results; returns how many are answers.
        poll: Seconds between two looks at a batch.
        tail: So few missing requests, or fewer, are left.
        tell: Is told what is done.
        stopped: Whether to end in good order: looked at while a batch is waited for, and before
            one is handed in.

    Raises:
        Stopped: If it was to end. What is under way is waited for the next time.
        ModelError: If a whole round gave no answer.
    """
    waiting = _Waiting(folder)
    for _ in range(_MOST_ROUNDS):
        if not waiting.batches:
            with closing(wanted()) as missing:
                first = list(islice(missing, tail + 1))
                if len(first) <= tail:
                    return
                if stopped():
                    raise Stopped
                count, files = write(chain(first, missing), f"{waiting.round:03d}")
            waiting.begin(files)
            tell(f"round {waiting.round}: {count:,} requests in {len(files)} files")
        waiting.submit(backend)
        got = sum(take(lines) for lines in _results(backend, waiting, poll, stopped))
        tell(f"round {waiting.round}: {got:,} answers")
        waiting.finish()
        if not got:
            raise ModelError(
                f"A whole round of batches gave no answer; {folder} has what came instead."
            )


def _results(
    backend: Batches, waiting: _Waiting, poll: float, stopped: Callable[[], bool]
) -> Iterator[Iterator[str]]:
    """The lines of each batch at its end, kept in a file on their way."""
    for name, batch in list(waiting.batches.items()):
        while not backend.ended(batch):
            _wait(poll, stopped)
        yield _kept(backend.results(batch), waiting.folder / f"{Path(name).stem}.results.jsonl")
        waiting.took(name)


def _wait(seconds: float, stopped: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not stopped():
        left = until - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, _LONGEST_SLEEP))
    raise Stopped


def _kept(lines: Iterable[str], path: Path) -> Iterator[str]:
    with aside(path) as other, other.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(line.rstrip("\n") + "\n")
            yield line


class _Waiting:
    """The batches that are under way, by their files, in ``waiting.json``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / "waiting.json"
        state = read_json(self._path)
        self.round: int = state.get("round", 0)
        self.batches: dict[str, str] = state.get("batches", {})

    def begin(self, files: Iterable[Path]) -> None:
        """Have files to be handed in."""
        self.batches = {path.name: "" for path in files}
        self._save()

    def submit(self, backend: Batches) -> None:
        """Hand in the files that were not, each noted at once."""
        for name, batch in self.batches.items():
            if not batch:
                self.batches[name] = backend.submit(self.folder / name)
                self._save()

    def took(self, name: str) -> None:
        """Have the results of a file."""
        del self.batches[name]
        self._save()

    def finish(self) -> None:
        """Go on to the next round."""
        self.round += 1
        self._save()

    def _save(self) -> None:
        write_json(self._path, {"round": self.round, "batches": self.batches})
