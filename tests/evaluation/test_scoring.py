"""``vs score``: figures of answers that anybody made."""

import csv
import json
import math

import pytest

from tests.evaluation.running import compare
from vs_core import ConfigurationError, metrics
from vs_core.equivalence import ByMeaning
from vs_core.evaluation import Columns, Experiment, Item, SameJudge, score
from vs_core.evaluation.measures import LEXICAL
from vs_core.generation import generate
from vs_core.testing import SimulatedModel

FACES = ["1", "2", "3", "4", "5", "6"]
DIE = Item(prompt="Roll a die.", truth=FACES, reference=dict.fromkeys(FACES, 1))
# The published rolls of GPT-4.1, asked directly: 600, never a 1 or a 6.
ROLLS = [face for face, n in {"2": 124, "3": 201, "4": 183, "5": 92}.items() for _ in range(n)]


def table(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def row_of(scores, strategy=None):
    rows = scores.table().to_dict("records")
    (row,) = [row for row in rows if strategy in (None, row["strategy"])]
    return row


def test_the_published_rolls_have_their_published_divergence():
    scores = score([{"prompt": "Roll a die.", "text": face} for face in ROLLS], items=[DIE])
    row = row_of(scores)
    assert row["kl"] == pytest.approx(0.450, abs=5e-4)
    assert row["kl_paper"] == pytest.approx(6.84, abs=5e-3)
    assert row["total_variation"] == pytest.approx(1 / 3 + 8 / 600)  # 1, 6 and some of 5
    assert row["coverage"] == pytest.approx(4 / 6)
    assert row["unseen_mass"] == 0
    assert row["candidates"] == 600
    assert "calls" not in row


def answers(arm, size=6):
    """Answers to five prompts, the arm's own share of them the same."""
    return [
        {"prompt": f"p{prompt}", "text": "same" if place < arm + prompt % 2 else f"word{place}",
         "call": place // 2}
        for prompt in range(5) for place in range(size)
    ]  # fmt: skip


def test_two_tables_give_the_paired_difference(tmp_path):
    first, second = (table(tmp_path / f"{n}.jsonl", answers(n)) for n in (1, 4))
    scores = score(first, second)
    found = scores.differences_table().set_index("measure").loc["distinct"]

    def shares(rows):
        texts = {}
        for row in rows:
            texts.setdefault(row["prompt"], []).append(row["text"])
        return {prompt: len(set(own)) / len(own) for prompt, own in texts.items()}

    expected = metrics.paired_difference(shares(answers(4)), shares(answers(1)))
    assert (found["strategy"], found["baseline"]) == ("4", "1")
    assert (found["difference"], found["low"], found["high"]) == pytest.approx(expected[:3])
    assert found["units"] == 5
    assert found["difference"] < -0.3


def test_calls_are_the_units_where_prompts_are_few():
    rows = [{"text": f"a{n // 3} b{n % 2}", "request": n // 3} for n in range(18)]
    texts = [row["text"] for row in rows]
    by_call = score(rows, columns=Columns(call="request"))
    alone = score(rows)
    expected = metrics.confidence_interval(
        metrics.distinct_n, texts, groups=[row["request"] for row in rows], bounds=(0, 1)
    )
    row = row_of(by_call)
    found = [row[f"distinct_2{end}"] for end in ("", "_low", "_high")]
    assert found == pytest.approx(
        metrics.confidence_interval(
            lambda drawn: metrics.distinct_n(drawn, 2), texts,
            groups=[row["request"] for row in rows], bounds=(0, 1),
        )
    )  # fmt: skip
    assert row["distinct_1"] == pytest.approx(metrics.distinct_n(texts, 1))
    assert math.isfinite(expected.low)
    assert not any("call" in note for note in by_call.notes)
    assert any("intervals are too narrow" in note for note in alone.notes)
    assert row_of(alone)["distinct_2_low"] != row["distinct_2_low"]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("nested", [False, True])
def test_what_generate_writes_is_scored_as_it_is(tmp_path, ending, nested):
    prompts = [{"product": name} for name in ("tea", "bread", "soap", "ink", "tea")]
    out = tmp_path / f"answers.{ending}"
    generate(
        prompts, model=SimulatedModel(), prompt="Write a tagline for {product}.", k=3, n=6,
        out=out, nested=nested,
    )  # fmt: skip
    scores = score(out)
    assert scores.answers == 30
    assert len(next(iter(scores.tasks.values())).items) == 5
    assert scores.notes == ()
    groups = next(iter(scores.arms.values()))
    assert [len({answer.unit for answer in group}) for group in groups] == [2] * 5
    assert all(answer.candidate.probability is not None for g in groups for answer in g)
    assert row_of(scores)["lexical_diversity"] == pytest.approx(LEXICAL.of(groups).estimate)
    assert row_of(scores)["lexical_diversity"] > 0


def test_the_records_of_an_experiment_give_its_table(tmp_path):
    experiment = Experiment(
        "joke", ["direct", "vs_standard"], model={"simulated": SimulatedModel()}, n=6, k=3,
        thresholds=[None, 0.1], out=tmp_path,
    ).run()  # fmt: skip
    scores = score(tmp_path / "candidates.jsonl")
    names = ["lexical_diversity", "lexical_diversity_low", "distinct", "distinct_high"]
    keys = ["strategy", "threshold"]
    expected = experiment.table().sort_values(keys)[names].to_numpy()
    assert scores.table().sort_values(keys)[names].to_numpy() == pytest.approx(expected)
    assert set(scores.differences_table()["baseline"]) == {"direct"}


def test_the_authors_outputs_are_read_as_they_publish_them():
    row = {"prompt": "Name a coin's side.", "responses": [
        {"text": "heads", "probability": 0.5}, {"text": "Tails", "probability": 0.5},
    ]}  # fmt: skip
    coin = Item(prompt=row["prompt"], truth=["heads", "tails"], reference={"heads": 1, "tails": 1})
    found = row_of(score([row, row], items=[coin]))
    assert found["coverage"] == 1
    assert found["kl"] == pytest.approx(0, abs=1e-4)
    assert found["brier_score"] == 0
    assert found["log_score"] == pytest.approx(math.log(2))


def test_probabilities_are_held_against_what_is_right():
    rows = [
        {"question": f"q{n}", "response": "yes", "truth": "yes" if n % 4 else "no",
         "probability": 0.9}
        for n in range(8)
    ]  # fmt: skip
    found = row_of(score(rows))
    assert found["precision"] == 0.75
    assert found["brier_score"] == pytest.approx(0.75 * 0.01 + 0.25 * 0.81)
    assert found["expected_calibration_error"] == pytest.approx(0.15)
    right, wrong = math.log(0.9), math.log(0.1)
    assert found["log_score"] == pytest.approx(-0.75 * right - 0.25 * wrong)


def test_scores_and_embeddings_are_taken_too():
    rows = [{"text": text, "mark": mark} for text, mark in [("a", 0.2), ("b", 0.4), ("a", 1)]]

    def embed(texts):
        return [[1.0, 0.0] if text == "a" else [0.0, 1.0] for text in texts]

    found = row_of(score(rows, columns=Columns(score="mark"), embed=embed))
    assert found["quality"] == pytest.approx(1.6 / 3)
    assert found["semantic_diversity"] == pytest.approx(2 / 3)
    assert found["vendi_score"] == pytest.approx(
        math.exp(-sum(p * math.log(p) for p in (1 / 3, 2 / 3)))
    )


def test_what_means_the_same_counts_once():
    rows = [{"text": text} for text in ("a bear", "the bear", "a fox", "A bear.")]

    def embed(texts):
        return [[0.0, 1.0] if "fox" in text else [1.0, 0.0] for text in texts]

    assert row_of(score(rows))["distinct"] == pytest.approx(3 / 4)
    scores = score(rows, same=ByMeaning(embed, 0.9))
    assert row_of(scores)["distinct"] == pytest.approx(2 / 4)
    assert scores.as_dict()["same"][0]["classes"] == 2
    judge = SameJudge(lambda request: "")
    with pytest.raises(ConfigurationError, match="No model is asked here"):
        score(rows, same=judge)


def test_what_is_compared_may_be_any_column():
    rows = [{"text": f"t{n}", "city": "Ulm" if n % 2 else "Bonn"} for n in range(8)]
    scores = score(rows, columns=Columns(by=["city"]))
    assert {arm.strategy for arm in scores.arms} == {"Bonn", "Ulm"}
    assert score(rows).arms.keys() != scores.arms.keys()


def test_a_registered_metric_of_texts_is_a_measure():
    found = row_of(score([{"text": "a b"}, {"text": "a c"}], measures=["self_bleu", "distinct"]))
    assert found["self_bleu"] == pytest.approx(metrics.self_bleu(["a b", "a c"]))
    assert "lexical_diversity" not in found
    with pytest.raises(ConfigurationError, match="Unknown metric 'distinkt'"):
        score([{"text": "a"}], measures=["distinkt"])


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([], {}, "holds no answer"),
        ([{"words": "a"}], {}, "no column of answers among words"),
        ([{"text": "a"}], {"columns": Columns(prompt="question")}, "no column 'question'"),
        ([{"text": "a"}], {"columns": Columns(by=["x"])}, "no column 'x'"),
        ([{"text": "a", "quality": 7}], {}, "a score is a number from 0 to 1, not '7'"),
        ([{"text": "a", "prompt": "p"}], {"items": [DIE]}, "No prompt of the answers"),
        ([{"responses": "[1,"}], {}, "Row 1: responses holds no list of JSON"),
    ],
)  # fmt: skip
def test_what_cannot_be_scored_is_refused(rows, options, message):
    with pytest.raises(ConfigurationError, match=message):
        score(rows, **options)


def test_what_the_figures_leave_out_is_said():
    rows = [{"text": "", "probability": 3}, {"text": "a", "probability": ""}, {"text": None}]
    scores = score(rows)
    assert scores.note == " ".join(scores.notes)
    said = " ".join(scores.notes)
    assert "2 empty answers do not count" in said
    assert "1 probabilities are not on [0, 1]" in said
    assert "all answers are to one" in said
    assert row_of(scores)["useful"] == 1


def test_a_call_is_asked_for_where_prompts_are_fewer_than_four():
    def noted(count):
        rows = [{"prompt": f"p{n}", "text": text} for n in range(count) for text in "ab"]
        return any("which call" in note for note in score(rows).notes)

    assert noted(3)
    assert not noted(4)
    one = score([{"prompt": f"p{n}", "text": "a"} for n in range(4)])
    assert any("diversity is not known" in note for note in one.notes)


def test_models_and_strategies_are_compared_where_they_vary():
    def arms(**columns):
        rows = [
            {"text": f"t{n}", **{name: values[n % len(values)] for name, values in columns.items()}}
            for n in range(4)
        ]
        return [(arm.model, arm.strategy, arm.threshold) for arm in score(rows).arms]

    assert arms(model=["m", "o"]) == [("m", "list", None), ("o", "list", None)]
    assert arms(model=["m"], strategy=["direct", "cot"]) == [
        ("", "direct", None), ("", "cot", None),
    ]  # fmt: skip
    assert arms(model=["m", "o"], strategy=["direct", "cot"]) == [
        ("m", "direct", None), ("o", "cot", None),
    ]  # fmt: skip
    assert arms(threshold=[0.5, ""]) == [("", "list", 0.5), ("", "list", None)]


def test_arms_of_several_tables_are_named_by_their_table_first(tmp_path):
    files = []
    for name in ("old", "new"):
        rows = [{"text": f"{m} {n}", "model": m, "strategy": s}
                for n in range(2) for m, s in (("m", "direct"), ("o", "cot"))]  # fmt: skip
        files.append(table(tmp_path / f"{name}.jsonl", rows))
    scores = score(*files)
    assert [(arm.model, arm.strategy) for arm in scores.arms] == [
        ("", "old: m: direct"), ("", "old: o: cot"), ("", "new: m: direct"), ("", "new: o: cot"),
    ]  # fmt: skip
    assert set(scores.differences_table()["baseline"]) == {"old: m: direct"}
    assert next(iter(scores.tasks)) == "old and new"


def test_figures_of_answers_with_their_truth_are_drawn_with_precision():
    rows = [{"prompt": "p", "text": text, "truth": ["a", "b"]} for text in "aabc"]
    scores = score(rows)
    (axes,) = scores.plot_quality().axes
    assert axes.get_ylabel() == "precision"
    assert scores.heading == "4 answers to 1 prompts: list"


# --- as a person runs it -------------------------------------------------------------------------


def test_the_command_prints_figures_and_differences(tmp_path):
    first = tmp_path / "old.csv"
    with first.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["prompt", "text", "call"])
        writer.writeheader()
        writer.writerows(answers(1))
    second = table(tmp_path / "new.jsonl", answers(4))
    page = tmp_path / "report.html"
    done = compare(str(first), str(second), "--report", str(page), name="score")
    assert done.returncode == 0, done.stderr
    assert "60 answers to 5 prompts" in done.stdout
    assert "distinct answers" in done.stdout
    assert "Differences" in done.stdout
    written = page.read_text()
    assert "Differences from old" in written
    assert "calls<br>" not in written


def test_the_command_prints_json_alone(tmp_path):
    path = table(tmp_path / "a.jsonl", [{"prompt": "p", "text": "<b>x</b>"}] * 4)
    truth = table(tmp_path / "truth.jsonl", [{"prompt": "p", "truth": ["<b>x</b>", "y"]}])
    done = compare(
        str(path), "--truth", str(truth), "--metric", "coverage,kl", "--json", name="score"
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["arms"][0]["coverage"] == 0.5
    assert "kl" not in found["arms"][0]
    assert found["differences"] == []
    assert any("too narrow" in note for note in found["notes"])


def test_the_command_says_what_is_wrong(tmp_path):
    path = table(tmp_path / "a.jsonl", [{"words": "x"}])
    done = compare(str(path), name="score")
    assert done.returncode == 2
    assert "no column of answers among words" in done.stderr
    assert compare("none.jsonl", name="score").returncode == 2
