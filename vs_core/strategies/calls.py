"""The state of a flow: its calls, what they gave, and what is still missing."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from vs_core.candidates import Candidate, Distribution
from vs_core.display import shorten
from vs_core.errors import ParseError
from vs_core.formats.base import CUT_OFF
from vs_core.messages import Completion, Message, Request, digest_of
from vs_core.plugins import plugins
from vs_core.strategies.typed import validated

if TYPE_CHECKING:
    from vs_core.strategies.base import Strategy

__all__ = ["LEFT_OUT", "Call", "Rounds", "Session"]

Rounds = Generator[Sequence[Request], Sequence[Completion], None]
LEFT_OUT = ("surplus", "invalid", "unread")
"""Keys of the metadata that list what an answer held and the distribution does not."""
_log = logging.getLogger("vs_core")


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

    def request(self, number: int) -> Request:
        """The request for what is missing, as number ``number`` of its flow."""
        if self._complaint:
            self.messages, self._complaint = self.continued(self._complaint), ""
        shape = self.strategy.shape(self.missing)
        format = None if shape is None else plugins.format(self.strategy.format)
        return Request(self.messages, shape, format, number, self.strategy.schema)

    def continued(self, text: str) -> tuple[Message, ...]:
        """The conversation so far, with what the user says next."""
        return (*self.messages, Message("assistant", self._answer), Message("user", text))

    def receive(self, completion: Completion, number: int) -> None:
        """Take in an answer, number ``number`` of its flow.

        What is good of it stays, what is missing becomes a complaint.
        """
        self._answer = completion.text
        self._think(completion.reasoning)
        try:
            answer = self.strategy.read(completion.text, self.missing)
        except ParseError as error:
            self.error = error
            self._complain("unreadable", reason=error.reason)
            return
        self._think(answer.reasoning)
        self.remarks.update(dict.fromkeys(answer.remarks))
        invalid: list[Candidate] = []
        for candidate in answer:
            about: dict[str, Any] = {"call": number}
            if self.k == 1 and self.reasoning:  # its own, where each call reasons anew
                about["metadata"] = {**candidate.metadata, "reasoning": self.reasoning}
            candidate = candidate.model_copy(update=about)
            checked, problem = validated(candidate, self.strategy.schema)
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
        template: str = getattr(self.strategy.prompts, prompt)
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
        self.completions: list[Completion] = []

    @property
    def calls(self) -> int:
        """How many calls were answered."""
        return len(self.completions)

    def _usage(self) -> dict[str, int]:
        usage: Counter[str] = Counter()
        for completion in self.completions:
            usage.update(completion.usage)
        return dict(usage)

    def collect(self, calls: Sequence[Call]) -> Rounds:
        """Ask for the candidates of ``calls`` in one round, and again for what is missing."""
        pending = list(calls)
        for _ in range(self.strategy.retries + 1):
            completions = yield [
                call.request(self.calls + index) for index, call in enumerate(pending)
            ]
            for call, completion in zip(pending, completions, strict=True):
                call.receive(completion, self.calls)
                self.completions.append(completion)
            # One call may give more than was asked of it, and so make up for another.
            if sum(len(call.candidates) for call in calls) >= sum(call.k for call in calls):
                break
            pending = [call for call in pending if call.missing]
        for call in calls:
            call.finish()

    def distribution(self, calls: Sequence[Call]) -> Distribution:
        """Return the candidates of all calls: exactly n, if the model gave as many."""
        total = sum(self.strategy.sizes())
        asked = [call.candidates[: call.k] for call in calls]
        extra = [call.candidates[call.k :] for call in calls]
        pool = list(chain(*asked, *extra, *(call.torn for call in calls)))
        invalid = list(chain(*(call.invalid for call in calls)))
        errors = [call.error for call in calls if call.error and not call.candidates]
        if not pool and errors:
            raise errors[0]
        metadata: dict[str, Any] = {
            "strategy": self.strategy.name,
            "k": self.strategy.k,
            "n": total,
            "calls": self.calls,
            "usage": self._usage(),
            "task": digest_of(self.task),
        }
        if self.strategy.threshold is not None:
            metadata["threshold"] = self.strategy.threshold
        if len(pool) > total:
            metadata["surplus"] = [candidate.model_dump(mode="json") for candidate in pool[total:]]
        if invalid:
            metadata["invalid"] = [candidate.model_dump(mode="json") for candidate in invalid]
        if errors:
            metadata["unread"] = [error.text for error in errors]
        if len(pool) < total:
            metadata["missing"] = total - len(pool)
            _log.warning(
                "%s: %d of %d candidates after %d calls; the rest is missing",
                self.strategy.name, len(pool), total, self.calls,
            )  # fmt: skip
        reasonings = [call.reasoning for call in calls if call.reasoning]
        return Distribution(
            pool[:total],
            reasoning="\n\n".join(reasonings) or None,
            metadata=metadata,
            completions=tuple(replace(completion, raw=None) for completion in self.completions),
            remarks=self._remarks(calls),
        )

    def _remarks(self, calls: Sequence[Call]) -> tuple[str, ...]:
        cut_off = sum(completion.cut_off for completion in self.completions)
        remarks = dict.fromkeys(chain.from_iterable(call.remarks for call in calls))
        if cut_off:
            remarks[f"{cut_off} of {self.calls} answers reached the limit of their length"] = None
        return tuple(remarks)
