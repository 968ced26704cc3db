"""OpenAI's batches, by its own client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vs_core.clients import OpenAIModel
from vs_core.errors import ConfigurationError

__all__ = ["OpenAIBatches"]


class OpenAIBatches:
    """OpenAI's batches, by its own client, or those of an endpoint that has the same.

    Args:
        model: The model, with its endpoint, key and parameters.
    """

    def __init__(self, model: OpenAIModel) -> None:
        self._model = model

    def submit(self, path: Path) -> str:
        """See `Batches.submit`."""
        client = self._model.client
        with path.open("rb") as file:
            uploaded = client.files.create(file=file, purpose="batch")
        batch = client.batches.create(
            input_file_id=uploaded.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        found: str = batch.id
        return found

    def ended(self, batch: str) -> bool:
        """See `Batches.ended`.

        Raises:
            ConfigurationError: If the provider refused the file.
        """
        found = self._model.client.batches.retrieve(batch)
        if found.status == "failed":
            errors = getattr(found.errors, "data", None) or []
            said = "; ".join(str(each.message) for each in errors) or "it does not say why"
            raise ConfigurationError(f"The provider refused the batch {batch}: {said}.")
        return found.status in ("completed", "expired", "cancelled")

    def results(self, batch: str) -> Iterator[str]:
        """See `Batches.results`."""
        client = self._model.client
        found = client.batches.retrieve(batch)
        for file in (found.output_file_id, found.error_file_id):
            if file:
                with client.files.with_streaming_response.content(file) as response:
                    yield from response.iter_lines()
