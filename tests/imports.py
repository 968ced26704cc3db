"""Which module imports which, as their source says it: lazy and type-only imports too."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

Arrows = Mapping[str, set[str]]
"""Module to the modules of the same tree that it imports."""


def arrows(root: Path, package: str) -> Arrows:
    """Return the imports of all modules of a package that stands in the folder ``root``."""
    modules = {_name(path.relative_to(root)): path for path in (root / package).rglob("*.py")}
    return {
        name: {
            found
            for target in _targets(name, path)
            if (found := _module(target, modules)) and found != name
        }
        for name, path in modules.items()
    }


def _name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _targets(name: str, path: Path) -> Iterator[str]:
    """Yield whatever a file imports, each as ``package.module.name``."""
    own = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = own.split(".")[: len(own.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*up, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _module(target: str, modules: Mapping[str, Path]) -> str | None:
    """Return the module that a target is, or is a name of."""
    if target in modules:
        return target
    parent = target.rpartition(".")[0]
    return parent if parent in modules else None


def circles(graph: Arrows) -> list[list[str]]:
    """Return the sets of modules that import each other in a circle (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for target in sorted(graph[module]):
            if target not in index:
                visit(target)
                low[module] = min(low[module], low[target])
            elif target in stack:
                low[module] = min(low[module], index[target])
        if low[module] == index[module]:
            at = stack.index(module)
            group = stack[at:]
            del stack[at:]
            if len(group) > 1:
                found.append(sorted(group))

    for module in sorted(graph):
        if module not in index:
            visit(module)
    return found


def floors(graph: Arrows) -> int:
    """Return how many modules the longest chain of imports has; only where there is no circle."""
    height: dict[str, int] = {}

    def of(module: str) -> int:
        if module not in height:
            height[module] = 1 + max(map(of, graph[module]), default=0)
        return height[module]

    return max(map(of, graph))
