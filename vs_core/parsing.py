"""Reading a model's answer: envelope, readings, choice.

1. The *envelope* is opened: thoughts, drafts, tags and tokens around the answer.
2. Each registered format *reads* what is inside, as a whole: the one that was asked for first, then
   JSON or tags, whichever begins first, then lines, then those of plugins.
3. The reading with the most evidence is *chosen*. One that nothing speaks against ends the search.
   What it does not explain is a repair; what no reading explains as a distribution is an error.

The fast path comes before all that: answers just as they were asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from vs_core.candidates import Candidate, Distribution, unvalidated
from vs_core.display import shorten
from vs_core.errors import ParseError
from vs_core.formats.as_asked import Pairs, as_asked, json_as_asked, json_cut_off
from vs_core.formats.base import (
    CUT_OFF,
    Entry,
    Format,
    Reading,
    Shape,
    Splitter,
    format_of,
    formats,
    is_harmless,
)
from vs_core.formats.envelope import Envelope, Opening, bodies, opened
from vs_core.formats.placeholders import is_placeholder
from vs_core.plugins import plugins
from vs_core.probabilities import definition_of, depends_on_others, read_probabilities

__all__ = ["DEFAULT_LIMIT", "StreamParser", "parse"]

DEFAULT_LIMIT = 10_000_000
"""Characters of the longest answer that is read, unless ``limit`` says otherwise."""


def parse(
    raw: str,
    *,
    format: str | Format | None = None,
    k: int | None = None,
    fields: tuple[str, ...] = (),
    probability: str = "explicit",
    limit: int = DEFAULT_LIMIT,
    strict: bool = False,
) -> Distribution:
    """Read a model's answer as a distribution, in whatever format it is written.

    The hints are never needed; they are evidence where an answer can be read in two ways. A list of
    texts without any probability is a distribution if it is JSON; in prose it is not.

    Args:
        raw: The answer.
        format: Name of the format that was asked for, or the format.
        k: Number of candidates that were asked for.
        fields: Names under which the content of a candidate may stand. With several, a candidate
            is a record of them and ``candidate.value`` is a dict.
        probability: Which definition was asked for (see `vs_core.probabilities`).
        limit: Most characters to read.
        strict: Refuse an answer that had to be repaired in a way that could have changed a text or
            a number.

    Returns:
        The candidates in the order of the answer, at least one.

    Raises:
        ParseError: If the answer holds no distribution; it carries the text and the reason.
        ConfigurationError: If a name is unknown.
    """
    shape = _shape(k or 0, probability, tuple(fields), strict)
    return read(raw, shape, format, limit=limit)


@lru_cache(maxsize=256)
def _shape(k: int, probability: str, fields: tuple[str, ...], strict: bool) -> Shape:
    return Shape(k, definition_of(probability), fields=fields, strict=strict)


def read(
    raw: str,
    shape: Shape,
    format: str | Format | None = None,
    *,
    limit: int = DEFAULT_LIMIT,
) -> Distribution:
    """Read an answer by the `Shape` it was asked for; see `parse`."""
    if not isinstance(raw, str):
        raise ParseError(f"an answer is a string, not {type(raw).__name__}", repr(raw))
    if len(raw) > limit:
        raise ParseError(
            f"the answer has {len(raw):,} characters, over the limit of {limit:,}", raw
        )
    asked = None if format is None else format_of(format)
    may_be_json = asked is None or asked.name == "json"
    if may_be_json and (clean := json_as_asked(raw, shape)) is not None:
        return _plain(*clean)
    text = _encodable(raw)
    pairs = as_asked(text, shape, None if asked is None else asked.name)
    if pairs is not None:
        return _plain(pairs, None)
    envelope = opened(text)
    if may_be_json and envelope.thoughts is not None:
        clean = json_as_asked(envelope.text, shape)
        if clean is not None:
            return _plain(clean[0], clean[1] or envelope.thoughts)
    answer = json_cut_off(envelope.text, shape) if may_be_json else None
    if answer is None:
        answer = _once(_best(envelope, raw, shape, asked), shape)
    found = _distribution(_with_thoughts(answer, envelope), shape)
    if shape.strict:
        _refuse_repairs(found, raw)
    return found


def _refuse_repairs(found: Distribution, raw: str) -> None:
    """Raise for repairs that could have changed a text or a number."""
    serious = [repair for repair in found.repairs if not is_harmless(repair)]
    if serious:
        raise ParseError(f"the answer had to be repaired: {'; '.join(serious)}", raw)


def _encodable(raw: str) -> str:
    """The answer with lone surrogates, which no text may hold, as replacement characters."""
    if raw.isascii():
        return raw
    try:
        raw.encode()
    except UnicodeEncodeError:
        return raw.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return raw


# --- choice --------------------------------------------------------------------------------------


class _Weighed(NamedTuple):
    """A reading, and what speaks for it; the greatest evidence wins, of equals the first."""

    evidence: tuple[float, ...]
    answer: Reading
    clear: bool


def _best(envelope: Envelope, raw: str, shape: Shape, asked: Format | None) -> Reading:
    """Return the reading with the most evidence."""
    best: _Weighed | None = None
    by_name = {asked.name: replace(shape, asked=True)} if asked else {}
    for text, remark in bodies(envelope.text):
        for format in _ladder(text, asked):
            expected = by_name.get(format.name, shape)
            answer = _reading(format, text, expected, raw)
            if answer is None or not (answer.sure or expected.asked):
                continue
            choice = _weighed(answer, shape, remark, asked=asked is format)
            if best is None or choice.evidence > best.evidence:
                best = choice
            if choice.clear:
                return best.answer
    if best is None:
        raise ParseError(_reason(envelope.text, raw), raw)
    return best.answer


def _reading(format: Format, text: str, shape: Shape, raw: str) -> Reading | None:
    """What a format reads, without what only stands for a candidate."""
    try:
        answer = format.read(text, shape)
    except Exception as error:  # a plugin's format may do anything
        raise ParseError(f"the format {format.name!r} failed: {error!r}", raw) from error
    if answer is None:
        return None
    entries = [entry for entry in answer.entries if not _is_nothing(entry)]
    if len(entries) == len(answer.entries):
        return answer if entries else None
    return answer._replace(entries=entries) if entries else None


def _is_nothing(entry: Entry) -> bool:
    """Whether an entry only stands for a candidate, or was cut off before its first letter."""
    return is_placeholder(entry.text) or (not entry.text and CUT_OFF in entry.repairs)


def _weighed(answer: Reading, shape: Shape, remark: str, *, asked: bool) -> _Weighed:
    """Weigh a reading: its numbers, k, what it leaves unexplained, what was asked for."""
    entries = answer.entries
    size = len(entries)
    known = sum(_has_number(entry) for entry in entries) if shape.definition else size
    fits = shape.k > 0 and size == shape.k
    serious = sum(
        any(not is_harmless(r) and r != CUT_OFF for r in entry.repairs)
        for entry in entries
        if entry.repairs
    )
    doubts = sum(not is_harmless(r) and "left out" not in r for r in answer.remarks)
    clear = (
        known == size and answer.explained > 0.9 and not serious and (fits or not shape.k or asked)
    )
    if remark:
        answer = answer._replace(remarks=(*answer.remarks, remark))
    explained = answer.explained if known else 0.0
    against = serious / size + doubts
    evidence = (known / size * explained, float(fits), -against, float(asked), min(size, 3))
    return _Weighed(evidence, answer, clear)


def _has_number(entry: Entry) -> bool:
    return entry.probability is not None or CUT_OFF in entry.repairs


def _once(answer: Reading, shape: Shape) -> Reading:
    """A reading without its second half, where that says the first again."""
    half = len(answer.entries) // 2
    if half < 2 or len(answer.entries) != 2 * half or shape.k == 2 * half:
        return answer
    first, again = answer.entries[:half], answer.entries[half:]
    if any(
        (a.text, a.probability) != (b.text, b.probability)
        for a, b in zip(first, again, strict=True)
    ):
        return answer
    return answer._replace(entries=first, remarks=(*answer.remarks, TWICE))


TWICE = "said twice, read once"


def _with_thoughts(answer: Reading, envelope: Envelope) -> Reading:
    reasoning = answer.reasoning or envelope.thoughts
    return answer if reasoning == answer.reasoning else answer._replace(reasoning=reasoning)


def _reason(text: str, raw: str) -> str:
    if not raw.strip():
        return "the answer is empty"
    if not text.strip():
        return "the answer holds nothing but unfinished thoughts"
    return f"the answer holds no candidates with probabilities, but {_kind(text)}"


def _kind(text: str) -> str:
    start = text.lstrip()[:1]
    if start in ("{", "["):
        return "other JSON"
    return "a refusal or prose" if start != "<" else f"other tags ({shorten(text, 20)})"


_TAG = re.compile(r"<\s{0,9}\w")


def _ladder(text: str, asked: Format | None) -> Iterator[Format]:
    """Yield the formats in the order to try them on ``text``."""
    if asked is not None:
        yield asked
    names = list(plugins.table("formats"))
    tag = _TAG.search(text) if "<" in text else None
    if tag and tag.start() < min((at for at in map(text.find, "{[") if at >= 0), default=len(text)):
        names.sort(key=lambda name: name != "tags")  # stable: the others stay
    for name in names:
        format = format_of(name)
        if asked is None or format.name != asked.name:
            yield format


def _is_valid(entry: Entry) -> bool:
    """Whether a candidate can be made without validation; a plugin's format may give anything."""
    return type(entry.text) is str and type(entry.repairs) is tuple


