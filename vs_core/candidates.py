"""Candidates and distributions: what a verbalized answer becomes."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import repeat
from types import GenericAlias
from typing import TYPE_CHECKING, Annotated, Any, Generic, overload

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    TypeAdapter,
    computed_field,
)
from pydantic_core import core_schema
from typing_extensions import Self, TypeVar

from vs_core.checks import require_optional_count
from vs_core.display import Row, as_html, as_rich, as_text
from vs_core.errors import ConfigurationError, raise_missing_extra
from vs_core.messages import Completion
from vs_core.plugins import plugins

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

__all__ = ["Candidate", "Distribution", "Resampler", "resampler_of", "unvalidated"]

T = TypeVar("T", default=Any)
M = TypeVar("M", bound=BaseModel)

_FRESH = random.Random()
"""Draws where there is no seed: to make one each time took longer than to draw."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_FRESH.seed)


class _Alias(GenericAlias):
    """``Distribution[Joke]``: a promise to type checkers, and a way to validate.

    T never makes another class: instances are plain, so that they can be pickled, named by a
    checkpoint and compared whoever made them. What this adds is that data read as
    ``Distribution[Joke]``, by the methods below or as the type of a pydantic field, has jokes as
    its values.
    """

    def __getattribute__(self, name: str) -> Any:
        # An alias hands on the rest. Python 3.10 hands on its class too, and would call it a type.
        if name in ("model_validate", "model_validate_json", "__class__"):
            return object.__getattribute__(self, name)
        return super().__getattribute__(name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        origin: Any = self.__origin__
        return origin(*args, **kwargs)

    def __reduce__(self) -> Any:
        return _alias, (self.__origin__, self.__args__)

    def model_validate(self, data: Any, **options: Any) -> Any:
        return _adapter(self).validate_python(data, **options)

    def model_validate_json(self, data: str | bytes, **options: Any) -> Any:
        return _adapter(self).validate_json(data, **options)


def _alias(origin: type[Any], arguments: tuple[Any, ...]) -> Any:
    return _Alias(origin, arguments)


@lru_cache(maxsize=256)
def _adapter(type_: Any) -> TypeAdapter[Any]:
    # Annotated, for of a bare alias pydantic would take the finished validator of its origin.
    return TypeAdapter(Annotated[type_, None])


class _Typed(BaseModel, Generic[T]):
    """What `Candidate` and `Distribution` have of a type parameter."""

    # Validators are built at the first use: importing the package is a third quicker.
    model_config = ConfigDict(frozen=True, defer_build=True)

    if not TYPE_CHECKING:

        def __class_getitem__(cls, value: Any) -> Any:
            return _Alias(cls, value)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        plain = handler(cls)
        (value,) = getattr(source, "__args__", (Any,))
        if value is Any or isinstance(value, TypeVar):
            return plain
        return core_schema.no_info_after_validator_function(
            lambda made: made._with_values(_adapter(value)), plain
        )

    def _with_values(self, adapter: TypeAdapter[Any]) -> Self:
        """The same with its values validated."""
        raise NotImplementedError


_new = object.__new__
_set_values, _set_given, _set_extra, _set_private = (
    BaseModel.__dict__[f"__{name}__"].__set__
    for name in ("dict", "pydantic_fields_set", "pydantic_extra", "pydantic_private")
)


def _made(cls: type[M], rows: Iterable[dict[str, Any]], given: set[str]) -> list[M]:
    """Return models of rows of all their values, valid ones: to validate or copy takes far longer.

    They share ``given``, which nothing changes in a frozen model.
    """
    models = []
    for values in rows:
        made = _new(cls)
        _set_values(made, values)
        _set_given(made, given)
        _set_extra(made, None)
        _set_private(made, None)
        models.append(made)
    return models


class Candidate(_Typed[T]):
    """One response with its verbalized probability.

    ``Candidate[Joke]`` is one whose value is a ``Joke``, for type checkers; see `Distribution`.

    Args:
        text: The response, exactly as the model wrote it, stripped at the ends.
        probability: As verbalized, on [0, 1]; None where the model gave none that could be read.
        value: The validated object of a typed candidate; None for plain text.
        repairs: What had to be mended to read this candidate, in words, in order.
        metadata: Whatever else the model said of this candidate, by its own keys.
        call: Which call gave it, from 0: the place of its answer in `Distribution.completions`.
            Candidates of one call depend on each other. None where that is not known.
    """

    text: str
    probability: float | None = Field(default=None, ge=0, le=1)
    value: T = None  # type: ignore[assignment]  # T is what a typed candidate has
    repairs: tuple[str, ...] = ()
    metadata: dict[str, Any] = Field(default_factory=dict)
    call: int | None = None

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's, in a third of the time: it is what is done to a candidate most often."""
        if deep:
            return super().model_copy(update=update, deep=True)
        changed = update or {}
        given = {*self.__pydantic_fields_set__, *changed}
        return _made(type(self), [{**self.__dict__, **changed}], given)[0]

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """As pydantic's; in Python mode the value stays the object that it is.

        So whoever stores a dump, such as a checkpoint of LangGraph, stores the value as it stores
        such objects elsewhere.
        """
        dump = super().model_dump(**options)
        return self._with_objects(dump) if options.get("mode", "python") == "python" else dump

    def _with_objects(self, dump: dict[str, Any]) -> dict[str, Any]:
        return {**dump, "value": self.value} if "value" in dump else dump

    def _with_values(self, adapter: TypeAdapter[Any]) -> Self:
        if self.value is None:
            return self
        return self.model_copy(update={"value": adapter.validate_python(self.value)})

    def repaired(self, *repairs: str) -> Self:
        """Return this candidate with ``repairs`` added to its record."""
        return self.model_copy(update={"repairs": (*self.repairs, *repairs)}) if repairs else self

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return Distribution([self])._repr_html_()


class Distribution(_Typed[T], Sequence[Candidate[T]]):
    """The candidates of one task: an immutable sequence, in the order the model gave them.

    It serialises with pydantic (``model_dump_json`` and ``model_validate_json`` round-trip),
    prints as a table, and shows as escaped HTML in a notebook.

    With ``schema=Joke`` type checkers know it as a ``Distribution[Joke]``. At run time it is a
    plain `Distribution`: pickle and ``model_dump()`` keep its values as the objects that they are,
    and ``Distribution[Joke].model_validate_json(text)`` makes jokes of what JSON made of them.

    Args:
        candidates: The candidates, in order.
        reasoning: What the model wrote or thought before its candidates, of all calls.
        metadata: How the distribution came about: strategy, k, n, number of calls, token usage,
            ``seed`` (the default of `sample`) and ``task`` (a digest of what was asked).
        completions: The raw answers, in the order of the calls; see `compact`.
        remarks: What had to be mended or assumed to read the answers as wholes.
    """

    candidates: tuple[Candidate[T], ...] = ()
    reasoning: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    completions: tuple[Completion, ...] = Field(default=(), repr=False)
    remarks: tuple[str, ...] = ()

    def __init__(
        self,
        candidates: Iterable[Candidate[T] | Mapping[str, Any] | str] = (),
        **fields: Any,
    ) -> None:
        found = tuple(candidates)
        if any(map(isinstance, found, repeat(str))):
            found = tuple(Candidate(text=item) if isinstance(item, str) else item for item in found)
        super().__init__(candidates=found, **fields)  # type: ignore[call-arg]  # pydantic's own

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """As pydantic's; in Python mode values stay objects, as `Candidate.model_dump` has it."""
        dump = super().model_dump(**options)
        dumps = dump.get("candidates", ())
        if options.get("mode", "python") == "python" and len(dumps) == len(self):
            pairs = zip(self, dumps, strict=True)
            dump["candidates"] = tuple(one._with_objects(dumped) for one, dumped in pairs)
        return dump

    def _with_values(self, adapter: TypeAdapter[Any]) -> Self:
        typed = tuple(candidate._with_values(adapter) for candidate in self.candidates)
        return self.model_copy(update={"candidates": typed})

    @property
    def texts(self) -> list[str]:
        """The texts of the candidates, in order."""
        return [candidate.text for candidate in self.candidates]

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's; what was worked out from the fields is worked out anew."""
        copy = super().model_copy(update=update, deep=deep)
        for name in ("_normalised", "_digest"):
            copy.__dict__.pop(name, None)
        return copy

    def compact(self) -> Self:
        """Return the distribution without the raw answers, which are most of its size."""
        return self.model_copy(update={"completions": ()})

    # --- weights ---------------------------------------------------------------------------

    @cached_property
    def _normalised(self) -> tuple[tuple[float, ...], str | None]:
        """The weights, and the repair that they took."""
        return _normalise([candidate.probability for candidate in self.candidates])

    @computed_field  # type: ignore[prop-decorator]
    @property
    def weights(self) -> tuple[float, ...]:
        """Probabilities normalised to sum to 1, in the order of the candidates.

        A candidate without a probability falls back to the uniform weight 1/len: the others
        share the rest in proportion. If none has one, or all are zero, all weights are uniform.
        `repairs` says when that happened. Empty for an empty distribution.
        """
        return self._normalised[0]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def mass(self) -> float:
        """Sum of the verbalized probabilities before normalising; 0 if there are none.

        One call whose candidates exhaust the possible answers has a mass near 1, a tail sample
        far less; n/k calls together may reach n/k.
        """
        return math.fsum(candidate.probability or 0.0 for candidate in self.candidates)

    @property
    def repairs(self) -> tuple[str, ...]:
        """The remarks, every repair of the candidates, and that of the weights; each once."""
        found = dict.fromkeys(self.remarks)
        for candidate in self.candidates:
            found.update(dict.fromkeys(candidate.repairs))
        if self._normalised[1]:
            found[self._normalised[1]] = None
        return tuple(found)

    def entropy(self, base: float = 2.0) -> float:
        """Shannon entropy of the weights, in bits unless ``base`` says otherwise; ≥ 0."""
        return -math.fsum(w * math.log(w, base) for w in self.weights if w > 0) or 0.0

    def effective_size(self) -> float:
        """Inverse Simpson index 1 / Σ w²: how many equal candidates would be as diverse.

        Between 1 and ``len(self)``; 0 for an empty distribution. In importance sampling it is
        Kish's effective sample size.
        """
        return 1 / math.fsum(w * w for w in self.weights) if self.weights else 0.0

    # --- drawing ---------------------------------------------------------------------------

    @overload
    def sample(
        self,
        n: None = None,
        *,
        resampler: str | Resampler = ...,
        seed: int | random.Random | None = ...,
        **options: Any,
    ) -> Candidate[T]: ...
    @overload
    def sample(
        self,
        n: int,
        *,
        resampler: str | Resampler = ...,
        seed: int | random.Random | None = ...,
        **options: Any,
    ) -> list[Candidate[T]]: ...
    def sample(
        self,
        n: int | None = None,
        *,
        resampler: str | Resampler = "proportional",
        seed: int | random.Random | None = None,
        **options: Any,
    ) -> Candidate[T] | list[Candidate[T]]:
        """Draw from the distribution.

        Args:
            n: How many to draw, at least 0; None draws one and returns it alone.
            resampler: A registered name (see `vs_core.resampling`) or a resampler.
            seed: Makes the draw reproducible. It is mixed with a digest of the task and of the
                candidates, so that one seed over many inputs draws at many places; a
                `random.Random` is taken as it is, and advanced. Default: the seed the
                distribution was made with (``metadata["seed"]``), or fresh randomness.
            **options: Options of a resampler given by name, such as ``p=0.8`` of ``"top_p"``.

        Returns:
            One candidate, or a list of ``n`` of them.

        Raises:
            ConfigurationError: If the distribution is empty, the name is unknown, ``n`` is
                negative, or a resampler without replacement is asked for more than there are.
        """
        if not self.candidates:
            raise ConfigurationError("An empty distribution cannot be sampled.")
        require_optional_count("n", n, least=0)
        draw = resampler_of(resampler, **options)
        rng = self.rng(seed)
        places = draw(self, 1 if n is None else n, rng)
        drawn = Sample(self.candidates[index] for index in places)
        return drawn[0] if n is None else drawn

    def rng(self, seed: int | random.Random | None = None) -> random.Random:
        """Return the randomness that `sample` draws with, for whoever draws places; see there."""
        if isinstance(seed, random.Random):
            return seed
        if seed is None:
            seed = self.metadata.get("seed")
        return _FRESH if seed is None else random.Random(f"{seed} {self._digest}")

    @cached_property
    def _digest(self) -> str:
        """What tells this distribution from others, stable between processes and machines."""
        digest = blake2b(str(self.metadata.get("task", "")).encode(), digest_size=16)
        for candidate in self.candidates:
            digest.update(f"\0{candidate.text}\0{candidate.probability}".encode("utf-8", "replace"))
        return digest.hexdigest()

    def argmax(self) -> Candidate[T]:
        """Return the candidate of the largest weight, the first of equals.

        Raises:
            ConfigurationError: If the distribution is empty.
        """
        return self.sample(resampler="argmax")

    def seeded(self, seed: int | None) -> Self:
        """Return the distribution with ``seed`` as the default of `sample`; None keeps it."""
        if seed is None:
            return self
        return self.model_copy(update={"metadata": {**self.metadata, "seed": seed}})

    # --- deriving --------------------------------------------------------------------------

    def _with(self, candidates: Iterable[Candidate[T]]) -> Self:
        return self.model_copy(update={"candidates": tuple(candidates)})

    def filter(
        self,
        predicate: Callable[[Candidate[T]], bool] | None = None,
        *,
        min_probability: float | None = None,
        max_probability: float | None = None,
    ) -> Self:
        """Keep the candidates that pass every given test.

        Args:
            predicate: Called with each candidate.
            min_probability: Least verbalized probability to keep.
            max_probability: Greatest verbalized probability to keep; 0.1 keeps the tail.

        A candidate without a probability fails any test of it.
        """

        def passes(candidate: Candidate[T]) -> bool:
            probability = candidate.probability
            return (
                (predicate is None or predicate(candidate))
                and (min_probability is None or (probability or 0.0) >= min_probability)
                and (
                    max_probability is None
                    or (probability is not None and probability <= max_probability)
                )
                and not (min_probability is not None and probability is None)
            )

        return self._with(candidate for candidate in self if passes(candidate))

    def reweight(self, temperature: float) -> Self:
        """Return the distribution with weights proportional to w^(1/temperature).

        Args:
            temperature: Over 1 flattens, under 1 sharpens; must be positive.

        Returns:
            A distribution whose probabilities are the new weights (so its mass is 1).

        Raises:
            ConfigurationError: If the temperature is not a positive finite number.
        """
        if not (temperature > 0 and math.isfinite(temperature)):
            raise ConfigurationError(f"A temperature is a positive number, not {temperature}.")
        logs = [math.log(w) / temperature if w > 0 else -math.inf for w in self.weights]
        peak = max(logs, default=0.0)
        powers = [math.exp(value - peak) for value in logs]
        total = math.fsum(powers)
        return self._with(
            candidate.model_copy(update={"probability": power / total})
            for candidate, power in zip(self, powers, strict=True)
        )

    def dedupe(self, key: Callable[[Candidate[T]], Any] | None = None) -> Self:
        """Merge the candidates that are the same, adding up their probabilities (at most 1).

        Args:
            key: What makes two candidates the same; it must return something hashable. Default:
                their text, without regard to case and white space.

        Returns:
            A distribution of the first of each kind, in order, with the repairs of all of them.
        """
        key = key or plain_text
        groups: dict[Any, list[Candidate[T]]] = {}
        for candidate in self:
            groups.setdefault(key(candidate), []).append(candidate)
        return self._with(_merge(group) for group in groups.values())

    def map(self, function: Callable[[Candidate[T]], Candidate[Any] | str]) -> Distribution[Any]:
        """Return the distribution with every candidate replaced by ``function(candidate)``.

        A string replaces the text alone; the probability stays.
        """

        def apply(candidate: Candidate[T]) -> Candidate[Any]:
            result = function(candidate)
            if isinstance(result, Candidate):
                return result
            return candidate.model_copy(update={"text": result})

        return self._with(apply(candidate) for candidate in self)

    def __add__(self, other: Distribution[Any]) -> Distribution[Any]:
        """Concatenate two distributions; where both have a metadatum, the left one's stays.

        The calls of the right one are numbered on, so that they stay apart.
        """
        if not isinstance(other, Distribution):
            return NotImplemented
        before = self._calls
        later = (
            c if c.call is None else c.model_copy(update={"call": c.call + before}) for c in other
        )
        reasonings = [part.reasoning for part in (self, other) if part.reasoning]
        return Distribution(
            (*self.candidates, *later),
            reasoning="\n\n".join(reasonings) or None,
            metadata={**other.metadata, **self.metadata},
            completions=(*self.completions, *other.completions),
            remarks=tuple(dict.fromkeys((*self.remarks, *other.remarks))),
        )

    @property
    def _calls(self) -> int:
        """The first number that no call of this distribution has."""
        numbers = (candidate.call for candidate in self.candidates if candidate.call is not None)
        return max(len(self.completions), 1 + max(numbers, default=-1))

    # --- a sequence ------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.candidates)

    def __iter__(self) -> Iterator[Candidate[T]]:  # type: ignore[override]  # pydantic yields fields
        return iter(self.candidates)

    @overload
    def __getitem__(self, index: int) -> Candidate[T]: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Candidate[T] | Self:
        if isinstance(index, slice):
            return self._with(self.candidates[index])
        return self.candidates[index]

    # --- showing ---------------------------------------------------------------------------

    def to_dataframe(self) -> pd.DataFrame:
        """Return a pandas DataFrame: text, probability, weight, value, repairs; a row each.

        Raises:
            MissingExtraError: If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise_missing_extra("metrics", error)
        frame: pd.DataFrame = pd.DataFrame(
            {
                "text": [candidate.text for candidate in self],
                "probability": pd.array(
                    [candidate.probability for candidate in self], dtype="Float64"
                ),
                "weight": list(self.weights),
                "value": pd.Series([candidate.value for candidate in self], dtype="object"),
                "repairs": pd.Series([candidate.repairs for candidate in self], dtype="object"),
            }
        )
        return frame

    def _rows(self) -> list[Row]:
        return [
            (candidate.probability, weight, candidate.text)
            for candidate, weight in zip(self, self.weights, strict=True)
        ]

    def __str__(self) -> str:
        return as_text(self._rows())

    def __rich__(self) -> Table:
        return as_rich(self._rows())

    def _repr_html_(self) -> str:
        return as_html(self._rows())


def unvalidated(
    rows: Iterable[dict[str, Any]], reasoning: str | None, remarks: tuple[str, ...] = ()
) -> Distribution[Any]:
    """Return the distribution of candidates whose fields, all of them, are known to be valid."""
    candidates = tuple(_made(Candidate, rows, _READ.copy()))
    return assembled(candidates, reasoning, {}, (), remarks)


def assembled(
    candidates: tuple[Candidate[T], ...],
    reasoning: str | None,
    metadata: dict[str, Any],
    completions: tuple[Completion, ...],
    remarks: tuple[str, ...],
) -> Distribution[T]:
    """Return the distribution of parts that are known to be valid."""
    values = {
        "candidates": candidates,
        "reasoning": reasoning,
        "metadata": metadata,
        "completions": completions,
        "remarks": remarks,
    }
    return _made(Distribution, [values], set(values))[0]


_READ = {"text", "probability", "value", "repairs", "metadata"}
"""What is set in a candidate that was read; which call gave it, whoever called says."""


class Sample(list[Candidate[Any]]):
    """What was drawn: a list, which shows itself as a distribution does."""

    def __str__(self) -> str:
        return str(Distribution(self))

    def _repr_html_(self) -> str:
        return Distribution(self)._repr_html_()


Resampler = Callable[[Distribution[Any], int, random.Random], Sequence[int]]
"""Draws n places of candidates with the randomness given; see `vs_core.resampling`."""


def resampler_of(resampler: str | Resampler, **options: Any) -> Resampler:
    """Return a resampler by name with its ``options`` bound, or the given one.

    Raises:
        ConfigurationError: If the name is unknown, an option cannot work, or options are given with
            an object.
    """
    made: Resampler = plugins.make("resamplers", resampler, **options)
    return made


def _normalise(
    probabilities: Sequence[float | None],
) -> tuple[tuple[float, ...], str | None]:
    """Return weights that sum to 1 and the repair it took; see `Distribution.weights`."""
    size = len(probabilities)
    given = [p for p in probabilities if p is not None]
    total = math.fsum(given)
    if not size:
        return (), None
    if total <= 0:
        reason = "all probabilities are zero" if given else "no probability was given"
        return (1 / size,) * size, f"weights are uniform: {reason}"
    missing = size - len(given)
    # Dividing by the largest first keeps tiny masses from underflowing.
    largest = max(given)
    scaled = math.fsum([p / largest for p in given])
    share = len(given) / size
    weights = tuple(
        [1 / size if p is None else p / largest / scaled * share for p in probabilities]
    )
    repair = f"{missing} of {size} weights are uniform: no probability was given"
    return weights, repair if missing else None


def plain_text(candidate: Candidate[Any]) -> str:
    """The text without regard to case and white space: what makes two candidates the same."""
    return " ".join(candidate.text.casefold().split())


def _merge(group: Sequence[Candidate[T]]) -> Candidate[T]:
    if len(group) == 1:
        return group[0]
    given = [candidate.probability for candidate in group if candidate.probability is not None]
    return group[0].model_copy(
        update={
            "probability": min(1.0, math.fsum(given)) if given else None,
            "repairs": tuple(
                dict.fromkeys(repair for candidate in group for repair in candidate.repairs)
            ),
        }
    )
