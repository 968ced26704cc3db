"""Answers as models write them, with what is to be read from each.

The texts are ours, made to be awkward: quotes, commas, newlines, brackets, other alphabets. Each
case is ``(category, name, answer, expected)`` with expected ``[(text, probability or None), …]``.
"""

import json

PLAIN = ("Ohio", "New Mexico", "West Virginia")
PROSE = (
    "The morning smelled of rain, and nobody had told the dog.",
    "It's late; the kettle knows: tea first, then truth.",
    "Why not? Seven (or eight) crows can't be wrong.",
)
HARD = (
    'He said "hello, world" and left.',
    "Line one\nline two, with a {brace} and a [bracket]",
    "if (a < b && c > d) { return 'x'; }  // 100%",
)
WIDE = ("안녕하세요, 세상", "良い天気ですね。", "Größe zählt – naïve café ☕ 👩‍💻")
NUMBERS = (0.5, 0.3, 0.15)

Case = tuple[str, str, str, list[tuple[str, float | None]]]
CASES: list[Case] = []


def case(category: str, name: str, answer: str, texts=PLAIN, numbers=NUMBERS) -> None:
    CASES.append((category, name, answer, list(zip(texts, numbers, strict=True))))


def responses(texts=PLAIN, numbers=NUMBERS, text="text", number="probability") -> list[dict]:
    return [{text: t, number: p} for t, p in zip(texts, numbers, strict=True)]


def dump(data: object, **options: object) -> str:
    return json.dumps(data, ensure_ascii=False, **options)


ALL = {"plain": PLAIN, "prose": PROSE, "hard": HARD, "wide": WIDE}
NONE = (None, None, None)

# --- JSON ------------------------------------------------------------------------------------

for kind, texts in ALL.items():
    full = {"responses": responses(texts)}
    case("json", f"as asked, {kind}", dump(full), texts)
    case("json", f"indented, {kind}", dump(full, indent=2), texts)
    case("json", f"escaped, {kind}", json.dumps(full), texts)
    case("json", f"bare list, {kind}", dump(responses(texts)), texts)
    case("json", f"lines, {kind}", "\n".join(dump(r) for r in responses(texts)), texts)
    case("json", f"fenced, {kind}", f"```json\n{dump(full, indent=2)}\n```", texts)
    case("json", f"open fence, {kind}", f"```json\n{dump(full)}", texts)
    case("json", f"in prose, {kind}", f"Sure! Here:\n\n{dump(full)}\n\nAnything else?", texts)
    case(
        "json", f"after thoughts, {kind}", f'<think>[{{"text": "no"}}]</think>\n{dump(full)}', texts
    )
    case("json", f"reasoning first, {kind}", dump({"reasoning": "Because.", **full}), texts)
    case("json", f"raw newlines, {kind}", dump(full).replace("\\n", "\n"), texts)
    case("json", f"trailing commas, {kind}", dump(full).replace("}]", "},],"), texts)
    case("json", f"map, {kind}", dump(dict(zip(texts, NUMBERS, strict=True))), texts)
    case("json", f"arrays, {kind}", dump({"texts": texts, "probabilities": NUMBERS}), texts)
    case(
        "json",
        f"numbered keys, {kind}",
        dump({str(i): r for i, r in enumerate(responses(texts), 1)}),
        texts,
    )
    case("json", f"numbered pairs, {kind}", dump({
        key: value for i, r in enumerate(responses(texts), 1)
        for key, value in ((f"response_{i}", r["text"]), (f"probability_{i}", r["probability"]))
    }), texts)  # fmt: skip
    case("json", f"pairs, {kind}", dump([list(p) for p in zip(texts, NUMBERS, strict=True)]), texts)
    case("json", f"no probabilities, {kind}", dump({"responses": list(texts)}), texts, NONE)
    if kind != "hard":
        python = str(full)
        case("json", f"Python literal, {kind}", python, texts)
        smart = dump(full)
        for key in ("responses", "text", "probability"):
            smart = smart.replace(f'"{key}"', f"“{key}”")
        for t in texts:
            smart = smart.replace(f'"{t}"', f"“{t}”")
        case("json", f"smart quotes, {kind}", smart, texts)
