"""The ``vs`` command."""

from __future__ import annotations

import sys

from vs_core.errors import ConfigurationError, MissingExtraError, VSError, raise_missing_extra

__all__ = ["main"]


def main() -> None:
    """Run ``vs``. Exit codes: 0; 1 for a model or parse failure; 2 for bad usage."""
    try:
        _run()
    except (ConfigurationError, MissingExtraError) as error:
        _fail(error, 2)
    except VSError as error:
        _fail(error, 1)
    except KeyboardInterrupt:
        sys.exit(130)


def _run() -> None:
    try:
        from vs_core.cli.app import app
    except ImportError as error:
        raise_missing_extra("cli", error)
    app(prog_name="vs")  # however it was started: shells complete by this name


def _fail(error: VSError, code: int) -> None:
    from vs_core.display import printable

    print(f"vs: {printable(str(error))}", file=sys.stderr)
    sys.exit(code)
