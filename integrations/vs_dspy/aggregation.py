"""`majority`: the answer with the most weight; ``dspy.majority`` counts answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dspy.predict.aggregation import default_normalize

from vs_core import ConfigurationError
from vs_dspy.prediction import VerbalizedPrediction

__all__ = ["majority"]


def majority(
    prediction: VerbalizedPrediction,
    normalize: Callable[[Any], Any] | None = default_normalize,
    field: str | None = None,
) -> VerbalizedPrediction:
    """Return the prediction whose answer has the most weight, all that are the same together.

    It has the interface of ``dspy.majority``. Weights are normalised probabilities; where no
    candidate has one, they are equal, and answers are counted.

    Args:
        prediction: What a `VerbalizedSampler` gave.
        normalize: Makes answers that are the same equal; what it turns into None does not count.
            None compares them as they are.
        field: The output field to compare; default: the last of the signature.

    Returns:
        The prediction with the fields of the first candidate that gave the answer. Its
        ``probability`` is the weight of the answer, on [0, 1].

    Raises:
        ConfigurationError: If the prediction has no candidates, or no such field.
    """
    if not isinstance(prediction, VerbalizedPrediction):
        raise ConfigurationError(
            f"majority takes the prediction of a VerbalizedSampler, not {type(prediction).__name__}"
            "; dspy.majority counts other completions."
        )
    completions, weights = prediction.completions, prediction.distribution.weights
    name = field or list(completions.signature.output_fields)[-1]
    if name not in completions:
        raise ConfigurationError(f"The prediction has no field {name!r}.")
    same = normalize or (lambda value: value)
    answers = [_plain(same(value)) for value in completions[name]]
    counted = [answer for answer in answers if answer is not None] or answers
    totals = dict.fromkeys(counted, 0.0)
    for answer, weight in zip(answers, weights, strict=True):
        if answer in totals:
            totals[answer] += weight
    best = max(totals, key=totals.__getitem__)
    records = [dict(completions[index]) for index in range(len(answers))]
    made = VerbalizedPrediction.drawn_from(
        prediction.distribution, records, answers.index(best), completions.signature
    )
    made[made.keys()[0]] = min(1.0, totals[best])
    return made


def _plain(answer: Any) -> Any:
    """An answer that can be a key."""
    try:
        hash(answer)
    except TypeError:
        return repr(answer)
    return answer
