"""The built-in parts, registered by name through the hooks of any plugin.

They are names here, imported when asked for: looking one up loads no other, and listing them loads
none at all. A new one is one line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from inspect import signature
from typing import Any

from vs_core.errors import raise_missing_extra
from vs_core.hookspecs import hookimpl

__all__ = ["Bound", "Named"]


@cache  # there are as many as stand in this file
def _imported(target: str) -> Callable[..., Any]:
    module, _, name = target.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


@dataclass(frozen=True)
class Named:
    """A factory by its name: ``"package.module:name"``, imported when it is called.

    Args:
        target: Module and name of the factory.
        extra: The extra without which the module cannot be imported; "" for none.
    """

    target: str
    extra: str = ""

    def resolve(self) -> Callable[..., Any]:
        """Return what the name stands for.

        Raises:
            MissingExtraError: If the extra is not installed.
        """
        try:
            return _imported(self.target)
        except ImportError as error:
            if not self.extra:
                raise
            raise_missing_extra(self.extra, error)

    def __call__(self, **options: Any) -> Any:
        """Return what the factory makes of the options."""
        return self.resolve()(**options)


@dataclass(frozen=True)
class Bound(Named):
    """A function by its name: made with options, it is the function with them bound.

    Args:
        target: Module and name of the function.
        extra: The extra without which the module cannot be imported; "" for none.
        given: How many arguments it is called with; the options come after them.
    """

    given: int = 1

    def __call__(self, **options: Any) -> Callable[..., Any]:
        """Return the function with its options bound; TypeError if it does not have them."""
        function = self.resolve()
        signature(function).bind_partial(*[None] * self.given, **options)
        return partial(function, **options)


def _table(
    module: str, kind: Callable[[str], Named], **names: str
) -> Mapping[str, Callable[..., Any]]:
    return {name: kind(f"vs_core.{module}.{place}") for name, place in names.items()}


@hookimpl
def vs_strategies() -> Mapping[str, Callable[..., Any]]:
    """Register the strategies, the paper's baselines first."""
    return _table(
        "strategies",
        Named,
        direct="direct:Direct",
        cot="cot:CoT",
        sequence="sequence:SequenceList",
        multi_turn="multi_turn:MultiTurn",
        vs_standard="vs_standard:VSStandard",
        vs_cot="vs_cot:VSCoT",
        vs_multi="vs_multi:VSMulti",
    )


@hookimpl
def vs_formats() -> Mapping[str, Callable[..., Any]]:
    """Register the formats, in the order in which `vs_core.parse` tries them."""
    return _table("formats", Named, json="json:Json", tags="tags:Tags", lines="lines:Lines")


@hookimpl
def vs_resamplers() -> Mapping[str, Callable[..., Any]]:
    """Register the resamplers."""
    names = (
        "proportional", "systematic", "stratified", "residual", "gumbel_top_k", "top_p", "min_p",
        "uniform", "argmax", "diverse",
    )  # fmt: skip
    return {name: Bound(f"vs_core.resampling:{name}", given=3) for name in names}


@hookimpl
def vs_metrics() -> Mapping[str, Callable[..., Any]]:
    """Register the metrics."""
    names = (
        "ace", "brier_score", "chao1", "chi_square", "coverage", "distinct_k", "distinct_n",
        "expected_calibration_error", "js_divergence", "kl_divergence", "ks_statistic",
        "lexical_diversity", "log_score", "precision", "reading_grade", "rouge_l", "self_bleu",
        "semantic_diversity", "total_variation", "unseen_mass", "utility", "vendi_score",
    )  # fmt: skip
    return {name: Bound(f"vs_core.metrics:{name}", "metrics") for name in names}


@hookimpl
def vs_tasks() -> Mapping[str, Callable[..., Any]]:
    """Register the tasks of the evaluation."""
    return _table(
        "evaluation.tasks",
        partial(Named, extra="metrics"),
        poem="creative:poem",
        story="creative:story",
        joke="creative:joke",
        states="questions:states",
        questions="questions:questions",
        dice="chance:dice",
        coin="chance:coin",
        digit="chance:digit",
        math_questions="synthetic:math_questions",
        wrong_solutions="synthetic:wrong_solutions",
        dialogue="dialogue:dialogue",
        safety="safety:safety",
        factuality="factuality:factuality",
    )


@hookimpl
def vs_models() -> Mapping[str, Callable[..., Any]]:
    """Register how the models of our integrations complete a request."""
    return {
        "langchain_core": Named("vs_langchain.completing:completer", "langchain"),
        "dspy": Named("vs_dspy.completing:completer", "dspy"),
        "llama_index": Named("vs_llama_index.completing:model_completer", "llama-index"),
    }