def _plain(pairs: Pairs, reasoning: str | None) -> Distribution:
    rows: list[dict[str, Any]] = [
        {
            "text": text,
            "probability": probability,
            "value": None,
            "repairs": (),
            "metadata": {},
            "call": None,
        }
        for text, probability in pairs
    ]
    return unvalidated(rows, reasoning)


def _distribution(answer: Reading, shape: Shape) -> Distribution:
    entries = answer.entries
    readings = read_probabilities([entry.probability for entry in entries], shape.definition)
    rows: list[dict[str, Any]] = [
        {
            "text": entry.text,
            "probability": probability,
            "value": entry.value,
            "repairs": entry.repairs if repair is None else (*entry.repairs, repair),
            "metadata": dict(entry.metadata),
            "call": None,
        }
        for entry, (probability, repair) in zip(entries, readings, strict=True)
    ]
    if type(answer.remarks) is tuple and all(map(_is_valid, entries)):
        return unvalidated(rows, answer.reasoning, answer.remarks)
    return Distribution(candidates=rows, reasoning=answer.reasoning, remarks=answer.remarks)


# --- streams -------------------------------------------------------------------------------------


_MOST_IN_VAIN = 100
"""Segments in a row that hold no candidate, after which a stream gives none before its end."""


class StreamParser:
    """Reads an answer while it comes in.

    `feed` gives each candidate as soon as it is complete; `close` gives what `parse` gives for the
    whole text, however it was cut. Both together are linear in the text. A candidate that is given
    early has its probability as far as that can be known from it alone; a format that cannot be
    read in part, and the last item of a list, come with `close`.

    Args:
        format: Name of the format that was asked for, or the format; None tries all.
        k: Number of candidates that were asked for.
        fields: Names under which the content of a candidate may stand.
        probability: Which definition was asked for.
        limit: Most characters to read.
        strict: Whether `close` refuses what had to be repaired (see `parse`).

    Raises:
        ConfigurationError: If a name is unknown.
    """

    def __init__(
        self,
        format: str | Format | None = None,
        *,
        k: int | None = None,
        fields: tuple[str, ...] = (),
        probability: str = "explicit",
        limit: int = DEFAULT_LIMIT,
        strict: bool = False,
    ) -> None:
        self._expects(_shape(k or 0, probability, tuple(fields), strict))
        self._asked = None if format is None else format_of(format)
        self._limit = limit
        self._size = 0
        self._chunks: list[str] = []
        listened = [self._asked] if self._asked else formats()
        self._splitters = [(f, s) for f in listened if (s := f.splitter()) is not None]
        self._opening = Opening()
        self._first: tuple[str, float | None] | None = None
        self._vain = 0

    @classmethod
    def of(cls, shape: Shape, format: Format | None) -> StreamParser:
        """Return a parser for an answer to a `Request` of that shape and format."""
        parser = cls(format)
        parser._expects(shape)
        return parser

    def _expects(self, shape: Shape) -> None:
        self._shape = shape
        self._part = replace(shape, part=True)

    def feed(self, chunk: str) -> list[Candidate]:
        """Take in a piece of the answer; return the candidates that it completed.

        Raises:
            ParseError: If the answer is longer than the limit.
        """
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._size > self._limit:
            reason = f"the answer has over {self._limit:,} characters, which is the limit"
            raise ParseError(reason, "".join(self._chunks))
        answer = self._opening.after(chunk)
        found = self._complete(answer)
        for at, candidate in enumerate(found):
            said = candidate.text, candidate.probability
            if said == self._first:  # the answer may be said twice
                self._opening.holds = True
                return found[:at]
            self._first = self._first or said
        return found

    def _complete(self, answer: str) -> list[Candidate]:
        """The candidates that a piece of the answer completes."""
        found: list[Candidate] = []
        listens = answer and self._vain <= _MOST_IN_VAIN
        for format, splitter in self._splitters if listens else ():
            for segment in splitter.feed(answer):
                new = self._candidates(format, segment)
                found += new
                self._vain = 0 if new else self._vain + 1
                if self._vain > _MOST_IN_VAIN:
                    break
            if self._opening.holds or (found and self._is_listed(splitter)):
                return []
            if found:  # the answer is in this format, and the others need look no more
                self._splitters = [(format, splitter)]
                break
        return found

    def _is_listed(self, splitter: Splitter) -> bool:
        """Whether a list has begun, so that what another splitter found stands in its items."""
        others = (other for _, other in self._splitters if other is not splitter)
        return any(getattr(other, "begun", False) for other in others)

    def close(self) -> Distribution:
        """Return the distribution of the whole answer.

        Raises:
            ParseError: If it holds none.
        """
        return read(
            "".join(self._chunks),
            self._shape,
            self._asked,
            limit=self._limit,
        )

    def _candidates(self, format: Format, segment: str) -> list[Candidate]:
        """What a segment holds, if it is certain that the whole answer will hold it too."""
        answer = _reading(format, _encodable(segment), self._part, segment)
        if answer is None or not answer.sure:
            return []
        found = _distribution(answer, self._shape)
        if self._shape.definition is None:
            return list(found)
        whole = all(candidate.probability is not None for candidate in found)
        if not whole or found.remarks or any(map(self._depends, answer.entries)):
            self._opening.holds = format.name != "json" or whole
            return []
        return list(found)

    def _depends(self, entry: Entry) -> bool:
        """Whether what a number means depends on those that are still to come."""
        return (
            self._shape.definition is not None
            and self._shape.definition.scale == ("probability")
            and depends_on_others(entry.probability)
        )
