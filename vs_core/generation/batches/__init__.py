"""Provider batches: what is missing goes into files, and what comes back into the journal.

A batch costs half of a live call and takes up to a day. All flows are advanced until an answer is
missing; the missing requests are the next file. What failed, expired or did not come back is simply
missing again. A strategy of several rounds takes one file a round.

The files are OpenAI's: a user can look at them, and ``vllm run-batch`` takes them too.
"""

from __future__ import annotations

from vs_core.generation.batches.files import Wanted, completions_of, missing, written
from vs_core.generation.batches.openai import OpenAIBatches
from vs_core.generation.batches.rounds import Batches, rounds

__all__ = [
    "Batches", "OpenAIBatches", "Wanted", "completions_of", "missing", "rounds", "written",
]  # fmt: skip
