"""`VerbalizedSampler`: a ``dspy.Predict`` that asks for a distribution, and predicts from it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import dspy
from dspy.streaming.messages import sync_send_to_stream
from pydantic_core import to_json

from vs_core import Candidate, Completion, ConfigurationError, Distribution, Message, ParseError
from vs_core import Request as Asking
from vs_core.candidates import resampler_of
from vs_core.driver import arun, run
from vs_core.effects import Effect, Effects, aperform, perform
from vs_core.formats import Format
from vs_core.formats.base import format_of
from vs_core.profiles import ProfileLike
from vs_core.prompts import Prompts
from vs_core.strategies import Flow, Strategy
from vs_core.strategies.base import strategy_of
from vs_dspy import state as states
from vs_dspy.answers import Attempt, Reader, VerbalizedParseError, reading
from vs_dspy.candidates import Candidates
from vs_dspy.demos import DemoWriter
from vs_dspy.signatures import AskedSignature, Signature, asked_of, continued, signature_of
from vs_dspy.streaming import CandidateStream

__all__ = ["Choice", "VerbalizedPrediction", "VerbalizedSampler", "choosing"]

_MOST_CALLS = 10_000
"""Rollout ids of a flow's calls lie this far apart for different rollouts of the whole."""


class VerbalizedPrediction(dspy.Prediction):
    """A prediction with the fields of the drawn candidate, and its probability.

    ``completions`` holds the same of all candidates, in DSPy's own form.
    """

    _distribution: Distribution

    @classmethod
    def drawn_from(
        cls,
        distribution: Distribution,
        records: list[dict[str, Any]],
        drawn: int,
        signature: Any = None,
    ) -> VerbalizedPrediction:
        """Return the prediction of candidate ``drawn``; ``records`` are the fields of all."""
        prediction: VerbalizedPrediction = cls.from_completions(records, signature=signature)
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


def _option(name: str, about: str) -> Any:
    """A property that reads and sets an option of the strategy."""

    def get(self: VerbalizedSampler) -> Any:
        return getattr(self.strategy, name)

    def set(self: VerbalizedSampler, value: Any) -> None:
        self.strategy = self.strategy.replace(**{name: value})

    return property(get, set, doc=about)


