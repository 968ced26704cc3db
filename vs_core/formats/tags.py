"""Tagged answers: ``<response><text>…</text><probability>…</probability></response>``."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from pydantic_core import from_json

from vs_core.formats.base import CUT_OFF, Answer, Entry, Format, Shape, Splitter
from vs_core.formats.words import (
    CANDIDATE_WORDS,
    PROBABILITY_WORDS,
    TEXT_WORDS,
    is_probability_word,
)

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

    def write(self, answer: Answer, shape: Shape) -> str:
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

    def read(self, text: str, shape: Shape) -> Answer | None:
        """See `Format.read`: tags that hold candidates, anywhere in the text."""
        reasoning, body = _reasoning(text)
        tags = [_Tag(match) for match in _TAG.finditer(body)]
        name = _candidate_name(tags)
        if name is None:
            return None
        opened = [tag for tag in tags if tag.name == name and not tag.closes]
        limits = [tag.start for tag in opened[1:]] + [len(body)]
        entries = [
            _entry(tag, body[tag.end : limit]) for tag, limit in zip(opened, limits, strict=True)
        ]
        found = [entry for entry in entries if entry is not None]
        if shape.definition and len(found) == 1 and found[0].probability is None:
            return None  # one text in a tag is an answer, but no distribution
        return Answer(found, reasoning) if found else None

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
            self._numbered |= tag.name in PROBABILITY_WORDS or tag.number() is not None
            if tag.closes and tag.name in CANDIDATE_WORDS and self._numbered:
                complete.append("".join(self._kept) + window[max(cut, known) : tag.end])
                self._kept, self._numbered, cut = [], False, tag.end
        self._kept.append(window[max(cut, known) :])
        self._carry = window[max(cut, len(window) - _LONGEST_TAG) :]
        return complete


_LONGEST_TAG = 200
"""Characters of a tag that is still recognised when a stream cuts it in two."""

# Linear: a tag is a short name and a run without angle brackets.
_TAG = re.compile(r"<\s{0,9}(/?)\s{0,9}([^\W\d][\w.-]{0,40})(\s[^<>]{0,400})?/?>")
_ATTRIBUTE = re.compile(r"([\w-]{1,40})\s*=\s*[\"']?([^\"'<>\s]{1,40})")
_ENTITY = re.compile(r"&(lt|gt|amp|quot|apos|#39);")
_ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'", "#39": "'"}
_REASONING = re.compile(
    r"<\s{0,9}(/?)\s{0,9}(reasoning|thoughts?|rationale|analysis)\s{0,9}>", re.I
)


class _Tag:
    """A tag in a text; its name in lower case, without a number at its end (``response_1``)."""

    __slots__ = ("attributes", "closes", "end", "name", "start")

    def __init__(self, match: re.Match[str]) -> None:
        self.start, self.end = match.span()
        self.closes = bool(match[1])
        self.name = match[2].lower().rstrip("0123456789").rstrip("_-.")
        self.attributes = match[3] or ""

    def number(self) -> str | None:
        """The probability among its attributes."""
        pairs = ((m[1].lower(), m[2]) for m in _ATTRIBUTE.finditer(self.attributes))
        return next((value for name, value in pairs if name in PROBABILITY_WORDS), None)


def _reasoning(text: str) -> tuple[str | None, str]:
    """What stands in a reasoning tag before the candidates, and the text after it."""
    opened = _REASONING.search(text)
    closed = None if opened is None else _REASONING.search(text, opened.end())
    if opened is None or closed is None or opened[1] or not closed[1]:
        return None, text
    if _candidate_name([_Tag(match) for match in _TAG.finditer(text[: opened.start()])]):
        return None, text  # it belongs to a candidate
    return text[opened.end() : closed.start()].strip(), text[closed.end() :]


def _candidate_name(tags: Sequence[_Tag]) -> str | None:
    """The name of the tags around the candidates: of those it could be, the most frequent."""
    for words in (CANDIDATE_WORDS, TEXT_WORDS):
        counts = Counter(tag.name for tag in tags if tag.name in words and not tag.closes)
        if counts:
            return counts.most_common(1)[0][0]  # of equals the first, which is the outer one
    return None


def _entry(opened: _Tag, block: str) -> Entry | None:
    """Read one candidate from what stands between its opening tag and the next candidate."""
    tags = [_Tag(match) for match in _TAG.finditer(block)]
    number, start, end = _number(tags, block)
    closes = [tag.start for tag in tags if tag.closes and tag.name == opened.name]
    stop = closes[-1] if closes else len(block)
    before, after = block[: min(start, stop)], block[end : max(end, stop)]
    content = before if before.strip() else after
    text = _inside_text(content, opened.name)
    probability = number if number is not None else opened.number()
    embedded = _embedded(content) if text is None and probability is None else None
    if embedded is not None:
        return embedded
    content = _unescaped(content if text is None else text)
    if not content:
        return None
    repair = () if closes else (_UNCLOSED if number is not None else CUT_OFF,)
    return Entry(content, probability, None, repair)


def _inside_text(content: str, name: str) -> str | None:
    """What stands in the text tag of a candidate; None if it has none."""
    tags = [tag for tag in map(_Tag, _TAG.finditer(content)) if tag.name in TEXT_WORDS]
    first = next((tag for tag in tags if not tag.closes and tag.name != name), None)
    if first is None or content[: first.start].strip():
        return None
    closes = [tag.start for tag in tags if tag.closes and tag.name == first.name]
    return content[first.end : closes[-1] if closes else len(content)]


_UNCLOSED = "closing tag added"


def _number(tags: Sequence[_Tag], block: str) -> tuple[str | None, int, int]:
    """The last probability tag (a text may quote one) and its span; the end if there is none."""
    for index in range(len(tags) - 1, -1, -1):
        tag = tags[index]
        if tag.name in PROBABILITY_WORDS and not tag.closes:
            after = tags[index + 1] if index + 1 < len(tags) else None
            stop = after.start if after else min(len(block), tag.end + 64)
            closed = after is not None and after.closes and after.name == tag.name
            written = block[tag.end : stop].strip()
            return written or None, tag.start, after.end if closed and after else stop
    return None, len(block), len(block)


def _embedded(content: str) -> Entry | None:
    """A candidate that is written as JSON inside its tag."""
    try:
        data = from_json(content.strip())
    except ValueError:
        return None
    if not isinstance(data, dict):
        return None
    text = next((value for key, value in data.items() if key.lower() in TEXT_WORDS), None)
    number = next((value for key, value in data.items() if is_probability_word(key)), None)
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
    return _ENTITY.sub(lambda match: _ENTITIES[match[1]], text)
