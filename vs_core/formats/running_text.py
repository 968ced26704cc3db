"""Candidates in running text: every way to cut it is weighed, the one with most evidence read."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache

from vs_core.display import shorten
from vs_core.formats.alike import read_alike, shared_beginning
from vs_core.formats.base import CUT_OFF, Entry, Reading, Shape
from vs_core.formats.common import CALLED, without_common_marks
from vs_core.formats.cutting import Cut, are_many, paragraphs, sampled
from vs_core.formats.inline import inline
from vs_core.formats.items import ListItem, cleaned_alike, is_total, read_item
from vs_core.formats.lists import cuts, exceed_one
from vs_core.formats.markers import marker
from vs_core.formats.numbers import BARE, LABELLED, PLAIN, SHORT, number_line, trailing
from vs_core.formats.said import said
from vs_core.formats.tables import Table, tables
from vs_core.probabilities import depends_on_others, read_probabilities
from vs_core.words import PROBABILITY, TOTAL, WEAK, kind_of

__all__ = ["read_text", "sums_to_one"]


@dataclass
class _Proposal:
    """One way to read a text, and what speaks for it."""

    name: str
    items: list[ListItem]
    before: Sequence[str]
    remarks: tuple[str, ...] = ()
    sure: bool = True
    score: float = 0.0
    interrupted: bool = False

    @property
    def complete(self) -> bool:
        return all(item.number is not None and item.text for item in self.items)


def read_text(text: str, shape: Shape) -> Reading | None:
    """Return the candidates in running text; None if it holds none."""
    best: _Proposal | None = None
    for lines, code in _bodies(text.replace("\r\n", "\n").split("\n")):
        found = _read_lines(lines, shape, code=code)
        if found is not None and (best is None or found.score > best.score + 1e-9):
            best = found
        if best is not None and best.complete and best.sure and not best.remarks:
            break
    if best is None:
        return None
    reasoning = _reasoning("\n".join(best.before))
    entries = [_entry(item) for item in best.items]
    if _is_torn(best.items[-1], text):
        entries[-1] = entries[-1]._replace(repairs=(*entries[-1].repairs, CUT_OFF))
    remarks = best.remarks
    if any(item.total for item in best.items):
        remarks = (*remarks, "total left out")
    if not shape.part:
        remarks = (*remarks, *_doubts(best.items, shape))
    return Reading(entries, reasoning, remarks, best.sure)


def _doubts(items: Sequence[ListItem], shape: Shape) -> Iterator[str]:
    """What speaks against the places where candidates were taken to begin and to end."""
    count = len(items)
    if shape.k and count != shape.k:
        yield f"{count} candidates read where {shape.k} were asked for"
    missing = sum(item.number is None for item in items)
    if shape.definition and 0 < missing < count:
        yield f"{missing} of {count} candidates without a probability"
    texts = [item.text for item in items]
    empty = sum(not text for text in texts)
    if empty:
        yield f"{empty} of {count} candidates without a text"
    if count > 1 and all("\n" in text for text in texts):
        if len({_DIGITS.sub("", text.partition("\n")[0]) for text in texts}) == 1:
            yield "all texts begin with the same line"
        if len({_DIGITS.sub("", text.rpartition("\n")[2]) for text in texts}) == 1:
            yield "all texts end in the same line"
    if count > 2 and all(texts):
        begin = _BEGINNING.match(shared_beginning(texts))
        if begin is not None:
            yield f"all texts begin with {shorten(begin[0], 40)!r}"
        end = _BEGINNING.match(shared_beginning([text[:-SHORT:-1] for text in texts]))
        if end is not None:
            yield f"all texts end in {shorten(end[0][::-1], 40)!r}"


_DIGITS = re.compile(r"\d+")
_BEGINNING = re.compile(r".*[\[\](){}<>:|=“\"»•#\u2600-\u27bf\U0001f000-\U0001faff]", re.DOTALL)
"""What all texts of a list share, as far as it is rather the list's: up to a sign of structure."""


_OPEN = re.compile(r"[(\[（【][^()\[\]（）【】\n]{1,60}\s*\Z")


def _is_torn(last: ListItem, text: str) -> bool:
    """Whether a text ends in the brackets of its last number, which may have had more digits."""
    unclosed = last.number is not None and last.way == "end" and not last.enclosed
    return unclosed and _OPEN.search(text[-SHORT:]) is not None


