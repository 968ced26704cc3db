"""Direct and verbalized, side by side, as they come in."""

from __future__ import annotations

import html
from collections.abc import Generator, Hashable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from vs_core.candidates import Distribution, plain_text
from vs_core.concurrency import Failed, in_parallel
from vs_core.display import shorten
from vs_core.driver import stream
from vs_core.studio.settings import Settings

__all__ = ["Side", "alike", "both"]


@dataclass(frozen=True)
class Side:
    """One of the two.

    Args:
        title: What it is.
        found: The candidates so far.
        done: Whether it is at its end.
        error: Why it ended early; "" if it did not.
    """

    title: str
    found: Distribution
    done: bool = False
    error: str = ""

    @property
    def distinct(self) -> int:
        """Different answers, case and white space aside."""
        return len({plain_text(candidate) for candidate in self.found})

    def figures(self) -> str:
        """The figures in words."""
        usage = self.found.metadata.get("usage") or {}
        parts = [f"{self.distinct} distinct of {len(self.found)}"]
        if self.found:
            merged = self.found.dedupe()
            parts.append(f"effective size {merged.effective_size():.1f}")
        if usage:
            parts.append(f"{sum(usage.values()):,} tokens")
        return " · ".join(parts)

    def html(self) -> str:
        """The side as HTML; every text of a model is escaped."""
        state = "" if self.done else " (coming in …)"
        rows = "".join(_row(*group) for group in alike(self.found))
        error = f'<p class="vs-error" role="alert">{html.escape(self.error)}</p>'
        return (
            f'<section class="vs-side"><h3>{html.escape(self.title)}</h3>'
            f'<p class="vs-figures" aria-live="polite">{html.escape(self.figures() + state)}</p>'
            f"{error if self.error else ''}<ol>{rows}</ol></section>"
        )


def alike(found: Distribution) -> list[tuple[str, int, float, float | None]]:
    """Group answers that are the same: text, how often, weight of all, probability of the first."""
    groups: dict[Hashable, tuple[str, int, float, float | None]] = {}
    for candidate, weight in zip(found, found.weights, strict=True):
        key = plain_text(candidate)
        text, count, total, probability = groups.get(
            key, (candidate.text, 0, 0.0, candidate.probability)
        )
        groups[key] = (text, count + 1, total + weight, probability)
    return sorted(groups.values(), key=lambda group: -group[2])


def _row(text: str, count: int, weight: float, probability: float | None) -> str:
    said = "" if probability is None else f"said {probability:.3g}, "
    times = f" ×{count}" if count > 1 else ""
    label = html.escape(f"{said}weight {weight:.2f}{times}")
    bar = f'<span class="vs-bar" style="width:{100 * min(1.0, weight):.1f}%"></span>'
    return f"<li>{html.escape(shorten(text, 2000))}<small>{label}</small>{bar}</li>"


def both(settings: Settings) -> Generator[tuple[Side, Side], None, None]:
    """Ask both ways at once; yield both sides whenever a candidate is complete.

    What one of them fails with is on its side; the other goes on.

    Raises:
        ConfigurationError: If the settings cannot work; nothing is asked then.
    """
    messages, model = settings.messages(), settings.complete()
    strategies = [settings.direct(), settings.made()]
    sides = [
        Side("Asked directly", Distribution()),
        Side(f"Asked for a distribution ({settings.strategy})", Distribution()),
    ]
    jobs = [partial(_events, strategy.flow(messages), model) for strategy in strategies]
    for number, event in in_parallel(jobs, 2, lambda _: True):
        side = sides[number]
        if isinstance(event, Failed):
            side = replace(side, error=f"{type(event.error).__name__}: {event.error}", done=True)
        elif isinstance(event, Distribution):
            side = replace(side, found=event, done=True)
        else:
            side = replace(side, found=Distribution([*side.found, event]))
        sides[number] = side
        yield sides[0], sides[1]


def _events(flow: Any, model: Any) -> Iterator[Any]:
    yield from stream(flow, model.stream)
