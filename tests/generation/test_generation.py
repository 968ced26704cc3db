"""Runs over tables: what comes out, what is kept, what goes on after whatever stopped it."""

import asyncio
import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict
from datetime import date, datetime
from types import SimpleNamespace

import pytest
from pydantic import BaseModel

from tests.generation.killed import rows
from tests.in_flight import InFlight
from vs_core import Completion, ConfigurationError, MissingExtraError, ModelError
from vs_core.generation import Run, agenerate, generate
from vs_core.generation.prices import Price
from vs_core.store import Store
from vs_core.testing import SimulatedModel, SimulatedServer

pytest.importorskip("pyarrow")
TEMPLATE = "Name a thing for {n}."


def table(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class Counting(SimulatedModel):
    """A model that knows how often it was asked what."""

    def __init__(self, **options):
        super().__init__(**options)
        self.asked = Counter()

    async def acomplete(self, request):
        self.asked[request.messages[-1].content, request.call] += 1
        return await super().acomplete(request)


# --- what comes out ------------------------------------------------------------------------------


def test_a_row_a_candidate_in_the_order_of_the_table(tmp_path):
    out = tmp_path / "o.jsonl"
    summary = generate(rows(25), prompt=TEMPLATE, model=Counting(), out=out, k=2, n=4, part=10)
    found = table(out)
    assert summary.rows == len(found) == 100
    assert [row["n"] for row in found[::4]] == list(range(25))
    assert len({row["id"] for row in found}) == 25
    assert {row["call"] for row in found} == {0, 1}
    assert found[0]["strategy"] == "vs_standard"
    assert found[0]["input_tokens"] > 0
    assert sum(row["weight"] for row in found[:4]) == pytest.approx(1)


def two(request):
    """A model that says two things, and what that took."""
    said = [{"text": "tea", "probability": 0.25}, {"text": "ïnk", "probability": "75%"}]
    usage = {"input_tokens": 7, "output_tokens": 3}
    return Completion(json.dumps({"responses": said}), usage, model="m-1")


TEA, INK = (
    {"text": text, "value": None, "probability": p, "weight": p, "call": 0, "repairs": [],
     "strategy": "vs_standard", "model": "m-1", "input_tokens": 7, "output_tokens": 3}
    for text, p in (("tea", 0.25), ("ïnk", 0.75))
)  # fmt: skip


def named(row):
    return {f"vs_{name}": value for name, value in row.items()}


@pytest.mark.parametrize(
    ("row", "nested", "expected"),
    [
        ({"n": 1, "é": "ü"}, False, [{"n": 1, "é": "ü", **each} for each in (TEA, INK)]),
        ({"n": 1, "é": None}, True, [{"n": 1, "é": None, "candidates": [TEA, INK]}]),
        ({"n": 1, "weight": 3}, False, [{"n": 1, "weight": 3, **named(e)} for e in (TEA, INK)]),
        ({"n": 1, "candidates": ""}, True,
         [{"n": 1, "candidates": "", "vs_candidates": [TEA, INK]}]),
        ({"n": 1, "candidates": ""}, False,
         [{"n": 1, "candidates": "", **named(each)} for each in (TEA, INK)]),
    ],
)  # fmt: skip
def test_what_a_row_holds(tmp_path, row, nested, expected):
    out = tmp_path / "o.jsonl"
    summary = generate([row], prompt=TEMPLATE, model=two, out=out, k=2, nested=nested)
    found = table(out)
    name = "id" if set(row) == {"n", "é"} else "vs_id"
    ids = {each.pop(name) for each in found}
    assert found == expected
    assert len(ids) == 1
    assert len(ids.pop()) == 16
    assert list(found[0]) == list(expected[0])  # and so are the columns of a table in order
    assert "ïnk" in out.read_text(encoding="utf-8")  # for people who look into it
    assert asdict(summary) == {
        "rows": len(expected), "tasks": 1, "finished": 1, "unread": 0, "calls": 1, "known": 0,
        "usage": {"input_tokens": 7, "output_tokens": 3}, "cost": None, "stopped": "",
        "out": str(out), "folder": f"{out}.run",
    }  # fmt: skip
    kept = json.loads((tmp_path / "o.jsonl.run" / "summary.json").read_text())
    assert datetime.fromisoformat(kept.pop("ended")).tzinfo is not None
    assert kept == asdict(summary)


def test_the_folder_says_what_was_asked_and_since_when(tmp_path):
    out = tmp_path / "o.jsonl"
    options = {"prompt": TEMPLATE, "system": "Be {n}.", "model": two, "out": out, "k": 2}
    generate(rows(1), **options)
    begun = json.loads((tmp_path / "o.jsonl.run" / "run.json").read_text())
    assert begun["table"] == "list"
    assert begun["model"] == {"name": "two"}
    assert begun["versions"].keys() == {"vs-core", "python"}
    wanted = {
        "prompt": TEMPLATE, "prompt_column": None, "system": "Be {n}.", "id_column": None,
        "strategy": "vs_standard", "k": 2, "n": None, "threshold": None, "format": "json",
        "probability": "explicit", "schema": None, "prompts": None, "until_distinct": None,
        "avoid_seen": False, "same": None, "unseen": None, "nested": False,
    }  # fmt: skip
    assert {name: begun["asked"][name] for name in wanted} == wanted
    moved = json.loads(json.dumps(begun))
    moved["begun"] = "2020-01-01T00:00:00+00:00"
    (tmp_path / "o.jsonl.run" / "run.json").write_text(json.dumps(moved))
    generate(rows(1), **options)
    again = json.loads((tmp_path / "o.jsonl.run" / "run.json").read_text())
    assert again["begun"] == moved["begun"]
    for other in ({"system": None}, {"prompt": "{n}"}, {"nested": True}, {"format": "tags"}):
        with pytest.raises(ConfigurationError, match=f"{next(iter(other))}: .* then, .* now"):
            generate(rows(1), **{**options, **other})


def test_every_ending_holds_the_same(tmp_path):
    import pandas as pd

    outs = [tmp_path / f"o.{ending}" for ending in ("jsonl", "csv", "parquet")]
    for out in outs:
        made = generate(rows(3), prompt=TEMPLATE, model=SimulatedModel(), out=out, k=3)
        assert made.rows == 9
    frames = [
        pd.read_json(outs[0], lines=True), pd.read_csv(outs[1]), pd.read_parquet(outs[2])
    ]  # fmt: skip
    for frame in frames:
        assert list(frame) == list(frames[0])
        assert frame["text"].tolist() == frames[0]["text"].tolist()
        assert frame["probability"].tolist() == pytest.approx(frames[0]["probability"].tolist())


class Thing(BaseModel):
    name: str
    size: int


class Day(BaseModel):
    name: str
    day: date


def test_cells_and_values_that_json_lacks_are_written_as_text(tmp_path):
    said = [{"value": {"name": "Fête", "day": "2020-07-14"}, "probability": 0.5}]
    model = lambda request: json.dumps({"responses": said})  # noqa: E731
    row = {"n": date(2021, 1, 2)}
    generate([row], prompt=TEMPLATE, model=model, out=tmp_path / "o.jsonl", k=1, schema=Day)
    (found,) = table(tmp_path / "o.jsonl")
    assert found["n"] == "2021-01-02"
    assert found["value"] == '{"name": "Fête", "day": "2020-07-14"}'


def test_typed_answers_nested_rows_and_columns_that_are_taken(tmp_path):
    out = tmp_path / "o.jsonl"
    taken = [{"n": 1, "text": "mine"}]
    generate(taken, prompt=TEMPLATE, model=SimulatedModel(), out=out, k=2, schema=Thing)
    row = table(out)[0]
    assert row["text"] == "mine"
    assert Thing.model_validate_json(row["vs_value"])
    nested = tmp_path / "n.jsonl"
    generate(rows(2), prompt=TEMPLATE, model=SimulatedModel(), out=nested, k=3, nested=True)
    assert [len(row["candidates"]) for row in table(nested)] == [3, 3]


def test_what_cannot_be_read_is_listed_and_costs_itself_alone(tmp_path):
    class Odd(SimulatedModel):
        async def acomplete(self, request):
            if "for 1." in request.messages[-1].content or request.messages[-1].role != "user":
                return Completion("Dafür bin ich zu müde.")
            return await super().acomplete(request)

    out = tmp_path / "o.jsonl"
    summary = generate(rows(3), prompt=TEMPLATE, model=Odd(), out=out, k=2, retries=0)
    assert (summary.unread, summary.rows) == (1, 4)
    listed = tmp_path / "o.jsonl.run" / "unread.jsonl"
    (unread,) = table(listed)
    assert unread.keys() == {"id", "line", "error"}
    assert unread["line"] == 2
    assert unread["id"] not in {row["id"] for row in table(out)}
    assert "zu müde" in listed.read_text(encoding="utf-8")  # for people who look into it
    half = lambda request: "half a pair: \ud83d"  # noqa: E731
    odd = tmp_path / "p.jsonl"
    assert generate(rows(1), prompt=TEMPLATE, model=half, out=odd, k=2, retries=0).unread == 1


def test_a_run_that_is_kept_keeps_no_threads(tmp_path):
    model = SimulatedModel()
    run = Run(rows(3), prompt=TEMPLATE, model=lambda r: model(r), out=tmp_path / "o.jsonl", k=2)
    assert run.run().rows == 6
    deadline = time.monotonic() + 10
    while _ours() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _ours()


def _ours():
    return [each for each in threading.enumerate() if each.name.startswith("vs_core")]


def test_as_many_calls_of_one_row_are_in_flight_as_may_be(tmp_path):
    async def model(request):
        with in_flight:
            await asyncio.sleep(0.01)
        return "tea"

    options = {"prompt": TEMPLATE, "model": model, "strategy": "direct", "n": 30}
    for concurrency in (3, 30):
        in_flight = InFlight()
        generate(rows(1), concurrency=concurrency, out=tmp_path / f"{concurrency}.jsonl", **options)
        assert in_flight.most == concurrency


def test_rows_come_as_they_are_finished(tmp_path):
    async def first():
        run = Run(rows(5), prompt=TEMPLATE, model=SimulatedModel(), out=tmp_path / "o.jsonl", k=2)
        return [row["n"] async for row in run.rows()]

    assert sorted(asyncio.run(first())) == sorted([*range(5)] * 2)


async def test_in_a_running_loop(tmp_path):
    made = {"prompt": TEMPLATE, "model": SimulatedModel(), "k": 2}
    assert (await agenerate(rows(2), out=tmp_path / "a.jsonl", **made)).rows == 4
    assert generate(rows(2), out=tmp_path / "b.jsonl", **made).rows == 4


def test_a_prompt_may_stand_in_a_column_and_have_a_system_message(tmp_path):
    seen = []

    class Seeing(SimulatedModel):
        async def acomplete(self, request):
            seen.append([message.content for message in request.messages])
            return await super().acomplete(request)

    generate(
        [{"q": "Name {a} thing.", "who": "poet"}], prompt_column="q", system="Be a {who}.",
        model=Seeing(), out=tmp_path / "o.jsonl", k=2,
    )  # fmt: skip
    assert seen[0][0].startswith("Be a poet.")
    assert seen[0][-1] == "Name {a} thing."


# --- before anything is paid for -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"prompt": "{x}"}, "table:1: there is no column 'x'|list:1: there is no column 'x'"),
        ({"prompt": "{n.real}"}, "plain name of a column"),
        ({"prompt": "{n"}, "Not a template"),
        ({"prompt": None}, "Say how a row is asked"),
        ({"prompt_column": "n"}, "Say how a row is asked"),
        ({"id_column": "empty"}, "the id in 'empty' is empty"),
        ({"id_column": "same"}, "is there twice"),
        ({"prompt": " "}, "the prompt is empty"),
        ({"out": "o.xlsx"}, "must end in one of"),
        ({"budget": 1.0}, "needs a price"),
        ({"k": 0}, "k must be"),
        ({"until_distinct": 0}, "until_distinct must be"),
        ({"rate": 0}, "rate must be over 0"),
        ({"model": 5}, "A model is a callable"),
    ],
)
def test_what_cannot_work_is_said_before_a_call(tmp_path, given, said):
    model = Counting()
    some = [{"n": 1, "empty": "", "same": "x"}, {"n": 2, "empty": "", "same": "x"}]
    options = {"prompt": TEMPLATE, "model": model, "out": "o.jsonl"} | given
    options["out"] = tmp_path / options["out"]
    with pytest.raises(ConfigurationError, match=said):
        generate(some, **options)
    assert not model.asked


