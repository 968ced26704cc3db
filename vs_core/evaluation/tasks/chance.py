"""Random numbers: what should be uniform, and rarely is (Zhang et al. 2025, appendix)."""

from __future__ import annotations

from collections.abc import Mapping

from vs_core.evaluation.items import Item, Source, items_of
from vs_core.evaluation.tasks.base import Task
from vs_core.evaluation.tasks.questions import closed

__all__ = ["coin", "dice", "digit"]

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def dice(file: Source | None = None) -> Task:
    """Return rolls of a fair die; ``file`` holds wordings of your own."""
    numbers = {str(number): (_WORDS[number],) for number in range(1, 7)}
    return _uniform(
        "dice", file, "Roll a fair six-sided die. Answer with the number alone.", numbers
    )


def coin(file: Source | None = None) -> Task:
    """Return flips of a fair coin; ``file`` holds wordings of your own."""
    sides = {"heads": ("head", "h"), "tails": ("tail", "t")}
    return _uniform("coin", file, "Flip a fair coin. Answer with heads or tails alone.", sides)


def digit(file: Source | None = None) -> Task:
    """Return random digits; ``file`` holds wordings of your own."""
    digits = {str(number): (word,) for number, word in enumerate(_WORDS)}
    return _uniform(
        "digit", file, "Pick a random digit from 0 to 9. Answer with the digit alone.", digits
    )


def _uniform(
    name: str, file: Source | None, prompt: str, outcomes: Mapping[str, tuple[str, ...]]
) -> Task:
    known = {"truth": dict(outcomes), "reference": dict.fromkeys(outcomes, 1.0)}
    items = [
        item if item.truth or item.reference else item.model_copy(update=known)
        for item in items_of(file, Item(prompt=prompt))
    ]
    return closed(name, items, repeats=True)
