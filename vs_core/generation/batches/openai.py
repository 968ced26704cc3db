"""OpenAI's batches, by its own client, and the files that it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vs_core.clients import OpenAIModel
from vs_core.errors import ConfigurationError
from vs_core.generation.batches.files import Wanted
from vs_core.messages import Completion

__all__ = ["OpenAIBatches"]


class OpenAIBatches:
    """OpenAI's batches, by its own client, or those of an endpoint that has the same.

    Args:
        model: The model, with its endpoint, key and parameters.
    """

    most_requests = 50_000
    most_bytes = 190 * 2**20  # OpenAI takes 200 MB, by which it may mean either

    def __init__(self, model: OpenAIModel) -> None:
        self._model = model

    def submit(self, path: Path) -> str:
        """See `Batches.submit`."""
        client = self._model.client
        with self._model.errors(), path.open("rb") as file:
            uploaded = client.files.create(file=file, purpose="batch")
            batch = client.batches.create(
                input_file_id=uploaded.id,
                endpoint="/v1/chat/completions",
                completion_window="24h",
            )
        found: str = batch.id
        return found

    def ended(self, batch: str) -> bool:
        """See `Batches.ended`.

        Raises:
            ConfigurationError: If the provider refused the file.
        """
        with self._model.errors():
            found = self._model.client.batches.retrieve(batch)
        if found.status == "failed":
            errors = getattr(found.errors, "data", None) or []
            said = "; ".join(str(each.message) for each in errors) or "it does not say why"
            raise ConfigurationError(f"The provider refused the batch {batch}: {said}.")
        return found.status in ("completed", "expired", "cancelled")

    def results(self, batch: str) -> Iterator[str]:
        """See `Batches.results`."""
        client = self._model.client
        with self._model.errors():
            found = client.batches.retrieve(batch)
            for file in (found.output_file_id, found.error_file_id):
                if file:
                    with client.files.with_streaming_response.content(file) as response:
                        yield from response.iter_lines()

    def line(self, wanted: Wanted) -> dict[str, Any]:
        """See `FileFormat.line`."""
        body = self._model.body(wanted.request)
        return {
            "custom_id": wanted.id,
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": body,
        }

    def completion(self, line: Mapping[str, Any]) -> Completion | None:
        """See `FileFormat.completion`."""
        response = line["response"] or {}
        if not response or response.get("status_code", 200) != 200:
            return None
        body = response["body"]
        choice = body["choices"][0]
        message = choice["message"]
        usage = body.get("usage") or {}
        names = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens"}
        return Completion(
            message.get("content") or message.get("refusal") or "",
            {ours: usage[theirs] for ours, theirs in names.items() if theirs in usage},
            None,
            message.get("reasoning_content"),
            choice.get("finish_reason"),
            body.get("model"),
        )
