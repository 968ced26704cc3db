"""How the simulated model understands a prompt: from its messages alone, as a real model must.

It reads the prompts of vs-core, those that a person would paste from the paper, and those of
DSPy's adapters. `Asked` says what was understood; `Wrapper` how the answer is to be wrapped.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vs_core.errors import ParseError
from vs_core.messages import Message
from vs_core.parsing import parse
from vs_core.probabilities import DEFINITIONS, Definition
from vs_core.testing.filling import candidate_list, probability_key, resolve

__all__ = ["Asked", "Wrapper", "definition_under", "understand"]

_NUMBER_WORDS = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
)  # fmt: skip
_NUMBER = rf"(\d{{1,4}}|{'|'.join(_NUMBER_WORDS)})"
_ASKING = r"(?:give|generate|provide|tell|write|suggest|name|list|propose)(?: (?:me|us))?"
_RESPONSES = r"(?:responses|answers|candidates|samples|completions|items|variations)"
_COUNTS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b{_ASKING} {_NUMBER} (?:more|in their place)\b",
        rf"\({_NUMBER} in all\)",
        rf"\b{_NUMBER}\b (?:\w+ ){{0,2}}{_RESPONSES}\b",
        rf"\b{_ASKING} {_NUMBER} (?:[\w-]+ ){{0,3}}?[\w-]+s\b",
    )
)
_THRESHOLD = re.compile(
    r"probabilit[^.\n]{0,80}?\b(?:below|less than|under|smaller than) "
    r"(\d*\.?\d+(?:e-\d+)?) ?(%|percent)?",
    re.IGNORECASE,
)
_PROBABILITY = re.compile(
    r"probabilit|\bconfidence\b|\bnll\b|log-likelihood|perplexity", re.IGNORECASE
)
_REASONING = re.compile(r"\breasoning\b", re.IGNORECASE)
_FORMATS = {
    "tags": re.compile(r"<response>", re.IGNORECASE),
    "json": re.compile(r"\bjson\b", re.IGNORECASE),
    "lines": re.compile(r"numbered list", re.IGNORECASE),
    "rows": re.compile(r"\bone (?:on|per) (?:each )?line\b", re.IGNORECASE),
}
_FOLLOW_UP = re.compile(
    rf"\W*(?:(?:please|now|randomly) )*{_ASKING} (?:{_NUMBER} )?"
    r"(?:more|another|further|additional|alternative|other)\b"
    r"|\W*(?:(?:one )?more|another(?: one)?|again)\b.{0,10}$"
    rf"|Your answer could not be read|You gave \d+ of|These responses do not",
    re.IGNORECASE,
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
        schema: JSON schema of an object with all that is to be filled.
        text_field: The property that holds the candidates as text, in their own format; or None.
    """

    style: str
    schema: Mapping[str, Any]
    text_field: str | None = None


def understand(messages: Sequence[Message], json_schema: Mapping[str, Any] | None = None) -> Asked:
    """Return what ``messages`` ask for, with ``json_schema`` as the ``response_format``, if any."""
    messages = _in_turns(messages)
    dspy = _DspyPrompt.find(messages)
    if dspy:
        return dspy.asked(json_schema)
    system = "\n".join(m.text for m in messages if m.role in ("system", "developer"))
    request, further = _request([message.text for message in messages if message.role == "user"])
    if _count(system) is not None:  # then the user says what about, and nothing else
        asked, task = _instructed(system), request
    else:
        asked, task = _instructed(f"{system}\n{request}"), _task(request)
    asked = replace(_continued(asked, further), task=task, previous=_previous(messages))
    return _structured(asked, json_schema)


def _request(users: Sequence[str]) -> tuple[str, str]:
    """The user's last request, and the last message if that asks for more of the same."""
    if not users:
        return "", ""
    requests = [users[0], *(text for text in users[1:] if not _FOLLOW_UP.match(text))]
    return requests[-1], users[-1] if _FOLLOW_UP.match(users[-1]) and len(users) > 1 else ""


def _instructed(text: str) -> Asked:
    """What instructions ask for; about what is not known yet."""
    k = _count(text)
    return Asked(
        task="",
        k=k,
        definition=_definition(text) if k else None,
        format=_format(text) or "lines",
        reasoning=k is not None and _REASONING.search(text) is not None,
        threshold=_threshold(text),
        schema=_embedded_schema(text) if k else None,
    )


def _continued(asked: Asked, text: str) -> Asked:
    """What is asked for after a further turn: what that leaves open stays as it was."""
    k = _count(text)
    if k == 1 and asked.definition is None and _format(text) is None:
        k = None  # one more, with neither probability nor format, is a plain answer
    elif k is None:
        k = asked.k
    meant = next((d for d in DEFINITIONS.values() if d.meaning in text), None)
    return replace(
        asked,
        k=k,
        definition=meant or asked.definition or (_definition(text) if k else None),
        format=_format(text) or asked.format,
        threshold=_threshold(text) or asked.threshold,
        schema=_embedded_schema(text) or asked.schema,
    )


def _count(text: str) -> int | None:
    for pattern in _COUNTS:
        match = pattern.search(text)
        if match:
            word = match[1].lower()
            count = int(word) if word.isdigit() else _NUMBER_WORDS.index(word) + 1
            return max(1, count)
    return None


def _format(text: str) -> str | None:
    return next((name for name, pattern in _FORMATS.items() if pattern.search(text)), None)


