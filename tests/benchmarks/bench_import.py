"""What importing vs_core costs over pydantic, and over a pydantic model.

Run: python tests/benchmarks/bench_import.py

Each is timed in fresh interpreters, in turn. Neither `import pydantic` nor `import vs_core` builds
a model: names load at their first use. So the second pair is what the first answer waits for: a
program that has a model, and one that has taken `verbalize` and `parse` too.
"""

import statistics
import subprocess
import sys
import time

PYDANTIC = "import pydantic"
MODEL = "from pydantic import BaseModel, TypeAdapter\nclass M(BaseModel): x: int"
CODES = {
    "nothing": "pass",
    "pydantic": PYDANTIC,
    "ours": f"{PYDANTIC}\nimport vs_core",
    "model": MODEL,
    "names": f"{MODEL}\nfrom vs_core import parse, verbalize",
}
RUNS = 15


def seconds(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main() -> None:
    for code in CODES.values():  # compiles
        seconds(code)
    runs = [{name: seconds(code) for name, code in CODES.items()} for _ in range(RUNS)]
    took = {name: 1e3 * statistics.median(run[name] for run in runs) for name in CODES}
    print(f"empty interpreter                  {took['nothing']:7.1f} ms (median of {RUNS})")
    for what, base, with_ours in (
        ("import vs_core", "pydantic", "ours"),
        ("from vs_core import parse, verbalize", "model", "names"),
    ):
        alone = took[base] - took["nothing"]
        both = took[with_ours] - took["nothing"]
        print(f"{what}: {both - alone:.1f} ms over {base} alone, {both / alone:.2f}x of it")


if __name__ == "__main__":
    main()
