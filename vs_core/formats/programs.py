"""Programs in any language: strings and numbers that take turns, whatever stands between them.

Nothing is parsed but literals, and nothing is evaluated.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from pydantic_core import from_json

from vs_core.formats.base import Entry, Reading, Shape
from vs_core.formats.keys import is_number_key
from vs_core.formats.lenient_json import unescaped
from vs_core.formats.running_text import sums_to_one
from vs_core.words import META, PROBABILITY, TOTAL, WEAK, kind_of

__all__ = ["read_program"]

_LITERAL = re.compile(
    r'"""(?P<long>[^"]{0,4000}(?:"{1,2}[^"]{1,4000}){0,40})"""'
    r'|"(?P<double>(?:[^"\\]|\\.){0,8000})"(?!\w)'
    r"|(?<![^\W\d_])'(?P<single>(?:[^'\\\n]|\\.|''){0,4000})'(?!\w)"
    r"|(?<![\w.#])(?P<number>[-+]?(?:\d{1,9}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][-+]?\d{1,3})?%?)"
    r"(?:_?f(?:32|64)|[fFmMdD])?(?![\w.%])"
    r"|(?<![^\W\d_])(?P<open>[\"'])",
    re.DOTALL,
)
_KEY = re.compile(r"\s{0,9}(?::|=>|=(?!=))")
_NAMED = re.compile(r"\s{0,9}(?:=:|:|>=|=)\s{0,9}[\"']?(?P<key>\w{0,40}[A-Za-z_])")
"""A name and what assigns to it, backwards: far quicker than a search for where it may begin."""
_COLUMN = re.compile(
    r"(?P<key>[A-Za-z_]\w{0,40})[\"']?(?:: ?[\w\[\], ]{1,30})?\s?"
    r"(?:=|:|<-|=>)\s?\w{0,12}[\[({]\s{0,9}\Z"
)
"""What stands in front of the first number of a list that has a name."""
_BEFORE = frozenset("([{=,:>")
_OPENING = frozenset("[({")
_WORDS = frozenset(("return", "yield", "select", "print", "values", "to", "add", "push"))
_TUPLE = re.compile(r"^[ \t]{0,40}\(|[\w)]\(\s{0,40}[\"'(\[{]", re.M)
_TAGGED = re.compile(r"^[ \t]{0,40}<[A-Za-z/?!]", re.M)
_MOST = 20_000
"""Most literals that are looked at."""
_MOST_OPEN = 20
"""Most quotes that close nowhere: each has been searched for its end as far as a string may go."""


def read_program(text: str, shape: Shape) -> Reading | None:
    """Return the candidates in a program; None unless strings and numbers pair without a rest."""
    if not shape.definition or text.count('"') + text.count("'") < 4:  # two strings at least
        return None
    if _TAGGED.search(text) or not _is_program(text):
        return None
    tokens: list[tuple[bool, str]] = []
    labelled = False
    end = switches = 0
    for match in _literals(text):
        if match is None or 1 < switches < len(tokens) - 1:  # neither turns nor two lists
            return None
        number = match["number"]
        if number is None:
            raw = match[0]
            plain = raw.strip("\"'")
            if len(plain) < 60 and kind_of(plain) and _KEY.match(text, match.end()):
                labelled |= PROBABILITY in kind_of(plain)
                continue
            if not _is_code(text, match.start(), end):
                return None
            tokens.append((True, _decoded(match)))
        else:
            kinds = kind_of(_name_before(text, match.start()))
            if kinds & {META, TOTAL} and not kinds & {PROBABILITY, WEAK}:
                continue
            labelled = labelled or PROBABILITY in kinds or _is_of_column(text, match.start())
            tokens.append((False, number))
        switches += len(tokens) > 1 and tokens[-1][0] != tokens[-2][0]
        end = match.end()
    pairs = _pairs(tokens)
    if pairs is None:
        return None
    numbers = [number for _, number in pairs]
    known = len(pairs) == shape.k or sums_to_one(numbers)
    return Reading(
        [Entry(said.strip(), number) for said, number in pairs], None, (), labelled or known
    )


def _name_before(text: str, end: int) -> str:
    """The name that a number has in front of it: ``p = 0.2``."""
    match = _NAMED.match(text[max(0, end - 60) : end][::-1])
    return match["key"][::-1] if match else ""


def _is_of_column(text: str, end: int) -> bool:
    """Whether a number is the first of a list that has the name of probabilities."""
    if text[max(0, end - 10) : end].rstrip()[-1:] not in _OPENING:
        return False
    column = _COLUMN.search(text, max(0, end - 99), end)
    return column is not None and is_number_key(column["key"])


def _literals(text: str) -> Iterator[re.Match[str] | None]:
    """Strings and numbers in order; None behind too many, or too many quotes that close nowhere."""
    found = unclosed = 0
    for match in _LITERAL.finditer(text):
        if match["open"] is None:
            found += 1
            yield match
        else:
            unclosed += 1
        if found > _MOST or unclosed > _MOST_OPEN:
            yield None


def _is_program(text: str) -> bool:
    """Whether a text has any sign that a program would have."""
    return any(sign in text for sign in ("[", "{", "=", ";", "->")) or (
        "(" in text and _TUPLE.search(text) is not None
    )


def _is_code(text: str, start: int, end: int) -> bool:
    """Whether what stands before a string, on its line, is a program's and not a sentence."""
    line = max(text.rfind("\n", 0, start) + 1, end)
    before = text[max(line, start - 200) : start].strip()
    if not before or before[-1] in _BEFORE:
        return True
    word = before.rsplit(None, 1)[-1].lower()
    return word in _WORDS or word.lstrip("[({").startswith(":")


def _decoded(match: re.Match[str]) -> str:
    if match["long"] is not None:
        return match["long"]
    if match["double"] is not None:
        try:
            read = from_json(f'"{match["double"]}"')
        except ValueError:
            return match["double"].replace('\\"', '"')
        return str(read)
    return unescaped(match["single"].replace("''", "'"))


def _pairs(tokens: Sequence[tuple[bool, str]]) -> list[tuple[str, str]] | None:
    """Strings with their numbers, if they take turns or stand in two lists."""
    strings = [value for is_text, value in tokens if is_text]
    numbers = [value for is_text, value in tokens if not is_text]
    if len(strings) < 2 or len(strings) != len(numbers):
        return None
    kinds = [is_text for is_text, _ in tokens]
    half = len(strings)
    turns = all(a != b for a, b in itertools.pairwise(kinds))
    lists = all(kinds[:half]) or not any(kinds[:half])
    if not turns and not lists:
        return None
    return list(zip(strings, numbers, strict=True))
