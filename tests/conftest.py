"""What all tests share: no network, no keys, no trace, and the conformance matrix in the output."""

import builtins
import functools
import os
import re
import shutil
import sys
import tempfile
import threading
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import settings

# The gate draws the same examples each time, or it would fail by chance for what somebody else
# wrote; at a desk they are fresh each time, and so find more. A busy machine fails neither.
settings.register_profile("gate", derandomize=True, deadline=None)
settings.register_profile("desk", deadline=None)
settings.load_profile("gate" if os.environ.get("CI") else "desk")

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or litellm tries the network for seconds
for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE", "LANGSMITH_API_KEY"):
    os.environ.pop(name, None)

# What the tests and the libraries under them keep goes to a folder that is removed at the end: a
# simulated answer in the cache of a user would later be given out as a real model's. The home
# beside it is to stay empty. Workers of xdist and processes that tests start inherit all of it.
_MINE = "VS_TESTS_FOLDER" not in os.environ
if _MINE:
    os.environ["VS_TESTS_FOLDER"] = tempfile.mkdtemp(prefix="vs-tests-")
_FOLDER = Path(os.environ["VS_TESTS_FOLDER"])
HOME = _FOLDER / "home"
HOME.mkdir(exist_ok=True)
for name in ("HOME", "USERPROFILE"):
    os.environ[name] = str(HOME)
for name in ("DSPY_CACHEDIR", "IPYTHONDIR", "MPLCONFIGDIR", "PIP_CACHE_DIR", "UV_CACHE_DIR"):
    os.environ[name] = str(_FOLDER / name.lower())
for name in [name for name in os.environ if name.startswith("XDG_")]:
    del os.environ[name]

# Nothing of the network is trusted. Each client would read all authorities of the machine, which
# takes it 27 ms, for servers that are asked without TLS.
os.environ["SSL_CERT_DIR"] = str(_FOLDER / "authorities")
os.environ.pop("SSL_CERT_FILE", None)
Path(os.environ["SSL_CERT_DIR"]).mkdir(exist_ok=True)

# Before Python 3.11.8 two threads that parse Python at once can fail each other with "AST
# constructor recursion depth mismatch" (github.com/python/cpython/issues/106905). pytest parses
# what a thread imports, so it happens, once in some hundred runs. There, one waits for the other.
if (3, 11) <= sys.version_info < (3, 11, 8):
    _compile, _one_at_a_time = builtins.compile, threading.RLock()

    @functools.wraps(_compile)
    def _compile_alone(*args, **options):
        with _one_at_a_time:
            return _compile(*args, **options)

    builtins.compile = _compile_alone


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """One worker more than there are cores, for many a test waits for a server or a process."""
    usable = getattr(os, "sched_getaffinity", None)
    return (len(usable(0)) if usable else os.cpu_count() or 1) + 1


def pytest_sessionfinish(session):
    if not _MINE:
        return
    paths = (path.relative_to(HOME) for path in HOME.rglob("*") if path.is_file())
    # pip asks rustc for its version, and rustup then writes into the home that it finds.
    left = sorted(str(path) for path in paths if path.parts[0] != ".rustup")
    shutil.rmtree(_FOLDER, ignore_errors=True)
    if left:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        session.config.stash[_LEFT] = left


_LEFT = pytest.StashKey[list[str]]()

_CELL = re.compile(r"::Test(\w+)::test_matrix(_async)?\[(\w+)-(\w+)\]$")
_WAY = re.compile(r"::Test(\w+)Ways::test_(\w+)\[(\w+)\]$")
_ways: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
_cells: dict[tuple[str, str], dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))


def pytest_runtest_logreport(report):
    match = _CELL.search(report.nodeid)
    if match and (report.when == "call" or report.failed):
        harness, _, strategy, format = match.groups()
        _cells[harness, strategy][format.replace("None", "own")].append(report.passed)
    if (match := _WAY.search(report.nodeid)) and (report.when == "call" or not report.passed):
        harness, held, way = match.groups()
        if _ways[harness, way].get(held) != "MISSING":
            outcome = {"passed": "yes", "skipped": "-"}.get(report.outcome, "MISSING")
            _ways[harness, way][held] = outcome


def pytest_terminal_summary(terminalreporter):
    """Print what was left in the home, and the conformance matrix."""
    for name in terminalreporter.config.stash.get(_LEFT, ()):
        terminalreporter.line(f"FAILED: a test wrote to the user's home: ~/{name}", red=True)
    _print_matrix(terminalreporter)
    _print_ways(terminalreporter)


def _print_ways(terminalreporter):
    """Print way x what must hold of it, and how many cells there are."""
    if not _ways:
        return
    cells = [cell for row in _ways.values() for cell in row.values()]
    counts = ", ".join(f"{cells.count(cell)} {cell}" for cell in ("yes", "-", "MISSING"))
    terminalreporter.section(f"conformance: ways of running ({counts})")
    names = sorted({name for row in _ways.values() for name in row})
    terminalreporter.line(" " * 36 + "".join(f"{name:<12}" for name in names))
    for (harness, way), row in sorted(_ways.items()):
        held = "".join(f"{row.get(name, ''):<12}" for name in names)
        terminalreporter.line(f"{harness:<12}{way:<24}{held}")


def _print_matrix(terminalreporter):
    """Print harness x strategy x format; each cell counts the sync and the async test."""
    if not _cells:
        return
    formats = sorted({format for row in _cells.values() for format in row})
    terminalreporter.section("conformance: passed of sync + async")
    rows = [("harness", "strategy", *formats)]
    for (harness, strategy), row in _cells.items():
        cells = [f"{sum(row[f])}/{len(row[f])}" if f in row else "-" for f in formats]
        rows.append((harness, strategy, *cells))
    width = max(len(harness) for harness, *_ in rows)
    for harness, *cells in rows:
        terminalreporter.line(harness.ljust(width) + "".join(f"  {cell:<12}" for cell in cells))
