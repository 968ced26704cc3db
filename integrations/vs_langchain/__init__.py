"""Verbalized Sampling for LangChain.

Append the sampler to a chain that ends in a model::

    chain = prompt | ChatOpenAI(model="gpt-4.1-mini") | VerbalizedSampler(k=5)
    distribution = chain.invoke({"topic": "coffee"})

or let it stand in for the model: ``VerbalizedSampler(llm, k=5)``. Where a chat model is demanded by
type, there is ``VerbalizedChatModel(llm, k=5)``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

__all__ = [
    "VerbalizedChatModel",
    "VerbalizedOutputParser",
    "VerbalizedPrompt",
    "VerbalizedRetriever",
    "VerbalizedSampler",
    "distribution_of",
]

_MODULES = {
    "VerbalizedChatModel": "chat_model",
    "VerbalizedOutputParser": "parts",
    "VerbalizedPrompt": "parts",
    "VerbalizedRetriever": "retriever",
    "VerbalizedSampler": "sampler",
    "distribution_of": "messages",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, and nothing that is not."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
