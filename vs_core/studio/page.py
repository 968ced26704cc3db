"""The page: thin, over the functions beside it."""

from __future__ import annotations

import html
import json
import math
import tempfile
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from vs_core.candidates import Distribution
from vs_core.errors import ConfigurationError, VSError, raise_missing_extra
from vs_core.plugins import plugins
from vs_core.probabilities import DEFINITIONS
from vs_core.profiles import Profile
from vs_core.studio.code import TARGETS, code
from vs_core.studio.history import MOST, Kept, compared, table
from vs_core.studio.settings import SIMULATED, Settings
from vs_core.studio.sides import Side, both
from vs_core.studio.sweep import KNOBS, svg, sweep

__all__ = ["page"]

CSS = """
.vs-side ol { padding-left: 1.4rem; } .vs-side li { margin: .5rem 0; overflow-wrap: anywhere; }
.vs-side li small { display: block; opacity: .75; }
.vs-bar { display: block; height: .4rem; border-radius: .2rem; background: #00897b; }
.vs-figures { font-weight: 600; } .vs-error { color: #c62828; font-weight: 600; }
.vs-simulated { border-left: 4px solid #b26a00; padding: .4rem .8rem; font-weight: 600; }
.vs-sweep { width: 100%; max-width: 40rem; height: auto; }
"""
_NOTE = (
    '<p class="vs-simulated" role="note">These answers are SIMULATED. They show what the knobs do, '
    "and say nothing about any real model.</p>"
)
_PAUSE = 0.1
"""Least seconds from one drawing of the sides to the next: each is all of their HTML."""

_EMPTY = Side("", Distribution())


def page(model: str = SIMULATED, base_url: str = "") -> Any:
    """Return the page as Gradio's blocks, to be launched.

    Args:
        model: What the field for the model says at first.
        base_url: The same of the endpoint.

    Raises:
        MissingExtraError: If gradio is not installed.
    """
    try:
        gr: Any = import_module("gradio")
    except ImportError as error:
        raise_missing_extra("studio", error)

    strategies = [name for name in plugins.table("strategies") if name != "direct"]
    with gr.Blocks(title="vs studio", analytics_enabled=False) as blocks:
        gr.Markdown("# vs studio\nAsk directly and for a distribution, and turn the knobs.")
        note = gr.HTML(_NOTE if model == SIMULATED and not base_url else "")
        with gr.Row():
            with gr.Column(scale=1, min_width=280):
                prompt = gr.Textbox("Tell me a joke about coffee.", label="Prompt", lines=3)
                system = gr.Textbox("", label="System message", lines=1)
                name = gr.Textbox(model, label="Model")
                url = gr.Textbox(base_url, label="Endpoint", placeholder="https://…/v1")
                strategy = gr.Dropdown(strategies, value="vs_standard", label="Strategy")
                k = gr.Slider(1, 20, 5, step=1, label="k, candidates a call")
                n = gr.Slider(1, 50, 10, step=1, label="n, candidates in all")
                threshold = gr.Slider(0.01, 1.0, 1.0, step=0.01, label="Threshold")
                temperature = gr.Slider(0, 2, 1.0, step=0.1, label="Temperature")
                with gr.Accordion("More", open=False):
                    format = gr.Dropdown(list(plugins.table("formats")), value="json",
                                         label="Format")  # fmt: skip
                    definition = gr.Dropdown(
                        list(DEFINITIONS), value="explicit", label="Definition of probability"
                    )  # fmt: skip
                    embedder = gr.Textbox(
                        "", label="Embedding model, for meanings", placeholder="none",
                    )  # fmt: skip
                    above = gr.Slider(
                        0, 1, 0.9, step=0.01, label="Same answer from this cosine on",
                    )  # fmt: skip
                    price_in = gr.Number(None, label="Price of a million input tokens")
                    price_out = gr.Number(None, label="Price of a million output tokens")
                run = gr.Button("Ask both ways", variant="primary", elem_id="run")
                stop = gr.Button("Cancel", elem_id="cancel")
            with gr.Column(scale=3, min_width=300):
                with gr.Tab("Side by side"):
                    with gr.Row():
                        left, right = gr.HTML(elem_id="direct"), gr.HTML(elem_id="verbalized")
                    with gr.Row():
                        resampler = gr.Dropdown(
                            list(plugins.table("resamplers")), value="proportional",
                            label="Draw by",
                        )  # fmt: skip
                        option = gr.Textbox("", label="Its option", placeholder="p=0.8")
                        draw = gr.Button("Draw again", elem_id="draw")
                    drawn = gr.Textbox(label="Drawn", elem_id="drawn", interactive=False)
                with gr.Tab("Sweep"):
                    knob = gr.Radio(list(KNOBS), value="threshold", label="Over")
                    with gr.Row():
                        turn = gr.Button("Turn the knob", elem_id="turn")
                        halt = gr.Button("Cancel", elem_id="halt")
                    curve = gr.HTML(elem_id="curve")
                with gr.Tab("Use this"):
                    target = gr.Dropdown(list(TARGETS), value="core", label="In")
                    program = gr.Code(language="python", label="Program", elem_id="program")
                    save = gr.Button("Profile, JSONL and HTML", elem_id="save")
                    files = gr.File(label="Files", file_count="multiple", elem_id="files")
                with gr.Tab("History"):
                    history = gr.HTML(elem_id="history")
                    with gr.Row():
                        one = gr.Number(1, precision=0, label="Run")
                        other = gr.Number(2, precision=0, label="beside run")
                        beside = gr.Button("Compare", elem_id="beside")
                    comparison = gr.HTML(elem_id="comparison")
        found: Any = gr.State(Distribution())
        runs: Any = gr.State([])
        knobs = [prompt, system, name, url, strategy, format, definition, k, n, threshold,
                 temperature, embedder, above, resampler, option, price_in, price_out]  # fmt: skip

        asked = run.click(
            _ask, [*knobs, runs], [note, left, right, found, runs, history],
            concurrency_limit=4,
        )  # fmt: skip
        stop.click(None, cancels=[asked])
        draw.click(_draw, [found, *knobs], drawn)
        turning = turn.click(_turn, [knob, *knobs], [note, curve])
        beside.click(_beside, [runs, one, other], comparison)
        halt.click(None, cancels=[turning])
        for part in (target, *knobs):
            part.change(_code, [target, *knobs], program, show_progress="hidden")
        save.click(_files, [found, *knobs], files)
        blocks.load(_code, [target, *knobs], program)
    return blocks


