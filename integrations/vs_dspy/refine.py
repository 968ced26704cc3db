"""`VerbalizedRefine`: ask again for what a set of candidates lacks; ``dspy.Refine`` for a set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dspy

from vs_core import ConfigurationError
from vs_core.checks import require_count
from vs_core.display import shorten
from vs_core.effects import Effect, Effects, aperform, perform
from vs_dspy.metrics import Metric
from vs_dspy.prediction import VerbalizedPrediction
from vs_dspy.records import apart
from vs_dspy.sampler import VerbalizedSampler
from vs_dspy.signatures import Signature

__all__ = ["VerbalizedRefine"]

_SHOWN = 50
"""Most candidates that are shown as given already."""


class VerbalizedRefine(dspy.Module):
    """Judge the candidates as a set, and ask for what it lacks, until it is good enough.

    Each further round is told what was said of the set (what repeats, what is missing) and what was
    given already, and its candidates are added to the set::

        refined = VerbalizedRefine("topic -> joke", 3, Diversity(), threshold=0.9, k=5)

    Args:
        sampler_or_signature: A `VerbalizedSampler`, or a signature for one.
        N: Most rounds, at least 1.
        metric: Judges a prediction with all its candidates: a metric of `vs_dspy.metrics`, or a
            function of the inputs and the prediction that returns a number, or a
            ``dspy.Prediction`` with ``score`` and ``feedback``.
        threshold: A set with this score is good enough.
        **options: Options of `VerbalizedSampler`, for a signature.

    Raises:
        ConfigurationError: If an option cannot work.
    """

    def __init__(
        self,
        sampler_or_signature: str | Signature | VerbalizedSampler,
        N: int,  # noqa: N803  # as dspy.Refine calls it
        metric: Metric | Callable[[dict[str, Any], dspy.Prediction], Any],
        threshold: float,
        **options: Any,
    ) -> None:
        super().__init__()
        own = isinstance(sampler_or_signature, VerbalizedSampler)
        if own and options:
            raise ConfigurationError("The VerbalizedSampler has its own options: set them there.")
        self.sampler: Any = (
            sampler_or_signature if own else VerbalizedSampler(sampler_or_signature, **options)
        )
        self.N = require_count("N", N)
        # In a function, a module that the metric holds is no part of this one.
        self.judge: Callable[..., tuple[float, str]] = lambda *args: _judged(metric, *args)
        self.threshold = threshold

    def forward(self, **inputs: Any) -> VerbalizedPrediction:
        """Predict from all candidates of all rounds, each once.

        Raises:
            VerbalizedParseError: If the model gave no distribution.
            Exception: What ``metric`` raised.
        """
        return perform(self._rounds(inputs))

    async def aforward(self, **inputs: Any) -> VerbalizedPrediction:
        """Predict without blocking; see `forward`."""
        return await aperform(self._rounds(inputs))

    def _rounds(self, inputs: dict[str, Any]) -> Effects[VerbalizedPrediction]:
        found: VerbalizedPrediction = yield self._ask(inputs)
        for _ in range(self.N - 1):
            score, feedback = self.judge(inputs, found)
            if score >= self.threshold:
                break
            more = yield self._ask(self._further(inputs, found, feedback))
            found = self._joined(found, more)
        return found

    def _ask(self, arguments: dict[str, Any]) -> Effect:
        return Effect(lambda: self.sampler(**arguments), lambda: self.sampler.acall(**arguments))

    def _further(
        self, inputs: dict[str, Any], found: VerbalizedPrediction, feedback: str
    ) -> dict[str, Any]:
        """The inputs of a further round, with what is said of the set so far."""
        signature = self.sampler.signature
        name = apart("feedback", signature.fields)
        given = "\n".join(f"- {shorten(c.text, 200)}" for c in found.distribution[:_SHOWN])
        field = dspy.InputField(desc="what is said of the candidates so far: give what they lack")
        text = f"{feedback}\nGiven already, and not to be given again:\n{given}".strip()
        return {**inputs, name: text, "signature": signature.append(name, field, str)}

    def _joined(self, one: VerbalizedPrediction, other: VerbalizedPrediction) -> Any:
        """Both sets as one, each candidate once."""
        known = {each.text.casefold() for each in one.distribution}
        new = [i for i, c in enumerate(other.distribution) if c.text.casefold() not in known]
        fresh = other.distribution.filter(lambda each: each.text.casefold() not in known)
        records = [dict(one.completions[i]) for i in range(len(one.completions))]
        records += [dict(other.completions[i]) for i in new]
        whole = one.distribution + fresh if new else one.distribution
        drawn = whole.sample(resampler=self.sampler.resampler, seed=self.sampler.seed)
        place = next(index for index, each in enumerate(whole) if each is drawn)
        signature = one.completions.signature
        return VerbalizedPrediction.drawn_from(whole, records, place, signature)


def _judged(metric: Any, inputs: dict[str, Any], prediction: Any) -> tuple[float, str]:
    """The score of a set, and what there is to say about it."""
    if isinstance(metric, Metric):
        return metric.assess(dspy.Example(**inputs), prediction)
    said = metric(inputs, prediction)
    return float(getattr(said, "score", said)), str(getattr(said, "feedback", ""))
