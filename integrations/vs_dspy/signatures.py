"""Signatures that ask for candidates, made from the user's own."""

from __future__ import annotations

from typing import Annotated, Any

import dspy
from dspy.signatures.signature import ensure_signature
from pydantic import BaseModel, ConfigDict, Field, create_model

from vs_core import ConfigurationError, Strategy
from vs_core.formats import Format, Shape

__all__ = ["CANDIDATES", "check_signature", "schema_of", "signature_of", "verbalized"]

CANDIDATES = "candidates"
REASONING = "reasoning"

_ATTRIBUTES = {"completions", "distribution"}
"""What a prediction has beside its fields."""

Signature = type[dspy.Signature]


def signature_of(signature: str | Signature) -> Signature:
    """Return a signature, made from a string if it is one.

    Raises:
        ConfigurationError: If DSPy can make nothing of it, such as a field of an unknown type.
    """
    try:
        made = ensure_signature(signature)
    except (ValueError, TypeError, SyntaxError) as error:
        raise ConfigurationError(f"{signature!r} is no signature: {error}") from error
    if not (isinstance(made, type) and issubclass(made, dspy.Signature)):
        raise ConfigurationError(
            f"{signature!r} is no signature: give a string such as 'topic -> joke', or a subclass "
            "of dspy.Signature."
        )
    return made


def check_signature(signature: Signature, reserved: tuple[str, ...]) -> None:
    """Refuse a signature that cannot be verbalized.

    Raises:
        ConfigurationError: If it has no output field, or a field with a name of ours.
    """
    if not signature.output_fields:
        raise ConfigurationError(f"The signature {signature.signature!r} has no output field.")
    taken = sorted(
        (set(reserved) & set(signature.fields)) | (_ATTRIBUTES & set(signature.output_fields))
    )
    if taken:
        raise ConfigurationError(
            f"The signature {signature.signature!r} has fields named {taken}, which "
            "VerbalizedSampler needs for itself: rename them."
        )


def schema_of(signature: Signature) -> Any:
    """Return the type of a candidate's content.

    None for a single text field, the type of any other single field, and a pydantic model of all
    fields where there are several.
    """
    outputs = signature.output_fields
    if len(outputs) == 1:
        (only,) = outputs.values()
        return None if only.annotation is str else _annotation(only)
    fields = _typed(signature)
    return create_model(_type_name(signature, "Fields"), __config__=_LENIENT, **fields)


def verbalized(
    signature: Signature, strategy: Strategy, k: int, format: Format | None
) -> Signature:
    """Return the signature that asks for ``k`` candidates.

    Its instructions are the user's and the strategy's: that is what optimizers rewrite. What the
    answer must hold is said by the type and the description of the field ``candidates``, which they
    leave alone: a list of a pydantic type made from the user's output fields, or, with a format of
    the core, text in that format.

    Where any text is an answer (``direct``) it is the user's own; for ``cot``, with reasoning.
    """
    shape = strategy.shape(k)
    instruction = strategy.instruction(k)
    instructions = "\n\n".join(part for part in (signature.instructions, instruction) if part)
    made = signature.with_instructions(instructions)
    if shape is None:
        return made
    if shape.reasoning:
        description = "the angles, styles and perspectives from which the request can be answered"
        first = dspy.OutputField(desc=description)
        made = made.prepend(REASONING, first, type_=str)
    if format is None and shape.definition is None and k == 1:
        return made  # one answer without a probability: the user's fields, after reasoning
    for name in signature.output_fields:
        made = made.delete(name)
    if format is not None:
        field = dspy.OutputField(desc=format.instructions(_without_reasoning(shape)))
        return made.append(CANDIDATES, field, type_=str)
    field = dspy.OutputField(desc=_description(signature, shape))
    kind: Any = _candidate_type(signature, shape)
    return made.append(CANDIDATES, field, type_=list[kind])


def _without_reasoning(shape: Shape) -> Shape:
    """The shape of the field: reasoning has a field of its own."""
    return Shape(shape.k, shape.definition, False, shape.schema, shape.fields)


def _description(signature: Signature, shape: Shape) -> str:
    names = ", ".join(f"`{name}`" for name in signature.output_fields)
    text = f"exactly {shape.k} different candidates, each with {names}"
    if shape.definition:
        text += f" and `{shape.definition.key}`: {shape.definition.meaning}"
    return text


def _candidate_type(signature: Signature, shape: Shape) -> type[BaseModel]:
    """One candidate: all output fields, and its probability."""
    fields = _typed(signature)
    if shape.definition:
        kind = str if shape.definition.name == "percentage" else float
        fields[shape.definition.key] = (kind, Field(description=shape.definition.meaning))
    return create_model(_type_name(signature, "Candidate"), __config__=_LENIENT, **fields)


_LENIENT = ConfigDict(coerce_numbers_to_str=True)
"""A number is a text, where the adapters give ``dspy.Predict`` one."""


def _annotation(field: Any) -> Any:
    """The type of a field with its constraints."""
    parts = (field.annotation, *field.metadata)
    return Annotated[parts] if field.metadata else field.annotation


def _typed(signature: Signature) -> dict[str, Any]:
    return {
        name: (_annotation(field), Field(description=_own_description(name, field)))
        for name, field in signature.output_fields.items()
    }


def _own_description(name: str, field: Any) -> str | None:
    """A field's description, unless it is the placeholder that DSPy puts where there is none."""
    description: str | None = (field.json_schema_extra or {}).get("desc")
    return None if description == f"${{{name}}}" else description


def _type_name(signature: Signature, suffix: str) -> str:
    return "".join(name.title().replace("_", "") for name in signature.output_fields) + suffix
