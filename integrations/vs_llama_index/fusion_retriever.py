"""`VerbalizedFusionRetriever`: several queries from one call, and one ranking of what they find."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager
from llama_index.core.constants import DEFAULT_SIMILARITY_TOP_K
from llama_index.core.instrumentation.events.exception import ExceptionEvent
from llama_index.core.llms.utils import LLMType
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.schema import IndexNode, NodeWithScore, QueryBundle
from llama_index_instrumentation import get_dispatcher
from typing_extensions import Unpack

from vs_core import ConfigurationError, Distribution, ParseError, Strategy
from vs_core.checks import require_count
from vs_core.effects import Effect, Effects, aperform, perform
from vs_core.fusion import reciprocal_rank, searches, surviving
from vs_llama_index.asking import (
    AskOptions,
    configured,
    require_query,
)
from vs_llama_index.fusing import FusionMode, Origin, fuse, require_fusion_mode
from vs_llama_index.query_transform import Mode, VerbalizedQueryTransform
from vs_llama_index.structured import Method

__all__ = ["VerbalizedFusionRetriever"]

_AT_ONCE = 32  # searches in threads

dispatcher = get_dispatcher(__name__)
_log = logging.getLogger("vs_llama_index")


class VerbalizedFusionRetriever(BaseRetriever):
    """Retrieve by k diverse queries, which a model verbalizes in one call, and fuse the results.

    It takes the arguments of ``QueryFusionRetriever`` in their order, has its attributes, and
    stands where that stands. All queries go to all retrievers concurrently; each result counts by
    the probability of its query and the weight of its retriever.

    Each node is returned once, as a copy: ``metadata["verbalized"]["queries"]`` are the searches
    that found it, with ``query``, ``weight``, ``retriever`` (its place), ``rank`` and ``score``,
    and ``["fused_score"]`` what it was ranked by. No model reads these. Nothing of a run is kept
    here, so that threads can share a retriever.

    If a search fails, the others count: a warning is logged and an ``ExceptionEvent`` sent. If all
    fail, the first error is raised.

    Args:
        retrievers: Where to search; at least one.
        llm: Any LLM of LlamaIndex, chat or completion; default: ``Settings.llm`` at each run.
        query_gen_prompt: In place of the mode's own; a template of ``{query}`` or ``{query_str}``.
        mode: How to fuse, also as ``FUSION_MODES``. ``"coverage"`` allots the places to the
            queries by weight, so that none is crowded out (`vs_core.fusion.coverage`). As in
            ``QueryFusionRetriever`` are ``"reciprocal_rerank"`` (also spelt
            ``"reciprocal_rank"``), ``"relative_score"``, ``"dist_based_score"`` and ``"simple"``.
            The score of a node is the best that a search gave it with ``"coverage"`` and
            ``"simple"``, and else the fused one.
        similarity_top_k: Most nodes to return, at least 1.
        num_queries: In place of ``k``, as ``QueryFusionRetriever`` counts: with the question. 1
            asks no model.
        use_async: False searches one after the other where it is not awaited, for retrievers that
            several threads must not use at once.
        verbose: Whether to print the queries.
        callback_manager: Gets the events of the retriever and, where given, of the LLM.
        objects: As any retriever takes them.
        object_map: As any retriever takes it.
        retriever_weights: Of each retriever, not negative, not all 0; default: equal.
        k: Candidate queries a call, beside the question itself; default: the strategy's, 5.
        query_mode: What is searched by: a ``"rewrite"`` of the query, a hypothetical document
            (``"hyde"``, arXiv 2212.10496), or a sub-question (``"decompose"``).
        include_original: Whether the question itself is searched by too, with the weight of an
            average candidate.
        strategy: A registered name or a strategy of `vs_core`.
        method: How structured output is asked for; see `VerbalizedQueryTransform`.
        seed: Makes drawing from the distribution reproducible.
        **options: Options of the strategy; see `vs_core.strategies.Strategy`.

    Raises:
        ConfigurationError: If an option cannot work.
    """

    def __init__(
        self,
        retrievers: Sequence[BaseRetriever],
        llm: LLMType | None = None,
        query_gen_prompt: BasePromptTemplate | str | None = None,
        mode: FusionMode = "coverage",
        similarity_top_k: int = DEFAULT_SIMILARITY_TOP_K,
        num_queries: int | None = None,
        use_async: bool = True,
        verbose: bool = False,
        callback_manager: CallbackManager | None = None,
        objects: list[IndexNode] | None = None,
        object_map: dict[str, Any] | None = None,
        retriever_weights: Sequence[float] | None = None,
        *,
        k: int | None = None,
        query_mode: Mode = "rewrite",
        include_original: bool = True,
        strategy: str | Strategy | None = None,
        method: Method = "auto",
        seed: int | None = None,
        **options: Unpack[AskOptions],
    ) -> None:
        if isinstance(query_gen_prompt, int):
            raise ConfigurationError(
                f"The third argument is query_gen_prompt, as in QueryFusionRetriever; say "
                f"k={query_gen_prompt}."
            )
        if num_queries is not None and k is not None:
            raise ConfigurationError("k and num_queries say the same: give one of them.")
        if callback_manager is not None:  # as LlamaIndex's own parts do
            llm = configured(llm)
            llm.callback_manager = callback_manager
        self._retrievers = [_retriever(one) for one in retrievers]
        self._weights = _shares(len(self._retrievers), retriever_weights)
        self._include_original = include_original
        self._asks = True
        self._queries = VerbalizedQueryTransform(
            llm, k, query_mode, prompt=query_gen_prompt, strategy=strategy, method=method,
            seed=seed, **options,
        )  # fmt: skip
        if num_queries is not None:
            self.num_queries = num_queries
        self.mode = mode
        self.similarity_top_k = similarity_top_k
        self.use_async = use_async
        super().__init__(callback_manager, object_map, objects, verbose)

    # --- the attributes of QueryFusionRetriever ----------------------------------------------

    @property
    def mode(self) -> FusionMode:
        """How results are fused."""
        return self._mode

    @mode.setter
    def mode(self, mode: FusionMode) -> None:
        self._mode = require_fusion_mode(mode)

    @property
    def similarity_top_k(self) -> int:
        """Most nodes to return."""
        return self._top_k

    @similarity_top_k.setter
    def similarity_top_k(self, top_k: int) -> None:
        self._top_k = require_count("similarity_top_k", top_k)

    @property
    def num_queries(self) -> int:
        """How many queries are searched by, with the question where that is included."""
        strategy = self._queries.strategy
        return strategy.in_all + self._include_original if self._asks else 1

    @num_queries.setter
    def num_queries(self, number: int) -> None:
        self._asks = require_count("num_queries", number) > 1
        if self._asks:
            self._queries.strategy = self._queries.strategy.replace(
                k=number - self._include_original, n=None
            )

    def _get_prompts(self) -> PromptDictType:
        return {"query_gen_prompt": self._queries.get_prompts()["query_prompt"]}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        if "query_gen_prompt" in prompts:
            self._queries.update_prompts({"query_prompt": prompts["query_gen_prompt"]})

    # --- running -----------------------------------------------------------------------------

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return perform(self._steps(query_bundle))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await aperform(self._steps(query_bundle))

    def _steps(self, own: QueryBundle) -> Effects[list[NodeWithScore]]:
        question = QueryBundle(require_query(own.query_str))
        asked = None
        try:
            if self._asks:
                asked = yield Effect(
                    lambda: self._queries.run(question), lambda: self._queries.arun(question)
                )
        except ParseError as error:
            self._without_queries(error)
        searches = self._searches(own, asked)
        found = yield Effect(lambda: self._searched(searches), lambda: self._asearched(searches))
        return self._fused(searches, found)

    def _without_queries(self, error: ParseError) -> None:
        """Go on with the question alone where the model gave no queries, and say so."""
        if not self._include_original:
            raise error
        dispatcher.event(ExceptionEvent(exception=error))
        _log.warning("The model gave no queries, the question is searched by alone: %s", error)

    def _searches(self, own: QueryBundle, asked: QueryBundle | None) -> list[_Search]:
        """Every query at every retriever; the user's own as it was given."""
        distribution = getattr(asked, "distribution", Distribution())
        original = self._include_original or asked is None
        found = searches(own.query_str, distribution, include_original=original)
        if self._verbose:
            print("Queries:", *(f"{weight:.3f} {text}" for text, weight in found.items()), sep="\n")
        return [
            _Search(retriever, _bundle(own, text), Origin(text, weight * share, place))
            for text, weight in found.items()
            for place, (retriever, share) in enumerate(
                zip(self._retrievers, self._weights, strict=True)
            )
            if share
        ]

    def _searched(self, searches: Sequence[_Search]) -> list[list[NodeWithScore] | BaseException]:
        def search(one: _Search) -> list[NodeWithScore] | BaseException:
            try:
                return one.retriever.retrieve(one.bundle)
            except Exception as error:
                return error

        if not self.use_async or len(searches) == 1:
            return [search(one) for one in searches]
        with ThreadPoolExecutor(min(len(searches), _AT_ONCE), "vs_llama_index") as executor:
            running = [executor.submit(copy_context().run, search, one) for one in searches]
            return [future.result() for future in running]

    async def _asearched(
        self, searches: Sequence[_Search]
    ) -> list[list[NodeWithScore] | BaseException]:
        executor = ThreadPoolExecutor(min(len(searches), _AT_ONCE), "vs_llama_index")
        try:
            found = (_asearch(search.retriever, search.bundle, executor) for search in searches)
            return await asyncio.gather(*found, return_exceptions=True)
        finally:
            executor.shutdown(wait=False)

    def _fused(
        self,
        searches: Sequence[_Search],
        results: Sequence[list[NodeWithScore] | BaseException],
    ) -> list[NodeWithScore]:
        for result in results:
            if isinstance(result, BaseException):
                dispatcher.event(ExceptionEvent(exception=result))
        origins = [search.origin for search in searches]
        found = surviving([origin.query for origin in origins], results, _log)
        return fuse(found, origins, mode=self._mode, top_k=self._top_k)


