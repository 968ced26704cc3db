"""A run that goes on does so under the settings it was begun with, and loses nothing to a disk."""

import json
import os
import re
import subprocess
import sys

import pytest

from vs_core import ConfigurationError, VSStandard
from vs_core.clients import OpenAIModel
from vs_core.embedding import OpenAIEmbedder
from vs_core.evaluation import Experiment, Item, LLMJudge, Task
from vs_core.testing import SimulatedServer


@pytest.fixture
def server():
    with SimulatedServer() as server:
        yield server


def run(server, out, *, fresh=False, base_url=None, **settings):
    model = OpenAIModel("simulated", base_url=base_url or server.base_url, **settings)
    experiment = Experiment("coin", ["direct"], model={"m": model}, n=3, out=out, fresh=fresh)
    return experiment.run()


def test_other_settings_are_refused_with_the_difference(server, tmp_path):
    run(server, tmp_path, temperature=0.5, extra_headers={"Authorization": "Bearer hunter2"})
    asked = len(server.requests)
    with pytest.raises(ConfigurationError, match=r"m: temperature was 0\.5, and is 0\.9 now"):
        run(server, tmp_path, temperature=0.9, extra_headers={"Authorization": "Bearer hunter2"})
    run(server, tmp_path, temperature=0.5, extra_headers={"Authorization": "Bearer other"})
    assert len(server.requests) == asked
    run(server, tmp_path, temperature=0.9, fresh=True)
    assert len(server.requests) == 2 * asked
    for path in tmp_path.iterdir():
        assert "hunter2" not in path.read_text()


def test_another_endpoint_and_another_version_are_refused(server, tmp_path):
    run(server, tmp_path)
    with pytest.raises(ConfigurationError, match="base_url was"):
        run(server, tmp_path, base_url="http://models.example/v1")
    path = tmp_path / "run.json"
    manifest = json.loads(path.read_text())
    assert manifest["models"]["m"]["model"] == "simulated"
    assert re.match(r"\d{4}-\d\d-\d\dT", manifest["begun"])
    manifest["versions"]["vs-core"] = "0.0.1"
    path.write_text(json.dumps(manifest))
    with pytest.raises(ConfigurationError, match=r"vs-core: 0\.0\.1 then"):
        run(server, tmp_path)


def test_a_local_server_is_the_same_at_another_port(server, tmp_path):
    run(server, tmp_path)
    with SimulatedServer() as other:
        run(other, tmp_path)
        assert not other.requests


def test_a_model_that_says_nothing_of_its_settings_hides_no_other(server, tmp_path):
    def run(temperature, **options):
        model = OpenAIModel("simulated", base_url=server.base_url, temperature=temperature)
        models = {"plain": lambda request: "heads", "m": model}
        Experiment("coin", ["direct"], model=models, n=1, out=tmp_path, **options).run()

    run(0.5, fresh=True)  # where nothing is, nothing is to be taken away
    with pytest.raises(ConfigurationError, match="temperature was"):
        run(0.9)


def test_models_are_added_to_a_folder(server, tmp_path):
    run(server, tmp_path)
    model = OpenAIModel("simulated", base_url=server.base_url, temperature=1)
    Experiment("coin", ["direct"], model={"hot": model}, n=1, out=tmp_path).run()
    assert json.loads((tmp_path / "run.json").read_text())["models"].keys() == {"m", "hot"}


@pytest.mark.parametrize("lacking", ["usage", "about"])
def test_records_of_other_versions_are_read(server, tmp_path, lacking):
    run(server, tmp_path)
    path = tmp_path / "completions.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for record in records:
        del record[lacking]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    asked = len(server.requests)
    assert len(run(server, tmp_path).results[0].distribution) == 3
    assert len(server.requests) == asked


def test_a_record_without_a_text_is_named(server, tmp_path):
    run(server, tmp_path)
    path = tmp_path / "completions.jsonl"
    record = json.loads(path.read_text().splitlines()[0])
    del record["text"]
    path.write_text(json.dumps(record) + "\n")
    with pytest.raises(ConfigurationError, match="record without a text, for model m, task coin"):
        run(server, tmp_path)


