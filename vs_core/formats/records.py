"""Records of labelled fields: YAML, TOML, ``Text: … Probability: …``, in either order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vs_core.formats.cutting import Cut, aligned
from vs_core.formats.markers import TABLE_HEAD, marker
from vs_core.formats.numbers import SHORT
from vs_core.words import LIST, META, PROBABILITY, TEXT, WEAK, kind_of

__all__ = ["records"]

_KEY = re.compile(
    r"(?P<indent>[ \t]{0,16})(?P<mark>[-*•+]\s{1,3}(?:\[[ xX]\]\s)?)?[*_`\"']{0,3}"
    r"(?P<key>[^\W\d][^:：=\n\"*`<>(]{0,38}?)"
    r"[*_`\"']{0,3}\s?(?:[:：]|=(?![=>]))"
)


class _Labelled(NamedTuple):
    """A line that begins with the label of a field: ``head``, ``text``, ``number`` or ``meta``."""

    line: int
    kind: str
    marked: bool  # something sets it apart: a bullet, a bracket


def records(lines: Sequence[str]) -> Iterator[Cut]:
    """Yield the cut in which each record begins a candidate, if there are records."""
    fields = [found for at in range(len(lines)) if (found := _field(lines, at)) is not None]
    kinds = [field.kind for field in fields]
    if "text" not in kinds or "number" not in kinds:
        return
    starts = _starts(fields, kinds)
    heads = {field.line for field in fields if field.kind == "head"}
    blocks = []
    for at, edge in zip(starts, [*starts[1:], len(lines)], strict=True):
        head = "" if at in heads else _without_mark(lines[at])
        blocks.append([head, *lines[at + 1 : edge]])
    yield Cut("records", starts[0], aligned(blocks, 2))


def _field(lines: Sequence[str], at: int) -> _Labelled | None:
    line = lines[at]
    if ":" not in line and "：" not in line and "=" not in line:
        is_head = line.startswith("[") and TABLE_HEAD.match(line[:SHORT])
        return _Labelled(at, "head", True) if is_head else None
    match = _KEY.match(line[:SHORT])
    if match is None:
        return None
    kinds = kind_of(match["key"])
    rest = line[match.end() :].strip(" \t*_`")
    marked = bool(match["mark"])
    if PROBABILITY in kinds or WEAK in kinds:
        return _Labelled(at, "number", marked)
    if TEXT in kinds and (rest or not _is_list_key(lines, at, kinds)):
        return _Labelled(at, "text", marked)
    return _Labelled(at, "meta", marked) if META in kinds else None


def _starts(fields: Sequence[_Labelled], kinds: Sequence[str]) -> list[int]:
    """The lines that begin a record: its head, its mark, or the field that comes first."""
    heads = [field.line for field in fields if field.kind == "head"]
    if len(heads) > 1 or (heads and kinds.count("number") == 1):
        return heads
    marked = [field.line for field in fields if field.marked]
    counts = sorted((kinds.count("text"), kinds.count("number")))
    if counts[0] <= len(marked) <= counts[1]:
        return marked
    first = next(kind for kind in kinds if kind != "meta")
    lead = next((kind for kind in kinds if kinds.count(kind) >= kinds.count(first)), first)
    at = [number for number, field in enumerate(fields) if field.kind == lead]
    before = _meta_before(fields, at)
    return [fields[number - before].line for number in at]


def _meta_before(fields: Sequence[_Labelled], at: Sequence[int]) -> int:
    """How many fields of no account, such as an ID, stand before the first of each record."""
    before = at[0]
    for number in at:
        ahead = fields[max(0, number - before) : number]
        if len(ahead) < before or any(field.kind != "meta" for field in ahead):
            return 0
        if ahead and ahead[-1].line + 1 != fields[number].line:
            return 0
    return before


def _is_list_key(lines: Sequence[str], at: int, kinds: frozenset[str]) -> bool:
    """Whether a key without a value is the list's and not a text's below it."""
    follows = next((line for line in lines[at + 1 :] if line.strip()), "")
    return LIST in kinds and (follows.lstrip()[:1] in ("-", "*") or marker(follows) is not None)


_MARK = re.compile(r"[ \t]*[-*•+]\s+(?:\[[ xX]\]\s+)?")


def _without_mark(line: str) -> str:
    match = _MARK.match(line[:SHORT])
    return line[match.end() :] if match else line
