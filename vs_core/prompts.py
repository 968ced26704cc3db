r"""Every word that vs-core says to a model, as plain text.

Written in the spirit of the paper's templates (Zhang et al. 2025, arXiv 2510.01171): Verbalized
Sampling and the list ask for the same thing in the same words, and differ in the format and in the
sentence that says where in the distribution to sample. How each format describes itself stands in
that format's file.

Replace any of them, for all strategies or for one, for all tasks or for one::

    VSStandard(prompts=Prompts(verbalize="Give {k} unusual answers.\n{sampling}"))
    VSStandard(prompts=Prompts.from_file("words.toml"))
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from string import Formatter
from typing import Any

from vs_core.errors import ConfigurationError

__all__ = ["DEFAULT_PROMPTS", "QUERY_PROMPTS", "Prompts"]

_PLACEHOLDERS = {
    "direct": set[str](),
    "verbalize": {"k", "n", "sampling"},
    "sequence": {"k", "n"},
    "reason": {"k"},
    "reason_once": set[str](),
    "another": set[str](),
    "more": {"k", "n", "sampling"},
    "full": {"threshold"},
    "tail": {"threshold"},
    "unreadable": {"k", "reason", "format"},
    "short": {"k", "given", "format"},
    "invalid": {"k", "errors", "format"},
    "tools": set[str](),
}

_OF_A_FORMAT = {"k", "key", "meaning", "schema"}

_TABLES = ("formats", "strategies", "tasks")


@dataclass(frozen=True)
class Prompts:
    """The templates, filled with `str.format`. Each may use the placeholders that it names.

    Args:
        formats: How an answer is to be written, by the name of a format: in the place of the
            format's own instructions. May use {k}, {key} and {meaning} of the probability that is
            asked for, and the JSON {schema} of a typed answer. The answer is read as any other.
        strategies: What is different for one strategy, by its name: any of these, by its name.
        tasks: What is different for one task of an experiment, likewise.

    Raises:
        ConfigurationError: If there is no such template, or one uses a placeholder that it does not
            have; the message names it.
    """

    direct: str = ""
    """Instruction of the direct baseline, and of the first turn of the multi-turn one. Empty: the
    task goes to the model as it is."""

    verbalize: str = "Give {k} responses to the request. {sampling}"
    """Instruction of VS-Standard, VS-CoT and the first turn of VS-Multi: {k} now, {n} in all,
    {sampling}."""

    sequence: str = "Give {k} responses to the request."
    """Instruction of the list baseline: {k}, {n}."""

    reason: str = (
        "Before you respond, reason about the angles, styles and perspectives from which the "
        "request can be answered, and which of them are usually overlooked."
    )
    """Added for VS-CoT: {k}."""

    reason_once: str = "Reason about the request step by step before you answer it."
    """Instruction of the chain-of-thought baseline."""

    another: str = "Give an alternative response to the same request."
    """Each further turn of the multi-turn baseline."""

    more: str = "Give {k} alternative responses to the same request. {sampling}"
    """Each further turn of VS-Multi: {k}, {n}, {sampling}."""

    full: str = "Sample them at random from the full distribution of possible responses."
    """{sampling} without a threshold."""

    tail: str = (
        "Sample them at random from the tails of the distribution, so that the probability of "
        "each response is below {threshold}."
    )
    """{sampling} with a {threshold}."""

    unreadable: str = (
        "Your answer could not be read: {reason}. Answer the request again, with {k} responses.\n"
        "{format}"
    )
    """Asks again after an unreadable answer: {k}, {reason}, {format}."""

    short: str = (
        "You gave {given} of the responses that were asked for. Give {k} more, other than "
        "those.\n{format}"
    )
    """Asks for what is missing: {k}, {given}, {format}."""

    invalid: str = (
        "These responses do not fit what was asked for:\n{errors}\nGive {k} in their place.\n"
        "{format}"
    )
    """Asks again for typed responses that failed validation: {k}, {errors}, {format}."""

    tools: str = (
        "All this is about how you answer. As long as you need a tool for that, call it in the "
        "usual way instead of answering."
    )
    """Added where the model has tools of its own."""

    formats: Mapping[str, str] = field(default_factory=dict, hash=False)
    strategies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)
    tasks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for name, allowed in _PLACEHOLDERS.items():
            _check(name, getattr(self, name), allowed)
        for table in _TABLES:
            if not isinstance(getattr(self, table), Mapping):
                raise _TemplateError(table, f"is a table, not {getattr(self, table)!r:.60}.")
        for name, text in self.formats.items():
            _check(f"formats.{name}", text, _OF_A_FORMAT)
        for table in ("strategies", "tasks"):
            for name, words in getattr(self, table).items():
                with _within(f"{table}.{name}"):  # says at once if they cannot work
                    _made(replace(self, strategies={}, tasks={}), words)

    @classmethod
    def from_file(cls, path: str | Path) -> Prompts:
        """Read templates from a TOML file; what it does not have stays as it is.

        Of a folder, from ``words.toml`` in it.

        Keys are the names of the templates; tables are ``[formats]``, ``[strategies.NAME]`` and
        ``[tasks.NAME]`` (with ``[tasks.NAME.formats]`` and so on).

        Raises:
            ConfigurationError: If the file cannot be read, or a template cannot work; the message
                names the key and the line.
        """
        file = Path(path)
        if file.is_dir():
            file = file / "words.toml"
        try:
            text = file.read_text(encoding="utf-8-sig")
            words = _toml(text)
        except (OSError, ValueError) as error:  # of TOML too: it names the line
            raise ConfigurationError(f"Cannot read {file}: {error}.") from error
        try:
            return _made(cls(), words)
        except _TemplateError as error:
            line = _line_of(text, error.key)
            raise ConfigurationError(f"{file}:{line}: {error}") from None

    def for_strategy(self, name: str) -> Prompts:
        """Return these prompts as one strategy says them."""
        return _made(self, self.strategies[name]) if name in self.strategies else self

    def for_task(self, name: str) -> Prompts:
        """Return these prompts as they are said for one task."""
        return _made(self, self.tasks[name]) if name in self.tasks else self

    def how(self, format: str, **filling: Any) -> str | None:
        """Return how an answer is to be written in a format; None if that is left to the format."""
        text = self.formats.get(format)
        return None if text is None else text.format(**filling)

    def sampling(self, threshold: float | None) -> str:
        """The sentence that says where in the distribution to sample."""
        if threshold is None:
            return self.full
        return self.tail.format(threshold=f"{threshold:g}")

    def replace(self, **templates: Any) -> Prompts:
        """Return these prompts with some of them replaced."""
        return replace(self, **templates)


class _TemplateError(ConfigurationError):
    """What is wrong with one template; ``key`` says which, table by table."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"The prompt {key!r} {problem}")
        self.key = key
        self.problem = problem

    def __reduce__(self) -> Any:
        return type(self), (self.key, self.problem)


