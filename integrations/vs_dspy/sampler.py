"""`VerbalizedSampler`: a module that asks for a distribution where ``dspy.Predict`` asks once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import dspy
from dspy.adapters.chat_adapter import ChatAdapter
from dspy.utils.exceptions import AdapterParseError

from vs_core import Candidate, Completion, ConfigurationError, Distribution, Message, Request
from vs_core.driver import arun, run
from vs_core.plugins import plugins
from vs_core.prompts import Prompts
from vs_core.strategies import Flow, Strategy
from vs_dspy.demos import DemoWriter
from vs_dspy.reading import Attempt, SignatureFormat
from vs_dspy.signatures import (
    CANDIDATES,
    REASONING,
    Signature,
    check_signature,
    schema_of,
    signature_of,
    verbalized,
)
from vs_dspy.streaming import CandidateStream

__all__ = ["VerbalizedPrediction", "VerbalizedSampler"]

_TASK = (Message("user", "the fields of the signature"),)
"""Stands for what the adapter makes of the inputs: a flow only adds turns after it."""

_MOST_CALLS = 10_000
"""Rollout ids of a flow's calls lie this far apart for different rollouts of the whole."""

_FRESH = random.Random()
"""Draws where no seed is given: to seed one for each call takes longer than to draw."""


class VerbalizedPrediction(dspy.Prediction):
    """A prediction with the fields of the drawn candidate.

    ``completions`` holds the fields of all candidates, in DSPy's own form.
    """

    _distribution: Distribution

    @classmethod
    def drawn_from(
        cls, distribution: Distribution, records: list[dict[str, Any]], drawn: int
    ) -> VerbalizedPrediction:
        """Return the prediction of candidate ``drawn``; ``records`` are the fields of all."""
        prediction: VerbalizedPrediction = cls.from_completions(records)
        prediction._store = dict(records[drawn])
        prediction._distribution = distribution
        return prediction

    @property
    def distribution(self) -> Distribution:
        """All candidates with their probabilities."""
        return self._distribution

    def copy(self, **fields: Any) -> VerbalizedPrediction:
        """Return a copy with some fields changed, of the same distribution."""
        copied: VerbalizedPrediction = super().copy(**fields)
        copied._completions, copied._distribution = self._completions, self._distribution
        return copied


