"""Questions with many right answers: how many were found, and how many answers are right."""

from __future__ import annotations

import math
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vs_core.errors import ConfigurationError
from vs_core.metrics.inputs import Texts, texts_of

__all__ = ["Spellings", "Truth", "coverage", "plain", "precision"]

Truth = Iterable[Any] | Mapping[str, Any]
"""The right answers: each a string, or a collection of spellings of one answer; or a mapping from
an answer to its other spelling or spellings."""

_EDGES = " .,;:!?\"'`*_“”‘’«»()[]"
"""What may surround an answer and is no part of it."""


def plain(text: str) -> str:
    """Return the text as answers are compared: compatibility forms, case and white space aside.

    Punctuation at the ends goes too, unless nothing else is there.
    """
    text = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return text.strip(_EDGES) or text


_LONGEST = 1000
"""Characters of an answer that are looked at."""

_LEAD = re.compile(
    r"(?:(?:sure|certainly|of course|okay|ok|well)[,:.!]? )?"
    r"(?:(?:the|my|an?|one|your) (?:[\w-]{1,30} ){0,4}?(?:is|would be|could be)"
    r"|(?:it|that)(?:['’]s| is| would be)|this is"
    r"|i(?:['’]d| would|['’]ll| will)? (?:say|choose|pick|name|answer|suggest|guess|go with)"
    r"|(?:final )?answer)[:,]? "
)
"""What may announce an answer and is no part of it: "The state is …", "I would say …"."""

_DENIED = re.compile(r"\b(?:not|never|no|wrong|incorrect|least)\b|n['’]t\b")
_ARTICLE = re.compile(r"(?:the|an?) ")
_BESIDE = re.compile(r"(.+) \((.+)\)?")


class Spellings:
    """The right answers by their spellings, and the one that a text gives.

    A text gives an answer if all of it is a spelling: equal after `plain`, an announcement ("The
    state is …"), an article, and a second spelling in brackets aside. A sentence about an answer,
    or a longer name that holds it, is none. Answers that share a spelling cannot be told apart, so
    they are one answer, with a warning.

    Args:
        truth: The right answers with their spellings; see `Truth`.
        normalise: Applied to texts and spellings; with another than `plain` they must then be
            equal.

    Attributes:
        groups: The spellings of each answer.

    Raises:
        ConfigurationError: If what should be a collection is one string.
    """

    def __init__(self, truth: Truth, normalise: Callable[[str], str] = plain) -> None:
        if isinstance(truth, str):
            raise ConfigurationError(
                f"Give a collection of right answers, not one: {truth[:60]!r}."
            )
        if isinstance(truth, Mapping):
            truth = [[name, *_several(others)] for name, others in truth.items()]
        self._normalise = normalise
        self.groups = _merged([_several(item) for item in truth], normalise)
        self._places = {
            normalise(spelling): place
            for place, group in enumerate(self.groups)
            for spelling in group
        }

    def find(self, text: str) -> int | None:
        """Return the place in ``groups`` of the answer that a text gives; None for none."""
        shown = self._normalise(text[:_LONGEST])
        if self._normalise is not plain:
            return self._places.get(shown)
        bare = shown
        if lead := _LEAD.match(shown):
            bare = "" if _DENIED.search(lead[0]) else shown[lead.end() :].strip(_EDGES)
        for form in (shown, bare, _ARTICLE.sub("", bare, count=1) if _ARTICLE.match(bare) else ""):
            if form in self._places:
                return self._places[form]
        if beside := _BESIDE.fullmatch(bare):  # plain has taken the closing bracket
            first, second = (self._places.get(part.strip(_EDGES)) for part in beside.groups())
            return first if first == second else None
        return None


def _merged(groups: list[list[str]], normalise: Callable[[str], str]) -> list[list[str]]:
    """Put groups that share a spelling together, in the order of the first of each."""
    places: dict[str, int] = {}
    merged: dict[int, list[str]] = {}
    shared = []
    for number, group in enumerate(groups):
        keys = {normalise(spelling): spelling for spelling in group}
        others = sorted({places[key] for key in keys if key in places})
        home = others[0] if others else number
        if others:
            shared.append(next(spelling for key, spelling in keys.items() if key in places))
        merged.setdefault(home, []).extend(group)
        for other in others[1:]:
            merged[home] += merged.pop(other)
        for spelling in merged[home]:
            places[normalise(spelling)] = home
    if shared:
        warnings.warn(
            f"{len(shared)} right answers share a spelling with another, such as {shared[0]!r}: "
            f"they count as one, which leaves {len(merged)} of {len(groups)}.",
            stacklevel=2,
        )
    return list(merged.values())


def coverage(answers: Texts, truth: Truth, *, normalise: Callable[[str], str] = plain) -> float:
    """Coverage-N: the share of the right answers that are among the answers (Zhang et al. 2025).

    Args:
        answers: Strings or candidates; N of them, repeats included.
        truth: The right answers with their spellings; see `Truth`. Those that share a spelling are
            one, with a warning.
        normalise: Applied to answers and spellings, which then must be equal; see `Spellings` for
            what is left out by default.

    Returns:
        On [0, 1]; 0 for no answers, ``nan`` if there is no right answer.

    Raises:
        ConfigurationError: If what should be a collection is one string.
    """
    right = Spellings(truth, normalise)
    found = {right.find(text) for text in texts_of(answers)} - {None}
    return len(found) / len(right.groups) if right.groups else math.nan


def precision(answers: Texts, truth: Truth, *, normalise: Callable[[str], str] = plain) -> float:
    """Return the share of the answers that are right, repeats included (Zhang et al. 2025).

    Args:
        answers: Strings or candidates.
        truth: The right answers with their spellings; see `Truth`.
        normalise: As for `coverage`.

    Returns:
        On [0, 1]; ``nan`` for no answers.

    Raises:
        ConfigurationError: As `coverage`.
    """
    right = Spellings(truth, normalise)
    given = [right.find(text) for text in texts_of(answers)]
    return sum(place is not None for place in given) / len(given) if given else math.nan


def _several(item: str | Iterable[str]) -> list[str]:
    return [item] if isinstance(item, str) else list(item)
