"""The words by which models label probabilities and texts, in the languages they answer in."""

from __future__ import annotations

__all__ = ["CANDIDATE_WORDS", "PROBABILITY_WORDS", "TEXT_WORDS", "is_probability_word"]

PROBABILITY_WORDS = (
    "probability", "probabilities", "prob", "prob.", "p", "likelihood", "confidence", "chance",
    "percentage", "weight", "nll", "negative log-likelihood", "perplexity", "ppl",
    "확률", "概率", "機率", "几率", "確率", "可能性",
    "wahrscheinlichkeit", "wahrsch.", "probabilidad", "probabilidade", "probabilité", "probabilità",
    "kans", "waarschijnlijkheid", "sannolikhet", "sandsynlighed", "sannsynlighet",
    "prawdopodobieństwo", "pravděpodobnost", "вероятность", "ймовірність", "olasılık",
    "احتمال", "संभावना", "xác suất", "todennäköisyys",
)  # fmt: skip
"""Labels of a number that is a probability, lower case."""

CANDIDATE_WORDS = (
    "response", "answer", "candidate", "option", "sample", "completion", "output", "result", "item",
    "joke", "story", "poem", "query", "question", "variation", "version", "alternative", "idea",
    "응답", "답변", "回答", "回复", "答案", "応答", "antwort", "respuesta", "resposta", "réponse",
    "risposta", "svar", "odpowiedź", "ответ", "відповідь", "yanıt", "cevap", "إجابة", "उत्तर",
)  # fmt: skip
"""Labels of a numbered candidate, lower case."""

TEXT_WORDS = (
    "text", "content", "response", "answer", "joke", "story", "poem", "query", "question",
    "텍스트", "내용", "文本", "内容", "テキスト", "texto", "texte", "testo", "tekst", "текст",
    "metin",
)  # fmt: skip
"""Labels of a candidate's text, lower case."""


_PROBABILITY_WORDS = frozenset(PROBABILITY_WORDS)


def is_probability_word(word: str) -> bool:
    """Whether a label, in any case, names a probability."""
    return word.strip().lower() in _PROBABILITY_WORDS
