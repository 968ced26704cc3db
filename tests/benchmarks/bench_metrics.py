"""What the metrics cost, as ratios to named baselines in the same run.

Run: python -m tests.benchmarks.bench_metrics

The best of a few runs, ours and the baseline's in turn. A baseline that cannot be run at full size
is run at the largest one that can and extrapolated by its order, which is said.
"""

from __future__ import annotations

import os
import random
import time
import tracemalloc
from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from rouge_score.rouge_scorer import RougeScorer
from sklearn.metrics.pairwise import cosine_similarity

from vs_core.metrics import lexical_diversity, self_bleu, semantic_diversity, vendi_score
from vs_core.metrics.lexical import words

DIMENSIONS = 384


def texts(n: int, length: int = 110) -> list[str]:
    """Texts of about ``length`` words that follow Zipf's law, as those of a language do."""
    rng = random.Random(n)
    vocabulary = [f"word{number}" for number in range(5000)]
    weights = [1 / (rank + 1) for rank in range(5000)]
    return [
        " ".join(rng.choices(vocabulary, weights, k=rng.randint(length - 15, length + 15)))
        for _ in range(n)
    ]


def embeddings(n: int) -> np.ndarray:
    rng = np.random.default_rng(n)
    return rng.standard_normal((n, DIMENSIONS), dtype=np.float32) + np.float32(0.1)


def textbook_rouge_l(a: Sequence[str], b: Sequence[str]) -> float:
    """F1 of the longest common subsequence, by the dynamic programme of the textbooks."""
    row = [0] * (len(b) + 1)
    for word in a:
        corner = 0
        for at, other in enumerate(b, 1):
            above = row[at]
            row[at] = corner + 1 if word == other else max(above, row[at - 1])
            corner = above
    return 2 * row[-1] / (len(a) + len(b))


def textbook_diversity(texts: Sequence[str]) -> float:
    scores = [textbook_rouge_l(a, b) for a, b in combinations(list(map(words, texts)), 2)]
    return 1 - sum(scores) / len(scores)


def rouge_score_diversity(texts: Sequence[str]) -> float:
    scorer = RougeScorer(["rougeL"])
    scores = [scorer.score(a, b)["rougeL"].fmeasure for a, b in combinations(texts, 2)]
    return 1 - sum(scores) / len(scores)


def sklearn_diversity(vectors: np.ndarray) -> float:
    matrix = cosine_similarity(vectors)
    n = len(vectors)
    return float(1 - (matrix.sum(dtype=np.float64) - n) / (n * (n - 1)))


def nltk_self_bleu(texts: Sequence[str]) -> float:
    split, smoothing = list(map(words, texts)), SmoothingFunction().method1
    scores = [
        sentence_bleu(split[:at] + split[at + 1 :], text, smoothing_function=smoothing)
        for at, text in enumerate(split)
    ]
    return sum(scores) / len(scores)


def seconds(work: Callable[[], float], runs: int = 3) -> tuple[float, float]:
    """Least seconds of a few runs, and the result."""
    least = float("inf")
    for _ in range(runs):
        begin = time.perf_counter()
        result = work()
        least = min(least, time.perf_counter() - begin)
    return least, result


def show(title: str, ours: float, base: float, note: str = "") -> None:
    ratio = f"{base / ours:8.1f}x faster" if ours < base else f"{ours / base:8.1f}x slower"
    print(f"{title:<58}{ours:10.4f} s {base:10.3f} s {ratio}{note}")


def lexical() -> None:
    sample = texts(200)
    ours, value = seconds(lambda: lexical_diversity(sample))
    few = sample[:40]
    share = (200 * 199) / (40 * 39)  # pairs of 200 texts / pairs of 40
    for name, base in (
        ("the textbook programme", textbook_diversity),
        ("rouge-score", rouge_score_diversity),
    ):
        spent, expected = seconds(lambda work=base: work(few), 1)
        assert abs(lexical_diversity(few) - expected) < 1e-9
        show(f"ROUGE-L, 200 texts / {name}", ours, spent * share, " a pair (40 texts)")
    alone, again = seconds(lambda: lexical_diversity(sample, workers=1))
    assert again == value
    print(f"  on one thread {alone:.4g} s, on {os.cpu_count()} cores {ours:.4g} s")
    many = texts(2000)
    spent, _ = seconds(lambda: lexical_diversity(many), 1)
    print(f"  2,000 texts, {2000 * 1999 // 2:,} pairs: {spent:.2f} s\n")

    ours, value = seconds(lambda: self_bleu(sample))
    spent, expected = seconds(lambda: nltk_self_bleu(sample), 1)
    assert abs(value - expected) < 1e-9
    show("Self-BLEU, 200 texts / NLTK", ours, spent)


def semantic() -> None:
    vectors = embeddings(100_000)
    few = vectors[:8000]
    share = (len(vectors) / len(few)) ** 2
    spent, expected = seconds(lambda: sklearn_diversity(few))
    note = " (8,000 rows, n² beyond)"
    assert abs(semantic_diversity(few) - expected) < 1e-6  # its matrix is in single precision
    ours, _ = seconds(lambda: semantic_diversity(vectors))
    show("semantic diversity, 100,000 x 384 / sklearn's matrix", ours, spent * share, note)
    part = vectors[:20_000]
    ours, _ = seconds(lambda: semantic_diversity(part, clip=True), 1)
    show("clipped, 20,000 x 384 / sklearn's matrix", ours, spent * (20_000 / 8000) ** 2, note)


def peak(work: Callable[[], float]) -> float:
    """Most megabytes that a call holds beyond what was there."""
    tracemalloc.start()
    work()
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return size / 1e6


def row(title: str, metric: Callable[..., float], make: Callable, sizes: Sequence[int]) -> None:
    cells = []
    for n in sizes:
        items = make(n)
        spent, _ = seconds(lambda given=items: metric(given), 1)
        cells.append(f"{n:>11,}: {spent:8.3f} s {peak(lambda given=items: metric(given)):7.1f} MB")
    print(f"{title:<20}", *cells)


def scaling() -> None:
    print("\ngrowth: time, and memory beyond the input")
    row("semantic", semantic_diversity, embeddings, (10_000, 100_000, 1_000_000))
    row("semantic, clipped", lambda v: semantic_diversity(v, clip=True), embeddings,
        (2_500, 5_000, 10_000))  # fmt: skip
    row("Vendi score", vendi_score, embeddings, (1_000, 10_000, 100_000))
    row("lexical", lexical_diversity, texts, (500, 1_000, 2_000))
    row("Self-BLEU", self_bleu, texts, (500, 1_000, 2_000))


def main() -> None:
    print(f"{os.cpu_count()} cores; ours, baseline, ratio")
    lexical()
    semantic()
    scaling()


if __name__ == "__main__":
    main()
