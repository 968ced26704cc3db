"""What the page is made of, without a browser."""

import io
import shlex
from contextlib import redirect_stdout

import pytest

from vs_core import Candidate, ConfigurationError, Distribution
from vs_core.clients import OpenAIModel
from vs_core.studio.code import TARGETS, code
from vs_core.studio.settings import Settings
from vs_core.studio.sides import Side, alike, both
from vs_core.studio.sweep import KNOBS, svg, sweep
from vs_core.testing import SimulatedServer

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">'
SETTINGS = Settings("Name a US state.", k=3, n=6, threshold=0.5)


@pytest.fixture
def server(monkeypatch):
    with SimulatedServer() as server:
        monkeypatch.setenv("OPENAI_API_KEY", "secret-key")
        yield server


def over(server, **settings):
    return Settings("Name a US state.", model="m", base_url=server.base_url, **settings)


def test_both_sides_come_in_side_by_side_and_end_as_they_would_alone(server):
    states = list(both(over(server, k=3, n=6)))
    direct, verbalized = states[-1]
    assert (len(direct.found), len(verbalized.found)) == (6, 6)
    assert direct.done
    assert verbalized.done
    assert len(states) >= 8
    assert f"{verbalized.distinct} distinct of 6" in verbalized.html()
    assert "tokens" in verbalized.figures()


def test_answers_that_are_the_same_are_grouped():
    _, side = list(both(SETTINGS))[-1]
    doubled = side.found + side.found
    groups = alike(doubled)
    assert sum(count for _, count, _, _ in groups) == 12
    assert sum(weight for _, _, weight, _ in groups) == pytest.approx(1)


def test_a_model_that_fails_says_so_on_its_side(server):
    server.faults = ["500"] * 40
    direct, verbalized = list(both(over(server, k=3, n=3)))[-1]
    assert "ModelError" in direct.error
    assert "ModelError" in verbalized.error
    assert "secret-key" not in direct.html() + verbalized.html()


def test_texts_of_models_are_escaped():
    page = Side(HOSTILE, Distribution([Candidate(text=HOSTILE)]), error=HOSTILE).html()
    assert "<script" not in page
    assert "<img" not in page


def test_nothing_is_asked_where_settings_cannot_work(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
        list(both(Settings("x", model="gpt-4.1")))
    with pytest.raises(ConfigurationError, match="prompt"):
        list(both(Settings(" ")))
    with pytest.raises(ConfigurationError, match="k must be"):
        list(both(Settings("x", k=0)))


@pytest.mark.parametrize("knob", KNOBS)
def test_a_sweep_gives_a_point_at_each_setting_with_an_interval(knob):
    points = list(sweep(SETTINGS, knob, n=12))
    assert [point.value for point in points] == list(KNOBS[knob])
    assert all(point.n >= 12 for point in points)
    assert all(0 <= p.diversity.low <= p.diversity.high <= 1 for p in points)
    drawing = svg(points, knob)
    assert drawing.count("<circle") == len(points)
    assert 'role="img"' in drawing


def test_a_sweep_over_nothing_that_turns():
    with pytest.raises(ConfigurationError, match="threshold or k"):
        next(sweep(SETTINGS, "format"))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("system", ["", "Be brief."])
def test_the_code_does_the_same(server, target, system, monkeypatch):
    for name in ("langchain_openai", "dspy", "llama_index.llms.openai_like"):
        pytest.importorskip(name)
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    settings = Settings(
        "Say \"a\" or 'b'.", system, "m", server.base_url, k=2, n=4, threshold=0.5, temperature=0.3
    )
    written = code(settings, target)
    if target == "shell":
        from typer.testing import CliRunner

        from vs_core.cli.app import app

        _, *words = shlex.split(written)
        assert CliRunner().invoke(app, words).exit_code == 0
    else:
        import dspy

        dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=False)
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(written, target, "exec"), {})
        assert printed.getvalue().strip()
    asked = [str(request["messages"]) for request in server.requests]
    assert len(asked) == 2
    assert all("0.5" in each for each in asked)
    assert {request["temperature"] for request in server.requests} == {0.3}


def test_the_code_of_the_simulated_model_runs_without_a_server():
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(code(SETTINGS, "core"), "core", "exec"), {})
    assert printed.getvalue().count("\n") >= 7
    assert "--simulated" in code(SETTINGS, "shell")


def test_the_model_is_the_one_that_was_named(server):
    made = over(server, temperature=0.2).complete()
    assert isinstance(made, OpenAIModel)
    assert made.parameters == {"temperature": 0.2}
