"""Keeping keys, tokens and passwords out of records, reprs, errors and reports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

__all__ = ["HIDDEN", "redacted", "without_secrets"]

HIDDEN = "***"
"""Stands where a secret stood."""

_SECRET = re.compile(
    r"auth|bearer|cookie|credential|passw|secret|signature"
    r"|(?:^|[_-])(?:api[_-]?)?keys?$|apikey|(?:^|[_-])(?:access|api|auth|id|refresh)?[_-]?token$",
    re.IGNORECASE,
)
_HEADERS = re.compile(r"headers$", re.IGNORECASE)


def redacted(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as JSON can write them, without what looks like a secret.

    Values under names such as ``api_key``, ``Authorization``, ``token`` or ``password`` are hidden
    at any depth, and so is every value of ``…headers``: only the names of headers are harmless.
    ``max_tokens`` and the like are numbers of tokens, and stay. What is neither text, number,
    list nor mapping is shown as its type.

    Args:
        settings: Any mapping; it is not changed.
    """
    return {str(name): _redacted(str(name), value) for name, value in settings.items()}


def _redacted(name: str, value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if _SECRET.search(name):
        return HIDDEN
    if isinstance(value, Mapping):
        if _HEADERS.search(name):
            return dict.fromkeys(map(str, value), HIDDEN)
        return redacted(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_redacted("", item) for item in value]
    return without_secrets(value) if isinstance(value, str) else type(value).__name__


def without_secrets(text: str) -> str:
    """Return ``text``; a URL without its password, and without the values of its query."""
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
        host = parts.netloc.rpartition("@")
    except ValueError:
        return text
    netloc = f"{HIDDEN}@{host[2]}" if host[1] else parts.netloc
    query = re.sub(r"=[^&]*", f"={HIDDEN}", parts.query)
    return urlunsplit(parts._replace(netloc=netloc, query=query))