def _entry(item: ListItem) -> Entry:
    repairs: tuple[str, ...] = ()
    if item.leftover:
        repairs = (f"left out behind it: {shorten(item.leftover, 60)!r}",)
    return Entry(item.text, item.number, None, repairs, item.notes)


_REASONING = re.compile(
    r"[*_`#>~\s]*(?:reasoning|thoughts?|analysis|thinking)[*_]*\s*[:：][*_]*", re.I
)


def _reasoning(before: str) -> str | None:
    before = before.strip()
    label = _REASONING.match(before[:SHORT])
    return before[label.end() :].strip() or None if label else None


# --- what is read --------------------------------------------------------------------------------

_FENCE = re.compile(r"(?P<indent>[ \t]{0,3})(?:```+|~~~+)\s*(?P<language>[\w+#.-]*)[^`\n]{0,40}\Z")


def _bodies(lines: list[str]) -> Iterator[tuple[list[str], bool]]:
    """Yield the lines to read, most likely first, and whether they are a program's."""
    edges = [at for at, line in enumerate(lines) if _fence(line) is not None]
    if not edges:
        yield _unquoted(lines), False
        return
    inside: list[str] = []
    outside = lines[: edges[0]]
    for number, (at, end) in enumerate(zip(edges, [*edges[1:], len(lines)], strict=True)):
        if number % 2:
            outside += lines[at + 1 : end]
        else:
            inside += ([""] if inside else []) + lines[at + 1 : end]
    code = any(_fence(lines[at]) in _PROGRAMS for at in edges[::2])
    if any(map(_speaks, outside)):
        yield lines, code
        yield _unquoted(inside), code
    else:
        yield _unquoted(inside), code
        del inside
        if any(map(str.strip, outside)):
            yield lines, code


def _fence(line: str) -> str | None:
    """The language of a fence, lower case; None if the line is none."""
    if "```" not in line and "~~~" not in line:
        return None
    match = _FENCE.match(line[:SHORT])
    return None if match is None else match["language"].lower()


_PROGRAMS = frozenset(
    ("python", "py", "js", "javascript", "ts", "typescript", "java", "c", "cpp", "c++", "go",
     "rust", "diff", "bash", "sh", "ini", "sql", "r", "julia", "css", "html", "svg", "dockerfile")
)  # fmt: skip


def _speaks(line: str) -> bool:
    """Whether a line outside of a fence is part of the candidates."""
    if not line.strip():
        return False
    return marker(line) is not None or number_line(line) is not None


def _unquoted(lines: list[str]) -> list[str]:
    """Lines without the marks of a quotation, where all candidates stand in one."""
    quoted = [line for line in lines if line.startswith(">")]
    if len(quoted) < 2:
        return lines
    others = [line for line in lines if not line.startswith(">") and line.strip()]
    if len(others) > len(quoted) or any(_speaks(line) for line in others):
        return lines
    return [line[1:].removeprefix(" ") if line.startswith(">") else line for line in lines]


def _read_lines(lines: list[str], shape: Shape, *, code: bool) -> _Proposal | None:
    best: _Proposal | None = None
    for found in _proposals(lines, shape, code=code):
        if not _is_judged(found, shape, len(lines), code=code):
            continue
        if _is_clear(found, shape):
            return found
        if best is None or found.score > best.score + 1e-9:
            best = found
    return best


def _is_judged(found: _Proposal, shape: Shape, size: int, *, code: bool) -> bool:
    """Settle and weigh a reading; whether it holds candidates at all."""
    if not found.items:
        return False
    _clean(found.items)
    _settle(found, shape, code=code)
    if shape.definition and all(item.number is None for item in found.items):
        return False
    _weigh(found, shape, size)
    return True


def _proposals(lines: list[str], shape: Shape, *, code: bool) -> Iterator[_Proposal]:
    yield from _of_tables(list(tables(lines)), lines, shape)
    single = len([line for line in lines if line.strip()]) <= 6
    if single:
        for at, line in enumerate(lines):
            pairs = inline(line)
            if pairs:
                items = [
                    ListItem(
                        text.strip(),
                        found.number,
                        found.strength,
                        found.label,
                        way="end",
                        enclosed=found.enclosed,
                    )
                    for text, found in pairs
                ]
                yield _Proposal("inline", items, lines[:at])
    at, quoted = said(lines)
    if quoted:
        items = [
            ListItem(text, n.number, LABELLED, "probability", way="within") for text, n in quoted
        ]
        yield _Proposal("sentences", items, lines[:at])
    yield from _of_cuts(lines, shape, code=code)


