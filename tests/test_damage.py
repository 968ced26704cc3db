"""Write, damage, read: a damaged answer is read right, or says that it was mended, or is an error.

Every format writes an answer, which is then harmed in the ways in which models, prompts and clients
harm it. What matters is that no wrong text ever comes out without a word about it, and that a
stream gives early what the whole gives.
"""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vs_core import ParseError, StreamParser, parse
from vs_core.formats import Entry, Json, Lines, Reading, Shape, Tags
from vs_core.formats.base import CUT_OFF
from vs_core.formats.lists import UNMARKED

FORMATS = {"json": Json(), "tags": Tags(), "lines": Lines()}

WORDS = (
    "Ohio", "New", "Mexico", "kettle", "it's", "rain;", "(maybe)", '"quoted"', "[note]", "1984",
    "why?", "no!", "a/b", "50%", "C++", "#1", "über", "東京", "&", "{x}", "*star*", "e.g.", "—",
    "2.", "night:", "well,",
)  # fmt: skip
inner = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
# A text begins and ends with a plain word: what stands beside the marks of a list is told apart
# from them by what the other items have, and the corpora have such texts.
texts = inner.map(lambda words: f"The {words} end" if words else "The end")
numbers = st.integers(1, 99).map(lambda percent: percent / 100)
answers = st.lists(st.tuples(texts, numbers), min_size=2, max_size=5)


def written(name, pairs):
    answer = Reading([Entry(text, number) for text, number in pairs])
    return FORMATS[name].write(answer, Shape(k=len(pairs)))


# --- what surrounds an answer, or sets it differently: all of it is still there -----------------

AROUND = {
    "in a fence": "```\n{}\n```",
    "in a named fence": "Sure:\n```json\n{}\n```\nEnjoy!",
    "in a fence of tildes": "~~~\n{}\n~~~",
    "in a fence that stays open": "```\n{}",
    "behind prose": "Sure! Here they are:\n\n{}",
    "before prose": "{}\n\nLet me know if you want more.",
    "behind thoughts": "<think>1. A draft (probability: 0.2)</think>\n{}",
    "before a total": "{}\n\nTotal: 1.0",
    "before a sum": "{}\nSum of probabilities: 0.95",
    "before blank lines": "{}   \n\n\n",
}


def indented(answer):
    return "\n".join(f"  {line}" for line in answer.split("\n"))


def marked(mark):
    """A list with another mark; ``{}`` in it stands for the number."""
    return lambda answer: re.sub(r"^(\d+)\.", lambda m: mark.format(m[1]), answer, flags=re.M)


def lettered(mark):
    """A list with letters; ``{}`` in the mark stands for the letter."""
    return lambda answer: re.sub(
        r"^(\d+)\.", lambda m: mark.format("_abcde"[int(m[1])]), answer, flags=re.M
    )


def numbered(way):
    """A list with its numbers in another place."""
    return lambda answer: re.sub(r" \(probability: ([\d.]+)\)", way, answer)


def as_json_lines(answer):
    return "\n".join(
        json.dumps(each, ensure_ascii=False) for each in json.loads(answer)["responses"]
    )


SET = {
    "json": {
        "trailing commas": lambda answer: answer.replace("}]", "},]"),
        "Python literal": lambda answer: str(json.loads(answer)),
        "missing commas": lambda answer: answer.replace("}, {", "} {"),
        "indented": lambda answer: json.dumps(json.loads(answer), indent=2),
        "JSON lines": as_json_lines,
        "comments": lambda answer: answer.replace("}, {", "}, // next\n{"),
        "missing brackets": lambda answer: answer[:-2],
        "typographic quotes": lambda answer: re.sub(r'"(text|probability)"', r"“\1”", answer),
        "in a JSON string": json.dumps,
    },
    "tags": {
        "one element not closed": lambda answer: answer.replace("</text>", "", 1),
        "no element closed": lambda answer: answer.replace("</response>", ""),
        "wrapped": "<responses>\n{}\n</responses>".format,
        "escaped": lambda answer: answer.replace("&", "&amp;"),
        "indented": indented,
        "blank lines": lambda answer: answer.replace("\n", "\n\n"),
        "carriage returns": lambda answer: answer.replace("\n", "\r\n"),
    },
    "lines": {
        "1)": marked("{})"), "(1)": marked("({})"), "**1.**": marked("**{}.**"),
        "[1]": marked("[{}]"), "#1": marked("#{}"), "-": marked("-"), "*": marked("*"),
        "•": marked("•"), "a)": lettered("{})"), "[a]": lettered("[{}]"),
        "unmarked": lambda answer: re.sub(r"^\d+\. ", "", answer, flags=re.M),
        "label": marked("Response {}:"), "heading": marked("## {}.\n"),
        "bracketed": numbered(r" (\1)"), "square": numbered(r" [p = \1]"),
        "below": numbered(r"\n   Probability: \1"), "label behind": numbered(r" — probability: \1"),
        "quoted": lambda answer: re.sub(r"The( .*)? end", r'"\g<0>"', answer),
        "bold": lambda answer: re.sub(r"The( .*)? end", r"**\g<0>**", answer),
        "indented": indented,
        "blank lines": lambda answer: answer.replace("\n", "\n\n"),
        "carriage returns": lambda answer: answer.replace("\n", "\r\n"),
    },
}  # fmt: skip
HARMLESS = [
    *((name, what, around.format) for name in FORMATS for what, around in AROUND.items()),
    *((name, what, change) for name, changes in SET.items() for what, change in changes.items()),
]


