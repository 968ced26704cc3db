"""Figures and the report: what they show, and that no answer can do harm in them."""

import html as html_of
import html.parser
import json
import math
import re
import warnings
from collections import Counter

import numpy as np
import pytest

from vs_core import Completion, ConfigurationError, plugins
from vs_core.candidates import Candidate
from vs_core.evaluation import Answer, Experiment, Item, Measure, Task
from vs_core.evaluation.figures import pareto
from vs_core.evaluation.measures import LEXICAL, average, stated
from vs_core.evaluation.tables import amount, shown
from vs_core.metrics import Interval, confidence_interval, kl_divergence, lexical_diversity
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


def test_figures_as_text():
    unknown = math.nan
    assert shown(0.625, 0.5, 0.75) == "0.62 (0.50 to 0.75)"
    assert shown(unknown, 0.5, 0.75) == "–"
    assert shown(0.6254, unknown, 0.75) == shown(0.6254, 0.5, unknown) == "0.625"
    assert [amount(n) for n in (0.2994, 99.94, 100, 1810.4, math.inf)] == [
        "0.299", "99.9", "100", "1,810", "inf",
    ]  # fmt: skip


def test_lexical_diversity_of_few_prompts_has_its_interval_over_calls():
    texts = ["a b", "a c", "b c d", "a b", "e f", "a e", "d", "b a"]
    calls = [0, 0, 1, 1, 2, 2, 3, 3]
    answers = [
        Answer(Candidate(text=text), Item(prompt="x"), text, unit=call)
        for text, call in zip(texts, calls, strict=True)
    ]
    expected = confidence_interval(lexical_diversity, texts, groups=calls, bounds=(0, 1))
    assert LEXICAL.of([answers]) == pytest.approx(expected)
    assert 0 < expected.low < expected.estimate < expected.high == 1


def test_figures_of_prompts_keep_to_their_bounds():
    bounded = Measure(
        "share", "share", lambda seen, item: sum(seen) / len(seen), lambda a: a.score,
        options={"bounds": (0.0, 1.0)},
    )  # fmt: skip
    groups = [
        [Answer(Candidate(text="x"), Item(prompt=str(n)), "x", score=float(n > 0))]
        for n in range(4)
    ]
    free = SCORE.of(groups)
    assert free.low < 0
    assert free.high > 1
    assert bounded.of(groups) == (0.75, 0.0, 1.0)


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
    assert list(table) == [
        "model", "task", "strategy", "baseline", "measure", "difference", "low", "high", "pvalue",
        "units", "prompts_for_2_points",
    ]  # fmt: skip
    assert set(table["baseline"]) == {"direct"}
    assert (set(table["model"]), set(table["task"])) == ({"simulated"}, {"joke"})
    row = table.set_index("measure").loc["lexical_diversity"]
    assert row["low"] > 0.2
    assert row["units"] == 5
    assert row["prompts_for_2_points"] >= 2
    page = experiment.report().read_text()
    assert page.index("Differences from direct") < page.index("Figures</h3>")