def _of_cuts(lines: list[str], shape: Shape, *, code: bool) -> Iterator[_Proposal]:
    """The ways to cut the lines; of those with very many candidates, the best by a sample."""
    best: _Proposal | None = None
    whole: Cut | None = None
    unknown = replace(shape, k=0)
    for cut in cuts(lines, shape.k, any_sum=shape.asked):
        if not are_many(len(cut.blocks), shape.k):
            yield _of_cut(cut, lines)
            continue
        found = _of_cut(cut._replace(blocks=sampled(cut.blocks)), lines)
        if not _is_judged(found, unknown, len(lines), code=code):
            found.score = -math.inf  # their numbers may mean something together
        elif not shape.asked and _exceed_one(found):
            continue
        if _is_clear(found, unknown):
            yield _of_cut(cut, lines)
        elif best is None or found.score > best.score + 1e-9:
            best, whole = found, cut
    if whole is not None:
        yield _of_cut(whole, lines)


def _exceed_one(sample: _Proposal) -> bool:
    """Whether some candidates show that the numbers of all are no probabilities."""
    if any(item.number is None or item.strength != PLAIN for item in sample.items):
        return False
    return exceed_one([item.number for item in sample.items])


def _of_tables(found: Sequence[Table], lines: Sequence[str], shape: Shape) -> Iterator[_Proposal]:
    """The tables of a text: together if they are alike, then each."""
    alike = [table for table in found if table.sure and table.head == found[0].head]
    if len(alike) > 1:
        parts = [_of_table(table, lines) for table in alike]
        joined = _Proposal(
            "table", [item for part in parts for item in part.items], parts[0].before
        )
        joined.remarks = ("sections joined",)
        joined.interrupted = _interrupts(
            [line for a, b in itertools.pairwise(alike) for line in lines[a.end : b.before]]
        )
        yield joined
    for table in found:
        many = are_many(len(table.rows), shape.k) and not shape.asked
        sample = table._replace(rows=sampled(table.rows)) if many else None
        if sample is None or not _exceed_one(_of_table(sample, lines)):
            yield _of_table(table, lines)


def _interrupts(outside: Sequence[str]) -> bool:
    """Whether lines that a reading leaves out hold probabilities of their own."""
    for line in outside:
        number = number_line(line)
        if number is not None and (PROBABILITY in kind_of(number.label) or number.enclosed):
            return True
        mark = marker(line)
        if mark is not None and mark.ordinal:
            return True
    return False


def _of_table(table: Table, lines: Sequence[str]) -> _Proposal:
    items = [
        ListItem(
            row.text, row.number, LABELLED if table.sure else PLAIN, notes=row.notes, way="table"
        )
        for row in table.rows
    ]
    remarks = ("total left out",) if table.total else ()
    outside = [*lines[: table.before], *lines[table.end :]]
    return _Proposal(
        "table", items, lines[: table.before], remarks, interrupted=_interrupts(outside)
    )


def _of_cut(cut: Cut, lines: Sequence[str]) -> _Proposal:
    blocks = cut.blocks
    remarks = list(cut.remarks)
    at_end = cache(lambda: _all_end_in_numbers(blocks))
    items = [read_item(block, at_end=at_end) for block in blocks[:-1]]
    items.append(_last_item(blocks, at_end=at_end))
    read_alike(items, blocks)
    remark = _part_from_what_follows(items, blocks[-1])
    if remark:
        remarks.append(remark)
    for item in items[:-1]:
        if item.leftover and _is_section(item.leftover):
            remarks.append(f"sections joined: {shorten(item.leftover, 40)!r}")
            item.leftover = ""
    found = _Proposal(cut.name, items, lines[: cut.before], tuple(dict.fromkeys(remarks)))
    # An item that was cut off before its number would leave the others as lines, marks and all.
    found.interrupted = cut.name == "lines" and _interrupts(lines[len(lines) - cut.tail :])
    return found


def _clean(items: Sequence[ListItem]) -> None:
    """Take from the texts what all have as the structure's: a label, quotes, a heading's mark."""
    texts = [item.text for item in items]
    if len(items) > 1 and all(texts):
        if all(map(_HEAD_MARK.match, texts)):
            texts = [_HEAD_MARK.sub("", text, count=1) for text in texts]
        if all(text[-1] in ":：" and "\n" not in text for text in texts):
            texts = [text[:-1] for text in texts]
    if len(items) > 1 and all(len(text) < 400 and CALLED.match(text) for text in texts):
        for item in items:
            item.strength, item.label = LABELLED, "probability"
    words = any(item.number and not (item.enclosed and item.label) for item in items)
    texts = without_common_marks(cleaned_alike(texts), words=words)
    for item, text in zip(items, texts, strict=True):
        item.text = text


