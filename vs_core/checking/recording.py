"""Answers of a check in a file, for whoever wants to see them, and for the corpus of the parser."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from vs_core.checking.findings import Check
from vs_core.checking.probes import ProbeResult
from vs_core.errors import ConfigurationError
from vs_core.messages import Completion
from vs_core.redaction import HIDDEN

__all__ = ["record", "recorded"]


def record(check: Check, path: str | os.PathLike[str], *, secrets: Collection[str] = ()) -> Path:
    """Write the answers of a check into a file of JSON Lines, one answer a line.

    A line has what was asked (``probe``, ``strategy``, ``format``, ``k``, ``prompt``), what came
    (``model``, ``text``, ``reasoning``, ``finish_reason``, ``usage``) and what was read of it:
    ``outcome``, ``repairs`` and ``read``, a list of a text and its probability. ``right`` is null
    until a person has looked; the parser's tests take a file in which it is true, or ``read`` was
    put right. No address, key or header is written.

    Args:
        check: What was found.
        path: The file, which is replaced.
        secrets: Texts that must not be in it, such as the key: an endpoint may repeat them.

    Returns:
        The path.

    Raises:
        ConfigurationError: If it cannot be written.
    """
    lines = [
        json.dumps(_hidden(line, secrets), ensure_ascii=False) + "\n"
        for result in check.results
        for line in _lines(check, result)
    ]
    file = Path(path)
    try:
        file.write_text("".join(lines), "utf-8")
    except OSError as error:
        why = error.strerror or error
        raise ConfigurationError(f"The answers cannot be written to {file}: {why}.") from error
    return file


def recorded(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file that `record` wrote.

    Raises:
        ConfigurationError: If it cannot be read.
    """
    try:
        lines = Path(path).read_text("utf-8").splitlines()
        for line in lines:
            yield json.loads(line)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"The answers in {path} cannot be read: {error}.") from error


def _lines(check: Check, result: ProbeResult) -> Iterator[dict[str, Any]]:
    asked = {
        "probe": result.probe,
        "strategy": result.strategy,
        "format": result.format,
        "mode": result.mode,
        "k": result.k,
        "prompt": result.prompt,
        "simulated": check.simulated,
    }
    for call, completion in enumerate(result.completions):
        yield {**asked, **_came(check, completion), **_read(result, call), "right": None}


def _came(check: Check, completion: Completion) -> dict[str, Any]:
    return {
        "model": completion.model or check.model,
        "text": completion.text,
        "reasoning": completion.reasoning,
        "finish_reason": completion.finish_reason,
        "usage": dict(completion.usage),
    }


def _read(result: ProbeResult, call: int) -> dict[str, Any]:
    """What was read of one answer: those that came beyond what was asked for are in it."""
    found = result.read
    given = [] if found is None else [c.model_dump(mode="json") for c in found]
    surplus = [] if found is None else found.metadata.get("surplus", [])
    own = [c for c in (*given, *surplus) if c.get("call") in (call, None)]
    return {
        "outcome": result.outcome,
        "repairs": list(result.repairs),
        "error": result.error,
        "read": [[c["text"], c["probability"]] for c in own],
    }


def _hidden(data: Any, secrets: Collection[str]) -> Any:
    """Data with secrets taken out of its texts."""
    if isinstance(data, str):
        for secret in filter(None, secrets):
            data = data.replace(secret, HIDDEN)
        return data
    if isinstance(data, dict):
        return {name: _hidden(value, secrets) for name, value in data.items()}
    return [_hidden(item, secrets) for item in data] if isinstance(data, list) else data
