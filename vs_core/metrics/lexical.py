"""Diversity by words: ROUGE-L, distinct n-grams and Self-BLEU."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import LCSseq

from vs_core.checks import require_count
from vs_core.metrics.inputs import Texts, texts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Tokenize", "distinct_n", "lexical_diversity", "rouge_l", "self_bleu", "words"]

Tokenize = Callable[[str], Sequence[str]]
"""Splits a text into words."""

Ngram = tuple[str, ...]

_ROWS = 256
"""Texts compared with all others at once: bounds the memory at 256 · n numbers."""

_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # written without spaces: each is a word
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")


def words(text: str) -> list[str]:
    """Return the runs of letters and digits, in lower case, as rouge-score splits English.

    Unlike there, letters of all scripts count, each of Chinese, Japanese and Korean by itself.
    Other languages written without spaces, or with combining signs, need a tokeniser of their own.
    """
    return _WORD.findall(text.lower())


def rouge_l(a: str, b: str, *, tokenize: Tokenize = words) -> float:
    """ROUGE-L of two texts: the F1 score of their longest common subsequence of words.

    Lin 2004, section 3.1, with β = 1: 2 · LCS / (words of a + words of b), by the bit-parallel
    algorithm of rapidfuzz.

    Args:
        a: A text.
        b: Another; the order does not matter.
        tokenize: Splits a text into words; default: `words`.

    Returns:
        On [0, 1]: 1 for the same words in the same order, two texts without words included
        (rouge-score calls those 0).
    """
    first, second = tokenize(a), tokenize(b)
    length = len(first) + len(second)
    return 2 * int(LCSseq.similarity(first, second)) / length if length else 1.0


def lexical_diversity(texts: Texts, *, tokenize: Tokenize = words, workers: int = -1) -> float:
    """1 − mean `rouge_l` over all pairs: the paper's measure, turned so that more is more diverse.

    Args:
        texts: Strings or candidates.
        tokenize: Splits a text into words; default: `words`.
        workers: Threads; −1 uses every core.

    Returns:
        On [0, 1]: 0 for the same words in the same order, 1 where no two texts share a word. 0 for
        fewer than two texts.

    Raises:
        ConfigurationError: If ``texts`` is one string.
    """
    coded = _coded(texts, tokenize)
    n = len(coded)
    if n < 2:
        return 0.0
    total = 0.0
    for start in range(0, n, _ROWS):
        rows, others = coded[start : start + _ROWS], coded[start + _ROWS :]
        # Among themselves each pair comes twice, and each text with itself once, which is 1.
        total += (_scores(rows, rows, workers) - len(rows)) / 2
        if others:
            total += _scores(rows, others, workers)
    return min(max(1.0 - total / (n * (n - 1) / 2), 0.0), 1.0)


def similarities(
    texts: Texts, *, tokenize: Tokenize = words, workers: int = -1
) -> NDArray[np.float64]:
    """Return `rouge_l` of every two texts, shape (n, n): for what looks at pairs again and again.

    Args:
        texts: Strings or candidates.
        tokenize: Splits a text into words; default: `words`.
        workers: Threads; −1 uses every core.

    Raises:
        ConfigurationError: If ``texts`` is one string.
    """
    coded = _coded(texts, tokenize)
    return _matrix(coded, coded, workers) if coded else np.zeros((0, 0))


def _coded(texts: Texts, tokenize: Tokenize) -> list[list[int]]:
    """The words as numbers, which rapidfuzz compares faster."""
    numbers: dict[str, int] = {}
    return [
        [numbers.setdefault(word, len(numbers)) for word in tokenize(text)]
        for text in texts_of(texts)
    ]


def _scores(rows: list[list[int]], others: list[list[int]], workers: int) -> float:
    """Sum of ROUGE-L over all pairs of a row and another; it is faster for one list twice."""
    return float(_matrix(rows, others, workers).sum())


def _matrix(rows: list[list[int]], others: list[list[int]], workers: int) -> NDArray[np.float64]:
    common = process.cdist(rows, others, scorer=LCSseq.similarity, dtype=np.int32, workers=workers)
    first, second = ([len(codes) for codes in side] for side in (rows, others))
    both = np.add.outer(first, second)
    scores: NDArray[np.float64] = np.ones(both.shape)
    np.divide(2 * common, both, out=scores, where=both > 0)
    return scores


def distinct_n(texts: Texts, n: int = 2, *, tokenize: Tokenize = words) -> float:
    """Distinct-n: the share of the n-grams of all texts that are different (Li et al. 2016).

    Args:
        texts: Strings or candidates.
        n: Length of an n-gram in words, at least 1.
        tokenize: Splits a text into words; default: `words`.

    Returns:
        Different n-grams / n-grams, on (0, 1]; 0 if there are none. It falls with the length of
        the texts, so compare texts of like length.

    Raises:
        ConfigurationError: If n is under 1, or ``texts`` is one string.
    """
    _require_order(n)
    grams = [gram for text in texts_of(texts) for gram in _ngrams(tokenize(text), n)]
    return len(set(grams)) / len(grams) if grams else 0.0


def _ngrams(tokens: Sequence[str], n: int) -> list[Ngram]:
    return [tuple(tokens[at : at + n]) for at in range(len(tokens) - n + 1)]


def _require_order(n: int) -> None:
    require_count("n, the length of an n-gram,", n)


# --- Self-BLEU -------------------------------------------------------------------------------


def self_bleu(texts: Texts, n: int = 4, *, tokenize: Tokenize = words) -> float:
    """Self-BLEU: the mean BLEU of each text against all others (Zhu et al. 2018, section 3.2).

    BLEU with uniform weights of orders 1 to n, the closest reference length, and 0.1 for a count of
    no matches of two words or more (Chen and Cherry 2014, method 1); a text shorter than n uses the
    orders that it has. The most that any other text holds of an n-gram is found from the two
    largest counts over all texts, so the time is linear in the number of texts.

    Args:
        texts: Strings or candidates.
        n: Longest n-gram in words, at least 1.
        tokenize: Splits a text into words; default: `words`.

    Returns:
        On [0, 1]; higher is *less* diverse. 1 for identical texts and, as they have the diversity
        of those, for fewer than two.

    Raises:
        ConfigurationError: If n is under 1, or ``texts`` is one string.
    """
    _require_order(n)
    split = [tokenize(text) for text in texts_of(texts)]
    if len(split) < 2:
        return 1.0
    lengths = sorted(len(tokens) for tokens in split)
    logs = [0.0] * len(split)
    for order in range(1, n + 1):
        counts = [Counter(_ngrams(tokens, order)) for tokens in split]
        for index, value in enumerate(_log_precisions(counts)):
            logs[index] += value
    return math.fsum(
        _brevity(len(tokens), lengths) * math.exp(log / max(1, min(n, len(tokens))))
        for tokens, log in zip(split, logs, strict=True)
    ) / len(split)


def _log_precisions(counts: Sequence[Counter[Ngram]]) -> list[float]:
    """Log of the clipped precision of each text, 0 for one without n-grams of this order."""
    # The largest count of an n-gram with the text it is from, and the largest of all others.
    first: dict[Ngram, tuple[int, int]] = {}
    second: Counter[Ngram] = Counter()
    for index, grams in enumerate(counts):
        for gram, count in grams.items():
            most = first.get(gram, (0, index))[0]
            if count > most:
                first[gram], second[gram] = (count, index), most
            else:
                second[gram] = max(second[gram], count)
    return [_log_precision(index, grams, first, second) for index, grams in enumerate(counts)]


def _log_precision(
    index: int,
    grams: Counter[Ngram],
    first: dict[Ngram, tuple[int, int]],
    second: Counter[Ngram],
) -> float:
    if not grams:
        return 0.0
    matches = 0
    for gram, count in grams.items():
        most, owner = first[gram]
        matches += min(count, second[gram] if owner == index else most)
    if not matches and len(gram) == 1:  # BLEU is 0 if not one word is right
        return -math.inf
    return math.log((matches or 0.1) / sum(grams.values()))


def _brevity(length: int, lengths: list[int]) -> float:
    """Brevity penalty against the closest length of another text, the shorter of two as close."""
    at = bisect_left(lengths, length)  # one entry is the text's own
    closest = min(
        lengths[max(0, at - 1) : at] + lengths[at + 1 : at + 2],
        key=lambda other: (abs(other - length), other),
    )
    if length >= closest:
        return 1.0
    return math.exp(1 - closest / length) if length else 0.0