_HEAD_MARK = re.compile(r"#{1,6} ")
_HEADING = re.compile(r"\s*(?:#{1,6}\s|\*\*[^*\n]{1,80}\*\*:?\s*\Z|[^\n]{1,80}[:：]\s*\Z)")


def _is_section(leftover: str) -> bool:
    """Whether what stands between two candidates is the heading of the next ones."""
    return "\n" not in leftover and len(leftover) < SHORT and _HEADING.match(leftover) is not None


def _all_end_in_numbers(blocks: Sequence[Sequence[str]]) -> bool:
    """Whether there are several candidates, of several lines, and all but the last end in one."""
    several = any(len(block) > 1 and any(map(str.strip, block[1:])) for block in blocks)
    return len(blocks) > 1 and several and all(map(_ends_in_number, blocks[:-1]))


def _ends_in_number(block: Sequence[str]) -> bool:
    line = next((line for line in reversed(block) if line.strip()), "")
    return trailing(line) is not None


def _last_item(blocks: Sequence[Sequence[str]], *, at_end: Callable[[], bool]) -> ListItem:
    """Read the last candidate: not what the answer says after all of them, which others lack."""
    block = blocks[-1]
    found = paragraphs(block)
    usual = len(found)
    if usual > 1:
        usual = max((len(paragraphs(other)) for other in blocks[:-1]), default=1)
    if len(found) > usual:
        item = read_item(block[: found[usual - 1][1]], at_end=at_end)
        if item.number is not None and item.text:
            return item
    item = read_item(block, at_end=at_end)
    if item.number is None and "\n" in item.text:  # what follows may stand close to it
        ends = (at for at, line in enumerate(block) if trailing(line) is not None)
        end = next(ends, None)
        if end is not None and end + 1 < len(block):
            shorter = read_item(block[: end + 1])
            item = shorter if shorter.number is not None else item
    return item


def _part_from_what_follows(items: Sequence[ListItem], block: Sequence[str]) -> str:
    """Take from the last candidate what the answer says after all; return a remark or nothing."""
    last = items[-1]
    if last.leftover and not any(item.leftover for item in items[:-1]):
        last.leftover = ""
    found = paragraphs(block)
    behind = [line for line in block[found[-1][0] :] if line.strip()] if found else []
    first = next((line for line in block if line.strip()), "")
    early = last.way == "begin" or (last.way == "line" and number_line(first) is not None)
    ending = last.text.rpartition("\n")[2]
    if early and behind and ending not in behind[-1]:
        return f"left out at the end: {shorten(' '.join(behind), 60)!r}"
    return ""


# --- what is a probability -----------------------------------------------------------------------


def _settle(reading: _Proposal, shape: Shape, *, code: bool) -> None:
    """Decide which numbers are probabilities, from all of them together."""
    items = reading.items
    _drop_total(reading)
    items = reading.items
    numbers = [item.number for item in items]
    known = shape.k > 0 and len(items) == shape.k
    given = [item for item in items if item.number is not None]
    if any(item.strength == BARE for item in given) and not sums_to_one(numbers):
        for item in items:
            if item.strength == BARE:
                item.number, item.strength = None, 0
        given = [item for item in items if item.number is not None]
    labels = {item.label for item in items} - {""}
    labelled = [item for item in given if item.strength == LABELLED and _is_probable(item, labels)]
    if len(labelled) == len(given) and given:
        reading.sure = len(items) > 1 or _single(items[0], reading, shape)
        return
    total = _sum([number for number in numbers if number is not None])
    whole = len(numbers) > 1 and None not in numbers and _is_one(total)
    enclosed = reading.name not in ("lines", "paragraphs", "inline") or all(
        item.way in ("line", "begin", "table") for item in given
    )
    if len(items) == 1:
        numbered = reading.name not in ("lines", "paragraphs", "inline", "headings", "table")
        alone = known or (numbered and _bracketed(given) and not shape.part)
        reading.sure = alone and _at_most_one(numbers, total)
    elif code and reading.name in ("lines", "paragraphs"):
        reading.sure = False
    elif reading.name in ("lines", "paragraphs", "table") and not (
        labelled and len(labelled) * 2 > len(given)
    ):
        reading.sure = known or whole or (_bracketed(given) and _at_most_one(numbers, total))
    else:
        named = all(item.enclosed or item.way in ("end", "within") for item in given) or (
            reading.name != "headings" and all(item.way == "begin" for item in given)
        )
        most = len(given) >= max(2, len(items) - 1)
        reading.sure = (
            known or whole or (most and enclosed and named and _at_most_one(numbers, total))
        )


