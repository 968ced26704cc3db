"""Tagged answers: ``<response><text>…</text><probability>…</probability></response>``."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from html import unescape
from typing import Any, ClassVar

from pydantic_core import from_json

from vs_core.formats.base import CUT_OFF, Entry, Format, Reading, Shape, Splitter
from vs_core.formats.items import cleaned_alike, is_total, read_item
from vs_core.formats.numbers import BARE, SHORT, WORD, number_in, trailing
from vs_core.formats.running_text import read_text
from vs_core.words import CANDIDATE, EXPLANATION, META, PROBABILITY, REASONING, TEXT, WEAK, kind_of

__all__ = ["Tags"]


class Tags(Format):
    """Tags in the way of XML, as in the chat form of the paper's templates."""

    name: ClassVar[str] = "tags"

    def instructions(self, shape: Shape) -> str:
        """See `Format.instructions`."""
        lines = []
        if shape.reasoning:
            lines.append("First write your reasoning inside a <reasoning> tag.")
        holds = "a <text> tag with the response alone, without explanation"
        if shape.schema is not None:
            schema = json.dumps(shape.schema, ensure_ascii=False)
            holds = f"a <text> tag with the response, as JSON that fits this JSON schema: {schema}"
        if shape.definition:
            key = shape.definition.key
            holds += f", and a <{key}> tag with a number: {shape.definition.meaning}"
        lines.append(
            f"Put each of the {shape.k} responses inside a <response> tag of its own, that holds "
            f"{holds}."
        )
        lines.append("Write only these tags, nothing else.")
        return "\n".join(lines)

    def write(self, answer: Reading, shape: Shape) -> str:
        """See `Format.write`. Text is not escaped, as models do not."""
        blocks = [f"<reasoning>{answer.reasoning}</reasoning>"] if shape.reasoning else []
        for entry in answer.entries:
            text = entry.text
            if shape.schema is not None:
                text = json.dumps(entry.value, ensure_ascii=False)
            number = ""
            if shape.definition and entry.probability is not None:
                key = shape.definition.key
                number = f"<{key}>{entry.probability}</{key}>"
            blocks.append(f"<response><text>{text}</text>{number}</response>")
        return "\n".join(blocks)

    def read(self, text: str, shape: Shape) -> Reading | None:
        """See `Format.read`: tags that hold candidates, anywhere in the text."""
        if "<" not in text or "[/" in text:
            text = _angled(text)
        if "<" not in text:
            return None
        reasoning, body = _reasoning(text)
        body, mended = (body, _is_odd(body)) if shape.part else _mended(body)
        tags = [_Tag(match) for match in _TAG.finditer(body)]
        if not any(tag.numbers or tag.number() is not None for tag in tags):
            _note_numbers(tags, body)
        answer = _read_tags(tags, body, shape)
        if answer is None:
            return _read_html(text, shape)
        remarks = (*answer.remarks, BROKEN) if mended else answer.remarks
        return answer._replace(reasoning=reasoning, remarks=remarks)

    def splitter(self) -> Splitter:
        """See `Format.splitter`."""
        return _ClosingTagSplitter()


