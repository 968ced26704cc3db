"""`VerbalizedBestOfN`: the best of the candidates of one call; ``dspy.BestOfN`` makes N calls."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

import dspy

from vs_core import ConfigurationError
from vs_core.checks import require_count
from vs_core.effects import Effect, Effects, aperform, perform
from vs_dspy.conversion import verbalize
from vs_dspy.prediction import VerbalizedPrediction
from vs_dspy.sampler import VerbalizedSampler
from vs_dspy.signatures import Signature
from vs_dspy.task import Choice

__all__ = ["VerbalizedBestOfN"]

_log = logging.getLogger("vs_dspy")


class VerbalizedBestOfN(dspy.Module):
    """Score the k candidates of a single call and return the best.

    It has the interface of ``dspy.BestOfN``, with k candidates of one call for N calls::

        best = VerbalizedBestOfN("question -> answer", k=5, reward_fn=one_word, threshold=1.0)
        best(question="What is the capital of Belgium?").answer

    Args:
        module_or_signature: A signature, a `VerbalizedSampler` of k candidates, or a module, whose
            ``dspy.Predict`` and ``dspy.ChainOfThought`` are verbalized (see `verbalize`). Where it
            works on after the first of them, each of its candidates goes through the later steps;
            what was asked once is not asked again.
        k: Candidates a call, at least 1.
        reward_fn: Takes the inputs as a dict and a prediction for one candidate, with its
            ``probability``, and returns a number: more is better. The first of equals is taken.
        threshold: A candidate with this reward is good enough: those after it are not scored. None
            scores all.
        fail_count: How many rewards or later steps may fail before the error is raised; default:
            all but one.
        **options: Options of `VerbalizedSampler`, for a signature or a module.

    Raises:
        ConfigurationError: If an option cannot work.
    """

    def __init__(
        self,
        module_or_signature: str | Signature | dspy.Module,
        k: int,
        reward_fn: Callable[[dict[str, Any], dspy.Prediction], float],
        threshold: float | None = None,
        fail_count: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        if not callable(reward_fn):
            raise ConfigurationError(f"reward_fn must be callable, not {reward_fn!r}.")
        self.module = _verbalized(module_or_signature, k, options)
        self.k = require_count("k", k)
        # In a function, a module that the reward holds is no part of this one.
        self.reward_fn: Callable[..., float] = lambda *args: reward_fn(*args)
        self.threshold = threshold
        self.fail_count = (
            k - 1 if fail_count is None else require_count("fail_count", fail_count, least=0)
        )

    def forward(self, **inputs: Any) -> dspy.Prediction:
        """Predict the best candidate.

        Raises:
            VerbalizedParseError: If the model gave no distribution.
            ConfigurationError: If no predictor of the module is verbalized, or none was called.
            Exception: What ``reward_fn`` or a later step raised, more than ``fail_count`` times.
        """
        return perform(self._best(inputs))

    async def aforward(self, **inputs: Any) -> dspy.Prediction:
        """Predict the best candidate without blocking; see `forward`."""
        return await aperform(self._best(inputs))

    def _best(self, inputs: dict[str, Any]) -> Effects[dspy.Prediction]:
        choice = Choice()
        scores = _Scores(self, inputs)
        first = yield self._run(choice, inputs)
        if not choice.known:
            raise ConfigurationError(
                f"{type(self.module).__name__} called no VerbalizedSampler, so there is nothing to "
                "choose from."
            )
        size = len(choice.found)
        if isinstance(first, VerbalizedPrediction) and len(choice.known) == 1:
            completions = first.completions
            for index in range(size):
                if scores.add(completions[index], size):
                    break
            records = [dict(completions[index]) for index in range(size)]
            return VerbalizedPrediction.drawn_from(
                first.distribution, records, scores.best, completions.signature
            )
        for choice.index in range(size):
            try:
                prediction = first if not choice.index else (yield self._run(choice, inputs))
                if "probability" not in prediction:
                    prediction.probability = choice.found[choice.index].probability
            except Exception as error:
                scores.failed(error, size)
                continue
            if scores.add(prediction, size):
                break
        return scores.predictions[scores.best]

    def _run(self, choice: Choice, inputs: dict[str, Any]) -> Effect:
        """Run the module with the candidate of a choice."""

        def run() -> Any:
            with choice.made():
                return self.module(**inputs)

        async def arun() -> Any:
            with choice.made():
                return await self.module.acall(**inputs)

        return Effect(run, arun)


class _Scores:
    """The rewards of the candidates so far."""

    def __init__(self, best_of: VerbalizedBestOfN, inputs: dict[str, Any]) -> None:
        self.best_of = best_of
        self.inputs = inputs
        self.predictions: list[Any] = []
        self.rewards: dict[int, float] = {}

    def add(self, prediction: Any, size: int) -> bool:
        """Score the next candidate of ``size``; return whether it is good enough."""
        try:
            reward = _number(self.best_of.reward_fn(self.inputs, prediction))
        except Exception as error:
            self.failed(error, size)
            return False
        self.rewards[len(self.predictions)] = reward
        self.predictions.append(prediction)
        return self.best_of.threshold is not None and reward >= self.best_of.threshold

    def failed(self, error: Exception, size: int) -> None:
        """Count a candidate that has no reward; too many raise the error."""
        self.predictions.append(None)
        count = len(self.predictions)
        _log.warning("Candidate %d has no reward: %s", count, error)
        failed = count - len(self.rewards)
        if failed > self.best_of.fail_count or failed == size:
            raise error

    @property
    def best(self) -> int:
        """The first of the candidates with the most reward."""
        return max(self.rewards, key=self.rewards.__getitem__)


def _number(reward: Any) -> float:
    number = float(reward)
    if math.isnan(number):
        raise ValueError("the reward is nan")
    return number


def _verbalized(
    module: str | Signature | dspy.Module, k: int, options: dict[str, Any]
) -> dspy.Module:
    if isinstance(module, VerbalizedSampler):
        size = sum(module.strategy.sizes())
        if size != k or options:
            raise ConfigurationError(
                f"The VerbalizedSampler asks for {size} candidates and has its own options: "
                f"give k={size} and nothing else, or its signature."
            )
        return module
    if isinstance(module, dspy.Module):
        return verbalize(module, k, **options)
    return VerbalizedSampler(module, k=k, **options)