@pytest.mark.parametrize(
    ("name", "change"), [(n, c) for n, _, c in HARMLESS], ids=[f"{n}, {w}" for n, w, _ in HARMLESS]
)
@settings(max_examples=12)
@given(pairs=answers, size=st.sampled_from([1, 4, 30]))
def test_what_only_looks_different_is_read_right(name, change, pairs, size):
    answer = change(written(name, pairs))
    got = parse(answer, k=len(pairs))
    assert [(each.text, each.probability) for each in got] == pairs
    assert streamed(answer, size, k=len(pairs)) == got


# --- what harms an answer ---------------------------------------------------------------------


def around(answer, pairs):
    """Where an answer may be harmed without harming a text: nobody could see that."""
    written = {form for text, _ in pairs for form in (text, text.replace('"', '\\"'))}
    inside = [match.span() for text in written for match in re.finditer(re.escape(text), answer)]
    return [
        at for at in range(len(answer)) if not any(a - 1 <= at <= b for a, b in inside)
    ]  # fmt: skip


def cut(answer, _, data):
    return answer[: data.draw(st.integers(0, len(answer)))]


def without_a_character(answer, pairs, data):
    at = data.draw(st.sampled_from(around(answer, pairs)))
    return answer[:at] + answer[at + 1 :]


def with_a_quote(answer, pairs, data):
    at = data.draw(st.sampled_from(around(answer, pairs)))
    return f'{answer[:at]}"{answer[at:]}'


def with_doubled_quotes(answer, *_):
    return answer.replace('"', '""')


def without_a_line(answer, _, data):
    lines = answer.split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    return "\n".join(lines[:at] + lines[at + 1 :])


def said_twice(answer, *_):
    return f"{answer}\n{answer}"


HARMS = (
    *((name, harm) for name in FORMATS for harm in (cut, said_twice)),
    ("json", without_a_character), ("json", with_a_quote), ("json", with_doubled_quotes),
    ("tags", without_a_line), ("lines", without_a_line),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "harm"), HARMS, ids=[f"{name}, {harm.__name__}" for name, harm in HARMS]
)
@settings(max_examples=20)
@given(pairs=answers, hinted=st.booleans(), data=st.data())
def test_no_wrong_text_comes_without_a_word(name, harm, pairs, hinted, data):
    answer = harm(written(name, pairs), pairs, data)
    hints = {"k": len(pairs)} if hinted else {}
    try:
        got = parse(answer, **hints)
    except ParseError:
        with pytest.raises(ParseError):
            streamed(answer, 4, gaps=True, **hints)
        return
    assert got.repairs or set(got.texts) <= {text for text, _ in pairs}
    assert streamed(answer, 4, gaps=True, **hints) == got


def streamed(answer, size, *, gaps=False, **hints):
    """What a stream of pieces gives in the end, and that what it gave on the way is part of it.

    Where an answer is harmed, it may give a candidate no sooner than in the end: with gaps.
    """
    parser = StreamParser(**hints)
    pieces = (answer[at : at + size] for at in range(0, len(answer), size))
    early = [candidate.text for piece in pieces for candidate in parser.feed(piece)]
    whole = parser.close()
    rest = iter(whole.texts)
    in_order = all(text in rest for text in early) if gaps else early == whole.texts[: len(early)]
    assert whole.repairs or in_order
    return whole