def test_so_many_rows_of_a_table_are_asked(tmp_path):
    model, out = Counting(), tmp_path / "o.jsonl"
    bad = [*rows(3), {"other": 1}]  # what is not asked need not be right
    options = {"prompt": TEMPLATE, "model": model, "k": 2, "n": 4}
    run = Run(bad, out=out, limit=2, **options)
    assert (run.tasks, run.expected_calls) == (2, 4)
    assert [(task.number, task.line) for task in run.first()] == [(0, 1), (1, 2)]
    summary = run.run()
    assert (summary.tasks, summary.finished, summary.rows) == (2, 2, 8)
    assert sum(model.asked.values()) == 4
    again = generate(bad, out=out, limit=3, **options)
    assert (again.tasks, again.calls, again.known) == (3, 2, 4)


def test_a_table_without_rows_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="has no rows"):
        generate([], prompt="x", model=SimulatedModel(), out=tmp_path / "o.jsonl")


# --- going on ------------------------------------------------------------------------------------


def test_what_is_there_is_not_asked_again_wherever_it_stands(tmp_path):
    model, out = Counting(), tmp_path / "o.jsonl"
    options = {"prompt": TEMPLATE, "model": model, "out": out, "k": 2, "n": 4, "part": 3}
    generate(rows(8), **options)
    before = table(out)
    again = generate(rows(8), **options)
    assert (again.calls, again.rows) == (0, 32)
    more = generate([{"n": 99}, *rows(8), {"n": 3}], **options)
    assert more.calls == 4  # the new row, and the second of two equal ones
    assert max(model.asked.values()) == 2
    assert len(list((tmp_path / "o.jsonl.run" / "parts").iterdir())) == 4  # and no older ones
    after = table(out)
    assert [row for row in after if row["n"] not in (99, 3)] == [r for r in before if r["n"] != 3]
    assert len({row["id"] for row in after}) == 10


