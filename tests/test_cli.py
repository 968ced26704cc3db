"""The command line, run as a person runs it."""

import json
import subprocess
import sys

import pytest

from tests.commands import process, vs
from vs_core import Distribution
from vs_core.profiles import Profile
from vs_core.testing import SimulatedModel, SimulatedServer


@pytest.fixture
def server():
    with SimulatedServer() as server:
        yield server


def test_demo_compares_and_says_that_it_is_simulated():
    done = process("demo")
    assert done.returncode == 0, done.stderr
    assert "SIMULATED" in done.stdout
    direct, drawn = (int(part.split()[-1]) for part in done.stdout.split("distinct of 10")[:2])
    assert direct < drawn
    assert "probability" in done.stdout


@pytest.mark.parametrize("arguments", [(), ("--json",), ("--stream",)])
def test_sample_without_a_model_asks_for_one(arguments):
    done = vs("sample", "Name a US state.", *arguments)
    assert done.returncode == 2
    assert not done.stdout
    assert "No model is configured" in done.stderr
    assert "--simulated" in done.stderr


def test_simulated_answers_are_asked_for_and_every_record_says_so():
    command = ("sample", "Name a US state.", "-k", "4", "--seed", "3", "--simulated")
    done = vs(*command, "--json", OPENAI_API_KEY="a key does not matter")
    assert done.returncode == 0, done.stderr
    assert "SIMULATED" in done.stderr
    data = json.loads(done.stdout)
    assert set(data) >= {"candidates", "weights", "mass", "metadata"}
    assert len(data["candidates"]) == 4
    assert data["metadata"]["simulated"] is True
    assert data["metadata"]["seed"] == 3
    assert sum(data["weights"]) == pytest.approx(1)
    assert Distribution.model_validate(data).weights == tuple(data["weights"])
    assert vs(*command, "--json").stdout == done.stdout
    assert "SIMULATED" in vs(*command).stdout


def test_real_answers_are_not_called_simulated(server):
    done = vs("sample", "Name a US state.", "--base-url", server.base_url, "--json")
    assert "simulated" not in json.loads(done.stdout)["metadata"]


