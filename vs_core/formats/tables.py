"""Tables: Markdown, drawn with lines, CSV and its relatives, HTML."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from vs_core.formats.markers import marker
from vs_core.formats.numbers import BARE, number_in
from vs_core.words import CANDIDATE, META, PROBABILITY, TEXT, TOTAL, WEAK, kind_of

__all__ = ["Table", "TableRow", "tables"]


class TableRow(NamedTuple):
    """A candidate of a table."""

    text: str
    number: str | None
    notes: dict[str, str]


class Table(NamedTuple):
    """A table that holds candidates.

    Args:
        before: Number of lines before it.
        rows: Its candidates.
        total: Whether a row of sums was left out.
        end: Number of the line behind it.
        head: Its header, lower case.
        sure: Whether a header or the numbers themselves say which column is the probability.
    """

    before: int
    rows: list[TableRow]
    total: bool
    end: int
    sure: bool
    head: tuple[str, ...]


_RULE = re.compile(r"[\s|:+=─━═┼╪╬├┤╞╡┠┨╟╢┌┐└┘┬┴╔╗╚╝╦╩╠╣┏┓┗┛┳┻┯┷╤╧╒╕╘╛-]{3,}\Z")
_DRAWN = str.maketrans("│┃║", "|||")
_ASIDE = re.compile(r"\s*[(\[（][^()\[\]（）]{0,60}[)\]）]")
_BREAK = re.compile(r"(?<! )<br\s?/?>\s?|\s?<br\s?/?>(?! )", re.I)
_CELL = re.compile(r"(?<!\\)\|")


def tables(lines: Sequence[str]) -> Iterator[Table]:
    """Yield the tables in ``lines``, of whatever kind."""
    lines = _with_pipes(lines)
    if any("|" in line or "│" in line or "┃" in line or "║" in line for line in lines):
        yield from _piped(lines)
    for delimiter in ("\t", ",", ";"):
        if sum(delimiter in line for line in lines[:200]) > 1:
            yield from _separated(lines, delimiter)


def _with_pipes(lines: Sequence[str]) -> Sequence[str]:
    """Rows of LaTeX, of MediaWiki and of Jira as Markdown has them."""
    if any(line.endswith("\\\\") and "&" in line for line in lines[:40]):
        return [
            f"|{line[:-2].replace('&', '|')}|" if line.endswith("\\\\") else "" for line in lines
        ]
    if not any(line.startswith(("{|", "||")) for line in lines[:40]):
        return lines
    plain = [line.replace("!!", "|").replace("||", "|") for line in lines]
    return [f"|{line[1:]}" if line.startswith("!") else line for line in plain]


def _piped(lines: Sequence[str]) -> Iterator[Table]:
    """Rows between upright lines; a table may stand in prose."""
    begin = None
    rows: list[list[str]] = []
    rule = -1
    for at, raw in enumerate([*lines, ""]):
        line = raw.translate(_DRAWN).strip()
        if len(line) > 2 and _is_rule(line):
            if rows and rule < 0:
                rule = len(rows)
            continue
        if "|" in line and (begin is None or line.startswith("|") or rows):
            begin = at if begin is None else begin
            rows.append(_cells(line))
        elif begin is not None:
            edged = lines[begin].translate(_DRAWN).lstrip().startswith("|")
            if edged or rule == 1 or _is_named(rows[0]):
                found = _table(rows, begin, at, header=rule == 1)
                if found is not None:
                    yield found
            begin, rows, rule = None, [], -1


def _is_rule(line: str) -> bool:
    if len(line) > 640 or not any(character in line for character in "-─━═="):
        return False
    return _RULE.match(line) is not None and any(c in line for c in "|+┼╪╬├┬┴┌└╔╚╠┏┗┳┻-─━═")


def _cells(line: str) -> list[str]:
    line = line.removeprefix("|").removesuffix("|")
    return [cell.strip().replace("\\|", "|") for cell in _CELL.split(line)]


def _separated(lines: Sequence[str], delimiter: str) -> Iterator[Table]:
    """CSV, TSV: all lines from the header on, as far as they have as many cells as it."""
    for at, line in enumerate(lines[:40]):
        if delimiter not in line:
            continue
        head, named = _first_row(line, delimiter)
        if not head:
            continue
        rows: list[list[str]] = []
        with suppress(csv.Error):
            for row in csv.reader(_joined(lines[at:]), delimiter=delimiter, skipinitialspace=True):
                if not row or not any(cell.strip() for cell in row):
                    continue
                if len(row) != len(head):
                    row = _refitted(row, head, delimiter)
                if len(row) != len(head):
                    break
                rows.append([cell.strip() for cell in row])
        if not named and (not rows or any(not _is_number(row[-1]) for row in rows)):
            return
        found = _table(rows, at, len(lines), header=named)
        if found is not None:
            yield found
        return


def _first_row(line: str, delimiter: str) -> tuple[list[str], bool]:
    """The cells of a line that may begin a table, and whether they name its columns."""
    if any(map(str.isdigit, line)):  # names have no digits
        head = [] if _is_marked(line) else _split(line, delimiter)
        return (head if head and _is_number(head[-1]) else []), False
    head = _split(line, delimiter)
    return (head, True) if len(head) > 1 and _is_named(head) else ([], False)


def _split(line: str, delimiter: str) -> list[str]:
    with suppress(csv.Error):
        (row,) = csv.reader([line], delimiter=delimiter, skipinitialspace=True)
        return [cell.strip().strip("\ufeff") for cell in row]
    return []


def _is_named(head: Sequence[str]) -> bool:
    """Whether cells are short names, and one of them that of a probability."""
    return all(map(_is_head, head)) and any(map(_is_number_head, head))


def _is_head(cell: str) -> bool:
    return len(cell) <= 40 and not any(character.isdigit() for character in cell)


def _joined(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield line + "\n"


def _refitted(row: list[str], head: Sequence[str], delimiter: str) -> list[str]:
    """A row whose text holds the delimiter without quotes: the number stands at one end."""
    extra = len(row) - len(head)
    if extra < 1:
        return row
    column = next((i for i, cell in enumerate(head) if kind_of(cell) & {TEXT, CANDIDATE}), None)
    if column is None:
        column = len(head) - 2 if _numeric_cell(row[-1]) else len(head) - 1
    if column < 0:
        return row
    text = (delimiter + " ").join(cell.strip() for cell in row[column : column + extra + 1])
    return [*row[:column], text, *row[column + extra + 1 :]]


def _numeric_cell(cell: str) -> bool:
    return len(cell) < 60 and number_in(cell.strip()) is not None


def _is_number(cell: str) -> bool:
    """Whether a cell is a number that may be a probability, and nothing else."""
    found = number_in(cell.strip()) if len(cell) < 40 else None
    return found is not None and not found.label and found.strength > BARE


def _is_marked(line: str) -> bool:
    """Whether a line begins as an item of a list, and not with an ordinal as its first cell."""
    found = marker(line)
    return found is not None


def _is_number_head(cell: str) -> bool:
    if _numeric_cell(cell):
        return False
    kinds = kind_of(cell)
    if kinds & {PROBABILITY, WEAK}:
        return True
    return bool(kind_of(_ASIDE.sub("", cell[:80])) & {PROBABILITY, WEAK})


def _table(rows: list[list[str]], begin: int, end: int, *, header: bool) -> Table | None:
    if len(rows) < 2 and not header:
        return None
    head = [cell.strip("*_` ") for cell in rows[0]]
    number = _number_column(head)
    sure = number is not None
    named = sure or header or not all(_numeric_cell(cell) for cell in rows[0][-1:])
    body = rows[1:] if named else rows
    if not body:
        return None
    width = len(rows[0]) if named else max(len(row) for row in body)
    if number is None:
        number = _by_content(body, width)
        if number is None:
            return None
    text = _text_column(head if named else [""] * width, body, number, width)
    if text is None:
        return None
    found, total = _rows_of(body, head[:width] if named else [], text, number)
    names = tuple(cell.lower() for cell in head) if named else ()
    return Table(begin, found, total, end, sure, names) if found else None


def _rows_of(
    body: Sequence[list[str]], head: Sequence[str], text: int, number: int
) -> tuple[list[TableRow], bool]:
    """The rows that hold a candidate, and whether the last gave the sum and was left out."""
    found: list[TableRow] = []
    for at, row in enumerate(body):
        row = [*row, *[""] * (max(number, text) + 1 - len(row))]
        label = row[text].strip("*_` ") or next((c.strip("*_` ") for c in row if c), "")
        if TOTAL in kind_of(label) and at == len(body) - 1 and len(found) > 1:
            return found, True
        content = _BREAK.sub("\n", row[text]) if "<" in row[text] else row[text]
        if not content or set(content) <= _RULED:
            continue
        notes = {
            name: cell
            for i, (name, cell) in enumerate(zip(head, row, strict=False))
            if name and cell and i not in (number, text)
        }
        found.append(TableRow(content, row[number].strip("*_` ") or None, notes))
    return found, False


_RULED = frozenset("-: ")


def _number_column(head: Sequence[str]) -> int | None:
    ranked = [
        (0 if PROBABILITY in kind_of(cell) else 1, i)
        for i, cell in enumerate(head)
        if _is_number_head(cell)
    ]
    return min(ranked)[1] if ranked else None


def _by_content(body: Sequence[Sequence[str]], width: int) -> int | None:
    """The last column in which every cell is a number that may be a probability."""
    for column in range(width - 1, -1, -1):
        cells = [row[column] for row in body if len(row) > column and row[column]]
        numbers = [number_in(cell.strip("*_` ")) for cell in cells if len(cell) < 60]
        if (
            len(cells) > 1
            and len(numbers) == len(cells)
            and all(found is not None and found.strength > BARE for found in numbers)
        ):
            return column
    return None


def _text_column(
    head: Sequence[str], body: Sequence[Sequence[str]], number: int, width: int
) -> int | None:
    others = [i for i in range(width) if i != number]
    for wanted in ({TEXT}, {CANDIDATE}):
        for i in others:
            if i < len(head) and kind_of(head[i]) & wanted and _is_texts(body, i):
                return i
    free = [i for i in others if not (i < len(head) and META in kind_of(head[i]))]
    worded = [i for i in free if _is_texts(body, i)]
    if worded:
        return worded[0]
    return free[0] if free else (others[0] if others else None)


def _is_texts(body: Sequence[Sequence[str]], column: int) -> bool:
    """Whether a column holds more than ordinals and numbers."""
    cells = [row[column].strip("*_`# .)") for row in body if len(row) > column]
    return any(cell and not cell.isdigit() and not _numeric_cell(cell) for cell in cells)
