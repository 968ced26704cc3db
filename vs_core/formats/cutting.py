"""One way to cut lines into candidates, and what all ways share."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from vs_core.formats.items import is_filled
from vs_core.formats.markers import Marker

__all__ = ["MANY", "Cut", "aligned", "are_many", "cut_at", "paragraphs", "sampled"]

_T = TypeVar("_T")
MANY, SAMPLE = 100, 40
"""Candidates that are so many that a sample of them tells whether all are read."""


def are_many(size: int, k: int) -> bool:
    """Return whether candidates are so many that a sample is looked at before all are read."""
    return size >= MANY and size != k


def sampled(candidates: Sequence[_T]) -> list[_T]:
    """Return some of a great many: the first, in a row, others by chance, and the last.

    By chance, so that no period of the candidates is that of the sample; always the same ones.
    """
    row = SAMPLE // 2
    others = random.Random(0).sample(range(row, len(candidates) - 1), row)
    return [*candidates[:row], *(candidates[at] for at in sorted(others)), candidates[-1]]


class Cut(NamedTuple):
    """One way to cut lines into candidates.

    Args:
        name: Of the way.
        before: Number of lines before the first candidate.
        blocks: The lines of each candidate, its marker cut off.
        numbered: Whether the candidates are numbered, one after the other.
        tail: Number of lines behind the last candidate.
    """

    name: str
    before: int
    blocks: list[list[str]]
    numbered: bool = False
    tail: int = 0
    remarks: tuple[str, ...] = ()


def cut_at(name: str, lines: Sequence[str], marks: Sequence[tuple[int, Marker]]) -> Cut:
    """Return the candidates that begin at the marked lines."""
    edges = [*(at for at, _ in marks[1:]), len(lines)]
    blocks = [
        [lines[at][found.end :], *lines[at + 1 : edge]]
        for (at, found), edge in zip(marks, edges, strict=True)
    ]
    ordinals = [found.ordinal for _, found in marks]
    runs = all(b == a + 1 or b == 1 for a, b in itertools.pairwise(ordinals))
    width = marks[0][1].end - marks[0][1].indent
    return Cut(name, marks[0][0], aligned(blocks, width), bool(ordinals[0]) and runs)


def aligned(blocks: list[list[str]], width: int) -> list[list[str]]:
    """Blocks without the indentation that the list gives all their lines but the first."""
    indents = _indents(blocks[:-1]) or _indents(blocks)  # behind the last stands what follows
    least = min(indents, default=0)
    if not least:
        return blocks
    longer = [block for block in blocks if any(line.strip() for line in block[1:])]
    opens = all(block[0].rstrip().endswith((":", "{", "(")) for block in longer)
    if least + 1 in indents and least > 1:
        return blocks  # what is left would be odd: the texts have an indentation of their own
    if opens and longer and least != 4 and least - width in (2, 4):
        least = width  # of a program, indented as it is and as a whole
    elif not (least in (width, 2, 3) or (least in (width + 1, 4) and not opens)):
        return blocks
    return [
        [block[0], *(line[least:] if line[:least].isspace() else line for line in block[1:])]
        for block in blocks
    ]


def _indents(blocks: Sequence[Sequence[str]]) -> list[int]:
    return [
        len(line) - len(line.lstrip()) for block in blocks for line in block[1:] if line.strip()
    ]


def paragraphs(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Return beginning and end of each run of lines that are neither blank nor rules."""
    found: list[tuple[int, int]] = []
    begin = None
    for at, line in enumerate(lines):
        if is_filled(line):
            begin = at if begin is None else begin
        elif begin is not None:
            found.append((begin, at))
            begin = None
    if begin is not None:
        found.append((begin, len(lines)))
    return found
