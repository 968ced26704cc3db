"""The command line as a person runs it, and what it leaves on disk."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

from vs_core import plugins
from vs_core.cli import main
from vs_core.evaluation import simulated_tasks
from vs_core.testing import SimulatedModel

TAUGHT = ("states", "questions", "dice", "coin", "digit")


def taught() -> SimulatedModel:
    return SimulatedModel(tasks=simulated_tasks(plugins.task(name) for name in TAUGHT))


def command(*arguments: str, name: str = "compare") -> tuple[list[str], dict[str, str]]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    env = {**clean, "COLUMNS": "200", "NO_COLOR": "1"}
    return [sys.executable, "-m", "vs_core.cli", name, *arguments], env


def compare(*arguments: str, name: str = "compare") -> subprocess.CompletedProcess[str]:
    """Run the command in this process, which saves the imports."""
    line, env = command(*arguments, name=name)
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        mock.patch.dict(os.environ, env, clear=True),
        mock.patch.object(sys, "argv", ["vs", *line[3:]]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    return subprocess.CompletedProcess(line, code, out.getvalue(), err.getvalue())


def records(path) -> list[dict]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]
