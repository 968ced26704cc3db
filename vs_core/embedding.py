"""Embedding texts over any OpenAI-compatible endpoint, without a framework."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from vs_core.errors import ModelError, raise_missing_extra
from vs_core.redaction import HIDDEN, without_secrets

if TYPE_CHECKING:
    from openai import OpenAI

__all__ = ["OpenAIEmbedder"]


class OpenAIEmbedder:
    """Embeds texts over the embeddings API (extra: ``cli``).

    Args:
        model: Name of the model.
        base_url: Endpoint, ending in ``/v1``; default: ``OPENAI_BASE_URL``, or OpenAI's own. The
            key is taken from ``OPENAI_API_KEY``.

    Raises:
        MissingExtraError: If the ``openai`` package is not installed.
    """

    def __init__(self, model: str, *, base_url: str | None = None) -> None:
        try:
            import openai  # noqa: F401
        except ImportError as error:
            raise_missing_extra("cli", error)
        self.model = model
        self.base_url = base_url or os.environ.get("OPENAI_BASE_URL")

    def __call__(self, texts: list[str]) -> list[list[float]]:
        """Embed texts, in one call.

        Returns:
            A vector for each.

        Raises:
            ModelError: If the call fails, or does not give a vector for each.
        """
        from openai import OpenAIError

        try:
            answer = self._client.embeddings.create(model=self.model, input=texts)
        except OpenAIError as error:
            key = os.environ.get("OPENAI_API_KEY")
            why = str(error).replace(key, HIDDEN) if key else str(error)
            where = without_secrets(self.base_url) if self.base_url else "OpenAI"
            raise ModelError(f"Embedding by {self.model!r} at {where} failed: {why}") from error
        if len(answer.data) != len(texts):
            raise ModelError(
                f"{self.model!r} gave {len(answer.data)} embeddings for {len(texts)} texts."
            )
        return [item.embedding for item in answer.data]

    @cached_property
    def _client(self) -> OpenAI:
        from openai import OpenAI

        # The client insists on a key; a local server does not.
        key = os.environ.get("OPENAI_API_KEY") or ("none" if self.base_url else None)
        return OpenAI(base_url=self.base_url, api_key=key)
