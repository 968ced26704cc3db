"""Tables of prompts in, tables of answers out (extra ``generation``).

`generate` asks for each row of a table and writes a table of answers, with a folder beside it from
which a run that was stopped in any way goes on. `Run` is the same as an object: it looks ahead,
yields rows as they come, and can be stopped in good order.
"""

from __future__ import annotations

from vs_core.generation.distinct import distinct
from vs_core.generation.run import Run, Summary, agenerate, generate

__all__ = ["Run", "Summary", "agenerate", "distinct", "generate"]
