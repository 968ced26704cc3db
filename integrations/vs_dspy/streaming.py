"""Candidates as they come, in the stream of ``dspy.streamify``."""

from __future__ import annotations

import re
from typing import Any

import dspy

from vs_core import Request, StreamParser
from vs_core.formats import Splitter
from vs_core.strategies.typed import validated

__all__ = ["CandidateStream", "ItemSplitter"]


class CandidateStream:
    """DSPy's stream, with each candidate put in behind the chunk that completed it.

    Args:
        stream: Where DSPy sends the chunks of an answer.
        request: What is being answered.
        schema: Type of a candidate's value; None for plain text. What does not fit it is left out:
            the flow asks for it again.
    """

    def __init__(self, stream: Any, request: Request, schema: Any) -> None:
        assert request.shape is not None  # noqa: S101  # a plain answer has no candidates to cut out
        self._stream = stream
        self._schema = schema
        self._left = request.shape.k
        adapter = getattr(request.format, "adapter", None)
        free = isinstance(adapter, dspy.TwoStepAdapter)  # its model answers in any form it likes
        self._parser = StreamParser.of(request.shape, None if free else request.format)

    async def send(self, item: Any) -> None:
        """Pass on what DSPy sends, and then the candidates that it completed."""
        await self._stream.send(item)
        for candidate in self._parser.feed(_text(item)):
            checked, error = validated(candidate, self._schema)
            if error is None and self._left:  # what a model gives beyond that is no part of it
                self._left -= 1
                await self._stream.send(checked)


def _text(item: Any) -> str:
    """The text in a chunk of an answer; empty in anything else, such as a status message."""
    choices = getattr(item, "choices", None)
    delta = getattr(choices[0], "delta", None) if choices else None
    return getattr(delta, "content", None) or ""


class ItemSplitter(Splitter):
    """Cuts out the outermost ``<item>`` elements: how XMLAdapter writes a list."""

    def __init__(self) -> None:
        self._kept: list[str] = []  # pieces of the item in progress
        self._carry = ""  # the end of what came, where a tag may have begun
        self._depth = 0

    def feed(self, chunk: str) -> list[str]:
        """See `Splitter.feed`."""
        complete: list[str] = []
        window = self._carry + chunk
        start = end = 0
        for match in _ITEM.finditer(window):
            end = match.end()
            if not match[1]:
                start = start if self._depth else match.start()
                self._depth += 1
            elif self._depth:
                self._depth -= 1
                if not self._depth:
                    complete.append("".join(self._kept) + window[start:end])
                    self._kept = []
        cut = window.find("<", max(end, len(window) - _LONGEST))
        self._carry = window[cut:] if cut >= 0 else ""
        if self._depth:
            self._kept.append(window[start : len(window) - len(self._carry)])
        return complete


_ITEM = re.compile(r"<(/?)item>")
_LONGEST = len("</item>") - 1
"""Characters of a tag that a chunk may end in."""
