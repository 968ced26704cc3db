"""Verbalized Sampling for LlamaIndex.

One question becomes several, each with its probability, from one call::

    transform = VerbalizedQueryTransform(llm=llm, k=5)
    engine = VerbalizedQueryEngine(index.as_query_engine(llm=llm), transform)
"""

from __future__ import annotations

try:
    import llama_index.core as _llama_index_core  # noqa: F401
except ImportError as error:
    from vs_core.errors import raise_missing_extra

    raise_missing_extra("llama-index", error)

from vs_llama_index.query_engine import VerbalizedQueryEngine
from vs_llama_index.query_transform import VerbalizedQueryBundle, VerbalizedQueryTransform

__all__ = ["VerbalizedQueryBundle", "VerbalizedQueryEngine", "VerbalizedQueryTransform"]
