"""Probabilities as they stand in running text: at the end of a line, at its beginning, alone on it.

Every pattern is applied to a short stretch (`SHORT`), so that reading stays linear.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from vs_core.probabilities import alone
from vs_core.words import (
    ABOUT,
    CANDIDATE,
    PROBABILITY,
    TEXT,
    TOTAL,
    VOCABULARY,
    WEAK,
    kind_of,
    words_of,
)

__all__ = [
    "SHORT",
    "Found",
    "leading",
    "number_in",
    "number_line",
    "probabilities_in",
    "trailing",
    "within",
]

SHORT = 160
"""Characters within which a marker, a label or a probability must stand."""

KEPT = 4096
"""Lines of which it is remembered what was found: each way to cut a text looks at them again."""

BARE, PLAIN, LABELLED = 1, 2, 3
"""How surely a number is a probability: ``12``; ``0.12`` or ``12%``; ``p = 0.12``."""


class Found(NamedTuple):
    """A probability in a text.

    Args:
        start: Where what belongs to it begins, label and brackets included.
        end: And where that ends.
        number: The number as it is written.
        strength: `BARE`, `PLAIN` or `LABELLED`.
        label: Its label, lower case; empty without one.
        enclosed: Whether it stands in brackets.
    """

    start: int
    end: int
    number: str
    strength: int
    label: str = ""
    enclosed: bool = False


_UNIT = (
    r"%|％|٪|‰|percent(?:age)?\b|per\scent\b|pct\b\.?|prozent\b|процент\w{0,3}|por\s?cento\b"
    r"|por\sciento\b|pour\scent\b|パーセント|퍼센트|yüzde\b"
)
NUMBER = (
    r"(?<![A-Za-z\d.,/])[-−+]?(?:\d{1,12}(?:(?:[.,٫．]|·(?!10\b))\d{1,24})?|[.,٫]\d{1,24})(?:[eE][-+−]?\d{1,3})?"
    rf"(?:\s?(?:{_UNIT})|\s?/\s?\d{{1,9}}(?:\.\d{{1,4}})?(?!\s?[%％])"
    r"|\s(?:chances?\s)?(?:in|out\sof|of(?=\s100\b)|von|sur|из|su)\s\d{1,9}(?:\.\d{1,9})?"
    r"|\s?[×·x*]\s?10\s?(?:\^\s?[({]?[-−]?\d{1,2}[)}]?|⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,2}))?(?![A-Za-z\d])"
)
_NUMBER = re.compile(NUMBER, re.I)
_DIGIT = re.compile(r"\d")
"""What every number holds, and most lines of a text do not: far cheaper to see."""
_ALONE = re.compile(rf"[\s*_`'\"]*[~≈≃∼<>≤≥±]?\s?({NUMBER})[\s*_`'\"]*\Z", re.I)
WORD = r"\w\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0dff\u0e00-\u0e7f"
"""What a word is made of: letters, and the signs above and below them, which ``\\w`` leaves out."""
_WORD = re.compile(rf"[^\W\d_][{WORD}'’-]*\.?|%")
_SEPARATE = re.compile(r"(?<=[^\W\d_])[.:]|[\s:：=≈~,;|/()（）*_`'\"<>≤≥±–—-]+")
# Scripts that do not part words: their labels are looked for as they stand.
_UNPARTED = re.compile(
    "|".join(
        re.escape(word)
        for word in sorted(VOCABULARY[PROBABILITY] + VOCABULARY[WEAK], key=len, reverse=True)
        if "\u0900" <= word[0] <= "\u0e7f" or word[0] >= "\u3040" or " " in word
    ),
    re.I,
)
# A label of one word and its number, as they stand most often.
_COMMON = re.compile(r"(?P<label>[A-Za-z]{1,16}): ?(?P<number>[01]?\.\d{1,9}|\d{1,2}%)\Z")
_ABOUT = words_of(ABOUT)
_PARTING = tuple(":：–—-")
_PICTURES = re.compile("[\u2190-\u21ff\u2600-\u27bf\U0001f000-\U0001faff]")


def _strength(number: str) -> int:
    return BARE if number.strip("+").isdigit() else PLAIN


def number_in(content: str, strength: int = 0) -> Found | None:
    """Return the probability that is all of ``content`` but for labels and words beside it.

    Args:
        content: The text.
        strength: The only one that is of use to who asks; 0 for any. Others may be None then.
    """
    if _DIGIT.search(content) is None:
        return None
    if content[0].isalpha():
        common = _COMMON.match(content)
        if common is not None and kind_of(common["label"]) & _LABELS:
            return _labelled(common)
    elif alone := _ALONE.match(content):
        return Found(0, len(content), alone[1], _strength(alone[1]))
    return _among_words(content, strength)


def _labelled(common: re.Match[str]) -> Found:
    return Found(0, common.end(), common["number"], LABELLED, common["label"].lower())


def _among_words(content: str, wanted: int) -> Found | None:
    match = _the_number(content)
    if match is None:
        return None
    rest = f"{content[: match.start()]} {content[match.end() :]}"
    label, strong, unknown = _label_among(rest)
    strength = LABELLED if label else _strength(match[0])
    if wanted and strength != wanted:
        return None
    if unknown and not (strong and unknown <= 6):
        return None
    if not strong and _PICTURES.search(rest):
        return None
    if unknown and label not in content[: match.start()].lower():
        return None  # 0.5: Probability theory
    if unknown and content[match.end() :].lstrip()[:1] in _PARTING:
        return None  # probability 0.5: Paris
    other = None if strong else _NUMBER.search(rest)
    if other is not None and not _says_the_same(match[0], other[0]):
        return None  # which of them would it be?
    return Found(0, len(content), match[0].strip(), strength, label)


def _says_the_same(one: str, other: str) -> bool:
    """Whether two numbers are one, written in two ways: ``0.2 (20%)``."""
    a, b = alone(one), alone(other)
    return a is not None and b is not None and abs(a - b) < 0.006


def _label_among(rest: str) -> tuple[str, bool, int]:
    """The label among the words beside a number, whether it is a sure one, how many say nothing."""
    label, strong, unknown = "", False, 0
    for word in _WORD.findall(rest):
        kinds = kind_of(word)
        if PROBABILITY in kinds:
            label, strong = word.lower(), True
        elif WEAK in kinds and not strong:
            label = word.lower()
        elif word.lower() not in _ABOUT and TOTAL not in kinds:
            unknown += 1
    if not strong and (found := _unparted(rest)):
        return found[0], True, 0
    if not label and unknown and _foreign_about(rest):
        unknown = 0
    return label, strong, unknown


def _unparted(text: str) -> re.Match[str] | None:
    """The first label that no space parts from others."""
    return _UNPARTED.search(text) if _may_be_unparted(text) else None


def _may_be_unparted(text: str) -> bool:
    """Whether a text can hold a word of `_UNPARTED` at all: of those in ASCII one has a hyphen."""
    return not text.isascii() or "-" in text


def _the_number(content: str) -> re.Match[str] | None:
    """The first number behind a label, or else the first; that of a candidate is none."""
    found = [match for match in _NUMBER.finditer(content) if not _is_ordinal(content, match)]
    if len(found) > 1:
        for word in _WORD.finditer(content):
            if PROBABILITY in kind_of(word[0]):
                return next((match for match in found if match.start() > word.end()), found[0])
    return found[0] if found else None


def _is_ordinal(content: str, match: re.Match[str]) -> bool:
    """Whether a number is that of a candidate: ``#1, p = 0.2``, ``Probability 1: 0.2``."""
    if not match[0].isdigit() or not match.start():
        return False
    if content[match.start() - 1] in "#№":
        return True
    return content[match.end() : match.end() + 4].lstrip(" *_")[:1] in tuple(":：=") and (
        _NUMBER.search(content, match.end()) is not None
    )


