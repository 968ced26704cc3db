"""What is compared: strategies under their own options, and models, at every setting of a grid."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from vs_core.caller import Complete
from vs_core.errors import ConfigurationError
from vs_core.messages import as_messages
from vs_core.strategies import Strategy, strategy_of

__all__ = ["ASKED", "SENT", "Grid", "arms_of", "models_at"]

Grid = Mapping[str, Iterable[Any]]
"""The values of each option that is varied."""

ASKED = ("k", "threshold", "probability", "format")
"""What of a strategy a grid may vary."""

SENT = ("temperature", "top_p", "min_p")
"""What of a model a grid may vary."""

_UNNAMED = ("n", "threshold")
"""Options that no name of an arm holds: all have the same n, and the threshold stands beside it."""


def arms_of(
    strategies: Iterable[str | Strategy] | Mapping[str, str | Strategy],
    grid: Grid,
    *,
    n: int,
    **options: Any,
) -> list[tuple[str, Strategy]]:
    """Return what is compared, by name: every strategy at every setting of the grid, each once.

    What a strategy object was made with is its own, and neither ``options`` nor the grid change it.
    What means nothing to a strategy is not varied: settings under which it asks the same thing are
    one arm. Arms of one strategy are named by the options in which they differ:
    ``vs_standard k=3``; the threshold is no part of the name.

    Args:
        strategies: Registered names or strategies; by names of yours, if a mapping.
        grid: Values of the options in `ASKED`.
        n: Answers to each prompt, of all alike.
        **options: Of all strategies that do not have their own.

    Raises:
        ConfigurationError: If two arms cannot be told apart, an option cannot work, or a strategy
            was made with another n.
    """
    if isinstance(strategies, str):
        raise ConfigurationError(f"Give a list of strategies, not one string: {strategies!r}.")
    if isinstance(strategies, Mapping):
        pairs = list(strategies.items())
    else:
        pairs = [("", strategy) for strategy in strategies]
    found = [
        (name or variant.name, variant)
        for name, base in pairs
        for variant in _variants(_made(base, n, options), _own(base), grid)
    ]
    if not found:
        raise ConfigurationError("Give at least one strategy.")
    families: dict[str, list[Strategy]] = {}
    for name, strategy in found:
        families.setdefault(name, []).append(strategy)
    arms = [(_name(name, strategy, families[name]), strategy) for name, strategy in found]
    for (name, threshold), times in Counter((name, s.threshold) for name, s in arms).items():
        if times > 1:
            at = "" if threshold is None else f" at the threshold {threshold:g}"
            raise ConfigurationError(
                f"The strategy {name!r} is there twice{at}. To compare options that do not show, "
                "give names of your own: {'mine': VSStandard(…), …}."
            )
    return arms


def _own(strategy: str | Strategy) -> frozenset[str]:
    return frozenset() if isinstance(strategy, str) else strategy.given


def _made(base: str | Strategy, n: int, options: Mapping[str, Any]) -> Strategy:
    """The strategy with n, and with those options that are not its own."""
    own = _own(base)
    if not isinstance(base, str) and "n" in own and base.n not in (None, n):
        raise ConfigurationError(
            f"{base.name} was made with n={base.n!r}, but all strategies give the same number of "
            f"answers, n={n} here: give n to the experiment."
        )
    return strategy_of(base, n=n, **{k: v for k, v in options.items() if k not in own})


def _variants(strategy: Strategy, own: frozenset[str], grid: Grid) -> list[Strategy]:
    """The strategy at each setting; once, where settings make no difference to what it asks."""
    varied = [name for name in grid if name not in own]
    settings = [
        dict(zip(varied, values, strict=True))
        for values in product(*(dict.fromkeys(grid[name]) for name in varied))
    ]
    found: dict[Any, Strategy] = {}
    for setting in settings:
        variant = strategy.replace(**setting)
        if not variant.verbalizes:
            variant = variant.replace(threshold=None)
        found.setdefault((variant.threshold, _asks(variant)), variant)
    return list(found.values())


def _asks(strategy: Strategy) -> tuple[Any, ...]:
    """What a strategy asks: calls of which sizes, in which words."""
    sizes = strategy.sizes()
    task = as_messages("A task.")
    return tuple(sizes), repr([strategy.messages(task, size) for size in dict.fromkeys(sizes)])


def _name(name: str, strategy: Strategy, family: list[Strategy]) -> str:
    """The name with the options in which the arms of the same name differ."""
    parts = [name]
    for option in dataclasses.fields(strategy):
        values = [_shown(getattr(each, option.name, None)) for each in family]
        if option.name not in _UNNAMED and len(set(values)) > 1:
            parts.append(f"{option.name}={_shown(getattr(strategy, option.name))}")
    return " ".join(parts)


def _shown(value: Any) -> str:
    if value is None or isinstance(value, (str, int, float)):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return str(getattr(value, "name", None) or getattr(value, "__name__", type(value).__name__))


def models_at(models: Mapping[str, Complete], grid: Grid) -> dict[str, Complete]:
    """Return each model at each setting of the grid, by names that tell them apart.

    Args:
        models: By name; with a grid each with ``replace``, as `vs_core.clients.OpenAIModel` has it.
        grid: Values of the parameters in `SENT`; None leaves a parameter as it is.

    Raises:
        ConfigurationError: If a model cannot be told parameters.
    """
    varied = {name: list(dict.fromkeys(values)) for name, values in grid.items()}
    if all(values == [None] for values in varied.values()):
        return dict(models)
    return {
        _model_name(name, setting): _told(name, model, setting)
        for name, model in models.items()
        for values in product(*varied.values())
        for setting in [dict(zip(varied, values, strict=True))]
    }


def _model_name(name: str, setting: Mapping[str, Any]) -> str:
    """``gpt at 0.7``, ``gpt at 0.7, top_p 0.9``."""
    parts = [
        f"{value:g}" if option == "temperature" else f"{option} {value:g}"
        for option, value in setting.items()
        if value is not None
    ]
    return f"{name} at {', '.join(parts)}" if parts else name


def _told(name: str, model: Any, setting: Mapping[str, Any]) -> Complete:
    replace = getattr(model, "replace", None)
    if replace is None:
        raise ConfigurationError(
            f"A grid over {', '.join(setting)} tells a model so by model.replace(…), which an "
            f"OpenAIModel has; {name!r} has no such method. Give several models by name."
        )
    changed = {key: value for key, value in setting.items() if value is not None}
    if "min_p" in changed:  # no parameter of OpenAI's: it goes into the body as it is
        before = getattr(model, "parameters", {}).get("extra_body") or {}
        changed["extra_body"] = {**before, "min_p": changed.pop("min_p")}
    told: Complete = replace(**changed)
    return told