def test_an_id_column_keeps_equal_prompts_apart(tmp_path):
    model = Counting()
    some = [{"sku": number, "p": "same"} for number in range(3)]
    generate(
        some, prompt="Name a {p}.", id_column="sku", model=model, out=tmp_path / "o.jsonl", k=2
    )
    assert sum(model.asked.values()) == 3


def test_other_settings_are_refused_and_fresh_starts_anew(tmp_path):
    options = {"prompt": TEMPLATE, "out": tmp_path / "o.jsonl"}
    generate(rows(2), model=SimulatedModel(), k=2, **options)
    with pytest.raises(ConfigurationError, match="k: 2 then, 3 now"):
        generate(rows(2), model=SimulatedModel(), k=3, **options)
    with pytest.raises(ConfigurationError, match="name"):
        generate(rows(2), model=lambda request: "[]", k=2, **options)
    folder = tmp_path / "o.jsonl.run"
    (folder / "batches").mkdir()
    (folder / "batches" / "waiting.json").write_text('{"round": 3, "batches": {"a": "b"}}')
    assert generate(rows(2), model=SimulatedModel(), k=3, fresh=True, **options).calls == 2
    assert not list((folder / "batches").iterdir())
    assert len(table(folder / "journal" / "main.jsonl")) == 2
    assert {len(table(part)) for part in (folder / "parts").iterdir()} == {6}


