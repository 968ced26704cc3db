"""``vs studio`` and ``vs mcp``: the knobs in a browser, and for agents."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from vs_core.errors import ConfigurationError

__all__ = ["mcp", "studio"]

ModelName = Annotated[str, typer.Option(envvar="VS_MODEL", help="Name of the model.")]
Endpoint = Annotated[
    str, typer.Option(envvar="OPENAI_BASE_URL", help="OpenAI-compatible endpoint, ending in /v1.")
]


def studio(
    model: ModelName = "simulated",
    base_url: Endpoint = "",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 7860,
    share: Annotated[
        bool, typer.Option("--share", help="Open it to the internet; needs --i-mean-it too.")
    ] = False,
    i_mean_it: Annotated[
        bool, typer.Option("--i-mean-it", help="Anybody with the link asks with your key.")
    ] = False,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Show direct and verbalized answers side by side in a browser, on this machine alone."""
    if share and not i_mean_it:
        raise ConfigurationError(
            "--share lets anybody with the link ask with your key; add --i-mean-it if you do."
        )
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from vs_core.studio.page import CSS, page

    page(model, base_url).launch(
        server_name="127.0.0.1", server_port=port or None, share=share, inbrowser=browser, css=CSS,
        show_error=True,
    )  # fmt: skip


def mcp(model: ModelName = "simulated", base_url: Endpoint = "") -> None:
    """Serve the tools sample and parse to an agent, over standard input and output."""
    from vs_core.studio.tools import server

    server(model, base_url).run("stdio")
