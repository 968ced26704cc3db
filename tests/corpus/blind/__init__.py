"""A second corpus of answers, written without looking at the parser or at the first corpus.

It is there to be counted, not to be read: who mends the parser looks at the figures of
``python -m tests.corpus.blind`` and never at the cases, so that they stay a test of shapes that
nobody has tuned for.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import around, marked, singular, structured
from .kinds import Case, Item, Kind
from .nothing import NOTHING

__all__ = ["NOTHING", "Case", "Item", "Kind", "cases", "kinds"]


def kinds() -> Iterator[Kind]:
    """All notations that are written with several sets of texts."""
    yield from structured.kinds()
    yield from marked.kinds()
    yield from around.kinds()


def cases() -> list[Case]:
    """All answers that are a distribution, always the same and in the same order."""
    return [*(case for kind in kinds() for case in kind.cases()), *singular.cases()]
