"""What all texts of a list share and none of its own would have: ordinals, bullets, labels.

A marker that no pattern knows shows in this: it runs through.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from vs_core.formats.items import cleaned_alike
from vs_core.words import ABOUT, PROBABILITY, WEAK, kind_of, words_of

__all__ = ["CALLED", "without_common_marks"]

_COUNTED = (
    ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"),
    ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十"),
    ("ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn"),
    ("uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez"),
    ("premier", "deuxième", "troisième", "quatrième", "cinquième", "sixième"),
    ("alpha", "beta", "gamma", "delta", "epsilon", "zeta"),
)
_ORDINALS = {word: at for words in _COUNTED for at, word in enumerate(words, 1)}
_PICTURES = "\u2600-\u27bf\U0001f000-\U0001faff"
_NUMBERED, _NUMBERED_PICTURES = (
    re.compile(
        r"(?P<head>[^\w\n]{0,4}(?:[^\W\d_]{1,16}[ .:_-]{0,3})?[#№<({\[]{0,2})"
        rf"(?P<ord>\d{{1,3}}(?!\.\d)|{'|'.join(sorted(_ORDINALS, key=len, reverse=True))})"
        r"(?P<tail>(?:st|nd|rd|th|º|ª|er|e)?(?: (?:response|answer|option|choice))?"
        rf"(?:</\w{{1,8}}>)?(?:[^\w\n(\[“\"'‘«<{pictures}]{{1,4}}\s{{0,3}}|[^\w\n]{{0,8}}\n\s{{0,9}}))(?=\S)",
        re.I,
    )
    for pictures in ("", _PICTURES)
)
_LETTERED = re.compile(
    r"(?P<head>[*_(\[]{0,3})(?P<ord>[A-Za-z])"
    r"(?P<tail>[*_]{0,3}(?:[.):\]]|\s[=–—-])[*_]{0,3}[ \t]{1,3})(?=\S)"
)
_DOTTED, _DOTTED_FIRST = (
    re.compile(r"(?P<head>\d{1,2}\.)(?P<ord>\d{1,2})(?P<tail>[.):]?[ \t]{1,3})(?=\S)"),
    re.compile(r"(?P<head>)(?P<ord>\d{1,2})(?P<tail>\.\d{1,2}[.):]?[ \t]{1,3})(?=\S)"),
)
_BULLET = re.compile(
    r"(?:»|[^\w\s\"'“”‘’«»(\[{<$#@*_`|]{1,3}|\[[ xX✓]?\]|#{1,6}|<\w{1,8}>)[ \t]+(?=\S)"
)
CALLED = re.compile(r"(?:p|pr|prob|probability)\s?[(\[](?P<text>.+)[)\]]\Z", re.I | re.DOTALL)
"""What has its probability as mathematics writes it: ``P(Paris)``."""

_ENDS = re.compile(r"(?:[\s:;,=@/#|~<>({\[$\\*-]|_{3,})+\Z")
_NAMED = re.compile(
    r"(?P<word>[^\W\d_]{1,20})(?:\s(?:of|that|for|it is)\b)?\s?[:：,–—-]?\s{1,3}(?=\S)", re.I
)
"""What may stand between a probability and the text behind it: ``20% chance of``."""
_CLOSING_TAG = re.compile(r"</[\w-]{1,20}>\Z")
_VERBS = frozenset(
    ("has", "have", "is", "with", "at", "gets", "hat", "mit", "con", "avec", "a", "w")
)
_ABOUT = words_of(ABOUT)


def without_common_marks(texts: Sequence[str], *, words: bool = True) -> list[str]:
    """Return the texts of a list without what all have in front or behind as its structure.

    Args:
        texts: Of the list.
        words: Whether words behind them may belong to their numbers; not to those that stand in
            brackets with a label of their own.
    """
    texts = list(texts)
    if len(texts) < 2 or not all(texts):
        return texts
    for pattern in (_DOTTED, _DOTTED_FIRST, _NUMBERED, _NUMBERED_PICTURES, _LETTERED):
        counted = _all_match(pattern, texts, 80)
        if counted and _runs(counted):
            texts = [text[match.end() :] for text, match in zip(texts, counted, strict=True)]
            break
    bullets = _all_match(_BULLET, texts, 20)
    if bullets and len({match[0] for match in bullets}) == 1:
        texts = [text[match.end() :] for text, match in zip(texts, bullets, strict=True)]
    called = _all_match(CALLED, texts, 400) if all(len(text) < 400 for text in texts) else []
    if called:
        texts = [match["text"] for match in called]
    named = _all_match(_NAMED, texts, 60)
    if named and len({match[0] for match in named}) == 1 and _is_likely(named[0]["word"]):
        texts = [text[match.end() :] for text, match in zip(texts, named, strict=True)]
    width = _shared_end(texts, words=words)
    if width:
        texts = [text[:-width].rstrip() for text in texts]
    return cleaned_alike(texts)


def _all_match(pattern: re.Pattern[str], texts: Sequence[str], size: int) -> list[re.Match[str]]:
    """How a pattern matches the beginnings of all texts; nothing if it does not match one."""
    found: list[re.Match[str]] = []
    for text in texts:
        match = pattern.match(text[:size])
        if match is None:
            return []
        found.append(match)
    return found


def _runs(found: Sequence[re.Match[str]]) -> bool:
    """Whether the ordinals count on, behind and in front of the same."""
    heads = {match["head"].lower() for match in found}
    tails = {re.sub(r"^(?:st|nd|rd|th)", "", match["tail"]) for match in found}
    ordinals = [_ordinal(match["ord"]) for match in found]
    return (
        len(heads) == 1
        and len(tails) == 1
        and ordinals[0] in (0, 1)
        and all(b == a + 1 for a, b in itertools.pairwise(ordinals))
    )


def _ordinal(written: str) -> int:
    if written.isdigit():
        return int(written)
    return _ORDINALS.get(written.lower()) or ord(written.lower()) - ord("a") + 1


def _shared_end(texts: Sequence[str], *, words: bool) -> int:
    """How many characters all texts end with that belong to the probability behind them."""
    first, last = min(t[-24:][::-1] for t in texts), max(t[-24:][::-1] for t in texts)
    size = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), None)
    shared = first[: len(first) if size is None else size][::-1]
    shared = shared[-min(len(first), len(last)) :] if shared else ""
    if not shared or any(len(shared) >= len(text) for text in texts):
        return 0
    end = _ENDS.search(shared)
    if end and "|" in end[0] and all(text.startswith("|") for text in texts):
        return 0  # rows of a table
    if end and ">" in end[0] and all(map(_CLOSING_TAG.search, texts)):
        return 0
    width = len(end[0]) if end else 0
    parts = shared[: len(shared) - width].split(" ") if words else []
    for count in range(1, min(4, len(parts))):
        tail = parts[-count:]
        if not all(_belongs(word) for word in tail):
            break
        width = len(shared) - len(" ".join(parts[:-count]))
    return width


def _is_likely(word: str) -> bool:
    return word.lower() == "likely" or bool(kind_of(word) & {PROBABILITY, WEAK})


def _belongs(word: str) -> bool:
    written = word.strip("(<{[$*_:=")
    plain = written.lower()
    if plain == "p(x)" or kind_of(plain) & {PROBABILITY, WEAK}:
        return True
    named = len(written.rstrip(".")) == 1 and written[0].isupper()  # Vitamin A
    return not named and (plain in _VERBS or plain in _ABOUT)
