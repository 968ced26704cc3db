"""``vs generate``: a table of prompts in, a table of answers out."""

from __future__ import annotations

import dataclasses
import json
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from vs_core.anthropic import AnthropicModel
from vs_core.cli.models import (
    BaseUrl,
    Model,
    ModelName,
    model_of,
    require_no_endpoint,
    said,
    stderr,
)
from vs_core.cli.options import Format, Schema, StrategyName, price_of, schema_of
from vs_core.display import printable, shorten
from vs_core.equivalence import ByMeaning, ByText, Equivalence
from vs_core.errors import ConfigurationError
from vs_core.generation import Run, Summary
from vs_core.generation.run import ENGINES
from vs_core.profiles import Profile
from vs_core.testing import SimulatedModel

__all__ = ["generate"]

_BACKENDS = ("live", "batch", "files")
_EARLIER = {"openai-batch": "batch"}

_TOKENS_A_CANDIDATE = 60
"""For an estimate before anything is asked: about so much is an answer of a sentence or two."""


def generate(
    context: typer.Context,
    table: Annotated[
        Path, typer.Argument(help="A row for each prompt: .csv, .tsv, .jsonl or .parquet.")
    ],
    out: Annotated[Path, typer.Option(help="The answers: .jsonl, .parquet, .csv, or a folder.")],
    prompt: Annotated[
        str | None, typer.Option(help="Template over the columns: 'A tagline for {product}.'")
    ] = None,
    prompt_column: Annotated[str | None, typer.Option(help="Column with the prompt.")] = None,
    system: Annotated[str | None, typer.Option(help="Template of a system message.")] = None,
    id_column: Annotated[str | None, typer.Option(help="Column that identifies a row.")] = None,
    schema: Schema = None,
    k: Annotated[int, typer.Option("-k", help="Candidates a call.")] = 5,
    n: Annotated[int | None, typer.Option("-n", help="Candidates a row; default: k.")] = None,
    strategy: StrategyName = "vs_standard",
    threshold: Annotated[float | None, typer.Option(help="Sample the tail below it.")] = None,
    format: Format = "json",
    retries: Annotated[int, typer.Option(help="Times a bad answer is asked for again.")] = 1,
    until_distinct: Annotated[
        int | None, typer.Option(help="Ask until a row has exactly so many different answers.")
    ] = None,
    avoid_seen: Annotated[
        bool, typer.Option("--avoid-seen", help="With it: tell the model what came already.")
    ] = False,
    same: Annotated[
        str, typer.Option(help="With it: the same answer is text, exact, or a cosine such as 0.9.")
    ] = "text",
    embedding_model: Annotated[
        str | None, typer.Option(help="Model of a cosine; local is one on this machine.")
    ] = None,
    embedding_url: Annotated[
        str | None, typer.Option(help="Its endpoint, if it is not --base-url.")
    ] = None,
    unseen: Annotated[
        float | None, typer.Option(help="With it: end where a new answer is less probable.")
    ] = None,
    unique: Annotated[
        bool,
        typer.Option(
            "--unique",
            help="No answer of one row in another: left out, with --until-distinct asked anew.",
        ),
    ] = False,
    nested: Annotated[bool, typer.Option("--nested", help="One row a prompt.")] = False,
    limit: Annotated[int | None, typer.Option(help="Most rows of the table.")] = None,
    concurrency: Annotated[int, typer.Option(help="Most calls in flight.")] = 16,
    rate: Annotated[float | None, typer.Option(help="Most calls a minute.")] = None,
    tokens: Annotated[float | None, typer.Option(help="Most tokens a minute.")] = None,
    attempts: Annotated[int, typer.Option(help="Times a call is tried that fails.")] = 5,
    budget: Annotated[
        float | None, typer.Option(help="Most that this run may cost; it then ends in order.")
    ] = None,
    price: Annotated[
        str | None, typer.Option(help="Of a million input and output tokens: 0.4,1.6")
    ] = None,
    model: ModelName = None,
    base_url: BaseUrl = None,
    temperature: Annotated[float | None, typer.Option(help="Passed to the model.")] = None,
    profile: Annotated[Path | None, typer.Option(help="Settings; options given here win.")] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Use the simulated model; its rows say so.")
    ] = False,
    backend: Annotated[
        str, typer.Option(help="live, batch (half the price, up to a day), or files.")
    ] = "live",
    results: Annotated[
        list[Path] | None,
        typer.Option(help="Results of files that were run elsewhere; several may be given."),
    ] = None,
    engine: Annotated[
        str, typer.Option(help="local, or ray: a Ray cluster (extra ray).")
    ] = "local",
    actors: Annotated[int, typer.Option(help="With ray: processes that ask.")] = 1,
    block: Annotated[int, typer.Option(help="With ray: rows that are written as one.")] = 100,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show prompts, calls and cost; ask nothing.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Ask for each row of a table, and write a table of answers.

    Run it again after whatever stopped it: it goes on, and asks for nothing that it has.
    Exit codes: 0 complete; 3 stopped in good order (budget, Ctrl-C); 1 and 2 as ever.
    """
    backend = _EARLIER.get(backend, backend)
    _require_way(backend, engine)
    settled = Profile(settings={}) if profile is None else Profile.load(profile)
    complete: Model | AnthropicModel
    if simulated:
        require_no_endpoint(model, base_url)
        stderr.print("These answers are SIMULATED.", style="yellow")
        complete = SimulatedModel()
    else:
        complete = model_of(model or settled.model, base_url, temperature, settled.parameters)
    options = said(
        context, strategy=strategy, k=k, n=n, threshold=threshold, format=format, retries=retries
    )
    run = Run(
        table, model=complete, out=out, prompt=prompt, prompt_column=prompt_column, system=system,
        id_column=id_column, schema=None if schema is None else schema_of(schema), profile=profile,
        until_distinct=until_distinct, avoid_seen=avoid_seen, unique=unique, nested=nested,
        same=_same(same, embedding_model, embedding_url or base_url), unseen=unseen,
        limit=limit, concurrency=concurrency, rate=rate, tokens_a_minute=tokens,
        attempts=attempts, budget=budget, price=price_of(price),
        fresh=fresh, **options,
    )  # fmt: skip
    if dry_run:
        _show_ahead(run)
        return
    for path in results or ():
        stderr.print(f"{run.add_results(_lines(path)):,} answers taken from {path}")
    if backend == "files" and (files := run.write_batches()):
        for path in files:
            print(path)
        stderr.print("Run these, and give what comes back: the same command with --results FILE.")
        raise typer.Exit(3)
    with _ending_in_order(run), _progress(run) as tell:
        if backend == "batch":
            summary = run.run_batches(tell=stderr.print, progress=tell)
        elif engine == "ray":
            summary = run.run_ray(actors=actors, block=block, progress=tell)
        else:
            summary = run.run(tell)
    _show(summary, as_json)
    if summary.stopped:
        raise typer.Exit(3)


def _same(same: str, model: str | None, url: str | None) -> Equivalence | None:
    """What makes two answers the same; None for their text, but for case and white space."""
    if same in ("text", "exact"):
        return None if same == "text" else ByText(str)
    from vs_core.cli.helpers import embedder_of  # it needs the extra metrics

    try:
        above = float(same)
    except ValueError:
        raise ConfigurationError(
            f"--same is text, exact, or a cosine such as 0.9, not {same!r}."
        ) from None
    embed = embedder_of(model, url)
    if embed is None:
        raise ConfigurationError("--same by a cosine needs --embedding-model.")
    return ByMeaning(embed, above)


def _require_way(backend: str, engine: str) -> None:
    for option, given, known in (("backend", backend, _BACKENDS), ("engine", engine, ENGINES)):
        if given not in known:
            raise ConfigurationError(f"--{option} is one of {', '.join(known)}, not {given}.")
    if engine == "ray" and backend != "live":
        raise ConfigurationError("--engine ray asks live: it goes with no other --backend.")


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as file:
            yield from file
    except OSError as error:
        raise ConfigurationError(f"Cannot read {path}: {error.strerror}.") from error


# --- showing -------------------------------------------------------------------------------------


def _show_ahead(run: Run) -> None:
    for task in run.first(3):
        for message in task.messages:
            stderr.print(Text(f"line {task.line}, {message.role}: {shorten(message.text, 500)}"))
    calls = run.expected_calls
    asked = run.first(1)[0]
    said_before = sum(len(message.text) for message in asked.messages) / 4 + 150
    usage = {
        "input_tokens": int(calls * said_before),
        "output_tokens": int(run.tasks * sum(run.strategy.sizes()) * _TOKENS_A_CANDIDATE),
    }
    cost = run.spent.price.of(usage)
    lines = [
        f"{run.tasks:,} rows, {calls:,} calls if every answer can be read",
        f"about {usage['input_tokens']:,} input and {usage['output_tokens']:,} output tokens",
        f"about {cost:.2f} by the price of the model" if cost is not None else "no price is known",
    ]
    for line in lines:
        stderr.print(line)
    stderr.print("Nothing was asked.", style="bold")


@contextmanager
def _progress(run: Run) -> Iterator[Any]:
    """A bar on a terminal; a line now and then where it is not one."""
    if not stderr.is_terminal:
        every = max(1, run.tasks // 20)
        shown = 0

        def tell(now: Run) -> None:
            nonlocal shown
            if now.finished // every > shown:
                shown = now.finished // every
                stderr.print(f"{now.finished} of {now.tasks} rows, {_spent(now)}", highlight=False)

        yield tell
        return
    columns = (
        BarColumn(), MofNCompleteColumn(), TextColumn("rows"), TextColumn("{task.fields[spent]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=stderr, transient=True) as bar:
        task = bar.add_task("rows", total=run.tasks, spent="")
        yield lambda now: bar.update(task, completed=now.finished, spent=_spent(now))


def _spent(run: Run) -> str:
    tokens = sum(run.spent.usage.values())
    cost = run.spent.cost
    rate = run.spent.calls / max(time.monotonic() - run.began, 1e-9) * 60
    return f"{run.spent.calls:,} calls ({rate:,.0f} a minute), {tokens:,} tokens" + (
        "" if cost is None else f", cost {cost:.4f}"
    )


@contextmanager
def _ending_in_order(run: Run) -> Iterator[None]:
    """Ctrl-C and SIGTERM let calls in flight end; a second one ends at once."""

    def stop(number: int, frame: Any) -> None:  # noqa: ARG001
        stderr.print("Ending in good order; once more ends at once.", style="yellow")
        for each, handler in before.items():
            signal.signal(each, handler)
        run.stop()

    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each in before:
        signal.signal(each, stop)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _show(summary: Summary, as_json: bool) -> None:
    if as_json:
        print(json.dumps(dataclasses.asdict(summary), indent=2))
        return
    table = Table(show_header=False, show_edge=False)
    about = {
        "rows": f"{summary.rows:,} in {summary.out}" if not summary.stopped else "not written yet",
        "prompts": f"{summary.finished:,} of {summary.tasks:,}",
        "unread": f"{summary.unread:,}",
        "calls": f"{summary.calls:,} new, {summary.known:,} known",
        "tokens": f"{sum(summary.usage.values()):,}",
        "cost": "unknown" if summary.cost is None else f"{summary.cost:.4f}",
    }
    for name, value in about.items():
        table.add_row(name, value)
    stderr.print(table)
    if summary.stopped:
        stderr.print(f"Stopped ({summary.stopped}). To go on, run the same command again:")
        words = ["vs", *(word for word in sys.argv[1:] if word != "--fresh")]
        stderr.print(Text(printable(shlex.join(words))), soft_wrap=True)
