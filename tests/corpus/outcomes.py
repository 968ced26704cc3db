"""What reading makes of thousands of answers, kept as digests: has anything changed?

The corpora ask whether an answer is read right. This asks whether it is read as before, repairs,
strictness, early candidates and errors included: a change that nobody meant is seen, and one that
was meant is looked at before it is kept.

Run: python -m tests.corpus.outcomes                what differs from the kept digests
     python -m tests.corpus.outcomes --since HEAD   each answer that this tree reads otherwise
     python -m tests.corpus.outcomes --keep         once all that differs is meant
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import itertools
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.corpus import CASES, combined, shapes
from vs_core import Distribution, StreamParser, VSError, parse
from vs_core.words import VOCABULARY

ROOT = Path(__file__).parents[2]
KEPT = Path(__file__).with_suffix(".json")
STEP = 12
"""Of the corpora every twelfth answer is read."""


class Answer(NamedTuple):
    """A text, and how many candidates whoever wrote it was asked for."""

    name: str
    text: str
    k: int


def whole(begin: int = 0) -> Iterator[Answer]:
    """Yield answers as the corpora have them; ``begin``: which one is the first."""
    for category, name, text, expected in CASES:
        yield Answer(f"{category}, {name}", text, len(expected))
    for corpus in (combined, shapes):
        for case in list(corpus.cases())[begin::STEP]:
            yield Answer(f"{case.kind}, {case.name}", case.answer, len(case.expected))


def damaged() -> Iterator[Answer]:
    """Yield other answers of them, with one, two or three things wrong with them."""
    answers = list(whole(STEP // 2))
    rng = random.Random(0)
    for name, text, k in answers:
        harms = rng.choices(HARMS, k=rng.randint(1, 3))
        for harm in harms:
            text = harm(text, rng)
        said = ", ".join(harm.__name__ for harm in harms)
        yield Answer(f"{name}, {said}", text, k)
    for one, other in zip(answers[::20], answers[7::20], strict=False):
        yield Answer(f"{one.name}; {other.name}", f"{one.text}\n\n{other.text}", one.k)


def stretched() -> Iterator[Answer]:
    """Yield answers of them with parts that are shorter, longer or others than rules allow."""
    rng = random.Random(1)
    for name, text, k in whole(STEP // 3):
        changes = rng.choices(STRETCHES, k=rng.randint(1, 2))
        for change in changes:
            text = change(text, rng)
        said = ", ".join(change.__name__ for change in changes)
        yield Answer(f"{name}, {said}", text, k)


PARTS = re.compile(r"\d+|[^\W\d_]+|\s+|[^\w\s]+")
SIZES = (
    *range(11), 12, 13, 16, 17, 20, 21, 24, 25, 30, 31, 38, 39, 40, 41, 60, 61, 80, 81, 98, 99, 100,
    101, 120, 121, 160, 161, 400, 401,
)  # fmt: skip
"""Lengths at which many a rule ends."""
LABELS = [word for words in VOCABULARY.values() for word in words]


def part(text: str, rng: random.Random) -> str:
    """Another length of a word, a number, a space or of marks."""
    return _replaced(text, rng, lambda found: (found * 401)[: rng.choice(SIZES)])


def word(text: str, rng: random.Random) -> str:
    """A label where another part was, or beside it."""
    return _replaced(text, rng, lambda found: rng.choice(("", f"{found} ")) + rng.choice(LABELS))


def line(text: str, rng: random.Random) -> str:
    """A line a few times more, with blank ones behind it or without."""
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    again = [lines[at], *[""] * rng.randint(0, 2)] * rng.randint(0, 6)
    return "\n".join(lines[:at] + again + lines[at:])


def beside(text: str, rng: random.Random) -> str:
    """Something in front of all lines or behind them."""
    mark = rng.choice(BESIDE)
    lines = text.split("\n")
    return "\n".join(f"{mark}{each}" if rng.random() < 0.5 else f"{each}{mark}" for each in lines)


BESIDE = (
    " ", "  ", "    ", "\t", "> ", "- ", "# ", "* ", ": ", ", ", " |", "| ", ".", '"', "**", "%",
)  # fmt: skip


def _replaced(text: str, rng: random.Random, change: Callable[[str], str]) -> str:
    """A text with one of its parts changed."""
    found = rng.choice(list(PARTS.finditer(text)) or [None])
    return text if found is None else text[: found.start()] + change(found[0]) + text[found.end() :]


STRETCHES = (part, part, part, word, word, line, beside)


def cut(text: str, rng: random.Random) -> str:
    return text[: rng.randint(len(text) // 2, len(text))]


def less(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text) or 1)
    return text[:at] + text[at + 1 :]


def more(text: str, rng: random.Random) -> str:
    at = rng.randint(0, len(text))
    return text[:at] + rng.choice("\"'`*_#>|:;,.()[]{}<>/\\-=%0123456789 \n\t\r") + text[at:]


def line_lost(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    del lines[rng.randrange(len(lines))]
    return "\n".join(lines)


def line_twice(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    return "\n".join(lines[: at + 1] + lines[at:])


def lines_swapped(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    lines[at - 1], lines[at] = lines[at], lines[at - 1]
    return "\n".join(lines)


def other_number(text: str, rng: random.Random) -> str:
    at = text.find("0.", rng.randrange(len(text) or 1))
    said = rng.choice(("1.2", "-0.1", "nan", "1/4", "~.3", "25 %", "high", "", "0,2", "1e-3"))
    return text if at < 0 else text[:at] + said + text[at + 3 :]


def surrounded(text: str, rng: random.Random) -> str:
    head, foot = rng.choice(AROUND)
    return head + text + foot


AROUND = (
    ("Sure! Here they are:\n\n", ""), ("", "\n\nLet me know if you want more."), ("", "\nTotal: 1"),
    ("```\n", "\n```"), ("```json\n", ""), ("<think>1. A draft (0.9)</think>\n", ""), ("> ", ""),
    ("Draft:\n1. One (0.8)\n2. Two (0.1)\n\nFinal answer:\n", ""), ("<answer>", "</answer>"),
    ("**Note**: numbers are guesses.\n", "\n(Probabilities are estimates.)"), ('"', '"'),
)  # fmt: skip
HARMS = (cut, less, more, line_lost, line_twice, lines_swapped, other_number, surrounded)


def read(answer: Answer) -> object:
    """What the ways to read an answer make of it."""
    ways = (
        said(lambda: parse(answer.text)),
        said(lambda: parse(answer.text, k=answer.k)),
        said(lambda: parse(answer.text, strict=True)),
    )
    return [way if way != ways[0] or not at else "the same" for at, way in enumerate(ways)]


def streamed(answer: Answer) -> object:
    """What comes early, and behind which piece; how it ends is held to `parse` elsewhere."""
    parser = StreamParser()
    size = 1 + len(answer.name) % 9
    pieces = [answer.text[at : at + size] for at in range(0, len(answer.text), size)]
    early = [(at, c.text, c.probability) for at, p in enumerate(pieces) for c in parser.feed(p)]
    return early, said(parser.close)


def said(reading: Callable[[], Distribution]) -> object:
    """What a reading says; weights are left out, which Pythons sum in different ways."""
    try:
        found = reading()
    except VSError as error:
        return type(error).__name__
    candidates = [(c.text, c.probability, c.repairs, c.metadata) for c in found]
    return candidates, found.repairs, found.remarks, found.reasoning, found.metadata


WAYS: dict[str, Callable[[Answer], object]] = {
    "whole": read, "damaged": read, "stretched": read,
    "streamed": streamed, "damaged, streamed": streamed, "stretched, streamed": streamed,
}  # fmt: skip
"""How the answers of a group are read."""
GROUPS: dict[str, Callable[[], Iterator[Answer]]] = {
    "whole": whole, "damaged": damaged, "stretched": stretched
}  # fmt: skip


@functools.cache
def answers(group: str) -> list[Answer]:
    """Return the answers of a group; those that are streamed are every third of the others."""
    if "streamed" in group:
        return answers(group.removesuffix("streamed").rstrip(", ") or "whole")[::3]
    return list(GROUPS[group]())


def outcomes(group: str, hundred: int) -> dict[str, str]:
    """Return what each answer of one hundred of a group is read as, in JSON."""
    begin = 100 * hundred
    return {
        f"{at} {each.name}": json.dumps(
            [each.text, WAYS[group](each)], ensure_ascii=False, default=str, sort_keys=True
        )
        for at, each in enumerate(answers(group)[begin : begin + 100], begin)
    }


def digests(group: str) -> list[str]:
    """Return the digests of all hundreds of a group."""
    return [digest(group, hundred) for hundred in _hundreds(group)]


def _hundreds(group: str) -> range:
    return range(-(-len(answers(group)) // 100))


def digest(group: str, hundred: int) -> str:
    """Return a digest of the outcomes of one hundred."""
    found = "\n".join(outcomes(group, hundred).values())
    return hashlib.sha256(found.encode(errors="replace")).hexdigest()[:12]


def kept() -> dict[str, list[str]]:
    """Return the digests of each group that were kept."""
    return json.loads(KEPT.read_text(encoding="utf-8"))


def _all() -> dict[str, dict[str, str]]:
    """The outcomes of each group by the answers' names."""
    found: dict[str, dict[str, str]] = {group: {} for group in WAYS}
    for group, outcomes_of_it in found.items():
        for hundred in _hundreds(group):
            outcomes_of_it.update(outcomes(group, hundred))
    return found


