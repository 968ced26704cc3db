"""Showing hostile text."""

from hypothesis import given
from hypothesis import strategies as st

from vs_core import ParseError
from vs_core.display import printable, shorten


@given(st.text(), st.integers(3, 50))
def test_shortened_text_is_one_harmless_line(text, width):
    line = shorten(text, width)
    assert len(line) <= width
    assert "\n" not in line
    assert "\x1b" not in line
    line.encode("utf-8")


def test_both_ends_are_kept():
    line = shorten("begin " + "x" * 10_000 + " end", 40)
    assert line.startswith("begin")
    assert line.endswith("end")
    assert "…" in line


def test_ordinary_text_is_left_alone():
    assert printable("naïve 日本語 👩‍💻 ok\n") == "naïve 日本語 👩‍💻 ok\n"


def test_control_and_bidirectional_characters_are_spelled_out():
    assert printable("a\x1b[31m\u202eb\ud800") == "a\\x1b[31m\\u202eb\\ud800"


def test_an_error_shows_the_text_shortened():
    error = ParseError("the answer is odd", "x\x1b" * 10_000)
    assert len(str(error)) < 300
    assert "\x1b" not in str(error)
    assert "the answer is odd" in str(error)