@pytest.mark.parametrize("mark", ["{})", "({})", "[{}]"])
def test_letters_that_do_not_run_on_are_part_of_the_texts(mark):
    texts = [f"{mark.format('q')} Ohio", f"{mark.format('b')} Utah"]
    assert parse(f"{texts[0]} (0.5)\n{texts[1]} (0.3)").texts == texts


def test_a_number_in_what_stands_above_unmarked_lines_is_no_probability():
    assert parse("3 states\nOhio (0.5)\nUtah (0.3)").texts == ["Ohio", "Utah"]


# --- what these properties found ----------------------------------------------------------------


def test_a_list_that_ends_within_an_item_keeps_its_marks_apart():
    got = parse("1. Ohio (probability: 0.5)\n2. Utah (probability: 0.3)\n3. West Virg")
    assert got.texts == ["Ohio", "Utah", "West Virg"]
    assert "1 of 3 candidates without a probability" in got.repairs


@pytest.mark.parametrize("end", ["0.", "0.2", "0.25"])
def test_a_number_whose_bracket_never_closes_may_be_cut_off(end):
    first, last = parse(f"1. Ohio (probability: 0.5)\n2. Utah (probability: {end}")
    assert (first.repairs, last.repairs) == ((), (CUT_OFF,))
    assert last.text == "Utah"


@pytest.mark.parametrize("name", FORMATS)
def test_an_answer_that_is_said_twice_is_read_once_or_twice(name):
    pairs = [("Ohio", 0.5), ("New Mexico", 0.3)]
    got = parse(said_twice(written(name, pairs)), k=2)
    assert got.texts in (["Ohio", "New Mexico"], ["Ohio", "New Mexico"] * 2)
    assert got.repairs or name == "tags"


def test_a_stream_with_carriage_returns_gives_what_the_whole_gives():
    answer = "1. Ohio — (probability: 0.5)\r\n2. Utah — (probability: 0.3)\r\n3. Iowa (0.1)"
    assert streamed(answer, 5).texts == ["Ohio", "Utah", "Iowa"]


# --- one mark is missing --------------------------------------------------------------------------

THREE = [("Ohio", 0.5), ("New Mexico", 0.3), ("Utah", 0.1)]
MARKS = [
    *(("lines", f"{i}. ", "") for i in (1, 2, 3)),
    ("tags", "<text>", "text>"), ("tags", "<text>", "<text"), ("tags", "</text>", "/text>"),
    ("tags", "</text>", "</text"), ("tags", "</text>", "<text>"), ("tags", "</text>", "</txt>"),
    ("tags", "</text>", "</response>"), ("tags", "<text>", ""), ("tags", "<response>", ""),
    ("tags", "<response>", "<response"), ("tags", "<probability>", "probability>"),
    ("json", '"probability":', '"probability"'), ("json", '"text":', '"text"'),
    ("json", '"probability":', '"probability:'), ("json", '"probability":', 'probability":'),
    ("json", '"text":', '"text:'), ("json", '"text":', 'text":'),
    ("json", '", "probability"', ', "probability"'), ("json", "}, {", ", {"),
    ("json", "}, {", ", "),
]  # fmt: skip


@pytest.mark.parametrize("hints", [{}, {"k": 3}, {"k": 5}], ids=["no k", "k", "other k"])
@pytest.mark.parametrize(("name", "mark", "damaged"), MARKS)
def test_what_lacks_one_mark_is_mended(name, mark, damaged, hints):
    answer = written(name, THREE)
    assert mark in answer
    harmed = answer.replace(mark, damaged, 1)
    got = parse(harmed, **hints)
    assert [(each.text, each.probability) for each in got] == THREE
    assert streamed(harmed, 5, gaps=True, **hints) == got


@pytest.mark.parametrize("style", ["- ", "* ", "• "])
@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_line_of_a_list_that_lacks_its_bullet_is_a_candidate_and_on_record(style, lost):
    lines = [f"{style}{text} (probability: {p})" for text, p in THREE]
    lines[lost] = lines[lost].removeprefix(style)
    got = parse("\n".join(lines))
    assert [(each.text, each.probability) for each in got] == THREE
    assert UNMARKED in got.repairs


@pytest.mark.parametrize("numbering", ["1.{}", "1.{}.", "{}.1"])
def test_numbers_in_two_parts_are_marks_where_they_count_on(numbering):
    answer = "\n".join(
        f"{numbering.format(at)} {text} (probability: {p})" for at, (text, p) in enumerate(THREE, 1)
    )
    assert parse(answer).texts == ["Ohio", "New Mexico", "Utah"]


