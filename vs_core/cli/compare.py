"""``vs compare``: an experiment from the command line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

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
from vs_core.display import printable
from vs_core.errors import ConfigurationError
from vs_core.evaluation import Experiment, Task, read_items, simulated_tasks
from vs_core.evaluation.experiment import ALL_STRATEGIES
from vs_core.evaluation.paper import (
    EXPECTED,
    TEMPERATURE,
    TOP_P,
    authors_words,
    paper_task,
    sizes,
)
from vs_core.evaluation.tables import agreed, amount, shown
from vs_core.plugins import plugins
from vs_core.prompts import Prompts
from vs_core.testing import SimulatedModel, SimulatedServer

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["compare"]

SIMULATED = (
    "The model is SIMULATED: it is made from the theory of the paper and knows the right answers. "
    "These figures show that the code works. They say nothing about any real model."
)


def compare(
    task: Annotated[
        list[str],
        typer.Option(help="Tasks, separated by commas; see: vs plugins.", show_default=False),
    ],
    strategies: Annotated[
        list[str] | None,
        typer.Option(help=f"Separated by commas; default: {','.join(ALL_STRATEGIES)}."),
    ] = None,
    n: Annotated[
        int | None, typer.Option("-n", help="Answers to each prompt; default: 30.")
    ] = None,
    k: Annotated[
        list[str] | None,
        typer.Option("-k", help="Candidates a call; several, separated by commas; default: 5."),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(help="Thresholds to compare, separated by commas: 1.0,0.1,0.01."),
    ] = None,
    temperature: Annotated[
        list[str] | None, typer.Option(help="Passed to the model; several, separated by commas.")
    ] = None,
    top_p: Annotated[list[str] | None, typer.Option(help="As --temperature.")] = None,
    min_p: Annotated[
        list[str] | None, typer.Option(help="As --temperature; for endpoints that know it.")
    ] = None,
    probability: Annotated[
        list[str] | None,
        typer.Option(help="How probability is defined; several, separated by commas."),
    ] = None,
    format: Annotated[
        list[str] | None, typer.Option(help="How answers are written; several, by commas.")
    ] = None,
    templates: Annotated[
        Path | None,
        typer.Option(help="Other words to ask in: .toml, or a folder with words.toml in it."),
    ] = None,
    paper: Annotated[
        bool,
        typer.Option(
            "--paper", help="The paper's settings and measures, and its figures beside yours."
        ),
    ] = False,
    prompts: Annotated[
        Path | None,
        typer.Option(help="Your own prompts: a line each, or .csv, .tsv, .jsonl, .parquet."),
    ] = None,
    prompt_column: Annotated[
        str | None, typer.Option(help="Column of --prompts that holds the prompt.")
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(help="Your own reference (states: JSON; dialogue: donations, a line each)."),
    ] = None,
    model: ModelName = None,
    base_url: BaseUrl = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Use the simulated model, over HTTP.")
    ] = False,
    judge_model: JudgeModel = None,
    judge_url: JudgeUrl = None,
    embedding_model: Annotated[
        str | None,
        typer.Option(help="Model for semantic diversity, at the same endpoint, or local."),
    ] = None,
    embedding_url: EmbeddingUrl = None,
    same: Annotated[
        str,
        typer.Option(
            help="The same answer: text, a cosine of embeddings such as 0.9, judge. Of several, "
            "by commas, the first counts, and how far they agree is reported."
        ),
    ] = "text",
    price: Annotated[
        str | None, typer.Option(help="Of a million input and output tokens: 0.4,1.6.")
    ] = None,
    concurrency: Annotated[int, typer.Option(help="Most calls in flight.")] = 16,
    rate: Annotated[float | None, typer.Option(help="Most calls a minute.")] = None,
    attempts: Annotated[int, typer.Option(help="Times a failing call is tried.")] = 5,
    seed: Annotated[int, typer.Option(help="Of draws and intervals.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for records and report.")] = Path("vs-compare"),
    figures: Annotated[
        list[str] | None,
        typer.Option(help="Write each figure to a file too: svg, pdf, png, by commas."),
    ] = None,
    inspect: Annotated[
        bool, typer.Option("--inspect", help="Write logs for inspect_ai's viewer too.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Take away what --out holds, and start anew.")
    ] = False,
) -> None:
    """Compare strategies on tasks: a table, and a report with figures.

    Run it again with the same options and --out to go on after it was stopped.
    """
    tasks = _tasks(
        task, prompts, prompt_column, reference, paper=paper, worded=templates is not None
    )
    if paper:
        n = sizes([each.name for each in tasks]) if n is None else n
        temperature, top_p = temperature or [str(TEMPERATURE)], top_p or [str(TOP_P)]
    with _endpoint(simulated, model, base_url, tasks) as (name, url):
        chosen = choose_model(name, url)
        judge = judge_of(judge_model, judge_url or chosen.base_url)
        embed = embedder_of(embedding_model, embedding_url or chosen.base_url)
        with _progress() as progress:
            experiment = Experiment(
                tasks,
                listed("--strategies", strategies or ALL_STRATEGIES),
                model={chosen.model: chosen},
                n=30 if n is None else n,
                grid={
                    "k": whole_numbers("-k", k or ["5"]),
                    "threshold": _several("--threshold", threshold),
                    "probability": listed("--probability", probability or ["explicit"]),
                    "format": listed("--format", format or ["json"]),
                    "temperature": _several("--temperature", temperature),
                    "top_p": _several("--top-p", top_p),
                    "min_p": _several("--min-p", min_p),
                },
                options={} if templates is None else {"prompts": _words(templates, paper)},
                out=out,
                judge=judge,
                embed=embed,
                same=same_of(same, embed, judge),
                price=price_of(price),
                concurrency=concurrency,
                rate=rate,
                attempts=attempts,
                seed=seed,
                progress=progress,
                note=SIMULATED if simulated else "",
                fresh=fresh,
            )
            experiment.expected = EXPECTED if paper else ()
            experiment.run()
    table = experiment.table()
    table.to_csv(out / "table.csv", index=False)
    report = experiment.report()
    if inspect:
        experiment.export_inspect()
    if figures is not None:
        experiment.export_figures(formats=listed("--figures", figures))
    _print(experiment, table)
    if paper:
        expected = experiment.expected_table()
        expected.to_csv(out / "paper.csv", index=False)
        _print_expected(expected)
    stderr.print(Text(f"Report: {report}"))


# --- options -----------------------------------------------------------------------------------


def _several(option: str, texts: Sequence[str] | None) -> list[float | None]:
    """The numbers of an option; None alone where it is not given."""
    return [None] if texts is None else [*numbers(option, texts)]


def _words(templates: Path, paper: bool) -> Prompts:
    return authors_words(templates) if paper else Prompts.from_file(templates)


def _tasks(
    names: list[str],
    prompts: Path | None,
    column: str | None,
    reference: Path | None,
    *,
    paper: bool,
    worded: bool,
) -> list[Task]:
    tasks = listed("--task", names)
    if column is not None and prompts is None:
        raise ConfigurationError("--prompt-column goes with --prompts, which is then a table.")
    items = None if prompts is None or column is None else read_items(prompts, column)
    options = {"file": items or prompts, "reference": reference}
    given: dict[str, Any] = {name: path for name, path in options.items() if path is not None}
    if given and len(tasks) > 1:
        raise ConfigurationError("--prompts and --reference go with one task.")
    if paper:
        return [paper_task(name, worded=worded, **given) for name in tasks]
    return [plugins.task(name, **given) for name in tasks]


# --- the endpoint ------------------------------------------------------------------------------


@contextmanager
def _endpoint(
    simulated: bool, name: str | None, base_url: str | None, tasks: list[Task]
) -> Iterator[tuple[str | None, str | None]]:
    """Yield the model's name and endpoint; those of a simulated server while it runs."""
    if simulated:
        require_no_endpoint(name, base_url)
        stderr.print(SIMULATED, style="yellow")
        with SimulatedServer(SimulatedModel(tasks=simulated_tasks(tasks))) as server:
            yield "simulated", server.base_url
        return
    yield name, base_url


