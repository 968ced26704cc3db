"""Running tasks on a cluster, by Ray Data (extra ``ray``).

Ray decides which tasks are finished: their rows are written with a checkpoint by id, and a job that
is started again reads the others alone. The journal holds what was answered within tasks that are
not finished, so that neither a killed worker nor a killed driver pays for it again.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

from vs_core.caller import Caller, Complete
from vs_core.errors import ConfigurationError, ModelError, VSError, raise_missing_extra
from vs_core.generation.folder import aside
from vs_core.generation.journal import Journal
from vs_core.generation.live import Spent, finished
from vs_core.generation.plan import Plan
from vs_core.generation.prices import Price
from vs_core.generation.rows import Shaping
from vs_core.generation.tasks import RowTask
from vs_core.messages import Message
from vs_core.store import completion_of

__all__ = ["FinishedRows", "Job", "run_job"]

_LOOK = 0.5  # seconds between two looks at the folder
_BESIDE = (
    2  # CPUs that Ray takes beside the actors': to read or write, and to filter what is finished
)
_FAILURES = (ModelError, ConfigurationError)
_PLACE_BITS = 32  # of a row's place in its file


@dataclass(frozen=True)
class Job:
    """What an actor needs to know. It is pickled.

    Args:
        folder: Of the run, absolute, on storage that all machines share.
        plan: What is asked.
        model: The model.
        shaping: How a task becomes rows.
        limits: Of an actor, as `vs_core.caller.Caller` takes them.
    """

    folder: Path
    plan: Plan
    model: Complete
    shaping: Shaping
    limits: tuple[int, float | None, int, float | None]

    @property
    def stop(self) -> Path:
        """A file at which actors begin no further call."""
        return self.folder / "stop"

    @property
    def failure(self) -> Path:
        """What an actor failed with for good: the name of the error, and its text."""
        return self.folder / "failure.json"

    def begin(self) -> None:
        """Forget how an earlier job ended."""
        self.stop.unlink(missing_ok=True)
        self.failure.unlink(missing_ok=True)

    @property
    def tasks(self) -> Path:
        """The tasks as Parquet: JSON fails with checkpoints when a job is started again."""
        return self.folder / "tasks.parquet"

    @property
    def finished(self) -> Path:
        """The folder of finished tasks, in files that Ray writes."""
        return self.folder / "finished"

    @property
    def checkpoint(self) -> Path:
        """The folder of the ids that are finished."""
        return self.folder / "checkpoint"


class Asker:
    """An actor: asks for blocks of tasks, a few at a time, under one set of limits.

    Args:
        job: What it is to do.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        # A partition of its own: an actor that takes the place of a killed one finds what that had.
        self._journal = Journal(job.folder, writer=f"ray-{uuid4().hex}")
        self._caller = Caller(*job.limits)

    async def __call__(self, block: dict[str, Any]) -> AsyncIterator[dict[str, list[Any]]]:
        """Yield a row a finished task. What is not finished because of a stop has no row."""
        watch = asyncio.ensure_future(self._until_stopped())
        spent = Spent(Price(None))
        tasks = [_task_of(text) for text in block["task"]]
        try:
            async for done in finished(
                iter(tasks), self._job.plan.flow, self._job.model,
                journal=self._journal, caller=self._caller, spent=spent,
                blocks=self._job.plan.blocks,
            ):  # fmt: skip
                rows = self._job.shaping.rows(done.task, done.found)
                about = {"rows": rows, "unread": done.unread}
                # As JSON: text of models may be what Parquet cannot hold.
                yield {"id": [done.task.id], "done": [json.dumps(about, default=str)]}
        except VSError as error:
            # Ray brings the text of an error back, and not the error.
            failure = [type(error).__name__, str(error)]
            self._job.failure.write_text(json.dumps(failure), encoding="utf-8")
            raise
        finally:
            watch.cancel()

    async def _until_stopped(self) -> None:
        while not self._job.stop.exists():  # noqa: ASYNC110  # other machines touch it
            await asyncio.sleep(_LOOK)
        self._caller.stop()


def run_job(
    job: Job,
    tasks: Iterator[RowTask],
    spent: Spent,
    *,
    actors: int,
    block: int,
    address: str | None,
    tell: Callable[[int], object],
) -> None:
    """Run tasks on a cluster until all are finished, or the job is stopped.

    Args:
        job: What is to be done.
        tasks: All of them; Ray leaves out those that are finished.
        spent: Counts what the journal gets; the job is stopped when the budget is spent.
        actors: How many.
        block: Tasks a block: what is written, and asked again if its machine dies, as one.
        address: Of the cluster; None for the one that this process is connected to, or that
            ``RAY_ADDRESS`` names, or else a new one of this machine alone.
        tell: Is told now and then how many tasks have been finished by this job.

    Raises:
        MissingExtraError: If Ray is not installed.
        ConfigurationError: If the model cannot be pickled.
        ModelError: If a call failed for good.
    """
    ray = _ray()
    from ray.data.checkpoint import CheckpointConfig

    _require_pickle(job)
    _write_tasks(job.tasks, tasks)
    with _connected(ray, address, actors + _BESIDE), _watching(job, spent, tell):
        context = ray.data.DataContext.get_current()
        before = context.checkpoint_config, context.enable_progress_bars
        context.enable_progress_bars = False  # the progress is ours
        context.checkpoint_config = CheckpointConfig(
            id_column="id",
            checkpoint_path=str(job.checkpoint),
            delete_checkpoint_on_success=False,
        )
        try:
            table = ray.data.read_parquet(str(job.tasks))
            answers = table.repartition(target_num_rows_per_block=block).map_batches(
                Asker,
                fn_constructor_args=(job,),
                batch_size=block,
                compute=ray.data.ActorPoolStrategy(
                    size=actors, max_tasks_in_flight_per_actor=4, max_concurrent_calls_per_actor=2
                ),
            )
            answers.write_parquet(str(job.finished))
        except Exception as error:
            _raise_ours(job, error)
            raise
        finally:
            context.checkpoint_config, context.enable_progress_bars = before


