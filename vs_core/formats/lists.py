"""Lists, labelled blocks and paragraphs: where in running text each candidate begins.

Each function proposes one way to cut the lines; `readings` gives them in the order of how much they
claim, and whoever calls it weighs them by what comes out.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from vs_core.formats.items import is_rule
from vs_core.formats.numbers import (
    BARE,
    KEPT,
    LABELLED,
    PLAIN,
    SHORT,
    Found,
    leading,
    number_in,
    number_line,
    trailing,
)
from vs_core.words import (
    CANDIDATE,
    FINAL,
    LIST,
    META,
    PROBABILITY,
    REASONING,
    TEXT,
    WEAK,
    kind_of,
)

__all__ = ["Cut", "Marker", "cuts", "inline", "marker", "paragraphs"]


class Marker(NamedTuple):
    """What a candidate begins with.

    Args:
        style: Such as ``"label"``, ``"1."``, ``"a)"`` or ``"-"``.
        ordinal: Its number, from 1; 0 for bullets.
        end: Where in the line the candidate begins.
        indent: Width of the space in front.
    """

    style: str
    ordinal: int
    end: int
    indent: int


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


_PRE = r"(?P<indent>[ \t]{0,12})(?P<decor>#{1,6}[ \t]+|(?:[*_`]{1,3}(?!\s)))?"
_NUMERIC = re.compile(
    rf"{_PRE}(?P<open>[(\[（【]|[#№]\s?)?(?P<ord>\d{{1,4}})(?P<close>\s?[)\]）】]\.?|\.\)|[.．:：](?!\d)|、"
    r"|️?⃣|(?=[*_`]{1,3}[.):])|\s[-–—]\s|(?<=\#\d)\s|\s?\|\s)(?(decor)[*_`]{0,3}[.):：]?)(?P<space>\s*)"
)
_CIRCLED = re.compile(r"(?P<indent>[ \t]{0,12})(?P<ord>[①-⑳➀-➉❶-❿🥇🥈🥉])\s?")
_LETTER = re.compile(
    rf"{_PRE}(?P<open>[(\[（])?(?P<ord>[A-Za-z]|[ivxIVX]{{1,4}})(?P<close>[)\]）]\.?|[.:](?=\s))[*_`]{{0,3}}\s+"
)
_BULLET = re.compile(
    r"(?P<indent>[ \t]{0,12})"
    r"(?P<mark>[-*•–—▪◦‣+·●○■□►▶▸➤✓✔➢⁃❖◆◇★☆→⭐✨⚫⚪◾◽]|[🔹🔸👉✅🌟📌📍🎯💡🟢🔵🟣🔴]|\\item(?=\s))"
    r"(?:\s+|(?=\*\*|\"|“)|\Z)"
    r"(?:\[[ xX✓]?\]\s+)?"
)
_LETTERS = r"A-Za-z\u00aa-\u02af\u0300-\u0dff\u0e00-\u1fff\u3040-\ud7ff"
_LABEL = re.compile(
    rf"{_PRE}[*_`\[(【]{{0,3}}"
    rf"(?P<word>[^\W\d_][{_LETTERS}]*(?:[ -][^\W\d_][{_LETTERS}]*){{0,2}}?)"
    r"\s?(?:no\.?|nr\.?|n°|№|#)?\s?"
    r"[\[(（]?(?P<ord>\d{1,4}|(?<=[\s\[(（])(?:[A-Za-z](?![\w'’])|[ivxIVX]{2,4}(?!\w)))[\])）】]?[*_`]{0,3}\s{0,3}"
    r"(?P<sep>[:：.)\]】–—|-][*_`]{0,3}|(?=[(\[（])|\Z)\s*"
)
_ORDERED = re.compile(
    r"[ \t]{0,12}(?:[#*_`]{0,6}\s?)第\s?(?P<ord>\d{1,4}|[一二三四五六七八九十])"
    r"[^\s:：.、]{0,4}[:：.、]?\s*"
)
_CHINESE = "一二三四五六七八九十"
_HEADING = re.compile(r"(?P<indent>)#{1,6}\s+")
_MARK_CHARACTERS = frozenset("-*•–—▪◦‣+·●○■□►▶▸➤✓✔➢⁃❖◆◇★☆→⭐✨⚫⚪◾◽🔹🔸👉✅🌟📌📍🎯💡🟢🔵🟣🔴\\")
_ROMAN = {
    "i": 1,
    "ii": 2,
    "iii": 3,
    "iv": 4,
    "v": 5,
    "vi": 6,
    "vii": 7,
    "viii": 8,
    "ix": 9,
    "x": 10,
}


def marker(line: str) -> Marker | None:
    """Return what a line begins with that may begin a candidate."""
    return _marker(line[:SHORT])


@lru_cache(maxsize=KEPT)
def _marker(head: str) -> Marker | None:  # noqa: C901
    stripped = head.lstrip(" \t")
    if not stripped or len(head) - len(stripped) > 12:
        return None
    if stripped[0] == "[" and _TABLE_HEAD.match(stripped) and ("." in stripped or "[[" in stripped):
        return None  # TOML
    indent = len(head) - len(stripped)
    first = stripped[0]
    if first.isdigit() or first in "([（【#№*_`":
        match = _NUMERIC.match(head)
        if match is not None and not (match["close"].strip() == ":" and _is_time(head, match)):
            closing = match["close"].strip() or match["close"]
            decor = "#" if (match["decor"] or "").startswith("#") else ""
            style = f"{decor}{(match['open'] or '').strip()}1{closing[:1]}"
            return Marker(style, int(match["ord"]), match.end(), indent)
    if ("①" <= first <= "❿" or first in "🥇🥈🥉") and (match := _CIRCLED.match(head)):
        return Marker("circled", _circled(match["ord"]), match.end(), indent)
    if first == "第" and (match := _ORDERED.match(head)):
        ordinal = match["ord"]
        number = _CHINESE.index(ordinal) + 1 if ordinal in _CHINESE else int(ordinal)
        return Marker("label", number, match.end(), indent)
    found = _labelled(head, indent) if first.isalpha() or first in "#*_`[(【" else None
    if found is not None:
        return found
    if first in _MARK_CHARACTERS and (match := _BULLET.match(head)):
        return Marker(match["mark"], 0, match.end(), indent)
    if first.isalpha() or first in "([（*_`#":
        match = _LETTER.match(head)
        if match is not None:
            style = f"{match['open'] or ''}a{match['close'][:1]}"
            return Marker(style, _letter(match["ord"]), match.end(), indent)
    return None


def _is_time(head: str, match: re.Match[str]) -> bool:
    return head[match.end("close") : match.end("close") + 2].isdigit()


def _circled(character: str) -> int:
    for begin in ("①", "➀", "❶", "🥇"):
        offset = ord(character) - ord(begin)
        if 0 <= offset < 20:
            return offset + 1
    return 1


def _letter(letter: str) -> int:
    lower = letter.lower()
    return ord(lower) - 96 if len(lower) == 1 else _ROMAN.get(lower, 0)


def _labelled(head: str, indent: int) -> Marker | None:
    match = _LABEL.match(head)
    if match is None:
        return None
    word = match["word"]
    kinds = kind_of(word)
    if not kinds & _CANDIDATES:
        return None
    if (
        not match["ord"].isdigit()
        and len(match["ord"]) == 1
        and match["sep"] == ""
        and (match.end() < len(head.rstrip()))
    ):
        return None
    ordinal = int(match["ord"]) if match["ord"].isdigit() else _letter(match["ord"])
    return Marker("label", ordinal, match.end(), indent)


_CANDIDATES = frozenset((CANDIDATE,))

# --- cutting -------------------------------------------------------------------------------------


def cuts(lines: Sequence[str], k: int) -> Iterator[Cut]:
    """Yield the ways to cut ``lines``, those that claim most first."""
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
                yield from _keyed(lines)
        least = min(found.indent for _, found in group)
        outer = [(at, m) for at, m in group if m.indent <= least + 1]
        if style.startswith(("a", "(a", "[a", "（a")) and not _alphabetical(outer):
            continue
        yield _cut(style, lines, outer)
        numbered = _running(outer) if outer[0][1].ordinal else outer
        if len(numbered) < len(outer):
            yield _cut(style, lines, numbered)
    if not keyed:
        yield from _keyed(lines)
    yield from _by_number_lines(lines, k)
    yield from _headed(lines)
    yield from _each_line(lines)
    yield from _each_paragraph(lines)


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


def _cut(name: str, lines: Sequence[str], marks: Sequence[tuple[int, Marker]]) -> Cut:
    edges = [*(at for at, _ in marks[1:]), len(lines)]
    blocks = [
        [lines[at][found.end :], *lines[at + 1 : edge]]
        for (at, found), edge in zip(marks, edges, strict=True)
    ]
    ordinals = [found.ordinal for _, found in marks]
    runs = all(b == a + 1 or b == 1 for a, b in itertools.pairwise(ordinals))
    width = marks[0][1].end - marks[0][1].indent
    return Cut(name, marks[0][0], _aligned(blocks, width), bool(ordinals[0]) and runs)


def _aligned(blocks: list[list[str]], width: int) -> list[list[str]]:
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


_KEY = re.compile(
    r"(?P<indent>[ \t]{0,16})(?P<mark>[-*•+]\s{1,3}(?:\[[ xX]\]\s)?)?[*_`\"']{0,3}"
    r"(?P<key>[^\W\d][^:：=\n\"*`<>(]{0,38}?)"
    r"[*_`\"']{0,3}\s?(?:[:：]|=(?![=>]))"
)
_TABLE_HEAD = re.compile(r"[ \t]*\[\[?(?P<name>[A-Za-z_\"][\w.\" -]{0,59})\]\]?\s*\Z")


def _keyed(lines: Sequence[str]) -> Iterator[Cut]:  # noqa: C901
    """Records of labelled fields: YAML, TOML, ``Text: … Probability: …``, in either order."""
    keys: list[tuple[int, str, bool]] = []  # line, kind, whether something sets it apart
    for at, line in enumerate(lines):
        if ":" not in line and "：" not in line and "=" not in line:
            if line.startswith("[") and _TABLE_HEAD.match(line[:SHORT]):
                keys.append((at, "head", True))
            continue
        match = _KEY.match(line[:SHORT])
        if match is None:
            continue
        kinds = kind_of(match["key"])
        rest = line[match.end() :].strip(" \t*_`")
        if PROBABILITY in kinds or WEAK in kinds:
            keys.append((at, "number", bool(match["mark"])))
        elif kinds & {TEXT} and (rest or not _is_list_key(lines, at, kinds)):
            keys.append((at, "text", bool(match["mark"])))
        elif META in kinds:
            keys.append((at, "meta", bool(match["mark"])))
    fields = [kind for _, kind, _ in keys]
    if "text" not in fields or "number" not in fields:
        return
    heads = [at for at, kind, _ in keys if kind == "head"]
    if len(heads) > 1 or (heads and fields.count("number") == 1):
        starts = heads
    else:
        marked = [at for at, _, mark in keys if mark]
        count = max(fields.count("text"), fields.count("number"))
        if (
            len(marked) >= min(fields.count("text"), fields.count("number"))
            and len(marked) <= count
        ):
            starts = marked
        else:
            first = next(kind for kind in fields if kind != "meta")
            lead = next(
                (kind for kind in fields if fields.count(kind) >= fields.count(first)), first
            )
            starts = [at for at, kind, _ in keys if kind == lead]
    edges = [*starts[1:], len(lines)]
    blocks = []
    for at, edge in zip(starts, edges, strict=True):
        head = _without_mark(lines[at]) if at not in heads else ""
        blocks.append([head, *lines[at + 1 : edge]])
    yield Cut("records", starts[0], _aligned(blocks, 2))


def _is_list_key(lines: Sequence[str], at: int, kinds: frozenset[str]) -> bool:
    """Whether a key without a value is the list's and not a text's below it."""
    follows = next((line for line in lines[at + 1 :] if line.strip()), "")
    return LIST in kinds and (follows.lstrip()[:1] in ("-", "*") or marker(follows) is not None)


_MARK = re.compile(r"[ \t]*[-*•+]\s+(?:\[[ xX]\]\s+)?")


def _without_mark(line: str) -> str:
    match = _MARK.match(line[:SHORT])
    return line[match.end() :] if match else line


def _by_number_lines(lines: Sequence[str], k: int) -> Iterator[Cut]:
    """Texts between lines that hold a probability alone, above or below them."""
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
            yield Cut("numbers above", before, _aligned(blocks, 2), tail=tail)
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
    plain = line.strip(" \t*_`#>:")
    if not plain or len(plain) > 16 or not (plain[0].isdigit() or plain[0] in "~≈.,"):
        return False
    found = number_in(plain)
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


def paragraphs(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Return beginning and end of each run of lines that are neither blank nor rules."""
    found: list[tuple[int, int]] = []
    begin = None
    for at, line in enumerate(lines):
        if line.strip() and not is_rule(line):
            begin = at if begin is None else begin
        elif begin is not None:
            found.append((begin, at))
            begin = None
    if begin is not None:
        found.append((begin, len(lines)))
    return found