def _foreign_about(rest: str) -> bool:
    return all(part in _ABOUT for part in rest.split())


def probabilities_in(content: str) -> list[str]:
    """Return the numbers in a text that may be probabilities: not those of its candidates."""
    found = (match[0].strip() for match in _NUMBER.finditer(content))
    return [number for number in found if _strength(number) > BARE]


# --- a line of its own ---------------------------------------------------------------------------

_QUOTES = "*_`\"' \t#>•-–—+([（【{|→➡⇒↳⟶└├─╰"
_QUOTED = _QUOTES + ")]）】}.,;。"


def number_line(line: str) -> Found | None:
    """Return the probability that a line holds, if it holds nothing but that and its label."""
    return _number_line(line) if 2 <= len(line) <= SHORT else None


@lru_cache(maxsize=KEPT)
def _number_line(line: str) -> Found | None:
    if _DIGIT.search(line) is None or line.lstrip().startswith("```"):
        return None
    inner = line.lstrip(_QUOTES).rstrip(_QUOTED)
    if not inner:
        return None
    if inner[-1] not in _ENDS and _NUMBER.search(inner) is None:
        return None
    begins = line.lstrip(" \t*_`>")[:1]
    common = _COMMON.match(inner) if inner[0].isalpha() else None
    if common is not None and _is_label(common["label"]):
        return _labelled(common)
    if begins not in _BRACKETS and (common is not None or _WORDED.search(inner) is None):
        return None  # neither a label nor brackets
    plain = inner.replace("**", "").replace("__", "") if "*" in inner or "_" in inner else inner
    found = number_in(plain, 0 if begins in _BRACKETS else LABELLED)
    if found is None or (found.label and _first_is_text(inner, found)):
        return None
    if found.label and not _is_qualified(inner[inner.find(found.number) + len(found.number) :]):
        return None  # a sentence, or a text behind its probability
    if not found.label:
        enclosed = begins in _BRACKETS and found.strength >= PLAIN
        return found._replace(enclosed=True) if enclosed else None
    return found


