"""Does anything grow? Threads, files, tasks and memory over many calls.

Run: python -m tests.benchmarks.soak [CALLS]   (default: 20,000)

Requests of 20 calls each, whole and in pieces, by threads and by tasks, one call in ten of which
fails and is kept. A row after each tenth of the way; the last line compares the second with the
last, by which everything that is made once has been made.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import threading
from collections.abc import AsyncIterator, Iterator

from vs_core import (
    Completion,
    Message,
    ModelError,
    Request,
    VSStandard,
    arun,
    astream,
    run,
    stream,
)

PER_REQUEST, K = 20, 5
ANSWER = json.dumps({"responses": [{"text": f"a {i}", "probability": 0.1} for i in range(K)]})


def complete(request: Request) -> Completion:
    if request.call % 10 == 3:
        raise ModelError("simulated")
    return Completion(ANSWER, {"output_tokens": 50})


async def acomplete(request: Request) -> Completion:
    await asyncio.sleep(0)
    return complete(request)


def pieces(request: Request) -> Iterator[str]:
    text = complete(request).text
    yield from (text[at : at + 40] for at in range(0, len(text), 40))


async def apieces(request: Request) -> AsyncIterator[str]:
    for piece in pieces(request):
        await asyncio.sleep(0)
        yield piece


async def _asynchronous() -> int:
    await arun(flow(), acomplete)
    async for _ in astream(flow(), apieces):
        pass
    return len(asyncio.all_tasks()) - 1


def flow():
    options = {"k": K, "n": K * PER_REQUEST, "on_failure": "keep", "retries": 0}
    return VSStandard(**options).flow([Message("user", "x")])


def measured() -> tuple[int, int, float]:
    """Threads, open files, and resident memory in MiB."""
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as statm:
        pages = int(statm.read().split()[1])
    files = len(os.listdir("/proc/self/fd"))
    return threading.active_count(), files, pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main(calls: int) -> None:
    import logging

    logging.getLogger("vs_core").setLevel(logging.ERROR)
    each = 4 * PER_REQUEST  # calls of one turn of the loop below
    turns = max(10, calls // each)
    rows = []
    print(f"{'calls':>8}  threads  files  tasks  MiB")
    for turn in range(turns):
        run(flow(), complete)
        for _ in stream(flow(), pieces):
            pass
        tasks = asyncio.run(_asynchronous())
        if (turn + 1) % (turns // 10) == 0:
            rows.append((*measured(), tasks))
            threads, files, memory, _ = rows[-1]
            print(f"{(turn + 1) * each:>8}  {threads:>7}  {files:>5}  {tasks:>5}  {memory:.1f}")
    (threads, files, memory, _), (*last, _) = rows[1], rows[-1]
    print(f"growth: {last[0] - threads} threads, {last[1] - files} files, {last[2] / memory:.3f}x")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
