"""`VerbalizedFusionRetriever`: several queries from one call, and one ranking of what they find."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from itertools import islice
from typing import Any, Literal

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager
from llama_index.core.constants import DEFAULT_SIMILARITY_TOP_K
from llama_index.core.instrumentation.events.exception import ExceptionEvent
from llama_index.core.llms.utils import LLMType
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.schema import IndexNode, NodeWithScore, QueryBundle
from llama_index_instrumentation import get_dispatcher

from vs_core import ConfigurationError, Distribution, ParseError, Strategy
from vs_core.checks import require_count
from vs_core.fusion import reciprocal_rank, relative_score, searches, surviving
from vs_llama_index.asking import configured, require_query
from vs_llama_index.query_transform import Mode, VerbalizedQueryTransform
from vs_llama_index.structured import Method

__all__ = ["VerbalizedFusionRetriever", "fuse"]

FusionMode = Literal["reciprocal_rerank", "reciprocal_rank", "relative_score"]
_MODES = ("reciprocal_rerank", "reciprocal_rank", "relative_score")
_AT_ONCE = 32  # searches in threads

dispatcher = get_dispatcher(__name__)
_log = logging.getLogger("vs_llama_index")


class VerbalizedFusionRetriever(BaseRetriever):
    """Retrieve by k diverse queries, which a model verbalizes in one call, and fuse the results.

    It takes the arguments of ``QueryFusionRetriever`` and stands where that stands. All queries go
    to all retrievers concurrently; each result counts by the probability of its query and the
    weight of its retriever. Nodes are returned as they were found, each once, with the fused score.

    If a search fails, the others count: a warning is logged and an ``ExceptionEvent`` sent. If all
    fail, the first error is raised. `distribution` is that of the last run.

    Args:
        retrievers: Where to search; at least one.
        llm: Any LLM of LlamaIndex, chat or completion; default: ``Settings.llm`` at each run.
        k: Candidate queries a call, beside the question itself; default: the strategy's, 5.
        mode: How to fuse: ``"reciprocal_rerank"`` (also spelt ``"reciprocal_rank"``) or
            ``"relative_score"``; also as ``FUSION_MODES``.
        query_mode: What is searched by: a ``"rewrite"`` of the query, a hypothetical document
            (``"hyde"``, arXiv 2212.10496), or a sub-question (``"decompose"``).
        include_original: Whether the question itself is searched by too, with the weight of an
            average candidate.
        similarity_top_k: Most nodes to return, at least 1.
        num_queries: In place of ``k``, as ``QueryFusionRetriever`` counts: with the question. 1
            asks no model.
        query_gen_prompt: In place of the mode's own; a template of ``{query}`` or ``{query_str}``.
        retriever_weights: Of each retriever, not negative, not all 0; default: equal.
        use_async: False searches one after the other where it is not awaited, for retrievers that
            several threads must not use at once.
        strategy: A registered name or a strategy of `vs_core`.
        method: How structured output is asked for; see `VerbalizedQueryTransform`.
        seed: Makes drawing from the distribution reproducible.
        verbose: Whether to print the queries.
        callback_manager: Gets the events of the retriever and, where given, of the LLM.
        objects: As any retriever takes them.
        object_map: As any retriever takes it.
        **options: Options of the strategy; see `vs_core.strategies.Strategy`.

    Raises:
        ConfigurationError: If an option cannot work.
    """

    def __init__(
        self,
        retrievers: Sequence[BaseRetriever],
        llm: LLMType | None = None,
        k: int | None = None,
        mode: FusionMode = "reciprocal_rerank",
        *,
        query_mode: Mode = "rewrite",
        include_original: bool = True,
        similarity_top_k: int = DEFAULT_SIMILARITY_TOP_K,
        num_queries: int | None = None,
        query_gen_prompt: BasePromptTemplate | str | None = None,
        retriever_weights: Sequence[float] | None = None,
        use_async: bool = True,
        strategy: str | Strategy = "vs_standard",
        method: Method = "auto",
        seed: int | None = None,
        verbose: bool = False,
        callback_manager: CallbackManager | None = None,
        objects: list[IndexNode] | None = None,
        object_map: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self._retrievers = [_retriever(one) for one in retrievers]
        self._weights = _shares(len(self._retrievers), retriever_weights)
        self._mode = _known(mode)
        self._include_original = include_original
        self._top_k = require_count("similarity_top_k", similarity_top_k)
        self._use_async = use_async
        if num_queries is not None and k is not None:
            raise ConfigurationError("k and num_queries say the same: give one of them.")
        self._asks = num_queries is None or require_count("num_queries", num_queries) > 1
        if num_queries is not None and self._asks:
            k = num_queries - include_original
        if callback_manager is not None:  # as LlamaIndex's own parts do
            llm = configured(llm)
            llm.callback_manager = callback_manager
        self._queries = VerbalizedQueryTransform(
            llm, k, query_mode, prompt=query_gen_prompt, strategy=strategy, method=method,
            seed=seed, **options,
        )  # fmt: skip
        super().__init__(callback_manager, object_map, objects, verbose)

    @property
    def distribution(self) -> Distribution:
        """The queries of the last run, with their probabilities."""
        return self._queries.distribution

    def _get_prompts(self) -> PromptDictType:
        return {"query_gen_prompt": self._queries.get_prompts()["query_prompt"]}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        if "query_gen_prompt" in prompts:
            self._queries.update_prompts({"query_prompt": prompts["query_gen_prompt"]})

    # --- running -----------------------------------------------------------------------------

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        query = require_query(query_bundle.query_str)
        asked = None
        try:
            asked = self._queries.run(QueryBundle(query)) if self._asks else None
        except ParseError as error:
            self._without_queries(error)
        searches = self._searches(query_bundle, asked)
        return self._fused(searches, self._searched(searches))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        query = require_query(query_bundle.query_str)
        asked = None
        try:
            asked = await self._queries.arun(QueryBundle(query)) if self._asks else None
        except ParseError as error:
            self._without_queries(error)
        searches = self._searches(query_bundle, asked)
        executor = ThreadPoolExecutor(min(len(searches), _AT_ONCE), "vs_llama_index")
        try:
            found = (_asearch(search.retriever, search.bundle, executor) for search in searches)
            return self._fused(searches, await asyncio.gather(*found, return_exceptions=True))
        finally:
            executor.shutdown(wait=False)

    def _without_queries(self, error: ParseError) -> None:
        """Go on with the question alone where the model gave no queries, and say so."""
        if not self._include_original:
            raise error
        dispatcher.event(ExceptionEvent(exception=error))
        _log.warning("The model gave no queries, the question is searched by alone: %s", error)

    def _searches(self, own: QueryBundle, asked: QueryBundle | None) -> list[_Search]:
        """Every query at every retriever; the user's own as it was given."""
        # Not self.distribution: another run may have replaced it by now.
        distribution = getattr(asked, "distribution", Distribution())
        original = self._include_original or asked is None
        found = searches(own.query_str, distribution, include_original=original)
        if self._verbose:
            print("Queries:", *(f"{weight:.3f} {text}" for text, weight in found.items()), sep="\n")
        return [
            _Search(retriever, _bundle(own, text), weight * share)
            for text, weight in found.items()
            for retriever, share in zip(self._retrievers, self._weights, strict=True)
            if share
        ]

    def _searched(self, searches: Sequence[_Search]) -> list[list[NodeWithScore] | BaseException]:
        def search(one: _Search) -> list[NodeWithScore] | BaseException:
            try:
                return one.retriever.retrieve(one.bundle)
            except Exception as error:
                return error

        if not self._use_async or len(searches) == 1:
            return [search(one) for one in searches]
        with ThreadPoolExecutor(min(len(searches), _AT_ONCE), "vs_llama_index") as executor:
            running = [executor.submit(copy_context().run, search, one) for one in searches]
            return [future.result() for future in running]

    def _fused(
        self,
        searches: Sequence[_Search],
        results: Sequence[list[NodeWithScore] | BaseException],
    ) -> list[NodeWithScore]:
        for result in results:
            if isinstance(result, BaseException):
                dispatcher.event(ExceptionEvent(exception=result))
        found = surviving([search.bundle.query_str for search in searches], results, _log)
        weights = [search.weight for search in searches]
        return fuse(found, weights, mode=self._mode, top_k=self._top_k)


