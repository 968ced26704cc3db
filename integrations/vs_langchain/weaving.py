"""Weaving a sampler around the model of a chain, and saying so where that cannot happen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any

from langchain_core.language_models import BaseLanguageModel
from langchain_core.prompts import BasePromptTemplate
from langchain_core.runnables import Runnable, RunnableBinding, RunnableSequence
from langchain_core.runnables.base import coerce_to_runnable
from langchain_core.runnables.fallbacks import RunnableWithFallbacks

from vs_core import ConfigurationError
from vs_langchain.internals import operands
from vs_langchain.models import AnyRunnable, inner, is_model, rebuilt, require_free
from vs_langchain.options import StrategyOptions

__all__ = ["chained", "no_model", "woven"]

Around = Callable[[AnyRunnable, "AnyRunnable | None"], Any]
"""Puts a sampler around a model, with what is applied to each candidate."""


def woven(chain: AnyRunnable, around: Around, after: Sequence[AnyRunnable] = ()) -> Any:
    """Return a chain with a sampler around its last model; None if it has no model.

    Args:
        chain: A model, or whatever holds one.
        around: Puts the sampler around a model.
        after: What follows the chain. All that follows the model goes into the sampler, which
            applies it to each candidate.

    Raises:
        ConfigurationError: If the model has a structure of its own, or a branch has no model.
    """
    if isinstance(chain, StrategyOptions):  # ours: it samples already, or has no model in it
        return None
    if is_model(chain):
        require_free(chain)
        return around(chain, chained(after))
    if isinstance(chain, RunnableSequence):
        for index, step in reversed(list(enumerate(chain.steps))):
            found = woven(step, around, [*chain.steps[index + 1 :], *after])
            if found is not None:
                return chained([*chain.steps[:index], found])
        return None
    parts = [woven(part, around, after) for part in inner(chain)]
    if None in parts and any(part is not None for part in parts):
        raise ConfigurationError(
            f"Not every branch of {chain.get_name()} has a model to be found. {_STANDING_IN}"
        )
    return rebuilt(chain, parts) if parts and None not in parts else None


def chained(steps: Sequence[AnyRunnable]) -> Any:
    """Return steps as one Runnable; None if there are none."""
    if len(steps) < 2:
        return steps[0] if steps else None
    return RunnableSequence(*steps)


# --- where it cannot happen ------------------------------------------------------------------

_STANDING_IN = (
    "Put the model into the sampler: VerbalizedSampler(llm, k=5) stands in for the model anywhere."
)


def no_model(sampler: Any, chain: AnyRunnable | None = None) -> ConfigurationError:
    """Return the error for a sampler that has no model, with the spelling that works.

    Args:
        sampler: The sampler.
        chain: What it was to be woven into; default: what stands before it in the sequence that is
            being made, if one is.
    """
    if chain is None:
        before = list(takewhile(lambda step: step is not sampler, operands()))
        chain = chained([coerce_to_runnable(step) for step in before])
    if chain is None:
        return ConfigurationError(f"This VerbalizedSampler has no model. {_STANDING_IN}")
    if woven(chain, lambda model, _: model) is None:
        return ConfigurationError(f"There is no model to be found in the chain. {_STANDING_IN}")
    return ConfigurationError(
        "LangChain composes these without asking the sampler, which so cannot weave itself around "
        f"the model. Write {sampler!r}.around({_spelled(chain)}), or put the model into the "
        "sampler: VerbalizedSampler(llm, k=5)."
    )


def _spelled(step: AnyRunnable) -> str:
    """A step as a user may have written it, with usual names for what has none."""
    if isinstance(step, RunnableSequence):
        return " | ".join(map(_spelled, step.steps))
    if isinstance(step, BasePromptTemplate):
        return "prompt"
    if isinstance(step, BaseLanguageModel) or (is_model(step) and not inner(step)):
        return "llm"
    method = _method(step)
    if method is None:
        return step.get_name()
    within = _spelled(inner(step)[0])
    return f"({within}).{method}" if " | " in within else f"{within}.{method}"


def _method(step: Runnable[Any, Any]) -> str | None:
    """The method that wraps a step so; None where it is not made by a method."""
    from langchain_core.runnables.retry import RunnableRetry  # loaded where one was made

    if isinstance(step, RunnableRetry):
        return "with_retry(…)"
    if isinstance(step, RunnableWithFallbacks):
        return "with_fallbacks([…])"
    if not isinstance(step, RunnableBinding):
        return None
    if step.kwargs:
        return "bind(…)"
    types = step.custom_input_type is not None or step.custom_output_type is not None
    return "with_types(…)" if types else "with_config(…)"
