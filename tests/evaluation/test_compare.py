"""``vs compare`` as a person runs it."""

import csv
import json
import subprocess

import pytest

from tests.evaluation.running import command, compare, records


def test_a_simulated_run_says_so_everywhere_and_writes_everything(tmp_path):
    line, env = command(
        "--task", "coin", "--simulated", "-n", "4", "-k", "2", "--strategies", "direct,vs_standard",
        "--judge-model", "judge", "--embedding-model", "embedder", "--price", "1,2",
        "--threshold", "1.0,0.4", "--temperature", "0.5,1", "--out", str(tmp_path / "out"),
    )  # fmt: skip
    done = subprocess.run(line, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "SIMULATED" in done.stderr
    assert "SIMULATED" in (tmp_path / "out" / "report.html").read_text()
    assert "simulated at 0.5" in done.stdout
    assert "vs_standard < 0.4" in done.stdout
    assert "precision" in done.stdout
    with (tmp_path / "out" / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["model"], row["strategy"], row["threshold"]) for row in rows] == [
        (f"simulated at {heat}", *arm)
        for heat in ("0.5", "1")
        for arm in (("direct", ""), ("vs_standard", "1.0"), ("vs_standard", "0.4"))
    ]
    assert all(float(row["cost"]) > 0 for row in rows)
    assert all(0 <= float(row["precision"]) <= 1 for row in rows)
    assert len(records(tmp_path / "out" / "candidates.jsonl")) == 24


def test_an_endpoint_is_asked_for_everything(server, tmp_path):
    done = compare(
        "--task", "joke", "--base-url", server.base_url, "-n", "2", "--strategies", "direct",
        "--judge-model", "judge", "--embedding-model", "embedder", "--out", str(tmp_path),
        "--seed", "3",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "report.html").read_text()
    assert "SIMULATED" not in done.stderr + done.stdout + page
    assert "semantic diversity" in done.stdout
    models = {(request["path"], request["model"]) for request in server.requests}
    assert models == {
        ("/v1/chat/completions", "simulated"), ("/v1/chat/completions", "judge"),
        ("/v1/embeddings", "embedder"),
    }  # fmt: skip


def test_prompts_and_a_reference_of_the_users_own(server, tmp_path):
    prompts, reference = tmp_path / "prompts.jsonl", tmp_path / "reference.json"
    prompts.write_text(json.dumps({"prompt": "Name a US state."}))
    reference.write_text('{"Ohio": 1, "California": 3}')
    done = compare(
        "--task", "states", "--prompts", str(prompts), "--reference", str(reference),
        "--base-url", server.base_url, "-n", "3", "--strategies", "direct", "--out", str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {r["messages"][-1]["content"] for r in server.requests if "messages" in r} == {
        "Name a US state."
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--task", "jok", "--simulated"], "Did you mean 'joke'"),
        (["--task", ",", "--simulated"], "--task names nothing"),
        (["--task", "joke"], "No model is configured"),
        (["--task", "joke", "--simulated", "--strategies", "vs"], "Unknown strategy"),
        (["--task", "joke", "--simulated", "--threshold", "low"], "--threshold takes numbers"),
        (["--task", "joke", "--simulated", "--threshold", "7"], "threshold must be"),
        (["--task", "joke", "--simulated", "--price", "1"], "--price takes two numbers"),
        (["--task", "joke", "--simulated", "-n", "0"], "n must be"),
        (["--task", "safety", "--simulated"], "--prompts"),
        (["--task", "joke,coin", "--simulated", "--prompts", "x"], "go with one task"),
        (["--task", "joke", "--simulated", "--prompts", "none.txt"], "Cannot read none.txt"),
        (["--task", "joke", "--simulated", "--reference", "x"], "reference"),
        (["--task", "joke", "--simulated", "--out", "/dev/null/x"], "Cannot write"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(arguments, message, tmp_path):
    done = compare("--out", str(tmp_path), *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_that_cannot_be_reached_is_exit_code_1(tmp_path):
    done = compare(
        "--task", "coin", "--base-url", "http://127.0.0.1:9/v1", "--model", "m", "-n", "1",
        "--strategies", "direct", "--attempts", "1", "--out", str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(
        "vs: The call of 'm' at http://127.0.0.1:9/v1 failed: Connection error"
    )
