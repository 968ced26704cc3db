"""What may be a model of a run, and how it is called."""

from __future__ import annotations

from typing import Any

from vs_core.caller import Complete
from vs_core.errors import ConfigurationError
from vs_core.messages import Request
from vs_core.plugins import plugins

__all__ = ["complete_of"]


def complete_of(model: Any) -> Complete:
    """Return how a model is called.

    Args:
        model: A callable from a request to a text or a completion; what has an ``acomplete``; or
            the model of a framework whose integration is installed.

    Raises:
        ConfigurationError: If it is none of these.
    """
    made = plugins.model(model)
    if made is not None:
        return _Named(model, made)
    if callable(getattr(model, "acomplete", None)):  # one of ours, without blocking
        return _Named(model, model.acomplete)
    if callable(model):
        return model  # type: ignore[no-any-return]
    raise ConfigurationError(
        f"A model is a callable from a request to a text, or one of a framework whose integration "
        f"is installed; {type(model).__name__} is neither."
    )


class _Named:
    """How a model is called without blocking, known by the model's own name and settings."""

    def __init__(self, model: Any, complete: Complete) -> None:
        self._complete = complete
        self.model = getattr(model, "model", None) or getattr(model, "model_name", None)
        self.__name__ = type(model).__name__
        self.parameters = getattr(model, "parameters", {})
        self.settings = getattr(model, "settings", {})

    async def __call__(self, request: Request) -> Any:
        return await self._complete(request)
