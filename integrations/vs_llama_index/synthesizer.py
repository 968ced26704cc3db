"""`VerbalizedSynthesizer`: several answers with their probabilities from retrieved context."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing, closing
from functools import partial
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import ChatMessage, TextBlock
from llama_index.core.base.response.schema import RESPONSE_TYPE
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
from llama_index_instrumentation import get_dispatcher
from typing_extensions import Unpack

from vs_core import Candidate, ConfigurationError, Distribution, ParseError, Strategy
from vs_core.candidates import resampler_of
from vs_core.effects import (
    Effect,
    Effects,
    Emit,
    Stream,
    aperform,
    aproduce_with,
    perform,
    produce_with,
)
from vs_llama_index.asking import (
    Asking,
    AskOptions,
    CandidateEvent,
    PromptInput,
    asked_by,
    configured,
    require_query,
    template,
)
from vs_llama_index.citing import ABSTAINS, SOURCES, cited_type, read
from vs_llama_index.merging import Merge, by_embedding, merged, normalised, require_merge
from vs_llama_index.packing import Pack, Packer, Source
from vs_llama_index.query_transform import embedder
from vs_llama_index.responses import (
    AsyncTextStream,
    AsyncVerbalizedStream,
    DrawnText,
    Event,
    TextStream,
    VerbalizedStream,
    empty,
    response_of,
)
from vs_llama_index.structured import Method
from vs_llama_index.verifying import Verify, require_verify, verified
from vs_llama_index.voting import PACK, cited_pieces, voted

__all__ = ["VerbalizedSynthesizer"]

dispatcher = get_dispatcher(__name__)
_log = logging.getLogger("vs_llama_index")

Begin = Callable[[Any], Any]
"""Gives the steps to the answer; it is given what holds the model's stream open, or None if
candidates are not streamed."""


class VerbalizedSynthesizer(BaseSynthesizer):
    """Answer from retrieved context with k candidates and their probabilities, in one call.

    The response's text is the answer drawn from them. ``metadata["verbalized"]`` is plain JSON; see
    `vs_llama_index.responses.response_of`, `distribution_of` and `sources_of`. Its ``confidence``
    is the probability of the drawn answer, with that of all that is the same in other words; None
    if the model gave none. Models are not calibrated: measure, then trust it.

    **Abstaining.** The model is asked to leave an answer empty if the sources do not hold it. Such
    candidates, and those that say so in words, are one class, with a probability of its own.

    **Long contexts** are packed into as few calls as they take, with room for k answers; these run
    concurrently. Packs vote by their evidence (`vs_llama_index.voting.voted`), so that those that
    do not hold the answer are not heard. Where their answers differ, a last call answers from what
    they cite.

    **Citations** are read as models write them. A source that was not shown is not cited, but
    flagged; with ``verify`` the passages must support the answer.

    With ``streaming=True`` the response is a `VerbalizedStream`: its text is the drawn answer, as a
    chat engine stores it, and ``candidates()`` gives each candidate as it comes; so does a
    ``CandidateEvent`` of the instrumentation.

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
        verify: How citations are checked: ``"overlap"`` (share of the answer's words that stand in
            the passage), ``"embedding"`` (similarity of both), ``"llm"`` (asked as LlamaIndex's
            ``FaithfulnessEvaluator`` asks), an evaluator, or a function of answer and passage that
            returns whether it holds, or how well. None checks nothing.
        support: Least value of a check that gives a number, from -1 to 1.
        no_answer: The text of an answer that the model left empty.
        multimodal: Whether images and the like in nodes are shown to the model.
        resampler: How the answer is drawn: a registered name such as ``"argmax"``, or a function.
        seed: Makes drawing reproducible.
        text_qa_template: Of ``{context_str}`` and ``{query_str}``; default: that of LlamaIndex.
        streaming: Whether to give candidates while the model writes.
        strategy: A registered name or a strategy of `vs_core`.
        method: How structured output is asked for; see `VerbalizedQueryTransform`.
        callback_manager: Gets the events of this and of the LLM.
        prompt_helper: Says how much context fits into a call, and counts tokens; default: made for
            the LLM.
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
        verify: Verify = None,
        support: float = 0.5,
        no_answer: str = "The sources do not say.",
        multimodal: bool = False,
        resampler: Any = "proportional",
        seed: int | None = None,
        text_qa_template: BasePromptTemplate | str | None = None,
        streaming: bool = False,
        strategy: str | Strategy | None = None,
        method: Method = "auto",
        callback_manager: CallbackManager | None = None,
        prompt_helper: PromptHelper | None = None,
        empty_response: str | None = None,
        **options: Unpack[AskOptions],
    ) -> None:
        # Only where they are given, because older versions of LlamaIndex do not take them.
        own: dict[str, Any] = {} if empty_response is None else {"empty_response": empty_response}
        if multimodal:
            own["multimodal"] = True
        super().__init__(
            llm=configured(llm), callback_manager=callback_manager, prompt_helper=prompt_helper,
            streaming=streaming, **own,
        )  # fmt: skip
        require_merge(merge, similarity)
        require_verify(verify, support)
        resampler_of(resampler)
        asked = asked_by(strategy, k, options)
        self._cite = cite and asked.shape(1) is not None
        self._typed = asked.schema is not None
        if self._cite:
            asked = asked.replace(schema=cited_type(asked.schema))
        if verify is not None and not self._cite:
            raise ConfigurationError("verify checks citations, and cite is off.")
        self._asking = Asking(self._llm, asked, method=method, seed=seed)
        self._merge = merge
        self._similarity = similarity
        self._embed_model = None if embed_model is None else resolve_embed_model(embed_model)
        self._verify = verify
        self._support = support
        self._no_answer = no_answer
        self._resampler = resampler
        self._template = _template(text_qa_template or DEFAULT_TEXT_QA_PROMPT_SEL)

    def _get_prompts(self) -> PromptDictType:
        return {"text_qa_template": self._template}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        if "text_qa_template" in prompts:
            self._template = _template(prompts["text_qa_template"])

    # --- running -----------------------------------------------------------------------------

    def get_response(
        self, query_str: str, text_chunks: Sequence[str], **response_kwargs: Any
    ) -> DrawnText | TextStream:
        """Answer from texts.

        Args:
            query_str: The question.
            text_chunks: The sources, in the order in which they are cited by number.
            **response_kwargs: Values of further variables of the template.

        Returns:
            The drawn answer; with ``streaming`` what yields each candidate, and it last.
        """
        return self._answer(query_str, _of_texts(text_chunks), response_kwargs)

    async def aget_response(
        self, query_str: str, text_chunks: Sequence[str], **response_kwargs: Any
    ) -> DrawnText | AsyncTextStream:
        """Answer from texts without blocking; see `get_response`."""
        return await self._aanswer(query_str, _of_texts(text_chunks), response_kwargs)

    def get_response_from_messages(
        self, query_str: str, message_chunks: Sequence[ChatMessage], **response_kwargs: Any
    ) -> DrawnText | TextStream:
        """Answer from sources that may hold images; see `get_response`."""
        return self._answer(query_str, _of_messages(message_chunks), response_kwargs)

    async def aget_response_from_messages(
        self, query_str: str, message_chunks: Sequence[ChatMessage], **response_kwargs: Any
    ) -> DrawnText | AsyncTextStream:
        """Answer from sources that may hold images, without blocking; see `get_response`."""
        return await self._aanswer(query_str, _of_messages(message_chunks), response_kwargs)

    def _answer(
        self, query: str, sources: Sequence[Source], further: dict[str, Any]
    ) -> DrawnText | TextStream:
        begin = self._begun(query, sources, further)
        return TextStream(produce_with(begin)) if self._streaming else perform(begin(None))

    async def _aanswer(
        self, query: str, sources: Sequence[Source], further: dict[str, Any]
    ) -> DrawnText | AsyncTextStream:
        begin = self._begun(query, sources, further)
        return (
            AsyncTextStream(aproduce_with(begin))
            if self._streaming
            else await aperform(begin(None))
        )

    def _begun(self, query: str, sources: Sequence[Source], further: dict[str, Any]) -> Begin:
        """What remains to be done, once the input has been checked and packed."""
        require_query(query)
        if not any(source.text or source.blocks for source in sources):
            raise ConfigurationError(
                f"The context is empty: there is no text in {len(sources)} source(s) to answer "
                "from."
            )
        texts = [source.text for source in sources]
        dispatcher.event(GetResponseStartEvent(query_str=query, text_chunks=texts))
        packer = Packer(
            self._prompt_helper, self._llm, self._asking.strategy, self._asking.method,
            self._template.partial_format(query_str=query), self._cite,
        )  # fmt: skip
        return partial(self._steps, query, sources, packer, further)

    def _steps(
        self, query: str, sources: Sequence[Source], packer: Packer, further: dict[str, Any],
        stack: Any,
    ) -> Stream[Event]:  # fmt: skip
        """Ask, vote, ask again where that is of use, merge and draw."""
        packs = packer.packs(sources)

        def asked(packs: Sequence[Pack]) -> Stream[Event]:
            found = yield from self._asked(packs, query, packer, further, stack)
            return (yield from verified(
                found, {source.number: source.text for source in sources}, self._verify,
                self._support, query, self._llm, self._embedder,
            ))  # fmt: skip

        found = yield from asked(packs)
        if len(packs) > 1:
            heard = voted(found, packs)
            found = yield from self._merged(heard)
            last = packer.best(cited_pieces(heard, packs))
            if _differ(found) and len(_packs_of(heard)) > 1 and last.pieces:
                try:
                    again = yield from asked([last])
                except ParseError as error:
                    _log.warning("The last round gave no answer, the votes count: %s", error)
                else:
                    found = _combined(found, again)
        found = yield from self._merged(found.map(_without_pack))
        drawn = DrawnText.of(found.sample(resampler=self._resampler), found)
        dispatcher.event(GetResponseEndEvent())
        yield Emit(drawn)
        return drawn

    def _asked(
        self, packs: Sequence[Pack], query: str, packer: Packer, further: dict[str, Any],
        stack: Any,
    ) -> Stream[Event]:  # fmt: skip
        """The answers of all packs; emits each candidate, if they are streamed."""
        tasks = [
            PromptInput({"context_str": pack.text, "query_str": query, **further}, pack.blocks)
            for pack in packs
        ]
        ask = self._asking.fitting(packer.fits)
        shown = set[int]().union(*(pack.numbers for pack in packs))
        if stack is None:
            found = yield Effect(
                lambda: ask.run(self._template, *tasks), lambda: ask.arun(self._template, *tasks)
            )
        else:
            found = yield from self._streamed(ask, tasks, shown, stack)

        def plain(candidate: Candidate) -> Candidate:
            place = candidate.metadata.get(PACK)
            return self._read(candidate, shown if place is None else packs[place].numbers)

        return found.map(plain)

    def _streamed(
        self, ask: Asking, tasks: Sequence[PromptInput], shown: set[int], stack: Any
    ) -> Stream[Event]:
        events = yield Effect(
            lambda: stack.enter_context(closing(ask.stream(self._template, *tasks))),
            lambda: stack.enter_async_context(aclosing(ask.astream(self._template, *tasks))),
        )
        while True:
            event = yield Effect(lambda: next(events), lambda: anext(events))
            if isinstance(event, Distribution):
                return event
            candidate = self._read(event, shown)
            dispatcher.event(CandidateEvent(candidate=candidate))
            yield Emit(candidate)

    def _read(self, candidate: Candidate, shown: set[int]) -> Candidate:
        schema = self._asking.strategy.schema if self._cite else None
        return read(candidate, schema, shown, self._no_answer)

    # --- what is the same --------------------------------------------------------------------

    def _merged(self, distribution: Distribution) -> Effects[Distribution]:
        """Merge the answers that are the same."""
        if self._merge is None:
            return distribution
        if self._merge != "embedding":
            # Of typed answers the JSON is compared: its punctuation is what it says.
            loosely = self._merge == "normalised" and not self._typed
            return merged(distribution, normalised if loosely else str)
        model, texts = self._embedder(), list(dict.fromkeys(distribution.texts))
        vectors = yield Effect(
            lambda: model.get_text_embedding_batch(texts),
            lambda: model.aget_text_embedding_batch(texts),
        )
        return merged(distribution, by_embedding(texts, vectors, self._similarity, model))

    def _embedder(self) -> BaseEmbedding:
        return embedder(self._embed_model)

    # --- the response ------------------------------------------------------------------------

    def synthesize(
        self, query: Any, nodes: list[NodeWithScore], *args: Any, **kwargs: Any
    ) -> RESPONSE_TYPE:
        """Answer from nodes; see `BaseSynthesizer.synthesize`."""
        self._warn_of_images(nodes)
        return empty(super().synthesize(query, nodes, *args, **kwargs))

    async def asynthesize(
        self, query: Any, nodes: list[NodeWithScore], *args: Any, **kwargs: Any
    ) -> RESPONSE_TYPE:
        """Answer from nodes without blocking; see `synthesize`."""
        self._warn_of_images(nodes)
        return empty(await super().asynthesize(query, nodes, *args, **kwargs))

    def _warn_of_images(self, nodes: Sequence[NodeWithScore]) -> None:
        names = ("image_resource", "audio_resource", "video_resource")
        seen = sum(any(getattr(n.node, name, None) for name in names) for n in nodes)
        if seen and not getattr(self, "_multimodal", False):
            _log.warning(
                "%d of %d nodes hold images or the like, which the model is not shown: say "
                "multimodal=True.", seen, len(nodes),
            )  # fmt: skip

    def _prepare_response_output(
        self, response_str: Any, source_nodes: list[NodeWithScore]
    ) -> RESPONSE_TYPE:
        about = self._get_metadata_for_response([found.node for found in source_nodes]) or {}
        if isinstance(response_str, DrawnText):
            return response_of(response_str, source_nodes, about)
        if isinstance(response_str, TextStream):
            return VerbalizedStream(response_str, source_nodes, about)
        return AsyncVerbalizedStream(response_str, source_nodes, about)


