"""Metrics for `dspy.Evaluate` and the optimizers: diversity, quality, and the trade-off of both.

A metric is called as ``metric(example, prediction, trace=None, …)`` and looks at all candidates of
the prediction, not only at the drawn one. Its method ``with_feedback`` is the same metric for
``dspy.GEPA``: it says in words what to do better::

    dspy.MIPROv2(metric=TradeOff(is_funny, floor=0.7))
    dspy.GEPA(metric=TradeOff(is_funny, floor=0.7).with_feedback, …)
"""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import dspy

from vs_core import ConfigurationError
from vs_core.display import shorten
from vs_dspy.prediction import VerbalizedPrediction

REASONING = "reasoning"

__all__ = ["Diversity", "Metric", "Quality", "TradeOff", "answer_diversity", "lexical_diversity"]

Embed = Callable[[list[str]], Any]
"""From texts to a matrix with a row for each, such as a ``dspy.Embedder``."""


class Metric(ABC):
    """A metric of a whole prediction that can say why."""

    @abstractmethod
    def assess(self, example: Any, prediction: Any) -> tuple[float, str]:
        """Return the score, on [0, 1], and what there is to say about it."""

    def __call__(
        self,
        example: Any,
        prediction: Any,
        trace: Any = None,  # noqa: ARG002
        pred_name: Any = None,  # noqa: ARG002
        pred_trace: Any = None,  # noqa: ARG002
    ) -> float:
        """Return the score, on [0, 1]. Only the example and the prediction matter."""
        return self.assess(example, prediction)[0]

    def with_feedback(
        self,
        example: Any,
        prediction: Any,
        trace: Any = None,  # noqa: ARG002
        pred_name: Any = None,  # noqa: ARG002
        pred_trace: Any = None,  # noqa: ARG002
    ) -> dspy.Prediction:
        """Return a prediction with ``score`` and ``feedback``, as ``dspy.GEPA`` takes it."""
        score, feedback = self.assess(example, prediction)
        return dspy.Prediction(score=score, feedback=feedback)


