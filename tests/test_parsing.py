"""Reading what models write: the corpus, what is no distribution, hostile input."""

import cProfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corpus import CASES, NOTHING, PLAIN, combined, dump, responses
from tests.hostile import KINDS, answer_of
from vs_core import ConfigurationError, ParseError, formats, parse
from vs_core.formats import Entry, Json, Lines, Reading, Shape, Tags, cutting
from vs_core.formats.base import CUT_OFF
from vs_core.formats.cutting import MANY
from vs_core.formats.placeholders import is_placeholder
from vs_core.parsing import read
from vs_core.probabilities import DEFINITIONS

FORMATS = (Json(), Tags(), Lines())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [case[2:] for case in CASES],
    ids=[f"{category}: {name}" for category, name, *_ in CASES],
)
def test_every_shape_of_the_corpus_is_read_exactly(answer, expected):
    got = parse(answer)
    assert [c.text for c in got] == [text for text, _ in expected]
    assert [c.probability for c in got] == [
        None if number is None else pytest.approx(number) for _, number in expected
    ]


@pytest.mark.parametrize("answer", NOTHING.values(), ids=NOTHING.keys())
def test_what_is_no_distribution_is_an_error_with_the_text(answer):
    with pytest.raises(ParseError) as caught:
        parse(answer)
    assert caught.value.text == answer
    assert caught.value.reason


def test_brackets_in_a_text_that_was_cut_close_nothing():
    for end in ("]", "}", "]}", "}]}"):
        whole, torn = parse(f'[{{"text": "Ohio", "probability": 0.5}}, {{"text": "set {end}')
        assert whole.repairs == ()
        assert torn.text == f"set {end}"
        assert CUT_OFF in torn.repairs


# --- repairs and hints -------------------------------------------------------------------------

WHOLE = dump({"responses": responses()})


@pytest.mark.parametrize(
    ("answer", "repair"),
    [
        (WHOLE.replace("}]", "},]"), "trailing comma"),
        (WHOLE.replace("0.5", "'0.5'").replace('"text"', "'text'"), "unusual quotes"),
        (WHOLE[:-2], CUT_OFF),
        (WHOLE.replace("0.5", '"50%"'), None),
        (WHOLE.replace("0.5", '"1/2"'), "fraction"),
        (WHOLE.replace("0.5", '"about a half, 0.5"'), "probability read from"),
        (dump({"responses": responses(numbers=(50, 30, 15))}), "percentage"),
        ("<response><text>a</text><probability>0.5</probability>", "closing tag"),
        (WHOLE, None),
    ],
)
def test_each_repair_is_named(answer, repair):
    repairs = parse(answer).repairs
    if repair is None:
        assert repairs == ()
    elif repair is CUT_OFF:
        assert parse(answer)[0].repairs == ()  # the objects themselves are whole
    else:
        assert any(repair in found for found in repairs), repairs


@pytest.mark.parametrize("length", range(20, len(WHOLE)))
def test_cut_off_anywhere_every_complete_candidate_is_kept_and_the_torn_one_marked(length):
    complete = [name for name in PLAIN if f'"{name}", "probability": ' in WHOLE[:length]]
    try:
        got = parse(WHOLE[:length])
    except ParseError:
        assert not complete
        return
    whole = [c for c in got if CUT_OFF not in c.repairs]
    closed = WHOLE[:length].count("}")
    assert [c.text for c in whole] == list(PLAIN[: min(closed, 3)])
    assert len(got) - len(whole) <= 1


def test_a_hint_decides_what_can_be_read_in_two_ways():
    text = "1. <response><text>tagged</text><probability>0.4</probability></response> (0.2)"
    assert parse(text, format="tags")[0].text == "tagged"
    assert parse(text, format="lines")[0].text.startswith("<response>")


def test_field_names_say_where_the_content_is():
    data = [{"title": "t", "lyrics": "la", "probability": 0.5}]
    assert parse(dump(data), fields=("lyrics",))[0].text == "la"
    (both,) = parse(dump(data), fields=("title", "lyrics"))
    assert both.value == {"title": "t", "lyrics": "la"}


def test_what_else_was_said_of_a_candidate_is_kept():
    (candidate,) = parse(dump([{"text": "a", "probability": 0.5, "style": "dry"}]))
    assert candidate.metadata == {"style": "dry"}


def test_reasoning_is_kept_apart():
    for answer in (
        dump({"reasoning": "Because.", "responses": responses()}),
        "<reasoning>Because.</reasoning><response><text>a</text><prob>0.5</prob></response>",
        "Reasoning: Because.\n\n1. a (0.5)\n2. b (0.2)",
    ):
        assert parse(answer).reasoning == "Because."


