"""What a mutant changes: one node of a function's body, in the text of its file."""

from __future__ import annotations

import ast
import copy
import difflib
from collections.abc import Iterator
from dataclasses import dataclass

OPPOSITES: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE,
    ast.GtE: ast.Gt, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div,
    ast.Div: ast.Mult, ast.Break: ast.Continue, ast.Continue: ast.Break,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    path: str
    line: int
    what: str
    twin: bool
    """Whether it is in an asynchronous or streaming function."""
    before: str
    after: str

    @property
    def diff(self) -> str:
        lines = difflib.unified_diff(
            self.before.splitlines(),
            self.after.splitlines(),
            self.path,
            self.path,
            lineterm="",
            n=1,
        )
        return "\n".join(list(lines)[2:])


def mutants(path: str, source: str) -> Iterator[Mutant]:
    """All mutants of a file; what only annotates, documents or words an error is left alone."""
    for function, twin in _functions(ast.parse(source)):
        for node in _changeable(function):
            for what, replaced, new in _changes(node):
                after = _replaced(source, replaced, new)
                yield Mutant(path, node.lineno, what, twin, source, after)


def _functions(tree: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """Each function, with whether it is one of two twins or streams."""
    for scope in ast.walk(tree):
        here = [c for c in ast.iter_child_nodes(scope) if isinstance(c, _FUNCTIONS)]
        names = {function.name.lstrip("_") for function in here}
        for function in here:
            name = function.name.lstrip("_")
            twin = (
                isinstance(function, ast.AsyncFunctionDef)
                or "stream" in name
                or (name.startswith("a") and name[1:] in names)
                or any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in _own(function))
            )
            yield function, twin


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function's body, without the functions inside it."""
    waiting = list(getattr(function, "body", []))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))


def _changeable(function: ast.AST) -> list[ast.AST]:
    """The nodes that may be changed, in the order of the file."""
    left: set[int] = set()
    for node in _own(function):
        docs = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if docs or isinstance(node, (ast.JoinedStr, *_FUNCTIONS, ast.ClassDef)):
            left.update(id(inside) for inside in ast.walk(node))
        elif isinstance(node, ast.Raise):
            left.update(id(inside) for inside in ast.walk(node) if inside is not node)
        elif isinstance(node, ast.AnnAssign):
            left.update(id(inside) for inside in ast.walk(node.annotation))
    nodes = [n for n in _own(function) if id(n) not in left and hasattr(n, "lineno")]
    return sorted(nodes, key=lambda node: (node.lineno, node.col_offset))


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:  # noqa: C901 - a table
    """What may become of a node: what that is, the node that is replaced, and its new text."""
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in OPPOSITES:
            yield "comparison", node, _unparsed(node, ops=[OPPOSITES[type(operator)]()])
        case ast.BoolOp(op=operator) | ast.BinOp(op=operator) if type(operator) in OPPOSITES:
            yield "operator", node, _unparsed(node, op=OPPOSITES[type(operator)]())
        case ast.UnaryOp(op=ast.Not()):
            yield "without not", node, f"({ast.unparse(node.operand)})"
        case ast.Constant(value=bool()):
            yield "constant", node, repr(not node.value)
        case ast.Constant(value=int() | float()):
            yield "constant", node, repr(node.value + 1)
        case ast.Constant(value=str()) if node.value:
            yield "constant", node, repr("XX" + node.value)
        case ast.IfExp():
            yield "branches swapped", node, _unparsed(node, body=node.orelse, orelse=node.body)
        case ast.If(test=ast.Name() | ast.Call() | ast.Attribute() as test):
            yield "branches swapped", test, f"(not {ast.unparse(test)})"
        case ast.Call(keywords=keywords):
            for index, keyword in enumerate(keywords):
                rest = keywords[:index] + keywords[index + 1 :]
                yield f"without {keyword.arg or '**'}", node, _unparsed(node, keywords=rest)
        case ast.Return(value=ast.AST()):
            yield "returns None", node, "return None"
        case ast.Break() | ast.Continue():
            yield "loop", node, ast.unparse(OPPOSITES[type(node)]())
        case ast.Expr() | ast.AugAssign() | ast.Raise() | ast.Delete():
            yield "statement removed", node, "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "assignment removed", node, "pass"


def _unparsed(node: ast.AST, **changed: object) -> str:
    new = copy.copy(node)
    for name, value in changed.items():
        setattr(new, name, value)
    return f"({ast.unparse(new)})"


def _replaced(source: str, node: ast.AST, new: str) -> str:
    """The file with another text in the node's place; columns count bytes."""
    lines = source.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    data = b"".join(lines)
    begin = starts[node.lineno - 1] + node.col_offset
    end = starts[node.end_lineno - 1] + node.end_col_offset
    return (data[:begin] + new.encode() + data[end:]).decode()
