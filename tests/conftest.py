"""What all tests share: no network, no keys, and the conformance matrix in the output."""

import os
import re
from collections import defaultdict

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or litellm tries the network for seconds
for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE", "LANGSMITH_API_KEY"):
    os.environ.pop(name, None)

_CELL = re.compile(r"::Test(\w+)::test_matrix(_async)?\[(\w+)-(\w+)\]$")
_cells: dict[tuple[str, str], dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))


def pytest_runtest_logreport(report):
    match = _CELL.search(report.nodeid)
    if match and (report.when == "call" or report.failed):
        harness, _, strategy, format = match.groups()
        _cells[harness, strategy][format.replace("None", "own")].append(report.passed)


def pytest_terminal_summary(terminalreporter):
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
