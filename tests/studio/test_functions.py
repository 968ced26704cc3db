"""What the page is made of, without a browser."""

import io
import json
import math
import re
import shlex
from contextlib import redirect_stdout
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from vs_core import Candidate, Completion, ConfigurationError, Distribution
from vs_core.clients import OpenAIModel
from vs_core.display import shorten
from vs_core.messages import Message
from vs_core.metrics import Interval, lexical_diversity
from vs_core.studio.code import TARGETS, code
from vs_core.studio.history import Kept, compared, difference, table
from vs_core.studio.settings import Settings
from vs_core.studio.sides import Side, alike, both
from vs_core.studio.sweep import KNOBS, Point, svg, sweep
from vs_core.testing import SimulatedModel, SimulatedServer

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
    doubled = replace(side, found=side.found + side.found)
    groups = alike(doubled.found, doubled.keys)
    assert sum(group.count for group in groups) == 12
    assert sum(group.weight for group in groups) == pytest.approx(1)
    assert {group.others for group in groups} == {()}


JOKES = ["A bear in the wood.", "Quarterly figures.", "a bear in the  wood.", "A bear in a wood."]


class Paraphrasing(SimulatedModel):
    """A model that says one thing in other words, and one other thing."""

    def answer(self, messages, schema=None):
        completion = super().answer(messages, schema)
        if "probabilit" not in str(messages):
            return completion
        answers = [{"text": text, "probability": 0.2} for text in JOKES]
        return Completion(json.dumps({"responses": answers}), completion.usage)


def test_answers_of_like_meaning_are_one_and_its_other_words_stand_below(server):
    server.model = Paraphrasing()
    settings = over(server, k=4, n=16, embedding_model="e", above=0.5)
    side = list(both(settings))[-1][1]
    assert side.distinct == 2
    assert "2 distinct by meaning of 16" in side.figures()
    assert "semantic diversity 0." in side.figures()
    first, second = alike(side.found, side.keys)
    assert (first.first.text, first.count, first.others) == (JOKES[0], 12, (JOKES[3],))
    assert first.weight == pytest.approx(0.75)
    assert second.first.text == JOKES[1]
    assert side.html().count("<details>") == 1
    asked = [r for r in server.requests if "input" in r]
    assert all(r["model"] == "e" for r in asked)
    assert [r["input"] for r in asked if JOKES[1] in r["input"]] == [JOKES]  # each text once
    by_text = list(both(replace(settings, embedding_model="")))[-1][1]
    assert "3 distinct of 16" in by_text.figures()
    assert "semantic" not in by_text.figures()


def test_the_simulated_model_has_a_simulated_embedder():
    _, side = list(both(replace(SETTINGS, embedding_model="any")))[-1]
    assert "by meaning" in side.figures()


def test_an_embedder_that_fails_costs_no_answer():
    with SimulatedServer(names=["m"]) as server:
        settings = over(server, k=3, n=3, embedding_model="unknown")
        direct, verbalized = list(both(settings))[-1]
    for side in (direct, verbalized):
        assert "Embedding by 'unknown'" in side.error
        assert len(side.found) == 3
        assert "3 distinct" in side.figures() or side is direct
        assert side.html().count("<small>") >= 1


def test_cost_stands_beside_tokens(server):
    priced = list(both(over(server, k=3, n=6, price=(1e6, 2e6))))[-1][1]
    usage = priced.found.metadata["usage"]
    assert priced.cost == usage["input_tokens"] + 2 * usage["output_tokens"]
    assert f"cost {priced.cost:.3g}" in priced.figures()
    unknown = list(both(over(server, k=3, n=6)))[-1][1]
    assert unknown.cost is None
    assert "cost" not in unknown.figures()
    pytest.importorskip("genai_prices")
    known = replace(over(server), model="gpt-4.1-mini").cost({"input_tokens": 1_000_000})
    assert known is not None
    assert 0 < known < 10


