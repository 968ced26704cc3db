"""Runs on a Ray cluster of two nodes: the same rows as here."""

import json
import re
import threading
from collections import Counter

import pytest

from tests.ray.running import CALLS, IN_FLIGHT, ROWS, on_ray, require_whole, rows, run, table
from vs_core import ConfigurationError, ModelError
from vs_core.generation import Run
from vs_core.testing import SimulatedModel, SimulatedServer

pytest.importorskip("ray", reason="the extra ray is not installed")


def test_a_budget_ends_it_in_good_order_and_it_goes_on_to_the_same_rows(cluster, server, tmp_path):
    out = tmp_path / "ray.jsonl"
    first = on_ray(server, out, count=ROWS - 10, actors=1, price=(1e6, 1e6), budget=2_000)
    assert first.stopped == "budget"
    assert not out.exists()
    assert 0 < first.calls < CALLS
    second = on_ray(server, out)  # with rows that came since
    assert (second.rows, second.finished, second.stopped) == (4 * ROWS, ROWS, "")
    assert second.calls == CALLS - first.calls
    require_whole(out, server, twice=IN_FLIGHT)  # what a stop finds in flight may be given up
    assert on_ray(server, out).calls == 0
    with SimulatedServer() as other:
        run(other, tmp_path / "here.jsonl")
    # A call that a stop gave up was asked again, and the simulated model then says the next thing.
    asked = Counter(re.search(r"thing for (\d+)", json.dumps(body))[1] for body in server.requests)
    twice = {int(number) for number, calls in asked.items() if calls == 2}
    assert len(twice) >= ROWS - IN_FLIGHT
    # Two calls of a row arrive in either order, so their answers may be exchanged.
    here, there = (
        Counter(
            (row["id"], row["n"], row["text"], row["probability"], *row)
            for row in table(tmp_path / name)
            if row["n"] in twice
        )
        for name in ("here.jsonl", "ray.jsonl")
    )
    assert there == here


def test_a_model_that_cannot_be_pickled_is_said(cluster, tmp_path):
    class Held(SimulatedModel):
        def __init__(self):
            super().__init__()
            self.lock = threading.Lock()

    made = Run(rows(2), prompt="{n}", model=Held(), out=tmp_path / "o.jsonl")
    with pytest.raises(ConfigurationError, match="cannot be pickled"):
        made.run_ray()


def test_what_machines_do_not_share_is_refused(tmp_path):
    made = Run(
        rows(2), prompt="{n}", model=SimulatedModel(), out=tmp_path / "o.jsonl", k=2,
        until_distinct=2, unique=True,
    )  # fmt: skip
    with pytest.raises(ConfigurationError, match="which machines do not share"):
        made.run_ray()


def test_a_model_that_fails_for_good_is_said(cluster, tmp_path):
    with SimulatedServer(names=["another"]) as served, pytest.raises(ModelError, match="simulated"):
        on_ray(served, tmp_path / "o.jsonl", count=4, actors=1)