def test_a_torn_last_line_is_asked_again_and_a_broken_one_is_said(tmp_path):
    model, out = Counting(), tmp_path / "o.jsonl"
    options = {"prompt": TEMPLATE, "model": model, "out": out, "k": 2}
    generate(rows(4), **options)
    whole = table(out)
    journal = tmp_path / "o.jsonl.run" / "journal" / "main.jsonl"
    for part in (tmp_path / "o.jsonl.run" / "parts").iterdir():
        part.unlink()
    journal.write_bytes(journal.read_bytes()[:-20])
    assert generate(rows(4), **options).calls == 1
    assert [row["n"] for row in table(out)] == [row["n"] for row in whole]
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([lines[0], b"nonsense\n", *lines[1:]]))
    with pytest.raises(ConfigurationError, match=r"main.jsonl:2 is no record"):
        generate(rows(4), **options)


def test_a_failed_call_ends_the_run_and_keeps_what_was_answered(tmp_path):
    class Failing(Counting):
        async def acomplete(self, request):
            if "for 7." in request.messages[-1].content:
                raise ModelError("no such model")
            return await super().acomplete(request)

    out = tmp_path / "o.jsonl"
    options = {"prompt": TEMPLATE, "out": out, "k": 2, "concurrency": 2}
    failing = Failing()
    with pytest.raises(ModelError):
        generate(rows(20), model=failing, **options)
    assert not out.exists()
    calls = sum(failing.asked.values())
    assert 6 <= calls < 19
    model = Failing()
    model.acomplete = lambda request: Counting.acomplete(model, request)
    assert generate(rows(20), model=model, **options).calls == 20 - calls


