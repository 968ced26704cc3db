"""The items of one list, read by what most of them have before their text, or behind it.

Alone, ``Chance with a probability of 5%`` is a label with its number; among others it is a text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from vs_core.formats.items import ListItem
from vs_core.formats.numbers import NUMBER, SHORT

__all__ = ["read_alike", "shared_beginning"]

_DIGITS = re.compile(r"\d[\d.,]*|[.,]\d+")
_PLACE = "\x00"


def shared_beginning(texts: Sequence[str]) -> str:
    """Return what all texts begin with, as far as `SHORT`."""
    first, last = min(texts)[:SHORT], max(texts)[:SHORT]
    sizes = range(1, len(first) + 1)
    size = bisect_left(sizes, True, key=lambda size: first[:size] != last[:size])
    return first[:size]


def read_alike(items: Sequence[ListItem], blocks: Sequence[Sequence[str]]) -> None:
    """Read the items of one line that differ from most in what stands beside the text again."""
    if len(items) < 3:
        return
    lines = [block[0].strip() if len(block) == 1 or not any(block[1:]) else "" for block in blocks]
    for end in (True, False):
        beside = [_beside(item, line, end=end) for item, line in zip(items, lines, strict=True)]
        usual, count = Counter(beside).most_common(1)[0]
        if usual.count(_PLACE) == 1 and len(items) / 2 < count < len(items):
            pattern = _pattern(usual, end=end)
            for item, line, its in zip(items, lines, beside, strict=True):
                if its != usual and len(line) < 4 * SHORT and (match := pattern.fullmatch(line)):
                    _take(item, match, items[beside.index(usual)])
            if beside[-1] != usual and count == len(items) - 1:
                _leave(items[-1], lines[-1], items[0])
            return


def _beside(item: ListItem, line: str, *, end: bool) -> str:
    """What stands behind the text of an item (or before it), with a place for the number."""
    if not item.text or item.number is None:
        return ""
    if not (line.startswith(item.text) if end else line.endswith(item.text)):
        return ""
    rest = line[len(item.text) :] if end else line[: len(line) - len(item.text)]
    return _DIGITS.sub(_PLACE, rest) if 0 < len(rest) <= SHORT else ""


def _pattern(usual: str, *, end: bool) -> re.Pattern[str]:
    before, after = map(re.escape, usual.split(_PLACE))
    beside = rf"{before}(?P<number>{NUMBER}){after}"
    text = r"(?P<text>\S.*)"
    return re.compile(text + beside if end else beside + text)


def _leave(last: ListItem, line: str, like: ListItem) -> None:
    """Take a number in a last text for one of the text, where it was cut off before its own."""
    cut_off = last.way in ("begin", "within") and like.way == "end"
    if line and cut_off and last.strength < like.strength:
        last.text, last.number, last.strength, last.way, last.leftover = line, None, 0, "", ""


def _take(item: ListItem, match: re.Match[str], like: ListItem) -> None:
    item.text, item.number = match["text"].strip(), match["number"]
    item.strength, item.label, item.way = like.strength, like.label, like.way
    item.enclosed, item.leftover = like.enclosed, ""
