"""Which model a command talks to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from vs_core.anthropic import AnthropicModel
from vs_core.clients import OpenAIModel
from vs_core.errors import ConfigurationError
from vs_core.testing import SimulatedModel

__all__ = [
    "BaseUrl",
    "EmbeddingUrl",
    "JudgeModel",
    "JudgeUrl",
    "Model",
    "ModelName",
    "choose_model",
    "model_of",
    "require_no_endpoint",
    "said",
]

Model = OpenAIModel | SimulatedModel
# The environment is read in `choose_model`: a name in it is no objection to --simulated.
ModelName = Annotated[str | None, typer.Option(help="Name of the model; or VS_MODEL.")]
BaseUrl = Annotated[
    str | None,
    typer.Option(help="OpenAI-compatible endpoint, ending in /v1; or OPENAI_BASE_URL."),
]
JudgeModel = Annotated[
    str | None, typer.Option(help="Model that judges quality, at the same endpoint.")
]
JudgeUrl = Annotated[str | None, typer.Option(help="Endpoint of --judge-model, if it is another.")]
EmbeddingUrl = Annotated[
    str | None, typer.Option(help="Endpoint of --embedding-model, if it is another.")
]
_ANTHROPIC = "anthropic:"
DEFAULT_MODEL = "gpt-4.1-mini"

stderr = Console(stderr=True)
"""Notices and progress go here, so that standard output is the result alone."""


def choose_model(
    name: str | None,
    base_url: str | None = None,
    temperature: float | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> OpenAIModel:
    """Return the model that the options or the environment name.

    Args:
        name: Its name; default: that of ``VS_MODEL``.
        base_url: Its endpoint; default: that of ``OPENAI_BASE_URL``.
        temperature: Its temperature; wins over that of the parameters.
        parameters: Further ones of `OpenAIModel`, such as those of a profile.

    Raises:
        ConfigurationError: If nothing is configured, or an endpoint is named that offers several
            models, and none of them.
    """
    name = name or os.environ.get("VS_MODEL")
    base_url = base_url or os.environ.get("OPENAI_BASE_URL")
    if not (name or base_url or os.environ.get("OPENAI_API_KEY")):
        raise ConfigurationError(
            "No model is configured: set OPENAI_API_KEY or give --base-url; --simulated runs on "
            "the simulated model."
        )
    further = dict(parameters or {})
    if temperature is not None:
        further["temperature"] = temperature
    return OpenAIModel(name or _only_model(base_url), base_url=base_url, **further)


def model_of(
    name: str | None,
    base_url: str | None = None,
    temperature: float | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> OpenAIModel | AnthropicModel:
    """Return what `choose_model` does, or one of Anthropic's for ``anthropic:NAME``."""
    name = name or os.environ.get("VS_MODEL")
    if name is None or not name.startswith(_ANTHROPIC):
        return choose_model(name, base_url, temperature, parameters)
    further = dict(parameters or {})
    if temperature is not None:
        # The client has no argument for it any more, and models that take it still do.
        further["extra_body"] = {**further.get("extra_body", {}), "temperature": temperature}
    return AnthropicModel(name.removeprefix(_ANTHROPIC), base_url=base_url, **further)


def require_no_endpoint(name: str | None, base_url: str | None) -> None:
    """Refuse ``--simulated`` beside a model of the user's."""
    if name or base_url:
        raise ConfigurationError("--simulated has its own model: leave out --model and --base-url.")


def said(context: typer.Context, **options: Any) -> dict[str, Any]:
    """Return those of the options that were given on the command line, without defaults.

    They are what stands over a profile.
    """
    sources = {name: context.get_parameter_source(name) for name in options}
    return {
        name: value
        for name, value in options.items()
        if (source := sources[name]) is None or source.name != "DEFAULT"
    }


def _only_model(base_url: str | None) -> str:
    if base_url is None:
        return DEFAULT_MODEL
    offered = OpenAIModel("", base_url=base_url).models()
    if len(offered) == 1:
        return offered[0]
    raise ConfigurationError(
        f"The endpoint offers {len(offered)} models; choose one with --model: "
        f"{', '.join(offered[:20]) or 'none is listed'}."
    )
