"""Synthetic data with typed candidates: questions, and solutions that are wrong but plausible.

Zhang et al. 2025 train on such data (section 7); what can be measured without training is here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from pydantic import BaseModel, Field

from vs_core.candidates import Candidate
from vs_core.evaluation.items import Item, Source, items_of
from vs_core.evaluation.measures import (
    DISTINCT,
    LEXICAL,
    QUALITY,
    SEMANTIC,
    Answer,
    Measure,
    mean,
)
from vs_core.evaluation.tasks.base import Task

__all__ = ["MathProblem", "WrongSolution", "math_questions", "wrong_solutions"]

_TOPICS = ("number theory", "geometry", "combinatorics", "algebra", "probability")

_PROBLEMS: tuple[tuple[str, str], ...] = (
    ("A train covers 150 km in 2 hours and then 90 km in 1 hour. What is its mean speed in km/h?",
     "80"),
    ("How many positive divisors does 72 have?", "12"),
    ("Two fair dice are rolled. What is the probability that the sum is 9?", "1/9"),
    ("A square has a diagonal of length 10. What is its area?", "50"),
    ("What is the sum of the first 20 odd numbers?", "400"),
)  # fmt: skip


class MathProblem(BaseModel):
    """A problem for learners, with its solution."""

    question: str = Field(min_length=1, description="the problem, complete in itself")
    solution: str = Field(min_length=1, description="a solution, step by step")
    answer: str = Field(min_length=1, description="the final answer alone")


class WrongSolution(BaseModel):
    """A solution with a mistake that a learner could make."""

    solution: str = Field(min_length=1, description="the solution, step by step")
    answer: str = Field(min_length=1, description="the final, incorrect answer alone")


VALID = Measure(
    "valid",
    "valid candidates",
    mean,
    lambda answer: float(answer.counts),
    "high",
    options={"bounds": (0.0, 1.0)},
)
"""The share of the candidates that fit their type."""


def _wrong(answer: Answer) -> float | None:
    return float(answer.right) if answer.item.truth and answer.counts else None


INCORRECT = Measure(
    "incorrect",
    "incorrect, as asked for",
    mean,
    _wrong,
    "high",
    options={"bounds": (0.0, 1.0)},
)
"""The share of the solutions whose final answer is indeed not the right one."""


@dataclass(frozen=True, kw_only=True)
class _Compared(Task):
    """Candidates are objects; one of their fields is compared."""

    compared: str

    def text(self, candidate: Candidate) -> str:
        """The field that is compared; the text where the candidate did not fit its type."""
        value = candidate.value
        return str(getattr(value, self.compared)) if self.counts(candidate) else candidate.text


@dataclass(frozen=True, kw_only=True)
class _Wrong(_Compared):
    """A candidate is good if its final answer is wrong."""

    def named(self, item: Item, candidate: Candidate) -> None:  # noqa: ARG002
        """None: a solution that names the right answer on its way is not that answer."""
        return

    def right(self, item: Item, candidate: Candidate) -> bool:
        """Whether the final answer is not the right one, as was asked for."""
        if not item.truth or not self.counts(candidate):
            return True
        given = _number(candidate.value.answer)
        spellings = [
            spelling for name, others in item.truth.items() for spelling in (name, *others)
        ]
        numbers = [_number(spelling) for spelling in spellings]
        if given is not None and given in numbers:
            return False
        return item.answer(candidate.value.answer) is None


_NUMBER = re.compile(r"[-+−]?\d{1,30}(?:[.]\d{1,30})?(?:\s*/\s*\d{1,30})?")


def _number(text: str) -> Fraction | None:
    """The one number in a text, fractions and thousands included; None for none or several."""
    found = _NUMBER.findall(re.sub(r"(?<=\d),(?=\d{3})", "", text[:1000]))
    if len(found) != 1:
        return None
    top, _, bottom = found[0].replace("−", "-").partition("/")
    try:
        return Fraction(top.strip()) / Fraction(bottom.strip() or 1)
    except (ValueError, ZeroDivisionError):
        return None


def math_questions(file: Source | None = None) -> Task:
    """Return the task of inventing maths problems, typed; ``file`` holds prompts of your own."""
    own = [
        f"Invent a maths problem from {topic}, at the level of a school competition, with its "
        "solution."
        for topic in _TOPICS
    ]
    return _Compared(
        name="math_questions",
        items=items_of(file, *own),
        measures=(SEMANTIC, LEXICAL, DISTINCT, VALID, QUALITY),
        quality="valid",
        schema=MathProblem,
        compared="question",
        rubric="The problem is clear and solvable, and its solution and answer are right.",
    )


def wrong_solutions(file: Source | None = None) -> Task:
    """Return the task of writing incorrect but plausible solutions, typed.

    Args:
        file: Prompts of your own; ``truth`` is the right answer, which no solution may end in.
    """
    own = [
        Item(
            prompt="Write a solution to this problem that looks plausible and ends in an "
            f"incorrect answer, through a mistake that a learner could make.\nProblem: {problem}",
            truth={answer: ()},
        )
        for problem, answer in _PROBLEMS
    ]
    return _Wrong(
        name="wrong_solutions",
        items=items_of(file, *own),
        measures=(SEMANTIC, LEXICAL, DISTINCT, VALID, INCORRECT, QUALITY),
        quality="incorrect",
        schema=WrongSolution,
        compared="solution",
        rubric="The solution reads as a learner's would, and its mistake is a natural one.",
    )
