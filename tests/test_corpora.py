"""The corpus by combination: read, streamed, and held to figures; strict reading; honest errors."""

from collections import Counter

import pytest

from tests.corpus import dump, responses
from tests.corpus.combined import KINDS, cases, consistent, outcome
from tests.corpus.shapes import SHAPES, known
from tests.corpus.shapes import cases as shapes
from vs_core import ParseError, StreamParser, parse
from vs_core.formats import Format, Reading, Shape
from vs_core.parsing import read
from vs_core.words import PROBABILITY, TEXT, kind_of

CASES = list(cases())


def test_the_corpus_holds_thousands_of_shapes_of_every_kind():
    sizes = Counter(case.kind for case in CASES)
    assert len(CASES) > 10_000
    assert set(KINDS) | {"wrappers", "truncated"} == set(sizes)


@pytest.mark.parametrize("kind", [*KINDS, "wrappers"])
def test_hardly_any_shape_is_misread_and_none_without_a_word(kind):
    of_kind = [case for case in CASES if case.kind == kind]
    found = Counter(outcome(case) for case in of_kind)
    assert found["exact"] >= 0.98 * len(of_kind), found
    assert found["wrong"] <= 0.02 * len(of_kind), found


@pytest.mark.parametrize("kind", list(SHAPES))
def test_shapes_are_read_or_refused_and_hardly_ever_misread_without_a_word(kind):
    of_kind = [case for case in list(shapes())[::5] if case.kind == kind]
    found = Counter(map(known, of_kind))
    assert found["exact"] >= 0.9 * len(of_kind), found
    assert found["wrong"] <= 0.04 * len(of_kind), found


def test_streams_of_the_corpus_take_nothing_back():
    sample = CASES[::7]
    steady = sum(consistent(case.answer, 1 + at % 9) for at, case in enumerate(sample))
    assert steady >= 0.99 * len(sample)


# --- what must be neither silent nor wrong -------------------------------------------------------

TWO = [("Paris", 0.6), ("Rome", 0.3)]


@pytest.mark.parametrize(
    "answer",
    [
        "Probability: 0.6\nParis\n\nProbability: 0.3\nRome",
        "- probability: 0.6\n  text: Paris\n- probability: 0.3\n  text: Rome",
        '{"responses":[{"text":"Paris","probability":0.6},{"text":"Rome","probability":0.3}],'
        '"total_probability":0.9}',
        '{"common":[{"text":"Paris","probability":0.6}],"rare":[{"text":"Rome","probability":0.3}]}',
        "1. Paris (0.6)\n2. Rome (0.3)\nTotal: 0.9",
        "### Response 1 (Probability: 0.6)\n\nParis\n\n### Response 2 (Probability: 0.3)\n\nRome",
        "<response><rationale>so</rationale><text>Paris</text><probability>0.6</probability>"
        "</response><response><rationale>so</rationale><text>Rome</text><probability>0.3"
        "</probability></response>",
        "No. 1: Paris (p = 0.6)\nNo. 2: Rome (p = 0.3)",
        'responses.append(("Paris", 0.6))\nresponses.append(("Rome", 0.3))',
        '{"texto": "Paris", "probabilidad": 0.6}\n{"texto": "Rome", "probabilidad": 0.3}',
    ],
)
def test_texts_and_numbers_are_paired_as_they_were_written(answer):
    assert [(c.text, c.probability) for c in parse(answer)] == TWO


def test_a_mark_of_thinking_in_a_text_is_text():
    got = parse("1. Paris (0.5)\n2. Type </think> here (0.3)\n3. Rome (0.2)")
    assert [c.text for c in got] == ["Paris", "Type </think> here", "Rome"]


def test_thoughts_are_the_reasoning_and_their_drafts_no_candidates():
    got = parse("<think>1. a (0.9)\n2. b (0.1)</think>\n1. Paris (0.6)\n2. Rome (0.3)")
    assert [(c.text, c.probability) for c in got] == TWO
    assert got.reasoning == "1. a (0.9)\n2. b (0.1)"


