"""How many of the corpus' answers each parser reads exactly, by category.

Run: python -m tests.benchmarks.compare_parsers

Exact means: the same texts in the same order, and the same probabilities. The baselines are
LangChain's JsonOutputParser and json_repair, each followed by the plain look-up that their users
write (a list, or the list under "responses"; "text" and "probability" of each), and the rule of the
research code: strip a fence, `json.loads`, look up.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import json_repair
from langchain_core.output_parsers import JsonOutputParser

from tests.corpus import CASES
from vs_core import ParseError, parse

Pairs = list[tuple[str, float | None]]


def looked_up(data: Any) -> Pairs:
    items = data["responses"] if isinstance(data, dict) else data
    return [(item["text"].strip(), item["probability"]) for item in items]


def ours(text: str) -> Pairs:
    return [(candidate.text, candidate.probability) for candidate in parse(text)]


def langchain(text: str) -> Pairs:
    return looked_up(JsonOutputParser().parse(text))


def repaired(text: str) -> Pairs:
    return looked_up(json_repair.loads(text))


def research(text: str) -> Pairs:
    text = text.strip().removeprefix("```json").removeprefix("```").removesuffix("```")
    return looked_up(json.loads(text))


PARSERS: dict[str, Callable[[str], Pairs]] = {
    "vs-core": ours,
    "LangChain JsonOutputParser": langchain,
    "json_repair": repaired,
    "json.loads (research code)": research,
}


def exact(parser: Callable[[str], Pairs], text: str, expected: Pairs) -> bool:
    try:
        got = parser(text)
    except (ParseError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return len(got) == len(expected) and all(
        a == c and same(b, d) for (a, b), (c, d) in zip(got, expected, strict=True)
    )


def same(number: object, expected: float | None) -> bool:
    if number is None or expected is None:
        return number is expected
    return isinstance(number, (int, float)) and abs(number - expected) < 1e-9


def main() -> None:
    sizes = Counter(category for category, *_ in CASES)
    print(f"{'parser':<28}", *(f"{c:>14}" for c in [*sizes, "all"]))
    for name, parser in PARSERS.items():
        hits = Counter(c for c, _, text, expected in CASES if exact(parser, text, expected))
        cells = [f"{hits[c]}/{n} {hits[c] / n:4.0%}" for c, n in sizes.items()]
        total = f"{hits.total()}/{len(CASES)} {hits.total() / len(CASES):4.0%}"
        print(f"{name:<28}", *(f"{cell:>14}" for cell in [*cells, total]))


if __name__ == "__main__":
    main()
