"""Runs by provider batches, over HTTP by OpenAI's own client, with lines that go wrong."""

import json

import pytest

from tests.generation.killed import rows
from vs_core import Completion, ConfigurationError, ModelError, Request
from vs_core.clients import OpenAIModel
from vs_core.generation import Run
from vs_core.generation.batches import OpenAIBatches, Wanted, completions_of, written
from vs_core.messages import Message
from vs_core.testing import SimulatedModel, SimulatedServer
from vs_core.testing.batches import BatchFaults

TEMPLATE = "Name a thing for {n}."
ANSWER = '{"responses": [{"text": "a", "probability": 0.5}, {"text": "b", "probability": 0.2}]}'


def table(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def made(server, out, count, **options):
    model = OpenAIModel("m", base_url=server.base_url, api_key="x")
    return Run(rows(count), prompt=TEMPLATE, model=model, out=out, k=2, **options), model


def test_a_run_by_a_batch(tmp_path):
    with SimulatedServer(batch_faults=BatchFaults(polls=3)) as server:
        run, model = made(server, tmp_path / "o.jsonl", 30, n=4)
        said = []
        summary = run.run_batches(OpenAIBatches(model), poll=0.01, tell=said.append)
    assert (summary.rows, summary.finished) == (120, 30)
    assert {request["path"] for request in server.requests} == {"batch"}
    assert said == ["round 0: 60 requests in 1 files", "round 0: 60 answers"]
    assert (summary.calls, summary.known) == (60, 60)  # by the batch, and then from the folder
    found = table(tmp_path / "o.jsonl")
    assert [row["n"] for row in found[::4]] == list(range(30))
    assert {row["input_tokens"] > 0 for row in found} == {True}


def test_what_fails_expires_or_is_cut_off_is_in_the_next_file_and_the_rest_is_live(tmp_path):
    faults = BatchFaults(failed=0.05, expired=0.02, cancelled=0.02, cut_off=0.1)
    with SimulatedServer(batch_faults=faults) as server:
        run, model = made(server, tmp_path / "o.jsonl", 300)
        said = []
        summary = run.run_batches(OpenAIBatches(model), poll=0, tail=5, tell=said.append)
        paths = [request["path"] for request in server.requests]
    assert (summary.finished, summary.rows) == (300, 600)
    assert paths.count("batch") < 300 * 1.25
    assert 0 < paths.count("/v1/chat/completions") <= 10
    assert len(said) >= 4
    kept = table(run.folder / "batches" / "000-000.results.jsonl")
    assert len(kept) == 300
    codes = {error["code"] for line in kept if (error := line["error"])}
    assert codes == {"batch_expired", "batch_cancelled"}


def test_a_strategy_of_several_turns_takes_a_file_a_turn(tmp_path):
    with SimulatedServer() as server:
        run, model = made(server, tmp_path / "o.jsonl", 25, n=6, strategy="vs_multi")
        said = []
        run.run_batches(OpenAIBatches(model), poll=0, tail=0, tell=said.append)
    assert [line for line in said if "requests" in line] == [
        f"round {turn}: 25 requests in 1 files" for turn in range(3)
    ]
    assert len(table(tmp_path / "o.jsonl")) == 150


def test_another_process_goes_on_waiting(tmp_path):
    class Impatient(OpenAIBatches):
        def ended(self, batch):
            raise KeyboardInterrupt

    with SimulatedServer() as server:
        run, model = made(server, tmp_path / "o.jsonl", 30)
        with pytest.raises(KeyboardInterrupt):
            run.run_batches(Impatient(model), poll=0)
        again, model = made(server, tmp_path / "o.jsonl", 30)
        assert again.run_batches(OpenAIBatches(model), poll=0).rows == 60
    assert len(server.requests) == 30


def test_waiting_ends_in_good_order_and_goes_on(tmp_path):
    with SimulatedServer(batch_faults=BatchFaults(polls=10**6)) as server:
        run, _ = made(server, tmp_path / "o.jsonl", 30)
        summary = run.run_batches(poll=0.01, tell=lambda _: run.stop())
        assert (summary.stopped, summary.rows, summary.calls) == ("stopped", 0, 0)
        (batch,) = server.batches._batches.values()
        batch.polls = 0
        again, _ = made(server, tmp_path / "o.jsonl", 30)
        assert again.run_batches(poll=0).rows == 60
    assert len(server.requests) == 30


def test_a_batch_costs_half_and_a_budget_ends_it_between_rounds(tmp_path):
    with SimulatedServer(batch_faults=BatchFaults(failed=0.5)) as server:
        run, _ = made(server, tmp_path / "o.jsonl", 60, price=(2e6, 4e6), budget=1.0)
        summary = run.run_batches(poll=0, tail=0)
        usage = summary.usage
        assert summary.stopped == "budget"
        assert summary.cost == usage["input_tokens"] + 2 * usage["output_tokens"]
        again, _ = made(server, tmp_path / "o.jsonl", 60)
        assert again.run_batches(poll=0).rows == 120
    assert len(server.requests) == 60


def test_a_batch_is_at_its_end_in_whatever_way(tmp_path):
    (tmp_path / "none.jsonl").write_text("")
    with SimulatedServer(batch_faults=BatchFaults(polls=10**6)) as server:
        batches = OpenAIBatches(OpenAIModel("m", base_url=server.base_url, api_key="x"))
        batch = batches.submit(tmp_path / "none.jsonl")
        found = {}
        for status in (
            "validating", "in_progress", "finalizing", "cancelling", "completed", "expired",
            "cancelled",
        ):  # fmt: skip
            server.batches._batches[batch].status = status
            found[status] = batches.ended(batch)
        assert {status for status, ended in found.items() if ended} == {
            "completed", "expired", "cancelled",
        }  # fmt: skip


def test_a_refused_file_and_a_round_without_an_answer_are_errors(tmp_path):
    with SimulatedServer(batch_faults=BatchFaults(refused=True)) as server:
        run, model = made(server, tmp_path / "o.jsonl", 30)
        with pytest.raises(ConfigurationError, match="refusal is simulated"):
            run.run_batches(OpenAIBatches(model), poll=0)
    with SimulatedServer(batch_faults=BatchFaults(failed=1.0)) as server:
        run, model = made(server, tmp_path / "p.jsonl", 30)
        with pytest.raises(ModelError, match="no answer"):
            run.run_batches(OpenAIBatches(model), poll=0)


def test_other_settings_are_refused_before_anything_is_handed_in(tmp_path):
    with SimulatedServer() as server:
        run, model = made(server, tmp_path / "o.jsonl", 30)
        run.write_batches()
        other = Run(rows(30), prompt=TEMPLATE, model=model, out=tmp_path / "o.jsonl", k=3)
        with pytest.raises(ConfigurationError, match="k: 2 then, 3 now"):
            other.run_batches(poll=0)
        assert not server.requests


def test_files_may_be_run_elsewhere(tmp_path):
    with SimulatedServer() as server:
        run, _ = made(server, tmp_path / "o.jsonl", 3)
        (file,) = run.write_batches()
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        assert file.name == "missing-000.jsonl"
        assert [line.keys() for line in lines] == [{"custom_id", "method", "url", "body"}] * 3
        assert {(line["method"], line["url"]) for line in lines} == {
            ("POST", "/v1/chat/completions"),
        }  # fmt: skip
        assert [(line["body"]["model"], line["body"]["messages"][-1]) for line in lines] == [
            ("m", {"role": "user", "content": f"Name a thing for {number}."}) for number in range(3)
        ]
        body = {"choices": [{"message": {"content": ANSWER}}]}
        results = [{"custom_id": each["custom_id"], "response": {"body": body}} for each in lines]
        again, _ = made(server, tmp_path / "o.jsonl", 3)
        assert again.add_results(map(json.dumps, [*results, {"custom_id": "x"}, 5])) == 3
        assert again.write_batches() == []
        assert again.run().rows == 6
        assert not server.requests


def test_files_are_split_at_the_limits(tmp_path, monkeypatch):
    model = OpenAIModel("m", api_key="x")
    wanted = [Wanted("0" * 16, Request((Message("user", "x" * 50),), call=n)) for n in range(7)]
    batches = OpenAIBatches(model)
    monkeypatch.setattr(batches, "most_requests", 3)
    count, paths = written(wanted, batches, tmp_path, "a")
    assert [len(path.read_text().splitlines()) for path in paths] == [3, 3, 1]
    assert count == 7
    monkeypatch.setattr(batches, "most_bytes", 500)
    paths = written(wanted, batches, tmp_path, "b")[1]
    assert all(len(path.read_bytes()) <= 500 for path in paths)
    assert all(len(each.id) <= 64 for each in wanted)


def test_lines_that_are_none_are_missing_again():
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    message = {"content": "a", "reasoning_content": "hm"}
    choice = {"message": message, "finish_reason": "stop"}
    body = {"choices": [choice], "usage": usage, "model": "m-1"}
    whole = {"custom_id": "0_1_2", "response": {"status_code": 200, "body": body}}
    odd = [{}, {"custom_id": "x"}, {**whole, "response": None}, {**whole, "custom_id": "a_b"}, []]
    failed = {**whole, "response": {"status_code": 500, "body": {}}}
    lines = [*map(json.dumps, [*odd, failed, whole]), "{torn"]
    batches = OpenAIBatches(OpenAIModel("m"))
    found = list(completions_of(lines, batches))
    answer = Completion("a", {"input_tokens": 3, "output_tokens": 2}, None, "hm", "stop", "m-1")
    assert found == [("0", 1, "2", answer)]
    refused = {"choices": [{"message": {"content": None, "refusal": "no"}}]}
    (said,) = completions_of([json.dumps({**whole, "response": {"body": refused}})], batches)
    assert said == ("0", 1, "2", Completion("no"))


def test_batches_need_a_model_of_an_endpoint(tmp_path):
    run = Run(rows(30), prompt=TEMPLATE, model=SimulatedModel(), out=tmp_path / "o.jsonl")
    with pytest.raises(ConfigurationError, match="OpenAIModel"):
        run.write_batches()
