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
from vs_core.metrics.answers import plain

if TYPE_CHECKING:
    from vs_core.evaluation.judge import Opinion
    from vs_core.metrics import Difference, Interval
    from vs_core.metrics.jackknife import Spread

__all__ = [
    "CORRECTED_DIVERGENCE",
    "COVERAGE",
    "DISTINCT",
    "DIVERGENCE",
    "LEXICAL",
    "PAPER_DIVERGENCE",
    "PRECISION",
    "QUALITY",
    "SEMANTIC",
    "STATED_DIVERGENCE",
    "UTILITY",
    "Answer",
    "Measure",
    "average",
    "shares",
    "stated",
]

EPSILON = 1e-6
"""Added to each probability of a reference, so that an answer it lacks costs much, not infinity."""


PAPER_EPSILON = 1e-10
"""Added to each observed share, so that a right answer that never came costs much, not infinity."""


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
        unit: What it shares with the answers that it depends on: the call that it came from.
        same: The first answer to the prompt that is the same, as the experiment's equivalence has
            it; "" where there is none.
        verdict: What a judge said of it, where the task asks for another opinion than a grade.
    """

    candidate: Candidate
    item: Item
    text: str
    name: str | None = None
    counts: bool = True
    right: bool = True
    score: float | None = None
    vector: Any = field(default=None, repr=False, compare=False)
    unit: Hashable = None
    same: str = ""
    verdict: Opinion | None = None

    @property
    def kind(self) -> str:
        """What makes two answers the same: the right answer, the equivalence, or the text."""
        return self.name or self.same or plain(self.text)


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
        options: Of its interval: ``bounds``, the least and the greatest value that it can have.
    """

    name: str
    label: str
    function: Callable[[Sequence[Any], Item], float]
    observe: Callable[[Answer], Any]
    better: Literal["high", "low", ""] = ""
    pooled: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def of(self, groups: Sequence[Sequence[Answer]]) -> Interval:
        """Return the figure with its 95 % confidence interval.

        Candidates of one call depend on each other, and so do the answers to one prompt. The unit
        is the prompt where there are four or more, and the interval for prompts like these.
        Otherwise it is the call, and the interval for these prompts (MOVER, see `average`). Where
        the data cannot say, there is none, and its ``reason`` says why.

        Args:
            groups: The answers, a group for each prompt.
        """
        from vs_core.metrics import confidence_interval
        from vs_core.metrics.jackknife import FEWEST_GROUPS

        if self.pooled:
            return self._of_one([answer for group in groups for answer in group])
        values = self.by_prompt(groups)
        if len(values) >= FEWEST_GROUPS:
            sample = list(values.values())
            return confidence_interval(
                _average, sample, groups=range(len(sample)), bounds=self._bounds
            )
        intervals = [self._of_one(group) for group in groups if group]
        return average([each for each in intervals if not math.isnan(each.estimate)])

    def by_prompt(self, groups: Sequence[Sequence[Answer]]) -> dict[str, float]:
        """Return the figure of each prompt, of those that have one."""
        found = {group[0].item.prompt: self._figure(group) for group in groups if group}
        return {prompt: value for prompt, value in found.items() if not math.isnan(value)}

    def difference(
        self, groups: Sequence[Sequence[Answer]], others: Sequence[Sequence[Answer]]
    ) -> Difference:
        """Return how much the figure of some answers is over that of others.

        Paired over prompts, where both have four or more in common; else over calls.
        """
        from vs_core.metrics import paired_difference
        from vs_core.metrics.jackknife import FEWEST_GROUPS
        from vs_core.metrics.paired import independent_difference

        if self.pooled:
            sides = [[self._spread([a for g in side for a in g])] for side in (groups, others)]
            return independent_difference(*sides)
        first, second = self.by_prompt(groups), self.by_prompt(others)
        common = first.keys() & second.keys()
        if len(common) >= FEWEST_GROUPS:
            return paired_difference(first, second)
        spreads = [
            {g[0].item.prompt: self._spread(g) for g in side if g and g[0].item.prompt in common}
            for side in (groups, others)
        ]
        return independent_difference(
            [spreads[0][prompt] for prompt in common], [spreads[1][prompt] for prompt in common]
        )

    @property
    def _bounds(self) -> tuple[float, float]:
        bounds: tuple[float, float] = self.options.get("bounds", (-math.inf, math.inf))
        return bounds

    def _of_one(self, answers: Sequence[Answer]) -> Interval:
        from vs_core.metrics import Interval, confidence_interval

        seen, units = self._observed(answers)
        if not units:
            return Interval(math.nan, math.nan, math.nan, reason="nothing was observed")
        function, sample = _prepared(self.function, answers[0].item, seen)
        return confidence_interval(function, sample, groups=units, bounds=self._bounds)

    def _spread(self, answers: Sequence[Answer]) -> Spread:
        from vs_core.metrics.jackknife import Spread, spread

        seen, units = self._observed(answers)
        if not units:
            return Spread(math.nan, math.nan, 0, "nothing was observed")
        function, sample = _prepared(self.function, answers[0].item, seen)
        return spread(function, [sample], units)

    def _figure(self, answers: Sequence[Answer]) -> float:
        seen, units = self._observed(answers)
        return float(self.function(seen, answers[0].item)) if units else math.nan

    def _observed(self, answers: Sequence[Answer]) -> tuple[Any, list[Hashable]]:
        """What is observed of the answers, and the unit of each observation.

        Of pooled answers to four prompts and more that is the prompt, else what the task says.
        """
        import numpy as np

        from vs_core.metrics.jackknife import FEWEST_GROUPS

        seen = [(found, a) for a in answers if (found := self.observe(a)) is not None]
        many = len({a.item.prompt for _, a in seen}) >= FEWEST_GROUPS
        units: list[Hashable] = [a.item.prompt if many else a.unit for _, a in seen]
        sample = [found for found, _ in seen]
        vectors = bool(sample) and isinstance(sample[0], np.ndarray)
        return (np.stack(sample) if vectors else sample), units


