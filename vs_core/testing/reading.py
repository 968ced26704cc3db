"""How the simulated model understands a prompt: from its messages alone, as a real model must.

It reads the prompts of vs-core, those that a person would paste from the paper, and those of
DSPy's adapters. `Asked` says what was understood; `Wrapper` how the answer is to be wrapped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vs_core.errors import ParseError
from vs_core.messages import Message
from vs_core.parsing import parse
from vs_core.probabilities import DEFINITIONS, Definition

__all__ = ["Asked", "Wrapper", "understand"]

_NUMBER_WORDS = {
    word: number
    for number, word in enumerate(
        [
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        ],
        start=1,
    )
}
_NUMBER = rf"(\d{{1,4}}|{'|'.join(_NUMBER_WORDS)})"
_RESPONSES = r"(?:responses|answers|candidates|samples|completions|items|variations)"
_COUNTS = (
    re.compile(rf"\bGive {_NUMBER} (?:more, different from those|in their place)"),
    re.compile(rf"\({_NUMBER} in all\)"),
    re.compile(rf"\b{_NUMBER}\b (?:\w+ ){{0,2}}{_RESPONSES}\b", re.IGNORECASE),
)
_THRESHOLD = re.compile(
    r"\b(?:below|less than|under|smaller than) (0?\.\d+|1\.0+)\b", re.IGNORECASE
)
_PROBABILITY = re.compile(
    r"probabilit|\bconfidence\b|\bnll\b|log-likelihood|perplexity", re.IGNORECASE
)
_REASONING = re.compile(r"<reasoning>|\"reasoning\"|\breasoning\b", re.IGNORECASE)
_FORMATS = (
    ("tags", re.compile(r"<response>", re.IGNORECASE)),
    ("json", re.compile(r"\bjson\b", re.IGNORECASE)),
    ("lines", re.compile(r"numbered list", re.IGNORECASE)),
)
_FOLLOW_UP = re.compile(
    r"\s*(Give (one|\d+) more|Your answer could not be read|You gave \d+ of|These responses do not)"
)
# Sentences of a pasted prompt that say how to answer, not what about.
_INSTRUCTING = re.compile(r"<response>|probabilit|json|\bresponses\b|<text>", re.IGNORECASE)


@dataclass(frozen=True)
class Asked:
    """What a conversation asks for.

    Args:
        task: What the user wants, without how to answer.
        k: Number of candidates; None asks for one plain answer.
        definition: The probability that is asked for; None asks for none.
        format: ``"json"``, ``"tags"`` or ``"lines"``.
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
        fields: Name to JSON schema, in order.
        texts: Name to the words that describe a field.
    """

    style: str
    fields: Mapping[str, Mapping[str, Any]]
    texts: Mapping[str, str] = field(default_factory=dict)


def understand(messages: Sequence[Message], json_schema: Mapping[str, Any] | None = None) -> Asked:
    """Return what ``messages`` ask for, with ``json_schema`` as the ``response_format``, if any."""
    dspy = _DspyPrompt.find(messages)
    if dspy:
        return dspy.asked(json_schema)
    system = "\n".join(m.text for m in messages if m.role in ("system", "developer"))
    users = [message.text for message in messages if message.role == "user"]
    last = users[-1] if users else ""
    requests = [text for text in users if not _FOLLOW_UP.match(text)]
    instructions = last if _says_how(last) else f"{system}\n{last}" if last else system
    asked = _instructed(instructions, _previous(messages), _task(requests[-1] if requests else ""))
    return _with_schema(asked, json_schema)


def _says_how(text: str) -> bool:
    """Whether a user's message says by itself how to answer."""
    return _count(text) is not None or re.match(r"\s*Give one more", text) is not None


def _instructed(text: str, previous: frozenset[str], task: str) -> Asked:
    k = _count(text)
    definition = _definition(text) if _PROBABILITY.search(text) else None
    threshold = _THRESHOLD.search(text)
    return Asked(
        task=task,
        k=k,
        definition=definition if k else None,
        format=next((name for name, pattern in _FORMATS if pattern.search(text)), "json"),
        reasoning=k is not None and _REASONING.search(text) is not None,
        threshold=float(threshold[1]) if threshold else None,
        previous=previous,
        schema=_embedded_schema(text) if k else None,
    )


