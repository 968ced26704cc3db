"""Provider batches: what is missing goes into files, and what comes back into the journal.

A batch costs half of a live call and takes up to a day. All flows are advanced until an answer is
missing; the missing requests are the next file. What failed, expired or did not come back is simply
missing again. A strategy of several rounds takes one file a round.

The files are the provider's: a user can look at them, and ``vllm run-batch`` takes OpenAI's too.
"""

from __future__ import annotations

from typing import Any

from vs_core.anthropic import AnthropicModel
from vs_core.clients import OpenAIModel
from vs_core.errors import ConfigurationError
from vs_core.generation.batches.anthropic import AnthropicBatches
from vs_core.generation.batches.files import FileFormat, Wanted, completions_of, missing, written
from vs_core.generation.batches.openai import OpenAIBatches
from vs_core.generation.batches.rounds import Batches, rounds

__all__ = [
    "AnthropicBatches", "Batches", "FileFormat", "OpenAIBatches", "Wanted", "batches_of",
    "completions_of", "missing", "rounds", "written",
]  # fmt: skip


def batches_of(model: Any) -> OpenAIBatches | AnthropicBatches:
    """Return the batches of a model's provider.

    Raises:
        ConfigurationError: If we know none of its provider.
    """
    if isinstance(model, OpenAIModel):
        return OpenAIBatches(model)
    if isinstance(model, AnthropicModel):
        return AnthropicBatches(model)
    raise ConfigurationError(
        "Batches are those of OpenAI and Anthropic: they need an OpenAIModel or an AnthropicModel."
    )
