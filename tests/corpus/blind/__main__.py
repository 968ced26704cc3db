"""``python -m tests.corpus.blind [--baselines] [--cases]``: prints figures, and only figures."""

from __future__ import annotations

import argparse
from collections import Counter

from rich.console import Console
from rich.table import Table

from . import NOTHING, baselines, cases
from .figures import Reader, by_group, is_consistent, verdict, vs_core
from .kinds import Case

COLUMNS = {
    "exact": "exact",
    "wrong": "wrong, no repair",
    "repaired": "wrong, repair",
    "refused": "refused",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baselines", action="store_true", help="json_repair and LangChain, too")
    parser.add_argument("--cases", action="store_true", help="show the cases that fail")
    options = parser.parse_args()
    console = Console(width=100, highlight=False)
    corpus = cases()
    kinds = {(case.group, case.kind) for case in corpus}
    console.print(f"{len(kinds)} kinds, {len(corpus)} cases, {len(NOTHING)} that are none")
    show(console, "vs_core", corpus, vs_core)
    streams(console, corpus)
    if options.baselines:
        show(console, "json_repair", corpus, baselines.json_repair)
        show(console, "JsonOutputParser", corpus, baselines.langchain)
    if options.cases:
        failing(console, corpus)


def show(console: Console, name: str, corpus: list[Case], reader: Reader) -> None:
    counts = by_group(corpus, reader)
    table = Table("group", "n", *COLUMNS.values(), title=name)
    for group, count in (*counts.items(), ("all", sum(counts.values(), Counter()))):
        shares = (f"{count[column] / count['n']:.1%}" for column in COLUMNS)
        table.add_row(group, str(count["n"]), *shares)
    console.print(table)
    accepted = sum(reader(text, 5).items is not None for text in NOTHING.values())
    console.print(f"{name}: {accepted} of {len(NOTHING)} that are none are accepted\n")


def streams(console: Console, corpus: list[Case]) -> None:
    good = sum(is_consistent(case.answer, case.k) for case in corpus)
    none = sum(is_consistent(text, 5) for text in NOTHING.values())
    console.print(f"streams consistent: {good / len(corpus):.1%} of the cases, ", end="")
    console.print(f"{none} of {len(NOTHING)} that are none\n")


def failing(console: Console, corpus: list[Case]) -> None:
    for case in corpus:
        read = vs_core(case.answer, case.k)
        judged = verdict(case, read)
        if judged != "exact":
            console.print(f"--- {judged}: {case.name}", markup=False)
            console.print(case.answer, markup=False)
            console.print(f"true: {case.truths}\nread: {read.items}", markup=False)
    for name, text in NOTHING.items():
        read = vs_core(text, 5)
        if read.items is not None:
            console.print(f"--- accepted: {name}\n{text}\nread: {read.items}", markup=False)


if __name__ == "__main__":
    main()
