"""Anthropic's models and message batches, over HTTP by its own client."""

import asyncio
import json
import pickle
import subprocess
import sys
from collections import Counter

import pytest

from tests.generation.killed import rows
from vs_core import Completion, ConfigurationError, Message, ModelError, Request, verbalize
from vs_core.caller import Caller
from vs_core.generation import Run
from vs_core.generation.batches import AnthropicBatches, Wanted, completions_of, written
from vs_core.testing import SimulatedModel, SimulatedServer
from vs_core.testing.batches import BatchFaults

pytest.importorskip("anthropic", reason="the extra anthropic is not installed")

import anthropic

from vs_core.anthropic import AnthropicModel, completion_of_message

TEMPLATE = "Name a thing for {n}."
REQUEST = Request((Message("user", "Name a thing."),))


def table(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def model_of(server, **parameters):
    return AnthropicModel("m", base_url=server.url, api_key="x", **parameters)


def made(server, out, count, **options):
    model = model_of(server)
    return Run(rows(count), prompt=TEMPLATE, model=model, out=out, k=2, **options)


# --- the model -----------------------------------------------------------------------------------


def test_the_model_answers_now():
    with SimulatedServer(thinks=True) as server:
        model = model_of(server, max_tokens=900, stop_sequences=["END"])
        task = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "A thing."}]
        found = verbalize(task, model, k=3)
        asyncio.run(model.acomplete(REQUEST))
        model.close()
    first, second = server.requests
    assert len(found) == 3
    assert found.reasoning
    assert found.completions[0].finish_reason == "end_turn"
    assert found.metadata["usage"]["output_tokens"] > 0
    assert first["system"].startswith("Be brief.")
    assert [message["role"] for message in first["messages"]] == ["user"]
    assert (first["max_tokens"], first["stop_sequences"]) == (900, ["END"])
    assert "system" not in second


def test_an_answer_may_be_cut_off_thought_over_or_none():
    with SimulatedServer() as server:
        assert model_of(server, max_tokens=3)(REQUEST).cut_off
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
    ]
    message = {"content": blocks, "stop_reason": "refusal", "model": "m"}
    assert completion_of_message(message) == Completion(
        "ab", reasoning="hm", finish_reason="refusal", model="m"
    )
    with pytest.raises(ModelError, match=r"called tools .find."):
        completion_of_message({"content": [{"type": "tool_use", "name": "find"}]})


def test_what_the_server_says_is_of_the_types_that_are_documented():
    asked = {
        "model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Name a bird."}]
    }  # fmt: skip
    with SimulatedServer() as server:
        client = model_of(server).client
        batch = client.messages.batches.create(requests=[{"custom_id": "a", "params": asked}])
        answers = [
            client.messages.create(**asked), batch, *client.messages.batches.results(batch.id)
        ]  # fmt: skip
    for answer in answers:  # the client itself takes anything
        assert type(answer).model_validate(answer.model_dump()) == answer
        assert not answer.model_extra
    with SimulatedServer(batch_faults=BatchFaults(refused=True)) as server:
        with pytest.raises(anthropic.BadRequestError) as refused:
            model_of(server).client.messages.batches.create(requests=[])
        anthropic.types.ErrorResponse.model_validate(refused.value.body)


def test_options_of_the_client_reach_it():
    options = {"timeout": 7, "max_retries": 3, "default_headers": {"X-Team": "jokes"}}
    with SimulatedServer(faults=["500"]) as server:
        model = model_of(server, **options, extra_headers={"X-Run": "1"})
        assert model(REQUEST).text
    assert len(server.requests) == 2
    assert (model.client.timeout, model.client.max_retries) == (7, 3)
    assert model.client.default_headers["X-Team"] == "jokes"
    assert "extra_headers" not in model.body(REQUEST)


def test_failures_say_where_and_show_no_secret(monkeypatch):
    with SimulatedServer(faults=["500"]) as server:
        model = AnthropicModel("m", base_url=server.url, api_key="sesame", max_retries=0)
        with pytest.raises(ModelError, match=f"'m' at {server.url} failed") as caught:
            model(REQUEST)
    assert "sesame" not in str(caught.value) + repr(model) + str(model.settings)
    assert pickle.loads(pickle.dumps(model)).settings == model.settings
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sesame")
    assert b"sesame" not in pickle.dumps(model)
    with pytest.raises(ConfigurationError, match="no parameter 'tresholt'"):
        AnthropicModel("m", tresholt=1)


