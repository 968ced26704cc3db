"""Reading what a language model answered to a signature, without losing a messy answer."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import dspy
from pydantic_core import to_json

from vs_core import Message, ParseError
from vs_core.formats import Answer, Entry, Format, Shape
from vs_core.parsing import read
from vs_dspy.signatures import CANDIDATES, REASONING, Signature

__all__ = ["SignatureFormat"]

_MARKER = re.compile(r"\[\[ ## \w+ ## \]\]")


@dataclass
class Attempt:
    """One call through an adapter of its own, and the text that came of it; empty if none did."""

    adapter: dspy.Adapter
    text: str = ""


class SignatureFormat(Format):
    """A format whose instructions and reading are those of a DSPy adapter.

    Where the adapter cannot parse an answer, the core's parser reads it.

    Args:
        adapter: The adapter in use.
        fields: The user's output fields.
        inner: Format of the text in the field ``candidates``; None where that is typed.
    """

    name: ClassVar[str] = "signature"

    def __init__(self, adapter: dspy.Adapter, fields: Sequence[str], inner: Format | None) -> None:
        self.adapter = adapter
        self.fields = tuple(fields)
        self.inner = inner
        self._values: dict[str, dict[str, Any]] = {}  # what was read, by the text it was read from

    # --- a format ----------------------------------------------------------------------------

    def instructions(self, shape: Shape) -> str:  # noqa: ARG002
        """Nothing: the adapter says how to answer a signature."""
        return ""

    def write(self, answer: Answer, shape: Shape) -> str:
        """Not needed: nothing writes the answers of an adapter."""
        raise NotImplementedError

    def read(self, text: str, shape: Shape) -> Answer | None:
        """Return what an answer holds, as far as the adapter or else the core can read it."""
        values = self._values.get(text.strip(), {})
        reasoning = values.get(REASONING)
        content = values.get(CANDIDATES)
        if isinstance(content, list):
            entries = [self._entry(item, shape) for item in content]
        elif values and CANDIDATES not in values:
            entries = [self._entry(values, shape)]
        else:
            found = self._recover(content if isinstance(content, str) else text, shape)
            if found is None:
                return None
            entries, reasoning = list(found.entries), reasoning or found.reasoning
        return Answer(entries, reasoning) if entries else None

    def _entry(self, item: Any, shape: Shape) -> Entry:
        """One candidate as the adapter gave it: a pydantic object, or the fields by name."""
        said: Mapping[str, Any] = item if isinstance(item, Mapping) else vars(item)
        probability = said.get(shape.definition.key) if shape.definition else None
        if len(self.fields) == 1:
            value = said.get(self.fields[0])
            if isinstance(value, str):
                return Entry(value.strip(), probability)
            return Entry(_text(value), probability, value)
        record = {name: said.get(name) for name in self.fields}
        return Entry(_text(record), probability, record)

    def _recover(self, text: str, shape: Shape) -> Answer | None:
        hinted = Shape(shape.k, shape.definition, shape.reasoning, shape.schema, self.fields)
        try:
            found = read(_MARKER.sub("", text), hinted, self.inner)
        except ParseError:
            return None
        entries = [Entry(c.text, c.probability, c.value, c.repairs, c.metadata) for c in found]
        return Answer(entries, found.reasoning)

    # --- an adapter --------------------------------------------------------------------------

    def attempt(self, turns: Sequence[Message]) -> Attempt:
        """Return the adapter with further turns after its messages, and a parse that never fails.

        What it cannot parse comes out empty, for the flow to ask again.
        """
        adapter = copy.copy(self.adapter)
        attempt = Attempt(adapter)
        format_messages, parse = self.adapter.format, self.adapter.parse

        def format(signature: Signature, demos: Any, inputs: Any) -> list[dict[str, Any]]:
            messages = format_messages(signature, demos, inputs)
            return [*messages, *_follow_up(self.adapter, signature, turns)]

        def parse_or_keep(signature: Signature, completion: str) -> dict[str, Any]:
            attempt.text = completion
            try:
                values = parse(signature, completion)
            except Exception:  # adapters raise many kinds; the core reads it then
                values = {}
            self._values[completion.strip()] = values
            return values or dict.fromkeys(signature.output_fields)

        adapter.format = format
        adapter.parse = parse_or_keep
        adapter.use_json_adapter_fallback = False  # that would be another call, with other messages
        return attempt

    def plain(self, text: str) -> Entry:
        """Return the content of an answer to the user's own signature."""
        values = self._values.get(text)
        if values:
            return self._entry(values, Shape(definition=None))
        return Entry(_MARKER.sub("", text).strip())


def _follow_up(
    adapter: dspy.Adapter, signature: Signature, turns: Sequence[Message]
) -> list[dict[str, Any]]:
    """Further turns as the adapter would write them: the last one says how to answer."""
    messages = [turn.as_dict() for turn in turns]
    requirements = getattr(adapter, "user_message_output_requirements", None)
    if messages and requirements:
        reminder = requirements(signature)
        messages[-1] = {**messages[-1], "content": f"{messages[-1]['content']}\n\n{reminder}"}
    return messages


def _text(value: Any) -> str:
    """A value as text: itself, or JSON."""
    return value if isinstance(value, str) else to_json(value, fallback=str).decode()
