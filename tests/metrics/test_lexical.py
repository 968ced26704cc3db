"""Diversity by words: against rouge-score and NLTK."""

from itertools import combinations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from rouge_score.rouge_scorer import RougeScorer

from tests.strict import warnings_are_errors
from vs_core import ConfigurationError, Distribution
from vs_core.metrics import distinct_n, lexical, lexical_diversity, rouge_l, self_bleu

pytestmark = warnings_are_errors

SCORER = RougeScorer(["rougeL"])
VOCABULARY = ["the", "a", "bear", "bears", "ran", "Ran,", "fast."]
sentences = st.lists(st.sampled_from(VOCABULARY), max_size=14).map(" ".join)
ascii_texts = st.text(st.characters(max_codepoint=126), max_size=40)


def reference_rouge_l(a: str, b: str) -> float:
    return SCORER.score(a, b)["rougeL"].fmeasure


@given(sentences | ascii_texts, sentences | ascii_texts)
def test_rouge_l_agrees_with_rouge_score(a, b):
    assume(lexical.words(a) or lexical.words(b))  # of two empty texts the docstring speaks
    assert rouge_l(a, b) == pytest.approx(reference_rouge_l(a, b), abs=1e-9)
    assert rouge_l(a, b) == rouge_l(b, a)


@given(st.lists(sentences.filter(bool), min_size=2, max_size=12))
def test_lexical_diversity_agrees_with_rouge_score(texts):
    scores = [reference_rouge_l(a, b) for a, b in combinations(texts, 2)]
    expected = 1 - sum(scores) / len(scores)
    assert lexical_diversity(texts) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("n", range(2, 12))
def test_blocks_of_any_number_add_up(n, monkeypatch):
    monkeypatch.setattr(lexical, "_ROWS", 3)
    texts = [" ".join("abcde"[: index % 6]) for index in range(n)]
    scores = [rouge_l(a, b) for a, b in combinations(texts, 2)]
    expected = 1 - sum(scores) / len(scores)
    assert lexical_diversity(texts, workers=1) == pytest.approx(expected, abs=1e-12)


def test_documented_values_of_lexical_diversity():
    assert lexical_diversity([]) == 0
    assert lexical_diversity(["one text"]) == 0
    assert lexical_diversity(["the same words"] * 5) == 0
    assert lexical_diversity(["", "?!"]) == 0
    assert lexical_diversity(["a b", "c d", ""]) == 1
    assert rouge_l("", "...") == 1
    assert rouge_l("word", "") == 0


def test_words_of_any_script_and_tokenisers_of_ones_own():
    assert lexical.words("Ça va, l'été_2024?") == ["ça", "va", "l", "été", "2024"]
    assert lexical.words("漢字 and 안녕") == ["漢", "字", "and", "안", "녕"]
    assert rouge_l("漢字", "漢語") == 0.5
    assert rouge_l("กข", "กค") == 0
    assert rouge_l("กข", "กค", tokenize=list) == 0.5
    assert lexical_diversity(["กข", "กค"], tokenize=list) == 0.5
    assert distinct_n(["กขก"], 1, tokenize=list) == pytest.approx(2 / 3)
    assert self_bleu(["กข", "กข"], tokenize=list) == 1


def test_candidates_are_texts():
    assert lexical_diversity(Distribution(["a b", "a c"])) == 0.5
    assert distinct_n(Distribution(["a b", "a c"]), 1) == 0.75


@pytest.mark.parametrize("metric", [lexical_diversity, distinct_n, self_bleu])
def test_one_text_is_not_a_list_of_letters(metric):
    with pytest.raises(ConfigurationError, match="list of texts"):
        metric("one text")


# --- distinct-n --------------------------------------------------------------------------------


@given(st.lists(sentences, max_size=8), st.integers(1, 4))
def test_distinct_n_counts_n_grams(texts, n):
    from nltk.util import ngrams

    grams = [gram for text in texts for gram in ngrams(lexical.words(text), n)]
    expected = len(set(grams)) / len(grams) if grams else 0
    assert distinct_n(texts, n) == pytest.approx(expected, abs=1e-12)


def test_documented_values_of_distinct_n():
    assert distinct_n([]) == 0
    assert distinct_n(["word"], 2) == 0
    assert distinct_n(["a b c"], 2) == 1
    assert distinct_n(["a b c"] * 4, 2) == 0.25


# --- Self-BLEU ---------------------------------------------------------------------------------


def reference_bleu(index, split, n) -> float:
    text, others = split[index], split[:index] + split[index + 1 :]
    orders = max(1, min(n, len(text)))
    smoothing = SmoothingFunction().method1
    return sentence_bleu(others, text, (1 / orders,) * orders, smoothing_function=smoothing)


@given(st.lists(sentences.filter(bool), min_size=2, max_size=8), st.integers(1, 5))
def test_self_bleu_agrees_with_nltk(texts, n):
    split = [lexical.words(text) for text in texts]
    scores = [reference_bleu(index, split, n) for index in range(len(split))]
    assert self_bleu(texts, n) == pytest.approx(sum(scores) / len(scores), abs=1e-9)


def test_documented_values_of_self_bleu():
    assert self_bleu([]) == 1
    assert self_bleu(["one text"]) == 1
    assert self_bleu(["the same five words here"] * 3) == pytest.approx(1)
    assert self_bleu(["short"] * 3) == pytest.approx(1)
    assert self_bleu(["", ""]) == 1
    assert self_bleu(["a b c d", "e f g h"]) == 0


@pytest.mark.parametrize("metric", [distinct_n, self_bleu])
def test_an_n_gram_has_a_word(metric):
    with pytest.raises(ConfigurationError, match="at least 1"):
        metric(["a"], 0)