for list_key in ("candidates", "answers", "samples", "output", "data", "jokes", "Responses"):
    case("json", f"list under {list_key}", dump({list_key: responses()}))
for text_key in ("response", "answer", "joke", "content", "output", "value", "state", "Text"):
    case("json", f"text under {text_key}", dump({"responses": responses(text=text_key)}))
for number_key in ("prob", "p", "likelihood", "confidence", "score", "Probability", "확률"):
    case("json", f"number under {number_key}", dump({"responses": responses(number=number_key)}))
case("json", "wrapped", dump({"result": {"output": {"responses": responses()}}}))
case("json", "nested candidates", dump({"responses": [{"response": r} for r in responses()]}))
case(
    "json", "extra keys", dump([{"id": i, **r, "style": "dry"} for i, r in enumerate(responses())])
)
case(
    "json",
    "comments",
    '{"responses": [ // three\n'
    + ",\n".join(f"{dump(r)} /* no. {i} */" for i, r in enumerate(responses()))
    + "]}",
)
quoting = dump({"responses": responses(HARD[:1], (0.5,))}).replace('\\"', '"')
case("json", "unescaped quotes", quoting, HARD[:1], (0.5,))
case("json", "single quotes", dump({"responses": responses()}).replace('"', "'"))
case(
    "json",
    "example first",
    'Format: {"responses": [{"text": "…", "probability": 0.0}]}\nMine: '
    + dump({"responses": responses()}),
)
case("json", "missing brackets", dump({"responses": responses()})[:-2])
LINES = "\n".join(dump(r) for r in responses())
case("json", "lines in a fence", f"```jsonl\n{LINES}\n```")
case(
    "json", "lines in a fence and prose", f"Here:\n```jsonl\n{LINES}\n```\nAll [three] {{of}} them."
)
case(
    "json", "lines, the last cut off", f'{LINES}\n{{"text": "The', (*PLAIN, "The"), (*NUMBERS, None)
)
for dots in ("...", "…", "…\n"):
    case(
        "json",
        f"ellipsis at the end {dots!r}",
        dump({"responses": responses()})[:-2] + f", {dots}]}}",
    )
case("json", "ellipsis within", dump({"responses": responses()}).replace("}, {", "}, ..., {", 1))
case("json", "ellipsis, cut off", dump({"responses": responses()})[:-2] + ", ...")
case(
    "json",
    "missing comma and end",
    dump({"responses": responses()})[:-2].replace("}, {", "} {"),
)
case("json", "missing comma", dump({"responses": responses()}).replace("}, {", "} {"))
case("json", "text is JSON", dump(responses(('{"text": "inner"}', "[1, 2]", "1. no"))),
     ('{"text": "inner"}', "[1, 2]", "1. no"))  # fmt: skip
case("json", "numbers as texts", dump(responses((1, 2, 3))), ("1", "2", "3"))

# --- tags ------------------------------------------------------------------------------------


def tagged(texts, template="<response><text>{t}</text><probability>{p}</probability></response>",
           joiner="\n") -> str:  # fmt: skip
    return joiner.join(template.format(t=t, p=p) for t, p in zip(texts, NUMBERS, strict=True))


TAGS = {
    "as asked": "<response><text>{t}</text><probability>{p}</probability></response>",
    "indented": "<response>\n  <text>\n{t}\n</text>\n  <prob>\n{p}\n</prob>\n</response>",
    "number first": "<response><probability>{p}</probability><text>{t}</text></response>",
    "upper case": "<RESPONSE><TEXT>{t}</TEXT><PROBABILITY>{p}</PROBABILITY></RESPONSE>",
    "stray spaces": "< response >< text >{t}</ text >< prob >{p}</ prob ></ response >",
    "without text tag": "<response>{t}<probability>{p}</probability></response>",
    "without text tag, number first": "<response><probability>{p}</probability>{t}</response>",
    "attribute": '<response probability="{p}">{t}</response>',
    "attribute and text": '<response id="1" probability="{p}"><text>{t}</text></response>',
    "candidate": "<candidate><text>{t}</text><prob>{p}</prob></candidate>",
    "answer": "<answer><text>{t}</text><confidence>{p}</confidence></answer>",
    "number after": "<response>{t}</response><probability>{p}</probability>",
    "no wrapper": "<text>{t}</text><probability>{p}</probability>",
    "never closed": "<response><text>{t}<probability>{p}",
    "response not closed": "<response><text>{t}</text><probability>{p}</probability>",
}
for kind, texts in ALL.items():
    for name, template in TAGS.items():
        case("tags", f"{name}, {kind}", tagged(texts, template), texts)
    case("tags", f"wrapped, {kind}", f"<responses>\n{tagged(texts)}\n</responses>", texts)
    case("tags", f"fenced, {kind}", f"```xml\n{tagged(texts)}\n```", texts)
    case("tags", f"in prose, {kind}", f"Sure!\n\n{tagged(texts)}\n\nMore?", texts)
    case(
        "tags", f"reasoning, {kind}", f"<reasoning>A <b>b</b>.</reasoning>\n{tagged(texts)}", texts
    )
    case("tags", f"after thoughts, {kind}", f"<think>{tagged(PLAIN)}</think>{tagged(texts)}", texts)