async def test_a_limit_that_is_pushed_back_is_tried_again():
    with SimulatedServer(faults=["429", "500"]) as server:
        caller = Caller(2, None, 3)
        model = AnthropicModel("m", base_url=server.url, api_key="x", max_retries=0)
        assert (await caller.ask(model.acomplete, REQUEST)).text
        await model.aclose()
    assert len(server.requests) == 3


# --- batches -------------------------------------------------------------------------------------


def test_a_run_by_a_batch(tmp_path):
    with SimulatedServer(batch_faults=BatchFaults(polls=3)) as server:
        run, said = made(server, tmp_path / "o.jsonl", 30, n=4), []
        summary = run.run_batches(poll=0.01, tell=said.append)
    assert (summary.rows, summary.finished) == (120, 30)
    assert {request["path"] for request in server.requests} == {"batch"}
    assert said == ["round 0: 60 requests in 1 files", "round 0: 60 answers"]
    found = table(tmp_path / "o.jsonl")
    assert [row["n"] for row in found[::4]] == list(range(30))
    assert {row["input_tokens"] > 0 for row in found} == {True}
    (file,) = (run.folder / "batches").glob("000-000.jsonl")
    line = json.loads(file.read_text().splitlines()[0])
    assert {*line} == {"custom_id", "params"}
    assert {*line["params"]} == {"model", "max_tokens", "system", "messages"}


def test_what_goes_wrong_is_in_the_next_file_and_the_rest_is_live(tmp_path):
    faults = BatchFaults(failed=0.05, expired=0.02, cancelled=0.02, cut_off=0.1)
    with SimulatedServer(batch_faults=faults) as server:
        run, said = made(server, tmp_path / "o.jsonl", 200), []
        summary = run.run_batches(poll=0, tail=5, tell=said.append)
        paths = [request["path"] for request in server.requests]
    assert (summary.finished, summary.rows) == (200, 400)
    assert paths.count("batch") < 200 * 1.3
    assert 0 < paths.count("/v1/messages") <= 10
    assert len(said) >= 4
    kept = table(run.folder / "batches" / "000-000.results.jsonl")
    asked = [line["custom_id"] for line in table(run.folder / "batches" / "000-000.jsonl")]
    answered = [line["custom_id"] for line in kept]
    assert answered != asked  # results come in any order, as those of the real ones do
    assert sorted(answered) == sorted(asked)
    ends = {line["result"]["type"] for line in kept}
    assert ends == {"succeeded", "errored", "expired", "canceled"}


def test_a_strategy_of_several_turns_takes_a_file_a_turn_and_another_process_waits_on(tmp_path):
    class Impatient(AnthropicBatches):
        def ended(self, batch):
            raise KeyboardInterrupt

    options = {"n": 6, "strategy": "vs_multi"}
    with SimulatedServer() as server:
        run = made(server, tmp_path / "o.jsonl", 25, **options)
        with pytest.raises(KeyboardInterrupt):
            run.run_batches(Impatient(model_of(server)), poll=0)
        again, said = made(server, tmp_path / "o.jsonl", 25, **options), []
        assert again.run_batches(poll=0, tail=0, tell=said.append).rows == 150
    assert len(server.requests) == 75
    assert said[0] == "round 0: 25 answers"
    assert [line for line in said if "requests" in line] == [
        f"round {turn}: 25 requests in 1 files" for turn in (1, 2)
    ]


def test_refused_requests_and_a_round_without_an_answer_are_errors(tmp_path):
    for faults, error, said in (
        (BatchFaults(refused=True), ConfigurationError, "refusal is simulated"),
        (BatchFaults(failed=1.0), ModelError, r"no answer.*batches has"),
    ):
        with SimulatedServer(batch_faults=faults) as server:
            run = made(server, tmp_path / f"{error.__name__}.jsonl", 30)
            with pytest.raises(error, match=said):
                run.run_batches(poll=0)
    with pytest.raises(ModelError, match="failed"):
        made(server, tmp_path / "q.jsonl", 30).run_batches(poll=0)


