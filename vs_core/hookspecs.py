"""The hooks by which a plugin joins vs-core (pluggy; entry-point group ``vs_core``).

A plugin is a module or object whose functions are marked with ``@vs_core.hookimpl``. Each of the
first five hooks returns a mapping of names to factories; a factory is called with the options the
user gave. The built-in parts register through the same hooks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pluggy

__all__ = ["GROUP", "hookimpl", "hookspec"]

GROUP = "vs_core"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)

Factories = Mapping[str, Callable[..., Any]]
"""Factories by name. What they make stands in the docstring of each hook: this module, which
everything rests on, knows no part of vs-core."""


@hookspec
def vs_strategies() -> Factories:  # type: ignore[empty-body]
    """Strategies by name; a factory takes the options of `vs_core.strategies.Strategy`."""


@hookspec
def vs_formats() -> Factories:  # type: ignore[empty-body]
    """Formats by name; a factory takes no options that it does not itself define.

    It makes a `vs_core.formats.Format`.
    """


@hookspec
def vs_resamplers() -> Factories:  # type: ignore[empty-body]
    """Resamplers by name; a factory takes the options given to `Distribution.sample`.

    It makes a function ``(distribution, n, rng) -> indices``.
    """


@hookspec
def vs_metrics() -> Factories:  # type: ignore[empty-body]
    """Metrics by name; a factory takes the options that it binds, and returns a function."""


@hookspec
def vs_tasks() -> Factories:  # type: ignore[empty-body]
    """Tasks of the evaluation by name; a factory takes ``file`` and options of its own.

    It makes a `vs_core.evaluation.Task`.
    """


@hookspec
def vs_models() -> Factories:  # type: ignore[empty-body]
    """How models of a framework complete requests, by the package their classes are defined in.

    A factory takes a ``model``, and makes a function from a `vs_core.Request` to an awaitable of a
    `vs_core.Completion`.
    """


@hookspec
def vs_request(request: Any) -> None:
    """Observe every `vs_core.Request` before a model sees it. What it returns is ignored."""


@hookspec
def vs_distribution(distribution: Any) -> None:
    """Observe every finished `vs_core.Distribution`. What it returns is ignored."""
