"""What makes two answers the same: their text, a key of it, or what they mean."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from vs_core.errors import ConfigurationError
from vs_core.metrics.answers import plain
from vs_core.metrics.partitions import numbered

if TYPE_CHECKING:
    from vs_core.metrics.diversity import Embed

__all__ = ["ByMeaning", "ByText", "Equivalence", "vectors_of"]

_BATCH = 64
"""Texts that are embedded in one call."""


class Equivalence(Protocol):
    """Puts texts into classes of the same answer."""

    @property
    def label(self) -> str:
        """What tables call it."""

    def classes(self, texts: Sequence[str]) -> list[int]:
        """Return the number of its class for each text, from 0, in the order in which they come."""


class ByText:
    """Answers are the same if a function makes the same of their texts.

    Args:
        key: From a text to anything hashable. Default: the text but for case, punctuation at its
            ends, white space and compatibility forms.
    """

    def __init__(self, key: Callable[[str], Hashable] = plain) -> None:
        self.key = key

    @property
    def label(self) -> str:
        """``text``, or the name of the user's function."""
        return "text" if self.key is plain else getattr(self.key, "__name__", "key")

    def classes(self, texts: Sequence[str]) -> list[int]:
        """Return the number of its class for each text, from 0, in the order in which they come."""
        return numbered(map(self.key, texts))


class ByMeaning:
    """Answers are the same if their embeddings point nearly the same way.

    How near that is depends on the embedder and on the task, so it has no default: look at groups
    of your own answers (``vs studio`` shows them) before you count by it.

    Args:
        embed: From n texts to n vectors; see `vs_core.metrics.Embed`.
        above: Least cosine similarity of the same answer, on (-1, 1].

    Raises:
        ConfigurationError: If ``above`` is not on (-1, 1].
    """

    def __init__(self, embed: Embed, above: float) -> None:
        if not -1 < above <= 1:
            raise ConfigurationError(f"above is a cosine similarity, on (-1, 1], not {above}.")
        self.embed = embed
        self.above = above
        self._vectors: dict[str, Any] = {}

    @property
    def label(self) -> str:
        """The least cosine, and the embedder's model where it says which."""
        model = getattr(self.embed, "model", "")
        by = f" of {model}" if isinstance(model, str) and model else ""
        return f"cosine ≥ {self.above:g}{by}"

    def anew(self) -> ByMeaning:
        """Return the same rule, which remembers no vectors yet."""
        return ByMeaning(self.embed, self.above)

    def vectors(self, texts: Sequence[str]) -> list[Any]:
        """Return a vector for each text; every different text is embedded once.

        Raises:
            ConfigurationError: If the embedder does not give a vector for each.
        """
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        self._vectors.update(vectors_of(self.embed, new))
        return [self._vectors[text] for text in texts]

    def classes(self, texts: Sequence[str]) -> list[int]:
        """Return the number of its class for each text, from 0, in the order in which they come."""
        from vs_core.metrics.diversity import meaning_classes  # numpy: `vs` starts without it

        return meaning_classes(self.vectors(texts), above=self.above)


def vectors_of(embed: Embed, texts: Sequence[str]) -> dict[str, Any]:
    """Return a vector for each text, embedded in batches.

    Raises:
        ConfigurationError: If the embedder does not give a row for each.
    """
    import numpy as np  # `vs` starts without it

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
