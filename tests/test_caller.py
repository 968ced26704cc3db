"""Asking a model often: fewer at once where it pushes back, and more again."""

import asyncio

import pytest

from vs_core import Completion, ConfigurationError, Message, ModelError, Request
from vs_core.caller import Caller
from vs_core.clients import OpenAIModel
from vs_core.gate import Gate
from vs_core.generation import Run
from vs_core.testing import SimulatedServer

pytest.importorskip("openai")
pytest.importorskip("tenacity")
REQUEST = Request((Message("user", "Name a thing."),))


async def test_a_gate_lets_so_many_in():
    gate = Gate(4)
    most = inside = 0

    async def pass_through():
        nonlocal most, inside
        async with gate:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(pass_through() for _ in range(20)))
    assert most == 4
    gate.push_back(gate.lowered)
    most = 0
    await asyncio.gather(*(pass_through() for _ in range(20)))
    assert most == 2


def test_what_was_pushed_back_together_counts_once_and_it_becomes_more_one_at_a_time():
    gate = Gate(8)
    began = gate.lowered
    for _ in range(5):
        gate.push_back(began)
    assert gate.allowed == 4
    for _ in range(10):
        gate.push_back(gate.lowered)
    assert gate.allowed == 1
    grown = []
    for _ in range(40):
        gate.went_well()
        grown.append(gate.allowed)
    assert grown == sorted(grown)
    assert (grown[0], grown[-1]) == (2, 8)
    assert grown.count(5) >= 4


async def test_a_call_that_is_given_up_leaves_its_place_to_others():
    gate = Gate(1)
    async with gate:
        waiting = [asyncio.ensure_future(gate.__aenter__()) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
    await asyncio.wait_for(waiting[1], 5)
    await gate.__aexit__(None, None, None)
    async with gate:
        pass


async def test_a_provider_that_is_full_is_asked_less_and_more_again():
    with SimulatedServer(capacity=2, delay=0.05) as server:
        model = OpenAIModel("m", base_url=server.base_url, api_key="x", max_retries=0)
        caller = Caller(6, None, 20)
        allowed = []

        async def ask():
            await caller.ask(model.acomplete, REQUEST)
            allowed.append(caller.allowed)

        await asyncio.gather(*(ask() for _ in range(12)))
        assert len(allowed) == 12
        assert 1 <= min(allowed) <= 3
        refused = len(server.requests) - 12
        assert 0 < refused < 12 * 2
        server.capacity, server.delay = None, 0.0
        await asyncio.gather(*(ask() for _ in range(30)))
        assert caller.allowed == 6
        await model.aclose()
        caller.close()


def test_a_run_over_a_full_provider_is_complete(tmp_path):
    with SimulatedServer(capacity=3, delay=0.02) as server:
        model = OpenAIModel("m", base_url=server.base_url, api_key="x", max_retries=0)
        run = Run(
            [{"n": n} for n in range(20)], prompt="Name {n}.", model=model, k=2, concurrency=8,
            attempts=20, out=tmp_path / "o.jsonl",
        )  # fmt: skip
        assert run.run().rows == 40
        assert len(server.requests) < 20 * 3


async def test_other_failures_do_not_slow_it():
    with SimulatedServer(faults=["500"]) as server:
        model = OpenAIModel("m", base_url=server.base_url, api_key="x", max_retries=0)
        caller = Caller(4, None, 1)
        with pytest.raises(ModelError):
            await caller.ask(model.acomplete, REQUEST)
        assert caller.allowed == 4
        await model.aclose()
        caller.close()


async def test_calls_are_as_far_apart_as_their_tokens_ask(monkeypatch):
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    async def complete(request):
        return Completion("a", {"input_tokens": 40, "output_tokens": 60})

    caller = Caller(8, None, 1, tokens=60)  # 100 tokens a call: one in 100 s
    await caller.ask(complete, REQUEST)  # from which the others are guessed
    monkeypatch.setattr("vs_core.caller.asyncio.sleep", sleep)
    for _ in range(5):
        await caller.ask(complete, REQUEST)
    caller.close()
    assert waited == pytest.approx([0, 100, 200, 300, 400], abs=50)  # as nobody slept


@pytest.mark.parametrize(
    "limits", [{"concurrency": 0}, {"rate": 0}, {"attempts": 0}, {"tokens_a_minute": -1}]
)
def test_a_limit_that_cannot_work_is_said_before_anything_is_begun(limits, tmp_path):
    with pytest.raises(ConfigurationError, match=next(iter(limits)).partition("_")[0]):
        Run([{"n": 1}], prompt="Name {n}.", model=lambda _: "x", out=tmp_path / "o.jsonl", **limits)
    assert not any(tmp_path.iterdir())
