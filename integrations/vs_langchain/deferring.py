"""What is asked of a sampler before it has a model, kept until it has one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import BaseModel, Field

from vs_core import ConfigurationError

__all__ = ["Deferring", "with_the_model"]


class Deferring(BaseModel):
    """The methods by which any Runnable is adapted and composed with what follows.

    A sampler that has no model keeps what was asked of it; once it has one, it is done.
    """

    deferred: tuple[Any, ...] = Field(default=(), exclude=True, repr=False)
    """Methods of a Runnable with their arguments, in order."""

    def _has_model(self) -> bool:
        raise NotImplementedError

    def _adapted(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """What a method of any Runnable gives; without a model, as soon as it has one."""
        if not self._has_model():
            deferred = (*self.deferred, (method, args, kwargs))
            return self.model_copy(update={"deferred": deferred})
        return getattr(super(), method)(*args, **kwargs)

    def bind(self, **kwargs: Any) -> Any:
        """Bind settings of the model; see `Runnable.bind`."""
        return self._adapted("bind", **kwargs)

    def pipe(self, *others: Any, name: str | None = None) -> Any:
        """Compose with what follows; see `Runnable.pipe`."""
        return self._adapted("pipe", *others, name=name)

    def with_config(self, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """See `Runnable.with_config`."""
        return self._adapted("with_config", config, **kwargs)

    def with_listeners(self, **listeners: Any) -> Any:
        """See `Runnable.with_listeners`."""
        return self._adapted("with_listeners", **listeners)

    def with_alisteners(self, **listeners: Any) -> Any:
        """See `Runnable.with_alisteners`."""
        return self._adapted("with_alisteners", **listeners)

    def with_types(self, **types: Any) -> Any:
        """See `Runnable.with_types`."""
        return self._adapted("with_types", **types)

    def with_retry(self, **options: Any) -> Any:
        """Try the whole request again when it fails; see `Runnable.with_retry`."""
        return self._adapted("with_retry", **options)

    def with_fallbacks(self, fallbacks: Sequence[Runnable[Any, Any]], **options: Any) -> Any:
        """See `Runnable.with_fallbacks`."""
        return self._adapted("with_fallbacks", fallbacks, **options)

    def configurable_fields(self, **fields: Any) -> Any:
        """Open arguments to ``config["configurable"]``; see `Runnable.configurable_fields`.

        Raises:
            ConfigurationError: If one of them is no argument.
        """
        fields = {"schema_" if name == "schema" else name: f for name, f in fields.items()}
        unknown = fields.keys() - type(self).model_fields.keys()
        if unknown:
            raise ConfigurationError(f"{type(self).__name__} has no argument {sorted(unknown)}.")
        return self._adapted("configurable_fields", **fields)

    def configurable_alternatives(self, which: Any, **alternatives: Any) -> Any:
        """See `Runnable.configurable_alternatives`."""
        return self._adapted("configurable_alternatives", which, **alternatives)


def with_the_model(deferring: Any, model: Any, after: Any) -> Any:
    """Return a sampler over a model, with all done that was asked of it before."""
    sampler = deferring.model_copy(update={"model": model, "after": after, "deferred": ()})
    for method, args, kwargs in deferring.deferred:
        args, kwargs = _all_over((args, kwargs), model, after)
        sampler = getattr(sampler, method)(*args, **kwargs)
    return sampler


def _all_over(value: Any, model: Any, after: Any) -> Any:
    """Arguments in which every sampler without a model gets this one."""
    if isinstance(value, Deferring) and not value._has_model():
        return with_the_model(value, model, after)
    if type(value) in (list, tuple):
        return type(value)(_all_over(item, model, after) for item in value)
    if type(value) is dict:
        return {key: _all_over(item, model, after) for key, item in value.items()}
    return value