def _threshold(text: str) -> float | None:
    match = _THRESHOLD.search(text)
    if match is None:
        return None
    return (float(match[1]) / (100 if match[2] else 1)) or None


def _definition(text: str) -> Definition | None:
    """The probability that a text asks for; None if it asks for none."""
    for definition in DEFINITIONS.values():
        if definition.meaning in text:
            return definition
    for name, pattern in (
        ("nll", r"\bnll\b|negative log"),
        ("perplexity", r"perplexity"),
        ("percentage", r"percent"),
        ("confidence", r"\bconfidence\b"),
    ):
        if re.search(pattern, text, re.IGNORECASE) and _PROBABILITY.search(text):
            return DEFINITIONS[name]
    return DEFINITIONS["explicit"] if _PROBABILITY.search(text) else None


def definition_under(key: str) -> Definition:
    """Return the definition that a key such as ``"nll"`` stands for."""
    own = (definition for definition in DEFINITIONS.values() if definition.key == key)
    return DEFINITIONS["explicit"] if key == "probability" else next(own, DEFINITIONS["explicit"])


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
    """What the assistant said before, candidate by candidate, and every text within those."""
    found: set[str] = set()
    for message in messages:
        if message.role == "assistant":
            text = _unwrapped(message.text)
            try:
                candidates = parse(text)
            except ParseError:
                found.update(_texts(text))
                continue
            for candidate in candidates:
                found.add(candidate.text)
                found.update(_texts(candidate.text if candidate.value is None else candidate.value))
    return frozenset(found)


def _texts(value: Any) -> Iterator[str]:
    """All strings in a value; a string may be JSON itself."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value
        if value.startswith(("{", "[")):
            try:
                yield from _texts(json.loads(value))
            except (ValueError, RecursionError):
                return


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
    except (ValueError, RecursionError):
        return text
    values = list(data.values()) if isinstance(data, dict) else []
    # An object with one text, or with the candidates as text behind some reasoning.
    return values[-1] if values and isinstance(values[-1], str) else text


def _structured(asked: Asked, schema: Mapping[str, Any] | None) -> Asked:
    """Honour a ``response_format``: it goes before any format that the words ask for."""
    if schema is None:
        return asked
    if resolve(schema, schema).get("properties"):
        return _wrapped(asked, Wrapper("json", schema))
    if asked.k:  # any JSON object will do
        return replace(asked, format="json")
    answer = {"type": "object", "properties": {"answer": {"type": "string"}}}
    return replace(asked, wrapper=Wrapper("json", answer))


def _wrapped(asked: Asked, wrapper: Wrapper) -> Asked:
    """What is asked for when it is to be put into a structure, which may itself ask for a list."""
    listed = candidate_list(wrapper.schema)
    if listed is None:
        return replace(asked, wrapper=wrapper)
    key = probability_key(resolve(listed["items"], wrapper.schema)) or ""
    k = min(max(asked.k or 5, listed.get("minItems", 1)), listed.get("maxItems", math.inf))
    definition = asked.definition or definition_under(key)
    return replace(asked, k=int(k), definition=definition, wrapper=wrapper)


# --- DSPy --------------------------------------------------------------------------------------

_MARKER = re.compile(r"^\[\[ ## (\w+) ## \]\][ \t]*$", re.MULTILINE)
_FIELD_LINE = re.compile(r"^\d+\. `(\w+)` \((.*?)\):(.*(?:\n(?!\d+\. `|All inter|Your ).*)*)", re.M)
_FURTHER = "follow_up"
"""The input field that says what is asked for in a further turn."""
_SIMPLE_TYPES = {"int": "integer", "float": "number", "bool": "boolean", "str": "string"}


_HISTORY = re.compile(r"\A(.*?)\w+: messages=(\[.*\])\n\n(.*)\n\nfollow_up: (.*)\Z", re.DOTALL)
"""The last message of DSPy's TwoStepAdapter where there were turns before."""


def _in_turns(messages: Sequence[Message]) -> Sequence[Message]:
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
        turns, now = self._turns()
        further = now.pop(_FURTHER, "")
        described = "\n".join(texts.values())
        asked = _instructed(f"{described}\n{self.system.rpartition('objective is:')[2]}")
        asked = replace(asked, format=_format(described) or asked.format)
        asked = replace(_continued(asked, further), previous=_previous(turns))
        given = resolve(json_schema or {}, json_schema or {}).get("properties")
        schema = json_schema if json_schema and given else self._schema(outputs)
        task = " ".join(now.values())
        if not re.search(r"[.!?]\s*$", task):  # a bare topic: the fields' names say what of it
            task = " ".join([task, *_content(schema)])
        inner = (name for name, text in texts.items() if asked.k and _format(text))
        return _wrapped(
            replace(asked, task=task), Wrapper(self._style(), schema, next(inner, None))
        )

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


def _content(schema: Mapping[str, Any]) -> Iterator[str]:
    """Names of the fields that hold what was asked for, those of candidates among them."""
    for name, kind in resolve(schema, schema).get("properties", {}).items():
        item = resolve(resolve(kind, schema).get("items", {}), schema)
        names = item.get("properties", {}) if name == "candidates" else [name]
        yield from (n for n in names if n != "reasoning" and not _PROBABILITY.search(n))


def _field_schema(kind: str, note: str, structure: str, name: str) -> Mapping[str, Any]:
    schema = _embedded_schema(note)
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
    if _PROBABILITY.search(name):
        return {"type": "number"}
    return {"type": "integer" if name in ("rating", "score", "age", "year") else "string"}
