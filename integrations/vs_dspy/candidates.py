"""`Candidates`: k candidates with their probabilities, as the type of an output field.

It stands in anybody's signature, and any adapter of DSPy writes and reads it::

    class Ideas(dspy.Signature):
        topic: str = dspy.InputField()
        ideas: Candidates[str] = dspy.OutputField()

What has to be said of candidates is said by the type, which optimizers leave alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar, Generic, TypeVar

import dspy
from pydantic import (
    BaseModel,
    Field,
    PrivateAttr,
    TypeAdapter,
    create_model,
    model_serializer,
    model_validator,
)
from pydantic_core import core_schema, from_json, to_json, to_jsonable_python

from vs_core import Candidate, Distribution, VSStandard
from vs_core.formats import Reading, Shape
from vs_core.probabilities import definition_of
from vs_dspy.content import Content
from vs_dspy.records import apart

__all__ = ["Candidates"]

T = TypeVar("T")


class Candidates(dspy.Type, Generic[T]):
    """k candidates with their probabilities: the type of an output field.

    ``Candidates[T]`` asks for 5 with values of type T: a text, a pydantic model, whose fields then
    stand beside the probability, or any other type; `Candidates.of` for more options. An answer is
    read leniently: what is not as it was asked for goes through vs-core's parser, and what was
    mended is among the repairs of a candidate.
    """

    content: ClassVar[Content] = Content()

    items: list[Any] = Field(default=[])  # says what is asked for; nothing is kept in it
    _distribution: Distribution | None = PrivateAttr(None)

    def __class_getitem__(cls, kind: Any) -> Any:
        """Return the type for values of a type."""
        return cls.of(kind)

    @classmethod
    def of(
        cls,
        kind: Any = str,
        k: int = 5,
        threshold: float | None = None,
        probability: str = "explicit",
    ) -> type[Candidates[Any]]:
        """Return the type for some options: the same class each time.

        Args:
            kind: Type of a candidate's value.
            k: Candidates, at least 1.
            threshold: Ask for responses whose probability is below it, on (0, 1].
            probability: How probability is defined; see `vs_core.strategies.Strategy`.

        Raises:
            ConfigurationError: If an option cannot work.
        """
        strategy = VSStandard(k=k, threshold=threshold, probability=probability)
        several = isinstance(kind, type) and issubclass(kind, BaseModel)
        name = None if several else "text" if kind is str else "value"
        shape = Shape(k, definition_of(probability))
        if several and shape.definition:
            key = apart(shape.definition.key, kind.model_fields)
            shape = replace(shape, definition=replace(shape.definition, key=key))
        return cls.holding(Content(kind, name, shape, strategy.instruction(k), threshold))

    @staticmethod
    @lru_cache(maxsize=512)
    def holding(content: Content) -> type[Candidates[Any]]:
        """Return the type for some content: the same class each time."""
        made = create_model(
            "Candidates",
            __base__=Candidates,
            __module__=__name__,
            __doc__=f"A list of {content.shape.k} candidates.",
            items=(list[content.item], []),  # type: ignore[name-defined]
        )
        made.content = content
        return made

    # --- as DSPy's adapters use it -----------------------------------------------------------

    @classmethod
    def description(cls) -> str:
        """Return what is asked for; every adapter puts it into its prompt."""
        return cls.content.described

    def format(self) -> str:
        """Return the candidates as a text."""
        return str(self)

    @model_serializer()
    def serialize_model(self) -> Any:
        """Return the candidates as plain data, or as a text where a format is asked for."""
        return str(self) if self.content.format is not None else self.plain()

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, said: Any, handler: Callable[[Any], Any]) -> Any:  # noqa: ARG003
        if isinstance(said, Candidates):
            return said if isinstance(said, cls) else cls.holding_of(said.distribution)
        if cls.content.format is not None and not isinstance(said, str):
            raise ValueError("expected a text")  # DSPy then gives the text that it decoded
        try:
            found = cls.content.read(said)
        except ValueError as error:
            if cls.content.patient:
                return cls.model_construct()
            raise ValueError(f"no candidates: {error}") from None
        if not cls.content.patient:
            fitting = found.filter(predicate=cls.content.fits)
            if not fitting:
                raise ValueError(f"no candidate fits: {found[0].text}")
            found = fitting
        return cls.holding_of(found)

    @classmethod
    def holding_of(cls, distribution: Distribution) -> Candidates[Any]:
        """Return these candidates as an answer of this type."""
        made = cls.model_construct()
        made._distribution = distribution
        return made

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> Any:
        if core["type"] == "function-plain":  # see below
            return handler(core)
        if "$defs" not in cls.content.json_schema:
            return from_json(cls.content.written_schema)  # a copy: DSPy changes what it gets
        item: Any = cls.content.item
        return handler(TypeAdapter(list[item]).core_schema)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        # DSPy puts the types of all fields into one model for structured output. A mapping with
        # any keys has no strict schema: with a validator that has none, DSPy asks for plain JSON
        # instead, as it does for a field that is a mapping itself.
        if cls.__pydantic_complete__ and _has_open_mapping(cls.content.json_schema):
            return core_schema.no_info_plain_validator_function(cls.model_validate)
        return handler(source)

    def plain(self) -> list[dict[str, Any]]:
        """Return the candidates as plain data, as they are to be written."""
        return [self.content.plain(candidate) for candidate in self.distribution]

    # --- as a user reads it ------------------------------------------------------------------

    @property
    def distribution(self) -> Distribution:
        """The candidates as a distribution, to sample from."""
        return self._distribution or Distribution([])

    def __iter__(self) -> Iterator[Candidate]:
        """Iterate over the candidates."""
        return iter(self.distribution)

    def __getitem__(self, index: int) -> Candidate:
        """Return one candidate."""
        return self.distribution[index]

    def __len__(self) -> int:
        """Return how many candidates there are."""
        return len(self.distribution)

    def __str__(self) -> str:
        """Return the candidates as a model is asked to write them."""
        content = self.content
        if content.format is None:
            return to_json(self.plain()).decode()
        entries = [
            entry._replace(value=to_jsonable_python(entry.value, fallback=str))
            for entry in content.answer(self.distribution).entries
        ]
        return content.format.write(Reading(entries), content.hints)

    def __repr__(self) -> str:
        """Return the candidates with the name of the type."""
        return f"Candidates({self})"

    def __reduce__(self) -> Any:
        """Rebuild the class, which has no name to import it by."""
        return _rebuilt, (self.content, self._distribution)


def _rebuilt(content: Content, distribution: Distribution | None) -> Candidates[Any]:
    kind = Candidates.holding(content)
    return kind.model_construct() if distribution is None else kind.holding_of(distribution)


def _has_open_mapping(schema: Any) -> bool:
    """Whether a JSON schema has an object whose keys it does not name."""
    if isinstance(schema, Mapping):
        named = schema.get("type") != "object" or "properties" in schema
        return not named or any(map(_has_open_mapping, schema.values()))
    return isinstance(schema, list) and any(map(_has_open_mapping, schema))
