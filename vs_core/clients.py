"""Completing requests over any OpenAI-compatible endpoint, without a framework."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vs_core.endpoint import Endpoint, require_parameters
from vs_core.errors import ModelError, raise_missing_extra
from vs_core.formats.json import without_bounds
from vs_core.messages import Completion, Request

if TYPE_CHECKING:
    import httpx
    from openai import AsyncOpenAI, OpenAI

__all__ = ["OpenAIModel"]


class OpenAIModel(Endpoint):
    """A ``complete`` callable over the chat completions API (extra: ``cli``).

    Call it with a request for a completion, or use `acomplete`, `stream` and `astream`. The
    client retries on its own after rate limits, time-outs, lost connections and server errors.

    A key, a header and whatever else looks like a secret stands in no repr, record or error; a
    pickle has the key only if it was given here and does not stand in the environment.

    Args:
        model: Name of the model.
        base_url: Endpoint, ending in ``/v1``; default: ``OPENAI_BASE_URL``, or OpenAI's own.
        api_key: Default: ``OPENAI_API_KEY``. Endpoints given by ``base_url`` may need none.
        structured: Whether to send the JSON schema of the answer as ``response_format``.
        bounds: Whether that schema bounds the number of responses and the range of probabilities,
            to which small models do not keep by themselves. False for endpoints that refuse it.
        timeout: Seconds that a call may take, or an ``httpx.Timeout``. Default: the client's own,
            ten minutes.
        max_retries: How often the client tries again, each time after a longer wait or that which
            the server asks for; at least 0. Default: the client's own, 2.
        default_headers: Headers of every call.
        default_query: Query parameters of every call.
        organization: OpenAI's organisation.
        project: OpenAI's project.
        http_client: An ``httpx.Client`` to use, for proxies and certificates.
        async_http_client: An ``httpx.AsyncClient`` to use by `acomplete` and `astream`.
        **parameters: Parameters of the API's call, such as ``temperature=0.7``, ``top_p``,
            ``extra_headers``; passed through, a ``seed`` plus the number of the call in its flow.
            What only this endpoint knows goes into ``extra_body={"min_p": 0.1}``.

    Raises:
        MissingExtraError: If the ``openai`` package is not installed.
        ConfigurationError: If a parameter is not one of the API's.
        ModelError: If a call fails, or there is no key; at that call. It names the model and the
            endpoint, and has the client's error as its cause.
    """

    provider = "OpenAI"

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        structured: bool = False,
        bounds: bool = True,
        timeout: float | httpx.Timeout | None = None,
        max_retries: int | None = None,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        organization: str | None = None,
        project: str | None = None,
        http_client: httpx.Client | None = None,
        async_http_client: httpx.AsyncClient | None = None,
        **parameters: Any,
    ) -> None:
        _require_parameters(parameters)
        options = {
            "timeout": timeout,
            "max_retries": max_retries,
            "default_headers": default_headers,
            "default_query": default_query,
            "organization": organization,
            "project": project,
        }
        super().__init__(model, base_url, api_key, parameters, options)
        self.structured = structured
        self.bounds = bounds
        self._http_client = http_client
        self._async_http_client = async_http_client

    @property
    def settings(self) -> dict[str, Any]:
        """See `vs_core.endpoint.Endpoint.settings`."""
        return {**super().settings, "structured": self.structured, "bounds": self.bounds}

    # --- completing --------------------------------------------------------------------------

    def __call__(self, request: Request) -> Completion:
        """Answer a request."""
        with self.errors():
            return _completion(self._client.chat.completions.create(**self._arguments(request)))

    async def acomplete(self, request: Request) -> Completion:
        """Answer a request without blocking."""
        with self.errors():
            response = await self._async_client.chat.completions.create(**self._arguments(request))
            return _completion(response)

    def stream(self, request: Request) -> Iterator[str | Completion]:
        """Answer a request piece by piece.

        Pieces that bring more than text, such as the usage, are a `Completion`.
        """
        with (
            self.errors(),
            self._client.chat.completions.create(**self._streaming(request)) as chunks,
        ):
            for chunk in chunks:
                yield from _delta(chunk)

    async def astream(self, request: Request) -> AsyncIterator[str | Completion]:
        """Answer a request piece by piece without blocking; see `stream`."""
        with self.errors():
            chunks = await self._async_client.chat.completions.create(**self._streaming(request))
            async with chunks:
                async for chunk in chunks:
                    for piece in _delta(chunk):
                        yield piece

    def replace(self, **settings: Any) -> OpenAIModel:
        """Return this model with some settings changed.

        Args:
            **settings: ``model``, ``structured``, ``bounds``, and parameters of the API's call.

        Raises:
            ConfigurationError: If a parameter is not one of the API's.
        """
        changed = copy.copy(self)
        for name in {"model", "structured", "bounds"} & settings.keys():
            setattr(changed, name, settings.pop(name))
        _require_parameters(settings)
        changed.parameters = {**self.parameters, **settings}
        return changed

    def models(self) -> list[str]:
        """Return the names of the models that the endpoint offers."""
        with self.errors():
            return [model.id for model in self._client.models.list()]

    @property
    def client(self) -> OpenAI:
        """The ``openai`` client that synchronous calls go through."""
        return self._client

    def body(self, request: Request) -> dict[str, Any]:
        """Return what a call sends, as a file of requests has it."""
        arguments = self._arguments(request)
        arguments.pop("extra_headers", None)
        arguments.pop("extra_query", None)
        return {**arguments, **arguments.pop("extra_body", {})}

    # --- how -----------------------------------------------------------------------------------

    def _arguments(self, request: Request) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "model": self.model,
            "messages": [message.as_dict() for message in request.messages],
            **self.parameters,
        }
        if isinstance(seed := arguments.get("seed"), int):
            arguments["seed"] = seed + request.call  # or all calls of a flow would answer alike
        schema = request.json_schema if self.structured else None
        if schema is not None:
            schema = schema if self.bounds else without_bounds(schema)
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
        from openai import OpenAI

        return OpenAI(
            base_url=self.base_url,
            api_key=self._key,
            http_client=self._http_client,
            **self._options,
        )

    @cached_property
    def _async_client(self) -> AsyncOpenAI:
        from openai import AsyncOpenAI

        return AsyncOpenAI(
            base_url=self.base_url,
            api_key=self._key,
            http_client=self._async_http_client,
            **self._options,
        )


def _require_parameters(parameters: Mapping[str, Any]) -> None:
    try:
        from openai.resources.chat.completions import Completions
    except ImportError as error:
        raise_missing_extra("cli", error)
    require_parameters(Completions.create, parameters)


# --- what comes back -------------------------------------------------------------------------


def _completion(response: Any) -> Completion:
    if not response.choices:
        raise ModelError("The model answered without any choice.")
    choice = response.choices[0]
    message = choice.message
    # A refusal by the API's own field is an answer too: the strategy says what becomes of it.
    text = message.content or message.refusal or ""
    if not text and message.tool_calls:
        names = ", ".join(call.function.name for call in message.tool_calls)
        raise ModelError(
            f"The model called tools ({names}) instead of answering. Leave tools out of its "
            "parameters, or let a framework run them."
        )
    return Completion(
        text,
        _usage(response),
        response,
        _reasoning(message),
        choice.finish_reason,
        response.model,
    )


def _delta(chunk: Any) -> Iterator[str | Completion]:
    for choice in chunk.choices[:1]:
        text = choice.delta.content or choice.delta.refusal or ""
        reasoning = _reasoning(choice.delta)
        if reasoning or choice.finish_reason:
            yield Completion(
                text, reasoning=reasoning, finish_reason=choice.finish_reason, model=chunk.model
            )
        elif text:
            yield text
    if chunk.usage:
        yield Completion("", _usage(chunk), model=chunk.model)


def _reasoning(message: Any) -> str | None:
    """What a model thought: a field that OpenAI's API does not have, and servers name two ways."""
    for name in ("reasoning_content", "reasoning"):
        thoughts = getattr(message, name, None)
        if isinstance(thoughts, str) and thoughts:
            return thoughts
    return None


def _usage(response: Any) -> dict[str, int]:
    if response.usage is None:
        return {}
    return {
        "input_tokens": response.usage.prompt_tokens,
        "output_tokens": response.usage.completion_tokens,
    }