def _count(text: str) -> int | None:
    for pattern in _COUNTS:
        match = pattern.search(text)
        if match:
            word = match[1].lower()
            return int(word) if word.isdigit() else _NUMBER_WORDS[word]
    return None


def _definition(text: str) -> Definition:
    for definition in DEFINITIONS.values():
        if definition.meaning in text:
            return definition
    for name, pattern in (
        ("nll", r"\bnll\b|negative log"),
        ("perplexity", r"perplexity"),
        ("percentage", r"percent"),
        ("confidence", r"\bconfidence\b"),
    ):
        if re.search(pattern, text, re.IGNORECASE):
            return DEFINITIONS[name]
    return DEFINITIONS["explicit"]


def _embedded_schema(text: str) -> Mapping[str, Any] | None:
    """The JSON schema that a text quotes, if it quotes one."""
    marker = text.find("JSON schema: ")
    if marker < 0:
        return None
    try:
        schema, _ = json.JSONDecoder().raw_decode(text, marker + len("JSON schema: "))
    except ValueError:
        return None
    return schema if isinstance(schema, dict) else None


def _task(text: str) -> str:
    """A user's message without its sentences about the form of the answer."""
    sentences = re.split(r"(?<=[.!?:])\s+|\n+", text)
    kept = [sentence for sentence in sentences if not _INSTRUCTING.search(sentence)]
    return " ".join(kept).strip() or text.strip()


def _previous(messages: Sequence[Message]) -> frozenset[str]:
    """What the assistant said before, candidate by candidate."""
    found: set[str] = set()
    for message in messages:
        if message.role == "assistant":
            text = _unwrapped(message.text)
            try:
                found |= {candidate.text for candidate in parse(text)}
            except ParseError:
                found.add(text)
    return frozenset(found)


_LAST_ELEMENT = re.compile(r"^<(\w+)>\n(.*)\n</\1>\Z", re.DOTALL | re.MULTILINE)
"""The last field of an answer as XMLAdapter has it written."""


def _unwrapped(text: str) -> str:
    """An earlier answer without the structure of a DSPy adapter around it."""
    text = re.sub(r"\[\[ ## \w+ ## \]\]", "", text).strip()
    element = _LAST_ELEMENT.search(text)
    if element:
        return element[2].strip()
    try:
        data = json.loads(text)
    except ValueError:
        return text
    values = list(data.values()) if isinstance(data, dict) else []
    # An object with one text, or with the candidates as text behind some reasoning.
    return values[-1] if values and isinstance(values[-1], str) else text


def _with_schema(asked: Asked, json_schema: Mapping[str, Any] | None) -> Asked:
    """Honour a ``response_format`` that is not the JSON we would write anyway."""
    if json_schema is None:
        return asked
    fields = json_schema.get("properties", {})
    responses = fields.get("responses", {})
    item = responses.get("items", {}).get("properties", {}) if isinstance(responses, dict) else {}
    if asked.k and ("text" in item or "value" in item):
        return asked
    defs = {"$defs": json_schema["$defs"]} if "$defs" in json_schema else {}
    wrapper = Wrapper("json", {name: {**field, **defs} for name, field in fields.items()})
    return Asked(**{**asked.__dict__, "wrapper": wrapper})


# --- DSPy --------------------------------------------------------------------------------------

_MARKER = re.compile(r"^\[\[ ## (\w+) ## \]\][ \t]*$", re.MULTILINE)
_FIELD_LINE = re.compile(r"^\d+\. `(\w+)` \((.*?)\):(.*(?:\n(?!\d+\. `|All inter|Your ).*)*)", re.M)
_SIMPLE_TYPES = {"int": "integer", "float": "number", "bool": "boolean", "str": "string"}


