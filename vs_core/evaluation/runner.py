"""Running cells: every completion is recorded as it comes, and none is asked for twice.

A flow depends on nothing but the completions it is sent. So a run is resumed by running its flows
again from the start, with what was recorded for answers: only what is missing goes to the model.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from vs_core.caller import Caller, Complete
from vs_core.candidates import Distribution
from vs_core.driver import arun
from vs_core.errors import ConfigurationError, ParseError
from vs_core.messages import Completion, Request
from vs_core.store import Store, answered, completion_of, digest_of_request
from vs_core.strategies import Flow

__all__ = [
    "Cell",
    "Outcome",
    "Result",
    "Runner",
    "about",
]


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


class Runner:
    """Runs flows over a store of completions.

    Args:
        store: Where completions are recorded; those in it are not asked for again.
        caller: How models are asked.
        progress: Called after each completion, whether recorded before or new.
    """

    def __init__(
        self, store: Store, caller: Caller, progress: Callable[[], None] = lambda: None
    ) -> None:
        self._store = store
        self._caller = caller
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
            completion = completion_of(record)
            outcome.usage.update(completion.usage)
            self._progress()
            return completion

        try:
            outcome.distribution = await arun(
                flow, answer, max_concurrency=self._caller.concurrency
            )
        except ParseError as error:  # a refusal, say: a result like any other
            outcome.unread = str(error)
        return outcome

    async def _recorded(
        self, about: Mapping[str, Any], request: Request, complete: Complete
    ) -> dict[str, Any]:
        asked = digest_of_request(request)
        head = {**about, "call": request.call}
        record = self._known.get(_key(head))
        if record is not None and record.get("request") != asked:
            raise ConfigurationError(
                f"{self._store.path} holds an answer to another question for {_shown(head)}: "
                "prompts or options have changed since. Use another folder."
            )
        if record is None:
            completion = await self._caller.ask(complete, request)
            record = {**head, "request": asked, **answered(completion)}
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


_ANSWERED = ("request", "text", "usage", "about")


def _key(record: Mapping[str, Any]) -> str:
    about = {name: value for name, value in record.items() if name not in _ANSWERED}
    return json.dumps(about, sort_keys=True)


def _shown(head: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in head.items() if value is not None)


def about(cell: Cell) -> dict[str, Any]:
    """Return a cell as its records name it."""
    return asdict(cell)
