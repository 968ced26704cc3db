"""The command that breaks the code: what it finds in a package that is half tested."""

import ast
import json
import subprocess
import sys

import pytest

from tests.mutants.__main__ import ROOT
from tests.mutants.changes import mutants

TOY = '''"""A toy."""

def watched(a, b):
    """Added."""
    return a + b

def unwatched(a):
    return a * 2

async def atwin(**kwargs):
    await dict(**kwargs)
    yield len("é" if kwargs else "x")
'''
TESTS = """import toy

def test_watched():
    assert toy.watched(1, 2) == 3

def test_unwatched():
    toy.unwatched(1)
"""


@pytest.mark.slow
def test_what_is_watched_is_noticed_and_the_rest_survives(tmp_path):
    (tmp_path / "toy.py").write_text(TOY)
    (tmp_path / "test_toy.py").write_text(TESTS)
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    out = tmp_path / "out.json"
    command = f"--root {tmp_path} --paths toy.py --tests test_toy.py --coverage {tmp_path / 'seen'}"
    run = [sys.executable, "-m", "tests.mutants", *command.split(), "--out", str(out)]
    said = subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = json.loads(out.read_text())
    verdicts = {(each["line"], each["what"]): each["verdict"] for each in found}
    assert verdicts == {
        (5, "returns None"): "noticed",
        (5, "operator"): "noticed",
        (8, "returns None"): "survived",
        (8, "operator"): "survived",
        (8, "constant"): "survived",
    }
    assert all(each["tests"] == 1 for each in found)

    assert "-    return a * 2" in said
    assert "2 noticed, 3 survived (40.0% noticed), 0 not run" in said
    assert (tmp_path / "toy.py").read_text() == TOY


@pytest.mark.slow
@pytest.mark.parametrize(("again", "verdict"), [(60, "noticed"), (0, "survived")])
def test_a_mutant_survives_only_the_tests_that_were_left_out_at_first_too(tmp_path, again, verdict):
    (tmp_path / "toy.py").write_text("def doubled(a):\n    return a * 2\n")
    (tmp_path / "test_toy.py").write_text(
        "import time, toy\n\n"
        "def test_at_once():\n    toy.doubled(1)\n\n"
        "def test_slowly():\n    time.sleep(0.5)\n    assert toy.doubled(3) == 6\n"
    )
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    command = f"--root {tmp_path} --paths toy.py --tests test_toy.py --coverage {tmp_path / 'seen'}"
    command += f" --seconds 0 --again {again} --out {tmp_path / 'out.json'}"
    run = [sys.executable, "-m", "tests.mutants", *command.split()]
    subprocess.run(run, cwd=ROOT, check=True, capture_output=True)
    found = json.loads((tmp_path / "out.json").read_text())
    assert {each["verdict"] for each in found} == {verdict}
    assert {each["tests"] for each in found} == {2 if again else 1}


def test_each_mutant_is_one_change_that_compiles():
    found = list(mutants("toy.py", TOY))
    assert len({mutant.after for mutant in found}) == len(found)
    for mutant in found:
        ast.parse(mutant.after)
    twins = {mutant.what for mutant in found if mutant.twin}
    assert {"without **", "branches swapped", "statement removed"} <= twins


@pytest.mark.parametrize(
    ("source", "after"),
    [
        ("def f(a):\n    if a:\n        pass\n", "def f(a):\n    if (not a):\n        pass\n"),
        ("def f():\n    g(x=1, **k)\n", "def f():\n    (g(x=1))\n"),
        ("async def f():\n    await g()\n", "async def f():\n    pass\n"),
        ("def f(a):\n    return a if not a else 0\n", "def f(a):\n    return a if (a) else 0\n"),
    ],
)
def test_what_is_changed(source, after):
    assert after in [mutant.after for mutant in mutants("f.py", source)]


TWINS = """
def acomplete(): return 1  # twin
def complete(): return 1  # twin
def chat(): return 1  # twin
def stream_chat(): return 1  # twin
def alone(): return 1
async def waiting():
    def inner(): return 1  # twin
class Sampler:
    async def aalone(self): return 1  # twin
    def __enter__(self): return 1  # twin
    async def __aenter__(self): return 1  # twin
    def _steps(self):
        found = yield Effect(self.find, self.afind)
        return 1  # twin
    def _rest(self) -> Effects[int]:
        return (yield self.question()) + 1  # twin
    def _driven(self, size):
        yield self.effect(1)  # twin
    def arun(self): return aperform(self._driven(self.size()))
    def size(self): return 1
    def captions(self): yield 1
class TextStream:
    def text(self): return 1  # twin
"""


def test_twins_come_in_pairs_yield_effects_or_stream_and_are_no_other_generators():
    lines = TWINS.splitlines()
    found = [mutant for mutant in mutants("toy.py", TWINS) if mutant.what == "constant"]
    for mutant in found:
        assert mutant.twin == ("# twin" in lines[mutant.line - 1]), lines[mutant.line - 1]
    assert {mutant.line for mutant in found if mutant.twin} == {
        number for number, line in enumerate(lines, 1) if "# twin" in line
    }


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("zip(a, b, strict=False)", {"statement removed"}),
        ("zip(a, b, strict=True)", {"statement removed"}),
        ("f(a, strict=True)", {"statement removed", "constant", "without strict"}),
        ("a.read_text(encoding='utf-8')", {"statement removed"}),
        ("x: Literal['a'] = y", set()),
        ("x = cast('Sequence[int]', y)", set()),
        ("log.warning('so many', x)", {"statement removed"}),
        ("told.warning('many', x)", {"statement removed", "constant"}),
        ("g(desc='Words of a field: so many.')", {"statement removed", "without desc"}),
        ("g(desc=f'so many {x}')", {"statement removed", "without desc"}),
        *((f"g({named!r})", {"statement removed", "constant"})
          for named in ("max_tokens", ", ", "name: ", "1 of", r"so (?:many)", r"so many\b")),
        ("axes.plot(color='black', lw=2)", {"statement removed"}),
        ("axes.plot(color=x, label='it')", {f"without {n}" for n in ("color", "label")}
         | {"statement removed", "constant"}),
    ],
)  # fmt: skip
def test_what_no_test_could_notice_is_left_alone(line, changes):
    source = f"def f(x, y):\n    {line}\n"
    drawing = f"import matplotlib\n{source}"
    assert {mutant.what for mutant in mutants("f.py", drawing)} == changes


def test_how_a_figure_looks_is_left_alone_where_figures_are_drawn():
    source = "def f():\n    spread(alpha=0.05)\n"
    assert {mutant.what for mutant in mutants("f.py", source)} == {
        "constant", "without alpha", "statement removed",
    }  # fmt: skip
