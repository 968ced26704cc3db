"""A run: a table of prompts in, a table of answers out, and a folder that it can go on from."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from vs_core.caller import Caller, Stopped, name_of, settings_of
from vs_core.checks import require_count
from vs_core.concurrency import finished as run_to_end
from vs_core.equivalence import Equivalence
from vs_core.errors import ConfigurationError
from vs_core.generation.batches import (
    AnthropicBatches,
    Batches,
    OpenAIBatches,
    Wanted,
    batches_of,
    completions_of,
    missing,
    rounds,
    written,
)
from vs_core.generation.folder import begin, now, read_json, write_json
from vs_core.generation.journal import Journal
from vs_core.generation.live import Spent, finished
from vs_core.generation.models import complete_of
from vs_core.generation.output import assembled, require_ending
from vs_core.generation.parts import Gathering, Parts
from vs_core.generation.plan import Plan
from vs_core.generation.prices import Price
from vs_core.generation.ray import FinishedRows, Job, run_job
from vs_core.generation.readme import write_readme
from vs_core.generation.rows import Shaping
from vs_core.generation.tasks import Prompting, RowTask
from vs_core.store import Store
from vs_core.strategies import Strategy, strategy_of
from vs_core.tables import rows_of, table_name

__all__ = ["Run", "Summary", "agenerate", "generate"]

Progress = Callable[["Run"], object]

ENGINES = ("local", "ray")


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
        out: The output: ``.jsonl``, ``.parquet`` or ``.csv``; without an ending a folder of
            Parquet files. Beside it stand the folder of the run, with ``.run`` after its name, and
            ``OUT.README.md``, which says how it was made.
        prompt: A template over the columns: ``"Write a tagline for {product}."``
        prompt_column: The column with the prompt, in the place of a template.
        system: A template of a system message.
        id_column: The column that identifies a row.
        strategy: A registered name, or a strategy.
        until_distinct: Ask until each row has exactly so many different answers.
        avoid_seen: With it: tell the model what came already.
        calls_a_row: With it: most calls a row.
        same: With it: what makes two answers the same, such as `vs_core.equivalence.ByMeaning`;
            default: their text, without regard to case and white space.
        unseen: With it: end a row where the estimated probability of a new answer is under this.
        unique: Leave out answers that an earlier row of the output has. With ``until_distinct`` a
            row asks on in their place.
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
        same: Equivalence | None = None,
        unseen: float | None = None,
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
        self.plan = Plan(
            Prompting(
                self.strategy, prompt=prompt, column=prompt_column, system=system, key=id_column
            ),
            limit=limit, until_distinct=until_distinct, avoid_seen=avoid_seen,
            calls_a_row=calls_a_row, same=same, unseen=unseen, unique=unique,
        )  # fmt: skip
        self._given = model
        self.model = complete_of(model)
        self._limits = (concurrency, rate, attempts, tokens_a_minute)
        Caller(*self._limits).close()  # says at once if a limit cannot work
        self._shape = {"unique": unique, "nested": nested}
        self._fresh = fresh
        self._part = part
        self.table = _kept(table, self.folder)
        self.tasks = self.plan.count(self.table)
        self.spent = Spent(Price(getattr(self.model, "model", None), price), budget)
        if budget is not None:
            self.spent.price.require()
        self.finished = 0
        self.unread = 0
        self.began = time.monotonic()
        self._caller: Caller | None = None
        self._job: Job | None = None
        self._stopped = ""

    # --- looking ahead -------------------------------------------------------------------------

    def first(self, count: int = 3) -> list[RowTask]:
        """Return the first tasks, with their prompts filled."""
        return list(islice(self.plan.tasks(self.table), count))

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
        if self._job is not None:
            self._job.stop.touch()

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
        if self.plan.taken is not None:
            for task, candidate in parts.answers():
                self.plan.taken.claim(task, candidate)
        gathering = Gathering(parts, self._shaping())
        unread = (self.folder / "unread.jsonl").open("w", encoding="utf-8", errors="replace")
        try:
            tasks = self._unfinished(parts, gathering)
            async for done in finished(
                tasks, self.plan.flow, self.model, journal=journal, caller=caller,
                spent=self.spent, blocks=self.plan.blocks,
            ):  # fmt: skip
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
        return run_to_end(self.arun(progress))

    def run_ray(
        self,
        *,
        actors: int = 1,
        block: int = 100,
        address: str | None = None,
        progress: Progress | None = None,
    ) -> Summary:
        """Run on a Ray cluster, by Ray Data (extra ``ray``); see docs/generation.md.

        The folder of the run must stand on storage that all machines share. Concurrency, rate and
        tokens a minute are an actor's; the budget is of all together, looked at twice a second.

        Args:
            actors: Processes that ask, anywhere on the cluster.
            block: Rows that are written as one.
            address: Of the cluster; see `vs_core.generation.ray.run_job`.
            progress: See `rows`; called now and then.

        Raises:
            MissingExtraError: If Ray is not installed.
            ConfigurationError: If the model cannot be pickled, another process runs this, or
                ``unique`` and ``until_distinct`` are asked for together.
            ModelError: If a call failed for good; run it again to go on.
        """
        require_count("actors", actors)
        require_count("block", block)
        if self.plan.taken is not None:
            raise ConfigurationError(
                "unique with until_distinct knows the answers of all rows, which machines do not "
                "share: run it here (engine='local'), or leave one of the two out."
            )
        self._begin()
        job = Job(self.folder.resolve(), self.plan, self.model, self._shaping(), self._limits)
        parts = Parts(self.folder, self._part)
        with closing(Store(self.folder / "journal" / "main.jsonl")):  # keeps a second driver out
            job.begin()
            self._job = job
            if self._stopped:
                job.stop.touch()
            before = self._finished_by(job)

            def tell(finished: int) -> None:
                self.finished = before + finished
                if progress is not None:
                    progress(self)

            if before < self.tasks:
                run_job(
                    job, self.plan.tasks(self.table), self.spent,
                    actors=actors, block=block, address=address, tell=tell,
                )  # fmt: skip
            self._take(FinishedRows(job.finished), parts)
        return self.summary

    def _finished_by(self, job: Job) -> int:
        """How many of the tasks Ray has finished."""
        found = FinishedRows(job.finished)
        return sum(task in found for task in self.plan.tasks(self.table))

    def _take(self, found: FinishedRows, parts: Parts) -> None:
        """Make parts of finished rows, and the output if all are there."""
        self.finished = self.unread = 0
        tasks = self.plan.tasks(self.table)
        path = self.folder / "unread.jsonl"
        with path.open("w", encoding="utf-8", errors="replace") as unread:
            while some := list(islice(tasks, parts.size)):
                done = [(task, found[task]) for task in some if task in found]
                self.finished += len(done)
                for task, record in done:
                    if record["unread"]:
                        self.unread += 1
                        about = {"id": task.id, "line": task.line, "error": record["unread"]}
                        unread.write(json.dumps(about, ensure_ascii=False) + "\n")
                if len(done) == len(some):
                    rows = (row for _, record in done for row in record["rows"])
                    parts.write(parts.path(some), rows)
        if self.finished == self.tasks:
            self._stopped = ""
            self._write(parts)
        elif self.spent.over:
            self._stopped = "budget"
        elif not self._stopped:
            raise ConfigurationError(
                f"Ray holds tasks for finished whose rows are not in {self.folder / 'finished'}. "
                f"Take {self.folder / 'checkpoint'} away and run again: what was answered is not "
                "asked again."
            )

    def run_batches(
        self,
        backend: Batches | None = None,
        *,
        poll: float = 30.0,
        tail: int = 20,
        tell: Callable[[str], object] | None = None,
        progress: Progress | None = None,
    ) -> Summary:
        """Run by provider batches: a file a round, and what is left at the end live.

        The ids of batches that are under way stand in the folder: another process goes on waiting
        for them. Failed and expired requests are in the next file. A budget is looked at between
        rounds; what came by a batch counts half its price.

        Args:
            backend: What runs them; default: the model's `provider`.
            poll: Seconds between two looks at a batch.
            tail: So few missing requests, or fewer, are asked live.
            tell: Is told what is done.
            progress: See `rows`; of the end.

        Raises:
            ConfigurationError: If the model is of no provider of batches, or one is refused.
            ModelError: If a whole round gave no answer.
        """
        self._begin()
        try:
            rounds(
                backend or self.provider, self._batches, wanted=self._wanted,
                write=self._write_files, take=self.add_results, poll=poll, tail=tail,
                tell=tell or (lambda _: None),
                stopped=lambda: bool(self._stopped or self.spent.over),
            )  # fmt: skip
        except Stopped:
            self._stopped = self._stopped or "budget"
            return self.summary
        return self.run(progress)

    def add_results(self, lines: Iterable[str]) -> int:
        """Take in results of batch files that were run elsewhere; return how many answers."""
        self._begin()
        journal = Journal(self.folder)
        try:
            count = 0
            for task, call, asked, completion in completions_of(lines, self.provider):
                journal.put(task, call, asked, completion)
                self.spent.add(completion, by_batch=True)
                count += 1
            return count
        finally:
            journal.close()

    def write_batches(self) -> list[Path]:
        """Write what is missing as batch files, to be run elsewhere; [] if nothing is."""
        self._begin()
        return self._write_files(self._wanted(), "missing")[1]

    @property
    def provider(self) -> OpenAIBatches | AnthropicBatches:
        """The batches of the model's provider, which say how its files are written.

        Raises:
            ConfigurationError: If the model is of another.
        """
        return batches_of(self._given)

    @property
    def _batches(self) -> Path:
        return self.folder / "batches"

    def _write_files(self, wanted: Iterable[Wanted], name: str) -> tuple[int, list[Path]]:
        return written(wanted, self.provider, self._batches, name)

    def _wanted(self) -> Generator[Wanted, None, None]:
        with closing(Journal(self.folder)) as journal:
            for task in self.plan.tasks(self.table):
                yield from missing(task.id, self.plan.flow(task), journal)

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

    def _unfinished(self, parts: Parts, gathering: Gathering) -> Iterator[RowTask]:
        """The tasks whose part is not there, part by part."""
        tasks = self.plan.tasks(self.table)
        while some := list(islice(tasks, parts.size)):
            path = parts.path(some)
            if path.exists():
                self.finished += len(some)
                continue
            gathering.expect(path, some)
            yield from some

    def _shaping(self) -> Shaping:
        first = next(rows_of(self.table))  # there is one: the table was checked
        return Shaping(first.values, nested=self._shape["nested"], model=name_of(self.model))

    def _write(self, parts: Parts) -> None:
        parts.clean()
        self._rows = assembled(parts.paths, self.out, unique=self._shape["unique"])
        about = {**asdict(self.summary), "ended": now()}
        write_json(self.folder / "summary.json", about)
        write_readme(self.out, read_json(self.folder / "run.json"), about)

    def _begin(self) -> None:
        """See that the folder holds answers to what is asked now, or nothing."""
        begin(
            self.folder,
            {**self.plan.settings, "nested": self._shape["nested"]},
            {"name": name_of(self.model), **settings_of(self.model)},
            table=table_name(self.table),
            fresh=self._fresh,
        )
        self._fresh = False  # once


def generate(
    table: str | Path | Iterable[Mapping[str, Any]],
    *,
    progress: Progress | None = None,
    engine: str = "local",
    actors: int = 1,
    block: int = 100,
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
        engine: ``"local"``, this process; or ``"ray"``, a cluster (extra ``ray``).
        actors: With ``"ray"``: processes that ask; see `Run.run_ray`.
        block: With ``"ray"``: rows that are written as one.
        **options: See `Run`.

    Raises:
        ConfigurationError: If something cannot work; see `Run`.
        ModelError: If a call failed for good; run it again to go on.
    """
    if engine not in ENGINES:
        raise ConfigurationError(f"engine is one of {', '.join(ENGINES)}, not {engine}.")
    run = Run(table, **options)
    if engine == "ray":
        return run.run_ray(actors=actors, block=block, progress=progress)
    return run.run(progress)


async def agenerate(
    table: str | Path | Iterable[Mapping[str, Any]],
    *,
    progress: Progress | None = None,
    **options: Any,
) -> Summary:
    """Do what `generate` does, without blocking."""
    return await Run(table, **options).arun(progress)


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
