"""Prompts of DSPy's adapters: their fields, their turns and the types that they describe."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vs_core.messages import Message
from vs_core.testing.asked import Asked, Wrapper, wrapped
from vs_core.testing.earlier import said_before
from vs_core.testing.filling import resolve
from vs_core.testing.wording import (
    PROBABILITY,
    continued,
    embedded_schema,
    format_in,
    instructed,
    own_words,
)

__all__ = ["AdapterPrompt", "in_turns"]

_MARKER = re.compile(r"^\[\[ ## (\w+) ## \]\][ \t]*$", re.MULTILINE)
_FIELD_LINE = re.compile(r"^\d+\. `(\w+)` \((.*?)\):(.*(?:\n(?!\d+\. `|All inter|Your ).*)*)", re.M)
_FURTHER = "follow_up"
"""The input field that says what is asked for in a further turn."""
_SIMPLE_TYPES = {"int": "integer", "float": "number", "bool": "boolean", "str": "string"}


_HISTORY = re.compile(r"\A(.*?)\w+: messages=(\[.*\])\n\n(.*)\n\nfollow_up: (.*)\Z", re.DOTALL)
"""The last message of DSPy's TwoStepAdapter where there were turns before."""


def in_turns(messages: Sequence[Message]) -> Sequence[Message]:
    """A conversation that TwoStepAdapter wrote into one message, as the turns that it was."""
    match = _HISTORY.match(messages[-1].text) if messages else None
    if match is None:
        return messages
    try:
        said = ast.literal_eval(match[2])
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return messages
    turns = [Message("user", f"{match[1]}{match[3]}")]
    for turn in said:
        (*_, answer) = turn.values()
        text = answer if isinstance(answer, str) else json.dumps(answer)
        turns += [Message("assistant", text), Message("user", match[4])]
    return [*messages[:-1], *turns]


