"""`tune`: chooses how to ask a model for a task, by a race, and says how sure that is."""

from __future__ import annotations

import asyncio
import inspect
import math
import random
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vs_core.caller import Caller, Complete, name_of, settings_of
from vs_core.candidates import Candidate
from vs_core.checks import require_count
from vs_core.concurrency import finished
from vs_core.errors import ConfigurationError
from vs_core.evaluation.items import Item
from vs_core.evaluation.judge import LLMJudge, Verdict, digest
from vs_core.evaluation.manifest import Manifest
from vs_core.evaluation.runner import Runner
from vs_core.evaluation.sameness import Same, classes_of
from vs_core.evaluation.tasks.base import Task, task_of
from vs_core.metrics.answers import plain
from vs_core.store import Store
from vs_core.strategies.base import Strategy
from vs_core.tuning.arms import Contender, grid
from vs_core.tuning.findings import Tuning
from vs_core.tuning.racing import Limits, Measured, kept, ranked, schedule

__all__ = ["Score", "tune"]

Score = Callable[[str, str], Any]
"""From prompt and answer to a score on [0, 1], the more the better; it may be async."""

Unit = tuple[int, int]
"""The place of a prompt, and the number of a run of it."""

_FIRST = 3  # units of the first round
_LEVEL = 0.99  # of the intervals by which arms leave early: there are many arms, and several looks


def tune(
    task: str | Task | Sequence[str],
    model: Complete,
    *,
    score: Score | LLMJudge | None = None,
    same: Same = plain,
    floor: float | None = None,
    loss: float | None = None,
    most_tokens: float | None = None,
    most_cost: float | None = None,
    price: tuple[float, float] | None = None,
    strategies: Sequence[str | Strategy] = ("sequence", "vs_standard", "vs_cot", "vs_multi"),
    ks: Sequence[int] = (3, 5, 10),
    thresholds: Sequence[float | None] = (None, 0.1),
    temperatures: Sequence[float | None] = (None,),
    options: Mapping[str, Any] | None = None,
    n: int | None = None,
    units: int = 24,
    out: str | Path | None = None,
    seed: int = 0,
    concurrency: int = 16,
    attempts: int = 5,
    progress: Callable[[int, int], object] | None = None,
) -> Tuning:
    """Choose how to ask a model: as diverse as can be, above a quality and under a cost.

    All ways to ask race. Each round the arms that are left answer as many further prompts as there
    were before. Then those leave whose paired interval says that they cannot win, and of the others
    the half that is behind (successive halving). What wins is asked once more on prompts that
    nothing was chosen by, beside direct answers: those figures are the ones to believe, and the
    difference to the first ones is what choosing made look better than it is.

    With a fixed seed it is deterministic, as far as the model is. With ``out`` every answer is on
    disk as soon as it is there; a run that was stopped goes on, and asks for nothing that it has.

    Args:
        task: A registered task, or prompts, at least two; half are for choosing. Of a task with one
            prompt the runs are halved.
        model: The model; with ``temperatures`` one with ``replace``, as
            `vs_core.clients.OpenAIModel` has it.
        score: How good an answer is: a function, or an `LLMJudge`. Default: whether it is right,
            where the task knows the right answers; else nothing is asked of quality.
        same: What makes two answers the same: a function from an answer to a key, a `ByMeaning`,
            or a `SameJudge`, whose calls are not counted.
            Default: their text but for case, punctuation and white space. Right answers are the
            same by any spelling that the task knows. Embeddings are not kept in ``out``: a run that
            goes on asks for them again.
        floor: Least mean score, on [0, 1].
        loss: Most by which the mean score may be under that of direct answers, on [0, 1].
        most_tokens: Most tokens a different answer.
        most_cost: Most that a different answer may cost.
        price: Of a million input and of a million output tokens.
        strategies: What to try beside direct answers.
        ks: Candidates a call.
        thresholds: None for the full distribution.
        temperatures: None for the model's own.
        options: Further options of all strategies, such as ``format``.
        n: Answers to each prompt, at least 2, the same for all ways to ask. Default: twice the
            largest k: a list of k that comes again word by word shows in the second call only.
        units: Prompts, and runs of them where there are fewer, on which is chosen; at least 6.
        out: Folder for the answers; None keeps them in memory.
        seed: Of what is asked in which order.
        concurrency: Most calls in flight.
        attempts: How often a call is tried that fails in passing.
        progress: Called with the number of calls done, and of those expected at most, after each.

    Returns:
        What was found, with a profile.

    Raises:
        ConfigurationError: If an option cannot work, or the folder holds other answers.
        ModelError: If a call failed for good; what came before is kept.
        MissingExtraError: If the extra ``metrics`` is not installed.

    Source: races by paired tests: Maron and Moore 1994 (NeurIPS), López-Ibáñez et al. 2016 (irace);
    successive halving: Jamieson and Talwalkar 2016 (AISTATS).
    """
    if not ks:
        raise ConfigurationError("Give at least one k.")
    n = 2 * max(require_count("k", k) for k in ks) if n is None else require_count("n", n, least=2)
    require_count("units", units, least=2 * _FIRST)
    limits = Limits(floor, loss, most_tokens, most_cost)
    if most_cost is not None and price is None:
        raise ConfigurationError("most_cost needs the price.")
    made = _task(task)
    if score is None and (floor, loss) != (None, None) and not all(i.truth for i in made.items):
        raise ConfigurationError("A floor or a loss needs a score: a function, or an LLMJudge.")
    arms = grid(strategies, ks, thresholds, temperatures, n=n, **(options or {}))
    models = _models(model, temperatures)
    race = _Race(made, arms, models, limits, score, same, price, n, seed)
    return finished(race.run(units, out, Caller(concurrency, None, attempts), progress))