def _after_the_introduction(blocks: Sequence[Sequence[str]]) -> int:
    """How many lines of the first block introduce the list: what the others have not."""
    first = paragraphs(blocks[0])
    usual = max((len(paragraphs(block)) for block in blocks[1:]), default=0)
    if not usual:
        if len(first) > 1 and _introduces(blocks[0][first[0][1] - 1]):
            return first[1][0]
        return _introduced(blocks)
    if len(first) > usual:
        return first[len(first) - usual][0]
    return _introduced(blocks)


def _introduced(blocks: Sequence[Sequence[str]]) -> int:
    """How many lines of the first block only introduce: one more than the others have."""
    first = paragraphs(blocks[0])
    if not first:
        return 0
    at = first[0][0]
    usual = max((_filled(block) for block in blocks[1:]), default=2)
    follows = next((line for line in blocks[0][at + 1 :] if line.strip()), "")
    if follows.startswith((" ", "\t")) or not _introduces(blocks[0][at]):
        return 0
    return at + 1 if _filled(blocks[0]) > usual else 0


def _filled(block: Sequence[str]) -> int:
    return sum(bool(line.strip()) for line in block)


def _introduces(line: str) -> bool:
    plain = line.strip().rstrip("*_")
    return plain.endswith((":", "：")) or plain.startswith("#")


