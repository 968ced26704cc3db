"""Figures that a paper could carry: told apart by markers and panels, and written as vectors."""

import os
import shutil

import pytest

from tests.evaluation.running import compare
from vs_core import ConfigurationError, VSStandard, plugins
from vs_core.evaluation import Experiment
from vs_core.evaluation.captioned import captioned
from vs_core.evaluation.tasks.dialogue import Dialogue
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
    assert coin["answers"].endswith(plugins.task("coin").items[0].prompt)
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
