"""A strategy, a format and a resampler, packaged as a user would."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from vs_core import VSStandard, hookimpl
from vs_core.formats import Answer, Entry, Format, Shape


@dataclass(frozen=True, kw_only=True)
class Tail(VSStandard):
    """VS-Standard that samples the tail unless told otherwise."""

    name: ClassVar[str] = "tail"

    threshold: float | None = 0.05


class Pipes(Format):
    """One candidate a line: ``0.2 | text``."""

    name: ClassVar[str] = "pipes"

    def instructions(self, shape: Shape) -> str:
        return f"Write PIPES: {shape.k} lines, each a probability, then |, then the response."

    def read(self, text: str, shape: Shape) -> Answer | None:
        rows = [line.partition(" | ") for line in text.splitlines() if " | " in line]
        entries = [Entry(right.strip(), left.strip()) for left, _, right in rows]
        return Answer(entries) if entries else None

    def write(self, answer: Answer, shape: Shape) -> str:
        return "\n".join(f"{entry.probability} | {entry.text}" for entry in answer.entries)


def last(distribution, n, rng):
    """The last n candidates, last first."""
    return list(range(len(distribution)))[::-1][:n]


@hookimpl
def vs_strategies() -> Mapping[str, Callable]:
    return {"tail": Tail}


@hookimpl
def vs_formats() -> Mapping[str, Callable]:
    return {"pipes": Pipes}


@hookimpl
def vs_resamplers() -> Mapping[str, Callable]:
    return {"last": lambda: last}
