"""Instances of JSON schemas that say something: how the simulated model fills a structure.

One mechanism serves ``response_format``, forced tools, typed candidates and the typed fields of
DSPy's adapters.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from vs_core.errors import ConfigurationError
from vs_core.probabilities import DEFINITIONS

__all__ = ["REASONING", "Filling", "candidate_list", "probability_key", "resolve"]

REASONING = (
    "This can be seen from several sides: the typical one first, then the ones that are easily "
    "overlooked, and last those that nobody expects."
)
_REASONING_KEYS = frozenset(["reasoning", "rationale"])
_PROBABILITY_KEYS = tuple(
    dict.fromkeys([*(definition.key for definition in DEFINITIONS.values()), "likelihood", "prob"])
)
_OF_FORMAT = {
    "date": "2024-05-17",
    "date-time": "2024-05-17T09:30:00Z",
    "duration": "P3D",
    "email": "someone@example.org",
    "time": "09:30:00Z",
    "uri": "https://example.org/",
    "uuid": "3f2b8c1e-6d4a-4f7b-9a51-0c2d8e7f6a90",
}
_LARGEST = 10_000  # items or characters that a schema may ask for

Schema = Mapping[str, Any]
Path = tuple[str, ...]
"""The references that lead to a place in a schema: to follow one again would never end."""


class Filling:
    """Fills one JSON schema.

    Args:
        root: The schema; its ``$ref`` point into itself.
        seed: Of the choices that the text leaves open.
        number: The probability of a text as it is to be written under a key.
        candidates: What a list of candidates holds, one text each; empty where none are wanted.
        any_list: Whether every list is one of candidates, not only those with probabilities.
    """

    def __init__(
        self,
        root: Schema,
        *,
        seed: int,
        number: Callable[[str, str], float | str],
        candidates: Sequence[str] = (),
        any_list: bool = False,
    ) -> None:
        self.root = root
        self.seed = seed
        self.number = number
        self.candidates = candidates
        self.any_list = any_list

    def fill(self, text: str) -> Any:
        """Return an instance of the schema that says ``text`` where it can.

        It is valid, except that ``pattern``, ``not``, ``if`` and their like are not looked at.

        Raises:
            ConfigurationError: If the schema has no finite instance.
        """
        return self._fill(self.root, text, ())

    def _fill(self, schema: Any, text: str, path: Path) -> Any:
        error = ConfigurationError("Every instance of the JSON schema contains another, endlessly.")
        for option, further in _options(schema, self.root, path):
            try:
                return self._instance(option, text, further)
            except ConfigurationError as problem:  # another alternative may have an instance
                error = problem
        raise error

    def _instance(self, schema: Schema, text: str, path: Path) -> Any:
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return text if text in schema["enum"] else self._choice(schema["enum"], text)
        kind = _kind(schema)
        if kind == "object":
            return self._object(schema, text, path)
        if kind == "array":
            return self._array(schema, text, path)
        if kind in ("integer", "number"):
            return self._quantity(schema, text, whole=kind == "integer")
        if kind == "boolean":
            return self._choice((True, False), text)
        return None if kind == "null" else _string(schema, text)

    def _random(self, text: str) -> random.Random:
        return random.Random(f"{self.seed}|{text}")

    def _choice(self, options: Sequence[Any], text: str) -> Any:
        return self._random(text).choice(options)

    # --- objects -----------------------------------------------------------------------------

    def _object(self, schema: Schema, text: str, path: Path) -> dict[str, Any]:
        required = schema.get("required", ())
        properties = schema.get("properties", {})
        probability = probability_key(schema)
        filled: dict[str, Any] = {}
        said = False  # the first text says it; those that follow say which they are
        for name in dict.fromkeys([*properties, *required]):
            field = properties.get(name, {})
            about = f"{text} ({name})" if said else text
            try:
                if name == probability:
                    filled[name] = self._probability(field, text, name, path)
                else:
                    about = REASONING if name in _REASONING_KEYS else about
                    filled[name] = self._fill(field, about, path)
            except ConfigurationError:
                if name in required:
                    raise
            said = said or filled.get(name) == text
        return filled

    def _probability(self, field: Any, text: str, key: str, path: Path) -> Any:
        number = self.number(text, key)
        kinds = {_kind(option) for option, _ in _options(field, self.root, path)}
        if isinstance(number, str) and "string" not in kinds:
            return round(float(number.rstrip("%")) / 100, 6)
        return number if kinds & {"number", "integer"} else str(number)

    # --- arrays ------------------------------------------------------------------------------

    def _array(self, schema: Schema, text: str, path: Path) -> list[Any]:
        items = schema.get("items", {})
        if self.candidates and (self.any_list or probability_key(resolve(items, self.root))):
            # What a candidate holds in turn are no candidates.
            one = Filling(self.root, seed=self.seed, number=self.number)
            return [one._fill(items, candidate, path) for candidate in self.candidates]
        least, most = _size(schema, "Items")
        first = schema.get("prefixItems", ())
        filled = [self._fill(item, text, path) for item in first]
        wanted = min(max(least, 1), most)
        for attempt in range(20 * wanted):
            if len(filled) >= wanted:
                break
            try:
                item = self._fill(items, f"{text} ({attempt + 1})" if attempt else text, path)
            except ConfigurationError:
                break
            if not (schema.get("uniqueItems") and item in filled):
                filled.append(item)
        if len(filled) < least:
            raise ConfigurationError(f"No list with {least} items fits the JSON schema.")
        return filled

    # --- numbers -----------------------------------------------------------------------------

    def _quantity(self, schema: Schema, text: str, *, whole: bool) -> float:
        low, high = _bounds(schema)
        step = schema.get("multipleOf", 1 if whole else None)
        if step is not None:
            return self._multiple(step, low, high, text)
        if low > high:
            raise ConfigurationError(f"No number from {low} to {high} fits the JSON schema.")
        value = low + (high - low) * self._random(text).uniform(0.05, 0.95)
        return round(value, 3) if low <= round(value, 3) <= high else value

    def _multiple(self, step: float, low: float, high: float, text: str) -> float:
        first, last = math.ceil(low / step), math.floor(high / step)
        first += first * step < low  # by rounding
        last -= last * step > high
        if first > last:
            raise ConfigurationError(f"No multiple of {step} from {low} to {high} exists.")
        said = int(text) if text.isdecimal() and step == 1 else last + 1
        chosen = said if first <= said <= last else self._random(text).randint(first, last)
        return chosen * step


# --- reading a schema --------------------------------------------------------------------------


def resolve(schema: Any, root: Schema) -> Schema:
    """Return the first alternative of ``schema`` that is not null, its references followed."""
    return next((option for option, _ in _options(schema, root, ())), {})


def probability_key(item: Schema) -> str | None:
    """Return the property of an object that holds its probability; None if there is none."""
    return next((key for key in _PROBABILITY_KEYS if key in item.get("properties", {})), None)


def candidate_list(root: Schema) -> Schema | None:
    """Return the part of a schema that is a list of objects with probabilities, if any."""
    places: list[Any] = [root]
    while places:
        place = places.pop(0)
        if isinstance(place, Mapping):
            if probability_key(resolve(place.get("items", {}), root)):
                return place
            places += place.values()
        elif isinstance(place, list):
            places += place
    return None


def _options(schema: Any, root: Schema, path: Path) -> Iterator[tuple[Schema, Path]]:
    """The alternatives of a schema, null last, with the references that lead to each.

    A reference that leads back to itself offers no alternative.
    """
    if not isinstance(schema, Mapping):  # true allows anything
        yield {}, path
    elif "$ref" in schema:
        reference = schema["$ref"]
        if reference not in path:
            pointed = {**_pointed(reference, root), **_without(schema, "$ref")}
            yield from _options(pointed, root, (*path, reference))
    elif "allOf" in schema:
        parts = [next((o for o, _ in _options(part, root, path)), {}) for part in schema["allOf"]]
        yield from _options(_merged([_without(schema, "allOf"), *parts]), root, path)
    elif "anyOf" in schema or "oneOf" in schema:
        key = "anyOf" if "anyOf" in schema else "oneOf"
        for option in sorted(schema[key], key=lambda option: option == {"type": "null"}):
            yield from _options(_merged([_without(schema, key), option]), root, path)
    else:
        yield schema, path


def _pointed(reference: str, root: Schema) -> Schema:
    """What a reference such as ``#/$defs/Joke`` points to."""
    place: Any = root
    for step in reference.lstrip("#/").split("/") if reference != "#" else ():
        place = place[step.replace("~1", "/").replace("~0", "~")]
    found: Schema = place
    return found