def _task(task: str | Task | Sequence[str]) -> Task:
    if isinstance(task, (str, Task)):
        return task_of(task)
    return Task(name="prompts", items=[Item(prompt=prompt) for prompt in task])


def _models(model: Complete, temperatures: Sequence[float | None]) -> dict[float | None, Complete]:
    replace = getattr(model, "replace", None)
    if any(t is not None for t in temperatures) and replace is None:
        raise ConfigurationError(
            "temperatures are tried by model.replace(temperature=…), which an OpenAIModel has; "
            f"{type(model).__name__} has not."
        )
    return {
        t: model if t is None or replace is None else replace(temperature=t) for t in temperatures
    }


@dataclass
class _Race:
    """A race under way."""

    task: Task
    arms: list[Contender]
    models: dict[float | None, Complete]
    limits: Limits
    score: Score | LLMJudge | None
    same: Same
    price: tuple[float, float] | None
    n: int
    seed: int

    def __post_init__(self) -> None:
        self.direct = self.arms[0].name
        self.measured: dict[str, dict[Hashable, Measured]] = {arm.name: {} for arm in self.arms}
        self.out: dict[str, str] = {}
        self.rounds: list[tuple[int, int]] = []
        self._scores: dict[tuple[str, str], asyncio.Future[float]] = {}

    async def run(
        self,
        units: int,
        out: str | Path | None,
        asking: Caller,
        progress: Callable[[int, int], object] | None,
    ) -> Tuning:
        folder = None if out is None else Path(out)
        if folder is not None:
            models = {name_of(model): settings_of(model) for model in self.models.values()}
            Manifest(folder, models).check()
        store = Store(None if folder is None else folder / "completions.jsonl")
        done = 0
        most = sum(len(arm.strategy.sizes()) for arm in self.arms) * units

        def advance() -> None:
            nonlocal done
            done += 1
            if progress is not None:
                progress(done, max(most, done))

        try:
            runner = Runner(store, asking, advance)
            choosing, confirming = self._units(units)
            left = await self._choose(runner, choosing)
            confirmed = await self._confirm(runner, left[0], confirming)
        finally:
            store.close()
            asking.close()
        return Tuning(
            model=name_of(self.models[self.arms[0].temperature]),
            arms={arm.name: arm for arm in self.arms},
            direct=self.direct,
            measured=self.measured,
            confirmed=confirmed,
            order=[*left, *reversed(self.out)],
            out=self.out,
            rounds=self.rounds,
            limits=self.limits,
            units=units,
            n=self.n,
        )

    def _units(self, count: int) -> tuple[list[Unit], list[Unit]]:
        """What is chosen on, and what the choice is judged by: other prompts, if there are two."""
        places = list(range(len(self.task.items)))
        random.Random(self.seed).shuffle(places)
        half = (len(places) + 1) // 2
        if len(places) == 1:
            return [(0, run) for run in range(count)], [(0, count + r) for r in range(count // 2)]
        return _spread(places[:half], count), _spread(places[half:], count // 2)

    async def _choose(self, runner: Runner, units: list[Unit]) -> list[str]:
        left = [arm.name for arm in self.arms]
        for batch in schedule(units, _FIRST):
            asked = list(left)
            if self.limits.loss is not None and self.direct not in asked:
                asked.append(self.direct)  # the others are held against it
            await self._ask(runner, asked, batch)
            self.rounds.append((len(left), len(batch)))
            current = {arm: self.measured[arm] for arm in asked}
            stay, lost = kept(current, self.limits, self.direct, level=_LEVEL)
            stay = [arm for arm in stay if arm in left]
            seen = len(self.measured[left[0]])
            if seen < len(units):  # of the last ones all were asked everything
                behind = stay[max(1, len(left) // 2) :]
                lost |= dict.fromkeys(behind, f"behind after {seen} prompts")
            for arm in reversed([arm for arm in left if arm in lost]):
                self.out[arm] = lost[arm]
            left = [arm for arm in stay if arm not in lost]
            if len(left) == 1:
                break
        return [arm for arm in ranked(self.measured, self.limits, self.direct) if arm in left]

    async def _confirm(
        self, runner: Runner, winner: str, units: list[Unit]
    ) -> dict[str, dict[Hashable, Measured]]:
        before = self.measured
        self.measured = {name: {} for name in dict.fromkeys((winner, self.direct))}
        await self._ask(runner, list(self.measured), units)
        confirmed, self.measured = self.measured, before
        return confirmed

    async def _ask(self, runner: Runner, names: Sequence[str], units: Sequence[Unit]) -> None:
        """Ask arms for units, all at once."""
        arms = {arm.name: arm for arm in self.arms}
        places = [(name, unit) for name in names for unit in units]
        jobs = [self._measure(runner, arms[name], unit) for name, unit in places]
        found = await asyncio.gather(*jobs, return_exceptions=True)
        failed = [each for each in found if isinstance(each, BaseException)]
        for error in sorted(failed, key=lambda each: isinstance(each, asyncio.CancelledError)):
            raise error
        for (name, unit), each in zip(places, found, strict=True):
            assert isinstance(each, Measured)  # noqa: S101  # the others were raised
            self.measured[name][unit] = each

    async def _measure(self, runner: Runner, arm: Contender, unit: Unit) -> Measured:
        place, run = unit
        item = self.task.items[place]
        model = self.models[arm.temperature]
        about = {
            "model": name_of(model), "task": self.task.name, "item": place, "run": run,
            "arm": arm.name, "n": self.n,
        }  # fmt: skip
        rng = random.Random(f"{self.seed}|{about}")
        flow = self.task.flow(item, self.task.adapted(arm.strategy), rng)
        outcome = await runner.run(about, flow, model)
        answers = [c for c in outcome.distribution if self.task.counts(c)][: self.n]
        different = set(await self._keys(runner, item, answers))
        scores = [await self._scored(runner, item, candidate) for candidate in answers]
        known = [score for score in scores if not math.isnan(score)]
        usage = outcome.usage
        spent = (usage.get("input_tokens", 0), usage.get("output_tokens", 0))
        cost = math.nan
        if self.price is not None:
            cost = (spent[0] * self.price[0] + spent[1] * self.price[1]) / 1e6
        return Measured(
            len(different) / self.n,
            math.fsum(known) / len(known) if known else math.nan,
            len(different),
            sum(spent),
            cost,
            outcome.calls,
        )

    async def _keys(
        self, runner: Runner, item: Item, answers: Sequence[Candidate]
    ) -> list[Hashable]:
        """What makes the answers to one prompt the same, for each."""
        named = [self.task.named(item, candidate) for candidate in answers]
        texts = [self.task.text(c) for c, name in zip(answers, named, strict=True) if name is None]
        others = iter(await classes_of(self.same, runner, item.prompt, texts))
        return [next(others) if name is None else ("right", name) for name in named]

    async def _scored(self, runner: Runner, item: Item, candidate: Candidate) -> float:
        """The score of an answer; each different text of a prompt is judged once."""
        text = self.task.text(candidate)
        if self.score is None:
            return float(self.task.right(item, candidate)) if item.truth else math.nan
        place = (item.prompt, text)
        if place not in self._scores:  # others may want the same while it is being judged
            self._scores[place] = asyncio.ensure_future(self._judged(runner, item, text))
        return await self._scores[place]

    async def _judged(self, runner: Runner, item: Item, text: str) -> float:
        if not isinstance(self.score, LLMJudge):
            assert self.score is not None  # noqa: S101
            given = self.score(item.prompt, text)
            given = await given if inspect.isawaitable(given) else given
            if not (isinstance(given, (int, float)) and 0 <= given <= 1):
                raise ConfigurationError(f"A score is a number from 0 to 1, not {given!r}.")
            return float(given)
        judge = self.score
        place = {
            "judge": judge.label, "task": self.task.name, "item": digest(item.prompt),
            "answer": digest(text),
        }  # fmt: skip
        outcome = await runner.run(
            place, judge.flow(item.prompt, text, self.task.rubric), judge.complete
        )
        verdicts = [candidate.value for candidate in outcome.distribution]
        said = verdicts[0] if verdicts else None
        return said.score() if isinstance(said, Verdict) else math.nan


def _spread(places: Sequence[int], count: int) -> list[Unit]:
    """Units over all prompts before any prompt has a second one."""
    return [(places[i % len(places)], i // len(places)) for i in range(count)]
