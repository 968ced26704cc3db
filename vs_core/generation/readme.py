"""What stands beside a table of answers: how it was made, for whoever finds it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vs_core.generation.folder import aside

__all__ = ["write_readme"]

_COLUMNS = {
    "id": "of the prompt: what was asked, by its digest",
    "text": "the answer",
    "value": "the same as JSON, where answers have a type",
    "probability": "as the model verbalized it",
    "weight": "the probabilities of a prompt, normalised",
    "call": "which of the prompt's calls it came from",
    "repairs": "what had to be mended to read it",
    "strategy": "how it was asked",
    "model": "that answered",
    "input_tokens": "of its call",
    "output_tokens": "of its call",
}


def write_readme(out: Path, run: Mapping[str, Any], summary: Mapping[str, Any]) -> None:
    """Write ``OUT.README.md`` beside a table.

    Args:
        out: The table: a file or a folder.
        run: What the run was begun with, as its ``run.json`` has it.
        summary: What came of it, as its ``summary.json`` has it.
    """
    model = run["model"]["name"]
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    unread = f", {summary['unread']:,} of which gave nothing that could be read"
    settings = json.dumps({"asked": run["asked"], "model": run["model"]}, indent=2, default=str)
    columns = "\n".join(f"- `{name}`: {meaning}" for name, meaning in _COLUMNS.items())
    text = f"""# {out.name}

{summary["rows"]:,} answers of `{model}` to {summary["tasks"]:,} prompts\
{unread if summary["unread"] else ""}. They were made by a model, and nobody has checked them.

- Made with {versions}, from {run["begun"]} to {summary["ended"]}.
- Prompts: the rows of `{run["table"]}`.

## How it was asked

```json
{settings}
```

## Columns

Those of the prompts' table, and (with `vs_` in front where a name was taken):

{columns}

## Reading it

{_reading(out)}
"""
    with aside(out.with_name(f"{out.name}.README.md")) as other:
        other.write_text(text, encoding="utf-8", errors="replace")


def _reading(out: Path) -> str:
    if out.suffix.lower() not in ("", ".parquet"):
        return f"It is {out.suffix.lower()[1:].upper()}, in UTF-8."
    files = f"{out.name}/*.parquet" if out.is_dir() else out.name
    return f"""```python
pandas.read_parquet("{out.name}")
polars.read_parquet("{files}")
duckdb.read_parquet("{files}")
datasets.load_dataset("parquet", data_files="{files}", split="train")
```"""
