"""The command line as a person runs it: in this process, or in one of its own."""

import io
import logging
import os
import subprocess
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

from vs_core.cli import main


def command(*arguments: str, **environment: str) -> tuple[list[str], dict[str, str]]:
    """A command as a process takes it, and the environment it has: no keys, no colours."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    plain = {"COLUMNS": "160", "NO_COLOR": "1"}
    return [sys.executable, "-m", "vs_core.cli", *arguments], {**clean, **plain, **environment}


def vs(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in this process, which saves the imports; what it raises is a failure."""
    line, env = command(*arguments, **environment)
    out, err, code = io.StringIO(), io.StringIO(), 0
    said = logging.StreamHandler(err)  # as logging does by itself where nothing is set up
    said.setLevel(logging.WARNING)
    with (
        mock.patch.dict(os.environ, env, clear=True),
        mock.patch.object(sys, "argv", ["vs", *arguments]),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()))),
        redirect_stdout(out),
        redirect_stderr(err),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("default")
        warnings.showwarning = lambda *given: err.write(warnings.formatwarning(*given[:4]))
        logging.getLogger().addHandler(said)
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            logging.getLogger().removeHandler(said)
    return subprocess.CompletedProcess(line, code, out.getvalue(), err.getvalue())


def process(*arguments: str, stdin: str = "", **environment: str):
    """Run a command in a process of its own."""
    line, env = command(*arguments, **environment)
    return subprocess.run(line, input=stdin, capture_output=True, text=True, env=env)
