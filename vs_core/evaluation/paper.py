"""The paper's experiments: its settings, its measures, and its figures beside one's own.

Zhang et al. 2025, arXiv 2510.01171. docs/reproducing.md says which of them can be run with which
of the authors' files, and which cannot. The figures here are the paper's; most are means over its
models, so that one model's are not expected to agree but to stand in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vs_core.errors import ConfigurationError
from vs_core.evaluation.items import Item
from vs_core.evaluation.measures import LEXICAL, Measure
from vs_core.evaluation.tasks.base import Task, task_of
from vs_core.prompts import Prompts

__all__ = ["EXPECTED", "TEMPERATURE", "TOP_P", "Expected", "authors_words", "paper_task", "sizes"]

TEMPERATURE, TOP_P = 0.7, 1.0
"""What was sent to the models in the main runs."""

K = 5
"""Candidates a call."""

_N = {"poem": 30, "story": 30, "joke": 30, "questions": 100, "dice": 600, "dialogue": 939}
"""Answers to a prompt; of dialogues, how many. Of dice, as many as the authors publish."""


@dataclass(frozen=True)
class Expected:
    """A figure of the paper.

    Args:
        task: Name of the task here.
        strategy: Registered name.
        measure: Name of the measure here.
        value: The figure, in the measure's unit: shares, not percent.
        source: Of what it is the figure.
    """

    task: str
    strategy: str
    measure: str
    value: float
    source: str


_CREATIVE = {
    "direct": (11.4, 22.2, 30.0),
    "cot": (12.2, 23.2, 39.9),
    "sequence": (18.3, 29.6, 58.8),
    "multi_turn": (14.9, 26.0, 57.6),
    "vs_standard": (21.9, 34.7, 62.5),
    "vs_cot": (25.8, 38.2, 62.9),
    "vs_multi": (23.2, 36.0, 62.8),
}
_QUESTIONS = {  # coverage, precision
    "direct": (0.10, 1.00),
    "sequence": (0.64, 0.96),
    "vs_standard": (0.67, 0.96),
    "vs_cot": (0.68, 0.96),
    "vs_multi": (0.71, 0.96),
}
_CREATIVE_SOURCE = "creative writing, mean over models"
_QUESTIONS_SOURCE = "CoverageQA, 40 questions, N = 100, mean over models"

EXPECTED: tuple[Expected, ...] = (
    *(
        Expected(task, strategy, "semantic_diversity", figure / 100, _CREATIVE_SOURCE)
        for strategy, figures in _CREATIVE.items()
        for task, figure in zip(("poem", "story", "joke"), figures, strict=True)
    ),
    *(
        Expected("questions", strategy, measure, figure, _QUESTIONS_SOURCE)
        for strategy, figures in _QUESTIONS.items()
        for measure, figure in zip(("coverage", "precision"), figures, strict=True)
    ),
    Expected("states", "direct", "kl_paper", 14.8, "US states and pre-training data, about"),
    Expected("states", "vs_standard", "kl_paper", 0.13, "US states and pre-training data"),
    Expected("safety", "direct", "refusal_rate", 0.9822, "StrongReject, 353 prompts, by a judge"),
    Expected("safety", "vs_multi", "refusal_rate", 0.9791, "StrongReject, 353 prompts, by a judge"),
    Expected("factuality", "cot", "top_1", 0.342, "SimpleQA, by a judge"),
)
"""What the paper reports, where the same is measured here."""


def _split_diversity(texts: Sequence[str], item: Item) -> float:  # noqa: ARG001
    from vs_core.metrics import lexical_diversity

    return lexical_diversity(texts, tokenize=str.split)


SPLIT_LEXICAL = replace(LEXICAL, label="lexical diversity, split()", function=_split_diversity)
"""1 − mean ROUGE-L of all pairs, of words as white space parts them: the authors' tokenisation."""


def sizes(tasks: Sequence[str]) -> int:
    """Return how many answers to each prompt the paper has for these tasks.

    Raises:
        ConfigurationError: If it has different numbers for them, or none.
    """
    found = {name: _N.get(name) for name in tasks}
    if None in found.values() or len(set(found.values())) > 1:
        said = ", ".join(f"{name}: {n or 'none'}" for name, n in found.items())
        raise ConfigurationError(
            f"--paper cannot say how many answers to ask for ({said}): give -n, or one task."
        )
    return next(n for n in found.values() if n is not None)


def paper_task(name: str, *, worded: bool = False, **options: Any) -> Task:
    """Return a task as the paper measures it: by words as ``split()`` has them.

    The published poems and stories are first lines and passages. They are put into a sentence of
    ours that asks to go on from there.

    Args:
        name: Registered name.
        worded: Whether templates say all the words: prompts then stay as they are.
        **options: Of the task: ``file``, ``reference``.

    Raises:
        ConfigurationError: As `task_of`.
    """
    task = task_of(name, **options)
    measures: list[Measure] = [
        SPLIT_LEXICAL if each.name == LEXICAL.name else each for each in task.measures
    ]
    items = list(task.items)
    begin = _BEGINNINGS.get(name)
    if begin and "file" in options and not worded:
        items = [item.model_copy(update={"prompt": begin(item.prompt)}) for item in items]
    return replace(task, items=items, measures=measures)


_BEGINNINGS: dict[str, Callable[[str], str]] = {
    "poem": lambda line: f"Write a poem of about 200 words that begins with this line: {line}",
    "story": lambda line: f"Write a story of about 200 words that begins like this: {line}",
}


def authors_words(templates: str | Path) -> Prompts:
    """Return the words in a file, or in ``words.toml`` of a folder.

    Raises:
        ConfigurationError: If there is no such file: the authors' own sentences are not part of
            this project, and the message says how to come by them.
    """
    path = Path(templates)
    if not (path / "words.toml" if path.is_dir() else path).is_file():
        raise ConfigurationError(
            f"There are no words in {path}. The authors' sentences are theirs, and no part of this "
            "project. To run them, copy them from their repository into a file words.toml under "
            "the keys that docs/reproducing.md lists (direct, sequence, verbalize, full, tail, "
            "another, more, reason, formats), and give --templates the folder."
        )
    return Prompts.from_file(path)