case(
    "tags",
    "numbered",
    "".join(
        f"<response_{i}><text>{t}</text><probability>{p}</probability></response_{i}>"
        for i, (t, p) in enumerate(zip(PLAIN, NUMBERS, strict=True), 1)
    ),
)
case("tags", "entities", tagged(("a &lt; b &amp;&amp; c", "&quot;x&quot;", "AT&amp;T")),
     ("a < b && c", '"x"', "AT&T"))  # fmt: skip
case("tags", "HTML", tagged(("<p>one &amp; <b>two</b></p>", "<a href='x'>y</a>", "<br/>")),
     ("<p>one &amp; <b>two</b></p>", "<a href='x'>y</a>", "<br/>"))  # fmt: skip
case("tags", "CDATA", tagged([f"<![CDATA[{t}]]>" for t in HARD]), HARD)
case("tags", "JSON inside", "\n".join(f"<response>{dump(r)}</response>" for r in responses()))
case("tags", "JSON as text", tagged(('{"a": 1}', "[1, 2]", '{"text": "x"}')),
     ('{"a": 1}', "[1, 2]", '{"text": "x"}'))  # fmt: skip

# --- lines -----------------------------------------------------------------------------------

LINES = {
    "as asked": "{i}. {t} (probability: {p})",
    "bracketed": "{i}. {t} ({p})",
    "square": "{i}. {t} [{p}]",
    "label in brackets": "{i}) {t} (p = {p})",
    "percent": "{i}. {t} ({percent}%)",
    "dash": "{i}. {t} — {p}",
    "dash percent": "{i}. {t} - {percent}%",
    "dash label": "{i}. {t} - Probability: {p}",
    "bullets": "- {t} (probability: {p})",
    "stars": "* {t} (Probability: {p})",
    "bold": "{i}. **{t}** (probability: {p})",
    "bold label": "{i}. {t} **Probability:** {p}",
    "quoted": '{i}. "{t}" (probability: {p})',
    "own line": "{i}. {t}\n   Probability: {p}",
    "own line, bold": "{i}. {t}\n   **Probability**: {p}",
    "own bullet": "{i}. {t}\n   - Probability: {p}",
    "blank lines": "{i}. {t}\n\nProbability: {p}\n",
    "leading number": "{i}. ({p}) {t}",
    "leading percent": "- [{percent}%] {t}",
    "leading colon": "- {p}: {t}",
    "labelled": "Response {i}: {t}\nProbability: {p}\n",
    "labelled, bold": "**Response {i}:** {t}\n**Probability:** {p}\n",
    "headings": "### Response {i}\n{t}\n\nProbability: {p}\n",
    "labelled text": "{i}. Text: {t}\n   Probability: {p}",
    "YAML": "- text: {t}\n  probability: {p}",
    "YAML, quoted": '- text: "{t}"\n  probability: {p}',
    "paragraphs": "{t}\nProbability: {p}\n",
    "approximate": "{i}. {t} (~{p})",
    "pipe": "{t} | {p}",
    "Korean": "{i}. {t} (확률: {p})",
    "Chinese": "{i}. {t}（概率：{p}）",
    "Japanese": "{i}. {t}\n確率: {p}",
    "German": "{i}. {t} (Wahrscheinlichkeit: {p})",
    "Spanish": "{i}. {t}\nProbabilidad: {p}",
    "French": "{i}. {t} (probabilité : {p})",
}
SINGLE = {kind: texts for kind, texts in ALL.items() if kind != "hard"}
for kind, texts in SINGLE.items():
    for name, template in LINES.items():
        if name == "quoted" and kind == "hard":
            continue
        written = "\n".join(
            template.format(i=i, t=t, p=p, percent=round(p * 100))
            for i, (t, p) in enumerate(zip(texts, NUMBERS, strict=True), 1)
        )
        case("lines", f"{name}, {kind}", written, texts)
        if name in ("as asked", "own line", "labelled", "YAML"):
            case("lines", f"{name}, fenced, {kind}", f"```\n{written}\n```", texts)
            case(
                "lines", f"{name}, in prose, {kind}", f"Here you go:\n\n{written}\n\nEnjoy!", texts
            )
    table = "\n".join(f"| {i} | {t} | {p} |"
                      for i, (t, p) in enumerate(zip(texts, NUMBERS, strict=True), 1))  # fmt: skip
    case(
        "lines", f"table, {kind}", f"| # | Response | Probability |\n|---|---|---|\n{table}", texts
    )
