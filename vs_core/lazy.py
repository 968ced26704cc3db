"""Names that load their modules at first use: importing a package builds nothing, needs no extra.

pydantic and the Scientific Python packages (SPEC 1) do the same for the same reason.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from vs_core.errors import raise_missing_extra

__all__ = ["lazily"]


def lazily(
    package: str, homes: Mapping[str, tuple[str, ...]], *, extra: str | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and the ``__dir__`` of a package (PEP 562).

    Args:
        package: Its ``__name__``.
        homes: Its modules, and the public names that each of them holds. The modules themselves
            load too.
        extra: Name of the extra without which the modules do not import.
    """
    home_of = {name: module for module, names in homes.items() for name in names}

    def load(name: str) -> Any:
        if name not in home_of and name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            module = import_module(f"{package}.{home_of.get(name, name)}")
        except ImportError as error:
            if extra is None:
                raise
            raise_missing_extra(extra, error)
        value = getattr(module, name) if name in home_of else module
        return vars(sys.modules[package]).setdefault(name, value)

    return load, lambda: sorted({*vars(sys.modules[package]), *home_of})
