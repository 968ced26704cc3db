"""`VerbalizedBestOfN`: the best of the candidates of one call; ``dspy.BestOfN`` makes N calls."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

import dspy

from vs_core import ConfigurationError
from vs_core.checks import require_count
from vs_dspy.conversion import verbalize
from vs_dspy.sampler import VerbalizedPrediction, VerbalizedSampler
from vs_dspy.signatures import Signature

__all__ = ["VerbalizedBestOfN"]

_log = logging.getLogger("vs_dspy")


class VerbalizedBestOfN(dspy.Module):
    """Score the k candidates of a single call and return the best.

    It has the interface of ``dspy.BestOfN``, with k candidates of one call for N calls::

        best = VerbalizedBestOfN("question -> answer", k=5, reward_fn=one_word, threshold=1.0)
        best(question="What is the capital of Belgium?").answer

    Args:
        module_or_signature: A signature, a `VerbalizedSampler` of k candidates, or a module whose
            ``dspy.Predict`` and ``dspy.ChainOfThought`` are verbalized (see `verbalize`); its
            prediction must be that of one of them.
        k: Candidates a call, at least 1.
        reward_fn: Takes the inputs as a dict and a prediction with the fields of one candidate, and
            returns a number: more is better. The first of equals is taken.
        threshold: A candidate with this reward is good enough: those after it are not scored. None
            scores all.
        fail_count: How many rewards may fail before the error is raised; default: all but one.
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

    def forward(self, **inputs: Any) -> VerbalizedPrediction:
        """Predict the best candidate.

        Raises:
            ParseError: If the model gave no distribution.
            ConfigurationError: If the module's prediction is not verbalized.
            Exception: What ``reward_fn`` raised, more than ``fail_count`` times.
        """
        return self._best(inputs, self.module(**inputs))

    async def aforward(self, **inputs: Any) -> VerbalizedPrediction:
        """Predict the best candidate without blocking; see `forward`."""
        return self._best(inputs, await self.module.acall(**inputs))

    def _best(self, inputs: dict[str, Any], prediction: Any) -> VerbalizedPrediction:
        if not isinstance(prediction, VerbalizedPrediction):
            raise ConfigurationError(
                f"{type(self.module).__name__} returned a {type(prediction).__name__} without "
                "candidates: it must return the prediction of a VerbalizedSampler as it is."
            )
        completions = prediction.completions
        candidates = [completions[index] for index in range(len(completions))]
        best = self._index_of_best(inputs, candidates)
        records = [dict(candidate) for candidate in candidates]
        return VerbalizedPrediction.drawn_from(prediction.distribution, records, best)

    def _index_of_best(self, inputs: dict[str, Any], candidates: list[dspy.Prediction]) -> int:
        rewards: dict[int, float] = {}
        for index, candidate in enumerate(candidates):
            try:
                rewards[index] = _number(self.reward_fn(inputs, candidate))
            except Exception as error:
                _log.warning("The reward of candidate %d failed: %s", index + 1, error)
                failed = index + 1 - len(rewards)
                if failed > self.fail_count or failed == len(candidates):
                    raise
                continue
            if self.threshold is not None and rewards[index] >= self.threshold:
                return index
        return max(rewards, key=rewards.__getitem__)


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
