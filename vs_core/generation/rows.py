"""What comes out: a row a candidate or a row a prompt, in parts that are whole or not there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

from vs_core.candidates import Candidate, Distribution, plain_text
from vs_core.errors import ConfigurationError, raise_missing_extra
from vs_core.generation.tasks import Task

__all__ = ["ENDINGS", "Parts", "Shaping", "assembled", "require_ending"]

OURS = (
    "id", "text", "value", "probability", "weight", "call", "repairs", "strategy", "model",
    "input_tokens", "output_tokens",
)  # fmt: skip
"""Columns that come to those of the table; all with ``vs_`` in front, where one is taken."""

ENDINGS = (".jsonl", ".parquet", ".csv")


class Shaping:
    """How a finished task becomes rows.

    Args:
        columns: Of the table.
        nested: One row a task, with its candidates as a list, instead of a row a candidate.
        model: Name of the model, where an answer does not say it.
    """

    def __init__(
        self, columns: Iterable[str], *, nested: bool = False, model: str | None = None
    ) -> None:
        self._model = model
        taken = set(columns) & {*OURS, "candidates"}
        self._prefix = "vs_" if taken else ""
        self._nested = nested

    def rows(self, task: Task, found: Distribution) -> list[dict[str, Any]]:
        """Return the rows of a task."""
        weights = found.weights
        each = [self._row(c, w, found) for c, w in zip(found, weights, strict=True)]
        about = self._named({"id": task.id})
        if self._nested:
            return [{**about, **task.row, **self._named({"candidates": each})}]
        return [{**about, **task.row, **self._named(row)} for row in each]

    def _row(self, candidate: Candidate, weight: float, found: Distribution) -> dict[str, Any]:
        completion = None
        if candidate.call is not None and candidate.call < len(found.completions):
            completion = found.completions[candidate.call]
        usage = completion.usage if completion else {}
        value = candidate.value
        dump = getattr(value, "model_dump", None)
        return {
            "text": candidate.text,
            "value": None if value is None else _json(dump(mode="json") if dump else value),
            "probability": candidate.probability,
            "weight": weight,
            "call": candidate.call,
            "repairs": list(candidate.repairs),
            "strategy": found.metadata.get("strategy"),
            "model": (completion.model if completion else None) or self._model,
            "input_tokens": usage.get("input_tokens"),
            "output_tokens": usage.get("output_tokens"),
        }

    def _named(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {f"{self._prefix}{name}": value for name, value in row.items()}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


# --- parts ---------------------------------------------------------------------------------------


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

    def path(self, tasks: Sequence[Task]) -> Path:
        """Return where the part of these tasks stands or is to stand; it is one of all then."""
        digest = blake2b("".join(task.id for task in tasks).encode(), digest_size=8).hexdigest()
        path = self._folder / f"{tasks[0].number // self.size:06d}-{digest}.jsonl"
        self.paths.append(path)
        return path

    def write(self, path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write a part aside, and put it in its place."""
        with _aside(path) as aside, aside.open("w", encoding="utf-8", errors="replace") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")

    def clean(self) -> None:
        """Take away the parts of another table, and what was not finished."""
        for path in set(self._folder.glob("*")) - set(self.paths):
            path.unlink(missing_ok=True)


@contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """A file beside another, which takes its place if all went well."""
    aside = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        os.replace(aside, path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise ConfigurationError(
            f"Cannot write {path}: {error.strerror}. What was answered is kept: make space and run "
            "again to go on."
        ) from error


# --- the whole -----------------------------------------------------------------------------------


def require_ending(out: Path) -> None:
    """Refuse an output file of a kind that we do not write, before anything is paid for.

    Raises:
        ConfigurationError: If its name has another ending.
        MissingExtraError: If it is Parquet, and pyarrow is not installed.
    """
    if out.suffix.lower() not in ENDINGS:
        raise ConfigurationError(f"{out} must end in one of {', '.join(ENDINGS)}.")
    if out.suffix.lower() == ".parquet":
        _pyarrow()


def assembled(parts: Sequence[Path], out: Path, *, unique: bool = False) -> int:
    """Put the parts together as one table, written aside and renamed; return its rows.

    Args:
        parts: In order.
        out: The table; its ending says how it is written.
        unique: Leave out an answer that stands in an earlier row already, whatever was asked.
    """
    seen: set[bytes] = set()

    def rows() -> Iterator[dict[str, Any]]:
        for part in parts:
            with part.open(encoding="utf-8") as file:
                for row in map(json.loads, file):
                    if not unique or _new(row, seen):
                        yield row

    writers: dict[str, Callable[[Callable[[], Iterator[dict[str, Any]]], Path], int]] = {
        ".jsonl": _write_jsonl,
        ".parquet": _write_parquet,
        ".csv": _write_csv,
    }
    with _aside(out) as aside:
        again = _replayed(rows, seen)
        return writers[out.suffix.lower()](again, aside)


def _replayed(
    rows: Callable[[], Iterator[dict[str, Any]]], seen: set[bytes]
) -> Callable[[], Iterator[dict[str, Any]]]:
    """Rows from the start, as often as they are wanted."""

    def again() -> Iterator[dict[str, Any]]:
        seen.clear()
        return rows()

    return again


def _new(row: Mapping[str, Any], seen: set[bytes]) -> bool:
    text = row.get("vs_text", row.get("text", ""))
    digest = blake2b(plain_text(Candidate(text=str(text))).encode(), digest_size=8).digest()
    if digest in seen:
        return False
    seen.add(digest)
    return True


def _write_jsonl(rows: Callable[[], Iterator[dict[str, Any]]], path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for count, row in enumerate(rows(), start=1):  # noqa: B007
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return count


def _write_csv(rows: Callable[[], Iterator[dict[str, Any]]], path: Path) -> int:
    import csv

    names = list(dict.fromkeys(name for row in rows() for name in row))
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        for count, row in enumerate(rows(), start=1):  # noqa: B007
            writer.writerow(
                {n: _json(v) if isinstance(v, (list, dict)) else v for n, v in row.items()}
            )
    return count


_BATCH = 5000


def _write_parquet(rows: Callable[[], Iterator[dict[str, Any]]], path: Path) -> int:
    """Two passes: the types of all batches, then the rows. Memory holds one batch."""
    pyarrow, parquet = _pyarrow()
    types: list[Any] = []
    for batch in _batches(rows()):
        found = pyarrow.Table.from_pylist(batch, schema=None).schema
        types = [pyarrow.unify_schemas([*types, found], promote_options="permissive")]
    if not types:
        types = [pyarrow.schema([])]
    count = 0
    with parquet.ParquetWriter(path, types[0], compression="zstd") as writer:
        for batch in _batches(rows()):
            count += len(batch)
            writer.write_table(pyarrow.Table.from_pylist(batch, schema=types[0]))
    return count


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows by the batch, all of a batch with the same columns."""
    from itertools import islice

    while batch := list(islice(rows, _BATCH)):
        names = dict.fromkeys(name for row in batch for name in row)
        yield [{name: row.get(name) for name in names} for row in batch]


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise_missing_extra("generation", error)
    return pyarrow, parquet
