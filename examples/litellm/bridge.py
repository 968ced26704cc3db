"""A further framework in a hundred lines: Verbalized Sampling through LiteLLM's two functions.

A bridge turns a request of vs-core into a call of the framework, and what comes back into a
completion: whole and in pieces, blocking and not. Strategies, formats, retries, bounds and streams
are the core's. tests/conformance/test_litellm.py holds this file to what the others are held to.

Run it with OPENAI_API_KEY set. Without a key, start `vs serve` and set OPENAI_API_BASE to the
address it prints, and OPENAI_API_KEY to anything: the answers are then simulated.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # or importing it downloads prices

import litellm

from vs_core import Completion, Message, ModelError, Request, driver, plugins, verbalize


class LiteLLM:
    """A model of any of LiteLLM's providers, to complete requests with.

    Args:
        model: As LiteLLM names it: ``"openai/gpt-4.1-mini"``, ``"ollama/llama3"``.
        **settings: What `litellm.completion` takes: ``temperature``, ``api_base``, …
    """

    def __init__(self, model: str, **settings: Any) -> None:
        self.settings = {"model": model, **settings}

    def __call__(self, request: Request) -> Completion:
        with _errors():
            return _completion(litellm.completion(**self._arguments(request)))

    async def acomplete(self, request: Request) -> Completion:
        with _errors():
            return _completion(await litellm.acompletion(**self._arguments(request)))

    def stream(self, request: Request) -> Iterator[Completion]:
        with _errors():
            for chunk in litellm.completion(**self._arguments(request, stream=True)):
                yield _piece(chunk)

    async def astream(self, request: Request) -> AsyncIterator[Completion]:
        with _errors():
            chunks = await litellm.acompletion(**self._arguments(request, stream=True))
            async for chunk in chunks:
                yield _piece(chunk)

    def _arguments(self, request: Request, stream: bool = False) -> dict[str, Any]:
        messages = [message.as_dict() for message in request.messages]
        arguments = {**self.settings, "messages": messages}
        if isinstance(seed := arguments.get("seed"), int):
            arguments["seed"] = seed + request.call  # or all calls of a run would answer alike
        if stream:
            arguments.update(stream=True, stream_options={"include_usage": True})
        return arguments


@contextmanager
def _errors() -> Iterator[None]:
    """The framework's errors as the core knows them, so that a failed call costs itself alone."""
    try:
        yield
    except litellm.exceptions.APIError as error:  # the OpenAI client's, which all of them are
        raise ModelError(str(error)) from error


def _completion(response: Any) -> Completion:
    choice = response.choices[0]
    return Completion(
        choice.message.content or "",
        _usage(response),
        response,
        getattr(choice.message, "reasoning_content", None),
        choice.finish_reason,
        response.model,
    )


def _piece(chunk: Any) -> Completion:
    """What a chunk brings: some text, some thoughts, the end, or the usage."""
    usage, text, thoughts, reason = _usage(chunk), "", None, None
    for choice in chunk.choices[:1]:
        text = choice.delta.content or ""
        thoughts = getattr(choice.delta, "reasoning_content", None)
        reason = choice.finish_reason
    return Completion(text, usage, None, thoughts, reason, chunk.model)


def _usage(response: Any) -> dict[str, int]:
    usage = getattr(response, "usage", None)
    if not usage:
        return {}
    return {"input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens}


def main() -> None:
    model = LiteLLM("openai/gpt-4.1-mini")
    print(verbalize("Tell me a joke about coffee.", model, k=5))

    flow = plugins.strategy("vs_standard", k=3).flow([Message("user", "Name a colour.")])
    for item in driver.stream(flow, model.stream):  # candidates as they come, then all of them
        print(item)


if __name__ == "__main__":
    main()
