"""`VerbalizedSynthesizer`: several answers with their probabilities from retrieved context."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar

from llama_index.core.base.response.schema import (
    RESPONSE_TYPE,
    AsyncStreamingResponse,
    Response,
    StreamingResponse,
)
from llama_index.core.callbacks import CallbackManager
from llama_index.core.embeddings.utils import EmbedType, resolve_embed_model
from llama_index.core.indices.prompt_helper import PromptHelper
from llama_index.core.instrumentation.events.synthesis import (
    GetResponseEndEvent,
    GetResponseStartEvent,
)
from llama_index.core.llms.utils import LLMType
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.prompts.default_prompt_selectors import DEFAULT_TEXT_QA_PROMPT_SEL
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.schema import NodeWithScore
from llama_index.core.settings import Settings
from llama_index_instrumentation import get_dispatcher
from pydantic import BeforeValidator, Field
from pydantic_core import to_json

from vs_core import Candidate, ConfigurationError, Distribution, Strategy
from vs_core.plugins import plugins
from vs_core.strategies.typed import validated
from vs_llama_index.asking import Asking, Event, configured, require_query, template
from vs_llama_index.merging import Merge, by_embedding, merged, normalised, require_merge
from vs_llama_index.query_transform import embedder
from vs_llama_index.structured import Method

__all__ = ["AsyncCandidateStream", "CandidateStream", "Drawn", "VerbalizedSynthesizer"]

_LABEL = 10  # tokens that "Source 12:" and the line around it may take

dispatcher = get_dispatcher(__name__)


class Drawn(str):
    """The text of a drawn answer, which knows the distribution it was drawn from.

    Args:
        text: The answer.
        distribution: All candidates.
        confidence: Probability of the answer, with that of all that was merged into it; where
            several calls gave a mass over 1, as a share of that. None if the model gave none.
    """

    distribution: Distribution
    confidence: float | None

    @classmethod
    def of(cls, candidate: Candidate, distribution: Distribution) -> Drawn:
        """Return a candidate of a distribution as its drawn answer."""
        drawn = cls(candidate.text)
        drawn.distribution = distribution
        given = candidate.probability
        drawn.confidence = None if given is None else given / max(1.0, distribution.mass)
        return drawn


class VerbalizedSynthesizer(BaseSynthesizer):
    """Answer from retrieved context with k candidates and their probabilities, in one call.

    The response's text is the answer drawn from them. Its ``metadata`` has, beside that of the
    source nodes by their ids:

    - ``"distribution"``: the `Distribution`; a candidate's ``metadata["sources"]`` are the numbers
      of the sources it cites, from 1, in the order of ``source_nodes``;
    - ``"candidates"``: one mapping each, with ``text``, ``probability``, ``weight``, and the cited
      ``source_nodes``;
    - ``"confidence"``: the probability of the drawn answer, with that of all that is the same in
      other words; None if the model gave none. Where several calls (``n`` over ``k``) gave a mass
      over 1, it is a share of that. Models are not calibrated: measure, then trust it.

    Context that is too long for one call is packed into as few as it takes, as LlamaIndex's
    ``compact`` mode does. These run concurrently, and their distributions are mixed in equal parts.

    With ``streaming=True`` the ``response_gen`` yields each candidate as it is complete, one a
    line; when it is done, the response's text is the drawn answer and the metadata is filled.

    Without nodes the response is ``empty_response``, as with LlamaIndex's own parts.

    Args:
        llm: Any LLM of LlamaIndex, chat or completion; default: ``Settings.llm``.
        k: Candidates a call, at least 1; default: the strategy's, 5.
        merge: Which answers are the same, so that their probabilities add up: ``"exact"`` (the same
            text), ``"normalised"`` (but for case, punctuation, articles and white space),
            ``"embedding"`` (similar enough); None merges nothing.
        similarity: Least similarity of answers that are the same by embedding, from -1 to 1.
        embed_model: Embeds answers; default: ``Settings.embed_model`` when it is needed.
        cite: Whether candidates cite their sources, which are numbered for the model.
        resampler: How the answer is drawn: a registered name such as ``"argmax"``, or a function.
        seed: Makes drawing reproducible.
        text_qa_template: Of ``{context_str}`` and ``{query_str}``; default: that of LlamaIndex.
        streaming: Whether to give candidates while the model writes.
        strategy: A registered name or a strategy of `vs_core`.
        method: How structured output is asked for; see `VerbalizedQueryTransform`.
        callback_manager: Gets the events of this and of the LLM.
        prompt_helper: Says how much context fits into a call; default: made for the LLM.
        empty_response: What is answered without any node, where LlamaIndex has this option.
        **options: Options of the strategy: ``n``, ``threshold``, ``probability``, ``format``,
            ``retries``, ``on_unparsed``, ``schema`` (the type of an answer), ``prompts``; see
            `vs_core.strategies.Strategy`.

    Raises:
        ConfigurationError: If no LLM is configured or an option cannot work; at a run, if the
            query or the context is empty, or the prompt leaves no room for context.
        ParseError: At a run, if the model gave no distribution, after all retries.
    """

    def __init__(
        self,
        llm: LLMType | None = None,
        k: int | None = None,
        *,
        merge: Merge = "normalised",
        similarity: float = 0.9,
        embed_model: EmbedType | None = None,
        cite: bool = True,
        resampler: Any = "proportional",
        seed: int | None = None,
        text_qa_template: BasePromptTemplate | str | None = None,
        streaming: bool = False,
        strategy: str | Strategy = "vs_standard",
        method: Method = "auto",
        callback_manager: CallbackManager | None = None,
        prompt_helper: PromptHelper | None = None,
        empty_response: str | None = None,
        **options: Any,
    ) -> None:
        # Only where it is given, because older versions of LlamaIndex do not take it.
        own: dict[str, Any] = {} if empty_response is None else {"empty_response": empty_response}
        super().__init__(
            llm=configured(llm), callback_manager=callback_manager, prompt_helper=prompt_helper,
            streaming=streaming, **own,
        )  # fmt: skip
        require_merge(merge, similarity)
        plugins.resampler(resampler)
        if k is not None:
            options["k"] = k
        asked = plugins.strategy(strategy, **options)
        self._cite = cite and asked.shape(1) is not None
        self._typed = asked.schema is not None
        if self._cite:
            asked = asked.replace(schema=_cited(asked.schema))
        self._asking = Asking(self._llm, asked, method=method, seed=seed)
        self._merge = merge
        self._similarity = similarity
        self._embed_model = None if embed_model is None else resolve_embed_model(embed_model)
        self._resampler = resampler
        self._template = _template(text_qa_template or DEFAULT_TEXT_QA_PROMPT_SEL)

    def _get_prompts(self) -> PromptDictType:
        return {"text_qa_template": self._template}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        if "text_qa_template" in prompts:
            self._template = _template(prompts["text_qa_template"])

    # --- running -----------------------------------------------------------------------------

    def get_response(
        self,
        query_str: str,
        text_chunks: Sequence[str],
        **response_kwargs: Any,
    ) -> Drawn | CandidateStream:
        """Answer from texts.

        Args:
            query_str: The question.
            text_chunks: The sources, in the order in which they are cited by number.
            **response_kwargs: Values of further variables of the template.

        Returns:
            The drawn answer, or with ``streaming`` the stream of candidates.
        """
        tasks = self._tasks(query_str, text_chunks, response_kwargs)
        if self._streaming:
            return CandidateStream(self._asking.stream(self._template, *tasks), self)
        found = self._asking.run(self._template, *tasks)
        return self.answered(self.drawn(found))

    async def aget_response(
        self,
        query_str: str,
        text_chunks: Sequence[str],
        **response_kwargs: Any,
    ) -> Drawn | AsyncCandidateStream:
        """Answer from texts without blocking; see `get_response`."""
        tasks = self._tasks(query_str, text_chunks, response_kwargs)
        if self._streaming:
            return AsyncCandidateStream(self._asking.astream(self._template, *tasks), self)
        found = await self._asking.arun(self._template, *tasks)
        return self.answered(await self.adrawn(found))

    def answered(self, drawn: Drawn) -> Drawn:
        """Return the drawn answer, and tell that it is there."""
        dispatcher.event(GetResponseEndEvent())
        return drawn

    def drawn(self, distribution: Distribution) -> Drawn:
        """Return the answer drawn from what a model gave, after merging what is the same."""
        plain = distribution.map(self.plain)
        if self._merge != "embedding":
            return self._draw(self._by_text(plain))
        model = embedder(self._embed_model)
        texts = _texts(plain)
        vectors = model.get_text_embedding_batch(texts)
        key = by_embedding(texts, vectors, self._similarity, model)
        return self._draw(merged(plain, key))

    async def adrawn(self, distribution: Distribution) -> Drawn:
        """Return the drawn answer without blocking; see `drawn`."""
        plain = distribution.map(self.plain)
        if self._merge != "embedding":
            return self._draw(self._by_text(plain))
        model = embedder(self._embed_model)
        texts = _texts(plain)
        vectors = await model.aget_text_embedding_batch(texts)
        key = by_embedding(texts, vectors, self._similarity, model)
        return self._draw(merged(plain, key))

    def _by_text(self, distribution: Distribution) -> Distribution:
        if self._merge is None:
            return distribution
        # Of typed answers the JSON is compared: its punctuation is what it says.
        loosely = self._merge == "normalised" and not self._typed
        return merged(distribution, normalised if loosely else str)

    def _draw(self, distribution: Distribution) -> Drawn:
        return Drawn.of(distribution.sample(resampler=self._resampler), distribution)

    def plain(self, candidate: Candidate) -> Candidate:
        """Return a candidate with its answer as text, and its sources in the metadata."""
        if not self._cite:
            return candidate
        checked, error = validated(candidate, self._asking.strategy.schema)
        if error is not None:
            return candidate  # its repairs say why
        answer = checked.value.answer
        # Some models write the sources beside the answer instead.
        sources = checked.value.sources or _numbers(candidate.metadata.get("sources", ""))
        about = {**candidate.metadata, "sources": sources}
        if isinstance(answer, str):
            return candidate.model_copy(
                update={"text": answer.strip(), "value": None, "metadata": about}
            )
        text = to_json(answer).decode()
        return candidate.model_copy(update={"text": text, "value": answer, "metadata": about})

    # --- the context -------------------------------------------------------------------------

    def _tasks(
        self, query: str, chunks: Sequence[str], further: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """The values of the template for each call."""
        require_query(query)
        if not any(chunk.strip() for chunk in chunks):
            raise ConfigurationError(
                f"The context is empty: there is no text in {len(chunks)} source(s) to answer from."
            )
        dispatcher.event(GetResponseStartEvent(query_str=query, text_chunks=list(chunks)))
        prompt = self._template.partial_format(query_str=query)
        packs = self._packed(prompt, [chunk.strip() for chunk in chunks])
        return [{"context_str": pack, "query_str": query, **further} for pack in packs]

    def _packed(self, prompt: BasePromptTemplate, sources: Sequence[str]) -> list[str]:
        """The sources, numbered, in as few texts as fit into a call; long ones are cut."""
        tokens = Settings.tokenizer
        strategy = self._asking.strategy
        said = f"{strategy.instruction(strategy.k)}\n\n{strategy.format_instructions(strategy.k)}"
        try:
            splitter = self._prompt_helper.get_text_splitter_given_prompt(
                prompt, padding=len(tokens(said)) + 2 * _LABEL, llm=self._llm
            )
        except ValueError as error:
            raise ConfigurationError(
                f"The prompt leaves no room for context in the LLM's context window: {error}"
            ) from error
        labelled = [
            f"Source {number}:\n{piece}" if self._cite else piece
            for number, source in enumerate(sources, start=1)
            for piece in (splitter.split_text(source) if source else ())
        ]
        return _filled(labelled, [len(tokens(text)) for text in labelled], splitter.chunk_size)

    # --- the response ------------------------------------------------------------------------

    def synthesize(self, *args: Any, **kwargs: Any) -> RESPONSE_TYPE:
        """Answer from nodes; see `BaseSynthesizer.synthesize`."""
        return _described(super().synthesize(*args, **kwargs))

    async def asynthesize(self, *args: Any, **kwargs: Any) -> RESPONSE_TYPE:
        """Answer from nodes without blocking; see `synthesize`."""
        return _described(await super().asynthesize(*args, **kwargs))

    def _prepare_response_output(
        self, response_str: Any, source_nodes: list[NodeWithScore]
    ) -> RESPONSE_TYPE:
        about = self._get_metadata_for_response([found.node for found in source_nodes]) or {}
        if isinstance(response_str, Drawn):
            about |= _about(response_str, source_nodes)
            return Response(str(response_str), source_nodes, about)
        if isinstance(response_str, CandidateStream):
            return _Streamed(response_str, source_nodes, about)
        assert isinstance(response_str, AsyncCandidateStream)  # noqa: S101  # there is no other
        return _AsyncStreamed(response_str, source_nodes, about)


def _described(response: RESPONSE_TYPE) -> RESPONSE_TYPE:
    """A response with metadata: LlamaIndex gives none where there was nothing to answer from."""
    if response.metadata is None:
        response.metadata = {"distribution": Distribution(), "candidates": [], "confidence": None}
    return response


# --- answers that cite ---------------------------------------------------------------------------


T = TypeVar("T")


def _numbers(said: Any) -> list[int]:
    """The numbers in whatever a model wrote: 1, "[1, 2]", "Source 1, page 12", ["1"]."""
    text = str(said)
    named = re.findall(r"[Ss]ource\s{0,3}(\d{1,6})", text) or re.findall(r"\d{1,6}", text)
    return list(dict.fromkeys(map(int, named)))


def _bare(said: Any) -> Any:
    """An answer for which a model left the object out, or used another name in it."""
    if isinstance(said, Cited) or (isinstance(said, dict) and "answer" in said):
        return said
    if isinstance(said, dict) and said.keys() <= {"text", "response", "sources"}:
        answer = said.get("text", said.get("response"))
        return {"answer": answer, "sources": said.get("sources", ())}
    return {"answer": said}


@dataclass(frozen=True)
class Cited(Generic[T]):
    """An answer, and the sources that it is based on."""

    answer: Annotated[T, Field(description="the answer alone")]
    sources: Annotated[
        list[int],
        BeforeValidator(_numbers),
        Field(description="numbers of the sources that the answer is based on"),
    ] = field(default_factory=list)


def _cited(answer: Any) -> Any:
    """The type of a candidate, from that of its answer. Generic, because that can be pickled."""
    of_answer: Any = Cited[str] if answer is None else Cited[answer]
    return Annotated[of_answer, BeforeValidator(_bare)]


def _about(drawn: Drawn, nodes: Sequence[NodeWithScore]) -> dict[str, Any]:
    """What the metadata of a response says of a drawn answer."""
    distribution = drawn.distribution
    candidates = [
        {
            "text": candidate.text,
            "probability": candidate.probability,
            "weight": weight,
            "source_nodes": [
                nodes[number - 1]
                for number in candidate.metadata.get("sources", ())
                if 1 <= number <= len(nodes)  # a model may name a source that there is not
            ],
        }
        for candidate, weight in zip(distribution, distribution.weights, strict=True)
    ]
    return {
        "distribution": distribution,
        "candidates": candidates,
        "confidence": drawn.confidence,
    }


def _texts(distribution: Distribution) -> list[str]:
    return list(dict.fromkeys(candidate.text for candidate in distribution))


def _filled(texts: Sequence[str], sizes: Sequence[int], size: int) -> list[str]:
    """Texts joined in order, each as long as fits."""
    packs: list[list[str]] = []
    room = 0
    for text, needed in zip(texts, sizes, strict=True):
        if not packs or needed > room:
            packs.append([])
            room = size + _LABEL  # which the splitter left for the label
        packs[-1].append(text)
        room -= needed + 1
    return ["\n\n".join(pack) for pack in packs]


def _template(prompt: BasePromptTemplate | str) -> BasePromptTemplate:
    made = template(prompt, "context_str")
    return template(made, "query_str")


# --- streams -------------------------------------------------------------------------------------


class CandidateStream(Generator[str, None, None]):
    """Yields candidates as lines of text, and keeps the drawn answer when it is done.

    Attributes:
        candidates: Those that have come so far.
        drawn: The answer, once all are here; None before.
    """

    def __init__(
        self, events: Generator[Event, None, None], synthesizer: VerbalizedSynthesizer
    ) -> None:
        self._events = events
        self._synthesizer = synthesizer
        self.candidates: list[Candidate] = []
        self.drawn: Drawn | None = None

    def send(self, value: None) -> str:  # noqa: ARG002
        """Return the next candidate."""
        for event in self._events:
            if isinstance(event, Candidate):
                self.candidates.append(self._synthesizer.plain(event))
                return f"{self.candidates[-1].text}\n"
            self.drawn = self._synthesizer.answered(self._synthesizer.drawn(event))
        raise StopIteration

    def throw(self, *error: Any) -> str:
        """Raise where the model is waited for, which stops it."""
        self._events.throw(*error)
        raise StopIteration

    def close(self) -> None:
        """Stop the model."""
        self._events.close()


class AsyncCandidateStream(AsyncGenerator[str, None]):
    """Yields candidates without blocking; see `CandidateStream`."""

    def __init__(
        self, events: AsyncGenerator[Event, None], synthesizer: VerbalizedSynthesizer
    ) -> None:
        self._events = events
        self._synthesizer = synthesizer
        self.candidates: list[Candidate] = []
        self.drawn: Drawn | None = None

    async def asend(self, value: None) -> str:  # noqa: ARG002
        """Return the next candidate."""
        async for event in self._events:
            if isinstance(event, Candidate):
                self.candidates.append(self._synthesizer.plain(event))
                return f"{self.candidates[-1].text}\n"
            self.drawn = self._synthesizer.answered(await self._synthesizer.adrawn(event))
        raise StopAsyncIteration

    async def athrow(self, *error: Any) -> str:
        """Raise where the model is waited for, which stops it."""
        await self._events.athrow(*error)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Stop the model."""
        await self._events.aclose()


