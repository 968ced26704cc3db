"""The same answer in other words counts once, whoever says what is the same."""

import json
import re

import pytest

from tests.evaluation.running import compare, records
from vs_core import ConfigurationError, VSStandard
from vs_core.equivalence import ByMeaning
from vs_core.evaluation import Experiment, Item, SameJudge, Task
from vs_core.metrics.answers import plain
from vs_core.tuning import tune

JOKES = ["A bear in the wood.", "Quarterly figures.", "A bear in a wood.", "Quarterly figure."]
TASK = Task(name="jokes", items=[Item(prompt="A joke?"), Item(prompt="Another?")])


def teller(request):
    """Two jokes, each in two wordings."""
    return "[" + ", ".join(f'{{"text": "{joke}", "probability": 0.2}}' for joke in JOKES) + "]"


class Judge:
    """Answers are the same if they begin with the same word; it keeps what it was asked."""

    def __init__(self, verdict=None):
        self.asked, self.verdict = [], verdict

    def __call__(self, request):
        text = next(m.content for m in request.messages if m.role == "user")
        self.asked.append(text)
        *before, new = re.findall(r"(=== \w+ ===)\n(.*?)\n\1", text, re.DOTALL)
        same = [n for n, (_, old) in enumerate(before, 1) if old.split()[0] == new[1].split()[0]]
        number = (same or [0])[0] if self.verdict is None else self.verdict
        return json.dumps({"responses": [{"value": {"why": "they begin so", "same_as": number}}]})


def embed(texts):
    return [[1.0, "bear" in text] if "bear" in text else [-1.0, 0.0] for text in texts]


def run(same=(), **options):
    experiment = Experiment(
        TASK, [VSStandard(k=4)], model=teller, n=4, same=same, judge=lambda *_: 0.5, **options
    ).run()
    (row,) = experiment.table().to_dict("records")
    return experiment, row


@pytest.mark.parametrize(
    "same",
    [lambda text: text.split()[0], ByMeaning(embed, 0.9), SameJudge(Judge(), "j")],
    ids=["key", "meaning", "judge"],
)
def test_the_same_in_other_words_is_one_answer_under_every_count(same):
    _, plain = run()
    assert (plain["distinct"], plain["useful"]) == (1.0, 8)
    _, row = run(same)
    assert (row["distinct"], row["useful"]) == (0.5, 4)
    # A reader who tires: the third and the fourth are worth nothing now.
    assert plain["utility"] == pytest.approx(0.5)
    assert row["utility"] == pytest.approx(0.5 * 1.8 / (1 + 0.8 + 0.64 + 0.512))


def test_how_far_ways_to_tell_agree_is_in_the_table_and_the_report(tmp_path):
    by = [ByMeaning(embed, 0.9), SameJudge(Judge(verdict=0), "strict")]
    experiment, _ = run(by, out=tmp_path)
    rows = experiment.agreement_table().to_dict("records")
    assert [(r["counts"], r["other"], r["classes"], r["other_classes"]) for r in rows] == [
        ("cosine ≥ 0.9", "judge strict", 4, 8), ("cosine ≥ 0.9", "text", 4, 8)
    ]  # fmt: skip
    # Of the 6 pairs of a prompt 2 are the same by their meaning alone.
    assert rows[0]["pairs"] == 12
    assert rows[0]["share"] == pytest.approx(4 / 6)
    assert rows[0]["kappa"] == pytest.approx(0)
    report = experiment.report().read_text()
    assert "8 different texts: 4 answers by cosine ≥ 0.9, 8 by judge strict" in report
    assert "67% of 12 pairs" in report