@pytest.mark.parametrize(
    "answer",
    [
        '{"temperature": 0.7, "top_p": 0.95}',
        '{"latitude": 52.52, "longitude": 13.405}',
        '{"refusal": true, "confidence": 0.98}',
        "--- a/x.py\n+++ b/x.py\n-x = 0.5\n+x = 0.7",
        '<svg><rect x="0.5" opacity="0.5"/><text font-weight="0.5">Hi</text></svg>',
        "<response><text><your response></text><probability>0.0</probability></response>",
        "1. Smith (2019)\n2. Jones (2020)\n3. Lee (2021)",
    ],
)
def test_numbers_alone_make_no_distribution(answer):
    with pytest.raises(ParseError):
        parse(answer)


def test_a_bare_mapping_needs_k_or_a_sum_or_to_be_asked_for():
    tail = "Berlin = 0.2\nTokyo = 0.1\nParis = 0.35"
    with pytest.raises(ParseError):
        parse(tail)
    assert [c.text for c in parse(tail, k=3)] == ["Berlin", "Tokyo", "Paris"]
    assert len(parse(tail, format="lines")) == 3
    assert len(parse("1: 0.17\n2: 0.17\n3: 0.16\n4: 0.17\n5: 0.17\n6: 0.16")) == 6


def test_strict_refuses_what_may_have_changed_a_text_or_a_number():
    assert len(parse(dump(responses()), strict=True)) == 3
    assert len(parse("1. Paris (0.6)\n2. Rome (0.3)\nTotal: 0.9", strict=True)) == 2
    for doubtful in (
        "1. Paris (0.6)\n   The capital.\n2. Rome (0.3)\n   Eternal.",
        dump(responses(numbers=(50, 30, 15))),
        '[{"text": "Paris", "probability": 0.5}, {"text": "Ro',
    ):
        assert parse(doubtful).repairs
        with pytest.raises(ParseError, match="repaired"):
            parse(doubtful, strict=True)
        stream = StreamParser(strict=True)
        stream.feed(doubtful)
        with pytest.raises(ParseError, match="repaired"):
            stream.close()


@pytest.mark.parametrize(
    ("answer", "k", "doubt"),
    [
        ("1. Paris (0.6)\n2. Rome (0.3)", 3, "2 candidates read where 3 were asked for"),
        ("1. Paris (0.6)\n2. Rome\n3. Oslo (0.1)", None, "1 of 3 candidates without"),
        (
            "Response 1: Paris\nI give this a probability of 0.6.\n\n"
            "Response 2: Rome\nI give this a probability of 0.3.",
            None,
            "all texts end in the same line",
        ),
        (
            "Dear all,\nwe go\nProbability: 0.6\n\nDear all,\nwe stay\nProbability: 0.3",
            None,
            "all texts begin with the same line",
        ),
    ],
)
def test_doubts_about_where_a_candidate_ends_are_on_record(answer, k, doubt):
    assert any(repair.startswith(doubt) for repair in parse(answer, k=k).repairs)
    with pytest.raises(ParseError, match="repaired"):
        parse(answer, k=k, strict=True)
    assert not parse("1. Paris (0.6)\n2. Rome (0.3)", k=2).repairs
    assert not parse("Dear all,\nwe go\nProbability: 0.6").repairs  # one is like no other


def test_a_line_behind_a_fence_is_read_too():
    got = parse("```\n1. Paris (0.6)\n```\n2. Rome (0.3)")
    assert [(c.text, c.probability) for c in got] == TWO


class Broken(Format):
    name = "broken"

    def instructions(self, shape):
        return ""

    def read(self, text, shape) -> Reading | None:
        raise RuntimeError("no luck")

    def write(self, answer, shape):
        return ""


def test_a_format_that_raises_is_an_error_that_names_it():
    with pytest.raises(ParseError, match=r"'broken' failed.*no luck"):
        read("1. a (0.2)", Shape(), Broken())


def test_one_vocabulary_whatever_the_case_and_the_language():
    for label in ("Probability", "estimated_probability", "Wahrscheinlichkeit", "확률", "xác suất"):
        assert PROBABILITY in kind_of(label)
    for label in ("responseText", "texto", "Antwort", "回答"):
        assert TEXT in kind_of(label)
    assert not kind_of("total_probability") & {PROBABILITY}
    assert not kind_of("Probability theory")