@dataclass(frozen=True)
class _DspyPrompt:
    """A prompt of one of DSPy's adapters."""

    system: str
    messages: Sequence[Message]

    @classmethod
    def find(cls, messages: Sequence[Message]) -> _DspyPrompt | None:
        system = messages[0].text if messages else ""
        if "Your output fields are:" in system and "All interactions will be" in system:
            return cls(system, messages[1:])
        return None

    def asked(self, json_schema: Mapping[str, Any] | None) -> Asked:
        outputs = self._outputs()
        texts = {name: text for name, (_, text) in outputs.items()}
        schemas = self._schemas(outputs)
        if json_schema and "properties" in json_schema:
            defs = {"$defs": json_schema["$defs"]} if "$defs" in json_schema else {}
            schemas = {n: {**s, **defs} for n, s in json_schema["properties"].items()}
        turns = self._turns()
        users = [message.text for message in turns if message.role == "user"]
        values = " ".join(self._inputs(users[0]))
        about = " ".join(texts.values()) + "\n" + self.system.rpartition("objective is:")[2]
        how = users[-1] if _says_how(users[-1]) else about
        asked = _instructed(how, _previous(turns), values)
        if not re.search(r"[.!?]\s*$", values):  # a bare topic: the fields' names say what of it
            asked = Asked(**{**asked.__dict__, "task": " ".join([values, *_content(schemas)])})
        single = len(users) > 1 and users[-1].startswith("Give one more")
        return Asked(
            **{
                **asked.__dict__,
                "k": None if single else asked.k,
                "format": self._format(texts) or asked.format,
                "wrapper": Wrapper(self._style(), schemas, texts),
            }
        )

    def _turns(self) -> Sequence[Message]:
        """The request and what was said about it since; demos and history come before."""
        requests = (
            index
            for index, message in enumerate(self.messages)
            if message.role == "user" and not _FOLLOW_UP.match(message.text)
        )
        return self.messages[max(requests) :]

    @staticmethod
    def _format(texts: Mapping[str, str]) -> str | None:
        text = " ".join(texts.values())
        return next((name for name, pattern in _FORMATS if pattern.search(text)), None)

    def _style(self) -> str:
        if "[[ ## completed ## ]]" in self.system:
            return "chat"
        return "json" if "Outputs will be a JSON object" in self.system else "xml"

    def _outputs(self) -> dict[str, tuple[str, str]]:
        section = self.system.partition("Your output fields are:")[2]
        section = section.partition("All interactions will be structured")[0]
        return {m[1]: (m[2], m[3].strip()) for m in _FIELD_LINE.finditer(section)}

    def _schemas(self, outputs: Mapping[str, tuple[str, str]]) -> dict[str, Mapping[str, Any]]:
        structure = self.system.partition("All interactions will be structured")[2]
        notes = dict(self._notes(structure))
        return {
            name: _field_schema(kind, notes.get(name, ""), structure, name)
            for name, (kind, _) in outputs.items()
        }

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
    def _inputs(request: str) -> list[str]:
        """The values of the input fields in a user's message."""
        request = request.partition("\n\nRespond with")[0]
        marks = list(_MARKER.finditer(request))
        if marks:
            ends = [mark.start() for mark in marks[1:]] + [len(request)]
            pairs = zip(marks, ends, strict=True)
            return [request[mark.end() : end].strip() for mark, end in pairs]
        tags = re.findall(r"<(\w+)>\n(.*?)\n</\1>", request, re.DOTALL)
        return [value.strip() for _, value in tags] or [request.strip()]


def _content(schemas: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Names of the fields that hold what was asked for, those of candidates among them."""
    for name, schema in schemas.items():
        item = schema.get("items", {})
        item = schema.get("$defs", {}).get(item.get("$ref", "").rpartition("/")[2], item)
        names = item.get("properties", {}) if name == "candidates" else [name]
        yield from (n for n in names if n != "reasoning" and not _PROBABILITY.search(n))


def _field_schema(kind: str, note: str, structure: str, name: str) -> Mapping[str, Any]:
    schema = _embedded_schema(note)
    if schema:
        return schema
    choices = re.search(r"one of: (.*)", note)
    if choices:
        return {"enum": [choice.strip() for choice in choices[1].split(";")]}
    nested = re.search(rf"<{name}>(<item>)?(<\w+>\.\.\.</\w+>.*?)(?:</item>)?</{name}>", structure)
    if nested:
        leaves = dict.fromkeys(re.findall(r"<(\w+)>\.\.\.", nested[2]))
        item = {"type": "object", "properties": {leaf: _leaf(leaf) for leaf in leaves}}
        return {"type": "array", "items": item} if nested[1] else item
    return {"type": _SIMPLE_TYPES.get(kind, "string")}


def _leaf(name: str) -> dict[str, str]:
    """A type that fits a name, for nested tags do not say it."""
    if _PROBABILITY.search(name):
        return {"type": "number"}
    return {"type": "integer" if name in ("rating", "score", "age", "year") else "string"}