def _before(revision: str) -> dict[str, dict[str, str]]:
    """The outcomes of a revision, of the answers that this tree has."""
    with tempfile.TemporaryDirectory() as folder:
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--detach", folder, revision], check=True, capture_output=True)
        try:
            # That package, with the tests of this tree.
            shutil.rmtree(Path(folder, "tests"))
            shutil.copytree(ROOT / "tests", Path(folder, "tests"))
            command = [sys.executable, "-m", "tests.corpus.outcomes", "--all"]
            done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True)
        finally:
            subprocess.run([*git, "remove", "--force", folder], check=True)
    return json.loads(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus.outcomes")
    parser.add_argument("--since", metavar="REVISION", help="show what it read otherwise")
    parser.add_argument("--keep", action="store_true", help="keep what is read now")
    parser.add_argument("--all", action="store_true", help="print every outcome")
    options = parser.parse_args()
    if options.all:
        print(json.dumps(_all()))
    elif options.since:
        before = _before(options.since)
        for group, found in _all().items():
            for name, outcome in found.items():
                if outcome != before[group].get(name):
                    print(f"{group}: {name}\n- {before[group].get(name)}\n+ {outcome}\n")
    elif options.keep:
        found = {group: digests(group) for group in WAYS}
        KEPT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    else:
        for group, then in kept().items():
            pairs = enumerate(itertools.zip_longest(digests(group), then))
            differ = [at for at, (now, before) in pairs if now != before]
            print(f"{group}: {len(differ)} hundreds differ {differ[:10]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
