"""Verbalized Sampling for LangChain.

Append the sampler to a chain that ends in a model::

    chain = prompt | ChatOpenAI(model="gpt-4.1-mini") | VerbalizedSampler(k=5)
    distribution = chain.invoke({"topic": "coffee"})

or let it stand in for the model: ``VerbalizedSampler(llm, k=5)``. Where a chat model is demanded by
type, there is ``VerbalizedChatModel(llm, k=5)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vs_core.lazy import lazily

try:
    import langchain_core as _langchain_core  # noqa: F401
except ImportError as error:
    from vs_core.errors import raise_missing_extra

    raise_missing_extra("langchain", error)

if TYPE_CHECKING:
    from vs_langchain.chat_model import VerbalizedChatModel
    from vs_langchain.messages import distribution_of
    from vs_langchain.parts import VerbalizedOutputParser, VerbalizedPrompt
    from vs_langchain.retriever import VerbalizedRetriever
    from vs_langchain.sampler import VerbalizedSampler
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "chat_model": ("VerbalizedChatModel",),
            "messages": ("distribution_of",),
            "parts": ("VerbalizedOutputParser", "VerbalizedPrompt"),
            "retriever": ("VerbalizedRetriever",),
            "sampler": ("VerbalizedSampler",),
        },
    )

__all__ = [
    "VerbalizedChatModel",
    "VerbalizedOutputParser",
    "VerbalizedPrompt",
    "VerbalizedRetriever",
    "VerbalizedSampler",
    "distribution_of",
]
