"""Runs on a Ray cluster of two nodes: whatever is killed, every row once."""

import threading
import time

import pytest

from tests.ray.running import CALLS, IN_FLIGHT, ROWS, on_ray, require_whole

pytest.importorskip("ray", reason="the extra ray is not installed")

import psutil  # which ray brings along


def until(server, requests):
    """Wait for so many requests."""
    limit = time.monotonic() + 120
    while len(server.requests) < requests:
        assert time.monotonic() < limit, "the run does not ask"
        time.sleep(0.02)


def askers(node):
    """The processes of our actors on a node."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    return [each for each in raylet.children() if "Asker" in " ".join(each.cmdline())]


class Began:
    """A run in a thread, which is in the midst of asking."""

    def __init__(self, server, out):
        self._found = []
        self._server = server
        self._thread = threading.Thread(
            target=lambda: self._found.append(on_ray(server, out)), daemon=True
        )
        self._thread.start()
        until(server, CALLS // 4)

    def ended(self):
        """What came of it, after what was done to it in its midst."""
        assert len(self._server.requests) < CALLS
        self._thread.join(200)
        return self._found[0]


def test_a_worker_is_killed(cluster, server, tmp_path):
    began = Began(server, tmp_path / "o.jsonl")
    nodes = [cluster.head_node, *cluster.worker_nodes]
    next(asker for node in nodes for asker in askers(node)).kill()
    assert began.ended().rows == 4 * ROWS
    require_whole(tmp_path / "o.jsonl", server, twice=IN_FLIGHT)


def test_a_node_is_killed(cluster, server, tmp_path):
    began = Began(server, tmp_path / "o.jsonl")
    (node,) = cluster.worker_nodes
    assert askers(node)
    cluster.remove_node(node, allow_graceful=False)
    assert began.ended().rows == 4 * ROWS
    require_whole(tmp_path / "o.jsonl", server, twice=IN_FLIGHT)
