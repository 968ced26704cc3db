"""`VerbalizedTuner`: an optimizer that chooses strategy, k, threshold and instruction together."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import dspy
from dspy.teleprompt import Teleprompter

from vs_core import ConfigurationError
from vs_dspy.sampler import VerbalizedSampler

__all__ = ["Trial", "VerbalizedTuner"]

_log = logging.getLogger("vs_dspy")


@dataclass
class Trial:
    """One program under one setting, and how it did.

    Args:
        options: What all samplers of the program were set to.
        program: The program as it is without the setting: an instruction and demos.
        scores: Of the examples so far, each with its cost taken off.
        tokens: Tokens of all of them together.
    """

    options: dict[str, Any]
    program: dspy.Module
    scores: list[float] = field(default_factory=list)
    tokens: int = 0

    @property
    def score(self) -> float:
        """The mean over the examples so far."""
        return math.fsum(self.scores) / len(self.scores) if self.scores else -math.inf


class VerbalizedTuner(Teleprompter):
    """Choose strategy, k, threshold and instruction together, by racing.

    Every setting is tried on a few examples; the better half of them on twice as many, and so on
    (successive halving, Jamieson and Talwalkar 2016). What is tried is each setting with the
    program as it is; then, where there is an ``optimizer``, the program is compiled under the best
    setting, and both programs race under all settings: none is compiled for another setting::

        tuner = VerbalizedTuner(TradeOff(is_funny, floor=0.7), dspy.MIPROv2(metric=…), cost=0.01)
        tuned = tuner.compile(student, trainset=trainset)

    Args:
        metric: Called as ``metric(example, prediction, trace)``; it sees all candidates.
            `vs_dspy.metrics.TradeOff` weighs diversity and quality.
        optimizer: Any optimizer of DSPy that takes the student and a trainset; it rewrites the
            instruction, the demos, or both. None leaves them.
        strategies: Registered names.
        ks: Candidates a call.
        thresholds: Each on (0, 1], or None.
        cost: What a thousand tokens take off the score of an example, at least 0.
        num_threads: Examples at once; default: that of DSPy's settings.

    Raises:
        ConfigurationError: If there is no setting to try, or the cost is negative.
    """

    def __init__(
        self,
        metric: Callable[..., Any],
        optimizer: Any = None,
        *,
        strategies: Sequence[str] = ("vs_standard", "vs_cot"),
        ks: Sequence[int] = (3, 5, 10),
        thresholds: Sequence[float | None] = (None, 0.3, 0.1),
        cost: float = 0.0,
        num_threads: int | None = None,
    ) -> None:
        super().__init__()
        if cost < 0:
            raise ConfigurationError(f"cost must be at least 0, not {cost!r}.")
        settings = product(strategies, ks, thresholds)
        self.settings = [{"strategy": s, "k": k, "threshold": t} for s, k, t in settings]
        if not self.settings:
            raise ConfigurationError("There is no setting to try.")
        self.metric = metric
        self.optimizer = optimizer
        self.cost = cost
        self.num_threads = num_threads

    def compile(
        self,
        student: dspy.Module,
        *,
        trainset: Sequence[dspy.Example],
        valset: Sequence[dspy.Example] | None = None,
        **options: Any,
    ) -> dspy.Module:
        """Return a copy of the student with the best setting, instruction and demos.

        Args:
            student: A program with a `VerbalizedSampler`, or one alone.
            trainset: For the optimizer.
            valset: What is raced on; default: the trainset.
            **options: Passed to the optimizer's ``compile``.

        Returns:
            The program; its ``trials`` are all that was tried, the best first.

        Raises:
            ConfigurationError: If the student has no sampler, or an option cannot work.
        """
        examples = list(valset or trainset)
        if not examples or not _samplers(student):
            raise ConfigurationError("Tuning needs examples, and a program with a sampler.")
        trials = self._race(self._trials(student), examples)
        if self.optimizer is not None:
            under = _set(student, trials[0].options)
            compiled = self.optimizer.compile(under, trainset=list(trainset), **options)
            trials = self._race([*trials, *self._trials(compiled)], examples)
        best = trials[0]
        _log.info("Tuned: %s, score %.3f of %d examples", best.options, best.score, len(examples))
        tuned = _set(best.program, best.options)
        tuned.trials = trials
        return tuned

    def _trials(self, program: dspy.Module) -> list[Trial]:
        return [Trial(options, program) for options in self.settings]

    def _race(self, trials: list[Trial], examples: Sequence[dspy.Example]) -> list[Trial]:
        """Try all on some examples, the better half on more; return them, the best first."""
        from vs_core.tuning.racing import schedule  # slow to import

        alive, size = list(trials), 0
        for batch in schedule(examples, 2):
            alive = alive[: math.ceil(len(alive) / 2)] if size else alive
            size += len(batch)
            for trial in alive:
                self._try(trial, examples[len(trial.scores) : size])
            alive.sort(key=lambda trial: -trial.score)
        lost = [trial for trial in trials if trial not in alive]
        return [*alive, *sorted(lost, key=lambda trial: (-len(trial.scores), -trial.score))]

    def _try(self, trial: Trial, examples: Sequence[dspy.Example]) -> None:
        if not examples:
            return
        evaluate = dspy.Evaluate(
            devset=list(examples), metric=self.metric, num_threads=self.num_threads
        )
        with dspy.context(track_usage=True):
            results = evaluate(_set(trial.program, trial.options)).results
        for _, prediction, score in results:
            tokens = _tokens(prediction)
            trial.tokens += tokens
            trial.scores.append(float(score or 0.0) - self.cost * tokens / 1000)


def _set(program: dspy.Module, options: dict[str, Any]) -> Any:
    """A copy of a program with its samplers set."""
    made = program.deepcopy()
    for sampler in _samplers(made):
        for name, value in options.items():
            setattr(sampler, name, value)
    return made


def _samplers(program: dspy.Module) -> list[VerbalizedSampler]:
    found: Iterable[Any] = program.predictors()
    return [each for each in found if isinstance(each, VerbalizedSampler)]


def _tokens(prediction: Any) -> int:
    """All tokens that a prediction took; none for one from the cache, or one that failed."""
    usage = prediction.get_lm_usage() if isinstance(prediction, dspy.Prediction) else None
    entries = (usage or {}).values()
    return sum(
        (entry.get("prompt_tokens") or 0) + (entry.get("completion_tokens") or 0)
        for entry in entries
    )
