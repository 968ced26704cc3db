"""Figures that a paper could carry: told apart by markers and panels, and written as vectors."""

import json
import math
import os
import shutil
from collections import Counter

import numpy as np
import pytest
from matplotlib.colors import to_hex

from tests.evaluation.running import compare
from vs_core import ConfigurationError, VSStandard, plugins
from vs_core.evaluation import Experiment, Item, Task
from vs_core.evaluation.captioned import captioned
from vs_core.evaluation.measures import stated
from vs_core.evaluation.tasks.dialogue import Dialogue
from vs_core.metrics import brier_score, expected_calibration_error, reliability_diagram
from vs_core.testing import SimulatedModel

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def ten():
    """Eleven arms, nine of which verbalize."""
    strategies = ["direct", "sequence", *(VSStandard(k=k) for k in (2, 3, 4))]
    return Experiment(
        "dice", strategies, model={"m": SimulatedModel()}, n=4, thresholds=[1.0, 0.3, 0.1]
    ).run()


@pytest.fixture(scope="module")
def few():
    return Experiment(
        "dice", ["direct", "vs_standard"], model={"m": SimulatedModel()}, n=4,
        thresholds=[None, 0.3, 0.1],
    ).run()  # fmt: skip


LETTERS = Item(prompt="Say $a$ letter.", truth=["a", "b", "c"], reference={"a": 2, "b": 1, "c": 1})


def letters(request):
    """Directly mostly a; of a distribution more, and the further into the tail the more."""
    text = str(request.messages)
    if "probabilit" not in text:
        return "aaab"[request.call % 4]
    said = "abcd" if "0.1" in text else "abdb" if "0.3" in text else "aabb"
    said = said[request.call :] + said[: request.call]
    answers = [{"text": each, "probability": 0.4 / place} for place, each in enumerate(said, 1)]
    return json.dumps({"responses": answers[: 4 - request.call % 2]})


def said_of_letters(**options):
    return Experiment(
        plugins.task("dice", file=[LETTERS]), ["direct", "vs_standard"], n=16, k=4,
        thresholds=[None, 0.3, 0.1], **options,
    ).run()  # fmt: skip


@pytest.fixture(scope="module")
def spelled():
    return said_of_letters(model={"m": letters})


@pytest.fixture(scope="module")
def compared():
    return said_of_letters(model={"m": letters, "o": letters})


GREY, BLUE = "#8a8f98", "#3b82c4"
ARMS = ["direct", "vs_standard", "vs_standard < 0.3", "vs_standard < 0.1"]


def columns(experiment, name):
    """A measure of each arm, with the ends of its interval."""
    table = experiment.table()
    return [table[f"{name}{end}"].tolist() for end in ("", "_low", "_high")]


def whiskers(axes):
    """The ends of all error bars, those of each container together."""
    return [
        [tuple(map(tuple, segment)) for bars in each.lines[2] for segment in bars.get_segments()]
        for each in axes.containers
        if hasattr(each, "lines")
    ]


def test_bars_of_diversity_are_the_figures_of_the_table(spelled):
    (axes,) = spelled.plot_diversity().axes
    estimates, lows, highs = columns(spelled, "coverage")
    assert estimates == [2 / 3, 2 / 3, 2 / 3, 1]
    assert [patch.get_width() for patch in axes.patches] == pytest.approx(estimates)
    assert [to_hex(patch.get_facecolor()) for patch in axes.patches] == [GREY, BLUE, BLUE, BLUE]
    ends = [
        ((low, place), (high, place))
        for place, (low, high) in enumerate(zip(lows, highs, strict=True))
    ]
    for (found,), expected in zip(whiskers(axes), ends, strict=True):
        assert np.array(found) == pytest.approx(np.array(expected))
    assert [label.get_text() for label in axes.get_yticklabels()] == ARMS
    assert axes.get_xlabel() == "coverage of the right answers"
    assert axes.get_xlim()[0] == 0
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first arm is above


