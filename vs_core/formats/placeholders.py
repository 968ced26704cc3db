"""What only stands for a candidate, as in the format that a model echoes."""

from __future__ import annotations

import re

__all__ = ["is_placeholder"]

_PLACEHOLDER = re.compile(
    r"(?:[.…]{2,6}|…|[<\[{(«]\s*(?:your|the|insert|first|second|third|next|another)?\s*"
    r"(?:response|answer|text|joke|story|content|candidate|string|reply|completion)s?"
    r"(?:\s?(?:here|text|\d{1,2}|one|two))?\s*[>\]})»]|your (?:response|answer|text)(?: here)?)\Z",
    re.I,
)


def is_placeholder(text: str) -> bool:
    """Return whether a text only stands for one, as in the format that a model echoes."""
    return len(text) < 60 and _PLACEHOLDER.match(text) is not None
