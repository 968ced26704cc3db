"""One name, one thing: no class of the core or of an integration is called as another is."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = {
    "VerbalizedSampler": "the door of each framework: its users import it from their package alone",
    "Options": "to be renamed in vs_langchain",
    "Run": "to be renamed in vs_langchain",
    "Task": "to be renamed in generation",
    "_Typed": "to be renamed in evaluation",
}
"""Names that stand twice, and why. Whoever renames one takes it from here."""


def homes_of_classes():
    found = defaultdict(list)
    for package in ("vs_core", "integrations"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef):
                    found[node.name].append(path.relative_to(ROOT).as_posix())
    return found


def test_no_class_has_the_name_of_another():
    twice = {name: homes for name, homes in homes_of_classes().items() if len(homes) > 1}
    assert {name: homes for name, homes in twice.items() if name not in SHARED} == {}
