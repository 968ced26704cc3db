"""Reading what a language model answered to a signature, without losing a messy answer."""

from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import dspy
from dspy.predict.predict import serialize_object
from dspy.utils.exceptions import AdapterParseError
from pydantic_core import to_json

from vs_core import Message, ParseError
from vs_core.formats import Answer, Entry, Format, Json, Shape, Splitter
from vs_core.parsing import read
from vs_dspy.signatures import CANDIDATES, REASONING, Signature
from vs_dspy.streaming import ItemSplitter

__all__ = ["SignatureFormat", "entry_record"]

_MARKER = re.compile(r"\[\[ ## \w+ ## \]\]")

Parse = Callable[[Signature, str], dict[str, Any]]


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
        signature: What the predictor asks for.
        fields: The user's output fields.
        inner: Format of the text in the field ``candidates``; None where that is typed.
    """

    name: ClassVar[str] = "signature"

    def __init__(
        self,
        adapter: dspy.Adapter,
        signature: Signature,
        fields: Sequence[str],
        inner: Format | None,
    ) -> None:
        self.adapter = adapter
        self.signature = signature
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
        values = self._values.get(text.strip(), {}) or self._of_item(text)
        reasoning = values.get(REASONING)
        content = values.get(CANDIDATES)
        if isinstance(content, list):
            entries = [self._entry(item, shape) for item in content]
        elif values and CANDIDATES not in values:
            entries = [self._entry(values, shape)]
        else:
            entries = self._of_items(text, shape)
            # The core knows no nested tags: it sees more candidates, and not those, in a record.
            readable = len(self.fields) == 1 or not entries
            said = content if isinstance(content, str) else text
            found = self._recover(said, shape) if readable else None
            if found is not None and len(found.entries) > len(entries):
                entries, reasoning = list(found.entries), reasoning or found.reasoning
        return Answer(entries, reasoning) if entries else None

    def splitter(self) -> Splitter | None:
        """Return what cuts a stream into candidates, as the adapter writes them."""
        if self.inner is not None:
            # In JSON the text of a field is escaped: nothing of it can be read before its end.
            return None if isinstance(self.adapter, dspy.JSONAdapter) else self.inner.splitter()
        return ItemSplitter() if isinstance(self.adapter, dspy.XMLAdapter) else Json().splitter()

    def _of_item(self, text: str) -> dict[str, Any]:
        """The fields of a single candidate that was cut out of a stream, where that is XML."""
        if not (isinstance(self.adapter, dspy.XMLAdapter) and text.startswith("<item>")):
            return {}
        alone = self.signature.delete(REASONING)
        try:
            return self.adapter.parse(alone, f"<{CANDIDATES}>{text}</{CANDIDATES}>")
        except Exception:  # see `attempt`
            return {}

    def _of_items(self, text: str, shape: Shape) -> list[Entry]:
        """The candidates of an XML answer one by one, so that one that is wrong spoils no other."""
        if self.inner is not None or not isinstance(self.adapter, dspy.XMLAdapter):
            return []
        items = ItemSplitter().feed(text)
        read = [self._of_item(item).get(CANDIDATES) for item in items]
        if not any(read):
            return []
        return [
            self._entry(found[0], shape) if found else self._as_it_stands(item, shape)
            for item, found in zip(items, read, strict=True)
        ]

    def _as_it_stands(self, item: str, shape: Shape) -> Entry:
        """A candidate that the adapter cannot read, with its probability if it has one."""
        found = self._recover(item, shape)
        if found is not None and len(found.entries) == 1:
            return found.entries[0]
        key = shape.definition.key if shape.definition else None
        number = re.search(rf"<{key}>([^<]{{1,40}})</{key}>", item)
        return Entry(item, number[1] if number else None)

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

    def attempt(self, turns: Sequence[Message], shape: Shape | None) -> Attempt:
        """Return the adapter with further turns after its messages, and a parse that never fails.

        What it cannot parse comes out as the core reads it, or empty, for the flow to ask again.
        """
        adapter = copy.copy(self.adapter)
        attempt = Attempt(adapter)
        format_messages, parse = self.adapter.format, _parse_of(self.adapter)
        if type(adapter) in _KNOWN_ADAPTERS:
            adapter.format_system_message = partial(_system_message, self.adapter)
            format_messages = adapter.format

        def format(signature: Signature, demos: Any, inputs: Any) -> list[dict[str, Any]]:
            messages = format_messages(signature, demos, inputs)
            return [*messages, *_follow_up(self.adapter, signature, turns)]

        def parse_or_keep(signature: Signature, completion: str) -> dict[str, Any]:
            attempt.text = completion
            values = parse(signature, completion)
            self._values[completion.strip()] = values
            # As plain data, so that demos and the prompts of optimizers can hold it.
            plain: dict[str, Any] = serialize_object(values or self._as_data(completion, shape))
            return plain or dict.fromkeys(signature.output_fields)

        adapter.format = format
        adapter.parse = parse_or_keep
        adapter.use_json_adapter_fallback = False  # that would be another call, with other messages
        if isinstance(adapter, dspy.TwoStepAdapter):
            _extract_in_a_thread(adapter, attempt)
        return attempt

    def _as_data(self, text: str, shape: Shape | None) -> dict[str, Any]:
        """What the core reads in an answer, as the adapter would have given it; may be empty."""
        found = self._recover(text, shape) if shape else None
        if shape is None or found is None or CANDIDATES not in self.signature.output_fields:
            return {}
        if self.inner is not None:
            return {CANDIDATES: self.inner.write(found, shape)}
        records = [entry_record(entry, self.fields, shape) for entry in found.entries]
        return {REASONING: found.reasoning, CANDIDATES: records}

    def plain(self, text: str) -> Entry:
        """Return the content of an answer to the user's own signature."""
        values = self._values.get(text)
        if values:
            return self._entry(values, Shape(definition=None))
        return Entry(_MARKER.sub("", text).strip())


