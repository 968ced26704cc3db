"""An experiment: tasks × strategies × models × thresholds, run, measured and drawn."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vs_core import builtin
from vs_core.caller import Caller, Complete, name_of, settings_of
from vs_core.checks import require_count
from vs_core.concurrency import finished
from vs_core.equivalence import ByMeaning, vectors_of
from vs_core.errors import ConfigurationError, raise_missing_extra
from vs_core.evaluation.arms import ASKED, SENT, Grid, arms_of, models_at
from vs_core.evaluation.judge import Judge, LLMJudge, Opinion, Verdict
from vs_core.evaluation.judge import digest as digest_of
from vs_core.evaluation.manifest import RECORDS, Manifest
from vs_core.evaluation.measures import QUALITY
from vs_core.evaluation.runner import Cell, Result, Runner, about
from vs_core.evaluation.sameness import Same, classes_of, equivalence_of
from vs_core.evaluation.showing import Shown
from vs_core.evaluation.tasks.base import Task, task_of
from vs_core.generation.tasks import settings_of_strategy
from vs_core.redaction import without_secrets
from vs_core.store import Store
from vs_core.strategies import Strategy

if TYPE_CHECKING:
    from vs_core.metrics.diversity import Embed

__all__ = ["ALL_STRATEGIES", "Experiment"]

ALL_STRATEGIES = tuple(builtin.vs_strategies())
"""Those of the paper, baselines first."""

T = TypeVar("T")


class Experiment(Shown):
    """Compare strategies on tasks, with your model.

    For example::

        experiment = Experiment("joke", model=OpenAIModel("gpt-4.1-mini"), out="jokes").run()
        print(experiment.table())
        experiment.plot_diversity().savefig("diversity.png")
        experiment.report()

    With ``out`` every completion and every candidate is on disk as soon as it is there, as JSON
    Lines (``completions.jsonl``, ``candidates.jsonl``). A run that was stopped in any way goes on
    when it is run again with the same ``out``, and asks for nothing that it has. The folder may
    serve several experiments: each shows what it was asked for.

    Args:
        tasks: Registered names, or tasks; see `vs_core.evaluation.Task`.
        strategies: Registered names, or strategies; by names of yours, if a mapping. The options
            that an object was made with are its own, and win over those here. Several of one kind
            are named by what differs: ``vs_standard k=3``, ``vs_standard k=10``.
        model: Any callable from `vs_core.Request` to a string or `vs_core.Completion`, or an async
            one; or several by name, to compare models or their temperatures. Records go by the
            name; that of an `OpenAIModel` alone is its model with its parameters.
        n: Answers to each prompt, at least 1; for the task ``dialogue``, dialogues.
        k: Candidates a call, at least 1.
        thresholds: Thresholds of the strategies that verbalize probabilities, each compared; None
            in it is no limit. Baselines, to which it means nothing, run once.
        grid: Values that are compared, every one with every other: of ``k``, ``threshold``,
            ``probability`` and ``format``, and of the model's ``temperature``, ``top_p`` and
            ``min_p``, for which it needs ``replace`` as `vs_core.clients.OpenAIModel` has it. What
            means nothing to a strategy is not varied.
        options: Further options of all strategies: ``probability``, ``format``, ``retries``, ….
        out: Folder for records and report; None keeps everything in memory.
        judge: Scores answers: an `LLMJudge`, or a function from prompt and answer to a number on
            [0, 1]. The function is called again when a run is resumed; a model's verdicts are kept.
        embed: From a list of texts to vectors, for semantic diversity; see `vs_core.metrics`.
        same: What makes two answers to a prompt the same, under every count: a function from a text
            to a key, `vs_core.equivalence.ByMeaning`, or a `SameJudge`. Of several the first
            counts, and how far the others agree with it is reported (`agreement_table`). Right
            answers are the same by any spelling that the task knows. Default: their text but for
            case, punctuation at its ends and white space. It does not change what is drawn where
            a repeat is as good: rolls, dialogues, refusals.
        price: Of a million input and of a million output tokens, in any currency.
        concurrency: Most calls in flight.
        rate: Most calls a minute; None for no limit.
        attempts: How often a call is tried that fails in passing.
        seed: Of draws (in dialogues). It does not reach the model.
        progress: Called with the number of calls done and expected, after each.
        note: What a reader of the report must know, such as that the model is simulated.
        fresh: Whether to take away what ``out`` holds, and start anew.

    Raises:
        ConfigurationError: If a name is unknown or an option cannot work.
    """

    def __init__(
        self,
        tasks: str | Task | Iterable[str | Task],
        strategies: Iterable[str | Strategy] | Mapping[str, str | Strategy] = ALL_STRATEGIES,
        *,
        model: Complete | Mapping[str, Complete],
        n: int = 30,
        k: int = 5,
        thresholds: Iterable[float | None] = (None,),
        grid: Grid | None = None,
        options: Mapping[str, Any] | None = None,
        out: str | Path | None = None,
        judge: Judge | LLMJudge | None = None,
        embed: Embed | None = None,
        same: Same | Sequence[Same] = (),
        price: tuple[float, float] | None = None,
        concurrency: int = 16,
        rate: float | None = None,
        attempts: int = 5,
        seed: int = 0,
        progress: Callable[[int, int], None] | None = None,
        note: str = "",
        fresh: bool = False,
    ) -> None:
        varied = _varied(grid, thresholds)
        self._compared = arms_of(
            strategies,
            {name: values for name, values in varied.items() if name in ASKED},
            **{**(options or {}), "n": require_count("n", n), "k": k},
        )
        super().__init__(
            _unique("task", map(task_of, [tasks] if isinstance(tasks, (str, Task)) else tasks)),
            models_at(
                model if isinstance(model, Mapping) else {name_of(model): model},
                {name: values for name, values in varied.items() if name in SENT},
            ),
            dict(self._compared),
            n=n,
            k=k,
            price=_price(price),
            note=note,
        )
        self.out = None if out is None else Path(out)
        self.seed = seed
        self.judge = judge
        self.embed = embed
        self.same = [
            equivalence_of(each) for each in (same if isinstance(same, Sequence) else [same])
        ]
        self._fresh = fresh
        self._progress = progress
        self._limits = (concurrency, rate, attempts)
        if not self.models:
            raise ConfigurationError("Give at least one model.")
        Caller(*self._limits).close()  # says at once if a limit cannot work

    # --- running -----------------------------------------------------------------------------

    def run(self) -> Experiment:
        """Ask for all answers that are not there yet, and have them judged and embedded.

        Returns:
            The experiment itself, with its `results`.

        Raises:
            ModelError: If a call failed for good; what came before is kept. Run it again to go on.
            ConfigurationError: If the folder is in use, or holds answers to other questions.
        """
        return finished(self.arun())

    async def arun(self) -> Experiment:
        """Do the same without blocking; see `run`."""
        _require_extra()
        self._begin()
        completions = self._store("completions.jsonl")
        try:
            candidates = self._store("candidates.jsonl")
            try:
                await self._run(completions, candidates)
            finally:
                candidates.close()
        finally:
            completions.close()
        return self

    def _begin(self) -> None:
        """See that the folder holds what was asked under these settings, or nothing."""
        if self.out is None:
            return
        if self._fresh:
            for name in RECORDS:
                (self.out / name).unlink(missing_ok=True)
            self._fresh = False
        models = {name: settings_of(complete) for name, complete in self.models.items()}
        Manifest(self.out, models, self._described()).check()

    def _described(self) -> dict[str, Any]:
        """What is asked and how it is measured, for somebody who finds the folder."""
        judge, embed = self.judge, self.embed
        return {
            "tasks": {
                name: [item.model_dump(mode="json", exclude_none=True) for item in task.items]
                for name, task in self.tasks.items()
            },
            "strategies": {
                name: settings_of_strategy(strategy) for name, strategy in self._compared
            },
            "n": self.n,
            "seed": self.seed,
            "judge": _described(judge.complete if isinstance(judge, LLMJudge) else judge),
            "rubrics": {name: task.rubric for name, task in self.tasks.items()} if judge else {},
            "embed": _described(embed),
            "same": [each.label for each in self.same],
            "price": self.price,
            "note": self.note,
        }

    def _store(self, name: str) -> Store:
        return Store(None if self.out is None else self.out / name)

    async def _run(self, completions: Store, candidates: Store) -> None:
        caller = Caller(*self._limits)
        cells = self.cells()
        done = _Progress(sum(calls for *_, calls in cells), self._progress)
        runner = Runner(completions, caller, done.advance)
        self._arms.clear()
        self._intervals.clear()
        written = {_place(record) for record in candidates}
        try:
            self.results = await _together(
                [self._cell(runner, candidates, written, cell, task, strategy)
                 for cell, task, strategy, _ in cells]
            )  # fmt: skip
            await self._judge(runner)
            await self._embed()
            await self._sort(runner)
        finally:
            caller.close()

    def cells(self) -> list[tuple[Cell, Task, Strategy, int]]:
        """Return what is to be run: each cell with task, strategy and the calls to be expected."""
        found = []
        for model in self.models:
            for task in self.tasks.values():
                for name, base in self._compared:
                    strategy = task.adapted(base)
                    calls = task.calls(strategy)
                    for run, (item, n) in enumerate(task.sizes(self.n)):
                        cell = Cell(
                            model, task.name, item, run // len(task.items), name,
                            base.threshold, base.k, n,
                        )  # fmt: skip
                        found.append((cell, task, strategy, calls))
        return found

    async def _cell(
        self,
        runner: Runner,
        store: Store,
        written: set[tuple[Any, ...]],
        cell: Cell,
        task: Task,
        strategy: Strategy,
    ) -> Result:
        rng = random.Random(f"{self.seed}|{sorted(about(cell).items())}")
        flow = task.flow(task.items[cell.item], strategy, rng)
        outcome = await runner.run(about(cell), flow, self.models[cell.model])
        for index, candidate in enumerate(outcome.distribution):
            record = {**about(cell), "index": index, **candidate.model_dump(mode="json")}
            if _place(record) not in written:
                store.append(record)
        return Result(
            cell, outcome.distribution, outcome.calls, dict(outcome.usage), outcome.unread
        )

    async def _judge(self, runner: Runner) -> None:
        """Have every different answer judged, once, to tasks that want to know of it."""
        if self.judge is None:
            return
        places = dict.fromkeys(
            (result.cell.task, result.cell.item, text)
            for result in self.results
            if self._is_judged(self.tasks[result.cell.task])
            for text in self._texts(result)
        )
        judge = self.judge
        said = await _together([self._asked(runner, judge, *place) for place in places])
        for (name, item, text), verdict in zip(places, said, strict=True):
            place = name, self.tasks[name].items[item].prompt, text
            if isinstance(verdict, Verdict):
                self.scores[place] = verdict.score()
            elif isinstance(verdict, Opinion):
                self.verdicts[place] = verdict
            elif verdict is not None:
                self.scores[place] = verdict

    def _is_judged(self, task: Task) -> bool:
        """Whether a judge is asked for quality, or for an opinion of the task's own."""
        quality = QUALITY.name in (measure.name for measure in task.measures)
        return quality or (task.opinion is not Verdict and isinstance(self.judge, LLMJudge))

    async def _asked(
        self, runner: Runner, judge: Judge | LLMJudge, name: str, item: int, text: str
    ) -> Opinion | float | None:
        task = self.tasks[name]
        prompt = task.items[item].prompt
        if not isinstance(judge, LLMJudge):
            given = judge(prompt, text)
            return _checked(await given if inspect.isawaitable(given) else given)
        place = {"judge": judge.label, "task": name, "item": item, "answer": digest_of(text)}
        flow = judge.flow(prompt, text, task.rubric, task.opinion, task.question)
        outcome = await runner.run(place, flow, judge.complete)
        verdicts = [candidate.value for candidate in outcome.distribution]
        return verdicts[0] if verdicts and isinstance(verdicts[0], Opinion) else None

    async def _embed(self) -> None:
        """Embed every different answer, once; vectors are not kept on disk."""
        if self.embed is None:
            return
        embed = next(  # what the equivalence embeds is embedded once
            (same.vectors for same in self.same
             if isinstance(same, ByMeaning) and same.embed is self.embed),
            self.embed,
        )  # fmt: skip
        texts = {text for result in self.results for text in self._texts(result)}
        missing = sorted(texts - self._vectors.keys())
        self.embedded(await asyncio.to_thread(vectors_of, embed, missing))

    async def _sort(self, runner: Runner) -> None:
        """Put the answers to each prompt into classes of the same answer, by each equivalence."""
        self.classes.clear()
        places = self._unnamed()
        for same in self.same:
            found = await _together(
                [classes_of(same, runner, prompt, texts) for (_, prompt), texts in places.items()]
            )
            self.classes[same.label] = {
                place: dict(zip(places[place], classes, strict=True))
                for place, classes in zip(places, found, strict=True)
            }