def test_two_processes_on_one_folder(tmp_path):
    out = str(tmp_path / "o.jsonl")
    command = [sys.executable, "-m", "tests.generation.killed", out]
    with subprocess.Popen([*command, "--seconds", "0.2"], stdout=subprocess.PIPE) as first:
        while not os.path.exists(out + ".log"):
            time.sleep(0.02)
        second = subprocess.run(command, capture_output=True, text=True)
        assert "in use by another run" in second.stderr
        first.kill()


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2))])
def test_killed_at_any_moment_nothing_is_lost_or_doubled(tmp_path, seed):
    rng, out = random.Random(seed), str(tmp_path / "o.jsonl")
    command = [sys.executable, "-m", "tests.generation.killed", out]
    kills = 0
    while kills < 4:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout.readline() == "begun\n"
            time.sleep(rng.uniform(0.05, 0.5))
            run.kill()
            if run.wait() == 0:
                break
        kills += 1
    last = subprocess.run(command, capture_output=True, text=True, check=True)
    assert last.stdout.splitlines()[-1].split()[0] == "240"
    found = table(tmp_path / "o.jsonl")
    assert Counter(row["n"] for row in found) == dict.fromkeys(range(60), 4)
    asked = Counter((tmp_path / "o.jsonl.log").read_text().splitlines())
    assert len(asked) == 120
    # At most the calls in flight were paid for again: 4 at each kill.
    assert sum(asked.values()) - 120 <= 4 * kills


def test_a_full_disk_loses_nothing(tmp_path):
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000));"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from tests.generation.killed import *; sys.argv[1];"
        "generate(rows(60), prompt='Name a thing for {n}.', model=Slow(0, sys.argv[1] + '.log'),"
        "out=sys.argv[1], k=2, n=4, concurrency=4, part=10)"
    )
    out = str(tmp_path / "o.jsonl")
    full = subprocess.run([sys.executable, "-c", code, out], capture_output=True, text=True)
    assert "make space and run again" in full.stderr
    command = [sys.executable, "-m", "tests.generation.killed", out]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split()[0] == "240"
    assert resource.RLIMIT_FSIZE is not None


def test_no_call_begins_after_an_answer_could_not_be_kept(tmp_path, monkeypatch):
    keep, tried = Store.append, []

    def full(self, record):
        tried.append(record)
        if len(tried) == 1:
            raise ConfigurationError("the disk is full")
        keep(self, record)

    monkeypatch.setattr(Store, "append", full)
    model, options = Counting(), {"prompt": TEMPLATE, "k": 2, "concurrency": 3}
    with pytest.raises(ConfigurationError, match="the disk is full"):
        generate(rows(60), model=model, out=tmp_path / "o.jsonl", **options)
    assert len(model.asked) <= 3


