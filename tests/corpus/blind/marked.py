"""Tags, lists, blocks and tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Any

from .kinds import (
    BLANK,
    LINE,
    Item,
    Kind,
    Render,
    Written,
    alternatives,
    comma,
    fixed,
    lines,
    number,
    percent,
    sep,
)

Each = Callable[[int, str, float], str]
TAGGED = r"</?(text|response|probability)|^<"
QUOTED = r"[\"“”„«»「」]|^'|'$|\n"
STARS = r"[*_`]|\n"
LABELLED = r"(?i)\n|^(text|probability|p|response|answer|total|chance|final answer)\b"
PIPES = r"[|\n]"


def tag_kinds() -> Iterator[Kind]:
    def kind(name: str, render: Render, avoid: str = TAGGED, **options: Any) -> Kind:
        return Kind("tags", name, render, avoid=avoid, **options)

    def full(each: str, between: str = "\n", head: str = "", tail: str = "") -> Render:
        body = sep(
            between,
            lambda i, t, p: (
                each.replace("<t>", t)
                .replace("<a>", escape(t, quote=True))
                .replace("<p>", number(p))
                .replace("<c>", percent(p))
                .replace("<i>", str(i))
            ),
        )
        return lambda items: head + str(body(items)) + tail

    response = "<response><text><t></text><probability><p></probability></response>"
    spread = "<response>\n  <text><t></text>\n  <probability><p></probability>\n</response>"
    open_lines = "<response>\n<text>\n<t>\n</text>\n<probability>\n<p>\n</probability>\n</response>"
    yield kind("compact", full(response))
    yield kind("one line", full(response, ""))
    yield kind("spread", full(spread))
    yield kind("blank lines", full(spread, "\n\n"))
    yield kind("own lines", full(open_lines, "\n\n"))
    yield kind("in responses", full(spread, "\n", "<responses>\n", "\n</responses>"))
    yield kind("xml declaration", full(spread, "\n", '<?xml version="1.0"?>\n<r>\n', "\n</r>"))
    yield kind("percent", full(response.replace("<p>", "<c>%")))
    yield kind("percent spelled", full(spread.replace("<p>", "<c> percent")))
    yield kind("approx", full(spread.replace("<p>", "~<p>")))
    yield kind("numbered responses", full("<response_<i>>\n" + spread[11:-11] + "</response_<i>>"))
    yield kind("id attribute", full(spread.replace("<response>", '<response id="<i>">')))
    yield kind("number attribute", full(spread.replace("<response>", "<response number='<i>'>")))
    yield kind(
        "probability attribute",
        full('<response probability="<p>"><t></response>'),
    )
    yield kind("p attribute", full('<response p="<p>">\n<t>\n</response>'))
    yield kind("text attribute", full('<text probability="<p>"><t></text>'))
    yield kind("candidate attribute", full('<candidate prob="<p>"><t></candidate>'))
    yield kind("option attribute", full('<option id="<i>" probability="<p>"><t></option>'))
    yield kind("empty element", full('<response text="<t>" probability="<p>"/>'), r"[\"<>&\n\\]")
    yield kind(
        "empty element number first",
        full('<response probability="<p>" text="<t>" />'),
        r"[\"<>&\n\\]",
    )
    yield kind(
        "number first", full("<response><probability><p></probability><text><t></text></response>")
    )
    yield kind(
        "number first spread",
        full("<response>\n<probability><p></probability>\n<text><t></text>\n</response>"),
    )
    yield kind(
        "upper case", full("<RESPONSE><TEXT><t></TEXT><PROBABILITY><p></PROBABILITY></RESPONSE>")
    )
    yield kind(
        "capitalized",
        full("<Response>\n<Text><t></Text>\n<Probability><p></Probability>\n</Response>"),
    )
    for outer, inner, p in (
        ("candidate", "answer", "probability"),
        ("option", "content", "prob"),
        ("item", "response", "probability"),
        ("answer", "text", "confidence"),
        ("joke", "text", "likelihood"),
        ("output", "value", "p"),
        ("sample", "text", "probability"),
    ):
        yield kind(
            f"names {outer} {inner} {p}",
            full(f"<{outer}>\n<{inner}><t></{inner}>\n<{p}><p></{p}>\n</{outer}>"),
            r"</?[a-z]|^<",
        )
    yield kind(
        "text and probability only",
        full("<text><t></text>\n<probability><p></probability>", "\n\n"),
    )
    yield kind(
        "text and probability one line", full("<text><t></text> <probability><p></probability>")
    )
    yield kind(
        "response then probability",
        full("<response><t></response>\n<probability><p></probability>"),
    )
    yield kind(
        "bare text before probability",
        full("<response>\n<t>\n<probability><p></probability>\n</response>"),
    )
    yield kind(
        "rationale first",
        full(spread.replace("  <text>", "  <rationale>It is common.</rationale>\n  <text>", 1)),
    )
    yield kind(
        "rationale last",
        full(
            spread.replace("\n</response>", "\n  <reason>common, 0.5 or so</reason>\n</response>")
        ),
    )
    yield kind("in numbered list", full("<i>. " + response))
    yield kind("under headings", full("**Response <i>**\n" + spread, "\n\n"))
    yield kind(
        "cdata",
        full("<response><text><![CDATA[<t>]]></text><probability><p></probability></response>"),
        r"\]\]",
    )
    yield kind("commas between", full(response, ",\n"))
    yield kind(
        "square brackets",
        full("[response][text]<t>[/text][probability]<p>[/probability][/response]"),
        r"[\[\]]",
    )
    yield kind(
        "unclosed probability", full("<response><text><t></text><probability><p></response>")
    )
    yield kind(
        "unclosed text", full("<response>\n<text><t>\n<probability><p></probability>\n</response>")
    )
    yield kind(
        "unclosed response", full("<response>\n<text><t></text>\n<probability><p></probability>")
    )
    yield kind(
        "wrong close",
        full("<response><text><t></response><probability><p></probability></response>"),
    )
    yield kind("missing last close", full(spread, "\n", "<responses>\n"))
    yield kind(
        "spaces in tags",
        full("< response >< text ><t></ text >< probability ><p></ probability ></ response >"),
    )

    def escaped(items: Sequence[Item]) -> Written:
        answer = full(response.replace("<t>", "<a>"))(items)
        return Written(
            str(answer),
            alternatives(items, lambda t: escape(t, quote=True)),
        )

    yield kind("escaped", escaped, "")


def list_kinds() -> Iterator[Kind]:
    def kind(name: str, each: Each, avoid: str = LINE, between: str = "\n") -> Kind:
        return Kind("lists", name, sep(between, each), avoid=avoid)

    tails: dict[str, Callable[[float], str]] = {
        "(0.5)": lambda p: f" ({fixed(p)})",
        "(p = 0.5)": lambda p: f" (p = {number(p)})",
        "(Probability: 0.5)": lambda p: f" (Probability: {fixed(p)})",
        "(estimated probability: 0.5)": lambda p: f" (estimated probability: {fixed(p)})",
        "[0.5]": lambda p: f" [{fixed(p)}]",
        "- 0.5": lambda p: f" - {fixed(p)}",
        "– 50%": lambda p: f" – {percent(p)}%",
        "— Probability: 0.5": lambda p: f" — Probability: {fixed(p)}",
        "| 0.5": lambda p: f" | {fixed(p)}",
        "-> 0.5": lambda p: f" -> {fixed(p)}",
        "→ 50%": lambda p: f" → {percent(p)}%",
        ": 0.5": lambda p: f": {fixed(p)}",
        ", probability 0.5": lambda p: f", probability {fixed(p)}",
        "with probability 0.5": lambda p: f" (with probability {fixed(p)})",
        "{0.5}": lambda p: f" {{{fixed(p)}}}",
        "*(0.5)*": lambda p: f" *({fixed(p)})*",
        "**0.5**": lambda p: f" **({fixed(p)})**",
        "`0.5`": lambda p: f" `{fixed(p)}`",
        "(≈50%)": lambda p: f" (≈{percent(p)}%)",
        "(50 percent)": lambda p: f" ({percent(p)} percent)",
        "(Prob: 0.5),": lambda p: f" (Prob: {fixed(p)}),",
        "<p>": lambda p: f" <probability>{fixed(p)}</probability>",
        "tab": lambda p: f"\t{fixed(p)}",
        "confidence": lambda p: f" (confidence: {percent(p)}%)",
        "(Probability: 0.5, high)": lambda p: f" (Probability: {fixed(p)}, high)",
        "P=0.5": lambda p: f" [P={fixed(p)}]",
        "(0.5).": lambda p: f" ({fixed(p)}).",
        "; p": lambda p: f"; p={fixed(p)}",
    }
    markers: tuple[Callable[[int], str], ...] = (
        lambda i: f"{i}. ",
        lambda i: f"{i}) ",
        lambda i: "- ",
        lambda i: "* ",
        lambda i: "• ",
        lambda i: f"({i}) ",
        lambda i: f"{i}: ",
        lambda i: f"[{i}] ",
        lambda i: f"#{i} ",
        lambda i: f"{'abcdefgh'[i - 1]}) ",
        lambda i: f"{'ABCDEFGH'[i - 1]}. ",
        lambda i: f"Option {'ABCDEFGH'[i - 1]}: ",
        lambda i: f"Response {i}: ",
        lambda i: f"**{i}.** ",
        lambda i: "- [ ] ",
        lambda i: f"{i}、",
        lambda i: f"> {i}. ",
        lambda i: f"{('i', 'ii', 'iii', 'iv', 'v', 'vi', 'vii', 'viii')[i - 1]}. ",
        lambda i: f"{'①②③④⑤⑥⑦⑧'[i - 1]} ",
        lambda i: "+ ",
        lambda i: f"{i} - ",
        lambda i: f"**Response {i}:** ",
        lambda i: f"- {i}. ",
        lambda i: f"{i:02d}. ",
        lambda i: f"{i}️⃣ ",
        lambda i: "– ",
        lambda i: f"Candidate #{i}: ",
        lambda i: f"R{i}: ",
    )
    endings = r"\n|[|]" + r"|[:;,{\[(-]\s*[\d.%)]*$"
    for i, (tail, write) in enumerate(tails.items()):
        for j in (i, i + 9, i + 17):
            mark = markers[j % len(markers)]
            yield kind(
                f"{mark(1)!r} {tail}",
                lambda n, t, p, mark=mark, write=write: mark(n) + t + write(p),
                endings,
            )
    yield kind("quoted", lambda i, t, p: f'{i}. "{t}" ({fixed(p)})', QUOTED)
    yield kind("quoted dash", lambda i, t, p: f'- "{t}" - {percent(p)}%', QUOTED)
    yield kind("smart quoted", lambda i, t, p: f"{i}. “{t}” (probability: {fixed(p)})", QUOTED)
    yield kind("guillemets", lambda i, t, p: f"{i}. « {t} » ({comma(p)})", QUOTED)
    yield kind("corners", lambda i, t, p: f"{i}. 「{t}」（{fixed(p)}）", QUOTED)
    yield kind("bold", lambda i, t, p: f"{i}. **{t}** ({fixed(p)})", STARS)
    yield kind("bold colon", lambda i, t, p: f"- **{t}:** {fixed(p)}", STARS + r"|\W$")
    yield kind("bold colon outside", lambda i, t, p: f"- **{t}**: {percent(p)}%", STARS)
    yield kind("italic", lambda i, t, p: f"{i}. *{t}* — {fixed(p)}", STARS)
    yield kind("code", lambda i, t, p: f"- `{t}`: {fixed(p)}", r"`|\n")
    yield kind("bold quoted", lambda i, t, p: f'{i}. **"{t}"** ({fixed(p)})', QUOTED + "|" + STARS)
    yield kind("blank lines", lambda i, t, p: f"{i}. {t} ({fixed(p)})", endings, "\n\n")
    yield kind("crlf", lambda i, t, p: f"{i}. {t} ({fixed(p)})", endings, "\r\n")
    yield kind("trailing spaces", lambda i, t, p: f"{i}. {t} ({fixed(p)})  ", endings)
    yield kind("tail on next line", lambda i, t, p: f"{i}. {t}\n   (probability: {fixed(p)})")
    yield kind(
        "tail on next line bold", lambda i, t, p: f"{i}. {t}\n   **Probability:** {fixed(p)}"
    )
    yield kind("sub bullet", lambda i, t, p: f"{i}. {t}\n   - Probability: {fixed(p)}")
    yield kind("sub bullet percent", lambda i, t, p: f"* {t}\n    * Probability: {percent(p)}%")
    yield kind("indented", lambda i, t, p: f"   {i}. {t} ({fixed(p)})", endings)
    yield kind("head number", lambda i, t, p: f"{i}. ({fixed(p)}) {t}", LINE)
    yield kind("head percent", lambda i, t, p: f"- {percent(p)}%: {t}", LINE)
    yield kind("head brackets", lambda i, t, p: f"[{fixed(p)}] {t}", LINE)
    yield kind("head label", lambda i, t, p: f"{i}. [Probability: {fixed(p)}] {t}", LINE)
    yield kind("head bold", lambda i, t, p: f"{i}. **{percent(p)}%** – {t}", LINE)
    yield kind("head p", lambda i, t, p: f"(p={fixed(p)}) {t}", LINE)
    yield kind("head dash", lambda i, t, p: f"- {fixed(p)} - {t}", LINE)

    def whole(name: str, each: Each, between: str = "\n", avoid: str = "") -> Kind:
        avoid = avoid or r"[\n:=]|[\d%)]$|^-"
        return Kind("lists", f"mapping {name}", sep(between, each), avoid=avoid, whole=True)

    yield whole("equals", lambda i, t, p: f"{t} = {number(p)}")
    yield whole("colon", lambda i, t, p: f"{t}: {number(p)}")
    yield whole("colon percent", lambda i, t, p: f"{t}: {percent(p)}%")
    yield whole("arrow", lambda i, t, p: f"{t} -> {number(p)}")
    yield whole("dash percent", lambda i, t, p: f"{t} - {percent(p)}%")
    yield whole("parens", lambda i, t, p: f"{t} ({fixed(p)})")
    yield whole("P()", lambda i, t, p: f"P({t}) = {number(p)}", avoid=r"[\n()=]")
    yield whole(
        "one line semicolons", lambda i, t, p: f"{t}: {number(p)}", "; ", r"[\n:=;,]|[\d%)]$"
    )
    yield whole(
        "one line commas", lambda i, t, p: f"{t} ({number(p)})", ", ", r"[\n:=;,()]|[\d%)]$"
    )
    yield whole("bars", lambda i, t, p: f"{t}: {number(p)} " + "█" * int(p * 20))
    yield whole("dots", lambda i, t, p: f"{t} .......... {number(p)}")
    yield Kind(
        "lists",
        "mapping dice",
        lines(lambda i, t, p: f"{t}: {fixed(p)}"),
        sets=("dice",),
        whole=True,
    )
    yield Kind(
        "lists",
        "mapping dice percent",
        lines(lambda i, t, p: f"{t}: {percent(p)}%"),
        sets=("dice",),
        whole=True,
    )

    def hanging(items: Sequence[Item]) -> Written:
        answer = "\n".join(
            f"{i}. " + t.replace("\n", "\n   ") + f" ({fixed(p or 0)})"
            for i, (t, p) in enumerate(items, 1)
        )
        return Written(answer, alternatives(items, lambda t: t.replace("\n", "\n   ")))

    yield Kind("lists", "hanging lines", hanging, sets=("haiku", "verse", "dialogue"))

    def unindented(items: Sequence[Item]) -> str:
        return "\n\n".join(
            f"{i}. {t}\n(Probability: {fixed(p or 0)})" for i, (t, p) in enumerate(items, 1)
        )

    yield Kind("lists", "unindented lines", unindented, sets=("haiku", "dialogue", "paragraphs"))


def block_kinds() -> Iterator[Kind]:
    def kind(name: str, each: Each, avoid: str = "", between: str = "\n\n") -> Kind:
        return Kind("blocks", name, sep(between, each), avoid=avoid)

    yield kind("text probability", lambda i, t, p: f"Text: {t}\nProbability: {number(p)}")
    yield kind("no blank lines", lambda i, t, p: f"Text: {t}\nProbability: {number(p)}", LINE, "\n")
    yield kind("response n", lambda i, t, p: f"Response {i}: {t}\nProbability: {fixed(p)}")
    yield kind(
        "response n own line", lambda i, t, p: f"Response {i}:\n{t}\nProbability: {fixed(p)}"
    )
    yield kind(
        "response n blank", lambda i, t, p: f"Response {i}\n\n{t}\n\nProbability: {fixed(p)}"
    )
    yield kind("heading 2", lambda i, t, p: f"## Response {i}\n\n{t}\n\nProbability: {fixed(p)}")
    yield kind("heading 3", lambda i, t, p: f"### Response {i}\n{t}\n\n**Probability:** {fixed(p)}")
    yield kind(
        "heading bold", lambda i, t, p: f"### **Response {i}**\n\n{t}\n\n*Probability: {fixed(p)}*"
    )
    yield kind(
        "heading with number", lambda i, t, p: f"### Response {i} (Probability: {fixed(p)})\n\n{t}"
    )
    yield kind("heading percent", lambda i, t, p: f"## Option {i} — {percent(p)}%\n\n{t}")
    yield kind("heading p", lambda i, t, p: f"#### {i}. (p = {fixed(p)})\n{t}")
    yield kind("heading joke", lambda i, t, p: f"### Joke {i}\n{t}\n\nProbability: {percent(p)}%")
    yield kind("heading number only", lambda i, t, p: f"### {i}\n\n{t}\n\nProbability: {fixed(p)}")
    yield kind("bold head", lambda i, t, p: f"**Response {i}**\n{t}\n**Probability:** {fixed(p)}")
    yield kind(
        "bold head number", lambda i, t, p: f"**Response {i} (Probability: {fixed(p)})**\n\n{t}"
    )
    yield kind(
        "bold head number colon", lambda i, t, p: f"**Response {i} (Probability: {fixed(p)}):** {t}"
    )
    yield kind(
        "bold head dot", lambda i, t, p: f"**Response {i} (Probability: {fixed(p)[1:]}):** {t}"
    )
    yield kind("bold labels", lambda i, t, p: f"**Text:** {t}\n**Probability:** {fixed(p)}")
    yield kind(
        "bold labels colon out", lambda i, t, p: f"**Text**: {t}\n**Probability**: {fixed(p)}"
    )
    yield kind(
        "bold labels spaces", lambda i, t, p: f"**Response:** {t}  \n**Probability:** {fixed(p)}"
    )
    yield kind("italic label", lambda i, t, p: f"**{i}.** {t}\n*Probability:* {fixed(p)}")
    yield kind(
        "rules", lambda i, t, p: f"Response {i}: {t}\nProbability: {fixed(p)}", "", "\n\n---\n\n"
    )
    yield kind(
        "rules no labels", lambda i, t, p: f"{t}\n\nProbability: {fixed(p)}", r"^-", "\n\n---\n\n"
    )
    yield kind(
        "stars rules", lambda i, t, p: f"{t}\n(Probability: {fixed(p)})", r"^\*|^-", "\n\n***\n\n"
    )
    yield kind("no labels", lambda i, t, p: f"{t}\nProbability: {fixed(p)}", LABELLED)
    yield kind("no labels tight", lambda i, t, p: f"{t}\nProbability: {fixed(p)}", LABELLED, "\n")
    yield kind("no labels parens", lambda i, t, p: f"{t}\n(p = {fixed(p)})", LABELLED)
    yield kind(
        "no labels multi",
        lambda i, t, p: f"{t}\nProbability: {fixed(p)}",
        BLANK + "|" + LABELLED[7:],
    )
    yield kind("dashes in block", lambda i, t, p: f"- Text: {t}\n- Probability: {fixed(p)}", LINE)
    yield kind(
        "bullet block", lambda i, t, p: f"- **Response:** {t}\n  **Probability:** {fixed(p)}", LINE
    )
    yield kind(
        "numbered block", lambda i, t, p: f"{i}. Text: {t}\n   Probability: {fixed(p)}", LINE
    )
    yield kind(
        "numbered bold block",
        lambda i, t, p: f"{i}. **Text:** {t}\n   **Probability:** {fixed(p)}",
        LINE,
    )
    yield kind("one line bar", lambda i, t, p: f"Text: {t} | Probability: {fixed(p)}", PIPES, "\n")
    yield kind(
        "one line comma", lambda i, t, p: f"Response: {t}, Probability: {fixed(p)}", LINE, "\n"
    )
    yield kind(
        "one line quoted", lambda i, t, p: f'Text: "{t}", Probability: {fixed(p)}', QUOTED, "\n"
    )
    yield kind("upper", lambda i, t, p: f"RESPONSE {i}: {t}\nPROBABILITY: {fixed(p)}")
    yield kind("lower", lambda i, t, p: f"response: {t}\nprobability: {fixed(p)}")
    yield kind("brackets", lambda i, t, p: f"[Response {i}]\n{t}\n[Probability: {fixed(p)}]")
    yield kind("equals", lambda i, t, p: f"=== Response {i} ===\n{t}\nProbability: {fixed(p)}")
    yield kind("confidence", lambda i, t, p: f"Answer {i}: {t}\nConfidence: {percent(p)}%")
    yield kind("likelihood", lambda i, t, p: f"Candidate {i}: {t}\nLikelihood: {fixed(p)}")
    yield kind("A P", lambda i, t, p: f"A{i}: {t}\nP{i}: {fixed(p)}", LINE)
    yield kind("G P", lambda i, t, p: f"G{i}: {t}\nP{i}: {fixed(p)}", LINE, "\n")
    yield kind(
        "reason after", lambda i, t, p: f"Text: {t}\nProbability: {fixed(p)}\nReasoning: common."
    )
    yield kind(
        "reason before",
        lambda i, t, p: f"Reasoning: a common one.\nText: {t}\nProbability: {fixed(p)}",
    )
    yield kind(
        "fenced texts",
        lambda i, t, p: f"### Response {i}\nProbability: {fixed(p)}\n\nText: {t}",
    )
    yield kind("quote", lambda i, t, p: f"**Response {i}** (probability {fixed(p)})\n> {t}", LINE)
    yield kind("quote then label", lambda i, t, p: f"> {t}\n\nProbability: {fixed(p)}", LINE)
    yield kind("emoji label", lambda i, t, p: f"📝 Text: {t}\n📊 Probability: {fixed(p)}")
    yield kind("tabs", lambda i, t, p: f"Text:\t{t}\nProbability:\t{fixed(p)}")

    def fenced(items: Sequence[Item]) -> Written:
        def fence(text: str) -> str:
            return f"```python\n{text}\n```"

        answer = "\n\n".join(
            f"### Response {i}\n{fence(t)}\nProbability: {fixed(p or 0)}"
            for i, (t, p) in enumerate(items, 1)
        )
        return Written(answer, alternatives(items, fence))

    yield Kind("blocks", "fenced code", fenced, sets=("python", "oneliners"))


def order_kinds() -> Iterator[Kind]:
    def kind(name: str, each: Each, avoid: str = "", between: str = "\n\n") -> Kind:
        return Kind("order", name, sep(between, each), avoid=avoid)

    free = LABELLED + r"|^\d"
    yield kind("label then text", lambda i, t, p: f"Probability: {fixed(p)}\n{t}", free)
    yield kind("label then text tight", lambda i, t, p: f"Probability: {fixed(p)}\n{t}", free, "\n")
    yield kind("label then label", lambda i, t, p: f"Probability: {fixed(p)}\nText: {t}")
    yield kind(
        "label then label tight", lambda i, t, p: f"Probability: {fixed(p)}\nText: {t}", LINE, "\n"
    )
    yield kind("bold", lambda i, t, p: f"**Probability:** {fixed(p)}\n**Response:** {t}")
    yield kind("heading", lambda i, t, p: f"### Probability: {fixed(p)}\n\n{t}")
    yield kind("heading percent", lambda i, t, p: f"## {percent(p)}%\n\n{t}")
    yield kind("bold head", lambda i, t, p: f"**Probability: {fixed(p)}**\n{t}")
    yield kind("numbered", lambda i, t, p: f"{i}. Probability: {fixed(p)}\n   Text: {t}", LINE)
    yield kind("numbered bold", lambda i, t, p: f"{i}. **Probability: {fixed(p)}**\n   {t}", LINE)
    yield kind("number line", lambda i, t, p: f"{fixed(p)}\n{t}", free)
    yield kind("percent line", lambda i, t, p: f"{percent(p)}%\n{t}", free)
    yield kind("colon", lambda i, t, p: f"{fixed(p)}: {t}", LINE, "\n")
    yield kind("percent colon", lambda i, t, p: f"{percent(p)}%: {t}", LINE, "\n")
    yield kind("percent dash", lambda i, t, p: f"{percent(p)}% - {t}", LINE, "\n")
    yield kind("percent paren", lambda i, t, p: f"({percent(p)}%) {t}", LINE, "\n")
    yield kind("bracket", lambda i, t, p: f"[p={number(p)}] {t}", LINE, "\n")
    yield kind("tab", lambda i, t, p: f"{fixed(p)}\t{t}", LINE, "\n")
    yield kind("bar", lambda i, t, p: f"{fixed(p)} | {t}", PIPES, "\n")
    yield kind("block with head", lambda i, t, p: f"Response {i} (probability {fixed(p)}):\n{t}")
    yield kind(
        "one line labels", lambda i, t, p: f"Probability: {fixed(p)} | Response: {t}", PIPES, "\n"
    )
    yield kind("one line comma", lambda i, t, p: f"p={fixed(p)}, text={t}", LINE, "\n")
    yield kind("bold bullet", lambda i, t, p: f"- **{fixed(p)}** {t}", LINE, "\n")
    yield kind("rules", lambda i, t, p: f"Probability: {fixed(p)}\n{t}", free, "\n---\n")

    def split(name: str, tail: Callable[[int, str, float], str], head: str, middle: str) -> Kind:
        def render(items: Sequence[Item]) -> str:
            texts = "\n".join(f"{i}. {t}" for i, (t, _) in enumerate(items, 1))
            numbers = "\n".join(tail(i, t, p or 0) for i, (t, p) in enumerate(items, 1))
            return f"{head}{texts}{middle}{numbers}"

        return Kind("order", name, render, avoid=LINE)

    yield split(
        "all texts then numbers",
        lambda i, t, p: f"{i}. {fixed(p)}",
        "Responses:\n",
        "\n\nProbabilities:\n",
    )
    yield split(
        "headings then numbers",
        lambda i, t, p: f"{i}. {percent(p)}%",
        "## Responses\n",
        "\n\n## Probabilities\n",
    )


def table_kinds() -> Iterator[Kind]:
    def table(name: str, head: str, row: Each, tail: str = "", avoid: str = PIPES) -> Kind:
        body = lines(row)
        return Kind("tables", name, lambda items: head + str(body(items)) + tail, avoid=avoid)

    rule = "|---|---|\n"
    yield table(
        "plain", f"| Response | Probability |\n{rule}", lambda i, t, p: f"| {t} | {fixed(p)} |"
    )
    yield table(
        "aligned",
        "| Response | Probability |\n|:---|---:|\n",
        lambda i, t, p: f"| {t} | {fixed(p)} |",
    )
    yield table(
        "percent", f"| Text | Probability |\n{rule}", lambda i, t, p: f"| {t} | {percent(p)}% |"
    )
    yield table(
        "percent in head",
        f"| Text | Probability (%) |\n{rule}",
        lambda i, t, p: f"| {t} | {percent(p)} |",
    )
    yield table(
        "number column",
        "| # | Response | Probability |\n|---|---|---|\n",
        lambda i, t, p: f"| {i} | {t} | {fixed(p)} |",
    )
    yield table(
        "number column last",
        "| Response | Probability | Rank |\n|---|---|---|\n",
        lambda i, t, p: f"| {t} | {fixed(p)} | {i} |",
    )
    yield table(
        "number first",
        f"| Probability | Response |\n{rule}",
        lambda i, t, p: f"| {fixed(p)} | {t} |",
    )
    yield table("short head", f"| Answer | P |\n{rule}", lambda i, t, p: f"| {t} | {number(p)} |")
    yield table(
        "open sides", "Response | Probability\n--- | ---\n", lambda i, t, p: f"{t} | {fixed(p)}"
    )
    yield table("no rule", "| Response | Probability |\n", lambda i, t, p: f"| {t} | {fixed(p)} |")
    yield table("no head", "", lambda i, t, p: f"| {t} | {fixed(p)} |")
    yield table("no head numbers", "", lambda i, t, p: f"| {i} | {t} | {fixed(p)} |")
    yield table("tight", "|Response|Probability|\n|-|-|\n", lambda i, t, p: f"|{t}|{fixed(p)}|")
    yield table(
        "bold cells",
        f"| Response | Probability |\n{rule}",
        lambda i, t, p: f"| **{t}** | {fixed(p)} |",
        avoid=STARS + r"|\|",
    )
    yield table(
        "bold numbers",
        f"| Response | Probability |\n{rule}",
        lambda i, t, p: f"| {t} | **{fixed(p)}** |",
    )
    yield table(
        "quoted cells",
        f"| Response | Probability |\n{rule}",
        lambda i, t, p: f'| "{t}" | {fixed(p)} |',
        avoid=QUOTED + r"|\|",
    )
    yield table(
        "code cells",
        f"| Code | Probability |\n{rule}",
        lambda i, t, p: f"| `{t}` | {fixed(p)} |",
        avoid=r"[`|\n]",
    )
    yield table(
        "reason column",
        "| Response | Probability | Reasoning |\n|---|---|---|\n",
        lambda i, t, p: f"| {t} | {fixed(p)} | about {i} in 10 say so |",
    )
    yield table(
        "reason in middle",
        "| Response | Why | Probability |\n|---|---|---|\n",
        lambda i, t, p: f"| {t} | it is a common choice among people | {fixed(p)} |",
    )
    yield table(
        "total row",
        f"| Response | Probability |\n{rule}",
        lambda i, t, p: f"| {t} | {fixed(p)} |",
        "\n| **Total** | **1.00** |",
        PIPES + "|^Total$",
    )
    yield table(
        "sum row",
        f"| Response | Probability |\n{rule}",
        lambda i, t, p: f"| {t} | {percent(p)}% |",
        "\n| Sum | 100% |",
        PIPES + "|^Total$",
    )
    yield table(
        "title",
        f"**Results**\n\n| Candidate | Likelihood |\n{rule}",
        lambda i, t, p: f"| {t} | {fixed(p)} |",
    )
    yield table(
        "escaped pipes",
        f"| Response | Probability |\n{rule}",
        lambda i, t, p: "| " + t.replace("|", r"\|") + f" | {fixed(p)} |",
        avoid=r"\n|\\",
    )
    yield table(
        "confidence", f"| Answer | Confidence |\n{rule}", lambda i, t, p: f"| {t} | {percent(p)}% |"
    )
    yield table(
        "bold head",
        f"| **Response** | **Probability** |\n{rule}",
        lambda i, t, p: f"| {t} | {fixed(p)} |",
    )
    yield table(
        "approx", f"| Response | Probability |\n{rule}", lambda i, t, p: f"| {t} | ~{fixed(p)} |"
    )
    yield table(
        "box",
        "┌───┬───┐\n│ Response │ Probability │\n├───┼───┤\n",
        lambda i, t, p: f"│ {t} │ {fixed(p)} │",
        "\n└───┴───┘",
    )
    yield table(
        "ascii box",
        "+----+----+\n| Response | Probability |\n+----+----+\n",
        lambda i, t, p: f"| {t} | {fixed(p)} |",
        "\n+----+----+",
    )
    yield table("double pipes", "", lambda i, t, p: f"{t} || {fixed(p)}")
    yield table(
        "html table",
        "<table>\n<tr><th>Response</th><th>Probability</th></tr>\n",
        lambda i, t, p: f"<tr><td>{t}</td><td>{fixed(p)}</td></tr>",
        "\n</table>",
        avoid=r"[<&]|\n",
    )
    yield table(
        "latex",
        "\\begin{tabular}{lr}\nResponse & Probability \\\\ \\hline\n",
        lambda i, t, p: f"{t} & {fixed(p)} \\\\",
        "\n\\end{tabular}",
        avoid=r"[&\\\n$%#_{}]",
    )
    yield table(
        "aligned spaces",
        "Response                        Probability\n",
        lambda i, t, p: f"{t:<32}{fixed(p)}",
        avoid=r"\n|.{30}|  ",
    )

    def line_breaks(items: Sequence[Item]) -> Written:
        answer = f"| Response | Probability |\n{rule}" + "\n".join(
            "| " + t.replace("\n", "<br>") + f" | {fixed(p or 0)} |" for t, p in items
        )
        return Written(answer, alternatives(items, lambda t: t.replace("\n", "<br>")))

    yield Kind("tables", "line breaks", line_breaks, avoid=r"\||<br>")

    def separated(name: str, delimiter: str, head: tuple[str, ...], **options: Any) -> Kind:
        def render(items: Sequence[Item]) -> str:
            out = io.StringIO()
            writer = csv.writer(
                out,
                delimiter=delimiter,
                lineterminator="\n",
                quoting=csv.QUOTE_ALL if options.get("quoted") else csv.QUOTE_MINIMAL,
            )
            if head:
                writer.writerow(head)
            for i, (t, p) in enumerate(items, 1):
                cells = (t, fixed(p or 0)) if len(head) != 3 else (i, t, fixed(p or 0))
                writer.writerow(cells[::-1] if options.get("flipped") else cells)
            return out.getvalue()

        return Kind("tables", name, render, avoid=options.get("avoid", ""))

    yield separated("csv", ",", ("text", "probability"))
    yield separated("csv response", ",", ("Response", "Probability"))
    yield separated("csv quoted", ",", ("response", "probability"), quoted=True)
    yield separated("csv id", ",", ("id", "text", "probability"))
    yield separated("csv number first", ",", ("probability", "text"), flipped=True)
    yield separated("csv no head", ",", (), avoid=LINE)
    yield separated("csv no head quoted", ",", (), quoted=True)
    yield separated("csv semicolons", ";", ("text", "probability"))
    yield separated("tsv", "\t", ("text", "probability"))
    yield separated("tsv no head", "\t", (), avoid=LINE)
    yield separated("psv", "|", ("text", "probability"))


def prose_kinds() -> Iterator[Kind]:
    """Answers in sentences. The texts are quoted, or have nothing that could be taken for more."""

    def kind(
        name: str, head: str, each: Each, between: str, tail: str, avoid: str = QUOTED
    ) -> Kind:
        body = sep(between, each)
        return Kind("prose", name, lambda items: head + str(body(items)) + tail, avoid=avoid)

    yield kind(
        "with probability",
        "I would answer ",
        lambda i, t, p: f'"{t}" with probability {fixed(p)}',
        ", ",
        ".",
    )
    yield kind(
        "parentheses", "My answers are ", lambda i, t, p: f'"{t}" ({percent(p)}%)', ", ", "."
    )
    yield kind(
        "a chance of", "", lambda i, t, p: f'There is a {percent(p)}% chance of "{t}".', " ", ""
    )
    yield kind(
        "sentences",
        "",
        lambda i, t, p: f'Response {i} is "{t}", with a probability of {fixed(p)}.',
        "\n",
        "",
    )
    yield kind(
        "paragraphs", "", lambda i, t, p: f'"{t}" has a probability of {fixed(p)}.', "\n\n", ""
    )


def kinds() -> Iterator[Kind]:
    yield from tag_kinds()
    yield from list_kinds()
    yield from block_kinds()
    yield from order_kinds()
    yield from table_kinds()
    yield from prose_kinds()