def _like_the_others(blocks: Sequence[list[str]]) -> tuple[list[str], int]:
    """The last block without the paragraphs that the others have not, and how many lines went."""
    last = blocks[-1]
    usual = max((len(paragraphs(block)) for block in blocks[:-1]), default=0)
    found = paragraphs(last)
    if usual and len(found) > usual:
        end = found[usual - 1][1]
        return last[:end], len(last) - end
    return last, 0


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
                yield _cut("headings", lines, marks)


def _has_number(line: str) -> bool:
    final = trailing(line)
    if final is not None and final.strength > BARE:
        return final.start > 0
    begin = leading(line)
    return begin is not None and begin.strength > BARE and begin.end < len(line.rstrip())


def _may_have_number(line: str) -> bool:
    final = trailing(line)
    if final is not None and final.start > 0:
        return True
    begin = leading(line)
    return begin is not None and begin.end < len(line.rstrip())


def _each_line(lines: Sequence[str]) -> Iterator[Cut]:
    """Lines that all hold a text and its probability."""
    filled = [at for at, line in enumerate(lines) if line.strip()]
    hits = [at for at in filled if _has_number(lines[at])]
    if len(hits) < 2:
        bare = [at for at in filled if _may_have_number(lines[at])]
        if len(bare) < 2:
            return
        hits = bare
    inner = [at for at in filled if hits[0] <= at <= hits[-1]]
    missing = len(inner) - len(hits)
    if missing > len(hits) // 3:
        return
    blocks = [[lines[at]] for at in inner]
    yield Cut("lines", hits[0], blocks, tail=len(lines) - hits[-1] - 1)


