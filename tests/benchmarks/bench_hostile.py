"""What hostile answers cost: time and memory per character, and how both grow with the size.

Run: python -m tests.benchmarks.bench_hostile [--sizes 2000000 --sizes 20000000] [--kinds tags]

Each answer repeats one short piece, with numbers that are never the same, for what lines hold is
remembered. Each is read in a process of its own, so that the peak of one is not that of another.
Reading is linear where the growth, the cost of a character in the longest answer over that in the
shortest, stays near 1. Memory is what reading adds to the peak of the process, per character.
"""

from __future__ import annotations

import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests.hostile import KINDS, answer_of
from vs_core import ParseError, StreamParser, parse


def peak() -> int:
    """The most memory that this process held, in bytes."""
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held if sys.platform == "darwin" else held * 1024


def measured(piece: str, size: int, streamed: bool) -> tuple[float, float]:
    """Microseconds and bytes per character."""
    with suppress(ParseError):
        parse("1. a (0.5)\n2. b (0.5)")  # imports
    text = answer_of(piece, size)
    before, begin = peak(), time.perf_counter()
    with suppress(ParseError):
        read(text, streamed)
    spent = time.perf_counter() - begin
    return spent * 1e6 / len(text), (peak() - before) / len(text)


def read(text: str, streamed: bool) -> None:
    if not streamed:
        parse(text, limit=len(text))
        return
    parser = StreamParser(limit=len(text))
    for at in range(0, len(text), 4096):
        parser.feed(text[at : at + 4096])
    parser.close()


def main(
    sizes: Annotated[list[int], typer.Option(help="Characters of an answer.")] = [20_000, 200_000],  # noqa: B006
    kinds: Annotated[list[str], typer.Option(help="Only these.")] = list(KINDS),  # noqa: B006
    stream: Annotated[bool, typer.Option(help="Read in pieces of 4,096 characters.")] = False,
) -> None:
    table = Table("kind", *(f"µs at {size:,}" for size in sizes), "growth", "bytes a character")
    for kind in kinds:
        with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
            runs = [pool.submit(measured, KINDS[kind], size, stream).result() for size in sizes]
        spent = [run[0] for run in runs]
        growth = f"{spent[-1] / spent[0]:.2f}"
        table.add_row(kind, *(f"{each:.2f}" for each in spent), growth, f"{runs[-1][1]:.1f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    typer.run(main)
