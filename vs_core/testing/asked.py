"""What a conversation with the simulated model asks for, and the structure the answer goes into."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vs_core.probabilities import DEFINITIONS, Definition
from vs_core.testing.filling import candidate_list, probability_key, resolve

__all__ = ["Asked", "Wrapper", "definition_under", "structured", "wrapped"]


@dataclass(frozen=True)
class Asked:
    """What a conversation asks for.

    Args:
        task: What the user wants, without how to answer.
        k: Number of candidates; None asks for one plain answer.
        definition: The probability that is asked for; None asks for none.
        format: Name of a registered format, or ``"rows"`` for bare lines.
        reasoning: Whether to reason first.
        threshold: Below which each probability is to be.
        previous: Answers that were given before, and are not to be given again.
        schema: JSON schema of a typed candidate.
        wrapper: The structure around the answer, where there is one.
    """

    task: str
    k: int | None = None
    definition: Definition | None = None
    format: str = "json"
    reasoning: bool = False
    threshold: float | None = None
    previous: frozenset[str] = frozenset()
    schema: Mapping[str, Any] | None = field(default=None, hash=False)
    wrapper: Wrapper | None = field(default=None, hash=False)


@dataclass(frozen=True)
class Wrapper:
    """A structure to be filled: named fields, each with a JSON schema.

    Args:
        style: ``"json"`` (one object), ``"chat"`` (DSPy's ``[[ ## name ## ]]``) or ``"xml"``.
        schema: JSON schema of an object with all that is to be filled.
        text_field: The property that holds the candidates as text, in their own format; or None.
    """

    style: str
    schema: Mapping[str, Any]
    text_field: str | None = None


def definition_under(key: str) -> Definition:
    """Return the definition that a key such as ``"nll"`` stands for."""
    own = (definition for definition in DEFINITIONS.values() if definition.key == key)
    return DEFINITIONS["explicit"] if key == "probability" else next(own, DEFINITIONS["explicit"])


def structured(asked: Asked, schema: Mapping[str, Any] | None) -> Asked:
    """Honour a ``response_format``: it goes before any format that the words ask for."""
    if schema is None:
        return asked
    if resolve(schema, schema).get("properties"):
        return wrapped(asked, Wrapper("json", schema))
    if asked.k:  # any JSON object will do
        return replace(asked, format="json")
    answer = {"type": "object", "properties": {"answer": {"type": "string"}}}
    return replace(asked, wrapper=Wrapper("json", answer))


def wrapped(asked: Asked, wrapper: Wrapper) -> Asked:
    """What is asked for when it is to be put into a structure, which may itself ask for a list."""
    listed = candidate_list(wrapper.schema)
    if listed is None:
        return replace(asked, wrapper=wrapper)
    key = probability_key(resolve(listed["items"], wrapper.schema)) or ""
    k = min(max(asked.k or 5, listed.get("minItems", 1)), listed.get("maxItems", math.inf))
    definition = asked.definition or definition_under(key)
    return replace(asked, k=int(k), definition=definition, wrapper=wrapper)