@contextmanager
def _within(table: str) -> Iterator[None]:
    """Name the table that a template stands in."""
    try:
        yield
    except _TemplateError as error:
        raise _TemplateError(f"{table}.{error.key}".rstrip("."), error.problem) from None


def _made(base: Prompts, words: Any) -> Prompts:
    """The prompts with those of a table in their place; tables within are added to."""
    if not isinstance(words, Mapping):
        raise _TemplateError("", f"stands where a table of prompts belongs: {words!r:.60}.")
    known = [each.name for each in fields(base)]
    for name in words:
        if name not in known:
            raise _TemplateError(name, f"is none; these are: {', '.join(known)}.")
    tables = {name: _merged(getattr(base, name), words[name]) for name in _TABLES if name in words}
    return replace(base, **{**words, **tables})


def _merged(one: Any, other: Any) -> Any:
    """Both tables as one, where both are; else the other."""
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        return other
    return {**one, **{name: _merged(one.get(name), value) for name, value in other.items()}}


def _check(name: str, text: Any, allowed: set[str]) -> None:
    if not isinstance(text, str):
        raise _TemplateError(name, f"must be a text, not {text!r:.60}.")
    try:
        used = {part[1] for part in Formatter().parse(text) if part[1] is not None}
    except ValueError as error:
        raise _TemplateError(name, f"is not a template: {error}. Write {{{{ for a brace.") from None
    if not used <= allowed:
        raise _TemplateError(
            name,
            f"uses {sorted(used - allowed)}; it may use {sorted(allowed)}. Write {{{{ for a brace.",
        )


def _toml(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]
    data: dict[str, Any] = tomllib.loads(text)
    return data


def _line_of(text: str, key: str) -> int:
    """The line of a TOML file on which a key stands, from 1; that of its table if it is inline."""
    table, found, quoted = "", 1, ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not quoted:
            name, _, value = line.partition("=")
            if header := _HEADER.fullmatch(line):
                table, name = header[1], ""
            path = ".".join(_bare(part) for part in (table, name) if part.strip())
            if path == key:
                return number
            if path and key.startswith(f"{path}."):
                found = number
            line = value
        for mark in [quoted] if quoted else ('"' * 3, "'" * 3):
            if line.count(mark) % 2:
                quoted = "" if quoted else mark
                break
    return found


_HEADER = re.compile(r"\s*\[([^\[\]]+)\]\s*(?:#.*)?")


def _bare(name: str) -> str:
    return re.sub(r"[\s\"']", "", name)


DEFAULT_PROMPTS = Prompts()

QUERY_PROMPTS = {
    "rewrite": (
        "Write a search query that would find passages which answer the question, in words other "
        "than its own.\nQuestion: {query}"
    ),
    "hyde": "Write a short passage that could answer the question.\nQuestion: {query}",
    "decompose": (
        "Write a simpler sub-question, the answer to which helps to answer the question.\n"
        "Question: {query}"
    ),
}
"""What is asked for in the place of a {query}: a rewrite of it, a hypothetical document that
answers it (HyDE, arXiv 2212.10496), or a sub-question."""
