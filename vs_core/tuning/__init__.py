"""Choosing how to ask a model for a task: strategies, k, thresholds and temperatures race."""

from __future__ import annotations

from vs_core.tuning.arms import Contender
from vs_core.tuning.findings import Tuning
from vs_core.tuning.prompts import prompts_of
from vs_core.tuning.racing import Limits, Measured, Standing
from vs_core.tuning.tune import Score, tune

__all__ = ["Contender", "Limits", "Measured", "Score", "Standing", "Tuning", "prompts_of", "tune"]