def entry_record(entry: Entry, fields: Sequence[str], shape: Shape) -> dict[str, Any]:
    """Return a candidate as the fields of its type."""
    content = entry.text if entry.value is None else entry.value
    if len(fields) == 1:
        record = {fields[0]: content}
    else:
        record = dict(content) if isinstance(content, Mapping) else {fields[0]: content}
    return {**record, shape.definition.key: entry.probability} if shape.definition else record


_KNOWN_ADAPTERS = (dspy.ChatAdapter, dspy.JSONAdapter, dspy.XMLAdapter)
_system_messages: WeakKeyDictionary[Signature, dict[Any, str]] = WeakKeyDictionary()


def _system_message(adapter: dspy.Adapter, signature: Signature) -> str:
    """The adapter's system message: the same for each call with a signature, and written once.

    To write it, with the JSON schema of the candidates, takes most of the time of a DSPy call. A
    signature is immutable but for its instructions; what an adapter that we do not know puts into
    the message may change from call to call.
    """
    known = _system_messages.setdefault(signature, {})
    key = type(adapter), signature.instructions
    if key not in known:
        known[key] = adapter.format_system_message(signature)
    return known[key]


def _parse_of(adapter: dspy.Adapter) -> Parse:
    """The adapter's parse, with an empty result where it fails."""
    two_steps = isinstance(adapter, dspy.TwoStepAdapter)
    # Adapters raise many kinds. In two steps another model is called: its errors are no misreading.
    failures = (AdapterParseError, ValueError) if two_steps else Exception

    def parse(signature: Signature, completion: str) -> dict[str, Any]:
        try:
            if not two_steps:
                return adapter.parse(signature, completion)
            with dspy.context(send_stream=None):  # the answer is streamed, not what is made of it
                return adapter.parse(signature, completion)
        except failures:
            return {}

    return parse


def _extract_in_a_thread(adapter: dspy.TwoStepAdapter, attempt: Attempt) -> None:
    """Make the adapter's async call use its ``parse``, without blocking the event loop.

    Its own async call does not use it, and so leaves no place to keep what it cannot read.
    """
    parse = adapter.parse

    async def acall(
        lm: Any, lm_kwargs: Any, signature: Signature, demos: Any, inputs: Any
    ) -> list[dict[str, Any]]:
        def keep(signature: Signature, completion: str) -> dict[str, Any]:
            attempt.text = completion
            return dict.fromkeys(signature.output_fields)

        adapter.parse = keep
        await dspy.Adapter.acall(adapter, lm, lm_kwargs, signature, demos, inputs)
        return [await asyncio.to_thread(parse, signature, attempt.text)]

    adapter.acall = acall


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
