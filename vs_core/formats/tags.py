"""Tagged answers: ``<response><text>…</text><probability>…</probability></response>``."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any, ClassVar

from vs_core.formats.base import Answer, Entry, Format, Shape

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
            holds = (
                "a <text> tag with the response, as JSON that fits this JSON schema: "
                + json.dumps(shape.schema, ensure_ascii=False)
            )
        if shape.definition:
            holds += (
                f", and a <{shape.definition.key}> tag with a number: {shape.definition.meaning}"
            )
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
            number = ""
            if shape.definition and entry.probability is not None:
                key = shape.definition.key
                number = f"<{key}>{entry.probability}</{key}>"
            text = _content(entry, shape)
            blocks.append(f"<response><text>{text}</text>{number}</response>")
        return "\n".join(blocks)

    def read(self, text: str, shape: Shape) -> Answer | None:  # noqa: ARG002
        """See `Format.read`."""
        starts = list(_OPEN.finditer(text))
        if not starts:
            return None
        entries: list[Entry] = []
        for index, match in enumerate(starts):
            limit = starts[index + 1].start() if index + 1 < len(starts) else len(text)
            entry = _entry(text[match.end() : limit])
            if entry is not None:
                entries.append(entry)
        if not entries:
            return None
        return Answer(entries, _inside(text[: starts[0].start()], "reasoning"))


_OPEN = re.compile(r"<\s*(?:response|candidate|answer)\b[^<>]*>", re.IGNORECASE)
_CLOSE = re.compile(r"<\s*/\s*(?:response|candidate|answer)\s*>", re.IGNORECASE)
_NUMBER_KEYS = ("probability", "confidence", "nll", "perplexity", "prob")


def _content(entry: Entry, shape: Shape) -> str:
    return entry.text if shape.schema is None else json.dumps(entry.value, ensure_ascii=False)


def _find(text: str, name: str, *, last: bool = False) -> tuple[int, int, int, int] | None:
    """Where ``<name …>`` and the last ``</name>`` stand in ``text``."""
    opens = list(re.finditer(rf"<\s*{name}\b[^<>]*>", text, re.IGNORECASE))
    if not opens:
        return None
    first = opens[-1] if last else opens[0]
    closes = list(re.finditer(rf"<\s*/\s*{name}\s*>", text[first.end() :], re.IGNORECASE))
    if not closes:
        return first.start(), first.end(), len(text), len(text)
    close = closes[-1]
    return first.start(), first.end(), first.end() + close.start(), first.end() + close.end()


def _inside(text: str, name: str) -> str | None:
    found = _find(text, name)
    return text[found[1] : found[2]].strip() if found else None


def _entry(block: str) -> Entry | None:
    """Read what stands between ``<response>`` and its end, or the next ``<response>``."""
    closes = list(_CLOSE.finditer(block))
    repairs = () if closes else ("response tag not closed",)
    body = block[: closes[-1].start()] if closes else block
    probability: Any = None
    for name in _NUMBER_KEYS:
        found = _find(body, name, last=True)
        if found:
            probability = body[found[1] : found[2]].strip()
            body = body[: found[0]] + body[found[3] :]
            break
    text = _inside(body, "text")
    content = (body if text is None else text).strip()
    if not content:
        return None
    return Entry(_unescape(content), probability, None, repairs)


def _unescape(text: str) -> str:
    """Undo the escaping of a model that wrote entities because the answer looks like XML."""
    return unescape(text) if "&lt;" in text or "&amp;" in text or "&gt;" in text else text
