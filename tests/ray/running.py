"""What the tests on Ray run, and what must come of it."""

import json
from collections import Counter

from vs_core.clients import OpenAIModel
from vs_core.generation import generate

ROWS, CALLS = 60, 120
IN_FLIGHT = 8
"""Two actors with four calls each."""


def rows(count):
    return [{"n": number} for number in range(count)]


def run(server, out, count=ROWS, **options):
    return generate(
        rows(count), prompt="Name a thing for {n}.", out=out, k=2, n=4, concurrency=4,
        model=OpenAIModel("simulated", base_url=server.base_url, api_key="none"), **options,
    )  # fmt: skip


def on_ray(server, out, **options):
    return run(server, out, **{"engine": "ray", "actors": 2, "block": 5, **options})


def table(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def require_whole(out, server, *, twice=0):
    """Every row once, in order; and no more calls asked twice than may be."""
    found = table(out)
    assert Counter(row["n"] for row in found) == dict.fromkeys(range(ROWS), 4)
    assert [row["n"] for row in found[::4]] == list(range(ROWS))
    asked = len(server.requests)
    assert CALLS <= asked <= CALLS + twice, f"{asked} requests for {CALLS} calls"