def test_quality_is_drawn_against_diversity_with_the_front(spelled):
    (axes,) = spelled.plot_quality().axes
    across, up = columns(spelled, "coverage"), columns(spelled, "precision")
    *arms, front = [line for line in axes.lines if line.get_marker() != "_"]
    assert [(*map(float, line.get_xdata()), *line.get_ydata()) for line in arms] == [
        pytest.approx(point) for point in zip(across[0], up[0], strict=True)
    ]
    for place, (x, y) in enumerate(whiskers(axes)):
        at = across[0][place], up[0][place]
        assert np.array(x) == pytest.approx(
            np.array([(across[end][place], at[1]) for end in (1, 2)])
        )
        assert np.array(y) == pytest.approx(np.array([(at[0], up[end][place]) for end in (1, 2)]))
    assert up[0][-1] < 1
    assert [list(map(float, values)) for values in front.get_data()] == [
        [2 / 3, 1.0], [1.0, up[0][-1]],
    ]  # fmt: skip
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("coverage of the right answers", "precision")
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 1.05), (0, 1.04))
    assert [text.get_text() for text in axes.get_legend().texts] == ["Pareto front", *ARMS]
    assert [line.get_color() for line in arms] == [GREY, BLUE, BLUE, BLUE]
    assert [line.get_marker() for line in arms] == ["o", "s", "^", "D"]


def test_answers_are_drawn_with_what_was_stated_and_the_reference(spelled):
    figure = spelled.plot_answers()
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == [name.replace(" < ", "\n< ") for name in ARMS]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a", "b", "c"]
    for axes, groups in zip(figure.axes, spelled.arms.values(), strict=True):
        (given,) = groups
        came = Counter(answer.text for answer in given)
        assert [patch.get_width() for patch in axes.patches] == pytest.approx(
            [came[each] / len(given) for each in "abc"]
        )
        marks = {line.get_marker(): line for line in axes.lines}
        assert list(marks["|"].get_xdata()) == [0.5, 0.25, 0.25]
        if axes is figure.axes[0]:
            assert "D" not in marks  # which states nothing
            continue
        claims = stated(given)
        assert marks["D"].get_xdata() == pytest.approx(
            [claims.get(each, math.nan) for each in "abc"], nan_ok=True
        )
        assert list(marks["D"].get_ydata()) == list(marks["|"].get_ydata()) == [0, 1, 2]
    assert figure.axes[0].get_ylim()[0] > figure.axes[0].get_ylim()[1]
    (key,) = figure.legends
    assert [text.get_text() for text in key.texts] == [
        "share of the answers", "as the model stated it", "reference",
    ]  # fmt: skip


def test_without_a_reference_the_answers_that_came_most_are_drawn():
    given = ["b", "c", "b", *"defghijklmn"]
    task = Task(name="letters", items=[Item(prompt="Say one."), Item(prompt="Say another.")])
    model = lambda request: "z" if "another" in str(request.messages) else given[request.call]  # noqa: E731
    figure = Experiment(task, ["direct"], model=model, n=len(given)).run().plot_answers()
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == list("bcdefghijklm")  # twelve at most, and those of the first prompt
    widths = [patch.get_width() for patch in axes.patches]
    assert widths == pytest.approx([2 / 14] + [1 / 14] * 11)
    assert axes.lines[:] == []
    (key,) = figure.legends
    assert [text.get_text() for text in key.texts] == [
        "share of the answers", "as the model stated it",
    ]  # fmt: skip


def test_curves_of_thresholds_are_the_figures_of_the_table(spelled):
    (axes,) = spelled.plot_thresholds().axes
    estimates, lows, highs = columns(spelled, "coverage")
    curve, *_ = axes.lines
    assert [list(values) for values in curve.get_data()] == [
        [0.1, 0.3],
        [estimates[3], estimates[2]],
    ]
    expected = [[(at, lows[row]), (at, highs[row])] for at, row in ((0.1, 3), (0.3, 2))]
    assert np.array(whiskers(axes)[0]) == pytest.approx(np.array(expected))
    levels = {line.get_label(): line for line in axes.lines[-2:]}
    assert [(name, line.get_ydata()[0]) for name, line in levels.items()] == [
        ("direct", estimates[0]), ("vs_standard without", estimates[1]),
    ]  # fmt: skip
    assert [line.get_color() for line in (curve, *levels.values())] == [BLUE, GREY, BLUE]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.1", "0.3"]
    assert list(axes.get_xticks()) == [0.1, 0.3]
    assert axes.get_xscale() == "log"
    assert axes.get_xlim() == pytest.approx((0.375, 0.08))
    assert axes.get_ylabel() == "coverage of the right answers"
    assert "threshold" in axes.get_xlabel()
    assert [text.get_text() for text in axes.get_legend().texts] == [
        "direct", "vs_standard without", "vs_standard",
    ]  # fmt: skip


