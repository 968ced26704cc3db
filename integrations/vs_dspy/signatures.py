"""What a signature asks for when it is verbalized: made from the user's own, at each call anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import dspy
from dspy.signatures.signature import SignatureMeta, ensure_signature

from vs_core import ConfigurationError
from vs_core.formats import Format, Shape
from vs_dspy.candidates import Candidates
from vs_dspy.content import Content
from vs_dspy.records import annotation_of, apart, described, record_of, spec_of

__all__ = ["AskedSignature", "Signature", "asked_of", "signature_of"]

Signature = type[dspy.Signature]

_ATTRIBUTES = {"completions", "distribution"}
"""What a prediction has beside its fields."""


@dataclass(frozen=True)
class AskedSignature:
    """What is asked for in one call.

    Args:
        signature: With a field of candidates in the place of the user's output fields; or with
            those, where one plain answer is asked for.
        inputs: Names of the user's input fields.
        histories: Names of those that hold turns before.
        names: Of the user's output fields, without the reasoning.
        reasoning: Name of the field in which the model reasons first; None if it does not.
        candidates: Name of the field of candidates, which is apart from all others.
        kind: Type of that field; None where one plain answer is asked for.
        content: What a candidate holds.
        schema: Type that its value is validated against; None for a text, or if any text will do.
        probability: Name of a candidate's probability among the user's fields.
    """

    signature: Signature
    inputs: tuple[str, ...]
    histories: tuple[str, ...]
    names: tuple[str, ...]
    reasoning: str | None
    candidates: str
    kind: type[Candidates[Any]] | None
    content: Content
    schema: Any
    probability: str


def signature_of(signature: Any) -> Signature:
    """Return a signature, made from a string if it is one.

    Raises:
        ConfigurationError: If DSPy can make nothing of it, such as a field of an unknown type, if
            it has no output field, or one named like an attribute of a prediction.
    """
    try:
        made: Any = ensure_signature(signature)
    except (ValueError, TypeError, SyntaxError) as error:
        raise ConfigurationError(f"{signature!r} is no signature: {error}") from error
    if not _is_signature(made):
        raise ConfigurationError(
            f"{signature!r} is no signature: give a string such as 'topic -> joke', or a subclass "
            "of dspy.Signature."
        )
    if not made.output_fields:
        raise ConfigurationError(f"The signature {made.signature!r} has no output field.")
    taken = sorted(_ATTRIBUTES & set(made.output_fields))
    if taken:
        raise ConfigurationError(
            f"The signature {made.signature!r} has output fields named {taken}, which a prediction "
            "has for itself: rename them."
        )
    return made


def _is_signature(made: Any) -> bool:
    return isinstance(made, type) and issubclass(made, dspy.Signature)


def asked_of(
    signature: Signature,
    wording: str,
    shape: Shape | None,
    threshold: float | None = None,
    format: Format | None = None,
) -> AskedSignature:
    """Return what a call asks for.

    Args:
        signature: The user's, as it is now.
        wording: What the strategy asks for, in words.
        shape: What an answer holds; None if any text is an answer.
        threshold: Below which each probability is asked to be.
        format: Format of the core in which candidates are to stand as one text, if any.
    """
    given: Any = signature
    return _asked(given, signature.__doc__, wording, shape, threshold, format)


@lru_cache(maxsize=512)
def _asked(
    signature: Signature,
    instructions: str | None,  # noqa: ARG001  # they can be set: what was made is then another's
    wording: str,
    shape: Shape | None,
    threshold: float | None,
    format: Format | None,
) -> AskedSignature:
    outputs = dict(signature.output_fields)
    reasons = shape is not None and shape.reasoning
    reasoning = apart("reasoning", signature.input_fields) if reasons else None
    given = outputs.pop(reasoning, None) if reasoning else None
    if not outputs:
        raise ConfigurationError(f"The signature {signature.signature!r} asks for reasoning alone.")
    made = signature
    if reasoning and given is None:
        field = dspy.OutputField(desc="what there is to consider first", default="")
        made = made.prepend(reasoning, field, type_=str)
    candidates = apart("candidates", (*signature.fields, reasoning or ""))
    content = _content(outputs, shape, wording, threshold, format)
    definition = content.shape.definition
    probability = definition.key if definition else apart("probability", outputs)
    plain = shape is None or (format is None and shape.definition is None and shape.k == 1)
    if plain:
        kind = None
        made = made.with_instructions(f"{signature.instructions}\n\n{wording}".strip())
    else:
        kind = Candidates.holding(content)
        for name in outputs:
            made = made.delete(name)
        field = dspy.OutputField(desc="", default_factory=kind.model_construct)
        made = made.append(candidates, field, type_=kind)
    if made is not signature:
        _Standing.put(made, signature)
    inputs = signature.input_fields
    histories = tuple(name for name, info in inputs.items() if info.annotation is dspy.History)
    return AskedSignature(
        made, tuple(inputs), histories, tuple(outputs), reasoning, candidates, kind, content,
        None if shape is None else content.schema, probability,
    )  # fmt: skip


def _content(
    outputs: dict[str, Any],
    shape: Shape | None,
    wording: str,
    threshold: float | None,
    format: Format | None,
) -> Content:
    """The content of a candidate: a single field, or all as one record."""
    # A format describes the schema of a shape: here the signature has the types.
    shape = replace(shape, schema=None) if shape else Shape(definition=None)
    if shape.definition:
        key = apart(shape.definition.key, outputs)
        shape = replace(shape, definition=replace(shape.definition, key=key))
    if len(outputs) > 1:
        kind: Any = record_of(tuple(spec_of(name, info) for name, info in outputs.items()))
        return Content(kind, None, shape, wording, threshold, format, patient=True)
    ((name, info),) = outputs.items()
    about = described(name, info)
    kind = annotation_of(info)
    return Content(kind, name, shape, wording, threshold, format, patient=True, about=about)


class _Standing(SignatureMeta):
    """Class of a signature that stands for the user's own, and is found where that is looked up.

    ``dspy.Refine`` looks up its advice by the signature that an adapter is called with.
    """

    stands_for: Any
    kept: dict[str, dict[str, Any]]

    @classmethod
    def put(cls, made: Any, signature: Signature) -> None:
        """Let one signature stand for another."""
        made.__class__ = cls
        type.__setattr__(made, "stands_for", signature)
        type.__setattr__(made, "kept", {})

    def _get_fields_with_type(cls, field_type: str) -> dict[str, Any]:  # noqa: N805
        """The input or output fields. An adapter looks them up twenty times a call."""
        if field_type not in cls.kept:
            cls.kept[field_type] = super()._get_fields_with_type(field_type)
        return dict(cls.kept[field_type])

    def __eq__(self, other: object) -> bool:
        return other is self or other is self.stands_for

    def __hash__(self) -> int:
        return hash(self.stands_for)


@dataclass(frozen=True)
class Continued:
    """A signature with what was said before, and what is asked for now.

    Args:
        signature: The signature.
        history: Name of the field with the turns before.
        further: Name of the field with what is asked for now.
    """

    signature: Signature
    history: str
    further: str


@lru_cache(maxsize=256)
def continued(asked: AskedSignature) -> Continued:
    """Return what asks again, or for more, in the same conversation."""
    made = asked.signature
    history = next(iter(asked.histories), "")
    if not history:
        history = apart("history", made.fields)
        made = made.prepend(history, dspy.InputField(), type_=dspy.History)
    further = apart("follow_up", made.fields)
    field = dspy.InputField(desc="what is asked for now, after the answers before")
    made = made.append(further, field, type_=str)
    _Standing.put(made, getattr(asked.signature, "stands_for", asked.signature))
    return Continued(made, history, further)