def test_two_runs_beside_each_other():
    first = Kept(SETTINGS, *list(both(SETTINGS))[-1])
    wide = replace(SETTINGS, k=6, n=24, embedding_model="any")
    second = Kept(wide, *list(both(wide))[-1])
    shown = compared(first, second, ("4", "7"))
    assert "<td>k</td><td>3</td><td>6</td>" in shown
    assert "<td>threshold</td>" not in shown  # it is the same
    assert shown.count("an interval takes four calls of each") == 1
    texts = [{c.text for c in run.verbalized.found} for run in (first, second)]
    assert f"in both: {len(texts[0] & texts[1])}" in shown
    assert f"only in run 7: {len(texts[1] - texts[0])}" in shown
    assert "The settings are the same." in compared(first, first)
    name, by = difference(second.verbalized, second.verbalized)
    assert (name, by.estimate) == ("semantic diversity", 0)
    assert by.low < 0 < by.high
    name, by = difference(first.direct, second.direct)
    assert name == "lexical diversity"
    texts = first.direct.found.texts, second.direct.found.texts
    assert by.estimate == pytest.approx(lexical_diversity(texts[1]) - lexical_diversity(texts[0]))


def answered(*texts, **options):
    """A side with these texts, each from a call of its own."""
    candidates = [Candidate(text=t, probability=0.2, call=c) for c, t in enumerate(texts)]
    return Side("x", Distribution(candidates), done=True, **options)


def listed(html):
    """What stands in the cells and lines of some HTML, in order."""
    return re.findall(r"<(th|td|p|h4|li)>(.*?)</\1>", html)


def rows(html):
    """The cells of a table by rows."""
    return [re.findall(r"<t[hd]>(.*?)</t[hd]>", row) for row in html.split("<tr>")[1:]]


FIGURES = {n: f"{n} distinct of {n} · effective size {n}.0" for n in range(1, 6)}


def test_the_runs_of_a_page_are_a_table():
    runs = [
        Kept(SETTINGS, answered("Ohio", " ohio "), answered("Ohio", "Iowa", "Utah")),
        Kept(Settings("word " * 40, strategy="vs_cot"), answered("cat"), answered("cat", "dog")),
    ]
    assert rows(table(runs)) == [
        ["#", "prompt", "strategy", "k", "n", "threshold", "direct", "verbalized"],
        ["1", "Name a US state.", "vs_standard", "3", "6", "0.5",
         "1 distinct of 2 · effective size 1.0", FIGURES[3]],
        ["2", shorten("word " * 40, 80), "vs_cot", "5", "5", "1.0", FIGURES[1], FIGURES[2]],
    ]  # fmt: skip


def test_two_runs_are_beside_each_other_in_settings_figures_differences_and_answers():
    first = Kept(SETTINGS, answered("Ohio"), answered("Ohio", "Iowa", "Utah", "Utah"))
    other = Kept(
        replace(SETTINGS, k=5, model="m"), answered("Ohio", "Iowa"),
        answered("Utah", "ohio ", "Maine", "Texas", "North Dakota"),
    )  # fmt: skip
    shown = compared(first, other)
    assert rows(shown.partition("</table>")[0]) == [
        ["", "run 1", "run 2"],
        ["model", "simulated", "m"],
        ["k", "3", "5"],
        ["direct", FIGURES[1], FIGURES[2]],
        ["verbalized", "3 distinct of 4 · effective size 2.7", FIGURES[5]],
    ]
    _, by = difference(first.verbalized, other.verbalized)
    assert by.low < 0 < by.high
    assert listed(shown.partition("</table>")[2]) == [
        ("p", "direct, run 2 over run 1: lexical diversity +1.00; "
              "an interval takes four calls of each"),
        ("p", "verbalized, run 2 over run 1: lexical diversity "
              f"+{by.estimate:.2f}, 95 % interval {by.low:+.2f} to {by.high:+.2f}, not told apart"),
        ("h4", "only in run 1: 1"), ("li", "Iowa"),
        ("h4", "in both: 2"), ("li", "Ohio"), ("li", "Utah"),
        ("h4", "only in run 2: 3"), ("li", "Maine"), ("li", "Texas"), ("li", "North Dakota"),
    ]  # fmt: skip
    assert listed(compared(first, first).partition("</table>")[2])[0] == (
        "p", "The settings are the same.",
    )  # fmt: skip


