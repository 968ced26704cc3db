"""Numbered lists: ``1. text (probability: 0.2)``."""

from __future__ import annotations

import json
from typing import ClassVar

from vs_core.formats.base import Format, Reading, Shape, Splitter
from vs_core.formats.markers import Marker, marker
from vs_core.formats.running_text import read_text

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

    def write(self, answer: Reading, shape: Shape) -> str:
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

    def read(self, text: str, shape: Shape) -> Reading | None:
        """See `Format.read`: a list, a table, or labelled blocks, in whatever surrounds them."""
        return read_text(text, shape)

    def splitter(self) -> Splitter:
        """See `Format.splitter`."""
        return _ItemSplitter()


class _ItemSplitter(Splitter):
    """Cuts before each line that begins the next numbered or labelled item."""

    def __init__(self) -> None:
        self._item: list[str] = []  # whole lines of the item in progress
        self._line = ""  # what is known of the line in progress, up to _LONGEST_MARKER
        self._rest: list[str] = []  # and the rest of it
        self._last: Marker | None = None  # of the item in progress
        self._lost = False  # items within items: only the whole answer can tell them apart
        self._marked = False  # the line in progress begins an item

    @property
    def begun(self) -> bool:
        """Whether a list has begun: then what looks like another format is the text of an item."""
        return self._last is not None

    def feed(self, chunk: str) -> list[str]:
        """See `Splitter.feed`."""
        complete: list[str] = []
        *ended, rest = chunk.split("\n")
        for piece in ended:
            self._extend(piece, complete)
            self._item.append("".join([self._line, *self._rest]).removesuffix("\r"))
            self._line, self._rest, self._marked = "", [], False
        self._extend(rest, complete)
        return complete

    def _extend(self, piece: str, complete: list[str]) -> None:
        room = max(0, _LONGEST_MARKER - len(self._line))
        if room and piece:
            self._line += piece[:room]
            if not self._marked and not self._lost and (found := _item_mark(self._line)):
                self._take(found, complete)
        self._rest.append(piece[room:])

    def _take(self, found: Marker, complete: list[str]) -> None:
        last, self._marked = self._last, True
        if last is not None:
            if found.style != last.style or found.ordinal != last.ordinal + 1:
                self._lost = True
                return
            complete.append("\n".join(self._item))
        elif found.ordinal > 1:
            self._lost = True
            return
        self._item, self._last = [], found


_LONGEST_MARKER = 48
"""Characters of a line within which it shows whether it begins an item."""


_CLEAR = frozenset(("label", "1.", "1)", "(1)", "[1]", "#1.", "#1)", "1、"))
"""Styles of markers that tell by themselves, before the next comes, that a list has begun."""


def _item_mark(line: str) -> Marker | None:
    """The marker of an item that a line begins with, at its very beginning."""
    found = marker(line)
    clear = found is not None and found.style in _CLEAR and not found.indent
    return found if clear and found is not None and found.end < len(line) else None
