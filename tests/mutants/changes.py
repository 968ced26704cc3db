"""What a mutant changes: one node of a function's body, in the text of its file.

Annotations, defaults, ``__all__``, ``__slots__`` and what stands under ``TYPE_CHECKING`` are
outside of bodies. Inside, `_unnoticed` is left alone, which no test could notice.
"""

from __future__ import annotations

import ast
import copy
import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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
    """Whether it is in a function that is asynchronous or streams, or the other one of a pair."""
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
    """All mutants of a file; what only annotates, documents or words something is left alone."""
    drawing = "matplotlib" in source
    for function, twin in _functions(ast.parse(source)):
        for node in _changeable(function, drawing):
            for what, replaced, new in _changes(node, drawing):
                after = _replaced(source, replaced, new)
                yield Mutant(path, node.lineno, what, twin, source, after)


def _functions(tree: ast.Module) -> Iterator[tuple[ast.AST, bool]]:
    """Each function, with whether it is one of two twins or streams."""
    yield from _inside(tree, _driven(tree), within=False)


def _inside(scope: ast.AST, driven: set[str], *, within: bool) -> Iterator[tuple[ast.AST, bool]]:
    """The functions of a scope; ``within``: the scope is a twin, and so is all that it defines."""
    here = list(_defined(scope))
    names = {each.name.strip("_") for each in here}
    for each in here:
        twin = within or "stream" in each.name.lower()
        if not isinstance(each, ast.ClassDef):
            twin = twin or _is_twin(each, names, driven)
            yield each, twin
        yield from _inside(each, driven, within=twin)


def _defined(scope: ast.AST) -> Iterator[Any]:
    """The functions and classes that a scope defines, also under an ``if`` or a ``with``."""
    for node in _own(scope):
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            yield node


_PREFIXES = ("a", "stream_", "astream_")
"""Of the names of twins: chat, achat, stream_chat, astream_chat; also __enter__, __aenter__."""
_DRIVERS = {"perform", "aperform", "produce", "aproduce", "produce_with", "aproduce_with"}
_EFFECTS = {"Effect", "Emit", "Effects", "Stream"}


def _is_twin(function: Any, names: set[str], driven: set[str]) -> bool:
    name = function.name.strip("_")
    if isinstance(function, ast.AsyncFunctionDef) or any(
        each + name in names for each in _PREFIXES
    ):
        return True
    if name.startswith("a") and name[1:] in names:
        return True
    yielded = [n for n in _own(function) if isinstance(n, (ast.Yield, ast.YieldFrom))]
    named = {_name(node) for node in (function.returns, *(each.value for each in yielded))}
    return bool(yielded) and (function.name in driven or bool(named & _EFFECTS))


def _driven(tree: ast.AST) -> set[str]:
    """The names of what is called to be driven: ``perform(self._answer(question))``."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    drivers = [call for call in calls if _name(call) in _DRIVERS]
    inside = (node for call in drivers for arg in call.args for node in ast.walk(arg))
    return {_name(node) for node in inside if isinstance(node, ast.Call)}


def _name(node: ast.AST | None) -> str:
    """The last name of what is named, called or subscripted, else nothing."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=inner) | ast.Subscript(value=inner):
            return _name(inner)
    return ""


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a body, without what is inside of its functions and classes."""
    waiting = list(getattr(function, "body", []))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))


_LOGS = {"log", "_log", "warnings"}
"""What is told something worded for people first; that it is told may be changed."""
_WORDS = re.compile(r"[^\W\d_] [^\W\d_]")
"""Two words at least: a heading, a sentence; keys, separators and names have no such space."""
_PATTERN = re.compile(r"\\|\.\*|\(\?")
"""In a regular expression and in no wording."""
_COSMETIC = {
    "alpha", "bbox_to_anchor", "capsize", "color", "dpi", "figsize", "fontsize", "frameon", "loc",
    "labelsize", "ls", "lw", "mec", "mew", "mfc", "ms", "ncols", "pad", "zorder",
}  # fmt: skip
"""Options of drawing that say how a figure looks and never what it says."""


def _changeable(function: ast.AST, drawing: bool) -> list[ast.AST]:
    """The nodes that may be changed, in the order of the file."""
    left = {id(inside) for node in _own(function) for inside in _unnoticed(node, drawing)}
    nodes = [n for n in _own(function) if id(n) not in left and hasattr(n, "lineno")]
    return sorted(nodes, key=lambda node: (node.lineno, node.col_offset))


def _unnoticed(node: ast.AST, drawing: bool) -> Iterator[ast.AST]:
    """What of a node no test could notice, or only by quoting how something is worded or looks."""
    match node:
        case ast.Expr(value=ast.Constant()):  # a docstring, the dots of an overload
            yield from ast.walk(node)
        case ast.JoinedStr() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield from ast.walk(node)  # wording; a body of its own
        case ast.Constant(value=str() as text) if _WORDS.search(text):
            if not _PATTERN.search(text):
                yield node
        case ast.Raise():  # that it is raised may be changed, its wording not
            yield from (inside for inside in ast.walk(node) if inside is not node)
        case ast.AnnAssign(annotation=annotation):
            yield from ast.walk(annotation)
        case ast.Call(func=ast.Name(id="cast"), args=[annotation, _]):
            yield from ast.walk(annotation)
        case ast.Call(func=ast.Attribute(value=told), args=[wording, *_]) if _name(told) in _LOGS:
            yield from ast.walk(wording)
        case ast.Call(keywords=keywords):
            unseen = (k for k in keywords if _is_unseen(node, k, drawing))
            yield from (inside for keyword in unseen for inside in ast.walk(keyword))


def _is_unseen(call: ast.Call, keyword: ast.keyword, drawing: bool) -> bool:
    """Whether no test could notice that an argument is left out.

    ``zip(a, b, strict=True)`` asserts what is so, ``strict=False`` says the default, and that files
    are in UTF-8 is the default of most systems, those that run the tests among them.
    """
    return (
        (_name(call) == "zip" and keyword.arg == "strict")
        or ast.unparse(keyword).lower() == "encoding='utf-8'"
        or (drawing and _looks(keyword))
    )


def _looks(keyword: ast.keyword) -> bool:
    """Whether it is a constant that says how a figure looks; what is computed is about the data."""
    constant = not any(isinstance(node, ast.Name) for node in ast.walk(keyword.value))
    return keyword.arg in _COSMETIC and constant


def _changes(node: ast.AST, drawing: bool) -> Iterator[tuple[str, ast.AST, str]]:  # noqa: C901
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
                if _is_unseen(node, keyword, drawing):
                    continue
                rest = keywords[:index] + keywords[index + 1 :]
                yield f"without {keyword.arg or '**'}", node, _unparsed(node, keywords=rest)
        case ast.Return(value=ast.AST() as value) if ast.unparse(value) != "None":
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
