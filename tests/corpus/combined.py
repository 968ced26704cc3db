# ruff: noqa: E501, C901 -- samples of answers, and functions that list them
"""The corpus by combination: notations × texts × labels × languages × wrappers × damage.

Nothing here is listed answer by answer. Each kind has a few notations, each a function from texts
and probabilities to an answer; `cases` crosses them with everything that may surround or damage an
answer and gives what is to be read. Deterministic: the same thousands of cases each time.

Run: python -m tests.corpus.combined [KIND] [--show N]
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tests.corpus.texts import LINES, NUMBERS, PLAIN, REAL, WHOLE, Texts
from vs_core import ParseError, StreamParser, parse
from vs_core.candidates import Distribution

Pairs = list[tuple[str, float | None]]


class Case(NamedTuple):
    """An answer and what is to be read from it.

    Args:
        kind: ``"json"``, ``"wrappers"``, ``"tags"``, …
        name: How it was put together.
        answer: The whole text.
        expected: Texts and probabilities, in order.
    """

    kind: str
    name: str
    answer: str
    expected: Pairs


Notation = Callable[[Sequence[str], Sequence[float], random.Random], str]


def dump(data: object, **options: object) -> str:
    return json.dumps(data, ensure_ascii=False, **options)  # type: ignore[arg-type]


def percent(p: float) -> str:
    return f"{round(p * 100, 6):g}"


# --- numbers, labels, languages ---------------------------------------------------------------------

WRITTEN: dict[str, Callable[[float], str]] = {
    "plain": lambda p: f"{p:g}",
    "no zero": lambda p: f"{p:g}".removeprefix("0"),
    "percent": lambda p: f"{percent(p)}%",
    "percent, space": lambda p: f"{percent(p)} %",
    "two places": lambda p: f"{p:.2f}",
    "about": lambda p: f"~{p:g}",
    "comma": lambda p: f"{p:g}".replace(".", ","),
    "words": lambda p: f"{percent(p)} percent",
    "fraction": lambda p: f"{percent(p)}/100",
}

LANGUAGES: dict[str, tuple[str, str, str, str]] = {  # response, text, probability, colon
    "English": ("Response", "text", "probability", ":"),
    "German": ("Antwort", "Text", "Wahrscheinlichkeit", ":"),
    "Spanish": ("Respuesta", "texto", "probabilidad", ":"),
    "French": ("Réponse", "texte", "probabilité", " :"),
    "Italian": ("Risposta", "testo", "probabilità", ":"),
    "Portuguese": ("Resposta", "texto", "probabilidade", ":"),
    "Dutch": ("Antwoord", "tekst", "waarschijnlijkheid", ":"),
    "Swedish": ("Svar", "text", "sannolikhet", ":"),
    "Polish": ("Odpowiedź", "tekst", "prawdopodobieństwo", ":"),
    "Russian": ("Ответ", "текст", "вероятность", ":"),
    "Ukrainian": ("Відповідь", "текст", "ймовірність", ":"),
    "Turkish": ("Yanıt", "metin", "olasılık", ":"),
    "Korean": ("응답", "텍스트", "확률", ":"),
    "Chinese": ("回答", "文本", "概率", "："),
    "Japanese": ("回答", "テキスト", "確率", "："),
    "Arabic": ("إجابة", "النص", "الاحتمال", ":"),
    "Hindi": ("उत्तर", "पाठ", "संभावना", ":"),
    "Vietnamese": ("Câu trả lời", "văn bản", "xác suất", ":"),
    "Czech": ("Odpověď", "text", "pravděpodobnost", ":"),
    "Finnish": ("Vastaus", "teksti", "todennäköisyys", ":"),
    "Greek": ("Απάντηση", "κείμενο", "πιθανότητα", ":"),
    "Hebrew": ("תשובה", "טקסט", "הסתברות", ":"),
}
LABELS = ("Probability", "probability", "Prob", "prob.", "Estimated probability", "Likelihood", "p")

# --- lists --------------------------------------------------------------------------------------------

MARKS: dict[str, Callable[[int], str]] = {
    "1.": lambda i: f"{i}. ",
    "1)": lambda i: f"{i}) ",
    "(1)": lambda i: f"({i}) ",
    "[1]": lambda i: f"[{i}] ",
    "1:": lambda i: f"{i}: ",
    "1 -": lambda i: f"{i} - ",
    "#1": lambda i: f"#{i} ",
    "#1:": lambda i: f"#{i}: ",
    "**1.**": lambda i: f"**{i}.** ",
    "1、": lambda i: f"{i}、",
    "circled": lambda i: f"{chr(ord('①') + i - 1)} ",
    "keycap": lambda i: f"{i}\ufe0f\u20e3 ",
    "a)": lambda i: f"{chr(96 + i)}) ",
    "A.": lambda i: f"{chr(64 + i)}. ",
    "(a)": lambda i: f"({chr(96 + i)}) ",
    "i.": lambda i: f"{('i', 'ii', 'iii', 'iv', 'v', 'vi')[i - 1]}. ",
    "-": lambda i: "- ",
    "*": lambda i: "* ",
    "•": lambda i: "• ",
    "–": lambda i: "– ",
    "- [ ]": lambda i: "- [ ] ",
    "> 1.": lambda i: f"> {i}. ",
    "Option A:": lambda i: f"Option {chr(64 + i)}: ",
    "Response 1:": lambda i: f"Response {i}: ",
    "**Response 1:**": lambda i: f"**Response {i}:** ",
    "Candidate 1 -": lambda i: f"Candidate {i} - ",
    "none": lambda i: "",
}
BESIDE: dict[str, str] = {
    "(0.2)": "{t} ({p})",
    "[0.2]": "{t} [{p}]",
    "{{0.2}}": "{t} {{{p}}}",
    "(label: 0.2)": "{t} ({label}: {p})",
    "(label = 0.2)": "{t} ({label} = {p})",
    "(label 0.2)": "{t} ({label} {p})",
    "(label: 0.2, high)": "{t} (Probability: {p}, high)",
    "(0.2 label)": "{t} ({p} probability)",
    "(0.2).": "{t} ({p}).",
    "- 0.2": "{t} - {p}",
    "— 0.2": "{t} — {p}",
    "– label: 0.2": "{t} – {label}: {p}",
    ": 0.2": "{t}: {p}",
    "-> 0.2": "{t} -> {p}",
    "→ 0.2": "{t} → {p}",
    "| 0.2": "{t} | {p}",
    "| label: 0.2": "{t} | {label}: {p}",
    "= 0.2": "{t} = {p}",
    "`0.2`": "{t} `{p}`",
    "**(0.2)**": "{t} **({p})**",
    "**label:** 0.2": "{t} **Probability:** {p}",
    "bold text (0.2)": "**{t}** ({p})",
    "bold text: 0.2": "**{t}:** {p}",
    "bold text — label: 0.2": "**{t}** — {label}: {p}",
    "quoted (0.2)": '"{t}" ({p})',
    "quoted - 0.2": '"{t}" - {p}',
    "smart quotes (0.2)": "“{t}” ({p})",
    "with a probability of": "{t}, with a probability of {p}",
    ", label: 0.2": "{t}, {label}: {p}",
    "; label 0.2": "{t}; {label} {p}",
    "(0.2) first": "({p}) {t}",
    "[0.2] first": "[{p}] {t}",
    "0.2: first": "{p}: {t}",
    "0.2 - first": "{p} - {t}",
    "0.2 | first": "{p} | {t}",
    "(label: 0.2) first": "({label}: {p}) {t}",
    "label: 0.2 - first": "{label}: {p} - {t}",
    "**0.2** first": "**{p}** – {t}",
    "ca.": "{t} (ca. {p})",
    "wide brackets": "{t}（{p}）",
    "below": "{t}\n   {label}: {p}",
    "below, bullet": "{t}\n   - {label}: {p}",
    "below, bold": "{t}\n   **{label}:** {p}",
    "below, italic": "{t}\n   *{label}: {p}*",
    "below, brackets": "{t}\n   ({label}: {p})",
    "below, blank": "{t}\n\n   {label}: {p}\n",
    "below, arrow": "{t}\n   → {label}: {p}",
    "below, bare brackets": "{t}\n   ({p})",
    "above": "{label}: {p}\n   {t}",
    "above, bold": "**{label}:** {p}\n   {t}",
    "above, Text": "{label}: {p}\n   Text: {t}",
    "Text, below": "Text: {t}\n   {label}: {p}",
    "bold Text, below": "**Text:** {t}\n   **{label}:** {p}",
    "dash fields": "\n   - Text: {t}\n   - {label}: {p}",
}
MAPPING = {": 0.2", "= 0.2", "- 0.2", "— 0.2", "-> 0.2", "→ 0.2", "| 0.2", "0.2: first", "0.2 - first",
           "0.2 | first", "bold text: 0.2", "quoted - 0.2", "**0.2** first"}  # fmt: skip
BULLETS = {"-", "*", "•", "–", "- [ ]", "none"}


def listed(mark: str, beside: str, written: str, label: str, gap: str = "\n") -> Notation:
    def write(texts: Sequence[str], numbers: Sequence[float], rng: random.Random) -> str:
        items = []
        for i, (t, p) in enumerate(zip(texts, numbers, strict=True), 1):
            item = BESIDE[beside].format(t=t, p=WRITTEN[written](p), label=label)
            begin = MARKS[mark](i)
            if mark == "> 1.":
                item = item.replace("\n", "\n> ")
            items.append(begin + item)
        return gap.join(items)

    return write


def lists(rng: random.Random) -> Iterator[tuple[str, Notation, Texts]]:
    combinations = [
        (mark, beside, written)
        for mark in MARKS
        for beside in BESIDE
        for written in WRITTEN
        if fits(mark, beside, written)
    ]
    for mark, beside, written in rng.sample(combinations, min(1400, len(combinations))):
        label = rng.choice(LABELS)
        gap = rng.choice(("\n", "\n", "\n\n"))
        if mark == "none" and "\n" in BESIDE[beside]:
            gap = "\n\n"
        if mark == "> 1.":
            gap = "\n" if gap == "\n" else "\n>\n"
        texts = rng.choice(LINES)
        yield f"{mark} {beside} {written}", listed(mark, beside, written, label, gap), texts


def fits(mark: str, beside: str, written: str) -> bool:
    """Whether a person could read such a list."""
    if written == "comma" and beside in ("0.2: first", ", label: 0.2", "0.2 | first"):
        return False
    if mark in ("1:", "1 -", "#1", "1、", "keycap", "i.") and "first" in beside:
        return False
    if mark == "none" and beside in ("dash fields", "below, bare brackets", "0.2 - first"):
        return False
    if mark in ("-", "*", "•", "–", "- [ ]") and beside == "dash fields":
        return False
    return not (written in ("words", "fraction", "about") and beside.endswith("first"))


LONG = ("(label: 0.2)", "(0.2)", "below", "below, bold", "below, bullet", "below, brackets", "above",
        "below, blank", "dash fields", "— 0.2", "Text, below")  # fmt: skip


def long_lists(rng: random.Random) -> Iterator[tuple[str, Notation, Texts]]:
    """Lists of texts of several lines, indented as Markdown wants it or not at all."""
    for texts in WHOLE[len(LINES) :]:
        for mark in ("1.", "1)", "-", "**1.**", "Response 1:", "**Response 1:**", "Option A:"):
            for beside in LONG:
                for pad in (0, 3):
                    if beside == "dash fields" or (texts.name == "numbered" and not pad):
                        continue
                    inner = listed(
                        mark, beside, "plain", rng.choice(LABELS[:5]), rng.choice(("\n", "\n\n"))
                    )

                    def write(t, p, rng, inner=inner, pad=pad):
                        return inner([x.replace("\n", "\n" + " " * pad) for x in t], p, rng)

                    yield f"{mark} {beside} {pad}, {texts.name}", write, texts


# --- the order of text and number, and how numbers are written ------------------------------------

VALUES: dict[str, Callable[[float], object]] = {
    "percent": lambda p: f"{percent(p)}%",
    "percent, space": lambda p: f"{percent(p)} %",
    "wide percent": lambda p: f"{percent(p)}％",
    "words": lambda p: f"{percent(p)} percent",
    "fraction": lambda p: f"{percent(p)}/100",
    "in": lambda p: f"{percent(p)} in 100",
    "out of": lambda p: f"{percent(p)} out of 100",
    "about": lambda p: f"~{p:g}",
    "≈": lambda p: f"≈ {p:g}",
    "approx.": lambda p: f"approx. {p:g}",
    "about in words": lambda p: f"about {percent(p)}%",
    "comma": lambda p: f"{p:g}".replace(".", ","),
    "no zero": lambda p: f"{p:g}".removeprefix("0"),
    "exponent": lambda p: f"{p:.3e}",
    "explained": lambda p: f"{p:g} (high)",
    "label": lambda p: f"p = {p:g}",
    "string": lambda p: f"{p:g}",
    "hundreds": lambda p: round(p * 100, 4),
    "five places": lambda p: f"{p:.5f}",
    "ca.": lambda p: f"ca. {percent(p)} %",
    "약": lambda p: f"약 {percent(p)}%",
    "約": lambda p: f"約{percent(p)}%",
}


def number_cases(rng: random.Random) -> Iterator[tuple[str, Notation, Texts]]:
    forms: dict[str, Callable[[str, object], str]] = {
        "JSON": lambda t, v: dump({"text": t, "probability": v}),
        "list": lambda t, v: f"- {t} (probability: {v})",
        "below": lambda t, v: f"- {t}\n  Probability: {v}",
        "tags": lambda t, v: f"<response><text>{t}</text><probability>{v}</probability></response>",
        "heading": lambda t, v: f"### Response (Probability: {v})\n{t}\n",
        "YAML": lambda t, v: f"- text: {dump(t)}\n  probability: {v}",
        "table": lambda t, v: f"| {t} | {v} |",
    }
    for name, value in VALUES.items():
        for form, line in forms.items():
            for texts in (PLAIN, REAL):

                def write(t, p, rng, value=value, line=line, form=form):
                    head = "| Response | Probability |\n|---|---|\n" if form == "table" else ""
                    return head + "\n".join(line(a, value(b)) for a, b in zip(t, p, strict=True))

                yield f"{form}, {name}, {texts.name}", write, texts


ORDERS = {
    "JSON": '{{"probability": {p}, "text": {d}}}',
    "tags": "<response><probability>{p}</probability><text>{t}</text></response>",
    "tags outside": "<probability>{p}</probability>\n<response>{t}</response>",
    "YAML": "- probability: {p}\n  text: {d}",
    "YAML, no dashes": "probability: {p}\ntext: {d}\n",
    "TOML": "[[responses]]\nprobability = {p}\ntext = {d}\n",
    "labels": "Probability: {p}\nResponse: {t}\n",
    "labels, no gap": "Probability: {p}\nText: {t}",
    "bold labels": "**Probability:** {p}\n**Response:** {t}\n",
    "numbered": "{i}. Probability: {p}\n   Response: {t}",
    "numbered, bold": "{i}. **Probability: {p}**\n   {t}",
    "bullets": "- Probability: {p}\n- Response: {t}\n",
    "line": "Probability: {p}\n{t}\n",
    "brackets": "[{p}]\n{t}\n",
    "percent line": "{q}%\n{t}\n",
    "percent heading": "## {q}%\n{t}\n",
    "bracket": "({p}) {t}",
    "labelled bracket": "(Probability: {p}) {t}",
    "tuple": "({p}, {d}),",
    "pairs": "[{p}, {d}]",
    "block": "Response {i} (Probability: {p})\n{t}\n",
}


def order_cases(rng: random.Random) -> Iterator[tuple[str, Notation, Texts]]:
    for name, form in ORDERS.items():
        for texts in WHOLE:
            if texts not in LINES and name in ("labels, no gap", "bracket", "labelled bracket", "bullets",
                                               "tuple", "numbered"):  # fmt: skip
                continue
            for intro in ("", "Here are some answers:\n\n"):

                def write(t, p, rng, form=form, intro=intro):
                    return intro + "\n".join(
                        form.format(i=i, t=a, d=dump(a), p=f"{b:g}", q=percent(b))
                        for i, (a, b) in enumerate(zip(t, p, strict=True), 1)
                    )

                yield f"{name}, {texts.name}{', introduced' if intro else ''}", write, texts


# --- blocks --------------------------------------------------------------------------------------------

BLOCKS: dict[str, str] = {
    "### Response 1 (Probability: 0.6)": "### Response {i} (Probability: {p})\n\n{t}\n",
    "## Response 1 — 60%": "## Response {i} — {q}%\n\n{t}\n",
    "### 1. (0.6)": "### {i}. ({p})\n{t}\n",
    "**Response 1 (Probability: .6):** x": "**Response {i} (Probability: {p}):** {t}\n",
    "**Response 1** (Probability: 0.6)": "**Response {i}** (Probability: {p})\n{t}\n",
    "Response 1 (0.6):": "Response {i} ({p}):\n{t}\n",
    "Response 1 [p=0.6]:": "Response {i} [p={p}]: {t}\n",
    "Response 1, number below": "Response {i}:\n{t}\nProbability: {p}\n",
    "Response 1, number above": "Response {i}\nProbability: {p}\n{t}\n",
    "heading, number below": "### Response {i}\n\n{t}\n\n**Probability:** {p}\n",
    "heading, number above": "### Response {i}\n\n**Probability:** {p}\n\n{t}\n",
    "heading, italic number": "### Candidate {i}\n*Probability: {p}*\n\n{t}\n",
    "Option A, number below": "Option {a}:\n{t}\nProbability: {p}\n",
    "rule between": "{t}\nProbability: {p}\n\n---\n",
    "rule between, labelled": "**Response {i}**\n\n{t}\n\nProbability: {p}\n\n---\n",
    "paragraphs, number below": "{t}\nProbability: {p}\n",
    "paragraphs, number above": "Probability: {p}\n{t}\n",
    "paragraphs, number above, blank": "Probability: {p}\n\n{t}\n",
    "paragraphs, number below, blank": "{t}\n\nProbability: {p}\n",
    "paragraphs, brackets below": "{t}\n(Probability: {p})\n",
    "paragraphs, bold above": "**Probability: {p}**\n{t}\n",
    "Text: Probability:": "Text: {t}\nProbability: {p}\n",
    "Probability: Text:": "Probability: {p}\nText: {t}\n",
    "Response: Probability:": "Response: {t}\nProbability: {p}\n",
    "fields in bold": "**Response:** {t}\n**Probability:** {p}\n",
    "Response 1: Probability 1:": "Response {i}: {t}\nProbability {i}: {p}\n",
    "heading, fields": "#### Candidate {i}\n- **Text:** {t}\n- **Probability:** {p}\n",
    "brackets": "[Response {i}]\n{t}\n[Probability: {p}]\n",
    "60% - heading": "### Response {i}: {q}%\n{t}\n",
}


def blocks(rng: random.Random) -> Iterator[tuple[str, Notation, Texts]]:
    for name, template in BLOCKS.items():
        single = any(part in template for part in (":** {t}", "Text: {t}", "]: {t}", ": {t}"))
        for texts in LINES if single else WHOLE:

            def write(
                texts: Sequence[str], numbers: Sequence[float], rng: random.Random, form=template
            ) -> str:
                return "\n".join(
                    form.format(i=i, a=chr(64 + i), t=t, p=f"{p:g}", q=percent(p))
                    for i, (t, p) in enumerate(zip(texts, numbers, strict=True), 1)
                )

            yield f"{name}, {texts.name}", write, texts


# --- JSON ----------------------------------------------------------------------------------------------


def objects(texts: Sequence[str], numbers: Sequence[object], text: str, number: str) -> list[dict]:
    return [{text: t, number: p} for t, p in zip(texts, numbers, strict=True)]


TEXT_KEYS = ("text", "response", "answer", "content", "joke", "completion", "output", "Text", "city",
             "response_text", "generatedText", "slogan")  # fmt: skip
NUMBER_KEYS = ("probability", "prob", "p", "likelihood", "confidence", "Probability", "estimated_probability",
               "probability_estimate", "score", "probabilityScore")  # fmt: skip
LIST_KEYS = ("responses", "candidates", "answers", "jokes", "data", "output", "distribution", "Responses",
             "verbalized_samples")  # fmt: skip


def json_shapes(t: Sequence[str], p: Sequence[float], rng: random.Random) -> dict[str, object]:
    text, number, key = rng.choice(TEXT_KEYS), rng.choice(NUMBER_KEYS), rng.choice(LIST_KEYS)
    items = objects(t, p, text, number)
    percents = [f"{percent(x)}%" for x in p]
    half = len(t) // 2 or 1
    return {
        "object": {key: items},
        "list": items,
        "number first": [{number: b, text: a} for a, b in zip(t, p, strict=True)],
        "percents": {key: objects(t, percents, text, number)},
        "percents as numbers": {key: objects(t, [round(x * 100, 4) for x in p], text, number)},
        "strings": {key: objects(t, [str(x) for x in p], text, number)},
        "total beside": {key: items, "total_probability": round(sum(p), 4)},
        "total first": {"total": round(sum(p), 4), key: items},
        "confidence beside": {key: items, "confidence": 0.9},
        "score beside": {"score": 0.7, key: items},
        "k beside": {"k": len(t), "prompt": "Name a city.", key: items},
        "notes beside": {key: items, "note": "These are estimates.", "model": "x"},
        "reasoning": {"reasoning": "Because it is so.", key: items},
        "reasoning, list": {"thinking": ["One.", "Two."], key: items},
        "sections": {"common": items[:half], "rare": items[half:]},
        "sections, lists inside": {"responses": {"common": items[:half], "tail": items[half:]}},
        "sections as list": [
            {"group": "common", "items": items[:half]},
            {"group": "rare", "items": items[half:]},
        ],
        "wrapped": {"result": {"output": {key: items}}},
        "wrapped in a list": [{key: items}],
        "tool call": {"name": "submit", "arguments": {key: items}},
        "tool call, string": {"name": "submit", "arguments": dump({key: items})},
        "tool calls": {
            "tool_calls": [{"function": {"name": "f", "arguments": dump({key: items})}}]
        },
        "chat completion": {
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": dump({key: items})}}
            ]
        },
        "numbered": {str(i): x for i, x in enumerate(items, 1)},
        "numbered names": {f"response_{i}": x for i, x in enumerate(items, 1)},
        "lettered": {f"Option {chr(64 + i)}": x for i, x in enumerate(items, 1)},
        "numbered pairs": {
            k: v
            for i, (a, b) in enumerate(zip(t, p, strict=True), 1)
            for k, v in ((f"response{i}", a), (f"probability{i}", b))
        },
        "parallel": {"texts": list(t), "probabilities": list(p)},
        "parallel, prob": {"responses": list(t), "probs": list(p)},
        "pairs": [[a, b] for a, b in zip(t, p, strict=True)],
        "pairs under a key": {key: [[a, b] for a, b in zip(t, p, strict=True)]},
        "pairs, number first": {key: [[b, a] for a, b in zip(t, p, strict=True)]},
        "rows with a header": [
            ["text", "probability"],
            *([a, b] for a, b in zip(t, p, strict=True)),
        ],
        "mapping": dict(zip(t, p, strict=True)),
        "mapping under a key": {key: dict(zip(t, p, strict=True))},
        "mapping, percents": dict(zip(t, percents, strict=True)),
        "mapping to objects": {a: {number: b} for a, b in zip(t, p, strict=True)},
        "strings with numbers": {key: [f"{a} ({b:g})" for a, b in zip(t, p, strict=True)]},
        "settings beside": {key: items, "settings": {"temperature": 0.7, "top_p": 0.9}},
        "under probabilities": {"probabilities": dict(zip(t, p, strict=True))},
        "list of mappings": [{a: b} for a, b in zip(t, p, strict=True)],
        "nested candidate": {key: [{"response": x} for x in items]},
        "nested number": {
            key: [{text: a, "metadata": {"probability": b}} for a, b in zip(t, p, strict=True)]
        },
        "extra keys": {
            key: [
                {"id": i, **x, "tone": "dry", "reason": "why not"} for i, x in enumerate(items, 1)
            ]
        },
        "extra keys first": {
            key: [{"rank": i, "style": "dry", **x} for i, x in enumerate(items, 1)]
        },
        "slogan and tone": [
            {"slogan": a, "tone": "dry", "probability": b} for a, b in zip(t, p, strict=True)
        ],
        "explained": [
            {"answer": a, "explanation": "It is near.", "probability": b}
            for a, b in zip(t, p, strict=True)
        ],
    }


DAMAGE: dict[str, Callable[[str], str]] = {
    "none": lambda s: s,
    "trailing commas": lambda s: s.replace("}", ",}").replace("]", ",]"),
    "no last bracket": lambda s: s[:-1],
    "comments": lambda s: s.replace("}, {", "}, // next\n {"),
    "missing commas": lambda s: s.replace("}, {", "}\n{"),
    "smart quotes": lambda s: (
        s.replace('": ', "”: ").replace('{"', "{“").replace(', "', ", “")
        if "'" not in s and '\\"' not in s and '["' not in s and '", "' not in s
        else s
    ),
}


def json_cases(rng: random.Random) -> Iterator[tuple[str, Notation, Texts]]:
    names = list(json_shapes(("a", "b"), (0.5, 0.3), rng))
    for name in names:
        for texts in WHOLE:
            for indent in (None, 2):
                damage = (
                    rng.choice([*DAMAGE, "none", "none", "none"])
                    if "mapping" not in name
                    else "none"
                )
                if "string" in name or texts.name in (
                    "json",
                    "code",
                    "markup",
                    "signs",
                    "data",
                    "code with numbers",
                ):
                    damage = "none"

                def write(t, p, rng, name=name, indent=indent, damage=damage):
                    return DAMAGE[damage](dump(json_shapes(t, p, rng)[name], indent=indent))

                yield f"{name}, {texts.name}, {damage}, {indent}", write, texts
    for texts in WHOLE:
        yield f"JSON Lines, {texts.name}", json_lines, texts
        yield (
            f"JSON string, {texts.name}",
            lambda t, p, r: dump(dump({"responses": objects(t, p, "text", "probability")})),
            texts,
        )
        yield (
            f"escaped JSON, {texts.name}",
            lambda t, p, r: dump(dump(objects(t, p, "text", "probability")))[1:-1],
            texts,
        )
        yield f"two objects, {texts.name}", two_objects, texts
        yield f"two fences, {texts.name}", two_fences, texts
        yield f"draft, then final, {texts.name}", draft_and_final, texts
        yield f"example, then final, {texts.name}", example_and_final, texts


def json_lines(t, p, rng):
    return "\n".join(dump(x) for x in objects(t, p, "text", "probability"))


def halves(t, p):
    items = objects(t, p, "text", "probability")
    half = len(items) // 2 or 1
    return items[:half], items[half:]


def two_objects(t, p, rng):
    return "\n\n".join(dump({"responses": part}, indent=2) for part in halves(t, p))


def two_fences(t, p, rng):
    a, b = halves(t, p)
    return f"Common:\n```json\n{dump(a)}\n```\n\nRare:\n```json\n{dump(b)}\n```"


def draft_and_final(t, p, rng):
    draft = objects((*t, "x", "y"), (*p, 0.1, 0.2), "text", "probability")
    final = dump(objects(t, p, "text", "probability"))
    return f"Draft:\n{dump(draft)}\n\nFinal answer:\n{final}"


def example_and_final(t, p, rng):
    final = dump({"responses": objects(t, p, "text", "probability")})
    return f'Format: {{"responses": [{{"text": "...", "probability": 0.0}}]}}\n\n{final}'


# --- tags ----------------------------------------------------------------------------------------------

TAGS: dict[str, str] = {
    "as asked": "<response><text>{t}</text><probability>{p}</probability></response>",
    "indented": "<response>\n  <text>{t}</text>\n  <probability>{p}</probability>\n</response>",
    "number first": "<response><probability>{p}</probability><text>{t}</text></response>",
    "no text tag": "<response>{t}<probability>{p}</probability></response>",
    "rationale first": "<response><rationale>It is near.</rationale><text>{t}</text><probability>{p}</probability></response>",
    "rationale last": "<response><text>{t}</text><probability>{p}</probability><rationale>It is near.</rationale></response>",
    "explanation between": "<response><text>{t}</text><explanation>Near.</explanation><probability>{p}</probability></response>",
    "id": "<response><id>{i}</id><text>{t}</text><probability>{p}</probability></response>",
    "attributes": '<response id="{i}" probability="{p}">{t}</response>',
    "prob attribute": "<answer prob='{p}'>{t}</answer>",
    "candidate": "<candidate>\n<content>{t}</content>\n<prob>{p}</prob>\n</candidate>",
    "upper": "<RESPONSE><TEXT>{t}</TEXT><PROBABILITY>{p}</PROBABILITY></RESPONSE>",
    "numbered": "<response_{i}><text>{t}</text><probability>{p}</probability></response_{i}>",
    "number after": "<response>{t}</response><probability>{p}</probability>",
    "number before": "<probability>{p}</probability><response>{t}</response>",
    "number after, bare": "<response>{t}</response> (probability: {p})",
    "text label inside": "<response>\nText: {t}\nProbability: {p}\n</response>",
    "brackets inside": "<response>{t} (probability: {p})</response>",
    "percent": "<response><text>{t}</text><probability>{q}%</probability></response>",
    "labelled number": "<response><text>{t}</text><probability>Probability: {p}</probability></response>",
    "joke": "<joke><text>{t}</text><probability>{p}</probability></joke>",
    "item": "<item><answer>{t}</answer><likelihood>{p}</likelihood></item>",
    "unclosed": "<response><text>{t}</text><probability>{p}</probability>",
    "unclosed number": "<response><text>{t}</text><probability>{p}</response>",
    "CDATA": "<response><text><![CDATA[{t}]]></text><probability>{p}</probability></response>",
    "numbered outside": "{i}. <response><text>{t}</text><probability>{p}</probability></response>",
    "bare text tags": "<text>{t}</text>\n<probability>{p}</probability>",
}
SELF_CLOSED = '<response text="{t}" probability="{p}"/>'
SQUARE = "[response][text]{t}[/text][probability]{p}[/probability][/response]"


def tags(rng: random.Random) -> Iterator[tuple[str, Notation, Texts]]:
    for name, template in TAGS.items():
        for texts in WHOLE:
            if texts.name in ("HTML", "markup") and name in ("attributes", "bare text tags"):
                continue
            around = rng.choice(
                ("{}", "{}", "<responses>\n{}\n</responses>", "<answer>\n{}\n</answer>")
            )
            if name in ("prob attribute", "item") or "response" not in template:
                around = "{}"

            def write(t, p, rng, form=template, around=around):
                return around.format(
                    "\n".join(
                        form.format(i=i, t=a, p=f"{b:g}", q=percent(b))
                        for i, (a, b) in enumerate(zip(t, p, strict=True), 1)
                    )
                )

            yield f"{name}, {texts.name}, {around[:12].strip()}", write, texts
    for texts in LINES:
        if not any(c in t for t in texts.texts for c in '<>"&'):
            for name, template in (("self-closed", SELF_CLOSED), ("square", SQUARE)):

                def write(t, p, rng, form=template):
                    return "\n".join(form.format(t=a, p=b) for a, b in zip(t, p, strict=True))

                yield f"{name}, {texts.name}", write, texts


# --- tables --------------------------------------------------------------------------------------------


def quoted(rows: Sequence[Sequence[object]], delimiter: str, *, always: bool = False) -> str:
    out = io.StringIO()
    rule = csv.QUOTE_NONNUMERIC if always else csv.QUOTE_MINIMAL
    csv.writer(out, delimiter=delimiter, quoting=rule, lineterminator="\n").writerows(rows)
    return out.getvalue().strip()


def piped(rows: Sequence[Sequence[object]], *, edges: bool = True, rule: str = "---") -> str:
    lines = [" | ".join(str(c).replace("|", "\\|") for c in row) for row in rows]
    lines.insert(1, " | ".join(rule for _ in rows[0]) if edges else "|".join(rule for _ in rows[0]))
    return "\n".join(f"| {line} |" if edges else line for line in lines)


def drawn(rows: Sequence[Sequence[object]]) -> str:
    cells = [[str(c) for c in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    rule = "+" + "+".join("-" * (w + 2) for w in widths) + "+"
    lines = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule])


HEADS = (
    ("Response", "Probability"), ("text", "probability"), ("Answer", "Prob."), ("Candidate", "P"),
    ("City", "Estimated probability"), ("Option", "Likelihood"), ("Response", "Probability (%)"),
)  # fmt: skip


def tables(rng: random.Random) -> Iterator[tuple[str, Notation, Texts]]:
    for texts in LINES:
        if any("|" in t or "\t" in t for t in texts.texts):
            continue
        for style in ("markdown", "no edges", "colons", "drawn", "box", "csv", "tsv", "semicolon", "csv quoted",
                      "no header csv", "pipes without rule"):  # fmt: skip
            for extra in ("", "number", "note", "total", "number first", "bold", "percent"):
                if style.startswith("no header") and extra not in ("", "number"):
                    continue
                if style in ("csv", "tsv", "semicolon", "csv quoted") and extra == "bold":
                    continue
                head = rng.choice(HEADS[:6])

                def write(t, p, rng, style=style, extra=extra, head=head):
                    rows = [[a, f"{b:g}"] for a, b in zip(t, p, strict=True)]
                    names = list(head)
                    if extra == "percent":
                        rows = [[a, f"{percent(b)}%"] for a, b in zip(t, p, strict=True)]
                    elif extra == "number":
                        rows, names = [[str(i), *r] for i, r in enumerate(rows, 1)], ["#", *names]
                    elif extra == "note":
                        rows, names = [[*r, "It is near."] for r in rows], [*names, "Reason"]
                    elif extra == "total":
                        rows = [*rows, ["Total", f"{round(sum(p), 4):g}"]]
                    elif extra == "number first":
                        rows, names = [r[::-1] for r in rows], names[::-1]
                    elif extra == "bold":
                        rows = [[f"**{r[0]}**", *r[1:]] for r in rows]
                    if style == "no header csv":
                        return quoted(rows, ",")
                    table = [names, *rows]
                    if style == "pipes without rule":
                        return "\n".join(f"| {' | '.join(row)} |" for row in table)
                    if style in ("markdown", "colons"):
                        return piped(table, rule="---" if style == "markdown" else ":---:")
                    if style == "no edges":
                        return piped(table, edges=False)
                    if style == "drawn":
                        return drawn(table)
                    if style == "box":
                        return drawn(table).replace("|", "│").replace("-", "─").replace("+", "┼")
                    delimiter = {"tsv": "\t", "semicolon": ";"}.get(style, ",")
                    return quoted(table, delimiter, always=style == "csv quoted")

                yield f"{style}, {extra}, {texts.name}, {head[0]}", write, texts


# --- YAML and TOML ---------------------------------------------------------------------------------------


def indented(text: str, width: int) -> str:
    return "\n".join(" " * width + line if line else "" for line in text.split("\n"))


def yaml_cases(rng: random.Random) -> Iterator[tuple[str, Notation, Texts]]:
    def scalar(t: str, style: str, width: int) -> str:
        if style == "double":
            return dump(t)
        if style == "single":
            return "'" + t.replace("'", "''") + "'"
        if style == "block":
            return f"|\n{indented(t, width)}"
        if style == "block, stripped":
            return f"|-\n{indented(t, width)}"
        return t

    def yaml(style: str, order: str, wrap: str, number: str = "probability") -> Notation:
        def write(t: Sequence[str], p: Sequence[float], rng: random.Random) -> str:
            lines = []
            pad = "  " if wrap == "indented" else ""
            for i, (a, b) in enumerate(zip(t, p, strict=True), 1):
                text = f"text: {scalar(a, style, len(pad) + 4)}"
                prob = f"{number}: {b:g}"
                fields = [text, prob] if order == "text" else [prob, text]
                if order == "id":
                    fields = [f"id: {i}", text, prob]
                if order == "note":
                    fields = [text, prob, "note: near"]
                lines.append(
                    "\n".join(f"{pad}{'  ' if n else '- '}{f}" for n, f in enumerate(fields))
                )
            head = "responses:\n" if wrap else ""
            if wrap == "front":
                head = "---\nresponses:\n"
            return head + "\n".join(lines)

        return write

    def toml(style: str, order: str, name: str) -> Notation:
        def write(t: Sequence[str], p: Sequence[float], rng: random.Random) -> str:
            blocks = []
            for i, (a, b) in enumerate(zip(t, p, strict=True), 1):
                value = f'"""\n{a}\n"""' if style == "multi" else dump(a)
                fields = [f"text = {value}", f"probability = {b:g}"]
                if order == "number":
                    fields.reverse()
                blocks.append("\n".join([name.format(i=i), *fields]))
            return "\n\n".join(blocks)

        return write

    for texts in WHOLE:
        single = texts in LINES
        for style in ("plain", "double", "single", "block", "block, stripped"):
            if style == "plain" and (
                not single
                or any(t[0] in "\"'`{[|>&*!%@#-" or ": " in t or " #" in t for t in texts.texts)
            ):
                continue
            if style == "single" and not single:
                continue
            for order in ("text", "number", "id", "note"):
                for wrap in ("", "key", "indented", "front"):
                    yield (
                        f"YAML {style}, {order}, {wrap}, {texts.name}",
                        yaml(style, order, wrap),
                        texts,
                    )
        for style in ("basic", "multi"):
            if style == "multi" and any('"""' in t or "\\" in t for t in texts.texts):
                continue
            for order in ("text", "number"):
                for name in ("[[responses]]", "[response_{i}]", "[responses.{i}]"):
                    yield (
                        f"TOML {style}, {order}, {name}, {texts.name}",
                        toml(style, order, name),
                        texts,
                    )
        if single:
            yield (
                f"YAML mapping, {texts.name}",
                lambda t, p, r: "\n".join(f"{dump(a)}: {b:g}" for a, b in zip(t, p, strict=True)),
                texts,
            )