class VerbalizedSampler(dspy.Module):
    """Ask for k candidates with their probabilities in one call, and predict one of them.

    It stands where ``dspy.Predict`` stood: the prediction has the fields of the drawn candidate,
    ``prediction.completions`` those of all, and ``prediction.distribution`` the distribution.

    The inner predictor's instructions hold the request to verbalize, open to every optimizer; what
    the answer must hold stands in the type and description of its output field, which they leave
    alone. Calls go through that predictor and its adapter, so caching, history, usage tracking and
    callbacks work as for ``dspy.Predict``.

    Args:
        signature: The task: a string such as ``"topic -> joke"`` or a signature class.
        k: Candidates a call.
        strategy: A registered name or a strategy of `vs_core`.
        n: Candidates in all; default: k.
        threshold: Ask for responses whose probability is below it, on (0, 1].
        resampler: How one is drawn; a registered name or a function. See `vs_core.resampling`.
        seed: Makes drawing reproducible.
        format: None asks in the adapter's own typed form; the name of a format of the core
            (``"json"``, ``"tags"``, ``"lines"``) asks for text in that.
        probability: How probability is defined; see `vs_core.strategies.Strategy`.
        retries: How often an unreadable, short or invalid answer is asked for again.
        on_unparsed: ``"raise"``, or ``"single"`` to keep an unreadable answer as one candidate.
        prompts: The words; see `vs_core.prompts.Prompts`.
        **config: Passed to the language model, as ``dspy.Predict`` does: ``temperature``, ….

    Raises:
        ConfigurationError: If an option cannot work; if the signature cannot be read (a field of
            an unknown type, for example), has no output field, or has a field with a name of ours:
            ``candidates``, ``probability``, ``reasoning`` (where they are used), and as an output
            ``completions`` or ``distribution``.
    """

    def __init__(
        self,
        signature: str | Signature,
        k: int | None = None,
        strategy: str | Strategy = "vs_standard",
        n: int | None = None,
        threshold: float | None = None,
        resampler: Any = "proportional",
        seed: int | None = None,
        format: str | None = None,
        probability: str | None = None,
        retries: int | None = None,
        on_unparsed: str | None = None,
        prompts: Prompts | None = None,
        **config: Any,
    ) -> None:
        super().__init__()
        given = {
            "k": k, "n": n, "threshold": threshold, "probability": probability,
            "retries": retries, "on_unparsed": on_unparsed, "prompts": prompts, "format": format,
        }  # fmt: skip
        options = {name: value for name, value in given.items() if value is not None}
        self.signature = signature_of(signature)
        self.strategy = _typed(plugins.strategy(strategy, **options), self.signature)
        self.format = None if format is None else plugins.format(format)
        self.resampler = resampler
        self._draw = plugins.resampler(resampler)
        self.seed = seed
        self._check()
        # Its words and its format are left to the signature.
        self._silent = self.strategy.replace(prompts=_without_words(self.strategy.prompts))
        self._fields = list(self.signature.output_fields)
        self.predict = dspy.Predict(self._asking(self._k), **config)
        self._writer = self._demo_writer()
        self._plain = self.strategy.shape(self._k) is None

    def _check(self) -> None:
        shape = self.strategy.shape(self._k)
        reserved = [] if shape is None else [CANDIDATES]
        if shape and shape.definition:
            reserved.append(shape.definition.key)
        if shape and shape.reasoning:
            reserved.append(REASONING)
        check_signature(self.signature, tuple(reserved))

    @property
    def _k(self) -> int:
        return self.strategy.sizes()[0]

    # What a program may set on its ``dspy.Predict`` is that of the predictor.

    @property
    def demos(self) -> list[Any]:
        """Demos of the predictor."""
        demos: list[Any] = self.predict.demos
        return demos

    @demos.setter
    def demos(self, demos: list[Any]) -> None:
        self.predict.demos = demos

    @property
    def lm(self) -> Any:
        """Language model of the predictor; None takes that of the settings."""
        return self.predict.lm

    @lm.setter
    def lm(self, lm: Any) -> None:
        self.predict.lm = lm

    @property
    def config(self) -> dict[str, Any]:
        """Settings of the language model, for each call."""
        config: dict[str, Any] = self.predict.config
        return config

    @config.setter
    def config(self, config: dict[str, Any]) -> None:
        self.predict.config = config

    # --- running -----------------------------------------------------------------------------

    def forward(self, **inputs: Any) -> VerbalizedPrediction:
        """Predict from the signature's inputs.

        Raises:
            ParseError: If the model gave no distribution, after all retries.
        """
        reader = self._reader()
        traces: list[list[Any]] = []

        def complete(request: Request) -> Completion:
            attempt, settings = self._attempt(reader, request, traces)
            with dspy.context(**settings), suppress(AdapterParseError):
                self.predict(**self._arguments(request, inputs))
            return Completion(attempt.text)

        # A thread of our own could not reach the event loop that DSPy streams to.
        threads = 1 if dspy.settings.send_stream else dspy.settings.num_threads
        distribution = run(self._flow(reader), complete, max_concurrency=threads)
        self._leave_trace(traces)
        return self._prediction(distribution, reader)

    async def aforward(self, **inputs: Any) -> VerbalizedPrediction:
        """Predict without blocking; see `forward`."""
        reader = self._reader()
        traces: list[list[Any]] = []

        async def complete(request: Request) -> Completion:
            attempt, settings = self._attempt(reader, request, traces)
            with dspy.context(**settings), suppress(AdapterParseError):
                await self.predict.acall(**self._arguments(request, inputs))
            return Completion(attempt.text)

        threads = dspy.settings.num_threads
        distribution = await arun(self._flow(reader), complete, max_concurrency=threads)
        self._leave_trace(traces)
        return self._prediction(distribution, reader)

    def _reader(self) -> SignatureFormat:
        adapter = dspy.settings.adapter or ChatAdapter()
        return SignatureFormat(adapter, self.predict.signature, self._fields, self.format)

    def _demo_writer(self) -> DemoWriter | None:
        """What writes demos as candidates; None where one plain answer is asked for."""
        shape = self.strategy.shape(self._k)
        if shape is None or CANDIDATES not in self.predict.signature.output_fields:
            return None
        return DemoWriter(self.signature, shape, self.strategy.threshold, self.format)

    def _attempt(
        self, reader: SignatureFormat, request: Request, traces: list[list[Any]]
    ) -> tuple[Attempt, dict[str, Any]]:
        """One call in the making, and the settings that it is made under."""
        attempt = reader.attempt(request.messages[len(_TASK) :], request.shape)
        settings: dict[str, Any] = {"adapter": attempt.adapter}
        if dspy.settings.trace is not None:
            settings["trace"] = []
            traces.append(settings["trace"])
        stream = dspy.settings.send_stream
        if stream is not None and request.shape is not None:
            settings["send_stream"] = CandidateStream(stream, request, self.strategy.schema)
        return attempt, settings

    def _leave_trace(self, traces: Sequence[Sequence[Any]]) -> None:
        """Leave to the optimizers the calls that make good demos: the whole ones, if there are any.

        An answer that could not be read, or that was asked for what was missing, would teach the
        model to answer like that.
        """
        steps = [step for trace in traces for step in trace]
        readable = [step for step in steps if all(v is not None for v in step[2].values())]
        whole = [step for step in readable if _size(step[2]) in (None, self._k)]
        trace = dspy.settings.trace
        for step in whole or readable[-1:] or steps[-1:]:
            while len(trace) >= max(1, dspy.settings.max_trace_size):
                trace.pop(0)
            trace.append(step)

    def _flow(self, reader: SignatureFormat) -> Flow:
        """The strategy at work."""
        return self._silent.replace(format=reader).flow(_TASK)

    def _arguments(self, request: Request, inputs: dict[str, Any]) -> dict[str, Any]:
        """What the predictor is called with: the inputs, and what keeps this call apart."""
        arguments = dict(inputs)
        config = dict(arguments.pop("config", None) or {})
        if self._setting("n", config) is not None:
            config["n"] = 1  # several candidates are what k asks for; more choices would be lost
        if request.call:
            # DSPy's cache is keyed by the rollout: calls of one flow that ask the same thing must
            # not share an entry, and a repeated run must find its own again.
            config["rollout_id"] = self._rollout(config) * _MOST_CALLS + request.call
        if self._writer is not None:
            demos = arguments.pop("demos", self.predict.demos)
            arguments = {**self._writer.inputs(arguments), "demos": self._writer.demos(demos)}
        if request.shape is not None and request.shape.k != self._k:
            arguments["signature"] = self._for(request.shape.k)
        return {**arguments, "config": config}

    def _rollout(self, config: dict[str, Any]) -> int:
        return int(self._setting("rollout_id", config) or 0)

    def _setting(self, name: str, config: dict[str, Any]) -> Any:
        """A setting of the language model, as a call with this config has it."""
        lm = self.predict.lm or dspy.settings.lm
        return {**getattr(lm, "kwargs", {}), **self.predict.config, **config}.get(name)

    def _for(self, k: int) -> Signature:
        """The predictor's signature as it is now, optimized or not, asking for ``k``."""
        now = self.predict.signature.instructions
        ours, theirs = self.strategy.instruction(self._k), self.strategy.instruction(k)
        return self._asking(k).with_instructions(now.replace(ours, theirs) if ours else now)

    def _asking(self, k: int) -> Signature:
        return verbalized(self.signature, self.strategy, k, self.format)

    def _prediction(
        self, distribution: Distribution, reader: SignatureFormat
    ) -> VerbalizedPrediction:
        if self._plain:  # the answers are those of the user's signature
            distribution = distribution.map(lambda candidate: _plain(candidate, reader))
        distribution = distribution.seeded(self.seed)
        fields, reasoning = self._fields, distribution.reasoning
        typed = self._plain or self.strategy.schema is not None
        records = [_record(candidate, fields, reasoning, typed) for candidate in distribution]
        rng = _FRESH if self.seed is None else random.Random(self.seed)
        (drawn,) = self._draw(distribution, 1, rng)
        return VerbalizedPrediction.drawn_from(distribution, records, drawn)


