"""Direct and verbalized, side by side, as they come in."""

from __future__ import annotations

import html
from collections.abc import Generator, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from vs_core.candidates import Candidate, Distribution, plain_text
from vs_core.concurrency import Failed, in_parallel
from vs_core.display import shorten
from vs_core.driver import stream
from vs_core.equivalence import ByMeaning
from vs_core.errors import VSError
from vs_core.metrics import semantic_diversity
from vs_core.studio.settings import Settings

__all__ = ["Group", "Meaning", "Side", "alike", "both"]


@dataclass(frozen=True)
class Meaning:
    """What an embedder says of the candidates of a side.

    Args:
        vectors: One for each candidate.
        classes: The number of its class for each.
    """

    vectors: Sequence[Any]
    classes: Sequence[int]


@dataclass(frozen=True)
class Side:
    """One of the two.

    Args:
        title: What it is.
        found: The candidates so far.
        done: Whether it is at its end.
        error: Why it ended early, or was not embedded; "" if it did not fail.
        meaning: What they mean, where there is an embedder; known at the end.
        cost: Of the calls, where a price is known.
    """

    title: str
    found: Distribution
    done: bool = False
    error: str = ""
    meaning: Meaning | None = None
    cost: float | None = None

    @property
    def keys(self) -> Sequence[Hashable]:
        """What makes candidates the same, for each: their meaning, or else their text."""
        if self.meaning is not None:
            return self.meaning.classes
        return [plain_text(candidate) for candidate in self.found]

    @property
    def distinct(self) -> int:
        """Different answers: by meaning, or else by their texts but for case and white space."""
        return len(set(self.keys))

    def figures(self) -> str:
        """The figures in words."""
        usage = self.found.metadata.get("usage") or {}
        how = "distinct" if self.meaning is None else "distinct by meaning"
        parts = [f"{self.distinct} {how} of {len(self.found)}"]
        if self.found:
            keys = iter(self.keys)
            merged = self.found.dedupe(lambda _: next(keys))
            parts.append(f"effective size {merged.effective_size():.1f}")
        if self.meaning is not None:
            parts.append(f"semantic diversity {semantic_diversity(self.meaning.vectors):.2f}")
        if usage:
            parts.append(f"{sum(usage.values()):,} tokens")
        if self.cost is not None:
            parts.append(f"cost {self.cost:.3g}")
        return " · ".join(parts)

    def html(self) -> str:
        """The side as HTML; every text of a model is escaped."""
        state = "" if self.done else " (coming in …)"
        rows = "".join(_row(group) for group in alike(self.found, self.keys))
        error = f'<p class="vs-error" role="alert">{html.escape(self.error)}</p>'
        return (
            f'<section class="vs-side"><h3>{html.escape(self.title)}</h3>'
            f'<p class="vs-figures" aria-live="polite">{html.escape(self.figures() + state)}</p>'
            f"{error if self.error else ''}<ol>{rows}</ol></section>"
        )


@dataclass(frozen=True)
class Group:
    """Candidates that are the same answer.

    Args:
        first: The first of them.
        count: How many they are.
        weight: Theirs together, of 1.
        others: Their other texts, each once.
    """

    first: Candidate
    count: int
    weight: float
    others: tuple[str, ...]


def alike(found: Distribution, keys: Sequence[Hashable]) -> list[Group]:
    """Group candidates by what makes them the same, the heaviest group first."""
    groups: dict[Hashable, list[tuple[Candidate, float]]] = {}
    for candidate, weight, key in zip(found, found.weights, keys, strict=True):
        groups.setdefault(key, []).append((candidate, weight))
    made = []
    for members in groups.values():
        texts = {plain_text(candidate): candidate.text for candidate, _ in reversed(members)}
        first = members[0][0]
        del texts[plain_text(first)]
        weight = sum(weight for _, weight in members)
        made.append(Group(first, len(members), weight, tuple(reversed(texts.values()))))
    return sorted(made, key=lambda group: -group.weight)


def _row(group: Group) -> str:
    probability = group.first.probability
    said = "" if probability is None else f"said {probability:.3g}, "
    times = f" ×{group.count}" if group.count > 1 else ""
    label = html.escape(f"{said}weight {group.weight:.2f}{times}")
    bar = f'<span class="vs-bar" style="width:{100 * min(1.0, group.weight):.1f}%"></span>'
    others = "".join(f"<li>{html.escape(shorten(text, 2000))}</li>" for text in group.others)
    if others:
        others = f"<details><summary>in other words</summary><ul>{others}</ul></details>"
    text = html.escape(shorten(group.first.text, 2000))
    return f"<li>{text}{others}<small>{label}</small>{bar}</li>"


def both(settings: Settings) -> Generator[tuple[Side, Side], None, None]:
    """Ask both ways at once; yield both sides whenever a candidate is complete.

    What one of them fails with is on its side; the other goes on.

    Raises:
        ConfigurationError: If the settings cannot work; nothing is asked then.
    """
    messages, model, same = settings.messages(), settings.complete(), settings.same()
    strategies = [settings.direct(), settings.made()]
    sides = [
        Side("Asked directly", Distribution()),
        Side(f"Asked for a distribution ({settings.strategy})", Distribution()),
    ]
    jobs = [partial(_events, strategy.flow(messages), model) for strategy in strategies]
    for number, event in in_parallel(jobs, len(jobs), lambda _: True):
        side = sides[number]
        if isinstance(event, Failed):
            side = replace(side, error=_said(event.error), done=True)
        elif isinstance(event, Distribution):
            side = _ended(replace(side, found=event, done=True), settings, same)
        else:
            side = replace(side, found=Distribution([*side.found, event]))
        sides[number] = side
        yield sides[0], sides[1]


def _ended(side: Side, settings: Settings, same: ByMeaning | None) -> Side:
    """The side with what is known at its end. An embedder that fails costs no answer."""
    side = replace(side, cost=settings.cost(side.found.metadata.get("usage") or {}))
    if same is None or not side.found:
        return side
    try:
        meaning = Meaning(same.vectors(side.found.texts), same.classes(side.found.texts))
    except VSError as error:
        return replace(side, error=_said(error))
    return replace(side, meaning=meaning)


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _events(flow: Any, model: Any) -> Iterator[Any]:
    yield from stream(flow, model.stream)
