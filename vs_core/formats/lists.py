"""Lists, headings, lines and paragraphs: where in running text each candidate begins.

`cuts` gives the ways to cut the lines in the order of how much they claim, and whoever calls it
weighs them by what comes out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

from vs_core.formats.between_numbers import between_numbers
from vs_core.formats.common import CALLED
from vs_core.formats.cutting import Cut, are_many, cut_at, paragraphs, sampled
from vs_core.formats.items import is_filled, is_total, unquoted
from vs_core.formats.markers import Marker, marker
from vs_core.formats.numbers import (
    BARE,
    PLAIN,
    SHORT,
    Found,
    leading,
    number_in,
    number_line,
    trailing,
)
from vs_core.formats.records import records
from vs_core.probabilities import alone
from vs_core.words import PROBABILITY, WEAK, kind_of

__all__ = ["cuts", "exceed_one"]

_HEADING = re.compile(r"(?P<indent>)#{1,6}\s+")


def exceed_one(numbers: Iterable[str | None]) -> bool:
    """Return whether numbers without a label sum to so much that no distribution has them.

    Others can only add to it.
    """
    return sum(alone(number) or 0.0 for number in numbers) > 2


def cuts(lines: Sequence[str], k: int, *, any_sum: bool = False) -> Iterator[Cut]:
    """Yield the ways to cut ``lines``, those that claim most first.

    Args:
        lines: Of the answer.
        k: Number of candidates that were asked for; 0 where that is not known.
        any_sum: Whether a great many numbers that sum to far more than one are wanted too.
    """
    marks = [(at, found) for at, line in enumerate(lines) if (found := marker(line)) is not None]
    groups: dict[str, list[tuple[int, Marker]]] = {}
    for at, found in marks:
        groups.setdefault(found.style, []).append((at, found))
    order = sorted(groups, key=lambda style: (_rank(style), groups[style][0][0]))
    numbers: set[int] | None = None
    keyed = False
    for style in order:
        group = groups[style]
        if not group[0][1].ordinal:
            if numbers is None:
                numbers = _number_lines(lines, marks)
            group = [(at, m) for at, m in group if at not in numbers]
            if not group:
                continue
            if not keyed:
                keyed = True
                yield from records(lines)
        least = min(found.indent for _, found in group)
        outer = [(at, m) for at, m in group if m.indent <= least + 1]
        if style.startswith(("a", "(a", "[a", "（a")) and not _alphabetical(outer):
            continue
        yield from _at_marks(style, lines, outer)
    if not keyed:
        yield from records(lines)
    yield from _columns(lines, marks)
    yield from between_numbers(lines, k)
    yield from _headed(lines)
    held = cache(lambda at: _held(lines[at]))
    filled = [at for at, line in enumerate(lines) if is_filled(line)]
    if any_sum or not are_many(len(filled), k) or not _each_exceeds_one(lines, sampled(filled)):
        yield from _each_line(lines, filled, held)
    yield from _each_paragraph(lines, held)


def _at_marks(
    style: str, lines: Sequence[str], outer: Sequence[tuple[int, Marker]]
) -> Iterator[Cut]:
    """The cuts at marks of one style: also with those that are missing, or those that count on."""
    whole = _with_unmarked(lines, outer)
    if whole:
        yield cut_at(style, lines, whole)._replace(remarks=(UNMARKED,))
    yield cut_at(style, lines, outer)
    numbered = _running(outer) if outer[0][1].ordinal else outer
    passed = {at for at, _ in outer} - {at for at, _ in numbered}
    if passed and not any(_held(lines[at]) == _PROBABILITY for at in passed):
        yield cut_at(style, lines, numbered)


_ONE = ("y", "b", "d")
"""How the name of one probability ends, and not of several."""
UNMARKED = "a missing mark of a list added"


def _with_unmarked(
    lines: Sequence[str], marks: Sequence[tuple[int, Marker]]
) -> list[tuple[int, Marker]]:
    """The marks of a list with those of its lines that lack one; nothing if none does.

    All lines must end in a probability with the same label, and what is numbered must be so by
    its place.
    """
    marked = dict(marks)
    first, last = marks[0][0], marks[-1][0]
    places = range(max(0, first - 1), min(len(lines), last + 2))
    filled = [at for at in places if lines[at].strip()]
    lost = len(filled) - len(marked)
    if not 0 < lost <= max(1, len(marked) // 2) or len(filled) < 2:
        return []
    ends = [trailing(lines[at]) for at in filled]
    labels = {end.label if end is not None and end.start else "" for end in ends}
    if len(labels) > 1 or not kind_of(labels.pop()) & {PROBABILITY, WEAK}:
        return []
    style = marks[0][1].style
    whole = [(at, marked.get(at, Marker(style, 0, 0, 0))) for at in filled]
    if any(m.ordinal not in (0, place) for place, (_, m) in enumerate(whole, 1)):
        return []
    return whole if not any(is_total(lines[at]) for at in filled if at not in marked) else []


_BETWEEN = re.compile(r"[\s,;|]+")
"""What stands between the numbers of one line."""


def _columns(lines: Sequence[str], marks: Sequence[tuple[int, Marker]]) -> Iterator[Cut]:
    """Texts in one list and their probabilities in another, in the same order."""
    heads = [at for at, line in enumerate(lines) if _names_numbers(line)] if marks else []
    if len(heads) != 1:
        return
    head = heads[0]
    said = _BETWEEN.split(lines[head].partition(":")[2].strip(" *_[]()"))
    numbers = [(head, number) for number in said if number]
    if not numbers:
        for at in range(head + 1, len(lines)):
            mark = marker(lines[at])
            found = number_in(lines[at][mark.end if mark else 0 :].strip())
            if found is not None and not found.label:
                numbers.append((at, found.number))
            elif lines[at].strip():
                break
    taken = {head, *(at for at, _ in numbers)}
    texts = [(at, mark) for at, mark in marks if at not in taken]
    alike = len({mark.style for _, mark in texts}) == 1
    if not alike or len(numbers) < 2 or len(texts) != len(numbers):
        return
    if any(number_in(n) is None for _, n in numbers) or texts[0][0] < head < texts[-1][0]:
        return
    between = lines[texts[0][0] : head] if texts[0][0] < head else lines[texts[0][0] :]
    if sum(bool(line.strip()) for line in between) > len(texts):
        return  # of several lines
    plain = unquoted if lines[head].islower() else str
    blocks = [
        [plain(lines[at][mark.end :]), f"Probability: {number}"]
        for (at, mark), (_, number) in zip(texts, numbers, strict=True)
    ]
    yield Cut("columns", min(texts[0][0], head), blocks)


def _names_numbers(line: str) -> bool:
    """Whether a line is the heading of probabilities, or holds several behind their name."""
    if len(line) > SHORT or not line.strip():
        return False
    name = line.partition(":")[0].strip(" #*_-")
    return PROBABILITY in kind_of(name) and not name.lower().endswith(_ONE)


def _number_lines(lines: Sequence[str], marks: Sequence[tuple[int, Marker]]) -> set[int]:
    """The marked lines that hold a probability alone; ``Chance: 0.2`` alone may be a candidate."""
    found = [(at, number_line(lines[at][mark.end :])) for at, mark in marks]
    labels = Counter(number.label for _, number in found if number is not None)
    return {
        at
        for at, number in found
        if number is not None
        and (not number.label or PROBABILITY in kind_of(number.label) or labels[number.label] > 1)
    }


def _rank(style: str) -> int:
    if style == "label":
        return 0
    if style.startswith("#1"):
        return 1
    if "1" in style or style == "circled":
        return 2
    return 3 if "a" in style else 4


_AS_ROMAN = {9: 1, 22: 5, 24: 10}
"""Places in the alphabet of the letters that are Roman numerals, and those numerals."""


def _alphabetical(group: Sequence[tuple[int, Marker]]) -> bool:
    ordinals = [found.ordinal for _, found in group]
    if ordinals[0] == 9:  # i, ii, iii
        ordinals = [_AS_ROMAN.get(ordinal, ordinal) for ordinal in ordinals]
    return len(ordinals) > 1 and ordinals[0] == 1 and ordinals == list(range(1, len(ordinals) + 1))


def _running(group: Sequence[tuple[int, Marker]]) -> list[tuple[int, Marker]]:
    """The markers that count on from the first, or from one again."""
    kept = [group[0]]
    for at, found in group[1:]:
        if found.ordinal == kept[-1][1].ordinal + 1:
            kept.append((at, found))
    return kept


def _headed(lines: Sequence[str]) -> Iterator[Cut]:
    """Candidates under headings of any name: ``## Paris``, ``**Paris**``, each with a number."""
    heads = [at for at, line in enumerate(lines) if _HEADING.match(line[:SHORT])]
    if len(heads) > 1:
        levels = Counter(len(lines[at]) - len(lines[at].lstrip("#")) for at in heads)
        for level in sorted(levels, reverse=True):
            marks = [
                (at, Marker("heading", 0, level, 0))
                for at in heads
                if len(lines[at]) - len(lines[at].lstrip("#")) == level
            ]
            if len(marks) > 1:
                yield cut_at("headings", lines, marks)