def test_sample_draws_a_table():
    done = vs(
        "sample", "Name a US state.", "-k", "4", "-n", "8", "--strategy", "vs_multi", "--simulated"
    )
    assert done.returncode == 0, done.stderr
    assert "drawn: " in done.stdout
    assert "weight" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("--strategy", "vs_cot"), ("--threshold", "0.05"), ("--format", "tags"),
        ("--probability", "percentage"), ("-n", "7"),
    ],
)  # fmt: skip
def test_sample_talks_to_an_endpoint(server, arguments):
    done = vs("sample", "Name a US state.", "--base-url", server.base_url, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    assert "SIMULATED" not in done.stderr
    data = json.loads(done.stdout)
    assert len(data["candidates"]) == (7 if arguments == ("-n", "7") else 5)
    assert all(candidate["probability"] for candidate in data["candidates"])
    chats = [request for request in server.requests if "messages" in request]
    assert len(chats) == (2 if arguments == ("-n", "7") else 1)


def test_sample_streams(server):
    command = ("sample", "Name a US state.", "--seed", "3", "--json", "--simulated")
    plain, done = vs(*command), vs(*command, "--stream")
    assert json.loads(done.stdout)["metadata"]["simulated"] is True
    assert done.stdout == plain.stdout
    shown = vs("sample", "Name a US state.", "--base-url", server.base_url, "--stream", "-n", "8")
    assert shown.returncode == 0, shown.stderr
    assert "weight" in shown.stdout
    assert "drawn: " in shown.stdout
    assert [request["stream"] for request in server.requests] == [True, True]


def test_sample_takes_endpoint_and_key_from_the_environment(server):
    done = vs(
        "sample", "-", "--model", "some-model", "--temperature", "0.3", stdin="Name a US state.",
        OPENAI_BASE_URL=server.base_url, OPENAI_API_KEY="secret",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert server.requests[-1]["model"] == "some-model"
    assert server.requests[-1]["temperature"] == 0.3
    assert server.requests[-1]["messages"][-1]["content"] == "Name a US state."


def test_sample_takes_the_model_from_the_environment_and_simulated_wins_over_it(server):
    environment = {"VS_MODEL": "some-model", "OPENAI_BASE_URL": server.base_url}
    assert vs("sample", "Name a US state.", **environment).returncode == 0
    assert [request["model"] for request in server.requests] == ["some-model"]
    assert vs("sample", "Name a US state.", "--model", "m", **environment).returncode == 0
    assert server.requests[-1]["model"] == "m"
    assert vs("sample", "Name a US state.", "--simulated", **environment).returncode == 0
    assert len(server.requests) == 2


def test_sample_takes_a_system_message_and_a_type(server, tmp_path):
    (tmp_path / "kinds.py").write_text(
        "from pydantic import BaseModel\nclass Joke(BaseModel):\n    setup: str\n    end: str\n"
    )
    schema = {"type": "object", "properties": {"land": {"type": "string"}}, "required": ["land"]}
    (tmp_path / "kind.json").write_text(json.dumps(schema))
    command = ("sample", "Name one.", "--base-url", server.base_url, "--system", "Be brief.")
    for kind, keys in ((f"{tmp_path}/kinds.py:Joke", {"setup", "end"}),
                       (f"{tmp_path}/kind.json", {"land"})):  # fmt: skip
        done = vs(*command, "--json", "--schema", kind)
        assert done.returncode == 0, done.stderr
        data = json.loads(done.stdout)
        assert {*data["candidates"][0]["value"]} == keys
        assert "Be brief." in str(server.requests[-1]["messages"][0])
    for wrong, said in (("no.py:Joke", "no file"), (f"{tmp_path}/kinds.py:Yoke", "no Yoke")):
        done = vs(*command, "--schema", wrong)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_the_drawn_answer_is_in_json_by_the_resampler():
    command = ("sample", "Name a US state.", "--simulated", "--json", "--seed", "5", "-k", "6")
    for resampler in ("argmax", "top_p:p=0.000001"):
        data = json.loads(vs(*command, "--resampler", resampler).stdout)
        highest = max(data["candidates"], key=lambda candidate: candidate["probability"])
        assert data["drawn"] == highest
    drawn = {
        json.loads(vs(*command[:-3], str(n), "-k", "6").stdout)["drawn"]["text"] for n in range(8)
    }
    assert len(drawn) > 1
    for wrong, said in (
        ("nope", "Unknown resampler"), ("top_p:q=1", "'q'"), ("top_p:p=x", "top_p:p=0.8"),
    ):  # fmt: skip
        done = vs(*command, "--resampler", wrong)
        assert (done.returncode, said in done.stderr, done.stdout) == (2, True, "")


def test_in_a_pipe_every_candidate_is_one_whole_line():
    long = "word " * 300
    answer = json.dumps([long, "a\nb\x1b[31m"])
    done = vs("parse", stdin=answer, COLUMNS="40")
    lines = done.stdout.splitlines()
    assert lines[1].endswith(long.strip())
    assert lines[2].endswith(r"a b\x1b[31m")
    assert lines[3].startswith("repaired: weights are uniform")
    assert len(lines) == 4
    drawn = vs("sample", long, "--simulated", "--seed", "1", COLUMNS="40").stdout
    assert drawn.count("\n") == 1 + 6 + 2


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("vs sample --strategy vs_", ["vs_standard", "vs_cot", "vs_multi"]),
        ("vs sample --resampler top", ["top_p"]),
        ("vs sample --probability exp", ["explicit"]),
        ("vs gene", ["generate"]),
    ],
)
def test_a_shell_completes_names(words, offered):
    place = str(words.count(" "))
    done = vs(_VS_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=place)
    assert done.stdout.split() == offered


def test_h_is_help():
    done = vs("sample", "-h")
    assert done.returncode == 0
    assert "Usage: vs" in done.stdout


def test_sample_asks_as_often_as_the_task_needs():
    command = ("sample", "Name a US state.", "--simulated", "--json", "--seed", "1")
    data = json.loads(vs(*command, "-n", "auto", "--budget", "4").stdout)
    assert (data["metadata"]["calls"], data["metadata"]["stopped"]) == (4, "budget")
    assert len(json.loads(vs(*command, "-n", "7").stdout)["candidates"]) == 7
    for n, said in (
        ("many", 'or "auto"'),
        ("0", "n must be"),
        ("-3", "n must be"),
        ("1.5", "auto"),
    ):
        done = vs(*command, "-n", n)
        assert done.returncode == 2
        assert said in done.stderr


