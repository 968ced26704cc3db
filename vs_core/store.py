"""Records on disk: JSON Lines that a killed run can be resumed from.

A record is one line, written in one piece as soon as it is known. A process that is killed leaves
at most its last line torn; opening the file mends that.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from vs_core.errors import ConfigurationError
from vs_core.messages import Completion, Request

__all__ = ["Store", "answered", "completion_of", "digest_of_request"]

_TAIL = 1 << 16


class Store:
    """A file of records, or just a list of them in memory. Used by one process at a time.

    Args:
        path: The file, made with its folders if it is not there; None keeps no file.

    Raises:
        ConfigurationError: If the file cannot be used, another process uses it, or a line that is
            not the last is no record.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._file = None if path is None else _opened(path)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The records on disk, in order."""
        if self.path is None:
            return
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                record = _record(line)
                if record is None:
                    raise ConfigurationError(
                        f"{self.path}:{number} is no record. Mend the line or take it out, or use "
                        "another folder."
                    )
                yield record

    def append(self, record: dict[str, Any]) -> None:
        """Write a record, whole or not at all.

        Raises:
            ConfigurationError: If it cannot be written, as on a full disk. The records before it
                are whole, and a run goes on from them once there is space.
        """
        if self._file is None:
            return
        line = json.dumps(record, ensure_ascii=False)
        # What a model says may hold half of a surrogate pair, which UTF-8 cannot; JSON can.
        if not _encodable(line):
            line = json.dumps(record)
        end = self._file.seek(0, os.SEEK_END)
        try:
            _write(self._file, line.encode() + b"\n")
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(end)
            raise ConfigurationError(
                f"Cannot write {self.path}: {error.strerror}. What was written before is whole: "
                "make space and run again to go on."
            ) from error

    def close(self) -> None:
        """Have everything on the disk and close the file, so that another run may use it."""
        if self._file is not None:
            with suppress(OSError):
                os.fsync(self._file.fileno())
            self._file.close()
            self._file = None


def _write(file: Any, data: bytes) -> None:
    """Write all of it: on a disk that is nearly full one call may write a part."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _encodable(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _opened(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab+", buffering=0)
    except OSError as error:
        raise ConfigurationError(f"Cannot write {path}: {error.strerror}.") from error
    try:
        _lock(file, path)
        _mend(file)
    except BaseException:
        file.close()
        raise
    return file


def _lock(file: Any, path: Path) -> None:
    """Keep other processes out for as long as this one lives; only where the system can."""
    with suppress(ImportError):
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigurationError(
                f"{path} is in use by another run. Wait for it, or use another folder."
            ) from None


def _mend(file: Any) -> None:
    """End the last line if it is whole, and take it away if it is torn."""
    end = file.seek(0, os.SEEK_END)
    start = end
    last = b""
    while start and b"\n" not in last:
        start = max(0, start - _TAIL)
        file.seek(start)
        last = file.read(end - start)
    torn = last[last.rfind(b"\n") + 1 :]
    if not torn:
        return
    if _record(torn) is None:
        file.truncate(end - len(torn))
    else:
        file.write(b"\n")


# --- answers as records --------------------------------------------------------------------------


_ABOUT = ("reasoning", "finish_reason", "model")


def answered(completion: Completion) -> dict[str, Any]:
    """Return an answer as a record has it."""
    about = {name: getattr(completion, name) for name in _ABOUT}
    return {
        "text": completion.text,
        "usage": {name: int(count) for name, count in completion.usage.items()},
        "about": {name: value for name, value in about.items() if value is not None},
    }


def completion_of(record: Mapping[str, Any]) -> Completion:
    """Return the answer of a record; what a record of another version lacks is not known."""
    about = record.get("about") or {}
    known = {name: about[name] for name in _ABOUT if name in about}
    return Completion(record["text"], record.get("usage") or {}, **known)


def digest_of_request(request: Request) -> str:
    """Return what tells the question of a record from another question."""
    messages = [message.as_dict() for message in request.messages]
    text = json.dumps(messages, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
