"""Every exception that vs-core raises on purpose, as one small tree.

VSError
├── ParseError            an answer that holds no distribution
├── ModelError            a model call that gave no usable answer
├── ConfigurationError    an option that cannot work
└── MissingExtraError     a part whose optional packages are not installed
"""

from __future__ import annotations

from typing import NoReturn

from vs_core.display import shorten

__all__ = ["ConfigurationError", "MissingExtraError", "ModelError", "ParseError", "VSError"]


class VSError(Exception):
    """Base of all errors of vs-core: catch this to catch them all."""


class ParseError(VSError, ValueError):
    """A model's answer could not be read as a distribution.

    Args:
        reason: What was wrong with the answer, in words.
        text: The whole answer, as the model gave it. The message shows it shortened.
    """

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(reason, text)
        self.reason = reason
        self.text = text

    def __str__(self) -> str:
        return f"{self.reason}. The answer was: {shorten(self.text)!r}"


class ModelError(VSError):
    """A model call failed, or returned something that is not an answer."""


class ConfigurationError(VSError, ValueError):
    """An option, a name or a combination of them that cannot work."""


class MissingExtraError(VSError, ImportError):
    """A part of vs-core was used without the optional packages that it needs."""


def raise_missing_extra(extra: str, error: ImportError) -> NoReturn:
    """Turn an ``ImportError`` into one that says which command installs what is missing.

    Args:
        extra: Name of the extra of the vs-core distribution, such as ``"langchain"``.
        error: What the import raised; it becomes the cause.

    Raises:
        MissingExtraError: Always.
    """
    raise MissingExtraError(
        f"{error}. This part of vs-core needs an extra: pip install 'vs-core[{extra}]'",
        name=error.name,
    ) from error