@pytest.mark.parametrize(
    ("definition", "written", "probability"),
    [("nll", 1.6094379124341003, 0.2), ("nll", -1.6094379124341003, 0.2), ("perplexity", 5, 0.2)],
)
def test_nll_and_perplexity_when_asked_for(definition, written, probability):
    answer = dump([{"text": "a", definition: written}])
    assert parse(answer, probability=definition)[0].probability == pytest.approx(probability)


def test_unlikely_nlls_keep_their_ratio():
    answer = dump([{"text": "a", "nll": 1000}, {"text": "b", "nll": 1000.6931471805599}])
    assert parse(answer, probability="nll").weights == pytest.approx((2 / 3, 1 / 3))


@pytest.mark.parametrize("written", ["0.6", "0,6", "0٫6", "0·6", ".6"])
def test_a_point_is_written_in_many_ways(written):
    answer = f'[{{"text": "Paris", "probability": "{written}"}}]'
    assert [(c.text, c.probability) for c in parse(answer)] == [("Paris", 0.6)]


# --- what is written can be read ---------------------------------------------------------------

texts = (
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
    .map(str.strip)
    .filter(lambda text: text and not is_placeholder(text))
)
simple = st.from_regex(r"[A-Za-z][A-Za-z ,.;!?'-]{0,60}[A-Za-z.!?]", fullmatch=True)
numbers = st.floats(0.0001, 1).map(lambda p: round(p, 4))


@given(st.lists(st.tuples(texts, numbers), min_size=1, max_size=8), st.booleans())
def test_json_is_read_as_it_was_written(pairs, reasoning):
    shape = Shape(k=len(pairs), reasoning=reasoning)
    answer = Reading([Entry(text, p) for text, p in pairs], "why" if reasoning else None)
    got = read(Json().write(answer, shape), shape)
    assert [(c.text, c.probability) for c in got] == pairs
    assert got.reasoning == answer.reasoning


def test_a_letter_that_all_texts_end_with_is_theirs():
    assert parse("1. Vitamin A (probability: 0.6)\n2. Plan A (probability: 0.3)").texts == [
        "Vitamin A",
        "Plan A",
    ]


def test_a_number_with_a_fraction_is_no_mark_of_a_list():
    assert parse("1.5 litres (0.3)\n2.2 miles (0.7)").texts == ["1.5 litres", "2.2 miles"]
    assert parse("1.Ohio (0.3)\n2.Texas (0.7)").texts == ["Ohio", "Texas"]


def test_what_is_no_section_of_json_is_left_out():
    said = '{"responses": [{"text": "a", "probability": 0.5}, {"text": "b", "probability": 0.5}]}'
    for beside in ("0.5", "null", "true"):
        assert parse(f"[{said}, {beside}]").texts == ["a", "b"]


def listed(**pairs):
    return [{"text": text, "probability": number} for text, number in pairs.items()]


@pytest.mark.parametrize(
    "answer",
    [
        dump({"ideas": listed(a=0.5, b=0.4), "final": listed(c=0.6, a=0.3)}),
        dump({"common": listed(a=0.5), "final_answers": listed(c=0.6, a=0.3)}),
        dump({"first draft": listed(a=0.5), "options": listed(c=0.6, a=0.3)}),
        dump(listed(a=0.5)) + "\n" + dump(listed(c=0.6, a=0.3)),
        dump(["b", "d"]) + "\n" + dump(listed(c=0.6, a=0.3)),
        dump(listed(c=0.6, a=0.3)) + "\n" + dump(["b", "d"]),
    ],
)
def test_of_several_lists_the_one_that_was_meant_counts(answer):
    assert [(c.text, c.probability) for c in parse(answer)] == [("c", 0.6), ("a", 0.3)]


def test_of_several_lists_without_a_word_all_count():
    both = dump(listed(a=0.5)) + "\n" + dump(listed(c=0.3))
    assert [c.text for c in parse(both)] == ["a", "c"]