def test_check_prints_a_table_and_writes_a_profile_that_sample_takes(server, tmp_path):
    out, kept = tmp_path / "p.toml", tmp_path / "answers.jsonl"
    where = ("--model", "simulated", "--base-url", server.base_url)
    secret = "sk-very-secret"
    done = vs(
        "check", *where, "--price", "1,2", "--out", str(out), "--record", str(kept),
        OPENAI_API_KEY=secret,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for said in (
        "simulated does Verbalized Sampling.", "13 calls", "in a stream", "100% [65%, 100%]",
        "enforced", "cost of a thousand different answers", "verbalize(prompt, model, strategy=",
    ):  # fmt: skip
        assert said in done.stdout
    assert secret not in done.stdout + done.stderr + out.read_text() + kept.read_text()
    assert server.base_url not in out.read_text() + kept.read_text()
    assert len(kept.read_text().splitlines()) == len(server.requests) == 13
    done = vs("sample", "Tell me a joke.", "--profile", str(out), *where[2:], "--json")
    assert Distribution.model_validate_json(done.stdout).metadata["k"] == 5
    assert server.requests[-1]["model"] == "simulated"


def test_check_says_what_is_wrong_kindly_and_by_its_code():
    done = vs("check", "--simulated", "--habit", "refusal", "--lacks", "stream")
    assert done.returncode == 1
    assert "SIMULATED" in done.stdout
    assert "does not do Verbalized Sampling" in done.stdout
    assert "no fault of your set-up" in done.stdout
    assert "strategy='direct'" in done.stdout
    assert "missing" not in done.stderr  # the warnings of each flow stand in the table


def test_check_gives_json():
    done = vs("check", "--simulated", "--habit", "short", "--json", "--price", "0,1", "-k", "4")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert (data["verdict"], data["settings"]["k"], data["simulated"]) == ("partly", 2, True)
    assert data["cost_a_useful_answer"] > 0
    assert data["figures"]["kept_k"]["value"] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--simulated", "--habit", "rude"), 2, "Unknown quirks ['rude']"),
        (("--simulated", "--lacks", "manners"), 2, "Unknown lacks ['manners']"),
        (("--model", "m", "--base-url", "http://127.0.0.1:9/v1", "--habit", "fence"), 2, "--habit"),
        (("--simulated", "--model", "m"), 2, "leave out --model"),
        (("--simulated", "--price", "free"), 2, "takes numbers"),
        (("--simulated", "--price", "-1,1"), 2, "at least 0"),
        (("--simulated", "-k", "1"), 2, "at least 2"),
        (("--simulated", "--format", "yaml"), 2, "Unknown format"),
        (("--simulated", "--out", "p.yaml"), 2, "ends in .toml or .json"),
        (("--simulated", "--record", "nowhere/a.jsonl"), 2, "the folder of nowhere/a.jsonl"),
        (("--model", "m", "--base-url", "http://127.0.0.1:9/v1"), 1, "call of 'm' failed"),
    ],
)  # fmt: skip
def test_check_refuses_what_cannot_work(arguments, code, message):
    done = vs("check", *arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def profile(tmp_path):
    return Profile(
        settings={"strategy": "vs_cot", "k": 3, "threshold": 0.2},
        model="simulated",
        parameters={"temperature": 0.4, "structured": True},
    ).save(tmp_path / "jokes.toml")


def test_sample_takes_a_profile_and_what_is_said_beside_it_wins(server, profile):
    where = ("--profile", str(profile), "--base-url", server.base_url, "--json")
    done = vs("sample", "Tell me a joke.", *where)
    assert done.returncode == 0, done.stderr
    found = Distribution.model_validate_json(done.stdout)
    assert (len(found), found.metadata["strategy"], found.metadata["threshold"]) == (
        3,
        "vs_cot",
        0.2,
    )
    assert (server.requests[0]["model"], server.requests[0]["temperature"]) == ("simulated", 0.4)
    assert server.requests[0]["response_format"]["type"] == "json_schema"
    assert not done.stderr
    further = ("-k", "5", "--temperature", "1", "--model", "other", "--strategy", "vs_standard")
    done = vs("sample", "Tell me a joke.", *where, *further)
    found = Distribution.model_validate_json(done.stdout)
    assert (len(found), found.metadata["threshold"]) == (5, 0.2)
    assert found.metadata["strategy"] == "vs_standard"
    assert (server.requests[1]["model"], server.requests[1]["temperature"]) == ("other", 1.0)
    assert "the profile was made for simulated, and other answered" in done.stderr


def test_a_profile_that_cannot_be_read_is_bad_usage(tmp_path):
    done = vs("sample", "x", "--simulated", "--profile", str(tmp_path / "none.toml"))
    assert (done.returncode, "none.toml cannot be read" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("sample", "x", "-k", "0"), 2, "k must be"),
        (("sample", "x", "--strategy", "vs_standart"), 2, "Did you mean 'vs_standard'"),
        (("sample", "x", "--threshold", "7"), 2, "threshold"),
        (("sample", "x", "--format", "xml"), 2, "format"),
        (("sample", "", "--simulated"), 2, "empty"),
        (("sample",), 2, "PROMPT"),
        (("sample", "x", "--colour"), 2, "--colour"),
        (("nonsense",), 2, "nonsense"),
        (("parse", "/no/such/file"), 2, "/no/such/file"),
        (("sample", "x", "--model", "m", "--base-url", "http://127.0.0.1:9/v1"), 1, "failed"),
        (("sample", "x", "--model", "m"), 1, "OPENAI_API_KEY"),
        (("sample", "x", "--model", "m", "--simulated"), 2, "leave out --model"),
        (("compare", "--task", "dice", "--simulated", "--model", "m"), 2, "leave out --model"),
        (("serve", "--port", "99999"), 2, "Cannot listen on 127.0.0.1:99999"),
        (("serve", "--port", "-1"), 2, "Cannot listen on 127.0.0.1:-1"),
    ],
)
def test_errors_have_a_code_and_no_traceback(arguments, code, message):
    done = vs(*arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_a_refusal_is_a_failure_with_the_text():
    model = SimulatedModel(quirks=["refusal"] * 2)
    with SimulatedServer(model) as server:
        done = vs("sample", "Name a US state.", "--base-url", server.base_url)
    assert done.returncode == 1
    assert "The answer was" in done.stderr
    assert "Traceback" not in done.stderr


def test_parse_reads_a_file_or_standard_input(tmp_path):
    answer = 'Sure!\n```json\n[{"text": "a", "probability": "20%"}]\n```'
    file = tmp_path / "answer.txt"
    file.write_text(answer)
    first, second = vs("parse", str(file), "--json"), vs("parse", stdin=answer)
    assert json.loads(first.stdout)["candidates"][0]["probability"] == pytest.approx(0.2)
    assert second.returncode == 0
    assert "0.2" in second.stdout


def test_parse_fails_on_what_is_no_distribution():
    done = vs("parse", "-", stdin="I cannot help with that.")
    assert done.returncode == 1
    assert "I cannot help" in done.stderr


def test_hostile_bytes_are_harmless():
    done = subprocess.run(
        [sys.executable, "-m", "vs_core.cli", "parse"],
        input=b'[{"text": "\xff\x1b[31mred [bold]", "probability": 0.5}]', capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0
    assert b"\x1b" not in done.stdout
    assert b"[bold]" in done.stdout


def test_serve_answers_until_it_is_stopped():
    command = [sys.executable, "-m", "vs_core.cli", "serve", "--port", "0", "--seed", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = process.stdout.readline()
            (url,) = (word for word in said.split() if word.startswith("http://"))
            done = vs("sample", "Name a US state.", "-k", "2", "--base-url", url, "--json")
            other = vs("sample", "Name a US state.", "--base-url", url, "--model", "gpt-4.1-mini")
        finally:
            process.terminate()
    assert "SIMULATED" in said
    assert len(json.loads(done.stdout)["candidates"]) == 2
    assert other.returncode == 1  # a client would keep its answers under the name of a real model
    assert "SIMULATED" in other.stderr


def test_serve_on_an_address_that_is_taken_is_bad_usage(server):
    port = server.base_url.split(":")[2].split("/")[0]
    done = vs("serve", "--port", port)
    assert done.returncode == 2
    assert f"Cannot listen on 127.0.0.1:{port}" in done.stderr


def test_plugins_and_version():
    done = vs("plugins")
    for name in ("vs_standard", "tags", "gumbel_top_k"):
        assert name in done.stdout
    assert vs("--version").stdout.startswith("vs-core ")
