"""Completing requests over any OpenAI-compatible endpoint, without a framework."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vs_core.errors import ModelError, raise_missing_extra
from vs_core.messages import Completion, Request

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

__all__ = ["OpenAIModel"]


class OpenAIModel:
    """A ``complete`` callable over the chat completions API (extra: ``cli``).

    Call it with a request for a completion, or use `acomplete`, `stream` and `astream`. The
    client retries on its own after rate limits, time-outs and server errors.

    Args:
        model: Name of the model.
        base_url: Endpoint, ending in ``/v1``; default: ``OPENAI_BASE_URL``, or OpenAI's own.
        api_key: Default: ``OPENAI_API_KEY``. Endpoints given by ``base_url`` may need none.
        structured: Whether to send the JSON schema of the answer as ``response_format``.
        **parameters: Any other parameter of the API, such as ``temperature=0.7``; passed through.

    Raises:
        MissingExtraError: If the ``openai`` package is not installed; at the first call.
        ModelError: If a call fails, or there is no key; at that call.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        structured: bool = False,
        **parameters: Any,
    ) -> None:
        self.model = model
        self.base_url = base_url or os.environ.get("OPENAI_BASE_URL")
        self.structured = structured
        self.parameters = parameters
        self._key = api_key or os.environ.get("OPENAI_API_KEY")
        if self.base_url and not self._key:
            self._key = "none"  # the client insists on a key; a local server does not

    # --- completing --------------------------------------------------------------------------

    def __call__(self, request: Request) -> Completion:
        """Answer a request."""
        with _model_errors():
            return _completion(self._client.chat.completions.create(**self._arguments(request)))

    async def acomplete(self, request: Request) -> Completion:
        """Answer a request without blocking."""
        with _model_errors():
            response = await self._async_client.chat.completions.create(**self._arguments(request))
            return _completion(response)

    def stream(self, request: Request) -> Iterator[str | Completion]:
        """Answer a request piece by piece; the last piece is a `Completion` with the usage."""
        with (
            _model_errors(),
            self._client.chat.completions.create(**self._streaming(request)) as chunks,
        ):
            for chunk in chunks:
                yield from _delta(chunk)

    async def astream(self, request: Request) -> AsyncIterator[str | Completion]:
        """Answer a request piece by piece without blocking; see `stream`."""
        with _model_errors():
            chunks = await self._async_client.chat.completions.create(**self._streaming(request))
            async with chunks:
                async for chunk in chunks:
                    for piece in _delta(chunk):
                        yield piece

    def models(self) -> list[str]:
        """Return the names of the models that the endpoint offers."""
        with _model_errors():
            return [model.id for model in self._client.models.list()]

    # --- how -----------------------------------------------------------------------------------

    def _arguments(self, request: Request) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "model": self.model,
            "messages": [message.as_dict() for message in request.messages],
            **self.parameters,
        }
        schema = request.json_schema if self.structured else None
        if schema is not None:
            arguments["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "responses", "schema": schema, "strict": True},
            }
        return arguments

    def _streaming(self, request: Request) -> dict[str, Any]:
        usage = {"stream_options": {"include_usage": True}}
        return {**usage, **self._arguments(request), "stream": True}

    @cached_property
    def _client(self) -> OpenAI:
        with _model_errors():
            from openai import OpenAI

            return OpenAI(base_url=self.base_url, api_key=self._key)

    @cached_property
    def _async_client(self) -> AsyncOpenAI:
        with _model_errors():
            from openai import AsyncOpenAI

            return AsyncOpenAI(base_url=self.base_url, api_key=self._key)


@contextmanager
def _model_errors() -> Iterator[None]:
    """Turn the client's errors into `ModelError`, keeping the cause."""
    try:
        import openai
    except ImportError as error:
        raise_missing_extra("cli", error)
    try:
        yield
    except openai.OpenAIError as error:
        raise ModelError(f"The model call failed: {error}") from error


def _completion(response: Any) -> Completion:
    if not response.choices:
        raise ModelError("The model answered without any choice.")
    message = response.choices[0].message
    # A refusal by the API's own field is an answer too: the strategy says what becomes of it.
    return Completion(message.content or message.refusal or "", _usage(response), response)


def _delta(chunk: Any) -> Iterator[str | Completion]:
    for choice in chunk.choices[:1]:
        text = choice.delta.content or choice.delta.refusal
        if text:
            yield text
    if chunk.usage:
        yield Completion("", _usage(chunk))


def _usage(response: Any) -> dict[str, int]:
    if response.usage is None:
        return {}
    return {
        "input_tokens": response.usage.prompt_tokens,
        "output_tokens": response.usage.completion_tokens,
    }
