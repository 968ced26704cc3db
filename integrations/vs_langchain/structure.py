"""Asking a model for structured output: by JSON schema, by a tool, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import signature
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig

from vs_core import ConfigurationError
from vs_langchain.internals import model_in
from vs_langchain.models import AnyRunnable, bound_settings, models_in, with_models, without_setting

__all__ = ["STRUCTURE", "Method", "forced", "has_tools", "strict_schema", "structured"]

Method = Literal["auto", "json_schema", "tool", "text"]

STRUCTURE = "verbalized_responses"
"""Name of the JSON schema, and of the tool, by which a distribution is asked for."""

_TOOLS = frozenset(["tools", "functions"])
_TAKEN = _TOOLS | {"response_format"}
"""Settings of a model that leave no room for a structure of ours."""


def has_tools(settings: Mapping[str, Any]) -> bool:
    """Whether settings of a model give it tools."""
    return not _TOOLS.isdisjoint(settings)


def forced(settings: Mapping[str, Any]) -> bool:
    """Whether settings make a model call a tool or answer in a structure."""
    choice = settings.get("tool_choice")
    return choice not in (None, "auto", "none", False) or "response_format" in settings


def structured(
    runnable: AnyRunnable,
    schema: Mapping[str, Any],
    method: Method,
    config: RunnableConfig,
    tools: Sequence[Any] = (),
) -> AnyRunnable:
    """Return a model that is asked for answers of a JSON schema, wherever that can be done.

    Args:
        runnable: A model, however it is bound, configured or protected. ``strict`` bound to it says
            whether the provider is to enforce the schema to the letter; by default it is where it
            can and the schema allows.
        schema: JSON schema of an object.
        method: ``"json_schema"``, ``"tool"``, or what the profile of each model says (``"auto"``).
        config: Of the call, which may choose among configured models.
        tools: Of the user's, which the model may call instead of answering.

    Returns:
        The runnable; as it was where nothing can be asked for, as with a model that has tools.

    Raises:
        ConfigurationError: If a method was chosen that the model does not have.
    """
    if method == "auto" and not tools and not any(_promising(runnable)):
        return runnable
    settings = bound_settings(runnable)
    if not _TAKEN.isdisjoint(settings):
        return runnable
    strict = settings.get("strict")

    def asked(model: AnyRunnable) -> AnyRunnable:
        if isinstance(model, BaseChatModel):
            return _asked(_Structuring(model, schema, strict, tools), method)
        if method == "auto" and not tools:
            return model
        raise ConfigurationError(
            f"method={method!r} needs a chat model, not {type(model).__name__}; "
            "method='text' works with any model."
        )

    return with_models(without_setting(runnable, "strict"), asked, config)


class _Structuring:
    """One model, and what it is to be asked for."""

    def __init__(
        self,
        model: BaseChatModel,
        schema: Mapping[str, Any],
        strict: bool | None,
        tools: Sequence[Any],
    ) -> None:
        self.model = model
        self.tools = list(tools)
        exact = None if strict is False else strict_schema(schema)
        if strict and exact is None:
            raise ConfigurationError(
                "strict=True is bound to the model, and the schema is not one that a provider can "
                "enforce: every object needs named properties, and no more than those."
            )
        self.schema = {"title": STRUCTURE, **(exact or schema)}
        self.strict = {} if exact is None else {"strict": True}

    def by_tool(self) -> AnyRunnable:
        options = self._strictly(self.model.bind_tools)
        return self.model.bind_tools([*self.tools, self.schema], tool_choice="any", **options)

    def by_schema(self) -> AnyRunnable:
        options = self._strictly(self.model.with_structured_output)
        chain = self.model.with_structured_output(self.schema, method="json_schema", **options)
        model = model_in(chain)
        if model is None:
            raise NotImplementedError(f"with_structured_output returned {type(chain).__name__}")
        return model

    def _strictly(self, method: Callable[..., Any]) -> dict[str, Any]:
        return self.strict if "strict" in signature(method).parameters else {}


def _asked(wanted: _Structuring, method: Method) -> AnyRunnable:
    if wanted.tools:  # ours stands beside them, and one of all must be called
        return _asked_by(wanted, "tool")
    if method != "auto":
        return _asked_by(wanted, method)
    for promised in _methods(wanted.model):
        try:
            return _asked_by(wanted, promised)
        except ConfigurationError:  # the profile of a model may promise too much
            continue
    return wanted.model


def _asked_by(wanted: _Structuring, method: Method) -> AnyRunnable:
    try:
        return wanted.by_tool() if method == "tool" else wanted.by_schema()
    except (NotImplementedError, TypeError, ValueError) as error:
        hint = "" if wanted.tools else "; method='text' works with any model"
        raise ConfigurationError(
            f"{type(wanted.model).__name__} does not support method={method!r} ({error}){hint}."
        ) from error


def _promising(runnable: AnyRunnable) -> Iterator[bool]:
    """Of each model, whether something is to be found out before it is asked in words."""
    for model in models_in(runnable):
        yield not isinstance(model, BaseChatModel) or any(_methods(model))


def _methods(model: BaseChatModel) -> Iterator[Method]:
    """What the profile of a model says that it can do, the best first."""
    profile: Mapping[str, Any] = getattr(model, "profile", None) or {}
    if profile.get("structured_output"):
        yield "json_schema"
    if profile.get("tool_calling") and profile.get("tool_choice"):
        yield "tool"


# --- strict schemas --------------------------------------------------------------------------

_NOT_STRICT = frozenset([
    "allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas",
    "patternProperties", "prefixItems", "propertyNames", "unevaluatedItems",
    "unevaluatedProperties", "uniqueItems", "contains",
])  # fmt: skip
"""Keywords that OpenAI's strict mode does not take."""
_NESTED = ("properties", "$defs", "definitions")


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a JSON schema as strict structured output takes it; None if that cannot say it.

    Strict mode (OpenAI's rules, which others follow) wants every property required and no others
    allowed. So a property that has a default is to be written all the same, as OpenAI's own client
    asks for it; a free mapping, or a place for anything at all, cannot be said.
    """
    try:
        strict: dict[str, Any] = _strict(schema)
    except _Free:
        return None
    return strict


class _Free(Exception):  # noqa: N818  # no error: the schema is asked for as it stands
    """A schema leaves more open than strict mode can say."""


def _strict(schema: Any) -> Any:
    if isinstance(schema, bool) or not schema or not _NOT_STRICT.isdisjoint(schema):
        raise _Free
    strict = {key: value for key, value in schema.items() if key != "default"}
    for key in _NESTED:
        if key in strict:
            strict[key] = {name: _strict(inner) for name, inner in strict[key].items()}
    if "items" in strict:
        strict["items"] = _strict(strict["items"])
    if "anyOf" in strict:
        strict["anyOf"] = [_strict(option) for option in strict["anyOf"]]
    if not strict.keys() & {"type", "enum", "const", "anyOf", "$ref"}:
        raise _Free
    if strict.get("type") == "array" and "items" not in strict:
        raise _Free
    if strict.get("type") == "object":
        if "properties" not in strict or strict.get("additionalProperties"):
            raise _Free
        strict["additionalProperties"] = False
        strict["required"] = list(strict["properties"])
    return strict
