"""`majority`: the answer with the most weight; ``dspy.majority`` counts answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from typing import Any

import dspy
from dspy.predict.aggregation import default_normalize
from dspy.primitives.prediction import Completions

from vs_core import ConfigurationError
from vs_dspy.prediction import VerbalizedPrediction
from vs_dspy.records import apart

__all__ = ["majority"]


def majority(
    prediction_or_completions: dspy.Prediction | Completions | Sequence[Any],
    normalize: Callable[[Any], Any] | None = default_normalize,
    field: str | None = None,
) -> dspy.Prediction:
    """Return the prediction whose answer has the most weight, all that are the same together.

    It has the interface of ``dspy.majority``, and reduces a ``dspy.Ensemble`` as that does. All
    candidates of a `VerbalizedPrediction` count, by weights that are normalised probabilities;
    where no candidate has one, they are equal. The predictions of a list have the same weight each;
    the answers of other modules are counted.

    Args:
        prediction_or_completions: A prediction, or a list: of predictions, or of dicts by field. Of
            a `VerbalizedPrediction` give itself: its ``completions`` alone are counted.
        normalize: Makes answers that are the same equal; what it turns into None does not count.
            None compares them as they are.
        field: The output field to compare; default: the last of the signature.

    Returns:
        The prediction with the fields of the first candidate that gave the answer, and the weight
        of that on [0, 1] as its ``probability``. It has all candidates and is a
        `VerbalizedPrediction`, if all that was given are such.

    Raises:
        ConfigurationError: If there are no answers, or not all have the field.
    """
    given, signature = _answers(prediction_or_completions)
    groups = [_weighted(each) for each in given]
    records = [record for group in groups for record, _ in group]
    weights = [weight / len(groups) for group in groups for _, weight in group]
    name = field or list(signature.output_fields if signature else records[0])[-1]
    if not all(name in record for record in records):
        raise ConfigurationError(f"The prediction has no field {name!r}.")
    same = normalize or (lambda value: value)
    answers = [_plain(same(record[name])) for record in records]
    counted = [answer for answer in answers if answer is not None] or answers
    totals = dict.fromkeys(counted, 0.0)
    for answer, weight in zip(answers, weights, strict=True):
        if answer in totals:
            totals[answer] += weight
    best = max(totals, key=totals.__getitem__)
    place, weight = answers.index(best), min(1.0, totals[best])
    if all(isinstance(each, VerbalizedPrediction) for each in given):
        whole = reduce(add, [each.distribution for each in given])
        made = VerbalizedPrediction.drawn_from(whole, records, place, signature)
        made[made.keys()[0]] = weight
        return made
    name = apart("probability", signature.output_fields if signature else ())
    record = {name: weight, **{key: said for key, said in records[place].items() if key != name}}
    return dspy.Prediction.from_completions([record], signature=signature)


def _answers(given: Any) -> tuple[list[Any], Any]:
    """What was given as a list of predictions, and their signature if it is known."""
    found = given
    if isinstance(given, dspy.Prediction) and not isinstance(given, VerbalizedPrediction):
        found = given.completions
    several = isinstance(found, (Completions, list, tuple))
    answers = list(found) if several else [found]
    if not answers or not all(isinstance(a, (dspy.Example, dict)) and len(a) for a in answers):
        raise ConfigurationError(
            "majority takes a prediction with completions, or a list of predictions, not "
            f"{given!r:.200}."
        )
    about = found if isinstance(found, Completions) else getattr(answers[0], "completions", None)
    return answers, getattr(about, "signature", None)


def _weighted(answer: Any) -> list[tuple[dict[str, Any], float]]:
    """The fields of all candidates of a prediction with their weights; one, if it has none."""
    if not isinstance(answer, VerbalizedPrediction):
        return [(dict(answer), 1.0)]
    records = map(dict, answer.completions)
    return list(zip(records, answer.distribution.weights, strict=True))


def _plain(answer: Any) -> Any:
    """An answer that can be a key."""
    try:
        hash(answer)
    except TypeError:
        return repr(answer)
    return answer
