# ruff: noqa: E501 -- samples
"""The texts of the corpus by combination, and the probabilities beside them.

Some are answers that a model really wrote (GPT-4.1; published by the authors of the paper under
Apache-2.0); the others are ours, made to be awkward.
"""

from __future__ import annotations

from typing import NamedTuple


class Texts(NamedTuple):
    """Texts of one sort, six of them."""

    name: str
    texts: tuple[str, ...]


PLAIN = Texts("plain", ("Ohio", "New Mexico", "West Virginia", "Texas", "Iowa", "Maine"))
NAMES = Texts("names", ("Paris", "Weight loss", "Chance", "Total recall", "Portugal", "Scoreboard"))
PROSE = Texts(
    "prose",
    (
        "The morning smelled of rain, and nobody had told the dog.",
        "It's late; the kettle knows: tea first, then truth.",
        "Why not? Seven (or eight) crows can't be wrong.",
        'He said "hello" and left – for good.',
        "One half of them, 50% at least, never came back.",
        "In 2019 the rate was 0.5 a day; now it is less!",
    ),
)
WIDE = Texts(
    "wide",
    (
        "안녕하세요, 세상", "良い天気ですね。", "Größe zählt – naïve café", "ＦＵＬＬ ｗｉｄｔｈ",
        "Ещё один день", "早上好，世界",
    ),
)  # fmt: skip
RTL = Texts(
    "RTL",
    ("صباح الخير يا عالم", "שלום עולם", "السماء صافية اليوم", "ערב טוב", "سلام دنیا", "لا بأس"),
)
EMOJI = Texts(
    "emoji",
    (
        "Coffee ☕ first",
        "👩‍💻 ships on Friday",
        "🎉🎉🎉",
        "A dog 🐕 and a cat 🐈",
        "1️⃣ is not 2️⃣",
        "this → way",
    ),
)
MARKUP = Texts(
    "markup",
    (
        "Use *stars* and _lines_ sparingly",
        "Type </think> here",
        "a < b and c > d",
        "The <br> tag breaks",
        "See [the docs](https://example.org/a_b)",
        "`x = 1` is code",
    ),
)
REAL = Texts(
    "real",
    (
        "The morning Harold found the silver locket on his doorstep, he realized, too late, that "
        "yesterday's shadows had followed him home.",
        "The clock struck midnight when the scream shattered the silence of Willow Lane.",
        "Why did the coffee file a police report? It got mugged!",
        "How does Moses make his coffee? Hebrews it.",
        "What do you call a sad cup of coffee? Depresso.",
        "Why are baristas great at parties? They really know how to espresso themselves!",
    ),
)
VERSE = Texts(
    "verse",
    (
        "Old pond at dusk,\na frog leaps in:\nthe sound of water.",
        "Roses are red,\nviolets are blue",
        "I went to the woods\nto live, and not\nto count the days.",
        "One line\nand another",
        "Snow on the gate;\nwho left the lamp on?",
        "So much depends\nupon a red\nwheelbarrow",
    ),
)
CODE = Texts(
    "code",
    (
        "def f(x):\n    return x + 1",
        "if (a < b && c > d) { return 'x'; }  // 100%",
        "for i in range(3):\n    print(i)",
        "SELECT name FROM cities WHERE size > 10;",
        "let f = (x) => ({ y: x });",
        "#include <stdio.h>\nint main() { return 0; }",
    ),
)
JSON = Texts(
    "json",
    (
        '{"a": 1}',
        '{"name": "x", "tags": ["y"]}',
        "[1, 2]",
        '{"text": "inner"}',
        '{"k": null}',
        "{}x",
    ),
)
HTML = Texts(
    "HTML",
    (
        "<p>one <b>two</b></p>", '<a href="x">y</a> and more', "<ul><li>a</li><li>b</li></ul>",
        "a<br/>b", "<h1>Title</h1>", "<i>slanted</i> text",
    ),
)  # fmt: skip
PARAGRAPHS = Texts(
    "paragraphs",
    (
        "The bear woke early.\n\nNobody had told him about the snow.",
        "He fished all day.\n\nAt dusk a salmon leapt, and he let it go.",
        "She asked: why?\n\nHe had no answer.",
        "First there was rain.\n\nThen there was none.",
        "A short one.\n\nAnd its end.",
        "It began in June.\n\nIt ended there, too.",
    ),
)
TABLE = Texts(
    "table",
    (
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "x,y\n1,2\n3,4",
        "| day | rain |\n|---|---|\n| Mon | 20% |",
        "name\tage\nAl\t30",
        "| k |\n|---|\n| v |",
        "a;b\n1;2",
    ),
)
NUMBERED = Texts(
    "numbered",
    (
        "1. Get up.\n2. Eat.\n3. Sleep.",
        "First:\n- milk\n- bread",
        "1) look\n2) leap",
        "* one\n* two",
        "Step 1: wait\nStep 2: go",
        "- yes\n- no",
    ),
)
DIALOG = Texts(
    "dialog",
    (
        "A: Is it raining?\nB: It is.",
        '"No," she said.\n"Yes," he said.',
        "Q: Why?\nA: Because.",
        "Knock, knock.\nWho's there?",
        "Waiter: Tea?\nGuest: No: coffee!",
        "HAMLET. To be.\nOPHELIA. Or not?",
    ),
)
AWKWARD = Texts(
    "awkward",
    (
        "Probability theory", "p = mv", "Text: the musical", "Response time", "Option", "The answer is 42",
    ),
)  # fmt: skip
QUOTED = Texts(
    "quoted",
    (
        '"Be quiet," he said.', "'Tis the season", "She said “no”.", '"Yes" and "no"', "It's 5 o'clock",
        "The so-called “expert”",
    ),
)  # fmt: skip
SIGNS = Texts(
    "signs",
    (
        "Wait... what?!", "C++ & C#", "50/50 (more or less)", "Rock, paper, scissors", "A/B - C/D",
        "[sic] (no date)",
    ),
)  # fmt: skip
STARS = Texts(
    "emphasis",
    (
        "**Bold** move", "A *slow* start", "`code` first", "_Under_ the line", "The **end**",
        "**All bold**",
    ),
)  # fmt: skip
FENCED = Texts(
    "fenced code",
    (
        "```python\nprint('a')\n```",
        "```\nx = 1\n```",
        "```js\nlet a = 1;\n```",
        "```python\nfor i in x:\n    print(i)\n```",
        "```sh\nls -l\n```",
        "```\n1. one\n```",
    ),
)
NUMERIC_CODE = Texts(
    "code with numbers",
    (
        "x = 0.5\ny = 0.25",
        "if x:\n    y()\nelse:\n    z(0.3)",
        "const f = (a, b) => {\n  return a / b; // 0.5\n};",
        "#!/bin/sh\necho 20%",
        "def half(n: float) -> float:\n    return n * 0.5",
        "while True:\n    pass",
    ),
)
DATA = Texts(
    "data",
    (
        "| x | y |\n|---|---|\n| 1 | 0.5 |",
        "| name | score |\n|---|---|\n| Al | 0.9 |\n| Bo | 0.8 |",
        "a | b\n--- | ---\n1 | 2",
        '{\n  "a": 0.5,\n  "b": [1, 2]\n}',
        "city,share\nParis,0.4\nRome,0.2",
        '[{"text": "x", "probability": 0.1}]',
    ),
)
STANZAS = Texts(
    "stanzas",
    (
        "Shall I compare thee to a day?\nThou art more lovely:\n\nRough winds do shake",
        "O Captain!\n  our trip is done;\n\nThe ship",
        "Tyger, tyger —\nburning bright",
        "Because I could not stop,\n\nhe kindly stopped\nfor me.",
        "Two roads\n\nand I",
        "Do not go gentle;\nrage, rage!",
    ),
)
DIGITS = Texts("digits", ("4", "6", "1", "3", "2", "5"))
NUMBER_FIRST = Texts(
    "number first",
    (
        "50% off everything", "3 little pigs", "1984 by Orwell", "1/2 cup of sugar", "7: a lucky number",
        "0.5 litres of milk",
    ),
)  # fmt: skip
NUMBER_LAST = Texts(
    "number last",
    (
        "Route 66", "Catch-22", "Apollo 13 (1995)", "Up by 20%", "Version 0.5", "Pi is about 3.14",
    ),
)  # fmt: skip
SYMBOLS = Texts("symbols", ("🎲", "?", "-", "...!", "#1", "@home"))
COLONS = Texts(
    "colons",
    (
        "Note: bring a coat", "Dear diary: today it rained", "Name: unknown", "Three words: I love you",
        "Reason: none", "Style: bold as brass",
    ),
)  # fmt: skip
ENDINGS = Texts(
    "endings",
    (
        "He left (finally)", "So it goes...", "What did she say: nothing", "a, b, or c;",
        "Total: everything",
    ),
)  # fmt: skip
LINES = (
    PLAIN,
    NAMES,
    PROSE,
    WIDE,
    RTL,
    EMOJI,
    MARKUP,
    REAL,
    AWKWARD,
    QUOTED,
    SIGNS,
    DIGITS,
    NUMBER_FIRST,
    NUMBER_LAST,
    COLONS,
    ENDINGS,
)
"""Texts of one line."""
WHOLE = (
    *LINES,
    VERSE,
    CODE,
    JSON,
    HTML,
    PARAGRAPHS,
    TABLE,
    NUMBERED,
    DIALOG,
    STARS,
    FENCED,
    NUMERIC_CODE,
    DATA,
    STANZAS,
)
"""All texts."""

NUMBERS: dict[int, tuple[tuple[float, ...], ...]] = {
    2: ((0.6, 0.4), (0.7, 0.25), (0.08, 0.03)),
    3: ((0.5, 0.3, 0.2), (0.1, 0.6, 0.3), (0.09, 0.05, 0.02)),
    4: ((0.4, 0.3, 0.2, 0.1), (0.35, 0.3, 0.2, 0.1), (0.08, 0.07, 0.05, 0.01)),
    5: ((0.3, 0.25, 0.2, 0.15, 0.1), (0.4, 0.2, 0.15, 0.1, 0.05), (0.09, 0.06, 0.05, 0.04, 0.02)),
    6: (
        (0.3, 0.25, 0.2, 0.1, 0.1, 0.05),
        (0.22, 0.2, 0.18, 0.15, 0.1, 0.05),
        (0.09, 0.07, 0.06, 0.05, 0.03, 0.01),
    ),
}
"""Probabilities by number of candidates; the first sum to 1, the last are a tail."""
