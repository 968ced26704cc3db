"""What a task is: prompts, how they are asked, and what is measured of the answers."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from vs_core.candidates import Candidate
from vs_core.errors import ConfigurationError
from vs_core.evaluation.measures import DISTINCT, LEXICAL, QUALITY, SEMANTIC, Measure
from vs_core.messages import as_messages
from vs_core.metrics.answers import plain
from vs_core.strategies import Direct, Flow, MultiTurn, Strategy

__all__ = ["Item", "Task", "items_of", "read_items"]

_LONGEST_ANSWER = 1000
"""Characters of an answer in which a right answer is looked for."""


class Item(BaseModel):
    """One prompt of a task, with what is known of its answers.

    Args:
        prompt: What the user asks.
        truth: The right answers, each with its other spellings; in a file also a list, whose
            entries are answers or lists of the spellings of one. None where there is no such thing.
        reference: The distribution that answers are compared with: weights, at least 0, by right
            answer. They need not sum to 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str = Field(min_length=1)
    truth: dict[str, tuple[str, ...]] | None = None
    reference: dict[str, float] | None = None

    @field_validator("truth", mode="before")
    @classmethod
    def _spelled(cls, truth: Any) -> Any:
        if isinstance(truth, Mapping):
            return {
                name: (others,) if isinstance(others, str) else others
                for name, others in truth.items()
            }
        if isinstance(truth, (list, tuple)):
            groups = [[entry] if isinstance(entry, str) else list(entry) for entry in truth]
            return {group[0]: tuple(group[1:]) for group in groups if group}
        return truth

    @field_validator("reference")
    @classmethod
    def _weighted(cls, reference: dict[str, float] | None) -> dict[str, float] | None:
        if reference is not None:
            weights = reference.values()
            if not all(0 <= weight < math.inf for weight in weights) or not any(weights):
                raise ValueError("weights must be finite, at least 0 and not all 0")
        return reference

    @cached_property
    def _names(self) -> dict[str, str]:
        """The right answer by each of its spellings."""
        names: dict[str, str] = {}
        for name, others in (self.truth or {}).items():
            for spelling in (name, *others):
                names.setdefault(plain(spelling), name)
        return names

    @cached_property
    def _named(self) -> re.Pattern[str]:
        """Finds the right answers in a sentence; the longest first, as "West Virginia" is one."""
        names = sorted((plain(name) for name in self.truth or {}), key=len, reverse=True)
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)")

    def answer(self, text: str) -> str | None:
        """Return the right answer that a text gives, by its first spelling; None for none.

        The text is the answer itself in any spelling, or a sentence that names exactly one right
        answer by its first spelling.
        """
        if not self.truth:
            return None
        shown = plain(text[:_LONGEST_ANSWER])
        if shown in self._names:
            return self._names[shown]
        found = {self._names[match] for match in self._named.findall(shown)}
        return found.pop() if len(found) == 1 else None


