"""Numbered lists: ``1. text (probability: 0.2)``."""

from __future__ import annotations

import json
import re
from typing import ClassVar

from vs_core.formats.base import Answer, Entry, Format, Shape

__all__ = ["Lines"]


class Lines(Format):
    """A numbered list, one candidate an item, its probability in brackets at the end."""

    name: ClassVar[str] = "lines"

    def instructions(self, shape: Shape) -> str:
        """See `Format.instructions`."""
        lines = []
        if shape.reasoning:
            lines.append('First write your reasoning as a paragraph that begins with "Reasoning:".')
        what = "the response alone, without explanation"
        if shape.schema is not None:
            what = "the response, as JSON on one line that fits this JSON schema: " + json.dumps(
                shape.schema, ensure_ascii=False
            )
        lines.append(f"Write a numbered list of the {shape.k} responses; each item is {what}")
        if shape.definition:
            lines[-1] += (
                f", followed by ({shape.definition.key}: {shape.definition.example}), where the "
                f"number is {shape.definition.meaning}"
            )
        lines[-1] += "."
        lines.append("Write only the list, nothing else.")
        return "\n".join(lines)

    def write(self, answer: Answer, shape: Shape) -> str:
        """See `Format.write`."""
        blocks = [f"Reasoning: {answer.reasoning}\n"] if shape.reasoning else []
        for number, entry in enumerate(answer.entries, start=1):
            text = (
                entry.text if shape.schema is None else json.dumps(entry.value, ensure_ascii=False)
            )
            suffix = ""
            if shape.definition and entry.probability is not None:
                suffix = f" ({shape.definition.key}: {entry.probability})"
            blocks.append(f"{number}. {text}{suffix}")
        return "\n".join(blocks)

    def read(self, text: str, shape: Shape) -> Answer | None:
        """See `Format.read`."""
        starts = list(_ITEM.finditer(text))
        if not starts:
            return None
        ends = [match.start() for match in starts[1:]] + [len(text)]
        entries = [_entry(text[match.end() : end]) for match, end in zip(starts, ends, strict=True)]
        entries = [entry for entry in entries if entry.text]
        numbered = any(entry.probability is not None for entry in entries)
        if shape.definition and not numbered:
            return None  # a list that was not asked for is prose
        before = text[: starts[0].start()].strip()
        reasoning = (
            before.split(":", 1)[1].strip() if before.lower().startswith("reasoning:") else None
        )
        return Answer(entries, reasoning) if entries else None


_ITEM = re.compile(r"^[ \t]*(?:\d{1,4}[.)]|[-*•])[ \t]+", re.MULTILINE)
_SUFFIX = re.compile(
    r"[(\[]\s*(?:probability|prob|p|confidence|nll|perplexity)?\s*[:=]?\s*([^()\[\]\n]{1,40})[)\]]\s*$",
    re.IGNORECASE,
)


def _entry(block: str) -> Entry:
    block = block.strip()
    tail = block[-80:]
    match = _SUFFIX.search(tail)
    if match is None or not any(character.isdigit() for character in match[1]):
        return Entry(block)
    return Entry(block[: len(block) - len(tail) + match.start()].rstrip(), match[1])
