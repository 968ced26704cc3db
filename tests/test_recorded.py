"""Answers of real models, kept by ``vs check --record``: they are read as a person found right.

To add some, put the file into tests/corpus/recorded, look at ``read`` in each line, put it right,
and set ``right`` to true. Lines that nobody has looked at are left out.
"""

import json
from pathlib import Path

import pytest

from vs_core import ParseError
from vs_core.checking import recorded
from vs_core.strategies.base import strategy_of

FOLDER = Path(__file__).parent / "corpus" / "recorded"
LINES = [
    pytest.param(line, id=f"{file.stem}-{number}")
    for file in sorted(FOLDER.glob("*.jsonl"))
    for number, line in enumerate(recorded(file), start=1)
    if line["right"]
]


def test_there_are_some_of_a_real_model():
    assert len(LINES) >= 15
    assert not all(line.values[0]["simulated"] for line in LINES)


@pytest.mark.parametrize("line", LINES)
def test_a_recorded_answer_is_read_as_it_is_right(line):
    strategy = strategy_of(line["strategy"], k=line["k"], format=line["format"] or "json")
    if not line["read"]:
        with pytest.raises(ParseError):
            strategy.read(line["text"], line["k"])
        return
    found = strategy.read(line["text"], line["k"])
    assert [[c.text, c.probability] for c in found] == line["read"]


def test_no_line_holds_more_than_it_should():
    allowed = {
        "error", "finish_reason", "format", "k", "mode", "model", "outcome", "probe", "prompt",
        "read", "reasoning", "repairs", "right", "simulated", "strategy", "text", "usage",
    }  # fmt: skip
    for file in FOLDER.glob("*.jsonl"):
        for text in file.read_text().splitlines():
            assert set(json.loads(text)) == allowed