def _is_label(word: str) -> bool:
    """Whether a word is that of a probability both as it is written and in lower case."""
    return bool(kind_of(word) & _LABELS and kind_of(word.lower()) & _LABELS)


_PARENTHESIS = re.compile(r"\s*[(\[（][^()\[\]（）]{0,60}[)\]）]?|\s*[)\]）*_`]+")


def _is_qualified(after: str) -> bool:
    """Whether what stands behind a number only qualifies it: ``0.6, high``, ``0.6 (estimated)``."""
    if not after:
        return True
    rest = _PARENTHESIS.sub("", after, count=3).strip()
    if rest and after.lstrip()[:1] in tuple(")]）】}"):
        return False
    if not rest:
        return True
    if rest[0] in "|:：–—-" or _PICTURES.search(rest):
        return False
    words = _WORD.findall(rest)
    if all(word.lower() in _ABOUT or kind_of(word) & _LABELS for word in words):
        return True
    return rest[0] in ",/" and len(words) <= 3


_ENDS = frozenset("0123456789%％٪")
_BRACKETS = frozenset("([（【{")
_WORDED = re.compile(r"[^\W\d_]|%")
"""What a label has at least."""


def _first_is_text(inner: str, found: Found) -> bool:
    """Whether what stands before a number is more than its label: ``Weight loss = 0.2``."""
    head = inner[: inner.rfind(found.number)]
    labelled = False
    unknown = 0
    unparted = _unparted(head)
    if unparted is not None and not head[: unparted.start()].strip(" *_`~"):
        return False
    for match in _WORD.finditer(head):
        word = match[0].lower()
        kinds = kind_of(word)
        if kinds & _LABELS:
            if not labelled and PROBABILITY not in kinds and _PARTED.search(head, match.end()):
                return True  # Chance, with a probability of 0.2
            if labelled and unknown:
                return True  # Probability theory: probability 0.2
            labelled = True
        elif word not in _ABOUT and not _unparted(word):
            named = kinds & _CANDIDATES and not unknown
            if not labelled and not (named and not _PARTED.search(head, match.end())):
                return True
            unknown += 1
    if unknown > (3 if head.rstrip("*_` ")[-1:] in tuple(":：=≈") else 0):
        return True
    return "(" in head.rstrip("*_` (") or "（" in head.rstrip("*_` （")


_PARTED = re.compile(r"[,|–—(\[{;]|\s-\s|\s\*\*")
_CANDIDATES = frozenset((TEXT, CANDIDATE))
_LABELS = frozenset((PROBABILITY, WEAK))

# --- at the end ----------------------------------------------------------------------------------

_CLOSING = {")": "(", "]": "[", "）": "（(", "】": "【", "}": "{", ">": "<", "」": "「", "»": "«"}
_OPENING = "([（【{<「«"
_DECOR = "*_` \t"
_AFTER = " \t*_`.,;!。；，、|$"
_SEPARATOR = re.compile(
    r"(?=[\s|｜=→⇒⟶>:：≈.…·,;，；、-])"  # what all begin with: seen far quicker than tried in turn
    r"(?:\s[–—―-]{1,3}(?=[\s\d.~≈*]|[^\W\d])|\s*[|｜]|\s*(?:->|→|=>|⇒|⟶|>>|[:：=≈])"
    r"|\t|\s{2,}|\s?(?:\.{3,}|…+|·{2,})|[,;，；、](?=\s|\D)|\s(?=[~≈])"
    r"|\s(?:@|//|#|/\*|<!--)\s?)[*_`]*"
)
_LAST_WORD = re.compile(
    rf"(?:^|(?<=[\s*_`(\[–—|,;，；-]))([^\W\d_][{WORD}'’-]*\.?|%)[*_`\s:：=]*\Z"
)


