"""The real server, once for all tests; they are skipped where it was not fetched."""

import pytest

from tests.real_model.fetch import missing
from tests.real_model.server import RealServer


@pytest.fixture(scope="session")
def server():
    reason = missing()
    if reason:
        pytest.skip(reason)
    with RealServer() as server:
        yield server