def _average(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers)


def _prepared(
    function: Callable[..., float], item: Item, sample: Any
) -> tuple[Callable[[Any], float], Any]:
    """Bind the item; and compare texts once, not again without each group."""
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
    reason = next((each.reason for each in intervals if each.reason), "")
    return Interval(estimate, estimate - below, estimate + above, reason=reason)


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


def _utility(pairs: Sequence[tuple[str, float]], item: Item) -> float:  # noqa: ARG001
    from vs_core.metrics import utility

    kinds, worth = zip(*pairs, strict=True)
    return utility(kinds, worth)


def mean(numbers: Sequence[float], item: Item) -> float:  # noqa: ARG001
    """Return the mean of what was observed."""
    return math.fsum(numbers) / len(numbers)


def _coverage(kinds: Sequence[str], item: Item) -> float:
    truth = item.truth or {}
    return len(truth.keys() & set(kinds)) / len(truth) if truth else math.nan


def _divergence(kinds: Sequence[str], item: Item) -> float:
    return _from_reference(Counter(kinds), item)


def _corrected_divergence(kinds: Sequence[str], item: Item) -> float:
    from vs_core.metrics import kl_divergence

    return kl_divergence(Counter(kinds), item.reference or {}, epsilon=EPSILON, correct=True)


def _paper_divergence(kinds: Sequence[str], item: Item) -> float:
    from vs_core.metrics import kl_divergence

    return kl_divergence(item.reference or {}, Counter(kinds), epsilon=PAPER_EPSILON)


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
    options={"bounds": _SHARE},
)
"""1 − mean cosine similarity of embeddings, negative ones as 0 (Zhang et al. 2025, section 5)."""

LEXICAL = Measure(
    "lexical_diversity",
    "lexical diversity",
    _lexical,
    lambda answer: answer.text if answer.counts else None,
    "high",
    options={"bounds": _SHARE},
)
"""1 − mean ROUGE-L of all pairs."""

DISTINCT = Measure(
    "distinct",
    "distinct answers",
    _distinct,
    _named,
    "high",
    options={"bounds": _SHARE},
)
"""Different answers / answers, on (0, 1]."""

UTILITY = Measure(
    "utility",
    "utility, patience .8",
    _utility,
    lambda answer: (
        None if answer.score is None or not answer.counts else (answer.kind, answer.score)
    ),
    "high",
    options={"bounds": _SHARE},
)
"""What the answers are worth to a reader who tires: the judge's scores of those that are not the
same as one before, each place counting .8 of the one before (NoveltyBench)."""

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
    options={"bounds": _SHARE},
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
    "D(answers ‖ reference), ε = 1e-6",
    _divergence,
    _compared,
    "low",
    options={"bounds": (0.0, math.inf)},
)
"""D(answers ‖ reference) in nats, ``EPSILON`` added to the reference: each answer counts 1."""

CORRECTED_DIVERGENCE = Measure(
    "kl_corrected",
    "D(answers ‖ reference), ε = 1e-6, for few answers",
    _corrected_divergence,
    _compared,
    "low",
)
"""``kl`` without what few answers alone make of it; a little under 0 where there is none."""

PAPER_DIVERGENCE = Measure(
    "kl_paper",
    "D(reference ‖ answers), ε = 1e-10",
    _paper_divergence,
    _compared,
    "low",
    options={"bounds": (0.0, math.inf)},
)
"""The other direction, in nats, ``PAPER_EPSILON`` added to the answers: as the authors' analysis of
the states has it. A right answer that never comes costs up to 23 nats times its share."""

STATED_DIVERGENCE = Measure(
    "kl_stated",
    "D(stated ‖ reference), ε = 1e-6",
    _stated_divergence,
    _claimed,
    "low",
    options={"bounds": (0.0, math.inf)},
)
"""The same of the probabilities that the model states; see `stated`."""
