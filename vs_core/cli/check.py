"""``vs check``: whether a model does Verbalized Sampling, from the command line."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from vs_core.checking import FORMATS, PROMPTS, Check, ProbeResult, record
from vs_core.checking import check as run_check
from vs_core.cli.models import BaseUrl, ModelName, choose_model, require_no_endpoint, stderr
from vs_core.cli.options import price_of
from vs_core.clients import OpenAIModel
from vs_core.display import printable, shorten
from vs_core.errors import ConfigurationError
from vs_core.profiles import Figure, require_place
from vs_core.testing import SimulatedModel, SimulatedServer

__all__ = ["check", "quiet"]

_VERDICTS = {
    "yes": ("does Verbalized Sampling", "green"),
    "partly": ("does Verbalized Sampling in part", "yellow"),
    "no": ("does not do Verbalized Sampling", "red"),
}
_KINDLY = (
    "Asked for answers with their probabilities, it gave none that could be read as such. That is "
    "common with small models, and no fault of your set-up: the calls worked. A larger model may "
    "do it, or an endpoint that enforces a schema. The settings below ask for what this one can do."
)
_SHOWN = {
    "format": "format", "stream": "in a stream", "schema": "the schema alone",
    "reasons": "with reasons", "turns": "over turns", "tail": "the tail", "many": "three times k",
    "list": "a plain list", "direct": "one answer",
}  # fmt: skip


def check(
    model: ModelName = None,
    base_url: BaseUrl = None,
    k: Annotated[int, typer.Option("-k", help="Candidates a call.")] = 5,
    prompt: Annotated[
        list[str] | None,
        typer.Option(help="What is asked about; several may be given. Default: three of ours."),
    ] = None,
    format: Annotated[
        list[str] | None, typer.Option(help=f"Formats to try; default: {', '.join(FORMATS)}.")
    ] = None,
    repeats: Annotated[int, typer.Option(help="How often everything is asked.")] = 1,
    concurrency: Annotated[int, typer.Option(help="Most calls at once; seconds suffer.")] = 1,
    temperature: Annotated[float | None, typer.Option(help="Passed to the model.")] = None,
    max_tokens: Annotated[
        int | None, typer.Option(help="Most tokens of an answer; passed to the model.")
    ] = None,
    price: Annotated[
        str | None, typer.Option(help="Of a million input and output tokens: 0.4,1.6.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write what is recommended there: a profile, .toml or .json."),
    ] = None,
    record_to: Annotated[
        Path | None, typer.Option("--record", help="Keep the answers there, without secrets.")
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Check the simulated model, over HTTP.")
    ] = False,
    habit: Annotated[
        list[str] | None, typer.Option(help="How the simulated model misbehaves.")
    ] = None,
    lacks: Annotated[
        list[str] | None, typer.Option(help="What the simulated endpoint has not.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Ask a model a dozen times: does it do Verbalized Sampling, and with which settings?

    Exit code: 0; 1 if it does not, or the first call fails; 2 for bad usage.
    """
    costs = price_of(price)
    if out is not None:
        require_place(out)
    if record_to is not None and not record_to.absolute().parent.is_dir():
        raise ConfigurationError(f"--record: the folder of {record_to} is not there.")
    parameters: dict[str, Any] = {} if max_tokens is None else {"max_tokens": max_tokens}
    with quiet(), _checked_model(
        simulated, model, base_url, temperature, parameters, habit, lacks
    ) as chosen:  # fmt: skip
        found = run_check(
            chosen, prompts=prompt or PROMPTS, k=k, formats=format or FORMATS, repeats=repeats,
            concurrency=concurrency, progress=stderr.is_terminal,
        )  # fmt: skip
    found = found.of_simulated(simulated)
    if record_to is not None:
        key = os.environ.get("OPENAI_API_KEY", "")
        stderr.print(Text(f"Answers: {record(found, record_to, secrets=[key])}"))
    if out is not None:
        stderr.print(Text(f"Profile: {found.profile().save(out)}"))
    if as_json:
        cost = found.cost_a_useful_answer(costs) if costs else None
        data = {**found.as_dict(), "cost_a_useful_answer": cost and cost.value}
        print(json.dumps(data, ensure_ascii=False, indent=2))
    else:
        _print(found, costs)
    if found.verdict == "no":
        raise typer.Exit(1)