def _without(schema: Schema, key: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != key}


def _merged(parts: Sequence[Schema]) -> dict[str, Any]:
    """One schema that asks for what all of ``parts`` ask for."""
    merged: dict[str, Any] = {}
    for part in parts:
        properties = {**merged.get("properties", {}), **part.get("properties", {})}
        required = [*merged.get("required", ()), *part.get("required", ())]
        merged |= part
        if properties:
            merged |= {"properties": properties, "required": required}
    return merged


def _kind(schema: Schema) -> str:
    """The type of a schema's instances; of several the first that is not null."""
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return next((kind for kind in kinds if kind != "null"), "null")
    if kinds is not None:
        return str(kinds)
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _bounds(schema: Schema) -> tuple[float, float]:
    """The least and the greatest number that a schema allows; 0 and 10 where it says nothing."""
    lows = [schema["minimum"]] if "minimum" in schema else []
    highs = [schema["maximum"]] if "maximum" in schema else []
    if "exclusiveMinimum" in schema:
        lows.append(math.nextafter(schema["exclusiveMinimum"], math.inf))
    if "exclusiveMaximum" in schema:
        highs.append(math.nextafter(schema["exclusiveMaximum"], -math.inf))
    low = max(lows, default=min([0, *(high - 10 for high in highs)]))
    return low, min(highs, default=low + 10)


def _size(schema: Schema, of: str) -> tuple[int, int]:
    """The least and the greatest length of an array (``of="Items"``) or text (``"Length"``)."""
    least, most = schema.get(f"min{of}", 0), schema.get(f"max{of}", _LARGEST)
    if least > min(most, _LARGEST):
        raise ConfigurationError(f"The JSON schema asks for at least {least} and at most {most}.")
    return least, most


def _string(schema: Schema, text: str) -> str:
    if schema.get("format") in _OF_FORMAT:
        return _OF_FORMAT[schema["format"]]
    least, most = _size(schema, "Length")
    while len(text) < least:
        text = f"{text} {text}"
    return text[:most]