_NOTHING, _NUMBER, _PROBABILITY = range(3)


def _held(line: str) -> int:
    """What a line holds beside a text: a probability, a number that may be one, or nothing."""
    final = trailing(line)
    if final is not None and final.strength > BARE and final.start > 0:
        return _PROBABILITY
    begin = leading(line)
    if begin is not None and begin.end >= len(line.rstrip()):
        begin = None
    if begin is not None and begin.strength > BARE and (final is None or final.strength == BARE):
        return _PROBABILITY
    return _NUMBER if begin is not None or (final is not None and final.start > 0) else _NOTHING


def _each_exceeds_one(lines: Sequence[str], sample: Sequence[int]) -> bool:
    """Whether some of very many lines all hold numbers that can be no probabilities."""
    found = [(lines[at], trailing(lines[at])) for at in sample]
    plain = [end for line, end in found if end and end.strength == PLAIN and _is_text(line, end)]
    return len(plain) == len(sample) and exceed_one([end.number for end in plain])


def _is_text(line: str, end: Found) -> bool:
    """Whether what stands before a number is a text, and none that says what the number is."""
    return end.start > 0 and CALLED.match(line[: end.start].strip()) is None


def _each_line(
    lines: Sequence[str], filled: Sequence[int], held: Callable[[int], int]
) -> Iterator[Cut]:
    """Lines that all hold a text and its probability."""
    hits = [at for at in filled if held(at) == _PROBABILITY]
    if len(hits) < 2:
        hits = [at for at in filled if held(at)]
        if len(hits) < 2:
            return
    inner = [at for at in filled if hits[0] <= at <= hits[-1]]
    missing = len(inner) - len(hits)
    if missing > len(hits) // 3:
        return
    blocks = [[lines[at]] for at in inner]
    yield Cut("lines", hits[0], blocks, tail=len(lines) - hits[-1] - 1)


def _each_paragraph(lines: Sequence[str], held: Callable[[int], int]) -> Iterator[Cut]:
    """Paragraphs that each hold a text and its probability."""
    found = paragraphs(lines)
    if len(found) < 2 or all(b - a == 1 for a, b in found):
        return
    hits = [at for at, (a, b) in enumerate(found) if _PROBABILITY in (held(b - 1), held(a))]
    if len(hits) < 2 or hits[-1] - hits[0] + 1 - len(hits) > len(hits) // 3:
        return
    inner = found[hits[0] : hits[-1] + 1]
    if all(b - a == 1 for a, b in inner):
        return
    yield Cut(
        "paragraphs",
        inner[0][0],
        [list(lines[a:b]) for a, b in inner],
        tail=len(lines) - inner[-1][1],
    )
