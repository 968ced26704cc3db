"""What `import vs_core` costs over `import pydantic` alone.

Run: python tests/benchmarks/bench_import.py

Each is timed in fresh interpreters, in turn. The baseline imports what a program that uses
pydantic models has loaded anyway (``pydantic.BaseModel`` and ``TypeAdapter``).
"""

import statistics
import subprocess
import sys
import time

BASELINE = "from pydantic import BaseModel, TypeAdapter\nclass M(BaseModel): x: int"
RUNS = 15


def seconds(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main() -> None:
    seconds("import vs_core")
    empty, base, ours = [], [], []
    for _ in range(RUNS):
        empty.append(seconds("pass"))
        base.append(seconds(BASELINE))
        ours.append(seconds(BASELINE + "\nimport vs_core"))
    nothing, pydantic, both = map(statistics.median, (empty, base, ours))
    print(f"empty interpreter     {nothing * 1e3:7.1f} ms (median of {RUNS})")
    print(f"import pydantic       {(pydantic - nothing) * 1e3:7.1f} ms over that")
    print(f"import vs_core        {(both - pydantic) * 1e3:7.1f} ms over pydantic")
    print(
        f"ratio                 {(both - nothing) / (pydantic - nothing):7.2f}x of pydantic alone"
    )


if __name__ == "__main__":
    main()
