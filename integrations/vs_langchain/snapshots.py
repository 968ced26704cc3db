"""A distribution so far, as streams give it."""

from __future__ import annotations

from vs_core import Candidate, Distribution

__all__ = ["Snapshot", "snapshot"]

_FIELDS = tuple(Distribution.model_fields)


class Snapshot(Distribution):
    """A distribution so far.

    LangChain adds up the pieces of a stream; of two snapshots the later one stands.
    """

    def __add__(self, other: Distribution) -> Distribution:
        return other if isinstance(other, Snapshot) else super().__add__(other)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Distribution):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _FIELDS)

    __hash__ = None  # type: ignore[assignment]  # as a distribution: its metadata is a dict

    def grown(self, candidate: Candidate) -> Snapshot:
        """Return the snapshot with one more candidate."""
        return Snapshot(candidates=(*self.candidates, candidate))


def snapshot(output: Distribution) -> Snapshot:
    """Return a distribution as a snapshot."""
    return Snapshot(**{name: getattr(output, name) for name in _FIELDS})
