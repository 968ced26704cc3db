"""The options of a sampler as data, and states of DSPy's own predictors as those of a sampler."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from vs_core import ConfigurationError, Strategy
from vs_dspy.signatures import Signature

KEY = "verbalized"
"""Where the options stand in a state."""

VERSION = 1

_SHARED = (
    "k", "n", "budget", "threshold", "probability", "retries", "on_unparsed", "on_failure",
    "strict", "prompts",
)  # fmt: skip
OPTIONS = {"strategy", *_SHARED, "profile", "format", "resampler", "seed"}
"""What may be given to a single call."""


def shared(strategy: Strategy, only: Collection[str] = _SHARED) -> dict[str, Any]:
    """Return the options that any other strategy takes too."""
    return {name: getattr(strategy, name) for name in _SHARED if name in only}


def saved(sampler: Any) -> dict[str, Any]:
    """Return the options that are data."""
    return {
        "strategy": sampler.strategy.name,
        **shared(sampler.strategy, only=set(_SHARED) - {"prompts"}),
        "format": sampler.format.name if sampler.format else None,
        "resampler": sampler.resampler if isinstance(sampler.resampler, str) else None,
        "seed": sampler.seed,
    }


def converted(state: Mapping[str, Any], signature: Signature) -> dict[str, Any]:
    """Return a state for a sampler of this signature: the optimizer's part alone.

    Raises:
        ConfigurationError: If it is the state of something else.
    """
    version = state.get(KEY, {}).get("version", VERSION)
    if version > VERSION:
        raise ConfigurationError(f"The state has the version {version}: a later vs-core saved it.")
    inner = state.get("predict")
    if "signature" not in state and isinstance(inner, Mapping):  # that of a ChainOfThought
        state = inner
    if not isinstance(state.get("signature"), Mapping):
        raise ConfigurationError(
            f"This is no state of a predictor, but one with {_listed(state)}: load it into the "
            "whole program that it was saved from."
        )
    fields = _fields(state["signature"].get("fields", []), signature)
    made = {name: value for name, value in state.items() if name not in (KEY, "metadata")}
    return {**made, "signature": {**state["signature"], "fields": fields}}


def _fields(saved: list[Mapping[str, Any]], signature: Signature) -> list[Any]:
    """The saved fields one for one with those of the signature."""
    own = signature.dump_state()["fields"]
    first = len(signature.input_fields)
    reasons = len(saved) > first and str(saved[first].get("prefix", "")).startswith("Reasoning")
    if len(saved) == len(own) + 1 and reasons:
        return [*saved[:first], *saved[first + 1 :]]
    if len(saved) + 1 == len(own) and "reasoning" in signature.output_fields and not reasons:
        return [*saved[:first], own[first], *saved[first:]]
    written = [str(field.get("prefix", "")) for field in saved]
    older = "Candidates:" in written and "candidates" not in signature.fields
    if older or len(saved) != len(own):
        raise ConfigurationError(
            f"The state has the fields {written}, where the signature {signature.signature!r} has "
            f"{list(signature.fields)}: it was saved from another."
        )
    return list(saved)


def _listed(state: Mapping[str, Any]) -> str:
    return ", ".join(repr(key) for key in state if key != "metadata") or "nothing"
