"""The command line as a person runs it, and what it leaves on disk."""

import json
import os
import subprocess
import sys

from vs_core import plugins
from vs_core.evaluation import simulated_tasks
from vs_core.testing import SimulatedModel

TAUGHT = ("states", "questions", "dice", "coin", "digit")


def taught() -> SimulatedModel:
    return SimulatedModel(tasks=simulated_tasks(plugins.task(name) for name in TAUGHT))


def command(*arguments: str, **environment: str) -> tuple[list[str], dict[str, str]]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    env = {**clean, "COLUMNS": "200", "NO_COLOR": "1", **environment}
    return [sys.executable, "-m", "vs_core.cli", "compare", *arguments], env


def compare(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    line, env = command(*arguments, **environment)
    return subprocess.run(line, env=env, capture_output=True, text=True)


def records(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]
