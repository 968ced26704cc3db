"""Candidates as they come, in the stream of ``dspy.streamify``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import dspy
from dspy.streaming.messages import StreamResponse

from vs_core import Candidate, StreamParser
from vs_core.formats import Format, Json, Reading, Shape, Splitter
from vs_dspy.content import Content
from vs_dspy.xml import ItemSplitter

__all__ = ["CandidateStream", "Unread"]


class CandidateStream:
    """DSPy's stream, with each candidate put in behind the chunk that completed it.

    Where the output fields are listened to, a listener is given that field of each candidate.

    Args:
        stream: Where DSPy sends the chunks of an answer.
        content: What an answer holds. What does not fit it is left out: the flow asks again.
        adapter: That in use.
        listeners: Those that listen to the sampler.
        call: Number of the call among those of the flow.
    """

    def __init__(
        self, stream: Any, content: Content, adapter: Any, listeners: list[Any], call: int
    ) -> None:
        self._call = call
        self._stream = stream
        self._content = content
        self._ours = [each for each in listeners if each.signature_field_name in content.names]
        self._whole = not listeners
        self._raw = self._whole or len(self._ours) < len(listeners)
        self._sent = 0
        self._parser = StreamParser.of(content.hints, _format(content, adapter))
        for listener in self._ours:  # it would look for the field in the raw text
            listener.stream_start = listener.stream_end = True

    async def send(self, item: Any) -> None:
        """Pass on what DSPy sends, and then the candidates that it completed."""
        if self._raw:
            await self._stream.send(item)
        for candidate in self._parser.feed(_text(item)):
            for found in self._items([self._content.typed(candidate)]):
                await self._stream.send(found)

    def rest(self, candidates: Iterable[Candidate]) -> list[Any]:
        """Return what is to be sent of an answer, beyond what was sent on the way."""
        fitting = [each for each in candidates if self._content.fits(each)]
        return list(self._items(fitting[self._sent :]))

    def _items(self, candidates: Iterable[Candidate]) -> Iterator[Any]:
        """What is sent for candidates; nothing beyond k, which is no part of the answer."""
        for candidate in candidates:
            if self._sent == self._content.shape.k or not self._content.fits(candidate):
                continue
            self._sent += 1
            if self._whole:
                yield candidate.model_copy(update={"call": self._call})
            record = self._content.record(candidate)
            for listener in self._ours:
                name, last = listener.signature_field_name, self._sent == self._content.shape.k
                yield StreamResponse(listener.predict_name, name, str(record[name]), last)


def _format(content: Content, adapter: Any) -> Format | None:
    """How the candidates are written, to cut them out of a stream."""
    if isinstance(adapter, dspy.TwoStepAdapter):
        return None  # its model answers in any form it likes
    if content.format is not None:
        # In JSON the text of a field is escaped: nothing of it can be read before its end.
        return Unread() if isinstance(adapter, dspy.JSONAdapter) else content.format
    return _Items(content) if isinstance(adapter, dspy.XMLAdapter) else Json()


class Unread(Format):
    """Nothing that is read by itself: an adapter does it, or nobody can before its end."""

    name = "whole"

    def instructions(self, shape: Shape) -> str:  # noqa: ARG002
        """None of its own."""
        return ""

    def write(self, answer: Reading, shape: Shape) -> str:
        """Not needed: it only reads."""
        raise NotImplementedError

    def read(self, text: str, shape: Shape) -> Reading | None:  # noqa: ARG002
        """Nothing."""
        return None


class _Items(Unread):
    """A list as XMLAdapter has it written."""

    name = "items"

    def __init__(self, content: Content) -> None:
        self._content = content

    def read(self, text: str, shape: Shape) -> Reading | None:  # noqa: ARG002
        """Return the candidate of an item."""
        found = self._content.of_items(text)
        return None if found is None else self._content.answer(found)

    def splitter(self) -> Splitter:
        """Return what cuts out the items."""
        return ItemSplitter()


def _text(item: Any) -> str:
    """The text in a chunk of an answer; empty in anything else, such as a status message."""
    choices = getattr(item, "choices", None)
    delta = getattr(choices[0], "delta", None) if choices else None
    return getattr(delta, "content", None) or ""
