"""Diversity by meaning: of embeddings, or under a similarity or equivalence of the user's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vs_core.errors import ConfigurationError
from vs_core.metrics.inputs import Texts, texts_of
from vs_core.metrics.partitions import numbered

__all__ = [
    "Classes",
    "Embed",
    "Same",
    "distinct_k",
    "meaning_classes",
    "semantic_diversity",
    "utility",
    "vendi_score",
]

Embed = Callable[[list[str]], ArrayLike]
"""Embeds texts: from n strings to an array of shape (n, dimensions)."""

_ROWS = 1024
"""Vectors in one block: 3 MB at 384 dimensions, so that a block stays in the cache."""

_ROUNDING = 1e-6
"""What single precision may take from the similarity of a vector to itself."""

_TILE = 2048
"""Side of one tile of the similarity matrix: 32 MB at double precision."""


def semantic_diversity(
    embeddings: ArrayLike | Texts, *, embed: Embed | None = None, clip: bool = False
) -> float:
    """1 − mean cosine similarity over all pairs (Zhang et al. 2025, section 5).

    The mean follows from the sum s of the n unit vectors alone: (|s|² − n) / (n² − n). That takes
    one pass, in double precision, and no memory beyond a block, so an array on disk
    (`numpy.memmap`) will do. Clipping needs every pair: O(n²) time in tiles of bounded memory, in
    the precision of the embeddings.

    Args:
        embeddings: Shape (n, dimensions), a row each; or n texts, if ``embed`` is given.
        embed: Embeds a list of texts; see `Embed`.
        clip: Count negative similarities as 0, as the authors of the paper do.

    Returns:
        The diversity: 0 for identical directions; on [0, 1] if clipped, else on [0, 2], where more
        than 1 says that vectors point away from each other. 0 for fewer than two. A zero vector,
        which has no direction, is similar to nothing.

    Raises:
        ConfigurationError: If the embeddings are not rows of finite numbers.
    """
    vectors = _vectors(embeddings, embed)
    n = len(vectors)
    if n < 2:
        return 0.0
    total = _clipped_total(vectors) if clip else _total(vectors)
    return min(max(1.0 - total / (n * (n - 1)), 0.0), 2.0)


def _vectors(items: ArrayLike | Texts, embed: Embed | None) -> NDArray[Any]:
    """The embeddings as an array of rows, not copied if they are one."""
    if embed is not None:
        texts = texts_of(cast("Texts", items))
        items = embed(texts) if texts else []
    try:
        vectors = np.asarray(items)
    except ValueError as error:  # rows of different lengths
        raise ConfigurationError(f"Embeddings must be rows of equal length: {error}") from error
    if not vectors.size and vectors.ndim == 1:
        return vectors.reshape(0, 0)
    if vectors.dtype.kind not in "fiu":
        raise ConfigurationError(
            f"Embeddings must be numbers, not {vectors.dtype}; texts need embed=, a function from "
            "texts to embeddings."
        )
    if vectors.ndim != 2:
        raise ConfigurationError(
            f"Embeddings must have the shape (n, dimensions), not {vectors.shape}."
        )
    return vectors


def _blocks(vectors: NDArray[Any]) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Blocks of rows with 1 / length of each row, which is 0 for a zero vector."""
    for start in range(0, len(vectors), _ROWS):
        block = np.asarray(vectors[start : start + _ROWS], dtype=np.float64)
        lengths = np.sqrt(np.einsum("ij,ij->i", block, block))
        if not np.isfinite(lengths).all():
            row = start + int(np.argmin(np.isfinite(lengths)))
            raise ConfigurationError(f"Embedding {row} is not finite, or too long to measure.")
        yield block, np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)


def _total(vectors: NDArray[Any]) -> float:
    """Sum of the cosine similarities over all ordered pairs of different rows."""
    total = np.zeros(vectors.shape[1])
    directed = 0
    for block, scale in _blocks(vectors):
        total += scale @ block
        directed += int(np.count_nonzero(scale))
    return float(total @ total) - directed


