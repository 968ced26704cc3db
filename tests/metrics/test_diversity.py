"""Diversity by meaning: against scikit-learn, and the Vendi score's formula written out."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_similarity

from tests.strict import warnings_are_errors
from vs_core import ConfigurationError, Distribution
from vs_core.equivalence import ByText
from vs_core.metrics import distinct_k, diversity, semantic_diversity, utility, vendi_score

pytestmark = warnings_are_errors

shapes = st.tuples(st.integers(2, 40), st.integers(1, 12), st.integers(0, 2**32))


def embeddings(n, dimensions, seed, shift=0.3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dimensions)) * rng.exponential(size=(n, 1)) + shift


def mean_over_pairs(matrix):
    return matrix[np.triu_indices(len(matrix), k=1)].mean()


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks and tiles so small that several make up the few vectors of a test."""
    monkeypatch.setattr(diversity, "_ROWS", 3)
    monkeypatch.setattr(diversity, "_TILE", 4)


@given(shapes)
def test_semantic_diversity_agrees_with_the_pairwise_matrix(shape):
    vectors = embeddings(*shape)
    expected = 1 - mean_over_pairs(cosine_similarity(vectors))
    assert semantic_diversity(vectors) == pytest.approx(expected, abs=1e-9)


@given(shapes)
def test_the_clipped_variant_agrees_with_the_clipped_matrix(shape):
    vectors = embeddings(*shape, shift=0)
    expected = 1 - mean_over_pairs(np.maximum(cosine_similarity(vectors), 0))
    assert semantic_diversity(vectors, clip=True) == pytest.approx(expected, abs=1e-9)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("n", range(2, 14))
@pytest.mark.parametrize("clip", [False, True])
def test_blocks_of_any_number_add_up(n, clip):
    vectors = embeddings(n, 5, n, shift=0)
    vectors[n // 2] = 0
    matrix = cosine_similarity(vectors)
    expected = 1 - mean_over_pairs(np.maximum(matrix, 0) if clip else matrix)
    assert semantic_diversity(vectors, clip=clip) == pytest.approx(expected, abs=1e-9)


def test_single_precision_is_summed_in_double():
    vectors = embeddings(5000, 64, 1).astype(np.float32)
    expected = 1 - mean_over_pairs(cosine_similarity(vectors.astype(np.float64)))
    assert semantic_diversity(vectors) == pytest.approx(expected, abs=1e-9)


def test_an_array_on_disk_will_do(tmp_path):
    vectors = embeddings(50, 4, 2)
    stored = np.memmap(tmp_path / "vectors", dtype="f8", mode="w+", shape=vectors.shape)
    stored[:] = vectors
    assert semantic_diversity(stored) == pytest.approx(semantic_diversity(vectors), abs=1e-12)


@pytest.mark.parametrize("clip", [False, True])
def test_documented_values_of_semantic_diversity(clip):
    assert semantic_diversity([], clip=clip) == 0
    assert semantic_diversity(np.zeros((0, 8)), clip=clip) == 0
    assert semantic_diversity([[1.0, 2.0]], clip=clip) == 0
    assert semantic_diversity([[1.0, 2.0]] * 7, clip=clip) == pytest.approx(0, abs=1e-12)
    assert semantic_diversity([[1, 0], [0, 1]], clip=clip) == pytest.approx(1)
    assert semantic_diversity([[1, 0], [-2, 0]], clip=clip) == pytest.approx(1 if clip else 2)
    assert semantic_diversity([[0.0, 0.0], [1.0, 0.0]], clip=clip) == 1


def test_texts_are_embedded_by_any_callable():
    def letters(texts):
        return [[text.count(letter) for letter in "abc"] for text in texts]

    texts = ["aab", "bcc", "cab"]
    expected = semantic_diversity(letters(texts))
    assert semantic_diversity(texts, embed=letters) == expected
    assert semantic_diversity(Distribution(texts), embed=letters) == expected
    assert vendi_score(Distribution(texts), embed=letters) == vendi_score(letters(texts))


def test_an_embedder_is_not_asked_for_nothing():
    def refuse(texts):
        raise AssertionError(f"asked to embed {texts}")

    assert semantic_diversity([], embed=refuse) == vendi_score([], embed=refuse) == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["a", "b"], "texts need embed="),
        ([[1.0], [1.0, 2.0]], "equal length"),
        ([1.0, 2.0], r"shape \(n, dimensions\)"),
        ([[1.0], [math.nan]], "Embedding 1 is not finite"),
        ([[1.0], [math.inf]], "Embedding 1 is not finite"),
    ],
)
@pytest.mark.parametrize("metric", [semantic_diversity, vendi_score])
def test_what_is_not_an_embedding_is_said(metric, wrong, message):
    with pytest.raises(ConfigurationError, match=message):
        metric(wrong)


# --- Vendi score -------------------------------------------------------------------------------


