"""The paper's experiments: the authors' formats, its measures, its figures beside ours."""

import csv
import json

import pytest
from scipy.stats import wasserstein_distance

from tests.evaluation.running import compare
from vs_core import Completion, ConfigurationError, metrics, plugins
from vs_core.evaluation import Experiment, read_items
from vs_core.evaluation.paper import EXPECTED, Expected, authors_words, paper_task
from vs_core.evaluation.tasks.questions import read_reference

QUESTIONS = {
    "Name a colour of the flag of Italy.": {"answers": [["green", "verde"], ["white"], ["red"]]},
    "Name a side of a coin.": {"answers": [["heads", "head"], ["tails"]]},
}


def written(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


# --- the authors' files --------------------------------------------------------------------------


def test_questions_with_their_answers_and_spellings(tmp_path):
    flag, coin = read_items(written(tmp_path / "qa.json", QUESTIONS))
    assert flag.answer("Verde") == "green"
    assert coin.truth == {"heads": ("head",), "tails": ()}
    task = plugins.task("questions", file=tmp_path / "qa.json")
    model = {"m": lambda request: "head" if "coin" in str(request.messages) else "blue"}
    row = Experiment(task, ["direct"], model=model, n=2).run().table().iloc[0]
    assert row["coverage"] == pytest.approx((0 + 1 / 2) / 2)
    assert row["precision"] == pytest.approx(1 / 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON"),
        ("[]", "must hold an object from question to its answers"),
        ({"Why?": ["a"]}, "'Why\\?' must have answers"),
        ({"Why?": {"answers": 3}}, "must have answers, each a list of spellings"),
    ],
)
def test_questions_in_another_form_are_refused(tmp_path, content, message):
    with pytest.raises(ConfigurationError, match=message):
        read_items(written(tmp_path / "qa.json", content))


def test_frequencies_of_states_with_counts_or_percentages(tmp_path):
    counts = {"Ohio": {"count": 30, "percentage": 75.0}, "Iowa": {"count": 10, "percentage": 25.0}}
    shares = {name: {"percentage": each["percentage"]} for name, each in counts.items()}
    assert read_reference(written(tmp_path / "a.json", counts)) == {"Ohio": 30, "Iowa": 10}
    assert read_reference(written(tmp_path / "b.json", shares)) == {"Ohio": 75, "Iowa": 25}
    with pytest.raises(ConfigurationError, match="from answer to weight"):
        read_reference(written(tmp_path / "c.json", {"Ohio": {"times": 3}}))


def test_facts_are_read_with_their_answers(tmp_path):
    path = tmp_path / "simple_qa.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["metadata", "problem", "answer"])
        writer.writerow(["{'topic': 'Geography'}", "What is the capital of France?", "Paris"])
        writer.writerow(["{}", "What is the capital of Norway?", "Oslo"])

    def model(request):
        place = "Paris" if "France" in str(request.messages) else "Bergen"
        if "responses" not in str(request.messages):
            return place
        listed = [{"text": "Lyon", "probability": 0.3}, {"text": place, "probability": 0.6}]
        return json.dumps({"responses": [*listed, {"text": "Oslo", "probability": 0.1}]})

    task = plugins.task("factuality", file=path)
    found = Experiment(task, ["direct", "vs_standard"], model={"m": model}, n=3, k=3).run()
    rows = found.table().set_index("strategy")
    assert rows["top_1"].to_dict() == {"direct": 0.5, "vs_standard": 0.5}
    assert rows["pass_n"].to_dict() == {"direct": 0.5, "vs_standard": 1.0}
    came = [0, 1, 0, 0, 0, 1]
    claimed = [0.3, 0.6, 0.1] * 2
    assert rows.loc["vs_standard", "brier_score"] == pytest.approx(
        metrics.brier_score(claimed, came)
    )
    with pytest.raises(ConfigurationError, match="needs questions of your own"):
        plugins.task("factuality")
    bad = written(tmp_path / "bad.csv", "question,reply\na,b\n")
    with pytest.raises(ConfigurationError, match=r"bad\.csv:2 needs a problem and its answer"):
        plugins.task("factuality", file=bad)


def test_dialogues_are_held_against_people(tmp_path):
    people = written(tmp_path / "info.csv", "id,donation\n1,0\n2,\n3,2\n4,1\n")
    task = plugins.task("dialogue", reference=people, turns=1)
    assert task.people == [0, 2, 1]
    for ending, content in (
        ("tsv", "id\tdonation\n1\t0\n2\t1.5\n"), ("jsonl", '{"donation": 0}\n{"donation": "1.5"}\n')
    ):  # fmt: skip
        other = written(tmp_path / f"info.{ending}", content)
        assert plugins.task("dialogue", reference=other).people == [0, 1.5]
    amounts = iter(["0", "2", "0.5", "0"])

    def model(request):
        last = request.messages[-1].content
        return Completion(next(amounts) if "How many" in last else "I am a good person. Really.")

    experiment = Experiment(
        task, ["direct"], model={"m": model}, n=4, concurrency=1
    ).run()  # fmt: skip
    row = experiment.table().iloc[0]
    assert row["donation_rate"] == 0.5
    assert row["l1"] == pytest.approx(wasserstein_distance([0, 2, 0.5, 0], [0, 2, 1]))
    assert row["reading_grade"] == pytest.approx(0.39 * 3 + 11.8 * 8 / 6 - 15.59)
    bad = written(tmp_path / "bad.csv", "id,gift\n1,2\n")
    with pytest.raises(ConfigurationError, match="a column 'donation'"):
        plugins.task("dialogue", reference=bad)


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("The cat sat on the mat.", 0.39 * 6 + 11.8 - 15.59),
        ("I see. You go!", 0.39 * 2 + 11.8 - 15.59),
        ("Table", 0.39 + 11.8 * 2 - 15.59),
        ("Made", 0.39 + 11.8 - 15.59),
    ],
)
def test_the_reading_grade_follows_its_formula(text, grade):
    assert metrics.reading_grade([text]) == pytest.approx(grade)
    assert metrics.reading_grade([text] * 3) == pytest.approx(grade)


