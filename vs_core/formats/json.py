"""JSON answers: ``{"responses": [{"text": …, "probability": …}]}``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic_core import from_json

from vs_core.formats.base import Answer, Entry, Format, Shape

__all__ = ["Json"]

LIST_KEYS = (
    "responses", "candidates", "answers", "samples", "completions", "items", "results", "outputs",
    "options", "list", "output", "result", "response", "answer", "data",
)  # fmt: skip
TEXT_KEYS = (
    "text", "response", "answer", "content", "completion", "output", "candidate", "result",
    "message", "value", "item", "option", "sample", "joke", "story", "poem", "query", "question",
    "name", "title",
)  # fmt: skip
PROBABILITY_KEYS = (
    "probability", "prob", "p", "likelihood", "confidence", "percentage", "weight", "score",
    "nll", "negative_log_likelihood", "perplexity", "ppl",
)  # fmt: skip
REASONING_KEYS = ("reasoning", "thoughts", "thought", "thinking", "rationale", "analysis")


class Json(Format):
    """A JSON object with a list of candidates, as in the paper's templates."""

    name: ClassVar[str] = "json"

    def instructions(self, shape: Shape) -> str:
        """See `Format.instructions`."""
        keys = [self._content_key(shape)]
        lines = [
            'Answer with a JSON object that has the key "responses": a list of objects '
            f"({shape.k} in all), each with"
            if not shape.reasoning
            else 'Answer with a JSON object that has the key "reasoning", a string, and then the '
            f'key "responses": a list of objects ({shape.k} in all), each with'
        ]
        if shape.schema is None:
            lines.append('- "text": the response alone, as a string, without explanation')
        else:
            lines.append(
                '- "value": the response, as JSON that fits this JSON schema: '
                + json.dumps(shape.schema, ensure_ascii=False)
            )
        if shape.definition:
            keys.append(shape.definition.key)
            lines.append(f'- "{shape.definition.key}": {shape.definition.meaning}')
        lines.append("Write only the JSON object, nothing else.")
        return "\n".join(lines)

    def json_schema(self, shape: Shape) -> dict[str, Any]:
        """See `Format.json_schema`. Strict: every property is required, none may be added."""
        content = self._content_key(shape)
        item: dict[str, Any] = {
            content: {"type": "string"} if shape.schema is None else dict(shape.schema)
        }
        definitions = item[content].pop("$defs", None)
        if shape.definition:
            percent = shape.definition.name == "percentage"
            item[shape.definition.key] = {"type": "string" if percent else "number"}
        properties: dict[str, Any] = {"reasoning": {"type": "string"}} if shape.reasoning else {}
        properties["responses"] = {"type": "array", "items": _strict(item)}
        schema = _strict(properties)
        if definitions:
            schema["$defs"] = definitions
        return schema

    def write(self, answer: Answer, shape: Shape) -> str:
        """See `Format.write`."""
        content = self._content_key(shape)
        responses = []
        for entry in answer.entries:
            response = {content: entry.text if shape.schema is None else entry.value}
            if shape.definition and entry.probability is not None:
                response[shape.definition.key] = entry.probability
            responses.append(response)
        written: dict[str, Any] = {"reasoning": answer.reasoning} if shape.reasoning else {}
        return json.dumps({**written, "responses": responses}, ensure_ascii=False)

    @staticmethod
    def _content_key(shape: Shape) -> str:
        return "text" if shape.schema is None else "value"

    def read(self, text: str, shape: Shape) -> Answer | None:
        """See `Format.read`: a JSON document, or the first in the text that holds candidates."""
        start = _first_bracket(text)
        if start < 0:
            return None
        for data, repairs in _documents(text, start):
            answer = _interpret(data, shape, repairs)
            if answer:
                return answer
        return None


def _strict(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


# --- finding the document ------------------------------------------------------------------


def _first_bracket(text: str) -> int:
    found = [position for position in (text.find("{"), text.find("[")) if position >= 0]
    return min(found, default=-1)


def _documents(text: str, start: int) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Yield what may be the answer, cheapest reading first, with the repairs it took."""
    try:
        yield from_json(text), ()
    except ValueError:
        pass
    else:
        return
    for begin, end in _balanced(text, start):
        try:
            yield from_json(text[begin:end]), ()
        except ValueError:
            continue
    yield from _damaged(text[start:])


def _damaged(text: str) -> Iterator[tuple[Any, tuple[str, ...]]]:
    from json_repair import repair_json

    try:
        yield repair_json(text, return_objects=True), ("damaged JSON mended",)
    except (ValueError, RecursionError, IndexError, KeyError, TypeError):
        return


def _balanced(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Yield the spans of outermost brackets that close, strings inside them respected."""
    depth, begin, in_string, skip = 0, start, False, False
    for position in range(start, len(text)):
        character = text[position]
        if skip:
            skip = False
        elif in_string:
            skip = character == "\\"
            in_string = character != '"'
        elif character == '"':
            in_string = depth > 0
        elif character in "{[":
            begin = position if depth == 0 else begin
            depth += 1
        elif character in "}]" and depth:
            depth -= 1
            if depth == 0:
                yield begin, position + 1


# --- reading the data ----------------------------------------------------------------------


def _interpret(data: Any, shape: Shape, repairs: tuple[str, ...]) -> Answer | None:
    """Find the list of candidates in decoded JSON."""
    reasoning = None
    items: Any = data
    for _ in range(4):  # wrappers: {"result": {"responses": […]}}
        if not isinstance(items, Mapping):
            break
        reasoning = reasoning or _pick(items, REASONING_KEYS, str)
        inner = _pick(items, LIST_KEYS, (list, dict))
        if inner is None:
            items = [items]
            break
        items = inner
    if not isinstance(items, list):
        return None
    entries = [entry for item in items if (entry := _entry(item, shape, repairs)) is not None]
    return Answer(entries, reasoning) if entries else None


def _entry(item: Any, shape: Shape, repairs: tuple[str, ...]) -> Entry | None:
    if isinstance(item, str):
        return (
            None
            if shape.definition and not item.strip()
            else Entry(item.strip(), None, None, repairs)
        )
    if not isinstance(item, Mapping):
        return None
    names = {str(key).strip().lower(): key for key in item}
    key = next((names[k] for k in PROBABILITY_KEYS if k in names), None)
    probability = item[key] if key is not None else None
    rest = {name: value for name, value in item.items() if name != key}
    if len(shape.fields) > 1 and all(name in rest for name in shape.fields):
        content: Any = {name: rest.pop(name) for name in shape.fields}
    else:
        name = next((names[k] for k in (*shape.fields, *TEXT_KEYS) if names.get(k) in rest), None)
        if name is None:
            return None
        content = rest.pop(name)
    if isinstance(content, str):
        return Entry(content.strip(), probability, None, repairs, rest)
    return Entry(json.dumps(content, ensure_ascii=False), probability, content, repairs, rest)


def _pick(data: Mapping[str, Any], keys: Sequence[str], kind: Any) -> Any:
    """The value of the first of ``keys`` that is of a kind."""
    return next((data[key] for key in keys if isinstance(data.get(key), kind)), None)