class FinishedRows:
    """The rows of finished tasks, by id.

    Args:
        folder: Where Ray wrote them.
    """

    def __init__(self, folder: Path) -> None:
        self._paths = sorted(folder.glob("*.parquet"))
        self._read = lru_cache(maxsize=16)(_read)

    @cached_property
    def _places(self) -> dict[int, int]:
        """Of a million tasks too: ids, files and places are plain numbers."""
        from pyarrow import parquet

        found = {}
        for number, path in enumerate(self._paths):
            ids = parquet.read_table(path, columns=["id"]).column("id").to_pylist()
            first = number << _PLACE_BITS
            found.update({int(each, 16): first + place for place, each in enumerate(ids)})
        return found

    def __contains__(self, task: RowTask) -> bool:
        return int(task.id, 16) in self._places

    def __getitem__(self, task: RowTask) -> dict[str, Any]:
        """Return the ``rows`` of a task, and why it could not be read: ``unread``."""
        number, place = divmod(self._places[int(task.id, 16)], 1 << _PLACE_BITS)
        found: dict[str, Any] = json.loads(self._read(self._paths[number])[place])
        return found


def _read(path: Path) -> Sequence[str]:
    from pyarrow import parquet

    return parquet.read_table(path, columns=["done"]).column("done").to_pylist()  # type: ignore[no-any-return]


def _ray() -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise_missing_extra("ray", error)
    return ray


def _require_pickle(job: Job) -> None:
    from ray import cloudpickle

    try:
        cloudpickle.dumps(job)
    except Exception as error:
        raise ConfigurationError(
            f"The model goes to other machines, and cannot be pickled: {error}. Give what it is "
            "made from, such as OpenAIModel(name, base_url=…) or a class that connects when it is "
            "called first."
        ) from error


def _write_tasks(path: Path, tasks: Iterator[RowTask]) -> None:
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema([("id", pyarrow.string()), ("task", pyarrow.string())])
    with aside(path) as other, parquet.ParquetWriter(other, schema) as writer:
        while some := list(islice(tasks, 1000)):
            columns = [[task.id for task in some], [_text_of(task) for task in some]]
            writer.write_table(pyarrow.table(columns, schema=schema))


def _text_of(task: RowTask) -> str:
    messages = [[message.role, message.text] for message in task.messages]
    return json.dumps([task.number, task.line, task.id, dict(task.row), messages], default=str)


def _task_of(text: str) -> RowTask:
    number, line, name, row, messages = json.loads(text)
    return RowTask(number, line, name, row, tuple(Message(role, said) for role, said in messages))


@contextmanager
def _connected(ray: Any, address: str | None, cpus: int) -> Iterator[None]:
    """A connection to the cluster; one that was there is left there.

    Ray counts CPUs and waits for ever where there are too few. A cluster of this machine alone is
    given as many as are needed: the actors wait for answers, and compute little.
    """
    if ray.is_initialized():
        yield
        return
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    if address or os.environ.get("RAY_ADDRESS"):
        ray.init(address=address, log_to_driver=False)
    else:
        ray.init(
            address="local",
            num_cpus=max(cpus, os.cpu_count() or 1),
            include_dashboard=False,
            log_to_driver=False,
        )
    if threading.current_thread() is threading.main_thread():
        for each, handler in handlers.items():
            signal.signal(each, handler)
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _watching(job: Job, spent: Spent, tell: Callable[[int], object]) -> Iterator[None]:
    """A thread that counts what comes in, and stops the job when the budget is spent."""
    ended = threading.Event()
    ends = {path: path.stat().st_size for path in job.folder.glob("journal/*.jsonl")}
    known = set(job.finished.glob("*.parquet"))
    count = 0

    def look() -> None:
        nonlocal count
        from pyarrow import parquet

        for path in job.folder.glob("journal/*.jsonl"):
            ends[path] = _counted(path, ends.get(path, 0), spent)
        if spent.over:
            job.stop.touch()
        for path in set(job.finished.glob("*.parquet")) - known:
            with suppress(Exception):  # it is being written
                count += parquet.read_metadata(path).num_rows
                known.add(path)
        tell(count)

    def watch() -> None:
        while not ended.wait(_LOOK):
            look()

    thread = threading.Thread(target=watch, daemon=True, name="vs_core-ray")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        look()


def _counted(path: Path, begin: int, spent: Spent) -> int:
    """Count the whole lines of a partition from there on; return where they end."""
    with path.open("rb") as file:
        file.seek(begin)
        for line in file:
            if not line.endswith(b"\n"):
                break
            spent.add(completion_of(json.loads(line)))
            begin += len(line)
    return begin


def _raise_ours(job: Job, error: Exception) -> None:
    """Raise the error of ours that an actor failed with, if it was one."""
    if job.failure.exists():
        name, said = json.loads(job.failure.read_text(encoding="utf-8"))
        kinds: dict[str, type[VSError]] = {each.__name__: each for each in _FAILURES}
        raise kinds.get(name, VSError)(said) from error