@dataclass(frozen=True, kw_only=True)
class Task:
    """What strategies are compared on. A plugin registers more (hook ``vs_tasks``).

    Args:
        name: Identifies it.
        items: The prompts, at least one.
        measures: What is measured of the answers; see `vs_core.evaluation.Measure`.
        diversity: Name of the measure that stands for diversity in figures; where it could not be
            taken (no embeddings), the first of ``measures`` that could.
        quality: Name of the measure that stands for quality where no judge was asked, or "".
        schema: Type of the answers; None for plain text. See `vs_core.Strategy`.
        rubric: What makes an answer good, for a judge.
        repeats: Whether an answer that came before is as useful as a new one.
        on_unparsed: What becomes of an answer that cannot be read; see `vs_core.Strategy`.

    Raises:
        ConfigurationError: If there is no prompt.
    """

    name: str
    items: Sequence[Item]
    measures: Sequence[Measure] = (SEMANTIC, LEXICAL, DISTINCT, QUALITY)
    diversity: str = "semantic_diversity"
    quality: str = ""
    schema: Any = None
    rubric: str = "The answer does what the request asks for, and does it well."
    repeats: bool = False
    on_unparsed: Literal["raise", "single"] = "raise"

    about: ClassVar[str] = "n answers to each prompt"

    def __post_init__(self) -> None:
        if not self.items:
            raise ConfigurationError(f"The task {self.name!r} has no prompt.")

    # --- asking --------------------------------------------------------------------------------

    def sizes(self, n: int) -> list[tuple[int, int]]:
        """Return the runs for n answers: the place of the item, and how many answers of it."""
        return [(place, n) for place in range(len(self.items))]

    def adapted(self, strategy: Strategy) -> Strategy:
        """Return the strategy as this task asks: with its type, and what to do if unreadable."""
        strategy = strategy.replace(on_unparsed=self.on_unparsed)
        return strategy if self.schema is None else _typed(strategy, self.schema)

    def flow(self, item: Item, strategy: Strategy, rng: random.Random) -> Flow:  # noqa: ARG002
        """Return the flow that answers one item; it does no I/O, see `vs_core.driver`.

        Args:
            item: The prompt.
            strategy: As `adapted`, with ``n`` set.
            rng: For draws; a run that is resumed gets it in the same state.
        """
        return strategy.flow(as_messages(item.prompt))

    def calls(self, strategy: Strategy) -> int:
        """Return how many model calls a flow takes if every answer can be read."""
        return len(strategy.sizes())

    # --- reading -------------------------------------------------------------------------------

    def text(self, candidate: Candidate) -> str:
        """Return what is compared and judged of an answer."""
        return candidate.text

    def asked_for(self, candidate: Candidate) -> bool:  # noqa: ARG002
        """Return whether a candidate is one of the n, and not said on the way there."""
        return True

    def counts(self, candidate: Candidate) -> bool:
        """Return whether a candidate is an answer at all, and of the right type."""
        return bool(candidate.text.strip()) and (
            self.schema is None or isinstance(candidate.value, BaseModel)
        )

    def named(self, item: Item, candidate: Candidate) -> str | None:
        """Return the right answer that a candidate gives, by its first spelling; None for none."""
        return item.answer(self.text(candidate))

    def right(self, item: Item, candidate: Candidate) -> bool:
        """Return whether an answer is right, where the task can tell; otherwise True."""
        return not item.truth or self.named(item, candidate) is not None


# --- typed baselines -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _TypedDirect(Direct):
    """Direct prompting for an answer with a type, which has to be written down in some format."""

    shape = Strategy.shape  # type: ignore[assignment]

    def _definition(self) -> None:
        return


@dataclass(frozen=True, kw_only=True)
class _TypedMultiTurn(MultiTurn):
    """The same, one more each turn."""

    shape = Strategy.shape  # type: ignore[assignment]

    def _definition(self) -> None:
        return

    def _further(self, k: int) -> str:
        return f"{self.prompts.another}\n\n{self.format_instructions(k)}"


def _typed(strategy: Strategy, schema: Any) -> Strategy:
    strategy = strategy.replace(schema=schema)
    for plain_kind, typed_kind in ((MultiTurn, _TypedMultiTurn), (Direct, _TypedDirect)):
        if type(strategy) is plain_kind:
            return typed_kind(
                **{each.name: getattr(strategy, each.name) for each in fields(strategy)}
            )
    return strategy


# --- the user's own prompts ----------------------------------------------------------------------


def read_items(file: str | Path) -> list[Item]:
    """Read prompts from a file.

    Args:
        file: ``.jsonl``: an object a line with ``prompt`` and, if known, ``truth`` and
            ``reference`` as `Item` has them. Any other: a prompt a line. Blank lines do not count.

    Raises:
        ConfigurationError: If the file cannot be read, holds no prompt, or a line is wrong; the
            message names the line.
    """
    path = Path(file)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"Cannot read {path}: {error}.") from error
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not numbered:
        raise ConfigurationError(f"{path} holds no prompt.")
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return [_item(path, number, line) for number, line in numbered]
    return [Item(prompt=line.strip()) for _, line in numbered]


def _item(path: Path, number: int, line: str) -> Item:
    try:
        return Item.model_validate(json.loads(line))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "line"
        raise ConfigurationError(f"{path}:{number}: {place}: {problem['msg']}.") from None
    except (ValueError, RecursionError, TypeError, IndexError) as error:
        raise ConfigurationError(f"{path}:{number}: not an object of JSON: {error}.") from None


def items_of(file: str | Path | None, *own: Item | str) -> list[Item]:
    """Return the prompts of the user's file, or our own where none is given."""
    if file is not None:
        return read_items(file)
    return [Item(prompt=item) if isinstance(item, str) else item for item in own]
