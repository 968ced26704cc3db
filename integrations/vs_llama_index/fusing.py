"""What several searches found, as one ranking of nodes that say which searches found them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Literal, get_args

from llama_index.core.schema import BaseNode, NodeWithScore

from vs_core import ConfigurationError
from vs_core.fusion import (
    best_score,
    coverage,
    distribution_based_score,
    reciprocal_rank,
    relative_score,
)

__all__ = ["KEY", "FusionMode", "Origin", "fuse", "require_fusion_mode"]

KEY = "verbalized"
"""Where all that we say stands in the metadata of nodes and responses."""

FusionMode = Literal[
    "coverage",
    "reciprocal_rerank",
    "reciprocal_rank",
    "relative_score",
    "dist_based_score",
    "simple",
]

Scores = dict[str, float]
_FUSERS: dict[str, Callable[[Sequence[Scores], Sequence[float] | None], Scores]] = {
    "reciprocal_rerank": lambda results, weights: reciprocal_rank([*map(list, results)], weights),
    "relative_score": relative_score,
    "dist_based_score": distribution_based_score,
    "simple": best_score,
}


@dataclass(frozen=True)
class Origin:
    """A search, and what its result counts.

    Args:
        query: What was searched for.
        weight: Not negative.
        retriever: Its place among the retrievers, from 0.
    """

    query: str
    weight: float = 1.0
    retriever: int = 0


def require_fusion_mode(mode: Any) -> FusionMode:
    """Return a way to fuse that there is.

    Raises:
        ConfigurationError: If it is none of `FusionMode`, nor of LlamaIndex's ``FUSION_MODES``.
    """
    known: Any = getattr(mode, "value", mode)  # FUSION_MODES are strings that print as their names
    if known not in get_args(FusionMode):
        names = ", ".join(get_args(FusionMode))
        raise ConfigurationError(f"mode must be one of {names}, not {known!r}.")
    found: FusionMode = "reciprocal_rerank" if known == "reciprocal_rank" else known
    return found


def fuse(
    results: Sequence[Sequence[NodeWithScore]],
    origins: Sequence[Origin] | None = None,
    *,
    mode: FusionMode = "coverage",
    top_k: int | None = None,
) -> list[NodeWithScore]:
    """Fuse retrieved nodes into one ranking.

    Nodes are the same if their ``hash`` is: the same text and metadata.

    Args:
        results: Nodes of each search, with their scores; None counts as 0.
        origins: The search of each; default: all count alike.
        mode: See `VerbalizedFusionRetriever`.
        top_k: Most nodes to return; None for all.

    Returns:
        Copies, the best first. Their score is the fused one; with ``"coverage"`` and ``"simple"``
        it is the best score that a search gave. ``metadata["verbalized"]`` says the searches that
        found the node, with its rank and score in each, and the fused score.

    Raises:
        ConfigurationError: If the mode is unknown or the weights do not fit.
    """
    mode = require_fusion_mode(mode)
    searches = [Origin("")] * len(results) if origins is None else origins
    weights = [search.weight for search in searches]
    nodes: dict[str, NodeWithScore] = {}
    scored: list[Scores] = []
    # One result at a time, as thousands of nodes are more than a cache holds; the last one first,
    # so that what is written last, and stays, is what was found first.
    for result in reversed(results):
        ranked = sorted(result, key=_score, reverse=True)
        ids = [found.node.id_ for found in ranked]
        nodes.update(zip(reversed(ids), reversed(ranked), strict=True))
        scored.append(_best(ids, [found.score or 0.0 for found in ranked]))
    scored.reverse()
    if same := _same(scored, nodes):
        scored = [_best([same.get(key, key) for key in best], [*best.values()]) for best in scored]
    if mode == "coverage":
        fused = coverage(scored, weights, top_k=top_k)
    else:
        fused = _FUSERS[mode](scored, weights)
    orders = [list(scores) for scores in scored]
    return [
        _told(nodes[key], score, _origins(key, scored, orders, searches), mode)
        for key, score in islice(fused.items(), top_k)
    ]


def _same(results: Sequence[Scores], nodes: Mapping[str, NodeWithScore]) -> dict[str, str]:
    """The ids of nodes that have the ``hash`` of one before, to the id of that.

    Only nodes that share their text are hashed: that takes longer than all the rest.
    """
    texts = {key: getattr(found.node, "text", None) for key, found in nodes.items()}
    if len(set(texts.values())) == len(texts):
        return {}
    shared = Counter(texts.values())
    first: dict[str, str] = {}
    return {
        key: first.setdefault(_plain(nodes[key].node).hash, key)
        for key in dict.fromkeys(chain.from_iterable(results))
        if shared[texts[key]] > 1
    }


def _best(ids: Sequence[str], scores: Sequence[float]) -> Scores:
    """The score of each, the best first; of one that stands there twice the best."""
    best = dict.fromkeys(ids, 0.0)
    best.update(zip(reversed(ids), reversed(scores), strict=True))
    return best


def _plain(node: BaseNode) -> BaseNode:
    """A node without what another fusion said of it, which would make two of one."""
    if KEY not in node.metadata:
        return node
    metadata = {name: value for name, value in node.metadata.items() if name != KEY}
    return node.model_copy(update={"metadata": metadata})


def _score(node: NodeWithScore) -> float:
    return node.score or 0.0


def _origins(
    key: str, scored: Sequence[Scores], orders: Sequence[list[str]], searches: Sequence[Origin]
) -> list[dict[str, Any]]:
    """The searches that found a node, the one first that ranks it highest."""
    found = [
        {
            "query": search.query,
            "weight": search.weight,
            "retriever": search.retriever,
            "rank": order.index(key) + 1,
            "score": scores[key],
        }
        for search, scores, order in zip(searches, scored, orders, strict=True)
        if key in scores
    ]
    return sorted(found, key=lambda one: one["rank"])


def _told(
    found: NodeWithScore, fused: float, origins: list[dict[str, Any]], mode: FusionMode
) -> NodeWithScore:
    """A copy with its score and where it comes from; no model reads the latter."""
    about: Mapping[str, Any] = {"queries": origins, "fused_score": fused}
    node = found.node

    def hidden(names: Sequence[str]) -> list[str]:
        return [*names, KEY] if KEY not in names else list(names)

    told = node.model_copy(
        update={
            "metadata": {**node.metadata, KEY: about},
            "excluded_llm_metadata_keys": hidden(node.excluded_llm_metadata_keys),
            "excluded_embed_metadata_keys": hidden(node.excluded_embed_metadata_keys),
        }
    )
    score: float | None = fused
    if mode in ("coverage", "simple"):
        score = None if found.score is None else max(one["score"] for one in origins)
    return found.model_copy(update={"node": told, "score": score})
