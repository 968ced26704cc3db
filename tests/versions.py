"""Run the tests against the lowest and the newest versions that the metadata allows.

A cell is one Python, one extra and one resolution. The wheel is installed with that extra alone
and with what its own tests need, in an environment of its own, and they run outside this tree, so
that nothing but the wheel is tested::

    python -m tests.versions                              # what this machine has
    python -m tests.versions dspy --python 3.13 --resolution lowest

It needs uv (``pip install uv``). Only wheels are installed: what a Python has none for is not
supported on it.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
RESOLUTIONS = {"lowest": "lowest-direct", "newest": "highest"}
# Tests that install a package by pip, or are of several extras at once.
_LEFT_OUT = ("-k", "not installed_plugin and not of_a_framework and not plugin_brings_a_task")
RUNNER = ("pytest", "pytest-asyncio", "pytest-timeout", "hypothesis")
SERVER = ("starlette", "uvicorn")
GENERATION = (*SERVER, "httpx", "openai", "pandas", "rich", "tomli-w", "typer")


@dataclass(frozen=True)
class Suite:
    """What is run for an extra: test files, and the further packages that they need."""

    tests: tuple[str, ...]
    needs: tuple[str, ...] = ()


SUITES = {
    "none": Suite(
        tuple(
            f"test_{name}.py"
            for name in (
                "driver", "effects", "messages", "mixture", "parsing", "plugins", "stopping",
                "strategies", "streaming_parser",
            )
        ),
        ("cloudpickle",),
    ),
    "langchain": Suite(
        ("langchain", "conformance/test_langchain.py"),
        (
            *SERVER, "langchain", "langchain-classic", "langchain-openai", "langchain-tests",
            "scikit-learn",
        ),
    ),
    "dspy": Suite(("dspy", "conformance/test_dspy.py"), (*SERVER, "cloudpickle", "optuna")),
    "llama-index": Suite(
        ("llama_index", "conformance/test_llama_index.py"),
        (
            *SERVER, "llama-index-llms-openai-like", "llama-index-embeddings-openai",
            "llama-index-vector-stores-chroma", "matplotlib", "scikit-learn",
        ),
    ),
    "metrics": Suite(
        (
            "metrics", "test_theory.py", "test_candidates.py", "test_checks.py",
            "test_resampling.py", "evaluation/test_store.py", "evaluation/test_tasks.py",
            "evaluation/test_report.py",
        ),
        (*SERVER, "nltk", "openai", "rich", "rouge-score", "scikit-learn"),
    ),
    "cli": Suite(
        (
            "test_cli.py", "test_clients.py", "checking", "test_recorded.py",
            "conformance/test_core.py",
        ),
        ("httpx",),
    ),
    "generation": Suite(("generation",), GENERATION),
    "anthropic": Suite(("generation/test_anthropic.py",), GENERATION),
    "embed": Suite(("embed",)),
    "inspect": Suite(("inspect_logs",)),
    "ray": Suite(("ray/test_rows.py",), (*SERVER, "openai", "rich", "tomli-w", "typer")),
    "studio": Suite(("studio/test_functions.py",), SERVER),
    "mcp": Suite(("studio/test_tools.py",), SERVER),
    "testing": Suite(("testing",), ("openai", "scipy")),
}  # fmt: skip


def project() -> dict[str, Any]:
    """Return the ``[project]`` table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def requirements() -> dict[str, list[str]]:
    """Return all requirements as they are written, by the name of the package."""
    table = project()
    written = chain(table["dependencies"], *table["optional-dependencies"].values())
    found: dict[str, list[str]] = {}
    for requirement in dict.fromkeys(written):
        found.setdefault(re.split(r"[^\w.-]", requirement)[0], []).append(requirement)
    return found


