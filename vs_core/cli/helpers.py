"""The models that help to measure: a judge, an embedder, and what is the same by either."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vs_core.cli.options import listed
from vs_core.clients import OpenAIModel
from vs_core.embedding import LocalEmbedder, OpenAIEmbedder
from vs_core.equivalence import ByMeaning, ByText
from vs_core.errors import ConfigurationError
from vs_core.evaluation.judge import LLMJudge
from vs_core.evaluation.sameness import Same, SameJudge

if TYPE_CHECKING:
    from vs_core.metrics.diversity import Embed

__all__ = ["LOCAL", "embedder_of", "judge_of", "same_of"]

LOCAL = "local"
"""The embedder that runs on this machine."""


def judge_of(name: str | None, base_url: str | None) -> LLMJudge | None:
    """Return the judge of that name; None for no name. Its key: ``VS_JUDGE_API_KEY``, if set."""
    if name is None:
        return None
    key = os.environ.get("VS_JUDGE_API_KEY")
    return LLMJudge(OpenAIModel(name, base_url=base_url, api_key=key), name)


def embedder_of(name: str | None, base_url: str | None) -> Embed | None:
    """Return the embedder of that name, ``local`` for one on this machine; None for no name.

    Its key: ``VS_EMBEDDING_API_KEY``, if set.

    Raises:
        MissingExtraError: If the extra ``embed`` is not installed, for ``local``.
    """
    if name is None:
        return None
    if name == LOCAL:
        return LocalEmbedder()
    return OpenAIEmbedder(name, base_url=base_url, api_key=os.environ.get("VS_EMBEDDING_API_KEY"))


def same_of(same: str, embed: Embed | None, judge: LLMJudge | None) -> list[Same]:
    """Return what ``--same`` lists: ``text``, cosines of embeddings, ``judge``.

    Raises:
        ConfigurationError: If an entry is none of these, or its model is not named.
    """
    return [_same(entry, embed, judge) for entry in listed("--same", [same])]


def _same(entry: str, embed: Embed | None, judge: LLMJudge | None) -> Same:
    if entry == "text":
        return ByText()
    if entry == "judge":
        if judge is None:
            raise ConfigurationError("--same judge needs --judge-model.")
        return SameJudge(judge.complete, judge.name)
    try:
        above = float(entry)
    except ValueError:
        raise ConfigurationError(
            f"--same is text, judge, or a cosine such as 0.9, not {entry!r}."
        ) from None
    if embed is None:
        raise ConfigurationError("--same by a cosine needs --embedding-model.")
    return ByMeaning(embed, above)
