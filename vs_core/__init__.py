"""Verbalized Sampling for LLM frameworks.

Ask a model for a distribution of answers instead of one, and draw from it::

    from vs_core import verbalize

    distribution = verbalize("Tell me a joke about coffee", complete, k=5)
    print(distribution.sample(seed=7))

``complete`` is any callable that answers a `Request` with a string. The integrations
``vs_langchain``, ``vs_dspy`` and ``vs_llama_index`` supply it for their frameworks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vs_core.errors import (
    ConfigurationError,
    MissingExtraError,
    ModelError,
    ParseError,
    VSError,
)
from vs_core.hookspecs import hookimpl
from vs_core.lazy import lazily
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
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
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
        },
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
