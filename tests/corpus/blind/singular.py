"""Answers written by hand, one by one: what no combination gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .kinds import Case, Item, Truth


class Single(NamedTuple):
    """An answer and the one way to read it; ``also`` lists further fair readings."""

    answer: str
    truth: Truth
    k: int = 0
    also: tuple[Truth, ...] = ()


def true(**texts: float | None) -> Truth:
    return tuple(Item(text, p) for text, p in texts.items())


def of(*pairs: tuple[str, float | None]) -> Truth:
    return tuple(Item(*pair) for pair in pairs)


THREE = true(Paris=0.5, Rome=0.3, Oslo=0.1)

SINGLES: dict[str, Single] = {
    "prose": Single("Paris (0.5), Rome (0.3), and Oslo (0.1).", THREE),
    "california": Single(
        "• California (Prob: 0.25),\n• Texas (Prob: 0.2),\n• Ohio (Prob: 0.05)",
        true(California=0.25, Texas=0.2, Ohio=0.05),
    ),
    "number line before": Single(
        "Probability: 0.5\nParis\n\nProbability: 0.3\nRome\n\nProbability: 0.1\nOslo", THREE
    ),
    "trailing total": Single("1. Paris (0.5)\n2. Rome (0.3)\n3. Oslo (0.1)\n\nTotal: 0.9", THREE),
    "trailing sum in words": Single(
        "1. Paris (0.5)\n2. Rome (0.3)\n3. Oslo (0.1)\n\nSum of probabilities = 0.9", THREE
    ),
    "think inside": Single(
        "1. Paris (0.5)\n2. Type </think> here (0.3)\n3. Oslo (0.1)",
        of(("Paris", 0.5), ("Type </think> here", 0.3), ("Oslo", 0.1)),
    ),
    "two lists": Single(
        "**Likely:**\n1. Paris (0.5)\n\n**Unlikely:**\n1. Rome (0.3)\n2. Oslo (0.1)", THREE
    ),
    "two lists continued": Single(
        "Typical answers\n1. Paris (0.5)\n2. Rome (0.3)\n\nRare answers\n3. Oslo (0.1)", THREE
    ),
    "missing number": Single(
        "1. Paris (0.5)\n2. Rome\n3. Oslo (0.1)", true(Paris=0.5, Rome=None, Oslo=0.1)
    ),
    "missing probability in json": Single(
        '[{"text": "Paris", "probability": 0.5}, {"text": "Rome"},'
        ' {"text": "Oslo", "probability": 0.1}]',
        true(Paris=0.5, Rome=None, Oslo=0.1),
    ),
    "texts only": Single(
        '{"responses": ["Paris", "Rome", "Oslo"]}', true(Paris=None, Rome=None, Oslo=None)
    ),
    "texts only objects": Single(
        '{"responses": [{"text": "Paris"}, {"text": "Rome"}, {"text": "Oslo"}]}',
        true(Paris=None, Rome=None, Oslo=None),
    ),
    "one of one": Single('{"responses": [{"text": "Paris", "probability": 0.5}]}', true(Paris=0.5)),
    "one of one in tags": Single(
        "<response><text>Paris</text><probability>0.5</probability></response>", true(Paris=0.5)
    ),
    "too few": Single('[{"text": "Paris", "probability": 0.5}]', true(Paris=0.5), 5),
    "duplicates": Single(
        "1. Paris (0.5)\n2. Paris (0.3)\n3. Oslo (0.1)",
        of(("Paris", 0.5), ("Paris", 0.3), ("Oslo", 0.1)),
    ),
    "die": Single(
        "1: 0.17\n2: 0.17\n3: 0.17\n4: 0.17\n5: 0.16\n6: 0.16",
        of(*((str(i), 0.17 if i < 5 else 0.16) for i in range(1, 7))),
    ),
    "labels as texts": Single(
        "Berlin = 0.2\nTokyo = 0.1\nParis = 0.35\nLima = 0.25\nRome = 0.1",
        true(Berlin=0.2, Tokyo=0.1, Paris=0.35, Lima=0.25, Rome=0.1),
    ),
    "text with a list": Single(
        '{"text": "1. Boil\\n2. Stir (0.5)\\n3. Serve", "probability": 0.6}',
        of(("1. Boil\n2. Stir (0.5)\n3. Serve", 0.6)),
    ),
    "text with a tag": Single(
        "<response><text>Write <probability> in XML</text><probability>0.5</probability>"
        "</response><response><text>Close it</text><probability>0.2</probability></response>",
        of(("Write <probability> in XML", 0.5), ("Close it", 0.2)),
    ),
    "json about json": Single(
        '{"responses": [{"text": "{\\"text\\": \\"x\\", \\"probability\\": 0.9}",'
        ' "probability": 0.2}]}',
        of(('{"text": "x", "probability": 0.9}', 0.2)),
    ),
    "range": Single("1. Paris — 50% (±5%)\n2. Rome — 30% (±5%)\n3. Oslo — 10% (±2%)", THREE),
    "odds and percent": Single(
        "1. Paris – probability 0.5 (1 in 2)\n2. Rome – probability 0.3\n"
        "3. Oslo – probability 0.1 (1 in 10)",
        THREE,
    ),
    "bold whole line": Single("**1. Paris (0.5)**\n**2. Rome (0.3)**\n**3. Oslo (0.1)**", THREE),
    "explanations under": Single(
        "1. **Paris** (0.5)\n   - The most common answer.\n2. **Rome** (0.3)\n"
        "   - Often named, too.\n3. **Oslo** (0.1)\n   - Rare.",
        THREE,
    ),
    "explanation after dash": Single(
        "1. Paris (0.5): the usual answer\n2. Rome (0.3): often named\n3. Oslo (0.1): rare", THREE
    ),
    "correction": Single(
        '```json\n[{"text": "Draft", "probability": 0.9}]\n```\nWait, let me redo that.\n'
        '```json\n[{"text": "Paris", "probability": 0.5}, {"text": "Rome", "probability": 0.3},'
        ' {"text": "Oslo", "probability": 0.1}]\n```',
        THREE,
    ),
    "nested lists of categories": Single(
        "- Europe\n  - Paris (0.5)\n  - Rome (0.3)\n- North\n  - Oslo (0.1)", THREE
    ),
    "json in prose": Single(
        'I would answer [{"text": "Paris", "probability": 0.5}, {"text": "Rome", "probability":'
        ' 0.3}, {"text": "Oslo", "probability": 0.1}], roughly.',
        THREE,
    ),
    "braces in prose before": Single(
        'Using the format {"text", "probability"}:\n[{"text": "Paris", "probability": 0.5},'
        ' {"text": "Rome", "probability": 0.3}, {"text": "Oslo", "probability": 0.1}]',
        THREE,
    ),
    "format echoed first": Single(
        "Format: <response><text>...</text><probability>...</probability></response>\n\n"
        "<response><text>Paris</text><probability>0.5</probability></response>\n"
        "<response><text>Rome</text><probability>0.3</probability></response>\n"
        "<response><text>Oslo</text><probability>0.1</probability></response>",
        THREE,
    ),
    "distribution sentence": Single("P(Paris) = 0.5, P(Rome) = 0.3, P(Oslo) = 0.1", THREE),
    "markdown quote": Single("> **Paris** — 0.5\n>\n> **Rome** — 0.3\n>\n> **Oslo** — 0.1", THREE),
    "list with end of sentence": Single(
        "1. Paris (probability: 0.5);\n2. Rome (probability: 0.3);\n3. Oslo (probability: 0.1).",
        THREE,
    ),
    "definition list": Single("Paris\n: 0.5\n\nRome\n: 0.3\n\nOslo\n: 0.1", THREE),
    "html list": Single(
        "<ol>\n<li>Paris (0.5)</li>\n<li>Rome (0.3)</li>\n<li>Oslo (0.1)</li>\n</ol>", THREE
    ),
    "latex items": Single(
        "\\begin{enumerate}\n\\item Paris (0.5)\n\\item Rome (0.3)\n\\item Oslo (0.1)\n"
        "\\end{enumerate}",
        THREE,
    ),
    "fullwidth list": Single("１．Paris（0.5）\n２．Rome（0.3）\n３．Oslo（0.1）", THREE),
    "arabic digits": Single("١. Paris (0.5)\n٢. Rome (0.3)\n٣. Oslo (0.1)", THREE),
    "windows lines in blocks": Single(
        "Text: Paris\r\nProbability: 0.5\r\n\r\nText: Rome\r\nProbability: 0.3\r\n\r\n"
        "Text: Oslo\r\nProbability: 0.1\r\n",
        THREE,
    ),
    "poems with title": Single(
        "### 1. The Bear (Probability: 0.4)\n\nThe bear sleeps on.\nThe winter, too.\n\n"
        "### 2. The Fox (Probability: 0.2)\n\nThe fox does not.",
        of(("The bear sleeps on.\nThe winter, too.", 0.4), ("The fox does not.", 0.2)),
        0,
        (
            of(
                ("The Bear\n\nThe bear sleeps on.\nThe winter, too.", 0.4),
                ("The Fox\n\nThe fox does not.", 0.2),
            ),
        ),
    ),
    "letters with equals": Single("A = 0.5\nB = 0.3\nC = 0.2", true(A=0.5, B=0.3, C=0.2)),
    "yes and no": Single('{"yes": 0.7, "no": 0.3}', true(yes=0.7, no=0.3)),
    "yes and no in words": Single("Yes: 70%\nNo: 30%", true(Yes=0.7, No=0.3)),
    "true and false": Single('{"true": 0.9, "false": 0.1}', true(true=0.9, false=0.1)),
}
"""The answers by name."""


def cases() -> Iterator[Case]:
    for name, single in SINGLES.items():
        truths = (single.truth, *single.also)
        k = single.k or len(single.truth)
        yield Case("singular", name, f"singular/{name}", single.answer, truths, k)
