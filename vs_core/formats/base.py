"""What a format is: a way of writing candidates down, asked for and read back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from vs_core.plugins import plugins
from vs_core.probabilities import DEFINITIONS, Definition

__all__ = [
    "CUT_OFF",
    "Answer",
    "Entry",
    "Format",
    "Reading",
    "Shape",
    "Splitter",
    "format_of",
    "formats",
    "is_harmless",
]


CUT_OFF = "cut off at the end"
"""The repair of a candidate that the answer ended in: it may be incomplete."""


_HARMLESS = (
    "comment left out", "trailing comma left out", "ellipsis left out", "closing tag added",
    "unusual quotes", "Python literal", "raw newline", "sections joined", "total left out",
    "probability read from", "missing bracket added", "thoughts left out", "bare word",
    "missing colon added", "missing quote of a key", "said twice",
)  # fmt: skip


def is_harmless(repair: str) -> bool:
    """Whether a repair can have changed neither a text nor a number."""
    return repair.startswith(_HARMLESS)


@dataclass(frozen=True)
class Shape:
    """What an answer is asked to hold; for a reader, a hint of what to expect.

    Args:
        k: Number of candidates; 0 where a reader is not told.
        definition: What is asked for as their probability; None asks for none.
        reasoning: Whether reasoning comes before the candidates.
        schema: JSON schema of a typed candidate; None for plain text.
        fields: Names under which a candidate's content may stand, beyond the usual ones. With
            several, a candidate is a record of them.
        part: Whether what is read is a part of an answer, as it stands in a stream: a single
            candidate then says nothing of the whole.
        strict: Whether repairs that could have changed a text or a number are refused.
        asked: Whether it was asked for in this very format: then a reading that is not sure
            counts too.
    """

    k: int = 5
    definition: Definition | None = field(default_factory=lambda: DEFINITIONS["explicit"])
    reasoning: bool = False
    schema: Mapping[str, Any] | None = field(default=None, hash=False)
    fields: tuple[str, ...] = ()
    part: bool = False
    strict: bool = False
    asked: bool = False


class Entry(NamedTuple):
    """One candidate as a format found it, its probability not yet interpreted."""

    text: str
    probability: Any = None
    value: Any = None
    repairs: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = {}


class Reading(NamedTuple):
    """What a format read: its candidates, the reasoning before them, and the evidence for both.

    Args:
        entries: The candidates, in order.
        reasoning: What was written before them.
        remarks: What was left out or assumed about the answer as a whole.
        sure: Whether it shows that the numbers are probabilities. Of those that do not show it, a
            mapping of names to numbers, only the one that was asked for is taken.
        explained: Share of the text that this reading accounts for, on [0, 1].
    """

    entries: Sequence[Entry]
    reasoning: str | None = None
    remarks: tuple[str, ...] = ()
    sure: bool = True
    explained: float = 1.0


Answer = Reading
"""The name of `Reading` in earlier versions."""


class Splitter(ABC):
    """Cuts an answer that comes in pieces into complete candidates.

    It keeps the state of one answer. Its work is linear in the text, however that is cut.
    """

    @abstractmethod
    def feed(self, chunk: str) -> list[str]:
        """Take in a piece; return the candidates that it completed, as `Format.read` takes them."""


class Format(ABC):
    """One way of writing candidates with their probabilities.

    A format has no state; it is asked with a `Shape` each time. A new one joins by the hook
    ``vs_formats``.
    """

    name: ClassVar[str]

    @abstractmethod
    def instructions(self, shape: Shape) -> str:
        """Return what tells a model to answer in this format, and in nothing else.

        It alone says that each response has a probability, and what that means: see
        ``shape.definition``.
        """

    @abstractmethod
    def read(self, text: str, shape: Shape) -> Reading | None:
        """Return what ``text`` holds, or None if it is not written in this format.

        Must be linear in the length of ``text`` and raise nothing.
        """

    @abstractmethod
    def write(self, answer: Reading, shape: Shape) -> str:
        """Return ``answer`` as a model that follows `instructions` would write it."""

    def splitter(self) -> Splitter | None:
        """Return what cuts a stream into candidates; None if answers are read only when whole."""
        return None

    def json_schema(self, shape: Shape) -> dict[str, Any] | None:  # noqa: ARG002
        """Return the JSON schema of an answer for structured output; None if it is not JSON."""
        return None


def format_of(format: str | Format) -> Format:
    """Return a format by its registered name, or the given one.

    Raises:
        ConfigurationError: If the name is unknown.
    """
    if not isinstance(format, str):
        return format
    made: Format = plugins.make("formats", format)
    return made


def formats() -> list[Format]:
    """Return all registered formats, the built-in ones first."""
    return [format_of(name) for name in plugins.table("formats")]