# --- programs ----------------------------------------------------------------------------------------------


def program_cases(rng: random.Random) -> Iterator[tuple[str, Notation, Texts]]:
    def each(form: str, joiner: str, around: str) -> Notation:
        def write(t: Sequence[str], p: Sequence[float], rng: random.Random) -> str:
            body = joiner.join(
                form.format(t=dump(a), r=repr(a), p=f"{b:g}") for a, b in zip(t, p, strict=True)
            )
            return around.replace("@", body)

        return write

    forms = {
        "Python dicts": ("{{'text': {r}, 'probability': {p}}}", ",\n    ", "responses = [\n    @\n]"),
        "Python tuples": ("({r}, {p})", ", ", "[@]"),
        "Python tuples, assigned": ("({r}, {p})", ",\n    ", "candidates = [\n    @,\n]"),
        "Python mapping": ("{r}: {p}", ",\n    ", "distribution = {\n    @\n}"),
        "Python dict()": ("dict(text={r}, probability={p})", ",\n  ", "responses = [\n  @,\n]"),
        "Python objects": ("Response(text={r}, probability={p})", ",\n  ", "[\n  @,\n]"),
        "Python objects, positional": ("Candidate({r}, {p})", ",\n  ", "[\n  @\n]"),
        "appended": ("responses.append(({r}, {p}))", "\n", "responses = []\n@"),
        "appended dicts": ("responses.append({{'text': {r}, 'probability': {p}}})", "\n", "@"),
        "printed": ("{{'text': {r}, 'probability': {p}}}", ", ", "print([@])"),
        "JavaScript": ("{{ text: {t}, probability: {p} }}", ",\n  ", "const responses = [\n  @\n];"),
        "JavaScript, default": ("{{text: {t}, probability: {p}}}", ",\n  ", "export default [\n  @\n];"),
        "Ruby": ("{{ text: {t}, probability: {p} }}", ",\n  ", "responses = [\n  @\n]"),
        "Ruby arrows": ('{{ "text" => {t}, "probability" => {p} }}', ",\n  ", "[\n  @\n]"),
        "PHP": ("['text' => {t}, 'probability' => {p}]", ",\n  ", "$responses = [\n  @\n];"),
        "call": ('{{"text": {t}, "probability": {p}}}', ", ", 'submit({"responses": [@]})'),
        "tool call tag": ('{{"text": {t}, "probability": {p}}}', ", ",
                          '<tool_call>{"name": "submit", "arguments": {"responses": [@]}}</tool_call>'),
        "Lua": ("{{ text = {t}, probability = {p} }}", ",\n  ", "return {\n  @\n}"),
        "tuple": ("({r}, {p})", ",\n", "(@)"),
        "SQL": ("({t}, {p})", ",\n", "INSERT INTO responses (text, probability) VALUES\n@;"),
    }  # fmt: skip
    for name, (form, joiner, around) in forms.items():
        for texts in WHOLE:
            if name == "SQL" and any("'" in t for t in texts.texts):
                continue
            for fence in (None, "python"):
                write = each(form, joiner, around)
                if fence:
                    yield f"{name}, fenced, {texts.name}", fenced(write, fence), texts
                else:
                    yield f"{name}, {texts.name}", write, texts


