"""Demos with the user's own fields, written as the answers that the predictor asks for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dspy

from vs_core.formats import Answer, Entry, Format, Shape
from vs_dspy.reading import entry_record
from vs_dspy.signatures import CANDIDATES, Signature

__all__ = ["DemoWriter"]

_MISSING = "Not supplied for this particular example."
"""What DSPy's adapters write for a field that a demo does not have."""


class DemoWriter:
    """Turns what holds the user's own output fields into what holds candidates.

    Args:
        signature: The user's signature.
        shape: What an answer holds.
        threshold: Below which each probability is asked to be; None for no bound.
        format: Format of the text in the field ``candidates``; None where that is typed.
    """

    def __init__(
        self, signature: Signature, shape: Shape, threshold: float | None, format: Format | None
    ) -> None:
        self.keys = list(signature.input_fields)
        self.outputs = list(signature.output_fields)
        self.histories = [
            name
            for name, field in signature.input_fields.items()
            if field.annotation is dspy.History
        ]
        self.shape = shape
        self.threshold = threshold
        self.format = format

    def demos(self, demos: Sequence[Any]) -> list[Any]:
        """Return demos as the predictor takes them, in order.

        Labelled examples of the same inputs become one demo with all their answers. Those that
        hold candidates already (bootstrapped ones) and those without any output stay as they are.
        """
        written: dict[Any, Any] = {}
        for index, demo in enumerate(demos):
            labelled = CANDIDATES not in demo and any(name in demo for name in self.outputs)
            key = repr([demo.get(name) for name in self.keys]) if labelled else index
            written.setdefault(key, []).append(demo)
        return [
            self._merged([dict(demo) for demo in group]) if isinstance(key, str) else group[0]
            for key, group in written.items()
        ]

    def inputs(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return inputs with the answers in their history written as candidates."""
        changed = dict(inputs)
        for name in self.histories:
            if name in changed:
                turns = dspy.History.model_validate(changed[name]).messages
                changed[name] = dspy.History(messages=[self._turn(turn) for turn in turns])
        return changed

    def _turn(self, turn: Mapping[str, Any]) -> dict[str, Any]:
        answered = CANDIDATES not in turn and any(name in turn for name in self.outputs)
        return self._merged([turn]) if answered else dict(turn)

    def _merged(self, group: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """One demo of several that differ in their answers."""
        others = {name: value for name, value in group[0].items() if name not in self.outputs}
        answers = {repr(answer): answer for answer in map(self._answer, group)}
        probability = self._share(len(answers))
        entries = [Entry(str(answer), probability, answer) for answer in answers.values()]
        return {**others, CANDIDATES: self._written(entries)}

    def _answer(self, demo: Mapping[str, Any]) -> Any:
        """The content of a candidate: the only field, or all by name."""
        if len(self.outputs) == 1:
            return demo[self.outputs[0]]
        return {name: demo.get(name, _MISSING) for name in self.outputs}

    def _written(self, entries: Iterable[Entry]) -> Any:
        if self.format is not None:
            return self.format.write(Answer(list(entries)), self.shape)
        return [entry_record(entry, self.outputs, self.shape) for entry in entries]

    def _share(self, answers: int) -> float | str | None:
        """The probability of each answer, as its definition wants it written.

        That a label is one of k answers is all that is known of it: to say that it is the only
        one would teach the model to give it alone.
        """
        definition = self.shape.definition
        share = 1 / max(self.shape.k, answers, 2)
        if self.threshold is not None and share >= self.threshold:
            share = self.threshold / 2
        if definition is None:
            return None
        if definition.name == "percentage":
            return f"{share * 100:.4g}%"
        if definition.scale == "nll":
            return round(-math.log(share), 4)
        return round(1 / share if definition.scale == "perplexity" else share, 4)
