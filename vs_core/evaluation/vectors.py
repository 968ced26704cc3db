"""Embedding many texts, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vs_core.errors import ConfigurationError

if TYPE_CHECKING:
    from vs_core.metrics.diversity import Embed

__all__ = ["vectors_of"]

_BATCH = 64
"""Texts that are embedded in one call."""


def vectors_of(embed: Embed, texts: Sequence[str]) -> dict[str, Any]:
    """Return a vector for each text.

    Raises:
        ConfigurationError: If the embedder does not give a row for each.
    """
    import numpy as np

    found: dict[str, Any] = {}
    for start in range(0, len(texts), _BATCH):
        batch = list(texts[start : start + _BATCH])
        vectors = np.asarray(embed(batch))
        if vectors.ndim != 2 or len(vectors) != len(batch):
            raise ConfigurationError(
                f"embed gave an array of shape {vectors.shape} for {len(batch)} texts; it must "
                "give a row for each."
            )
        found.update(zip(batch, vectors, strict=True))
    return found
