"""One task of a sampler: what it asks for, its answers, and the prediction that comes of them."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any

import dspy
from dspy.streaming.messages import sync_send_to_stream
from dspy.utils.exceptions import AdapterParseError
from pydantic_core import to_json

from vs_core import Candidate, Completion, Distribution, Message, ParseError, Request
from vs_core.candidates import resampler_of
from vs_core.driver import arun, run
from vs_core.effects import Effect, Effects, aperform, perform
from vs_core.formats.base import format_of
from vs_core.strategies import Flow
from vs_dspy import state as states
from vs_dspy.answers import Attempt, VerbalizedParseError, reading
from vs_dspy.candidates import Candidates
from vs_dspy.demos import DemoWriter
from vs_dspy.prediction import VerbalizedPrediction
from vs_dspy.signatures import AskedSignature, Signature, asked_of, continued, signature_of
from vs_dspy.streaming import CandidateStream

__all__ = ["Choice", "SamplerTask"]

_MOST_CALLS = 10_000
"""Rollout ids of a flow's calls lie this far apart for different rollouts of the whole."""


class Choice:
    """Which candidate to predict, while a program is tried with several.

    The first sampler that is called predicts candidate ``index`` of what it was given the first
    time; what was asked once is not asked again.
    """

    def __init__(self) -> None:
        self.index = 0
        self.known: dict[Any, Distribution] = {}

    @property
    def found(self) -> Distribution:
        """What the first sampler was given."""
        return next(iter(self.known.values()))

    def is_first(self, key: Any) -> bool:
        """Whether a call is that of the first sampler."""
        return key == next(iter(self.known))

    def made(self) -> Any:
        """Run a program under this choice; DSPy hands its settings on to its threads."""
        return dspy.context(verbalized_choice=self)


