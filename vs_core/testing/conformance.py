"""The suite that every integration passes.

An integration supplies a `Harness`, which says how to build it over a model and how to run it, and
inherits every test::

    class TestLangChain(ConformanceSuite):
        harness = LangChainHarness()

All tests go over HTTP, through the framework's real client, to a `SimulatedServer`. The reference
is the core over the same simulated model: same prompt, same model, same seed, same distribution.
Needs pytest (``pip install 'vs-core[testing]'``).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import pytest

from vs_core.candidates import Distribution
from vs_core.driver import verbalize
from vs_core.errors import ConfigurationError, ParseError
from vs_core.plugins import plugins
from vs_core.probabilities import DEFINITIONS
from vs_core.testing.model import Quirk, SimulatedModel
from vs_core.testing.server import SimulatedServer

__all__ = ["ConformanceSuite", "Harness"]

STRATEGIES = tuple(plugins.table("strategies"))
FORMATS = tuple(plugins.table("formats"))
"""What is registered where the suite runs, parts of installed plugins included."""
PROMPT = "Name a US state."
K = 3


class Harness(ABC):
    """How an integration is built over a model and run."""

    name: ClassVar[str]
    """Name of the framework, for the matrix in the test output."""

    formats: ClassVar[tuple[str | None, ...]] = FORMATS
    """Values of ``format=`` to test; None stands for the integration's own default."""

    refuses_unknown_options: ClassVar[bool] = True
    """Whether an option that nobody knows is an error; False where it is passed to the model."""

    @abstractmethod
    def build(self, base_url: str, **options: Any) -> Any:
        """Return the integration over the framework's real client.

        Args:
            base_url: OpenAI-compatible endpoint, ending in ``/v1``.
            **options: Options of the strategy, as `vs_core.verbalize` takes them.
        """

    @abstractmethod
    def run(self, sampler: Any, prompt: str) -> Distribution:
        """Run what `build` returned on a prompt and return its distribution."""

    @abstractmethod
    async def arun(self, sampler: Any, prompt: str) -> Distribution:
        """Do the same without blocking."""

    def cache(self) -> AbstractContextManager[Any] | None:
        """Return a context in which the framework's own cache, empty, is on.

        None (the default) if the framework caches no model calls.
        """
        return None


class Served:
    """What the tests of a suite share."""

    @pytest.fixture(scope="class")
    @classmethod
    def running(cls) -> Iterator[SimulatedServer]:
        """One server for all tests of the class."""
        with SimulatedServer() as server:
            yield server

    @pytest.fixture(scope="class")
    @classmethod
    def loop(cls) -> Iterator[asyncio.AbstractEventLoop]:
        """One event loop for all tests of the class: some clients keep connections open in it."""
        loop = asyncio.new_event_loop()
        yield loop
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


