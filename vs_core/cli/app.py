"""The commands of ``vs``."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.columns import Columns
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

import vs_core
from vs_core.candidates import Candidate
from vs_core.cli.check import check
from vs_core.cli.compare import compare
from vs_core.cli.generate import generate
from vs_core.cli.options import Json, Probability, Seed, names_of
from vs_core.cli.sample import sample
from vs_core.cli.score import score
from vs_core.cli.showing import say, show, stdout
from vs_core.cli.studio import mcp, studio
from vs_core.cli.tune import tune
from vs_core.display import shorten
from vs_core.errors import ConfigurationError
from vs_core.plugins import KINDS, plugins
from vs_core.testing import SimulatedModel

app = typer.Typer(
    name="vs",
    help="Verbalized Sampling: ask a model for a distribution of answers, and draw from it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
def parse(
    file: Annotated[str, typer.Argument(help="File to read; - is standard input.")] = "-",
    format: Annotated[
        str | None, typer.Option(help="Format to try first.", autocompletion=names_of("formats"))
    ] = None,
    probability: Probability = "explicit",
    as_json: Json = False,
) -> None:
    """Read a model's answer as a distribution, in whatever format it is written."""
    distribution = vs_core.parse(_read(file), format=format, probability=probability)
    show(distribution, as_json=as_json)
    for repair in distribution.repairs if not as_json else ():
        say(f"repaired: {shorten(repair)}", "dim")


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


app.command()(sample)
app.command()(compare)
app.command()(check)
app.command()(generate)
app.command()(score)
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


def _read(file: str) -> str:
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"Cannot read {file}: {error.strerror}.") from error
    return data.decode("utf-8", errors="replace")