class _ClosingTagSplitter(Splitter):
    """Cuts behind each closing tag of a candidate that has its probability inside."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._carry = ""  # the end of what is kept, where a tag may have begun
        self._numbered = False

    def feed(self, chunk: str) -> list[str]:
        """See `Splitter.feed`."""
        complete: list[str] = []
        known = len(self._carry)
        window = self._carry + chunk
        cut = 0
        for match in _TAG.finditer(window) if ">" in chunk else ():
            tag = _Tag(match)
            if tag.end <= known:
                continue
            self._numbered |= tag.numbers or tag.number() is not None
            if tag.closes and CANDIDATE in tag.kinds and self._numbered:
                complete.append("".join(self._kept) + window[max(cut, known) : tag.end])
                self._kept, self._numbered, cut = [], False, tag.end
        self._kept.append(window[max(cut, known) :])
        self._carry = window[max(cut, len(window) - _LONGEST_TAG) :]
        return complete


_LONGEST_TAG = 200
"""Characters of a tag that is still recognised when a stream cuts it in two."""

# Linear: a tag is a short name and a run without angle brackets.
_TAG = re.compile(
    rf"<\s{{0,9}}(/?)\s{{0,9}}([^\W\d][{WORD}.:-]{{0,40}})("
    r"\s[^<>]{0,4000})?/?>"
)
_ATTRIBUTE = re.compile(
    r"(?P<name>[\w-]{1,40})\s{0,9}=\s{0,9}(?:\"(?P<double>[^\"]{0,4000})\"|'(?P<single>[^']{0,4000})'"
    r"|(?P<bare>[^\"'<>\s/]{1,40}))"
)
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|#[0-9]{1,6}|#[xX][0-9A-Fa-f]{1,5});")
_REASONING = re.compile(
    r"<\s{0,9}(/?)\s{0,9}(reasoning|thoughts?|rationale|analysis)\s{0,9}>", re.I
)
_SQUARE = re.compile(r"\[(/?)([a-zA-Z]\w{2,20})\]")
_NUMBERS = frozenset((PROBABILITY, WEAK))
_ASIDE = frozenset((EXPLANATION, META, REASONING))
_UNSURE = frozenset(("weight", "score", "share", "p", "estimate", "percent", "percentage"))


class _Tag:
    """A tag in a text; its name in lower case, without a number at its end (``response_1``)."""

    __slots__ = (
        "attributes", "closes", "closes_itself", "end", "kinds", "name", "numbers", "start",
    )  # fmt: skip

    def __init__(self, match: re.Match[str]) -> None:
        self.start, self.end = match.span()
        slash, written, self.attributes = match.groups("")
        self.closes = slash != ""
        self.name, self.kinds, self.numbers = _named(written)  # whether it holds a probability
        self.closes_itself = match.string[self.end - 2] == "/"

    def pairs(self) -> dict[str, str]:
        """Its attributes."""
        if not self.attributes:
            return {}
        return {
            m["name"].lower(): m["double"] or m["single"] or m["bare"] or ""
            for m in _ATTRIBUTE.finditer(self.attributes)
        }

    def number(self) -> str | None:
        """The probability among its attributes."""
        if not self.attributes:
            return None
        found = [(name, value) for name, value in self.pairs().items() if len(value) <= 40]
        sure = (value for name, value in found if PROBABILITY in kind_of(name))
        weak = (
            value
            for name, value in found
            if WEAK in kind_of(name) and (CANDIDATE in self.kinds or name == "p")
        )
        return next(sure, None) or next(weak, None)

    def text(self) -> str | None:
        """The text among its attributes."""
        found = self.pairs().items() if self.attributes else ()
        return next((value for name, value in found if TEXT in kind_of(name)), None)


def _note_numbers(tags: Sequence[_Tag], body: str) -> None:
    """Take tags whose names are unsure for probabilities, where each holds one and nothing else."""
    names: dict[str, bool] = {}
    for tag, after in itertools.pairwise(tags):
        if tag.name not in _UNSURE or tag.closes:
            continue
        written = body[tag.end : after.start].strip() if after.name == tag.name else ""
        found = number_in(written) if 0 < len(written) < 40 else None
        holds = found is not None and found.strength > BARE
        names[tag.name] = names.get(tag.name, True) and holds
    for tag in tags:
        tag.numbers = names.get(tag.name, False)


@lru_cache(maxsize=1024)
def _named(written: str) -> tuple[str, frozenset[str], bool]:
    """The name of a tag, what it stands for, and whether such a tag holds a probability."""
    lower = written.lower().rpartition(":")[2] or written.lower()
    name = lower.rstrip("0123456789").rstrip("_-.") or lower
    kinds = kind_of(name) or kind_of(written.rstrip("0123456789"))
    return name, kinds, (bool(kinds & _NUMBERS) and name not in _UNSURE) or name == "p_value"


def _angled(text: str) -> str:
    """A text whose tags are escaped, or stand in square brackets, with angle brackets."""
    if "&lt;" in text and "&gt;" in text and "<" not in text:
        return unescape(text)
    if text.count("[/") > 1:
        names = {match[2].lower() for match in _SQUARE.finditer(text)}
        if any(PROBABILITY in kind_of(name) for name in names):
            return _SQUARE.sub(r"<\1\2>", text)
    return text


BROKEN = "broken tags mended"
_FULL = re.compile(rf"<(?P<close>/?)(?P<name>[^\W\d][{WORD}.:-]{{0,40}})>")


def _mended(text: str) -> tuple[str, bool]:
    """A text whose tags lack no bracket, of those that a candidate has; and whether any did."""
    counts = Counter((match["name"], match["close"]) for match in _FULL.finditer(text))
    names = [name for name in {name for name, _ in counts} if kind_of(name) & _PARTS]
    odd = [name for name in names if counts[name, ""] != counts[name, "/"] or len(name) == 1]
    mended = text
    for name in odd[:9] if len(names) > 1 else ():
        if len(name) > 2 and max(counts[name, ""], counts[name, "/"]) > 1:
            mended = _bracketed(mended, name)
    return mended, mended != text


def _is_odd(text: str) -> bool:
    """Whether a part of an answer holds a tag that only the whole can show to be broken."""
    tags = list(_FULL.finditer(text))
    counts = Counter((match["name"], match["close"]) for match in tags)
    return any(
        counts[name, "/"] > counts[name, ""]
        or (not close and counts[name, "/"] < counts[name, ""] and name != tags[0]["name"])
        for name, close in counts
        if kind_of(name) & _PARTS
    )


def _bracketed(text: str, name: str) -> str:
    """A text in which both brackets stand around a name that is written as that of a tag."""
    name = re.escape(name)
    text = re.sub(rf"(?<![<\w/])({name})>|(?<!<)(/{name})>", r"<\1\2>", text)
    text = re.sub(rf"<(/?)({name})(?=\s{{0,9}}<|\n|\Z)", r"<\1\2>", text)
    return re.sub(
        rf"<({name})(?![\w:.-]{{0,40}}(?:\s[^<>]{{0,400}})?/?>)(?=[^\s>/])", r"<\1>", text
    )


_PARTS = frozenset((CANDIDATE, TEXT, PROBABILITY, WEAK))


def _reasoning(text: str) -> tuple[str | None, str]:
    """What stands in a reasoning tag before the candidates, and the text after it."""
    opened = _REASONING.search(text)
    closed = None if opened is None else _REASONING.search(text, opened.end())
    if opened is None or closed is None or opened[1] or not closed[1]:
        return None, text
    before = [_Tag(match) for match in _TAG.finditer(text[: opened.start()])]
    if any(CANDIDATE in tag.kinds and not tag.closes for tag in before):
        return None, text  # it belongs to a candidate
    return text[opened.end() : closed.start()].strip(), text[closed.end() :]


# --- the candidates ----------------------------------------------------------------------------


def _read_tags(tags: Sequence[_Tag], body: str, shape: Shape) -> Reading | None:
    opened = _candidates(tags)
    if not opened:
        return None
    numbers = [tag for tag in tags if tag.numbers and not tag.closes]
    if numbers and numbers[0].start < opened[0].start:
        starts = _with_numbers_before(opened, numbers)
    else:
        starts = [tag.start for tag in opened]
    limits = [*starts[1:], len(body)]
    tags = list(tags)
    entries = []
    at = 0
    for tag, start, limit in zip(opened, starts, limits, strict=True):
        inside = []
        while at < len(tags) and tags[at].start < limit:
            if tags[at].start >= start and tags[at] is not tag:
                inside.append(tags[at])
            at += 1
        entries.append(_entry(tag, body, inside, limit))
    found = _unmarked([entry for entry in entries if entry is not None])
    if len(found) == len(opened) and not numbers and found[-1].probability is None:
        found = _with_numbers_in_front(found, opened, body)
    if shape.definition and len(found) == 1 and found[0].probability is None:
        return None  # one text in a tag is an answer, but no distribution
    if not found:
        return None
    named = bool(numbers) or any(tag.number() is not None for tag in opened)
    known = any(entry.probability is not None for entry in found)
    if len(found) == 1 and not named and not any(tag.closes for tag in tags):
        return None  # List<Response>
    sure = named or known or CANDIDATE in opened[0].kinds
    return Reading(found, None, _marked_alike(found), sure)


def _marked_alike(entries: Sequence[Entry]) -> tuple[str, ...]:
    """What all texts have around them, which may be the list's and not theirs."""
    texts = [entry.text for entry in entries]
    for mark in ('"', "“", "**") if len(texts) > 1 else ():
        if all(text.startswith(mark) for text in texts) and cleaned_alike(texts) != texts:
            return (f"all texts stand in {mark!r}",)
    return ()


