"""Anthropic's message batches, by its own client, and the lines that it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vs_core.anthropic import AnthropicModel, completion_of_message
from vs_core.errors import ConfigurationError, ModelError
from vs_core.generation.batches.files import Wanted
from vs_core.messages import Completion

__all__ = ["AnthropicBatches"]


class AnthropicBatches:
    """Anthropic's message batches, by its own client.

    The API takes requests inline, and not as a file; the files are there to be looked at, and are
    what is handed in. One is held in memory while it is.

    Args:
        model: The model, with its endpoint, key and parameters.
    """

    most_requests = 100_000
    most_bytes = 240 * 2**20  # Anthropic takes 256 MB, by which it may mean either

    def __init__(self, model: AnthropicModel) -> None:
        self._model = model

    def submit(self, path: Path) -> str:
        """See `Batches.submit`.

        Raises:
            ConfigurationError: If the provider refused the requests.
        """
        with path.open(encoding="utf-8") as file:
            requests = [json.loads(line) for line in file]
        try:
            with self._model.errors():
                batch = self._model.client.messages.batches.create(requests=requests)
        except ModelError as error:
            if getattr(error.__cause__, "status_code", None) in (400, 413):
                raise ConfigurationError(f"The provider refused {path}: {error}") from error
            raise
        found: str = batch.id
        return found

    def ended(self, batch: str) -> bool:
        """See `Batches.ended`."""
        with self._model.errors():
            found = self._model.client.messages.batches.retrieve(batch)
        return bool(found.processing_status == "ended")

    def results(self, batch: str) -> Iterator[str]:
        """See `Batches.results`."""
        with self._model.errors():
            for result in self._model.client.messages.batches.results(batch):
                yield result.to_json(indent=None, warnings=False)

    def line(self, wanted: Wanted) -> dict[str, Any]:
        """See `FileFormat.line`."""
        return {"custom_id": wanted.id, "params": self._model.body(wanted.request)}

    def completion(self, line: Mapping[str, Any]) -> Completion | None:
        """See `FileFormat.completion`; a result that is none is errored, expired or cancelled."""
        result = line["result"]
        if result["type"] != "succeeded":
            return None
        return completion_of_message(result["message"])
