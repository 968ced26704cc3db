"""What mypy and pyright, both strict, say of users' scripts."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

_COMMANDS = {
    "mypy": ["--strict", "--config-file=", "--no-incremental"],
    "pyright": ["--pythonpath", sys.executable],
}


def checked(
    scripts: Mapping[str, str], checker: str, folder: Path
) -> dict[str, tuple[list[str], list[str]]]:
    """Return by script the types that a checker reveals, without modules, and the lines it refuses.

    Args:
        scripts: The scripts by name, in which ``reveal_type`` is called. One run checks them all,
            for most of its time goes into the packages that they import.
        checker: ``"mypy"`` or ``"pyright"``; where it is not installed the test is skipped.
        folder: Where the scripts may be written.
    """
    pytest.importorskip(checker)
    paths = {name: folder / f"user_{name}.py" for name in scripts}
    strict = "# pyright: strict\n" if checker == "pyright" else "\n"
    for name, path in paths.items():
        path.write_text(strict + scripts[name])
    command = [sys.executable, "-m", checker, *_COMMANDS[checker], *map(str, paths.values())]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.stdout, done.stderr
    return {name: _said(path, done.stdout) for name, path in paths.items()}


def _said(path: Path, output: str) -> tuple[list[str], list[str]]:
    mine = "\n".join(line for line in output.splitlines() if f"{path.name}:" in line)
    said = re.findall(r'evealed type is "(.*)"|Type of .* is "(.*)"$', mine, re.MULTILINE)
    revealed = [re.sub(r"[\w.]+\.(?=\w)", "", first or second) for first, second in said]
    numbers = {int(number) for number in re.findall(r"\.py:(\d+)(?::\d+)?(?: -|:) error", mine)}
    lines = path.read_text().splitlines()
    assert revealed or numbers, output
    return revealed, [line for number in sorted(numbers) if (line := lines[number - 1].strip())]
