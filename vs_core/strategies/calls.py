"""The state of a flow: its calls, what they gave, and what is still missing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

from vs_core.candidates import Candidate, Distribution, assembled
from vs_core.display import shorten
from vs_core.errors import ParseError
from vs_core.formats.base import CUT_OFF
from vs_core.messages import Completion, Message, Request, digest_of, total_usage
from vs_core.profiles import same_model
from vs_core.strategies.base import OnFailure, Strategy
from vs_core.strategies.pump import LEFT_OUT, Flow, Interrupted, Rounds
from vs_core.strategies.repeating import as_needed
from vs_core.strategies.typed import validated

__all__ = ["LEFT_OUT", "Call", "Rounds", "Session", "parallel", "turns"]

_log = logging.getLogger("vs_core")


@dataclass(frozen=True)
class Failure:
    """A call that failed for good, and was to be kept."""

    call: int
    error: Exception

    def shown(self) -> dict[str, Any]:
        """As the metadata have it."""
        why = f"{type(self.error).__name__}: {self.error}"
        return {"call": self.call, "error": shorten(why, 500)}


class Call:
    """One conversation with the model, until it has given its k candidates."""

    def __init__(self, strategy: Strategy, messages: tuple[Message, ...], k: int) -> None:
        self.strategy = strategy
        self.messages = messages
        self.k = k
        self.candidates: list[Candidate] = []
        self.invalid: list[Candidate] = []
        self.torn: list[Candidate] = []
        self.remarks: dict[str, None] = {}
        self._thoughts: dict[str, None] = {}
        self.error: ParseError | None = None
        self.failure: Failure | None = None
        self.over = False  # it failed for good; a stream that broke off is asked for the rest
        self._answer = ""
        self._complaint = ""

    @property
    def missing(self) -> int:
        """How many candidates are still to come."""
        return max(0, self.k - len(self.candidates))

    @property
    def reasoning(self) -> str | None:
        """What was thought before the candidates of this call."""
        return "\n\n".join(self._thoughts) or None

    def _think(self, reasoning: str | None) -> None:
        if reasoning:
            self._thoughts[reasoning] = None

    def request(self, number: int, on_failure: OnFailure = "raise") -> Request:
        """The request for what is missing, as number ``number`` of its flow."""
        if self._complaint:
            self.messages, self._complaint = self.continued(self._complaint), ""
        asked, schema = self.strategy.question(self.missing), self.strategy.schema
        return Request(self.messages, asked.shape, asked.format, number, schema, on_failure)

    def continued(self, text: str) -> tuple[Message, ...]:
        """The conversation so far, with what the user says next."""
        return (*self.messages, Message("assistant", self._answer), Message("user", text))

    def receive(self, completion: Completion, number: int) -> None:
        """Take in an answer, number ``number`` of its flow.

        What is good of it stays, what is missing becomes a complaint.
        """
        self.failure = Failure(number, completion.error) if completion.error else None
        self.over = bool(self.failure and not completion.text)
        if self.over:
            return
        self._answer = completion.text
        self._think(completion.reasoning)
        try:
            answer = completion.found or self.strategy.read(completion.text, self.missing)
        except ParseError as error:
            self.error = error
            self._complain("unreadable", reason=error.reason)
            return
        self._think(answer.reasoning)
        self.remarks.update(dict.fromkeys(answer.remarks))
        invalid: list[Candidate] = []
        schema = self.strategy.schema
        own = self.reasoning if self.k == 1 else None  # where each call reasons anew
        for candidate in answer:
            about: dict[str, Any] = {"call": number}
            if own:
                about["metadata"] = {**candidate.metadata, "reasoning": own}
            checked, problem = validated(candidate.model_copy(update=about), schema)
            if problem is not None:
                invalid.append(checked)
            elif CUT_OFF in candidate.repairs:  # better whole ones; kept in case none come
                self.torn.append(checked)
            else:
                self.candidates.append(checked)
        self.invalid += invalid
        if invalid:
            errors = "\n".join(f"- {shorten(item.text)}: {item.repairs[-1]}" for item in invalid)
            self._complain("invalid", errors=errors)
        elif self.missing:
            self._complain("short", given=len(self.candidates))

    def _complain(self, prompt: str, **about: Any) -> None:
        template: str = getattr(self.strategy.words, prompt)
        format = self.strategy.format_instructions(self.missing)
        self._complaint = template.format(k=self.missing, format=format, **about).rstrip()

    def finish(self) -> None:
        """Keep an answer that stayed unreadable as one candidate, where that was asked for."""
        kept = self.candidates or self.torn
        if self.invalid and not kept and self.error is None:
            reason = f"no candidate fits: {self.invalid[-1].repairs[-1]}"
            self.error = ParseError(reason, self._answer)
        text = self.error.text.strip() if self.error else ""
        if text and self.strategy.on_unparsed == "single" and not kept:
            single = Candidate(text=text).repaired("unreadable answer kept whole")
            self.candidates.append(single)
            self.error = None


class Session:
    """The state of one flow that concerns all its calls."""

    def __init__(self, strategy: Strategy, task: Sequence[Message]) -> None:
        self.strategy = strategy
        self.task = task
        self.calls: list[Call] = []
        self.completions: list[Completion] = []

    def collect(self, calls: Sequence[Call]) -> Rounds:
        """Ask for the candidates of ``calls`` in one round, and again for what is missing."""
        self.calls += calls
        on_failure = self.strategy.on_failure
        pending = list(calls)
        for _ in range(self.strategy.retries + 1):
            number = len(self.completions)
            try:
                completions = yield [
                    call.request(number + index, on_failure) for index, call in enumerate(pending)
                ]
            except Interrupted as interrupted:
                self._receive(pending, interrupted.completions)
                interrupted.partial = self._in_hand()
                raise
            self._receive(pending, completions)
            pending = [call for call in pending if call.missing and not call.over]
            # One call may give more than was asked of it, and so make up for another.
            if not pending or sum(len(c.candidates) for c in calls) >= sum(c.k for c in calls):
                break
            on_failure = "keep"  # a repair that fails loses nothing of what is in hand
        for call in calls:
            call.finish()

    def _receive(self, calls: Sequence[Call], completions: Sequence[Completion | None]) -> None:
        for call, completion in zip(calls, completions, strict=False):
            if completion is not None:
                call.receive(completion, len(self.completions))
                self.completions.append(completion)

    def _in_hand(self) -> Distribution | None:
        """What there is when a flow is interrupted."""
        for call in self.calls:
            call.finish()
        some = any(call.candidates or call.torn for call in self.calls)
        return self._so_far() if some else None

    def distribution(self) -> Distribution:
        """Return the candidates of all calls: exactly n, if the model gave as many.

        Raises:
            ParseError: If no answer held a candidate.
            Exception: What the first call failed with, if no call gave one.
        """
        found = self._so_far()
        if not found:
            for error in chain(self._unread(), (failure.error for failure in self._failures())):
                raise error
        missing = found.metadata.get("missing")
        if missing:
            _log.warning(
                "%s: %d of %d candidates after %d calls; the rest is missing",
                self.strategy.name, len(found), len(found) + missing, len(self.completions),
            )  # fmt: skip
        return found

    def _unread(self) -> list[ParseError]:
        return [call.error for call in self.calls if call.error and not call.candidates]

    def _failures(self) -> list[Failure]:
        return [call.failure for call in self.calls if call.failure]

    def _so_far(self) -> Distribution:
        total = sum(self.strategy.sizes())
        asked: list[Candidate] = []
        extra: list[Candidate] = []
        torn: list[Candidate] = []
        invalid: list[Candidate] = []
        for call in self.calls:
            asked += call.candidates[: call.k]
            extra += call.candidates[call.k :]
            torn += call.torn
            invalid += call.invalid
        pool = asked + extra + torn
        about = {
            "strategy": self.strategy.name,
            "k": self.strategy.k,
            "n": total,
            "calls": len(self.completions),
            "usage": total_usage(self.completions),
            "task": digest_of(self.task),
            "threshold": self.strategy.threshold,
            # and what was left out, if anything
            "surplus": [each.model_dump(mode="json") for each in pool[total:]] or None,
            "invalid": [each.model_dump(mode="json") for each in invalid] or None,
            "unread": [error.text for error in self._unread()] or None,
            "failed": [failure.shown() for failure in self._failures()] or None,
            "missing": max(0, total - len(pool)) or None,
        }
        return assembled(
            tuple(pool[:total]),
            "\n\n".join(call.reasoning for call in self.calls if call.reasoning) or None,
            {key: value for key, value in about.items() if value is not None},
            tuple(completion.bare() for completion in self.completions),
            self._remarks(),
        )

    def _remarks(self) -> tuple[str, ...]:
        cut_off = sum(completion.cut_off for completion in self.completions)
        remarks = dict.fromkeys(chain.from_iterable(call.remarks for call in self.calls))
        if cut_off:
            whole = len(self.completions)
            remarks[f"{cut_off} of {whole} answers reached the limit of their length"] = None
        if made_for := self.strategy.made_for:
            names = {completion.model for completion in self.completions if completion.model}
            for name in sorted(names):
                remarks |= dict.fromkeys(_of_another(made_for, name))
        return tuple(remarks)


@lru_cache(maxsize=256)  # so that a batch is warned once
def _of_another(made_for: tuple[str, ...], name: str) -> tuple[str, ...]:
    """A remark, and a warning, if the model of a profile is not the one that answered."""
    if any(same_model(name, each) for each in made_for):
        return ()
    said = f"the profile was made for {made_for[0]}, and {name} answered"
    _log.warning("%s: what is best for one may not be for another", said)
    return (said,)


def parallel(strategy: Strategy, task: Sequence[Message]) -> Flow:
    """Flow of one round of independent calls, and what repairing them takes."""
    if strategy.n == "auto":
        return (yield from as_needed(strategy, task))
    session = Session(strategy, task)
    calls = [Call(strategy, strategy.messages(task, size), size) for size in strategy.sizes()]
    yield from session.collect(calls)
    return session.distribution()


def turns(strategy: Strategy, task: Sequence[Message]) -> Flow:
    """Flow of one conversation that asks for further candidates turn by turn."""
    if strategy.n == "auto":
        return (yield from as_needed(strategy, task))
    session = Session(strategy, task)
    first, *others = strategy.sizes()
    call = Call(strategy, strategy.messages(task, first), first)
    yield from session.collect([call])
    for size in others:
        if not call.candidates:  # refused or unreadable: more of the same helps nobody
            break
        call = Call(strategy, call.continued(strategy.further(size)), size)
        yield from session.collect([call])
    return session.distribution()
