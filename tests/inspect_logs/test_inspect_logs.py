"""Our runs as logs of inspect_ai: as JSON, and as inspect reads them where it is installed."""

import json

import pytest

from vs_core import ConfigurationError
from vs_core.evaluation import Experiment, score
from vs_core.testing import SimulatedModel


@pytest.fixture(scope="module")
def experiment():
    return Experiment(
        ["coin", "joke"], ["direct", "vs_standard"], model={"m": SimulatedModel()}, n=4, k=2,
        thresholds=[None, 0.3], judge=lambda prompt, answer: 0.5, note="SIMULATED",
    ).run()  # fmt: skip


def test_a_log_is_an_arm_and_a_sample_an_answer(experiment, tmp_path):
    files = experiment.export_inspect(tmp_path / "logs")
    logs = [json.loads(file.read_text()) for file in files]
    assert [log["eval"]["task"] for log in logs] == [
        f"{arm.task}: {arm.label}" for arm in experiment.arms
    ]
    assert len({log["eval"]["task_id"] for log in logs}) == len(logs)
    assert len({log["eval"]["run_id"] for log in logs}) == 1
    jokes = next(log for log in logs if log["eval"]["task"] == "joke: vs_standard < 0.3")
    assert len(jokes["samples"]) == 20
    assert {(each["id"], each["epoch"]) for each in jokes["samples"]} == {
        (prompt, answer) for prompt in range(1, 6) for answer in range(1, 5)
    }
    assert jokes["eval"]["task_args"] == {"n": 4, "k": 2, "threshold": 0.3}
    assert jokes["samples"][0]["scores"]["vs"]["value"] == {"counts": True, "quality": 0.5}
    assert 0 <= jokes["samples"][0]["metadata"]["probability"] < 0.3
    for sample in jokes["samples"]:
        said = [(each["role"], each["content"]) for each in sample["messages"]]
        assert said == [("user", sample["input"]), ("assistant", sample["output"]["completion"])]
        (choice,) = sample["output"]["choices"]
        assert choice["message"] == sample["messages"][-1]
    coin = next(log for log in logs if log["eval"]["task"] == "coin: direct")
    (found,) = coin["results"]["scores"]
    row = experiment.table().query("task == 'coin' and strategy == 'direct'").iloc[0]
    assert found["metrics"]["coverage"]["value"] == row["coverage"]
    about = found["metrics"]["coverage"]["metadata"]
    assert about["label"] == "coverage of the right answers"
    assert about["low"] <= row["coverage"] <= about["high"]
    assert coin["samples"][0]["target"] == ["heads", "tails"]
    assert coin["samples"][0]["scores"]["vs"]["value"]["right"] is True
    usage = coin["stats"]["model_usage"]["m"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 0


def test_answers_that_were_given_have_logs_too(tmp_path):
    scores = score([{"prompt": "p", "text": text} for text in "aab\ud800"])
    (file,) = scores.export_inspect(tmp_path)
    log = json.loads(file.read_text())
    assert [each["output"]["completion"] for each in log["samples"]] == ["a", "a", "b", "?"]
    assert log["stats"]["model_usage"] == {}


def test_where_to_write_is_said(experiment, tmp_path):
    with pytest.raises(ConfigurationError, match="Say where to write"):
        experiment.export_inspect()
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="Cannot write to"):
        experiment.export_inspect(tmp_path / "file")


def test_inspect_reads_them(experiment, tmp_path):
    log = pytest.importorskip("inspect_ai.log", reason="inspect_ai is not installed")
    files = experiment.export_inspect(tmp_path)
    assert len(log.list_eval_logs(str(tmp_path))) == len(files) == 6
    for file, (arm, groups) in zip(files, experiment.arms.items(), strict=True):
        found = log.read_eval_log(str(file))
        assert found.status == "success"
        assert found.version == 2
        texts = [answer.text for group in groups for answer in group]
        assert [sample.output.completion for sample in found.samples] == texts
        assert [sample.messages[-1].text for sample in found.samples] == texts
        metrics = found.results.scores[0].metrics
        for measure in experiment.tasks[arm.task].measures:
            interval = experiment.interval(arm, measure)
            if measure.name in metrics:
                assert metrics[measure.name].value == interval.estimate
        again = tmp_path / "again.json"
        log.write_eval_log(found, str(again))
        assert log.read_eval_log(str(again)).samples == found.samples
