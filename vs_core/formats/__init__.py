"""Formats: how an answer is asked for and read back."""

from __future__ import annotations

from vs_core.formats.base import Answer, Entry, Format, Shape, Splitter
from vs_core.formats.json import Json
from vs_core.formats.lines import Lines
from vs_core.formats.tags import Tags

__all__ = ["Answer", "Entry", "Format", "Json", "Lines", "Shape", "Splitter", "Tags"]
