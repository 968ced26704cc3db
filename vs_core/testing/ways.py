"""Every way of running x what must hold of each: a matrix in which a missing method is missed.

A sampler can be run whole or as a stream, blocking or not, alone or in a batch, and each framework
has names of its own for these. A twin that forgets a setting, a bound or its usage breaks alone,
and no test of the other twin sees it. So a harness lists its ways, and every test runs in each::

    class TestLangChainWays(WaysSuite):
        harness = LangChainWays()

Needs pytest (``pip install 'vs-core[testing]'``).
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any, ClassVar

import pytest

from vs_core.candidates import Candidate, Distribution
from vs_core.driver import DEFAULT_CONCURRENCY
from vs_core.errors import ParseError
from vs_core.testing.conformance import (
    PROMPT,
    Harness,
    K,
    Served,
    assert_same,
    reference,
    serving,
)
from vs_core.testing.server import SimulatedServer

__all__ = ["WaysHarness", "WaysSuite"]

Way = Callable[..., Any]
"""Called with the sampler, the prompt, the most calls at once (None: the default) and the model's
settings. A plain or a generator function, asynchronous or not; the distribution comes last."""

CALLER: ContextVar[str] = ContextVar("CALLER", default="nobody")


class WaysHarness(Harness):
    """A harness with all ways in which its integration is run."""

    interface: ClassVar[Any]
    """What users call methods of. Each ``x`` that has a twin ``ax`` there is a way, or lacks."""

    ways: ClassVar[Mapping[str, Way]]
    """The ways by name."""

    batches: ClassVar[Mapping[str, Callable[..., Any]]] = {}
    """Ways that are batches too: called with the sampler and prompts, they return a result or an
    exception for each."""

    lacks: ClassVar[Mapping[str, str]] = {}
    """Why a cell is not applicable, by ``"way"``, ``"property"`` or ``"way.property"``."""

    def run(self, sampler: Any, prompt: str) -> Distribution:
        """Not used: the ways are."""
        raise NotImplementedError

    async def arun(self, sampler: Any, prompt: str) -> Distribution:
        """Not used: the ways are."""
        raise NotImplementedError

    def spy(self, note: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
        """Have ``note`` called wherever the model is called; here, where httpx sends.

        That is httpx2 in newer clients: each that is loaded.
        """

        def spied(send: Any) -> Any:
            def sending(*args: Any, **kwargs: Any) -> Any:
                note()
                return send(*args, **kwargs)  # a coroutine, where it is one

            return sending

        for carrier in filter(None, map(sys.modules.get, ("httpx", "httpx2"))):
            for client in (carrier.Client, carrier.AsyncClient):
                monkeypatch.setattr(client, "send", spied(client.send))

    def tracing(self) -> AbstractContextManager[list[Any]]:
        """Return a context that gives the framework's own records of runs, one each."""
        raise NotImplementedError