def test_without_ray_nothing_is_asked(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    model = Counting()
    with pytest.raises(MissingExtraError, match=r"vs-core\[ray\]"):
        generate(rows(2), prompt=TEMPLATE, model=model, out=tmp_path / "o.jsonl", engine="ray")
    assert not model.asked


# --- limits --------------------------------------------------------------------------------------


def test_a_budget_ends_the_run_in_good_order(tmp_path):
    model, out = Counting(), tmp_path / "o.jsonl"
    options = {"prompt": TEMPLATE, "model": model, "out": out, "k": 2, "concurrency": 2}
    first = generate(rows(30), budget=0.001, price=(1.0, 1.0), **options)
    assert first.stopped == "budget"
    assert first.cost >= 0.001
    assert first.calls < 20
    assert not out.exists()
    rest = generate(rows(30), **options)
    assert (rest.stopped, rest.rows) == ("", 60)
    assert first.calls + rest.calls == 30


def test_prices_are_looked_up_once_or_are_the_user_s_own(monkeypatch):
    asked = []

    def calc_price(usage, model_ref):
        asked.append(model_ref)
        if model_ref != "known":
            raise LookupError(model_ref)
        total = usage.get("input_tokens", 0) * 2e-6 + usage.get("output_tokens", 0) * 8e-6
        return SimpleNamespace(total_price=total)

    prices = SimpleNamespace(Usage=dict, calc_price=calc_price)
    monkeypatch.setitem(sys.modules, "genai_prices", prices)
    known, usage = Price("known"), {"input_tokens": 1_000_000, "output_tokens": 500_000}
    assert known.pair() == pytest.approx((2, 8))
    assert known.of(usage) == pytest.approx(2 + 4)
    assert asked == ["known"] * 2  # of input, and of output
    assert Price("other").of(usage) is Price(None).of(usage) is None
    assert Price("known", (1, 10)).of(usage) == 6
    assert Price(None, (1, 10)).of({}) == 0
    for unknown in (Price("other"), Price(None)):
        with pytest.raises(ConfigurationError, match="needs a price"):
            unknown.require()
    known.require()
    for wrong in ((1,), (1, 2, 3), (-1, 2)):
        with pytest.raises(ConfigurationError, match="price is a pair"):
            Price("known", wrong)
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert Price("known").of(usage) is None
    with pytest.raises(MissingExtraError):
        Price("known").require()


def test_a_run_can_be_stopped_and_goes_on(tmp_path):
    options = {"prompt": TEMPLATE, "model": SimulatedModel(), "out": tmp_path / "o.jsonl", "k": 2}
    run = Run(rows(50), concurrency=2, **options)
    summary = run.run(lambda now: now.stop() if now.finished == 5 else None)
    assert summary.stopped == "stopped"
    assert 5 <= summary.finished < 15
    assert generate(rows(50), **options).calls == 50 - summary.calls


def test_a_run_that_is_stopped_before_it_begins_asks_nothing(tmp_path):
    model = Counting()
    run = Run(rows(3), prompt=TEMPLATE, model=model, out=tmp_path / "o.jsonl", k=2)
    run.stop()
    summary = run.run()
    assert (summary.stopped, summary.calls, summary.finished, summary.rows) == ("stopped", 0, 0, 0)
    assert not model.asked
    assert not (tmp_path / "o.jsonl").exists()


def test_so_many_different_answers_and_the_model_is_told_what_came(tmp_path):
    seen = []

    class Few(SimulatedModel):
        async def acomplete(self, request):
            seen.append(request.messages[-1].content)
            place = len(seen) % 7
            texts = [f"thing {place}", f"thing {(place + 1) % 7}"]
            return Completion(json.dumps([{"text": t, "probability": 0.1} for t in texts]))

    out = tmp_path / "o.jsonl"
    options = {"prompt": TEMPLATE, "model": Few(), "out": out, "k": 2, "until_distinct": 5}
    generate(rows(1), avoid_seen=True, **options)
    assert len({row["text"] for row in table(out)}) == len(table(out)) == 5
    assert "given already" in seen[-1]
    assert "- thing" in seen[-1]
    seen.clear()
    generate(rows(1), **options | {"out": tmp_path / "many.jsonl", "until_distinct": 50})
    assert len(table(tmp_path / "many.jsonl")) == 7
    assert len(seen) <= 20  # two rounds without anything new


def test_no_answer_twice_over_the_whole_table(tmp_path):
    out = tmp_path / "o.jsonl"
    options = {"prompt": "Name a US state.", "model": SimulatedModel(), "k": 5, "n": 10}
    generate(rows(4), out=out, unique=True, **options)
    texts = [row["text"] for row in table(out)]
    assert len(texts) == len(set(texts))
    nested = tmp_path / "nested.jsonl"
    generate(rows(4), out=nested, unique=True, nested=True, **options)
    answers = [each["text"] for row in table(nested) for each in row["candidates"]]
    assert len(table(nested)) == 4
    assert len(answers) == len({text.casefold() for text in answers}) > 10
    again = generate(rows(4), out=out, unique=False, **options)
    assert again.calls == 0
    assert {row["text"] for row in table(out)} == set(texts)
    assert again.rows == 40 > len(texts)


def test_what_a_provider_asks_to_wait_is_waited(tmp_path):
    import httpx

    calls, waits = [], []

    async def limited(request):
        calls.append(time.monotonic())
        if len(calls) == 1:
            answer = httpx.Response(429, headers={"retry-after": "0.6"}, request=None)
            error = RuntimeError("slow down")
            error.status_code, error.response = 429, answer
            raise ModelError("pushed back") from error
        waits.append(calls[-1] - calls[0])
        return '[{"text": "a", "probability": 0.5}]'

    generate(rows(6), prompt=TEMPLATE, model=limited, out=tmp_path / "o.jsonl", k=1, concurrency=1)
    assert waits[0] >= 0.6
    assert len(calls) == 7


# --- models of frameworks ------------------------------------------------------------------------


def test_models_of_the_frameworks_complete_requests_in_their_own_way(tmp_path):
    dspy = pytest.importorskip("dspy")
    openai = pytest.importorskip("langchain_openai")
    like = pytest.importorskip("llama_index.llms.openai_like")
    outs = []
    with SimulatedServer() as server:
        models = {
            "langchain": openai.ChatOpenAI(model="m", base_url=server.base_url, api_key="x"),
            "dspy": dspy.LM("openai/m", api_base=server.base_url, api_key="x", cache=False),
            "llama": like.OpenAILike(
                model="m", api_base=server.base_url, api_key="x", is_chat_model=True
            ),
        }
        for name, model in models.items():
            server.model.reset()
            out = tmp_path / f"{name}.jsonl"
            generate(rows(2), prompt=TEMPLATE, model=model, out=out, k=3, n=6, concurrency=1)
            found = table(out)
            outs.append([(row["n"], row["text"]) for row in found])
            assert all(row["input_tokens"] > row["output_tokens"] > 0 for row in found), name
    assert len(outs[0]) == 12
    assert outs[0] == outs[1] == outs[2]


def test_calls_of_one_row_are_kept_apart_in_the_cache_of_dspy(tmp_path):
    dspy = pytest.importorskip("dspy")
    options = {"prompt": TEMPLATE, "k": 3, "n": 9, "concurrency": 1}
    before = dspy.cache
    dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=True)
    try:
        with SimulatedServer() as server:
            lm = dspy.LM("openai/m", api_base=server.base_url, api_key="x")
            for name in "ab":
                generate(rows(1), model=lm, out=tmp_path / f"{name}.jsonl", **options)
            first, second, third = server.requests  # and none again
            assert first == second == third
    finally:
        dspy.cache = before
    first, again = ([row["text"] for row in table(tmp_path / f"{name}.jsonl")] for name in "ab")
    assert first == again


