"""Verbalized Sampling for DSPy.

A module that stands where ``dspy.Predict`` stood::

    joke = VerbalizedSampler("topic -> joke", k=5)
    prediction = joke(topic="coffee")
    prediction.joke, prediction.completions, prediction.distribution

`verbalize` converts an existing program, `VerbalizedBestOfN` scores the candidates of one call, and
`vs_dspy.metrics` has metrics of diversity for the optimizers.
"""

from __future__ import annotations

try:
    import dspy as _dspy  # noqa: F401
except ImportError as error:
    from vs_core.errors import raise_missing_extra

    raise_missing_extra("dspy", error)

from vs_dspy.aggregation import majority
from vs_dspy.answers import VerbalizedParseError
from vs_dspy.best_of_n import VerbalizedBestOfN
from vs_dspy.candidates import Candidates
from vs_dspy.conversion import verbalize
from vs_dspy.prediction import VerbalizedPrediction
from vs_dspy.refine import VerbalizedRefine
from vs_dspy.sampler import VerbalizedSampler
from vs_dspy.tuning import VerbalizedTuner

__all__ = [
    "Candidates",
    "VerbalizedBestOfN",
    "VerbalizedParseError",
    "VerbalizedPrediction",
    "VerbalizedRefine",
    "VerbalizedSampler",
    "VerbalizedTuner",
    "majority",
    "verbalize",
]