class WaysSuite(Served):
    """Tests that an integration inherits by naming its harness; each runs in every way."""

    harness: ClassVar[WaysHarness]

    @pytest.fixture(autouse=True)
    def _prepared(
        self, running: SimulatedServer, loop: asyncio.AbstractEventLoop, way: str, request: Any
    ) -> None:
        name = request.function.__name__.removeprefix("test_")
        for key in (way, name, f"{way}.{name}"):
            if reason := self.harness.lacks.get(key):
                pytest.skip(f"{self.harness.name} {key}: {reason}")
        self.server, self._loop, self.way = serving(running), loop, way
        running.delay = running.token_delay = 0.0
        running.faults = []
        running.most_at_once = 0
        running.thinks = False

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each test in every way, those that are missing included."""
        metafunc.parametrize("way", sorted({*self.harness.ways, *self._twins()}))

    @classmethod
    def _twins(cls) -> set[str]:
        of = cls.harness.interface
        mine = [name for name in dir(of) if not name.startswith("_") and hasattr(of, f"a{name}")]
        found = {twin for name in mine for twin in (name, f"a{name}")}
        return {
            name for name in found if callable(getattr(of, name)) and name not in cls.harness.lacks
        }

    # --- what must hold ----------------------------------------------------------------------

    def test_same(self) -> None:
        """It gives the core's distribution."""
        assert_same(self._items(k=K)[-1], reference(k=K))

    def test_pieces(self) -> None:
        """A stream gives its candidates on the way, each once."""
        if not self._streams():
            pytest.skip("no stream")
        *before, last = self._items(k=K)
        assert len(before) >= K - 1
        candidates = [item for item in before if isinstance(item, Candidate)]
        assert [each.text for each in candidates] in ([], last.texts)

    def test_settings(self) -> None:
        """What is given for one run reaches the model, with every request."""
        self._items(k=K, n=2 * K, settings={"temperature": 0.25})
        assert [sent.get("temperature") for sent in self.server.requests] == [0.25] * 2

    def test_bounded(self) -> None:
        """No more requests are in flight than were allowed, and all are sent."""
        self.server.delay = 0.05
        self._items(k=1, n=6, limit=2)
        assert len(self.server.requests) == 6
        assert self.server.most_at_once <= 2

    def test_parallel(self) -> None:
        """Calls that need not wait for each other are in flight at once."""
        self.server.delay = 0.05
        self._items(k=1, n=4)
        assert self.server.most_at_once > 1

    def test_usage(self) -> None:
        """The tokens of all calls are counted, and how many calls there were."""
        got = self._items(k=K, n=2 * K)[-1]
        assert got.metadata["calls"] == len(got.completions) == 2
        for name in ("input_tokens", "output_tokens"):
            taken = [each.usage[name] for each in got.completions]
            assert min(taken) > 0
            assert got.metadata["usage"][name] == sum(taken)
        assert {each.model for each in got.completions} == {"simulated"}
        assert {each.finish_reason for each in got.completions} == {"stop"}

    def test_reasoning(self) -> None:
        """The reasoning before the answer is kept."""
        options = {"k": K, "strategy": "vs_cot"}
        assert self._items(**options)[-1].reasoning == reference(**options).reasoning

    def test_thoughts(self) -> None:
        """What a thinking model thought apart from its answer is kept, and is no candidate."""
        self.server.thinks = True
        got = self._items(k=K)[-1]
        assert got.reasoning
        assert got.reasoning == got.completions[0].reasoning
        assert len(got) == K

    def test_failure(self) -> None:
        """A call that fails for good costs itself alone."""
        self.server.faults = ["500"]
        got = self._items(k=K, n=2 * K, on_failure="keep", limit=1)[-1]
        assert len(got) == K
        assert len(got.metadata["failed"]) == 1

    def test_error(self) -> None:
        """An answer that cannot be read is an error with its text, after exactly the retries."""
        serving(self.server, "refusal", "refusal")
        with pytest.raises((ParseError, ValueError)) as caught:
            self._items(k=K, retries=1)
        assert getattr(caught.value, "text", None)
        assert len(self.server.requests) == 2

    def test_context(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Context variables of the caller are there where the model is called."""
        seen: list[str] = []
        self.harness.spy(lambda: seen.append(CALLER.get()), monkeypatch)
        token = CALLER.set("me")
        try:
            self._items(k=1, n=2)
        finally:
            CALLER.reset(token)
        assert set(seen) == {"me"}, seen

    def test_trace(self) -> None:
        """It leaves the framework's own records."""
        with self.harness.tracing() as records:
            self._items(k=K)
        assert len(records) == 1

    def test_closing(self) -> None:
        """A stream that is closed early stops, and asks nothing more."""
        if not self._streams():
            pytest.skip("no stream")
        self.server.token_delay = 0.002
        stream = self._started(k=K, n=4 * K, limit=1)
        if inspect.isasyncgen(stream):
            self._loop.run_until_complete(_first(stream))
        else:
            next(stream)
            stream.close()
        asked = len(self.server.requests)
        self._loop.run_until_complete(asyncio.sleep(0.1))  # what goes on may do so in the loop
        assert len(self.server.requests) == asked < 4

    def test_neighbours(self) -> None:
        """In a batch, an input that fails costs itself alone."""
        if (batch := self.harness.batches.get(self.way)) is None:
            pytest.skip("no batch")
        self.server.faults = ["500"]
        found = batch(self.harness.build(self.server.base_url, k=K), [PROMPT, PROMPT])
        results = self._loop.run_until_complete(found) if inspect.isawaitable(found) else found
        assert sum(isinstance(result, Distribution) for result in results) == 1, results
        assert sum(isinstance(result, Exception) for result in results) == 1

    def test_cancelling(self) -> None:
        """A task that is cancelled ends at once, and asks nothing more."""
        if not self._awaits():
            pytest.skip("not asynchronous")
        self.server.delay = 0.2
        self._loop.run_until_complete(self._cancelled())
        assert len(self.server.requests) <= DEFAULT_CONCURRENCY  # those that were under way

    async def _cancelled(self) -> None:
        task = asyncio.ensure_future(_collected(self._started(k=1, n=40)))
        while not self.server.requests:  # noqa: ASYNC110 - it fills in another thread
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.3)

    # --- running -----------------------------------------------------------------------------

    def _started(
        self, limit: int | None = None, settings: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        if self.way not in self.harness.ways:
            pytest.fail(f"{self.harness.name} has {self.way}, and no way of that name is tested")
        sampler = self.harness.build(self.server.base_url, **options)
        return self.harness.ways[self.way](sampler, PROMPT, limit, dict(settings or {}))

    def _items(self, **options: Any) -> list[Any]:
        """All that comes out, the distribution last."""
        if self._awaits():
            items: list[Any] = self._loop.run_until_complete(self._collecting(options))
            return items
        found = self._started(**options)
        return list(found) if isinstance(found, Iterator) else [found]

    async def _collecting(self, options: Mapping[str, Any]) -> list[Any]:
        return await _collected(self._started(**options))

    def _streams(self) -> bool:
        way = self.harness.ways.get(self.way)
        return inspect.isgeneratorfunction(way) or inspect.isasyncgenfunction(way)

    def _awaits(self) -> bool:
        way = self.harness.ways.get(self.way)
        return inspect.iscoroutinefunction(way) or inspect.isasyncgenfunction(way)


async def _collected(found: Any) -> list[Any]:
    return [item async for item in found] if inspect.isasyncgen(found) else [await found]


async def _first(stream: Any) -> None:
    await anext(stream)
    await stream.aclose()
