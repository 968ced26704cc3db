"""Demos with the user's own fields, written as the answers that a call asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dspy

from vs_core import Candidate, Distribution
from vs_dspy.signatures import AskedSignature

__all__ = ["DemoWriter"]

_MISSING = "Not supplied for this particular example."
"""What DSPy's adapters write for a field that a demo does not have."""


class DemoWriter:
    """Turns what holds the user's own output fields into what holds candidates.

    Args:
        asked: What a call asks for.
    """

    def __init__(self, asked: AskedSignature) -> None:
        self.asked = asked

    def demos(self, demos: Sequence[Any]) -> list[Any]:
        """Return demos as the predictor takes them, in order.

        Labelled examples of the same inputs become one demo with all their answers. A bootstrapped
        one holds candidates already: k of them are shown, however many its teacher gave.
        """
        if self.asked.kind is None or not demos:
            return list(demos)
        written: dict[Any, Any] = {}
        for index, demo in enumerate(demos):
            labelled = self.asked.candidates not in demo and self._answered(demo)
            key = repr([demo.get(name) for name in self.asked.inputs]) if labelled else index
            written.setdefault(key, []).append(dict(demo))
        return [
            self._merged(group) if isinstance(key, str) else self._shown(group[0])
            for key, group in written.items()
        ]

    def inputs(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return inputs with the answers in their history written as candidates."""
        changed = dict(inputs)
        for name in self.asked.histories if self.asked.kind is not None else ():
            if name in changed:
                turns = dspy.History.model_validate(changed[name]).messages
                changed[name] = dspy.History(messages=[self._turn(turn) for turn in turns])
        return changed

    def _turn(self, turn: Mapping[str, Any]) -> dict[str, Any]:
        if self.asked.candidates not in turn and self._answered(turn):
            return self._merged([turn])
        return self._shown(dict(turn))

    def _answered(self, demo: Mapping[str, Any]) -> bool:
        return any(name in demo for name in self.asked.names)

    def _shown(self, demo: dict[str, Any]) -> dict[str, Any]:
        """A demo that holds candidates, with k of them as the type writes them."""
        said = demo.get(self.asked.candidates)
        if not isinstance(said, list) or self.asked.kind is None:
            return demo
        found = self.asked.kind.model_validate(said[: self.asked.content.shape.k])
        return {**demo, self.asked.candidates: found if len(found) else said}

    def _merged(self, group: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """One demo of several that differ in their answers."""
        assert self.asked.kind is not None  # noqa: S101  # see `demos`
        names = self.asked.names
        others = {name: value for name, value in group[0].items() if name not in names}
        answers = {repr(answer): answer for answer in map(self._answer, group)}
        probability = self._share(len(answers))
        candidates = [
            Candidate(text=str(answer), probability=probability, value=answer)
            for answer in answers.values()
        ]
        found = self.asked.kind.holding_of(Distribution(candidates))
        return {**others, self.asked.candidates: found}

    def _answer(self, demo: Mapping[str, Any]) -> Any:
        """The content of a candidate: the only field, or all by name."""
        if self.asked.content.name is not None:
            return demo[self.asked.content.name]
        return {name: demo.get(name, _MISSING) for name in self.asked.names}

    def _share(self, answers: int) -> float:
        """The probability of each answer.

        That a label is one of k answers is all that is known of it: to say that it is the only
        one would teach the model to give it alone.
        """
        share = 1 / max(self.asked.content.shape.k, answers, 2)
        threshold = self.asked.content.threshold
        return threshold / 2 if threshold is not None and share >= threshold else share