# --- running -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """One Python, one extra, one resolution."""

    python: str
    extra: str
    resolution: str

    def run(self, interpreter: str, wheel: Path, folder: Path) -> tuple[bool, str]:
        """Return whether the tests passed, and what they said."""
        environment = folder / "-".join((self.python, self.extra, self.resolution))
        python = environment / "bin" / "python"
        _done(_uv("venv", "--quiet", "--python", interpreter, environment))
        _done(_uv("pip", "install", "--quiet", "--python", python, *self._packages()))
        _done(_uv("pip", "install", "--quiet", "--python", python, "--no-deps", wheel))
        tests = [f"tests/{path}" for path in SUITES[self.extra].tests]
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_LEFT_OUT, *tests]
        ran = subprocess.run(
            list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False
        )
        self._note(python)
        shutil.rmtree(environment)
        return ran.returncode == 0, ran.stderr + ran.stdout

    def _packages(self) -> list[Any]:
        known = requirements()
        extra = [] if self.extra == "none" else ["--extra", self.extra]
        needs = [each for name in (*RUNNER, *SUITES[self.extra].needs) for each in known[name]]
        return [
            # rouge-score, which tests compare with, has no wheel; it is plain Python.
            "--only-binary", ":all:", "--no-binary", "rouge-score",
            "--resolution", RESOLUTIONS[self.resolution],
            "-r", ROOT / "pyproject.toml", *extra, *needs,
        ]  # fmt: skip

    def _note(self, python: Path) -> None:
        """Print which versions of the direct requirements it was."""
        listed = _done(_uv("pip", "list", "--python", python, "--format", "freeze")).splitlines()
        extras = project()["optional-dependencies"]
        direct = [*project()["dependencies"], *extras.get(self.extra, [])]
        names = {re.split(r"[^\w.-]", requirement)[0] for requirement in direct}
        found = sorted(line for line in listed if line.partition("==")[0] in names)
        print(f"  {' '.join(found)}", flush=True)


def _uv(*arguments: Any) -> list[str]:
    return [sys.executable, "-m", "uv", *map(str, arguments)]


def _done(command: list[str]) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{ran.stderr}")
    return ran.stdout


def interpreter(version: str) -> str | None:
    """Return the path of a Python of this version, if the machine has one."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    places = [
        sys.executable,
        shutil.which(f"python{version}"),
        *sorted(map(str, pyenv.glob(f"versions/{version}.*/bin/python"))),
    ]
    for place in filter(None, places):
        said = subprocess.run(
            [place, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if said.stdout.strip() == version:
            return place
    return None


def _outside(folder: Path) -> None:
    """Lay out what the tests need beside the wheel."""
    for name in ("tests", "examples", "docs"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder)


def _cells(options: argparse.Namespace) -> Iterator[Cell]:
    for python in options.python:
        for extra in options.extra or SUITES:
            for resolution in options.resolution:
                yield Cell(python, extra, resolution)


def main() -> int:
    """Run the cells that were asked for; 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.versions")
    parser.add_argument("extra", nargs="*", metavar="EXTRA", help=f"of {', '.join(SUITES)}")
    parser.add_argument("--python", nargs="+", choices=PYTHONS, default=list(PYTHONS))
    parser.add_argument(
        "--resolution", nargs="+", choices=list(RESOLUTIONS), default=list(RESOLUTIONS)
    )
    parser.add_argument("--wheel", type=Path, help="one that is built; default: builds it")
    options = parser.parse_args()
    if unknown := set(options.extra) - set(SUITES):
        parser.error(f"unknown extras: {', '.join(sorted(unknown))}")
    found = {version: interpreter(version) for version in options.python}
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _outside(folder)
        wheel = options.wheel.resolve() if options.wheel else _built(folder)
        for cell in _cells(options):
            title = f"Python {cell.python}  {cell.extra:<12} {cell.resolution}"
            path = found[cell.python]
            if path is None:
                print(f"{title}  not run: this machine has no Python {cell.python}")
                continue
            began = time.monotonic()
            passed, said = cell.run(path, wheel, folder)
            closing = said.strip().splitlines()[-1].strip("= ")
            print(f"{title}  {closing}, {time.monotonic() - began:.0f} s in all", flush=True)
            if not passed:
                failed += 1
                print(said, flush=True)
    return 1 if failed else 0


def _built(folder: Path) -> Path:
    _done(_uv("build", "--quiet", "--wheel", "--out-dir", folder / "dist", ROOT))
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


if __name__ == "__main__":
    sys.exit(main())