def _described(helper: Any) -> dict[str, Any] | None:
    """The name and the settings, without secrets, of what helps to measure."""
    if helper is None:
        return None
    name = getattr(helper, "model", None) or getattr(helper, "__qualname__", type(helper).__name__)
    url = getattr(helper, "base_url", None)
    about = {"name": str(name), **({"base_url": without_secrets(url)} if url else {})}
    return {**about, **settings_of(helper)}


def _require_extra() -> None:
    """Say what is not installed before a call is paid for."""
    try:
        for name in ("jinja2", "matplotlib", "pandas", "rapidfuzz", "scipy", "tenacity"):
            import_module(name)
    except ImportError as error:
        raise_missing_extra("metrics", error)


class _Progress:
    """How far the run is."""

    def __init__(self, expected: int, tell: Callable[[int, int], None] | None) -> None:
        self._done, self._expected, self._tell = 0, expected, tell

    def advance(self) -> None:
        self._done += 1
        self._expected = max(self._expected, self._done)  # repairs and verdicts come on top
        if self._tell:
            self._tell(self._done, self._expected)


def _varied(grid: Grid | None, thresholds: Iterable[float | None]) -> dict[str, list[Any]]:
    """The values of everything that is varied."""
    varied = {name: list(values) for name, values in (grid or {}).items()}
    at = list(thresholds)
    if "threshold" not in varied:
        varied["threshold"] = at
    elif at != [None]:
        raise ConfigurationError("Thresholds are given twice: thresholds= and in the grid.")
    for name, values in varied.items():
        if name not in (*ASKED, *SENT):
            raise ConfigurationError(
                f"A grid varies {', '.join((*ASKED, *SENT))}, and not {name!r}."
            )
        if not values:
            raise ConfigurationError(f"Give at least one {name}.")
    return varied


