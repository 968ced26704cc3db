"""What models behind an HTTP API have in common: settings, secrets, connections, errors."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, ClassVar

from vs_core.errors import ConfigurationError, ModelError
from vs_core.redaction import HIDDEN, redacted, without_secrets

__all__ = ["Endpoint", "require_parameters"]


class Endpoint:
    """A model behind an HTTP API, by its provider's own client.

    A key, a header and whatever else looks like a secret stands in no repr, record or error; a
    pickle has the key only if it was given here and does not stand in the environment.

    Args:
        model: Name of the model.
        base_url: Where it is; None is the provider's own place, or that of the environment.
        api_key: None takes that of the environment.
        parameters: Of each call, passed through.
        options: Of the provider's client; those that are None are left to it.
    """

    provider: ClassVar[str]
    """The provider's name, and that of its package in lower case."""

    def __init__(
        self,
        model: str,
        base_url: str | None,
        api_key: str | None,
        parameters: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> None:
        self.model = model
        self.base_url = base_url or os.environ.get(f"{self.provider.upper()}_BASE_URL")
        self.parameters = dict(parameters)
        self._api_key = api_key
        self._options = {name: value for name, value in options.items() if value is not None}

    @property
    def settings(self) -> dict[str, Any]:
        """What its answers depend on, as JSON can write it, without secrets.

        Two models of the same settings are the same model to an experiment that goes on.
        """
        where = self.base_url and without_secrets(self.base_url)
        return {"model": self.model, "base_url": where, **redacted(self.parameters)}

    def __repr__(self) -> str:
        shown = {**self.settings, **redacted(self._options)}
        name = shown.pop("model")
        parts = [
            f"{key}={value!r}" for key, value in shown.items() if value not in (None, False, True)
        ]
        return f"{type(self).__name__}({', '.join([repr(name), *parts])})"

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the clients, which hold connections, and a key of the environment."""
        state = {n: v for n, v in vars(self).items() if n not in ("_client", "_async_client")}
        if self._api_key == os.environ.get(self._variable):
            state["_api_key"] = None
        return state

    def close(self) -> None:
        """Close the connections of synchronous calls; the next call opens new ones."""
        if client := self.__dict__.pop("_client", None):
            client.close()

    async def aclose(self) -> None:
        """Close those of asynchronous calls, which belong to the event loop they were made in.

        Do it at the end of a loop where one model serves several, as by `asyncio.run` twice.
        """
        if client := self.__dict__.pop("_async_client", None):
            await client.close()

    @property
    def _variable(self) -> str:
        """The variable of the environment that holds the key."""
        return f"{self.provider.upper()}_API_KEY"

    @property
    def _key(self) -> str | None:
        key = self._api_key or os.environ.get(self._variable)
        # The client insists on a key; a local server does not.
        return key or ("none" if self.base_url else None)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn the client's errors into `ModelError` that says where, keeping the cause."""
        package = import_module(self.provider.lower())
        own = getattr(package, f"{self.provider}Error")
        try:
            yield
        except _failures(own) as error:
            where = without_secrets(self.base_url) if self.base_url else self.provider
            why = str(error).rstrip(".")
            if isinstance(error, package.APIConnectionError) and error.__cause__ is not None:
                why = f"{why} ({type(error.__cause__).__name__}: {error.__cause__})"
            if self._key:
                why = why.replace(self._key, HIDDEN)
            raise ModelError(f"The call of {self.model!r} at {where} failed: {why}.") from error


def _failures(own: type[Exception]) -> tuple[type[Exception], ...]:
    """How calls fail: the client's own errors, and in mid-stream those of what carries them.

    That is httpx, or httpx2 in newer clients: whichever is loaded.
    """
    carriers = (sys.modules.get(name) for name in ("httpx", "httpx2"))
    return (own, *(carrier.HTTPError for carrier in carriers if carrier is not None))


def require_parameters(create: Callable[..., Any], parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that the client's own method does not have.

    Raises:
        ConfigurationError: If there is one.
    """
    ours = {"self", "model", "messages", "stream"}
    unknown = parameters.keys() - (inspect.signature(create).parameters.keys() - ours)
    if unknown:
        raise ConfigurationError(
            f"The API has no parameter {', '.join(map(repr, sorted(unknown)))}. What only this "
            f"endpoint knows goes into extra_body={{{min(unknown)!r}: …}}."
        )