def test_nothing_to_read_has_no_grade():
    assert metrics.reading_grade(["12 !", ""]) != metrics.reading_grade(["12 !"])  # nan


# --- its settings and measures -------------------------------------------------------------------


def test_words_are_parted_at_white_space_and_lines_begin_a_poem(tmp_path):
    lines = written(tmp_path / "poems.txt", "The sea, the sea\n")
    task = paper_task("poem", file=lines)
    assert task.items[0].prompt.endswith("begins with this line: The sea, the sea")
    assert paper_task("poem", file=lines, worded=True).items[0].prompt == "The sea, the sea"
    texts = iter(["a, b", "a b"])
    found = Experiment(task, ["direct"], model={"m": lambda r: next(texts)}, n=2, concurrency=1)
    row = found.run().table().iloc[0]
    assert row["lexical_diversity"] == pytest.approx(
        metrics.lexical_diversity(["a, b", "a b"], tokenize=str.split)
    )
    assert row["lexical_diversity"] > 0 == metrics.lexical_diversity(["a, b", "a b"])


def test_every_expected_figure_is_one_that_is_measured():
    for each in EXPECTED:
        options = {"file": __file__} if each.task in ("safety",) else {}
        if each.task == "factuality":
            from vs_core.evaluation.tasks.factuality import TOP_1

            assert each.measure == TOP_1.name
            continue
        task = plugins.task(each.task, **options)
        assert each.measure in [measure.name for measure in task.measures]
        assert each.strategy in plugins.table("strategies")
        assert 0 <= each.value <= 15


def test_what_is_expected_has_what_was_measured_of_the_same():
    figure = Expected("coin", "direct", "precision", 0.75, "four flips")
    other = Expected("coin", "vs_cot", "precision", 0.75, "an arm that is not there")
    experiment = Experiment(
        "coin", ["direct", "vs_standard"], n=8, k=2, thresholds=[None, 0.4],
        model={"m": lambda request: ["heads", "tails", "edge"][request.call % 3]},
        options={"on_unparsed": "single"},
    ).run()  # fmt: skip
    assert experiment.expected_table().empty
    experiment.expected = [figure, other]
    (found,) = experiment.expected_table().to_dict("records")
    row = experiment.table().iloc[0]
    assert found == {
        "model": "m", "task": "coin", "strategy": "direct", "measure": "precision",
        "expected": 0.75, "measured": row["precision"], "low": row["precision_low"],
        "high": row["precision_high"], "source": "four flips",
    }  # fmt: skip
    assert found["measured"] == 6 / 8


def test_the_paper_s_figures_stand_beside_ours(server, tmp_path):
    frequencies = written(tmp_path / "states.json", {"Ohio": {"count": 3}, "Iowa": {"count": 1}})
    out = tmp_path / "out"
    done = compare(
        "--paper", "--task", "states", "--reference", frequencies, "-n", "5",
        "--strategies", "direct,vs_standard", "--base-url", server.base_url, "--out", str(out),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Expected and measured" in done.stdout
    with (out / "paper.csv").open() as file:
        rows = {row["strategy"]: row for row in csv.DictReader(file)}
    assert float(rows["direct"]["expected"]) == 14.8
    assert float(rows["vs_standard"]["expected"]) == 0.13
    assert all(float(row["measured"]) >= 0 for row in rows.values())
    assert "Expected and measured" in (out / "report.html").read_text()
    asked = {(r.get("temperature"), r.get("top_p")) for r in server.requests if "messages" in r}
    assert asked == {(0.7, 1.0)}


@pytest.mark.parametrize("name", ["authors", "nowhere/words.toml"])
def test_the_authors_words_are_refused_with_directions(name, tmp_path):
    done = compare("--paper", "--task", "joke", "--simulated", "--templates", name)
    assert done.returncode == 2
    assert "docs/reproducing.md" in done.stderr
    assert "words.toml" in done.stderr


def test_words_in_a_folder_are_said(server, tmp_path):
    written(tmp_path / "words.toml", 'direct = "One answer, please."\n')
    assert authors_words(tmp_path).direct == "One answer, please."
    done = compare(
        "--paper", "--task", "joke", "--strategies", "direct", "-n", "1", "--templates",
        str(tmp_path), "--base-url", server.base_url, "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all("One answer, please." in str(r["messages"]) for r in server.requests)


def test_tasks_of_different_sizes_need_a_number():
    done = compare("--paper", "--task", "joke,questions", "--simulated")
    assert done.returncode == 2
    assert "joke: 30, questions: 100" in done.stderr
