"""Settings of a wrapped model that are given to what wraps it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable

from vs_core import Strategy

__all__ = ["settings_among", "with_settings"]

AnyRunnable = Runnable[Any, Any]


def settings_among(
    options: Mapping[str, Any], model: AnyRunnable, own: Collection[str]
) -> dict[str, Any]:
    """Return those of ``options`` that are fields of a wrapped chat model, and of nothing else."""
    if not isinstance(model, BaseChatModel):
        return {}
    fields = type(model).model_fields
    names = {*fields, *(field.alias for field in fields.values())}
    taken = {*own, *Strategy.__dataclass_fields__, "schema"}
    return {name: value for name, value in options.items() if name in names and name not in taken}


def with_settings(model: AnyRunnable, settings: Mapping[str, Any]) -> AnyRunnable:
    """Return a chat model made anew with other settings: some reach no further than its client."""
    if not settings:
        return model
    fields: dict[str, Any] = type(model).model_fields  # type: ignore[attr-defined]
    given = {name: getattr(model, name) for name in model.model_fields_set}  # type: ignore[attr-defined]
    plain = {name: value for name, value in given.items() if not fields[name].exclude}
    made = type(model)(**_by_alias(plain, fields) | dict(settings))
    # What it does not make for itself, such as a client of HTTP, the user gave.
    rest = {
        name: value
        for name, value in given.items()
        if fields[name].exclude and getattr(made, name, None) is None and value is not None
    }
    return type(model)(**_by_alias(plain | rest, fields) | dict(settings)) if rest else made


def _by_alias(values: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    return {fields[name].alias or name: value for name, value in values.items()}
