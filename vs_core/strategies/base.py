"""What a strategy is, and the machinery that the seven share."""

from __future__ import annotations

import dataclasses
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Literal, TypeVar, final

from typing_extensions import Self, TypedDict

from vs_core.candidates import Distribution
from vs_core.checks import is_number, require_count, require_optional_count
from vs_core.errors import ConfigurationError, ParseError
from vs_core.formats.base import Format, Shape, format_of
from vs_core.messages import Message, with_instructions
from vs_core.plugins import plugins
from vs_core.probabilities import Definition, definition_of
from vs_core.profiles import Profile, ProfileLike
from vs_core.prompts import DEFAULT_PROMPTS, Prompts
from vs_core.strategies.pump import Flow
from vs_core.strategies.typed import adapter_of, json_schema_of

__all__ = [
    "DEFAULT_STRATEGY",
    "Flow",
    "FurtherOptions",
    "Options",
    "Question",
    "Strategy",
    "strategy_of",
]

OnFailure = Literal["raise", "keep"]
S = TypeVar("S", bound="Strategy")

DEFAULT_STRATEGY = "vs_standard"
DEFAULT_BUDGET = 20
"""Model calls that a search for enough may take, unless ``budget`` says otherwise."""


class FurtherOptions(TypedDict, total=False):
    """What a strategy can be told but for ``k`` and the type of its candidates.

    The one definition of the options' types, for type checkers: `vs_core.verbalize` and the
    integrations spell theirs by it. `Strategy` says what each means.
    """

    n: int | Literal["auto"] | None
    budget: int
    threshold: float | None
    probability: str
    format: str | Format
    retries: int
    on_unparsed: Literal["raise", "single"]
    on_failure: Literal["raise", "keep"]
    strict: bool
    prompts: Prompts
    profile: ProfileLike | None


class Options(FurtherOptions, total=False):
    """What a strategy can be told, but for the type of its candidates."""

    k: int


_WORKED_OUT = ("_questions", "words")
"""What a strategy keeps that follows from its options, and does not travel with it."""


@dataclass(frozen=True)
class Question:
    """What one call is asked.

    Args:
        shape: What its answer holds; None if any text is an answer.
        format: How that is written; None where there is no shape.
        what: The instruction; may be empty.
        how: What tells the model of the format; may be empty.
    """

    shape: Shape | None
    format: Format | None
    what: str
    how: str