def vendi_by_formula(kernel, q):
    """Definition 3.1 of the paper, and its generalisation, literally."""
    eigenvalues = [value for value in np.linalg.eigvals(kernel / len(kernel)).real if value > 1e-12]
    if q == 1:
        return math.exp(-sum(value * math.log(value) for value in eigenvalues))
    if q == math.inf:
        return 1 / max(eigenvalues)
    return sum(value**q for value in eigenvalues) ** (1 / (1 - q))


@pytest.mark.parametrize("q", [0.5, 1, 2, math.inf])
@given(shapes)
def test_the_vendi_score_agrees_with_its_formula(q, shape):
    vectors = embeddings(*shape)
    kernel = cosine_similarity(vectors)
    expected = vendi_by_formula(kernel, q)
    if q >= 1:  # below, rounding in zero eigenvalues counts on both sides
        assert vendi_score(vectors, q=q) == pytest.approx(expected, abs=1e-9)
    assert vendi_score(vectors, q=q) == pytest.approx(expected, rel=1e-4)
    by_pairs = vendi_score(range(len(vectors)), similarity=lambda i, j: kernel[i, j], q=q)
    assert by_pairs == pytest.approx(expected, rel=1e-4 if q < 1 else 1e-9)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("n", [2, 5, 6, 7, 14])
def test_the_vendi_score_of_blocks_adds_up(n):
    vectors = embeddings(n, 6, n)
    vectors[0] = 0
    kernel = cosine_similarity(vectors)
    kernel[0, 0] = 1
    assert vendi_score(vectors) == pytest.approx(vendi_by_formula(kernel, 1), abs=1e-9)


@pytest.mark.parametrize("q", [0.5, 1, 2, math.inf])
def test_documented_values_of_the_vendi_score(q):
    assert vendi_score([], q=q) == 0
    assert vendi_score(["one"], similarity=lambda *_: 1.0, q=q) == pytest.approx(1)
    assert vendi_score([], similarity=lambda a, b: 0, q=q) == 0
    assert vendi_score([[3.0, 4.0]], q=q) == pytest.approx(1)
    assert vendi_score([[3.0, 4.0]] * 6, q=q) == pytest.approx(1)
    assert vendi_score(np.eye(6), q=q) == pytest.approx(6)
    assert vendi_score("aabb", similarity=lambda a, b: a == b, q=q) == pytest.approx(2)
    assert vendi_score([[0.0], [0.0], [1.0]], q=q) == pytest.approx(3)  # zeros are like nothing


@pytest.mark.parametrize("q", [0, -1, math.nan])
def test_the_order_of_the_vendi_score_is_positive(q):
    with pytest.raises(ConfigurationError, match="must be over 0"):
        vendi_score([[1.0]], q=q)


# --- distinct_k --------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 30)))
def test_distinct_k_counts_the_classes_of_an_equivalence(numbers):
    assert distinct_k(numbers, same=lambda a, b: a % 7 == b % 7) == len({n % 7 for n in numbers})


def test_distinct_k_compares_with_the_first_of_a_class():
    assert distinct_k([1, 2, 3], same=lambda a, b: abs(a - b) <= 1) == 2  # 3 is not near 1


def test_distinct_k_of_texts_and_documented_values():
    assert distinct_k(["Why  me?", "why me?", "Not me."]) == 2
    assert distinct_k(Distribution(["a", "A", "b"])) == 2
    assert distinct_k([]) == 0
    assert distinct_k(["a"]) == 1
    with pytest.raises(ConfigurationError, match="list of texts"):
        distinct_k("one text")


# --- an equivalence ------------------------------------------------------------------------------


def test_classes_of_an_equivalence_are_counted():
    texts = ["a cat", "A cat.", "a dog", "the cat"]
    assert distinct_k(texts) == 4
    assert distinct_k(texts, same=ByText()) == 3
    assert distinct_k(texts, same=ByText(lambda text: text.strip(".")[-3:])) == 2


def test_utility_is_that_of_noveltybench():
    # By hand: 1, 0 (a repeat), 3 at weights 1, .8, .64; the patience .5 has 1, .5, .25.
    assert utility(["a", "A", "b"], [1, 2, 3]) == pytest.approx((1 + 0.64 * 3) / 2.44)
    assert utility(["a", "A", "b"], [1, 2, 3], patience=0.5) == pytest.approx(1.75 / 1.75)
    assert utility(["a", "b"], [1, 2], patience=1) == 1.5
    assert utility(["a", "b"], [1, 2], patience=0) == 1
    assert utility(["a", "a b"], [1, 1], same=ByText(lambda text: text[0])) == pytest.approx(
        1 / 1.8
    )
    assert math.isnan(utility([], []))


@pytest.mark.parametrize(
    ("worth", "patience", "message"), [([1], 0.8, "2 items"), ([1, 1], 1.5, "patience")]
)
def test_utility_of_what_cannot_be(worth, patience, message):
    with pytest.raises(ConfigurationError, match=message):
        utility(["a", "b"], worth, patience=patience)
