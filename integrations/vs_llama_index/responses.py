"""What a synthesizer returns: the drawn answer, with all candidates in the metadata."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from contextlib import aclosing, closing
from typing import Any

from llama_index.core.base.response.schema import (
    RESPONSE_TYPE,
    AsyncStreamingResponse,
    PydanticResponse,
    Response,
    StreamingResponse,
)
from llama_index.core.schema import NodeWithScore
from pydantic import BaseModel

from vs_core import Candidate, ConfigurationError, Distribution
from vs_llama_index.citing import ABSTAINS, SOURCES, UNKNOWN
from vs_llama_index.fusing import KEY
from vs_llama_index.voting import SUPPORTED

__all__ = [
    "AsyncTextStream",
    "AsyncVerbalizedStream",
    "DrawnText",
    "Event",
    "TextStream",
    "VerbalizedStream",
    "distribution_of",
    "empty",
    "response_of",
    "sources_of",
]


class DrawnText(str):
    """The text of a drawn answer, which knows the distribution it was drawn from.

    Args:
        text: The answer.

    Attributes:
        candidate: The answer as a candidate.
        distribution: All candidates.
    """

    candidate: Candidate
    distribution: Distribution

    @classmethod
    def of(cls, candidate: Candidate, distribution: Distribution) -> DrawnText:
        """Return a candidate of a distribution as its drawn answer."""
        drawn = cls(candidate.text)
        drawn.candidate = candidate
        drawn.distribution = distribution
        return drawn

    def about(self, nodes: Sequence[NodeWithScore]) -> dict[str, Any]:
        """Return what the metadata of a response says of it, as JSON; see `response_of`."""
        said = self.candidate.metadata
        numbers = said.get(SOURCES, [])
        about: dict[str, Any] = {
            "answer": str(self),
            "value": self.candidate.model_dump(mode="json")["value"],
            "confidence": self._share(self.candidate),
            "abstains": bool(said.get(ABSTAINS)),
            "abstention": max(
                (self._share(c) or 0.0 for c in self.distribution if c.metadata.get(ABSTAINS)),
                default=0.0,
            ),
            SOURCES: numbers,
            "source_ids": [nodes[number - 1].node_id for number in numbers],
            UNKNOWN: said.get(UNKNOWN, []),
            "distribution": self.distribution.compact().model_dump(mode="json"),
        }
        if SUPPORTED in said:
            about[SUPPORTED] = said[SUPPORTED]
        return about

    def _share(self, candidate: Candidate) -> float | None:
        given = candidate.probability
        return None if given is None else given / max(1.0, self.distribution.mass)


Event = Candidate | DrawnText


def response_of(
    drawn: DrawnText, nodes: list[NodeWithScore], about: dict[str, Any]
) -> Response | PydanticResponse:
    """Return a response: of a typed answer that is a model a ``PydanticResponse``.

    ``metadata["verbalized"]`` is plain JSON: the drawn ``answer`` with its ``value``,
    ``confidence``, ``sources`` (numbers), ``source_ids`` (of the nodes), ``unknown_sources``,
    whether it ``abstains``, and, where citations were checked, the share that is ``supported``;
    the probability of ``abstention``; and the ``distribution``.
    """
    metadata = {**about, KEY: drawn.about(nodes)}
    if isinstance(drawn.candidate.value, BaseModel):
        return PydanticResponse(drawn.candidate.value, nodes, metadata)
    return Response(str(drawn), nodes, metadata)


def empty(response: RESPONSE_TYPE) -> RESPONSE_TYPE:
    """Return a response with metadata: LlamaIndex gives none where there were no nodes."""
    if response.metadata is None:
        nothing = Distribution().model_dump(mode="json")
        response.metadata = {
            KEY: {"confidence": None, "abstention": 0.0, SOURCES: [], "distribution": nothing}
        }
    return response


def distribution_of(response: Any, schema: Any = None) -> Distribution[Any]:
    """Return the distribution that a response was drawn from.

    Args:
        response: Of a `VerbalizedSynthesizer` or a `VerbalizedLLM`, or its metadata.
        schema: The type of the answers, where they have one: their values are validated by it.

    Raises:
        ConfigurationError: If it carries none: it is of another part, or a stream that has not
            ended.
    """
    about = response if isinstance(response, dict) else getattr(response, "metadata", None)
    found = getattr(response, "raw", None)  # of an LLM
    if not isinstance(found, Distribution):
        found = (about or {}).get(KEY, {}).get("distribution")
    if found is None:
        raise ConfigurationError(
            "This response carries no distribution: it is of another part, or a stream that was "
            "not read to its end."
        )
    of: Any = Distribution if schema is None else Distribution[schema]
    read = of.model_validate(found)
    return Distribution(**{name: getattr(read, name) for name in Distribution.model_fields})


def sources_of(response: Any, candidate: Candidate | None = None) -> list[NodeWithScore]:
    """Return the nodes that an answer cites.

    Args:
        response: Of a `VerbalizedSynthesizer`.
        candidate: One of its distribution; default: the drawn answer.
    """
    cited = (response.metadata[KEY] if candidate is None else candidate.metadata).get(SOURCES, ())
    return [response.source_nodes[number - 1] for number in cited]


# --- streams -----------------------------------------------------------------------------------


class TextStream(Generator[str, None, None]):
    """Yields the drawn answer, once all candidates have come; `candidates` yields those before.

    Args:
        events: Each candidate, and the drawn answer last.

    Attributes:
        drawn: The answer, once all are here; None before.
    """

    def __init__(self, events: Generator[Event, None, None]) -> None:
        self._events = events
        self._given = False
        self.drawn: DrawnText | None = None

    def candidates(self) -> Generator[Candidate, None, None]:
        """Yield each candidate as soon as it is complete; closing it stops the model."""
        with closing(self._events):
            for event in self._events:
                if isinstance(event, DrawnText):
                    self.drawn = event
                else:
                    yield event

    def send(self, value: None) -> str:  # noqa: ARG002
        """Return the drawn answer."""
        if self._given:
            raise StopIteration
        for _ in self.candidates():
            pass
        self._given = True
        return _required(self.drawn)

    def throw(self, *error: Any) -> str:
        """Raise where the model is waited for, which stops it."""
        self._events.throw(*error)
        raise StopIteration

    def close(self) -> None:
        """Stop the model."""
        self._events.close()


class AsyncTextStream(AsyncGenerator[str, None]):
    """As `TextStream`, without blocking."""

    def __init__(self, events: AsyncGenerator[Event, None]) -> None:
        self._events = events
        self._given = False
        self.drawn: DrawnText | None = None

    async def candidates(self) -> AsyncGenerator[Candidate, None]:
        """Yield each candidate as soon as it is complete; closing it stops the model."""
        async with aclosing(self._events):
            async for event in self._events:
                if isinstance(event, DrawnText):
                    self.drawn = event
                else:
                    yield event

    async def asend(self, value: None) -> str:  # noqa: ARG002
        """Return the drawn answer."""
        if self._given:
            raise StopAsyncIteration
        async for _ in self.candidates():
            pass
        self._given = True
        return _required(self.drawn)

    async def athrow(self, *error: Any) -> str:
        """Raise where the model is waited for, which stops it."""
        await self._events.athrow(*error)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Stop the model."""
        await self._events.aclose()