def _clipped_total(vectors: NDArray[Any]) -> float:
    """The same with negative similarities as 0: every tile on and above the diagonal, doubled."""
    units = _units(vectors)
    total = 0.0
    for start in range(0, len(units), _TILE):
        rows = units[start : start + _TILE]
        corner = rows @ rows.T
        np.fill_diagonal(corner, 0)
        total += _clipped_sum(corner)
        for other in range(start + _TILE, len(units), _TILE):
            total += 2 * _clipped_sum(rows @ units[other : other + _TILE].T)
    return total


def _clipped_sum(tile: NDArray[Any]) -> float:
    np.maximum(tile, 0, out=tile)
    return float(tile.sum(axis=1).sum(dtype=np.float64))


def _units(vectors: NDArray[Any]) -> NDArray[Any]:
    """The vectors at length 1, in their own precision, single at the least."""
    units = np.empty(vectors.shape, dtype=np.result_type(vectors.dtype, np.float32))
    for index, (block, scale) in enumerate(_blocks(vectors)):
        units[index * _ROWS : (index + 1) * _ROWS] = block * scale[:, None]
    return units


def vendi_score(
    items: ArrayLike | Iterable[Any],
    *,
    similarity: Callable[[Any, Any], float] | None = None,
    embed: Embed | None = None,
    q: float = 1.0,
) -> float:
    """Effective number of different items: exp of the entropy of the kernel's eigenvalues.

    Friedman and Dieng 2023: with K the n × n matrix of similarities and λ the
    eigenvalues of K/n, exp(−Σ λ log λ). Of embeddings the kernel is the cosine similarity, and its
    eigenvalues come from the smaller of the n × n and the dimensions × dimensions matrix.

    Args:
        items: Embeddings of shape (n, dimensions); texts, with ``embed``; or anything at all, with
            ``similarity``.
        similarity: Positive semi-definite and symmetric, 1 for an item and itself. It is called
            for n(n − 1)/2 pairs.
        embed: Embeds a list of texts; see `Embed`.
        q: Order of the Hill number, over 0 (Pasarkar and Dieng 2024): 1 is the paper's score, a
            smaller order heeds rare items more, ``math.inf`` heeds only the most common.

    Returns:
        The score, from 1 (all identical) to n (all unlike); 0 for no items.

    Raises:
        ConfigurationError: If ``q`` is not positive, or the embeddings are not rows of finite
            numbers.
    """
    if not q > 0:
        raise ConfigurationError(f"q, the order of the Vendi score, must be over 0, not {q}.")
    if similarity is None:
        shares = _cosine_spectrum(_vectors(items, embed))
    else:
        shares = _spectrum(_kernel(list(cast("Iterable[Any]", items)), similarity))
    if not len(shares):
        return 0.0
    shares = shares[shares > len(shares) * np.finfo(np.float64).eps]  # what is left is rounding
    if q == 1:
        return math.exp(-float(shares @ np.log(shares)))
    if math.isinf(q):
        return 1 / float(shares.max())
    return float((shares**q).sum() ** (1 / (1 - q)))


def _kernel(items: list[Any], similarity: Callable[[Any, Any], float]) -> NDArray[np.float64]:
    kernel = np.eye(len(items))
    for i, first in enumerate(items):
        for j in range(i):
            kernel[i, j] = kernel[j, i] = similarity(first, items[j])
    return kernel


