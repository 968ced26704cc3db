"""`verbalize`: an existing program, with its predictors verbalized."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import dspy

from vs_core import ConfigurationError
from vs_dspy.sampler import VerbalizedSampler

__all__ = ["verbalize"]


def verbalize(
    program: dspy.Module, k: int = 5, *, names: Collection[str] | None = None, **options: Any
) -> dspy.Module:
    """Return a copy of a program with each ``Predict`` and ``ChainOfThought`` verbalized.

    They keep their names, instructions, demos, language model and settings, and load each other's
    states. A ``dspy.ChainOfThought`` keeps its field of reasoning: the strategy of its predictor is
    ``"vs_cot"`` unless another is given.
    Subclasses, and what is verbalized already, stay as they are. Callbacks of single modules are
    not copied: DSPy's own ``deepcopy`` does not copy them.

    Args:
        program: A program, or a single ``Predict`` or ``ChainOfThought``.
        k: Candidates a call, at least 1.
        names: Only those with these names, which ``program.named_predictors()`` gives; default:
            all.
        **options: Further options of `VerbalizedSampler`.

    Returns:
        The copy; the program itself stays as it was.

    Raises:
        ConfigurationError: If an option cannot work, a predictor has a field with a name of ours, a
            name is none of the program's, or there is nothing to verbalize.
    """
    conversion = _Conversion(k, names, options)
    converted: dspy.Module = conversion.of(program.deepcopy(), "")
    unknown = set(names or ()) - conversion.found.keys()
    if unknown or not conversion.found:
        known = ", ".join(conversion.found) or "none"
        what = f"no predictor named {sorted(unknown)}" if unknown else "nothing to verbalize"
        raise ConfigurationError(
            f"{type(program).__name__} has {what}; its Predict and ChainOfThought: {known}."
        )
    return converted


class _Conversion:
    """One walk through a program; what stands in it twice is converted once."""

    def __init__(self, k: int, names: Collection[str] | None, options: dict[str, Any]) -> None:
        self.k = k
        self.names = names
        self.options = options
        self.found: dict[str, None] = {}
        self._done: dict[int, Any] = {}
        self._kept: list[Any] = []  # or an id could be given out again

    def of(self, value: Any, path: str) -> Any:
        """Return what is to stand in the place of ``value``."""
        if isinstance(value, (list, tuple)):
            items = [self.of(item, f"{path}[{index}]") for index, item in enumerate(value)]
            changed = any(new is not old for new, old in zip(items, value, strict=True))
            return type(value)(items) if changed else value
        if isinstance(value, dict):
            for key, item in list(value.items()):
                value[key] = self.of(item, f"{path}[{key!r}]")
            return value
        if not isinstance(value, dspy.Module) or isinstance(value, VerbalizedSampler):
            return value
        if id(value) not in self._done:
            self._kept.append(value)
            self._done[id(value)] = value  # a program may hold itself
            self._done[id(value)] = self._of_module(value, path)
        return self._done[id(value)]

    def _of_module(self, module: dspy.Module, path: str) -> dspy.Module:
        if type(module) is dspy.Predict:
            return self._verbalized(module, path or "self", self.options)
        reasons = type(module) is dspy.ChainOfThought
        for attribute, value in list(vars(module).items()):
            inner = f"{path}.{attribute}".lstrip(".")
            if reasons and attribute == "predict" and type(value) is dspy.Predict:
                options = {"strategy": "vs_cot", **self.options}
                module.predict = self._verbalized(value, inner, options)
            else:
                new = self.of(value, inner)
                if new is not value:
                    setattr(module, attribute, new)
        return module

    def _verbalized(self, predict: Any, name: str, options: dict[str, Any]) -> Any:
        self.found[name] = None
        if self.names is not None and name not in self.names:
            return predict
        try:
            sampler = VerbalizedSampler(predict.signature, k=self.k, **options)
        except ConfigurationError as error:
            raise ConfigurationError(f"{name}: {error}") from error
        # How many completions a call gives is what k says now.
        config = {key: value for key, value in predict.config.items() if key != "n"}
        sampler.config = {**config, **sampler.config}
        sampler.demos = list(predict.demos)
        sampler.lm = predict.lm
        return sampler
