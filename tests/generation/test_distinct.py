"""So many different answers: by text, by meaning, for a row and over the whole table."""

import asyncio
import json
import threading
from collections import Counter

import pytest

from tests.generation.killed import rows
from vs_core import Candidate, ConfigurationError
from vs_core.embedding import OpenAIEmbedder
from vs_core.equivalence import ByMeaning, ByText
from vs_core.generation import Run, generate
from vs_core.generation.distinct import Taken
from vs_core.testing import SimulatedServer

pytest.importorskip("numpy")
TEMPLATE = "Name a thing for {n}."


def table(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class Saying:
    """A model that goes through so many things, two a call, the same ones for every row."""

    def __init__(self, *things):
        self.things = things
        self.asked = Counter()
        self.prompts = []

    def __call__(self, request):
        prompt = request.messages[-1].content
        row = prompt.partition(".")[0]
        self.prompts.append(prompt)
        place = self.asked[row]
        self.asked[row] += 2
        two = [self.things[(place + n) % len(self.things)] for n in range(2)]
        return json.dumps([{"text": text, "probability": 0.5} for text in two])


def run_of(out, model, count=1, **options):
    return Run(rows(count), prompt=TEMPLATE, model=model, out=out, k=2, **options)


def test_the_same_in_other_words_counts_once(tmp_path):
    model = Saying("a red apple", "a red Apple!", "the apple, red", "two dogs", "dogs: two", "rain")
    with SimulatedServer() as server:
        same = ByMeaning(OpenAIEmbedder("e", base_url=server.base_url), 0.55)
        run = run_of(tmp_path / "o.jsonl", model, until_distinct=3, same=same)
        assert run.run().rows == 3
        asked = [request["input"] for request in server.requests]
    assert [row["text"] for row in table(run.out)] == ["a red apple", "two dogs", "rain"]
    assert sorted(text for texts in asked for text in texts) == sorted(set(model.things))
    by_text = run_of(tmp_path / "p.jsonl", Saying(*model.things), until_distinct=3)
    by_text.run()
    assert [row["text"] for row in table(by_text.out)] == list(model.things[:3])


def test_rows_are_embedded_beside_each_other(tmp_path):
    both = threading.Barrier(2, timeout=20)

    def embed(texts):
        both.wait()
        return [[float(text == "a"), float(text == "b")] for text in texts]

    run = run_of(
        tmp_path / "o.jsonl", Saying("a", "b"), 2, until_distinct=2, same=ByMeaning(embed, 0.999)
    )
    assert run.run().rows == 4


async def test_who_looks_no_further_is_not_kept_waiting(tmp_path):
    slow = asyncio.Event()

    async def model(request):
        if "for 1." in request.messages[-1].content:
            await slow.wait()
        return '[{"text": "a", "probability": 0.5}]'

    embed = ByMeaning(lambda texts: [[1.0] for _ in texts], 0.9)
    run = run_of(tmp_path / "o.jsonl", model, 2, until_distinct=1, same=embed)
    found = run.rows()
    assert (await anext(found))["n"] == 0
    await asyncio.wait_for(found.aclose(), 20)  # though the other row's thread waits for its answer
    slow.set()
    for thread in threading.enumerate():
        if thread.name.startswith("vs_core"):
            await asyncio.to_thread(thread.join, 20)  # it gets its answer from this loop


def test_an_embedder_that_fails_ends_the_run_which_then_goes_on(tmp_path):
    def embed(texts):
        raise ConfigurationError("no embeddings today")

    options = {"until_distinct": 2}
    with pytest.raises(ConfigurationError, match="today"):
        run_of(tmp_path / "o.jsonl", Saying("a", "b"), same=ByMeaning(embed, 0.9), **options).run()
    model = Saying("a", "b")
    good = ByMeaning(lambda texts: [[1.0, float(text == "a")] for text in texts], 0.9)
    assert run_of(tmp_path / "o.jsonl", model, same=good, **options).run().rows == 2
    assert not model.prompts


def test_exact_and_normalised(tmp_path):
    things = ("a", "A", "a.", "b")
    for same, wanted in (
        (ByText(str), ["a", "A", "a."]), (None, ["a", "a.", "b"]), (ByText(), ["a", "b"])
    ):  # fmt: skip
        out = tmp_path / f"{len(wanted)}{wanted[1]}.jsonl"
        run_of(out, Saying(*things), until_distinct=3, same=same).run()
        assert [row["text"] for row in table(out)] == wanted


@pytest.mark.parametrize("most", [1, 3])
def test_a_row_takes_so_many_calls_at_most(tmp_path, most):
    model = Saying(*"abcdefghijkl")
    run = run_of(tmp_path / "o.jsonl", model, until_distinct=99, calls_a_row=most)
    assert run.run().rows == 2 * most
    assert len(model.prompts) == most
    with pytest.raises(ConfigurationError, match="budget must be"):
        run_of(tmp_path / "p.jsonl", model, until_distinct=99, calls_a_row=0)


def test_a_row_ends_where_little_is_unseen(tmp_path):
    few = Saying(*"abcd")
    run = run_of(tmp_path / "o.jsonl", few, until_distinct=9, unseen=0.3, calls_a_row=50)
    assert run.run().rows == 4
    assert len(few.prompts) == 4  # each was seen twice: one more round would be an idle one
    slow = Saying(*"abcdefghijkl")
    run = run_of(tmp_path / "p.jsonl", slow, until_distinct=99, unseen=0.3, calls_a_row=50)
    assert run.run().rows == 12


@pytest.mark.parametrize(
    "options",
    [
        {"unseen": 0.0, "until_distinct": 2},
        {"unseen": 0.1},
        {"same": ByText()},
        {"avoid_seen": True},
    ],
)
def test_options_that_cannot_work_are_refused(tmp_path, options):
    with pytest.raises(ConfigurationError, match=r"unseen|until_distinct"):
        run_of(tmp_path / "o.jsonl", Saying("a"), **options)


def test_no_answer_twice_in_the_whole_table(tmp_path):
    things = [f"thing {n}" for n in range(12)]
    run = run_of(tmp_path / "o.jsonl", Saying(*things), 4, until_distinct=3, unique=True, part=1)
    assert run.run().rows == 12
    found = table(run.out)
    assert sorted(row["text"] for row in found) == sorted(things)
    assert Counter(row["n"] for row in found) == dict.fromkeys(range(4), 3)
    more = run_of(tmp_path / "p.jsonl", Saying(*things), 4, until_distinct=4, unique=True)
    assert more.run().rows == 12  # there are no more than that, and each is there once


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("columns", [{}, {"text": "mine"}], ids=["plain", "named as ours"])
def test_it_goes_on_without_an_answer_twice(tmp_path, nested, columns):
    things = [f"thing {n}" for n in range(40)]
    options = {
        "until_distinct": 3, "unique": True, "part": 2, "concurrency": 1, "nested": nested,
        "calls_a_row": 40,
    }  # fmt: skip
    given = [{**row, **columns} for row in rows(10)]

    def run_with(model):
        out = tmp_path / "o.jsonl"
        return Run(given, prompt=TEMPLATE, model=model, out=out, k=2, **options)

    first = run_with(Saying(*things))
    summary = first.run(lambda run: run.stop() if run.finished == 5 else None)
    assert summary.stopped
    model = Saying(*things)
    again = run_with(model)
    assert again.run().finished == 10
    assert not {f"Name a thing for {n}" for n in range(4)} & model.asked.keys()
    found = table(again.out)
    ours = "vs_" if columns else ""
    text = "text" if nested else f"{ours}text"
    answers = [each[text] for row in found for each in row.get(f"{ours}candidates", [row])]
    assert len(answers) == len(set(answers)) == 30
    assert all(row.get("text") == "mine" for row in found if columns)


def test_what_is_not_needed_is_free_again():
    taken = Taken()
    one, two = Candidate(text="A b"), Candidate(text="c")
    assert taken.claim("1", one)
    assert taken.claim("1", Candidate(text=" a  B "))
    assert not taken.claim("2", one)
    taken.release("2", [one])
    assert not taken.claim("2", one)
    taken.release("1", [one, two])
    assert taken.claim("2", one)


def test_other_settings_are_another_run(tmp_path):
    options = {"prompt": TEMPLATE, "model": Saying("a", "b"), "out": tmp_path / "o.jsonl", "k": 2}
    generate(rows(1), until_distinct=2, **options)
    with pytest.raises(ConfigurationError, match="same: None then, 'text' now"):
        generate(rows(1), until_distinct=2, same=ByText(), **options)