@pytest.mark.parametrize("turned", [False, True])
def test_runs_that_differ_are_told_apart(turned):
    sides = [answered(*["Ohio"] * 8), answered("Ohio", "Iowa", "Utah", "Maine", "Texas", "Idaho")]
    first, other = (Kept(SETTINGS, each, each) for each in sides[:: -1 if turned else 1])
    ((_, said), *_) = listed(compared(first, other).partition("</table>")[2])[1:]
    assert f"lexical diversity {'-' if turned else '+'}1.00, 95 % interval" in said
    assert "not told apart" not in said


def test_a_side_is_shown_with_its_groups():
    side = answered("Ohio", "Iowa", "ohio", cost=0.01234)
    group = '<li>{}<small>{}</small><span class="vs-bar" style="width:{}%"></span></li>'
    figures = "2 distinct of 3 · effective size 1.8 · cost 0.0123"
    shown = (
        '<section class="vs-side"><h3>x</h3><p class="vs-figures" aria-live="polite">{}</p>'
        f"<ol>{group.format('Ohio', 'said 0.2, weight 0.67 ×2', '66.7')}"
        f"{group.format('Iowa', 'said 0.2, weight 0.33', '33.3')}</ol></section>"
    )
    assert side.html() == shown.format(figures)
    assert replace(side, done=False).html() == shown.format(f"{figures} (coming in …)")
    plain = Side("x", Distribution([Candidate(text="Ohio")]))
    assert "<small>weight 1.00</small>" in plain.html()


def test_texts_in_a_comparison_are_escaped():
    side = Side("x", Distribution([Candidate(text=HOSTILE)]))
    kept = Kept(Settings(HOSTILE), side, side)
    assert "<script" not in compared(kept, kept) + table([kept])
    assert "&lt;script" in compared(kept, kept)
    assert "&lt;script" in table([kept])


def test_a_model_that_fails_says_so_on_its_side(server):
    server.faults = ["500"] * 40
    direct, verbalized = list(both(over(server, k=3, n=3)))[-1]
    assert "ModelError" in direct.error
    assert "ModelError" in verbalized.error
    assert direct.done
    assert verbalized.done
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
    assert [point.n for point in points] == [
        max(12, 4 * (value if knob == "k" else SETTINGS.k)) for value in KNOBS[knob]
    ]
    assert all(0 <= p.diversity.low <= p.diversity.high <= 1 for p in points)
    assert all(1 < p.distinct <= p.n for p in points)


def test_a_sweep_is_drawn_with_a_mark_a_bar_and_a_number_at_each_setting():
    unknown = math.nan
    points = [
        Point(1.0, Interval(0.5, 0.25, 0.75), 3, 6),
        Point(0.05, Interval(0.2, unknown, unknown), 1, 2),
    ]
    drawing = ElementTree.fromstring(svg(points, "threshold"))
    assert drawing.attrib["aria-label"] == "lexical diversity by threshold: 1: 0.50; 0.05: 0.20"
    assert (drawing.attrib["role"], drawing.attrib["viewBox"]) == ("img", "0 0 560 260")
    lines = [
        tuple(float(line.attrib[name]) for name in ("x1", "x2", "y1", "y2"))
        for line in drawing.iter("line")
    ]
    grid, bars = [(50, 540, y, y) for y in (220, 120, 20)], [(90.8, 90.8, 170, 70)]
    assert lines == grid + bars  # 0, ½ and 1 are 100 apart
    marks = [
        (each.attrib["cx"], each.attrib["cy"], each[0].text) for each in drawing.iter("circle")
    ]
    assert marks == [
        ("90.8", "120.0", "3 distinct of 6"),
        ("172.5", "180.0", "1 distinct of 2"),  # a sixth of the width further
    ]
    words = [(each.attrib["x"], each.attrib["y"], each.text) for each in drawing.iter("text")]
    assert words == [
        ("42", "224.0", "0"), ("42", "124.0", "0.5"), ("42", "24.0", "1"),
        ("90.8", "242", "1"), ("172.5", "242", "0.05"), ("280.0", "258", "threshold"),
    ]  # fmt: skip


