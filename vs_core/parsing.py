"""Reading a model's answer: detection and recovery over the formats.

A ladder, cheapest rung first. The lowest is JSON just as it was asked for. Above it stand the
registered formats, each of which finds its own notation in whatever surrounds it: the one that was
asked for, then JSON or tags, whichever begins first, then lines, then those of plugins. The first
answer in which every candidate has a probability is taken; if there is none, the one with the most.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import NoneType

from pydantic_core import from_json

from vs_core.candidates import Candidate, Distribution
from vs_core.display import shorten
from vs_core.errors import ParseError
from vs_core.formats.base import CUT_OFF, Answer, Format, Shape
from vs_core.plugins import plugins
from vs_core.probabilities import definition_of, read_probabilities

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
) -> Distribution:
    """Read a model's answer as a distribution, in whatever format it is written.

    The hints are never needed; they sharpen the choice where an answer can be read in two ways.
    A list of texts without any probability is a distribution if it is JSON; in prose it is not.

    Args:
        raw: The answer.
        format: Name of the format that was asked for, or the format.
        k: Number of candidates that were asked for.
        fields: Names under which the content of a candidate may stand. With several, a candidate
            is a record of them and ``candidate.value`` is a dict.
        probability: Which definition was asked for (see `vs_core.probabilities`).
        limit: Most characters to read.

    Returns:
        The candidates in the order of the answer, at least one.

    Raises:
        ParseError: If the answer holds no distribution; it carries the text and the reason.
        ConfigurationError: If a name is unknown.
    """
    return read(raw, Shape(k or 5, definition_of(probability), fields=fields), format, limit=limit)


def read(
    raw: str, shape: Shape, format: str | Format | None = None, *, limit: int = DEFAULT_LIMIT
) -> Distribution:
    """Read an answer by the `Shape` it was asked for; see `parse`."""
    if not isinstance(raw, str):
        raise ParseError(f"an answer is a string, not {type(raw).__name__}", repr(raw))
    if len(raw) > limit:
        raise ParseError(
            f"the answer has {len(raw):,} characters, over the limit of {limit:,}", raw
        )
    asked = None if format is None else plugins.format(format)
    text = _without_thoughts(_encodable(raw))
    if asked is None or asked.name == "json":
        clean = _as_asked(text, shape)
        if clean is not None:
            return clean
    return _distribution(_best(text, raw, shape, asked), shape)


def _encodable(raw: str) -> str:
    """The answer with lone surrogates, which no text may hold, as replacement characters."""
    if raw.isascii():
        return raw
    try:
        raw.encode()
    except UnicodeEncodeError:
        return raw.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return raw


_THOUGHTS = re.compile(r"\s*<\s{0,9}(think|thinking|thought)\s{0,9}>", re.IGNORECASE)
_END_OF_THOUGHTS = re.compile(r"<\s{0,9}/\s{0,9}(?:think|thinking|thought)\s{0,9}>", re.IGNORECASE)


def _without_thoughts(text: str) -> str:
    """An answer without what a reasoning model thought first: its drafts are no answers.

    Some models write only the closing tag. Thoughts that never end leave nothing.
    """
    if "<" not in text:
        return text
    end = _END_OF_THOUGHTS.search(text)
    if _THOUGHTS.match(text):
        return "" if end is None else text[end.end() :]
    starts_as_answer = text.lstrip()[:1] in tuple("{[<`")
    return text if end is None or starts_as_answer else text[end.end() :]


def _as_asked(text: str, shape: Shape) -> Distribution | None:
    """The lowest rung: JSON just as it was asked for, alone, in a fence or in prose.

    Anything beyond its fields, and any number to interpret, is for the rungs above.
    """
    start, end = text.find("{"), text.rfind("}") + 1
    if start < 0 or (shape.definition and shape.definition.scale != "probability"):
        return None
    try:
        data = from_json(text[start:end])
        responses, reasoning = data["responses"], data.get("reasoning")
        candidates = [
            {"text": response["text"].strip(), "probability": response["probability"]}
            for response in responses
            if len(response) == 2 and 0 <= response["probability"] <= 1
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if not candidates or len(candidates) != len(responses) or "<" in text[:start]:
        return None
    if not isinstance(reasoning, (str, NoneType)) or len(data) != 1 + (reasoning is not None):
        return None
    return Distribution(candidates, reasoning=reasoning)


def _best(text: str, raw: str, shape: Shape, asked: Format | None) -> Answer:
    """Climb the ladder."""
    best, known = None, -1
    for rung in _ladder(text, asked):
        answer = rung.read(text, shape)
        if not answer:
            continue
        numbers = sum(
            entry.probability is not None or CUT_OFF in entry.repairs for entry in answer.entries
        )
        if numbers == len(answer.entries) or shape.definition is None:
            return answer
        if numbers > known:
            best, known = answer, numbers
    if best is None:
        raise ParseError(_reason(text, raw), raw)
    return best


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
_BRACKET = re.compile(r"[{\[]")


def _ladder(text: str, asked: Format | None) -> Iterator[Format]:
    """Yield the formats in the order to try them on ``text``."""
    names = list(plugins.table("formats"))
    tag, bracket = _TAG.search(text), _BRACKET.search(text)
    if tag and bracket and tag.start() < bracket.start():
        names.sort(key=lambda name: name != "tags")  # stable: tags come first, the others stay
    if asked is not None:
        yield asked
        names = [name for name in names if name != asked.name]
    for name in names:
        yield plugins.format(name)


def _distribution(answer: Answer, shape: Shape) -> Distribution:
    readings = read_probabilities([entry.probability for entry in answer.entries], shape.definition)
    return Distribution(
        [
            Candidate(
                text=entry.text,
                probability=probability,
                value=entry.value,
                repairs=entry.repairs if repair is None else (*entry.repairs, repair),
                metadata=dict(entry.metadata),
            )
            for entry, (probability, repair) in zip(answer.entries, readings, strict=True)
        ],
        reasoning=answer.reasoning,
    )


# --- streams -------------------------------------------------------------------------------------


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
    ) -> None:
        self._shape = Shape(k or 5, definition_of(probability), fields=fields)
        self._asked = None if format is None else plugins.format(format)
        self._limit = limit
        self._size = 0
        self._chunks: list[str] = []
        formats = [self._asked] if self._asked else map(plugins.format, plugins.table("formats"))
        self._splitters = [(f, s) for f in formats if (s := f.splitter()) is not None]
        self._thoughts = _Thoughts()

    @classmethod
    def of(cls, shape: Shape, format: Format | None) -> StreamParser:
        """Return a parser for an answer to a `Request` of that shape and format."""
        parser = cls(format)
        parser._shape = shape
        return parser

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
        answer = self._thoughts.after(chunk)
        found: list[Candidate] = []
        for format, splitter in self._splitters if answer else ():
            for segment in splitter.feed(answer):
                found += self._candidates(format, segment)
            if found:  # the answer is in this format, and the others need look no more
                self._splitters = [(format, splitter)]
                break
        return found

    def close(self) -> Distribution:
        """Return the distribution of the whole answer.

        Raises:
            ParseError: If it holds none.
        """
        return read("".join(self._chunks), self._shape, self._asked, limit=self._limit)

    def _candidates(self, format: Format, segment: str) -> list[Candidate]:
        answer = format.read(_encodable(segment), self._shape)
        if answer is None:
            return []
        known = self._shape.definition is None or answer.entries[0].probability is not None
        return list(_distribution(answer, self._shape)) if known else []


class _Thoughts:
    """Leaves out what a reasoning model thinks before it answers, while that comes in."""

    def __init__(self) -> None:
        self._begin: list[str] | None = []  # of the answer, until it is clear whether it thinks
        self._end = ""  # of the thoughts, where the closing tag may have begun
        self._thinking = False

    def after(self, chunk: str) -> str:
        """Return what of ``chunk`` belongs to the answer."""
        if self._begin is not None:
            if not self._begin and chunk.isspace():
                return ""
            self._begin.append(chunk)
            start = "".join(self._begin).lstrip()
            if not start or (start.startswith("<") and len(start) < 12 and ">" not in start):
                return ""  # too early to tell
            self._begin = None
            self._thinking = _THOUGHTS.match(start) is not None
            chunk = start
        if not self._thinking:
            return chunk
        self._end += chunk
        match = _END_OF_THOUGHTS.search(self._end)
        if match is None:
            self._end = self._end[-40:]
            return ""
        self._thinking = False
        return self._end[match.end() :]
