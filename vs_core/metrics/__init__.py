"""Measures of what Verbalized Sampling does (extra ``metrics``; every metric is a plugin too).

- Diversity by meaning: `semantic_diversity`, `vendi_score`, `distinct_k`, `utility`; how far two
  ways to tell what is the same agree: `agreement`.
- Diversity by words: `lexical_diversity`, `rouge_l`, `distinct_n`, `self_bleu`; how hard they are
  to read: `reading_grade`.
- Two distributions: `kl_divergence`, `js_divergence`, `total_variation`, `ks_statistic`,
  `chi_square`.
- Many right answers: `coverage`, `precision`.
- Verbalized probabilities: `expected_calibration_error`, `brier_score`, `log_score`,
  `reliability_diagram`, `fit_temperature`, `fit_shared_temperature`.
- What was not yet seen: `unseen_mass`, `chao1`, `ace`.
- How sure a figure is: `confidence_interval`; whether two arms differ: `paired_difference`,
  `corrected` for several, `units_needed` to tell.

Two rules hold throughout. Fewer than two texts have the diversity of identical ones, which is 0.
Where there is nothing to measure (no answers, no counts, no predictions) the value is ``nan``.
Neither raises nor warns; each docstring says what it gives.

Importing this package loads nothing heavy: a name loads its module, and numpy, at first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vs_core.lazy import lazily

if TYPE_CHECKING:
    from vs_core.metrics.answers import coverage, precision
    from vs_core.metrics.bootstrap import confidence_interval
    from vs_core.metrics.calibration import (
        Bin,
        brier_score,
        expected_calibration_error,
        fit_shared_temperature,
        fit_temperature,
        log_score,
        reliability_diagram,
    )
    from vs_core.metrics.distributional import (
        HypothesisTest,
        chi_square,
        js_divergence,
        kl_divergence,
        ks_statistic,
        total_variation,
    )
    from vs_core.metrics.diversity import (
        distinct_k,
        semantic_diversity,
        utility,
        vendi_score,
    )
    from vs_core.metrics.intervals import Interval
    from vs_core.metrics.lexical import distinct_n, lexical_diversity, rouge_l, self_bleu
    from vs_core.metrics.paired import Difference, corrected, paired_difference, units_needed
    from vs_core.metrics.partitions import Agreement, agreement
    from vs_core.metrics.readability import reading_grade
    from vs_core.metrics.richness import ace, chao1, unseen_mass
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "partitions": ("Agreement", "agreement"),
            "answers": ("coverage", "precision"),
            "bootstrap": ("confidence_interval",),
            "calibration": (
                "Bin",
                "brier_score",
                "expected_calibration_error",
                "fit_shared_temperature",
                "fit_temperature",
                "log_score",
                "reliability_diagram",
            ),
            "distributional": (
                "HypothesisTest",
                "chi_square",
                "js_divergence",
                "kl_divergence",
                "ks_statistic",
                "total_variation",
            ),
            "diversity": ("distinct_k", "semantic_diversity", "utility", "vendi_score"),
            "lexical": ("distinct_n", "lexical_diversity", "rouge_l", "self_bleu"),
            "intervals": ("Interval",),
            "paired": ("Difference", "corrected", "paired_difference", "units_needed"),
            "readability": ("reading_grade",),
            "richness": ("ace", "chao1", "unseen_mass"),
        },
        extra="metrics",
    )

__all__ = [
    "Agreement",
    "Bin",
    "Difference",
    "HypothesisTest",
    "Interval",
    "ace",
    "agreement",
    "brier_score",
    "chao1",
    "chi_square",
    "confidence_interval",
    "corrected",
    "coverage",
    "distinct_k",
    "distinct_n",
    "expected_calibration_error",
    "fit_shared_temperature",
    "fit_temperature",
    "js_divergence",
    "kl_divergence",
    "ks_statistic",
    "lexical_diversity",
    "log_score",
    "paired_difference",
    "precision",
    "reading_grade",
    "reliability_diagram",
    "rouge_l",
    "self_bleu",
    "semantic_diversity",
    "total_variation",
    "units_needed",
    "unseen_mass",
    "utility",
    "vendi_score",
]
