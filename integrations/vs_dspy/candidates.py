"""`Candidates`: k candidates with their probabilities, as the type of an output field.

It stands in anybody's signature, and any adapter of DSPy writes and reads it::

    class Ideas(dspy.Signature):
        topic: str = dspy.InputField()
        ideas: Candidates[str] = dspy.OutputField()

What has to be said of candidates is said by the type, which optimizers leave alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Generic, TypeVar

import dspy
from dspy.adapters.utils import parse_value
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

from vs_core import Candidate, Distribution, VSStandard, parsing
from vs_core.formats import Entry, Format, Reading, Shape
from vs_core.probabilities import definition_of, read_probabilities
from vs_core.strategies.typed import json_schema_of, validated
from vs_dspy.records import Record, apart, number_for, record_of, without_titles
from vs_dspy.xml import items_of

__all__ = ["Candidates", "Content"]

T = TypeVar("T")
_MARKER = re.compile(r"\[\[ ## \w+ ## \]\]")


@dataclass(frozen=True)
class Content:
    """What an answer of candidates holds.

    Args:
        kind: Type of a candidate's value. A text has no value beside its text.
        name: Name under which the value stands; None for a model whose fields stand each by itself.
        shape: How many candidates, and with which probability.
        wording: What is asked for, in words.
        threshold: Below which each probability is asked to be, on (0, 1].
        format: Format of the core in which the candidates stand as one text; None for plain data.
        patient: Keep what fits nothing, for a sampler to ask again, where an adapter would fail.
        about: Description of the value under ``name``.
    """

    kind: Any = str
    name: str | None = "text"
    shape: Shape = field(default_factory=Shape)
    wording: str = ""
    threshold: float | None = None
    format: Format | None = None
    patient: bool = False
    about: str | None = field(default=None, compare=False)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the content of a candidate."""
        return tuple(self.kind.model_fields) if self.name is None else (self.name,)

    @property
    def schema(self) -> Any:
        """The type that values are validated against; None for text."""
        return None if self.kind is str else self.kind

    @cached_property
    def hints(self) -> Shape:
        """What the core's parser is told to expect."""
        schema = None if self.schema is None else json_schema_of(self.schema)
        return replace(self.shape, reasoning=False, schema=schema, fields=self.names)

    @cached_property
    def item(self) -> type[BaseModel]:
        """One candidate as it is written."""
        if self.name is not None:
            parts: dict[str, Any] = {self.name: (self.kind, Field(description=self.about))}
        else:
            own = self.kind.model_fields
            parts = {name: (info.annotation, info) for name, info in own.items()}
        if self.shape.definition:
            number = str if self.shape.definition.name == "percentage" else float
            about = Field(description=self.shape.definition.meaning)
            parts[self.shape.definition.key] = (number, about)
        return create_model("Candidate", **parts)

    @cached_property
    def json_schema(self) -> dict[str, Any]:
        """JSON schema of the whole answer."""
        if self.format is not None:
            return {"type": "string"}
        items = without_titles(self.item.model_json_schema())
        definitions = {"$defs": items.pop("$defs")} if "$defs" in items else {}
        return {"type": "array", "items": items, **definitions}

    def described(self) -> str:
        """What is asked for, and what each candidate holds, in words."""
        if self.format is not None:
            return f"{self.wording}\n{self.format.instructions(self.hints)}".strip()
        text = f"exactly {self.shape.k} different candidates, each with "
        text += ", ".join(f"`{name}`" for name in self.names)
        if self.shape.definition:
            text += f" and `{self.shape.definition.key}`: {self.shape.definition.meaning}"
        return f"{self.wording} In all {text}".strip()

    def __reduce__(self) -> Any:
        """Keep what it was made of, and not what was made from it."""
        kind, *others = (getattr(self, part.name) for part in fields(self))
        own = isinstance(kind, type) and issubclass(kind, Record)
        return _content, (None if own else kind, kind.specs if own else (), *others)

    # --- reading -----------------------------------------------------------------------------

    def read(self, said: Any) -> Distribution:
        """Return the candidates in an answer, as text or as data.

        Raises:
            ParseError: If it holds none.
        """
        found = self.of_items(said) if isinstance(said, str) else self._of_data(said)
        if found is None:
            text = said if isinstance(said, str) else to_json(said, fallback=str).decode()
            # That one was asked for is no reason to join several.
            hints = self.hints if self.shape.k > 1 else replace(self.hints, k=0)
            found = parsing.read(_MARKER.sub("", text), hints, self.format)
        return found.map(self.typed) if self.schema is not None else found

    def _of_data(self, said: Any) -> Distribution | None:
        """The candidates in data of the form that was asked for; None if it has another."""
        if isinstance(said, Mapping) and len(said) == 1:
            said = next(iter(said.values()))
        if not (isinstance(said, list) and said and all(map(self._is_item, said))):
            return None
        key = self.shape.definition.key if self.shape.definition else None
        numbers = [item.get(key) for item in said]
        readings = read_probabilities(numbers, self.shape.definition)
        return Distribution(
            [
                self._candidate(item, probability, repair)
                for item, (probability, repair) in zip(said, readings, strict=True)
            ]
        )

    def _is_item(self, item: Any) -> bool:
        return isinstance(item, Mapping) and any(name in item for name in self.names)

    def _candidate(
        self, item: Mapping[str, Any], probability: float | None, repair: str | None
    ) -> Candidate:
        said = dict(item) if self.name is None else item[self.name]
        if self.name is None and self.shape.definition:
            said.pop(self.shape.definition.key, None)
        return Candidate(
            text=said.strip() if isinstance(said, str) else to_json(said, fallback=str).decode(),
            probability=probability,
            value=None if self.kind is str else said,
            repairs=() if repair is None else (repair,),
        )

    def is_clean(self, text: str) -> bool:
        """Whether DSPy had nothing to mend in an answer: it is XML, or JSON as it stands."""
        if "<item>" in text:
            return True
        said = _MARKER.sub("", text)
        start = min((at for at in map(said.find, "[{") if at >= 0), default=0)
        try:
            from_json(said[start : max(map(said.rfind, "]}")) + 1])
        except ValueError:
            return False
        return True

    def of_items(self, text: str) -> Distribution | None:
        """Return the candidates of a list as XMLAdapter has it written; None if there is none."""
        key = self.shape.definition.key if self.shape.definition else ""
        items = items_of(text, (*self.names, key)) if "<item>" in text else []
        return self._of_data(items)

    def answer(self, found: Distribution, reasoning: str | None = None) -> Reading:
        """Return candidates as a format of the core would have read them."""
        definition = self.shape.definition
        entries = [
            Entry(
                candidate.text,
                definition and number_for(candidate.probability, definition),
                candidate.value,
                candidate.repairs,
                candidate.metadata,
            )
            for candidate in found
        ]
        return Reading(entries, reasoning)

    def typed(self, candidate: Candidate) -> Candidate:
        """The candidate with a value of the type, read as ``dspy.Predict`` reads a field."""
        checked, problem = validated(candidate, self.schema)
        if problem is None:
            return checked
        said = candidate.text if candidate.value is None else candidate.value
        try:
            if self.name is not None:
                value = parse_value(said, self.kind)
            else:
                value = {
                    name: parse_value(said[name], info.annotation)
                    for name, info in self.kind.model_fields.items()
                    if name in said
                }
            again, problem = validated(candidate.model_copy(update={"value": value}), self.schema)
        except (ValueError, TypeError, LookupError):
            return candidate
        return candidate if problem else again

    def fits(self, candidate: Candidate) -> bool:
        """Whether a candidate's value is of the type."""
        return self.schema is None or validated(candidate, self.schema)[1] is None

    def record(self, candidate: Candidate) -> dict[str, Any]:
        """Return a candidate's content by name."""
        if self.name is not None:
            empty = candidate.value is None and candidate.text not in ("null", "None")
            return {self.name: candidate.text if self.kind is str or empty else candidate.value}
        said = candidate.value or {}
        said = said if isinstance(said, Mapping) else vars(said)
        return {name: said.get(name) for name in self.names}

    def plain(self, candidate: Candidate) -> dict[str, Any]:
        """Return a candidate as plain data, as it is to be written."""
        record = self.record(candidate)
        if self.kind is not str:
            record = to_jsonable_python(record, fallback=str)
        if self.shape.definition:
            number = number_for(candidate.probability, self.shape.definition)
            record[self.shape.definition.key] = number
        return record


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
        return cls.content.described()

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
        schema = cls.content.json_schema
        if "$defs" not in schema:
            return deepcopy(schema)  # DSPy changes what it gets
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


def _content(kind: Any, specs: Any, *others: Any) -> Content:
    return Content(record_of(specs) if specs else kind, *others)


def _rebuilt(content: Content, distribution: Distribution | None) -> Candidates[Any]:
    kind = Candidates.holding(content)
    return kind.model_construct() if distribution is None else kind.holding_of(distribution)


def _has_open_mapping(schema: Any) -> bool:
    """Whether a JSON schema has an object whose keys it does not name."""
    if isinstance(schema, Mapping):
        named = schema.get("type") != "object" or "properties" in schema
        return not named or any(map(_has_open_mapping, schema.values()))
    return isinstance(schema, list) and any(map(_has_open_mapping, schema))
