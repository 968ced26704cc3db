"""Answers that are the same in other words, merged: their probabilities add up."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding

from vs_core import Candidate, ConfigurationError, Distribution
from vs_llama_index.citing import ABSTAINS, SOURCES, UNKNOWN

__all__ = ["Merge", "by_embedding", "merged", "normalised", "require_merge"]

Merge = Literal["exact", "normalised", "embedding"] | None

_ARTICLES = re.compile(r"\b(?:an|the)\s+|^a\s+")  # an "a" elsewhere may be a name: Vitamin A
# Signs that tell answers apart stay: those in and before numbers, of C++ and C#, and units.
_PUNCTUATION = re.compile(
    r"(?!(?<=\d)[.,:/](?=\d)|[-−+](?=\d)|(?<=[^\W\d+#])[+#]|(?<=[+#])[+#]|[%‰°$€£¥])[^\w\s]"
)


def require_merge(merge: Any, threshold: float) -> None:
    """Refuse what cannot be merged by.

    Raises:
        ConfigurationError: If ``merge`` is unknown or the threshold is not on [-1, 1].
    """
    known = get_args(get_args(Merge)[0])
    if merge is not None and merge not in known:
        raise ConfigurationError(f"merge must be None or one of {', '.join(known)}, not {merge!r}.")
    if not -1 <= threshold <= 1:
        raise ConfigurationError(f"similarity must be from -1 to 1, not {threshold!r}.")


def normalised(text: str) -> str:
    """Return a text without case, punctuation, English articles and superfluous white space.

    What makes another answer of it stays: the signs of numbers, of units, and of ``C++``.

    Source: after the normalisation of SQuAD's evaluation (Rajpurkar et al. 2016, EMNLP), which
    drops more.
    """
    plain = " ".join(_PUNCTUATION.sub(" ", text.casefold()).split())
    return _ARTICLES.sub("", plain) or text


def by_embedding(
    texts: Sequence[str],
    vectors: Sequence[Embedding],
    threshold: float,
    embed_model: BaseEmbedding,
) -> Callable[[str], int]:
    """Return what tells which group a text is in: near texts are in one.

    A text joins the first group to the first text of which it is similar enough; so a group does
    not drift away from where it began.

    Args:
        texts: The texts, in the order in which groups are to begin.
        vectors: Their embeddings.
        threshold: Least similarity within a group, as the model's ``similarity`` measures it.
        embed_model: Measures it.
    """
    leaders: list[Embedding] = []
    groups: dict[str, int] = {}
    for text, vector in zip(texts, vectors, strict=True):
        near = (i for i, e in enumerate(leaders) if embed_model.similarity(e, vector) >= threshold)
        groups[text] = next(near, len(leaders))
        if groups[text] == len(leaders):
            leaders.append(vector)
    return groups.__getitem__


def merged(distribution: Distribution, key: Callable[[str], Any]) -> Distribution:
    """Merge the candidates whose texts have the same key, adding up their probabilities.

    All that abstain are of one kind. The first of each kind stays. Its metadata gets the sources of
    all of them, and the other wordings as ``"merged"``.
    """

    def kind(candidate: Candidate) -> Any:
        return ABSTAINS if candidate.metadata.get(ABSTAINS) else (key(candidate.text),)

    groups: dict[Any, list[Candidate]] = {}
    for candidate in distribution:
        groups.setdefault(kind(candidate), []).append(candidate)

    def together(candidate: Candidate) -> Candidate:
        group = groups[kind(candidate)]
        if len(group) == 1:
            return candidate
        about: dict[str, Any] = {"merged": [one.text for one in group[1:]]}
        for name in (SOURCES, UNKNOWN):
            found = [number for one in group for number in one.metadata.get(name, ())]
            if found:
                about[name] = list(dict.fromkeys(found))
        return candidate.model_copy(update={"metadata": {**candidate.metadata, **about}})

    return distribution.dedupe(kind).map(together)