def test_a_program_of_dspy_is_no_model(tmp_path):
    dspy = pytest.importorskip("dspy")
    with pytest.raises(ConfigurationError, match=r"is a dspy\.LM"):
        generate(rows(1), prompt="x", model=dspy.Predict("a -> b"), out=tmp_path / "o.jsonl")


# --- the command ---------------------------------------------------------------------------------


def vs(*arguments, **options):
    command = [sys.executable, "-m", "vs_core.cli", "generate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, **options)


def test_the_command(tmp_path):
    (tmp_path / "p.csv").write_text("sku,product\n1,soap\n2,tea\n")
    (tmp_path / "kinds.py").write_text(
        "from pydantic import BaseModel\nclass Line(BaseModel):\n    line: str\n"
    )
    given = ("p.csv", "--prompt", "A tagline for {product}.", "--out", "o.parquet", "--simulated")
    done = vs(*given, "-k", "3", "--schema", "kinds.py:Line", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 6
    assert "SIMULATED" in done.stderr
    refused = vs(*given, "-k", "4", cwd=tmp_path)
    assert refused.returncode == 2
    assert "k: 3 then, 4 now" in refused.stderr
    ahead = vs(*given, "-k", "4", "--dry-run", "--price", "1,2", "--fresh", cwd=tmp_path)
    assert "A tagline for soap." in ahead.stderr
    assert "Nothing was asked" in ahead.stderr
    bad = vs("p.csv", "--prompt", "{x}", "--out", "o.jsonl", "--simulated", cwd=tmp_path)
    assert bad.returncode == 2
    assert "p.csv:2" in bad.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_good_order(tmp_path, number):
    (tmp_path / "p.csv").write_text("n\n" + "\n".join(map(str, range(400))))
    with SimulatedServer(delay=0.05) as server:
        command = [
            sys.executable, "-m", "vs_core.cli", "generate", "p.csv", "--prompt", TEMPLATE,
            "--out", "o.jsonl", "--model", "m", "--base-url", server.base_url, "-k", "2",
        ]  # fmt: skip
        with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as run:
            while len(server.requests) < 30:
                time.sleep(0.02)
            run.send_signal(number)
            said = run.stderr.read()
        assert run.returncode == 3, said
        assert "run the same command again" in said
        assert "vs generate p.csv --prompt 'Name a thing for {n}.'" in said
        before = len(server.requests)
        assert before < 400
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        assert len(server.requests) == 400
    assert len(table(tmp_path / "o.jsonl")) == 800
