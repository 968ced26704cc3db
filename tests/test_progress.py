"""How far a request of many calls is."""

import asyncio

import pytest

from vs_core import averbalize, verbalize

ANSWER = '[{"text": "a", "probability": 1}]'


async def acomplete(request):
    await asyncio.sleep(0)
    return ANSWER


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_function_is_told_after_each_call(asynchronous):
    told = []
    options = {"k": 1, "n": 20, "progress": lambda done, expected: told.append((done, expected))}
    if asynchronous:
        await averbalize("x", acomplete, **options)
    else:
        verbalize("x", lambda _: ANSWER, **options)
    assert told == [(done, 20) for done in range(1, 21)]


def test_repairs_come_on_top():
    told = []
    answers = iter(["no", ANSWER])
    verbalize("x", lambda _: next(answers), k=1, progress=lambda *far: told.append(far))
    assert told == [(1, 1), (2, 2)]


def test_a_bar_goes_to_standard_error_alone(capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    verbalize("x", lambda _: ANSWER, k=1, n=3, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "calls" in err
