"""What the metrics take: texts, and numbers in rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vs_core.errors import ConfigurationError

__all__ = ["Texts", "texts_of"]

Texts = Iterable[Any]
"""Strings, or candidates, whose text is taken: a `vs_core.Distribution` will do."""


def texts_of(items: Texts) -> list[str]:
    """Return the texts as strings.

    Raises:
        ConfigurationError: If ``items`` is one string, which would be read letter by letter.
    """
    if isinstance(items, str):
        raise ConfigurationError(f"Give a list of texts, not one text: {items[:60]!r}.")
    return [str(item) for item in items]