def test_files_keep_the_limits_and_lines_that_are_none_are_missing_again(tmp_path, monkeypatch):
    batches = AnthropicBatches(AnthropicModel("m", api_key="x"))
    wanted = [Wanted("0" * 16, Request((Message("user", "x" * 50),), call=n)) for n in range(7)]
    assert (batches.most_requests, batches.most_bytes) <= (100_000, 256_000_000)
    monkeypatch.setattr(batches, "most_requests", 3)
    count, paths = written(wanted, batches, tmp_path, "a")
    assert [len(path.read_text().splitlines()) for path in paths] == [3, 3, 1]
    assert count == 7
    message = {"content": [{"type": "text", "text": "a"}], "stop_reason": "end_turn"}
    whole = {"custom_id": "0_1_2", "result": {"type": "succeeded", "message": message}}
    tool = {"content": [{"type": "tool_use", "name": "f"}]}
    odd = [{}, {"custom_id": "0_1_2"}, {**whole, "result": None}, {**whole, "custom_id": "a_b"}, []]
    ended = [{**whole, "result": {"type": name}} for name in ("errored", "expired", "canceled")]
    called = {**whole, "result": {"type": "succeeded", "message": tool}}
    lines = [*map(json.dumps, [*odd, *ended, called, whole]), "{torn"]
    answer = Completion("a", finish_reason="end_turn")
    assert list(completions_of(lines, batches)) == [("0", 1, "2", answer)]


def test_the_command_runs_batches_of_anthropic(tmp_path):
    (tmp_path / "p.csv").write_text("n\n1\n2\n3\n")
    with SimulatedServer() as server:
        command = [
            sys.executable, "-m", "vs_core.cli", "generate", "p.csv", "--prompt", TEMPLATE,
            "--model", "anthropic:m", "--base-url", server.url, "--out", "o.jsonl", "-k", "2",
            "--temperature", "0.5", "--backend", "batch", "--json",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 6
    assert {request["path"] for request in server.requests} == {"/v1/messages"}  # a tail of three
    assert {(request["model"], request["temperature"]) for request in server.requests} == {
        ("m", 0.5)
    }


# --- the simulated server, by Anthropic's client -------------------------------------------------

SYSTEM = "Give 4 responses in JSON, each with its probability."
ASKED = {
    "model": "m",
    "max_tokens": 900,
    "messages": [{"role": "user", "content": "Name a US state."}],
}


def test_a_batch_of_anthropics_is_done_after_so_many_looks():
    params = {**ASKED, "system": SYSTEM}
    names = [str(number) for number in range(40)]
    faults = BatchFaults(polls=3, failed=0.2, expired=0.2, cancelled=0.2, cut_off=0.3)
    with SimulatedServer(batch_faults=faults) as server:
        batches = anthropic.Anthropic(base_url=server.url, api_key="x").messages.batches
        wanted = [{"custom_id": name, "params": params} for name in names]
        batch = batches.create(requests=wanted)
        seen = [batch, *(batches.retrieve(batch.id) for _ in range(4))]
        lines = list(batches.results(batch.id))
    for answer in (*seen, *lines):
        assert type(answer).model_validate(answer.model_dump()) == answer
    states = [(each.processing_status, each.request_counts.processing) for each in seen]
    assert states == [("in_progress", 40)] * 3 + [("ended", 0)] * 2
    assert [bool(each.ended_at and each.results_url) for each in seen] == [False] * 3 + [True] * 2
    ends = Counter(line.result.type for line in lines)
    counted = seen[-1].request_counts.model_dump()
    assert {name: count for name, count in counted.items() if count} == ends
    assert set(ends) == {"succeeded", "errored", "expired", "canceled"}
    assert sorted((line.custom_id for line in lines), key=int) == names
    messages = [line.result.message for line in lines if line.result.type == "succeeded"]
    assert {message.stop_reason for message in messages} == {"end_turn", "max_tokens"}
    assert [request["path"] for request in server.requests] == ["batch"] * len(messages)


def test_a_message_of_the_server():
    with SimulatedServer(thinks=True) as server:
        client = anthropic.Anthropic(base_url=server.url, api_key="x")
        whole = client.messages.create(**ASKED, system=SYSTEM)
        bare = client.messages.create(**ASKED, stop_sequences=[" "])
    thought, said = whole.content
    if hasattr(anthropic.types, "ThinkingBlock"):  # the oldest clients know of no thoughts
        assert type(whole).model_validate(whole.model_dump()) == whole
    assert (thought.type, said.type) == ("thinking", "text")
    messages = [Message("system", SYSTEM), Message("user", ASKED["messages"][0]["content"])]
    assert said.text == SimulatedModel().answer(messages).text
    assert " " not in bare.content[-1].text
    assert bare.usage.input_tokens < whole.usage.input_tokens  # what the system says is read
    assert (bare.model, bare.role) == ("m", "assistant")
    assert bare.id != whole.id
