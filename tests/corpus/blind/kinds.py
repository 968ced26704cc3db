"""What a case is, and how a kind of notation becomes several cases."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

from .texts import PROFILES, SUMS_TO_ONE, TEXTS

SETS_PER_KIND = 6

LINE = r"\n"
"""Regular expression of what a notation of one line per text cannot hold."""
BLANK = r"\n\s*\n"
"""What a notation whose candidates are separated by blank lines cannot hold."""


class Item(NamedTuple):
    """A text and its probability (0 to 1), or None where the answer gives none."""

    text: str
    p: float | None


Truth = tuple[Item, ...]


@dataclass(frozen=True)
class Written:
    """An answer whose truth is not simply all of the items: any of ``truths`` is right."""

    answer: str
    truths: tuple[Truth, ...]
    k: int | None = None


@dataclass(frozen=True)
class Case:
    """One answer. ``truths`` are the readings that are right: mostly one, sometimes more."""

    group: str
    kind: str
    name: str
    answer: str
    truths: tuple[Truth, ...]
    k: int


Render = Callable[[Sequence[Item]], "str | Written"]


@dataclass(frozen=True)
class Kind:
    """A way of writing a distribution.

    ``avoid`` is a regular expression of what a text must not contain to be readable in it.
    ``sets`` restricts the sets of texts; ``whole`` asks for numbers that sum to one.
    """

    group: str
    name: str
    render: Render
    avoid: str = ""
    sets: tuple[str, ...] = ()
    whole: bool = False

    def cases(self) -> Iterator[Case]:
        for chosen in self._chosen():
            items = items_of(chosen, self.name, whole=self.whole)
            written = self.render(items)
            if isinstance(written, str):
                written = Written(written, (tuple(items),))
            name = f"{self.group}/{self.name}/{chosen}"
            k = written.k or len(items)
            truths = tuple(dict.fromkeys(written.truths))
            yield Case(self.group, self.name, name, written.answer, truths, k)

    def _chosen(self) -> list[str]:
        fitting = [
            name
            for name in self.sets or TEXTS
            if not (self.avoid and any(re.search(self.avoid, text) for text in TEXTS[name]))
        ]
        fitting.sort(key=lambda name: crc32(f"{self.name}/{name}".encode()))
        return fitting[:SETS_PER_KIND]


def items_of(chosen: str, salt: str, *, whole: bool = False) -> list[Item]:
    """The texts of a set with probabilities that depend on ``salt`` only."""
    texts = TEXTS[chosen]
    if whole:
        numbers = SUMS_TO_ONE[len(texts)]
    else:
        numbers = PROFILES[crc32(f"{chosen}{salt}".encode()) % len(PROFILES)]
    return [Item(text, p) for text, p in zip(texts, numbers, strict=False)]


def alternatives(items: Iterable[Item], *others: Callable[[str], str]) -> tuple[Truth, ...]:
    """The items, and the items with every text changed by one of ``others``."""
    items = list(items)
    changed = (tuple(Item(other(text), p) for text, p in items) for other in others)
    return (tuple(items), *changed)


def number(p: float) -> str:
    return f"{p:g}"


def percent(p: float) -> str:
    return f"{p * 100:g}"


def fixed(p: float) -> str:
    return f"{p:.2f}" if round(p, 2) == p else f"{p:g}"


def comma(p: float) -> str:
    return fixed(p).replace(".", ",")


def sep(separator: str, each: Callable[[int, str, float], str]) -> Render:
    """Candidates written by ``each(number from 1, text, probability)``, joined."""

    def render(items: Sequence[Item]) -> str:
        return separator.join(each(i, text, p or 0.0) for i, (text, p) in enumerate(items, 1))

    return render


def lines(each: Callable[[int, str, float], str]) -> Render:
    return sep("\n", each)


def blocks(each: Callable[[int, str, float], str]) -> Render:
    return sep("\n\n", each)