def _cosine_spectrum(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Eigenvalues of the cosine kernel divided by n."""
    n, dimensions = vectors.shape
    if n <= dimensions:
        units = _units(vectors).astype(np.float64)
        gram = units @ units.T
    else:  # the smaller matrix has the same eigenvalues, but for zeros
        gram = np.zeros((dimensions, dimensions))
        for block, scale in _blocks(vectors):
            units = block * scale[:, None]
            gram += units.T @ units
    zeros = n - round(float(np.trace(gram)))  # zero vectors, like nothing but themselves
    shares: NDArray[np.float64] = np.append(np.linalg.eigvalsh(gram), np.ones(zeros)) / max(n, 1)
    return shares


def _spectrum(kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.linalg.eigvalsh(kernel) / max(len(kernel), 1)


class Classes(Protocol):
    """Puts texts into classes of the same answer: see `vs_core.equivalence`."""

    def classes(self, texts: Sequence[str]) -> Sequence[int]:
        """Return the number of its class for each text."""


Same = Callable[[Any, Any], bool] | Classes
"""Whether two items mean the same; or an equivalence of `vs_core.equivalence`."""


def distinct_k(items: Iterable[Any], *, same: Same | None = None) -> int:
    """Count the classes of items that are the same: distinct_k of NoveltyBench (arXiv 2504.05228).

    With a function of two items each joins the first class whose first member it is the same as, so
    that it, often a trained model, need not be a perfect equivalence. It is called
    O(n · classes) times.

    Args:
        items: Texts, or anything that ``same`` can compare.
        same: See `Same`. Default: equal texts, without regard to case and white space.

    Returns:
        The number of classes, from 0 (no items) to the number of items.

    Raises:
        ConfigurationError: If ``items`` is one string.
    """
    return len(set(_classes(items, same)))


def utility(
    items: Iterable[Any],
    worth: ArrayLike,
    *,
    patience: float = 0.8,
    same: Same | None = None,
) -> float:
    """Utility of NoveltyBench (arXiv 2504.05228): what answers are worth to a reader who tires.

    Σ pⁱ⁻¹ · uᵢ over those that are the same as none before, times (1 − p) / (1 − pⁿ): with
    probability p the reader looks at one more, and repeats are worth nothing.

    Args:
        items: Texts in the order in which they are read.
        worth: uᵢ: what each is worth, shape (n,), such as a judge's score.
        patience: p, on [0, 1]; 1 counts all places alike.
        same: As for `distinct_k`.

    Returns:
        On [0, the largest worth]; ``nan`` for no items.

    Raises:
        ConfigurationError: If the patience is not on [0, 1], there is not one worth for each item,
            or ``items`` is one string.
    """
    if not 0 <= patience <= 1:
        raise ConfigurationError(f"patience must be between 0 and 1, not {patience}.")
    classes = _classes(items, same)
    values = np.asarray(worth, dtype=np.float64)
    if values.shape != (len(classes),):
        raise ConfigurationError(f"There are {len(classes)} items, and worth of {values.shape}.")
    if not classes:
        return math.nan
    first = np.zeros(len(classes))
    first[np.unique(classes, return_index=True)[1]] = 1
    weights = patience ** np.arange(len(classes))
    return float(weights @ (first * values) / weights.sum())


def _classes(items: Iterable[Any], same: Same | None) -> Sequence[int]:
    """The number of its class for each item."""
    if same is None:
        return numbered(" ".join(text.casefold().split()) for text in texts_of(items))
    if not callable(same):
        return same.classes(texts_of(items))
    firsts: list[Any] = []
    classes: list[int] = []
    for item in items:
        found = next((n for n, first in enumerate(firsts) if same(first, item)), len(firsts))
        if found == len(firsts):
            firsts.append(item)
        classes.append(found)
    return classes


def meaning_classes(
    embeddings: ArrayLike | Texts, *, above: float, embed: Embed | None = None
) -> list[int]:
    """Put items that point nearly the same way into one class, as `distinct_k` counts them.

    Each joins the first class whose first member is at least that near. O(n · classes) time.

    Args:
        embeddings: Shape (n, dimensions), a row each; or n texts, if ``embed`` is given.
        above: Least cosine similarity of the same class, on [-1, 1].
        embed: Embeds a list of texts; see `Embed`.

    Returns:
        The class of each, from 0, in the order of their first members. A zero vector, which has no
        direction, is in a class of its own.

    Raises:
        ConfigurationError: If the embeddings are not rows of finite numbers.
    """
    vectors = _vectors(embeddings, embed)
    units = _units(vectors) if len(vectors) else vectors
    firsts: list[int] = []
    classes: list[int] = []
    for place, unit in enumerate(units):
        near = units[firsts] @ unit >= above - _ROUNDING
        if near.any():
            classes.append(int(np.argmax(near)))
        else:
            classes.append(len(firsts))
            firsts.append(place)
    return classes