class _Streamed(StreamingResponse):
    """A response whose text is the drawn answer, when all candidates have come."""

    def __init__(
        self, stream: CandidateStream, nodes: list[NodeWithScore], about: dict[str, Any]
    ) -> None:
        super().__init__(self._received(stream), nodes, about)

    def _received(self, stream: CandidateStream) -> Generator[str, None, None]:
        with closing(stream):
            yield from stream
        _finish(self, stream.drawn)

    def __str__(self) -> str:
        return str(self.get_response())

    def get_response(self) -> Response:
        """Wait for all candidates; return what would have come without streaming."""
        for _ in self.response_gen:
            pass
        return Response(self.response_txt, self.source_nodes, self.metadata)

    def print_response_stream(self) -> None:
        """Print the candidates as they come."""
        for text in self.response_gen:
            print(text, end="", flush=True)


class _AsyncStreamed(AsyncStreamingResponse):
    """A response whose text is the drawn answer, when all candidates have come."""

    def __init__(
        self, stream: AsyncCandidateStream, nodes: list[NodeWithScore], about: dict[str, Any]
    ) -> None:
        super().__init__(self._received(stream), nodes, about)

    async def _received(self, stream: AsyncCandidateStream) -> AsyncGenerator[str, None]:
        async with aclosing(stream):
            async for text in stream:
                yield text
        _finish(self, stream.drawn)

    async def _yield_response(self) -> AsyncGenerator[str, None]:
        async with self._lock:
            if self.response_txt is not None:
                yield self.response_txt
                return
            async for text in self.response_gen:
                yield text


def _finish(response: StreamingResponse | AsyncStreamingResponse, drawn: Drawn | None) -> None:
    assert drawn is not None  # noqa: S101  # the stream ended, so it has drawn
    response.response_txt = str(drawn)
    assert response.metadata is not None  # noqa: S101  # as it was made
    response.metadata.update(_about(drawn, response.source_nodes))
