"""Questions with many right answers: how many were found, and how many answers are right."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vs_core.errors import ConfigurationError
from vs_core.metrics.inputs import Texts, texts_of

__all__ = ["Truth", "coverage", "plain", "precision"]

Truth = Iterable[Any] | Mapping[str, Any]
"""The right answers: each a string, or a collection of spellings of one answer; or a mapping from
an answer to its other spelling or spellings."""

_EDGES = " .,;:!?\"'`*_“”‘’«»()[]"
"""What may surround an answer and is no part of it."""


def plain(text: str) -> str:
    """Return the text as answers are compared: compatibility forms, case and white space aside.

    Punctuation at the ends goes too, unless nothing else is there.
    """
    text = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return text.strip(_EDGES) or text


def coverage(answers: Texts, truth: Truth, *, normalise: Callable[[str], str] = plain) -> float:
    """Coverage-N: the share of the right answers that are among the answers (Zhang et al. 2025).

    Args:
        answers: Strings or candidates; N of them, repeats included.
        truth: The right answers with their spellings; see `Truth`.
        normalise: Applied to answers and spellings, which then must be equal.

    Returns:
        On [0, 1]; 0 for no answers, ``nan`` if there is no right answer.

    Raises:
        ConfigurationError: If one spelling belongs to two right answers, or what should be a
            collection is one string.
    """
    right, total = _spellings(truth, normalise)
    found = {right[text] for text in map(normalise, texts_of(answers)) if text in right}
    return len(found) / total if total else math.nan


def precision(answers: Texts, truth: Truth, *, normalise: Callable[[str], str] = plain) -> float:
    """Return the share of the answers that are right, repeats included (Zhang et al. 2025).

    Args:
        answers: Strings or candidates.
        truth: The right answers with their spellings; see `Truth`.
        normalise: Applied to answers and spellings, which then must be equal.

    Returns:
        On [0, 1]; ``nan`` for no answers.

    Raises:
        ConfigurationError: As `coverage`.
    """
    right, _ = _spellings(truth, normalise)
    given = [normalise(text) for text in texts_of(answers)]
    return sum(text in right for text in given) / len(given) if given else math.nan


def _spellings(truth: Truth, normalise: Callable[[str], str]) -> tuple[dict[str, int], int]:
    """Number of the right answer by spelling, and how many right answers there are."""
    if isinstance(truth, str):
        raise ConfigurationError(f"Give a collection of right answers, not one: {truth[:60]!r}.")
    if isinstance(truth, Mapping):
        truth = [[name, *_several(others)] for name, others in truth.items()]
    groups = [_several(item) for item in truth]
    right: dict[str, int] = {}
    for number, group in enumerate(groups):
        for spelling in group:
            if right.setdefault(normalise(spelling), number) != number:
                raise ConfigurationError(f"{spelling!r} is a spelling of two right answers.")
    return right, len(groups)


def _several(item: str | Iterable[str]) -> list[str]:
    return [item] if isinstance(item, str) else list(item)