def tables(page):
    """The tables of a page, each the cells of its rows, bold ones in stars."""
    page = page.replace("<strong>", "*").replace("</strong>", "*")
    return [
        [
            [html_of.unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
            for row in re.findall(r"<tr>(.*?)</tr>", table, flags=re.DOTALL)
        ]
        for table in re.findall(r"<table.*?</table>", page, flags=re.DOTALL)
    ]


ARROWS = {"high": " ↑", "low": " ↓", "": ""}


def wordy(request):
    """Directly always the same; asked for several a word of its own for each."""
    usage = {"input_tokens": 1000, "output_tokens": 500}
    if "probabilit" not in str(request.messages):
        return Completion("tea tea", usage)
    said = [{"text": f"w{request.call}{n} tea", "probability": 0.2} for n in "ab"]
    return Completion(json.dumps({"responses": said}), usage)


def test_the_tables_of_the_page_are_those_of_the_experiment(tmp_path):
    names = "mo"
    items = [Item(prompt=f"Name {n}.") for n in range(5)]
    marks = {"tea tea": 0.5}
    experiment = Experiment(
        Task(name="words", items=items), ["direct", "vs_standard"], n=4, k=2,
        model=dict.fromkeys(names, wordy), thresholds=[None, 0.25], price=(1, 2), out=tmp_path,
        judge=lambda prompt, text: marks.get(text, 0.25 * ("0a" in text)),
    ).run()  # fmt: skip
    found = tables(experiment.report().read_text())
    measures = [m for m in experiment.tasks["words"].measures if m.name in experiment.table()]
    labels = [f"{measure.label}{ARROWS[measure.better]}" for measure in measures]
    assert [measure.name for measure in measures] == [
        "lexical_diversity", "distinct", "quality", "utility",
    ]  # fmt: skip
    # The differences of each model, and then what was measured.
    differences = experiment.differences_table()
    for model, (head, *rows) in zip(names, found, strict=False):
        assert head == ["strategy", *labels]
        own = differences[differences["model"] == model]
        assert [row[0] for row in rows] == ["vs_standard", "vs_standard < 0.25"]
        for label, *cells in rows:
            by_name = own[own["strategy"] == label].set_index("measure")
            assert cells == [difference_of(by_name.loc[measure.name]) for measure in measures]
    head, *rows = found[len(names)]
    assert head == [
        "model", "strategy", *labels, "useful", "missing", "calls", "calls<br>/ useful",
        "tokens<br>/ useful", "cost<br>/ useful",
    ]  # fmt: skip
    arms = ["direct", "vs_standard", "vs_standard < 0.25"]
    for row, label, record in zip(
        rows, arms * len(names), experiment.table().to_dict("records"), strict=True
    ):
        ends = [[record[f"{m.name}{end}"] for end in ("", "_low", "_high")] for m in measures]
        costs = [record[f"{name}_per_useful"] for name in ("calls", "tokens", "cost")]
        assert row == [
            record["model"], label, *(shown(*each) for each in ends),
            f"{record['useful']} of 20", "0", str(record["calls"]), *map(amount, costs),
        ]  # fmt: skip
    assert [row[-4:] for row in rows[:2]] == [
        ["20", "4", "6,000", "0.008"], ["10", "0.5", "750", "0.001"],
    ]  # fmt: skip
    assert len(found) == len(names) + 1


def test_each_task_has_a_section_with_what_is_its_own(tmp_path):
    experiment = Experiment(
        ["coin", "joke"], ["direct"], model={"m": SimulatedModel()}, n=2, out=tmp_path
    ).run()
    page = experiment.report().read_text()
    coin, joke = (part.split("</section>")[0] for part in page.split("<section>")[1:])
    for section, task in ((coin, "coin"), (joke, "joke")):
        assert f"<h2>{task}</h2>" in section
        ((head, _),) = tables(section)
        own = experiment.table().query(f"task == '{task}'").dropna(axis=1)
        assert head[1:-5] == [
            f"{measure.label}{ARROWS[measure.better]}"
            for measure in experiment.tasks[task].measures
            if measure.name in own
        ]
        texts = [c.text for r in experiment.results if r.cell.task == task for c in r.distribution]
        assert section.count("<summary>direct</summary>") == 1
        assert html_of.escape(texts[0]) in section.split("<summary>")[1]
    assert "coverage" not in joke
    assert "lexical" not in coin


def difference_of(row):
    if np.isnan(row["difference"]):
        return "–"
    said = f"{row['difference']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})"
    chance = f"p = {row['pvalue']:.3f}".replace("0.", ".")
    said += f", {'p < .001' if row['pvalue'] < 0.001 else chance}"
    return f"*{said}*" if row["pvalue"] < 0.05 else said


def test_the_page_says_what_was_run_what_came_first_and_what_could_not_be_read(tmp_path):
    def model(request):
        plain = "probabilit" not in str(request.messages)
        return f"answer {request.call}" if plain else "I would rather not."

    task = Task(name="words", items=[Item(prompt="Name <one>."), Item(prompt="Name two.")])
    experiment = Experiment(
        task, ["direct", "vs_standard"], n=10, k=5, model={"m": model}, out=tmp_path,
        options={"retries": 0}, note="Mind this.",
    ).run()  # fmt: skip
    page = experiment.report().read_text()
    text = re.sub(
        r"\s+", " ", "".join(Page(re.sub(r"<style>.*?</style>", "", page, flags=re.S)).data)
    )
    assert "m · n = 10 · k = 5 · tasks: words Mind this." in text
    assert "2 prompts, n answers to each prompt." in text
    assert "To: Name <one>." in text
    first, unread = text.split("First answers")[1].split("Answers that could not be read")
    given = " ".join(f"answer {number}" for number in range(8))  # enough to see
    assert f"direct {given} vs_standard" in first
    assert unread.count("vs_standard: ") == 2
    assert unread.count("I would rather not.") == 2
    ((head, row, _),) = tables(page)  # and none of differences: there is nothing to compare
    assert (head[0], row[0]) == ("strategy", "direct")
    assert not any("cost" in each for each in head)
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", page)
    assert captions == [
        "Diversity by strategy, with 95 % intervals.",
        "Which answers came how often: Name &lt;one&gt;.",
    ]  # fmt: skip
    assert re.findall(r"<figure( class=\"wider\")?>", page) == ["", ' class="wider"']


def test_both_directions_of_the_divergence_from_a_reference():
    """The published dice of GPT-4.1, asked directly: 600 rolls, never a 1 or a 6."""
    from vs_core.evaluation.measures import CORRECTED_DIVERGENCE, DIVERGENCE, PAPER_DIVERGENCE

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
    few = answers[::50]
    corrected = kl_divergence(
        Counter(answer.text for answer in few), die.reference, epsilon=1e-6, correct=True
    )
    assert CORRECTED_DIVERGENCE.of([few]).estimate == pytest.approx(corrected, abs=1e-12)
    assert corrected < DIVERGENCE.of([few]).estimate
