"""Formats: how an answer is asked for and read back. A built-in one is loaded at first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vs_core.formats.base import Answer, Entry, Format, Reading, Shape, Splitter

if TYPE_CHECKING:
    from vs_core.formats.json import Json
    from vs_core.formats.lines import Lines
    from vs_core.formats.tags import Tags

__all__ = ["Answer", "Entry", "Format", "Json", "Lines", "Reading", "Shape", "Splitter", "Tags"]

_HOMES = {"Json": "json", "Lines": "lines", "Tags": "tags"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
