"""``vs score``: figures of answers that are there already; no model is asked."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vs_core.cli.helpers import embedder_of, same_of
from vs_core.cli.models import stderr
from vs_core.cli.options import Json, listed
from vs_core.display import printable
from vs_core.evaluation import Columns, Scores, read_items
from vs_core.evaluation import score as measured
from vs_core.evaluation.tables import agreed, shown

__all__ = ["score"]


def score(
    files: Annotated[
        list[Path],
        typer.Argument(help="Tables of answers: .jsonl, .csv, .tsv, .parquet.", show_default=False),
    ],
    text: Annotated[str | None, typer.Option(help="Column of the answers.")] = None,
    prompt: Annotated[str | None, typer.Option(help="Column of what they answer.")] = None,
    call: Annotated[
        str | None, typer.Option(help="Column that says which request an answer came from.")
    ] = None,
    probability: Annotated[
        str | None, typer.Option(help="Column of verbalized probabilities.")
    ] = None,
    quality: Annotated[
        str | None, typer.Option(help="Column of a judge's scores, from 0 to 1.")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(help="Columns whose values are compared; default: model and strategy."),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(help="What is right: .jsonl with prompt, truth and reference."),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Only these, separated by commas; any registered metric of texts."),
    ] = None,
    embedding_model: Annotated[
        str | None, typer.Option(help="Model for semantic diversity, or local.")
    ] = None,
    same: Annotated[
        str, typer.Option(help="The same answer: text, or a cosine of embeddings such as 0.9.")
    ] = "text",
    base_url: Annotated[
        str | None, typer.Option(help="Endpoint of the embedding model, ending in /v1.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write the report there, with figures: .html.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure the answers in a table, whoever made them; of several, compare with the first."""
    embed = embedder_of(embedding_model, base_url)
    scores = measured(
        *files,
        columns=Columns(
            text=text,
            prompt=prompt,
            call=call,
            probability=probability,
            score=quality,
            by=None if by is None else listed("--by", by),
        ),
        items=() if truth is None else read_items(truth),
        measures=None if metric is None else listed("--metric", metric),
        embed=embed,
        same=same_of(same, embed, None),
    )
    for note in scores.notes:
        stderr.print(Text(printable(note)), style="yellow")
    if as_json:
        print(json.dumps(scores.as_dict(), ensure_ascii=False, indent=2))
    else:
        _print(scores)
    if report is not None:
        stderr.print(Text(f"Report: {scores.report(report)}"))


def _print(scores: Scores) -> None:
    """A row a measure and a column an arm; then what each arm is over the first."""
    console = Console()
    (task,) = scores.tasks.values()
    figures = Table(
        title=Text(printable(scores.heading), style="bold"),
        caption="intervals: 95 %, over prompts from four on, else over calls",
        title_justify="left", caption_justify="left", show_edge=False,
    )  # fmt: skip
    figures.add_column("")
    for arm in scores.arms:
        figures.add_column(Text(printable(_named(scores, arm.model, arm.label))), overflow="fold")
    for measure in task.measures:
        found = [scores.interval(arm, measure) for arm in scores.arms]
        if not all(math.isnan(each.estimate) for each in found):
            figures.add_row(Text(measure.label), *(Text(shown(*each)) for each in found))
    console.print(figures, "")
    for pair, agreement in scores.agreements(task.name).items():
        console.print(Text(printable(f"The same answer: {agreed(*pair, agreement)}")), "")
    if len(scores.arms) == 1:
        return
    labels = {measure.name: measure.label for measure in task.measures}
    drawn = Table(
        title="Differences", caption="p: corrected for all of a model's (Holm)",
        title_justify="left", caption_justify="left", show_edge=False,
    )  # fmt: skip
    for name in ("", "over", "measure", "difference", "p"):
        drawn.add_column(name, overflow="fold")
    for row in scores.differences_table().to_dict("records"):
        named = (_named(scores, row["model"], row[each]) for each in ("strategy", "baseline"))
        figure = shown(row["difference"], row["low"], row["high"])
        chance = "–" if math.isnan(row["pvalue"]) else f"{row['pvalue']:.3f}"
        cells = (*map(printable, named), labels[row["measure"]], figure, chance)
        drawn.add_row(*map(Text, cells))
    console.print(drawn, "")


def _named(scores: Scores, model: str, label: str) -> str:
    return label if len(scores.models) == 1 else f"{model}, {label}"
