"""Candidates and distributions: what a verbalized answer becomes."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, computed_field

from vs_core.checks import require_optional_count
from vs_core.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from vs_core.resampling import Resampler

__all__ = ["Candidate", "Distribution"]


class Candidate(BaseModel):
    """One response with its verbalized probability.

    Args:
        text: The response, exactly as the model wrote it, stripped at the ends.
        probability: As verbalized, on [0, 1]; None where the model gave none that could be read.
        value: The validated object of a typed candidate; None for plain text.
        repairs: What had to be mended to read this candidate, in words, in order.
        metadata: Whatever else the model said of this candidate, by its own keys.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    probability: float | None = Field(default=None, ge=0, le=1)
    value: SerializeAsAny[Any] = None
    repairs: tuple[str, ...] = ()
    metadata: dict[str, Any] = Field(default_factory=dict)

    def repaired(self, *repairs: str) -> Candidate:
        """Return this candidate with ``repairs`` added to its record."""
        return self.model_copy(update={"repairs": (*self.repairs, *repairs)}) if repairs else self

    def __str__(self) -> str:
        return self.text


class Distribution(BaseModel, Sequence[Candidate]):
    """The candidates of one task: an immutable sequence, in the order the model gave them.

    It serialises with pydantic (``model_dump_json`` and ``model_validate_json`` round-trip),
    prints as a table, and shows as escaped HTML in a notebook.

    Args:
        candidates: The candidates, in order.
        reasoning: What the model wrote before its candidates, where it was asked to reason.
        metadata: How the distribution came about: strategy, k, n, number of calls, token usage,
            and ``seed``, the default of `sample`.
    """

    model_config = ConfigDict(frozen=True)

    candidates: tuple[Candidate, ...] = ()
    reasoning: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)

    def __init__(
        self,
        candidates: Iterable[Candidate | Mapping[str, Any] | str] = (),
        **fields: Any,
    ) -> None:
        super().__init__(
            candidates=tuple(
                Candidate(text=item) if isinstance(item, str) else item for item in candidates
            ),
            **fields,
        )

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
        """Every repair of the candidates, each once, and that of the weights, if any."""
        found = dict.fromkeys(
            repair for candidate in self.candidates for repair in candidate.repairs
        )
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
    ) -> Candidate: ...
    @overload
    def sample(
        self,
        n: int,
        *,
        resampler: str | Resampler = ...,
        seed: int | random.Random | None = ...,
        **options: Any,
    ) -> list[Candidate]: ...
    def sample(
        self,
        n: int | None = None,
        *,
        resampler: str | Resampler = "proportional",
        seed: int | random.Random | None = None,
        **options: Any,
    ) -> Candidate | list[Candidate]:
        """Draw from the distribution.

        Args:
            n: How many to draw, at least 0; None draws one and returns it alone.
            resampler: A registered name (see `vs_core.resampling`) or a resampler.
            seed: Makes the draw reproducible; a `random.Random` is advanced by it. Default: the
                seed the distribution was made with (``metadata["seed"]``), or fresh randomness.
            **options: Options of a resampler given by name, such as ``p=0.8`` of ``"top_p"``.

        Returns:
            One candidate, or a list of ``n`` of them.

        Raises:
            ConfigurationError: If the distribution is empty, the name is unknown, ``n`` is
                negative, or a resampler without replacement is asked for more than there are.
        """
        from vs_core.plugins import plugins

        if not self.candidates:
            raise ConfigurationError("An empty distribution cannot be sampled.")
        require_optional_count("n", n, least=0)
        draw = plugins.resampler(resampler, **options)
        if seed is None:
            seed = self.metadata.get("seed")
        rng = seed if isinstance(seed, random.Random) else random.Random(seed)
        drawn = [self.candidates[index] for index in draw(self, 1 if n is None else n, rng)]
        return drawn[0] if n is None else drawn

    def argmax(self) -> Candidate:
        """Return the candidate of the largest weight, the first of equals.

        Raises:
            ConfigurationError: If the distribution is empty.
        """
        return self.sample(resampler="argmax")

    def seeded(self, seed: int | None) -> Distribution:
        """Return the distribution with ``seed`` as the default of `sample`; None keeps it."""
        if seed is None:
            return self
        return self.model_copy(update={"metadata": {**self.metadata, "seed": seed}})

    # --- deriving --------------------------------------------------------------------------

    def _with(self, candidates: Iterable[Candidate]) -> Distribution:
        return Distribution(candidates, reasoning=self.reasoning, metadata=self.metadata)

    def filter(
        self,
        predicate: Callable[[Candidate], bool] | None = None,
        *,
        min_probability: float | None = None,
        max_probability: float | None = None,
    ) -> Distribution:
        """Keep the candidates that pass every given test.

        Args:
            predicate: Called with each candidate.
            min_probability: Least verbalized probability to keep.
            max_probability: Greatest verbalized probability to keep; 0.1 keeps the tail.

        A candidate without a probability fails any test of it.
        """

        def passes(candidate: Candidate) -> bool:
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

    def reweight(self, temperature: float) -> Distribution:
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

    def dedupe(self, key: Callable[[Candidate], Any] | None = None) -> Distribution:
        """Merge the candidates that are the same, adding up their probabilities (at most 1).

        Args:
            key: What makes two candidates the same; it must return something hashable. Default:
                their text, without regard to case and white space.

        Returns:
            A distribution of the first of each kind, in order, with the repairs of all of them.
        """
        key = key or plain_text
        groups: dict[Any, list[Candidate]] = {}
        for candidate in self:
            groups.setdefault(key(candidate), []).append(candidate)
        return self._with(_merge(group) for group in groups.values())

    def map(self, function: Callable[[Candidate], Candidate | str]) -> Distribution:
        """Return the distribution with every candidate replaced by ``function(candidate)``.

        A string replaces the text alone; the probability stays.
        """

        def apply(candidate: Candidate) -> Candidate:
            result = function(candidate)
            if isinstance(result, Candidate):
                return result
            return candidate.model_copy(update={"text": result})

        return self._with(apply(candidate) for candidate in self)

    def __add__(self, other: Distribution) -> Distribution:
        """Concatenate two distributions; where both have a metadatum, the left one's stays."""
        if not isinstance(other, Distribution):
            return NotImplemented
        reasonings = [part.reasoning for part in (self, other) if part.reasoning]
        return Distribution(
            (*self.candidates, *other.candidates),
            reasoning="\n\n".join(reasonings) or None,
            metadata={**other.metadata, **self.metadata},
        )

    # --- a sequence ------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.candidates)

    def __iter__(self) -> Iterator[Candidate]:  # type: ignore[override]  # pydantic yields fields
        return iter(self.candidates)

    @overload
    def __getitem__(self, index: int) -> Candidate: ...
    @overload
    def __getitem__(self, index: slice) -> Distribution: ...
    def __getitem__(self, index: int | slice) -> Candidate | Distribution:
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
            from vs_core.errors import raise_missing_extra

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

    def __str__(self) -> str:
        from vs_core.display import as_text

        return as_text(self)

    def __rich__(self) -> Table:
        from vs_core.display import as_rich

        return as_rich(self)

    def _repr_html_(self) -> str:
        from vs_core.display import as_html

        return as_html(self)


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
    scaled = math.fsum(p / largest for p in given)
    share = len(given) / size
    weights = tuple(1 / size if p is None else p / largest / scaled * share for p in probabilities)
    repair = f"{missing} of {size} weights are uniform: no probability was given"
    return weights, repair if missing else None


def plain_text(candidate: Candidate) -> str:
    """The text without regard to case and white space: what makes two candidates the same."""
    return " ".join(candidate.text.casefold().split())


def _merge(group: Sequence[Candidate]) -> Candidate:
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