def _bracketed(items: Sequence[ListItem]) -> bool:
    return all(item.way in ("end", "begin") and item.enclosed for item in items)


def _single(item: ListItem, reading: _Proposal, shape: Shape) -> bool:
    """Whether one candidate alone is a distribution: marked or labelled as one."""
    if shape.k == 1:
        return True
    if PROBABILITY not in kind_of(item.label):
        return False
    return item.way in ("line", "table") or reading.name not in ("lines", "paragraphs", "inline")


def _is_probable(item: ListItem, labels: Set[str]) -> bool:
    """Whether an item's label says that its number is a probability, or it is the only one."""
    kinds = kind_of(item.label)
    if PROBABILITY in kinds or WEAK not in kinds:
        return True
    return labels <= {item.label}


def _drop_total(reading: _Proposal) -> None:
    """Leave out a last item that gives the sum."""
    last = reading.items[-1]
    if len(reading.items) > 2 and len(last.text) < 40 and TOTAL in kind_of(last.text):
        reading.items.pop()
        reading.remarks = (*reading.remarks, "total left out")


def sums_to_one(numbers: Sequence[object]) -> bool:
    """Whether numbers, as they are written, sum to about 1 or to about 100 percent."""
    if len(numbers) < 2 or any(number is None for number in numbers):
        return False
    return _is_one(_sum(numbers))


def _is_one(total: float) -> bool:
    return 0.94 <= total <= 1.06


def _sum(numbers: Sequence[object]) -> float:
    readings = read_probabilities(numbers)
    if any(value is None or (repair or "").startswith("divided") for value, repair in readings):
        return -1.0
    return sum(value for value, _ in readings if value is not None)


def _at_most_one(numbers: Sequence[object], total: float) -> bool:
    """Whether numbers of that sum are no more than one, as they stand and not as percentages."""
    return 0 <= total <= 1.15 and not any(map(depends_on_others, numbers))


# --- weighing ------------------------------------------------------------------------------------


def _weigh(reading: _Proposal, shape: Shape, size: int) -> None:
    """Sum up the evidence for a reading."""
    items = reading.items
    count = len(items)
    numbers = sum(item.number is not None for item in items)
    texts = sum(bool(item.text) for item in items)
    left = sum(bool(item.leftover) for item in items)
    ways = Counter(item.way for item in items if item.number is not None)
    usual = max(ways.values(), default=0)
    score = 3.0 * (numbers / count if shape.definition else 1.0)
    score += 2.0 if shape.k and count == shape.k else 0.0
    score -= 3.0 * (count - texts) / count
    score -= 1.0 * left / count
    score += 0.5 * usual / count
    score += 0.1 * min(numbers, 10)
    score += 0.5 if reading.sure else -2.0
    score += 0.3 if reading.name not in ("lines", "paragraphs", "inline") else 0.0
    score -= (
        0.0 if _introduces(reading.before) else 0.3 * min(1.0, len(reading.before) / max(1, size))
    )
    score -= 0.3 * (count > 1 and _is_introduction(items))
    reading.score = score - (3.0 if reading.interrupted else 0.0)


def _introduces(before: Sequence[str]) -> bool:
    """Whether what stands before the candidates is one line that says that they follow."""
    filled = [line for line in before if line.strip()]
    return len(filled) == 1 and filled[0].rstrip(" *_").endswith((":", "："))


def _is_introduction(items: Sequence[ListItem]) -> bool:
    """Whether the first text alone is a line that says what follows."""
    ends = [item.text.rstrip(" *_")[-1:] in (":", "：") for item in items if item.text]
    return ends[:1] == [True] and not any(ends[1:])


def _is_clear(reading: _Proposal, shape: Shape) -> bool:
    """Whether nothing speaks against a reading, so that no other need be tried."""
    items = reading.items
    if not shape.definition and reading.name[:1] in "l1(#-*•" and all(item.text for item in items):
        return True
    if len(items) < 2 or not reading.sure or not reading.complete or reading.interrupted:
        return False
    if shape.k and len(items) != shape.k:
        return False
    if any(item.leftover or item.strength == BARE for item in items):
        return False
    return not any(is_total(line) for line in reading.before)
