"""What is compared: own options win, arms are named by what differs, grids are gone through."""

import copy
import pickle

import pytest

from tests.evaluation.running import compare, records
from vs_core import ConfigurationError, Direct, VSMulti, VSStandard
from vs_core.clients import OpenAIModel
from vs_core.evaluation import Experiment
from vs_core.evaluation.arms import arms_of
from vs_core.prompts import Prompts
from vs_core.strategies import Strategy
from vs_core.testing import SimulatedModel


def made(*strategies, n=20, grid=None, **options):
    return dict(arms_of(strategies, grid or {}, n=n, **{"k": 5, **options}))


def test_a_strategy_knows_what_it_was_made_with():
    strategy = VSStandard(k=5, threshold=None)
    assert strategy.given == {"k", "threshold"}
    assert strategy.replace(n=3).given == {"k", "threshold", "n"}
    for other in (pickle.loads(pickle.dumps(strategy)), copy.deepcopy(strategy)):
        assert other == strategy
        assert other.given == strategy.given
    assert VSStandard() == VSStandard(k=5)  # what was given is no part of what it is
    assert hash(VSStandard()) == hash(VSStandard(k=5))


@pytest.mark.parametrize("k", [5, 10])
def test_the_options_of_an_object_win(k):
    arms = made(VSStandard(k=k, retries=3), "vs_multi", k=4, retries=0)
    assert [(s.k, s.n, s.retries) for s in arms.values()] == [(k, 20, 3), (4, 20, 0)]


def test_an_own_option_wins_over_the_grid():
    arms = made(VSStandard(k=7), "vs_cot", grid={"k": [2, 3], "probability": ["nll", "explicit"]})
    assert {name: (s.k, s.probability) for name, s in arms.items()} == {
        "vs_standard probability=nll": (7, "nll"),
        "vs_standard probability=explicit": (7, "explicit"),
        "vs_cot k=2 probability=nll": (2, "nll"),
        "vs_cot k=2 probability=explicit": (2, "explicit"),
        "vs_cot k=3 probability=nll": (3, "nll"),
        "vs_cot k=3 probability=explicit": (3, "explicit"),
    }


def test_what_means_nothing_to_a_strategy_is_not_varied():
    grid = {"k": [4, 10], "threshold": [1.0, 0.1], "probability": ["explicit", "nll"]}
    arms = arms_of(["direct", "cot", "sequence", "multi_turn"], grid, n=20)
    assert [(name, s.threshold) for name, s in arms] == [
        ("direct", None), ("cot", None), ("sequence k=4", None), ("sequence k=10", None),
        ("multi_turn", None),
    ]  # fmt: skip
    assert len(arms_of(["vs_multi"], grid, n=20)) == 8


def test_objects_that_differ_are_named_by_what_differs():
    assert [*made(VSStandard(k=3), VSStandard(k=10))] == ["vs_standard k=3", "vs_standard k=10"]
    formats = made(VSStandard(format="tags"), VSStandard(), "direct")
    assert [*formats] == ["vs_standard format=tags", "vs_standard format=json", "direct"]
    thresholds = arms_of([VSStandard(threshold=0.1), VSStandard()], {}, n=2, k=2)
    assert [(name, s.threshold) for name, s in thresholds] == [
        ("vs_standard", 0.1), ("vs_standard", None),
    ]  # fmt: skip


def test_names_of_ones_own():
    words = VSStandard(prompts=Prompts(verbalize="Give {k}."))
    arms = arms_of({"mine": words, "ours": "vs_standard"}, {"k": [2, 3]}, n=6)
    assert [name for name, _ in arms] == ["mine k=2", "mine k=3", "ours k=2", "ours k=3"]
    with pytest.raises(ConfigurationError, match=r"there twice.*names of your own"):
        made(words, "vs_standard")


@pytest.mark.parametrize(
    ("strategies", "grid", "message"),
    [
        ([VSStandard(n=4)], {}, "made with n=4"),
        (["direct"], {"colour": [1]}, "not 'colour'"),
        (["direct"], {"k": []}, "at least one k"),
        (["vs_cot"], {"k": [0]}, "k must be"),
        (["direct"], {"temperature": [0.5]}, "no such method"),
    ],
)
def test_what_cannot_work_is_an_error_at_once(strategies, grid, message):
    with pytest.raises(ConfigurationError, match=message):
        Experiment("coin", strategies, model=lambda request: "x", n=2, grid=grid)


def test_thresholds_are_given_once():
    with pytest.raises(ConfigurationError, match="given twice"):
        Experiment(
            "coin", model=SimulatedModel(), thresholds=[0.1], grid={"threshold": [0.2]}
        )  # fmt: skip


def test_an_object_asks_for_what_it_was_made_with_under_one_name_everywhere(server, tmp_path):
    model = OpenAIModel("simulated", base_url=server.base_url)
    experiment = Experiment(
        "coin", [Direct(), VSStandard(k=3), VSStandard(k=6)], model=model, n=6, out=tmp_path
    ).run()
    names = ["direct", "vs_standard k=3", "vs_standard k=6"]
    assert experiment.table()["strategy"].tolist() == names
    assert [arm.label for arm in experiment.arms] == names
    assert {r["strategy"] for r in records(tmp_path / "candidates.jsonl")} == {*names}
    assert experiment.table()["calls"].tolist() == [6, 2, 1]
    drawn = experiment.plot_diversity()
    assert sorted(text.get_text() for text in drawn.axes[0].get_yticklabels()) == names
    assert all(name in experiment.report().read_text() for name in names)


def test_the_command_goes_through_a_grid(server, tmp_path):
    done = compare(
        "--task", "coin", "-n", "4", "-k", "2,4", "--strategies", "vs_standard",
        "--threshold", "1.0,0.1", "--probability", "explicit,nll", "--temperature", "0.5",
        "--top-p", "0.8,1", "--min-p", "0.05", "--model", "simulated",
        "--base-url", server.base_url, "--out", str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    sent = {(r["temperature"], r["top_p"], r["min_p"]) for r in server.requests}
    assert sent == {(0.5, 0.8, 0.05), (0.5, 1.0, 0.05)}
    rows = (tmp_path / "table.csv").read_text().splitlines()[1:]
    assert len(rows) == 2 * 2 * 2 * 2
    assert any("at 0.5, top_p 0.8, min_p 0.05" in row and "k=2 probability=nll" in row
               for row in rows)  # fmt: skip


def test_a_plugins_strategy_is_varied_as_ours_are():
    class Twice(VSMulti):
        name = "twice"

    assert issubclass(Twice, Strategy)
    assert [*made(Twice(), grid={"k": [2, 3]})] == ["twice k=2", "twice k=3"]
