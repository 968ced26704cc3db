"""The matrix of ways fails each way that is broken: a kit that passes all would look the same."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conformance import test_core as core
from vs_core import ModelError
from vs_core.testing import SimulatedServer
from vs_core.testing.conformance import serving
from vs_core.testing.ways import WaysSuite


@pytest.fixture(scope="module")
def server():
    with SimulatedServer() as server:
        yield server


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def _with(**changed):
    """A way whose distribution is another."""

    def way(*given):
        *before, last = core._stream(*given)
        yield from [*before, last.model_copy(update=changed)]

    return way


def _asks_another_thing(sampler, prompt, limit, settings):
    yield from core._stream(sampler, "Tell me a joke.", limit, settings)


def _gives_all_at_once(*given):
    yield core._run(*given)


def _forgets_settings(sampler, prompt, limit, settings):
    yield from core._stream(sampler, prompt, limit, {})


def _knows_no_bound(sampler, prompt, limit, settings):
    yield from core._stream(sampler, prompt, None, settings)


def _one_by_one(sampler, prompt, limit, settings):
    yield from core._stream(sampler, prompt, 1, settings)


def _raises(sampler, prompt, limit, settings):
    model, strategy = sampler
    yield from core._stream((model, strategy.replace(on_failure="raise")), prompt, limit, settings)


def _swallows(*given):
    try:
        yield from core._stream(*given)
    except Exception:
        yield None


def _leaves_its_context(*given):
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(core._run, *given).result()


def _goes_on(*given):
    yield from list(core._stream(*given))


async def _agoes_on(*given):
    for item in [item async for item in core._astream(*given)]:
        yield item


async def _is_not_cancelled(*given):
    asking = asyncio.ensure_future(core._arun(*given))
    try:
        return await asyncio.shield(asking)
    except asyncio.CancelledError:
        return await asking


@pytest.mark.parametrize(
    ("check", "way"),
    [
        ("same", _asks_another_thing),
        ("pieces", _gives_all_at_once),
        ("settings", _forgets_settings),
        ("bounded", _knows_no_bound),
        ("parallel", _one_by_one),
        ("usage", _with(completions=())),
        ("usage", _with(metadata={"calls": 2, "usage": {"input_tokens": 1, "output_tokens": 1}})),
        ("reasoning", _with(reasoning=None)),
        ("thoughts", _with(reasoning=None)),
        ("failure", _raises),
        ("error", _swallows),
        ("context", _leaves_its_context),
        ("closing", _goes_on),
        ("closing", _agoes_on),
        ("cancelling", _is_not_cancelled),
    ],
)
def test_what_is_broken_fails(check, way, server, loop, monkeypatch):
    harness = type("Harness", (core.CoreWays,), {"ways": {"way": way}})()
    suite = type("Suite", (WaysSuite,), {"harness": harness})()
    suite.server, suite._loop, suite.way = serving(server), loop, "way"
    server.delay = server.token_delay = server.most_at_once = 0
    server.faults, server.thinks = [], False
    given = [monkeypatch] if check == "context" else []
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        getattr(suite, f"test_{check}")(*given)
    failures = (AssertionError, ModelError, pytest.fail.Exception)
    assert isinstance(caught.value, failures), "skipped"