FULL = """
import resource, signal, sys
from vs_core.embedding import OpenAIEmbedder
from vs_core.evaluation import Experiment, Item, LLMJudge, Task
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
if sys.argv[2] != "0":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
calls = []
def complete(request):
    calls.append(1)
    return "Heads, and then " + "a long remark " * 20
experiment = Experiment("coin", ["direct"], model={"m": complete}, n=40, out=sys.argv[1],
                         concurrency=4)
try:
    experiment.run()
except Exception as error:
    print(type(error).__name__, str(error)[:300])
print("calls", len(calls))
"""


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files as POSIX does")
def test_a_full_disk_is_a_clear_error_and_the_run_goes_on(tmp_path):
    def begin(limit: int) -> str:
        done = subprocess.run(
            [sys.executable, "-c", FULL, str(tmp_path), str(limit)], capture_output=True, text=True
        )
        return done.stdout

    full = begin(6000)
    assert full.startswith("ConfigurationError Cannot write")
    assert "completions.jsonl: File too large" in full
    kept = (tmp_path / "completions.jsonl").read_text().splitlines()
    assert all(json.loads(line)["text"] for line in kept)
    asked = int(begin(0).split()[-1])
    assert asked == 40 - len(kept)
    assert 5 < len(kept) < 40


def test_the_folder_describes_its_runs(server, tmp_path):
    model = OpenAIModel("simulated", base_url=server.base_url, api_key="hunter2", temperature=0.5)
    judge = LLMJudge(OpenAIModel("judge", base_url=server.base_url, api_key="hunter2"))

    task = Task(name="joke", items=[Item(prompt="A joke, please.")], rubric="It is funny.")

    def run(**options):
        Experiment(
            task, [VSStandard(k=2, threshold=0.1)], model={"m": model}, judge=judge,
            embed=OpenAIEmbedder("e", base_url=server.base_url, api_key="hunter2"),
            same=str.lower, price=(1, 2), note="Mind this.", out=tmp_path, **options,
        ).run()  # fmt: skip
        return json.loads((tmp_path / "run.json").read_text())

    manifest = run(n=2, seed=7)
    (one,) = manifest["experiments"]
    assert one["tasks"] == {"joke": [{"prompt": "A joke, please."}]}
    assert one["strategies"]["vs_standard"]["threshold"] == 0.1
    assert (one["n"], one["seed"], one["same"]) == (2, 7, ["lower"])
    assert one["judge"]["model"] == "judge"
    assert one["judge"]["base_url"] == server.base_url
    assert one["rubrics"] == {"joke": "It is funny."}
    assert one["embed"] == {"name": "e", "base_url": server.base_url}
    assert manifest["packages"]["pydantic"]
    assert manifest["models"]["m"]["temperature"] == 0.5
    assert "hunter2" not in json.dumps(manifest)
    assert one.keys() == {
        "tasks", "strategies", "n", "seed", "judge", "rubrics", "embed", "same", "price", "note",
        "begun", "continued",
    }  # fmt: skip
    assert (one["price"], one["note"]) == ([1, 2], "Mind this.")
    assert manifest.keys() == {
        "begun", "continued", "python", "platform", "packages", "versions", "models", "experiments",
    }  # fmt: skip
    # What it was begun on stays, whatever it is gone on with.
    before = {"begun": "2020-01-01T00:00:00+00:00", "python": "3.0", "platform": "Plan 9",
              "packages": {"numpy": "0.1"}}  # fmt: skip
    (tmp_path / "run.json").write_text(json.dumps({**manifest, **before}))
    again = run(n=2, seed=7)
    assert {name: again[name] for name in before} == before
    assert again["continued"] >= manifest["continued"]
    # Run again it is the same one; another comes to it.
    assert [each["begun"] for each in run(n=2, seed=7)["experiments"]] == [one["begun"]]
    assert [each["n"] for each in run(n=3)["experiments"]] == [2, 3]
