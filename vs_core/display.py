"""Showing model answers to people: shortened, and harmless in a terminal, a log and a page.

What a model says is hostile input. Nothing else in vs-core prints it: errors, tables and
notebooks all come through here, so that no escape sequence, markup or script gets through.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Row", "as_html", "as_rich", "as_text", "printable", "shorten"]

Row = tuple["float | None", float, str]
"""A candidate as a table shows it: probability as verbalized, weight, text."""

_ELLIPSIS = "…"
# Categories of code points that move the cursor, colour, hide or reorder text: controls, format
# characters (bidirectional overrides among them), surrogates, private use, unassigned.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# Two format characters that ordinary text needs: emoji sequences and Persian use them.
_JOINERS = frozenset({"\u200c", "\u200d"})


def printable(text: str, *, keep: str = "\n\t") -> str:
    """Return ``text`` with everything a terminal could act upon spelled as an escape.

    Args:
        text: Any string, lone surrogates included.
        keep: Control characters to leave as they are.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        if character in keep
        or character in _JOINERS
        or unicodedata.category(character) not in _UNPRINTABLE
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def shorten(text: str, width: int = 200) -> str:
    """Return ``text`` on one line, printable, with its middle left out if it is over ``width``.

    Args:
        text: Any string.
        width: Most characters to show, at least 3. The end of an answer often tells why it could
            not be read, so both ends are kept.
    """
    if len(text) > 4 * width:  # squeezing white space needs no more than this of a huge answer
        text = f"{text[: 2 * width]}{_ELLIPSIS}{text[-2 * width :]}"
    line = printable(" ".join(text.split()), keep="")
    if len(line) <= width:
        return line
    head = (width - 1) * 2 // 3
    return f"{line[:head]}{_ELLIPSIS}{line[head - width + 1 :]}"


_HEADINGS = ("#", "probability", "weight", "text")
_MOST_IN_A_PAGE = 20


def _cells(rows: Sequence[Row], width: int, most: int | None = None) -> list[tuple[str, ...]]:
    """The texts of a table's cells: number, probability, weight, text."""
    return [
        (
            str(number),
            _ELLIPSIS if probability is None else f"{probability:.3g}",
            f"{weight:.3f}",
            shorten(text, width),
        )
        for number, (probability, weight, text) in enumerate(islice(rows, most), start=1)
    ]


def as_text(rows: Sequence[Row], width: int = 100) -> str:
    """Return candidates as a plain aligned table, one a line."""
    cells = [_HEADINGS, *_cells(rows, width)]
    number = max(len(row[0]) for row in cells)
    return "\n".join(f"{a:>{number}}  {b:>11}  {c:>6}  {d}".rstrip() for a, b, c, d in cells)


def as_html(rows: Sequence[Row]) -> str:
    """Return the first 20 candidates as an HTML table, every cell escaped; the rest is counted."""
    head = "".join(f"<th>{heading}</th>" for heading in _HEADINGS)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        for row in _cells(rows, 1000, _MOST_IN_A_PAGE)
    )
    if len(rows) > _MOST_IN_A_PAGE:
        more = f"and {len(rows) - _MOST_IN_A_PAGE:,} more"
        body += f'<tr><td></td><td colspan="3">{more}</td></tr>'
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def as_rich(rows: Sequence[Row]) -> Table:
    """Return candidates as a rich table. Text is never read as rich markup."""
    from rich.table import Table
    from rich.text import Text

    table = Table(show_edge=False, pad_edge=False)
    for heading in _HEADINGS:
        table.add_column(heading, justify="left" if heading == "text" else "right")
    for row in _cells(rows, 1000):
        table.add_row(*(Text(cell) for cell in row))
    return table