class VerbalizedSampler(dspy.Predict):
    """Ask for k candidates with their probabilities in one call, and predict one of them.

    It is a ``dspy.Predict``: the signature, the demos, the language model and its settings are the
    user's, to set, optimize, save and load. What a call asks for is made from them then: the field
    of `Candidates` in the place of the output fields holds all that has to be said of a
    distribution. The user's adapter is called as it is.

    Args:
        signature: The task: a string such as ``"topic -> joke"`` or a signature class.
        k: Candidates a call.
        strategy: A registered name or a strategy of `vs_core`.
        n: Candidates in all; default: k. ``"auto"`` asks while that brings anything new.
        threshold: Ask for responses whose probability is below it, on (0, 1].
        resampler: How one is drawn; a registered name or a function. See `vs_core.resampling`.
        seed: Makes drawing reproducible.
        format: None asks in the adapter's own typed form; the name of a format of the core
            (``"json"``, ``"tags"``, ``"lines"``) asks for text in that.
        probability: How probability is defined; see `vs_core.strategies.Strategy`.
        retries: How often an unreadable, short or invalid answer is asked for again.
        on_unparsed: ``"raise"``, or ``"single"`` to keep an unreadable answer as one candidate.
        on_failure: ``"raise"``, or ``"keep"`` to go on with what the other calls gave where one
            fails for good; ``distribution.metadata["failed"]`` says what failed.
        strict: Whether an answer is unreadable that had to be repaired in a way that could have
            changed a text or a number.
        prompts: The words; see `vs_core.prompts.Prompts`.
        profile: Has the options that are not given; see `vs_core.profiles`. How answers are written
            is the adapter's matter, so its ``format`` is left out.
        budget: With ``n="auto"``, most calls.
        **config: Passed to the language model, as ``dspy.Predict`` does: ``temperature``, ….

    The options can be set later (``sampler.k = 3``), and given to a single call
    (``sampler(topic="tea", k=3)``), beside ``signature=``, ``demos=``, ``config=`` and ``lm=``.

    Raises:
        ConfigurationError: If an option cannot work, or the signature cannot be read (a field of
            an unknown type, for example), has no output field, or one named ``completions`` or
            ``distribution``.
    """

    def __init__(
        self,
        signature: str | Signature,
        k: int | None = None,
        strategy: str | Strategy | None = None,
        n: int | Literal["auto"] | None = None,
        threshold: float | None = None,
        resampler: Any = "proportional",
        seed: int | None = None,
        format: str | Format | None = None,
        probability: str | None = None,
        retries: int | None = None,
        on_unparsed: str | None = None,
        on_failure: str | None = None,
        prompts: Prompts | None = None,
        profile: ProfileLike | None = None,
        budget: int | None = None,
        strict: bool | None = None,
        **config: Any,
    ) -> None:
        super().__init__(signature_of(signature), **config)
        given = {
            "k": k, "n": n, "threshold": threshold, "probability": probability,
            "retries": retries, "on_unparsed": on_unparsed, "on_failure": on_failure,
            "prompts": prompts, "profile": profile, "budget": budget,
            "strict": strict,
        }  # fmt: skip
        options: dict[str, Any] = {n: value for n, value in given.items() if value is not None}
        self._strategy = _untyped(strategy_of(strategy, **options))
        self.format = None if format is None else format_of(format)
        self.resampler = resampler
        self.seed = seed
        self._asked(self.signature, self._strategy)

    # --- options -----------------------------------------------------------------------------

    @property
    def strategy(self) -> Strategy:
        """How candidates are asked for; set by a registered name or a strategy."""
        return self._strategy

    @strategy.setter
    def strategy(self, strategy: str | Strategy) -> None:
        options = {} if not isinstance(strategy, str) else states.shared(self._strategy)
        self._strategy = _untyped(strategy_of(strategy, **options))

    @property
    def resampler(self) -> Any:
        """How one candidate is drawn: a registered name or a function."""
        return self._resampler

    @resampler.setter
    def resampler(self, resampler: Any) -> None:
        self._draw, self._resampler = resampler_of(resampler), resampler

    k = _option("k", "Candidates a call.")
    n = _option("n", "Candidates in all; None for k.")
    threshold = _option("threshold", "Below which each probability is asked to be, on (0, 1].")
    probability = _option("probability", "How probability is defined.")
    retries = _option("retries", "How often an answer is asked for again.")
    on_unparsed = _option("on_unparsed", "What becomes of an unreadable answer.")
    on_failure = _option("on_failure", "What becomes of a call that fails for good.")
    strict = _option("strict", "Whether repairs that may have changed an answer are refused.")
    prompts = _option("prompts", "The words.")
    budget = _option("budget", "Most calls, with n='auto'.")

    @property
    def predict(self) -> VerbalizedSampler:
        """The predictor, which is the sampler itself."""
        return self

    @property
    def options(self) -> dict[str, Any]:
        """The options as another sampler takes them: strategy, k, n, threshold, ….

        They are also what a saved state holds of them.
        """
        return states.options(self)

    @property
    def verbalized_signature(self) -> Signature:
        """The signature that the adapter is called with: what is asked for now."""
        return self._asked(self.signature, self.strategy).signature

    def _asked(self, signature: Signature, strategy: Strategy) -> AskedSignature:
        """What the first call asks for."""
        k = strategy.sizes()[0]
        return self._ask(signature, strategy.instruction(k), strategy.shape(k), strategy)

    def _ask(
        self, signature: Signature, wording: str, shape: Any, strategy: Strategy
    ) -> AskedSignature:
        shape = None if shape is None else replace(shape, schema=None)  # the signature has types
        return asked_of(signature, wording, shape, strategy.threshold, self.format)

    # --- state -------------------------------------------------------------------------------

    def dump_state(self, json_mode: bool = True) -> dict[str, Any]:
        """Return the state of ``dspy.Predict`` and the options."""
        state = super().dump_state(json_mode)
        return {**state, states.KEY: {"version": states.VERSION, **states.saved(self)}}

    def load_state(self, state: dict[str, Any], **options: Any) -> VerbalizedSampler:
        """Take the optimizer's part of a state: the instruction, the demos, the language model.

        The options stay those of this sampler. The state may be that of a ``dspy.Predict`` or a
        ``dspy.ChainOfThought`` of the same signature.

        Raises:
            ConfigurationError: If the state is that of something else; the message says why.
        """
        super().load_state(states.converted(state, self.signature), **options)
        return self

    # --- running -----------------------------------------------------------------------------

    def forward(self, **inputs: Any) -> VerbalizedPrediction:
        """Predict from the signature's inputs.

        Raises:
            VerbalizedParseError: If the model gave no distribution, after all retries.
            ConfigurationError: If an option cannot work.
        """
        task = _Task(self, inputs)

        def complete(request: Asking) -> Completion:
            return perform(self._complete(task, request))

        with task.failing():
            found = task.known() or run(task.flow(), complete, max_concurrency=_threads())
        return task.prediction(found)

    async def aforward(self, **inputs: Any) -> VerbalizedPrediction:
        """Predict without blocking; see `forward`."""
        task = _Task(self, inputs)

        async def complete(request: Asking) -> Completion:
            return await aperform(self._complete(task, request))

        threads = dspy.settings.num_threads
        with task.failing():
            found = task.known() or await arun(task.flow(), complete, max_concurrency=threads)
        return task.prediction(found)

    def _complete(self, task: _Task, request: Asking) -> Effects[Completion]:
        """One request through ``dspy.Predict``; what its stream lacks is sent behind it."""
        with task.attempt(request) as attempt:
            if (given := attempt.arguments) is not None:
                attempt.prediction = yield Effect(
                    lambda: dspy.Predict.forward(self, **given),
                    lambda: dspy.Predict.aforward(self, **given),
                )
        stream = dspy.settings.send_stream
        for item in attempt.unsent():
            yield Effect(partial(sync_send_to_stream, stream, item), partial(stream.send, item))
        return attempt.completion()

    def batch(self, examples: Any, num_threads: int | None = None, **options: Any) -> Any:
        """Predict for many examples; ``num_threads`` bounds all calls together."""
        threads = num_threads or dspy.settings.num_threads
        with dspy.context(num_threads=1):
            return super().batch(examples, num_threads=threads, **options)


