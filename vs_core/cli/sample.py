"""``vs sample``: ask a model for a distribution of answers, and draw from it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live

import vs_core
from vs_core.candidates import Distribution, resampler_of
from vs_core.cli.models import (
    BaseUrl,
    Model,
    ModelName,
    choose_model,
    require_no_endpoint,
    said,
    stderr,
)
from vs_core.cli.options import (
    Format,
    Json,
    Probability,
    Schema,
    Seed,
    StrategyName,
    names_of,
    schema_of,
)
from vs_core.cli.showing import show, stdout
from vs_core.messages import Message, as_messages
from vs_core.profiles import Profile
from vs_core.resampling import read_resampler
from vs_core.strategies import Flow
from vs_core.strategies.base import strategy_of
from vs_core.testing import SimulatedModel

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["sample"]


def sample(
    context: typer.Context,
    prompt: Annotated[
        str, typer.Argument(metavar="PROMPT", help="The task; - reads it from standard input.")
    ],
    system: Annotated[str | None, typer.Option(help="A system message before it.")] = None,
    schema: Schema = None,
    k: Annotated[int, typer.Option("-k", help="Candidates a call.")] = 5,
    n: Annotated[
        str | None,
        typer.Option("-n", help="Candidates in all; default: k. auto: while that brings new ones."),
    ] = None,
    budget: Annotated[int, typer.Option(help="With -n auto, most calls.")] = 20,
    strategy: StrategyName = "vs_standard",
    threshold: Annotated[
        float | None,
        typer.Option(help="Sample the tail: every probability below it."),
    ] = None,
    probability: Probability = "explicit",
    format: Format = "json",
    retries: Annotated[int, typer.Option(help="Times a bad answer is asked for again.")] = 1,
    resampler: Annotated[
        str,
        typer.Option(
            help="How one is drawn, see: vs plugins. With its option: top_p:p=0.8.",
            autocompletion=names_of("resamplers"),
        ),
    ] = "proportional",
    seed: Seed = None,
    model: ModelName = None,
    base_url: BaseUrl = None,
    temperature: Annotated[float | None, typer.Option(help="Passed to the model.")] = None,
    profile: Annotated[
        Path | None,
        typer.Option(help="Settings, as vs check writes them; options given here win."),
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Use the simulated model; records say so.")
    ] = False,
    stream: Annotated[bool, typer.Option("--stream", help="Show candidates as they come.")] = False,
    as_json: Json = False,
) -> None:
    """Ask a model for a distribution of answers, and draw one.

    Any OpenAI-compatible endpoint (key from OPENAI_API_KEY), or the simulated model.
    """
    task = _task(sys.stdin.read() if prompt == "-" else prompt, system)
    by, its_options = read_resampler(resampler)
    draw = resampler_of(by, **its_options)
    given = said(
        context, strategy=strategy, k=k, n=_number(n), budget=budget, threshold=threshold,
        probability=probability, format=format, retries=retries,
    )  # fmt: skip
    if schema is not None:
        given["schema"] = schema_of(schema)
    made = strategy_of(profile=profile, **given)
    settled = Profile(settings={}) if profile is None else Profile.load(profile)
    complete: Model
    if simulated:
        require_no_endpoint(model, base_url)
        (stderr if as_json else stdout).print("These answers are SIMULATED.", style="yellow")
        complete = SimulatedModel(seed=seed or 0)
    else:
        name = model or settled.model
        complete = choose_model(name, base_url, temperature, settled.parameters)
    drawing = stream and stdout.is_terminal and not as_json
    if stream:
        # What is drawn as it comes goes beside standard output where that is read by a program.
        flow = made.flow(task)
        distribution = _streamed(flow, complete, stdout if drawing else stderr).seeded(seed)
    else:
        progress = stderr.is_terminal and len(made.sizes()) > 1
        distribution = vs_core.verbalize(
            task, complete, strategy=made, seed=seed, progress=progress
        )
    if simulated:
        about = {**distribution.metadata, "simulated": True}
        distribution = distribution.model_copy(update={"metadata": about})
    show(distribution, drawn=distribution.sample(resampler=draw), as_json=as_json, shown=drawing)


def _task(prompt: str, system: str | None) -> Sequence[Message]:
    task = as_messages(prompt)
    return task if system is None else (Message("system", system), *task)


def _number(n: str | None) -> int | str | None:
    """What -n says; a text that is no number is left to the strategy to refuse."""
    return int(n) if n is not None and n.lstrip("-").isdigit() else n


def _streamed(flow: Flow, model: Model, console: Console) -> Distribution:
    """Run a flow and draw its candidates as they come, last the whole distribution."""
    distribution = Distribution()
    with Live(distribution, console=console, auto_refresh=False) as live:
        for event in vs_core.stream(flow, model.stream):
            if isinstance(event, Distribution):
                distribution = event
            else:
                distribution = Distribution([*distribution, event])
            live.update(distribution, refresh=True)
    return distribution
