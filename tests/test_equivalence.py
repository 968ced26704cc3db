"""Answers that are the same in other words, by an embedder over HTTP."""

import pytest

from vs_core import ConfigurationError, MissingExtraError, ModelError
from vs_core.embedding import LocalEmbedder, OpenAIEmbedder
from vs_core.equivalence import ByMeaning, ByText
from vs_core.metrics.diversity import meaning_classes
from vs_core.testing import SimulatedServer

TEXTS = ["A bear in the wood.", "Quarterly figures.", "A bear in a wood.", "Quarterly figure."]


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret-key")
    with SimulatedServer() as server:
        yield server


def test_what_points_nearly_the_same_way_is_one_class():
    vectors = [[1, 0], [0, 1], [0.9, 0.1], [2, 0], [-1, 0], [0, 0], [0, 0]]
    assert meaning_classes(vectors, above=0.9) == [0, 1, 0, 0, 2, 3, 4]
    assert meaning_classes(vectors, above=1.0) == [0, 1, 2, 0, 3, 4, 5]
    assert meaning_classes([], above=0.9) == []
    # By the first member, so that a chain of near ones is no class that runs through the room.
    assert meaning_classes([[1, 0], [0.8, 0.6], [0.28, 0.96]], above=0.79) == [0, 0, 1]
    # Single precision takes nothing from a vector's likeness to itself.
    same = [[0.1, 0.7, 0.31]] * 50
    assert meaning_classes([*same], above=1.0) == [0] * 50


def test_an_embedder_over_http_puts_other_words_together(server):
    same = ByMeaning(OpenAIEmbedder("e", base_url=server.base_url), above=0.5)
    assert same.classes(TEXTS) == [0, 1, 0, 1]
    assert ByMeaning(same.embed, above=0.99).classes(TEXTS) == [0, 1, 2, 3]
    asked = len(server.requests)
    assert same.classes([*TEXTS, *TEXTS]) == [0, 1, 0, 1] * 2
    assert len(server.requests) == asked  # every text once


def test_an_embedder_that_fails_says_where_and_no_key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "another")  # which the endpoint repeats in its error
    with (
        SimulatedServer(names=["e"]) as server,
        pytest.raises(ModelError, match=r"Embedding by 'another' at http.* failed.*404") as caught,
    ):
        OpenAIEmbedder("another", base_url=server.base_url)(TEXTS)
    assert str(caught.value).count("another") == 1  # the model's name, and no key


def test_what_cannot_work_is_an_error():
    with pytest.raises(ConfigurationError, match="cosine"):
        ByMeaning(lambda texts: texts, above=1.5)
    with pytest.raises(ConfigurationError, match="for 2 texts; it must give a row for each"):
        ByMeaning(lambda _: [[1.0]], above=0.5).classes(["a", "b"])


def test_a_key_of_the_text_puts_answers_together_and_everything_has_a_label():
    assert ByText().classes(["Ohio.", "iowa", " OHIO", "Utah"]) == [0, 1, 0, 2]
    assert ByText(len).classes(["ab", "c", "de"]) == [0, 1, 0]
    assert (ByText().label, ByText(len).label) == ("text", "len")
    assert ByMeaning(OpenAIEmbedder("e"), 0.9).label == "cosine ≥ 0.9 of e"
    assert ByMeaning(lambda texts: [[1.0]] * len(texts), 0.75).label == "cosine ≥ 0.75"


def test_a_local_embedder_names_what_installs_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"vs-core\[embed\]"):
        LocalEmbedder()
