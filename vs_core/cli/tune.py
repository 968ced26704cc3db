"""``vs tune``: chooses how to ask a model for a task, from the command line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from vs_core.cli.check import quiet
from vs_core.cli.helpers import embedder_of, judge_of, same_of
from vs_core.cli.models import (
    BaseUrl,
    EmbeddingUrl,
    JudgeModel,
    JudgeUrl,
    ModelName,
    choose_model,
    require_no_endpoint,
    stderr,
)
from vs_core.cli.options import listed, numbers, price_of, whole_numbers
from vs_core.clients import OpenAIModel
from vs_core.display import printable
from vs_core.errors import ConfigurationError
from vs_core.evaluation import Task, simulated_tasks
from vs_core.evaluation.items import Item, read_items
from vs_core.evaluation.tasks.base import task_of
from vs_core.profiles import require_place
from vs_core.testing import SimulatedModel, SimulatedServer
from vs_core.tuning import Tuning, prompts_of
from vs_core.tuning import tune as run_tune

__all__ = ["tune"]


def tune(
    prompts: Annotated[
        Path | None,
        typer.Option(help="Your own prompts: a line each, or .csv, .tsv, .jsonl, .parquet."),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(help="--prompts is a table, and this a template over its columns."),
    ] = None,
    task: Annotated[str | None, typer.Option(help="A registered task; see: vs plugins.")] = None,
    model: ModelName = None,
    base_url: BaseUrl = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="The simulated model, over HTTP.")
    ] = False,
    strategies: Annotated[
        str, typer.Option(help="To try beside direct answers, separated by commas.")
    ] = "sequence,vs_standard,vs_cot,vs_multi",
    k: Annotated[
        str, typer.Option("-k", help="Candidates a call, separated by commas.")
    ] = "3,5,10",
    threshold: Annotated[
        str, typer.Option(help="Thresholds, separated by commas; 1 is none.")
    ] = "1,0.1",
    temperature: Annotated[
        str | None, typer.Option(help="Temperatures, separated by commas; default: the model's.")
    ] = None,
    n: Annotated[
        int | None, typer.Option("-n", help="Answers to each prompt; default: twice the largest k.")
    ] = None,
    units: Annotated[int, typer.Option(help="Prompts, and runs of them, to choose on.")] = 24,
    judge_model: JudgeModel = None,
    judge_url: JudgeUrl = None,
    same: Annotated[
        str, typer.Option(help="The same answer: text, a cosine of embeddings such as 0.9, judge.")
    ] = "text",
    embedding_model: Annotated[
        str | None,
        typer.Option(help="Model of --same by embeddings, at the same endpoint, or local."),
    ] = None,
    embedding_url: EmbeddingUrl = None,
    floor: Annotated[float | None, typer.Option(help="Least quality, from 0 to 1.")] = None,
    loss: Annotated[
        float | None, typer.Option(help="Most that quality may be under that of direct answers.")
    ] = None,
    most_tokens: Annotated[
        float | None, typer.Option(help="Most tokens a different answer.")
    ] = None,
    most_cost: Annotated[
        float | None, typer.Option(help="Most that a different answer may cost.")
    ] = None,
    price: Annotated[
        str | None, typer.Option(help="Of a million input and output tokens: 0.4,1.6.")
    ] = None,
    concurrency: Annotated[int, typer.Option(help="Most calls in flight.")] = 16,
    seed: Annotated[int, typer.Option(help="Of what is asked in which order.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Write what won there: a profile, .toml or .json.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw the curve of what nothing beats: .svg, .png, .pdf.")
    ] = None,
    records: Annotated[
        Path | None, typer.Option(help="Folder for the answers; run it again to go on.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Choose strategy, k, threshold and temperature for a task: ways to ask race on your prompts.

    As diverse as can be, above a quality and under a cost. Exit code: 0; 1 if what won does not
    keep to that on other prompts; 2 for bad usage.
    """
    if (prompts is None) == (task is None):
        raise ConfigurationError("Give --prompts FILE, or --task NAME.")
    if len(listed("--same", [same])) > 1:
        raise ConfigurationError("--same of vs tune is one; vs compare takes several.")
    if same == "text" and embedding_model is not None:
        raise ConfigurationError(
            "--embedding-model wants to know how near is the same: --same 0.9, say."
        )
    if out is not None:
        require_place(out)
    if figure is not None and figure.suffix not in (".svg", ".png", ".pdf"):
        raise ConfigurationError(f"--figure ends in .svg, .png or .pdf, not {figure.name!r}.")
    chosen = _task(prompts, template, task, seed)
    with _model(simulated, model, base_url, chosen) as found, _bar() as progress, quiet():
        judge = judge_of(judge_model, judge_url or found.base_url)
        embed = embedder_of(embedding_model, embedding_url or found.base_url)
        (alike,) = same_of(same, embed, judge)
        tuning = run_tune(
            chosen, found, score=judge, floor=floor, loss=loss, most_tokens=most_tokens,
            same=alike, most_cost=most_cost, price=price_of(price),
            strategies=listed("--strategies", [strategies]),
            ks=whole_numbers("-k", [k]),
            thresholds=[None if t == 1 else t for t in numbers("--threshold", [threshold])],
            temperatures=numbers("--temperature", [temperature]) if temperature else [None],
            n=n, units=units, out=records, seed=seed, concurrency=concurrency, progress=progress,
        )  # fmt: skip
    tuning = tuning.of_simulated(simulated)
    if out is not None:
        stderr.print(Text(f"Profile: {tuning.profile().save(out)}"))
    if figure is not None:
        tuning.plot().savefig(figure)
        stderr.print(Text(f"Figure: {figure}"))
    if as_json:
        print(json.dumps(tuning.as_dict(), ensure_ascii=False, indent=2))
    else:
        _print(tuning)
    if not tuning.keeps:
        raise typer.Exit(1)


