"""What a strategy is, and the machinery that the seven share."""

from __future__ import annotations

import dataclasses
import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

from vs_core import parsing
from vs_core.candidates import Candidate, Distribution
from vs_core.display import shorten
from vs_core.errors import ConfigurationError, ParseError
from vs_core.formats.base import CUT_OFF, Format, Shape
from vs_core.messages import Completion, Message, Request, with_instructions
from vs_core.plugins import plugins
from vs_core.probabilities import Definition, definition_of
from vs_core.prompts import DEFAULT_PROMPTS, Prompts

__all__ = ["Flow", "Strategy"]

Flow = Generator[Sequence[Request], Sequence[Completion], Distribution]
"""A strategy at work: yields rounds of independent requests, is sent their completions."""

Rounds = Generator[Sequence[Request], Sequence[Completion], None]
S = TypeVar("S", bound="Strategy")
_log = logging.getLogger("vs_core")


@dataclass(frozen=True, kw_only=True)
class Strategy(ABC):
    """How candidates are asked for. Immutable and picklable; a flow holds all the state.

    Args:
        k: Candidates a call, at least 1.
        n: Candidates in all, at least 1; default: k. ⌈n/k⌉ calls are made.
        threshold: Ask for responses whose probability is below it, on (0, 1]; smaller is more
            diverse (paper: 0.1 is the usual tail setting). None samples the full distribution.
        probability: How probability is defined: ``"implicit"``, ``"explicit"``, ``"relative"``,
            ``"percentage"``, ``"confidence"``, ``"nll"`` or ``"perplexity"``.
        format: Name of a registered format, or a format.
        retries: How often an unreadable, short or invalid answer is asked for again.
        on_unparsed: What becomes of a call whose answer holds no distribution after all retries,
            such as a refusal: ``"raise"`` a `ParseError`, or keep it as a ``"single"`` candidate
            with probability None.
        schema: Type of a candidate's ``value``: a pydantic model or anything else that pydantic
            validates. None for plain text.
        prompts: The words; see `vs_core.prompts.Prompts`.

    Raises:
        ConfigurationError: If an option cannot work.

    An option that a strategy has no use for (a threshold for ``direct``) is accepted and has no
    effect, so that strategies can be compared under the same options.
    """

    name: ClassVar[str]

    k: int = 5
    n: int | None = None
    threshold: float | None = None
    probability: str = "explicit"
    format: str | Format = "json"
    retries: int = 1
    on_unparsed: Literal["raise", "single"] = "raise"
    schema: Any = None
    prompts: Prompts = field(default=DEFAULT_PROMPTS, repr=False)

    def __post_init__(self) -> None:
        _require_count("k", self.k, least=1)
        if self.n is not None:
            _require_count("n", self.n, least=1)
        _require_count("retries", self.retries, least=0)
        if self.threshold is not None and not (
            _is_number(self.threshold) and 0 < self.threshold <= 1
        ):
            raise ConfigurationError(
                f"threshold must be over 0 and at most 1, not {self.threshold!r}."
            )
        if self.on_unparsed not in ("raise", "single"):
            raise ConfigurationError(
                f"on_unparsed must be 'raise' or 'single', not {self.on_unparsed!r}."
            )
        definition_of(self.probability)
        plugins.format(self.format)
        if self.schema is not None:
            _adapter(self.schema)

    def replace(self: S, **options: Any) -> S:
        """Return this strategy with some options changed.

        Raises:
            ConfigurationError: If an option is unknown or cannot work.
        """
        try:
            return dataclasses.replace(self, **options)
        except TypeError as error:
            raise ConfigurationError(f"{type(self).__name__}: {error}") from error

    # --- what a strategy says of itself ------------------------------------------------------

    @abstractmethod
    def flow(self, task: Sequence[Message]) -> Flow:
        """Return the flow that answers ``task``: see `vs_core.driver` for what runs it."""

    @abstractmethod
    def instruction(self, k: int) -> str:
        """Return what is asked for, without how it is to be written down; may be empty."""

    def shape(self, k: int) -> Shape | None:
        """Return what an answer with ``k`` candidates holds; None if any text is an answer."""
        return Shape(k=k, definition=self._definition(), schema=self._json_schema())

    def sizes(self) -> list[int]:
        """Return how many candidates each call is asked for; they sum to the number in all."""
        total = self.n or self.k
        full, rest = divmod(total, self.k)
        return [self.k] * full + [rest] * bool(rest)

    # --- shared by the strategies ------------------------------------------------------------

    def _definition(self) -> Definition | None:
        return definition_of(self.probability)

    def _json_schema(self) -> dict[str, Any] | None:
        return None if self.schema is None else _adapter(self.schema).json_schema()

    def _format_instructions(self, k: int) -> str:
        shape = self.shape(k)
        return "" if shape is None else plugins.format(self.format).instructions(shape)

    def _ask(self, task: Sequence[Message], k: int) -> tuple[Message, ...]:
        """Return the messages that ask for ``k`` candidates."""
        parts = (self.instruction(k), self._format_instructions(k))
        text = "\n\n".join(part for part in parts if part)
        return with_instructions(task, text) if text else tuple(task)

    def _read(self, text: str, k: int) -> Distribution:
        """Return what an answer holds; ParseError if that is nothing."""
        shape = self.shape(k)
        if shape is not None:
            return parsing.read(text, shape, self.format)
        if not text.strip():
            raise ParseError("the answer is empty", text)
        return Distribution([text.strip()])

    def _parallel(self, task: Sequence[Message]) -> Flow:
        """Flow of one round of independent calls, and what repairing them takes."""
        session = _Session(self)
        calls = [_Call(self, self._ask(task, size), size) for size in self.sizes()]
        yield from session.collect(calls)
        return session.distribution(calls)

    def _turns(self, task: Sequence[Message]) -> Flow:
        """Flow of one conversation that asks for further candidates turn by turn."""
        session = _Session(self)
        sizes = self.sizes()
        calls = [_Call(self, self._ask(task, sizes[0]), sizes[0])]
        yield from session.collect(calls)
        for size in sizes[1:]:
            if not calls[-1].candidates:  # refused or unreadable: more of the same helps nobody
                break
            calls.append(_Call(self, calls[-1].continued(self._further(size)), size))
            yield from session.collect(calls[-1:])
        return session.distribution(calls)

    def _further(self, k: int) -> str:
        """Return what a further turn says."""
        text = self.prompts.more.format(k=k, sampling=self.prompts.sampling(self.threshold))
        return f"{text}\n\n{self._format_instructions(k)}".rstrip()


