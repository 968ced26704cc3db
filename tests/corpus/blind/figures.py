"""Counts how the answers of the corpus are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isclose

from vs_core import ParseError, StreamParser, parse

from .kinds import Case, Item, Truth


@dataclass(frozen=True)
class Read:
    """What a reader made of an answer: None where it refused."""

    items: Truth | None
    repaired: bool = False


Reader = Callable[[str, int], Read]


def vs_core(answer: str, k: int) -> Read:
    try:
        found = parse(answer, k=k)
    except ParseError:
        return Read(None)
    repaired = bool(found.repairs) or any(candidate.repairs for candidate in found)
    return Read(tuple(Item(c.text, c.probability) for c in found), repaired)


def same(read: Item, true: Item) -> bool:
    if read.text.strip() != true.text.strip():
        return False
    if read.p is None or true.p is None:
        return read.p is true.p
    return isclose(read.p, true.p, rel_tol=1e-6, abs_tol=1e-12)


def is_exact(items: Sequence[Item], truths: Iterable[Truth]) -> bool:
    return any(len(items) == len(truth) and all(map(same, items, truth)) for truth in truths)


def verdict(case: Case, read: Read) -> str:
    """``exact``, ``wrong`` (nothing on record), ``repaired`` (wrong, on record) or ``refused``."""
    if read.items is None:
        return "refused"
    if is_exact(read.items, case.truths):
        return "exact"
    return "repaired" if read.repaired else "wrong"


def is_consistent(answer: str, k: int) -> bool:
    """Whether streams of 1, 7 and all characters agree with `parse` and take nothing back."""
    whole = vs_core(answer, k).items
    return all(streams_alike(answer, k, size or 1, whole) for size in (1, 7, len(answer)))


def streams_alike(answer: str, k: int, size: int, whole: Truth | None) -> bool:
    """Whether a stream ends with ``whole`` and gave early only texts of it, in order."""
    stream = StreamParser(k=k)
    early: list[str] = []
    for at in range(0, len(answer), size):
        early += [candidate.text for candidate in stream.feed(answer[at : at + size])]
    try:
        closed = tuple(Item(c.text, c.probability) for c in stream.close())
    except ParseError:
        return whole is None and not early
    if closed != whole:
        return False
    rest = iter(item.text for item in closed)
    return all(text in rest for text in early)


def by_group(cases: Iterable[Case], reader: Reader) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {}
    for case in cases:
        group = counts.setdefault(case.group, Counter())
        group["n"] += 1
        group[verdict(case, reader(case.answer, case.k))] += 1
    return counts