def _with_numbers_in_front(entries: list[Entry], opened: Sequence[_Tag], body: str) -> list[Entry]:
    """Entries with the probabilities that stand in words before their tags, if all have one."""
    found = []
    for tag in opened:
        before = body[max(0, tag.start - SHORT) : tag.start].rstrip("*_ \n").rpartition("\n")[2]
        number = trailing(before.rpartition(">")[2])  # that of another tag is not in front of this
        if number is None or number.strength == BARE:
            return entries
        found.append(number.number)
    return [e._replace(probability=n) for e, n in zip(entries, found, strict=True)]


def _unmarked(entries: list[Entry]) -> list[Entry]:
    """Entries without the mark, and without the labels that all marked ones have."""
    marked = [at for at, entry in enumerate(entries) if entry.repairs is _LABELLED]
    texts = cleaned_alike([entries[at].text for at in marked])
    for at, text in zip(marked, texts, strict=True):
        entries[at] = entries[at]._replace(text=text, repairs=())
    return entries


def _with_numbers_before(opened: Sequence[_Tag], numbers: Sequence[_Tag]) -> list[int]:
    """Where each candidate begins whose probability stands before it."""
    starts, at = [], 0
    for tag in opened:
        begin = tag.start
        while at < len(numbers) and numbers[at].start < tag.start:
            begin = numbers[at].start
            at += 1
        starts.append(begin)
    return starts


