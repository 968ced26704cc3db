"""Readability: the school grade that an English text is written for."""

from __future__ import annotations

import math
import re

from vs_core.metrics.inputs import Texts, texts_of

__all__ = ["reading_grade"]

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE = re.compile(r"[.!?…]+(?=[\s\"'”’)]|$)")
_VOWELS = re.compile(r"[aeiouyäöüáéíóúàèìòù]+")


def reading_grade(texts: Texts) -> float:
    """Flesch–Kincaid grade level over all texts together (Kincaid et al. 1975).

    0.39 · words / sentences + 11.8 · syllables / words − 15.59. Syllables are counted as runs of
    vowels, a silent e at the end aside: near enough for a mean over many words, not for one.

    Args:
        texts: Strings or candidates, in English. Each ends a sentence.

    Returns:
        US school grades; −3.4 for words of one syllable alone in sentences of one. ``nan`` without
        a word.

    Raises:
        ConfigurationError: If ``texts`` is one string.
    """
    words = sentences = syllables = 0
    for text in texts_of(texts):
        found = _WORD.findall(text.lower())
        words += len(found)
        syllables += sum(map(_syllables, found))
        if found:
            sentences += max(1, len([s for s in _SENTENCE.split(text) if _WORD.search(s)]))
    if not words:
        return math.nan
    return 0.39 * words / sentences + 11.8 * syllables / words - 15.59


def _syllables(word: str) -> int:
    count = len(_VOWELS.findall(word))
    silent = word.endswith("e") and not word.endswith(("le", "ee", "ie", "ye")) and count > 1
    return max(1, count - silent)