def trailing(text: str) -> Found | None:
    """Return the probability at the end of a text; ``start`` is where the text before it ends."""
    tail = text[-SHORT:]
    found = _trailing(tail)
    if found is None or len(tail) == len(text):
        return found
    return Found(len(text) - len(tail) + found.start, len(text), *found[2:])


@lru_cache(maxsize=KEPT)
def _trailing(tail: str) -> Found | None:
    stripped = tail.rstrip(_AFTER)
    if _DIGIT.search(stripped) is None or stripped.isdigit():
        return None
    found = None
    if stripped[-1] in _CLOSING:
        found = _bracketed(stripped)
    elif tail.rstrip(" \t.,;")[-1:] in ("`", "*", "_") and (match := _MARKED.search(tail)):
        inner = number_in(match[1])
        if inner is not None and inner.strength > BARE:
            before = _label_before(tail, match.start())
            found = inner._replace(start=match.start(), enclosed=True)
            if before is not None:
                found = found._replace(start=before[0], label=before[1], strength=LABELLED)
    if found is None and (stripped[-1].isdigit() or _NEAR_END.search(stripped)):
        found = _separated(stripped)
    if found is None:
        return None
    return Found(_without_separator(tail, found), len(tail), *found[2:])


_MARKED = re.compile(r"(?:`|\*{1,3}|(?<=\s)_)([^`*_\n]{1,60})(?:`|\*{1,3}|_)[\s.,;]*\Z")
_NEAR_END = re.compile(r"\d[^\d]{0,30}\Z")


def _bracketed(tail: str) -> Found | None:
    close = len(tail) - 1
    start = _opening(tail, close)
    if start < 0:
        return None
    found = number_in(tail[start + 1 : close])
    if found is None and tail[close] == ")":  # 0.2 (approx.), Probability: 0.2 (high)
        before = _separated(tail[:start].rstrip(_AFTER))
        inner = tail[start + 1 : close]
        if before is not None and all(w.lower() in _ABOUT for w in _WORD.findall(inner)):
            return before
        return None
    if found is None:
        return None
    if not found.label and (same := _said_before(tail[:start], found)) is not None:
        return same._replace(end=found.end)
    outer = None if found.label else _label_before(tail, start)
    if outer is not None:
        return found._replace(start=outer[0], label=outer[1], strength=LABELLED, enclosed=True)
    return Found(start, found.end, found.number, found.strength, found.label, True)


def _said_before(tail: str, found: Found) -> Found | None:
    """The same probability, where it stands before another way to write it: ``0.2 (20%)``."""
    tail = tail.rstrip(" \t*_`=≈")
    before = _separated(tail) if tail[-1:].isdigit() or tail[-1:] in _ENDS else None
    return before if before and _says_the_same(before.number, found.number) else None


def _opening(tail: str, close: int) -> int:
    """Where the bracket opens that closes at ``close``; -1 if it does not."""
    closing, openers, depth = tail[close], _CLOSING[tail[close]], 0
    nearest = -1
    for opener in openers:
        nearest = max(nearest, tail.rfind(opener, 0, close))
    if nearest < 0 or closing not in tail[nearest:close]:
        return nearest
    for at in range(close, -1, -1):
        depth += (tail[at] == closing) - (tail[at] in openers)
        if not depth:
            return at
    return -1


def _separated(tail: str) -> Found | None:
    """``Paris - 0.5``, ``Paris: 50%``, ``Paris, with a probability of 0.5``."""
    found = _behind_a_separator(tail)
    return _at_the_end(tail) if found is None else found


_SIGNS = frozenset(("", "≈", "~"))


def _behind_a_separator(tail: str) -> Found | None:
    separators = list(_SEPARATOR.finditer(tail))
    for at in range(len(separators) - 1, max(-1, len(separators) - 6), -1):
        match = separators[at]
        found = number_in(tail[match.end() :].replace("**", ""))
        if found is None:
            continue
        if (
            match[0].strip() in _SIGNS
            and at
            and separators[at - 1].end() == match.start()
            and separators[at - 1][0] not in ("...", "…")
        ):
            match = separators[at - 1]  # the space before a sign such as ~
        before = _label_before(tail, match.start())
        if before is not None:
            return found._replace(start=before[0], label=before[1], strength=LABELLED)
        same = _said_before(tail[: match.start()], found) if "=" in match[0] else None
        if same is not None:
            return same._replace(end=found.end)
        if found.strength == LABELLED or match.start() > 0:
            return found._replace(start=match.start())
    return None


