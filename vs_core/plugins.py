"""The plugin manager: finds plugins and looks their parts up by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any

import pluggy

from vs_core import builtin, hookspecs
from vs_core.errors import ConfigurationError

__all__ = ["Plugins", "plugins"]

KINDS = ("strategies", "formats", "resamplers", "metrics", "tasks", "models")


class Plugins:
    """Names and what they stand for: the built-in parts and those of installed plugins.

    Entry points of the group ``vs_core`` are loaded at the first look-up. What is wrong with a
    plugin harms nobody else: one that cannot be imported, whose hook raises or whose name is taken
    is named in a warning and in `broken`, and everything else works.

    A pickled reference to the registry is the registry of the process that loads it: plugins that
    were registered by hand have to be registered there too.

    Attributes:
        broken: What went wrong, by the name of the plugin.
    """

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(hookspecs.GROUP)
        self.manager.add_hookspecs(hookspecs)
        self.broken: dict[str, Exception] = {}
        self._loaded = False
        self._lock = RLock()
        self._tables: dict[str, dict[str, Callable[..., Any]]] = {}
        self._owners: dict[tuple[str, str], str] = {}

    def __reduce__(self) -> str:
        return "plugins"  # by reference, as pickle does with modules and functions

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
        self.broken.pop(self.manager.get_name(plugin) or "", None)
        self.manager.unregister(plugin)
        self._tables.clear()

    def load(self) -> None:
        """Register the built-in parts and every installed plugin, once."""
        if self._loaded:
            return
        with self._lock:  # the first look-ups may come from several threads at once
            if self._loaded:
                return
            self.manager.register(builtin, "vs-core")
            self._load_entry_points()
            self._tables.clear()
            self._loaded = True

    def _load_entry_points(self) -> None:
        from importlib.metadata import entry_points

        for entry_point in entry_points(group=hookspecs.GROUP):
            try:
                self.register(entry_point.load(), entry_point.name)
            except Exception as error:
                self._break(entry_point.name, error)

    def _break(self, name: str, error: Exception) -> None:
        self.broken[name] = error
        warnings.warn(
            f"Something is wrong with the vs-core plugin {name!r}, the rest works: {error!r}",
            RuntimeWarning,
            stacklevel=4,
        )

    # --- looking up ------------------------------------------------------------------------

    def table(self, kind: str) -> Mapping[str, Callable[..., Any]]:
        """Return all factories of one kind by name: ``"strategies"``, ``"formats"``, …."""
        if kind not in self._tables:
            self.load()
            with self._lock:
                self._tables[kind] = self._merge(kind)
        return self._tables[kind]

    def _merge(self, kind: str) -> dict[str, Callable[..., Any]]:
        table: dict[str, Callable[..., Any]] = {}
        hook = getattr(self.manager.hook, f"vs_{kind}")
        # The built-in parts first, then in order of registration: a name keeps its first owner.
        for each in sorted(hook.get_hookimpls(), key=lambda each: each.plugin is not builtin):
            owner = each.plugin_name
            try:
                factories = dict(each.function())
            except Exception as error:
                self._break(owner, error)
                continue
            for name, factory in factories.items():
                if name in table:
                    first = self._owners[kind, name]
                    what = f"{first} registers the {_singular(kind)} {name!r} already, and keeps it"
                    self._break(owner, ConfigurationError(what))
                    continue
                table[name] = factory
                self._owners[kind, name] = owner
        return table

    def owner(self, kind: str, name: str) -> str:
        """Return the name of the plugin that registered ``name``."""
        self.table(kind)
        return self._owners[kind, name]

    def factory(self, kind: str, name: str) -> Callable[..., Any] | None:
        """Return what a name stands for, such as the class of a strategy; None for no such name."""
        factory = self.table(kind).get(name)
        return factory.resolve() if isinstance(factory, builtin.Named) else factory

    def make(self, kind: str, part: Any, /, **options: Any) -> Any:
        """Return the part of a kind by its name, made with ``options``; an object as it is.

        Typed look-ups stand with the types: `vs_core.strategies.base.strategy_of`,
        `vs_core.formats.base.format_of`, `vs_core.candidates.resampler_of`,
        `vs_core.evaluation.tasks.base.task_of`.

        Raises:
            ConfigurationError: If the name is unknown, an option cannot work, or options are given
                with an object.
            MissingExtraError: If the part needs an extra that is not installed.
        """
        if not isinstance(part, str):
            if options:
                raise ConfigurationError(
                    f"Options {sorted(options)} go with a {_singular(kind)}'s name; bind them to a "
                    "function with functools.partial."
                )
            return part
        table = self.table(kind)
        if part not in table:
            import difflib

            near = difflib.get_close_matches(part, table, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ConfigurationError(
                f"Unknown {_singular(kind)} {part!r}.{hint} Known: {', '.join(sorted(table))}."
            )
        try:
            return table[part](**options)
        except TypeError as error:
            raise ConfigurationError(
                f"The {_singular(kind)} {part!r} cannot be made with these options: {error}"
            ) from error

    def strategy(self, strategy: Any, **options: Any) -> Any:
        """Return a strategy made with ``options`` by name, or the given one with them changed."""
        if isinstance(strategy, str) or not options:
            return self.make("strategies", strategy, **options)
        return strategy.replace(**options)

    def format(self, format: Any) -> Any:
        """Return a format by name, or the given one; see `make`."""
        return self.make("formats", format)

    def resampler(self, resampler: Any, **options: Any) -> Any:
        """Return a resampler by name with its ``options`` bound, or the given one; see `make`."""
        return self.make("resamplers", resampler, **options)

    def metric(self, metric: str | Callable[..., Any], **options: Any) -> Callable[..., Any]:
        """Return a metric by name with its ``options`` bound, or the given one; see `make`."""
        made: Callable[..., Any] = self.make("metrics", metric, **options)
        return made

    def task(self, task: Any, **options: Any) -> Any:
        """Return a task of the evaluation by name, or the given one; see `make`."""
        return self.make("tasks", task, **options)

    def model(self, model: Any) -> Any:
        """Return how a framework's model completes a request; None if no integration knows it.

        An integration registers it by the package that the model's class, or one that it derives
        from, is defined in.
        """
        table = self.table("models")
        for kind in type(model).__mro__:
            factory = table.get(kind.__module__.partition(".")[0])
            if factory is not None:
                return factory(model=model)
        return None

    # --- observing -------------------------------------------------------------------------

    def observe_request(self, request: Any) -> None:
        """Tell every observer of a `vs_core.Request`."""
        self.load()
        self._tell("vs_request", request=request)

    def observe_distribution(self, distribution: Any) -> None:
        """Tell every observer of a finished `vs_core.Distribution`."""
        self._tell("vs_distribution", distribution=distribution)

    def _tell(self, hook: str, **about: Any) -> None:
        for each in getattr(self.manager.hook, hook).get_hookimpls():
            try:
                each.function(*(about[name] for name in each.argnames))
            except Exception as error:  # who only looks on may not stop a run that is paid for
                self._break(each.plugin_name, error)


def _singular(kind: str) -> str:
    return "strategy" if kind == "strategies" else kind.removesuffix("s")


plugins = Plugins()
"""The one registry of the process."""