@dataclasses.dataclass(frozen=True)
class _Search:
    """One query at one retriever, and what its result counts."""

    retriever: BaseRetriever
    bundle: QueryBundle
    weight: float


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


# --- fusing ----------------------------------------------------------------------------------


def fuse(
    results: Sequence[Sequence[NodeWithScore]],
    weights: Sequence[float] | None = None,
    *,
    mode: FusionMode = "reciprocal_rerank",
    top_k: int | None = None,
) -> list[NodeWithScore]:
    """Fuse retrieved nodes into one ranking.

    Nodes are the same if their ``hash`` is: the same text and metadata.

    Args:
        results: Nodes of each search, with their scores; None counts as 0.
        weights: Of each search, not negative; default: all 1.
        mode: See `VerbalizedFusionRetriever`.
        top_k: Most nodes to return; None for all.

    Returns:
        Copies with the fused score, the best first.
    """
    key_of = _keys(results)
    nodes: dict[str, NodeWithScore] = {}
    scored: list[dict[str, float]] = []
    for result in results:  # one at a time: thousands of nodes are more than a cache holds
        best: dict[str, float] = {}
        for found in sorted(result, key=_score, reverse=True):
            key = key_of.get(found.node.id_, found.node.id_)
            best.setdefault(key, _score(found))
            nodes.setdefault(key, found)
        scored.append(best)
    if mode == "relative_score":
        scores = relative_score(scored, weights)
    else:
        scores = reciprocal_rank([list(result) for result in scored], weights)
    return [
        nodes[key].model_copy(update={"score": score})
        for key, score in islice(scores.items(), top_k)
    ]


