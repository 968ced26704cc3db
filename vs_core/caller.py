"""Asking a model often: how many calls at once and a minute, and how patiently."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from vs_core.checks import require_count
from vs_core.errors import ConfigurationError, ModelError
from vs_core.gate import Gate
from vs_core.messages import Completion, Request, as_completion
from vs_core.redaction import redacted

__all__ = ["Caller", "Complete", "Stopped", "name_of", "settings_of"]

Complete = Callable[[Request], Any]
"""A model: `Request` to string or `Completion`, or to an awaitable of one."""

_LONGEST_WAIT = 30.0  # seconds between attempts, unless the provider asks for more
_LONGEST_ASKED = 600.0  # seconds that a provider may ask for


class Stopped(Exception):  # noqa: N818  # nothing went wrong
    """No further call begins: the run was asked to end. Calls in flight still end."""


class Caller:
    """How a model is asked: how many calls at once, how many a minute, how often again.

    Where a provider pushes back (429, 503, 529, or ``Retry-After``), every call is held up for as
    long as it asks, or else as the attempt waits, and half as many are in flight from then on;
    answers let them become more again, one at a time.

    Args:
        concurrency: Most calls in flight, at least 1.
        rate: Most calls a minute, over 0; None for no limit.
        attempts: How often a call is tried that fails in passing: rate limits, server errors,
            lost connections; at least 1. Waits between them grow, up to half a minute.
        tokens: Most tokens a minute, input and output, over 0; None for no limit. What a call will
            take is guessed from those before it.

    Raises:
        ConfigurationError: If a number is out of range.
    """

    def __init__(
        self, concurrency: int, rate: float | None, attempts: int, tokens: float | None = None
    ) -> None:
        for name, number in (("rate", rate), ("tokens", tokens)):
            if number is not None and not number > 0:
                raise ConfigurationError(f"{name} must be over 0, not {number}.")
        self.concurrency = require_count("concurrency", concurrency)
        self._attempts = require_count("attempts", attempts)
        self._spacing = 60 / rate if rate else 0.0
        self._seconds_a_token = 60 / tokens if tokens else 0.0
        self._next = 0.0  # when a call may begin, by the loop's clock
        self._answers = 0
        self._tokens = 0
        self._gate = Gate(concurrency)
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="vs_core")
        self.failed: BaseException | None = None

    @property
    def allowed(self) -> int:
        """How many calls may be in flight by now; `concurrency` where nothing pushes back."""
        return self._gate.allowed

    def stop(self) -> None:
        """Let no further call begin; those in flight end."""
        self.failed = self.failed or Stopped()

    async def ask(self, complete: Complete, request: Request) -> Completion:
        """Return the answer of a model.

        Raises:
            Exception: What the last attempt raised. No call begins after that.
        """
        from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

        retrying = AsyncRetrying(
            retry=retry_if_exception(_passes),
            stop=stop_after_attempt(self._attempts),
            wait=self._wait,
            reraise=True,
        )
        async with self._gate:
            try:
                return await retrying(self._attempt, complete, request)
            except BaseException as error:
                self.failed = self.failed or error
                raise

    def _wait(self, state: Any) -> float:
        """Seconds until the next attempt; a provider that pushes back holds up the others too."""
        from tenacity import wait_random_exponential

        error = state.outcome.exception()
        waiting: float = wait_random_exponential(multiplier=0.5, max=_LONGEST_WAIT)(state)
        seconds = max(waiting, _asked_to_wait(error))
        if _pushes_back(error):
            self._next = max(self._next, asyncio.get_running_loop().time() + seconds)
        return seconds

    async def _attempt(self, complete: Complete, request: Request) -> Completion:
        await self._turn()
        if self.failed:  # another call failed for good: the run ends, and costs nothing more
            raise self.failed
        began = self._gate.lowered
        try:
            completion = as_completion(await self._called(complete, request))
        except Exception as error:
            if _pushes_back(error):
                self._gate.push_back(began)
            raise
        self._gate.went_well()
        self._count(completion)
        return completion

    async def _turn(self) -> None:
        """Wait until the limits allow for another call."""
        loop = asyncio.get_running_loop()
        if self.failed:
            return
        expected = self._tokens / self._answers if self._answers else 0.0
        spacing = max(self._spacing, expected * self._seconds_a_token)
        if spacing or self._next > loop.time():
            begins = max(self._next, loop.time())
            self._next = begins + spacing
            await asyncio.sleep(begins - loop.time())

    def _count(self, completion: Completion) -> None:
        self._answers += 1
        self._tokens += sum(completion.usage.values())

    async def _called(self, complete: Complete, request: Request) -> Any:
        """Call a model that may be asynchronous, or plain Python, which gets a thread."""
        call = getattr(complete, "__call__", complete)  # noqa: B004  # of an object
        if inspect.iscoroutinefunction(complete) or inspect.iscoroutinefunction(call):
            return await complete(request)
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._threads, complete, request)
        return await answer if inspect.isawaitable(answer) else answer

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _asked_to_wait(error: BaseException) -> float:
    """Seconds that a provider asks for, by the header ``Retry-After``; 0 if it does not."""
    headers = getattr(getattr(error.__cause__, "response", None), "headers", None) or {}
    try:
        return min(max(0.0, float(headers.get("retry-after", 0))), _LONGEST_ASKED)
    except ValueError:  # a date, which providers of models do not send
        return 0.0


def _pushes_back(error: BaseException) -> bool:
    """Whether a provider says that it is asked too much."""
    status = getattr(error.__cause__, "status_code", None)
    return status in (429, 503, 529) or _asked_to_wait(error) > 0


def _passes(error: BaseException) -> bool:
    """Whether a failure may be gone at the next attempt."""
    if isinstance(error, (ConnectionError, TimeoutError)):
        return True
    cause = error.__cause__
    if not isinstance(error, ModelError) or cause is None:
        return False
    status = getattr(cause, "status_code", None)
    if status is None:  # the client's errors of connection have a request, but no response
        return hasattr(cause, "request")
    return status in (408, 409, 429) or status >= 500


def name_of(complete: Complete) -> str:
    """Return the name of a model: its own with its parameters, or that of a function."""
    name = getattr(complete, "model", None) or getattr(complete, "__name__", None)
    parameters = redacted(getattr(complete, "parameters", {}))
    parts = [str(name or type(complete).__name__)]
    return ", ".join([*parts, *(f"{key} {value}" for key, value in parameters.items())])


def settings_of(complete: Complete) -> dict[str, Any]:
    """Return what the answers of a model depend on, as far as it says so, without secrets.

    A model says it by ``settings``, a mapping, as `vs_core.clients.OpenAIModel` has it. A plain
    function says nothing.
    """
    owner = getattr(complete, "__self__", complete)  # of a method, such as model.acomplete
    settings = getattr(owner, "settings", None)
    return redacted(settings) if isinstance(settings, Mapping) else {}
