"""What mypy and pyright, both strict, say of a user's script."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

_COMMANDS = {
    "mypy": ["--strict", "--config-file=", "--no-incremental"],
    "pyright": ["--pythonpath", sys.executable],
}


def checked(script: str, checker: str, folder: Path) -> tuple[list[str], list[str]]:
    """Return the types that a checker reveals, without modules, and the lines that it refuses.

    Args:
        script: The script, in which ``reveal_type`` is called.
        checker: ``"mypy"`` or ``"pyright"``; where it is not installed the test is skipped.
        folder: Where the script may be written.
    """
    pytest.importorskip(checker)
    path = folder / "user.py"
    path.write_text(script)
    strict = "# pyright: strict\n" if checker == "pyright" else "\n"
    path.write_text(strict + script)
    command = [sys.executable, "-m", checker, *_COMMANDS[checker], str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    said = re.findall(r'evealed type is "(.*)"|Type of .* is "(.*)"$', done.stdout, re.MULTILINE)
    revealed = [re.sub(r"[\w.]+\.(?=\w)", "", first or second) for first, second in said]
    numbers = re.findall(r"user\.py:(\d+)(?::\d+)?(?: -|:) error", done.stdout)
    lines = path.read_text().splitlines()
    assert revealed or numbers, done.stdout + done.stderr
    return revealed, [lines[number - 1] for number in sorted({int(each) for each in numbers})]