_CLOSED = frozenset(")]）】")


def _at_the_end(tail: str) -> Found | None:
    """The last number, if a label stands beside it: ``20% chance``."""
    last = _last(_NUMBER, tail)
    if last is None:
        return None
    after = tail[last.end() :]
    if after and not _CLOSED.isdisjoint(after):
        return None
    before = _label_before(tail, last.start())
    head = tail[: last.start()][-12:]
    unparted = _last(_UNPARTED, head) if not before and _may_be_unparted(head) else None
    if before is None and unparted is None and not (after and _label_among(after)[0]):
        return None
    found = number_in(tail[last.start() :]) if after.strip() else number_in(last[0])
    if found is None:
        return None
    if before is not None:
        return found._replace(start=before[0], label=before[1], strength=LABELLED)
    if found.strength == LABELLED:
        return found._replace(start=last.start())
    if unparted is None:
        return None
    begin = max(0, last.start() - 12) + unparted.start()
    return found._replace(start=begin, label=unparted[0], strength=LABELLED)


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = None
    for match in pattern.finditer(text):
        found = match
    return found


def _label_before(tail: str, end: int) -> tuple[int, str] | None:
    """Where a label that ends at ``end`` begins, with the words around it, and the label."""
    at, label, start = end, "", end
    for _ in range(6):
        begin = _last_part(tail, at)
        match = _LAST_WORD.search(tail, begin, at) if begin < at else None
        if match is None:
            break
        word = match[1]
        kinds = kind_of(word)
        if PROBABILITY in kinds or (WEAK in kinds and not label and _parted(tail, match.start(1))):
            label, start = word.lower(), match.start(1)
        elif label and word.lower() in _ABOUT:
            start = match.start(1)
        elif word.lower() not in _ABOUT:
            break
        at = match.start(1)
    if not label:
        head = tail[max(0, end - 14) : end]
        unparted = _last(_UNPARTED, head) if _may_be_unparted(head) else None
        if unparted is None or head[unparted.end() :].strip(" *_`:：=为は은는이가约約약") != "":
            return None
        return max(0, end - 14) + unparted.start(), unparted[0]
    return start, label


def _last_part(tail: str, end: int) -> int:
    """Where the last part of a text begins that no space divides: the last word is in it.

    The end of the text if it does not end in a word.
    """
    begin = max(0, end - 50)
    head = tail[begin:end].rstrip(_BEHIND_WORD)
    if head[-1:] in _NO_WORD:
        return end
    if head[-1].isspace():
        return begin
    return begin + len(head) - len(head.rsplit(None, 1)[-1])


_BEHIND_WORD = " \t\n*_`:：="
_NO_WORD = frozenset(("", *'!"#$&()+,/;<>?@[\\]^{|}~'))
"""What no word ends with."""


def _parted(tail: str, start: int) -> bool:
    """Whether something parts a weak label from the text before it."""
    before = tail[:start].rstrip("*_` ")
    return bool(before) and before[-1] in '([（–—-|,;，；:：\t\n"”'


def _without_separator(tail: str, found: Found) -> int:
    """Where the text ends that stands before a probability: without what parts them."""
    head = tail[: found.start].rstrip()
    if head and (head[-1].isalnum() or head[-1] in ".!?"):  # nothing parts them
        return len(head)
    head = _without_emphasis(head)
    if not found.label and not found.enclosed:
        return len(head)  # the separator has been found
    arrows = ("->", "=>", "→", "⇒") if not found.enclosed else ()
    pipes = ("|", "｜", "=", "≈", "~") if not found.enclosed else ()
    for mark in (*arrows, "–", "—", "―", *pipes):
        if head.endswith(mark):
            return len(_without_emphasis(head[: -len(mark)].rstrip()))
    if head.endswith((" -", " --", "\n-")):
        head = head.rstrip("-")
    elif head[-1:] in (",:：，、(（[【" if found.enclosed else ",;:：，；、(（[【"):
        head = head[:-1]
    return len(_without_emphasis(head.rstrip()))


_EMPHASIS = frozenset("*_`")


