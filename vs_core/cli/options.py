"""What several commands read the same way: options they share, lists, numbers, prices, types."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from vs_core.errors import ConfigurationError
from vs_core.plugins import plugins
from vs_core.probabilities import DEFINITIONS

__all__ = [
    "Format", "Json", "Probability", "Schema", "Seed", "StrategyName", "listed", "names_of",
    "numbers", "price_of", "schema_of", "whole_numbers",
]  # fmt: skip


def names_of(kind: str) -> Callable[[str], list[str]]:
    """Return what completes the beginning of a registered name in a shell."""
    return lambda incomplete: [each for each in plugins.table(kind) if each.startswith(incomplete)]


def _definitions(incomplete: str) -> list[str]:
    return [name for name in DEFINITIONS if name.startswith(incomplete)]


Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Seed = Annotated[int | None, typer.Option(help="Makes draws and simulated answers repeat.")]
StrategyName = Annotated[
    str, typer.Option(help="See: vs plugins.", autocompletion=names_of("strategies"))
]
Format = Annotated[
    str, typer.Option(help="How answers are written.", autocompletion=names_of("formats"))
]
Probability = Annotated[
    str, typer.Option(help="How probability is defined.", autocompletion=_definitions)
]
Schema = Annotated[
    str | None, typer.Option(help="Type of the answers: file.py:Model or schema.json.")
]


def listed(option: str, texts: Iterable[str]) -> list[str]:
    """What an option lists: it may be given once, with commas, or several times."""
    text = ",".join(texts)
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise ConfigurationError(f"{option} names nothing: {text!r}.")
    return names


def numbers(option: str, texts: Sequence[str]) -> list[float]:
    """The numbers that an option lists."""
    try:
        return [float(part) for part in listed(option, texts)]
    except ValueError:
        raise ConfigurationError(
            f"{option} takes numbers, separated by commas, not {','.join(texts)!r}."
        ) from None


def whole_numbers(option: str, texts: Sequence[str]) -> list[int]:
    """The whole numbers that an option lists."""
    found = numbers(option, texts)
    if not all(number.is_integer() for number in found):
        raise ConfigurationError(f"{option} takes whole numbers, not {','.join(texts)!r}.")
    return [int(number) for number in found]


def price_of(text: str | None) -> tuple[float, float] | None:
    """The price of a million input and of a million output tokens; None if none is given."""
    if text is None:
        return None
    found = numbers("--price", [text])
    if len(found) != 2 or not all(0 <= number < math.inf for number in found):
        raise ConfigurationError(
            "--price takes two numbers of at least 0, for a million input and output tokens, not "
            f"{text!r}."
        )
    return found[0], found[1]


def schema_of(place: str) -> Any:
    """Return the type that ``file.py:Model`` names, or the JSON schema in a file.

    The file is the user's own, and is run.

    Raises:
        ConfigurationError: If there is no such file or name.
    """
    file, _, name = place.rpartition(":")
    if not file.endswith(".py"):
        try:
            return json.loads(Path(place).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"A schema is file.py:Model, or a file with a JSON schema; {place}: {error}."
            ) from error
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    if spec is None or spec.loader is None or not Path(file).exists():
        raise ConfigurationError(f"There is no file {file}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found = getattr(module, name, None)
    if found is None:
        raise ConfigurationError(f"{file} has no {name}.")
    return found