def test_a_judge_is_asked_once_sees_texts_as_quoted_and_is_not_asked_again(tmp_path):
    judge = Judge()
    run(SameJudge(judge, "j"), out=tmp_path)
    # The first of a prompt has nothing before it; then each beside the first of each class.
    assert len(judge.asked) == 2 * 3
    assert "gains nothing by the other" in judge.asked[0]
    before = len(judge.asked)
    run(SameJudge(judge, "j"), out=tmp_path)
    assert len(judge.asked) == before
    kept = [record for record in records(tmp_path / "completions.jsonl") if "same" in record]
    assert len(kept) == before
    places = {(each["prompt"], each["answer"], each["before"]) for each in kept}
    assert len(places) == before
    assert {each["same"] for each in kept} == {"judge j"}
    assert all(("A joke?" in text) != ("Another?" in text) for text in judge.asked)


@pytest.mark.parametrize("verdict", [7, "no number"])
def test_a_verdict_that_cannot_be_is_a_class_of_its_own(verdict):
    _, row = run(SameJudge(Judge(verdict=verdict), "j"))
    assert row["distinct"] == 1.0


def test_many_classes_are_shown_in_several_calls():
    texts = [f"{chr(97 + n // 26)}{chr(97 + n % 26)} joke" for n in range(45)]
    texts.append("be another joke")  # the same as one of those that are shown second

    def many(request):
        return "[" + ", ".join(f'{{"text": "{t}", "probability": 0.01}}' for t in texts) + "]"

    judge = Judge()
    task = Task(name="many", items=[Item(prompt="A joke?")])
    experiment = Experiment(
        task, [VSStandard(k=46)], model=many, n=46, same=SameJudge(judge, "j")
    ).run()
    assert experiment.table()["distinct"][0] == pytest.approx(45 / 46)
    ((*firsts, again),) = next(iter(experiment.arms.values()))
    assert again.kind == firsts[30].kind == plain(texts[30])
    assert max(text.count("\n20.\n") for text in judge.asked) == 1
    assert not any("\n21.\n" in text for text in judge.asked)


def test_an_embedder_of_both_embeds_each_text_once():
    seen = []

    def counting(texts):
        seen.extend(texts)
        return [[1.0, float(len(text))] for text in texts]

    run(ByMeaning(counting, 0.9), embed=counting)
    assert sorted(seen) == sorted(JOKES)


def test_tune_takes_a_judge_too():
    tuning = tune(
        ["A joke?", "Another?"], teller, same=SameJudge(Judge(), "j"), strategies=["vs_standard"],
        ks=[4], thresholds=[None], n=4, units=6,
    )  # fmt: skip
    assert tuning.standings[tuning.winner.name].diversity == pytest.approx(0.5)


# --- on the command line -------------------------------------------------------------------------


def test_endpoints_and_keys_of_their_own(server, tmp_path, monkeypatch):
    from vs_core.testing import SimulatedServer

    with SimulatedServer() as judge, SimulatedServer() as embedder:
        done = compare(
            "--task", "joke", "--base-url", server.base_url, "-n", "2", "--strategies", "direct",
            "--judge-model", "judge", "--judge-url", judge.base_url,
            "--embedding-model", "embedder", "--embedding-url", embedder.base_url,
            "--same", "0.9,judge", "--out", str(tmp_path),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert {request["model"] for request in server.requests} == {"simulated"}
        assert {request["model"] for request in judge.requests} == {"judge"}
        assert {request["model"] for request in embedder.requests} == {"embedder"}
    assert "answers by cosine ≥ 0.9 of embedder" in done.stdout
    assert "by judge judge" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--same", "0.9"], "--same by a cosine needs --embedding-model"),
        (["--same", "judge"], "--same judge needs --judge-model"),
        (["--same", "near"], "--same is text, judge, or a cosine"),
        (["--same", "2", "--embedding-model", "e"], "cosine similarity"),
    ],
)
def test_what_cannot_tell_is_bad_usage(arguments, message, tmp_path):
    done = compare("--task", "joke", "--simulated", "--out", str(tmp_path), *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_agreement_of_nothing():
    experiment, _ = run()
    assert experiment.agreement_table().empty
    assert experiment.agreements("jokes") == {}
    with pytest.raises(ConfigurationError, match="run"):
        Experiment(TASK, model=teller).agreement_table()
