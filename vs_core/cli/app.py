"""The commands of ``vs``."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.columns import Columns
from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

import vs_core
from vs_core.candidates import Candidate, Distribution
from vs_core.cli.check import check
from vs_core.cli.compare import compare
from vs_core.cli.generate import generate
from vs_core.cli.models import Model, choose_model, require_no_endpoint, said, stderr
from vs_core.cli.studio import mcp, studio
from vs_core.cli.tune import tune
from vs_core.display import shorten
from vs_core.errors import ConfigurationError
from vs_core.messages import as_messages
from vs_core.plugins import KINDS, plugins
from vs_core.profiles import Profile
from vs_core.strategies import Flow
from vs_core.strategies.base import strategy_of
from vs_core.testing import SimulatedModel

app = typer.Typer(
    name="vs",
    help="Verbalized Sampling: ask a model for a distribution of answers, and draw from it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
stdout = Console()

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Seed = Annotated[int | None, typer.Option(help="Makes draws and simulated answers repeat.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"vs-core {vs_core.__version__}")
        raise typer.Exit


@app.callback()
def _vs(
    version: Annotated[  # typer calls its callback before any command
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None: ...


@app.command()
def demo(
    prompt: Annotated[str, typer.Argument()] = "Tell me a joke about coffee.",
    seed: Seed = 7,
) -> None:
    """Compare ten direct answers with ten drawn from a verbalized distribution (simulated)."""
    model = SimulatedModel(seed=seed or 0)
    direct = vs_core.verbalize(prompt, model, strategy="direct", n=10, max_concurrency=1)
    distribution = vs_core.verbalize(prompt, model, k=10, seed=seed)
    stdout.print(
        "[bold]These answers are SIMULATED[/]: an aligned model made from the theory of the "
        "paper, so that you need no key. They show what the code does, not what your model does."
    )
    stdout.print(Text(f"\nPrompt: {shorten(prompt)}\n", style="italic"))
    panels = [
        _counted_panel("Asked directly, ten times", list(direct)),
        _counted_panel("Drawn from a verbalized distribution, ten times", distribution.sample(10)),
    ]
    stdout.print(Columns(panels, equal=True, expand=True))
    stdout.print("\nThe distribution, as the model verbalized it in one call:")
    stdout.print(distribution)


def _counted_panel(title: str, answers: list[Candidate]) -> Panel:
    counts = Counter(answer.text for answer in answers)
    table = Table.grid(padding=(0, 1))
    for text, count in counts.most_common():
        table.add_row(f"{count}×", Text(shorten(text)))
    return Panel(table, title=title, subtitle=f"{len(counts)} distinct of {len(answers)}")


@app.command()
def sample(
    context: typer.Context,
    prompt: Annotated[
        str, typer.Argument(metavar="PROMPT", help="The task; - reads it from standard input.")
    ],
    k: Annotated[int, typer.Option("-k", help="Candidates a call.")] = 5,
    n: Annotated[
        str | None,
        typer.Option("-n", help="Candidates in all; default: k. auto: while that brings new ones."),
    ] = None,
    budget: Annotated[int, typer.Option(help="With -n auto, most calls.")] = 20,
    strategy: Annotated[str, typer.Option(help="See: vs plugins.")] = "vs_standard",
    threshold: Annotated[
        float | None,
        typer.Option(help="Sample the tail: every probability below it."),
    ] = None,
    probability: Annotated[str, typer.Option(help="How probability is defined.")] = "explicit",
    format: Annotated[str, typer.Option(help="How answers are written.")] = "json",
    retries: Annotated[int, typer.Option(help="Times a bad answer is asked for again.")] = 1,
    seed: Seed = None,
    model: Annotated[str | None, typer.Option(help="Name of the model.")] = None,
    base_url: Annotated[
        str | None,
        typer.Option(help="OpenAI-compatible endpoint, ending in /v1."),
    ] = None,
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
    """Ask a model for a distribution of answers.

    Any OpenAI-compatible endpoint (key from OPENAI_API_KEY), or the simulated model.
    """
    task = as_messages(sys.stdin.read() if prompt == "-" else prompt)
    given = said(
        context, strategy=strategy, k=k, n=_number(n), budget=budget, threshold=threshold,
        probability=probability, format=format, retries=retries,
    )  # fmt: skip
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
    if stream:
        # JSON alone goes to standard output; the drawing then goes beside it.
        flow = made.flow(task)
        distribution = _streamed(flow, complete, stderr if as_json else stdout).seeded(seed)
    else:
        progress = stderr.is_terminal and len(made.sizes()) > 1
        distribution = vs_core.verbalize(
            task, complete, strategy=made, seed=seed, progress=progress
        )
    if simulated:
        about = {**distribution.metadata, "simulated": True}
        distribution = distribution.model_copy(update={"metadata": about})
    if as_json or not stream:
        _show(distribution, as_json)
    if not as_json:
        stdout.print(Text(f"\ndrawn: {shorten(distribution.sample().text, 1000)}", style="bold"))


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


@app.command()
def parse(
    file: Annotated[str, typer.Argument(help="File to read; - is standard input.")] = "-",
    format: Annotated[str | None, typer.Option(help="Format to try first.")] = None,
    probability: Annotated[str, typer.Option(help="How probability is defined.")] = "explicit",
    as_json: Json = False,
) -> None:
    """Read a model's answer as a distribution, in whatever format it is written."""
    distribution = vs_core.parse(_read(file), format=format, probability=probability)
    _show(distribution, as_json)
    for repair in distribution.repairs if not as_json else ():
        stdout.print(Text(f"repaired: {shorten(repair)}", style="dim"))


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8765,
    gamma: Annotated[float, typer.Option(help="Sharpening of direct answers; 1 is none.")] = 8.0,
    seed: Seed = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="A model's name that it answers to; several may be given."),
    ] = None,
) -> None:
    """Serve the simulated model as an OpenAI-compatible API."""
    from vs_core.testing import SimulatedModel
    from vs_core.testing.server import serve as run

    model = SimulatedModel(gamma=gamma, seed=seed or 0)
    run(model, host=host, port=port, names=name or ["simulated"])


app.command()(compare)
app.command()(check)
app.command()(generate)
app.command()(studio)
app.command()(mcp)
app.command()(tune)


@app.command("plugins")
def list_plugins() -> None:
    """List strategies, formats, resamplers, metrics and tasks, and the plugins they come from."""
    table = Table("kind", "name", "from", show_edge=False)
    for kind in KINDS:
        for name in plugins.table(kind):
            table.add_row(kind, Text(name), Text(plugins.owner(kind, name)))
    stdout.print(table)
    for name, error in plugins.broken.items():
        stdout.print(Text(f"broken: {name}: {shorten(repr(error))}", style="red"))


def _show(distribution: Distribution, as_json: bool) -> None:
    if as_json:
        print(distribution.model_dump_json(indent=2))
    else:
        stdout.print(distribution)


def _read(file: str) -> str:
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"Cannot read {file}: {error.strerror}.") from error
    return data.decode("utf-8", errors="replace")