def _required(drawn: DrawnText | None) -> DrawnText:
    if drawn is None:
        raise ConfigurationError("The stream was closed before its end: no answer was drawn.")
    return drawn


class VerbalizedStream(StreamingResponse):
    """A response whose text is the drawn answer, when all candidates have come.

    ``response_gen`` gives that text, as a chat needs it. `candidates` gives each candidate as soon
    as it is complete, before that. The metadata is there once either has ended.
    """

    def __init__(self, text: TextStream, nodes: list[NodeWithScore], about: dict[str, Any]) -> None:
        self._stream = text
        super().__init__(self._text(), nodes, about)

    def candidates(self) -> Iterator[Candidate]:
        """Yield each candidate as soon as it is complete; closing it stops the model."""
        yield from self._stream.candidates()
        _finish(self, self._stream.drawn)

    def _text(self) -> Generator[str, None, None]:
        with closing(self._stream):
            for text in self._stream:
                _finish(self, self._stream.drawn)
                yield text


class AsyncVerbalizedStream(AsyncStreamingResponse):
    """As `VerbalizedStream`, without blocking."""

    def __init__(
        self, text: AsyncTextStream, nodes: list[NodeWithScore], about: dict[str, Any]
    ) -> None:
        self._stream = text
        super().__init__(self._text(), nodes, about)

    async def candidates(self) -> AsyncGenerator[Candidate, None]:
        """Yield each candidate as soon as it is complete; closing it stops the model."""
        async with aclosing(self._stream.candidates()) as candidates:
            async for candidate in candidates:
                yield candidate
        _finish(self, self._stream.drawn)

    async def _text(self) -> AsyncGenerator[str, None]:
        async with aclosing(self._stream):
            async for text in self._stream:
                _finish(self, self._stream.drawn)
                yield text

    async def _yield_response(self) -> AsyncGenerator[str, None]:
        async with self._lock:
            if self.response_txt is None:
                async for text in self.response_gen:
                    yield text
            else:
                yield self.response_txt


def _finish(response: StreamingResponse | AsyncStreamingResponse, drawn: DrawnText | None) -> None:
    answer = _required(drawn)
    response.response_txt = str(answer)
    assert response.metadata is not None  # noqa: S101  # as it was made
    response.metadata[KEY] = answer.about(response.source_nodes)
