"""Open-ended questions with many right answers, and a reference distribution where there is one.

As in CoverageQA (Zhang et al. 2025, section 6), but the questions are ours.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vs_core.errors import ConfigurationError
from vs_core.evaluation.items import Item, Source, items_of
from vs_core.evaluation.measures import (
    CORRECTED_DIVERGENCE,
    COVERAGE,
    DISTINCT,
    DIVERGENCE,
    PAPER_DIVERGENCE,
    PRECISION,
    QUALITY,
    STATED_DIVERGENCE,
)
from vs_core.evaluation.tasks.base import Task

__all__ = ["closed", "questions", "read_reference", "states"]

# Postal code, and millions of inhabitants in the census of 2020.
_STATES: dict[str, tuple[str, float]] = {
    "California": ("CA", 39.54), "Texas": ("TX", 29.15), "Florida": ("FL", 21.54),
    "New York": ("NY", 20.20), "Pennsylvania": ("PA", 13.00), "Illinois": ("IL", 12.81),
    "Ohio": ("OH", 11.80), "Georgia": ("GA", 10.71), "North Carolina": ("NC", 10.44),
    "Michigan": ("MI", 10.08), "New Jersey": ("NJ", 9.29), "Virginia": ("VA", 8.63),
    "Washington": ("WA", 7.71), "Arizona": ("AZ", 7.15), "Massachusetts": ("MA", 7.03),
    "Tennessee": ("TN", 6.91), "Indiana": ("IN", 6.79), "Maryland": ("MD", 6.18),
    "Missouri": ("MO", 6.15), "Wisconsin": ("WI", 5.89), "Colorado": ("CO", 5.77),
    "Minnesota": ("MN", 5.71), "South Carolina": ("SC", 5.12), "Alabama": ("AL", 5.02),
    "Louisiana": ("LA", 4.66), "Kentucky": ("KY", 4.51), "Oregon": ("OR", 4.24),
    "Oklahoma": ("OK", 3.96), "Connecticut": ("CT", 3.61), "Utah": ("UT", 3.27),
    "Iowa": ("IA", 3.19), "Nevada": ("NV", 3.10), "Arkansas": ("AR", 3.01),
    "Mississippi": ("MS", 2.96), "Kansas": ("KS", 2.94), "New Mexico": ("NM", 2.12),
    "Nebraska": ("NE", 1.96), "Idaho": ("ID", 1.84), "West Virginia": ("WV", 1.79),
    "Hawaii": ("HI", 1.46), "New Hampshire": ("NH", 1.38), "Maine": ("ME", 1.36),
    "Rhode Island": ("RI", 1.10), "Montana": ("MT", 1.08), "Delaware": ("DE", 0.99),
    "South Dakota": ("SD", 0.89), "North Dakota": ("ND", 0.78), "Alaska": ("AK", 0.73),
    "Vermont": ("VT", 0.64), "Wyoming": ("WY", 0.58),
}  # fmt: skip

_QUESTIONS: tuple[tuple[str, list[Any]], ...] = (
    ("Name a planet of the Solar System.",
     ["Mercury", ["Venus"], ["Earth", "the Earth"], "Mars", "Jupiter", "Saturn", "Uranus",
      "Neptune"]),
    ("Name a noble gas.",
     [["Helium", "He"], ["Neon", "Ne"], ["Argon", "Ar"], ["Krypton", "Kr"], ["Xenon", "Xe"],
      ["Radon", "Rn"], ["Oganesson", "Og"]]),
    ("Name a sign of the zodiac.",
     ["Aries", "Taurus", "Gemini", "Cancer", "Leo", "Virgo", "Libra", ["Scorpio", "Scorpius"],
      "Sagittarius", ["Capricorn", "Capricornus"], "Aquarius", "Pisces"]),
    ("Name a member state of the European Union.",
     ["Austria", "Belgium", "Bulgaria", "Croatia", ["Cyprus", "Republic of Cyprus"],
      ["Czech Republic", "Czechia"], "Denmark", "Estonia", "Finland", "France", "Germany",
      "Greece", "Hungary", ["Ireland", "Republic of Ireland"], "Italy", "Latvia", "Lithuania",
      "Luxembourg", "Malta", ["Netherlands", "the Netherlands", "Holland"], "Poland", "Portugal",
      "Romania", "Slovakia", "Slovenia", "Spain", "Sweden"]),
    ("Name a province or territory of Canada.",
     ["Alberta", ["British Columbia", "BC"], "Manitoba", "New Brunswick",
      ["Newfoundland and Labrador", "Newfoundland"], "Nova Scotia", "Ontario",
      ["Prince Edward Island", "PEI"], ["Quebec", "Québec"], "Saskatchewan",
      ["Northwest Territories", "the Northwest Territories"], "Nunavut", "Yukon"]),
    ("Name a tragedy by William Shakespeare.",
     ["Hamlet", "Macbeth", "Othello", "King Lear", "Romeo and Juliet", "Julius Caesar",
      "Antony and Cleopatra", "Coriolanus", "Titus Andronicus", "Timon of Athens",
      "Troilus and Cressida"]),
    ("Name an ocean.",
     [["Pacific", "Pacific Ocean", "the Pacific Ocean"],
      ["Atlantic", "Atlantic Ocean", "the Atlantic Ocean"],
      ["Indian Ocean", "the Indian Ocean", "Indian"],
      ["Southern Ocean", "the Southern Ocean", "Antarctic Ocean", "Southern"],
      ["Arctic", "Arctic Ocean", "the Arctic Ocean"]]),
    ("Name a month of the year.",
     ["January", "February", "March", "April", "May", "June", "July", "August", "September",
      "October", "November", "December"]),
)  # fmt: skip

_RUBRIC = "The answer is right, and says nothing that is not asked for."


def closed(name: str, items: list[Item], *, repeats: bool = False) -> Task:
    """Return a task of questions whose right answers are known; for ``repeats`` see `Task`."""
    measures = (
        COVERAGE, DISTINCT, PRECISION, DIVERGENCE, CORRECTED_DIVERGENCE, PAPER_DIVERGENCE,
        STATED_DIVERGENCE,
    )  # fmt: skip
    return Task(
        name=name,
        items=items,
        measures=measures if repeats else (*measures, QUALITY),  # no roll is better than another
        diversity="coverage" if all(item.truth for item in items) else "distinct",
        quality="precision",
        rubric=_RUBRIC,
        repeats=repeats,
    )


def states(file: Source | None = None, reference: str | Path | None = None) -> Task:
    """Return the task of naming US states.

    The paper compares with how often each state is named in pre-training data. Our stand-in is the
    number of inhabitants (census of 2020); put counts of your own in its place.

    Args:
        file: Prompts of your own in place of ours; what they do not say of truth and reference is
            filled in from ours.
        reference: A JSON object from state to weight, in place of the inhabitants.
    """
    weights = {name: millions for name, (_, millions) in _STATES.items()}
    if reference is not None:
        weights = read_reference(reference)
    known = {
        "truth": {name: (code,) for name, (code, _) in _STATES.items()},
        "reference": weights,
    }
    items = items_of(file, "Name a US state. Answer with the name alone.")
    return closed("states", [item.model_copy(update=_unless_given(item, known)) for item in items])


def _unless_given(item: Item, known: dict[str, Any]) -> dict[str, Any]:
    # A truth of the user's own makes our reference meaningless.
    return known if item.truth is None and item.reference is None else {}


def questions(file: Source | None = None) -> Task:
    """Return questions with many right answers; ``file`` holds your own, with their ``truth``."""
    own = [Item(prompt=prompt, truth=truth) for prompt, truth in _QUESTIONS]  # type: ignore[arg-type]
    return closed("questions", items_of(file, *own))


def read_reference(file: str | Path) -> dict[str, float]:
    """Read a distribution: a JSON object from answer to weight.

    Or from answer to ``{"count", "percentage"}``, as the paper's authors publish how often each US
    state is named in pre-training data.

    Raises:
        ConfigurationError: If the file cannot be read or is not such an object.
    """
    path = Path(file)
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
        weights = {str(answer): _weight(weight) for answer, weight in data.items()}
        return Item(prompt="reference", reference=weights).reference or {}
    except OSError as error:
        raise ConfigurationError(f"Cannot read {path}: {error.strerror}.") from error
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        raise ConfigurationError(
            f"{path} must hold one JSON object from answer to weight, such as "
            '{"Ohio": 11.8, "Iowa": 3.2}, with weights of at least 0.'
        ) from None


def _weight(weight: Any) -> float:
    if isinstance(weight, dict):
        weight = weight["count"] if "count" in weight else weight["percentage"]
    return float(weight)
