"""What candidates of a list begin with: a number, a letter, a bullet, a label: ``Response 1:``."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from vs_core.formats.numbers import KEPT, SHORT
from vs_core.words import CANDIDATE, kind_of

__all__ = ["TABLE_HEAD", "Marker", "marker"]


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


_PRE = r"(?P<indent>[ \t]{0,12})(?P<decor>#{1,6}[ \t]+|(?:[*_`]{1,3}(?!\s)))?"
_NUMERIC = re.compile(
    rf"{_PRE}(?P<open>[(\[（【]|[#№]\s?)?(?P<ord>\d{{1,4}})(?P<close>\s?[)\]）】]\.?|\.\)|[.．:：](?!\d)|、"
    r"|️?⃣|(?=[*_`]{1,3}[.):])|\s[-–—]\s|(?<=\#\d)\s|\s?\|\s)(?(decor)[*_`]{0,3}[.):：]?)(?P<space>\s*)"
)
_CIRCLED = re.compile(r"(?P<indent>[ \t]{0,12})(?P<ord>[①-⑳➀-➉❶-❿🥇🥈🥉])\s?")
_LETTER = re.compile(
    rf"{_PRE}(?P<open>[(\[（])?(?P<ord>[A-Za-z]|[ivxIVX]{{1,4}})(?P<close>[)\]）]\.?|[.:](?=[*_`]{{0,3}}\s))[*_`]{{0,3}}\s+"
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
_MARK_CHARACTERS = frozenset("-*•–—▪◦‣+·●○■□►▶▸➤✓✔➢⁃❖◆◇★☆→⭐✨⚫⚪◾◽🔹🔸👉✅🌟📌📍🎯💡🟢🔵🟣🔴\\")
_RULED = frozenset("*-_")
_NUMERALS = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
_ROMAN = {numeral: number for number, numeral in enumerate(_NUMERALS, 1)}
TABLE_HEAD = re.compile(r"[ \t]*\[\[?(?P<name>[A-Za-z_\"][\w.\" -]{0,59})\]\]?\s*\Z")
"""A table of TOML."""
_CANDIDATES = frozenset((CANDIDATE,))


def marker(line: str) -> Marker | None:
    """Return what a line begins with that may begin a candidate."""
    return _marker(line[:SHORT])


@lru_cache(maxsize=KEPT)
def _marker(head: str) -> Marker | None:
    stripped = head.lstrip(" \t")
    indent = len(head) - len(stripped)
    if not stripped or indent > 12:
        return None
    first = stripped[0]
    if first in _RULED and len(stripped) > 2 and not stripped.strip("*-_ "):
        return None  # a rule
    if first == "[" and TABLE_HEAD.match(stripped) and ("." in stripped or "[[" in stripped):
        return None  # TOML
    for read in _kinds(first):
        found = read(head, indent)
        if found is not None:
            return found
    return None


def _numeric(head: str, indent: int) -> Marker | None:
    match = _NUMERIC.match(head)
    if match is None:
        return None
    closing = match["close"].strip() or match["close"]
    if closing == ":" and _is_time(head, match):
        return None
    decor = "#" if (match["decor"] or "").startswith("#") else ""
    style = f"{decor}{(match['open'] or '').strip()}1{closing[:1]}"
    return Marker(style, int(match["ord"]), match.end(), indent)


def _is_time(head: str, match: re.Match[str]) -> bool:
    return head[match.end("close") : match.end("close") + 2].isdigit()


def _circled(head: str, indent: int) -> Marker | None:
    match = _CIRCLED.match(head)
    if match is None:
        return None
    return Marker("circled", _circled_number(match["ord"]), match.end(), indent)


def _circled_number(character: str) -> int:
    for begin in ("①", "➀", "❶", "🥇"):
        offset = ord(character) - ord(begin)
        if 0 <= offset < 20:
            return offset + 1
    return 1


def _ordered(head: str, indent: int) -> Marker | None:
    match = _ORDERED.match(head)
    if match is None:
        return None
    ordinal = match["ord"]
    number = _CHINESE.index(ordinal) + 1 if ordinal in _CHINESE else int(ordinal)
    return Marker("label", number, match.end(), indent)


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
        and head[match.end()] not in "([（"
    ):
        return None
    ordinal = int(match["ord"]) if match["ord"].isdigit() else _letter(match["ord"])
    return Marker("label", ordinal, match.end(), indent)


def _bullet(head: str, indent: int) -> Marker | None:
    match = _BULLET.match(head)
    return None if match is None else Marker(match["mark"], 0, match.end(), indent)


def _lettered(head: str, indent: int) -> Marker | None:
    match = _LETTER.match(head)
    if match is None:
        return None
    style = f"{match['open'] or ''}a{match['close'][:1]}"
    return Marker(style, _letter(match["ord"]), match.end(), indent)


def _letter(letter: str) -> int:
    lower = letter.lower()
    return ord(lower) - 96 if len(lower) == 1 else _ROMAN.get(lower, 0)


_KINDS: tuple[tuple[Callable[[str], bool], Callable[[str, int], Marker | None]], ...] = (
    (lambda first: first.isdigit() or first in "([（【#№*_`", _numeric),
    (lambda first: "①" <= first <= "❿" or first in "🥇🥈🥉", _circled),
    (lambda first: first == "第", _ordered),
    (lambda first: first.isalpha() or first in "#*_`[(【", _labelled),
    (_MARK_CHARACTERS.__contains__, _bullet),
    (lambda first: first.isalpha() or first in "([（*_`#", _lettered),
)
"""The kinds of markers in the order to try them, by what each may begin with."""


@lru_cache(maxsize=512)
def _kinds(first: str) -> tuple[Callable[[str, int], Marker | None], ...]:
    """The kinds of markers that may begin with a character."""
    return tuple(read for begins, read in _KINDS if begins(first))