def _threads() -> int:
    """Most calls at once: one in a worker of a pool (``dspy.Parallel``, ``dspy.Evaluate``).

    There the threads of the pool are the bound. And a thread of our own could not reach the event
    loop that DSPy streams to.
    """
    pooled = threading.current_thread().name.startswith("ThreadPoolExecutor")
    return 1 if pooled or dspy.settings.send_stream else int(dspy.settings.num_threads)


def _untyped(strategy: Strategy) -> Strategy:
    if strategy.schema is not None:
        raise ConfigurationError("In DSPy the signature is the schema: type its output fields.")
    return strategy


def _written(inputs: Mapping[str, Any]) -> str:
    """The inputs as a text, which tells one task from another."""
    (only, *others) = inputs.values() or [""]
    if isinstance(only, str) and not others:
        return only
    return to_json(inputs, fallback=str, serialize_unknown=True).decode()


# --- one task ------------------------------------------------------------------------------------


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


def choosing(choice: Choice) -> Any:
    """Run a program under a choice; DSPy hands its settings on to its threads."""
    return dspy.context(verbalized_choice=choice)


def _choice() -> Choice | None:
    choice: Choice | None = dspy.settings.get("verbalized_choice")
    return choice


class _Task:
    """One call of a sampler: what it asks for, and what its answers are."""

    def __init__(self, sampler: VerbalizedSampler, inputs: dict[str, Any]) -> None:
        self.sampler = sampler
        self.inputs = dict(inputs)
        self.signature = signature_of(self.inputs.pop("signature", sampler.signature))
        self.demos = self.inputs.pop("demos", sampler.demos)
        self.config = dict(self.inputs.pop("config", None) or {})
        taken = self.signature.input_fields
        options = [n for n in states.OPTIONS if n in self.inputs and n not in taken]
        given = {name: self.inputs.pop(name) for name in options}
        drawing = given.pop("resampler", None)
        self.draw = sampler._draw if drawing is None else resampler_of(drawing)
        self.seed = given.pop("seed", sampler.seed)
        named = given.pop("strategy", sampler.strategy)
        if isinstance(named, str):
            named = strategy_of(named, **states.shared(sampler.strategy))
        self.strategy = _untyped(named.replace(**given) if given else named)
        self.asked = sampler._asked(self.signature, self.strategy)
        self.reader = Reader()
        self.trace = dspy.settings.trace
        self.listeners = [
            each for each in dspy.settings.stream_listeners or [] if each.predict is sampler
        ]
        self._spent: set[str] = set()
        self._outputs: dict[str, dict[str, Any]] = {}  # by the text of the answer

    def flow(self) -> Flow:
        """The strategy at work; its form is that of the signature."""
        schema = self.asked.content.schema if self.strategy.shape(1) is not None else None
        task = Message("user", _written(self.inputs))
        return reading(self.strategy, self.reader, schema).flow((task,))

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Let the failures of an answer be DSPy's failures too."""
        try:
            yield
        except ParseError as error:
            raise VerbalizedParseError(error.reason, error.text, self.signature) from error

    # --- one request -------------------------------------------------------------------------

    @contextmanager
    def attempt(self, request: Asking) -> Iterator[Attempt]:
        """Make the call of a request inside, with its ``arguments``, if it has any."""
        # The adapter writes the inputs. A flow puts its instruction before them, and turns behind.
        said = request.messages
        wording = said[0].text if said[0].role == "system" else ""
        turns = said[2:] if said[0].role == "system" else said[1:]
        asked = self.sampler._ask(self.signature, wording, request.shape, self.strategy)
        attempt = Attempt(asked, self.reader)
        before = turns[-2].text if turns else ""
        if before in self._spent:  # the adapter has asked again already, as a retry does
            self._spent.discard(before)
            attempt.text = before
            yield attempt
            return
        attempt.arguments = self._arguments(asked, request, turns)
        settings: dict[str, Any] = {}
        stream = dspy.settings.send_stream
        heard = self.listeners or not dspy.settings.stream_listeners
        if stream is not None and heard and asked.kind is not None:
            adapter = dspy.settings.adapter or dspy.ChatAdapter()
            attempt.stream = CandidateStream(
                stream, asked.content, adapter, self.listeners, request.call
            )
            settings["send_stream"] = attempt.stream
        with attempt.running(**settings):
            yield attempt
        self._outputs[attempt.text] = attempt.outputs
        if attempt.asked_twice:
            self._spent.add(attempt.text)

    def _arguments(
        self, asked: AskedSignature, request: Asking, turns: tuple[Message, ...]
    ) -> dict[str, Any]:
        """What the predictor is called with: the inputs, and what keeps this call apart."""
        config = dict(self.config)
        if self._setting("n") is not None:
            config["n"] = 1  # several candidates are what k asks for; more choices would be lost
        if request.call:
            # DSPy's cache is keyed by the rollout: calls of one flow that ask the same thing must
            # not share an entry, and a repeated run must find its own again.
            rollout = int(self._setting("rollout_id") or 0)
            config["rollout_id"] = rollout * _MOST_CALLS + request.call
            if isinstance(seed := self._setting("seed"), int):  # of the model: it answers alike
                config["seed"] = seed + request.call
        writer = DemoWriter(self.signature, asked)
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
        fields = {name: inputs[name] for name in self.signature.input_fields if name in inputs}
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

    def _setting(self, name: str) -> Any:
        """A setting of the language model, as this call has it."""
        lm = self.inputs.get("lm") or self.sampler.lm or dspy.settings.lm
        return {**getattr(lm, "kwargs", {}), **self.sampler.config, **self.config}.get(name)

    # --- what comes of it --------------------------------------------------------------------

    def known(self) -> Distribution | None:
        """What was given before under a `Choice`."""
        choice = _choice()
        return None if choice is None else choice.known.get(self._key())

    def _key(self) -> Any:
        return id(self.sampler), repr(sorted(self.inputs.items()))

    def prediction(self, found: Distribution) -> VerbalizedPrediction:
        """Return the prediction, and leave it in the trace, with all candidates."""
        choice = _choice()
        if choice is not None:
            choice.known[self._key()] = found
        found = found.seeded(self.seed)
        records = [self._record(candidate, found.reasoning) for candidate in found]
        if choice is not None and choice.is_first(self._key()):
            drawn = min(choice.index, len(found) - 1)
        else:
            one = found.sample(resampler=self.draw)
            drawn = next(index for index, each in enumerate(found) if each is one)
        made = VerbalizedPrediction.drawn_from(found, records, drawn, self.signature)
        self._leave_trace(made)
        return made

    def _record(self, candidate: Candidate, reasoning: str | None) -> dict[str, Any]:
        """A candidate as the user's output fields, its reasoning first and its probability last."""
        record = self.asked.content.record(candidate)
        own = candidate.metadata.get("reasoning", reasoning)
        before = {} if self.asked.reasoning is None or own is None else {self.asked.reasoning: own}
        return {**before, **record, self.asked.probability: candidate.probability}

    def _leave_trace(self, made: VerbalizedPrediction) -> None:
        """Leave to the optimizers the prediction with all its candidates, which make a good demo.

        They stand in a field of their own, as plain data.
        """
        if self.trace is None or dspy.settings.max_trace_size < 1:
            return
        while len(self.trace) >= dspy.settings.max_trace_size:
            self.trace.pop(0)
        kept = made
        if self.asked.kind is not None:
            plain = [self.asked.content.plain(candidate) for candidate in made.distribution]
            kept = made.copy(**{self.asked.candidates: plain})
        inputs = {name: value for name, value in self.inputs.items() if name != "lm"}
        self.trace.append((self.sampler, inputs, kept))
