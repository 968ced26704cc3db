"""A run: a table of prompts in, a table of answers out, and a folder that it can go on from."""

from __future__ import annotations

import asyncio
import json
import platform
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from vs_core.caller import Caller, Complete, Stopped, name_of, settings_of
from vs_core.clients import OpenAIModel
from vs_core.errors import ConfigurationError, ModelError
from vs_core.generation.batches import Batches, Wanted, completions_of, missing, written
from vs_core.generation.distinct import distinct
from vs_core.generation.journal import Journal
from vs_core.generation.live import Finished, Spent, finished
from vs_core.generation.prices import Price
from vs_core.generation.rows import Parts, Shaping, assembled, require_ending
from vs_core.generation.tasks import Prompting, Task, checked
from vs_core.messages import Request
from vs_core.plugins import plugins
from vs_core.strategies import Flow, Strategy, strategy_of
from vs_core.tables import rows_of, table_name

__all__ = ["Run", "Summary", "agenerate", "generate"]

Progress = Callable[["Run"], object]
_MOST_ROUNDS = 100


@dataclass(frozen=True)
class Summary:
    """What a run did.

    Args:
        rows: Rows of the output; 0 if the run was stopped before it was written.
        tasks: Rows of the table.
        finished: Tasks at their end.
        unread: Those of which nothing could be read; ``unread.jsonl`` in the folder has them.
        calls: New answers.
        known: Answers that were there from before.
        usage: Tokens of the new answers.
        cost: Of the new answers; None where no price is known.
        stopped: Why the run ended early: ``"budget"`` or ``"stopped"``; "" if it is complete.
        out: The output.
        folder: Of the run.
    """

    rows: int
    tasks: int
    finished: int
    unread: int
    calls: int
    known: int
    usage: Mapping[str, int]
    cost: float | None
    stopped: str
    out: str
    folder: str


