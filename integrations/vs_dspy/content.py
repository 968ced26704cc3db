"""`Content`: what an answer of candidates holds, how that is asked for, written and read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from dspy.adapters.utils import parse_value
from pydantic import BaseModel, Field, create_model
from pydantic_core import from_json, to_json, to_jsonable_python

from vs_core import Candidate, Distribution, parsing
from vs_core.formats import Entry, Format, Reading, Shape
from vs_core.probabilities import read_probabilities
from vs_core.strategies.typed import json_schema_of, validated
from vs_dspy.records import Record, number_for, record_of, without_titles
from vs_dspy.xml import items_of

__all__ = ["Content"]

_MARKER = re.compile(r"\[\[ ## \w+ ## \]\]")
_OPENING = re.compile(r"[\[{]")


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

    @cached_property
    def written_schema(self) -> bytes:
        """The JSON schema as a text."""
        return to_json(self.json_schema)

    @cached_property
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
        start, end = _OPENING.search(said), max(said.rfind("]"), said.rfind("}"))
        try:
            from_json(said[start.start() : end + 1] if start else "")
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


def _content(kind: Any, specs: Any, *others: Any) -> Content:
    return Content(record_of(specs) if specs else kind, *others)
