"""`VerbalizedQueryTransform`: one question becomes several, each with its probability."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from llama_index.core.embeddings.utils import EmbedType, resolve_embed_model
from llama_index.core.indices.query.query_transform.base import BaseQueryTransform
from llama_index.core.llms.utils import LLMType
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.schema import QueryBundle, QueryType
from llama_index.core.settings import Settings
from llama_index_instrumentation import get_dispatcher
from typing_extensions import Unpack

from vs_core import ConfigurationError, Distribution, Strategy
from vs_core.effects import Effect, Effects, aperform, perform
from vs_core.fusion import searches
from vs_core.prompts import QUERY_PROMPTS
from vs_llama_index.asking import (
    Asking,
    AskOptions,
    PromptInput,
    asked_by,
    require_query,
    template,
)
from vs_llama_index.structured import Method

__all__ = ["Mode", "VerbalizedQueryBundle", "VerbalizedQueryTransform", "embedder"]

Mode = Literal["rewrite", "hyde", "decompose"]
dispatcher = get_dispatcher(__name__)


@dataclass
class VerbalizedQueryBundle(QueryBundle):
    """A query bundle that keeps the distribution its embedding strings came from.

    Args:
        distribution: The candidates, with their probabilities.
        weights: Of each embedding string, on (0, 1]; they sum to 1.
    """

    distribution: Distribution = field(default_factory=Distribution)
    weights: list[float] = field(default_factory=list)


class VerbalizedQueryTransform(BaseQueryTransform):
    """Turn a query into k diverse ones with their probabilities, in one call.

    The candidates become the ``custom_embedding_strs`` of the query bundle, which embedding
    retrievers search by; ``query_str`` stays the question. The bundle is a
    `VerbalizedQueryBundle`, with the ``distribution``; nothing of a run is kept in the transform.

    LlamaIndex's retrievers search by the plain mean of the strings' embeddings. With
    ``embed_model`` the bundle brings its ``embedding``: their mean, weighted by probability.

    Args:
        llm: Any LLM of LlamaIndex, chat or completion; default: ``Settings.llm`` at each run.
        k: Candidates a call, at least 1; default: the strategy's, 5.
        mode: What a candidate is: a ``"rewrite"`` of the query, a hypothetical document
            (``"hyde"``, arXiv 2212.10496), or a sub-question (``"decompose"``).
        include_original: Whether the query itself is searched by too, first, with the weight of
            an average candidate.
        embed_model: Embeds the strings. It must be that of the index that is searched.
        weighted: Whether the bundle brings the weighted mean; default: if there is an
            ``embed_model``. True without one takes ``Settings.embed_model`` at each run.
        prompt: In place of the mode's own; a template of ``{query_str}``.
        strategy: A registered name or a strategy of `vs_core`.
        method: How structured output is asked for, where the format has a JSON schema:
            ``"json_schema"``, ``"tool"`` (a forced call), ``"text"`` (not at all), or ``"auto"``:
            what ``structured_predict`` would do.
        seed: Makes drawing from the distribution reproducible.
        **options: Options of the strategy: ``n``, ``threshold``, ``probability``, ``format``,
            ``retries``, ``on_unparsed``, ``prompts``; see `vs_core.strategies.Strategy`.

    Raises:
        ConfigurationError: If the mode is unknown or an option cannot work.
    """

    def __init__(
        self,
        llm: LLMType | None = None,
        k: int | None = None,
        mode: Mode = "rewrite",
        include_original: bool = True,
        embed_model: EmbedType | None = None,
        weighted: bool | None = None,
        prompt: BasePromptTemplate | str | None = None,
        strategy: str | Strategy | None = None,
        method: Method = "auto",
        seed: int | None = None,
        **options: Unpack[AskOptions],
    ) -> None:
        super().__init__()
        if mode not in QUERY_PROMPTS:
            raise ConfigurationError(f"Unknown mode {mode!r}. Known: {', '.join(QUERY_PROMPTS)}.")
        self._asking = Asking(llm, asked_by(strategy, k, options), method=method, seed=seed)
        own = QUERY_PROMPTS[mode].format(query="{query_str}")
        self._prompt = template(own if prompt is None else prompt, "query_str", "query")
        self._include_original = include_original
        self._embed_model = None if embed_model is None else resolve_embed_model(embed_model)
        self._weighted = embed_model is not None if weighted is None else weighted

    @property
    def strategy(self) -> Strategy:
        """What is asked."""
        return self._asking.strategy

    @strategy.setter
    def strategy(self, strategy: Strategy) -> None:
        self._asking = dataclasses.replace(self._asking, strategy=strategy)

    def _get_prompts(self) -> PromptDictType:
        return {"query_prompt": self._prompt}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        if "query_prompt" in prompts:
            self._prompt = template(prompts["query_prompt"], "query_str", "query")

    # --- running -----------------------------------------------------------------------------

    def _run(self, query_bundle: QueryBundle, metadata: dict[str, Any]) -> VerbalizedQueryBundle:  # noqa: ARG002
        return perform(self._steps(query_bundle))

    @dispatcher.span
    async def arun(
        self,
        query_bundle_or_str: QueryType,
        metadata: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> VerbalizedQueryBundle:
        """Transform a query without blocking.

        Args:
            query_bundle_or_str: The query.
            metadata: As ``run`` takes it; not used.

        Raises:
            ParseError: If the model gave no distribution, after all retries.
            ConfigurationError: If the query is empty or no LLM is configured.
        """
        query = query_bundle_or_str
        return await aperform(self._steps(QueryBundle(query) if isinstance(query, str) else query))

    def _steps(self, own: QueryBundle) -> Effects[VerbalizedQueryBundle]:
        task = self._task(own)
        found = yield Effect(
            lambda: self._asking.run(self._prompt, task),
            lambda: self._asking.arun(self._prompt, task),
        )
        bundle = self._bundle(own, found)
        if self._weighted:
            model, texts, mean = embedder(self._embed_model), bundle.embedding_strs, _mean(bundle)
            bundle.embedding = yield Effect(
                lambda: model.get_agg_embedding_from_queries(texts, mean),
                lambda: model.aget_agg_embedding_from_queries(texts, mean),
            )
        return bundle

    def _task(self, bundle: QueryBundle) -> PromptInput:
        query = require_query(bundle.query_str)
        number = str(self._asking.strategy.k)  # which templates of QueryFusionRetriever ask for
        return PromptInput({"query_str": query, "query": query, "num_queries": number})

    def _bundle(self, bundle: QueryBundle, distribution: Distribution) -> VerbalizedQueryBundle:
        found = searches(
            bundle.embedding_strs, distribution, include_original=self._include_original
        )
        return VerbalizedQueryBundle(
            query_str=bundle.query_str,
            image_path=bundle.image_path,
            custom_embedding_strs=list(found),
            distribution=distribution,
            weights=list(found.values()),
        )


def embedder(embed_model: BaseEmbedding | None) -> BaseEmbedding:
    """Return an embedding model, by default that of the ``Settings``.

    Raises:
        ConfigurationError: If none is configured.
    """
    try:
        return embed_model or Settings.embed_model
    except (ImportError, ValueError) as error:
        raise ConfigurationError(
            "No embedding model is configured: give embed_model=…, or set Settings.embed_model. "
            f"LlamaIndex says: {error}"
        ) from error


def _mean(bundle: VerbalizedQueryBundle) -> Callable[[Sequence[Embedding]], Embedding]:
    """What aggregates embeddings by its weights, as LlamaIndex's embedding models ask for."""

    def mean(embeddings: Sequence[Embedding]) -> Embedding:
        found: Embedding = np.average(embeddings, axis=0, weights=bundle.weights).tolist()
        return found

    return mean
