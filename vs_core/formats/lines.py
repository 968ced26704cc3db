"""Numbered lists: ``1. text (probability: 0.2)``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import ClassVar

from pydantic_core import from_json

from vs_core.formats.base import Answer, Entry, Format, Shape, Splitter
from vs_core.formats.words import (
    CANDIDATE_WORDS,
    PROBABILITY_WORDS,
    TEXT_WORDS,
    is_probability_word,
)

__all__ = ["Lines"]


class Lines(Format):
    """A numbered list, one candidate an item, its probability in brackets at the end."""

    name: ClassVar[str] = "lines"

    def instructions(self, shape: Shape) -> str:
        """See `Format.instructions`."""
        lines = []
        if shape.reasoning:
            lines.append('First write your reasoning as a paragraph that begins with "Reasoning:".')
        what = "the response alone, without explanation"
        if shape.schema is not None:
            what = "the response, as JSON on one line that fits this JSON schema: " + json.dumps(
                shape.schema, ensure_ascii=False
            )
        lines.append(f"Write a numbered list of the {shape.k} responses; each item is {what}")
        if shape.definition:
            lines[-1] += (
                f", followed by ({shape.definition.key}: {shape.definition.example}), where the "
                f"number is {shape.definition.meaning}"
            )
        lines[-1] += "."
        lines.append("Write only the list, nothing else.")
        return "\n".join(lines)

    def write(self, answer: Answer, shape: Shape) -> str:
        """See `Format.write`."""
        blocks = [f"Reasoning: {answer.reasoning}\n"] if shape.reasoning else []
        for number, entry in enumerate(answer.entries, start=1):
            text = (
                entry.text if shape.schema is None else json.dumps(entry.value, ensure_ascii=False)
            )
            suffix = ""
            if shape.definition and entry.probability is not None:
                suffix = f" ({shape.definition.key}: {entry.probability})"
            blocks.append(f"{number}. {text}{suffix}")
        return "\n".join(blocks)

    def read(self, text: str, shape: Shape) -> Answer | None:
        """See `Format.read`: a list, a table, or labelled blocks, in whatever surrounds them."""
        lines = [line for line in text.splitlines() if not _FENCE.match(line)]
        before, entries = _table(lines)
        if not entries:
            before, blocks = _blocks(lines)
            found = [_entry(block, last=block is blocks[-1]) for block in blocks]
            entries = [entry for entry in found if entry is not None]
        if not entries:
            return None
        if shape.definition and all(entry.probability is None for entry in entries):
            return None  # a list that was not asked for is prose
        label = _begins(_REASONING, before)
        return Answer(entries, before[label.end() :].strip() if label else None)

    def splitter(self) -> Splitter:
        """See `Format.splitter`."""
        return _ItemSplitter()


class _ItemSplitter(Splitter):
    """Cuts before each line that begins the next numbered or labelled item."""

    def __init__(self) -> None:
        self._item: list[str] = []  # whole lines of the item in progress
        self._line = ""  # what is known of the line in progress, up to _LONGEST_MARKER
        self._rest: list[str] = []  # and the rest of it
        self._begun = False
        self._marked = False  # the line in progress begins an item

    def feed(self, chunk: str) -> list[str]:
        """See `Splitter.feed`."""
        complete: list[str] = []
        *ended, rest = chunk.split("\n")
        for piece in ended:
            self._extend(piece, complete)
            self._item.append("".join([self._line, *self._rest]))
            self._line, self._rest, self._marked = "", [], False
        self._extend(rest, complete)
        return complete

    def _extend(self, piece: str, complete: list[str]) -> None:
        room = max(0, _LONGEST_MARKER - len(self._line))
        if room and piece:
            self._line += piece[:room]
            if not self._marked and _marks_item(self._line):
                if self._begun:
                    complete.append("\n".join(self._item))
                self._item, self._begun, self._marked = [], True, True
        self._rest.append(piece[room:])


_LONGEST_MARKER = 48
"""Characters of a line within which it shows whether it begins an item."""


def _marks_item(line: str) -> bool:
    numbered = _ITEM.match(line) and _NUMBERED.match(line) and not line.rstrip().endswith(".")
    return bool((numbered and line.strip(" 0123456789.)(*#")) or _CANDIDATE.match(line))


# --- the patterns ------------------------------------------------------------------------------
# They are lenient, and so could take quadratic time on a long run of stars or spaces. Hence none is
# ever applied to more than _SHORT characters: a whole line only if it is short, else its beginning
# or its end. Reading is linear in the text.

_SHORT = 160
"""Characters within which a marker, a label or a probability must stand."""


def _either(words: Sequence[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_LABEL = rf"(?:{_either(PROBABILITY_WORDS)})"
_DECOR = r"[*_`#>~\s]*"
_NUMBER = (
    r"[~≈<>]?\s?(?:about |approx\.? |around )?[-−]?(?:\d{1,12}(?:[.,]\d{1,20})?|[.,]\d{1,20})"
    r"(?:[eE]-?\d{1,3})?\s?(?:[%％]|/\s?\d{1,9}|in \d{1,9})?(?:\s?\([^()\n]{0,30}\))?"
)
_FENCE = re.compile(r"\s*```[\w-]*\s*\Z")
_REASONING = re.compile(rf"{_DECOR}(?:reasoning|thoughts?|analysis)[*_]*\s*[:：][*_]*", re.I)
_ITEM = re.compile(
    r"(\s{0,12})(?:[*_#]{1,4}\s?)?(?:\(?\d{1,4}[.)\]:：、]|[-*•–▪◦‣+])(?:\s+|(?=\*\*)|\Z)"
)
_NUMBERED = re.compile(r"\s{0,12}(?:[*_#]{1,4}\s?)?\(?\d{1,4}[.)\]:：、]")
_CANDIDATE = re.compile(
    rf"{_DECOR}(?:{_either(CANDIDATE_WORDS)})\s?#?\d{{1,4}}[*_]*\s*(?:\([^()]{{0,60}}\))?"
    rf"[*_]*\s*(?:[:：.)–—-]|\Z)[*_]*\s*",
    re.I,
)
_TEXT = re.compile(
    rf"{_DECOR}(?:[-*•]\s+)?[\"']?(?:{_either(TEXT_WORDS)})[\"']?[*_]*\s*[:：][*_]*\s*", re.I
)
_NUMBER_LINE = re.compile(
    rf"{_DECOR}(?:[-*•(\[]\s?)?[\"']?{_LABEL}[\"']?[*_]*\s*[:：=]?[*_]*\s*(?:\w+ )?(?:=\s*)?"
    rf"({_NUMBER})[\])*_\s.,;]*\Z",
    re.I,
)
_BRACKETED = re.compile(
    rf"\s*(?:[–—|,;-]\s*)?[*_]{{0,3}}[(\[（【{{]\s*(?:[*_]*{_LABEL}[*_]*\s*[:：=≈~]?\s*)?({_NUMBER})"
    rf"\s*(?:{_LABEL})?[*_]*\s*[)\]）】}}][*_.\s]*\Z",
    re.I,
)
_LABELLED = re.compile(
    rf"\s*(?:[–—|,;(-]\s*)?[*_]{{0,3}}\b{_LABEL}[*_]*\s*(?:[:：=]|is|of|≈|~)?[*_]*\s*({_NUMBER})[)\]*_.\s]*\Z",
    re.I,
)
_CJK_LABELLED = re.compile(
    rf"\s*(?:[–—|,;，(-]\s*)?[*_]{{0,3}}{_LABEL}\s*[:：=]?\s*({_NUMBER})[)\]*_.。\s]*\Z", re.I
)
_DASHED = re.compile(
    r"\s*(?:\s[–—-]|[|:：,;]|->|→|=)\s*((?:[~≈]\s?)?(?:\d{1,3}(?:[.,]\d{1,12})?\s?%|0?[.,]\d{1,12}|[01][.,]0+))\s*\Z"
)
_LEADING = re.compile(
    rf"\s*[*_]*[(\[]?\s*(?:{_LABEL}\s*[:：=]\s*)?((?:[~≈]\s?)?(?:\d{{1,3}}(?:[.,]\d{{1,12}})?\s?%|0?[.,]\d{{1,12}}))"
    r"[)\]]?[*_]*\s*(?:[:：|–—-]|(?<=[)\]])|(?<=[)\]]\*\*))\s*",
    re.I,
)


def _begins(pattern: re.Pattern[str], line: str) -> re.Match[str] | None:
    """Match a pattern at the beginning of a line."""
    return pattern.match(line[:_SHORT])


def _number_line(line: str) -> re.Match[str] | None:
    """Match a line that holds nothing but a labelled probability."""
    return _NUMBER_LINE.match(line) if len(line) <= _SHORT else None


# --- blocks ------------------------------------------------------------------------------------


def _blocks(lines: Sequence[str]) -> tuple[str, list[list[str]]]:
    """Cut the lines into what stands before the list and the items, the marker cut off."""
    for starts in (_labelled_starts, _item_starts, _paragraph_starts):
        found = starts(lines)
        if found:
            break
    else:
        return "", []
    edges = [*(start for start, _ in found[1:]), len(lines)]
    blocks = [
        [lines[start][width:], *lines[start + 1 : edge]]
        for (start, width), edge in zip(found, edges, strict=True)
    ]
    return "\n".join(lines[: found[0][0]]).strip(), blocks


Starts = list[tuple[int, int]]
"""Number of each line that begins an item, and the width of its marker."""


def _labelled_starts(lines: Sequence[str]) -> Starts:
    """``Response 1: …``."""
    matches = [(index, _begins(_CANDIDATE, line)) for index, line in enumerate(lines)]
    return [(index, match.end()) for index, match in matches if match]


def _item_starts(lines: Sequence[str]) -> Starts:
    """``1. …`` or ``- …``, at the least indentation; numbers before bullets."""
    matches = [(i, m) for i, line in enumerate(lines) if (m := _begins(_ITEM, line))]
    matches = [(i, m) for i, m in matches if not _number_line(lines[i][m.end() :])]
    numbered = [(i, m) for i, m in matches if _begins(_NUMBERED, lines[i])]
    matches = numbered or matches
    least = min((len(match[1]) for _, match in matches), default=0)
    return [(index, match.end()) for index, match in matches if len(match[1]) <= least + 1]


def _paragraph_starts(lines: Sequence[str]) -> Starts:
    """Lines that all hold a probability, or paragraphs that each end in one on its own line."""
    filled = [index for index, line in enumerate(lines) if line.strip()]
    if len(filled) > 1 and all(_split(lines[index])[1] is not None for index in filled):
        return [(index, 0) for index in filled]
    starts: Starts = []
    fresh: int | None = None  # the first line since the last probability
    for index in filled:
        if not _number_line(lines[index]):
            fresh = index if fresh is None else fresh
        elif fresh is not None:
            starts.append((fresh, 0))
            fresh = None
    return starts


# --- one candidate -----------------------------------------------------------------------------


def _entry(block: Sequence[str], *, last: bool) -> Entry | None:
    """Read an item: its text, with a probability on a line of its own or within a line."""
    numbers = [(i, m[1]) for i, line in enumerate(block) if (m := _number_line(line))]
    number: str | None
    if numbers:
        at, number = numbers[-1]
        above, below = block[:at], block[at + 1 :]
        # A text may stand below its probability; what comes after both is not the candidate's.
        text = "\n".join(above if any(line.strip() for line in above) else below)
    else:
        text, number = _split("\n".join(block), last=last)
    text = _cleaned(text)
    return Entry(text, number) if text else None


def _split(text: str, *, last: bool = False) -> tuple[str, str | None]:
    """Cut the probability off a text, at its end or at its beginning."""
    text = text.rstrip()
    head, tail = text[:-_SHORT], text[-_SHORT:]
    for pattern in (_BRACKETED, _LABELLED, _CJK_LABELLED, _DASHED):
        match = pattern.search(tail)
        if match:
            return head + tail[: match.start()], match[1]
    match = _begins(_LEADING, text)
    if match:
        return text[match.end() :], match[1]
    paragraph, blank, rest = text.partition("\n\n")
    if last and blank and rest.strip():  # chatter after the list
        split = _split(paragraph)
        return split if split[1] is not None else (text, None)
    return text, None


_WRAPS = (("**", "**"), ("__", "__"), ('"', '"'), ("“", "”"), ("「", "」"), ("«", "»"))


def _cleaned(text: str) -> str:
    """A text without its label, and without emphasis or quotes around all of it."""
    text = text.strip()
    label = _begins(_TEXT, text)
    if label:
        text = text[label.end() :].strip()
        if text[:1] in "|>" and "\n" in text[:3]:  # a YAML block
            text = "\n".join(line.strip() for line in text[1:].splitlines()).strip()
        elif "\\" in text and text[0] == text[-1] == '"':  # a YAML string with escapes
            with suppress(ValueError):
                text = str(from_json(text))
    for opening, closing in _WRAPS:
        inner = text[len(opening) : len(text) - len(closing)]
        wrapped = text.startswith(opening) and text.endswith(closing) and inner
        if wrapped and opening not in inner and closing not in inner:
            text = inner.strip()
    return text


# --- tables ------------------------------------------------------------------------------------


def _table(lines: Sequence[str]) -> tuple[str, list[Entry]]:
    """Read a Markdown table: a column of probabilities, and one of texts."""
    rule = next((i for i, line in enumerate(lines) if i and _is_rule(line)), None)
    if rule is None:
        return "", []
    header = [cell.strip("* ").lower() for cell in _cells(lines[rule - 1])]
    number = next((i for i, cell in enumerate(header) if _column(cell)), None)
    text = next((i for i, cell in enumerate(header) if i != number and _is_text(cell)), None)
    if number is None:
        return "", []
    entries = []
    for line in lines[rule + 1 :]:
        cells = _cells(line)
        if "|" not in line or len(cells) <= number:
            break
        others = [i for i in range(len(cells)) if i != number]
        widest = max(others, key=lambda i: len(cells[i]), default=None)
        column = text if text is not None else widest
        if column is not None and column < len(cells) and cells[column]:
            entries.append(Entry(_cleaned(cells[column]), cells[number] or None))
    return "\n".join(lines[: rule - 1]).strip(), entries


_RULE = re.compile(r"\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*\Z")


def _is_rule(line: str) -> bool:
    return len(line) <= 4 * _SHORT and "--" in line and _RULE.match(line) is not None


_CELL = re.compile(r"(?<!\\)\|")


def _cells(line: str) -> list[str]:
    stripped = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().replace("\\|", "|") for cell in _CELL.split(stripped)]


def _column(cell: str) -> bool:
    return is_probability_word(cell) or any(
        is_probability_word(word) for word in re.split(r"[^\w.]+", cell)
    )


def _is_text(cell: str) -> bool:
    return cell in TEXT_WORDS or cell in CANDIDATE_WORDS
