"""Formats: how an answer is asked for and read back. A built-in one is loaded at first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vs_core.formats.base import Answer, Entry, Format, Reading, Shape, Splitter
from vs_core.lazy import lazily

if TYPE_CHECKING:
    from vs_core.formats.json import Json
    from vs_core.formats.lines import Lines
    from vs_core.formats.tags import Tags
else:
    __getattr__, __dir__ = lazily(
        __name__, {"json": ("Json",), "lines": ("Lines",), "tags": ("Tags",)}
    )

__all__ = ["Answer", "Entry", "Format", "Json", "Lines", "Reading", "Shape", "Splitter", "Tags"]
