"""One name, one thing: no class of the core or of an integration is called as another is."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = {
    "VerbalizedSampler": "the door of each framework: its users import it from their package alone",
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


def test_what_may_stand_twice_does():
    twice = {name for name, homes in homes_of_classes().items() if len(homes) > 1}
    assert set(SHARED) - twice == set()
