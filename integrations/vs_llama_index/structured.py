"""How an LLM is asked for answers of a JSON schema, and how its answers are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, get_args

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse
from llama_index.core.llms import LLM
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.tools import FunctionTool, ToolMetadata
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel

from vs_core import ConfigurationError

__all__ = [
    "STRUCTURE",
    "Method",
    "as_json",
    "called",
    "method_of",
    "require_method",
    "structured",
    "tool_arguments",
]

Method = Literal["auto", "json_schema", "tool", "text"]

STRUCTURE = "verbalized_responses"
"""Name of the JSON schema, and of the tool, by which a distribution is asked for."""


def require_method(method: str) -> None:
    """Refuse a method that nobody knows.

    Raises:
        ConfigurationError: If it is none of `Method`.
    """
    if method not in get_args(Method):
        known = ", ".join(get_args(Method))
        raise ConfigurationError(f"method must be one of {known}, not {method!r}.")


def method_of(llm: LLM, method: Method) -> Method:
    """Return how an LLM is asked for structure: the method, or for ``"auto"`` the best it has.

    ``"auto"`` follows ``structured_predict``: JSON schema where LlamaIndex would use it, else a
    forced tool where the model calls functions, else text. The LLM's ``pydantic_program_mode``
    decides as it does there.

    Raises:
        ConfigurationError: If the method is unknown, or not one that this LLM has.
    """
    require_method(method)
    if method == "auto":
        return _best_method(llm)
    if method == "json_schema" and not llm.metadata.is_chat_model:
        raise _unsupported(llm, method, "it only completes")
    if method == "tool" and not _calls_functions(llm):
        raise _unsupported(llm, method, "it calls no functions, as its metadata says")
    return method


def _best_method(llm: LLM) -> Method:
    mode = llm.pydantic_program_mode
    if mode == PydanticProgramMode.LLM or not llm.metadata.is_chat_model:
        return "text"
    # How LlamaIndex's own clients decide between a JSON schema and a tool; others do not have it.
    takes_schema = getattr(llm, "_should_use_structure_outputs", bool)
    if mode == PydanticProgramMode.DEFAULT and takes_schema():
        return "json_schema"
    return "tool" if _calls_functions(llm) else "text"


def _calls_functions(llm: LLM) -> bool:
    return isinstance(llm, FunctionCallingLLM) and llm.metadata.is_function_calling_model


def _unsupported(llm: LLM, method: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"{type(llm).__name__} does not support method={method!r}: {reason}. "
        "method='text' works with any LLM."
    )


# --- asking ----------------------------------------------------------------------------------


def structured(schema: Mapping[str, Any], method: Method) -> dict[str, Any]:
    """Return what a call of an LLM says beside its messages to ask for a JSON schema."""
    if method == "tool":
        return {"tools": [_tool(schema)], "tool_required": True}
    structure = {"name": STRUCTURE, "schema": dict(schema)}
    return {"response_format": {"type": "json_schema", "json_schema": structure}}


def _tool(schema: Mapping[str, Any]) -> FunctionTool:
    """A tool with these parameters, which is never run: only its arguments are read."""

    class Arguments(BaseModel):
        @classmethod
        def model_json_schema(cls, *_: Any, **__: Any) -> dict[str, Any]:
            return dict(schema)

    about = ToolMetadata("Takes the responses.", STRUCTURE, Arguments)
    return FunctionTool(lambda **arguments: arguments, about)


# --- reading ---------------------------------------------------------------------------------


def called(llm: LLM, response: ChatResponse | CompletionResponse) -> str | None:
    """Return what was written into the tool, as JSON text; None if that was not called."""
    arguments = tool_arguments(response)
    if arguments is None and isinstance(llm, FunctionCallingLLM):
        # Clients that keep tool calls elsewhere than in the blocks of the message.
        calls = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)  # type: ignore[arg-type]
        arguments = next((c.tool_kwargs for c in calls if c.tool_name == STRUCTURE), None)
    return arguments if arguments is None or isinstance(arguments, str) else as_json(arguments)


def tool_arguments(response: Any) -> str | dict[str, Any] | None:
    """Return what stands so far in the tool call of a message: text, or what was decoded of it."""
    for block in response.message.blocks:
        if getattr(block, "tool_name", None) == STRUCTURE:
            arguments: str | dict[str, Any] = block.tool_kwargs
            return arguments
    for call in response.message.additional_kwargs.get("tool_calls") or ():  # older clients
        function = getattr(call, "function", None)
        if getattr(function, "name", None) == STRUCTURE:
            written: str = function.arguments  # type: ignore[union-attr]
            return written
    return None


def as_json(value: Any) -> str:
    """Return decoded arguments as the text that the parser reads."""
    return json.dumps(value, ensure_ascii=False)