@dataclass(frozen=True)
class AdapterPrompt:
    """A prompt of one of DSPy's adapters."""

    system: str
    messages: Sequence[Message]

    @classmethod
    def find(cls, messages: Sequence[Message]) -> AdapterPrompt | None:
        """Return the prompt in a conversation; None if no adapter wrote it."""
        system = messages[0].text if messages else ""
        if "Your output fields are:" in system and "All interactions will be" in system:
            return cls(system, messages[1:])
        return None

    def asked(self, json_schema: Mapping[str, Any] | None) -> Asked:
        """Return what it asks for, with ``json_schema`` as the ``response_format``, if any."""
        outputs = self._outputs()
        texts = {name: text for name, (_, text) in outputs.items()}
        turns, now = self._turns()
        further = now.pop(_FURTHER, "")
        described = "\n".join(texts.values())
        asked = instructed(f"{described}\n{self.system.rpartition('objective is:')[2]}")
        asked = replace(asked, format=_format_in(described) or asked.format)
        asked = replace(continued(asked, further), previous=said_before(turns))
        given = resolve(json_schema or {}, json_schema or {}).get("properties")
        schema = json_schema if json_schema and given else self._schema(outputs)
        task = " ".join(now.values())
        if not re.search(r"[.!?]\s*$", task):  # a bare topic: the fields' names say what of it
            task = " ".join([task, *_content(schema)])
        inner = (name for name, text in texts.items() if asked.k and _format_in(text))
        return wrapped(replace(asked, task=task), Wrapper(self._style(), schema, next(inner, None)))

    def _turns(self) -> tuple[Sequence[Message], dict[str, str]]:
        """The request and what was said about it since, and the inputs as they are now.

        Demos and history come before the request. A further turn repeats its inputs, with what is
        asked for then in a field of its own.
        """
        asked = [
            (index, self._inputs(message.text))
            for index, message in enumerate(self.messages)
            if message.role == "user"
        ]
        start, now = asked[-1]
        if _FURTHER in now:
            inputs = {name: value for name, value in now.items() if name != _FURTHER}
            start = max((index for index, each in asked if each == inputs), default=start)
        return self.messages[start:], now

    def _style(self) -> str:
        if "Respond with a JSON object" in self.messages[-1].text:
            return "json"
        return "chat" if "[[ ## completed ## ]]" in self.system else "xml"

    def _outputs(self) -> dict[str, tuple[str, str]]:
        section = self.system.partition("Your output fields are:")[2]
        section = section.partition("All interactions will be structured")[0]
        return {m[1]: (m[2], m[3].strip()) for m in _FIELD_LINE.finditer(section)}

    def _schema(self, outputs: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
        """The output fields as one object."""
        structure = self.system.partition("All interactions will be structured")[2]
        notes = dict(self._notes(structure))
        fields = {
            name: dict(_field_schema(kind, notes.get(name) or text, structure, name))
            for name, (kind, text) in outputs.items()
        }
        defs: dict[str, Any] = {}
        for schema in fields.values():
            defs |= schema.pop("$defs", {})
        return {
            "type": "object", "properties": fields, "required": list(fields), "$defs": defs,
        }  # fmt: skip

    def _notes(self, structure: str) -> Iterator[tuple[str, str]]:
        """What the prompt says of each field's type, by name."""
        if self._style() == "json":
            start = structure.find("{", structure.find("Outputs will be a JSON object"))
            try:
                fields, _ = json.JSONDecoder().raw_decode(structure, start)
            except ValueError:
                return
            yield from ((name, str(note)) for name, note in fields.items())
            return
        for match in re.finditer(r"^\{(\w+)\}(.*)$", structure, re.MULTILINE):
            yield match[1], match[2]

    @staticmethod
    def _inputs(request: str) -> dict[str, str]:
        """The input fields in a user's message."""
        request = request.partition("\n\nRespond with")[0]
        marks = list(_MARKER.finditer(request))
        if marks:
            ends = [mark.start() for mark in marks[1:]] + [len(request)]
            pairs = zip(marks, ends, strict=True)
            return {mark[1]: request[mark.end() : end].strip() for mark, end in pairs}
        tags = re.findall(r"<(\w+)>\n(.*?)\n</\1>", request, re.DOTALL)
        return {name: value.strip() for name, value in tags} or {"": request.strip()}


def _format_in(text: str) -> str | None:
    said = own_words(text)
    return format_in(text) if said is None else said.format.name


def _content(schema: Mapping[str, Any]) -> Iterator[str]:
    """Names of the fields that hold what was asked for, those of candidates among them."""
    for name, kind in resolve(schema, schema).get("properties", {}).items():
        item = resolve(resolve(kind, schema).get("items", {}), schema)
        names = item.get("properties", {}) if name == "candidates" else [name]
        yield from (n for n in names if n != "reasoning" and not PROBABILITY.search(n))


def _field_schema(kind: str, note: str, structure: str, name: str) -> Mapping[str, Any]:
    schema = embedded_schema(note)
    if schema:
        return schema
    choices = re.search(r"one of: (.*)", note)
    if choices:
        return {"enum": [choice.strip() for choice in choices[1].split(";")]}
    listed = re.search(r"each with ((?:`\w+`(?:, | and )?)+)", note)
    if listed and kind not in _SIMPLE_TYPES and f"<{name}>" not in structure:
        names = re.findall(r"`(\w+)`", listed[1])
        item = {"type": "object", "properties": {each: _leaf(each) for each in names}}
        return {"type": "array", "items": item}
    nested = re.search(rf"<{name}>(<item>)?(<\w+>\.\.\.</\w+>.*?)(?:</item>)?</{name}>", structure)
    if nested:
        leaves = dict.fromkeys(re.findall(r"<(\w+)>\.\.\.", nested[2]))
        item = {"type": "object", "properties": {leaf: _leaf(leaf) for leaf in leaves}}
        return {"type": "array", "items": item} if nested[1] else item
    return {"type": _SIMPLE_TYPES.get(kind, "string")}


def _leaf(name: str) -> dict[str, str]:
    """A type that fits a name, for nested tags do not say it."""
    if PROBABILITY.search(name):
        return {"type": "number"}
    return {"type": "integer" if name in ("rating", "score", "age", "year") else "string"}
