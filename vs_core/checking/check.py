"""`check`: a dozen calls that say whether a model does Verbalized Sampling, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from vs_core.checking.findings import Check
from vs_core.checking.probes import Mode, Probe, ProbeResult, asked
from vs_core.checks import require_count
from vs_core.concurrency import in_parallel
from vs_core.errors import ConfigurationError, ModelError
from vs_core.messages import Completion, Request
from vs_core.progress import Advance, Progress, shown
from vs_core.strategies.base import Strategy, strategy_of

__all__ = ["FORMATS", "PROMPTS", "Checkable", "check"]

PROMPTS = (
    "Tell me a joke about coffee.",
    "Name a US state.",
    "Write the opening line of a story about a lighthouse.",
)
"""What is asked about: something made up, something known, something made up at more length."""

FORMATS = ("json", "tags", "lines")
_FURTHER_CALLS = 9  # the first format again, a stream, the strategies and simpler things
TAIL = 0.1
"""The threshold that is tried: the paper's usual one."""


class Checkable(Protocol):
    """A model that can be checked: `vs_core.clients.OpenAIModel` is one."""

    model: str

    def __call__(self, request: Request) -> Completion:
        """Answer a request."""

    def stream(self, request: Request) -> Iterator[str | Completion]:
        """Answer a request piece by piece."""

    def replace(self, **settings: Any) -> Checkable:
        """Return it with other settings: ``structured``, ``bounds``."""


def check(
    model: Checkable,
    *,
    prompts: Sequence[str] = PROMPTS,
    k: int = 5,
    formats: Sequence[str] = FORMATS,
    repeats: int = 1,
    concurrency: int = 1,
    progress: bool | Progress = False,
) -> Check:
    """Ask a model about a dozen times, and say whether and how it does Verbalized Sampling.

    Nothing is asked again, so that what is seen is what the model does by itself. First the formats
    are tried, streams and structured output; then the strategies, the tail, and more candidates, in
    the format that was read best.

    Args:
        model: The model.
        prompts: What is asked about; at least one. They take turns.
        k: Candidates a call, at least 2.
        formats: Names of registered formats, at least one.
        repeats: How often everything is asked, at least 1; more gives narrower intervals.
        concurrency: Most calls at once. With more than 1, seconds are those of a busy endpoint.
        progress: True shows a bar on standard error; a function is called with the number of calls
            done and of those expected, after each.

    Returns:
        What was found.

    Raises:
        ModelError: If the first call fails: a wrong key or address is not the model's fault.
        ConfigurationError: If an option cannot work.
    """
    if require_count("k", k) < 2:
        raise ConfigurationError("k must be at least 2: one candidate is no distribution.")
    if not prompts or not formats:
        raise ConfigurationError("A check needs at least one prompt and one format.")
    require_count("repeats", repeats)
    require_count("concurrency", concurrency)
    expected = (_FURTHER_CALLS + len(formats) + ("json" in formats)) * repeats
    with shown(progress, expected) as advance:
        run = _CheckRun(model, prompts, k, tuple(formats), repeats, concurrency, advance)
        run.formats()
        run.strategies()
    return run.check()


class _CheckRun:
    """A check under way."""

    def __init__(
        self,
        model: Checkable,
        prompts: Sequence[str],
        k: int,
        formats: tuple[str, ...],
        repeats: int,
        concurrency: int,
        advance: Advance | None,
    ) -> None:
        self._model = model
        self._bounds = True
        self._prompts = prompts
        self._k = k
        self._formats = formats
        self._repeats = repeats
        self._concurrency = concurrency
        self._advance: Advance = advance or (lambda: None)
        self._asked = 0
        self._results: list[ProbeResult] = []

    def check(self) -> Check:
        """What was found so far."""
        return Check(self._model.model, self._k, tuple(self._results), bounds=self._bounds)

    def formats(self) -> None:
        """Each format, a stream, and the schema alone."""
        first, *others = self._formats
        begun = self._ask(self._probe("format", first))
        if begun[0].outcome == "failed":
            raise ModelError(f"The first call of {self._model.model!r} failed: {begun[0].error}")
        self._ask(
            self._probe("format", first),
            *(self._probe("format", name) for name in others),
            self._probe("stream", first, mode="stream"),
        )
        if "json" not in self._formats:  # the one that has a schema
            return
        (found, *_) = self._ask(self._probe("schema", "json", mode="schema alone"))
        if found.outcome == "failed":  # some take a schema, without bounds
            self._bounds = False
            self._ask(self._probe("schema", "json", mode="schema alone"))
        if self.check().structured == "enforced" and not self.check().settled("json"):
            self._ask(self._probe("format", "json", mode="schema"))

    def strategies(self) -> None:
        """The strategies, the tail and more candidates; where nothing is read, simpler things."""
        found = self.check()
        mode: Mode = "schema" if found.by_schema else "whole"
        if found.any_read:
            probe = partial(self._probe, format=found.format, mode=mode)
            self._ask(
                probe("reasons", strategy="vs_cot"),
                probe("turns", strategy="vs_multi", n=2 * self._k),
                probe("tail", threshold=TAIL),
                probe("many", k=3 * self._k),
            )
        self._ask(
            self._probe("list", found.format, strategy="sequence"),
            self._probe("direct", found.format, strategy="direct", k=1),
        )

    def _probe(
        self, name: str, format: str, *, mode: Mode = "whole", strategy: str = "vs_standard",
        **options: Any,
    ) -> Probe:  # fmt: skip
        """A probe about the prompt whose turn it is."""
        prompt = self._prompts[self._asked % len(self._prompts)]
        self._asked += 1
        given = {"k": self._k, "format": format, "retries": 0, **options}
        made: Strategy = strategy_of(strategy, **given)
        return Probe(name, made, prompt, mode)

    def _ask(self, *probes: Probe) -> list[ProbeResult]:
        """Ask probes, as often as everything is asked, each time about the next prompt."""
        jobs = [
            partial(self._answers, replace(probe, prompt=self._after(probe.prompt, turn)))
            for probe in probes
            for turn in range(self._repeats)
        ]
        found: list[ProbeResult | None] = [None] * len(jobs)
        for number, result in in_parallel(jobs, self._concurrency, lambda _: False):
            if not isinstance(result, ProbeResult):
                raise result.error
            found[number] = result
            for _ in result.completions or [None]:
                self._advance()
        results = [result for result in found if result is not None]
        self._results += results
        return results

    def _answers(self, probe: Probe) -> Iterator[ProbeResult]:
        yield asked(probe, self._complete(probe), self._model.stream)

    def _after(self, prompt: str, turns: int) -> str:
        """The prompt that comes some turns after another."""
        return self._prompts[(self._prompts.index(prompt) + turns) % len(self._prompts)]

    def _complete(self, probe: Probe) -> Callable[[Request], Completion]:
        if probe.mode in ("whole", "stream"):
            return self._model
        return self._model.replace(structured=True, bounds=self._bounds)
