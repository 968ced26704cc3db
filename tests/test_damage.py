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
