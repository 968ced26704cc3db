"""`VerbalizedSampler`: a ``dspy.Predict`` that asks for a distribution, and predicts from it."""

from __future__ import annotations

from typing import Any, Literal

import dspy

from vs_core import ConfigurationError
from vs_core.candidates import resampler_of
from vs_core.effects import aperform, perform
from vs_core.formats import Format
from vs_core.formats.base import format_of
from vs_core.profiles import ProfileLike
from vs_core.prompts import Prompts
from vs_core.strategies import Strategy
from vs_core.strategies.base import strategy_of
from vs_dspy import state as states
from vs_dspy.prediction import VerbalizedPrediction
from vs_dspy.signatures import Signature, signature_of
from vs_dspy.task import SamplerTask

__all__ = ["VerbalizedSampler"]


def _option(name: str, about: str) -> Any:
    """A property that reads and sets an option of the strategy."""

    def get(self: VerbalizedSampler) -> Any:
        return getattr(self.strategy, name)

    def set(self: VerbalizedSampler, value: Any) -> None:
        self.strategy = self._with(**{name: value})

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
        self.strategy = strategy_of(strategy, **options)
        self.format = format
        self.resampler = resampler
        self.seed = seed
        SamplerTask.first_asked(self.signature, self.strategy, self.format)  # or an error now

    # --- options -----------------------------------------------------------------------------

    @property
    def signature(self) -> Signature:
        """The task; set by a string such as ``"topic -> joke"`` or a signature class."""
        return self._signature

    @signature.setter
    def signature(self, signature: str | Signature) -> None:
        self._signature = signature_of(signature)

    @property
    def strategy(self) -> Strategy:
        """How candidates are asked for; set by a registered name or a strategy."""
        return self._strategy

    @strategy.setter
    def strategy(self, strategy: str | Strategy) -> None:
        self._strategy = self._with(strategy)

    @property
    def format(self) -> Format | None:
        """The format of the core that is asked for; None for the adapter's own typed form."""
        return self._format

    @format.setter
    def format(self, format: str | Format | None) -> None:
        self._format = None if format is None else format_of(format)

    @property
    def profile(self) -> None:
        """Set to a profile: its options are taken where none was given. It is not kept itself."""

    @profile.setter
    def profile(self, profile: ProfileLike) -> None:
        self._strategy = self._with(profile=profile)

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
        """The options as another sampler takes them: the strategy has k, n, threshold, …."""
        return {name: getattr(self, name) for name in ("strategy", "format", "resampler", "seed")}

    @property
    def verbalized_signature(self) -> Signature:
        """The signature that the adapter is called with: what is asked for now."""
        return SamplerTask.first_asked(self.signature, self.strategy, self.format).signature

    def _with(
        self,
        strategy: str | Strategy | None = None,
        profile: ProfileLike | None = None,
        **options: Any,
    ) -> Strategy:
        """The strategy with some options changed, or another with those that it shares."""
        if profile is not None:  # which has what is not given
            given = states.shared(self._strategy, only=self._strategy.given)
            strategy, options = strategy or self._strategy.name, {**given, **options}
        elif isinstance(strategy, str):
            options = {**states.shared(self._strategy), **options}
        made = strategy_of(strategy or self._strategy, profile=profile, **options)
        if made.schema is not None:
            raise ConfigurationError("In DSPy the signature is the schema: type its output fields.")
        return made

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
        return perform(SamplerTask(self, inputs).predict())

    async def aforward(self, **inputs: Any) -> VerbalizedPrediction:
        """Predict without blocking; see `forward`."""
        return await aperform(SamplerTask(self, inputs).predict())

    def batch(self, examples: Any, num_threads: int | None = None, **options: Any) -> Any:
        """Predict for many examples; ``num_threads`` bounds all calls together."""
        threads = num_threads or dspy.settings.num_threads
        with dspy.context(num_threads=1):
            return super().batch(examples, num_threads=threads, **options)
