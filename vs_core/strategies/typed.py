"""Typed candidates: validating what a model gave against the type that was asked for."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

from vs_core.candidates import Candidate
from vs_core.errors import ConfigurationError

__all__ = ["adapter_of", "json_schema_of", "validated"]


@lru_cache(maxsize=256)
def _cachedadapter_of(schema: Any) -> TypeAdapter[Any]:
    return TypeAdapter(schema)


def adapter_of(schema: Any) -> TypeAdapter[Any]:
    """Return what validates a type.

    Raises:
        ConfigurationError: If pydantic cannot validate it.
    """
    try:
        return _cachedadapter_of(schema)
    except (PydanticSchemaGenerationError, TypeError) as error:
        raise ConfigurationError(
            f"schema must be a type that pydantic can validate, not {schema!r}: {error}"
        ) from error


@lru_cache(maxsize=256)
def json_schema_of(schema: Any) -> dict[str, Any]:
    """Return the JSON schema of a type. It is made once, and shared: not to be changed."""
    return adapter_of(schema).json_schema()


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
