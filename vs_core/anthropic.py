"""Completing requests over Anthropic's Messages API, without a framework."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vs_core.endpoint import Endpoint, require_parameters
from vs_core.errors import ModelError, raise_missing_extra
from vs_core.messages import Completion, Request

if TYPE_CHECKING:
    from anthropic import Anthropic, AsyncAnthropic

__all__ = ["AnthropicModel", "completion_of_message"]


class AnthropicModel(Endpoint):
    """A ``complete`` callable over Anthropic's Messages API (extra: ``anthropic``).

    Call it with a request for a completion, or use `acomplete`. The client retries on its own
    after rate limits, time-outs, lost connections and server errors. Secrets are kept as
    `vs_core.clients.OpenAIModel` keeps them.

    Args:
        model: Name of the model.
        base_url: Endpoint, without ``/v1``; default: ``ANTHROPIC_BASE_URL``, or Anthropic's own.
        api_key: Default: ``ANTHROPIC_API_KEY``. Endpoints given by ``base_url`` may need none.
        max_tokens: Most tokens of an answer, at least 1; the API wants to be told.
        timeout: Seconds that a call may take, or the client's own kind of time-out.
        max_retries: How often the client tries again; at least 0. Default: the client's own, 2.
        default_headers: Headers of every call.
        **parameters: Parameters of the API's call, such as ``thinking``; passed through. What only
            this endpoint or model knows goes into ``extra_body={"top_k": 40}``.

    Raises:
        MissingExtraError: If the ``anthropic`` package is not installed.
        ConfigurationError: If a parameter is not one of the API's.
        ModelError: If a call fails, or there is no key; at that call. It names the model and the
            endpoint, and has the client's error as its cause.
    """

    provider = "Anthropic"

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        max_tokens: int = 4096,
        timeout: float | Any | None = None,
        max_retries: int | None = None,
        default_headers: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> None:
        try:
            from anthropic.resources.messages import Messages
        except ImportError as error:
            raise_missing_extra("anthropic", error)
        require_parameters(Messages.create, parameters)
        options = {
            "timeout": timeout, "max_retries": max_retries, "default_headers": default_headers,
        }  # fmt: skip
        parameters = {"max_tokens": max_tokens, **parameters}
        super().__init__(model, base_url, api_key, parameters, options)

    def __call__(self, request: Request) -> Completion:
        """Answer a request."""
        with self.errors():
            return _completion(self.client.messages.create(**self._arguments(request)))

    async def acomplete(self, request: Request) -> Completion:
        """Answer a request without blocking."""
        with self.errors():
            return _completion(await self._async_client.messages.create(**self._arguments(request)))

    def body(self, request: Request) -> dict[str, Any]:
        """Return what a call sends, as a file of requests has it."""
        arguments = self._arguments(request)
        arguments.pop("extra_headers", None)
        arguments.pop("extra_query", None)
        return {**arguments, **arguments.pop("extra_body", {})}

    @property
    def client(self) -> Anthropic:
        """The ``anthropic`` client that synchronous calls go through."""
        return self._client

    def _arguments(self, request: Request) -> dict[str, Any]:
        """A call's arguments; what a system says stands beside the conversation in this API."""
        system = [m.text for m in request.messages if m.role in ("system", "developer")]
        said = [m.as_dict() for m in request.messages if m.role not in ("system", "developer")]
        beside = {"system": "\n\n".join(system)} if system else {}
        return {"model": self.model, "messages": said, **beside, **self.parameters}

    @cached_property
    def _client(self) -> Anthropic:
        from anthropic import Anthropic

        return Anthropic(base_url=self.base_url, api_key=self._key, **self._options)

    @cached_property
    def _async_client(self) -> AsyncAnthropic:
        from anthropic import AsyncAnthropic

        return AsyncAnthropic(base_url=self.base_url, api_key=self._key, **self._options)


def _completion(response: Any) -> Completion:
    return completion_of_message(response.to_dict(warnings=False), response)


def completion_of_message(message: Mapping[str, Any], raw: Any = None) -> Completion:
    """Return the answer that a message of the API is.

    Args:
        message: As JSON has it.
        raw: The client's own object, where there is one.

    Raises:
        ModelError: If the model called tools in the place of an answer.
    """
    blocks = message["content"]
    text = "".join(block["text"] for block in blocks if block["type"] == "text")
    called = [block["name"] for block in blocks if block["type"] == "tool_use"]
    if called and not text:
        raise ModelError(
            f"The model called tools ({', '.join(called)}) instead of answering. Leave tools out "
            "of its parameters, or let a framework run them."
        )
    thoughts = "\n\n".join(block["thinking"] for block in blocks if block["type"] == "thinking")
    usage = message.get("usage") or {}
    return Completion(
        text,
        {name: usage[name] for name in ("input_tokens", "output_tokens") if usage.get(name)},
        raw,
        thoughts or None,
        message.get("stop_reason"),
        message.get("model"),
    )
