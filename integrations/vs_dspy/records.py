"""The user's output fields as one type, the names of ours beside them, and numbers as asked for."""

from __future__ import annotations

import math
from collections.abc import Collection
from functools import lru_cache
from typing import Annotated, Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, Field, create_model

from vs_core.probabilities import Definition

__all__ = ["Record", "annotation_of", "apart", "described", "number_for", "record_of", "spec_of"]

Spec = tuple[str, Any, "str | None", Any]
"""A field: its name, its type, its description, and its default or ``...``."""


class Record(BaseModel):
    """Several output fields of a signature as one value; see `record_of`."""

    model_config = ConfigDict(coerce_numbers_to_str=True)  # as DSPy's adapters do for a text
    specs: ClassVar[tuple[Spec, ...]] = ()

    def __reduce__(self) -> Any:
        """Rebuild the class, which has no name to import it by."""
        return _rebuilt, (self.specs, vars(self))


def _rebuilt(specs: tuple[Spec, ...], values: dict[str, Any]) -> Record:
    return record_of(specs).model_construct(**values)


def record_of(specs: tuple[Spec, ...]) -> type[Record]:
    """Return the type with these fields: the same class each time."""
    try:
        return _cached(specs)
    except TypeError:  # a default that cannot be hashed
        return _made(specs)


def _made(specs: tuple[Spec, ...]) -> type[Record]:
    fields: dict[str, Any] = {
        name: (kind, Field(default, description=about)) for name, kind, about, default in specs
    }
    made: type[Record] = create_model("Fields", __base__=Record, __module__=__name__, **fields)
    made.specs = specs
    return made


_cached = lru_cache(maxsize=256)(_made)


def spec_of(name: str, info: Any) -> Spec:
    """Return an output field as it is read: one that may be left out has a default."""
    default: Any = ...
    if not info.is_required():
        default = info.get_default(call_default_factory=True)
    elif type(None) in get_args(info.annotation):
        default = None
    return name, annotation_of(info), described(name, info), default


def annotation_of(info: Any) -> Any:
    """Return the type of a field with its constraints."""
    parts = (info.annotation, *info.metadata)
    return Annotated[parts] if info.metadata else info.annotation


def described(name: str, info: Any) -> str | None:
    """Return a field's description, unless it is what DSPy puts where there is none."""
    description: str | None = (info.json_schema_extra or {}).get("desc")
    return None if description == f"${{{name}}}" else description


def apart(name: str, taken: Collection[str]) -> str:
    """Return a name of ours that gives way to those of the user."""
    while name in taken:
        name += "_"
    return name


def number_for(probability: float | None, definition: Definition) -> float | str | None:
    """Return a probability as its definition wants it written: what `read` turns back into it."""
    if probability is None:
        return None
    if definition.name == "percentage":
        return f"{probability * 100:.10g}%"
    if definition.scale == "probability":
        return probability
    if definition.scale == "nll":
        return -math.log(max(probability, 1e-300))
    return 1 / max(probability, 1e-300)


def without_titles(schema: Any) -> Any:
    """Return a JSON schema without the titles that pydantic adds: they say nothing new."""
    if isinstance(schema, list):
        return [without_titles(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: without_titles(part)
        for key, part in schema.items()
        if not (key == "title" and isinstance(part, str))
    }
