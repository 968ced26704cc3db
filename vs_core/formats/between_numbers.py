"""Texts between lines that hold a probability alone, above or below them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from vs_core.formats.cutting import Cut, aligned, paragraphs
from vs_core.formats.numbers import LABELLED, PLAIN, number_in, number_line

__all__ = ["between_numbers"]


def between_numbers(lines: Sequence[str], k: int) -> Iterator[Cut]:
    """Yield the cuts at lines that hold a probability alone."""
    numbers = [at for at, line in enumerate(lines) if _stands_alone(line)]
    if not numbers:
        numbers = [at for at, line in enumerate(lines) if _is_bare(line)]
    if not numbers or (len(numbers) == 1 and k not in (0, 1)):
        return
    edges = [-1, *numbers, len(lines)]
    chunks = [(a + 1, b) for a, b in itertools.pairwise(edges)]
    filled = [any(lines[i].strip() for i in range(a, b)) for a, b in chunks]
    if all(filled[:-1]) and not filled[-1]:
        orders = ["above"]
    elif all(filled[1:]) and not filled[0]:
        orders = ["below"]
    elif all(filled):
        orders = _either_way(lines, numbers)
    elif all(filled[1:-1]):
        orders = ["above"] if filled[0] else ["below"]
    else:
        orders = ["above", "below"]
    for order in orders:
        if order == "below":
            before = numbers[0]
            blocks = [list(lines[at:b]) for at, (_, b) in zip(numbers, chunks[1:], strict=True)]
            blocks[-1], tail = _like_the_others(blocks)
            yield Cut("numbers above", before, aligned(blocks, 2), tail=tail)
        else:
            blocks = [
                list(lines[a : at + 1]) for at, (a, _) in zip(numbers, chunks[:-1], strict=True)
            ]
            begin = _after_the_introduction(blocks)
            blocks[0] = blocks[0][begin:]
            end = numbers[-1] + 1
            yield Cut("numbers below", begin, blocks, tail=len(lines) - end)


def _stands_alone(line: str) -> bool:
    found = number_line(line)
    return found is not None and (found.strength == LABELLED or found.enclosed)


def _is_bare(line: str) -> bool:
    """Whether a line holds an unlabelled number alone that may be a probability."""
    plain = line.strip(" \t*_`#>:–—-→↳➡⇒")
    if not plain or len(plain) > 16 or not (plain[0].isdigit() or plain[0] in "~≈.,"):
        return False
    if plain.isdigit():
        return False
    found = number_in(plain, PLAIN)
    return found is not None and found.strength == PLAIN


def _either_way(lines: Sequence[str], numbers: Sequence[int]) -> list[str]:
    """Which way texts and numbers belong together, from the blank lines between them."""
    above = sum(at > 0 and bool(lines[at - 1].strip()) for at in numbers)
    below = sum(at + 1 < len(lines) and bool(lines[at + 1].strip()) for at in numbers)
    if below > above:
        return ["below", "above"]
    if above > below:
        return ["above", "below"]
    opening = [line for line in lines[: numbers[0]] if line.strip()]
    introduces = opening[-1].rstrip().endswith((":", "：")) or opening[0].startswith("#")
    return ["below", "above"] if introduces and len(opening) < 3 else ["above", "below"]


def _after_the_introduction(blocks: Sequence[Sequence[str]]) -> int:
    """How many lines of the first block introduce the list: what the others have not."""
    first = paragraphs(blocks[0])
    usual = max((len(paragraphs(block)) for block in blocks[1:]), default=0)
    if not usual:
        if len(first) > 1 and _introduces(blocks[0][first[0][1] - 1]):
            return first[1][0]
        return _introduced(blocks)
    begin = first[len(first) - usual][0] if len(first) > usual else 0
    return begin + _introduced([blocks[0][begin:], *blocks[1:]])


def _introduced(blocks: Sequence[Sequence[str]]) -> int:
    """How many lines of the first block only introduce: those more than the others have."""
    filled = [at for at, line in enumerate(blocks[0]) if line.strip()]
    usual = max((_filled(block) for block in blocks[1:]), default=2)
    if len(filled) <= usual:
        return 0
    for at, following in reversed(list(itertools.pairwise(filled[: len(filled) - usual + 1]))):
        if _introduces(blocks[0][at]) and (
            not _indented([blocks[0][following]]) or _indented(*blocks[1:2])
        ):
            return at + 1
    return 0


def _indented(lines: Sequence[str] = ()) -> bool:
    """Whether the first line that is not blank begins with space."""
    return next((line for line in lines if line.strip()), "").startswith((" ", "\t"))


def _filled(block: Sequence[str]) -> int:
    return sum(bool(line.strip()) for line in block)


def _introduces(line: str) -> bool:
    plain = line.strip().rstrip("*_")
    return plain.endswith((":", "：")) or plain.startswith("#")


def _like_the_others(blocks: Sequence[list[str]]) -> tuple[list[str], int]:
    """The last block without the paragraphs that the others have not, and how many lines went."""
    last = blocks[-1]
    found = paragraphs(last)
    if len(found) < 2:
        return last, 0
    usual = max((len(paragraphs(block)) for block in blocks[:-1]), default=0)
    if usual and len(found) > usual:
        end = found[usual - 1][1]
        return last[:end], len(last) - end
    return last, 0
