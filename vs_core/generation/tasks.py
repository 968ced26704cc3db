"""What is asked for each row: filled prompts, with ids that do not depend on places."""

from __future__ import annotations

import json
import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from vs_core.errors import ConfigurationError
from vs_core.messages import Message
from vs_core.strategies import Strategy
from vs_core.tables import Row, rows_of, table_name

__all__ = ["Prompting", "RowTask", "checked", "settings_of_strategy"]

_MOST_NAMED = 20


@dataclass(frozen=True)
class RowTask:
    """What is asked for one row.

    Args:
        number: Place of the row among those that are asked, from 0.
        line: Line of the row in its table.
        id: 16 hexadecimal digits of what is asked, the id column, and the occurrence among equals.
        row: The cells by column.
        messages: The conversation.
    """

    number: int
    line: int
    id: str
    row: Mapping[str, Any]
    messages: tuple[Message, ...]


class Prompting:
    """How a row becomes a task.

    Args:
        prompt: A template over the columns, such as ``"Write a tagline for {product}."``. Braces
            that are meant are doubled.
        column: The column that holds the prompt, in the place of a template.
        system: A template of a system message; None for none.
        key: The column that identifies a row; None where what is asked does.
        strategy: How it is asked; its settings are a part of the id.

    Raises:
        ConfigurationError: If not just one of ``prompt`` and ``column`` is given, or a template is
            none.
    """

    def __init__(
        self,
        strategy: Strategy,
        *,
        prompt: str | None = None,
        column: str | None = None,
        system: str | None = None,
        key: str | None = None,
    ) -> None:
        if (prompt is None) == (column is None):
            raise ConfigurationError(
                "Say how a row is asked: by a template over its columns (prompt), or by the column "
                "that holds the prompt (prompt_column)."
            )
        self.strategy = strategy
        self.key = key
        self._column = column
        self._prompt = None if prompt is None else _Template(prompt)
        self._system = None if system is None else _Template(system)
        self._settings = json.dumps(settings_of_strategy(strategy), sort_keys=True)

    @property
    def settings(self) -> dict[str, Any]:
        """What is asked, as a run's manifest has it."""
        return {
            "prompt": self._prompt and self._prompt.text,
            "prompt_column": self._column,
            "system": self._system and self._system.text,
            "id_column": self.key,
            **settings_of_strategy(self.strategy),
        }

    def tasks(self, rows: Iterable[Row]) -> Iterator[RowTask]:
        """Yield the tasks of the rows, in order.

        Raises:
            ConfigurationError: If a row lacks what it needs; see `checked`.
        """
        seen: dict[int, int] = {}
        for number, row in enumerate(rows):
            messages = self.messages(row.values)
            digest = blake2b(digest_size=8)
            key = None if self.key is None else self._keyed(row.values)
            said = [[message.role, message.content] for message in messages]
            digest.update(json.dumps([said, key, self._settings]).encode("utf-8", "replace"))
            place = int.from_bytes(digest.digest(), "big")
            times = seen[place] = seen.get(place, -1) + 1
            if times:
                digest.update(str(times).encode())
            yield RowTask(number, row.line, digest.hexdigest(), row.values, messages)

    def messages(self, values: Mapping[str, Any]) -> tuple[Message, ...]:
        """Return the conversation for a row.

        Raises:
            ConfigurationError: If a column is missing or the prompt is empty.
        """
        if self._prompt is not None:
            prompt = self._prompt.filled(values)
        else:
            prompt = _text(_cell(values, self._column or ""))
        if not prompt.strip():
            raise ConfigurationError("the prompt is empty")
        user = Message("user", prompt)
        if self._system is None:
            return (user,)
        return (Message("system", self._system.filled(values)), user)

    def _keyed(self, values: Mapping[str, Any]) -> str:
        key = _text(_cell(values, self.key or ""))
        if not key.strip():
            raise ConfigurationError(f"the id in {self.key!r} is empty")
        return key


def checked(prompting: Prompting, source: Any, limit: int | None = None) -> int:
    """Read a table to its end, before anything is paid for, and return how many rows it has.

    Args:
        prompting: How its rows are asked.
        source: The table.
        limit: How many rows are wanted; None for all.

    Raises:
        ConfigurationError: If there is none, or some cannot be asked; it names their lines.
    """
    bad: list[str] = []
    count = 0
    keys: set[int] = set()
    for row in rows_of(source):
        if limit is not None and count >= limit:
            break
        count += 1
        try:
            prompting.messages(row.values)
            if prompting.key is not None:
                key = prompting._keyed(row.values)
                if hash(key) in keys:
                    raise ConfigurationError(f"the id {key!r} is there twice")
                keys.add(hash(key))
        except ConfigurationError as error:
            bad.append(f"  {table_name(source)}:{row.line}: {error}")
            if len(bad) >= _MOST_NAMED:
                break
    if bad:
        more = "\n  …" if len(bad) >= _MOST_NAMED else ""
        raise ConfigurationError("Rows that cannot be asked:\n" + "\n".join(bad) + more)
    if not count:
        raise ConfigurationError(f"{table_name(source)} has no rows.")
    return count


def settings_of_strategy(strategy: Strategy) -> dict[str, Any]:
    """Return the options of a strategy as JSON can write them."""
    from dataclasses import asdict, fields

    from vs_core.prompts import DEFAULT_PROMPTS
    from vs_core.strategies.typed import json_schema_of

    found: dict[str, Any] = {"strategy": strategy.name}
    for field in fields(strategy):
        value = getattr(strategy, field.name)
        if field.name == "prompts":
            value = None if value == DEFAULT_PROMPTS else asdict(value)
        elif field.name == "schema":
            value = None if value is None else json_schema_of(value)
        elif field.name == "format":
            value = value if isinstance(value, str) else value.name
        found[field.name] = value if _plain(value) else str(value)
    return found


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bool, dict))


class _Template:
    """A text with columns in braces. Nothing but names: no attributes, no indices."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._parts = list(string.Formatter().parse(text))
        except ValueError as error:
            raise ConfigurationError(f"Not a template: {text!r} ({error}).") from error
        for _, name, spec, conversion in self._parts:
            if name is not None and (not name or spec or conversion or set(name) & set(".[")):
                raise ConfigurationError(
                    f"{{{name}}} in {text!r} must be the plain name of a column; double braces "
                    "that are meant."
                )

    def filled(self, values: Mapping[str, Any]) -> str:
        return "".join(
            before if name is None else before + _text(_cell(values, name))
            for before, name, _, _ in self._parts
        )


def _cell(values: Mapping[str, Any], column: str) -> Any:
    if column not in values:
        raise ConfigurationError(
            f"there is no column {column!r}; there are {', '.join(map(str, values)) or 'none'}"
        )
    return values[column]


def _text(value: Any) -> str:
    return "" if value is None else str(value)
