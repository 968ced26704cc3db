"""What is measured of the answers: a metric, what of an answer it takes, and its interval.

The metrics themselves stand in `vs_core.metrics`; here is how they meet a task.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from vs_core.candidates import Candidate
from vs_core.evaluation.items import Item

if TYPE_CHECKING:
    from vs_core.metrics import Interval

__all__ = [
    "COVERAGE",
    "DISTINCT",
    "DIVERGENCE",
    "LEXICAL",
    "PRECISION",
    "QUALITY",
    "SEMANTIC",
    "STATED_DIVERGENCE",
    "Answer",
    "Measure",
    "average",
    "shares",
    "stated",
]

EPSILON = 1e-6
"""Added to each probability of a reference, so that an answer it lacks costs much, not infinity."""


@dataclass(frozen=True)
class Answer:
    """A candidate, with all that measures may want to know of it.

    Args:
        candidate: As the model gave it.
        item: The prompt that it answers.
        text: What the task compares of it.
        name: The right answer that it gives, where the item knows the right answers; else None.
        counts: Whether it is an answer at all, and of the type that was asked for.
        right: Whether it is right, where the task can tell.
        score: What the judge gave it, on [0, 1]; None without a judge.
        vector: Its embedding, shape (dimensions,); None without one.
    """

    candidate: Candidate
    item: Item
    text: str
    name: str | None = None
    counts: bool = True
    right: bool = True
    score: float | None = None
    vector: Any = field(default=None, repr=False, compare=False)

    @property
    def kind(self) -> str:
        """What makes two answers the same: the right answer, or the text."""
        return self.name or " ".join(self.text.casefold().split())


@dataclass(frozen=True)
class Measure:
    """One figure of the answers that a strategy gave.

    Args:
        name: Identifies it; a column of the table.
        label: What a reader sees.
        function: Called with the observations and the item; returns the figure, ``nan`` where
            there is none.
        observe: What of an answer is observed; None leaves it out.
        better: Whether ``"high"`` or ``"low"`` figures are good, or ``""`` if neither.
        pooled: Take all answers of a strategy together; otherwise the figure is the mean over the
            prompts, the same weight each.
        options: Further options of `vs_core.metrics.confidence_interval`: ``pairwise``, ``unseen``
            (also a function of the item), ``bounds``.
    """

    name: str
    label: str
    function: Callable[[Sequence[Any], Item], float]
    observe: Callable[[Answer], Any]
    better: Literal["high", "low", ""] = ""
    pooled: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def of(self, groups: Sequence[Sequence[Answer]], *, resamples: int, seed: int = 0) -> Interval:
        """Return the figure with its 95 % confidence interval.

        Args:
            groups: The answers, a group for each prompt.
            resamples: Of the bootstrap, at least 2.
            seed: Makes the interval reproducible.
        """
        if self.pooled:
            groups = [[answer for group in groups for answer in group]]
        intervals = [self._of_one(group, resamples, seed) for group in groups if group]
        return average([each for each in intervals if not math.isnan(each.estimate)])

    def _of_one(self, answers: Sequence[Answer], resamples: int, seed: int) -> Interval:
        import numpy as np

        from vs_core.metrics import Interval, confidence_interval

        item = answers[0].item
        seen = [found for answer in answers if (found := self.observe(answer)) is not None]
        if not seen:
            return Interval(math.nan, math.nan, math.nan)
        sample = np.stack(seen) if isinstance(seen[0], np.ndarray) else seen
        options = {
            name: option(item) if callable(option) else option
            for name, option in self.options.items()
        }
        function, sample = _prepared(self.function, item, sample)
        return confidence_interval(function, sample, resamples=resamples, seed=seed, **options)


def _prepared(
    function: Callable[..., float], item: Item, sample: Any
) -> tuple[Callable[[Any], float], Any]:
    """Bind the item; and compare texts once, not in each resample."""
    if function is not _lexical:
        return (lambda drawn: function(drawn, item)), sample
    import numpy as np

    from vs_core.metrics.lexical import similarities

    matrix = similarities(sample)

    def diversity(places: Any) -> float:
        n = len(places)
        among = matrix[np.ix_(places, places)]
        return max(0.0, 1 - (float(among.sum()) - n) / (n * (n - 1))) if n > 1 else 0.0

    return diversity, np.arange(len(sample))


def average(intervals: Sequence[Interval]) -> Interval:
    """Return the mean of independent estimates with its interval.

    The ends are those of Zou and Donner 2008 (MOVER): the distances from the estimates, as the
    sides of a right angle, divided by their number. So the interval is for these prompts; it says
    nothing about others. One estimate keeps its interval; none at all gives ``nan``.
    """
    from vs_core.metrics import Interval

    if not intervals:
        return Interval(math.nan, math.nan, math.nan)
    count = len(intervals)
    estimate = math.fsum(each.estimate for each in intervals) / count
    below = math.hypot(*(each.estimate - each.low for each in intervals)) / count
    above = math.hypot(*(each.high - each.estimate for each in intervals)) / count
    return Interval(estimate, estimate - below, estimate + above)


# --- the answers as a distribution ---------------------------------------------------------------


def shares(answers: Sequence[Answer]) -> dict[str, float]:
    """Return how often each answer came, as shares that sum to 1; empty for no answers."""
    counts = Counter(answer.kind for answer in answers)
    total = sum(counts.values())
    return {kind: count / total for kind, count in counts.most_common()}


def stated(answers: Sequence[Answer]) -> dict[str, float]:
    """Return the distribution that the model states: empty where it gave no probabilities.

    The mean verbalized probability of each answer over the times that it was given, normalised.
    A sum in its place would count likely answers twice: for being likely, and for coming often.
    """
    return _stated([(answer.kind, answer.candidate.probability) for answer in answers])


def _stated(pairs: Sequence[tuple[str, float | None]]) -> dict[str, float]:
    given: dict[str, list[float]] = defaultdict(list)
    for kind, probability in pairs:
        if probability is not None:
            given[kind].append(probability)
    means = {kind: math.fsum(values) / len(values) for kind, values in given.items()}
    total = math.fsum(means.values())
    return {kind: mean / total for kind, mean in means.items()} if total else {}


# --- the measures --------------------------------------------------------------------------------


def _lexical(texts: Sequence[str], item: Item) -> float:  # noqa: ARG001
    from vs_core.metrics import lexical_diversity

    return lexical_diversity(texts)


def _semantic(vectors: Any, item: Item) -> float:  # noqa: ARG001
    from vs_core.metrics import semantic_diversity

    return semantic_diversity(vectors, clip=True)


def _distinct(kinds: Sequence[Hashable], item: Item) -> float:  # noqa: ARG001
    return len(set(kinds)) / len(kinds)


def mean(numbers: Sequence[float], item: Item) -> float:  # noqa: ARG001
    """Return the mean of what was observed."""
    return math.fsum(numbers) / len(numbers)


def _coverage(kinds: Sequence[str], item: Item) -> float:
    truth = item.truth or {}
    return len(truth.keys() & set(kinds)) / len(truth) if truth else math.nan


def _divergence(kinds: Sequence[str], item: Item) -> float:
    return _from_reference(Counter(kinds), item)


def _stated_divergence(pairs: Sequence[tuple[str, float]], item: Item) -> float:
    return _from_reference(_stated(pairs), item)


def _from_reference(found: Mapping[str, float], item: Item) -> float:
    from vs_core.metrics import kl_divergence

    return kl_divergence(found, item.reference or {}, epsilon=EPSILON)


def _named(answer: Answer) -> str | None:
    return answer.kind if answer.counts else None


def _compared(answer: Answer) -> str | None:
    return answer.kind if answer.item.reference and answer.counts else None


def _claimed(answer: Answer) -> tuple[str, float] | None:
    kind, probability = _compared(answer), answer.candidate.probability
    return None if kind is None or probability is None else (kind, probability)


_SHARE = (0.0, 1.0)

SEMANTIC = Measure(
    "semantic_diversity",
    "semantic diversity",
    _semantic,
    lambda answer: answer.vector,
    "high",
    options={"pairwise": True, "bounds": _SHARE},
)
"""1 − mean cosine similarity of embeddings, negative ones as 0 (Zhang et al. 2025, section 5)."""

LEXICAL = Measure(
    "lexical_diversity",
    "lexical diversity",
    _lexical,
    lambda answer: answer.text if answer.counts else None,
    "high",
    options={"pairwise": True, "bounds": _SHARE},
)
"""1 − mean ROUGE-L of all pairs."""

DISTINCT = Measure(
    "distinct",
    "distinct answers",
    _distinct,
    _named,
    "high",
    options={"unseen": True, "bounds": _SHARE},
)
"""Different answers / answers, on (0, 1]."""

QUALITY = Measure(
    "quality",
    "quality",
    mean,
    lambda answer: answer.score,
    "high",
    options={"bounds": _SHARE},
)
"""Mean score of the judge, on [0, 1]."""

COVERAGE = Measure(
    "coverage",
    "coverage of the right answers",
    _coverage,
    _named,
    "high",
    options={"unseen": lambda item: list(item.truth or {}), "bounds": _SHARE},
)
"""Coverage-N: the share of the right answers that came (Zhang et al. 2025)."""

PRECISION = Measure(
    "precision",
    "precision",
    mean,
    lambda answer: float(answer.right) if answer.item.truth and answer.counts else None,
    "high",
    options={"bounds": _SHARE},
)
"""The share of the answers that are right."""

DIVERGENCE = Measure(
    "kl",
    "KL from the reference",
    _divergence,
    _compared,
    "low",
    options={"bounds": (0.0, math.inf)},
)
"""D(answers ‖ reference) in nats, ``EPSILON`` added to the reference: each answer counts 1."""

STATED_DIVERGENCE = Measure(
    "kl_stated",
    "KL of the stated probabilities",
    _stated_divergence,
    _claimed,
    "low",
    options={"bounds": (0.0, math.inf)},
)
"""The same of the probabilities that the model states; see `stated`."""