def _keys(results: Sequence[Sequence[NodeWithScore]]) -> dict[str, str]:
    """The ids of nodes that have the ``hash`` of one before, to the id of that.

    Only nodes that share their text are hashed: that takes longer than all the rest.
    """
    nodes = {found.node.id_: found.node for result in results for found in result}
    texts = {key: getattr(node, "text", None) for key, node in nodes.items()}
    if len(set(texts.values())) == len(texts):
        return {}
    shared = Counter(texts.values())
    first: dict[str, str] = {}
    return {
        key: first.setdefault(node.hash, key)
        for key, node in nodes.items()
        if shared[texts[key]] > 1
    }


def _score(node: NodeWithScore) -> float:
    return node.score or 0.0


# --- checking options ------------------------------------------------------------------------


def _retriever(given: Any) -> BaseRetriever:
    if not isinstance(given, BaseRetriever):
        raise ConfigurationError(
            f"A {type(given).__name__} is no retriever. Of an index it is index.as_retriever()."
        )
    return given


def _known(mode: str) -> FusionMode:
    known: Any = getattr(mode, "value", mode)  # FUSION_MODES are strings that print as their names
    if known not in _MODES:
        raise ConfigurationError(f"mode must be one of {', '.join(_MODES)}, not {known!r}.")
    found: FusionMode = known
    return found


def _shares(count: int, weights: Sequence[float] | None) -> list[float]:
    """The weights of the retrievers, so that they sum to 1."""
    if not count:
        raise ConfigurationError("There is no retriever to search by.")
    given = [1.0] * count if weights is None else list(weights)
    reciprocal_rank([()] * count, given)  # refuses weights that do not fit
    if not sum(given):
        raise ConfigurationError("All retriever_weights are 0: nothing could be found.")
    return [weight / sum(given) for weight in given]
