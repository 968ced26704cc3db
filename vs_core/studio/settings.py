"""What the page is set to: one thing that is asked, drawn from, written as code, and kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from vs_core.candidates import Candidate, Distribution, resampler_of
from vs_core.clients import OpenAIModel
from vs_core.embedding import OpenAIEmbedder
from vs_core.equivalence import ByMeaning
from vs_core.errors import ConfigurationError
from vs_core.generation.prices import Price
from vs_core.messages import Message
from vs_core.resampling import read_resampler
from vs_core.strategies import Strategy, strategy_of
from vs_core.testing import SimulatedModel
from vs_core.testing.server import embedding

__all__ = ["SIMULATED", "Model", "Settings"]

Model = OpenAIModel | SimulatedModel

SIMULATED = "simulated"
"""The name of the model that needs no key."""


@dataclass(frozen=True)
class Settings:
    """Everything that a run is made from.

    Args:
        prompt: What is asked.
        system: A system message; "" for none.
        model: Name of a model, or `SIMULATED`.
        base_url: Its endpoint, ending in ``/v1``; "" for OpenAI's own. The key is taken from
            ``OPENAI_API_KEY`` and shown nowhere.
        strategy: A registered name.
        format: How answers are written.
        probability: How probability is defined.
        k: Candidates a call.
        n: Candidates in all.
        threshold: Every probability is asked to be below it; 1 is no limit.
        temperature: Of the model; None leaves it at its own.
        embedding_model: What tells answers of like meaning, at the same endpoint; "" for none.
            With the simulated model any name will do: it sees words, and no meaning.
        above: Least cosine similarity of answers that are the same in other words.
        price: Of a million input and output tokens; None takes the known ones.
        resampler: How one is drawn: a registered name, or one with its option, ``"top_p:p=0.8"``.
    """

    prompt: str
    system: str = ""
    model: str = SIMULATED
    base_url: str = ""
    strategy: str = "vs_standard"
    format: str = "json"
    probability: str = "explicit"
    k: int = 5
    n: int = 5
    threshold: float = 1.0
    temperature: float | None = None
    embedding_model: str = ""
    above: float = 0.9
    price: tuple[float, float] | None = None
    resampler: str = "proportional"

    @property
    def simulated(self) -> bool:
        """Whether answers are simulated."""
        return self.model == SIMULATED and not self.base_url

    def messages(self) -> tuple[Message, ...]:
        """Return the conversation.

        Raises:
            ConfigurationError: If there is no prompt.
        """
        if not self.prompt.strip():
            raise ConfigurationError("Write a prompt first.")
        user = Message("user", self.prompt)
        return (Message("system", self.system), user) if self.system.strip() else (user,)

    def options(self) -> dict[str, Any]:
        """Return the options of the strategy that are not its defaults."""
        given: dict[str, Any] = {"k": self.k}
        if self.n != self.k:
            given["n"] = self.n
        if self.strategy != "vs_standard":
            given["strategy"] = self.strategy
        if self.threshold < 1:
            given["threshold"] = round(self.threshold, 6)
        if self.format != "json":
            given["format"] = self.format
        if self.probability != "explicit":
            given["probability"] = self.probability
        return given

    def made(self) -> Strategy:
        """Return the strategy.

        Raises:
            ConfigurationError: If an option cannot work.
        """
        return strategy_of(**self.options())

    def drawing(self) -> tuple[str, dict[str, float]]:
        """Return the name of the resampler and its options; of the default one no name.

        Raises:
            ConfigurationError: If it is written in another way.
        """
        name, options = read_resampler(self.resampler)
        return ("" if name == "proportional" else name), options

    def draw(self, found: Distribution) -> Candidate:
        """Draw from what is there; nothing is asked.

        Raises:
            ConfigurationError: If there is nothing, or no such resampler or option.
        """
        name, options = read_resampler(self.resampler)
        return found.sample(resampler=resampler_of(name, **options))

    def direct(self) -> Strategy:
        """Return what it is compared with: as many plain answers."""
        return strategy_of("direct", k=1, n=self.n)

    def complete(self) -> Model:
        """Return the model.

        Raises:
            ConfigurationError: If it has no name, or OpenAI's own endpoint is meant and there is no
                key in the environment.
        """
        if self.simulated:
            return SimulatedModel()
        if not self.model.strip():
            raise ConfigurationError("Name a model, or choose the simulated one.")
        if not self.base_url and not os.environ.get("OPENAI_API_KEY"):
            raise ConfigurationError(
                "Set OPENAI_API_KEY before starting the studio, or name an endpoint."
            )
        parameters: dict[str, Any] = (
            {} if self.temperature is None else {"temperature": self.temperature}
        )
        return OpenAIModel(self.model, base_url=self.base_url or None, **parameters)

    def same(self) -> ByMeaning | None:
        """Return what puts answers of like meaning together; None without an embedder.

        Raises:
            ConfigurationError: If ``above`` is no cosine similarity.
        """
        name = self.embedding_model.strip()
        if not name:
            return None
        if self.simulated:
            return ByMeaning(lambda texts: [embedding(text) for text in texts], self.above)
        return ByMeaning(OpenAIEmbedder(name, base_url=self.base_url or None), self.above)

    def cost(self, usage: Mapping[str, int]) -> float | None:
        """Return what tokens cost; None where no price is known."""
        return Price(None if self.simulated else self.model, self.price).of(usage)

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as data."""
        return asdict(self)
