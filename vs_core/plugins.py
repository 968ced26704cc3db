"""The plugin manager: finds plugins and looks their parts up by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

from vs_core import hookspecs
from vs_core.errors import ConfigurationError

if TYPE_CHECKING:
    from vs_core.candidates import Distribution
    from vs_core.evaluation.tasks.base import Task
    from vs_core.formats.base import Format
    from vs_core.messages import Request
    from vs_core.resampling import Resampler
    from vs_core.strategies.base import Strategy

__all__ = ["Plugins", "plugins"]

KINDS = ("strategies", "formats", "resamplers", "metrics", "tasks")


class Plugins:
    """Names and what they stand for: the built-in parts and those of installed plugins.

    Entry points of the group ``vs_core`` are loaded at the first look-up. A plugin that cannot be
    imported is left out with a warning and listed in `broken`.
    """

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(hookspecs.GROUP)
        self.manager.add_hookspecs(hookspecs)
        self.broken: dict[str, Exception] = {}
        self._loaded = False
        self._lock = RLock()
        self._tables: dict[str, dict[str, Callable[..., Any]]] = {}
        self._owners: dict[tuple[str, str], str] = {}

    # --- registering -----------------------------------------------------------------------

    def register(self, plugin: Any, name: str | None = None) -> None:
        """Add a plugin: a module or object with functions marked ``@hookimpl``.

        Raises:
            ConfigurationError: If it is registered already, or its hooks do not fit.
        """
        try:
            self.manager.register(plugin, name)
        except (ValueError, pluggy.PluginValidationError) as error:
            raise ConfigurationError(f"Not a plugin that can be registered: {error}") from error
        try:
            self.manager.check_pending()  # a hook that does not exist is a misspelled one
        except pluggy.PluginValidationError as error:
            self.manager.unregister(plugin)
            raise ConfigurationError(f"Not a plugin that can be registered: {error}") from error
        self._tables.clear()

    def unregister(self, plugin: Any) -> None:
        """Remove a plugin that was registered."""
        self.manager.unregister(plugin)
        self._tables.clear()

    def load(self) -> None:
        """Register the built-in parts and every installed plugin, once."""
        if self._loaded:
            return
        with self._lock:  # the first look-ups may come from several threads at once
            if self._loaded:
                return
            from vs_core import evaluation, formats, metrics, resampling, strategies

            for module in (strategies, formats, resampling, metrics, evaluation):
                self.manager.register(module, _builtin_name(module))
            self._load_entry_points()
            self._tables.clear()
            self._loaded = True

    def _load_entry_points(self) -> None:
        from importlib.metadata import entry_points

        for entry_point in entry_points(group=hookspecs.GROUP):
            try:
                self.register(entry_point.load(), entry_point.name)
            except Exception as error:  # one broken plugin must not stop the rest
                self.broken[entry_point.name] = error
                warnings.warn(
                    f"The vs-core plugin {entry_point.name!r} cannot be loaded: {error!r}",
                    RuntimeWarning,
                    stacklevel=4,
                )

    # --- looking up ------------------------------------------------------------------------

    def table(self, kind: str) -> Mapping[str, Callable[..., Any]]:
        """Return all factories of one kind by name: ``"strategies"``, ``"formats"``, ….

        Raises:
            ConfigurationError: If two plugins register the same name.
        """
        if kind not in self._tables:
            self.load()
            self._tables[kind] = self._merge(kind)
        return self._tables[kind]

    def _merge(self, kind: str) -> dict[str, Callable[..., Any]]:
        table: dict[str, Callable[..., Any]] = {}
        hook = getattr(self.manager.hook, f"vs_{kind}")
        for implementation in hook.get_hookimpls():  # in order of registration
            for name, factory in implementation.function().items():
                if name in table:
                    raise ConfigurationError(
                        f"Two plugins register the {_singular(kind)} {name!r}: "
                        f"{self._owners[kind, name]} and {implementation.plugin_name}."
                    )
                table[name] = factory
                self._owners[kind, name] = implementation.plugin_name
        return table

    def owner(self, kind: str, name: str) -> str:
        """Return the name of the plugin that registered ``name``."""
        self.table(kind)
        return self._owners[kind, name]

    def _make(self, kind: str, name: str, options: Mapping[str, Any]) -> Any:
        table = self.table(kind)
        if name not in table:
            import difflib

            near = difflib.get_close_matches(str(name), table, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ConfigurationError(
                f"Unknown {_singular(kind)} {name!r}.{hint} Known: {', '.join(sorted(table))}."
            )
        try:
            return table[name](**options)
        except TypeError as error:
            raise ConfigurationError(
                f"The {_singular(kind)} {name!r} cannot be made with these options: {error}"
            ) from error

    def strategy(self, strategy: str | Strategy, **options: Any) -> Strategy:
        """Return a strategy made with ``options`` by name, or the given one with them changed.

        Raises:
            ConfigurationError: If the name is unknown or an option cannot work.
        """
        if not isinstance(strategy, str):
            return strategy.replace(**options) if options else strategy
        made: Strategy = self._make("strategies", strategy, options)
        return made

    def format(self, format: str | Format) -> Format:
        """Return a format by name, or the given one.

        Raises:
            ConfigurationError: If the name is unknown.
        """
        if not isinstance(format, str):
            return format
        made: Format = self._make("formats", format, {})
        return made

    def resampler(self, resampler: str | Resampler, **options: Any) -> Resampler:
        """Return a resampler by name with its ``options`` bound, or the given one.

        Raises:
            ConfigurationError: If the name is unknown, or options are given with an object.
        """
        if not isinstance(resampler, str):
            _refuse_options("resampler", options)
            return resampler
        made: Resampler = self._make("resamplers", resampler, options)
        return made

    def metric(self, metric: str | Callable[..., Any], **options: Any) -> Callable[..., Any]:
        """Return a metric by name with its ``options`` bound, or the given one.

        Raises:
            ConfigurationError: If the name is unknown, or options are given with a function.
            MissingExtraError: If the extra ``metrics`` is not installed.
        """
        if not isinstance(metric, str):
            _refuse_options("metric", options)
            return metric
        made: Callable[..., Any] = self._make("metrics", metric, options)
        return made

    def task(self, task: str | Task, **options: Any) -> Task:
        """Return a task of the evaluation made with ``options`` by name, or the given one.

        Raises:
            ConfigurationError: If the name is unknown, an option cannot work, or options are given
                with an object.
            MissingExtraError: If the extra ``metrics`` is not installed.
        """
        if not isinstance(task, str):
            _refuse_options("task", options)
            return task
        made: Task = self._make("tasks", task, options)
        return made

    # --- observing -------------------------------------------------------------------------

    def observe_request(self, request: Request) -> None:
        """Tell every observer of a request."""
        self.load()
        self.manager.hook.vs_request(request=request)

    def observe_distribution(self, distribution: Distribution) -> None:
        """Tell every observer of a finished distribution."""
        self.manager.hook.vs_distribution(distribution=distribution)


def _builtin_name(module: ModuleType) -> str:
    return f"vs-core ({module.__name__})"


def _refuse_options(kind: str, options: Mapping[str, Any]) -> None:
    if options:
        raise ConfigurationError(
            f"Options {sorted(options)} go with a {kind}'s name; bind them to a function with "
            "functools.partial."
        )


def _singular(kind: str) -> str:
    return "strategy" if kind == "strategies" else kind.removesuffix("s")


plugins = Plugins()
"""The one registry of the process."""
