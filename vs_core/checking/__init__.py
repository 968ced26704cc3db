"""Whether a model does Verbalized Sampling, in which format, with which settings: a dozen calls.

`check` asks; `Check` says what was found and makes a profile of it; `record` keeps the answers.
"""

from __future__ import annotations

from vs_core.checking.check import FORMATS, PROMPTS, Checkable, check
from vs_core.checking.findings import Check
from vs_core.checking.probes import Probe, ProbeResult
from vs_core.checking.recording import record, recorded

__all__ = [
    "FORMATS", "PROMPTS", "Check", "Checkable", "Probe", "ProbeResult", "check", "record",
    "recorded",
]  # fmt: skip
