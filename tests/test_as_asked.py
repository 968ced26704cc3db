"""The fast path reads what the readings would read, and only what leaves nothing open."""

import json
import random
import re

import pytest

from tests.benchmarks.bench_parsing import CLEAN, TRUNCATED, WRITERS
from vs_core import Distribution, StreamParser, parse, parsing
from vs_core.formats import Entry, Reading, Shape
from vs_core.words import VOCABULARY

PIECES = [
    *sorted({word for words in VOCABULARY.values() for word in words}),
    *("Paris", "is", "a", "First", "12", "1 in 6", "e.g.", "3rd", "–", ",", "!", "don't", "İ", "p"),
    *("Final answer:", "{", '"text":', "[1]", "(0.5)", "0.5", "50%", "|", "**", "\n", "- ", "&"),
    "long " * 40,
]  # fmt: skip


def written(rng: random.Random, notation: str) -> str:
    pieces = rng.sample(PIECES, 8)
    begin = rng.choice(["", "", rng.choice(pieces) + " "])
    entries = [
        Entry(
            begin + " ".join(rng.choices(pieces, k=rng.choice([1, 2, 5]))), rng.choice([0.2, 0.5])
        )
        for _ in range(rng.choice([2, 3, 5]))
    ]
    return WRITERS[notation](Reading(entries))


def in_prose(rng: random.Random, answer: str) -> str:
    """An answer with a line before it, one behind it, or both, said well or of any words."""

    def line(*usual: str) -> str:
        words = rng.choices([*PIECES[:-1], "answers", "3", "of", "them"], k=rng.choice([1, 2, 4]))
        return rng.choice([rng.choice(usual), f"{' '.join(words)}{rng.choice('.:!')}"])

    before, behind = rng.choice([(True, False), (False, True), (True, True)])
    if before:
        usual = ("Sure! Here are 5 jokes, each with its probability:", "About 20 percent.")
        answer = line(*usual) + rng.choice(["\n", "\n\n"]) + answer
    return f"{answer}\n\n{line('Let me know if you want more!', 'Total.')}" if behind else answer


@pytest.mark.parametrize("prose", [False, True], ids=["alone", "in prose"])
@pytest.mark.parametrize("notation", ["lines", "blocks", "tags"])
def test_it_reads_what_the_readings_read(notation, prose, monkeypatch):
    rng = random.Random(1)
    answers = [written(rng, notation) for _ in range(1000)]
    answers = [in_prose(rng, answer) for answer in answers] if prose else answers
    shapes = [Shape(k) for k in (0, 3)]
    fast = [(a, s) for a in answers for s in shapes if parsing.as_asked(a, s, None) is not None]
    assert len(fast) > 100
    read = [parsing.read(answer, shape) for answer, shape in fast]
    monkeypatch.setattr(parsing, "as_asked", lambda *_: None)
    assert read == [parsing.read(answer, shape) for answer, shape in fast]


def json_that_breaks_off(rng: random.Random) -> str:
    """JSON of any pieces that ends soon after a text begins."""
    marks = ["...", " ", "So. Final answer:", "</think> {", "<answer>", "</answer>"]
    numbers = rng.choice([(0.2, 0.5), (0.2, 0.5), (1, 0.5), (True, 0.5), (0.2, 20), ("0.2", 0.5)])
    responses = [
        {
            "text": " ".join(rng.choices([*PIECES, *marks * 40], k=rng.choice([1, 2, 5]))),
            "probability": rng.choice(numbers),
        }
        for _ in range(rng.choice([2, 3, 5]))
    ]
    before = rng.choice([{}, {}, {"reasoning": "So."}, {"reasoning": ""}, {"note": "So."}])
    indent = rng.choice([None, 2])
    answer = json.dumps({**before, "responses": responses}, ensure_ascii=False, indent=indent)
    begin = rng.choice([match.end() for match in re.finditer('"text": "', answer)])
    return answer[: begin + rng.choice([1, rng.randrange(40)])]


def test_it_reads_json_that_breaks_off_as_the_readings_read_it(monkeypatch):
    rng = random.Random(1)
    answers = [json_that_breaks_off(rng) for _ in range(2000)]
    shapes = [Shape(0), Shape(3), Shape(0, fields=("text", "probability"))]
    fast = [(a, s) for a in answers for s in shapes if parsing.json_cut_off(a, s) is not None]
    assert len(fast) > 100
    read = [parsing.read(answer, shape) for answer, shape in fast]
    monkeypatch.setattr(parsing, "json_cut_off", lambda *_: None)
    assert read == [parsing.read(answer, shape) for answer, shape in fast]


