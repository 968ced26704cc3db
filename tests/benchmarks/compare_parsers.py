"""How many answers of two corpora each parser reads exactly, by kind: listed, and by combination.

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
from tests.corpus.combined import cases
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
    table("listed", [(kind, text, expected) for kind, _, text, expected in CASES])
    table("by combination", [(case.kind, case.answer, case.expected) for case in cases()])


def table(title: str, answers: list[tuple[str, str, Pairs]]) -> None:
    """Print the share that each parser reads exactly, by kind."""
    sizes = Counter(kind for kind, *_ in answers)
    print(f"\n{title + f', {len(answers)}':<16}{'n':>7}", *(f"{name:>28}" for name in PARSERS))
    hits = {
        name: Counter(kind for kind, text, expected in answers if exact(parser, text, expected))
        for name, parser in PARSERS.items()
    }
    for kind, size in sizes.items():
        print(f"{kind:<16}{size:>7}", *(f"{found[kind] / size:>28.1%}" for found in hits.values()))
    shares = (found.total() / len(answers) for found in hits.values())
    print(f"{'all':<16}{len(answers):>7}", *(f"{share:>28.1%}" for share in shares))


if __name__ == "__main__":
    main()
