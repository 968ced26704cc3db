"""Running cells: every completion is recorded as it comes, and none is asked for twice.

A flow depends on nothing but the completions it is sent. So a run is resumed by running its flows
again from the start, with what was recorded for answers: only what is missing goes to the model.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from vs_core.candidates import Distribution
from vs_core.checks import require_count
from vs_core.driver import arun
from vs_core.errors import ConfigurationError, ModelError, ParseError
from vs_core.evaluation.store import Store
from vs_core.messages import Completion, Request, as_completion
from vs_core.redaction import redacted
from vs_core.strategies import Flow

__all__ = [
    "Asking",
    "Cell",
    "Complete",
    "Outcome",
    "Result",
    "Runner",
    "about",
    "name_of",
    "settings_of",
]

Complete = Callable[[Request], Any]
"""A model: `Request` to string or `Completion`, or to an awaitable of one."""

_LONGEST_WAIT = 30.0  # seconds between attempts


@dataclass(frozen=True)
class Cell:
    """One run of one strategy on one prompt.

    Args:
        model: Name of the model.
        task: Name of the task.
        item: Place of the prompt in the task, from 0.
        run: Number of this run among those of the same prompt, from 0.
        strategy: Name of the strategy.
        threshold: Below which every probability was asked to be; None for no limit.
        k: Candidates a call.
        n: Candidates in all.
    """

    model: str
    task: str
    item: int
    run: int
    strategy: str
    threshold: float | None
    k: int
    n: int


@dataclass(frozen=True)
class Result:
    """What a cell gave.

    Args:
        cell: What was run.
        distribution: The candidates; empty if no answer could be read.
        calls: Model calls, those for repairs included.
        usage: Tokens: ``input_tokens`` and ``output_tokens``, where the model counts them.
        unread: Why nothing could be read, with the answer; "" if something could.
    """

    cell: Cell
    distribution: Distribution
    calls: int
    usage: Mapping[str, int] = field(default_factory=dict)
    unread: str = ""


class Asking:
    """How a model is asked: how many calls at once, how many a minute, how often again.

    Args:
        concurrency: Most calls in flight, at least 1.
        rate: Most calls a minute, over 0; None for no limit.
        attempts: How often a call is tried that fails in passing: rate limits, server errors,
            lost connections; at least 1. Waits between them grow, up to half a minute.

    Raises:
        ConfigurationError: If a number is out of range.
    """

    def __init__(self, concurrency: int, rate: float | None, attempts: int) -> None:
        if rate is not None and not rate > 0:
            raise ConfigurationError(f"rate must be over 0, not {rate}.")
        self.concurrency = require_count("concurrency", concurrency)
        self._attempts = require_count("attempts", attempts)
        self._spacing = 60 / rate if rate else 0.0
        self._next = 0.0
        self._free = asyncio.Semaphore(concurrency)
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="vs_core")
        self.failed: BaseException | None = None

    async def ask(self, complete: Complete, request: Request) -> Completion:
        """Return the answer of a model.

        Raises:
            Exception: What the last attempt raised. No call begins after that.
        """
        from tenacity import (
            AsyncRetrying,
            retry_if_exception,
            stop_after_attempt,
            wait_random_exponential,
        )

        retrying = AsyncRetrying(
            retry=retry_if_exception(_passes),
            stop=stop_after_attempt(self._attempts),
            wait=wait_random_exponential(multiplier=0.5, max=_LONGEST_WAIT),
            reraise=True,
        )
        async with self._free:
            try:
                return await retrying(self._attempt, complete, request)
            except BaseException as error:
                self.failed = self.failed or error
                raise

    async def _attempt(self, complete: Complete, request: Request) -> Completion:
        if self.failed:  # another call failed for good: the run ends, and costs nothing more
            raise self.failed
        await self._turn()
        return as_completion(await self._called(complete, request))

    async def _turn(self) -> None:
        """Wait until the rate allows for another call."""
        if self._spacing:
            now = asyncio.get_running_loop().time()
            self._next = max(self._next, now) + self._spacing
            await asyncio.sleep(self._next - self._spacing - now)

    async def _called(self, complete: Complete, request: Request) -> Any:
        """Call a model that may be asynchronous, or plain Python, which gets a thread."""
        if inspect.iscoroutinefunction(complete):
            return await complete(request)
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._threads, complete, request)
        return await answer if inspect.isawaitable(answer) else answer

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)


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


class Runner:
    """Runs flows over a store of completions.

    Args:
        store: Where completions are recorded; those in it are not asked for again.
        asking: How models are asked.
        progress: Called after each completion, whether recorded before or new.
    """

    def __init__(
        self, store: Store, asking: Asking, progress: Callable[[], None] = lambda: None
    ) -> None:
        self._store = store
        self._asking = asking
        self._progress = progress
        self._known = {_key(record): record for record in store}

    async def run(self, about: Mapping[str, Any], flow: Flow, complete: Complete) -> Outcome:
        """Run a flow to its end.

        Args:
            about: What tells this run from every other; JSON can write it.
            flow: The flow.
            complete: The model.

        Raises:
            ConfigurationError: If the store holds answers of this run to other questions.
            Exception: What the model raised.
        """
        outcome = Outcome()

        async def answer(request: Request) -> Completion:
            record = await self._recorded(about, request, complete)
            outcome.calls += 1
            completion = _completion(record)
            outcome.usage.update(completion.usage)
            self._progress()
            return completion

        try:
            outcome.distribution = await arun(
                flow, answer, max_concurrency=self._asking.concurrency
            )
        except ParseError as error:  # a refusal, say: a result like any other
            outcome.unread = str(error)
        return outcome

    async def _recorded(
        self, about: Mapping[str, Any], request: Request, complete: Complete
    ) -> dict[str, Any]:
        asked = _digest(request)
        head = {**about, "call": request.call}
        record = self._known.get(_key(head))
        if record is not None and record.get("request") != asked:
            raise ConfigurationError(
                f"{self._store.path} holds an answer to another question for {_shown(head)}: "
                "prompts or options have changed since. Use another folder."
            )
        if record is None:
            completion = await self._asking.ask(complete, request)
            record = {**head, "request": asked, **_answered(completion)}
            self._store.append(record)
        if not isinstance(record.get("text"), str):
            raise ConfigurationError(
                f"{self._store.path} holds a record without a text, for {_shown(head)}. Take the "
                "line out: that call is then asked again."
            )
        return record


@dataclass
class Outcome:
    """What a flow came to."""

    distribution: Distribution = field(default_factory=Distribution)
    calls: int = 0
    usage: Counter[str] = field(default_factory=Counter)
    unread: str = ""


_ABOUT = ("reasoning", "finish_reason", "model")
_ANSWERED = ("request", "text", "usage", "about")


def _answered(completion: Completion) -> dict[str, Any]:
    """An answer as a record has it."""
    about = {name: getattr(completion, name) for name in _ABOUT}
    return {
        "text": completion.text,
        "usage": {name: int(count) for name, count in completion.usage.items()},
        "about": {name: value for name, value in about.items() if value is not None},
    }


def _completion(record: Mapping[str, Any]) -> Completion:
    """The answer of a record; what a record of another version lacks is not known."""
    about = record.get("about") or {}
    known = {name: about[name] for name in _ABOUT if name in about}
    return Completion(record["text"], record.get("usage") or {}, **known)


def _key(record: Mapping[str, Any]) -> str:
    about = {name: value for name, value in record.items() if name not in _ANSWERED}
    return json.dumps(about, sort_keys=True)


def _shown(head: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in head.items() if value is not None)


def _digest(request: Request) -> str:
    messages = [message.as_dict() for message in request.messages]
    text = json.dumps(messages, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


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


def about(cell: Cell) -> dict[str, Any]:
    """Return a cell as its records name it."""
    return asdict(cell)