def fenced(write: Notation, language: str = "") -> Notation:
    return lambda t, p, rng: f"```{language}\n{write(t, p, rng)}\n```"


# --- languages -------------------------------------------------------------------------------------------


def language_cases(rng: random.Random) -> Iterator[tuple[str, Notation, Texts]]:
    for language, (response, text, probability, colon) in LANGUAGES.items():
        forms = {
            "list": f"{{i}}. {{t}} ({probability}{colon} {{p}})",
            "list, capital": f"{{i}}. {{t}} ({probability.capitalize()}{colon} {{p}})",
            "list, comma": f"{{i}}. {{t}} ({probability}{colon} {{c}})",
            "list, percent": "{i}. {t} – {q} %",
            "below": f"{{i}}. {{t}}\n   {probability.capitalize()}{colon} {{p}}",
            "bold": f"**{response} {{i}}{colon}** {{t}}\n**{probability.capitalize()}{colon}** {{p}}\n",
            "block": f"{response} {{i}}{colon}\n{{t}}\n{probability.capitalize()}{colon} {{p}}\n",
            "heading": f"### {response} {{i}} ({probability}{colon} {{p}})\n\n{{t}}\n",
            "above": f"{probability.capitalize()}{colon} {{p}}\n{{t}}\n",
            "YAML": f"- {text}: {{d}}\n  {probability}: {{p}}",
            "tags": f"<{response.lower().replace(' ', '_')}><{text.replace(' ', '_')}>{{t}}</{text.replace(' ', '_')}>"
                    f"<{probability.replace(' ', '_')}>{{p}}</{probability.replace(' ', '_')}></{response.lower().replace(' ', '_')}>",
        }  # fmt: skip
        for name, form in forms.items():

            def write(t, p, rng, form=form):
                return "\n".join(
                    form.format(
                        i=i, t=a, d=dump(a), p=f"{b:g}", c=f"{b:g}".replace(".", ","), q=percent(b)
                    )
                    for i, (a, b) in enumerate(zip(t, p, strict=True), 1)
                )

            for texts in (LINES[0], LINES[1], LINES[3]):
                yield f"{language}, {name}, {texts.name}", write, texts

        def as_json(t, p, rng, text=text, probability=probability, response=response):
            return dump({response.lower(): objects(t, p, text, probability)})

        def as_table(t, p, rng, response=response, probability=probability):
            return piped(
                [
                    [response, probability.capitalize()],
                    *([a, f"{b:g}"] for a, b in zip(t, p, strict=True)),
                ]
            )

        for texts in (LINES[0], LINES[3]):
            yield f"{language}, JSON, {texts.name}", as_json, texts
            yield f"{language}, table, {texts.name}", as_table, texts


