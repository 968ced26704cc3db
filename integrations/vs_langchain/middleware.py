"""`VerbalizedMiddleware`: an agent whose answers are drawn from a distribution.

It needs the package ``langchain``, which has the agents: ``pip install langchain``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

try:
    from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
    from langchain.agents.structured_output import ToolStrategy
except ImportError as error:
    from vs_core.errors import MissingExtraError

    raise MissingExtraError(
        "vs_langchain.middleware needs the package with LangChain's agents: pip install langchain"
    ) from error

from vs_langchain.chat_model import VerbalizedChatModel
from vs_langchain.sampler import VerbalizedSampler

__all__ = ["VerbalizedMiddleware"]


class VerbalizedMiddleware(AgentMiddleware[Any, Any, Any]):
    """Let an agent verbalize a distribution wherever it answers, and go on with a drawn answer.

    A message by which the model calls tools passes through untouched. Structured answers are
    verbalized in the same way: k typed candidates, one drawn as the ``structured_response``::

        agent = create_agent(
            llm, tools, middleware=[VerbalizedMiddleware(k=5)], response_format=Answer
        )

    Args:
        **options: Those of `vs_langchain.VerbalizedChatModel`.

    Raises:
        ConfigurationError: If an option cannot work.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self._options = options
        VerbalizedSampler(output="message", **options)  # refuses now what would fail later

    def wrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], ModelResponse[Any]],
    ) -> ModelResponse[Any]:
        """Put a model that samples in the place of the model."""
        return handler(self._sampling(request))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Put a model that samples in the place of the model."""
        return await handler(self._sampling(request))

    def _sampling(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        model = VerbalizedChatModel(
            request.model, **self._options, types=_types(request.response_format)
        )
        return request.override(model=model)


def _types(response_format: Any) -> dict[str, Any]:
    """The types of an agent's structured answers, by the names of their tools."""
    if response_format is None:
        return {}
    schema = getattr(response_format, "schema", response_format)
    return {
        spec.name: spec.schema
        for spec in ToolStrategy(schema).schema_specs
        if not isinstance(spec.schema, dict)
    }
