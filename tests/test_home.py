"""Nothing of ours is left in a user's home: a session of tests that leaves something fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

ASKS = """
import dspy
from vs_core.testing import SimulatedServer

def test_asks():
    with SimulatedServer() as server:
        lm = dspy.LM("openai/gpt-4.1-mini", api_base=server.base_url, api_key="any")
        assert lm("Name a US state.")
"""
WRITES = """
from pathlib import Path

def test_writes():
    (Path.home() / "answers.json").write_text("{}")
"""


@pytest.fixture
def session(tmp_path):
    """Run a test in a session of its own that has our conftest, as a user whose home this is."""
    home = tmp_path / "home"
    home.mkdir()

    def run(code: str) -> tuple[subprocess.CompletedProcess[str], list[Path]]:
        (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
        (tmp_path / "test_one.py").write_text(code)
        theirs = ("VS_TESTS_", "DSPY_", "PYTEST_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(theirs)}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
            cwd=tmp_path, env={**kept, "HOME": str(home)}, capture_output=True, text=True,
        )  # fmt: skip
        return done, list(home.rglob("*"))

    return run


def test_an_answer_is_not_kept_in_the_cache_of_the_user(session):
    done, left = session(ASKS)
    assert done.returncode == 0, done.stdout
    assert not left


def test_a_session_that_leaves_something_fails(session):
    done, left = session(WRITES)
    assert done.returncode == 1
    assert "~/answers.json" in done.stdout
    assert not left  # not even that