def _each_paragraph(lines: Sequence[str]) -> Iterator[Cut]:
    """Paragraphs that each hold a text and its probability."""
    found = paragraphs(lines)
    hits = [
        at for at, (a, b) in enumerate(found) if _has_number(lines[b - 1]) or _has_number(lines[a])
    ]
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


# --- several candidates on one line --------------------------------------------------------------

_BRACKETS = re.compile(r"[*_`]*[(\[（【]([^()\[\]（）【】\n]{1,60})[)\]）】][*_`]*")
_JOINER = re.compile(r"[\s,;，；、|/.]*(?:\b(?:and|und|y|et|e|и|or)\s+)?(?:[•*·-]\s+)?")
_ORDINAL = re.compile(r"\(?\d{1,3}[.):、]\s*")
_PAIR_END = re.compile(
    r"\s*(?:[:：=]|-|–|—|->|→|\s)\s*[~≈]?((?:\d{1,3}(?:[.,]\d{1,6})?\s?[%％])|(?:0?[.]\d{1,9}|[01][.]0+))(?=\s*(?:[,;，；、|/]|\Z|\.\s|\.?\Z|\s(?:and|und|y|et|и)\s))"
)

_DECIMALS = re.compile(r"\.\d|[%％]")
"""What `_PAIR_END` holds at least once each time."""