@pytest.mark.parametrize("text_first", [True, False])
@pytest.mark.parametrize("head", ["[[responses]]", "[response_{}]"])
def test_records_hold_texts_that_look_like_another_notation(head, text_first):
    texts = ['{"a": 1}', "[1, 2]", "x = 3"]
    records = []
    for number, text in enumerate(texts, 1):
        fields = [f'text = """\n{text}\n"""', f"probability = 0.{number}"]
        records.append("\n".join([head.format(number), *fields[:: 1 if text_first else -1]]))
    found = [(c.text, c.probability) for c in parse("\n\n".join(records))]
    assert found == list(zip(texts, (0.1, 0.2, 0.3), strict=True))


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
@pytest.mark.parametrize("definition", [*DEFINITIONS, None])
@pytest.mark.parametrize("reasoning", [False, True])
@settings(max_examples=25)  # in each of the cells, of which there are dozens
@given(pairs=st.lists(st.tuples(simple, numbers), min_size=1, max_size=8))
def test_every_format_reads_what_it_writes(format, definition, reasoning, pairs):
    asked = None if definition is None else DEFINITIONS[definition]
    shape = Shape(k=len(pairs), definition=asked, reasoning=reasoning)
    scale = asked.scale if asked else "probability"
    raw = [1 / p if scale == "perplexity" else p for _, p in pairs]
    entries = [Entry(text, p) for (text, _), p in zip(pairs, raw, strict=True)]
    got = read(format.write(Reading(entries, "because"), shape), shape, format)
    assert [c.text for c in got] == [text for text, _ in pairs]
    assert (got.reasoning == "because") == reasoning
    if scale == "probability" and asked:
        assert [c.probability for c in got] == [p for _, p in pairs]
    if asked is None:
        assert {c.probability for c in got} == {None}


# --- hostile input -----------------------------------------------------------------------------

pieces = st.sampled_from(
    ["{", "}", "[", "]", '"', "'", ":", ",", "\\", "<", ">", "</", "<response>", "<text>", "\n",
     "```", "1. ", "- ", "(0.2)", "probability", "text", "responses", "0.5", "|", "--", "%",
     "<think>",
     "&lt;", "\ud800", "\x00", "/*", "//", "#", "“", "”", "9" * 40, "1e999", "null", "é", " "]
)  # fmt: skip


@given(st.text() | st.lists(pieces | st.text(max_size=3), max_size=60).map("".join))
def test_nothing_but_a_parse_error_ever_comes_out(text):
    for definition in ("explicit", "nll", "perplexity"):
        try:
            distribution = parse(text, probability=definition)
        except ParseError:
            continue
        assert len(distribution) > 0
        assert all(c.probability is None or 0 <= c.probability <= 1 for c in distribution)
        assert sum(distribution.weights) == pytest.approx(1)
        distribution.model_dump_json()


