"""A Ray cluster of two nodes on this machine, and a server whose model takes some time."""

import pytest

from vs_core.testing import SimulatedServer

NODE = {"num_cpus": 3, "object_store_memory": 80 << 20}


@pytest.fixture(scope="module")
def begun():
    import ray
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")  # or what else runs holds them up for minutes
        patch.delenv("RAY_ADDRESS", raising=False)
        made = Cluster()
        try:
            made.add_node(**NODE, include_dashboard=False)
            made.add_node(**NODE)
            ray.init(address=made.address, log_to_driver=False)
            yield made
        finally:
            ray.shutdown()
            made.shutdown()


@pytest.fixture
def cluster(begun):
    if not begun.worker_nodes:  # a test has killed it
        begun.add_node(**NODE)
    return begun


@pytest.fixture
def server():
    with SimulatedServer(delay=0.3) as served:
        yield served
