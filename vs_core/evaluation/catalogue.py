"""Every measure that can be taken of answers that are there, and any metric as a measure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from vs_core.evaluation.items import Item
from vs_core.evaluation.measures import (
    CORRECTED_DIVERGENCE,
    COVERAGE,
    DISTINCT,
    DIVERGENCE,
    LEXICAL,
    PAPER_DIVERGENCE,
    PRECISION,
    QUALITY,
    SEMANTIC,
    STATED_DIVERGENCE,
    Answer,
    Measure,
)
from vs_core.plugins import plugins

__all__ = ["CATALOGUE", "distinct_ngrams", "measure_of", "outcome"]

_SHARE = {"bounds": (0.0, 1.0)}
_COUNT = {"bounds": (0.0, math.inf)}


def measure_of(name: str) -> Measure:
    """Return a measure of `CATALOGUE`, or a registered metric of texts as one.

    Raises:
        ConfigurationError: If there is no such metric.
        MissingExtraError: If it needs an extra that is not installed.
    """
    known = {measure.name: measure for measure in CATALOGUE}
    if name in known:
        return known[name]
    metric: Callable[[Sequence[str]], float] = plugins.metric(name)
    return Measure(name, name.replace("_", " "), lambda texts, item: float(metric(texts)), _text)  # noqa: ARG005


def outcome(answer: Answer) -> float | None:
    """Return what the probability of an answer ought to have been, as far as that is known.

    Its share of the reference, or else 1 or 0 for right or wrong; None where neither is known.
    """
    reference = answer.item.reference
    if reference:
        return reference.get(answer.kind, 0.0) / math.fsum(reference.values())
    return float(answer.right) if answer.item.truth else None


def distinct_ngrams(
    order: int, observe: Callable[[Answer], Any] | None = None, *, pooled: bool = False
) -> Measure:
    """Return Distinct-n as a measure, of the texts that count or of what is observed."""

    def share(texts: Sequence[str], item: Item) -> float:  # noqa: ARG001
        from vs_core.metrics import distinct_n

        return distinct_n(texts, order)

    return Measure(
        f"distinct_{order}", f"Distinct-{order}", share, observe or _text, "high",
        pooled=pooled, options=_SHARE,
    )  # fmt: skip


# --- what is observed ----------------------------------------------------------------------------


def _text(answer: Answer) -> str | None:
    return answer.text if answer.counts else None


def _kind(answer: Answer) -> str | None:
    return answer.kind if answer.counts else None


def _compared(answer: Answer) -> str | None:
    return answer.kind if answer.counts and answer.item.reference else None


def _claim(answer: Answer) -> tuple[float, float] | None:
    """What was claimed, and what it ought to have been."""
    claimed, came = answer.candidate.probability, outcome(answer)
    return None if claimed is None or came is None or not answer.counts else (claimed, came)


# --- the figures ---------------------------------------------------------------------------------


def _of_texts(name: str) -> Callable[[Sequence[str], Item], float]:
    def figure(texts: Any, item: Item) -> float:  # noqa: ARG001
        return float(plugins.metric(name)(texts))

    return figure


def _of_counts(name: str) -> Callable[[Sequence[str], Item], float]:
    def figure(kinds: Sequence[str], item: Item) -> float:  # noqa: ARG001
        return float(plugins.metric(name)(Counter(kinds)))

    return figure


def _of_reference(name: str) -> Callable[[Sequence[str], Item], float]:
    def figure(kinds: Sequence[str], item: Item) -> float:
        return float(plugins.metric(name)(Counter(kinds), item.reference))

    return figure


def _of_claims(name: str) -> Callable[[Sequence[tuple[float, float]], Item], float]:
    def figure(claims: Sequence[tuple[float, float]], item: Item) -> float:  # noqa: ARG001
        claimed, came = zip(*claims, strict=True)
        return float(plugins.metric(name)(claimed, came))

    return figure


CATALOGUE: tuple[Measure, ...] = (
    SEMANTIC,
    Measure(
        "vendi_score", "Vendi score", _of_texts("vendi_score"), lambda answer: answer.vector,
        "high", options=_COUNT,
    ),
    LEXICAL,
    DISTINCT,
    distinct_ngrams(1),
    distinct_ngrams(2),
    distinct_ngrams(3),
    Measure("self_bleu", "Self-BLEU", _of_texts("self_bleu"), _text, "low", options=_SHARE),
    Measure("unseen_mass", "unseen mass", _of_counts("unseen_mass"), _kind, options=_SHARE),
    Measure("chao1", "answers there are (Chao1)", _of_counts("chao1"), _kind, options=_COUNT),
    Measure("ace", "answers there are (ACE)", _of_counts("ace"), _kind, options=_COUNT),
    COVERAGE,
    PRECISION,
    DIVERGENCE,
    CORRECTED_DIVERGENCE,
    PAPER_DIVERGENCE,
    STATED_DIVERGENCE,
    Measure(
        "js_divergence", "Jensen–Shannon divergence", _of_reference("js_divergence"), _compared,
        "low", options=_COUNT,
    ),
    Measure(
        "total_variation", "total variation", _of_reference("total_variation"), _compared,
        "low", options=_SHARE,
    ),
    Measure(
        "expected_calibration_error", "ECE, 10 bins", _of_claims("expected_calibration_error"),
        _claim, "low", pooled=True, options=_SHARE,
    ),
    Measure("brier_score", "Brier score", _of_claims("brier_score"), _claim, "low", options=_SHARE),
    Measure(
        "log_score", "log score, ε = 1e-6", _of_claims("log_score"), _claim, "low", options=_COUNT
    ),
    QUALITY,
)  # fmt: skip
"""Those whose observations are not there (embeddings, right answers, a reference, probabilities, a
score) have no figure and are left out of tables."""
