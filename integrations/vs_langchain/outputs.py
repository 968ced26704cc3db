"""What comes out of a sampler: each mode says all there is to say of it, in one class."""

from __future__ import annotations

import random
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata

from vs_core import Candidate, ConfigurationError, Distribution, ModelError
from vs_langchain.internals import message_id
from vs_langchain.messages import ToolsCalled, kept
from vs_langchain.running import SamplerRun
from vs_langchain.snapshots import Snapshot, snapshot

__all__ = ["OUTPUTS", "DrawnMessage", "OneDrawn", "Output", "OutputMode", "as_chunk", "as_message"]

OutputMode = Literal["distribution", "message", "text", "value"]


class Output(ABC):
    """What comes out of one run.

    Args:
        run: Of the sampler, which says what it was asked for and what the model said.
    """

    name: ClassVar[OutputMode]

    def __init__(self, run: SamplerRun) -> None:
        self.run = run

    @classmethod
    @abstractmethod
    def type_of(cls, schema: Any, after: Any) -> Any:
        """Return the type of what comes out, of candidates of a type or of what a step gives."""

    @classmethod
    def require(cls, schema: Any, after: Any) -> None:  # noqa: ARG003
        """Raise a ConfigurationError where this cannot come out."""
        return

    @abstractmethod
    def result(self, distribution: Distribution, eligible: Distribution) -> Any:
        """Return what comes out.

        Args:
            distribution: All candidates.
            eligible: Those that may be drawn.
        """

    def called(self, calling: ToolsCalled) -> Any:
        """Return what comes out where the model called tools instead of answering."""
        raise ModelError(
            f"The model called tools ({calling}) instead of answering. "
            "VerbalizedSampler(llm, output='message') passes such a message on."
        ) from None

    # --- as a stream -------------------------------------------------------------------------

    def called_in_stream(self, calling: ToolsCalled) -> Any:
        """Return what `called` does, as a piece of a stream."""
        return as_chunk(self.called(calling))

    def grown(self, candidate: Candidate) -> Iterator[Any]:  # noqa: ARG002
        """Yield what can come out as soon as one more candidate is complete."""
        yield from ()

    def rest(self, distribution: Distribution, eligible: Distribution) -> Iterator[Any]:
        """Yield what is left to come out at the end."""
        yield self.result(distribution, eligible)


class _WholeDistribution(Output):
    name = "distribution"

    def __init__(self, run: SamplerRun) -> None:
        super().__init__(run)
        self._grown = Snapshot()

    @classmethod
    def type_of(cls, schema: Any, after: Any) -> Any:  # noqa: ARG003
        return Distribution

    def result(self, distribution: Distribution, eligible: Distribution) -> Any:  # noqa: ARG002
        return distribution

    def grown(self, candidate: Candidate) -> Iterator[Any]:
        self._grown = self._grown.grown(candidate)
        yield self._grown

    def rest(self, distribution: Distribution, eligible: Distribution) -> Iterator[Any]:  # noqa: ARG002
        yield snapshot(distribution)


class OneDrawn(Output):
    """One candidate, drawn."""

    def result(self, distribution: Distribution, eligible: Distribution) -> Any:
        """See `Output.result`."""
        return self.of(self.run.drawn(eligible), distribution)

    @abstractmethod
    def of(self, candidate: Candidate, distribution: Distribution) -> Any:
        """Return what comes out of the candidate that was drawn."""


class _DrawnText(OneDrawn):
    """The text of one candidate: as a stream it comes in pieces.

    Whichever way it is drawn, its text is known when the last candidate is. Where all places are
    equally likely, the place is drawn beforehand, and the text comes with its candidate.
    """

    def __init__(self, run: SamplerRun) -> None:
        super().__init__(run)
        self._seen = 0
        self._place = random.randrange(run.candidates) if run.draws_a_place else None
        self._out = False

    def grown(self, candidate: Candidate) -> Iterator[Any]:
        if self._seen == self._place:
            self._out = True
            yield from map(self.piece, pieces_of(self.text_of(candidate)))
        self._seen += 1

    def rest(self, distribution: Distribution, eligible: Distribution) -> Iterator[Any]:  # noqa: ARG002
        if not self._out:
            candidate = self.run.drawn(eligible)
            yield from map(self.piece, pieces_of(self.text_of(candidate)))

    def text_of(self, candidate: Candidate) -> str:
        """Return what of a candidate comes out."""
        return candidate.text

    def piece(self, text: str) -> Any:
        """Return a piece of the text as it comes out of a stream."""
        return text


class _Text(_DrawnText):
    name = "text"

    @classmethod
    def type_of(cls, schema: Any, after: Any) -> Any:  # noqa: ARG003
        return str

    def of(self, candidate: Candidate, distribution: Distribution) -> Any:  # noqa: ARG002
        return candidate.text


class DrawnMessage(_DrawnText):
    """One candidate as a message."""

    name = "message"

    @classmethod
    def type_of(cls, schema: Any, after: Any) -> Any:  # noqa: ARG003
        """See `Output.type_of`."""
        return AIMessage

    def of(self, candidate: Candidate, distribution: Distribution) -> Any:
        """See `OneDrawn.of`."""
        return as_message(candidate.text, self.run, distribution)

    def called(self, calling: ToolsCalled) -> Any:
        """See `Output.called`."""
        return calling.message

    def piece(self, text: str) -> Any:
        """Return a piece of the message."""
        return AIMessageChunk(content=text, id=message_id(self.run.id))

    def rest(self, distribution: Distribution, eligible: Distribution) -> Iterator[Any]:
        """See `Output.rest`."""
        yield from super().rest(distribution, eligible)
        yield as_chunk(as_message("", self.run, distribution))


class _Value(OneDrawn):
    name = "value"

    @classmethod
    def type_of(cls, schema: Any, after: Any) -> Any:
        if after is not None:
            return after.OutputType
        return schema if isinstance(schema, type) else Any

    @classmethod
    def require(cls, schema: Any, after: Any) -> None:
        if schema is None and after is None:
            raise ConfigurationError(
                "output='value' needs something that makes values: a schema, or a parser after the "
                "model."
            )

    def of(self, candidate: Candidate, distribution: Distribution) -> Any:  # noqa: ARG002
        return candidate.value


OUTPUTS: dict[str, type[Output]] = {
    output.name: output for output in (_WholeDistribution, DrawnMessage, _Text, _Value)
}


# --- messages --------------------------------------------------------------------------------


def as_message(
    text: str, run: SamplerRun, distribution: Distribution, tool_calls: tuple[Any, ...] = ()
) -> AIMessage:
    """Return an answer as a message like the model's own, with its distribution."""
    usage: UsageMetadata | None = run.usage
    return AIMessage(
        text,
        tool_calls=list(tool_calls),
        response_metadata={**run.about, **kept(distribution, run.keeps)},
        usage_metadata=usage,
        id=message_id(run.id),
    )


def as_chunk(message: AIMessage) -> AIMessageChunk:
    """Return a message as the last piece of a stream, which can be added to those before."""
    if isinstance(message, AIMessageChunk):
        return message
    return AIMessageChunk(
        content=message.content,
        tool_calls=message.tool_calls,
        response_metadata=message.response_metadata,
        usage_metadata=message.usage_metadata,
        id=message.id,
        chunk_position="last",
    )


def pieces_of(text: str) -> list[str]:
    """Cut a text into pieces of about a word; put together they are the text."""
    return re.findall(r"\s*\S{1,16}|\s+", text)