def inline(line: str) -> list[tuple[str, Found]]:
    """Return the candidates of one line that holds several, with their probabilities."""
    if not 8 <= len(line) <= 20_000:
        return []
    spans = []
    if sum(map(line.count, "([（【")) > 1:
        spans = [
            (match.start(), match.end(), number._replace(enclosed=True))
            for match in _BRACKETS.finditer(line)
            if (number := number_in(match[1])) is not None and number.strength > BARE
        ]
    if len(spans) < 2:
        if len(_DECIMALS.findall(line)) < 2:
            return []
        spans = []
        for match in _PAIR_END.finditer(line):
            begin = spans[-1][1] if spans else 0
            piece = line[begin : match.start()]
            number = trailing(f"{piece}: {match[1]}") or Found(len(piece), 0, match[1], PLAIN)
            spans.append((begin + number.start, match.end(), number))
    if len(spans) < 2 or len(line[spans[-1][1] :].strip(" .,;|*")) > 60:
        return []
    begins = [0, *(end for _, end, _ in spans)]
    raws = [line[begin:start] for begin, (start, _, _) in zip(begins, spans, strict=False)]
    said = [_SAID.findall(raw) for raw in raws]
    if all(said):  # in a sentence the answers are what it quotes
        texts = ["".join(quotes[-1]) for quotes in said]
    else:
        texts = [_VERB.sub("", _piece(raw)) for raw in raws]
        if not all(texts) or any(_is_clause(text) for text in texts):
            return []
    return [(text, number) for text, (_, _, number) in zip(texts, spans, strict=True)]


_SAID = re.compile(r"“([^“”]{1,400})”|\"([^\"]{1,400})\"|\*\*([^*]{1,400})\*\*|«([^«»]{1,400})»")
_VERB = re.compile(
    r"\s*,?\s(?:has|have|is|are|gets|at|with|receives|comes|comes with|which has)(?:\s(?:an?|the))?\Z"  # noqa: E501
)
_CLAUSE = re.compile(
    r"(?:i|i'd|we|you|it|there|the most|most|next|then|followed|finally|maybe|perhaps|another|my|"
    r"a less|less|in|about|around|roughly|only|also|with|after|while|lastly|first|second|third)\b",
    re.I,
)


def _is_clause(text: str) -> bool:
    """Whether a piece of a line is part of a sentence around the answer, and not the answer."""
    return len(text.split()) > 3 and _CLAUSE.match(text) is not None


def _piece(text: str) -> str:
    joiner = _JOINER.match(text[:SHORT])
    text = text[joiner.end() :] if joiner else text
    head, colon, tail = text.partition(": ")
    if colon and kind_of(head) & {LIST, FINAL, REASONING, TEXT}:
        text = tail
    ordinal = _ORDINAL.match(text[:SHORT])
    return (text[ordinal.end() :] if ordinal else text).strip()