def _place(record: Mapping[str, Any]) -> tuple[Any, ...]:
    names = ("model", "task", "item", "run", "strategy", "threshold", "k", "n", "index")
    return tuple(record.get(name) for name in names)


def _unique(kind: str, parts: Iterable[Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for part in parts:
        if part.name in named:
            raise ConfigurationError(f"The {kind} {part.name!r} is there twice.")
        named[part.name] = part
    if not named:
        raise ConfigurationError(f"Give at least one {kind}.")
    return named


def _price(price: tuple[float, float] | None) -> tuple[float, float] | None:
    if price is not None and (len(price) != 2 or not all(each >= 0 for each in price)):
        raise ConfigurationError(
            "price is a pair: of a million input and a million output tokens, such as (0.4, 1.6)."
        )
    return price


def _checked(score: Any) -> float:
    try:
        number = float(score)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number <= 1:
        raise ConfigurationError(f"A judge gives a number from 0 to 1, not {score!r}.")
    return number


async def _together(jobs: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all at once; if one fails, the answers on their way to the others are still recorded."""
    done = await asyncio.gather(*jobs, return_exceptions=True)
    failed = [each for each in done if isinstance(each, BaseException)]
    # One that failed had the others cancelled: it is the one that says why.
    for error in sorted(failed, key=lambda each: isinstance(each, asyncio.CancelledError)):
        raise error
    return [each for each in done if not isinstance(each, BaseException)]
