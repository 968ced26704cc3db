"""Answers just as they were asked for: the fast path, on which no reading is weighed.

Nothing is left to interpret in them: every character is accounted for by one pattern, all numbers
are on [0, 1], and the texts hold no sign of another notation. The readings make the same of them,
many times slower. Anything else is theirs: these functions return None then.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pydantic_core import from_json

from vs_core.formats.base import CUT_OFF, Entry, Reading, Shape
from vs_core.formats.common import without_common_marks
from vs_core.formats.envelope import may_be_final
from vs_core.formats.numbers import number_line
from vs_core.formats.placeholders import is_placeholder
from vs_core.words import ABOUT, TOTAL, kind_of

__all__ = ["Pairs", "as_asked", "json_as_asked", "json_cut_off"]

Pairs = list[tuple[str, float]]
"""Texts, stripped, and their probabilities, on [0, 1]."""


def json_as_asked(text: str, shape: Shape) -> tuple[Pairs, str | None] | None:
    """Return texts, probabilities and reasoning of JSON, alone, in a fence or in prose."""
    start, end = text.find("{"), text.rfind("}") + 1
    if start < 0 or (shape.definition and shape.definition.scale != "probability"):
        return None
    pairs: Pairs = []
    try:
        data = from_json(text[start:end], cache_strings="keys")
        responses, reasoning = data["responses"], data.get("reasoning")
        for response in responses:
            said, probability = response["text"].strip(), response["probability"]
            if len(response) != 2 or is_placeholder(said):
                return None
            if not 0.0 < probability < 1.0 and (
                isinstance(probability, bool) or probability not in (0, 1)
            ):
                return None  # of ``true`` the readings say that it is no number
            pairs.append((said, float(probability)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if not pairs or len(data) != 1 + (reasoning is not None):
        return None
    if not (reasoning is None or isinstance(reasoning, str)):
        return None
    if text.count('"probability"') != len(pairs):
        return None  # what an object says twice is lost in it
    if (start or end < len(text)) and _holds_more(text[:start], text[end : end + _BEHIND]):
        return None
    return None if _is_said_twice(pairs) else (pairs, reasoning or None)


_TORN = re.compile(r'\s*,\s*\{\s*"text"\s*:\s*"([^"\\\x00-\x1f]+)')
"""What follows the last whole candidate where the answer breaks off in the text of another."""


def json_cut_off(text: str, shape: Shape) -> Reading | None:
    """Return what JSON holds that breaks off in a text, and is as it was asked for till then."""
    end = text.rfind("}") + 1
    torn = _TORN.fullmatch(text, end) if text.startswith("{") else None
    if torn is None or shape.fields or "</" in text or may_be_final(text):
        return None
    whole = json_as_asked(f"{text[:end]}]}}", shape)
    said = torn[1].strip()
    if whole is None or not said or is_placeholder(said):
        return None
    pairs, reasoning = whole
    if shape.k not in (0, len(pairs) + 1):
        return None
    if not all(0 < probability < 1 for _, probability in pairs):
        return None  # what is 1 may have been a word
    entries = [Entry(*pair) for pair in pairs]
    return Reading([*entries, Entry(said, repairs=(CUT_OFF,))], reasoning)


def _is_said_twice(pairs: Pairs) -> bool:
    """Whether the second half of an answer may say the first again."""
    half = len(pairs) // 2
    return half > 1 and pairs[0] == pairs[half]


_BEHIND = 2000
"""Characters behind JSON as it was asked for that are looked at for another answer."""


def _holds_more(before: str, behind: str) -> bool:
    """Whether what stands before or behind an answer may be another one."""
    return "<" in before or "[" in before or any(map(str.isdigit, behind))


def as_asked(text: str, shape: Shape, format: str | None) -> Pairs | None:
    """Return texts and probabilities of tags, a numbered list or labelled blocks.

    They stand alone, or between a line that introduces them and one that ends the answer.
    """
    if shape.definition is None or shape.definition.scale != "probability":
        return None
    text = _without_prose(text)
    for name, read in _WAYS:
        if format in (None, name) and (pairs := read(text)) is not None:
            fits = len(pairs) > 1 and shape.k in (0, len(pairs))
            clear = fits and all(p <= 1 and said and not is_placeholder(said) for said, p in pairs)
            return pairs if clear else None
    return None


# A line of words, with nothing that could be a label or a probability: at most "5 jokes".
_WORDS = r"[^\W\d_](?:[^\W\d_]|[ ,;.!?'’–—-]|(?<= )[0-9]{1,2}(?= [^\W\d_])){0,300}"
_BEFORE = re.compile(
    rf"({_WORDS})[:.!]\n+(?=<response>|1\. |(?:Response|Answer|Candidate|Option) 1)"
)
_AFTER = re.compile(rf"\n\n({_WORDS})[.!?]\s*\Z")


_LAST_LINE = 310
"""Characters of an answer in which the line that ends it must stand."""


def _without_prose(text: str) -> str:
    """An answer without a line before it and one behind it that say nothing of it."""
    before = _BEFORE.match(text)
    after = _AFTER.search(text, max(0, len(text) - _LAST_LINE))
    first_words = [match[1].partition(" ")[0] for match in (before, after) if match is not None]
    if not first_words or may_be_final(text) or any(map(_may_be_label, first_words)):
        return text
    return text[before.end() if before else 0 : after.start() if after else len(text)]


def _may_be_label(word: str) -> bool:
    return not kind_of(word) <= {ABOUT}


_TAGGED = re.compile(
    r"\s*<response>\s*<text>([^<&]+)</text>"
    r"\s*<probability>([01]?\.[0-9]{1,9})</probability>\s*</response>"
)


def _tagged(text: str) -> Pairs | None:
    if not text.startswith("<response>") or "[/" in text or may_be_final(text):
        return None
    pairs: Pairs = []
    at = 0
    while (match := _TAGGED.match(text, at)) is not None:
        pairs.append((match[1].strip(), float(match[2])))
        at = match.end()
    if text[at:].strip() or _is_said_twice(pairs) or (pairs and pairs[0][0][:1] in _MARKS):
        return None
    return pairs


_MARKS = tuple('"“*')
"""What a text may begin with that all have."""

# Letters, digits and what stands between sentences: no mark of a list, a table or a number.
# Bounded, for each repetition of a group takes memory.
_PLAIN = r"[^\W_][\w ,!?'’–—-]*(?:\.(?![0-9])[\w ,!?'’–—-]*){0,200}(?<=[^\W_]|[.!?])"
_LISTED = re.compile(
    rf"\n*([0-9]{{1,4}})\. ({_PLAIN}) \(probability: ([01]?\.[0-9]{{1,9}})\)(?=\n|\Z)"
)


_BLOCK = re.compile(
    r"\n*(?:Response|Answer|Candidate|Option) ([0-9]{1,4}):?\n"
    rf"(?:Text|Response|Answer): ({_PLAIN})\nProbability: ([01]?\.[0-9]{{1,9}})(?=\n|\Z)"
)


def _listed(text: str) -> Pairs | None:
    return _numbered(_LISTED, text)


def _in_blocks(text: str) -> Pairs | None:
    pairs = _numbered(_BLOCK, text)
    if pairs is None or may_be_final(text):
        return None
    return None if any(number_line(f"Text: {said}") for said, _ in pairs) else pairs


def _numbered(pattern: re.Pattern[str], text: str) -> Pairs | None:
    """The candidates that a pattern finds one after the other, if they are numbered from 1."""
    pairs: Pairs = []
    at = 0
    while (match := pattern.match(text, at)) is not None and int(match[1]) == len(pairs) + 1:
        pairs.append((match[2], float(match[3])))
        at = match.end()
    if not pairs or text[at:].strip("\n") or TOTAL in kind_of(pairs[-1][0]):
        return None
    texts = [said for said, _ in pairs]
    return pairs if without_common_marks(texts, words=pattern is _BLOCK) == texts else None


_WAYS: tuple[tuple[str, Callable[[str], Pairs | None]], ...] = (
    ("tags", _tagged),
    ("lines", _listed),
    ("lines", _in_blocks),
)