def _without_emphasis(head: str) -> str:
    """A text without the emphasis that opens at its end, for the number."""
    if head[-1:] not in _EMPHASIS or head.endswith("```"):
        return head
    for mark in ("***", "**", "__", "*", "_", "`"):
        if head.endswith(mark) and head.count(mark) % 2:
            before = head[: -len(mark)]
            if not before or before[-1] in " \n-–—(:|":
                return before.rstrip()
    return head


# --- at the beginning and within -----------------------------------------------------------------

_LEADING_BRACKET = re.compile(
    r"[\s*_`]*(?:(?P<label>[^\W\d_]{1,20})\s?)?[(\[（【{<](?P<inner>[^()\[\]（）【】{}<>\n]{1,80})[)\]）】}>]"
    r"(?:[*_`]{1,3}(?=[\s:：–—-]))?\s*"
)
_LEADING = re.compile(
    rf"[\s*_`]*(?P<label>[^\W\d][^\d*:：=\n]{{0,40}}(?:[:：=]|(?<=[a-z.])\s)\s*)?[*_`]*[~≈]?\s?(?P<number>{NUMBER})[*_`]*"
    r"(?P<sep>\s*[:：|｜–—,;](?:[*_`]{1,3}(?=\s))?\s*|\s+[-=]>?\s+|\s*(?:->|→|=>)\s*|\t\s*|\s{2,}|\s)"
    r"(?!\s*[%％])",
    re.I,
)
_AFTER_LEADING = re.compile(
    r"\s*(?:[*_`]{1,3}(?=[\s:：]))?(?:[:：|｜–—,]|-(?=\s)|->|→|=>)?(?:[*_`]{1,3}(?=\s))?\s*"
)


def leading(text: str) -> Found | None:
    """Return the probability at the beginning of a text; ``end`` is where the text begins."""
    return _leading(text[:SHORT])


@lru_cache(maxsize=KEPT)
def _leading(head: str) -> Found | None:
    digit = _DIGIT.search(head)
    if digit is None or head[digit.start() :].isdigit():
        return None  # nothing stands behind it
    match = _LEADING_BRACKET.match(head)
    label = match["label"] if match else None
    if match and (label is None or PROBABILITY in kind_of(label) or label in ("p", "P")):
        found = number_in(match["inner"])
        if found is not None and (found.strength > BARE):
            after = _AFTER_LEADING.match(head, match.end())
            end = after.end() if after else match.end()
            found = found._replace(start=0, end=end, enclosed=True)
            return found._replace(label=label.lower(), strength=LABELLED) if label else found
    match = _LEADING.match(head)
    if match is None:
        return None
    label = (match["label"] or "").strip(" :：=*_`")
    if label:
        kinds = kind_of(label)
        if not kinds & _LABELS and not any(kind_of(w) & _LABELS for w in label.split()):
            about = all(word in _ABOUT for word in label.lower().split())
            if not about or not match["sep"].strip():  # The 50% rule
                return None
            return Found(0, match.end(), match["number"], _strength(match["number"]))
        return Found(0, match.end(), match["number"], LABELLED, label.lower())
    strength = _strength(match["number"])
    if not match["sep"].strip() and match["sep"] in (" ", "\n"):
        strength = BARE  # 50% off, 0.2 litres
    return Found(0, match.end(), match["number"], strength)


_BRACKET = re.compile(r"[*_`]*[(\[（【]([^()\[\]（）【】\n]{1,80})[)\]）】][*_`]*")


_BETWEEN = re.compile(
    rf"[*_`]{{0,3}}(?:\s[–—-]\s|\s?\|\s|[:：][*_`]{{0,3}}\s)[*_`]{{0,3}}[~≈]?(?P<number>{NUMBER})[*_`]{{0,3}}"
    r"(?=\s?(?:\s[–—-]\s|\|\s|[:：;,]\s|\s\())",
    re.I,
)
"""A number that separators part from what stands before and behind it."""


def within(text: str) -> Found | None:
    """Return the first probability in brackets, or between separators, anywhere in a line."""
    if _DIGIT.search(text) is None:
        return None
    for match in _BRACKET.finditer(text[: 4 * SHORT]):
        found = number_in(match[1])
        if found is not None and found.strength > BARE:
            return found._replace(start=match.start(), end=match.end(), enclosed=True)
    parted = _BETWEEN.search(text[: 4 * SHORT])
    if parted is None or _strength(parted["number"]) == BARE:
        return None
    return Found(parted.start(), parted.end(), parted["number"], PLAIN)
