"""The same for agents: tools over the Model Context Protocol."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from vs_core import parse as read
from vs_core.candidates import Distribution
from vs_core.driver import verbalize
from vs_core.errors import raise_missing_extra
from vs_core.studio.settings import SIMULATED, Settings

__all__ = ["server"]


def server(model: str = SIMULATED, base_url: str = "") -> Any:
    """Return an MCP server with the tools ``sample`` and ``parse``, to be run.

    Args:
        model: What answers; the key is taken from ``OPENAI_API_KEY``.
        base_url: Its endpoint.

    Raises:
        MissingExtraError: If the package ``mcp`` is not installed.
    """
    try:
        package: Any = import_module("mcp.server")
    except ImportError as error:
        raise_missing_extra("mcp", error)
    made = package.MCPServer("vs-core")

    def sample(prompt: str, k: int = 5, n: int = 5, threshold: float = 1.0) -> dict[str, Any]:
        """Ask a model for k diverse answers to a prompt, each with its probability.

        Args:
            prompt: The request.
            k: Answers a call.
            n: Answers in all.
            threshold: Ask for answers that are less probable than this; 1 for no limit.
        """
        settings = Settings(prompt, model=model, base_url=base_url, k=k, n=n, threshold=threshold)
        found = verbalize(settings.messages(), settings.complete(), strategy=settings.made())
        return {**_shown(found), "drawn": found.sample().text, "simulated": settings.simulated}

    def parse(text: str) -> dict[str, Any]:
        """Read a text in which several answers stand with their probabilities, however written.

        Args:
            text: What a model wrote.
        """
        return _shown(read(text))

    for tool in (sample, parse):
        made.tool()(tool)
    return made


def _shown(found: Distribution) -> dict[str, Any]:
    return {
        "candidates": [
            {"text": candidate.text, "probability": candidate.probability, "weight": weight}
            for candidate, weight in zip(found, found.weights, strict=True)
        ],
        "repairs": list(found.repairs),
    }
