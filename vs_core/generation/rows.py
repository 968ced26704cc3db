"""How a finished task becomes rows: a row a candidate, or a row a prompt."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from vs_core.candidates import Candidate, Distribution
from vs_core.generation.tasks import RowTask

__all__ = ["OURS", "Shaping", "as_json"]

OURS = (
    "id", "text", "value", "probability", "weight", "call", "repairs", "strategy", "model",
    "input_tokens", "output_tokens",
)  # fmt: skip
"""Columns that come to those of the table; all with ``vs_`` in front, where one is taken."""


class Shaping:
    """How a finished task becomes rows.

    Args:
        columns: Of the table.
        nested: One row a task, with its candidates as a list, instead of a row a candidate.
        model: Name of the model, where an answer does not say it.
    """

    def __init__(
        self, columns: Iterable[str], *, nested: bool = False, model: str | None = None
    ) -> None:
        self._model = model
        taken = set(columns) & {*OURS, "candidates"}
        self._prefix = "vs_" if taken else ""
        self._nested = nested

    def rows(self, task: RowTask, found: Distribution) -> list[dict[str, Any]]:
        """Return the rows of a task."""
        weights = found.weights
        each = [self._row(c, w, found) for c, w in zip(found, weights, strict=True)]
        about = self._named({"id": task.id})
        if self._nested:
            return [{**about, **task.row, **self._named({"candidates": each})}]
        return [{**about, **task.row, **self._named(row)} for row in each]

    def _row(self, candidate: Candidate, weight: float, found: Distribution) -> dict[str, Any]:
        completion = None
        if candidate.call is not None and candidate.call < len(found.completions):
            completion = found.completions[candidate.call]
        usage = completion.usage if completion else {}
        value = candidate.value
        dump = getattr(value, "model_dump", None)
        return {
            "text": candidate.text,
            "value": None if value is None else as_json(dump(mode="json") if dump else value),
            "probability": candidate.probability,
            "weight": weight,
            "call": candidate.call,
            "repairs": list(candidate.repairs),
            "strategy": found.metadata.get("strategy"),
            "model": (completion.model if completion else None) or self._model,
            "input_tokens": usage.get("input_tokens"),
            "output_tokens": usage.get("output_tokens"),
        }

    def _named(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {f"{self._prefix}{name}": value for name, value in row.items()}


def as_json(value: Any) -> str:
    """Return a value as a cell of text."""
    return json.dumps(value, ensure_ascii=False, default=str)
