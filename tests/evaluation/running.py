"""The command line as a person runs it, and what it leaves on disk."""

import json
import subprocess

from tests import commands
from vs_core import plugins
from vs_core.evaluation import simulated_tasks
from vs_core.testing import SimulatedModel

TAUGHT = ("states", "questions", "dice", "coin", "digit")


def taught() -> SimulatedModel:
    return SimulatedModel(tasks=simulated_tasks(plugins.task(name) for name in TAUGHT))


def command(*arguments: str, name: str = "compare") -> tuple[list[str], dict[str, str]]:
    return commands.command(name, *arguments, COLUMNS="200")


def compare(*arguments: str, name: str = "compare") -> subprocess.CompletedProcess[str]:
    return commands.vs(name, *arguments, COLUMNS="200")


def records(path) -> list[dict]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]