# --- sources --------------------------------------------------------------------------------------


def _of_texts(chunks: Sequence[str]) -> list[Source]:
    return [Source(number, chunk.strip()) for number, chunk in enumerate(chunks, start=1)]


def _of_messages(messages: Sequence[ChatMessage]) -> list[Source]:
    sources = []
    for number, message in enumerate(messages, start=1):
        texts = [block.text for block in message.blocks if isinstance(block, TextBlock)]
        others = tuple(block for block in message.blocks if not isinstance(block, TextBlock))
        sources.append(Source(number, "\n\n".join(texts).strip(), others))
    return sources


def _template(prompt: BasePromptTemplate | str) -> BasePromptTemplate:
    made = template(prompt, "context_str")
    return template(made, "query_str")


# --- rounds ---------------------------------------------------------------------------------------


def _differ(distribution: Distribution) -> bool:
    """Whether there is more than one answer, abstaining aside."""
    return sum(not candidate.metadata.get(ABSTAINS) for candidate in distribution) > 1


def _packs_of(distribution: Distribution) -> set[int]:
    """The packs that candidates with an answer come from."""
    return {
        candidate.metadata[PACK] for candidate in distribution
        if candidate.metadata.get(SOURCES) and PACK in candidate.metadata
    }  # fmt: skip


def _without_pack(candidate: Candidate) -> Candidate:
    about = {name: value for name, value in candidate.metadata.items() if name != PACK}
    return candidate.model_copy(update={"metadata": about})


def _combined(votes: Distribution, last: Distribution) -> Distribution:
    """The last round, with what was paid for before; the votes, if the last round has no answer."""
    whole = votes + last
    usage = dict(votes.metadata.get("usage", {}))
    for name, count in last.metadata.get("usage", {}).items():
        usage[name] = usage.get(name, 0) + count
    calls = votes.metadata.get("calls", 0) + last.metadata.get("calls", 0)
    metadata = {**whole.metadata, "calls": calls, "usage": usage, "rounds": 2}
    answered = any(not candidate.metadata.get(ABSTAINS) for candidate in last)
    kept = whole.candidates[len(votes) :] if answered else votes.candidates
    metadata["n"] = len(kept)
    if answered:
        metadata["votes"] = [candidate.model_dump(mode="json") for candidate in votes]
    return whole.model_copy(update={"candidates": kept, "metadata": metadata})