# --- what surrounds ----------------------------------------------------------------------------------------

DRAFT = '[{"text": "Draft one", "probability": 0.4}, {"text": "Draft two", "probability": 0.3}]'
LONG_DRAFT = "\n".join(f"{i}. Draft {i} (0.1)" for i in range(1, 9))
WRAPPERS: dict[str, str] = {
    "prose around": "Sure! Here are the responses you asked for:\n\n@\n\nLet me know if you need more!",
    "prose before": "Here is a distribution over answers:\n\n@",
    "prose after": "@\n\nThese probabilities are rough estimates.",
    "prose, no blank line": "Here you go:\n@",
    "fence": "```\n@\n```",
    "fence, prose": "Of course:\n\n```text\n@\n```\n\nHope this helps!",
    "open fence": "```\n@",
    "think": f"<think>Let me see. {DRAFT} Or not.</think>\n\n@",
    "think, list": f"<think>\n{LONG_DRAFT}\n</think>\n@",
    "two thinks": f"<think>First.\n{LONG_DRAFT}</think>\n<think>Second. {DRAFT}</think>\n\n@",
    "thinking, attribute": f'<thinking effort="low">{LONG_DRAFT}</thinking>\n\n@',
    "[THINK]": f"[THINK]Well.\n{LONG_DRAFT}\n[/THINK]\n@",
    "seed:think": f"<seed:think>{DRAFT}</seed:think>@",
    "scratchpad": f"<scratchpad>\n{LONG_DRAFT}\n</scratchpad>\n\n@",
    "only the end of thinking": f"Let me think.\n{LONG_DRAFT}\n</think>\n\n@",
    "harmony": f"<|channel|>analysis<|message|>{LONG_DRAFT}<|end|><|start|>assistant<|channel|>final<|message|>@<|return|>",
    "draft, final": f"Draft:\n\n{LONG_DRAFT}\n\nFinal answer:\n\n@",
    "draft, final headings": f"## Draft\n\n{LONG_DRAFT}\n\n## Final answer\n\n@",
    "answer tag": "<answer>\n@\n</answer>",
    "final tag": "I thought about it.\n<final_answer>\n@\n</final_answer>",
    "output tag": "<output>\n@\n</output>",
    "end token": "@<|im_end|>",
    "byte order mark": "\ufeff@",
    "Windows lines": "@CRLF",
    "heading": "# Responses\n\n@",
    "bold heading": "**Distribution of responses:**\n\n@",
    "reasoning first": "Reasoning: Some are near, some are far.\n\n@",
    "note after": "@\n\nNote: the probabilities do not sum to 1.",
    "total after": "@\n\nTotal: 0.95",
    "role": "Assistant: Sure.\n\n@",
}


