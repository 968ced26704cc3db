"""`VerbalizedRetriever`: several queries from one call, and one ranking of what they find."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, get_args

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.prompts import BasePromptTemplate, PromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.base import RunnableLike, coerce_to_runnable
from langchain_core.runnables.config import ensure_config
from langchain_core.runnables.utils import get_unique_config_specs
from typing_extensions import Unpack

from vs_core import ConfigurationError, Distribution
from vs_core.checks import require_optional_count
from vs_core.display import shorten
from vs_core.effects import Effect, Effects, aperform, perform
from vs_core.fusion import (
    RANK_CONSTANT,
    by_rank,
    coverage,
    reciprocal_rank,
    searches,
    surviving,
)
from vs_core.prompts import QUERY_PROMPTS
from vs_langchain.options import PartOptions, StrategyOptions
from vs_langchain.sampler import VerbalizedSampler

__all__ = ["VerbalizedRetriever"]

Mode = Literal["rewrite", "hyde", "decompose"]
Fusion = Literal["coverage", "reciprocal_rank"]
_log = logging.getLogger("vs_langchain")


class RetrieverOptions(PartOptions, total=False):
    """What the retriever can be told; for type checkers."""

    retriever: RunnableLike[str, list[Document]]
    llm: RunnableLike[Any, Any]
    mode: Mode
    include_original: bool
    top_n: int | None
    prompt: BasePromptTemplate | None  # type: ignore[type-arg]
    id_key: str | None
    fusion: Fusion
    rank_constant: float
    tags: list[str] | None
    metadata: dict[str, Any] | None


class VerbalizedRetriever(StrategyOptions, BaseRetriever):
    """Retrieve by k diverse queries, which a model verbalizes in one call, and fuse the results.

    All searches run concurrently. Their rankings are fused, each weighted by the probability of its
    query; a document that several queries find is returned once. Each document is a copy with
    ``fusion_score`` and the ``queries`` that found it in its metadata.

    If one of the searches fails, the others count, and a warning is logged; if all fail, the first
    error is raised. For a model that cannot be read, LangChain has the answer:
    ``retriever.with_fallbacks([plain])``.

    Args:
        retriever: What each query goes to: any retriever, or Runnable from a string to documents.
        llm: A chat model or LLM, also bound, configured, retrying or with fallbacks.
        mode: What is searched by: a ``"rewrite"`` of the query, a hypothetical document
            (``"hyde"``, arXiv 2212.10496), or a sub-question (``"decompose"``).
        include_original: Whether the query itself is searched by too, with the weight of an
            average candidate.
        top_n: Most documents to return, at least 1; None for all. Also an argument of ``invoke``.
        prompt: In place of the mode's own; a template of ``{query}``.
        id_key: Key of the metadata by which documents are the same; default: by their text.
        fusion: ``"coverage"`` allots the places to the queries by weight, so that none is crowded
            out; see `vs_core.fusion.coverage`. ``"reciprocal_rank"`` adds up by rank, where one
            query of much weight puts all that it found before the next.
        rank_constant: Of ``"reciprocal_rank"``, over -1.
        **options: ``strategy`` and its options, ``k`` first of all; see
            `vs_core.strategies.Strategy`.

    Raises:
        ConfigurationError: If an option cannot work.
    """

    retriever: Runnable[str, list[Document]]
    llm: Runnable[Any, Any]
    mode: Mode = "rewrite"
    include_original: bool = True
    top_n: int | None = None
    prompt: BasePromptTemplate | None = None  # type: ignore[type-arg]
    id_key: str | None = None
    fusion: Fusion = "coverage"
    rank_constant: float = RANK_CONSTANT

    def __init__(self, **options: Unpack[RetrieverOptions]) -> None:
        given: dict[str, Any] = {**options}
        for name, choices in (("mode", get_args(Mode)), ("fusion", get_args(Fusion))):
            if given.get(name, choices[0]) not in choices:
                known = ", ".join(choices)
                raise ConfigurationError(f"{name} must be one of {known}, not {given[name]!r}.")
        require_optional_count("top_n", given.get("top_n"))
        for part in {"retriever", "llm"} & given.keys():
            given[part] = coerce_to_runnable(given[part])
        super().__init__(**given)
        if self.prompt is not None and self.prompt.input_variables != ["query"]:
            raise ConfigurationError(
                f"prompt must be a template of {{query}}, not of {self.prompt.input_variables}."
            )
        reciprocal_rank([], constant=self.rank_constant)

    # LangChain's retrievers hand no config down. What it chooses and bounds must reach the model
    # and the searches all the same, as in a chain.

    def invoke(
        self, input: str, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Document]:
        """Retrieve.

        Args:
            input: The query.
            config: As for any Runnable; ``max_concurrency`` bounds the searches too.
            **kwargs: ``top_n``; all others go to the retriever.

        Raises:
            ParseError: If the model gave no queries, after all retries.
            ConfigurationError: If the query is empty or ``top_n`` cannot work.
        """
        require_optional_count("top_n", kwargs.get("top_n"))
        with _handing_down(config):
            return super().invoke(input, config, **kwargs)

    async def ainvoke(
        self, input: str, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Document]:
        """Retrieve without blocking; see `invoke`."""
        require_optional_count("top_n", kwargs.get("top_n"))
        with _handing_down(config):
            return await super().ainvoke(input, config, **kwargs)

    @property
    def config_specs(self) -> list[Any]:
        """Those of the model and of the retriever."""
        specs = (spec for part in (self.llm, self.retriever) for spec in part.config_specs)
        return get_unique_config_specs(specs)

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        top_n: int | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        return perform(self._steps(query, run_manager.get_child(), top_n, kwargs))

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        top_n: int | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        return await aperform(self._steps(query, run_manager.get_child(), top_n, kwargs))

    def _steps(
        self, query: str, callbacks: Any, top_n: int | None, settings: dict[str, Any]
    ) -> Effects[list[Document]]:
        config: Any = {**_HANDED_DOWN.get(), "callbacks": callbacks}
        chain, asked = self._queries(), {"query": _given(query)}
        distribution = yield Effect(
            lambda: chain.invoke(asked, config), lambda: chain.ainvoke(asked, config)
        )
        found = searches(query, distribution, include_original=self.include_original)
        results = yield Effect(
            lambda: self.retriever.batch(list(found), config, return_exceptions=True, **settings),
            lambda: self.retriever.abatch(list(found), config, return_exceptions=True, **settings),
        )
        return self._fused(found, results, top_n)

    def _queries(self) -> Runnable[Any, Distribution]:
        """The chain from the query to a distribution of others."""
        template = self.prompt or PromptTemplate.from_template(QUERY_PROMPTS[self.mode])
        return template | VerbalizedSampler(self.llm, **self._given())

    def _fused(
        self,
        found: Mapping[str, float],
        results: Sequence[list[Document] | BaseException],
        top_n: int | None,
    ) -> list[Document]:
        """One ranking of all that was found."""
        top_n = require_optional_count("top_n", self.top_n if top_n is None else top_n)
        documents: dict[Hashable, Document] = {}
        queries: dict[Hashable, list[str]] = {}
        rankings: list[list[Hashable]] = []
        for query, result in zip(found, surviving(list(found), results, _log), strict=True):
            _require_documents(result, self.retriever)
            rankings.append([self._key(document) for document in result])
            for key, document in zip(rankings[-1], result, strict=True):
                documents.setdefault(key, document)
                if query not in queries.setdefault(key, []):
                    queries[key].append(query)
        scores = self._scores(rankings, list(found.values()), top_n)
        return [
            _annotated(documents[key], fusion_score=score, queries=queries[key])
            for key, score in list(scores.items())[:top_n]
        ]

    def _scores(
        self, rankings: Sequence[Sequence[Hashable]], weights: Sequence[float], top_n: int | None
    ) -> dict[Hashable, float]:
        if self.fusion == "coverage":  # a Document has no score
            return coverage([by_rank(ranking) for ranking in rankings], weights, top_k=top_n)
        return reciprocal_rank(rankings, weights, constant=self.rank_constant)

    def _key(self, document: Document) -> Hashable:
        if self.id_key is None:
            return document.page_content
        try:
            key: Hashable = document.metadata[self.id_key]
        except KeyError:
            raise ConfigurationError(
                f"A document has no {self.id_key!r} in its metadata, which id_key names: "
                f"{shorten(document.page_content)}"
            ) from None
        return key


def _given(query: str) -> str:
    if not query.strip():
        raise ConfigurationError("The query is empty.")
    return query


_HANDED_DOWN: ContextVar[dict[str, Any]] = ContextVar("vs_langchain_config", default={})  # noqa: B039
_DEEP = ("configurable", "max_concurrency", "recursion_limit")


@contextmanager
def _handing_down(config: RunnableConfig | None) -> Iterator[None]:
    """Keep what a config says for all that runs below."""
    given = ensure_config(config)
    before = _HANDED_DOWN.set({key: value for key, value in given.items() if key in _DEEP})
    try:
        yield
    finally:
        _HANDED_DOWN.reset(before)


def _require_documents(result: Any, retriever: Runnable[Any, Any]) -> None:
    if not isinstance(result, list) or not all(isinstance(item, Document) for item in result):
        raise ConfigurationError(
            f"{retriever.get_name()} must return a list of documents, not {result!r:.80}."
        )


def _annotated(document: Document, **metadata: Any) -> Document:
    return document.model_copy(update={"metadata": {**document.metadata, **metadata}})
