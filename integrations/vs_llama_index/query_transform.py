"""`VerbalizedQueryTransform`: one question becomes several, each with its probability."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from llama_index.core.indices.query.query_transform.base import BaseQueryTransform
from llama_index.core.llms import LLM
from llama_index.core.prompts import BasePromptTemplate, PromptTemplate
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.schema import QueryBundle, QueryType
from llama_index.core.settings import Settings

from vs_core import ConfigurationError, Distribution, Strategy
from vs_core.driver import arun, run
from vs_core.plugins import plugins
from vs_core.prompts import QUERY_PROMPTS
from vs_core.strategies import Flow
from vs_llama_index.completing import acompleter, completer, from_chat_messages

__all__ = ["VerbalizedQueryBundle", "VerbalizedQueryTransform"]

Mode = Literal["rewrite", "hyde", "decompose"]


@dataclass
class VerbalizedQueryBundle(QueryBundle):
    """A query bundle that keeps the distribution its embedding strings came from."""

    distribution: Distribution = field(default_factory=Distribution)


class VerbalizedQueryTransform(BaseQueryTransform):
    """Turn a query into k diverse ones with their probabilities, in one call.

    The candidates become the ``custom_embedding_strs`` of the query bundle, which embedding
    retrievers search by; ``query_str`` stays the question. The bundle is a
    `VerbalizedQueryBundle`, with the ``distribution``; `distribution` of the transform is that of
    its last run.

    Args:
        llm: Any LLM of LlamaIndex, chat or completion; default: ``Settings.llm`` at each run.
        k: Candidates a call.
        mode: What a candidate is: a ``"rewrite"`` of the query, a hypothetical document
            (``"hyde"``, arXiv 2212.10496), or a sub-question (``"decompose"``).
        include_original: Whether the query itself is searched by too, first.
        prompt: In place of the mode's own; a template of ``{query_str}``.
        strategy: A registered name or a strategy of `vs_core`.
        seed: Makes drawing from the distribution reproducible.
        **options: Options of the strategy: ``n``, ``threshold``, ``probability``, ``format``,
            ``retries``, ``on_unparsed``, ``prompts``; see `vs_core.strategies.Strategy`.

    Raises:
        ConfigurationError: If the mode is unknown or an option cannot work.
    """

    def __init__(
        self,
        llm: LLM | None = None,
        k: int | None = None,
        mode: Mode = "rewrite",
        include_original: bool = True,
        prompt: BasePromptTemplate | str | None = None,
        strategy: str | Strategy = "vs_standard",
        seed: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        if mode not in QUERY_PROMPTS:
            raise ConfigurationError(f"Unknown mode {mode!r}. Known: {', '.join(QUERY_PROMPTS)}.")
        if k is not None:
            options["k"] = k
        self._llm = llm
        self._prompt = _template(
            QUERY_PROMPTS[mode].format(query="{query_str}") if prompt is None else prompt
        )
        self._include_original = include_original
        self._seed = seed
        self._strategy = plugins.strategy(strategy, **options)
        self.distribution = Distribution()

    def _get_prompts(self) -> PromptDictType:
        return {"query_prompt": self._prompt}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        self._prompt = prompts.get("query_prompt", self._prompt)

    # --- running -----------------------------------------------------------------------------

    def _run(self, query_bundle: QueryBundle, metadata: dict[str, Any]) -> QueryBundle:  # noqa: ARG002
        llm = self._model()
        return self._bundle(query_bundle, run(self._flow(query_bundle, llm), completer(llm)))

    async def arun(
        self,
        query_bundle_or_str: QueryType,
        metadata: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> QueryBundle:
        """Transform a query without blocking.

        Args:
            query_bundle_or_str: The query.
            metadata: As ``run`` takes it; not used.

        Raises:
            ParseError: If the model gave no distribution, after all retries.
            ConfigurationError: If the query is empty or no LLM is configured.
        """
        query = query_bundle_or_str
        bundle = QueryBundle(query) if isinstance(query, str) else query
        llm = self._model()
        return self._bundle(bundle, await arun(self._flow(bundle, llm), acompleter(llm)))

    def _model(self) -> LLM:
        llm = self._llm or Settings.llm
        if llm is None:
            raise ConfigurationError("No LLM is configured: give llm=…, or set Settings.llm.")
        return llm

    def _flow(self, bundle: QueryBundle, llm: LLM) -> Flow:
        if not bundle.query_str.strip():
            raise ConfigurationError("The query is empty.")
        messages = self._prompt.format_messages(llm=llm, query_str=bundle.query_str)
        return self._strategy.flow(from_chat_messages(messages))

    def _bundle(self, bundle: QueryBundle, distribution: Distribution) -> QueryBundle:
        self.distribution = distribution = distribution.seeded(self._seed)
        original = bundle.embedding_strs if self._include_original else []
        texts = [*original, *(candidate.text for candidate in distribution)]
        return VerbalizedQueryBundle(
            query_str=bundle.query_str,
            image_path=bundle.image_path,
            custom_embedding_strs=list(dict.fromkeys(texts)),
            distribution=distribution,
        )


def _template(prompt: BasePromptTemplate | str) -> BasePromptTemplate:
    return PromptTemplate(prompt) if isinstance(prompt, str) else prompt