def test_calibration_is_drawn_in_eight_bins_as_full_as_each_other(spelled):
    (axes,) = spelled.plot_calibration().axes
    *curves, even = axes.lines
    assert [line.get_marker() for line in curves] == ["s", "^", "D"]
    shares, most = {"a": 0.5, "b": 0.25, "c": 0.25}, 0.0
    for line, (arm, (given,)) in zip(curves, [*spelled.arms.items()][1:], strict=True):
        claimed = [answer.candidate.probability for answer in given]
        came = [shares.get(answer.text, 0.0) for answer in given]
        bins = reliability_diagram(claimed, came, bins=8, binning="quantile")
        assert list(line.get_xdata()) == [each.confidence for each in bins]
        assert list(line.get_ydata()) == [each.frequency for each in bins]
        error = expected_calibration_error(claimed, came, bins=8, binning="quantile")
        score = brier_score(claimed, came)
        assert line.get_color() == BLUE
        assert line.get_label() == f"{arm.label} (ECE {error:.3f}, Brier {score:.3f})"
        most = max(most, *line.get_xdata(), *line.get_ydata())
    assert [list(values) for values in even.get_data()] == [[0, most], [0, most]]
    assert even.get_label() == "calibrated"
    assert axes.get_xlabel() == "probability that the model states"
    assert axes.get_ylabel() == "in the reference"


def test_arms_of_several_models_say_which(compared):
    names = [f"{name}, {model}" for model in "mo" for name in ARMS]
    (bars,) = compared.plot_diversity().axes
    assert [label.get_text() for label in bars.get_yticklabels()] == names
    panels = compared.plot_quality().axes
    assert [axes.get_title() for axes in panels] == [
        name.replace(" < ", "\n< ").replace(", ", "\n") for name in names
    ]
    (axes,) = compared.plot_thresholds().axes
    dashes = {each.get_label(): each.lines[0].get_linestyle() for each in axes.containers}
    assert dashes == {"vs_standard, m": "-", "vs_standard, o": "--"}
    assert "vs_standard without, o" in {line.get_label() for line in axes.lines}
    titles = [axes.get_title().replace("\n", " ") for axes in compared.plot_answers().axes[:8]]
    assert titles == [name.replace(",", "") for name in names]


def test_panels_are_labelled_once_and_the_others_stand_pale_behind(compared):
    figure = compared.plot_quality()
    assert len(figure.axes) == 8
    assert figure.get_supxlabel() == "coverage of the right answers"
    assert figure.get_supylabel() == "precision"
    for place, axes in enumerate(figure.axes):
        behind = [c for c in axes.containers if c.lines[0].get_zorder() < 3]
        assert len(behind) == 7
        assert {c.lines[0].get_alpha() for c in behind} == {0.35}
        (own,) = own_lines(axes)[:1]
        assert own.get_color() == (GREY if place % 4 == 0 else BLUE)
        assert axes.get_ylim() == (0, 1.04)
    assert figure.axes[3].get_subplotspec().colspan.start == 3  # four abreast
    assert figure.axes[4].get_subplotspec().rowspan.start == 1


def own_lines(axes):
    return [line for line in axes.lines if line.get_zorder() >= 3]


def test_each_threshold_has_a_marker(few):
    figure = few.plot_quality()
    (axes,) = figure.axes
    handles, labels = axes.get_legend_handles_labels()
    markers = {
        label: handle.lines[0].get_marker()
        for handle, label in zip(handles, labels, strict=True)
        if label != "Pareto front"
    }
    assert len(markers) == 4
    assert len(set(markers.values())) == 4
    assert markers["direct"] == "o"
    assert markers["vs_standard"] == "s"


def test_many_arms_have_a_panel_each(ten):
    figure = ten.plot_quality()
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert len(panels) == 11
    titles = [axes.get_title().replace("\n", " ") for axes in panels]
    assert titles == [arm.label for arm in ten.arms]
    for axes in panels:
        (own,) = [c for c in axes.containers if c.lines[0].get_zorder() >= 3]
        others = [c for c in axes.containers if c is not own]
        assert len(others) == 10
        assert own.lines[0].get_color() not in {c.lines[0].get_color() for c in others}
        assert axes.get_legend() is None


def test_many_curves_of_calibration_have_a_panel_each(ten):
    panels = [axes for axes in ten.plot_calibration().axes if axes.get_visible()]
    assert len(panels) == 9
    assert all(len(own_lines(axes)) == 1 for axes in panels)
    assert all("Brier" in axes.get_title() for axes in panels)