def _candidates(tags: Sequence[_Tag]) -> list[_Tag]:
    """The opening tags of the candidates: of the names it could be, that with the most evidence."""
    opening = [tag for tag in tags if not tag.closes]
    numbers = sum(tag.numbers for tag in opening)
    if not numbers:
        named = [tag for tag in opening if tag.number() is not None]
        if named and named[0].kinds & {CANDIDATE, TEXT}:
            return [tag for tag in opening if tag.name == named[0].name]
    counts = Counter(tag.name for tag in opening)
    for kind in (CANDIDATE, TEXT):
        names = list(dict.fromkeys(t.name for t in opening if kind in t.kinds and not t.numbers))
        if not names:
            continue
        fitting = [name for name in names if numbers and counts[name] == numbers]
        best = max(names, key=lambda name: counts[name])
        if not fitting and kind == CANDIDATE and _fits_better(best, tags, numbers, counts):
            continue
        if fitting:
            best = next((n for n in reversed(fitting) if _encloses(n, tags)), fitting[0])
        if not fitting and numbers > 1 and counts[best] == 1 and kind == CANDIDATE:
            continue  # a wrapper
        return [tag for tag in opening if tag.name == best]
    other = [tag for tag in opening if not tag.kinds and tag.number() is not None]
    return [tag for tag in other if tag.name == other[0].name] if len(other) > 1 else []


