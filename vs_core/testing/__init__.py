"""Testing without a model: a simulated one, a server for it, and the conformance suite.

`SimulatedModel` needs only the bare install; `SimulatedServer` the extra ``testing`` (or ``cli``).
The suite for integrations is `vs_core.testing.conformance`.
"""

from __future__ import annotations

from vs_core.testing.model import SimulatedModel
from vs_core.testing.server import SimulatedServer, serve
from vs_core.testing.tasks import SimulatedTask

__all__ = ["SimulatedModel", "SimulatedServer", "SimulatedTask", "serve"]
