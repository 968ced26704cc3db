"""Tables of rows: CSV, TSV, JSON Lines, Parquet, data sets, and any mappings, read one by one."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vs_core.errors import ConfigurationError, raise_missing_extra

__all__ = ["Row", "rows_of", "table_name"]

_CELL = 2**31 - 1  # longest cell of a CSV file, in characters


class Row(NamedTuple):
    """A row of a table.

    Args:
        line: Where it begins, from 1: a line of a text file, else its place.
        values: Its cells by column.
    """

    line: int
    values: Mapping[str, Any]


def table_name(source: Any) -> str:
    """Return what messages call a table: its path, or the kind of thing that it is."""
    return str(source) if isinstance(source, (str, Path)) else type(source).__name__


def rows_of(source: str | Path | Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """Yield the rows of a table, one at a time.

    Args:
        source: A file (``.csv``, ``.tsv``, ``.jsonl``, ``.parquet``), a ``datasets.Dataset``, a
            DataFrame of pandas, or any iterable of mappings.

    Raises:
        ConfigurationError: If there is no such file, its ending is none of those, or a row cannot
            be read: the message has its line.
        MissingExtraError: If Parquet is to be read and pyarrow is not installed.
    """
    if isinstance(source, (str, Path)):
        yield from _of_file(Path(source))
        return
    if hasattr(source, "to_dict") and hasattr(source, "itertuples"):  # a DataFrame
        source = source.to_dict("records")
    rows: Any = source
    for place, values in enumerate(rows, start=1):
        if not isinstance(values, Mapping):
            raise ConfigurationError(
                f"Row {place} is no mapping from column to value, but {type(values).__name__}."
            )
        yield Row(place, values)


def _of_file(path: Path) -> Iterator[Row]:
    readers = {
        ".csv": _csv,
        ".tsv": _csv,
        ".jsonl": _jsonl,
        ".ndjson": _jsonl,
        ".parquet": _parquet,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ConfigurationError(
            f"{path} is no table that can be read: its name must end in {', '.join(readers)}."
        )
    try:
        yield from reader(path)
    except OSError as error:
        raise ConfigurationError(f"Cannot read {path}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{path}:{_line_of(path, error)} is not UTF-8 ({error.reason}). Convert the file."
        ) from error


def _csv(path: Path) -> Iterator[Row]:
    csv.field_size_limit(_CELL)
    with path.open(encoding="utf-8-sig", newline="") as file:
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        reader = csv.DictReader(file, delimiter=delimiter, strict=True)
        line = 2
        try:
            names = reader.fieldnames or []
            if len(set(names)) < len(names) or not all(names):
                raise ConfigurationError(f"{path}:1 must name each column, and once: {names}.")
            line = reader.line_num + 1
            for values in reader:
                if None in values or None in values.values():
                    raise ConfigurationError(
                        f"{path}:{line} has not as many cells as there are columns ({len(names)})."
                    )
                yield Row(line, values)
                line = reader.line_num + 1
        except csv.Error as error:
            raise ConfigurationError(f"{path}:{line} is no row: {error}.") from error


def _jsonl(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as file:
        for line, text in enumerate(file, start=1):
            if not text.strip():
                continue
            try:
                values = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise ConfigurationError(f"{path}:{line} is no JSON: {error}.") from error
            if not isinstance(values, dict):
                raise ConfigurationError(f"{path}:{line} must be an object.")
            yield Row(line, values)


def _parquet(path: Path) -> Iterator[Row]:
    try:
        from pyarrow import ArrowInvalid
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise_missing_extra("generation", error)
    try:
        with ParquetFile(path) as file:
            place = 0
            for batch in file.iter_batches(batch_size=1000):
                for values in batch.to_pylist():
                    place += 1
                    yield Row(place, values)
    except ArrowInvalid as error:
        raise ConfigurationError(f"{path} is no Parquet file: {error}.") from error


def _line_of(path: Path, error: UnicodeDecodeError) -> int:
    """The first line that is not UTF-8: the error knows its place in a block alone."""
    with path.open("rb") as file:
        for line, text in enumerate(file, start=1):
            try:
                text.decode()
            except UnicodeDecodeError:
                return line
    raise error