class _Call:
    """One conversation with the model, until it has given its k candidates."""

    def __init__(self, strategy: Strategy, messages: tuple[Message, ...], k: int) -> None:
        self.strategy = strategy
        self.messages = messages
        self.k = k
        self.candidates: list[Candidate] = []
        self.invalid: list[Candidate] = []
        self.torn: list[Candidate] = []
        self.reasoning: str | None = None
        self.error: ParseError | None = None
        self._answer = ""
        self._complaint = ""

    @property
    def missing(self) -> int:
        return max(0, self.k - len(self.candidates))

    def request(self, number: int) -> Request:
        """The request for what is missing, as number ``number`` of its flow."""
        if self._complaint:
            self.messages, self._complaint = self.continued(self._complaint), ""
        shape = self.strategy.shape(self.missing)
        format = None if shape is None else plugins.format(self.strategy.format)
        return Request(self.messages, shape, format, number)

    def continued(self, text: str) -> tuple[Message, ...]:
        """The conversation so far, with what the user says next."""
        return (*self.messages, Message("assistant", self._answer), Message("user", text))

    def receive(self, completion: Completion) -> None:
        """Take in an answer; what is good of it stays, what is missing becomes a complaint."""
        self._answer = completion.text
        try:
            answer = self.strategy._read(completion.text, self.missing)
        except ParseError as error:
            self.error = error
            self._complain("unreadable", reason=error.reason)
            return
        self.reasoning = self.reasoning or answer.reasoning
        invalid: list[Candidate] = []
        for candidate in answer:
            if self.k == 1 and answer.reasoning:  # its own, where each call reasons anew
                about = {**candidate.metadata, "reasoning": answer.reasoning}
                candidate = candidate.model_copy(update={"metadata": about})
            if CUT_OFF in candidate.repairs:  # better whole ones; kept in case none come
                self.torn.append(candidate)
                continue
            checked, error_text = _validated(candidate, self.strategy.schema)
            (self.candidates if error_text is None else invalid).append(checked)
        self.invalid += invalid
        if invalid:
            errors = "\n".join(f"- {shorten(item.text)}: {item.repairs[-1]}" for item in invalid)
            self._complain("invalid", errors=errors)
        elif self.missing:
            self._complain("short", given=len(self.candidates))

    def _complain(self, prompt: str, **about: Any) -> None:
        template: str = getattr(self.strategy.prompts, prompt)
        format = self.strategy._format_instructions(self.missing)
        self._complaint = template.format(k=self.missing, format=format, **about).rstrip()

    def finish(self) -> None:
        """Keep an answer that stayed unreadable as one candidate, where that was asked for."""
        text = self.error.text.strip() if self.error else ""
        kept = self.candidates or self.invalid or self.torn
        if text and self.strategy.on_unparsed == "single" and not kept:
            single = Candidate(text=text).repaired("unreadable answer kept whole")
            self.candidates.append(single)
            self.error = None


