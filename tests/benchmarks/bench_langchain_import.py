"""What `from vs_langchain import VerbalizedSampler` costs over what it cannot do without.

Run: python tests/benchmarks/bench_langchain_import.py

The baseline imports LangChain's `BaseChatModel`, `RunnableSequence` and `BasePromptTemplate`. Each
is run in fresh interpreters, in turn; what is compared is processor time, so that a busy machine
changes less.
"""

import resource
import statistics
import subprocess
import sys

BASELINE = (
    "from langchain_core.language_models import BaseChatModel\n"
    "from langchain_core.prompts import BasePromptTemplate\n"
    "from langchain_core.runnables import RunnableSequence\n"
)
OURS = BASELINE + "from vs_langchain import VerbalizedSampler\n"
RUNS = 11


def seconds(code: str) -> float:
    """Processor time of an interpreter that runs some code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    seconds(OURS)
    pairs = [(seconds(BASELINE), seconds(OURS)) for _ in range(RUNS)]
    base, ours = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(mine / theirs for theirs, mine in pairs)
    print(f"LangChain's three classes     {base * 1e3:7.1f} ms of processor time")
    print(f"with VerbalizedSampler        {ours * 1e3:7.1f} ms")
    print(f"ratio                         {ratio:7.2f} (median of {RUNS} pairs)")


if __name__ == "__main__":
    main()
