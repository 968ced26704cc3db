"""What parsing costs, as ratios to named baselines in the same run.

Run: python -m tests.benchmarks.bench_parsing

Medians of samples of at least 2 ms (one call may be too short to time), ours and the baseline's in
turn. The answer has five candidates of about 600 characters.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import json_repair
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from pydantic import BaseModel
from pydantic_core import from_json

from vs_core import StreamParser, parse
from vs_core.formats import Answer, Entry, Json, Lines, Shape, Tags

TEXT = "The rain had stopped, and the street was full of small mirrors. "
ENTRIES = [Entry(f"{number}. {TEXT * 9}".strip(), 0.2) for number in range(5)]
CLEAN = Json().write(Answer(ENTRIES), Shape())
FENCED = f"Sure, here you go:\n```json\n{json.dumps(json.loads(CLEAN), indent=2)}\n```"
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


def stream(text: str, size: int = 1) -> None:
    parser = StreamParser()
    for at in range(0, len(text), size):
        parser.feed(text[at : at + size])
    parser.close()


def langchain_stream(text: str) -> None:
    list(JsonOutputParser().transform(iter(text)))


def scaling() -> None:
    print(
        f"\n{'growth: µs per KB':<24}",
        *(f"{size:>10}" for size in ("1 KB", "10 KB", "100 KB", "1 MB")),
    )
    for format in (Json(), Tags(), Lines()):
        for name, work in (("whole", parse), ("streamed", stream)):
            cells = []
            for kilobytes in (1, 10, 100, 1000):
                entry = Entry(TEXT * 3, 0.001)
                count = max(1, kilobytes * 1000 // 250)
                text = format.write(Answer([entry] * count), Shape())
                spent = statistics.median(seconds(lambda t=text, w=work: w(t)) for _ in range(3))
                cells.append(f"{spent * 1e6 / (len(text) / 1000):10.1f}")
            print(f"{format.name + ', ' + name:<24}", *cells)


def main() -> None:
    print(f"answer of {len(CLEAN)} characters; ours, baseline, ratio of medians")
    compare("clean JSON / pydantic_core.from_json", lambda: parse(CLEAN),
            lambda: from_json(CLEAN), 50)  # fmt: skip
    typed = PydanticOutputParser(pydantic_object=Responses)
    compare("clean JSON / LangChain PydanticOutputParser", lambda: parse(CLEAN),
            lambda: typed.parse(CLEAN), 50)  # fmt: skip
    compare("fenced JSON / LangChain JsonOutputParser", lambda: parse(FENCED),
            lambda: JsonOutputParser().parse(FENCED), 30)  # fmt: skip
    compare("truncated JSON / json_repair", lambda: parse(TRUNCATED),
            lambda: json_repair.loads(TRUNCATED), 50)  # fmt: skip
    compare("streamed by characters / LangChain JsonOutputParser", lambda: stream(CLEAN),
            lambda: langchain_stream(CLEAN), 3)  # fmt: skip
    scaling()


if __name__ == "__main__":
    main()