# --- options -----------------------------------------------------------------------------------


def _task(prompts: Path | None, template: str | None, name: str | None, seed: int) -> Task:
    if template is not None:
        if prompts is None:
            raise ConfigurationError("--template goes with --prompts, which is then a table.")
        texts = prompts_of(prompts, prompt=template, seed=seed)
        return Task(name=prompts.stem, items=[Item(prompt=text) for text in texts])
    if prompts is not None:
        return Task(name=prompts.stem, items=read_items(prompts))
    return task_of(name or "")


@contextmanager
def _model(simulated: bool, name: str | None, base_url: str | None, task: Task) -> Iterator[Any]:
    if not simulated:
        yield choose_model(name, base_url)
        return
    require_no_endpoint(name, base_url)
    with SimulatedServer(SimulatedModel(tasks=simulated_tasks([task]))) as server:
        yield OpenAIModel("simulated", base_url=server.base_url, api_key="none")


@contextmanager
def _bar() -> Iterator[Any]:
    if not stderr.is_terminal:
        yield None
        return
    with Progress(
        BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=stderr, transient=True
    ) as bar:
        calls = bar.add_task("calls", total=None)
        yield lambda done, most: bar.update(calls, completed=done, total=most)


# --- tables --------------------------------------------------------------------------------------


def _print(tuning: Tuning) -> None:
    console = Console()
    if tuning.simulated:
        console.print(
            "The model is SIMULATED. These figures say what the race does, and nothing of yours.",
            style="yellow",
        )
    console.print(_table(tuning))
    own, gain = tuning.standing, tuning.gain
    console.print(Text(f"\n{printable(tuning.winner.name)}", style="bold"))
    differ = _interval(own.diversity, own.low, own.high)
    more = _interval(gain.estimate, gain.low, gain.high, "+")
    lines = [
        f"on {own.units} prompts that nothing was chosen by: {differ} of the answers differ, "
        f"{more} more than of direct answers",
        f"where it was chosen it looked {tuning.optimism:+.3f} better",
        f"{tuning.calls} calls to choose, {tuning.share_of_grid:.0%} of what asking all would take",
    ]
    if not tuning.keeps:
        lines.append("there it does NOT keep to the limits that were set")
    options = ", ".join(f"{name}={value!r}" for name, value in tuning.winner.settings.items())
    for line in (*lines, f"verbalize(prompt, model, {options})"):
        console.print(Text(line))


def _table(tuning: Tuning) -> Table:
    table = Table(show_edge=False)
    priced = any(math.isfinite(s.cost) for s in tuning.standings.values())
    columns = ["way to ask", "differ", "quality", "tokens an answer", "prompts", "calls", ""]
    if priced:
        columns.insert(4, "cost of 1000")
    for column in columns:
        table.add_column(column, justify="left" if column in ("way to ask", "") else "right")
    fronts = {*tuning.front("quality"), *tuning.front("tokens")}
    for name, standing in tuning.standings.items():
        cells = [
            f"{name} *" if name in fronts else name,
            _interval(standing.diversity, standing.low, standing.high),
            _shown(standing.quality, ".2f"),
            _shown(standing.tokens, ".0f"),
            *([_shown(standing.cost * 1000, ".3g")] if priced else []),
            str(standing.units),
            str(standing.calls),
            tuning.out.get(name, "stayed"),
        ]
        table.add_row(*map(Text, cells))
    table.caption = "* nothing beats it in differing and in quality or tokens at once"
    table.caption_justify = "left"
    return table


def _interval(value: float, low: float, high: float, sign: str = "") -> str:
    ends = f" [{low:{sign}.2f}, {high:{sign}.2f}]" if math.isfinite(low) else ""
    return f"{value:{sign}.2f}{ends}"


def _shown(value: float, how: str) -> str:
    return f"{value:{how}}" if math.isfinite(value) else "–"
