"""What a check asks a model, and what one answer shows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any, Literal

from vs_core.candidates import Candidate, Distribution, plain_text
from vs_core.display import shorten
from vs_core.driver import run, stream
from vs_core.errors import ModelError, ParseError
from vs_core.messages import Completion, Message, Request, as_completion, as_messages
from vs_core.strategies import Flow, Strategy
from vs_core.strategies.pump import Pump

__all__ = ["Mode", "Outcome", "Probe", "ProbeResult", "asked"]

Mode = Literal["whole", "stream", "schema", "schema alone"]
"""How an answer is had: as a whole; in pieces; with the schema of the answer as the API's
``response_format``; and that without a word on how to write it."""

Outcome = Literal["exact", "repaired", "unreadable", "failed"]
"""How an answer was read: as it stands; with repairs, of which nothing is lost; not at all. Or
there is none."""


@dataclass(frozen=True)
class Probe:
    """One thing to ask.

    Args:
        name: Of what it shows, such as ``"format"``.
        strategy: How it is asked; nothing is asked again.
        prompt: The task.
        mode: How the answer is had.
    """

    name: str
    strategy: Strategy
    prompt: str
    mode: Mode = "whole"

    def flow(self) -> Flow:
        """The flow that asks it."""
        task = as_messages(self.prompt)
        return self._unsaid(task) if self.mode == "schema alone" else self.strategy.flow(task)

    def _unsaid(self, task: Sequence[Message]) -> Flow:
        """One call of which the schema alone says what is wanted."""
        k = self.strategy.k
        question = self.strategy.question(k)
        (completion,) = yield [Request(tuple(task), question.shape, question.format)]
        found = self.strategy.read(completion.text, k)
        return found.model_copy(update={"completions": (completion.bare(),)})


@dataclass(frozen=True)
class ProbeResult:
    """What came of a probe.

    Args:
        probe: Its name.
        strategy: The strategy's.
        format: The format's.
        mode: See `Probe`.
        prompt: The task.
        k: Candidates asked for, in all.
        outcome: How the answers were read.
        as_asked: Whether all answers are in the format that was asked for: others are read too.
        given: Candidates that came.
        distinct: Different ones among them, without regard to case and white space.
        stated: Those with a probability.
        masses: What the probabilities of each call sum to.
        under: Share of the probabilities below the threshold; None where there is none.
        even: Whether all stated probabilities are the same.
        repairs: What was mended, each once.
        error: Why there is no answer, or it cannot be read.
        seconds: From the question to the end of the answer.
        first: Seconds to the first candidate of a stream.
        pieces: In how many pieces a stream came.
        usage: Tokens, where the endpoint says so.
        thoughts: Where the model's thoughts stand, if it thinks: ``"apart"``, or in the
            ``"answer"``.
        cut_off: Answers that reached the limit of their length.
        models: The names that the answers gave.
        completions: The answers.
        read: What was read of them.
    """

    probe: str
    strategy: str
    format: str
    mode: Mode
    prompt: str
    k: int
    outcome: Outcome
    as_asked: bool = True
    given: int = 0
    distinct: int = 0
    stated: int = 0
    masses: tuple[float, ...] = ()
    under: float | None = None
    even: bool = False
    repairs: tuple[str, ...] = ()
    error: str = ""
    seconds: float = 0.0
    first: float | None = None
    pieces: int = 0
    usage: dict[str, int] = field(default_factory=dict)
    thoughts: Literal["apart", "answer"] | None = None
    cut_off: int = 0
    models: tuple[str, ...] = ()
    completions: tuple[Completion, ...] = field(default=(), repr=False)
    read: Distribution | None = field(default=None, repr=False)

    @property
    def readable(self) -> bool:
        """Whether it was read, with or without repairs."""
        return self.outcome in ("exact", "repaired")

    @property
    def kept(self) -> bool:
        """Whether as many came as were asked for."""
        return self.readable and self.given == self.k

    @property
    def useful(self) -> int:
        """Different candidates that were given: answers that a user has something of."""
        return min(self.distinct, self.k)

    def as_dict(self) -> dict[str, Any]:
        """As JSON can write it, without the answers."""
        data = asdict(self)
        del data["completions"], data["read"]
        return data


def asked(
    probe: Probe,
    complete: Callable[[Request], Completion | str],
    pieces: Callable[[Request], Iterator[str | Completion]] | None = None,
) -> ProbeResult:
    """Ask a probe and return what came of it.

    Args:
        probe: What to ask.
        complete: The model.
        pieces: The same piece by piece; needed for a probe that streams.

    A failed call is a result like any other, with its error.
    """
    watch = _StreamWatch()
    pump = Pump(probe.flow())
    begin = time.perf_counter()
    error: Exception | None = None
    found: Distribution | None = None
    try:
        if probe.mode == "stream":
            assert pieces is not None  # noqa: S101
            found = watch.streamed(pump.flow(), pieces)
        else:
            found = run(pump.flow(), complete, max_concurrency=1)
    except (ModelError, ParseError) as caught:
        error = caught
    seconds = time.perf_counter() - begin
    completions = tuple(completion.bare() for completion in pump.completions)
    return ProbeResult(
        probe.name,
        probe.strategy.name,
        _written_as(probe),
        probe.mode,
        probe.prompt,
        sum(probe.strategy.sizes()),
        _outcome(found, error),
        _as_asked(probe, completions),
        error="" if error is None else _said(error),
        seconds=seconds,
        first=watch.first,
        pieces=watch.pieces,
        usage=pump.usage,
        cut_off=sum(completion.cut_off for completion in completions),
        models=tuple(dict.fromkeys(c.model for c in completions if c.model)),
        completions=completions,
        read=found,
        **(_shown(found, probe) if found is not None else {}),
    )


def _written_as(probe: Probe) -> str:
    """The format that is asked for; where any text is an answer there is none."""
    question = probe.strategy.question(probe.strategy.k)
    return question.format.name if question.format is not None else ""


def _as_asked(probe: Probe, completions: Sequence[Completion]) -> bool:
    question = probe.strategy.question(probe.strategy.k)
    if question.format is None or question.shape is None:
        return True
    texts = [completion.text for completion in completions]
    return all(question.format.read(text, question.shape) is not None for text in texts)


def _outcome(found: Distribution | None, error: Exception | None) -> Outcome:
    if found is None:
        return "unreadable" if isinstance(error, ParseError) else "failed"
    return "repaired" if _repairs(found) else "exact"


def _repairs(found: Distribution) -> tuple[str, ...]:
    """What was mended in reading; that weights had to be made up is told by what was stated."""
    each = chain.from_iterable(candidate.repairs for candidate in found)
    return tuple(dict.fromkeys((*found.remarks, *each)))


def _said(error: Exception) -> str:
    """Why an answer cannot be read, or there is none."""
    if isinstance(error, ParseError):
        return error.reason
    _, _, why = str(error).partition(" failed: ")  # which model and where stands above it
    return shorten(why or str(error), 300)


def _shown(found: Distribution, probe: Probe) -> dict[str, Any]:
    """What the candidates of an answer show, those among them that were not asked for."""
    surplus = found.metadata.get("surplus", ())
    given: list[Candidate] = [*found, *map(Candidate.model_validate, surplus)]
    stated = [c.probability for c in given if c.probability is not None]
    calls: dict[int | None, list[float]] = {}
    for candidate in given:
        if candidate.probability is not None:
            calls.setdefault(candidate.call, []).append(candidate.probability)
    threshold = probe.strategy.threshold
    question = probe.strategy.question(probe.strategy.k)
    reasons = question.shape is not None and question.shape.reasoning
    apart = any(completion.reasoning for completion in found.completions)
    within = bool(found.reasoning) and not reasons
    return {
        "given": len(given),
        "distinct": len({plain_text(candidate) for candidate in given}),
        "stated": len(stated),
        "masses": tuple(round(math.fsum(each), 6) for each in calls.values()),
        "under": _share(stated, threshold),
        "even": len(stated) > 2 and len(set(stated)) == 1,
        "repairs": _repairs(found),
        "thoughts": "apart" if apart else "answer" if within else None,
    }


def _share(stated: Sequence[float], threshold: float | None) -> float | None:
    """How many of the probabilities are under a threshold."""
    if threshold is None or not stated:
        return None
    return sum(p < threshold for p in stated) / len(stated)


class _StreamWatch:
    """When the pieces of a stream come."""

    def __init__(self) -> None:
        self.first: float | None = None
        self.pieces = 0

    def streamed(
        self, flow: Flow, pieces: Callable[[Request], Iterator[str | Completion]]
    ) -> Distribution:
        begin = time.perf_counter()

        def counted(request: Request) -> Iterator[str | Completion]:
            for piece in pieces(request):
                self.pieces += bool(as_completion(piece).text)
                yield piece

        found = Distribution()
        with closing(stream(flow, counted, max_concurrency=1)) as events:
            for event in events:
                if isinstance(event, Distribution):
                    found = event
                elif self.first is None:
                    self.first = time.perf_counter() - begin
        return found
