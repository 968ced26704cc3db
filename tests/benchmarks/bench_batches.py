"""What a run by batches takes where lines fail: files and requests, against the ideal.

Run: python -m tests.benchmarks.bench_batches

1,000 tasks of two calls; 5 % of the lines fail, 10 % of the answers are cut off. The server is the
simulated one, over HTTP, by the providers' own clients.
"""

import tempfile
from pathlib import Path

from vs_core.anthropic import AnthropicModel
from vs_core.clients import OpenAIModel
from vs_core.generation import Run
from vs_core.testing import SimulatedServer
from vs_core.testing.batches import BatchFaults

TASKS = 1000


def trial(provider: str) -> None:
    faults = BatchFaults(failed=0.05, cut_off=0.1)
    table = [{"n": number} for number in range(TASKS)]
    with tempfile.TemporaryDirectory() as folder, SimulatedServer(batch_faults=faults) as server:
        model = (
            OpenAIModel("m", base_url=server.base_url, api_key="x")
            if provider == "OpenAI"
            else AnthropicModel("m", base_url=server.url, api_key="x")
        )
        run = Run(
            table, prompt="Name a thing for {n}.", model=model, k=5, n=10,
            out=Path(folder) / "o.jsonl",
        )  # fmt: skip
        summary = run.run_batches(poll=0, tail=20, tell=print)
        files = [
            path
            for path in (run.folder / "batches").glob("*-*.jsonl")
            if not path.name.endswith(".results.jsonl")
        ]
        sent = sum(len(path.read_text().splitlines()) for path in files)
        live = sum(1 for request in server.requests if request["path"] != "batch")
    print(
        f"{provider}: {summary.finished} tasks, {summary.rows} rows: {len(files)} files of "
        f"{sent} requests and {live} live calls, {(sent + live) / (2 * TASKS):.3f} of "
        f"{2 * TASKS} ideal requests"
    )


if __name__ == "__main__":
    for provider in ("OpenAI", "Anthropic"):
        trial(provider)