def test_thresholds_go_to_the_right_into_the_tail(ten, few):
    for experiment in (ten, few):
        for axes in experiment.plot_thresholds().axes:
            left, right = axes.get_xlim()
            assert left > right


def test_dialogues_without_an_amount_have_no_figure_of_donations():
    task = plugins.task("dialogue", turns=1)
    assert isinstance(task, Dialogue)
    found = Experiment(task, ["direct"], model={"m": lambda request: "No idea."}, n=2).run()
    with pytest.raises(ConfigurationError, match="No dialogue ended in an amount"):
        found.plot_answers()


def test_each_figure_says_what_it_shows():
    coin, dialogue = (
        {each.name: each.caption for each in captioned(plugins.task(name))}
        for name in ("coin", "dialogue")
    )
    assert list(coin) == ["diversity", "quality", "answers", "thresholds", "calibration"]
    prompt = plugins.task("coin").items[0].prompt
    assert list(coin.values()) == [
        "Diversity by strategy, with 95 % intervals.",
        "Quality against diversity. Up and to the right is better.",
        f"Which answers came how often: {prompt}",
        "Diversity against the probability threshold.",
        "Calibration: the probability that the model states, and what it ought to be.",
    ]
    assert dialogue["answers"].startswith("What was donated")
    assert {**coin, "answers": ""} == {**dialogue, "answers": ""}


# --- for a paper ---------------------------------------------------------------------------------


def test_every_figure_is_written_as_vectors(few, tmp_path):
    files = few.export_figures(tmp_path / "figures")
    names = ("diversity", "quality", "answers", "thresholds", "calibration")
    assert {file.name for file in files} == {
        f"1-dice-{name}.{format}" for name in names for format in ("svg", "pdf")
    }
    for file in files:
        content = file.read_bytes()
        if file.suffix == ".pdf":
            assert content.startswith(b"%PDF")
            assert b"/Type3" not in content  # journals refuse bitmap-like fonts
            assert b"/Subtype /Image" not in content
        else:
            assert b"<svg" in content
            assert b"<text" not in content  # letters are outlines: no font is needed
            assert b"<image" not in content
    again = few.export_figures(tmp_path / "again")
    assert [f.read_bytes() for f in files] == [f.read_bytes() for f in again]


def test_names_of_ones_own_are_drawn_as_they_are_and_have_colours_of_their_own(tmp_path):
    strategies = {"$mine$": "vs_standard", "direct": "direct"}
    made = Experiment("coin", strategies, model={"m": SimulatedModel()}, n=2, k=2).run()
    figure = made.plot_diversity()
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [r"\$mine\$", "direct"]
    mine, direct = (to_hex(patch.get_facecolor()) for patch in axes.patches)
    assert direct == GREY != mine
    assert list(figure.get_size_inches()) == [6.4, 0.9 + 2 * 0.36]
    files = made.export_figures(tmp_path / "a" / "b", ["svg"])
    assert all(file.parent == tmp_path / "a" / "b" for file in files)


def test_what_cannot_be_written_is_said(few, tmp_path):
    with pytest.raises(ConfigurationError, match="not as 'bmp'"):
        few.export_figures(tmp_path, ["bmp"])
    with pytest.raises(ConfigurationError, match="Say where to write"):
        few.export_figures()
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="Cannot write"):
        few.export_figures(tmp_path / "file")


def test_the_command_writes_figures(tmp_path):
    done = compare(
        "--task", "coin", "--simulated", "-n", "4", "-k", "2", "--strategies", "direct",
        "--figures", "pdf", "--out", str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "figures" / "1-coin-diversity.pdf").exists()


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_no_column_vanishes_in_print(ten, tmp_path):
    """As wide as A4 between its margins, every cell of every table is within its page."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    page_file = ten.report(tmp_path / "report.html")
    with sync_api.sync_playwright() as playwright:
        home = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], env=home
        )
        page = browser.new_page(viewport={"width": 703, "height": 1000})  # 186 mm
        page.goto(page_file.as_uri())
        page.emulate_media(media="print")
        beyond = page.evaluate(
            "[...document.querySelectorAll('th, td, svg')]"
            ".filter(e => e.getBoundingClientRect().right > 704).map(e => e.textContent)"
        )
        hidden = page.evaluate(
            "[...document.querySelectorAll('.wide')]"
            ".filter(e => e.scrollWidth > e.clientWidth + 1).length"
        )
        browser.close()
    assert beyond == []
    assert hidden == 0
