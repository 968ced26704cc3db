"""What several commands read the same way: lists, numbers and prices."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from vs_core.errors import ConfigurationError

__all__ = ["listed", "numbers", "price_of", "whole_numbers"]


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
