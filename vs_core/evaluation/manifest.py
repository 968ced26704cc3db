"""What a folder of records was made with, and refusing to go on with something else."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from vs_core.errors import ConfigurationError

__all__ = ["RECORDS", "Manifest"]

RECORDS = ("completions.jsonl", "candidates.jsonl", "run.json")
"""The files of a folder that make up its records."""

_UNDATED = {"begun": "", "continued": ""}
_PACKAGES = ("pydantic", "numpy", "scipy", "pandas", "rapidfuzz", "openai", "matplotlib")
"""What measures, and what asks: their versions are told, and not held against anybody."""

_LOCAL_PORT = re.compile(r"(?<=//127\.0\.0\.1):\d+|(?<=//localhost):\d+")
"""A server of one's own is the same at whatever port it was started."""


class Manifest:
    """``run.json`` of a folder: what it was made with, on what, and when.

    Models with their settings; the version of this package, of Python and of others; when it was
    begun and last gone on with; and each experiment that it serves, with its tasks and prompts,
    strategies and their options, seeds, and what measured the answers.

    Args:
        folder: Where the records are.
        models: The settings of each model by its name, without secrets.
        experiment: What is asked and how it is measured, as JSON can write it.
    """

    def __init__(
        self,
        folder: Path,
        models: Mapping[str, Mapping[str, Any]],
        experiment: Mapping[str, Any] | None = None,
    ) -> None:
        self._path = folder / "run.json"
        self._experiment = experiment
        self._now: dict[str, Any] = {
            "versions": {"vs-core": version("vs-core")},
            "models": {name: dict(settings) for name, settings in models.items()},
        }

    def check(self) -> None:
        """Write the file, or hold it against what is to be run now.

        A folder may serve several experiments: models that it does not know are added.

        Raises:
            ConfigurationError: If a model was asked under other settings, or by another version;
                the message shows the differences. Also if the file cannot be read or written.
        """
        before = self._read()
        differences = list(_differences(before, self._now))
        if differences:
            raise ConfigurationError(
                f"{self._path.parent} holds answers that were given under other settings:\n"
                + "\n".join(f"  {line}" for line in differences)
                + "\nUse another folder, or start anew (fresh=True, --fresh)."
            )
        today = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._write(
            {
                "begun": before.get("begun", today),
                "continued": today,
                "python": before.get("python", platform.python_version()),
                "platform": before.get("platform", platform.platform()),
                "packages": before.get("packages", _installed()),
                **self._now,
                "models": {**before.get("models", {}), **self._now["models"]},
                "experiments": self._experiments(before.get("experiments", []), today),
            }
        )

    def _experiments(self, before: list[dict[str, Any]], today: str) -> list[dict[str, Any]]:
        """Those of the folder: this one comes to them, or was run again."""
        if self._experiment is None:
            return before
        now = json.loads(json.dumps(self._experiment))  # as it will be read
        others = [each for each in before if {**each, **_UNDATED} != {**now, **_UNDATED}]
        (begun, *_) = [each["begun"] for each in before if each not in others] or [today]
        return [*others, {**now, "begun": begun, "continued": today}]

    def _read(self) -> dict[str, Any]:
        if not self._path.exists():
            return {}
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"Cannot read {self._path}: {error}.") from error
        return found if isinstance(found, dict) else {}

    def _write(self, manifest: Mapping[str, Any]) -> None:
        """Aside first, then in its place: whoever reads it reads all of it."""
        aside = self._path.with_suffix(".tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
            aside.replace(self._path)
        except OSError as error:
            raise ConfigurationError(f"Cannot write {self._path}: {error.strerror}.") from error


def _installed() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for package, number in now["versions"].items():
        known = before.get("versions", {}).get(package, number)
        if known != number:
            yield f"{package}: {known} then, {number} now"
    for name, settings in now["models"].items():
        known = before.get("models", {}).get(name, settings)
        if not (known and settings):  # a plain function says nothing of its settings
            continue
        for key in dict.fromkeys([*known, *settings]):
            then, today = known.get(key), settings.get(key)
            if _LOCAL_PORT.sub("", str(then)) != _LOCAL_PORT.sub("", str(today)):
                yield f"{name}: {key} was {then!r}, and is {today!r} now"
