"""The prompts of a task, with what is known of their answers; and reading them from a file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from vs_core.errors import ConfigurationError
from vs_core.metrics.answers import Spellings
from vs_core.tables import Row, rows_of

__all__ = ["Item", "Source", "items_of", "read_items"]


class Item(BaseModel):
    """One prompt of a task, with what is known of its answers.

    Args:
        prompt: What the user asks.
        truth: The right answers, each with its other spellings; in a file also a list, whose
            entries are answers or lists of the spellings of one. Those that share a spelling are
            one, with a warning. None where there is no such thing.
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
    def _weighted(
        cls, reference: dict[str, float] | None, info: ValidationInfo
    ) -> dict[str, float] | None:
        if reference is not None:
            weights = reference.values()
            if not all(0 <= weight < math.inf for weight in weights) or not any(weights):
                raise ValueError("weights must be finite, at least 0 and not all 0")
            if truth := info.data.get("truth"):
                return _renamed(reference, Spellings(truth))
        return reference

    @field_validator("truth")
    @classmethod
    def _told_apart(cls, truth: dict[str, tuple[str, ...]] | None) -> Any:
        """Answers that share a spelling are one, with a warning: see `Spellings`."""
        if truth is None:
            return None
        return {name: tuple(others) for name, *others in Spellings(truth).groups}

    @cached_property
    def _spellings(self) -> Spellings:
        return Spellings(self.truth or {})

    def answer(self, text: str) -> str | None:
        """Return the right answer that a text gives, by its first spelling; None for none.

        The whole text must be the answer, in any spelling: see `vs_core.metrics.answers.Spellings`
        for what is left out of account.
        """
        place = self._spellings.find(text)
        return None if place is None else self._spellings.groups[place][0]


def _renamed(reference: Mapping[str, float], right: Spellings) -> dict[str, float]:
    """The weights by the first spelling of each right answer."""
    found: dict[str, float] = {}
    for name, weight in reference.items():
        place = right.find(name)
        known = name if place is None else right.groups[place][0]
        found[known] = found.get(known, 0.0) + weight
    return found


# --- the user's own prompts ----------------------------------------------------------------------

Source = str | Path | Sequence[Item]
"""Where a task's prompts come from: a file as `read_items` reads it, or the prompts themselves."""


TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
"""Endings of files that are tables; any other has a prompt a line."""

PROMPT = "prompt"
"""The column of a prompt."""


def read_items(file: str | Path, column: str | None = None) -> list[Item]:
    """Read prompts from a file.

    Args:
        file: A table (CSV, TSV, JSON Lines, Parquet) with a column ``prompt`` and, if known,
            ``truth`` and ``reference`` as `Item` has them, in CSV and TSV as JSON. ``.json``:
            questions with their answers, as the paper's authors publish them:
            ``{question: {"answers": [[spelling, …], …]}}``. Any other: a prompt a line. Blank lines
            do not count.
        column: The column with the prompt, if it is called otherwise. A table of one column needs
            none.

    Raises:
        ConfigurationError: If the file cannot be read, holds no prompt or not that column, or a
            line is wrong; the message names the line.
        MissingExtraError: If Parquet is to be read and pyarrow is not installed.
    """
    path = Path(file)
    if path.suffix.lower() in TABLES:
        items = [_item(path, row, column) for row in rows_of(path)]
    elif column is not None:
        raise ConfigurationError(
            f"{path} has a prompt a line and no column {column!r}: a table ends in "
            f"{', '.join(TABLES)}."
        )
    elif path.suffix.lower() == ".json":
        items = _questions(path, _text(path))
    else:
        items = [Item(prompt=line.strip()) for line in _text(path).splitlines() if line.strip()]
    if not items:
        raise ConfigurationError(f"{path} holds no prompt.")
    return items


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"Cannot read {path}: {error}.") from error


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


def _item(path: Path, row: Row, column: str | None) -> Item:
    """The prompt of a row. What else JSON Lines hold is an error: it may be a slip of the pen."""
    values = dict(row.values)
    ending = path.suffix.lower()
    written = ending in (".csv", ".tsv")
    strict = ending in (".jsonl", ".ndjson") and column is None
    alone = not strict and PROMPT not in values and len(values) == 1
    name = column or (next(iter(values)) if alone else PROMPT)
    if name not in values and not strict:
        raise ConfigurationError(
            f"{path}:{row.line} has no column {name!r}; name the one with the prompt "
            f"(column=, --prompt-column): {', '.join(map(repr, values))}."
        )
    found = {PROMPT: values.get(name)} if name in values else {}
    known = {
        key: _cell(values[key]) if written else values[key]
        for key in ("truth", "reference")
        if values.get(key) not in (None, "")
    }
    rest = {key: value for key, value in values.items() if strict and key != name}
    try:
        return Item.model_validate({**rest, **found, **known})
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "line"
        raise ConfigurationError(f"{path}:{row.line}: {place}: {problem['msg']}.") from None
    except (ValueError, RecursionError, TypeError, IndexError) as error:
        raise ConfigurationError(f"{path}:{row.line}: {error}.") from None


def _cell(text: str) -> Any:
    """A cell of a written table: JSON, or else one right answer."""
    try:
        return json.loads(text)
    except ValueError:
        return [text]


def items_of(source: Source | None, *own: Item | str) -> list[Item]:
    """Return the prompts of the user's file, or our own where none is given."""
    if isinstance(source, (str, Path)):
        return read_items(source)
    if source is not None:
        return list(source)
    return [Item(prompt=item) if isinstance(item, str) else item for item in own]
