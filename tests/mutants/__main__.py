"""Do the tests notice when the code is broken? A seeded sample of mutants says.

Run: python -m tests.mutants --count 200 --seed 0 [--aimed] [--paths integrations/vs_dspy]
     [--tests tests/dspy] [--coverage build/mutants] [--jobs 2] [--out mutants.json]

A mutant changes one node of a function that some test executes: a comparison, an operator, a
constant, a branch, a result, a statement or an argument of a call that is left out; what is worded
for people is left alone. The tests that execute its line are run in a copy of the tree, the fastest
first, until one fails: those that ``--seconds`` has time for, and if none fails those that
``--again`` has time for. ``--aimed`` samples twins alone, where one may break by itself:
asynchronous and streaming functions, the other one of such a pair, and generators of effects. Which
test executes which line is seen once, by running ``--tests``, and kept in the folder
``--coverage``.

Kept tools were looked at first: mutmut samples nothing by a seed, and cosmic-ray runs every test
for every mutant.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import pytest

from tests.mutants.changes import Mutant, mutants

ROOT = Path(__file__).parents[2]
SOURCES = ("vs_core", "integrations")
PYTEST = ["-x", "-q", "-n0", "-p", "no:cacheprovider", "--tb=no", "@tests.txt"]
IGNORED = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "node_modules")


class Coverage:
    """Which tests execute a line, and how long each takes."""

    def __init__(self, folder: Path) -> None:
        import coverage

        self.seconds: dict[str, float] = {}
        self._contexts: dict[str, dict[int, set[str]]] = {}
        for noted in sorted(folder.glob("*.json")):
            seen = json.loads(noted.read_text())
            self.seconds.update(seen["seconds"])
            data = coverage.CoverageData(basename=str(noted.with_suffix(".lines")))
            data.read()
            for file in data.measured_files():
                lines = self._contexts.setdefault(str(Path(file).relative_to(seen["root"])), {})
                for line, contexts in data.contexts_by_lineno(file).items():
                    lines.setdefault(line, set()).update(contexts)

    def tests(self, path: str, line: int) -> list[str]:
        """The tests that execute a line, the fastest first."""
        names = self._contexts.get(path, {}).get(line, set()) & self.seconds.keys()
        return sorted(names, key=lambda name: self.seconds[name])


def covered(
    coverage: Coverage, root: Path, paths: Sequence[str], *, aimed: bool
) -> Iterator[Mutant]:
    """All mutants that some test executes."""
    for folder in paths:
        top = root / folder
        for file in sorted(top.rglob("*.py")) if top.is_dir() else [top]:
            path = str(file.relative_to(root))
            for mutant in mutants(path, file.read_text()):
                if (mutant.twin or not aimed) and coverage.tests(path, mutant.line):
                    yield mutant


def measure(folder: Path, options: argparse.Namespace) -> None:
    """Run the tests once, to see what each executes."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        str(options.jobs if options.jobs > 1 else 0),
    ]
    command += ["-p", "tests.mutants.covering", *options.tests]
    seen = {"VS_COVERAGE": str(folder.resolve()), "VS_COVERAGE_OF": json.dumps([*options.paths])}
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, **seen, "PYTHONPATH": path}
    subprocess.run(command, cwd=options.root, env=environment, check=False)


