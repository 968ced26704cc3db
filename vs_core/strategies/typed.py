"""Typed candidates: validating what a model gave against the type that was asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, TypeAdapter, ValidationError, WithJsonSchema
from pydantic.errors import PydanticSchemaGenerationError

from vs_core.candidates import Candidate
from vs_core.errors import ConfigurationError

__all__ = ["adapter_of", "json_schema_of", "validated"]


@lru_cache(maxsize=256)
def _adapter_of_type(schema: Any) -> TypeAdapter[Any]:
    return TypeAdapter(schema)


@lru_cache(maxsize=256)
def _adapter_of_json_schema(written: str) -> TypeAdapter[Any]:
    schema = json.loads(written)
    kind: Any = Annotated[Any, AfterValidator(_fitting(schema)), WithJsonSchema(schema)]
    return TypeAdapter(kind)


def adapter_of(schema: Any) -> TypeAdapter[Any]:
    """Return what validates a type.

    Args:
        schema: Any type that pydantic validates, or a JSON schema as a mapping. Of what a JSON
            schema says, the type and the required properties at its top are checked.

    Raises:
        ConfigurationError: If it is neither.
    """
    try:
        if isinstance(schema, Mapping):
            return _adapter_of_json_schema(json.dumps(schema))
        return _adapter_of_type(schema)
    except (PydanticSchemaGenerationError, TypeError, ValueError) as error:
        raise ConfigurationError(
            "schema must be a type that pydantic can validate, or a JSON schema, not "
            f"{schema!r:.200}: {error}"
        ) from error


_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "null": (type(None),),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}


def _fitting(schema: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Return what refuses a value of another type than a JSON schema's, or one that lacks a key."""
    named = schema.get("type", "object" if "properties" in schema else None)
    kinds = _JSON_TYPES.get(str(named), (object,))
    required = list(schema.get("required", ()))

    def check(value: Any) -> Any:
        a_number = isinstance(value, bool) and int in kinds
        if a_number or not isinstance(value, kinds):
            raise ValueError(f"must be of the type {named}")
        missing = [key for key in required if isinstance(value, dict) and key not in value]
        if missing:
            raise ValueError(f"lacks {', '.join(missing)}")
        return value

    return check


def json_schema_of(schema: Any) -> dict[str, Any]:
    """Return the JSON schema of a type. It is made once, and shared: not to be changed."""
    adapter = adapter_of(schema)
    return _json_schema_of(adapter)


@lru_cache(maxsize=256)
def _json_schema_of(adapter: TypeAdapter[Any]) -> dict[str, Any]:
    return adapter.json_schema()


def validated(candidate: Candidate, schema: Any) -> tuple[Candidate, str | None]:
    """Return the candidate with its value validated, or with the error in its repairs.

    Args:
        candidate: As it was read: its value decoded JSON, or None where its text is all there is.
        schema: The type; None for plain text.

    Returns:
        The candidate, and the error in words or None. One that does not fit has no value; its
        text is as the model wrote it.
    """
    if schema is None:
        return candidate, None
    adapter = adapter_of(schema)
    try:
        if candidate.value is not None:
            value = adapter.validate_python(candidate.value)
        else:
            value = _from_text(adapter, candidate.text)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'value'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_context=False)
        )
        text = f"does not fit the schema: {problems}"
        return candidate.repaired(text).model_copy(update={"value": None}), text
    return candidate.model_copy(update={"value": value}), None


def _from_text(adapter: TypeAdapter[Any], text: str) -> Any:
    """Validate a text: as JSON, or as a bare string, number or literal."""
    try:
        return adapter.validate_json(text)
    except ValidationError:
        if text.startswith(("{", "[")):
            raise
    return adapter.validate_python(text)