def wrapped(write: Notation, wrapper: str) -> Notation:
    def around(t: Sequence[str], p: Sequence[float], rng: random.Random) -> str:
        inner = write(t, p, rng)
        if wrapper == "@CRLF":
            return inner.replace("\n", "\r\n")
        return wrapper.replace("@", inner)

    return around


# --- all of it -----------------------------------------------------------------------------------------------

KINDS: dict[str, Callable[[random.Random], Iterator[tuple[str, Notation, Texts]]]] = {
    "json": json_cases,
    "tags": tags,
    "lists": lists,
    "long lists": long_lists,
    "blocks": blocks,
    "numbers": number_cases,
    "order": order_cases,
    "tables": tables,
    "YAML and TOML": yaml_cases,
    "programs": program_cases,
    "languages": language_cases,
}
BARE = ("mapping", ": 0.2", "no header")
"""Notations that say nowhere that their numbers are probabilities: only a sum near 1 tells."""


def made(kind: str, name: str, write: Notation, texts: Texts, rng: random.Random) -> Case:
    size = rng.randint(2, len(texts.texts))
    numbers = rng.choice(NUMBERS[size])
    bare = "mapping" in name or any(f" {m} " in f" {name} " for m in MAPPING) or "no header" in name
    bare = bare or "Python tuples" in name or "pairs" in name or name.startswith(("tuple", "SQL"))
    bare = bare or name.startswith(("percent line", "percent heading"))
    if bare:
        numbers = NUMBERS[size][0]
    answer = write(texts.texts[:size], numbers, rng)
    return Case(kind, name, answer, list(zip(texts.texts[:size], numbers, strict=True)))


