"""Showing results: a table on a terminal, whole lines in a pipe, JSON where that is asked for."""

from __future__ import annotations

import json
import sys

from rich.console import Console
from rich.text import Text

from vs_core.candidates import Candidate, Distribution
from vs_core.display import as_text, shorten

__all__ = ["say", "show", "stdout"]

stdout = Console()
_WHOLE = sys.maxsize  # characters


def show(
    distribution: Distribution,
    *,
    drawn: Candidate | None = None,
    as_json: bool = False,
    shown: bool = False,
) -> None:
    """Print a distribution, and what was drawn from it.

    On a terminal it is a table, and long texts are folded and shortened. Elsewhere each candidate
    is one line, however long, so that ``grep``, ``cut`` and ``head`` see whole ones.

    Args:
        distribution: The candidates.
        drawn: The one that was drawn; in JSON it is ``drawn``.
        as_json: Print one object.
        shown: Whether the table is on the terminal already.
    """
    if as_json:
        chosen = {} if drawn is None else {"drawn": drawn.model_dump(mode="json")}
        data = {**distribution.model_dump(mode="json"), **chosen}
        print(json.dumps(data, ensure_ascii=False, indent=2))
        return
    if not shown:
        _show_table(distribution)
    if drawn is not None:
        text = shorten(drawn.text, 1000 if stdout.is_terminal else _WHOLE)
        say(f"\ndrawn: {text}", "bold")


def say(text: str, style: str) -> None:
    """Print a text: folded on a terminal, in a pipe as it is."""
    stdout.print(Text(text, style=style), soft_wrap=not stdout.is_terminal)


def _show_table(distribution: Distribution) -> None:
    if stdout.is_terminal:
        stdout.print(distribution)
        return
    rows = [
        (candidate.probability, weight, candidate.text)
        for candidate, weight in zip(distribution, distribution.weights, strict=True)
    ]
    print(as_text(rows, width=_WHOLE))