def _settings(*values: Any) -> Settings:
    names = ("prompt", "system", "model", "base_url", "strategy", "format", "probability", "k", "n",
             "threshold", "temperature", "embedding_model", "above", "resampler")  # fmt: skip
    *others, option, price_in, price_out = values
    given = dict(zip(names, others, strict=True))
    if option.strip():
        given["resampler"] += f":{option}"
    if price_in is not None and price_out is not None:
        given["price"] = (price_in, price_out)
    given["k"], given["n"] = int(given["k"]), int(given["n"])
    if given["model"].strip() == SIMULATED and not given["base_url"].strip():
        given["temperature"] = None  # it has none
    return Settings(**given)


def _ask(*values: Any) -> Iterator[tuple[Any, ...]]:
    *knobs, runs = values
    settings = _settings(*knobs)
    note = _NOTE if settings.simulated else ""
    sides = (_EMPTY, _EMPTY)
    try:
        shown_at = -math.inf
        for sides in both(settings):
            if time.monotonic() - shown_at < _PAUSE:  # the next one, or the last below, shows it
                continue
            shown_at = time.monotonic()
            shown = sides[0].html(), sides[1].html()
            yield note, *shown, sides[1].found, runs, table(runs)
    except VSError as error:
        yield note, "", _error(error), Distribution(), runs, table(runs)
        return
    runs = [*runs, Kept(settings, *sides)][-MOST:]
    yield note, sides[0].html(), sides[1].html(), sides[1].found, runs, table(runs)


def _beside(runs: list[Kept], one: float | None, other: float | None) -> str:
    places = [int(number or 0) for number in (one, other)]
    if not all(1 <= place <= len(runs) for place in places):
        return _error(ConfigurationError(f"Name two of the {len(runs)} runs by their numbers."))
    first, second = (runs[place - 1] for place in places)
    return compared(first, second, (str(places[0]), str(places[1])))


def _draw(found: Distribution, *knobs: Any) -> str:
    if not found:
        return "Ask first."
    try:
        return _settings(*knobs).draw(found).text
    except VSError as error:
        return f"{type(error).__name__}: {error}"


def _turn(knob: str, *knobs: Any) -> Iterator[tuple[str, str]]:
    settings = _settings(*knobs)
    note = _NOTE if settings.simulated else ""
    points = []
    try:
        for point in sweep(settings, knob):
            points.append(point)
            yield note, svg(points, knob)
    except VSError as error:
        yield note, _error(error)


def _code(target: str, *knobs: Any) -> str:
    try:
        return code(_settings(*knobs), target)
    except ConfigurationError as error:  # an option that is not written to its end yet
        return f"# {error}"


def _files(found: Distribution, *knobs: Any) -> list[str]:
    settings = _settings(*knobs)
    folder = Path(tempfile.mkdtemp(prefix="vs-studio-"))
    profile = Profile.made_now(
        made_by="vs studio", settings=settings.options(), model=settings.model,
        simulated=settings.simulated,
    )  # fmt: skip
    profile.save(folder / "profile.toml")
    lines = "".join(json.dumps(each.model_dump(mode="json")) + "\n" for each in found)
    (folder / "candidates.jsonl").write_text(lines, encoding="utf-8")
    note = _NOTE if settings.simulated else ""
    side = Side(f"Asked for a distribution ({settings.strategy})", found, done=True)
    (folder / "distribution.html").write_text(
        '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>vs studio</title>'
        f"<style>{CSS}</style><h1>{html.escape(settings.prompt)}</h1>{note}{side.html()}</html>",
        encoding="utf-8",
    )
    return [str(path) for path in sorted(folder.iterdir())]


def _error(error: Exception) -> str:
    said = html.escape(f"{type(error).__name__}: {error}")
    return f'<p class="vs-error" role="alert">{said}</p>'
