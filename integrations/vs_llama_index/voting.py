"""Long contexts, in which the one who knows is heard: packs vote by their evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from vs_core import Candidate, Distribution
from vs_llama_index.citing import ABSTAINS, SOURCES
from vs_llama_index.packing import Pack, Piece

__all__ = ["PACK", "SUPPORTED", "cited_pieces", "voted"]

PACK = "pack"
"""Key of a candidate's metadata, while packs vote: the place of the pack that it answers from."""

SUPPORTED = "supported"
"""Key of a candidate's metadata: the share of its citations that a check found to hold."""

_HEARD = 0.5  # least support of a pack that votes: it is likelier than not to hold the answer


def voted(distribution: Distribution, packs: Sequence[Pack]) -> Distribution:
    """Weigh the candidates of several packs by the evidence of each.

    A candidate has evidence if it answers and cites a source that it was shown (or, where nobody
    cites any, if it answers), and no check of its citations failed for all. A pack's support is the
    share of its candidates that have evidence, by weight. Packs with a support under one half do
    not vote, unless none has more: then the best do. Each that votes counts by its support.

    Probabilities become those over all: the least probability of abstaining among the packs that
    vote is that of abstaining; the others share the rest. Candidates without a vote are kept in
    ``metadata["unsupported"]``, and ``metadata["packs"]`` says what each pack held.
    """
    cites = any(candidate.metadata.get(SOURCES) for candidate in distribution)
    groups = [Distribution(_of(distribution, place)) for place in range(len(packs))]
    shares = [list(zip(group, group.weights, strict=True)) for group in groups]
    support = [sum(w for c, w in group if _has_evidence(c, cites)) for group in shares]
    absent = [sum(w for c, w in group if c.metadata.get(ABSTAINS)) for group in shares]
    least = min(_HEARD, max(support))
    heard = [place for place, share in enumerate(support) if share >= least > 0]
    about = {
        "packs": [
            {
                "sources": sorted(pack.numbers),
                "support": support[place],
                "abstention": absent[place],
                "heard": place in heard,
            }
            for place, pack in enumerate(packs)
        ]
    }
    if not heard:  # nobody knows: all that was said stands, each pack alike
        return distribution.model_copy(update={"metadata": {**distribution.metadata, **about}})
    abstention = min(absent[place] for place in heard)
    answering = sum(support[place] for place in heard)
    abstaining = sum(absent[place] for place in heard)
    kept: list[Candidate] = []
    dropped: list[Candidate] = []
    for place, group in enumerate(shares):
        for candidate, weight in group:
            share = 0.0
            if place in heard and _has_evidence(candidate, cites):
                share = (1 - abstention) * weight / answering
            elif place in heard and candidate.metadata.get(ABSTAINS) and abstention:
                share = abstention * weight / abstaining
            if share:
                kept.append(candidate.model_copy(update={"probability": min(1.0, share)}))
            else:
                dropped.append(candidate)
    if dropped:
        about["unsupported"] = [candidate.model_dump(mode="json") for candidate in dropped]
    return distribution.model_copy(
        update={"candidates": tuple(kept), "metadata": {**distribution.metadata, **about}}
    )


def _of(distribution: Distribution, place: int) -> list[Candidate]:
    return [candidate for candidate in distribution if candidate.metadata.get(PACK) == place]


def _has_evidence(candidate: Candidate, cites: bool) -> bool:
    about = candidate.metadata
    if about.get(ABSTAINS) or about.get(SUPPORTED) == 0:
        return False
    return bool(about.get(SOURCES)) or not cites


def cited_pieces(distribution: Distribution, packs: Sequence[Pack]) -> Iterable[Piece]:
    """Return the pieces that candidates cite, those of the likeliest answers first."""
    likeliest = sorted(distribution, key=lambda c: c.probability or 0.0, reverse=True)
    for candidate in likeliest:
        place: Any = candidate.metadata.get(PACK)
        for number in candidate.metadata.get(SOURCES, ()):
            yield from (p for p in packs[place].pieces if p.source.number == number)
