"""What generation adds to plain asyncio, and what memory it takes.

Run: python -m tests.benchmarks.bench_generation [--rows 100000]

Throughput: calls of one second, 64 in flight, against a plain asyncio loop over the same model that
keeps nothing; both in this run. Memory: so many rows through a model that answers at once, the
greatest resident size of the process; then the time in which its journal is opened.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vs_core.generation import Run
from vs_core.generation.journal import Journal

ANSWER = (
    '{"responses": [{"text": "a line", "probability": 0.3}, {"text": "b", "probability": 0.1}]}'
)
FLIGHT = 64


class Table:
    """Rows that are made when they are read."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return ({"n": number} for number in range(self.count))


async def slow(request: object) -> str:
    await asyncio.sleep(1)
    return ANSWER


async def instant(request: object) -> str:
    return ANSWER


async def plain(count: int) -> float:
    free = asyncio.Semaphore(FLIGHT)

    async def one() -> None:
        async with free:
            await slow(None)

    begin = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(count)))
    return time.perf_counter() - begin


def generated(count: int, model: Any, folder: str) -> tuple[float, Run]:
    begin = time.perf_counter()
    run = Run(
        Table(count), prompt="Name {n}.", model=model, k=2, concurrency=FLIGHT,
        out=Path(folder) / f"{count}.jsonl",
    )  # fmt: skip
    run.run()
    return time.perf_counter() - begin, run


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        calls = FLIGHT * 15
        ours, _ = generated(calls, slow, folder)
        baseline = asyncio.run(plain(calls))
        print(f"{calls} calls of 1 s, {FLIGHT} in flight: {baseline / ours:.3f} of plain asyncio")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        seconds, run = generated(rows, instant, folder)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{rows:,} rows: {rows / seconds:,.0f} a second, at most {after:.0f} MiB "
              f"({before:.0f} before)")  # fmt: skip
        begin = time.perf_counter()
        journal = Journal(run.folder)
        print(f"journal of {len(journal):,} tasks opened in {time.perf_counter() - begin:.1f} s")
        journal.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    main(parser.parse_args().rows)
