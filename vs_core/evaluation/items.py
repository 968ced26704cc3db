"""The prompts of a task, with what is known of their answers; and reading them from a file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from vs_core.errors import ConfigurationError
from vs_core.metrics.answers import plain

__all__ = ["Item", "items_of", "read_items"]

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


# --- the user's own prompts ----------------------------------------------------------------------


def read_items(file: str | Path) -> list[Item]:
    """Read prompts from a file.

    Args:
        file: ``.jsonl``: an object a line with ``prompt`` and, if known, ``truth`` and
            ``reference`` as `Item` has them. ``.json``: questions with their answers, as the
            paper's authors publish them: ``{question: {"answers": [[spelling, …], …]}}``. Any
            other: a prompt a line. Blank lines do not count.

    Raises:
        ConfigurationError: If the file cannot be read, holds no prompt, or a line is wrong; the
            message names the line.
    """
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"Cannot read {path}: {error}.") from error
    if path.suffix.lower() == ".json":
        return _questions(path, text)
    numbered = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not numbered:
        raise ConfigurationError(f"{path} holds no prompt.")
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return [_item(path, number, line) for number, line in numbered]
    return [Item(prompt=line.strip()) for _, line in numbered]


def _questions(path: Path, text: str) -> list[Item]:
    """The questions of CoverageQA, as the authors publish them."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path} is no JSON: {error}.") from None
    if not isinstance(data, dict) or not data:
        raise ConfigurationError(f"{path} must hold an object from question to its answers.")
    return [_question(path, question, about) for question, about in data.items()]


def _question(path: Path, question: str, about: Any) -> Item:
    try:
        return Item(prompt=question, truth=about["answers"])
    except (ValidationError, TypeError, KeyError, IndexError):
        raise ConfigurationError(
            f"{path}: {question[:60]!r} must have answers, each a list of spellings: "
            '{"answers": [["Paris"], ["Rome", "Roma"]]}.'
        ) from None


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