def cases() -> Iterator[Case]:
    """Yield every case, always the same ones."""
    rng = random.Random(20251125)
    pool: list[tuple[str, str, Notation, Texts]] = []
    for kind, notations in KINDS.items():
        for name, write, texts in notations(rng):
            pool.append((kind, name, write, texts))
            yield made(kind, name, write, texts, rng)
    for name, wrapper in WRAPPERS.items():
        for kind, inner, write, texts in rng.sample(pool, 40):
            if not surrounds(name, kind, inner, texts):
                continue
            yield made("wrappers", f"{name}: {kind}, {inner}", wrapped(write, wrapper), texts, rng)
    for kind, name, write, texts in rng.sample([x for x in pool if x[0] in ("json", "tags")], 250):
        found = made(kind, name, write, texts, rng)
        cut = truncated(found)
        if cut is not None:
            yield cut


def surrounds(name: str, kind: str, inner: str, texts: Texts) -> bool:
    """Whether such a wrapper can stand around such an answer without a doubt about what is meant."""
    if texts.name in ("fenced code",) and "fence" in name:
        return False
    if "fence" in name and ("fence" in inner or "fenced" in inner):
        return False
    if "draft" in inner and "draft" in name:
        return False
    if name in ("end token", "Windows lines") and kind == "programs":
        return False
    if name == "Windows lines":
        return texts in LINES
    if name in ("answer tag", "output tag", "final tag") and (
        "<answer>" in inner or kind == "tags"
    ):
        return False
    return not (name == "total after" and kind in ("YAML and TOML", "tables"))