def test_numbers_in_two_parts_that_do_not_count_on_are_texts():
    assert parse("3.5 litres (probability: 0.5)\n2.2 miles (probability: 0.3)").texts == [
        "3.5 litres", "2.2 miles",
    ]  # fmt: skip


SAID = {
    "tags": lambda: said_twice(written("tags", THREE)),
    "JSON Lines": lambda: said_twice(as_json_lines(written("json", THREE))),
    "a draft and the same": lambda: written("tags", THREE) + "\n\n" + written("tags", THREE),
}


@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize("size", [1, 7, 4000])
def test_what_is_said_twice_is_read_once_and_streamed_once(name, size):
    got = streamed(SAID[name](), size)
    assert [(each.text, each.probability) for each in got] == THREE
    assert "said twice, read once" in got.repairs


def test_what_is_said_twice_is_read_twice_where_so_many_were_asked_for():
    assert len(parse(SAID["tags"](), k=6)) == 6


@pytest.mark.parametrize(
    "answer",
    [
        "1. Ohio\n2. New Mexico\n3. Utah\n\nProbabilities:\n1. 0.5\n2. 0.3\n3. 0.1",
        "1. Ohio\n2. New Mexico\n3. Utah\n\nProbabilities: 0.5, 0.3, 0.1",
        "Probabilities: 0.5, 0.3, 0.1\n\n1. Ohio\n2. New Mexico\n3. Utah",
        "Responses:\n- Ohio\n- New Mexico\n- Utah\n\nProbabilities:\n- 0.5\n- 0.3\n- 0.1",
        "texts:\n- Ohio\n- 'New Mexico'\n- Utah\nprobabilities:\n- 0.5\n- 0.3\n- 0.1",
        "texts = [\n  'Ohio', 'New Mexico',\n  'Utah',\n]\nprobabilities = [0.5, 0.3, 0.1]",
    ],
)
def test_texts_and_probabilities_in_two_lists_belong_together_by_their_order(answer):
    assert [(each.text, each.probability) for each in parse(answer)] == THREE


@pytest.mark.parametrize("hints", [{}, {"k": 5}], ids=["no k", "other k"])
def test_what_introduces_a_list_is_no_text_where_numbers_come_first(hints):
    answer = "responses:\n- probability: 0.5\n  text: Ohio\n- probability: 0.3\n  text: Utah"
    assert parse(answer, **hints).texts == ["Ohio", "Utah"]


def test_a_key_said_twice_in_an_object_counts_as_it_was_said_last():
    first = '{"text": "Ohio", "probability": 0.9, "probability": 0.5}'
    got = parse(f'[{first}, {{"text": "Utah", "probability": 0.3}}]')
    assert [each.probability for each in got] == [0.5, 0.3]


# --- YAML ----------------------------------------------------------------------------------------

LONG = "The morning Harold found the silver locket on his doorstep, he realized, too late, that"
FOLDED = [
    "A\nB",
    "Para one.\n\nPara two.",
    LONG + " it was his.",
    'He said "no"\tand left\n',
    "it's",
]


@pytest.mark.parametrize("flip", [False, True], ids=["text first", "number first"])
@pytest.mark.parametrize("style", [None, "|"])
def test_what_a_writer_of_yaml_folds_is_read_as_it_was(flip, style):
    yaml = pytest.importorskip("yaml")
    pairs = list(zip(FOLDED, (0.3, 0.25, 0.2, 0.15, 0.1), strict=True))
    records = [
        dict(sorted({"text": text, "probability": p}.items(), reverse=not flip))
        for text, p in pairs
    ]  # fmt: skip

    class Writer(yaml.SafeDumper):
        pass

    if style:
        Writer.add_representer(
            str, lambda w, s: w.represent_scalar("tag:yaml.org,2002:str", s, style * ("\n" in s))
        )
    answer = yaml.dump({"responses": records}, Dumper=Writer, allow_unicode=True, sort_keys=False)
    got = parse(answer)
    assert [(each.text, each.probability) for each in got] == [(t.strip(), p) for t, p in pairs]


def test_short_lines_behind_a_key_keep_their_breaks():
    poem = "- text: Roses are red,\n    violets are blue\n  probability: 0.6"
    answer = f"{poem}\n- text: x\n  probability: 0.4"
    assert parse(answer).texts[0] == "Roses are red,\nviolets are blue"


def test_a_text_that_is_not_there_is_on_record():
    got = parse("- text:\n  probability: 0.6\n- text: Ohio\n  probability: 0.4")
    assert "" not in got.texts or "1 of 2 candidates without a text" in got.repairs