class Run:
    """A run, before, while and after it goes on.

    Args:
        table: What has a row for each prompt; see `vs_core.tables.rows_of`. An iterator is kept in
            the folder, since it can be read but once.
        model: Any callable from `vs_core.Request` to a string or a `vs_core.Completion`, or an
            async one; or the model of a framework whose integration is installed.
        out: The output: ``.jsonl``, ``.parquet`` or ``.csv``. The folder of the run stands beside
            it, with ``.run`` after its name.
        prompt: A template over the columns: ``"Write a tagline for {product}."``
        prompt_column: The column with the prompt, in the place of a template.
        system: A template of a system message.
        id_column: The column that identifies a row.
        strategy: A registered name, or a strategy.
        until_distinct: Ask until each row has exactly so many different answers.
        avoid_seen: With it: tell the model what came already.
        calls_a_row: With it: most calls a row.
        unique: Leave out answers that an earlier row of the output has.
        nested: One row a prompt, with its candidates as a list.
        limit: Most rows of the table.
        concurrency: Most calls in flight.
        rate: Most calls a minute.
        tokens_a_minute: Most tokens a minute.
        attempts: How often a call is tried that fails in passing.
        budget: Most that this run may cost; it then ends in good order.
        price: Of a million input and output tokens; default: that of ``genai-prices``.
        fresh: Whether to take away what the folder holds, and start anew.
        part: Tasks a part of the output.
        **options: Options of the strategy: ``k``, ``n``, ``threshold``, ``schema``, ….

    Raises:
        ConfigurationError: If an option cannot work, rows cannot be asked (their lines are named),
            or the folder holds answers to something else.
    """

    def __init__(
        self,
        table: str | Path | Iterable[Mapping[str, Any]],
        *,
        model: Any,
        out: str | Path,
        prompt: str | None = None,
        prompt_column: str | None = None,
        system: str | None = None,
        id_column: str | None = None,
        strategy: str | Strategy | None = None,
        until_distinct: int | None = None,
        avoid_seen: bool = False,
        calls_a_row: int = 20,
        unique: bool = False,
        nested: bool = False,
        limit: int | None = None,
        concurrency: int = 16,
        rate: float | None = None,
        tokens_a_minute: float | None = None,
        attempts: int = 5,
        budget: float | None = None,
        price: tuple[float, float] | None = None,
        fresh: bool = False,
        part: int = 1000,
        **options: Any,
    ) -> None:
        self.out = Path(out)
        self.folder = self.out.with_name(self.out.name + ".run")
        require_ending(self.out)
        self.strategy = strategy_of(strategy, **options)
        self.prompting = Prompting(
            self.strategy, prompt=prompt, column=prompt_column, system=system, key=id_column
        )
        self._given = model
        self.model = _complete_of(model)
        self._limits = (concurrency, rate, attempts, tokens_a_minute)
        Caller(*self._limits).close()  # says at once if a limit cannot work
        self._distinct = (until_distinct, avoid_seen, calls_a_row)
        if until_distinct is not None:
            distinct(self.strategy, (), until_distinct, budget=calls_a_row)
        self._shape = {"unique": unique, "nested": nested}
        self._limit = limit
        self._fresh = fresh
        self._part = part
        self.table = _kept(table, self.folder)
        self.tasks = checked(self.prompting, self.table, limit)
        self.spent = Spent(Price(getattr(self.model, "model", None), price), budget)
        if budget is not None:
            self.spent.price.require()
        self.finished = 0
        self.unread = 0
        self._caller: Caller | None = None
        self._stopped = ""

    # --- looking ahead -------------------------------------------------------------------------

    def first(self, count: int = 3) -> list[Task]:
        """Return the first tasks, with their prompts filled."""
        return list(islice(self._tasks(), count))

    @property
    def expected_calls(self) -> int:
        """How many calls it takes, if every answer can be read (and one round is enough)."""
        return self.tasks * len(self.strategy.sizes())

    # --- running -------------------------------------------------------------------------------

    def stop(self) -> None:
        """Let no further call begin; the run then ends in good order, and can go on later."""
        self._stopped = self._stopped or "stopped"
        if self._caller is not None:
            self._caller.stop()

    async def rows(self, progress: Progress | None = None) -> AsyncIterator[dict[str, Any]]:
        """Run, and yield the rows of each task as it is finished; at the end the output is written.

        Tasks that were finished by a run before are not yielded again: the output has them.

        Raises:
            ModelError: If a call failed for good; run it again to go on.
            ConfigurationError: If the folder is in use or cannot be written.
        """
        self._begin()
        journal = Journal(self.folder)
        caller = self._caller = Caller(*self._limits)
        if self._stopped:
            caller.stop()
        parts = Parts(self.folder, self._part)
        gathering = _Gathering(parts, self._shaping())
        unread = (self.folder / "unread.jsonl").open("w", encoding="utf-8", errors="replace")
        try:
            tasks = self._unfinished(parts, gathering)
            async for done in finished(
                tasks, self._flow, self.model, journal=journal, caller=caller, spent=self.spent
            ):
                self.finished += 1
                if done.unread:
                    self.unread += 1
                    record = {"id": done.task.id, "line": done.task.line, "error": done.unread}
                    unread.write(json.dumps(record, ensure_ascii=False) + "\n")
                for row in gathering.add(done):
                    yield row
                if progress is not None:
                    progress(self)
            if isinstance(caller.failed, Stopped):
                self._stopped = "budget" if self.spent.over else self._stopped
            else:
                self._write(parts)
        finally:
            unread.close()
            caller.close()
            journal.close()

    async def arun(self, progress: Progress | None = None) -> Summary:
        """Run to the end, and return what came of it; see `rows`."""
        async for _ in self.rows(progress):
            pass
        return self.summary

    def run(self, progress: Progress | None = None) -> Summary:
        """Run to the end, also where an event loop runs already, as in a notebook; see `rows`."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self.arun(progress))
        with ThreadPoolExecutor(1, thread_name_prefix="vs_core") as thread:
            return thread.submit(asyncio.run, self.arun(progress)).result()

    def run_batches(
        self,
        backend: Batches,
        *,
        poll: float = 30.0,
        tail: int = 20,
        tell: Callable[[str], object] | None = None,
        progress: Progress | None = None,
    ) -> Summary:
        """Run by provider batches: a file a round, and what is left at the end live.

        The ids of batches that are under way stand in the folder: another process goes on waiting
        for them. Failed and expired requests are in the next file.

        Args:
            backend: The provider.
            poll: Seconds between two looks at a batch.
            tail: So few missing requests, or fewer, are asked live.
            tell: Is told what is done.
            progress: See `rows`; of the end.

        Raises:
            ConfigurationError: If the model is not an `OpenAIModel`, or a batch is refused.
            ModelError: If a whole round gave no answer.
        """
        self._begin()
        said = tell or (lambda _: None)
        waiting = _Waiting(self.folder / "batches")
        for number in range(_MOST_ROUNDS):
            if not waiting.batches:
                wanted = self._wanted()
                if len(wanted) <= tail:
                    break
                files = written(wanted, self.endpoint, waiting.folder, f"{waiting.round:03d}")
                waiting.begin([(path, backend.submit(path)) for path in files])
                said(f"round {number}: {len(wanted):,} requests in {len(files)} files")
            got = self._waited(backend, waiting, poll)
            said(f"round {number}: {got:,} answers")
            waiting.finish()
            if not got:
                raise ModelError("A whole round of batches gave no answer.")
        return self.run(progress)

    def add_results(self, lines: Iterable[str]) -> int:
        """Take in results of batch files that were run elsewhere; return how many answers."""
        self._begin()
        journal = Journal(self.folder)
        try:
            count = 0
            for task, call, asked, completion in completions_of(lines):
                journal.put(task, call, asked, completion)
                self.spent.add(completion)
                count += 1
            return count
        finally:
            journal.close()

    def write_batches(self) -> list[Path]:
        """Write what is missing as batch files, to be run elsewhere; [] if nothing is."""
        self._begin()
        waiting = _Waiting(self.folder / "batches")
        return written(self._wanted(), self.endpoint, waiting.folder, "missing")

    @property
    def endpoint(self) -> OpenAIModel:
        """The model as one of an endpoint, which batches are for.

        Raises:
            ConfigurationError: If it is another.
        """
        if not isinstance(self._given, OpenAIModel):
            raise ConfigurationError("Batch files are OpenAI's: they need an OpenAIModel.")
        return self._given

    def _wanted(self) -> list[Wanted]:
        journal = Journal(self.folder)
        try:
            return [
                each
                for task in self._tasks()
                for each in missing(task.id, self._flow(task), journal)
            ]
        finally:
            journal.close()

    def _waited(self, backend: Batches, waiting: _Waiting, poll: float) -> int:
        got = 0
        for batch in waiting.batches:
            while not backend.ended(batch):
                time.sleep(poll)
            got += self.add_results(backend.results(batch))
        return got

    @property
    def summary(self) -> Summary:
        """What the run did, so far."""
        return Summary(
            rows=self._rows, tasks=self.tasks, finished=self.finished, unread=self.unread,
            calls=self.spent.calls, known=self.spent.known, usage=dict(self.spent.usage),
            cost=self.spent.cost, stopped=self._stopped, out=str(self.out),
            folder=str(self.folder),
        )  # fmt: skip

    _rows = 0

    def _tasks(self) -> Iterator[Task]:
        rows = rows_of(self.table)
        return self.prompting.tasks(rows if self._limit is None else islice(rows, self._limit))

    def _unfinished(self, parts: Parts, gathering: _Gathering) -> Iterator[Task]:
        """The tasks whose part is not there, part by part."""
        tasks = self._tasks()
        while some := list(islice(tasks, parts.size)):
            path = parts.path(some)
            if path.exists():
                self.finished += len(some)
                continue
            gathering.expect(path, some)
            yield from some

    def _flow(self, task: Task) -> Flow:
        wanted, avoid, budget = self._distinct
        if wanted is None:
            return self.strategy.flow(task.messages)
        return distinct(self.strategy, task.messages, wanted, budget=budget, avoid_seen=avoid)

    def _shaping(self) -> Shaping:
        first = next(rows_of(self.table))  # there is one: the table was checked
        return Shaping(first.values, nested=self._shape["nested"], model=name_of(self.model))

    def _write(self, parts: Parts) -> None:
        parts.clean()
        self._rows = assembled(parts.paths, self.out, unique=self._shape["unique"])
        about = {**asdict(self.summary), "ended": _now()}
        _written(self.folder / "summary.json", about)

    # --- the folder ----------------------------------------------------------------------------

    def _begin(self) -> None:
        """See that the folder holds answers to what is asked now, or nothing."""
        path = self.folder / "run.json"
        if self._fresh and self.folder.exists():
            for old in [*self.folder.glob("journal/*"), *self.folder.glob("parts/*"), path]:
                old.unlink(missing_ok=True)
        before = _read(path)
        wanted, avoid, _ = self._distinct
        now = {
            "asked": {**self.prompting.settings, "until_distinct": wanted, "avoid_seen": avoid,
                      "nested": self._shape["nested"]},
            "model": {"name": name_of(self.model), **settings_of(self.model)},
        }  # fmt: skip
        differences = [
            f"{kind} {name}: {before[kind].get(name)!r} then, {value!r} now"
            for kind, settings in now.items()
            if kind in before
            for name, value in settings.items()
            if before[kind].get(name) != value
        ]
        if differences:
            raise ConfigurationError(
                f"{self.folder} holds answers that were given under other settings:\n  "
                + "\n  ".join(differences)
                + "\nUse another output, or start anew (fresh=True, --fresh)."
            )
        versions = {"vs-core": version("vs-core"), "python": platform.python_version()}
        _written(
            path,
            {"table": table_name(self.table), "begun": before.get("begun", _now()), **now,
             "versions": versions},
        )  # fmt: skip


class _Waiting:
    """The batches that are under way, in ``waiting.json``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / "waiting.json"
        state = _read(self._path)
        self.round: int = state.get("round", 0)
        self.batches: list[str] = state.get("batches", [])

    def begin(self, submitted: Sequence[tuple[Path, str]]) -> None:
        self.batches = [batch for _, batch in submitted]
        self._save()

    def finish(self) -> None:
        self.batches = []
        self.round += 1
        self._save()

    def _save(self) -> None:
        _written(self._path, {"round": self.round, "batches": self.batches})