def truncated(case: Case) -> Case | None:
    """A case cut off in the middle of its last text: the whole candidates stay, the last is torn."""
    text, _ = case.expected[-1]
    if case.kind == "json" and not case.name.startswith(
        ("object,", "list,", "wrapped,", "JSON Lines")
    ):
        return None
    if case.kind == "tags" and not case.name.startswith(
        ("as asked", "indented", "upper", "candidate", "joke")
    ):
        return None
    at = case.answer.rfind(text)
    if at < 0 or len(text) < 12 or "damage" in case.name:
        return None
    cut = len(text) // 2
    if not text[cut - 1].isalpha() or not text[:cut].strip():
        return None
    expected = [*case.expected[:-1], (text[:cut].strip(), None)]
    return Case("truncated", case.name, case.answer[: at + cut], expected)


# --- figures ---------------------------------------------------------------------------------------------


def outcome(case: Case, read: Callable[[str], Distribution] = parse) -> str:
    """``"exact"``, ``"wrong"`` (without a repair), ``"repaired"`` (wrong, and says so), ``"refused"``."""
    try:
        got = read(case.answer)
    except ParseError:
        return "refused"
    if exact([(c.text, c.probability) for c in got], case.expected):
        return "exact"
    return "repaired" if got.repairs else "wrong"


