"""Aesop's fables with questions, an embedding made from their own words, and two measures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

HERE = Path(__file__).parent
SIMULATED = "From the simulated model, these figures show that the machinery works, nothing more."


@dataclass(frozen=True)
class Fable:
    id: str
    title: str
    text: str


@dataclass(frozen=True)
class Question:
    question: str
    passages: list[str]
    answers: list[list[str]]


def _lines(name: str) -> list[dict]:
    return [json.loads(line) for line in (HERE / name).read_text("utf-8").splitlines()]


FABLES = [Fable(**line) for line in _lines("passages.jsonl")]
QUESTIONS = [Question(**line) for line in _lines("questions.jsonl")]


class Lsa:
    """Latent semantic analysis: words that stand in the same fables point the same way.

    An embedding that is computed here, from these texts alone. For a real corpus take a real one.
    """

    def __init__(self, dimensions: int = 100) -> None:
        texts = [f"{fable.title}. {fable.text}" for fable in FABLES]
        words = TfidfVectorizer(sublinear_tf=True, stop_words="english")
        space = TruncatedSVD(dimensions, random_state=0)
        self._model = make_pipeline(words, space, Normalizer()).fit(texts)
        self._middle = self._model.transform(texts).mean(axis=0)

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        vectors = self._model.transform(list(texts))
        vectors[~vectors.any(axis=1)] = self._middle  # a text without a word of the fables
        return vectors.tolist()


def recall(question: Question, ids: Sequence[str], k: int) -> float:
    """Share of the right passages that stand among the first k."""
    return len(set(ids[:k]) & set(question.passages)) / len(question.passages)


def coverage(question: Question, answers: Iterable[str]) -> float:
    """Share of the right answers that are named in any of the answers."""
    said = " ".join(answers).lower()
    named = [any(_named(s, said) for s in spellings) for spellings in question.answers]
    return sum(named) / len(named)


def _named(spelling: str, said: str) -> bool:
    return re.search(rf"\b{re.escape(spelling.lower())}\b", said) is not None