@contextmanager
def _checked_model(
    simulated: bool,
    name: str | None,
    base_url: str | None,
    temperature: float | None,
    parameters: dict[str, Any],
    habits: list[str] | None,
    lacks: list[str] | None,
) -> Iterator[OpenAIModel]:
    if not simulated:
        if habits or lacks:
            raise ConfigurationError("--habit and --lacks are of the simulated model: --simulated.")
        yield choose_model(name, base_url, temperature, parameters)
        return
    require_no_endpoint(name, base_url)
    quirks: Any = habits or ()  # unknown ones are refused by what takes them
    without: Any = lacks or ()
    with SimulatedServer(SimulatedModel(habits=quirks), lacks=without) as server:
        yield OpenAIModel("simulated", base_url=server.base_url, api_key="none", **parameters)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings of each flow: what they say is in the tables."""
    log = logging.getLogger("vs_core")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


# --- tables --------------------------------------------------------------------------------------


def _print(found: Check, price: tuple[float, float] | None) -> None:
    console = Console()
    said, colour = _VERDICTS[found.verdict]
    name = found.model if found.answers_as in (None, found.model) else (
        f"{found.model} (answers as {found.answers_as})"
    )  # fmt: skip
    if found.simulated:
        console.print(
            "The model is SIMULATED. These figures say what the check does, and nothing of yours.",
            style="yellow",
        )
    console.print(Text(f"{printable(name)} {said}.", style=f"bold {colour}"))
    if found.verdict == "no":
        console.print(Text(_KINDLY))
    console.print(_asked(found), _seen(found, price))
    for remark in found.remarks:
        console.print(Text(f"• {printable(remark)}"))
    console.print(_recommended(found))


def _asked(found: Check) -> Table:
    """What was asked, and what came of it."""
    table = Table(title=f"{found.calls} calls", title_justify="left", show_edge=False)
    for column in (
        "asked",
        "format",
        "read",
        "came",
        "differ",
        "with p",
        "p sums to",
        "tokens",
        "s",
    ):
        numbers = column in ("came", "differ", "with p", "p sums to", "tokens", "s")
        table.add_column(column, justify="right" if numbers else "left")
    for result in found.results:
        table.add_row(
            _SHOWN.get(result.probe, result.probe) + (
                ", by schema" if result.mode == "schema" else ""
            ),
            Text(result.format or "any"),
            _read(result),
            f"{result.given}/{result.k}" if result.readable else "–",
            str(result.distinct) if result.readable else "–",
            str(result.stated) if result.readable else "–",
            ", ".join(f"{mass:.2g}" for mass in result.masses) or "–",
            str(result.usage.get("output_tokens", "–")),
            f"{result.seconds:.1f}",
        )  # fmt: skip
    return table


def _read(result: ProbeResult) -> Text:
    """How it was read, and why not."""
    styles = {"exact": "green", "repaired": "yellow", "unreadable": "red", "failed": "red"}
    said = result.outcome if result.as_asked or not result.readable else (
        f"{result.outcome}, in another format"
    )  # fmt: skip
    about = shorten(result.error or "; ".join(result.repairs), 60)
    return Text.assemble((said, styles[result.outcome]), f": {about}" if about else "")


def _seen(found: Check, price: tuple[float, float] | None) -> Table:
    """What the model and its endpoint do, and what an answer takes."""
    figures = found.figures
    table = Table.grid(padding=(0, 2))
    rows = {
        "read exactly": _share(figures.get("read_exactly")),
        "read at all": _share(figures.get("read")),
        "keeps to k": _share(figures.get("kept_k")),
        "probabilities under the threshold": _share(figures.get("under_threshold")),
        "structured output": found.structured + ("" if found.bounds else ", without bounds"),
        "streams": _streams(found),
        "thoughts": {"apart": "apart", "answer": "in the answer"}.get(
            found.thoughts or "", "none seen"
        ),
        "token counts": found.usage,
        "seconds a call": _number(figures.get("seconds")),
        "tokens a different answer": _tokens(found),
    }
    if price is not None:
        cost = found.cost_a_useful_answer(price)
        rows["cost of a thousand different answers"] = f"{cost.value * 1000:.3g}" if cost else "–"
    table.add_row("")
    for name, value in rows.items():
        table.add_row(name, Text(value))
    return table


def _share(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    interval = "" if figure.low is None else f" [{figure.low:.0%}, {figure.high:.0%}]"
    return f"{figure.value:.0%}{interval}"


def _number(figure: Figure | None) -> str:
    return "–" if figure is None else f"{figure.value:.3g}"


def _streams(found: Check) -> str:
    first = found.figures.get("seconds_to_first")
    return found.streaming + (f", the first candidate after {first.value:.2g} s" if first else "")


def _tokens(found: Check) -> str:
    direct = found.figures.get("tokens_a_direct_answer")
    mine = _number(found.figures.get("tokens_a_useful_answer"))
    return mine if direct is None else f"{mine} (asked directly: {_number(direct)})"


def _recommended(found: Check) -> Panel:
    """The settings, as they are written in code."""
    options = [f"{name}={value!r}" for name, value in found.settings.items()]
    lines = [Text(f"verbalize(prompt, model, {', '.join(options)})")]
    if found.parameters:
        made = [f"{name}={value!r}" for name, value in found.parameters.items()]
        lines.insert(0, Text(f"model = OpenAIModel({found.model!r}, {', '.join(made)})"))
    lines.append(Text("--out FILE writes them as a profile.", style="dim"))
    return Panel(Group(*lines), title="recommended", title_align="left")
