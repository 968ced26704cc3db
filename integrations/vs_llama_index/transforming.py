"""A transform in front of a query engine or a retriever that does not block when awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from llama_index.core.base.response.schema import RESPONSE_TYPE
from llama_index.core.indices.query.query_transform.base import BaseQueryTransform
from llama_index.core.query_engine import TransformQueryEngine
from llama_index.core.retrievers import TransformRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle

__all__ = ["VerbalizedQueryEngine", "VerbalizedTransformRetriever"]


class VerbalizedQueryEngine(TransformQueryEngine):
    """A `TransformQueryEngine` whose async methods await the transform's ``arun``.

    LlamaIndex's own engine calls a transform's blocking ``run`` even in ``aquery``, which stops the
    event loop for as long as the model takes. It takes the same arguments, with a
    `VerbalizedQueryTransform` or any other transform.
    """

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        return await self._query_engine.aquery(await self._transformed(query_bundle))

    async def asynthesize(
        self,
        query_bundle: QueryBundle,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
    ) -> RESPONSE_TYPE:
        """Answer the transformed query from ``nodes`` without blocking."""
        return await self._query_engine.asynthesize(
            query_bundle=await self._transformed(query_bundle),
            nodes=nodes,
            additional_source_nodes=additional_source_nodes,
        )

    async def _transformed(self, query_bundle: QueryBundle) -> QueryBundle:
        return await _transformed(self._query_transform, query_bundle, self._transform_metadata)


class VerbalizedTransformRetriever(TransformRetriever):
    """A `TransformRetriever` whose ``aretrieve`` awaits the transform and the retriever.

    LlamaIndex's own runs both, blocking, in the event loop. It takes the same arguments, with a
    `VerbalizedQueryTransform` or any other transform.
    """

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        transformed = await _transformed(
            self._query_transform, query_bundle, self._transform_metadata
        )
        return await self._retriever.aretrieve(transformed)


async def _transformed(
    transform: BaseQueryTransform, query_bundle: QueryBundle, about: Any
) -> QueryBundle:
    if hasattr(transform, "arun"):
        transformed: QueryBundle = await transform.arun(query_bundle, metadata=about)
        return transformed
    # One of LlamaIndex's own, which would block.
    return await asyncio.to_thread(transform.run, query_bundle, metadata=about)
