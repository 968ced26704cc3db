"""A run of its own, for tests that kill it: python -m tests.generation.killed OUT [--seconds S]."""

import argparse
import asyncio

from vs_core.generation import generate
from vs_core.testing import SimulatedModel


class Slow(SimulatedModel):
    """A model that takes some time, and writes down what it was asked."""

    def __init__(self, seconds: float, log: str) -> None:
        super().__init__()
        self._seconds = seconds
        self._log = log

    async def acomplete(self, request):
        await asyncio.sleep(self._seconds)
        with open(self._log, "a", encoding="utf-8") as log:  # noqa: ASYNC230
            log.write(f"{request.messages[-1].content}|{request.call}\n")
        return await super().acomplete(request)


def rows(count):
    return [{"n": number} for number in range(count)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=0.02)
    given = parser.parse_args()
    print("begun", flush=True)
    summary = generate(
        rows(given.rows), prompt="Name a thing for {n}.",
        model=Slow(given.seconds, given.out + ".log"), out=given.out,
        k=2, n=4, concurrency=4, part=10,
    )  # fmt: skip
    print(summary.rows, summary.known, summary.calls, flush=True)
