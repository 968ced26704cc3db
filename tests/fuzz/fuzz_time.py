"""Search for answers that take more than linear time: short pieces, repeated by the thousand.

Run: python -m tests.fuzz.fuzz_time [--seconds 600] [--seed 1] [--how parse|strict|stream]

Counting steps does not see what a pattern does within one match, so this takes the time. It builds
pieces of the marks, labels and numbers that formats are made of, puts each behind a beginning that
a format would have, and reads it at two sizes. Shown is what takes more than ``--most``
microseconds a character at both, or grows; each with the code that makes it again.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import Annotated, Any

import typer

from tests.hostile import KINDS
from vs_core import StreamParser, VSError, parse

CHARACTERS = (
    " \n\t\r*_`\"'()[]{}<>|:=,;.-–~≈#%$/\\@!?&+^0123456789aA（）【】：、“”«»…·→\u200b\u00a0İé가⅓¹"
)
PIECES = (
    *CHARACTERS, *(piece.format(7) for piece in KINDS.values()),
    "1. ", "2) ", "- ", "# ", "** ", "```", "---", "a ", "Probability: ", "(0.2)", "0.5, ", "20%",
    "1 in 5", "1/", "e-", "text", "<text>", "</text>", "<response>", "</response>", '{"text": "',
    "<probability>", '"probability": 0.2', '", "', '\\"', "//", "/*", "*/", "True", "null",
    "<think>", "</think>", "final answer", "Draft: ", "texto", "P(", "dict(", "[[", '(("', "key: ",
    "- text: ", "a = 1\n", "\\boxed{", "BEGIN\n", "END", "<|im_end|>", "wahrscheinlichkeit",
)  # fmt: skip
BEGINNINGS = (
    "", "1. Ohio (0.2)\n2. ", '{"responses": [{"text": "', "<response><text>", "| a | 0.2 |\n| ",
    "text: a\nprobability: 0.2\n", '- text: "', "Probability: 0.6\nParis\n\n", '[("a", 0.2), (',
    "```json\n{", "a,0.2\nb,", "1: 0.2\n2: ", "Ohio (0.2), Texas (0.3), ", "<think>", "$$\n",
    "Here are 5:\n\n1. ", '{"a": 0.5, "', "P(a) = 0.2\nP(", "**Ohio** - 0.2\n**",
)  # fmt: skip
ENDS = ("", "\n", "x", "0.2)\n2. b (0.3)", '"}]}', "</text>", "\n3. c (0.2)")
SIZE = 8_000
LONGEST = 20.0
"""Seconds after which an answer is given up."""


def read_whole(text: str) -> None:
    parse(text)


def read_strictly(text: str) -> None:
    parse(text, k=5, strict=True)


def read_streamed(text: str) -> None:
    parser = StreamParser()
    step = max(1, len(text) // 40)
    for at in range(0, len(text), step):
        parser.feed(text[at : at + step])
    parser.close()


class How(str, Enum):
    """What reads."""

    parse = "parse"
    strict = "strict"
    stream = "stream"


READERS = {How.parse: read_whole, How.strict: read_strictly, How.stream: read_streamed}


class GivenUp(BaseException):
    """The time is over; no handler of what is under test stops it."""


def give_up(*_: Any) -> None:
    raise GivenUp


def a_character(read: Callable[[str], None], text: str) -> float:
    """Microseconds of processor time a character."""
    begin = time.process_time()
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        with suppress(VSError, GivenUp):
            read(text)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return (time.process_time() - begin) * 1e6 / len(text)


def attack(rng: random.Random) -> tuple[str, str, str]:
    """A beginning, what is repeated behind it, and an end."""
    piece = "".join(rng.choices(PIECES, k=rng.choice((1, 1, 2, 2, 3, 4, 6))))
    if rng.random() < 0.3:
        piece = rng.choice(PIECES) * rng.choice((20, 79, 300, 2_000, 20_000)) + piece
    begin = rng.choice(BEGINNINGS)
    if rng.random() < 0.4:
        begin = "".join(rng.choices(PIECES, k=rng.randint(1, 6)))
    return begin, piece, rng.choice(ENDS)


def main(
    seconds: Annotated[float, typer.Option(help="How long to search.")] = 600,
    seed: Annotated[int, typer.Option(help="Of what is tried.")] = 1,
    how: Annotated[How, typer.Option(help="What reads.")] = How.parse,
    most: Annotated[float, typer.Option(help="Microseconds a character.")] = 20,
) -> None:
    signal.signal(signal.SIGALRM, give_up)
    rng, read = random.Random(seed), READERS[how]
    a_character(read, "1. a (0.5)\n2. b (0.5)")  # imports
    tried = shown = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begin, piece, close = attack(rng)
        short, long = (
            begin + piece * max(1, times * SIZE // len(piece)) + close for times in (1, 4)
        )
        tried += 1
        if a_character(read, short) < most:
            continue
        spent = a_character(read, short), a_character(read, long)  # not by chance
        if min(spent) > most or spent[1] > 1.6 * max(most, spent[0]):
            shown += 1
            print(
                f"{spent[0]:.1f} -> {spent[1]:.1f} µs a character: {begin!r}, {piece!r}, {close!r}"
            )
    print(f"{tried} tried ({how.value}, seed {seed}), {shown} shown")
    raise typer.Exit(shown > 0)


if __name__ == "__main__":
    typer.run(main)