class SamplerTask:
    """One task of a sampler.

    Args:
        sampler: The `VerbalizedSampler`.
        inputs: What it is called with: the signature's inputs, and options for this task alone.

    Raises:
        ConfigurationError: If an option cannot work.
    """

    def __init__(self, sampler: Any, inputs: dict[str, Any]) -> None:
        self.sampler = sampler
        self.inputs = inputs
        given = inputs.pop("signature", None)
        self.signature: Signature = sampler.signature if given is None else signature_of(given)
        self.demos = inputs.pop("demos", sampler.demos)
        self.config = inputs.pop("config", None) or {}
        options = {}
        if taken := states.OPTIONS & inputs.keys():
            taken -= self.signature.input_fields.keys()
            options = {name: inputs.pop(name) for name in taken}
        drawing = options.pop("resampler", None)
        self.draw = sampler._draw if drawing is None else resampler_of(drawing)
        self.seed = options.pop("seed", sampler.seed)
        self.format = sampler.format
        if (format := options.pop("format", self.format)) is not self.format:
            self.format = format_of(format)
        self.strategy = sampler._with(**options) if options else sampler.strategy
        self.asked = self.first_asked(self.signature, self.strategy, self.format)
        self.settings = dspy.settings.copy()  # looked up many times: at once
        self._choice: Choice | None = self.settings.get("verbalized_choice")
        self._spent: set[str] = set()
        self._outputs: dict[str, dict[str, Any]] = {}  # by the text of the answer

    @staticmethod
    def first_asked(signature: Signature, strategy: Any, format: Any) -> AskedSignature:
        """What the first call asks for."""
        question = strategy.question(strategy.sizes()[0])
        return asked_of(signature, question.what, question.shape, strategy.threshold, format)

    def predict(self) -> Effects[VerbalizedPrediction]:
        """Run the strategy, and predict from what it gave; or from what a `Choice` has of it.

        Raises:
            VerbalizedParseError: If the model gave no distribution, after all retries.
        """
        found = None if self._choice is None else self._choice.known.get(self._key())
        if found is None:
            try:
                found = yield Effect(self._run, self._arun)
            except ParseError as error:
                raise VerbalizedParseError(error.reason, error.text, self.signature) from error
        return self._prediction(found)

    def _run(self) -> Distribution:
        # In a worker of a pool (dspy.Parallel, dspy.Evaluate) its threads are the bound. And a
        # thread of our own could not reach the event loop that DSPy streams to.
        pooled = threading.current_thread().name.startswith("ThreadPoolExecutor")
        threads = 1 if pooled or self.settings.send_stream else int(self.settings.num_threads)
        return run(self._flow(), lambda each: perform(self.complete(each)), max_concurrency=threads)

    def _arun(self) -> Awaitable[Distribution]:
        return arun(
            self._flow(),
            lambda each: aperform(self.complete(each)),
            max_concurrency=self.settings.num_threads,
        )

    def _flow(self) -> Flow:
        """The strategy at work; its form is that of the signature."""
        strategy = reading(self.strategy, self.asked.schema)
        return strategy.flow((Message("user", _written(self.inputs)),))

    # --- one request -------------------------------------------------------------------------

    def complete(self, request: Request) -> Effects[Completion]:
        """One request through ``dspy.Predict``; what its stream lacks is sent behind it."""
        # The adapter writes the inputs. A flow puts its instruction before them, and turns behind.
        said = request.messages
        wording = said[0].text if said[0].role == "system" else ""
        turns = said[2:] if said[0].role == "system" else said[1:]
        asked = asked_of(
            self.signature, wording, request.shape, self.strategy.threshold, self.format
        )
        attempt = Attempt(asked, self.settings)
        if turns and (before := turns[-2].text) in self._spent:
            self._spent.discard(before)  # the adapter has asked again already, as a retry does
            return Completion(before)
        given = self._arguments(asked, request, turns)
        settings, stream = {}, self.settings.send_stream
        if stream is not None:
            settings = self._streamed(attempt, stream, request.call)
        failed = None
        try:
            with attempt.watching(**settings):
                attempt.prediction = yield Effect(
                    lambda: dspy.Predict.forward(self.sampler, **given),
                    lambda: dspy.Predict.aforward(self.sampler, **given),
                )
        except AdapterParseError as error:
            failed = error
        attempt.read(failed)
        self._outputs[attempt.text] = attempt.outputs
        if attempt.asked_twice:
            self._spent.add(attempt.text)
        for item in attempt.unsent():
            yield Effect(partial(sync_send_to_stream, stream, item), partial(stream.send, item))
        return attempt.completion()

    def _streamed(self, attempt: Attempt, stream: Any, call: int) -> dict[str, Any]:
        """Let candidates come in the stream of an attempt; return the settings for that."""
        all_listeners = self.settings.stream_listeners or []
        listeners = [each for each in all_listeners if each.predict is self.sampler]
        if attempt.asked.kind is None or (all_listeners and not listeners):
            return {}
        adapter = self.settings.adapter or dspy.ChatAdapter()
        attempt.stream = CandidateStream(stream, attempt.asked.content, adapter, listeners, call)
        return {"send_stream": attempt.stream}

    def _arguments(
        self, asked: AskedSignature, request: Request, turns: tuple[Message, ...]
    ) -> dict[str, Any]:
        """What the predictor is called with: the inputs, and what keeps this call apart."""
        lm = self.inputs.get("lm") or self.sampler.lm or self.settings.lm
        settings = {**getattr(lm, "kwargs", {}), **self.sampler.config, **self.config}
        config = dict(self.config)
        if settings.get("n") is not None:
            config["n"] = 1  # several candidates are what k asks for; more choices would be lost
        if request.call:
            # DSPy's cache is keyed by the rollout: calls of one flow that ask the same thing must
            # not share an entry, and a repeated run must find its own again.
            rollout = int(settings.get("rollout_id") or 0)
            config["rollout_id"] = rollout * _MOST_CALLS + request.call
            if isinstance(seed := settings.get("seed"), int):  # of the model: it answers alike
                config["seed"] = seed + request.call
        writer = DemoWriter(asked)
        inputs, signature = writer.inputs(self.inputs), asked.signature
        if turns:
            inputs, signature = self._further(asked, inputs, turns)
        return {
            **inputs, "signature": signature, "demos": writer.demos(self.demos), "config": config
        }  # fmt: skip

    def _further(
        self, asked: AskedSignature, inputs: Mapping[str, Any], turns: tuple[Message, ...]
    ) -> tuple[dict[str, Any], Signature]:
        """The inputs and the signature of a further turn: what was said before is history."""
        made = continued(asked)
        fields = {name: inputs[name] for name in asked.inputs if name in inputs}
        earlier = fields.pop(made.history, None)
        turn, messages = dict(fields), list(earlier.messages if earlier else [])
        for answer, request in zip(turns[::2], turns[1::2], strict=True):
            messages.append({**turn, **self._said(asked, answer.text)})
            turn = {made.further: request.text}
        now = {**inputs, made.history: dspy.History(messages=messages), **turn}
        return now, made.signature

    def _said(self, asked: AskedSignature, text: str) -> dict[str, Any]:
        """The output fields of an earlier answer; its text, where it could not be read."""
        outputs = self._outputs.get(text) or {asked.candidates: text}
        if asked.kind is None and asked.candidates in outputs:
            outputs = {asked.names[0]: text}
        missing = dict.fromkeys([asked.reasoning] if asked.reasoning else [], "")
        plain = {
            name: value.serialize_model() if isinstance(value, Candidates) else value
            for name, value in outputs.items()
            if value is not None
        }
        return {**missing, **plain}

    # --- what comes of it --------------------------------------------------------------------

    def _key(self) -> Any:
        return id(self.sampler), repr(sorted(self.inputs.items()))

    def _prediction(self, found: Distribution) -> VerbalizedPrediction:
        """Return the prediction, and leave it in the trace, with all candidates."""
        if self._choice is not None:
            self._choice.known[self._key()] = found
        found = found.seeded(self.seed)
        records = [self._record(candidate, found.reasoning) for candidate in found]
        if self._choice is not None and self._choice.is_first(self._key()):
            drawn = min(self._choice.index, len(found) - 1)
        else:
            (drawn,) = self.draw(found, 1, found.rng())
        made = VerbalizedPrediction.drawn_from(found, records, drawn, self.signature)
        if self.settings.trace is not None and self.settings.max_trace_size > 0:
            self._leave_trace(made, self.settings.trace)
        return made

    def _record(self, candidate: Candidate, reasoning: str | None) -> dict[str, Any]:
        """A candidate as the user's output fields; its probability and its reasoning first.

        The last field stays the user's: ``dspy.majority`` counts that.
        """
        before = {self.asked.probability: candidate.probability}
        own = candidate.metadata.get("reasoning", reasoning)
        if self.asked.reasoning is not None and own is not None:
            before[self.asked.reasoning] = own
        return {**before, **self.asked.content.record(candidate)}

    def _leave_trace(self, made: VerbalizedPrediction, trace: list[Any]) -> None:
        """Leave to the optimizers the prediction with all its candidates, which make a good demo.

        They stand in a field of their own, as plain data.
        """
        while len(trace) >= self.settings.max_trace_size:
            trace.pop(0)
        kept = made
        if self.asked.kind is not None:
            plain = [self.asked.content.plain(candidate) for candidate in made.distribution]
            kept = made.copy(**{self.asked.candidates: plain})
        inputs = {name: value for name, value in self.inputs.items() if name != "lm"}
        trace.append((self.sampler, inputs, kept))


def _written(inputs: Mapping[str, Any]) -> str:
    """The inputs as a text, which tells one task from another."""
    (only, *others) = inputs.values() or [""]
    if isinstance(only, str) and not others:
        return only
    return to_json(inputs, fallback=str, serialize_unknown=True).decode()