def test_a_sweep_over_nothing_that_turns():
    with pytest.raises(ConfigurationError, match="threshold or k"):
        next(sweep(SETTINGS, "format"))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("system", "resampler"),
    [("", "proportional"), ("Be brief.", "argmax"), ("", "top_p:p=0.000001")],
)
def test_the_code_does_the_same(server, target, system, resampler, monkeypatch):
    for name in ("langchain_openai", "dspy", "llama_index.llms.openai_like"):
        pytest.importorskip(name)
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    settings = Settings(
        "Say \"a\" or 'b'.", system, "m", server.base_url, k=2, n=4, threshold=0.5,
        temperature=0.3, resampler=resampler,
    )  # fmt: skip
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
    assert all("0.5" in each and system in each for each in asked)
    assert {request["temperature"] for request in server.requests} == {0.3}


@pytest.mark.parametrize("target", [target for target in TARGETS if target != "shell"])
def test_the_code_of_the_simulated_model_runs_without_a_server(target, monkeypatch):
    for name in ("langchain_openai", "dspy", "llama_index.llms.openai_like"):
        pytest.importorskip(name)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(code(replace(SETTINGS, resampler="argmax"), target), target, "exec"), {})
    *shown, drawn = printed.getvalue().splitlines()
    best = max(shown[1:7], key=lambda line: float(line.split()[2]))
    assert best.endswith(f"  {drawn}")


def test_what_is_drawn_is_drawn_as_it_was_set():
    found = Distribution([Candidate(text=t, probability=p) for t, p in (("a", 0.9), ("b", 0.1))])
    assert {replace(SETTINGS, resampler="argmax").draw(found).text for _ in range(20)} == {"a"}
    narrow = replace(SETTINGS, resampler="top_p:p=0.5")
    assert {narrow.draw(found).text for _ in range(50)} == {"a"}
    assert {SETTINGS.draw(found).text for _ in range(200)} == {"a", "b"}
    assert "--resampler top_p:p=0.5" in code(narrow, "shell")
    assert "--resampler" not in code(SETTINGS, "shell")
    assert "--simulated" in code(SETTINGS, "shell")
    for wrong in ("top_p:p=x", "top_p:q=1", "nothing"):
        with pytest.raises(ConfigurationError):
            replace(SETTINGS, resampler=wrong).draw(found)


def test_what_is_not_a_default_is_an_option_and_what_is_asked_is_a_conversation():
    assert SETTINGS.options() == {"k": 3, "n": 6, "threshold": 0.5}
    assert Settings("x").options() == {"k": 5}
    changed = {"strategy": "vs_cot", "format": "tags", "probability": "relative"}
    assert Settings("x", **changed).options() == {"k": 5, **changed}
    assert Settings("x", n=3, threshold=0.1000000001).options() == {
        "k": 5,
        "n": 3,
        "threshold": 0.1,
    }
    assert SETTINGS.messages() == (Message("user", "Name a US state."),)
    assert replace(SETTINGS, system="Be brief.").messages() == (
        Message("system", "Be brief."), Message("user", "Name a US state."),
    )  # fmt: skip
    assert replace(SETTINGS, system="  ").messages() == SETTINGS.messages()
    direct = SETTINGS.direct()
    assert (direct.name, direct.k, direct.n) == ("direct", 1, 6)


@pytest.mark.parametrize("target", TARGETS)
def test_the_code_names_the_model_and_where_it_is(server, target):
    served = replace(over(server), model="its-name", temperature=0.25)
    for said in ("its-name", server.base_url, "0.25"):
        assert said in code(served, target)


def test_the_model_is_the_one_that_was_named(server):
    made = over(server, temperature=0.2).complete()
    assert isinstance(made, OpenAIModel)
    assert (made.model, made.parameters) == ("m", {"temperature": 0.2})
    assert over(server).complete().parameters == {}
    with pytest.raises(ConfigurationError, match="Name a model"):
        replace(over(server), model=" ").complete()