def exact(got: Pairs, expected: Pairs) -> bool:
    return len(got) == len(expected) and all(
        a == c and (b is d if b is None or d is None else abs(b - d) < 1e-9)
        for (a, b), (c, d) in zip(got, expected, strict=True)
    )


def consistent(answer: str, size: int) -> bool:
    """Whether all that a stream gives early is in the end what it was."""
    parser = StreamParser()
    early = [
        (c.text, c.probability)
        for at in range(0, len(answer), size)
        for c in parser.feed(answer[at : at + size])
    ]
    try:
        final = [(c.text, c.probability) for c in parser.close()]
    except ParseError:
        return not early
    return early == final[: len(early)]


def show(case: Case, found: str) -> None:
    """Print a case that is not read as it should be: the first candidate that differs."""
    print(f"--- {case.kind}: {case.name} -> {found}\n{case.answer[:330]}")
    try:
        got = parse(case.answer)
    except ParseError as error:
        print("GOT ", str(error)[:100])
        return
    pairs = [(c.text, c.probability) for c in got]
    at = next(
        (
            i
            for i, (a, b) in enumerate(zip(pairs, case.expected, strict=False))
            if not exact([a], [b])
        ),
        0,
    )
    print(f"GOT  {len(pairs)}", pairs[at], got[at].repairs, got.repairs[:2])
    print(f"WANT {len(case.expected)}", case.expected[at] if at < len(case.expected) else "-", "\n")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("kind", nargs="?")
    options.add_argument("--show", type=int, default=0)
    options.add_argument("--outcome", default="")
    options.add_argument("--no-streams", action="store_true")
    arguments = options.parse_args()
    counts: dict[str, Counter[str]] = {}
    shown = 0
    seen: set[str] = set()
    for number, case in enumerate(cases()):
        if arguments.kind and case.kind != arguments.kind:
            continue
        found = outcome(case)
        counts.setdefault(case.kind, Counter())[found] += 1
        steady = arguments.no_streams or consistent(case.answer, (1, 3, 7, 40)[number % 4])
        counts[case.kind]["consistent"] += steady
        interesting = found != "exact" if not arguments.outcome else found == arguments.outcome
        interesting |= arguments.outcome == "stream" and not steady
        if interesting and shown < arguments.show and case.name.partition(",")[0] not in seen:
            shown += 1
            seen.add(case.name.partition(",")[0])
            show(case, found)
    print(
        f"{'kind':<16}{'cases':>7}{'exact':>8}{'wrong':>8}{'repaired':>10}{'refused':>9}{'streams':>9}"
    )
    everything = sum(counts.values(), Counter())
    for kind, count in [*counts.items(), ("all", everything)]:
        size = sum(count[name] for name in ("exact", "wrong", "repaired", "refused"))
        if size:
            shares = [
                count[n] / size for n in ("exact", "wrong", "repaired", "refused", "consistent")
            ]
            print(
                f"{kind:<16}{size:>7}{shares[0]:>8.1%}{shares[1]:>8.1%}{shares[2]:>10.1%}{shares[3]:>9.1%}{shares[4]:>9.1%}"
            )


if __name__ == "__main__":
    main()