@pytest.mark.parametrize("number", ["true", "false", "0", "1", "1.0", "-0.0", "2", "-0.1", '".5"'])
@pytest.mark.parametrize("reasoning", ["", '"reasoning": "", ', '"reasoning": null, '])
def test_at_the_edges_of_what_json_can_say_it_reads_what_the_readings_read(
    number, reasoning, monkeypatch
):
    said = f'[{{"text": "a", "probability": {number}}}, {{"text": "b", "probability": 0.2}}]'
    answer = f'{{{reasoning}"responses": {said}}}'
    found = parse(answer)
    monkeypatch.setattr(parsing, "json_as_asked", lambda *_: None)
    assert parse(answer) == found
    assert found.reasoning is None


@pytest.mark.parametrize(
    "answer",
    [
        CLEAN,
        TRUNCATED,
        "1. Paris (probability: 0.6)\n2. Rome. Or Oslo? (probability: 0.3)",
        "1. Paris (probability: .6)\n\n2. Rome (probability: .3)\n",
        "Response 1\nText: Paris\nProbability: .6\n\nResponse 2\nText: Rome\nProbability: .3\n\n",
        "Option 1:\nAnswer: Paris\nProbability: 0.6\nOption 2:\nAnswer: Rome\nProbability: 0.3",
        "<response><text>a > b</text><probability>0.6</probability></response>\n"
        "<response>\n<text>Rome</text>\n<probability>0.3</probability>\n</response>\n",
        "Here are 2 cities:\n1. Paris (probability: 0.6)\n2. Rome (probability: 0.3)",
        "Sure! Two of them.\n\nResponse 1\nText: Paris\nProbability: .6\n\n"
        "Response 2\nText: Rome\nProbability: .3\n\nLet me know if you want more.",
    ],
)
def test_it_reads_what_is_as_it_was_asked_for(answer, monkeypatch):
    monkeypatch.setattr(parsing, "_best", None)  # no reading is weighed
    found = parse(answer)
    assert found == Distribution.model_validate(found.model_dump())
    parser = StreamParser()
    for character in answer:
        parser.feed(character)
    assert parser.close() == found


@pytest.mark.parametrize(
    "answer",
    [
        "1. Paris (probability: 0.6)",  # one is no list
        "1. Paris (probability: 0.6)\n3. Rome (probability: 0.3)",
        "1. Paris (probability: 1.6)\n2. Rome (probability: 0.3)",
        "1. Paris (probability: 0.6)\n2. Rome (probability: 0.3)\nThat is all.",
        "Options a:\n1. Paris (probability: 0.6)\n2. Rome (probability: 0.3)",
        "A final list.\n1. Paris (probability: 0.6)\n2. Rome (probability: 0.3)",
        "I have 0.5 left.\n1. Paris (probability: 0.6)\n2. Rome (probability: 0.3)",
        "1. Paris (probability: 0.6)\n2. Rome (probability: 0.3)\n3. Total (probability: 0.9)",
        "1. Text: Paris (probability: 0.6)\n2. Text: Rome (probability: 0.3)",
        "1. First, Paris (probability: 0.6)\n2. Second, Rome (probability: 0.3)",
        "1. Paris 0.5 (probability: 0.6)\n2. Rome (probability: 0.3)",
        f"1. {'a.' * 300} (probability: 0.6)\n2. Rome (probability: 0.3)",
        "Response 1\nText: 1 in 6 占比\nProbability: .6\n\nResponse 2\nText: b\nProbability: .3",
        "Response 1\nText: Well. Final\nProbability: .6\n\nResponse 2\nText: b\nProbability: .3",
        "<response><text>Paris</text><probability>60%</probability></response>" * 2,
        "<response><text> </text><probability>0.6</probability></response>" * 2,
        "<response><text>...</text><probability>0.6</probability></response>" * 2,
        "<response><text>Final answer:\na</text><probability>0.6</probability></response>" * 2,
        "<response><text>[prob]a[/prob]</text><probability>0.6</probability></response>" * 2,
        "<response><text>a &lt; b</text><probability>0.6</probability></response>" * 2,
    ],
)
def test_anything_else_is_for_the_readings(answer):
    assert parsing.as_asked(answer, Shape(0), None) is None
    assert parsing.as_asked(answer, Shape(2, None), None) is None


def test_another_number_than_was_asked_for_is_for_the_readings():
    answer = "1. Paris (probability: 0.6)\n2. Rome (probability: 0.3)"
    assert parsing.as_asked(answer, Shape(2), "lines") is not None
    assert parsing.as_asked(answer, Shape(3), "lines") is None
    assert parsing.as_asked(answer, Shape(2), "tags") is None
    assert parse(answer, k=3).remarks == ("2 candidates read where 3 were asked for",)
