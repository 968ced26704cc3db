"""What a run by batches takes where lines fail: files and requests, against the ideal.

Run: python -m tests.benchmarks.bench_batches

1,000 tasks of two calls; 5 % of the lines fail, 10 % of the answers are cut off. The server is the
simulated one, over HTTP, by OpenAI's own client.
"""

import tempfile
from pathlib import Path

from vs_core.clients import OpenAIModel
from vs_core.generation import Run
from vs_core.generation.batches import OpenAIBatches
from vs_core.testing import SimulatedServer
from vs_core.testing.batches import BatchFaults


def main() -> None:
    faults = BatchFaults(failed=0.05, cut_off=0.1)
    table = [{"n": number} for number in range(1000)]
    with tempfile.TemporaryDirectory() as folder, SimulatedServer(batch_faults=faults) as server:
        model = OpenAIModel("m", base_url=server.base_url, api_key="x")
        run = Run(
            table, prompt="Name a thing for {n}.", model=model, k=5, n=10,
            out=Path(folder) / "o.jsonl",
        )  # fmt: skip
        summary = run.run_batches(OpenAIBatches(model), poll=0, tail=20, tell=print)
        files = len(list((run.folder / "batches").glob("*-*.jsonl")))
        paths = [request["path"] for request in server.requests]
    # A failed line is answered by no model, so it is not among the server's requests.
    sent = sum(1 for path in paths if path == "batch")
    print(
        f"{summary.finished} tasks, {summary.rows} rows: {files} files, {sent} answered lines and "
        f"{len(paths) - sent} live calls, for {2 * len(table)} ideal requests"
    )


if __name__ == "__main__":
    main()