class ConformanceSuite(Served):
    """Tests that an integration inherits by naming its harness."""

    harness: ClassVar[Harness]

    @pytest.fixture
    def server(self, running: SimulatedServer) -> SimulatedServer:
        """The server, with a fresh model."""
        return serving(running)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run matrix tests for each strategy, format and definition."""
        for name, values in (
            ("strategy", STRATEGIES),
            ("format", self.harness.formats),
            ("definition", tuple(DEFINITIONS)),
        ):
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values)

    # --- the matrix --------------------------------------------------------------------------

    def test_matrix(self, server: SimulatedServer, strategy: str, format: str | None) -> None:
        """Every strategy in every format gives the core's distribution, in as many calls."""
        options: dict[str, Any] = {"strategy": strategy, "k": K, "n": 2 * K}
        expected = reference(format=format or "json", **options)
        got = self._run(server, **options, **_given(format))
        assert_same(got, expected)
        assert len(got) == 2 * K
        assert len(server.requests) == expected.metadata["calls"]
        assert (got.reasoning is None) == (expected.reasoning is None)
        assert got.metadata["strategy"] == strategy

    def test_matrix_async(
        self,
        server: SimulatedServer,
        loop: asyncio.AbstractEventLoop,
        strategy: str,
        format: str | None,
    ) -> None:
        """The same without blocking."""
        options: dict[str, Any] = {"strategy": strategy, "k": K, "n": 2 * K}
        expected = reference(format=format or "json", **options)
        sampler = self.harness.build(server.base_url, **options, **_given(format))
        got = loop.run_until_complete(self.harness.arun(sampler, PROMPT))
        assert_same(got, expected)
        assert len(server.requests) == expected.metadata["calls"]

    def test_formats(self, server: SimulatedServer) -> None:
        """Each format is asked for in words of its own."""
        named = [format for format in self.harness.formats if format is not None]
        said = set()
        for format in named:
            self._run(serving(server), k=K, **_given(format))
            said.add(_sent(server))
        assert len(said) == len(named)

    # --- the knobs ---------------------------------------------------------------------------

    @pytest.mark.parametrize(("k", "n", "calls"), [(5, None, 1), (5, 12, 3), (1, 3, 3), (4, 4, 1)])
    def test_k_and_n(self, server: SimulatedServer, k: int, n: int | None, calls: int) -> None:
        """⌈n/k⌉ calls, exactly n candidates."""
        got = self._run(server, k=k, n=n)
        assert len(got) == (n or k)
        assert len(server.requests) == calls
        assert_same(got, reference(k=k, n=n))

    def test_threshold(self, server: SimulatedServer) -> None:
        """The threshold is asked for, and the tail comes back."""
        got = self._run(server, k=K, threshold=0.02)
        assert "0.02" in _sent(server)
        assert all(candidate.probability and candidate.probability < 0.02 for candidate in got)
        assert_same(got, reference(k=K, threshold=0.02))

    def test_definitions(self, server: SimulatedServer, definition: str) -> None:
        """Each definition of probability is asked for and read back."""
        got = self._run(server, k=K, probability=definition)
        assert_same(got, reference(k=K, probability=definition))
        assert all(candidate.probability is not None for candidate in got)

    def test_seed_decides_the_draw(self, server: SimulatedServer) -> None:
        """The same distribution and seed give the same draws as in the core."""
        got = self._run(server, k=K)
        expected = reference(k=K)
        assert [c.text for c in got.sample(20, seed=7)] == [
            c.text for c in expected.sample(20, seed=7)
        ]

    # --- answers that are not what was asked for ---------------------------------------------

    @pytest.mark.parametrize("quirk", ["refusal", "plain", "empty"])
    def test_unreadable_answer_is_asked_for_again(
        self, running: SimulatedServer, quirk: Quirk
    ) -> None:
        """An unreadable answer costs one more call."""
        server = serving(running, quirk)
        got = self._run(server, k=K)
        assert len(got) == K
        assert len(server.requests) == 2

    def test_short_answer_is_completed(self, running: SimulatedServer) -> None:
        """What was good of a short answer is kept, and only the rest asked for."""
        server = serving(running, "short")
        got = self._run(server, k=K)
        assert len({candidate.text for candidate in got}) == K
        assert len(server.requests) == 2

    def test_refusal_is_an_error(self, running: SimulatedServer) -> None:
        """A refusal is a ParseError that carries the text, after exactly the retries."""
        server = serving(running, "refusal", "refusal", "refusal")
        with pytest.raises(ParseError) as caught:
            self._run(server, k=K, retries=2)
        assert caught.value.text
        assert len(server.requests) == 3

    def test_refusal_may_be_a_candidate(self, running: SimulatedServer) -> None:
        """With on_unparsed="single" it is one candidate without a probability."""
        server = serving(running, "refusal")
        got = self._run(server, k=K, retries=0, on_unparsed="single")
        assert [candidate.probability for candidate in got] == [None]
        assert got.repairs

    @pytest.mark.parametrize("quirk", ["fence", "prose", "malformed", "long"])
    def test_messy_answer_is_read(self, running: SimulatedServer, quirk: Quirk) -> None:
        """A messy answer is read as if it were clean, in one call."""
        server = serving(running, quirk)
        got = self._run(server, k=K)
        assert_same(got, reference(k=K))
        assert len(server.requests) == 1

    # --- the framework -----------------------------------------------------------------------

    def test_cache_keeps_calls_apart(self, server: SimulatedServer) -> None:
        """The framework's cache merges no calls, and serves a repeated run."""
        cache = self.harness.cache()
        if cache is None:
            pytest.skip(f"{self.harness.name} caches no model calls")
        with cache:
            first = self._run(server, k=5, n=15)
            assert len(server.requests) == 3
            again = self._run(server, k=5, n=15)
        assert len(server.requests) == 3
        assert_same(again, first)
        assert_same(first, reference(k=5, n=15))

    @pytest.mark.parametrize(
        "options",
        [
            {"k": 0},
            {"n": -1},
            {"threshold": 2},
            {"strategy": "vs_standart"},
            {"format": "jsn"},
            {"probability": "maybe"},
            {"retries": -1},
            {"on_unparsed": "ignore"},
        ],
        ids=str,
    )
    def test_bad_options_are_refused_at_once(
        self, server: SimulatedServer, options: dict[str, Any]
    ) -> None:
        """An option that cannot work is refused when the sampler is built."""
        with pytest.raises(ConfigurationError):
            self.harness.build(server.base_url, **options)
        assert not server.requests

    def test_an_unknown_option_is_refused_at_once(self, server: SimulatedServer) -> None:
        """Unless unknown options go to the model, as in some frameworks they do."""
        if not self.harness.refuses_unknown_options:
            pytest.skip(f"{self.harness.name} passes options that it does not know to the model")
        with pytest.raises(ConfigurationError, match="colour"):
            self.harness.build(server.base_url, colour="blue")

    # --- running -----------------------------------------------------------------------------

    def _run(self, server: SimulatedServer, **options: Any) -> Distribution:
        return self.harness.run(self.harness.build(server.base_url, **options), PROMPT)


def serving(server: SimulatedServer, *quirks: Quirk) -> SimulatedServer:
    """The server with a fresh model and no requests."""
    server.model = SimulatedModel(quirks=quirks)
    server.requests.clear()
    return server


def reference(**options: Any) -> Distribution:
    """What the core makes of the same prompt on the same model."""
    return verbalize(PROMPT, SimulatedModel(), max_concurrency=1, **options)


def _given(format: str | None) -> dict[str, str]:
    return {} if format is None else {"format": format}


def _sent(server: SimulatedServer) -> str:
    return str([request["messages"] for request in server.requests])


def assert_same(got: Distribution, expected: Distribution) -> None:
    """Same candidates with the same probabilities; parallel calls may come in any order."""
    assert sorted(candidate.text for candidate in got) == sorted(
        candidate.text for candidate in expected
    )
    assert sorted(candidate.probability or 0.0 for candidate in got) == pytest.approx(
        sorted(candidate.probability or 0.0 for candidate in expected), abs=1e-9
    )
    pairs = {(candidate.text, candidate.probability is None) for candidate in got}
    assert pairs == {(candidate.text, candidate.probability is None) for candidate in expected}
