"""A pytest plugin that notes which test executes which line, and how long each test takes.

``pytest -p tests.mutants.covering``, with the variables that ``python -m tests.mutants`` sets. Each
process writes files of its own, so it works under xdist.
"""

import json
import os
import time
from pathlib import Path

import coverage
import pytest

ME = Path(os.environ["VS_COVERAGE"]) / str(os.getpid())
OF = json.loads(os.environ["VS_COVERAGE_OF"])
_seconds: dict[str, float] = {}
_coverage = coverage.Coverage(
    data_file=ME.with_suffix(".lines"),
    include=[f"{path}{end}" for path in OF for end in ("", "/**")],  # a file, or what is below
    config_file=False,
)
_coverage.start()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    _coverage.switch_context(item.nodeid)
    started = time.perf_counter()
    try:
        return (yield)
    finally:
        _seconds[item.nodeid] = time.perf_counter() - started
        _coverage.switch_context("")


def pytest_unconfigure():
    _coverage.stop()
    _coverage.save()
    seen = {"root": str(Path.cwd()), "seconds": _seconds}
    ME.with_suffix(".json").write_text(json.dumps(seen))