class Trial:
    """The tests of one mutant, in a copy of the tree and a fork of this process.

    A fork already has pytest and the frameworks, whose import takes longer than the tests.
    """

    def __init__(self, copy: Path, mutant: Mutant, tests: Sequence[str], seconds: float) -> None:
        self.copy, self.mutant, self.tests = copy, mutant, tests
        self._until = time.monotonic() + seconds
        (copy / mutant.path).write_text(mutant.after)
        (copy / "tests.txt").write_text("\n".join(tests))
        self._pid = os.fork()
        if not self._pid:
            self._run()

    def _run(self) -> None:
        status = 70
        try:
            os.setsid()
            os.chdir(self.copy)
            said = os.open("said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for stream in (1, 2):
                os.dup2(said, stream)
            for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
                del sys.modules[name]
            here = [str(self.copy), str(self.copy / "integrations")]  # before what is installed
            sys.path[:0] = here
            os.environ["PYTHONPATH"] = os.pathsep.join(here)  # for processes that tests start
            # A file that is changed and restored within a second would be read from its bytecode.
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
            sys.dont_write_bytecode = True
            status = int(pytest.main(PYTEST))
        finally:
            os._exit(status)

    def verdict(self) -> str | None:
        """What the tests say: noticed, survived, or why they did not run; None: not yet."""
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        hangs = not pid and time.monotonic() > self._until
        if hangs:
            os.killpg(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        elif not pid:
            return None
        (self.copy / self.mutant.path).write_text(self.mutant.before)
        said = (self.copy / "said.txt").read_text(errors="replace")
        code = os.waitstatus_to_exitcode(status)
        if code == 0 and not hangs:
            return "survived"
        if hangs or code in (1, 2) or "ImportError" in said:
            return "noticed"
        return f"not run ({code}): {said[-300:]}"


def tried(
    sample: Sequence[Mutant], coverage: Coverage, options: argparse.Namespace
) -> Iterator[tuple[Mutant, str]]:
    """Try the mutants, so many at once, in as many copies of the tree."""
    waiting = [(mutant, rounds(coverage, mutant, options)) for mutant in reversed(sample)]
    running: dict[Trial, list[list[str]]] = {}  # and the rounds that are left for its mutant
    with tempfile.TemporaryDirectory() as folder:
        free = [
            Path(shutil.copytree(options.root, Path(folder) / str(number), ignore=IGNORED))
            for number in range(options.jobs)
        ]
        while waiting or running:
            while waiting and free:
                mutant, (tests, *left) = waiting.pop()
                expected = sum(coverage.seconds[name] for name in tests)
                running[Trial(free.pop(), mutant, tests, 3 * expected + 60)] = left
            time.sleep(0.02)
            for trial in list(running):
                verdict = trial.verdict()
                if verdict is None:
                    continue
                left = running.pop(trial)
                free.append(trial.copy)
                if verdict == "survived" and left:
                    waiting.append((trial.mutant, left))
                else:
                    yield trial.mutant, verdict


def rounds(coverage: Coverage, mutant: Mutant, options: argparse.Namespace) -> list[list[str]]:
    """The tests for a mutant: those that are tried first, one at least, and those after them."""
    names = coverage.tests(mutant.path, mutant.line)
    first = _fitting(coverage, names, options.seconds) or names[:1]
    again = _fitting(coverage, names[len(first) :], options.again)
    return [first, again] if again else [first]


def _fitting(coverage: Coverage, names: Sequence[str], seconds: float) -> list[str]:
    """Of tests, the first that can be run in the time."""
    ends = accumulate(coverage.seconds[name] for name in names)
    return [name for name, end in zip(names, ends, strict=True) if end <= seconds]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    if not any(options.coverage.glob("*.json")):
        measure(options.coverage, options)
    coverage = Coverage(options.coverage)
    found = list(covered(coverage, options.root, options.paths, aimed=options.aimed))
    sample = random.Random(options.seed).sample(found, min(options.count, len(found)))
    print(f"{len(sample)} of {len(found)} mutants that the tests execute", flush=True)
    results = []
    os.environ["DSPY_CACHEDIR"] = tempfile.mkdtemp()  # read on import, which is before the tests
    for name in options.preload:
        importlib.import_module(name)
    for mutant, verdict in tried(sample, coverage, options):
        tests = sum(map(len, rounds(coverage, mutant, options)))
        if verdict != "noticed":
            print(f"\n{verdict} ({tests} tests): {mutant.what}\n{mutant.diff}", flush=True)
        where = {"path": mutant.path, "line": mutant.line, "what": mutant.what}
        results.append({**where, "diff": mutant.diff, "tests": tests, "verdict": verdict})
    if options.out:
        options.out.write_text(json.dumps(results, indent=2))
    noticed = sum(result["verdict"] == "noticed" for result in results)
    survived = sum(result["verdict"] == "survived" for result in results)
    share = noticed / max(noticed + survived, 1)
    print(f"\n{noticed} noticed, {survived} survived ({share:.1%} noticed), ", end="")
    print(f"{len(results) - noticed - survived} not run")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--count", type=int, default=200, help="how many mutants")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--aimed", action="store_true", help="twins alone: asynchronous, streaming")
    parser.add_argument("--paths", nargs="+", default=SOURCES, help="files or folders to break")
    parser.add_argument("--tests", nargs="+", default=["tests"], help="what is run to see lines")
    parser.add_argument("--coverage", type=Path, default=ROOT / "build" / "mutants")
    parser.add_argument("--seconds", type=float, default=60, help="of tests, for one mutant")
    parser.add_argument("--again", type=float, default=150, help="of more tests, if it survives")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--preload", nargs="*", default=[], help="slow modules, not of ours")
    parser.add_argument("--root", type=Path, default=ROOT, help="the tree to break a copy of")
    parser.add_argument("--out", type=Path, help="a JSON file for the results")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
