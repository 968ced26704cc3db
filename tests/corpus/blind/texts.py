"""Sets of texts, as the answers to many different prompts, and profiles of probabilities."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, ...]] = {
    "capitals": ("Lisbon", "Nairobi", "Oslo", "Lima", "Hanoi"),
    "dice": ("1", "2", "3", "4", "5", "6"),
    "years": ("1969", "2001", "1848", "476", "1989"),
    "coin": ("Heads", "Tails", "Edge"),
    "names": ("Ada Lovelace", "Mary-Jane O'Neill", "J. R. R. Tolkien", "Dr. Who", "Björk"),
    "states": (
        "California",
        "Texas",
        "New York",
        "Florida",
        "Ohio",
        "Maine",
        "Utah",
        "Iowa",
    ),
    "labels": ("Weight loss", "Chance", "Response time", "Total", "Probability"),
    "letters": ("p", "text", "Q", "a", "None"),
    "jokes": (
        'Why did the coffee file a police report? "It got mugged," said the barista.',
        '"Doctor, I feel like a pair of curtains!" "Then pull yourself together."',
        'A horse walks into a bar. The barman asks: "Why the long face?"',
        'My dog said "woof". I said "same".',
        'She asked, "Is this seat taken?" and the chair replied, "Only emotionally."',
    ),
    "plain": (
        "The lighthouse keeper counted the ships twice.",
        "Rain fell on the tin roof all afternoon.",
        "Nobody remembered who had planted the pear tree.",
        "At noon the market went quiet.",
        "He folded the letter and never read it again.",
    ),
    "clauses": (
        "Well, it depends: some like tea, others coffee; I like both.",
        "Don't panic, it's only Tuesday: the world can't end yet.",
        "First things first, then second things, e.g. lunch.",
        "Yes and no, i.e. maybe, but let's say no.",
        "One, two, three: go!",
    ),
    "places": (
        "Paris, France",
        "Portland, OR",
        "Vienna (Austria)",
        "St. John's, Newfoundland",
        "Washington, D.C.",
    ),
    "haiku": (
        "Old pond in the dark\na frog jumps in and is gone\nrings upon the moon",
        "Snow on the mailbox\nno letters since Thanksgiving\nthe flag still upright",
        "Morning train is late\nthe whole platform breathes as one\nsteam above the rails",
    ),
    "verse": (
        "I met a man of paper made,\n  who feared the rain and loved the shade;\n"
        "  he folded when he was afraid.",
        "O bear of bronze beside the gate,\nwho taught you how to stand and wait?",
        "The bear sleeps on.\n\nThe winter, too.\n\nBoth dream of salmon, silver-blue.",
        "Roses are red,\nserver is down,\nthe admin is out,\nsomewhere in town.",
    ),
    "paragraphs": (
        "The village had one clock.\n\nIt was wrong twice a day, which everyone agreed was worse "
        "than being right twice a day.",
        "Maren did not believe in ghosts.\n\nThe ghosts, politely, did not insist.",
        "It began with a knock.\n\nThen a second one.\n\nThen nothing at all.",
    ),
    "python": (
        "def add(a, b):\n    return a + b",
        "add = lambda a, b: a + b",
        "from operator import add\n\nprint(add(1, 2))",
        'def add(*xs):\n    """Add all."""\n    total = 0\n    for x in xs:\n        total += x\n'
        "    return total",
    ),
    "oneliners": (
        'print("Hello, world!")',
        "console.log('hi');",
        "x = [i**2 for i in range(10) if i % 2 == 0]",
        "SELECT name FROM users WHERE age > 30;",
        "ls -la | grep '^d' | wc -l",
    ),
    "html": (
        '<a href="https://example.org/?a=1&b=2">link</a>',
        "<b>Hello</b>, <i>world</i>!",
        "<p class='lead'>Less is more.</p>",
        "Use <br> for breaks",
        "a < b && b > c",
    ),
    "jsonish": (
        '{"name": "Ada", "age": 36}',
        "[1, 2, 3]",
        '{"ok": true}',
        '{"points": [{"x": 1, "y": 2}]}',
        "{}",
    ),
    "urls": (
        "https://example.com/path?q=0.5&p=1",
        "http://localhost:8080/",
        "ftp://files.example.org/a(b).txt",
        "www.example.net",
        "mailto:someone@example.com",
    ),
    "emoji": ("🐻‍❄️ brrr", "🎉🎉🎉", "I ❤️ NY", "¯\\_(ツ)_/¯", "👩🏽‍🚀 to the moon 🚀"),
    "arabic": ("القاهرة", "مرحبا بالعالم", "صباح الخير، كيف حالك؟", "قهوة بالحليب", "نعم"),
    "hebrew": ("שלום עולם", "תל אביב", "בוקר טוב!", "לא יודע", "קפה שחור"),
    "chinese": ("春天来了，花都开了。", "我不知道", "北京", "“你好”，他说。", "一二三四五"),
    "japanese": (
        "こんにちは、世界！",
        "東京（とうきょう）",
        "「はい」と言った。",
        "猫",
        "ＡＢＣ１２３",
    ),
    "korean": ("안녕하세요", "서울", "잘 모르겠어요.", "커피 한 잔 주세요!", "네"),
    "russian": ("Москва", "Не знаю, честно говоря.", "Привет, мир!", "«Да», — сказал он.", "Чай"),
    "hindi": ("नमस्ते दुनिया", "दिल्ली", "मुझे नहीं पता।", "चाय", "हाँ"),
    "greek": ("Αθήνα", "Δεν ξέρω", "Καλημέρα, κόσμε!", "Ναι", "Όχι"),
    "odds": (
        "There is a 70% chance of rain tomorrow.",
        "The probability of heads is 0.5, obviously.",
        "My confidence: high.",
        "In 9 out of 10 cases it works.",
        "It is likely (0.9) that he lies.",
    ),
    "percents": (
        "50% off everything!",
        "Give 110% every day",
        "Inflation was 2.5 % in May",
        "100%",
        "0.1% of users see this",
    ),
    "parens": (
        "Apollo (11)",
        "f(x) = 2x (linear)",
        "Meet me at 5 (sharp)",
        "Chapter 3 (of 12)",
        "Smile :-)",
    ),
    "counted": ("3.5 mm jack", "7 wonders", "24 hours", "1. FC Köln", "99 problems"),
    "dashes": (
        "Spider-Man",
        "Paris – a love story",
        "well-known state-of-the-art",
        "A - B - C",
        "wait — what?",
    ),
    "markdown": (
        "Use **bold** sparingly",
        "Run `pip install x` first",
        "*Moby-Dick* is long",
        "See [the docs](https://example.org/docs)",
        "snake_case_name and __init__",
    ),
    "latex": (
        "$x^2 + y^2 = z^2$",
        r"\frac{1}{2} + \sqrt{2}",
        r"$P(A \mid B) = 0.3$",
        r"e^{i\pi} + 1 = 0",
        r"\alpha \neq \beta",
    ),
    "windows": (r"C:\new\table.txt", r"D:\Users\Bob", r"\\server\share", r"E:\a b\c", r"%TEMP%\x"),
    "dialogue": (
        "Ann: Are you there?\nBob: No.\nAnn: Good.",
        'Knock knock.\n"Who\'s there?"\nInterrupting cow.\n"Interrup—"\nMOO!',
        "- Tea?\n- Please.\n- Milk?\n- Never.",
    ),
    "steps": (
        "1. Boil water.\n2. Add tea.\n3. Wait.",
        "Step 1: open. Step 2: close.\nStep 3: regret.",
        "* eggs\n* flour\n* hope",
    ),
    "thinking": (
        "Type </think> here",
        "The <think> tag opens it.",
        "I think, therefore I am.",
        "Answer: 42",
        "Final answer pending",
    ),
    "tweets": (
        "@bob you won't believe this!! #mondays",
        "$TSLA up 4%, again",
        "RT if you agree: pineapple > ham",
        "so... um... yeah...",
        "OMG!!! (no really)",
    ),
    "long": (
        "When the last tram left the depot, the conductor discovered that the only passenger was a "
        "brown bear in a raincoat, reading yesterday's paper upside down, and, being a polite man, "
        "he asked for a ticket; the bear produced one, properly stamped, together with a jar.",
        "The committee, having met eleven times, each time for eleven hours, resolved unanimously "
        "to meet once more, since the question of whether to meet had not yet been put to a vote.",
        "My grandmother kept bees, and the bees, as far as anyone could tell, kept my grandmother: "
        "they woke her at five, they sent her out for lavender, and they never once said thanks.",
    ),
}
"""Texts by the name of their set. One answer has all texts of one set."""

PROFILES: tuple[tuple[float, ...], ...] = (
    (0.4, 0.25, 0.15, 0.08, 0.06, 0.03, 0.02, 0.01),
    (0.35, 0.2, 0.1, 0.05, 0.02, 0.015, 0.01, 0.005),
    (0.09, 0.07, 0.05, 0.03, 0.01, 0.02, 0.04, 0.06),
    (0.3, 0.25, 0.2, 0.15, 0.1, 0.08, 0.05, 0.02),
    (0.05, 0.4, 0.1, 0.3, 0.15, 0.12, 0.02, 0.01),
    (0.012, 0.008, 0.045, 0.003, 0.06, 0.02, 0.001, 0.004),
    (0.22, 0.21, 0.2, 0.19, 0.18, 0.17, 0.16, 0.15),
)
"""Numbers that models give: sums of 1 and of less, tails, unsorted ones."""

SUMS_TO_ONE: dict[int, tuple[float, ...]] = {
    3: (0.5, 0.3, 0.2),
    4: (0.4, 0.3, 0.2, 0.1),
    5: (0.4, 0.25, 0.15, 0.12, 0.08),
    6: (0.17, 0.17, 0.17, 0.17, 0.16, 0.16),
    8: (0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.05),
}
"""Profiles for the shapes that are a distribution by their sum alone."""
