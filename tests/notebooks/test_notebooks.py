"""The notebooks of the docs run from top to bottom, and their kept outputs are those of a run.

To renew the outputs: ``python -m tests.notebooks.test_notebooks``.
"""

import os
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="the extra docs has nbclient")
nbclient = pytest.importorskip("nbclient", reason="the extra docs has nbclient")
pytest.importorskip("ipykernel", reason="the extra docs has ipykernel")

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def executed(path):
    notebook = nbformat.read(path, as_version=4)
    os.environ["PYTHONPATH"] = str(ROOT)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    errors = [o for c in notebook.cells for o in c.get("outputs", ()) if o.get("name") == "stderr"]
    assert not errors
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times, which change with every run
    return notebook


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_and_shows_something(path):
    kept = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    fresh = [cell for cell in executed(path).cells if cell.cell_type == "code"]
    assert [bool(cell.outputs) for cell in kept] == [bool(cell.outputs) for cell in fresh]
    assert sum(bool(cell.outputs) for cell in fresh) >= 3


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 3


if __name__ == "__main__":
    for path in NOTEBOOKS:
        nbformat.write(executed(path), path)
