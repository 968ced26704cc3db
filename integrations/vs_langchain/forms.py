"""The structures in which an agent wants its answer: as tools it may not run, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from langchain_core.tools import BaseTool, StructuredTool
from langchain_core.utils.function_calling import (
    convert_to_json_schema,
    convert_to_openai_tool,
)
from langchain_core.utils.pydantic import is_pydantic_v1_subclass
from pydantic import AfterValidator, BaseModel, WithJsonSchema
from typing_extensions import is_typeddict

from vs_core import Candidate, ConfigurationError, Strategy
from vs_core.plugins import plugins
from vs_core.strategies.typed import adapter_of

__all__ = ["Form", "form_of_response", "split", "validating"]


def validating(schema: Any) -> Any:
    """Return a type as the core can validate it: LangChain takes models of pydantic 1 as well."""
    if not isinstance(schema, type) or not is_pydantic_v1_subclass(schema):
        return schema
    old: Any = schema
    make = AfterValidator(lambda value: value if isinstance(value, old) else old.parse_obj(value))
    return Annotated[Any, make, WithJsonSchema(convert_to_json_schema(old))]


@dataclass(frozen=True)
class Form:
    """The structure of an answer, of which there is one or a choice.

    Args:
        schemas: JSON schema of each, by name.
        types: Types of those for which one is known; their candidates are validated.
        by_tool: Whether the answer is a tool call; otherwise it is JSON in the text.
    """

    schemas: Mapping[str, Mapping[str, Any]]
    types: Mapping[str, Any]
    by_tool: bool

    @property
    def schema(self) -> Any:
        """What a candidate is validated against: a type, or a JSON schema."""
        if len(self.schemas) == 1:
            name = next(iter(self.schemas))
            return self.types.get(name, self.schemas[name])
        options = [_named(name, schema) for name, schema in self.schemas.items()]
        return {"anyOf": options}

    def written(self, candidate: Candidate, id: str) -> tuple[str, tuple[Any, ...]]:
        """Return a typed candidate as the text and the tool calls of a message."""
        name, value = next(iter(self.schemas)), candidate.value
        if len(self.schemas) > 1:
            name, value = value["tool"], value["arguments"]
        elif name in self.types:
            value = adapter_of(self.types[name]).dump_python(value, mode="json")
        if self.by_tool:
            return "", ({"name": name, "args": value, "id": id, "type": "tool_call"},)
        return json.dumps(value, ensure_ascii=False), ()

    def require(self, strategy: Strategy) -> None:
        """Refuse a strategy that cannot give answers in a structure.

        Raises:
            ConfigurationError: If it cannot: before anything is asked.
        """
        shape = strategy.shape(strategy.k)
        if shape is None or plugins.format(strategy.format).json_schema(shape) is None:
            raise ConfigurationError(
                "The agent's answer is to have a structure, which can be verbalized as JSON alone: "
                f"strategy={strategy.name!r} with format={strategy.format!r} asks for none. "
                "strategy='vs_standard' with format='json' does."
            )


def _named(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a choice: which one, and what is in it."""
    properties = {"tool": {"type": "string", "enum": [name]}, "arguments": dict(schema)}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def split(
    tools: Sequence[Any], choice: Any, types: Mapping[str, Any]
) -> tuple[list[Any], Form | None]:
    """Tell the tools that do something from those that only give an answer its structure.

    Args:
        tools: As a chat model takes them.
        choice: Of the tool: its name, in whatever way that is written, or that any is to be called.
        types: Types of the structures, as far as they are known.

    Returns:
        The tools that can be run, and the form of the answer: None if no tool gives one. If one
        tool is named, the others play no part.
    """
    named = _chosen(choice)
    described = [(tool, convert_to_openai_tool(tool)["function"]) for tool in tools]
    if named is not None:
        described = [(tool, about) for tool, about in described if about["name"] == named]
    kept = [tool for tool, _ in described if not _is_structure(tool)]
    given = [(tool, about) for tool, about in described if _is_structure(tool)]
    if not given:
        return kept, None
    schemas = {about["name"]: _parameters(about) for _, about in given}
    own = {about["name"]: validating(tool) for tool, about in given if isinstance(tool, type)}
    return kept, Form(schemas, {**own, **types}, by_tool=True)


def _chosen(choice: Any) -> str | None:
    """The name of the one tool that must be called; None if any may be."""
    if isinstance(choice, Mapping):
        name: str | None = (choice.get("function") or choice).get("name")
        return name
    return choice if isinstance(choice, str) and choice not in ("any", "required") else None


def _is_structure(tool: Any) -> bool:
    """Whether nothing can be run: a type, a JSON schema, or a tool without a function."""
    if isinstance(tool, StructuredTool):
        return tool.func is None and tool.coroutine is None
    if isinstance(tool, BaseTool):
        return False
    if isinstance(tool, Mapping):
        return "properties" in tool
    if not isinstance(tool, type):
        return False
    return is_typeddict(tool) or issubclass(tool, BaseModel) or is_pydantic_v1_subclass(tool)


def _parameters(about: Mapping[str, Any]) -> dict[str, Any]:
    parameters: dict[str, Any] = dict(about.get("parameters") or {"properties": {}})
    parameters.setdefault("type", "object")
    if about.get("description"):
        parameters.setdefault("description", about["description"])
    return parameters


def form_of_response(response_format: Any, types: Mapping[str, Any]) -> Form:
    """Return the form that the setting ``response_format`` of a chat model asks for.

    Raises:
        ConfigurationError: If it is none that can be verbalized.
    """
    if isinstance(response_format, type):
        about = convert_to_openai_tool(response_format)["function"]
        return Form(
            {about["name"]: _parameters(about)}, {about["name"]: validating(response_format)}, False
        )
    described = response_format.get("json_schema") if isinstance(response_format, Mapping) else None
    if not isinstance(described, Mapping) or "schema" not in described:
        raise ConfigurationError(
            f"response_format={response_format!r:.100} gives the answer no structure that can be "
            "verbalized: a type or a JSON schema does."
        )
    return Form({described["name"]: described["schema"]}, types, by_tool=False)