HOSTILE = {
    "nested lists": "[" * 100_000,
    "nested objects": '{"a":' * 100_000,
    "nested and closed": "[" * 100_000 + "]" * 100_000,
    "braces": "{" * 300_000,
    "closed braces": "{}" * 150_000,
    "quotes": '["' * 100_000,
    "many quotes": '{"text": "' + '" ' * 100_000,
    "backslashes": '{"text": "' + "\\" * 300_000,
    "NUL bytes": "\x00" * 300_000,
    "lone surrogates": '[{"text": "' + "\ud800" * 100_000 + '", "probability": 0.5}]',
    "a number": '[{"text": "a", "probability": ' + "9" * 300_000 + "}]",
    "digits in a string": '[{"text": "a", "probability": "' + "9" * 300_000 + '"}]',
    "classes": '{"__class__": {"__init__": "x"}}' * 5_000,
    "entities": "<!DOCTYPE x [" + '<!ENTITY a "&b;&b;">' * 10_000,
    "tags": "<response>" * 30_000,
    "closed tags": "<response><text></text></response>" * 10_000,
    "closing tags": "</response>" * 30_000,
    "angle brackets": "<" * 300_000,
    "spaces": " " * 300_000,
    "spaces in a tag": "<" + " " * 300_000 + "response>",
    "newlines": "\n" * 300_000,
    "items": "1. \n" * 50_000,
    "numbers in brackets": "(0.1" * 100_000,
    "dashes": "-" * 300_000,
    "rules": "|--" * 100_000,
    "comments": "[" + "/*" * 100_000,
    "slashes": "[" + "/" * 300_000,
    "thoughts": "<think>" * 50_000,
    "fences": "```\n" * 75_000,
    "probability": "probability: " * 20_000,
    "number lines": "Probability: 0.1\n" * 20_000,
    "number lines and texts": "a\nProbability: 0.1\n" * 10_000,
    "reasoning tags": "<reasoning>" * 30_000,
    "closed reasoning tags": "<reasoning></reasoning>" * 15_000,
    "stars behind a label": "p" + "*" * 300_000,
    "spaces behind a label": "p" + " " * 300_000 + "x",
    "stars behind a marker": "Response 1" + "*" * 300_000,
    "stars": "*" * 300_000,
    "spaces in a line": "\n" + " " * 300_000 + "x",
    "spaces in a table": "a|p\n" + " " * 300_000 + "|--",
    "colons behind a label": "1. text" + ":" * 300_000,
    "keys": "{" + '"a": 1, ' * 40_000,
    "commas": "[" + "," * 300_000,
    "colons": "{" + ":" * 300_000,
    "lists between objects": '{"a": 0.5}\n["x", "y"]\n' * 15_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_input_ends_as_a_distribution_or_a_short_error(text):
    # Nothing is timed here, but what is quadratic would not end in a test run's time.
    assert outcome(text)


def outcome(text: str) -> str:
    """What parsing gives, as JSON, or the message of its error, which is short."""
    try:
        return parse(text).model_dump_json()
    except ParseError as error:
        return str(error) if len(str(error)) < 500 else ""


def test_of_a_great_many_candidates_some_tell_that_their_numbers_are_no_probabilities():
    count = 2 * MANY

    def listed(number: str) -> str:
        return "\n".join(f"{at}. item {at} ({number})" for at in range(1, count + 1))

    def lines(number: str) -> str:
        return "\n".join(f"item {at}: {number}" for at in range(1, count + 1))

    for write in (listed, lines):
        assert len(parse(write(str(1 / count)))) == count
        assert len(parse(write("p = 0.5"))) == count
        with pytest.raises(ParseError):
            parse(write("0.5"))
        assert len(parse(write("0.5"), k=count)) == count
        assert len(parse(write("0.5"), format="lines")) == count


def test_a_great_many_candidates_are_read_as_if_all_ways_to_read_them_were_tried(monkeypatch):
    answers = ["\n".join([case.answer] * 25) for case in list(combined.cases())[::80]]
    found = [outcome(answer) for answer in answers]
    monkeypatch.setattr(cutting, "MANY", 10**9)
    others = sum(text != outcome(answer) for text, answer in zip(found, answers, strict=True))
    assert others <= len(answers) / 100
    assert sum(text.count('"probability"') >= MANY for text in found) > len(answers) / 3


def test_what_was_cut_off_before_its_first_letter_is_no_candidate():
    shape = Shape(k=2, fields=("response",))
    with pytest.raises(ParseError):
        read('{"candidates":[{"response":"', shape)
    first = '{"candidates":[{"response":"Ohio","probability":0.2},{"response":"'
    assert [c.text for c in read(first, shape)] == ["Ohio"]


def test_a_limit_is_said_and_can_be_set():
    with pytest.raises(ParseError, match="over the limit of 100"):
        parse("x" * 101, limit=100)
    assert len(parse(WHOLE, limit=len(WHOLE))) == 3


@pytest.mark.parametrize("raw", [None, 5, b"[]", ["a"]])
def test_an_answer_is_a_string(raw):
    with pytest.raises(ParseError, match="string"):
        parse(raw)


def test_unknown_names_are_refused():
    with pytest.raises(ConfigurationError):
        parse(WHOLE, format="jsn")
    with pytest.raises(ConfigurationError):
        parse(WHOLE, probability="odds")


def test_a_quotation_in_a_list_and_a_number_in_a_text_are_of_the_text():
    item = 'The "quoted" end — probability: 0.01'
    got = parse(f"1. {item}\n2. {item}")
    assert [(c.text, c.probability) for c in got] == [('The "quoted" end', 0.01)] * 2

    ends = "1. The end (probability: 0.2)\n2. Tho end (probability: 0.1)\n3. "
    cut_off = parse(f"{ends}The 50% — e")
    assert [(c.text, c.probability) for c in cut_off][-1] == ("The 50% — e", None)
    assert cut_off.repairs
    whole = parse(f"{ends}The 50% — end (probability: 0.05)")
    assert [(c.text, c.probability) for c in whole][-1] == ("The 50% — end", 0.05)


@pytest.mark.parametrize("text", ["1. Ohio (0.2)", "- Ohio (20%)"])
def test_a_list_of_one_is_a_distribution_and_a_sentence_is_none(text):
    assert [(c.text, c.probability) for c in parse(text)] == [("Ohio", 0.2)]
    for other in ("1. Ohio (2019)", "1. Python (3.11)", "See section 1 (0.5) for more."):
        with pytest.raises(ParseError):
            parse(other)


@pytest.mark.parametrize("item", ["A", "a!", "Why?"])
@pytest.mark.parametrize("k", [None, 1, 2])
def test_a_short_item_behind_reasoning_is_no_line_of_numbers(item, k):
    text = f"Reasoning: because\n\n1. {item} (confidence: 0.5)"
    found = parse(text, k=k, format="lines", probability="confidence")
    assert [(c.text, c.probability) for c in found] == [(item, 0.5)]


def test_a_line_too_long_for_the_csv_module_is_no_failure_of_the_format():
    with pytest.raises(ParseError) as raised:
        parse("a" * 140_000 + ", b, c\nd, e, f\n")
    assert "failed" not in str(raised.value)
    assert "refusal or prose" in str(raised.value)


def test_a_record_without_a_number_among_others_is_read_and_not_opened_for_ever():
    answer = dump(
        [{"slogan": "x", "tone": "dry"}, {"slogan": "y", "tone": "dry", "probability": 0.25}]
    )
    found = parse(answer, fields=("slogan", "tone"))
    assert [candidate.value for candidate in found] == [
        {"slogan": "x", "tone": "dry"},
        {"slogan": "y", "tone": "dry"},
    ]
    assert [candidate.probability for candidate in found] == [None, 0.25]


def test_the_earlier_name_of_a_reading_still_works():
    assert formats.Answer is formats.Reading


def calls_to_read(text):
    profile = cProfile.Profile()
    with suppress(ParseError), profile:
        parse(text)
    return sum(entry.callcount for entry in profile.getstats())


@pytest.mark.parametrize(
    "around", ["<td>Ohio</td><td>0.5</td>{}<td>0.3</td>", "<li>Ohio (0.5){}<li>x"]
)
def test_white_space_in_one_line_is_read_at_all(around):
    """Patterns that tried it from each of its characters would not come back from this."""
    answer = f"<ul>{around.format(' ' * 19_000)} (0.3)</ul>"
    with suppress(ParseError):
        assert parse(answer).texts


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_four_times_as_long_takes_four_times_the_steps(kind):
    short, long = (calls_to_read(answer_of(KINDS[kind], size)) for size in (2_000, 8_000))
    assert long < 6 * short + 2_000


@pytest.mark.parametrize(
    "answer",
    [
        "answer,probability\nTea,0.6\n   \nCoffee,0.4",
        '"answer", "probability, as a decimal"\n"Tea", 0.6\n"Coffee", 0.4',
        '"p", "the answer, in full"\n0.6, "Tea"\n0.4, "Coffee"',
        '[{"text”: "Tea", "probability": 0.6}, {"text": "Coffee", "probability”: 0.4}]',
        "1. Tea -- probability 0.6\n2. Coffee -- (0.4)",
        "1. Tea --probability 0.6\n2. Coffee --probability: 0.4",
    ],
    ids=[
        "a row of blanks", "a comma in a quoted header", "a comma behind the number's column",
        "a key closed by another quote", "two dashes before a number", "two dashes before a label",
    ],
)  # fmt: skip
def test_what_stands_around_texts_and_numbers_is_of_neither(answer):
    assert [(c.text, c.probability) for c in parse(answer)] == [("Tea", 0.6), ("Coffee", 0.4)]


@pytest.mark.parametrize(
    ("numbers", "read"),
    [((0.5, 0.43), False), ((0.5, 0.44), True), ((0.5, 0.56), True), ((0.5, 0.57), False),
     ((50, 43), False), ((50, 45), True), ((50, 56), True), ((50, 58), False)],
)  # fmt: skip
def test_lines_of_texts_and_bare_numbers_are_a_distribution_if_these_sum_to_about_one(
    numbers, read
):
    answer = "\n".join(
        f"{text}: {number}" for text, number in zip(("Tea", "Coffee"), numbers, strict=True)
    )
    if read:
        assert parse(answer).texts == ["Tea", "Coffee"]
    else:
        with pytest.raises(ParseError):
            parse(answer)


@pytest.mark.parametrize("inner", ['{"a": {"b": 1]}}', '{"a": {"b": {"c": 1]}}}'])
def test_a_bracket_too_many_closes_no_list_that_is_far_out(inner):
    first = f'{{"text": "Tea", "notes": {inner}, "probability": 0.6}}'
    found = parse(f'[{first}, {{"text": "Coffee", "probability": 0.4}}]')
    assert found.texts == ["Tea", "Coffee"]
    assert found.repairs == ("stray bracket left out",)