class _Gathering:
    """The rows of parts that are not complete yet."""

    def __init__(self, parts: Parts, shaping: Shaping) -> None:
        self._parts = parts
        self._shaping = shaping
        self._open: dict[int, tuple[Path, int, dict[int, list[dict[str, Any]]]]] = {}

    def expect(self, path: Path, tasks: Sequence[Task]) -> None:
        """Begin a part."""
        self._open[tasks[0].number // self._parts.size] = (path, len(tasks), {})

    def add(self, done: Finished) -> list[dict[str, Any]]:
        """Take in a finished task, write its part if that is complete, and return its rows."""
        place = done.task.number // self._parts.size
        path, size, tasks = self._open[place]
        rows = tasks[done.task.number] = self._shaping.rows(done.task, done.found)
        if len(tasks) == size:
            self._parts.write(path, (row for number in sorted(tasks) for row in tasks[number]))
            del self._open[place]
        return rows


def generate(
    table: str | Path | Iterable[Mapping[str, Any]],
    *,
    progress: Progress | None = None,
    **options: Any,
) -> Summary:
    """Ask a model for each row of a table, and write a table of answers.

    For example::

        generate("products.csv", prompt="Write a tagline for {product}.", k=5, n=10,
                 model=OpenAIModel("gpt-4.1-mini"), out="taglines.parquet")

    Run it again after whatever stopped it, and it goes on: an answer that is there is not asked
    again. Rows that were added to the table are asked, wherever they stand.

    Args:
        table: What has a row for each prompt.
        progress: Called with the `Run` after each task.
        **options: See `Run`.

    Raises:
        ConfigurationError: If something cannot work; see `Run`.
        ModelError: If a call failed for good; run it again to go on.
    """
    return Run(table, **options).run(progress)


async def agenerate(
    table: str | Path | Iterable[Mapping[str, Any]],
    *,
    progress: Progress | None = None,
    **options: Any,
) -> Summary:
    """Do what `generate` does, without blocking."""
    return await Run(table, **options).arun(progress)


def _complete_of(model: Any) -> Complete:
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
        self.parameters = getattr(model, "parameters", {})
        self.settings = getattr(model, "settings", {})

    async def __call__(self, request: Request) -> Any:
        return await self._complete(request)


def _kept(table: Any, folder: Path) -> Any:
    """A table that can be read twice: an iterator is written down first."""
    if isinstance(table, (str, Path)) or iter(table) is not table:
        return table
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "table.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for row in rows_of(table):
            file.write(json.dumps(dict(row.values), ensure_ascii=False, default=str) + "\n")
    return path


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"Cannot read {path}: {error}.") from error
    return found if isinstance(found, dict) else {}


def _written(path: Path, about: Mapping[str, Any]) -> None:
    aside = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps(about, indent=2, default=str) + "\n", encoding="utf-8")
        aside.replace(path)
    except OSError as error:
        raise ConfigurationError(f"Cannot write {path}: {error.strerror}.") from error


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