# --- what is shown -----------------------------------------------------------------------------


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    """Yield what draws a progress bar, on a terminal."""
    if not stderr.is_terminal:
        yield None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress("calls", *columns, console=stderr, transient=True) as progress:
        bar = progress.add_task("calls", total=None)

        def advance(done: int, expected: int) -> None:
            progress.update(bar, completed=done, total=expected)

        yield advance


def _print(experiment: Experiment, table: pd.DataFrame) -> None:
    """A table for each task: figures with intervals, and what a useful candidate takes."""
    console = Console()
    for name, task in experiment.tasks.items():
        rows = table[table["task"] == name]
        measures = [each for each in task.measures if each.name in rows]
        measures = [each for each in measures if rows[each.name].notna().any()]
        costs = ["calls", "tokens"] + ["cost"] * (experiment.price is not None)
        drawn = Table(
            title=Text(name, style="bold"),
            caption=f"{' and '.join(costs)}: for each useful candidate; intervals: 95 %",
            title_justify="left",
            caption_justify="left",
            show_edge=False,
        )
        if len(experiment.models) > 1:
            drawn.add_column("model", overflow="fold")
        drawn.add_column("strategy", no_wrap=True)
        for column in (*(each.label for each in measures), "useful"):
            drawn.add_column(column, overflow="fold")  # nothing is hidden
        for column in costs:
            drawn.add_column(column, justify="right")
        for row in rows.to_dict("records"):
            cells = _cells(row, [each.name for each in measures], costs)
            drawn.add_row(*cells[len(experiment.models) == 1 :])
        console.print(drawn, "")
        for labels, found in experiment.agreements(name).items():
            console.print(Text(printable(f"The same answer: {agreed(*labels, found)}")), "")


def _print_expected(rows: pd.DataFrame) -> None:
    """The figures of the paper beside those that were measured."""
    drawn = Table(
        title="Expected and measured",
        caption="most of the paper's figures are means over its models",
        title_justify="left", caption_justify="left", show_edge=False,
    )  # fmt: skip
    for name in ("model", "task", "strategy", "measure", "paper", "measured", "of"):
        drawn.add_column(name, overflow="fold")
    for row in rows.to_dict("records"):
        figure = shown(row["measured"], row["low"], row["high"])
        cells = (*(str(row[name]) for name in ("model", "task", "strategy", "measure")),
                 f"{row['expected']:.3g}", figure, row["source"])  # fmt: skip
        drawn.add_row(*(Text(printable(cell)) for cell in cells))
    Console().print(drawn if len(rows) else "Nothing of this is in the paper's tables.", "")


def _cells(row: Mapping[Any, Any], measures: list[str], costs: list[str]) -> list[Text]:
    threshold = "" if math.isnan(row["threshold"]) else f" < {row['threshold']:g}"
    figures = [shown(*(row[f"{name}{end}"] for end in ("", "_low", "_high"))) for name in measures]
    # A terminal is narrow: the interval stands below its figure.
    figures = [f.replace(" (", "\n").replace(" to ", "–").rstrip(")") for f in figures]
    texts = [
        printable(str(row["model"])),
        f"{row['strategy']}{threshold}",
        *figures,
        f"{row['useful']} of {row['candidates']}",
        *(amount(row[f"{cost}_per_useful"]) for cost in costs),
    ]
    return [Text(text) for text in texts]