def _fits_better(name: str, tags: Sequence[_Tag], numbers: int, counts: Counter[str]) -> bool:
    """Whether tags that name a text are as many as the probabilities, and ``name`` lacks a few."""
    return counts[name] < numbers and any(
        TEXT in tag.kinds and not tag.numbers and tag.name != name and counts[tag.name] == numbers
        for tag in tags
    )


def _encloses(name: str, tags: Sequence[_Tag]) -> bool:
    """Whether the first tag of a name is open where the first probability stands."""
    is_open = False
    for tag in tags:
        if tag.name == name:
            is_open = not tag.closes
        elif tag.numbers:
            return is_open
    return False


def _entry(opened: _Tag, body: str, inside: Sequence[_Tag], limit: int) -> Entry | None:
    """Read one candidate from the tags and the text between its beginning and the next one."""
    if opened.closes_itself:
        text = opened.text()
        return Entry(_unescaped(text), opened.number()) if text else None
    number, span = _number(inside, body, limit)
    close = next((t for t in reversed(inside) if t.closes and t.name == opened.name), None)
    end = close.start if close else limit
    if number is not None and not close and span[0] > opened.end:
        end = min(end, max(span[0], _last_end(inside, opened)))
    text = _inside_text(inside, body, opened, end, span if number is not None else None)
    notes: dict[str, Any] = {}
    cut = [span] if number is not None and span[0] >= opened.end else []
    for first, last, name in _asides(inside, body, opened, end, text):
        notes[name] = body[first:last].strip()
        cut.append((first - len(name) - 2, last + len(name) + 3))
    content = text if text is not None else _without(body, opened.end, end, cut)
    if text is None and "</" in content:
        content = _without_stray(content, _is_part)
    probability = number if number is not None else opened.number()
    if probability is None and text is None:
        embedded = _embedded(content)
        if embedded is not None:
            return embedded
        probability = _behind(body[close.end : limit]) if close else None
    if probability is None and (inner := _labelled(content)) is not None:
        return inner
    content = _unescaped(content)
    if not content:
        return None
    repair = () if close else (_UNCLOSED if number is not None else CUT_OFF,)
    return Entry(content, probability, None, repair, notes)


def _behind(text: str) -> str | None:
    """The probability that stands right behind a closing tag."""
    line = text.strip(" \t\n-–—:()[]|,.").split("\n", 1)[0]
    found = number_in(line) if line and not is_total(line) else None
    return found.number if found is not None else None


_LABELLED = ("labels inside a tag",)
"""Marks, while a list is read, a candidate that is written inside its tag as in a list."""


def _labelled(content: str) -> Entry | None:
    """A candidate that is written inside its tag as it would be in a list."""
    item = read_item(content.strip("\n").split("\n"))
    if item.strength == BARE or item.number is None or not (item.label or item.enclosed):
        return None
    return Entry(_unescaped(item.text), item.number, None, _LABELLED, item.notes)


def _last_end(inside: Sequence[_Tag], opened: _Tag) -> int:
    return max((tag.end for tag in inside if tag.closes and tag.name != opened.name), default=0)


def _without(body: str, start: int, end: int, cut: Sequence[tuple[int, int]]) -> str:
    """A part of a text without some spans of it: the longer side of what stands between them."""
    pieces, at = [], start
    for first, last in sorted(cut):
        if first >= end:
            break
        if first > at:
            pieces.append(body[at:first])
        at = max(at, last)
    if at < end:
        pieces.append(body[at:end])
    filled = [piece for piece in pieces if piece.strip()]
    return "".join(filled)


