"""Figures and the report: what they show, and that no answer can do harm in them."""

import html.parser
import re
import warnings
from collections import Counter

import numpy as np
import pytest

from vs_core import Completion, ConfigurationError, plugins
from vs_core.candidates import Candidate
from vs_core.evaluation import Answer, Experiment, Item, Measure, Task
from vs_core.evaluation.figures import pareto
from vs_core.evaluation.measures import average, stated
from vs_core.evaluation.tables import shown
from vs_core.metrics import Interval
from vs_core.testing import SimulatedModel
from vs_core.testing.server import embedding

HOSTILE = (
    '<script>alert("pwned")</script>', "</text></svg><script>alert(1)</script>",
    '" onload="alert(2)', "<img src=x onerror=alert(3)>", "]]><script>alert(4)</script>",
    "--><script>alert(5)</script>", "$\\frac{1}{$ {{ 7*7 }} {% raw %}", "\x1b[31mred\u202eder",
    "\ud83d half a pair", "日本語 עברית 🙂",
)  # fmt: skip


class Page(html.parser.HTMLParser):
    """Collects the tags and their attributes, as a browser would read them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.data = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value) for name, value in attrs]

    def handle_data(self, data):
        self.data.append(data)


def hostile(request):
    return Completion(HOSTILE[request.call % len(HOSTILE)], {"input_tokens": 1})


@pytest.fixture
def attacked():
    task = Task(name="<b>task</b>", items=[Item(prompt="<i>Say</i> $x$ {{ 1 }}")])
    models = {"<u>model</u>": hostile, "other$": hostile}
    return Experiment(
        task, ["direct", "vs_standard"], model=models, n=12, k=2, judge=lambda p, t: 0.5,
        note="<script>note</script>", options={"on_unparsed": "single"},
    ).run()  # fmt: skip


def test_hostile_answers_are_shown_and_do_nothing(attacked, tmp_path):
    page = attacked.report(tmp_path / "report.html").read_text(encoding="utf-8")
    parsed = Page(page)
    assert not {"script", "img", "b", "i", "u", "iframe", "object"} & set(parsed.tags)
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert not [
        value for name, value in parsed.attributes
        if name in ("src", "href", "xlink:href", "action") and not value.startswith("#")
    ]  # fmt: skip
    assert "default-src 'none'" in page
    text = "".join(parsed.data)
    for answer in (*HOSTILE[:6], "{{ 7*7 }}", "\\x1b[31mred\\u202eder", "日本語"):
        assert answer in text, answer
    assert "<script>note</script>" in text
    assert "<b>task</b>" in text


def test_the_report_is_one_file_that_follows_light_and_dark(attacked, tmp_path):
    page = attacked.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=\"(?!#)", page)
    assert "@import" not in page
    assert page.count("<svg") == page.count("</svg>") >= 3
    assert "prefers-color-scheme: dark" in page
    assert "currentColor" in page
    assert "#000000" not in page
    identities = Counter(re.findall(r'id="([^"]+)"', page))
    referred = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', page))
    assert referred
    assert {"".join(pair) for pair in referred} <= identities.keys()
    assert max(identities.values()) == 1


def test_the_report_has_the_figures_of_the_paper(model, tmp_path):
    def embed(texts):
        return np.array([embedding(text) for text in texts])

    experiment = Experiment(
        "states", ["direct", "sequence", "vs_standard"], model=model, n=10, k=5, embed=embed,
        thresholds=[1.0, 0.05], out=tmp_path, price=(1, 2), judge=lambda p, t: len(t) / 40,
    ).run()  # fmt: skip
    page = experiment.report().read_text()
    assert (tmp_path / "report.html").exists()
    for caption in ("Diversity by strategy", "Quality against diversity", "Which answers came",
                    "probability threshold", "Calibration"):  # fmt: skip
        assert re.search(rf"<figcaption>{caption}|<figcaption>[^<]*{caption}", page), caption
    assert "Pareto front" in page
    assert "cost<br>/ useful" in page
    row = experiment.table().set_index(["strategy", "threshold"]).loc[("vs_standard", 0.05)]
    assert shown(row["coverage"], row["coverage_low"], row["coverage_high"]) in page


def drawn(figure):
    """All text of a figure."""
    from matplotlib.text import Text

    figure.canvas.draw()
    return " ".join(text.get_text() for text in figure.findobj(Text))


def test_the_figures_of_the_python_interface(model):
    experiment = Experiment(
        "dice", ["direct", "vs_standard"], model=model, n=20, k=5, thresholds=[1.0, 0.1]
    ).run()
    bars = [patch.get_width() for patch in experiment.plot_diversity().axes[0].patches]
    assert bars == pytest.approx(experiment.table()["coverage"].tolist())
    assert "precision" in drawn(experiment.plot_quality("dice"))
    assert "reference" in drawn(experiment.plot_answers())
    assert "threshold" in drawn(experiment.plot_thresholds())
    assert "ECE" in drawn(experiment.plot_calibration())
    with pytest.raises(ConfigurationError, match="Name one of the tasks: dice"):
        experiment.plot_answers("coin")


def test_the_answers_are_drawn_as_they_came():
    model = lambda request: ["4", "4", "4", "grue"][request.call]  # noqa: E731
    figure = Experiment("dice", ["direct"], model=model, n=4).run().plot_answers()
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    shares = {label: patch.get_width() for label, patch in zip(labels, axes.patches, strict=True)}
    assert shares == {"1": 0, "2": 0, "3": 0, "4": 0.75, "5": 0, "6": 0}
    (reference,) = (line for line in axes.lines if line.get_marker() == "|")
    assert reference.get_xdata() == pytest.approx([1 / 6] * 6)


def test_donations_are_drawn_beside_those_of_people(tmp_path):
    people = tmp_path / "people.txt"
    people.write_text("0 1 2 2")
    task = plugins.task("dialogue", reference=people, turns=1)
    judged = []

    def judge(prompt, text):
        judged.append(text)
        return 1

    def complete(request):
        speaker = "persuadee" if request.messages[0].text.startswith("You are") else "persuader"
        return f"{speaker}: 1 dollar"

    experiment = Experiment(task, ["direct"], model=complete, n=4, judge=judge).run()
    assert set(judged) == {"persuadee: 1 dollar"}
    row = experiment.table().iloc[0]
    assert (row["donation"], row["useful"], row["candidates"], row["calls"]) == (1, 4, 4, 12)
    assert row["ks"] == pytest.approx(0.5)  # half of the people give more, a quarter less
    lines = {line.get_label(): line for line in experiment.plot_answers().axes[0].lines}
    assert list(lines["people"].get_xdata()) == [0, 0, 1, 2, 2, 2]
    assert list(lines["direct"].get_xdata()) == [0, 1, 1, 1, 1, 2]
    with pytest.raises(ConfigurationError, match="Calibration needs"):
        experiment.plot_calibration()


def test_calibration_without_a_reference_is_against_direct_answers():
    strategies = ["direct", "vs_standard"]
    experiment = Experiment("joke", strategies, model=SimulatedModel(), n=10).run()
    assert "asked directly" in drawn(experiment.plot_calibration())
    alone = Experiment("joke", ["vs_standard"], model=SimulatedModel(), n=10).run()
    with pytest.raises(ConfigurationError, match="Calibration needs"):
        alone.plot_calibration()


def test_a_figure_that_cannot_be_drawn_says_what_is_missing(tmp_path):
    experiment = Experiment("joke", ["direct"], model=SimulatedModel(), n=2).run()
    with pytest.raises(ConfigurationError, match="needs a judge"):
        experiment.plot_quality()
    with pytest.raises(ConfigurationError, match="two thresholds"):
        experiment.plot_thresholds()
    page = experiment.report(tmp_path / "report.html").read_text()
    assert "Quality against" not in page
    with pytest.raises(ConfigurationError, match="where to write"):
        experiment.report()
    with pytest.raises(ConfigurationError, match="Cannot write"):
        experiment.report(tmp_path / "none" / "report.html")


def test_answers_in_scripts_that_the_font_lacks_draw_without_warnings(tmp_path):
    experiment = Experiment("joke", ["direct"], model=lambda r: "日本語 🙂 $x$", n=2).run()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        experiment.report(tmp_path / "report.html")


# --- numbers -----------------------------------------------------------------------------------


def test_the_pareto_front():
    points = [(0, 1), (1, 0), (0.5, 0.5), (0.4, 0.4), (0.5, 0.2), (0, 0), (0.5, 0.5)]
    assert pareto(points) == [(0, 1), (0.5, 0.5), (1, 0)]
    assert pareto([(1, 1), (0, 0)]) == [(1, 1)]
    assert pareto([]) == []


def test_the_average_of_intervals():
    found = average([Interval(1, 0, 4), Interval(3, 3, 7)])
    assert found == pytest.approx((2, 2 - 0.5, 2 + 2.5))
    assert average([Interval(1, 0, 4)]) == (1, 0, 4)
    assert np.isnan(average([]).estimate)


def test_the_interval_of_a_mean_over_prompts_holds_it_as_often_as_it_says():
    """Shares of a coin over three prompts: the truth is in about 95 of 100 intervals."""
    rng = np.random.default_rng(1)
    chances = (0.2, 0.5, 0.7)
    measure = Measure("share", "share", lambda seen, item: sum(seen) / len(seen), lambda a: a.score)
    held = 0
    for _ in range(200):
        groups = [
            [
                Answer(
                    Candidate(text="x"),
                    Item(prompt=str(p)),
                    "x",
                    score=float(rng.random() < p),
                    unit=n,
                )
                for n in range(40)
            ]
            for p in chances
        ]
        found = measure.of(groups)
        held += found.low <= np.mean(chances) <= found.high
    assert 180 <= held <= 200


def test_stated_probabilities_do_not_count_an_answer_twice_for_coming_twice():
    pairs = [("a", 0.2), ("b", 0.1), ("a", 0.2), ("a", 0.2), ("c", None)]
    answers = [
        Answer(Candidate(text=text, probability=p), Item(prompt="x"), text) for text, p in pairs
    ]
    assert stated(answers) == pytest.approx({"a": 2 / 3, "b": 1 / 3})
    assert stated(answers[-1:]) == {}


# --- arms ----------------------------------------------------------------------------------------


SCORE = Measure("score", "score", lambda seen, item: sum(seen) / len(seen), lambda a: a.score)


def prompts(rng, count, effect, calls=8, within=0.0):
    """Answers of an arm: prompts of very different difficulty, calls of five that hang together."""
    groups = []
    for number in range(count):
        common = rng.normal(size=calls)
        groups.append(
            [
                Answer(
                    Candidate(text="x"),
                    Item(prompt=str(number)),
                    "x",
                    score=5 * number + effect + within * common[call] + rng.normal(),
                    unit=call,
                )
                for call in range(calls)
                for _ in range(5)
            ]
        )
    return groups


def test_arms_are_compared_prompt_by_prompt():
    rng = np.random.default_rng(3)
    base, better = prompts(rng, 8, 0), prompts(rng, 8, 1)
    found = SCORE.difference(better, base)
    assert (found.units, round(found.estimate)) == (8, 1)
    assert found.pvalue < 0.01
    assert SCORE.of(base).high - SCORE.of(base).low > 10  # prompts differ far more than arms


@pytest.mark.parametrize("count", [1, 2])
def test_with_few_prompts_the_calls_are_the_units_and_equal_arms_are_equal(count):
    rng = np.random.default_rng(4)
    alarms = sum(
        SCORE.difference(
            prompts(rng, count, 0, within=1.0), prompts(rng, count, 0, within=1.0)
        ).pvalue
        < 0.05
        for _ in range(300)
    )
    assert alarms / 300 < 0.09  # candidates as units: about a third


def test_a_figure_of_few_calls_has_no_interval_and_says_why():
    found = SCORE.of(prompts(np.random.default_rng(0), 1, 0, calls=3))
    assert np.isnan(found.low)
    assert "too few" in found.reason


def test_the_report_begins_with_differences_from_direct_answers(tmp_path):
    experiment = Experiment(
        "joke", ["vs_standard", "direct"], model={"simulated": SimulatedModel()}, n=10, out=tmp_path
    ).run()
    table = experiment.differences_table()
    assert set(table["baseline"]) == {"direct"}
    row = table.set_index("measure").loc["lexical_diversity"]
    assert row["low"] > 0.2
    assert row["units"] == 5
    assert row["prompts_for_2_points"] >= 2
    page = experiment.report().read_text()
    assert page.index("Differences from direct") < page.index("Figures</h3>")


def test_both_directions_of_the_divergence_from_a_reference():
    """The published dice of GPT-4.1, asked directly: 600 rolls, never a 1 or a 6."""
    from vs_core.evaluation.measures import DIVERGENCE, PAPER_DIVERGENCE

    faces = ["1", "2", "3", "4", "5", "6"]
    die = Item(prompt="Roll a die.", truth=faces, reference=dict.fromkeys(faces, 1))
    rolls = [f for f, n in {"2": 124, "3": 201, "4": 183, "5": 92}.items() for _ in range(n)]
    answers = [
        Answer(Candidate(text=face), die, face, face, unit=n) for n, face in enumerate(rolls)
    ]
    assert DIVERGENCE.of([answers]).estimate == pytest.approx(0.450, abs=1e-3)
    missing = 2 / 6 * np.log(1 / 6 / 1e-10)
    seen = sum(np.log(1 / 6 / (n / 600)) for n in (124, 201, 183, 92)) / 6
    assert PAPER_DIVERGENCE.of([answers]).estimate == pytest.approx(missing + seen, abs=1e-6)