case("lines", "multi-line", "\n".join(
    f"{i}. {t}\nand more\n   (probability: {p})"
    for i, (t, p) in enumerate(zip(PLAIN, NUMBERS, strict=True), 1)),
     tuple(f"{t}\nand more" for t in PLAIN))  # fmt: skip

escaped = "\n".join(
    f"- text: {json.dumps(t)}\n  probability: {p}" for t, p in zip(HARD, NUMBERS, strict=True)
)
case("lines", "YAML with escapes", escaped, HARD)

# --- probabilities ---------------------------------------------------------------------------

for written, number in (
    ("0.2", 0.2), (".2", 0.2), ("20%", 0.2), ("1/5", 0.2), ("0,2", 0.2), ("~0.2", 0.2),
    ("≈ 0.15", 0.15), ("0.2 (approx.)", 0.2), ("1e-4", 1e-4), ("12.5 %", 0.125), ("1 in 4", 0.25),
    ("high", None), ("", None), ("unknown", None), ("-0.2", None),
):  # fmt: skip
    data = [{"text": "a", "probability": written}, {"text": "b", "probability": "0.1"}]
    case("probabilities", f"{written!r}", dump(data), ("a", "b"), (number, 0.1))
case("probabilities", "percentages by context", dump(responses(numbers=(50, 30, 15))))
case("probabilities", "null", dump(responses(numbers=(0.5, None, 0.15))), PLAIN, (0.5, None, 0.15))
case("probabilities", "counts", dump(responses(numbers=(500, 300, 200))), PLAIN, (0.5, 0.3, 0.2))

# --- cut off: every complete candidate is kept ---------------------------------------------------

for name, whole in (("json", dump({"responses": responses(PROSE)})), ("tags", tagged(PROSE))):
    cut = whole[: whole.index(PROSE[2]) + 12]
    case("cut off", name, cut, (*PROSE[:2], PROSE[2][:12].strip()), (0.5, 0.3, None))
    case("cut off", f"{name}, fenced", f"```{name}\n{cut}", (*PROSE[:2], PROSE[2][:12].strip()),
         (0.5, 0.3, None))  # fmt: skip

# --- what is no distribution -------------------------------------------------------------------

NOTHING = {
    "empty": "",
    "spaces": " \n ",
    "refusal": "I'm sorry, but I can't help with that.",
    "prose": "There are many states. Ohio is one of them, and so is Iowa.",
    "prose with a list": "Think of:\n1. the weather\n2. the food\n3. the people",
    "prose with a number": "About 20% of them are right, I would say.",
    "empty object": "{}",
    "empty list": "[]",
    "empty responses": '{"responses": []}',
    "an error": '{"error": {"message": "overloaded", "code": 529}}',
    "one text": '{"response": "I cannot do that."}',
    "one tag": "<response>I cannot do that.</response>",
    "a number": "42",
    "a word": '"Ohio"',
    "unfinished thoughts": '<think>Maybe [{"text": "a", "probability": 0.5}]',
    "code": "```python\nprint([x for x in range(3)])\n```",
}
