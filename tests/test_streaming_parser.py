"""Candidates as they come: early, complete, and the same in the end."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import CASES, HARD, NOTHING, NUMBERS, PROSE, dump, responses, tagged
from vs_core import ParseError, StreamParser, parse
from vs_core.formats import Entry, Lines, Shape
from vs_core.formats.base import Reading

LISTED = Lines().write(
    Reading([Entry(t, p) for t, p in zip(PROSE, NUMBERS, strict=True)]), Shape(k=3)
)
STREAMED = {
    "json": dump({"responses": responses(HARD)}),
    "json, indented": dump({"responses": responses(HARD)}, indent=2),
    "json, reasoning": dump({"reasoning": "a [b] {c}", "responses": responses(HARD)}),
    "json, fenced": f"Sure!\n```json\n{dump(responses(HARD))}\n```",
    "json lines": "\n".join(dump(r) for r in responses(HARD)),
    "tags": tagged(PROSE),
    "tags, reasoning": f"<reasoning>why</reasoning>{tagged(PROSE)}",
    "tags, after thoughts": f"<think>{tagged(HARD)}</think>\n{tagged(PROSE)}",
    "lines": LISTED,
}


def cut(text: str, size: int) -> list[str]:
    return [text[i : i + size] for i in range(0, len(text), size)]


def stream(parser: StreamParser, chunks: list[str]):
    early = [candidate for chunk in chunks for candidate in parser.feed(chunk)]
    return early, parser.close()


@pytest.mark.parametrize("text", STREAMED.values(), ids=STREAMED.keys())
@pytest.mark.parametrize("size", [1, 2, 7, 50, 10_000])
def test_candidates_come_early_and_are_those_of_the_whole(text, size):
    early, whole = stream(StreamParser(), cut(text, size))
    assert whole == parse(text)
    last = 1 if text is LISTED else 0  # a list's last item ends with the answer
    assert [(c.text, c.probability) for c in early] == [
        (c.text, c.probability) for c in whole[: len(whole) - last]
    ]


QUOTED = (dump(responses(PROSE)), tagged(PROSE))
QUOTING = {
    "json in tags": tagged(["one", QUOTED[0], "three"]),
    "tags in json": dump(responses(["one", QUOTED[1], "three"])),
}


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("text", QUOTING.values(), ids=QUOTING.keys())
def test_what_a_text_quotes_in_another_format_is_no_candidate_of_the_answer(text, size):
    early, whole = stream(StreamParser(), cut(text, size))
    assert [c.text for c in early] == [c.text for c in whole]
    assert len(early) == 3


@pytest.mark.parametrize("text", STREAMED.values(), ids=STREAMED.keys())
def test_each_comes_with_the_character_that_completes_it(text):
    parser, seen = StreamParser(), 0
    begin = text.find("</think>") + 1
    for position, character in enumerate(text):
        for candidate in parser.feed(character):
            seen += 1
            assert position - begin < (len(text) - begin) * (seen + 0.9) / 3
            assert candidate.text in (*HARD, *PROSE)
    assert seen >= 2


@pytest.mark.parametrize(
    "text", [case[2] for case in CASES], ids=[f"{c[0]}: {c[1]}" for c in CASES]
)
def test_for_every_cutting_the_end_is_that_of_parse(text):
    expected = parse(text)
    rng = random.Random(text)
    for _ in range(3):
        points = sorted(rng.sample(range(len(text) + 1), min(len(text), rng.randint(0, 30))))
        edges = [0, *points, len(text)]
        chunks = [text[a:b] for a, b in pairwise(edges)]
        assert stream(StreamParser(), chunks)[1] == expected


@pytest.mark.parametrize("text", NOTHING.values(), ids=NOTHING.keys())
def test_what_is_no_distribution_is_an_error_in_the_end(text):
    parser = StreamParser()
    assert [c for character in text for c in parser.feed(character)] == []
    with pytest.raises(ParseError):
        parser.close()


pieces = st.sampled_from(
    ["{", "}", "[", "]", '"', "\\", "<response>", "</response>", "<probability>", "1. a (0.2)",
     "\n", '"text":', "<think>"]
)  # fmt: skip


@given(st.lists(st.text(max_size=5) | pieces))
def test_any_stream_ends_as_parse_does(chunks):
    parser = StreamParser()
    for chunk in chunks:
        for candidate in parser.feed(chunk):
            assert candidate.text
    try:
        expected = parse("".join(chunks))
    except ParseError:
        with pytest.raises(ParseError):
            parser.close()
    else:
        assert parser.close() == expected


@pytest.mark.parametrize(
    "text", [" " * 50_000, "<" * 50_000, "[" * 50_000, '"' * 50_000, "1. " * 20_000, "\n" * 50_000]
)
def test_hostile_streams_end(text):
    parser = StreamParser()
    assert [c for character in text for c in parser.feed(character)] == []
    with pytest.raises(ParseError):
        parser.close()


def test_a_format_that_was_asked_for_is_the_only_one_looked_for():
    parser = StreamParser("tags")
    assert parser.feed(STREAMED["json"]) == []
    assert len(parser.feed(STREAMED["tags"])) == 3


def test_the_limit_is_kept():
    parser = StreamParser(limit=10)
    parser.feed("x" * 10)
    with pytest.raises(ParseError, match="limit"):
        parser.feed("y")


@pytest.mark.parametrize(("others", "early"), [(90, 1), (110, 0)])
def test_behind_very_much_that_holds_no_candidate_all_come_with_the_end(others, early):
    parser = StreamParser()
    for at in range(others):
        assert parser.feed(f'{{"a": .{at}}}') == []
    given = parser.feed('{"text": "Ohio", "probability": 0.2}')
    assert [(c.text, c.probability) for c in given] == [("Ohio", 0.2)] * early
    assert parser.close().texts[-1] == "Ohio"
