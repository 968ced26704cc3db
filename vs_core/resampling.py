"""Drawing from a distribution: the resamplers.

A resampler is a function ``(distribution, n, rng) -> indices``. It draws by
``distribution.weights`` with the given `random.Random` alone, so a seed determines the draw.
Options are keyword arguments, bound by `functools.partial` or given to `Distribution.sample`.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

from vs_core.candidates import Distribution, Resampler
from vs_core.errors import ConfigurationError

__all__ = [
    "Resampler",
    "argmax",
    "diverse",
    "gumbel_top_k",
    "min_p",
    "proportional",
    "read_resampler",
    "residual",
    "stratified",
    "systematic",
    "top_p",
    "uniform",
]


def read_resampler(text: str) -> tuple[str, dict[str, float]]:
    """Return the name and the options of a resampler that is written in one line.

    Args:
        text: ``"argmax"``, or with its option ``"top_p:p=0.8"``.

    Raises:
        ConfigurationError: If it is not written so; the name is not looked up.
    """
    name, _, rest = text.partition(":")
    option, _, value = rest.partition("=")
    try:
        return name.strip(), {option.strip(): float(value)} if rest.strip() else {}
    except ValueError:
        raise ConfigurationError(
            f"A resampler is a name, or one with its option, such as top_p:p=0.8, not {text!r}."
        ) from None


def _invert(weights: Sequence[float], points: Sequence[float]) -> list[int]:
    """Indices at which the cumulative weights pass each of ``points`` on [0, 1)."""
    sums = list(accumulate(weights))
    last = max(index for index, weight in enumerate(weights) if weight > 0)
    return [min(bisect_right(sums, point * sums[-1]), last) for point in points]


def proportional(distribution: Distribution, n: int, rng: random.Random) -> list[int]:
    """Independent draws in proportion to the weights (multinomial resampling)."""
    return _invert(distribution.weights, [rng.random() for _ in range(n)])


def uniform(distribution: Distribution, n: int, rng: random.Random) -> list[int]:
    """Independent draws that ignore the weights: every candidate is equally likely."""
    return [rng.randrange(len(distribution)) for _ in range(n)]


def argmax(distribution: Distribution, n: int, rng: random.Random) -> list[int]:  # noqa: ARG001
    """The ``n`` candidates of largest weight, largest first, the earlier of equals first.

    Without replacement: ``n`` is at most the number of candidates.
    """
    _require(distribution, n, "argmax")
    weights = distribution.weights
    return sorted(range(len(weights)), key=lambda index: -weights[index])[:n]


def systematic(distribution: Distribution, n: int, rng: random.Random) -> list[int]:
    """One random offset and ``n`` equally spaced points (Kitagawa 1996; Carpenter et al. 1999).

    Candidate i comes ⌊n·wᵢ⌋ or ⌈n·wᵢ⌉ times: the least variance of the schemes here. The result
    is shuffled, so that a prefix of it is a fair sample too.
    """
    offset = rng.random()
    counts = _systematic_counts(distribution.weights, n, offset)
    return _shuffled([i for i, count in enumerate(counts) for _ in range(count)], rng)


def _systematic_counts(weights: Sequence[float], n: int, offset: float) -> list[int]:
    # Copies of i: how many of offset, offset + 1, … fall between the cumulative n·w. Rounding in
    # the sums must not break the bound on a whole n·wᵢ, hence snapping to near integers.
    edges = [n * total for total in accumulate(weights)]
    edges[-1] = float(n)
    edges = [float(round(edge)) if abs(edge - round(edge)) < 1e-9 else edge for edge in edges]
    crossed = [max(0, math.ceil(edge - offset)) for edge in edges]
    return [after - before for before, after in zip([0, *crossed], crossed, strict=False)]


def stratified(distribution: Distribution, n: int, rng: random.Random) -> list[int]:
    """One random point in each of ``n`` equal strata (Kitagawa 1996), shuffled."""
    points = [(stratum + rng.random()) / n for stratum in range(n)]
    return _shuffled(_invert(distribution.weights, points), rng)


def residual(distribution: Distribution, n: int, rng: random.Random) -> list[int]:
    """⌊n·wᵢ⌋ copies of each, the rest drawn by what is left over (Liu and Chen 1998), shuffled."""
    expected = [n * weight for weight in distribution.weights]
    whole = [math.floor(value + 1e-9) for value in expected]
    indices = [index for index, count in enumerate(whole) for _ in range(count)]
    rest = [max(0.0, value - count) for value, count in zip(expected, whole, strict=True)]
    if len(indices) < n:
        indices += _invert(rest, [rng.random() for _ in range(n - len(indices))])
    return _shuffled(indices, rng)


def gumbel_top_k(distribution: Distribution, n: int, rng: random.Random) -> list[int]:
    """``n`` different candidates, as by sampling without replacement (Kool et al. 2019).

    The ``n`` largest of log wᵢ + Gumbel noise, in order: the first is a proportional draw, each
    further one a proportional draw from those left. Candidates of weight zero come last.

    Without replacement: ``n`` is at most the number of candidates.
    """
    _require(distribution, n, "gumbel_top_k")
    keys = [
        (math.log(weight) if weight > 0 else -1e9) - math.log(rng.expovariate(1.0) or 5e-324)
        for weight in distribution.weights
    ]
    return sorted(range(len(keys)), key=lambda index: -keys[index])[:n]


def top_p(distribution: Distribution, n: int, rng: random.Random, *, p: float = 0.9) -> list[int]:
    """Proportional draws from the nucleus (Holtzman et al. 2020).

    Args:
        distribution: What to draw from.
        n: Number of draws.
        rng: Source of randomness.
        p: The nucleus is the fewest most probable candidates whose weights reach p, on (0, 1].
    """
    _require_share("p", p)
    weights = distribution.weights
    nucleus: set[int] = set()
    total = 0.0
    for index in sorted(range(len(weights)), key=lambda index: -weights[index]):
        nucleus.add(index)
        total += weights[index]
        if total >= p - 1e-12:
            break
    kept = [weight if index in nucleus else 0.0 for index, weight in enumerate(weights)]
    return _invert(kept, [rng.random() for _ in range(n)])


def min_p(distribution: Distribution, n: int, rng: random.Random, *, p: float = 0.1) -> list[int]:
    """Proportional draws from the candidates near the top (min-p, Nguyen et al. 2024).

    Args:
        distribution: What to draw from.
        n: Number of draws.
        rng: Source of randomness.
        p: Least weight to keep, as a share of the largest weight, on (0, 1].
    """
    _require_share("p", p)
    weights = distribution.weights
    least = p * max(weights)
    kept = [weight if weight >= least else 0.0 for weight in weights]
    return _invert(kept, [rng.random() for _ in range(n)])


def diverse(
    distribution: Distribution,
    n: int,
    rng: random.Random,
    *,
    tradeoff: float = 0.5,
    similarity: Callable[[str, str], float] | None = None,
) -> list[int]:
    """``n`` different candidates that are probable and unlike each other.

    Maximal marginal relevance (Carbonell and Goldstein 1998): each next candidate has the largest
    ``(1 − tradeoff) · weight / largest weight − tradeoff · similarity to the nearest chosen``. The
    first one is drawn proportionally, so that seeds give different sets.

    Without replacement: ``n`` is at most the number of candidates.

    Args:
        distribution: What to draw from.
        n: Number of candidates.
        rng: Source of randomness.
        tradeoff: 0 looks at weights alone, 1 at dissimilarity alone.
        similarity: Of two texts, on [0, 1]. Default: the Jaccard index of their words.
    """
    _require(distribution, n, "diverse")
    if not 0 <= tradeoff <= 1:
        raise ConfigurationError(f"tradeoff must be between 0 and 1, not {tradeoff}.")
    if not n:
        return []
    likeness = similarity or _jaccard
    largest = max(distribution.weights)
    chosen = proportional(distribution, 1, rng)
    left = [index for index in range(len(distribution)) if index != chosen[0]]
    nearest = dict.fromkeys(left, 0.0)
    while len(chosen) < n:
        for index in left:
            alike = likeness(distribution[index].text, distribution[chosen[-1]].text)
            nearest[index] = max(nearest[index], alike)
        best = max(
            left,
            key=lambda index: (
                (1 - tradeoff) * distribution.weights[index] / largest - tradeoff * nearest[index]
            ),
        )
        chosen.append(best)
        left.remove(best)
    return chosen


def _jaccard(a: str, b: str) -> float:
    """Words in common over words in all; 1 for two empty texts."""
    first, second = set(a.casefold().split()), set(b.casefold().split())
    return len(first & second) / len(first | second) if first or second else 1.0


def _shuffled(indices: list[int], rng: random.Random) -> list[int]:
    rng.shuffle(indices)
    return indices


def _require(distribution: Distribution, n: int, name: str) -> None:
    if n > len(distribution):
        raise ConfigurationError(
            f"{name} draws without replacement: {n} of {len(distribution)} candidates is too many."
        )


def _require_share(name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise ConfigurationError(f"{name} must be over 0 and at most 1, not {value}.")
