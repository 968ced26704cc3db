"""Which model a command talks to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from vs_core.clients import OpenAIModel
from vs_core.errors import ConfigurationError
from vs_core.messages import Completion, Request
from vs_core.testing import SimulatedModel

__all__ = ["Model", "choose_model", "counted"]

Model = OpenAIModel | SimulatedModel
DEFAULT_MODEL = "gpt-4.1-mini"

stderr = Console(stderr=True)
"""Notices and progress go here, so that standard output is the result alone."""


def choose_model(
    name: str | None,
    base_url: str | None = None,
    seed: int | None = None,
    temperature: float | None = None,
) -> Model:
    """Return the endpoint that the options or the environment name, else the simulated model.

    Raises:
        ConfigurationError: If an endpoint is named that offers several models, and none of them.
    """
    base_url = base_url or os.environ.get("OPENAI_BASE_URL")
    if not (name or base_url or os.environ.get("OPENAI_API_KEY")):
        return simulated(seed)
    parameters: dict[str, Any] = {} if temperature is None else {"temperature": temperature}
    return OpenAIModel(name or _only_model(base_url), base_url=base_url, **parameters)


def simulated(seed: int | None) -> SimulatedModel:
    """Return the simulated model, and say so."""
    stderr.print(
        "No model is configured: these answers are SIMULATED. Set OPENAI_API_KEY, or give "
        "--base-url, for a real one.",
        style="yellow",
    )
    return SimulatedModel(seed=seed or 0)


def _only_model(base_url: str | None) -> str:
    if base_url is None:
        return DEFAULT_MODEL
    offered = OpenAIModel("", base_url=base_url).models()
    if len(offered) == 1:
        return offered[0]
    raise ConfigurationError(
        f"The endpoint offers {len(offered)} models; choose one with --model: "
        f"{', '.join(offered[:20]) or 'none is listed'}."
    )


@contextmanager
def counted(model: Model, calls: int) -> Iterator[Callable[[Request], Completion]]:
    """Yield ``model``, with a progress bar on a terminal if more than one call is to run."""
    if calls < 2 or not stderr.is_terminal:
        yield model
        return
    from rich.progress import Progress

    with Progress(console=stderr, transient=True) as progress:
        task = progress.add_task("calls", total=calls)

        def complete(request: Request) -> Completion:
            completion = model(request)
            progress.advance(task)
            return completion

        yield complete