def _asides(
    inside: Sequence[_Tag], body: str, opened: _Tag, end: int, text: str | None
) -> list[tuple[int, int, str]]:
    """What stands in tags of a candidate that are neither its text nor its number."""
    found: list[tuple[int, int, str]] = []
    for tag, close in _closed(inside) if any(tag.kinds & _ASIDE for tag in inside) else ():
        if tag.start < opened.end or tag.start >= end or not tag.kinds & _ASIDE:
            continue
        if TEXT in tag.kinds and not tag.kinds & {EXPLANATION, REASONING}:
            continue
        if close.start > end:
            continue
        if text is None and _visible_before(body, opened.end, tag.start) not in ("", ">"):
            continue  # within the text
        found.append((tag.end, close.start, body[tag.start + 1 : tag.end - 1].strip()))
        if len(found) > 20:
            break
    return found


def _closed(tags: Sequence[_Tag]) -> Iterator[tuple[_Tag, _Tag]]:
    """The tags that are closed, each with the next that closes its name."""
    closing: dict[str, _Tag] = {}
    pairs: list[tuple[_Tag, _Tag]] = []
    for tag in reversed(tags):
        if tag.closes:
            closing[tag.name] = tag
        elif tag.name in closing:
            pairs.append((tag, closing[tag.name]))
    return reversed(pairs)


def _visible_before(body: str, begin: int, end: int) -> str:
    """The last character before ``end`` that is no space; empty if there is none."""
    while end > begin and body[end - 1].isspace():
        end -= 1
    return body[end - 1 : end] if end > begin else ""


def _inside_text(
    inside: Sequence[_Tag], body: str, opened: _Tag, end: int, number: tuple[int, int] | None
) -> str | None:
    """What stands in the text tag of a candidate; None if it has none."""
    first = None
    for at, tag in enumerate(inside):
        if tag.start < opened.end or tag.closes or tag.numbers:
            continue
        if tag.name == opened.name:
            continue
        if tag.kinds & _ASIDE and TEXT not in tag.kinds:
            continue
        if TEXT in tag.kinds or CANDIDATE in tag.kinds:
            before = _between(body, opened.end, tag.start, number)
            if before.strip() and not _only_tags(before):
                return None
            first = at
        break
    if first is None:
        first = next(
            (
                at
                for at, tag in enumerate(inside)
                if not tag.closes
                and TEXT in tag.kinds
                and tag.name != opened.name
                and _only_tags(body[opened.end : tag.start])
            ),
            None,
        )
        if first is None:
            return None
    tag = inside[first]
    closes = [t.start for t in inside[first:] if t.closes and t.name == tag.name and t.start <= end]
    if closes:
        inner = _wrapped(inside[first + 1 :], body, tag.end, closes[-1])
        return body[tag.end : closes[-1]] if inner is None else inner
    stop = number[0] if number is not None and number[0] > tag.end else end
    return _without_stray(body[tag.end : stop], bool)


def _between(body: str, begin: int, end: int, number: tuple[int, int] | None) -> str:
    """What stands between two places beside a number."""
    if number is None or not begin <= number[0] < number[1] <= end:
        return body[begin:end]
    return body[begin : number[0]] + body[number[1] : end]


def _wrapped(tags: Sequence[_Tag], body: str, begin: int, end: int) -> str | None:
    """What stands in the one tag of a text that is all of an element; None if there is none."""
    if not tags or tags[0].closes or tags[0].name not in _WRAPPED:
        return None
    close = next((t for t in tags[1:] if t.closes and t.name == tags[0].name), None)
    if close is None or body[begin : tags[0].start].strip() or body[close.end : end].strip():
        return None
    return body[tags[0].end : close.start]


_WRAPPED = frozenset(("text", "answer", "response", "content"))
_STRAY = re.compile(r"<(?P<close>/?)(?P<name>[A-Za-z][\w-]{0,30})>(?:(?<=>)\s+)?\Z")


def _without_stray(content: str, names: Callable[[str], bool]) -> str:
    """A text without tags at its end that close nothing in it, of the names that are meant."""
    for _ in range(3):
        stray = _STRAY.search(content[-SHORT:])
        if stray is None or not names(stray["name"]):
            break
        if stray["close"] and f"<{stray['name']}" in content:
            break
        content = content[: len(content) - len(stray[0])]
    return content