@dataclass(frozen=True, kw_only=True)
class Strategy(ABC):
    """How candidates are asked for. Immutable and picklable; a flow holds all the state.

    Args:
        k: Candidates a call, at least 1.
        n: Candidates in all, at least 1; default: k. ⌈n/k⌉ calls are made. ``"auto"`` asks for k
            again and again while that brings anything new: once or twice where a task has one
            answer, and many times where it has many.
        budget: With ``n="auto"``, most calls, at least 1.
        threshold: Ask for responses whose probability is below it, on (0, 1]; smaller is more
            diverse (paper: 0.1 is the usual tail setting). None samples the full distribution.
        probability: How probability is defined: ``"implicit"``, ``"explicit"``, ``"relative"``,
            ``"percentage"``, ``"confidence"``, ``"nll"`` or ``"perplexity"``.
        format: Name of a registered format, or a format.
        retries: How often an unreadable, short or invalid answer is asked for again.
        on_unparsed: What becomes of a call whose answer holds no distribution after all retries,
            such as a refusal: ``"raise"`` a `ParseError`, or keep it as a ``"single"`` candidate
            with probability None.
        on_failure: What becomes of a call that fails for good, after the client's own retries:
            ``"raise"`` its error, which has what the other calls gave as its ``partial`` (see
            `vs_core.partial_of`), or ``"keep"``: the distribution is of what the others gave, and
            ``metadata["failed"]`` says what failed and why. If none gave anything, it is raised.
        strict: Whether an answer is unreadable that had to be repaired in a way that could have
            changed a text or a number (see `vs_core.parse`); then it is asked for again.
        schema: Type of a candidate's ``value``: a pydantic model or anything else that pydantic
            validates. None for plain text.
        prompts: The words; see `vs_core.prompts.Prompts`.
        made_for: Names of the model that the options were chosen for, where a profile says so. A
            remark and a warning tell of answers of another.

    Raises:
        ConfigurationError: If an option cannot work.

    An option that a strategy has no use for (a threshold for ``direct``) is accepted and has no
    effect, so that strategies can be compared under the same options.
    """

    name: ClassVar[str]
    _given: ClassVar[frozenset[str]]  # of each object; a ClassVar is no field of a dataclass

    k: int = 5
    n: int | Literal["auto"] | None = None
    budget: int = DEFAULT_BUDGET
    threshold: float | None = None
    probability: str = "explicit"
    format: str | Format = "json"
    retries: int = 1
    on_unparsed: Literal["raise", "single"] = "raise"
    on_failure: OnFailure = "raise"
    strict: bool = False
    schema: Any = None
    prompts: Prompts = field(default=DEFAULT_PROMPTS, repr=False)
    made_for: tuple[str, ...] = field(default=(), repr=False)

    def __new__(cls, *args: Any, **options: Any) -> Self:  # noqa: ARG004
        """Take note of what is given: a default says nothing of what somebody wanted."""
        made = super().__new__(cls)
        object.__setattr__(made, "_given", frozenset(options))
        return made

    def __post_init__(self) -> None:
        if isinstance(self.n, str) and self.n != "auto":
            raise ConfigurationError(
                f'n must be a whole number of at least 1, or "auto", not {self.n!r}.'
            )
        counts = {
            "k": require_count("k", self.k),
            "n": self.n if self.n == "auto" else require_optional_count("n", self.n),
            "budget": require_count("budget", self.budget),
            "retries": require_count("retries", self.retries, least=0),
        }
        for name, count in counts.items():  # frozen, yet what numpy calls an integer becomes one
            object.__setattr__(self, name, count)
        object.__setattr__(self, "made_for", tuple(self.made_for))
        if self.threshold is not None and not (
            is_number(self.threshold) and 0 < self.threshold <= 1
        ):
            raise ConfigurationError(
                f"threshold must be over 0 and at most 1, not {self.threshold!r}."
            )
        if self.on_unparsed not in ("raise", "single"):
            raise ConfigurationError(
                f"on_unparsed must be 'raise' or 'single', not {self.on_unparsed!r}."
            )
        if self.on_failure not in ("raise", "keep"):
            raise ConfigurationError(
                f"on_failure must be 'raise' or 'keep', not {self.on_failure!r}."
            )
        if not isinstance(self.strict, bool):
            raise ConfigurationError(f"strict must be True or False, not {self.strict!r}.")
        definition_of(self.probability)
        format_of(self.format)
        if self.schema is not None:
            adapter_of(self.schema)

    def replace(self: S, **options: Any) -> S:
        """Return this strategy with some options changed.

        Raises:
            ConfigurationError: If an option is unknown or cannot work.
        """
        try:
            changed = dataclasses.replace(self, **options)
        except TypeError as error:
            raise ConfigurationError(f"{type(self).__name__}: {error}") from error
        object.__setattr__(changed, "_given", self.given | options.keys())
        return changed

    @property
    def given(self) -> frozenset[str]:
        """Names of the options that it was made with; the others have their defaults."""
        return self._given

    # --- what a strategy says of itself ------------------------------------------------------
    #
    # Nobody asks which class a strategy is: what has to be known of it stands here, and a subclass
    # that overrides it is believed.

    asks_directly: ClassVar[bool] = False
    """Whether each call is the plain question and gives one answer, as without any strategy: its
    answers show how often the model gives which."""

    @abstractmethod
    def flow(self, task: Sequence[Message]) -> Flow:
        """Return the flow that answers ``task``: see `vs_core.driver` for what runs it."""

    @abstractmethod
    def instruction(self, k: int) -> str:
        """Return what is asked for, without how it is to be written down; may be empty."""

    def shape(self, k: int) -> Shape | None:
        """Return what an answer with ``k`` candidates holds; None if any text is an answer."""
        return Shape(
            k=k,
            definition=self._definition(),
            schema=self._json_schema(),
            strict=self.strict,
        )

    def sizes(self) -> list[int]:
        """Return how many candidates each call is asked for; they sum to the number in all."""
        total = self.in_all
        full, rest = divmod(total, self.k)
        return [self.k] * full + [rest] * bool(rest)

    @property
    def in_all(self) -> int:
        """How many candidates are asked for in all; with ``n="auto"`` in each run."""
        return self.n if isinstance(self.n, int) else self.k

    def typed(self: S, schema: Any) -> S:
        """Return this strategy asking for answers of a type; see ``schema``."""
        return self.replace(schema=schema)

    def for_one_draw(self: S) -> S:
        """Return this strategy as it asks where one answer is to be drawn: for k to draw from."""
        return self.replace(n=self.k)

    @property
    def verbalizes(self) -> bool:
        """Whether the model is asked for probabilities, so that a threshold means something."""
        shape = self.shape(1)
        return shape is not None and shape.definition is not None

    def further(self, k: int) -> str:
        """Return what a further turn of one conversation says."""
        text = self.words.more.format(
            k=k, n=self.in_all, sampling=self.words.sampling(self.threshold)
        )
        return f"{text}\n\n{self.format_instructions(k)}".rstrip()

    def read(self, text: str, k: int) -> Distribution:
        """Return what an answer holds; ParseError if that is nothing."""
        from vs_core import parsing  # heavy: what reads answers is loaded with the first answer

        question = self.question(k)
        if question.shape is not None:
            return parsing.read(text, question.shape, question.format)
        if not text.strip():
            raise ParseError("the answer is empty", text)
        return Distribution([text.strip()])

    # --- made from it, once a size -----------------------------------------------------------

    @final
    def question(self, k: int) -> Question:
        """Return what a call for ``k`` candidates asks, worked out once."""
        if k not in self._questions:
            shape = self.shape(k)
            format = None if shape is None else format_of(self.format)
            how = "" if shape is None or format is None else self._written(format, shape)
            self._questions[k] = Question(shape, format, self.instruction(k), how)
        return self._questions[k]

    def format_instructions(self, k: int) -> str:
        """Return how an answer with ``k`` candidates is to be written; may be empty."""
        return self.question(k).how

    def messages(self, task: Sequence[Message], k: int) -> tuple[Message, ...]:
        """Return the messages that ask for ``k`` candidates."""
        question = self.question(k)
        text = "\n\n".join(part for part in (question.what, question.how) if part)
        return with_instructions(task, text) if text else tuple(task)

    @cached_property
    def words(self) -> Prompts:
        """The prompts as this strategy says them."""
        return self.prompts.for_strategy(self.name)

    def _written(self, format: Format, shape: Shape) -> str:
        """How an answer is to be written: in the user's words, or else in the format's."""
        definition = shape.definition
        said = self.words.how(
            format.name,
            k=shape.k,
            key=definition.key if definition else "",
            meaning=definition.meaning if definition else "",
            schema="" if shape.schema is None else json.dumps(shape.schema, ensure_ascii=False),
        )
        return format.instructions(shape) if said is None else said

    @cached_property
    def _questions(self) -> dict[int, Question]:
        return {}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in _WORKED_OUT}

    def _definition(self) -> Definition | None:
        return definition_of(self.probability)

    def _json_schema(self) -> dict[str, Any] | None:
        return None if self.schema is None else json_schema_of(self.schema)


