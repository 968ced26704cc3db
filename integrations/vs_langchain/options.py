"""The options of a strategy as fields, which every part of this integration has."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from vs_core import Strategy
from vs_core.plugins import plugins
from vs_core.prompts import DEFAULT_PROMPTS, Prompts
from vs_core.strategies import strategy_of
from vs_core.strategies.base import Options

__all__ = ["ChainOptions", "PartOptions", "StrategyOptions"]


class ChainOptions(Options, total=False):
    """What a strategy can be told, but for the type of its candidates; for type checkers."""

    strategy: str | Strategy | None
    prompts: Prompts | Mapping[str, Any]  # type: ignore[misc]  # as it is serialised, too


class PartOptions(ChainOptions, total=False):
    """What a part that LangChain runs can be told besides."""

    schema: Any
    name: str | None


class StrategyOptions(BaseModel):
    """Fields for what a strategy can be told, so that LangChain can configure and serialise it.

    The fields are those of `vs_core.strategies.Strategy`, which says what they mean. As a field,
    ``schema`` is called ``schema_``, because pydantic has the other name, and ``prompts`` holds the
    templates that are not the default ones; what the strategy takes is accepted for both.

    Raises:
        ConfigurationError: If a name is unknown or an option cannot work.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, populate_by_name=True)

    strategy: Any = "vs_standard"
    k: int = 5
    n: int | Literal["auto"] | None = None
    threshold: float | None = None
    probability: str = "explicit"
    format: Any = "json"
    retries: int = 1
    on_unparsed: str = "raise"
    on_failure: str = "raise"
    strict: bool = False
    schema_: Any = Field(default=None, alias="schema")
    prompts: dict[str, Any] | None = Field(default=None, repr=False)
    options: dict[str, Any] = Field(default_factory=dict)
    """Options that only the strategy of a plugin has."""

    _SHARED: ClassVar[tuple[str, ...]] = (
        "k", "n", "threshold", "probability", "format", "retries", "on_unparsed", "on_failure",
        "strict", "schema", "prompts",
    )  # fmt: skip

    def __init__(self, **data: Any) -> None:
        super().__init__(**self._gathered(data))

    @classmethod
    def _gathered(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Sort what was given into fields and options, by what the strategy makes of them."""
        own = {name: data.pop(name) for name in cls.model_fields.keys() - _OPTIONS if name in data}
        given = {**data.pop("options", {}), **data}
        if "schema_" in given:
            given["schema"] = given.pop("schema_")
        given |= _prompts(given.pop("prompts", None))
        strategy = strategy_of(given.pop("strategy", None), **given)
        parts = [part for part in dataclasses.fields(strategy) if part.init]
        values = {part.name: getattr(strategy, part.name) for part in parts}
        shared = {name: values.pop(name) for name in cls._SHARED}
        shared["prompts"] = _changed(shared["prompts"])
        defaults = {part.name: part.default for part in parts}
        further = {
            name: value for name, value in values.items()
            if name in given or value != defaults[name]
        }  # fmt: skip
        return {**own, **shared, "strategy": _name(strategy), "options": further}

    def _given(self) -> dict[str, Any]:
        """The options, as they can be given to another part."""
        plain = {name: getattr(self, name) for name in self._SHARED[:-2]}
        special = {"schema": self.schema_, **_prompts(self.prompts)}
        return {"strategy": self.strategy, **plain, **special, **self.options}

    def _strategy(self) -> Strategy:
        """The strategy that the fields describe."""
        return strategy_of(**self._given())

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            if name not in ("first", "middle", "last") and value != {}:
                yield name, value

    def __repr__(self) -> str:
        return BaseModel.__repr__(self)  # a sequence would show its steps

    __str__ = __repr__

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """It is, as far as what it holds is."""
        return True

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """Where LangChain finds the class again."""
        return ["vs_langchain"]


_OPTIONS = frozenset(StrategyOptions.model_fields)


def _prompts(templates: Any) -> dict[str, Any]:
    """The option for the words, where they are not the default ones."""
    if templates is None:
        return {}
    return {"prompts": Prompts(**templates) if isinstance(templates, Mapping) else templates}


def _changed(prompts: Prompts) -> dict[str, Any] | None:
    """The templates that are not the default ones."""
    default = dataclasses.asdict(DEFAULT_PROMPTS)
    return {n: t for n, t in dataclasses.asdict(prompts).items() if t != default[n]} or None


def _name(strategy: Strategy) -> Any:
    """A strategy's registered name, which can be serialised; itself if it has none."""
    registered = plugins.factory("strategies", strategy.name)
    return strategy.name if registered is type(strategy) else strategy
