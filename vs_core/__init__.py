"""Verbalized Sampling for LLM frameworks.

Ask a model for a distribution of answers instead of one, and draw from it::

    from vs_core import verbalize

    distribution = verbalize("Tell me a joke about coffee", complete, k=5)
    print(distribution.sample(seed=7))

``complete`` is any callable that answers a `Request` with a string. The integrations
``vs_langchain``, ``vs_dspy`` and ``vs_llama_index`` supply it for their frameworks.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vs_core.errors import (
    ConfigurationError,
    MissingExtraError,
    ModelError,
    ParseError,
    VSError,
)
from vs_core.hookspecs import hookimpl
from vs_core.plugins import plugins

if TYPE_CHECKING:
    from vs_core.candidates import Candidate, Distribution
    from vs_core.driver import arun, astream, averbalize, partial_of, run, stream, verbalize
    from vs_core.messages import Completion, Message, Request
    from vs_core.parsing import StreamParser, parse
    from vs_core.prompts import Prompts
    from vs_core.strategies import (
        CoT,
        Direct,
        MultiTurn,
        SequenceList,
        Strategy,
        VSCoT,
        VSMulti,
        VSStandard,
    )

__version__ = "0.1.0"

__all__ = [
    "Candidate",
    "CoT",
    "Completion",
    "ConfigurationError",
    "Direct",
    "Distribution",
    "Message",
    "MissingExtraError",
    "ModelError",
    "MultiTurn",
    "ParseError",
    "Prompts",
    "Request",
    "SequenceList",
    "Strategy",
    "StreamParser",
    "VSCoT",
    "VSError",
    "VSMulti",
    "VSStandard",
    "arun",
    "astream",
    "averbalize",
    "hookimpl",
    "parse",
    "partial_of",
    "plugins",
    "run",
    "stream",
    "verbalize",
]


_HOMES = {
    "candidates": ("Candidate", "Distribution"),
    "driver": ("arun", "astream", "averbalize", "partial_of", "run", "stream", "verbalize"),
    "messages": ("Completion", "Message", "Request"),
    "parsing": ("StreamParser", "parse"),
    "prompts": ("Prompts",),
    "strategies": (
        "CoT",
        "Direct",
        "MultiTurn",
        "SequenceList",
        "Strategy",
        "VSCoT",
        "VSMulti",
        "VSStandard",
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load what a name needs at its first use, as pydantic does: importing builds no model."""
    if name in _HOMES:
        return import_module(f"{__name__}.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
