"""What parsing costs, as ratios to named baselines in the same run.

Run: python -m tests.benchmarks.bench_parsing

Medians of samples of at least 2 ms (one call may be too short to time), ours and the baseline's in
turn. The answer has five candidates of about 600 characters. No answer of the growth and of the
hostile inputs is read twice, for what lines hold is remembered.
"""

from __future__ import annotations

import itertools
import json
import statistics
import time
from collections.abc import Callable
from contextlib import suppress

import json_repair
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from pydantic import BaseModel
from pydantic_core import from_json

from vs_core import ParseError, StreamParser, parse
from vs_core.formats import Entry, Json, Lines, Reading, Shape, Tags

TEXT = "The rain had stopped, and the street was full of small mirrors. "
ENTRIES = [Entry(f"{number}. {TEXT * 9}".strip(), 0.2) for number in range(5)]
CLEAN = Json().write(Reading(ENTRIES), Shape())
TRUNCATED = CLEAN[:-300]


class Response(BaseModel):
    text: str
    probability: float


class Responses(BaseModel):
    responses: list[Response]


def seconds(work: Callable[[], object], times: int = 1) -> float:
    """Seconds of one call, from ``times`` calls in a row."""
    begin = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - begin) / times


def compare(title: str, ours: Callable[[], object], base: Callable[[], object], runs: int) -> None:
    times = [max(1, round(0.002 / min(seconds(work), seconds(work)))) for work in (ours, base)]
    pairs = [(seconds(ours, times[0]), seconds(base, times[1])) for _ in range(runs)]
    a, b = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = f"{a / b:8.1f}x slower" if a > b else f"{b / a:8.1f}x faster"
    print(f"{title:<56}{a * 1e6:11.1f} µs {b * 1e6:11.1f} µs {ratio}")


def in_prose(text: str) -> None:
    """Read an answer that is not just what was asked for, which takes the weighing of readings."""
    parse(f"Here you are:\n\n{text}\n\nAnything else?")


def stream(text: str, size: int = 1) -> None:
    parser = StreamParser()
    for at in range(0, len(text), size):
        parser.feed(text[at : at + size])
    parser.close()


def langchain_stream(text: str) -> None:
    list(JsonOutputParser().transform(iter(text)))


def blocks(answer: Reading) -> str:
    return "\n\n".join(
        f"Response {number}\nText: {entry.text}\nProbability: {entry.probability}"
        for number, entry in enumerate(answer.entries, 1)
    )


WRITERS: dict[str, Callable[[Reading], str]] = {
    "json": lambda answer: Json().write(answer, Shape()),
    "tags": lambda answer: Tags().write(answer, Shape()),
    "lines": lambda answer: Lines().write(answer, Shape()),
    "blocks": blocks,
}
numbers = itertools.count()
FENCED_KILOBYTES = (3, 30, 100)
"""The time of LangChain's parser grew with the square of a fenced answer in its older versions."""


def fenced(kilobytes: int) -> str:
    answer = json.loads(Json().write(answer_of(kilobytes), Shape()))
    return f"Sure, here you go:\n```json\n{json.dumps(answer, indent=2)}\n```"


def answer_of(kilobytes: int) -> Reading:
    """An answer of texts that no other has."""
    count = max(1, kilobytes * 1000 // 250)
    return Reading([Entry(f"{TEXT * 3}Street {next(numbers)}.", 0.001) for _ in range(count)])


def scaling() -> None:
    print(
        f"\n{'growth: µs per KB':<24}",
        *(f"{size:>10}" for size in ("1 KB", "10 KB", "100 KB", "1 MB")),
    )
    for title, write in WRITERS.items():
        for name, work in (("whole", parse), ("in prose", in_prose), ("streamed", stream)):
            cells = []
            for kilobytes in (1, 10, 100, 1000):
                texts = [write(answer_of(kilobytes)) for _ in range(max(3, 20 // kilobytes))]
                spent = statistics.median(seconds(lambda t=t, w=work: w(t)) for t in texts)
                cells.append(f"{spent * 1e6 / (len(texts[0]) / 1000):10.1f}")
            print(f"{title + ', ' + name:<24}", *cells)


# Pieces that a hostile answer repeats; {} is a number that is never the same.
PIECES = (
    "{}\n", "{}%\n", "1 in {}\n", "1/{}\n", "~.{}\n", "`.{}`\n", "p: .{}\n", "a={}\n",
    "確率: .{}\n", "a\n.{}\n", ".{}\na\n", "a\t.{}\n", "a,.{}\n", "a|.{}\n", "- a: .{}\n",
    "1. a (.{})\n", "# a\n.{}\n", "Text: a\nP: .{}\n", "- text: a\n  p: .{}\n", "<p>.{}</p>",
    '["a", .{}],', '{{"a": .{}}}', "a {} ",
)  # fmt: skip


def hostile(size: int = 20_000) -> None:
    print("\nshort pieces repeated: µs per character, the slowest first")
    spent = {}
    for piece, head in itertools.product(PIECES, ("", "1. a (0.5)\n")):
        count = size // len(piece.format(1000))
        text = head + "".join(piece.format(next(numbers) % 10_000) for _ in range(count))
        begin = time.perf_counter()
        with suppress(ParseError):
            parse(text)
        spent[head + piece] = (time.perf_counter() - begin) * 1e6 / len(text)
    for text, cost in sorted(spent.items(), key=lambda pair: -pair[1])[:8]:
        print(f"{text!r:<40}{cost:8.2f}")


def main() -> None:
    print(f"answer of {len(CLEAN)} characters; ours, baseline, ratio of medians")
    compare("clean JSON / pydantic_core.from_json", lambda: parse(CLEAN),
            lambda: from_json(CLEAN), 50)  # fmt: skip
    typed = PydanticOutputParser(pydantic_object=Responses)
    compare("clean JSON / LangChain PydanticOutputParser", lambda: parse(CLEAN),
            lambda: typed.parse(CLEAN), 50)  # fmt: skip
    for kilobytes in FENCED_KILOBYTES:
        text = fenced(kilobytes)
        compare(f"fenced JSON of {kilobytes} KB / LangChain JsonOutputParser",
                lambda t=text: parse(t), lambda t=text: JsonOutputParser().parse(t),
                max(5, 60 // kilobytes))  # fmt: skip
    compare("truncated JSON / json_repair", lambda: parse(TRUNCATED),
            lambda: json_repair.loads(TRUNCATED), 50)  # fmt: skip
    compare("streamed by characters / LangChain JsonOutputParser", lambda: stream(CLEAN),
            lambda: langchain_stream(CLEAN), 3)  # fmt: skip
    scaling()
    hostile()


if __name__ == "__main__":
    main()
