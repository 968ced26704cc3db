"""What a Ray cluster adds to plain asyncio, and how it grows with actors.

Run: python -m tests.benchmarks.bench_ray [--seconds 60]

Calls of one second, 64 in flight an actor, on a cluster of two nodes of this machine. Plain asyncio
over the same model, which keeps nothing, is the baseline of the same run. So many calls an actor
that plain asyncio would take the seconds. The rate is that between the first answers and the last;
the whole run has the start of the actors in it too, and the output.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

from tests.benchmarks.bench_generation import ANSWER, FLIGHT, Table, plain
from vs_core.generation import Run

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"


class Slow:
    """A model that takes a second. It goes to the actors."""

    model = "slow"

    async def __call__(self, request: object) -> str:
        await asyncio.sleep(1)
        return ANSWER


def on_ray(calls: int, actors: int, folder: str) -> tuple[float, float]:
    """Return the calls a second while it asked, and of the whole run."""
    seen: list[tuple[float, int]] = []

    def look(run: Run) -> None:
        seen.append((time.perf_counter(), run.spent.calls))

    run = Run(
        Table(calls), prompt="Name {n}.", model=Slow(), k=2, concurrency=FLIGHT,
        out=Path(folder) / f"{actors}.jsonl",
    )  # fmt: skip
    begin = time.perf_counter()
    summary = run.run_ray(actors=actors, progress=look)
    whole = time.perf_counter() - begin
    assert summary.calls == calls
    first = next(each for each in seen if each[1])
    last = next(each for each in seen if each[1] == calls)
    return (last[1] - first[1]) / (last[0] - first[0]), calls / whole


def main(seconds: int) -> None:
    import ray
    from ray.cluster_utils import Cluster

    calls = FLIGHT * seconds
    baseline = calls / asyncio.run(plain(calls))
    print(f"plain asyncio, {FLIGHT} in flight: {baseline:.1f} calls a second")
    node = {"num_cpus": 3, "object_store_memory": 80 << 20}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    try:
        cluster.add_node(**node)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        with tempfile.TemporaryDirectory() as folder:
            for actors in (1, 2):
                rate, whole = on_ray(calls * actors, actors, folder)
                print(
                    f"{actors} actors: {rate:.1f} calls a second, {rate / baseline:.2f} of plain "
                    f"asyncio; {whole / baseline:.2f} with the start and the output"
                )
    finally:
        ray.shutdown()
        cluster.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60)
    main(parser.parse_args().seconds)
