"""`VerbalizedPrediction`: what a sampler predicts, with all candidates behind it."""

from __future__ import annotations

from typing import Any

import dspy

from vs_core import Distribution

__all__ = ["VerbalizedPrediction"]


class VerbalizedPrediction(dspy.Prediction):
    """A prediction with the fields of the drawn candidate, and its probability.

    ``completions`` holds the same of all candidates, in DSPy's own form.
    """

    _distribution: Distribution

    @classmethod
    def drawn_from(
        cls,
        distribution: Distribution,
        records: list[dict[str, Any]],
        drawn: int,
        signature: Any = None,
    ) -> VerbalizedPrediction:
        """Return the prediction of candidate ``drawn``; ``records`` are the fields of all."""
        prediction: VerbalizedPrediction = cls.from_completions(records, signature=signature)
        prediction._store = dict(records[drawn])
        prediction._distribution = distribution
        return prediction

    @property
    def distribution(self) -> Distribution:
        """All candidates with their probabilities."""
        return self._distribution

    def copy(self, **fields: Any) -> VerbalizedPrediction:
        """Return a copy with some fields changed, of the same distribution."""
        copied: VerbalizedPrediction = super().copy(**fields)
        copied._completions, copied._distribution = self._completions, self._distribution
        return copied
