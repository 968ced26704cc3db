"""The one place that checks a count, for the core and for every integration."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from vs_core.errors import ConfigurationError

__all__ = ["is_number", "require_count", "require_optional_count"]


def is_number(value: Any) -> bool:
    """Return whether a value is an int or a float; True and False are neither."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def require_count(name: str, value: Any, least: int = 1) -> int:
    """Return ``value`` as an int, if it is a whole number of at least ``least``.

    Args:
        name: How the user spells it, for the message.
        value: What was given: an int, or what stands for one, such as an integer of numpy. True is
            no count: whoever passes it meant another option.
        least: The least that is allowed.

    Raises:
        ConfigurationError: If it is anything else.
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ConfigurationError(
            f"{name} must be a whole number of at least {least}, not {value!r}."
        )
    return int(value)


def require_optional_count(name: str, value: Any, least: int = 1) -> int | None:
    """Return ``value`` as an int, or None if it is None; see `require_count`."""
    return None if value is None else require_count(name, value, least)
