"""The hooks by which a plugin joins vs-core (pluggy; entry-point group ``vs_core``).

A plugin is a module or object whose functions are marked with ``@vs_core.hookimpl``. Each of the
first five hooks returns a mapping of names to factories; a factory is called with the options the
user gave. The built-in parts register through the same hooks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from vs_core.candidates import Distribution
    from vs_core.evaluation.tasks.base import Task
    from vs_core.formats.base import Format
    from vs_core.messages import Request
    from vs_core.resampling import Resampler
    from vs_core.strategies.base import Strategy

__all__ = ["GROUP", "hookimpl", "hookspec"]

GROUP = "vs_core"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def vs_strategies() -> Mapping[str, Callable[..., Strategy]]:  # type: ignore[empty-body]
    """Strategies by name; a factory takes the options of `vs_core.strategies.Strategy`."""


@hookspec
def vs_formats() -> Mapping[str, Callable[..., Format]]:  # type: ignore[empty-body]
    """Formats by name; a factory takes no options that it does not itself define."""


@hookspec
def vs_resamplers() -> Mapping[str, Callable[..., Resampler]]:  # type: ignore[empty-body]
    """Resamplers by name; a factory takes the options given to `Distribution.sample`."""


@hookspec
def vs_metrics() -> Mapping[str, Callable[..., Any]]:  # type: ignore[empty-body]
    """Metrics by name; a factory takes the options that it binds, and returns a function."""


@hookspec
def vs_tasks() -> Mapping[str, Callable[..., Task]]:  # type: ignore[empty-body]
    """Tasks of the evaluation by name; a factory takes ``file`` and options of its own."""


@hookspec
def vs_request(request: Request) -> None:
    """Observe every request before a model sees it. What it returns is ignored."""


@hookspec
def vs_distribution(distribution: Distribution) -> None:
    """Observe every distribution that a strategy finished. What it returns is ignored."""
