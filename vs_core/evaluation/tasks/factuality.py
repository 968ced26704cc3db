"""Factual questions of one right answer each: is the likeliest answer right?

After the experiment of Zhang et al. 2025 on SimpleQA. There are no questions in this package: bring
the published file, a table with ``problem`` and ``answer``, or one of your own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from vs_core.errors import ConfigurationError
from vs_core.evaluation.catalogue import CATALOGUE
from vs_core.evaluation.items import Item, read_items
from vs_core.evaluation.measures import PRECISION, Answer, Measure
from vs_core.evaluation.tasks.base import Task
from vs_core.tables import rows_of

__all__ = ["PASS_N", "TOP_1", "factuality", "read_facts"]

_TABLES = (".csv", ".tsv", ".parquet")


def _observed(answer: Answer) -> tuple[str, float | None, bool] | None:
    if not (answer.counts and answer.item.truth):
        return None
    return answer.kind, answer.candidate.probability, answer.right


def _top(seen: Sequence[tuple[str, float | None, bool]], item: Item) -> float:  # noqa: ARG001
    """Whether the answer with the most weight is right; the first of several with as much."""
    weights: dict[str, float] = defaultdict(float)
    right: dict[str, bool] = {}
    claimed = any(probability is not None for _, probability, _ in seen)
    for kind, probability, is_right in seen:
        weights[kind] += (probability or 0.0) if claimed else 1.0
        right[kind] = is_right
    return float(right[max(weights, key=weights.__getitem__)])


def _any(seen: Sequence[tuple[str, float | None, bool]], item: Item) -> float:  # noqa: ARG001
    return float(any(right for *_, right in seen))


_SHARE = {"bounds": (0.0, 1.0)}

TOP_1 = Measure("top_1", "top@1", _top, _observed, "high", options=_SHARE)
"""The share of the questions whose likeliest answer is right: that with the largest sum of
verbalized probabilities, or without any the one that came most often."""

PASS_N = Measure("pass_n", "pass@N", _any, _observed, "high", options=_SHARE)
"""The share of the questions to which one of the N answers is right."""

_CALIBRATION = ("expected_calibration_error", "brier_score", "log_score")


def factuality(file: str | Path | None = None) -> Task:
    """Return the factual questions of a file; see `read_facts`.

    Raises:
        ConfigurationError: If no file is given, or it cannot be read.
    """
    if file is None:
        raise ConfigurationError(
            "The task 'factuality' needs questions of your own, with their answers: file=, or "
            "--prompts on the command line. docs/reproducing.md says where SimpleQA is."
        )
    further = [measure for measure in CATALOGUE if measure.name in _CALIBRATION]
    return Task(
        name="factuality",
        items=read_facts(file),
        measures=(TOP_1, PASS_N, PRECISION, *further),
        diversity="pass_n",
        quality="top_1",
        rubric="The answer is right.",
    )


def read_facts(file: str | Path) -> list[Item]:
    """Read questions, each with its right answer.

    Args:
        file: A table (``.csv``, ``.tsv``, ``.parquet``) with ``problem`` and ``answer``, as
            SimpleQA has them; other files as `read_items` reads them, with their ``truth``.

    Raises:
        ConfigurationError: If the file cannot be read, or a question has no answer.
    """
    path = Path(file)
    if path.suffix.lower() not in _TABLES:
        items = read_items(path)
        for item in items:
            if not item.truth:
                raise ConfigurationError(f"{path}: {item.prompt[:60]!r} has no truth.")
        return items
    items = []
    for line, row in rows_of(path):
        problem, answer = (str(row.get(name) or "").strip() for name in ("problem", "answer"))
        if not (problem and answer):
            raise ConfigurationError(
                f"{path}:{line} needs a problem and its answer; it has {', '.join(row)}."
            )
        items.append(Item(prompt=problem, truth={answer: ()}))
    if not items:
        raise ConfigurationError(f"{path} holds no question.")
    return items
