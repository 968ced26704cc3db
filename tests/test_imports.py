"""What an import costs, and what may import what."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.imports import arrows, circles

ROOT = Path(__file__).parent.parent
HEAVY = (
    "numpy", "scipy", "pandas", "rapidfuzz", "statsmodels", "matplotlib", "jinja2", "tenacity",
    "openai", "rich", "typer", "starlette", "uvicorn", "httpx",
    "langchain_core", "dspy", "litellm", "llama_index", "json_repair", "pytest",
)  # fmt: skip
FRAMEWORKS = {"langchain", "langchain_core", "langgraph", "dspy", "litellm", "llama_index"}


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize(
    "statement",
    [
        "import vs_core",
        'import vs_core; vs_core.parse(\'[{"text": "a", "probability": 1}]\').sample()',
        "import vs_core; vs_core.verbalize('x', lambda r: '[\"a\"]', strategy='sequence', k=1)",
        "import vs_core; vs_core.verbalize('x', lambda r: 'a', strategy='direct', until=len)",
        "import vs_core.clients, vs_core.metrics, vs_core.stopping, vs_core.evaluation",
        "import vs_core; vs_core.plugins.table('tasks')",
        "from vs_core.testing import SimulatedModel; SimulatedModel()",
    ],
)
def test_the_core_loads_nothing_heavy(statement):
    assert not loaded_by(statement) & set(HEAVY)


def test_the_command_needs_no_other_extra():
    """``vs demo`` is a stranger's first command, with the extra ``cli`` alone."""
    others = {"numpy", "scipy", "pandas", "rapidfuzz", "matplotlib", "jinja2", "pyarrow"}
    assert not loaded_by("import vs_core.cli.app") & others


def test_what_reads_answers_is_loaded_with_the_first_answer():
    code = "import sys, vs_core; print('vs_core.parsing' in sys.modules, callable(vs_core.parse))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False True\n"


# --- the house -----------------------------------------------------------------------------------

LAYERS = (
    ("ground", "display", "hookspecs"),
    ("errors", "errors"),
    ("words and numbers", "builtin", "plugins", "checks", "effects", "lazy", "redaction",
     "probabilities", "profiles", "progress", "prompts", "words"),
    ("values", "formats.base", "messages", "candidates"),
    ("reading", "formats", "parsing"),
    ("drawing and measuring", "resampling", "metrics", "fusion", "theory"),
    ("asking", "strategies"),
    ("asking until it is enough", "stopping"),
    ("shared by what comes", "equivalence", "tables"),
    ("driving", "caller", "gate", "concurrency", "store", "telemetry", "driver", "endpoint",
     "clients", "anthropic", "embedding"),
    ("the package", ""),
    ("checking", "checking"),
    ("testing", "testing"),
    ("generation", "generation"),
    ("evaluation", "evaluation"),
    ("tuning", "tuning"),
    ("studio", "studio"),
    ("doors", "cli"),
)  # fmt: skip
"""The core's modules, lowest first: each imports from its own row or one above it in this table,
never from one below. A package stands for its modules, unless one has a place of its own."""


def layer(module: str) -> int:
    """The place of a module in the table: that of its longest name there."""
    name = module.removeprefix("vs_core").removeprefix(".")
    places = {each: place for place, (_, *names) in enumerate(LAYERS) for each in names}
    while name and name not in places:
        name = name.rpartition(".")[0]
        if not name:
            raise AssertionError(f"{module} has no place in LAYERS")
    return places[name]


def test_the_core_is_built_in_layers():
    """Lazy imports and those for type checkers count too."""
    against = [
        f"{module} ({LAYERS[layer(module)][0]}) imports {target} ({LAYERS[layer(target)][0]})"
        for module, targets in arrows(ROOT, "vs_core").items()
        for target in sorted(targets)
        if layer(target) > layer(module)
    ]
    assert not against, "\n".join(against)


@pytest.mark.parametrize("package", ["vs_core", "vs_langchain", "vs_dspy", "vs_llama_index"])
def test_no_module_imports_itself_in_a_circle(package):
    root = ROOT if package == "vs_core" else ROOT / "integrations"
    graph = arrows(root, package)
    assert len(graph) > 5
    found = [" <-> ".join(circle) for circle in circles(graph)]
    assert not found, "\n".join(found)


def test_circles_are_found(tmp_path):
    (tmp_path / "p" / "sub").mkdir(parents=True)
    for name, source in {
        "p/__init__.py": "",
        "p/a.py": "def f():\n    from p.sub import b",
        "p/sub/__init__.py": "from . import c",
        "p/sub/b.py": "if TYPE_CHECKING:\n    from ..d import D",
        "p/sub/c.py": "import json",
        "p/d.py": "import p.a",
    }.items():
        (tmp_path / name).write_text(source)
    graph = arrows(tmp_path, "p")
    assert graph["p.sub"] == {"p.sub.c"}
    assert circles(graph) == [["p.a", "p.d", "p.sub.b"]]


def imported_names(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_nothing_in_the_core_imports_a_framework_or_an_integration():
    integrations = {path.name for path in (ROOT / "integrations").iterdir()}
    for path in (ROOT / "vs_core").rglob("*.py"):
        assert not imported_names(path) & (FRAMEWORKS | integrations), path


def test_integrations_do_not_import_each_other():
    packages = [path for path in (ROOT / "integrations").iterdir() if path.is_dir()]
    assert len(packages) == 3
    for package in packages:
        others = {other.name for other in packages} - {package.name}
        for path in package.rglob("*.py"):
            assert not imported_names(path) & others, path


@pytest.mark.parametrize(
    ("package", "blocked", "extra"),
    [
        ("vs_langchain", "langchain_core", "langchain"),
        ("vs_dspy", "dspy", "dspy"),
        ("vs_llama_index", "llama_index.core", "llama-index"),
    ],
)
def test_an_integration_without_its_extra_says_what_to_install(package, blocked, extra):
    code = f"import sys; sys.modules[{blocked!r}] = None; import {package}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert f"pip install 'vs-core[{extra}]'" in done.stderr.splitlines()[-1]
    assert "MissingExtraError" in done.stderr.splitlines()[-1]
