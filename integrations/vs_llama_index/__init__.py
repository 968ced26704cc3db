"""Verbalized Sampling for LlamaIndex.

Diverse queries, diverse evidence, diverse answers, each with its probability from one call::

    transform = VerbalizedQueryTransform(llm, k=5)
    retriever = VerbalizedFusionRetriever([index.as_retriever()], llm, k=5)
    engine = RetrieverQueryEngine(retriever, VerbalizedSynthesizer(llm, k=5))
"""

from __future__ import annotations

try:
    import llama_index.core as _llama_index_core  # noqa: F401
except ImportError as error:
    from vs_core.errors import raise_missing_extra

    raise_missing_extra("llama-index", error)

from vs_llama_index.fusion_retriever import VerbalizedFusionRetriever
from vs_llama_index.llm import VerbalizedLLM
from vs_llama_index.query_transform import VerbalizedQueryBundle, VerbalizedQueryTransform
from vs_llama_index.question_generator import VerbalizedQuestionGenerator
from vs_llama_index.responses import distribution_of, sources_of
from vs_llama_index.synthesizer import VerbalizedSynthesizer
from vs_llama_index.transforming import VerbalizedQueryEngine, VerbalizedTransformRetriever

__all__ = [
    "VerbalizedFusionRetriever",
    "VerbalizedLLM",
    "VerbalizedQueryBundle",
    "VerbalizedQueryEngine",
    "VerbalizedQueryTransform",
    "VerbalizedQuestionGenerator",
    "VerbalizedSynthesizer",
    "VerbalizedTransformRetriever",
    "distribution_of",
    "sources_of",
]
