"""Which tool the simulated model calls, and with what: from the words of the prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from vs_core.messages import Message
from vs_core.testing.filling import candidate_list, resolve

__all__ = ["arguments", "called_tool"]


def called_tool(body: Mapping[str, Any], messages: Sequence[Message]) -> dict[str, Any] | None:
    """Return the function that the model calls: one that it must, or that the user names.

    Of several that it may choose from, and of which none is named, it takes the one that is the
    structure of an answer, as a model does that has no use for the others; or else the first.
    """
    functions = {tool["function"]["name"]: tool["function"] for tool in body.get("tools") or ()}
    choice = body.get("tool_choice")
    if choice == "none" or (not functions and not isinstance(choice, Mapping)):
        return None
    name = _named(functions, messages)
    if isinstance(choice, Mapping):
        name = choice["function"]["name"]
        if name not in functions:
            raise ValueError(f"tool_choice names {name!r}, which is no tool")
    elif name is None and choice in ("required", "any"):
        structures = (key for key, about in functions.items() if _is_structure(about))
        name = next(structures, next(iter(functions)))
    if name is None:
        return None
    return {"name": name, "parameters": functions[name].get("parameters") or {"properties": {}}}


def _named(functions: Mapping[str, Any], messages: Sequence[Message]) -> str | None:
    """The function that the user's last message names, in whole or by a long word of its name."""
    last = messages[-1]
    if last.role != "user":
        return None
    words = set(re.findall(r"\w+", last.text))
    whole = next((name for name in functions if name in words), None)
    lower = {word.lower() for word in words}
    parts = (n for n in functions if lower.intersection(p for p in n.split("_") if len(p) > 6))
    return whole or next(parts, None)


def _is_structure(function: Mapping[str, Any]) -> bool:
    return candidate_list(function.get("parameters") or {}) is not None


def arguments(written: str, parameters: Mapping[str, Any], prompt: str) -> str:
    """Return the arguments of a call with what the prompt says in their places.

    Numbers go to numbers and quoted texts to texts, in their order; a text of which a choice
    consists is chosen where the prompt has it. What the prompt leaves open stays as it was filled.
    """
    if candidate_list(parameters) is not None:
        return written
    if not parameters.get("properties"):
        return "{}"
    try:
        values = json.loads(written)
    except ValueError:  # cut off, or damaged on purpose
        return written
    numbers = iter(re.findall(r"-?\d+(?:\.\d+)?", prompt))
    texts = iter(re.findall(r"(?<!\w)(?:'([^'\n]+)'|\"([^\"\n]+)\")(?!\w)", prompt))
    for name, about in parameters["properties"].items():
        kind = resolve(about, parameters)
        if name not in values:
            continue
        if kind.get("enum"):
            said = (option for option in kind["enum"] if str(option).lower() in prompt.lower())
            values[name] = next(said, values[name])
        elif kind.get("type") in ("integer", "number"):
            number = float(next(numbers, values[name]))
            values[name] = int(number) if kind["type"] == "integer" else number
        elif kind.get("type") == "string":
            values[name] = next(("".join(pair) for pair in texts), values[name])
    return json.dumps(values, ensure_ascii=False)
