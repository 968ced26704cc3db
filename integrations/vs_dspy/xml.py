"""Lists as XMLAdapter has them written: each ``<item>`` by itself, so that none spoils another."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET  # no entities: see `_value`
from collections.abc import Sequence
from html import unescape
from typing import Any

from vs_core.formats import Splitter

__all__ = ["ItemSplitter", "items_of"]


def items_of(text: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the outermost items with any of these fields, as data; linear in the text."""
    found = [_item(segment, names) for segment in ItemSplitter().feed(text)]
    return [item for item in found if item]


def _item(segment: str, names: Sequence[str]) -> dict[str, Any]:
    try:
        if "<!" in segment:
            raise ET.ParseError
        value = _value(ET.fromstring(segment))  # noqa: S314
    except (ET.ParseError, RecursionError):
        value = _torn(segment, names)
    return value if isinstance(value, dict) else {}


def _value(element: ET.Element) -> Any:
    """An element as data. Without a document type there are no entities to expand."""
    children = list(element)
    if not children:
        return (element.text or "").strip()
    if all(child.tag == "item" for child in children):
        return [_value(child) for child in children]
    return {child.tag: _value(child) for child in children}


def _torn(segment: str, names: Sequence[str]) -> dict[str, Any]:
    """The fields of an item that is no XML, such as one with a bare ``&``."""
    found = {}
    for name in names:
        start = segment.find(f"<{name}>")
        end = segment.find(f"</{name}>", start)
        if 0 <= start < end:
            found[name] = unescape(segment[start + len(name) + 2 : end]).strip()
    return found


class ItemSplitter(Splitter):
    """Cuts out the outermost ``<item>`` elements: how XMLAdapter writes a list."""

    def __init__(self) -> None:
        self._kept: list[str] = []  # pieces of the item in progress
        self._carry = ""  # the end of what came, where a tag may have begun
        self._depth = 0

    def feed(self, chunk: str) -> list[str]:
        """See `Splitter.feed`."""
        complete: list[str] = []
        window = self._carry + chunk
        start = end = 0
        for match in _ITEM.finditer(window):
            end = match.end()
            if not match[1]:
                start = start if self._depth else match.start()
                self._depth += 1
            elif self._depth:
                self._depth -= 1
                if not self._depth:
                    complete.append("".join(self._kept) + window[start:end])
                    self._kept = []
        cut = window.find("<", max(end, len(window) - _LONGEST))
        self._carry = window[cut:] if cut >= 0 else ""
        if self._depth:
            self._kept.append(window[start : len(window) - len(self._carry)])
        return complete


_ITEM = re.compile(r"<(/?)item>")
_LONGEST = len("</item>") - 1
"""Characters of a tag that a chunk may end in."""
