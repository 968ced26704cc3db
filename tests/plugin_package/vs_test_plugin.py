"""A strategy, a baseline, a format, a resampler, a metric and a task, packaged as a user would."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel

from vs_core import Direct, VSStandard, hookimpl
from vs_core.formats import Answer, Entry, Format, Shape


@dataclass(frozen=True, kw_only=True)
class Tail(VSStandard):
    """VS-Standard that samples the tail unless told otherwise."""

    name: ClassVar[str] = "tail"

    threshold: float | None = 0.05


@dataclass(frozen=True, kw_only=True)
class Gruff(Direct):
    """Direct prompting for a short answer."""

    name: ClassVar[str] = "gruff"

    def instruction(self, k: int) -> str:
        return "Answer gruffly."


class Pipes(Format):
    """One candidate a line, ``0.2 | text``, after a line ``# reasoning``."""

    name: ClassVar[str] = "pipes"

    def instructions(self, shape: Shape) -> str:
        first = "Reason in a line that begins with #. " if shape.reasoning else ""
        return f"{first}Write PIPES: {shape.k} lines: a probability, |, the response."

    def read(self, text: str, shape: Shape) -> Answer | None:
        rows = [line.partition(" | ") for line in text.splitlines() if " | " in line]
        entries = [Entry(right.strip(), left.strip()) for left, _, right in rows]
        thought = next((line[2:] for line in text.splitlines() if line.startswith("# ")), None)
        return Answer(entries, thought) if entries else None

    def write(self, answer: Answer, shape: Shape) -> str:
        lines = [f"# {answer.reasoning}"] if shape.reasoning else []
        return "\n".join(
            [*lines, *(f"{each.probability} | {each.text}" for each in answer.entries)]
        )


def last(distribution, n, rng):
    """The last n candidates, last first."""
    return list(range(len(distribution)))[::-1][:n]


def longest(texts):
    """Characters of the longest answer."""
    return max(map(len, texts))


class Colour(BaseModel):
    name: str


def colours():
    """A typed task."""
    from vs_core.evaluation import Item, Measure, Task

    length = Measure("longest", "longest name", lambda seen, item: longest(seen), _seen, "high")
    return Task(
        name="colours", items=[Item(prompt="Name a colour.")], measures=(length,),
        diversity="longest", schema=Colour,
    )  # fmt: skip


def _seen(answer):
    return answer.candidate.value.name if answer.counts else None


@hookimpl
def vs_strategies() -> Mapping[str, Callable]:
    return {"tail": Tail, "gruff": Gruff}


@hookimpl
def vs_metrics() -> Mapping[str, Callable]:
    return {"longest": lambda: longest}


@hookimpl
def vs_tasks() -> Mapping[str, Callable]:
    return {"colours": colours}


@hookimpl
def vs_formats() -> Mapping[str, Callable]:
    return {"pipes": Pipes}


@hookimpl
def vs_resamplers() -> Mapping[str, Callable]:
    return {"last": lambda: last}