def _is_part(name: str) -> bool:
    return bool(kind_of(name) & _PARTS)


_ELEMENTS = re.compile(r"(?:\s*<[^<>]{1,80}>[^<>]{0,400}</[^<>]{1,80}>\s*)+\Z")


def _only_tags(before: str) -> bool:
    """Whether before a text stand whole elements alone, such as its probability."""
    if not before.strip():
        return True
    return before.rstrip().endswith(">") and _ELEMENTS.match(before) is not None


_UNCLOSED = "closing tag added"


def _number(tags: Sequence[_Tag], block: str, limit: int) -> tuple[str | None, tuple[int, int]]:
    """The last probability tag (a text may quote one) and its span; the end if there is none."""
    for index in range(len(tags) - 1, -1, -1):
        tag = tags[index]
        if tag.numbers and not tag.closes:
            after = tags[index + 1] if index + 1 < len(tags) else None
            stop = after.start if after else min(limit, tag.end + 64)
            closed = after is not None and after.closes and after.name == tag.name
            written = block[tag.end : stop].strip()
            found = number_in(written) if len(written) < 100 else None
            return (
                (found.number if found and found.label else written) or None,
                (tag.start, after.end if closed and after else stop),
            )
    return None, (limit, limit)


def _embedded(content: str) -> Entry | None:
    """A candidate that is written as JSON inside its tag."""
    content = content.strip()
    if not content.startswith("{"):
        return None
    try:
        data = from_json(content)
    except ValueError:
        return None
    if not isinstance(data, dict):
        return None
    text = next((value for key, value in data.items() if TEXT in kind_of(key)), None)
    number = next((value for key, value in data.items() if kind_of(key) & _NUMBERS), None)
    if not isinstance(text, str) or number is None:
        return None
    return Entry(text.strip(), number)


def _unescaped(text: str) -> str:
    """Strip, and undo XML entities once, unless the text holds markup that was not escaped."""
    text = text.strip()
    if text.startswith("<![CDATA[") and text.endswith("]]>"):
        return text[9:-3].strip()
    if "&" not in text or "<" in text:
        return text
    return _ENTITY.sub(lambda match: unescape(match[0]), text)


# --- HTML --------------------------------------------------------------------------------------

_MARKED = re.compile(r"(?m)^\s{0,9}(?:\d{1,3}[.)]|[-*•#]|[A-Z]\w+ (?:\d{1,3}|[A-Z])\b)")
_HTML = re.compile(r"<(?:tr|li|dt)\b", re.I)
_REPLACED = (
    # White space is matched from where it begins alone: from each of its characters it would take
    # quadratic time.
    (re.compile(r"(?:(?<!\s)\s+)?<li\b[^<>]{0,200}>", re.I), "\n- "),
    (re.compile(r"(?:(?<!\s)\s+)?<tr\b[^<>]{0,200}>\s*", re.I), "\n|"),
    (re.compile(r"</t[dh]\s{0,9}>\s*", re.I), "|"),
    (re.compile(r"<dt\b[^<>]{0,200}>", re.I), "\n\n"),
    (re.compile(r"<dd\b[^<>]{0,200}>", re.I), "\nProbability: "),
    (re.compile(r"</?(?:t[dh]|tbody|thead|table|ul|ol|dl|dd|div|p|span|li|tr|dt|b|strong|i|em|html|body)"
                r"\b[^<>]{0,200}>", re.I), ""),
)  # fmt: skip


def _read_html(text: str, shape: Shape) -> Reading | None:
    """Candidates in an HTML list or table."""
    elements = len(_HTML.findall(text))
    if elements < 2 or _MARKED.search(text[:20_000]):
        return None
    for pattern, plain in _REPLACED:
        text = pattern.sub(plain, text)
    answer = read_text(unescape(text), shape)
    if answer is None or any(entry.probability is None for entry in answer.entries):
        return None
    if len(answer.entries) > elements:
        return None
    return answer