@dataclasses.dataclass(frozen=True)
class _Search:
    """One query at one retriever, and what its result counts."""

    retriever: BaseRetriever
    bundle: QueryBundle
    origin: Origin


def _bundle(own: QueryBundle, text: str) -> QueryBundle:
    """A bundle for one search alone: retrievers keep the embedding in it."""
    return dataclasses.replace(own) if text == own.query_str else QueryBundle(text)


async def _asearch(
    retriever: BaseRetriever, bundle: QueryBundle, executor: ThreadPoolExecutor
) -> list[NodeWithScore]:
    if type(retriever)._aretrieve is not BaseRetriever._aretrieve:
        return await retriever.aretrieve(bundle)
    # It would block the event loop, whose own threads may be fewer than the searches.
    run = copy_context().run
    return await asyncio.get_running_loop().run_in_executor(
        executor, run, retriever.retrieve, bundle
    )


# --- checking options ------------------------------------------------------------------------


def _retriever(given: Any) -> BaseRetriever:
    if not isinstance(given, BaseRetriever):
        raise ConfigurationError(
            f"A {type(given).__name__} is no retriever. Of an index it is index.as_retriever()."
        )
    return given


def _shares(count: int, weights: Sequence[float] | None) -> list[float]:
    """The weights of the retrievers, so that they sum to 1."""
    if not count:
        raise ConfigurationError("There is no retriever to search by.")
    given = [1.0] * count if weights is None else list(weights)
    reciprocal_rank([()] * count, given)  # refuses weights that do not fit
    if not sum(given):
        raise ConfigurationError("All retriever_weights are 0: nothing could be found.")
    return [weight / sum(given) for weight in given]