class Diversity(Metric):
    """How much the candidates of a prediction differ.

    The expected dissimilarity of two draws from the distribution (Rao's quadratic entropy, Rao
    1982), times k/(k-1): 0 where all candidates are the same or one has all the weight, 1 where
    equally weighted candidates have nothing in common. With equal weights that is one minus the
    mean similarity of all pairs, as in the paper (Zhang et al. 2025, section 5).

    Args:
        embedder: Makes similarity semantic: the cosine of the vectors of a ``dspy.Embedder`` or of
            any callable from a list of texts to rows. None compares words (ROUGE-L, Lin 2004),
            without any model.
        field: The output field to compare; None compares all of them, without the reasoning.
        duplicate: Similarity on (0, 1] from which two candidates are near-duplicates.

    Raises:
        ConfigurationError: If ``duplicate`` is out of range; in a call, if there is no such field.
    """

    def __init__(
        self, embedder: Embed | None = None, field: str | None = None, duplicate: float = 0.8
    ) -> None:
        if not 0 < duplicate <= 1:
            raise ConfigurationError(f"duplicate must be over 0 and at most 1, not {duplicate!r}.")
        self.embedder = embedder
        self.field = field
        self.duplicate = duplicate

    def assess(self, example: Any, prediction: Any) -> tuple[float, str]:  # noqa: ARG002
        """Return the diversity, and which candidates are near-duplicates."""
        records, weights = _candidates(prediction)
        texts = [self.text(record) for record in _contents(prediction, records)]
        similar = self.similarities(texts)
        score = _spread(similar, weights)
        return score, f"Diversity {score:.2f} of 1. {self._remarks(texts, weights, similar)}"

    def text(self, record: Any) -> str:
        """Return what of a prediction is compared.

        Raises:
            ConfigurationError: If it does not have the field.
        """
        if self.field is None:
            return "\n".join(str(value) for name, value in record.items() if name != REASONING)
        if self.field not in record:
            raise ConfigurationError(
                f"The prediction has no field {self.field!r}, but {sorted(record.keys())}."
            )
        return str(record[self.field])

    def similarities(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the similarity of each text to each, on [0, 1]."""
        if not texts:
            return []
        return _rouge(texts) if self.embedder is None else _cosines(self.embedder(list(texts)))

    def _remarks(
        self, texts: Sequence[str], weights: Sequence[float], similar: Sequence[Sequence[float]]
    ) -> str:
        remarks = [
            f"Candidates {_and(group)} are near-duplicates: {_quoted(texts, group)}."
            for group in _groups(similar, self.duplicate)
        ]
        if not remarks and len(texts) > 1:
            remarks.append("No two candidates are near-duplicates.")
        if len(texts) == 1:
            remarks.append("There is only one candidate.")
        remarks += [
            f"Candidate {number} alone has {weight:.0%} of the weight."
            for number, weight in enumerate(weights, start=1)
            if len(weights) > 2 and weight > 0.5
        ]
        return " ".join(remarks)


lexical_diversity = Diversity()
"""`Diversity` of the words of all output fields: no model, nothing to set."""


class Quality(Metric):
    """The user's own metric, averaged over the candidates by their weights.

    Args:
        metric: ``metric(example, prediction)`` of one candidate as an ordinary prediction; returns
            a number on [0, 1], a bool, or a ``dspy.Prediction`` with ``score`` and ``feedback``.
            What else it must be given (``trace``, …) is None.

    Raises:
        ConfigurationError: In a call, if a score is not on [0, 1].
    """

    def __init__(self, metric: Callable[..., Any]) -> None:
        self.metric = metric
        self._further = _further(metric)

    def assess(self, example: Any, prediction: Any) -> tuple[float, str]:
        """Return the mean quality, and which candidate is the worst."""
        records, weights = _candidates(prediction)
        if not records:
            return 0.0, "There is no candidate."
        results = [self.metric(example, record, *self._further) for record in records]
        scores = [_score(result) for result in results]
        mean = math.fsum(w * score for w, score in zip(weights, scores, strict=True))
        worst = min(range(len(scores)), key=scores.__getitem__)
        if scores[worst] >= 1:
            return mean, f"Quality {mean:.2f}."
        said = getattr(results[worst], "feedback", None)
        content = _contents(prediction, records)[worst]
        text = "\n".join(str(value) for value in content.values())
        remark = f"Candidate {worst + 1} is the worst ({scores[worst]:.2f}): {shorten(text)!r}."
        return mean, " ".join([f"Quality {mean:.2f}.", remark, *([str(said)] if said else [])])


class TradeOff(Metric):
    """Quality and diversity in one number.

    Args:
        quality: A `Quality`, or the user's metric of one candidate.
        diversity: A `Diversity`; default: `lexical_diversity`.
        weight: The part of diversity in the sum, on [0, 1]; without a floor.
        floor: Least quality, on (0, 1]. Where it is reached, the score is at least 0.5 and grows
            with diversity alone; below, it is under 0.5 and grows with quality alone. So no
            diversity can pay for bad quality. None adds both up by ``weight``.

    Raises:
        ConfigurationError: If a number is out of range.
    """

    def __init__(
        self,
        quality: Quality | Callable[[Any, Any], Any],
        diversity: Metric = lexical_diversity,
        weight: float = 0.5,
        floor: float | None = None,
    ) -> None:
        if not 0 <= weight <= 1:
            raise ConfigurationError(f"weight must be from 0 to 1, not {weight!r}.")
        if floor is not None and not 0 < floor <= 1:
            raise ConfigurationError(f"floor must be over 0 and at most 1, not {floor!r}.")
        self.quality = quality if isinstance(quality, Quality) else Quality(quality)
        self.diversity = diversity
        self.weight = weight
        self.floor = floor

    def assess(self, example: Any, prediction: Any) -> tuple[float, str]:
        """Return the score, and the remarks on both."""
        quality, on_quality = self.quality.assess(example, prediction)
        diversity, on_diversity = self.diversity.assess(example, prediction)
        remarks = [on_quality, on_diversity]
        if self.floor is None:
            return (1 - self.weight) * quality + self.weight * diversity, " ".join(remarks)
        if quality >= self.floor:
            return 0.5 + 0.5 * diversity, " ".join(remarks)
        remarks.insert(0, f"Quality is below the floor of {self.floor:.2f}: mend that first.")
        return 0.5 * quality / self.floor, " ".join(remarks)


def answer_diversity(
    program: dspy.Module,
    devset: Sequence[dspy.Example],
    diversity: Diversity = lexical_diversity,
    *,
    num_threads: int | None = None,
) -> float:
    """Run a program over a data set and return how much its answers differ, on [0, 1].

    It looks at the drawn answers, one for each example, and so works for any program: put the same
    example in several times to see what it repeats. DSPy's cache repeats the distribution of a
    repeated call; without a ``seed`` the draws from it differ.

    Args:
        program: The program.
        devset: Examples with inputs; those on which the program fails are left out.
        diversity: What compares the answers.
        num_threads: As in ``dspy.Module.batch``.
    """
    predictions = program.batch(list(devset), num_threads=num_threads)
    given = [prediction for prediction in predictions if prediction is not None]
    texts = [diversity.text(each) for one in given for each in _contents(one, [one])]
    return _spread(diversity.similarities(texts), [1 / len(texts)] * len(texts)) if texts else 0.0


def _further(metric: Callable[..., Any]) -> list[None]:
    """What a metric must be given beside the example and the prediction."""
    try:
        parameters = inspect.signature(metric).parameters.values()
    except (TypeError, ValueError):  # such as one written in C
        return []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p for p in parameters if p.kind in positional and p.default is p.empty]
    return [None] * (len(needed) - 2)


def _score(result: Any) -> float:
    score = float(result or 0)
    if not 0 <= score <= 1:
        raise ConfigurationError(f"A metric of quality must be on [0, 1], not {score!r}.")
    return score


# --- candidates ------------------------------------------------------------------------------


def _candidates(prediction: Any) -> tuple[list[Any], Sequence[float]]:
    """The candidates of a prediction as predictions of their own, and their weights.

    Those of a prediction that is not verbalized are its completions, equally weighted.
    """
    if prediction is None or not len(prediction):  # the program failed
        return [], ()
    completions = prediction.completions
    size = 0 if completions is None else len(completions)
    records = [completions[index] for index in range(size)] or [prediction]
    if isinstance(prediction, VerbalizedPrediction):
        return records, prediction.distribution.weights
    return records, [1 / len(records)] * len(records)


def _contents(prediction: Any, records: Sequence[Any]) -> Sequence[Any]:
    """Candidates by the fields of their signature: without the probability that goes with them."""
    if not isinstance(prediction, VerbalizedPrediction):
        return records
    signature = prediction.completions.signature
    if signature is None:
        return records
    names = signature.output_fields
    return [{name: record[name] for name in names if name in record} for record in records]


# --- similarity ------------------------------------------------------------------------------


def _spread(similar: Sequence[Sequence[float]], weights: Sequence[float]) -> float:
    """See `Diversity`."""
    size = len(weights)
    if size < 2:
        return 0.0
    pairs = combinations(range(size), 2)
    apart = math.fsum(2 * weights[i] * weights[j] * (1 - similar[i][j]) for i, j in pairs)
    return min(1.0, apart * size / (size - 1))


def _rouge(texts: Sequence[str]) -> list[list[float]]:
    from vs_core.metrics.lexical import similarities

    found: list[list[float]] = similarities(texts, tokenize=_tokens, workers=1).tolist()
    return found


def _tokens(text: str) -> list[str]:
    from vs_core.metrics.lexical import words

    return words(text) or list(text.strip())  # of a text without words, its signs


def _cosines(vectors: Any) -> list[list[float]]:
    """The cosine of each row with each, where that is positive; 0 for a row of zeros."""
    import numpy as np

    rows = np.asarray(vectors, dtype=float)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    units = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    cosines: list[list[float]] = np.clip(units @ units.T, 0, 1).tolist()
    return cosines


def _groups(similar: Sequence[Sequence[float]], least: float) -> list[list[int]]:
    """The candidates that are near-duplicates of the first of their group."""
    groups: list[list[int]] = []
    left = list(range(len(similar)))
    while left:
        first, *rest = left
        same = [other for other in rest if similar[first][other] >= least]
        if same:
            groups.append([first, *same])
        left = [other for other in rest if other not in same]
    return groups


def _and(group: Sequence[int]) -> str:
    *most, last = [str(index + 1) for index in group]
    return f"{', '.join(most)} and {last}"


def _quoted(texts: Sequence[str], group: Sequence[int]) -> str:
    return " / ".join(repr(shorten(texts[index])) for index in group)