class _Session:
    """The state of one flow that concerns all its calls."""

    def __init__(self, strategy: Strategy) -> None:
        self.strategy = strategy
        self.calls = 0
        self.usage: Counter[str] = Counter()

    def collect(self, calls: Sequence[_Call]) -> Rounds:
        """Ask for the candidates of ``calls`` in one round, and again for what is missing."""
        pending = list(calls)
        for _ in range(self.strategy.retries + 1):
            completions = yield [
                call.request(self.calls + index) for index, call in enumerate(pending)
            ]
            self.calls += len(pending)
            for call, completion in zip(pending, completions, strict=True):
                self.usage.update(completion.usage)
                call.receive(completion)
            # One call may give more than was asked of it, and so make up for another.
            if sum(len(call.candidates) for call in calls) >= sum(call.k for call in calls):
                break
            pending = [call for call in pending if call.missing]
        for call in calls:
            call.finish()

    def distribution(self, calls: Sequence[_Call]) -> Distribution:
        """Return the candidates of all calls: exactly n, if the model gave as many."""
        total = sum(self.strategy.sizes())
        asked = [call.candidates[: call.k] for call in calls]
        extra = [call.candidates[call.k :] for call in calls]
        worse = [call.invalid + call.torn for call in calls]
        pool = list(chain(*asked, *extra, *worse))
        errors = [call.error for call in calls if call.error and not call.candidates]
        if not pool and errors:
            raise errors[0]
        metadata: dict[str, Any] = {
            "strategy": self.strategy.name,
            "k": self.strategy.k,
            "n": total,
            "calls": self.calls,
            "usage": dict(self.usage),
        }
        if self.strategy.threshold is not None:
            metadata["threshold"] = self.strategy.threshold
        if len(pool) > total:
            metadata["surplus"] = [candidate.model_dump(mode="json") for candidate in pool[total:]]
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
            pool[:total], reasoning="\n\n".join(reasonings) or None, metadata=metadata
        )


# --- typed candidates ------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _cached_adapter(schema: Any) -> TypeAdapter[Any]:
    return TypeAdapter(schema)


def _adapter(schema: Any) -> TypeAdapter[Any]:
    try:
        return _cached_adapter(schema)
    except (PydanticSchemaGenerationError, TypeError) as error:
        raise ConfigurationError(
            f"schema must be a type that pydantic can validate, not {schema!r}: {error}"
        ) from error


def _validated(candidate: Candidate, schema: Any) -> tuple[Candidate, str | None]:
    """Return the candidate with its value validated, or with the error in its repairs."""
    if schema is None:
        return candidate, None
    adapter = _adapter(schema)
    try:
        if candidate.value is not None:
            value = adapter.validate_python(candidate.value)
        else:
            value = _from_text(adapter, candidate.text)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'value'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_context=False)
        )
        text = f"does not fit the schema: {problems}"
        return candidate.repaired(text), text
    return candidate.model_copy(update={"value": value}), None


def _from_text(adapter: TypeAdapter[Any], text: str) -> Any:
    """Validate a text: as JSON, or as a bare string, number or literal."""
    try:
        return adapter.validate_json(text)
    except ValidationError:
        if text.startswith(("{", "[")):
            raise
    return adapter.validate_python(text)


# --- checking options ------------------------------------------------------------------------


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _require_count(name: str, value: Any, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError(
            f"{name} must be a whole number of at least {least}, not {value!r}."
        )