def strategy_of(
    strategy: str | Strategy | None = None, *, profile: ProfileLike | None = None, **options: Any
) -> Strategy:
    """Return a strategy made with ``options`` by name, or the given one with them changed.

    Args:
        strategy: A registered name or a strategy; default: that of the profile, or
            ``"vs_standard"``.
        profile: Has the options that are not given; see `vs_core.profiles`.
        **options: See `Strategy`.

    Raises:
        ConfigurationError: If the name is unknown or an option cannot work, or the profile cannot
            be read.
    """
    if profile is not None:
        return _by_profile(profile, strategy, options)
    if strategy is not None and not isinstance(strategy, str):
        given: Strategy = plugins.strategy(strategy, **options)
        return given
    name = DEFAULT_STRATEGY if strategy is None else strategy
    try:
        return _made_once(plugins.table("strategies").get(name), name, **options)
    except TypeError:  # of what cannot be hashed
        made: Strategy = plugins.strategy(name, **options)
        return made


def _by_profile(profile: Any, strategy: str | Strategy | None, options: dict[str, Any]) -> Strategy:
    settings = Profile.of(profile).options(strategy=strategy, **options)
    if isinstance(settings.get("prompts"), Mapping):
        settings["prompts"] = Prompts(**settings["prompts"])
    try:
        return strategy_of(settings.pop("strategy", None), **settings)
    except ConfigurationError as error:
        raise ConfigurationError(f"With the profile: {error}") from error


@lru_cache(maxsize=256, typed=True)
def _made_once(factory: object, strategy: str, **options: Any) -> Strategy:  # noqa: ARG001
    """Strategies never change, so all calls with the same options share one and its questions.

    The factory is part of what tells one from another: a name may come to stand for another.
    """
    made: Strategy = plugins.strategy(strategy, **options)
    return made
