"""Values of a type, drawn from typed candidates: what ``with_structured_output`` gives."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_json_schema

from vs_core import Candidate, ConfigurationError, Distribution, ParseError
from vs_core.effects import Effects
from vs_langchain.forms import validating
from vs_langchain.outputs import OneDrawn, Output, as_message
from vs_langchain.running import SamplerRun
from vs_langchain.sampling import Sampling
from vs_langchain.structure import Method

__all__ = ["structured_output"]

_METHODS: dict[str | None, Method | None] = {
    None: None,
    "json_schema": "json_schema",
    "function_calling": "tool",
    "json_mode": "text",
}


def structured_output(
    sampler: Sampling[Any],
    schema: Any,
    *,
    include_raw: bool = False,
    method: str | None = None,
    strict: bool | None = None,
) -> Runnable[Any, Any]:
    """Return what draws a value of a type; see `VerbalizedChatModel.with_structured_output`.

    Args:
        sampler: With a model; its options are kept, but for the type and what comes out.
        schema: The type, or a JSON schema.
        include_raw: Whether the message comes with the value.
        method: LangChain's name of a way to ask.
        strict: Whether the provider is to enforce the schema to the letter; None where it can.

    Raises:
        ConfigurationError: If an option cannot work.
    """
    if schema is None:
        raise ConfigurationError("with_structured_output needs a type or a JSON schema.")
    if method not in _METHODS:
        known = ", ".join(name for name in _METHODS if name)
        raise ConfigurationError(f"method must be one of {known}, not {method!r}.")
    own = ("resampler", "seed", "distribution")
    kind = _WithRaw if include_raw else Sampling
    typed: Any = kind(
        model=sampler.model,
        output="value",
        method=_METHODS[method] or sampler.method,
        **{name: getattr(sampler, name) for name in own},
        **{**sampler._given(), "schema": validating(schema)},
    )
    about = {"kwargs": {"method": method}, "schema": convert_to_json_schema(schema)}
    settings: dict[str, Any] = {"ls_structured_output_format": about}
    if strict is not None and method != "json_mode":
        settings["strict"] = strict
    bound: Runnable[Any, Any] = typed.bind(**settings)
    return bound


class _WithRaw(Sampling[Any]):
    """A sampler that gives the message with the value, and never fails to."""

    def _output_of(self, run: SamplerRun) -> Output:
        return _Raw(run)

    def _running(self, value: Any, run: SamplerRun) -> Effects[Any]:
        try:
            return (yield from super()._running(value, run))
        except ParseError as error:
            return {"raw": AIMessage(error.text), "parsed": None, "parsing_error": error}


class _Raw(OneDrawn):
    """The message and the value of one candidate."""

    name = "value"

    @classmethod
    def type_of(cls, schema: Any, after: Any) -> Any:  # noqa: ARG003
        return dict[str, Any]

    def of(self, candidate: Candidate, distribution: Distribution) -> Any:
        message = as_message(candidate.text, self.run, distribution)
        return {"raw": message, "parsed": candidate.value, "parsing_error": None}
