"""The table of answers: one file, or a folder of Parquet files for what is too large for one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import chain, islice
from pathlib import Path
from typing import Any

from vs_core.candidates import Candidate, plain_text
from vs_core.errors import ConfigurationError, raise_missing_extra
from vs_core.generation.folder import aside
from vs_core.generation.rows import as_json

__all__ = ["ENDINGS", "assembled", "require_ending"]

ENDINGS = (".jsonl", ".parquet", ".csv")


def require_ending(out: Path) -> None:
    """Refuse an output of a kind that we do not write, before anything is paid for.

    Raises:
        ConfigurationError: If its name has another ending, or it is a folder with files of others.
        MissingExtraError: If it is Parquet, and pyarrow is not installed.
    """
    ending = out.suffix.lower()
    if ending and ending not in ENDINGS:
        raise ConfigurationError(
            f"{out} must end in one of {', '.join(ENDINGS)}, or in nothing: a folder of Parquet "
            "files then."
        )
    if out.is_dir() and (ending or any(not _is_ours(path) for path in out.iterdir())):
        raise ConfigurationError(f"{out} is a folder with other files: use another output.")
    if ending in ("", ".parquet"):
        _pyarrow()


def assembled(parts: Sequence[Path], out: Path, *, unique: bool = False) -> int:
    """Put the parts together as one table, written aside and renamed; return its rows.

    Args:
        parts: In order.
        out: The table; its ending says how it is written. Without one it is a folder of Parquet
            files, ``part-00000.parquet`` and so on.
        unique: Leave out an answer that stands in an earlier row already, whatever was asked.
    """
    seen: set[bytes] = set()

    def rows() -> Iterator[dict[str, Any]]:
        for part in parts:
            with part.open(encoding="utf-8") as file:
                for row in map(json.loads, file):
                    kept = _new(row, seen) if unique else row
                    if kept is not None:
                        yield kept

    writers: dict[str, Callable[[Callable[[], Iterator[dict[str, Any]]], Path], int]] = {
        ".jsonl": _write_jsonl,
        ".parquet": _write_parquet,
        ".csv": _write_csv,
        "": _write_folder,
    }
    with aside(out) as other:
        again = _replayed(rows, seen)
        return writers[out.suffix.lower()](again, other)


def _replayed(
    rows: Callable[[], Iterator[dict[str, Any]]], seen: set[bytes]
) -> Callable[[], Iterator[dict[str, Any]]]:
    """Rows from the start, as often as they are wanted."""

    def again() -> Iterator[dict[str, Any]]:
        seen.clear()
        return rows()

    return again


def _new(row: dict[str, Any], seen: set[bytes]) -> dict[str, Any] | None:
    """A row without the answers that were seen; None if it was one of them."""
    for name in ("vs_candidates", "candidates"):
        if name in row:
            return {**row, name: [each for each in row[name] if _unseen(each["text"], seen)]}
    return row if _unseen(row.get("vs_text", row.get("text")), seen) else None


def _unseen(text: Any, seen: set[bytes]) -> bool:
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
                {n: as_json(v) if isinstance(v, (list, dict)) else v for n, v in row.items()}
            )
    return count


_BATCH = 5000
_FILE = 20 * _BATCH
"""Rows of one file of a folder: some tens of megabytes of short texts."""


def _write_parquet(rows: Callable[[], Iterator[dict[str, Any]]], path: Path) -> int:
    """Two passes: the types of all batches, then the rows. Memory holds one batch."""
    return _written(_batches(rows()), path, _schema(rows()))


def _write_folder(rows: Callable[[], Iterator[dict[str, Any]]], path: Path) -> int:
    """As one file, in several of the same columns and types."""
    path.mkdir()
    schema = _schema(rows())
    batches = _batches(rows())
    count = 0
    for number, first in enumerate(batches):
        some = chain([first], islice(batches, _FILE // _BATCH - 1))
        count += _written(some, path / f"part-{number:05d}.parquet", schema)
    return count


def _schema(rows: Iterator[dict[str, Any]]) -> Any:
    """The columns of all rows, with types that hold them all."""
    pyarrow, _ = _pyarrow()
    schema = pyarrow.schema([])
    for batch in _batches(rows):
        found = pyarrow.Table.from_pylist(batch, schema=None).schema
        schema = pyarrow.unify_schemas([schema, found], promote_options="permissive")
    return schema


def _written(batches: Iterable[list[dict[str, Any]]], path: Path, schema: Any) -> int:
    pyarrow, parquet = _pyarrow()
    count = 0
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in batches:
            count += len(batch)
            writer.write_table(pyarrow.Table.from_pylist(batch, schema=schema))
    return count


def _is_ours(path: Path) -> bool:
    return path.match("part-*.parquet")


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows by the batch, all of a batch with the same columns."""
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
