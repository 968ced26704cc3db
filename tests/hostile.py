"""Hostile answers: each repeats one short piece, with numbers that are never the same."""

KINDS = {
    "list items": "1. a (.{})\n",
    "bullets": "- a: .{}\n",
    "labels": "Text: a\nP: .{}\n",
    "YAML": "- text: a\n  p: .{}\n",
    "lines": "a{}\n",
    "numbers": ".{}\na\n",
    "headings": "# a\n.{}\n",
    "paragraphs": "a .{}\n\n",
    "quotations": "> {}\n",
    "pipes": "|{}",
    "rows": "|a|.{}|\n",
    "commas": "{},",
    "brackets": "(.{})",
    "open brackets": "[{}",
    "objects": '{{"a": .{}}}',
    "open objects": '{{"a{}": ',
    "strings": '"a{}" ' + " " * 70,
    "escaped quotes": '\\"{}',
    "tags": "<p>.{}</p>",
    "open tags": "<text>{}",
    "closing tags": "</text>{}",
    "asides": "<response>a<note>{}</note>",
    "thoughts": "<think>{}",
    "fences": "```\n{}\n",
    "spaces": " " * 60 + "{}",
    "words": "a {} ",
}
"""What is repeated; ``{}`` is a number."""


def answer_of(piece: str, size: int) -> str:
    """An answer of about ``size`` characters that repeats a piece."""
    count = size // len(piece.format(10_000))
    return "".join(piece.format(number) for number in range(10_000, 10_000 + count))
