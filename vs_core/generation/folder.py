"""The folder of a run: what it was begun with, and files that are whole or not there."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vs_core.errors import ConfigurationError

__all__ = ["aside", "begin", "now", "read_json", "write_json"]

_KEPT = ("journal", "parts", "batches", "finished", "checkpoint")


def begin(
    folder: Path, asked: Mapping[str, Any], model: Mapping[str, Any], *, table: str, fresh: bool
) -> None:
    """See that a folder holds answers to what is asked now, or nothing; write down what it is.

    Args:
        folder: Of the run; made if it is not there.
        asked: What is asked, and how.
        model: The model, with its settings.
        table: What the table is called.
        fresh: Whether to take away what the folder holds.

    Raises:
        ConfigurationError: If it holds answers that were given under other settings, or cannot be
            written.
    """
    path = folder / "run.json"
    if fresh and folder.exists():
        for old in [path, *(file for kind in _KEPT for file in folder.glob(f"{kind}/*"))]:
            old.unlink(missing_ok=True)
    before = read_json(path)
    settings = {"asked": asked, "model": model}
    differences = [
        f"{kind} {name}: {before[kind].get(name)!r} then, {value!r} now"
        for kind, given in settings.items()
        if kind in before
        for name, value in given.items()
        if before[kind].get(name) != value
    ]
    if differences:
        raise ConfigurationError(
            f"{folder} holds answers that were given under other settings:\n  "
            + "\n  ".join(differences)
            + "\nUse another output, or start anew (fresh=True, --fresh)."
        )
    versions = {"vs-core": version("vs-core"), "python": platform.python_version()}
    begun = before.get("begun", now())
    write_json(path, {"table": table, "begun": begun, **settings, "versions": versions})


def read_json(path: Path) -> dict[str, Any]:
    """Return the object of a file; {} if there is no such file."""
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"Cannot read {path}: {error}.") from error
    return found if isinstance(found, dict) else {}


def write_json(path: Path, about: Mapping[str, Any]) -> None:
    """Write an object, aside and then in its place."""
    other = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        other.write_text(json.dumps(about, indent=2, default=str) + "\n", encoding="utf-8")
        other.replace(path)
    except OSError as error:
        raise ConfigurationError(f"Cannot write {path}: {error.strerror}.") from error


def now() -> str:
    """Return the time, in UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """A file or folder beside another, which takes its place if all went well."""
    other = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(other)
        yield other
        if path.is_dir():  # a folder cannot be replaced as a file can
            _remove(path)
        os.replace(other, path)
    except OSError as error:
        _remove(other)
        raise ConfigurationError(
            f"Cannot write {path}: {error.strerror}. What was answered is kept: make space and run "
            "again to go on."
        ) from error


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
