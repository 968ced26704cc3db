"""Prompts for a race from a table, as generation takes them."""

from __future__ import annotations

import random
from typing import Any

from vs_core.checks import require_count
from vs_core.errors import ConfigurationError
from vs_core.generation.tasks import Prompting
from vs_core.strategies.base import strategy_of
from vs_core.tables import rows_of, table_name

__all__ = ["prompts_of"]


def prompts_of(
    table: Any,
    *,
    prompt: str | None = None,
    prompt_column: str | None = None,
    most: int = 200,
    seed: int = 0,
) -> list[str]:
    """Return the prompts of a table's rows, or of some drawn at random where there are many.

    Args:
        table: A file or rows; see `vs_core.tables.rows_of`. It is read once, to its end.
        prompt: A template over its columns: ``"Write a tagline for {product}."``
        prompt_column: The column with the prompt, in the place of a template.
        most: How many prompts to return at most; a race needs no more than its units.
        seed: Of drawing.

    Raises:
        ConfigurationError: If a row cannot be read, or lacks what the template needs; the message
            has its line. Also if there is no row.
    """
    require_count("most", most)
    prompting = Prompting(strategy_of("direct"), prompt=prompt, column=prompt_column)
    rng = random.Random(seed)
    drawn: list[str] = []
    for place, row in enumerate(rows_of(table)):
        try:
            text = str(prompting.messages(row.values)[-1].content)
        except ConfigurationError as error:
            raise ConfigurationError(f"{table_name(table)}:{row.line}: {error}") from error
        # A reservoir: each row seen so far is in it with the same chance (Waterman's algorithm R).
        if place < most:
            drawn.append(text)
        elif (at := rng.randrange(place + 1)) < most:
            drawn[at] = text
    if not drawn:
        raise ConfigurationError(f"{table_name(table)} has no row.")
    return drawn