def _without_words(prompts: Prompts) -> Prompts:
    """Prompts without the instruction of any strategy; what asks again stays."""
    return prompts.replace(verbalize="", sequence="", reason="", reason_once="")


def _record(
    candidate: Candidate, fields: Sequence[str], reasoning: str | None, typed: bool
) -> dict[str, Any]:
    """A candidate as the user's output fields."""
    if len(fields) > 1:
        value = candidate.value or {}
        said = value if isinstance(value, dict) else vars(value)
        record = {name: said.get(name) for name in fields}
    else:
        record = {fields[0]: candidate.value if typed and _fits(candidate) else candidate.text}
    own = candidate.metadata.get(REASONING, reasoning)
    return record if own is None else {REASONING: own, **record}


def _size(prediction: dspy.Prediction) -> int | None:
    """How many candidates an answer of the predictor has; None if they are no list."""
    candidates = prediction.get(CANDIDATES)
    return len(candidates) if isinstance(candidates, list) else None


def _fits(candidate: Candidate) -> bool:
    """Whether a typed candidate's value is what was asked for; it may be None and so asked for."""
    return candidate.value is not None or candidate.text in ("null", "None")


def _typed(strategy: Strategy, signature: Signature) -> Strategy:
    """The strategy with the signature's output fields as its schema."""
    if strategy.schema is not None:
        raise ConfigurationError("In DSPy the signature is the schema: type its output fields.")
    if strategy.shape(1) is None or not signature.output_fields:
        return strategy  # where any text is an answer, the adapter sees to the types
    return strategy.replace(schema=schema_of(signature))


def _plain(candidate: Candidate, reader: SignatureFormat) -> Candidate:
    """Give the candidate of a plain answer the content of its fields."""
    entry = reader.plain(candidate.text)
    return candidate.model_copy(update={"text": entry.text, "value": entry.value})
