"""`VerbalizedMiddleware`: an agent whose answers are drawn from a distribution.

It needs the package ``langchain``, which has the agents: ``pip install langchain``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

try:
    from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
except ImportError as error:
    from vs_core.errors import MissingExtraError

    raise MissingExtraError(
        "vs_langchain.middleware needs the package with LangChain's agents: pip install langchain"
    ) from error

from vs_langchain.sampler import VerbalizedSampler

__all__ = ["VerbalizedMiddleware"]


class VerbalizedMiddleware(AgentMiddleware[Any, Any, Any]):
    """Let an agent verbalize a distribution wherever it answers, and go on with a drawn answer.

    A message by which the model calls tools passes through untouched::

        agent = create_agent(llm, tools, middleware=[VerbalizedMiddleware(k=5)])

    Args:
        **options: Those of `vs_langchain.VerbalizedSampler`, but for the model and the ``output``,
            which is a message.

    Raises:
        ConfigurationError: If an option cannot work.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self._sampler = VerbalizedSampler(output="message", **options)

    def wrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], ModelResponse[Any]],
    ) -> ModelResponse[Any]:
        """Put the sampler in the place of the model."""
        return handler(self._sampled(request))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Put the sampler in the place of the model."""
        return await handler(self._sampled(request))

    def _sampled(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        sampler: Any = self._sampler.around(request.model)
        return request.override(model=sampler)
