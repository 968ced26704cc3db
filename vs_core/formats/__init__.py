"""Formats: how an answer is asked for and read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vs_core.formats.base import Answer, Entry, Format, Shape, Splitter
from vs_core.formats.json import Json
from vs_core.formats.lines import Lines
from vs_core.formats.tags import Tags
from vs_core.hookspecs import hookimpl

__all__ = ["Answer", "Entry", "Format", "Json", "Lines", "Shape", "Splitter", "Tags"]


@hookimpl
def vs_formats() -> Mapping[str, Callable[..., Format]]:
    """Register the formats above; the order is that in which `parse` tries them."""
    return {format.name: format for format in (Json, Tags, Lines)}
