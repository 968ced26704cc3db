"""Showing how far a request of many calls is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import Lock
from typing import Any

from vs_core.errors import raise_missing_extra

__all__ = ["Advance", "Progress", "shown"]

Progress = Callable[[int, int], object]
"""Is told how many calls are done, and how many are expected."""

Advance = Callable[[], None]
"""Says that one more call is done."""


@contextmanager
def shown(progress: bool | Progress, expected: int) -> Iterator[Advance | None]:
    """Yield what is to be called after each call; None if nobody wants to know.

    Args:
        progress: True for a bar on standard error, or in the cell of a notebook, which goes when it
            is done (extra ``cli``, but for notebooks); or a function. It is told one thing at a
            time, from whichever thread a call ends in.
        expected: How many calls it will be, if none has to be asked again.

    Raises:
        MissingExtraError: If a bar is wanted and rich is not installed.
    """
    if progress is False:
        yield None
    elif progress is True:
        with _cell() if _in_a_notebook() else _bar() as tell:
            yield _counter(tell, expected)
    else:
        yield _counter(progress, expected)


def _counter(tell: Progress, expected: int) -> Advance:
    lock, done = Lock(), 0

    def advance() -> None:
        nonlocal done
        with lock:
            done += 1
            tell(done, max(done, expected))  # repairs come on top

    return advance


@contextmanager
def _bar() -> Iterator[Progress]:
    try:
        from rich.console import Console
        from rich.progress import Progress as Bar
    except ImportError as error:
        raise_missing_extra("cli", error)
    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("calls", total=None)
        yield lambda done, expected: bar.update(task, completed=done, total=expected)


def _in_a_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    return type(shell).__name__ == "ZMQInteractiveShell"


@contextmanager
def _cell() -> Iterator[Progress]:
    """A bar that the browser draws: a terminal's would need ipywidgets there."""
    notebook: Any = import_module("IPython.display")
    bar = notebook.DisplayHandle()
    bar.display(notebook.HTML("<progress></progress>"))

    def tell(done: int, expected: int) -> None:
        drawn = f'<progress value="{done}" max="{expected}"></progress>'
        bar.update(notebook.HTML(f"{drawn} {done} of {expected} calls"))

    try:
        yield tell
    finally:
        bar.update(notebook.HTML(""))
