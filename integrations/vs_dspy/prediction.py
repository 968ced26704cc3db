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
        made = cls(records[drawn])
        completions = dspy.Completions(records, signature=signature)
        made.__dict__.update(_completions=completions, _distribution=distribution)
        return made

    @property
    def distribution(self) -> Distribution:
        """All candidates with their probabilities."""
        return self._distribution

    def copy(self, **fields: Any) -> VerbalizedPrediction:
        """Return a copy with some fields changed, of the same distribution."""
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__, _store={**self._store, **fields}, _lm_usage=None)
        return copied
