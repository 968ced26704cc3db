"""Verbalized Sampling for LangChain.

Append the sampler to a chain that ends in a model::

    chain = prompt | ChatOpenAI(model="gpt-4.1-mini") | VerbalizedSampler(k=5)
    distribution = chain.invoke({"topic": "coffee"})

or let it stand in for the model: ``VerbalizedSampler(llm, k=5)``.
"""

from __future__ import annotations

try:
    import langchain_core as _langchain_core  # noqa: F401
except ImportError as error:
    from vs_core.errors import raise_missing_extra

    raise_missing_extra("langchain", error)

from vs_langchain.parts import VerbalizedOutputParser, VerbalizedPrompt
from vs_langchain.retriever import VerbalizedRetriever
from vs_langchain.sampler import VerbalizedSampler

__all__ = [
    "VerbalizedOutputParser",
    "VerbalizedPrompt",
    "VerbalizedRetriever",
    "VerbalizedSampler",
]
