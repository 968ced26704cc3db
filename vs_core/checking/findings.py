"""What a check found, and what follows from it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from vs_core.checking.probes import ProbeResult
from vs_core.messages import Completion
from vs_core.profiles import Figure, Profile

__all__ = ["Check", "Structured", "Verdict", "share"]

Verdict = Literal["yes", "partly", "no"]
Structured = Literal["enforced", "ignored", "refused", "not tried"]

_WELL, _SOMETIMES = 0.8, 0.4
"""Shares of answers: from the first on it does a thing, from the second on sometimes."""
_MOST_MASS = 1.2
"""What the probabilities of a call may sum to without a word: models round."""
_LEAST_DISTINCT = 0.6
"""Share of the candidates that must differ: one text k times is no distribution."""


def share(holds: Iterable[bool]) -> Figure:
    """Return the share of things that hold, with its 95 % interval.

    Returns:
        A figure on [0, 1]; nan of nothing.

    Source: the interval is that of Wilson 1927 (Journal of the American Statistical Association).
    """
    seen = list(holds)
    n = len(seen)
    if not n:
        return Figure(float("nan"), n=0, unit="share")
    p = sum(seen) / n
    z = statistics.NormalDist().inv_cdf(0.975)
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return Figure(p, max(0.0, middle - half), min(1.0, middle + half), n, "share")


@dataclass(frozen=True)
class Check:
    """What was found of a model.

    Args:
        model: Its name.
        k: Candidates that were asked for in a call.
        results: What came of each probe.
        bounds: Whether a schema with bounds is taken.
        simulated: Whether the model is.
    """

    model: str
    k: int
    results: tuple[ProbeResult, ...]
    bounds: bool = True
    simulated: bool = False

    def of_simulated(self, simulated: bool = True) -> Check:
        """Return this as a check of a simulated model."""
        return replace(self, simulated=simulated)

    # --- what was seen -------------------------------------------------------------------------

    def of(self, *probes: str, format: str | None = None) -> list[ProbeResult]:
        """Return the results of probes by their names, of one format or all."""
        return [
            result
            for result in self.results
            if result.probe in probes and format in (None, result.format)
        ]

    @property
    def calls(self) -> int:
        """How many answers came."""
        return sum(len(result.completions) for result in self.results)

    @property
    def any_read(self) -> bool:
        """Whether any distribution was read."""
        return any(result.readable and result.stated for result in self.verbalized)

    @property
    def verbalized(self) -> list[ProbeResult]:
        """Results of probes that ask for probabilities in words."""
        simpler = ("list", "direct", "schema")
        return [result for result in self.results if result.probe not in simpler]

    @cached_property
    def formats(self) -> list[str]:
        """The formats, the best first: read exactly, read at all, and the cheaper one."""

        def worth(format: str) -> tuple[float, ...]:
            # What is tried in one format alone (strategies, streams) must not count for it.
            results = [r for r in self.of("format", format=format) if r.mode == "whole"]
            exact = share(
                r.outcome == "exact" and r.as_asked and r.stated > 0 for r in results
            ).value
            read = share(r.readable and r.stated > 0 for r in results).value
            kept = share(r.kept for r in results).value
            return exact, read, kept, -_mean(r.usage.get("output_tokens", 0) for r in results)

        names = list(dict.fromkeys(result.format for result in self.of("format")))
        first = names[:1]  # json: where two do as well, the one that has a schema
        best = sorted(names, key=worth, reverse=True)
        if worth(best[0])[:3] == worth(first[0])[:3]:
            best.remove(first[0])
            return first + best
        return best

    @property
    def format(self) -> str:
        """The format to ask in."""
        return "json" if self.by_schema else self.formats[0]

    def settled(self, format: str) -> bool:
        """Whether a format is read exactly whenever it is asked for in words alone."""
        results = [r for r in self.of("format", format=format) if r.mode == "whole"]
        return all(r.outcome == "exact" and r.kept and r.stated == r.given for r in results)

    @property
    def by_schema(self) -> bool:
        """Whether the schema should go with the words: where it gives what words alone do not."""
        best = self.formats[0]

        def gives(results: Sequence[ProbeResult]) -> tuple[float, float]:
            read = _mean(r.readable and r.stated > 0 for r in results)
            return read, _mean(min(r.given, r.k) / r.k for r in results)

        tried = self.of("format")
        schema = [result for result in tried if result.mode == "schema"]
        words = [result for result in tried if result.mode == "whole" and result.format == best]
        return bool(schema) and gives(schema) > gives(words)

    @property
    def structured(self) -> Structured:
        """What becomes of a schema that is sent without a word on how to answer."""
        found = self.of("schema")
        if not found:
            return "not tried"
        last = found[-1]
        if last.outcome == "failed":
            return "refused"
        return "enforced" if last.readable and all(map(_is_json, last.completions)) else "ignored"

    @property
    def streaming(self) -> str:
        """How streams come."""
        found = self.of("stream")
        if not found:
            return "not tried"
        if all(result.outcome == "failed" for result in found):
            return "refused"
        return "in pieces" if any(result.pieces > 1 for result in found) else "in one piece"

    @property
    def thoughts(self) -> str | None:
        """Where the model's thoughts stand, if it thinks."""
        return next((result.thoughts for result in self.results if result.thoughts), None)

    @property
    def usage(self) -> str:
        """Whether the endpoint says how many tokens an answer took."""
        whole = any(r.usage for r in self.results if r.mode == "whole")
        stream = self.of("stream")
        streamed = any(result.usage for result in stream)
        if whole and (streamed or not stream or self.streaming == "refused"):
            return "there"
        return "missing in streams" if whole else "missing"

    @property
    def answers_as(self) -> str | None:
        """The name that its answers give."""
        return next((name for result in self.results for name in result.models), None)

    # --- how well ------------------------------------------------------------------------------

    @cached_property
    def chosen(self) -> list[ProbeResult]:
        """The results in the format to ask in, as it is to be asked."""
        ways = ("schema",) if self.by_schema else ("whole", "stream")
        return [
            r for r in self.verbalized
            if r.format == self.format and r.mode in ways and r.outcome != "failed"
        ]  # fmt: skip

    @cached_property
    def figures(self) -> dict[str, Figure]:
        """The numbers, by their names; what could not be measured is not there."""
        chosen = self.chosen
        plain = [r for r in chosen if r.strategy == "vs_standard" and r.k == self.k]
        given = sum(r.given for r in chosen)
        full = [mass for r in chosen if r.under is None for mass in r.masses]
        under = [r.under for r in self.of("tail") if r.under is not None]
        found = {
            "read_exactly": share(r.outcome == "exact" for r in chosen),
            "read": share(r.readable for r in chosen),
            "kept_k": share(r.kept for r in chosen),
            "stated": _part(sum(r.stated for r in chosen), given),
            "distinct": _part(sum(r.distinct for r in chosen), given),
            "sum_of_probabilities": _median(full, "1"),
            "under_threshold": _median(under, "share"),
            "seconds": _median([r.seconds for r in plain if r.mode != "stream"], "s a call"),
            "seconds_to_first": _median(
                [r.first for r in self.of("stream") if r.first is not None], "s"
            ),
            "tokens_a_call": _median([_tokens(r) for r in plain if _tokens(r)], "tokens"),
            "tokens_a_useful_answer": self.tokens_a_useful_answer(plain),
            "tokens_a_direct_answer": self.tokens_a_useful_answer(self.of("direct")),
        }
        return {name: each for name, each in found.items() if each is not None and each.n}

    def tokens_a_useful_answer(self, results: Sequence[ProbeResult]) -> Figure | None:
        """Return what a different answer takes, question and answer together."""
        useful = sum(result.useful for result in results)
        spent = sum(_tokens(result) for result in results)
        return Figure(spent / useful, n=useful, unit="tokens") if useful and spent else None

    def cost_a_useful_answer(self, price: tuple[float, float]) -> Figure | None:
        """Return what a different answer costs, under a price of a million tokens in and out."""
        plain = [r for r in self.chosen if r.strategy == "vs_standard" and r.k == self.k]
        useful = sum(result.useful for result in plain)
        spent = sum(
            (r.usage.get("input_tokens", 0) * price[0] + r.usage.get("output_tokens", 0) * price[1])
            for r in plain
        )
        return Figure(spent / 1e6 / useful, n=useful, unit="money") if useful and spent else None

    @property
    def in_words(self) -> bool:
        """Whether words alone bring it to give several candidates that can be read.

        A schema that is enforced brings any model to the form, and says nothing of what it means.
        """
        return any(result.readable and result.given > 1 for result in self._words)

    @property
    def _words(self) -> list[ProbeResult]:
        """The results of asking for a distribution in words alone."""
        return [result for result in self.of("format", "stream") if result.mode != "schema"]

    @property
    def _states(self) -> bool:
        """Whether words alone bring it to give probabilities."""
        return any(result.readable and result.stated > 1 for result in self._words)

    @cached_property
    def verdict(self) -> Verdict:
        """Whether the model does Verbalized Sampling."""
        read, stated = self._share("read"), self._share("stated")
        if not self.in_words or min(read, stated) < _SOMETIMES:
            return "no"
        well = (
            self._states
            and min(read, stated) >= _WELL
            and self._share("kept_k") >= _SOMETIMES
            and self._share("distinct") >= _LEAST_DISTINCT
            and self._measured("sum_of_probabilities", 0.0) <= _MOST_MASS
            and not self._even
        )
        return "yes" if well else "partly"

    def _share(self, name: str) -> float:
        return self._measured(name, 0.0)

    def _measured(self, name: str, default: float) -> float:
        return self.figures[name].value if name in self.figures else default

    @cached_property
    def remarks(self) -> list[str]:
        """What a user should know, in sentences; what is as it should be is not told."""
        said = [*self._of_answers()] if self.any_read else []
        told = (
            (any(r.cut_off for r in self.results),
             "Answers reached the limit of their length: raise max_tokens."),
            (self.structured == "enforced" and not self.bounds,
             "Its endpoint takes schemas without bounds alone: bounds=False."),
            (self.structured == "ignored", "It takes a schema and pays no heed to it."),
            (self.thoughts == "answer",
             "It thinks in its answers; its thoughts are kept apart from the candidates."),
            (self.usage != "there", f"Token counts are {self.usage}: costs cannot be known there."),
        )  # fmt: skip
        return [*said, *(text for holds, text in told if holds)]

    def _of_answers(self) -> Iterator[str]:
        """Remarks on what was read."""
        told = (
            (not self._states,
             "Only a schema brings it to give probabilities. Look at what it says then: numbers "
             "that it is made to write need not mean anything."),
            (not all(r.as_asked for r in self.of("format") if r.readable),
             "It answers in a format of its own, whatever it is asked for; that is read too."),
            (self._share("distinct") < _LEAST_DISTINCT,
             "It repeats itself: many candidates of a call are the same."),
            (self._even,
             "It gives all candidates the same probability: weights say nothing then."),
            (self._share("kept_k") < _WELL, self._miscounts()),
            (self._measured("under_threshold", 1.0) < _WELL,
             "It pays no heed to a threshold: do not use one with it."),
            (self._share("kept_k") >= _WELL and not all(r.kept for r in self.of("many")),
             f"It does not give {3 * self.k} candidates in one call: ask for more with n."),
        )  # fmt: skip
        yield from (text for holds, text in told if holds)
        mass = self._measured("sum_of_probabilities", 0.0)
        if mass > _MOST_MASS:
            yield (
                f"The probabilities of a call sum to {mass:.2g}: they are made to sum to 1, and "
                "are no probabilities as they stand."
            )

    @property
    def _even(self) -> bool:
        """Whether all probabilities of each call are the same."""
        several = [result for result in self.chosen if result.stated > 2]
        return bool(several) and all(result.even for result in several)

    def _miscounts(self) -> str:
        counts = sorted({r.given for r in self.chosen if r.readable and r.k == self.k})
        some = (
            f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}" if counts else "0"
        )
        return f"It does not keep to k: {some} candidates came where {self.k} were asked for."

    # --- what to set ---------------------------------------------------------------------------

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The options of a strategy that this model should be asked with."""
        if self.verdict == "no" and not self.by_schema:
            lists = any(result.readable and result.useful > 1 for result in self.of("list"))
            if not lists:
                return {"strategy": "direct", "k": 1}
            return {"strategy": "sequence", "k": self.k, "format": self.format, "retries": 2}
        read = self._share("read")
        return {
            "strategy": self._strategy,
            "k": self._fitting_k,
            "format": self.format,
            "retries": 1 if read >= _WELL else 3,
        }

    @property
    def _strategy(self) -> str:
        """The plain one, unless another is read where that one is not."""
        by_name = {
            name: share(r.readable and r.stated > 0 for r in self.chosen if r.strategy == name)
            for name in ("vs_standard", "vs_cot", "vs_multi")
        }
        read = {name: found.value for name, found in by_name.items() if found.n}
        if read.get("vs_standard", 0.0) >= _SOMETIMES:
            return "vs_standard"
        return max(read, key=lambda name: read[name])

    @property
    def _fitting_k(self) -> int:
        """k, or the number that comes instead, if that is always less."""
        given = [r.given for r in self.chosen if r.readable and r.k == self.k]
        return self.k if not given or max(given) >= self.k else max(2, max(given))

    @property
    def parameters(self) -> dict[str, Any]:
        """What the model itself should be made with, as `vs_core.clients.OpenAIModel` takes it."""
        if not self.by_schema:
            return {}
        return {"structured": True} if self.bounds else {"structured": True, "bounds": False}

    def profile(self) -> Profile:
        """Return the settings as a profile, with the figures that they rest on."""
        return Profile.made_now(
            made_by="vs check",
            packages=("openai",),
            model=self.model,
            answers_as=self.answers_as if self.answers_as != self.model else None,
            settings=self.settings,
            parameters=self.parameters,
            figures={name: _rounded(figure) for name, figure in self.figures.items()},
            simulated=self.simulated,
            note=" ".join(self.remarks),
        )

    def as_dict(self) -> dict[str, Any]:
        """As JSON can write it."""
        return {
            "model": self.model,
            "answers_as": self.answers_as,
            "simulated": self.simulated,
            "verdict": self.verdict,
            "remarks": self.remarks,
            "calls": self.calls,
            "formats": self.formats,
            "structured": self.structured,
            "bounds": self.bounds,
            "streaming": self.streaming,
            "thoughts": self.thoughts,
            "usage": self.usage,
            "figures": {name: vars(figure) for name, figure in self.figures.items()},
            "settings": self.settings,
            "parameters": self.parameters,
            "results": [result.as_dict() for result in self.results],
        }


def _rounded(figure: Figure) -> Figure:
    """A figure to four digits: more would only look exact."""

    def short(number: float | None) -> float | None:
        return None if number is None else float(f"{number:.4g}")

    value = float(f"{figure.value:.4g}")
    return replace(figure, value=value, low=short(figure.low), high=short(figure.high))


def _is_json(completion: Completion) -> bool:
    if completion.cut_off:  # as far as it goes
        return completion.text.lstrip().startswith("{")
    try:
        return isinstance(json.loads(completion.text), dict)
    except (ValueError, RecursionError):
        return False


def _mean(numbers: Iterable[float]) -> float:
    seen = list(numbers)
    return statistics.fmean(seen) if seen else 0.0


def _tokens(result: ProbeResult) -> int:
    return result.usage.get("input_tokens", 0) + result.usage.get("output_tokens", 0)


def _part(some: int, whole: int) -> Figure | None:
    """A share of candidates: those of one call belong together, so it has no interval."""
    return Figure(some / whole, n=whole, unit="share") if whole else None


def _median(numbers: Sequence[float], unit: str) -> Figure | None:
    """A median; of so few numbers no interval would say anything."""
    return Figure(statistics.median(numbers), n=len(numbers), unit=unit) if numbers else None
