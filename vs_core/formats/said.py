"""Candidates that sentences quote: ``There is a 60% chance of "Paris".`` and the like."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vs_core.formats.markers import marker
from vs_core.formats.numbers import PLAIN, SHORT, Found, number_in, probabilities_in
from vs_core.words import PROBABILITY, WEAK, kind_of

__all__ = ["said"]

_QUOTES = (("**", "**"), ('"', '"'), ("“", "”"), ("«", "»"), ("„", "“"), ("`", "`"))
_OPENING = re.compile("[{}]".format("".join(opening[0] for opening, _ in _QUOTES)))
_SENTENCE = re.compile(
    r'(?P<before>[^"“«*`]{0,160})(?:"(?P<a>[^"\n]{1,400})"|“(?P<b>[^“”\n]{1,400})”'
    r"|«(?P<c>[^«»\n]{1,400})»|\*\*(?P<d>[^*\n]{1,400})\*\*)"
    r'(?P<after>[^"“«*`]{0,160}?(?:[.!;](?=\s|\Z)|\Z))'
)
_WORDS = re.compile(r"[^\W\d_]{2,}")
_LABELLED = re.compile(r"[^\W\d_]\s?[:：=]\s?[\d.,]{1,24}\s?%?\W{0,3}\Z")
"""How an item of a list ends, and no sentence."""
_BRACKETED = re.compile(r"[(\[（【{][^)\]）】}\d]{0,60}\d")
_LIKELY = frozenset(("likely", "probable", "chance", "chances", "odds"))


def said(lines: Sequence[str]) -> tuple[int, list[tuple[str, Found]]]:
    """Return the candidates that sentences quote, each with a probability in words around it.

    Args:
        lines: Of the answer.

    Returns:
        The line of the first, and texts with their probabilities; nothing unless at least two
        sentences are of that kind, and all between the first and the last.
    """
    found = [(at, _of_line(line)) for at, line in enumerate(lines) if line.strip()]
    hits = [at for at, (_, pairs) in enumerate(found) if pairs]
    if not hits or hits[-1] - hits[0] + 1 > len(hits):
        return 0, []
    inner = found[hits[0] : hits[-1] + 1]
    pairs = [pair for _, of_line in inner for pair in of_line]
    return (inner[0][0], pairs) if len(pairs) > 1 else (0, [])


def _of_line(line: str) -> list[tuple[str, Found]]:
    if _OPENING.search(line) is None or len(line) > 40 * SHORT:
        return []
    if not any(map(str.isdigit, line)):
        return []
    if _LABELLED.search(line[-SHORT:]) and marker(line) is not None:
        return []
    one = _whole(line)
    if one is not None:
        return [one]
    pairs = []
    at = 0
    while at < len(line.rstrip()):
        match = _SENTENCE.match(line, at)
        number = _number(match["before"], match["after"]) if match else None
        if match is None or number is None:
            return []
        text = next(filter(None, match.group("a", "b", "c", "d")))
        if not _is_text(text, "**" if match["d"] else ""):
            return []
        pairs.append((text.strip(), number))
        at = match.end()
    return pairs


def _whole(line: str) -> tuple[str, Found] | None:
    """The candidate of a line that is one sentence: all from its first to its last quote."""
    for opening, closing in _QUOTES:
        begin, end = line.find(opening), line.rfind(closing)
        if begin < 0 or end <= begin + len(opening):
            continue
        number = _number(line[:begin], line[end + len(closing) :])
        text = line[begin + len(opening) : end]
        several = opening in text and probabilities_in(text)
        if number is not None and not several and _is_text(text, opening):
            return text.strip(), number
    return None


def _is_text(quoted: str, mark: str) -> bool:
    """Whether what stands in quotes is a text; in bold, it may be a number, a marker or a label."""
    plain = quoted.strip(" :.)([]#*_")
    if not plain or mark != "**":
        return bool(plain)
    if PROBABILITY in kind_of(plain) or number_in(plain[:SHORT]) is not None:
        return False
    found = marker(f"{plain}:")
    return found is None or found.end <= len(plain)


def _number(before: str, after: str) -> Found | None:
    """The one probability in the words of a sentence around what it quotes."""
    if len(before) > SHORT or len(after) > SHORT or _BRACKETED.search(f"{before} {after}"):
        return None
    around = f"{before} {after}"
    numbers = probabilities_in(around)
    words = [word.lower() for word in _WORDS.findall(around)]
    if len(numbers) != 1 or len(words) < 3:
        return None
    if not any(word in _LIKELY or kind_of(word) & {PROBABILITY, WEAK} for word in words):
        return None
    found = number_in(numbers[0])
    return found if found is not None and found.strength >= PLAIN else None
