"""Wrappers, languages, numbers and damage at the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

from .kinds import LINE, Item, Kind, Render, Truth, Written, blocks, comma, fixed, lines, percent
from .structured import dump, rows

DRAFT = '{"responses": [{"text": "A first draft", "probability": 0.5}, {"text": "Another draft", \
"probability": 0.4}]}'
DRAFT_LIST = "\n".join(f"{i}. Draft {w} (0.{i})" for i, w in enumerate("ABCDEFG", 1))


def as_json(items: Sequence[Item]) -> str:
    return dump({"responses": rows(items)}, 2)


def as_list(items: Sequence[Item]) -> str:
    return str(lines(lambda i, t, p: f"{i}. {t} (probability: {fixed(p)})")(items))


def as_tags(items: Sequence[Item]) -> str:
    one = "<response>\n<text>{}</text>\n<probability>{}</probability>\n</response>"
    return "\n".join(one.format(t, fixed(p or 0)) for t, p in items)


def as_blocks(items: Sequence[Item]) -> str:
    return str(blocks(lambda i, t, p: f"Response {i}: {t}\nProbability: {fixed(p)}")(items))


BODIES: dict[str, tuple[Callable[[Sequence[Item]], str], str]] = {
    "json": (as_json, ""),
    "list": (as_list, LINE),
    "tags": (as_tags, r"<"),
    "blocks": (as_blocks, LINE),
}

AROUND: dict[str, str] = {
    "polite": "Sure! Here are five responses with their probabilities:\n\n@",
    "outro": "@\n\nLet me know if you'd like more!",
    "both": "Certainly. Below you'll find my answers:\n\n@\n\nI hope this helps! 😊",
    "note after": "@\n\nNote: the probabilities are rough estimates and need not sum to 1.",
    "total after": "@\n\nTotal: 1.00",
    "fence json": "```json\n@\n```",
    "fence": "```\n@\n```",
    "fence tildes": "~~~\n@\n~~~",
    "fence intro": "Here you go:\n\n```\n@\n```\n\nEach was sampled at random.",
    "fence unclosed": "```\n@",
    "fence closed only": "@\n```",
    "heading": "# Responses\n\n@",
    "title bold": "**Five responses**\n\n@",
    "rule": "---\n@\n---",
    "think": f"<think>\nThey want five. Maybe:\n{DRAFT_LIST}\nGood.\n</think>\n\n@",
    "think json": f"<think>{DRAFT}</think>@",
    "think closed only": f"Let me see.\n{DRAFT_LIST}\n</think>\n\n@",
    "think twice": f"<think>Hm.</think>\n<think>\n{DRAFT_LIST}\n</think>\n@",
    "think empty": "<think>\n\n</think>\n\n@",
    "thinking": f'<thinking effort="low">\n{DRAFT_LIST}\n</thinking>\n@',
    "think upper": f"[THINK]{DRAFT}[/THINK]@",
    "seed think": f"<seed:think>\n{DRAFT_LIST}\n</seed:think>\n@",
    "reasoning": f"<reasoning>{DRAFT_LIST}</reasoning>\n@",
    "scratchpad": f"<scratchpad>\n{DRAFT}\n</scratchpad>\n\n@",
    "gemma": f"<|channel>thought\n{DRAFT_LIST}\n<channel|>@",
    "harmony": (
        f"<|channel|>analysis<|message|>{DRAFT_LIST}<|end|><|start|>assistant"
        "<|channel|>final<|message|>@<|return|>"
    ),
    "thought of kimi": f"◁think▷{DRAFT_LIST}◁/think▷@",
    "answer tag": "<answer>\n@\n</answer>",
    "think and answer": f"<think>{DRAFT_LIST}</think>\n<answer>\n@\n</answer>",
    "output tag": "<output>@</output>",
    "result tag": "Here:\n<result>\n@\n</result>\nDone.",
    "final answer": f"Draft:\n{DRAFT}\n\n**Final answer:**\n\n@",
    "final json": f"First attempt:\n```json\n{DRAFT}\n```\nFinal version:\n```\n@\n```",
    "role": "assistant: @",
    "chatml": "<|im_start|>assistant\n@<|im_end|>",
    "llama header": "<|start_header_id|>assistant<|end_header_id|>\n\n@<|eot_id|>",
    "end of text": "@</s>",
    "eos": "@<|endoftext|>",
    "dspy": "[[ ## responses ## ]]\n@\n\n[[ ## completed ## ]]",
    "details": "<details><summary>Responses</summary>\n\n@\n\n</details>",
    "pre": "<pre><code>\n@\n</code></pre>",
    "question echoed": "You asked for 5 responses, each with a probability of 0.1 at most.\n\n@",
    "analysis first": "I weighed how common each is (about 60% of people pick the first).\n\n@",
    "newlines": "\n\n\n@\n\n\n",
    "artifact": '<artifact type="text/plain" title="Responses">\n@\n</artifact>',
}


def _wrapped(around: str, body: Callable[[Sequence[Item]], str]) -> Render:
    return lambda items: around.replace("@", body(items), 1)


def wrapper_kinds() -> Iterator[Kind]:
    names = list(BODIES)
    for i, (name, around) in enumerate(AROUND.items()):
        chosen = {names[i % 4], names[(i + 1) % 4]}
        if name == "fence json":
            chosen = {"json"}
        for body in sorted(chosen):
            render, avoid = BODIES[body]
            if "</think>" in around or "think" in name:
                avoid = "|".join(filter(None, (avoid, "</?think>")))
            yield Kind("wrappers", f"{name} {body}", _wrapped(around, render), avoid=avoid)

    def prefixed(items: Sequence[Item]) -> str:
        return "\n".join("> " + line for line in as_list(items).splitlines())

    yield Kind("wrappers", "quoted list", prefixed, avoid=LINE)
    yield Kind(
        "wrappers",
        "indented json",
        lambda t: "\n".join("    " + line for line in as_json(t).splitlines()),
    )
    tools = {
        "tool_call": lambda a: (
            f'<tool_call>\n{{"name": "respond", "arguments": {a}}}\n</tool_call>'
        ),
        "tool use": lambda a: f'{{"type": "tool_use", "name": "respond", "input": {a}}}',
        "function": lambda a: f'{{"function": {{"name": "f", "arguments": {dump(a)}}}}}',
        "arguments string": lambda a: f'{{"name": "respond", "arguments": {dump(a)}}}',
        "function tag": lambda a: f"<function=respond>{a}</function>",
        "mistral": lambda a: f'[TOOL_CALLS] [{{"name": "respond", "arguments": {a}}}]',
        "react": lambda a: f"Thought: I answer.\nAction: respond\nAction Input: {a}",
        "python tag": lambda a: f'<|python_tag|>{{"name": "respond", "parameters": {a}}}',
        "tool_calls list": lambda a: (
            '[{"id": "c1", "type": "function", '
            f'"function": {{"name": "r", "arguments": {dump(a)}}}}}]'
        ),
        "answer json string": lambda a: f'{{"answer": {dump(a)}}}',
        "content json": lambda a: f'{{"role": "assistant", "content": {dump(a)}}}',
        "parsed output": lambda a: f'{{"output": {a}, "finish_reason": "stop"}}',
    }
    for name, wrap in tools.items():
        yield Kind(
            "wrappers",
            f"tool {name}",
            lambda t, wrap=wrap: wrap(dump({"responses": rows(t)})),
        )


LANGUAGES: dict[str, tuple[str, str, str]] = {
    "German": ("Antwort", "Wahrscheinlichkeit", "Hier sind fünf Antworten:"),
    "French": ("Réponse", "Probabilité", "Voici cinq réponses :"),
    "Spanish": ("Respuesta", "Probabilidad", "Aquí tienes cinco respuestas:"),
    "Italian": ("Risposta", "Probabilità", "Ecco cinque risposte:"),
    "Portuguese": ("Resposta", "Probabilidade", "Aqui estão cinco respostas:"),
    "Dutch": ("Antwoord", "Waarschijnlijkheid", "Hier zijn vijf antwoorden:"),
    "Polish": ("Odpowiedź", "Prawdopodobieństwo", "Oto pięć odpowiedzi:"),
    "Russian": ("Ответ", "Вероятность", "Вот пять ответов:"),
    "Ukrainian": ("Відповідь", "Ймовірність", "Ось п'ять відповідей:"),
    "Chinese": ("回答", "概率", "以下是五个回答："),
    "Traditional": ("回應", "機率", "以下是五個回應："),
    "Japanese": ("回答", "確率", "以下に5つの回答を示します。"),
    "Korean": ("응답", "확률", "다음은 다섯 가지 응답입니다:"),
    "Arabic": ("الإجابة", "الاحتمال", "إليك خمس إجابات:"),
    "Hebrew": ("תשובה", "הסתברות", "הנה חמש תשובות:"),
    "Hindi": ("उत्तर", "प्रायिकता", "ये रहे पाँच उत्तर:"),
    "Turkish": ("Yanıt", "Olasılık", "İşte beş yanıt:"),
    "Swedish": ("Svar", "Sannolikhet", "Här är fem svar:"),
    "Vietnamese": ("Câu trả lời", "Xác suất", "Đây là năm câu trả lời:"),
    "Indonesian": ("Jawaban", "Probabilitas", "Berikut lima jawaban:"),
    "Greek": ("Απάντηση", "Πιθανότητα", "Ορίστε πέντε απαντήσεις:"),
    "Czech": ("Odpověď", "Pravděpodobnost", "Zde je pět odpovědí:"),
    "Finnish": ("Vastaus", "Todennäköisyys", "Tässä viisi vastausta:"),
    "Danish": ("Svar", "Sandsynlighed", "Her er fem svar:"),
    "Hungarian": ("Válasz", "Valószínűség", "Íme öt válasz:"),
    "Romanian": ("Răspuns", "Probabilitate", "Iată cinci răspunsuri:"),
    "Thai": ("คำตอบ", "ความน่าจะเป็น", "นี่คือห้าคำตอบ:"),
    "Persian": ("پاسخ", "احتمال", "این پنج پاسخ است:"),
}


def language_kinds() -> Iterator[Kind]:
    for name, (text, p, intro) in LANGUAGES.items():
        colon = "：" if name in {"Chinese", "Traditional", "Japanese"} else ": "
        shapes: dict[str, tuple[Render, str]] = {
            "list": (
                lines(lambda i, t, n, p=p, colon=colon: f"{i}. {t} ({p}{colon}{fixed(n)})"),
                LINE,
            ),
            "block": (
                blocks(
                    lambda i, t, n, p=p, text=text, colon=colon: (
                        f"{text} {i}{colon}{t}\n{p}{colon}{comma(n)}"
                    )
                ),
                "",
            ),
            "json": (lambda items, p=p, text=text: dump(rows(items, text, p), 2), ""),
            "table": (
                lambda items, p=p, text=text: (
                    f"| {text} | {p} |\n|---|---|\n"
                    + "\n".join(f"| {t} | {percent(n or 0)} % |" for t, n in items)
                ),
                r"[|\n]",
            ),
        }
        for shape, (render, avoid) in shapes.items():
            head = f"{intro}\n\n" if shape in {"list", "block"} else ""

            def made(items: Sequence[Item], render: Render = render, head: str = head) -> str:
                return head + str(render(items))

            yield Kind("languages", f"{name} {shape}", made, avoid=avoid)


def number_kinds() -> Iterator[Kind]:
    styles: dict[str, Callable[[float], str]] = {
        "bare dot": lambda p: fixed(p)[1:],
        "percent space": lambda p: f"{percent(p)} %",
        "percent word": lambda p: f"{percent(p)} percent",
        "per cent": lambda p: f"{percent(p)} per cent",
        "approx": lambda p: f"approx. {fixed(p)}",
        "roughly": lambda p: f"roughly {percent(p)}%",
        "circa": lambda p: f"ca. {percent(p)} %",
        "wave": lambda p: f"≈ {fixed(p)}",
        "about zh": lambda p: f"约{percent(p)}%",
        "about ja": lambda p: f"約{percent(p)}％",
        "about ko": lambda p: f"약 {percent(p)}%",
        "comma": comma,
        "comma percent": lambda p: percent(p).replace(".", ",") + " %",
        "science": lambda p: f"{p:e}",
        "out of 100": lambda p: f"{percent(p)}/100",
        "out of 1": lambda p: f"{fixed(p)}/1.0",
        "words of 100": lambda p: f"{percent(p)} out of 100",
        "code": lambda p: f"`{fixed(p)}`",
        "bold": lambda p: f"**{percent(p)}%**",
        "dollars": lambda p: f"${fixed(p)}$",
        "high": lambda p: f"{fixed(p)} (high)",
        "both": lambda p: f"{fixed(p)} ({percent(p)}%)",
        "both way round": lambda p: f"{percent(p)}% ({fixed(p)})",
        "point": lambda p: f"{fixed(p)}.",
        "zeros": lambda p: f"{p:.6f}",
        "full width": lambda p: fixed(p).translate(
            {ord(c): ord(c) + 0xFEE0 for c in "0123456789."}
        ),
        "arabic": lambda p: fixed(p).translate(
            {ord(c): 0x660 + i for i, c in enumerate("0123456789")} | {ord("."): "٫"}
        ),
        "p of": lambda p: f"p = {fixed(p)}",
        "quoted": lambda p: f'"{fixed(p)}"',
        "brackets": lambda p: f"[{fixed(p)}]",
    }
    for name, write in styles.items():
        yield Kind(
            "numbers",
            f"block {name}",
            blocks(lambda i, t, p, write=write: f"Response {i}: {t}\nProbability: {write(p)}"),
        )
        if name not in {"high", "both", "both way round", "brackets", "p of"}:
            yield Kind(
                "numbers",
                f"list {name}",
                lines(lambda i, t, p, write=write: f"{i}. {t} (probability: {write(p)})"),
                avoid=LINE,
            )

    def given(name: str, *pairs: tuple[object, tuple[float | None, ...]]) -> Iterator[Kind]:
        """Numbers of a whole answer as written, and what each may be read as."""

        def changed(items: Sequence[Item]) -> tuple[Truth, ...]:
            wide = max(len(read) for _, read in pairs)
            return tuple(
                tuple(
                    Item(item.text, read[min(i, len(read) - 1)])
                    for item, (_, read) in zip(items, pairs, strict=False)
                )
                for i in range(wide)
            )

        def in_json(items: Sequence[Item]) -> Written:
            listed = [
                {"text": item.text, "probability": w}
                for item, (w, _) in zip(items, pairs, strict=False)
            ]
            return Written(dump(listed), changed(items), len(listed))

        def in_list(items: Sequence[Item]) -> Written:
            body = "\n".join(
                f"{i}. {item.text} (probability: {w})"
                for i, (item, (w, _)) in enumerate(zip(items, pairs, strict=False), 1)
            )
            return Written(body, changed(items), min(len(items), len(pairs)))

        five = ("capitals", "plain", "russian", "jokes", "emoji", "clauses")
        yield Kind("numbers", f"json {name}", in_json, sets=five)
        if all(w is not None for w, _ in pairs):
            yield Kind("numbers", f"list {name}", in_list, sets=five)

    yield from given(
        "percents with a half",
        *((60, (0.6,)), (25, (0.25,)), (10, (0.1,)), (4.5, (0.045,)), (0.5, (0.005,))),
    )
    yield from given(
        "mixed signs to one",
        *(("20%", (0.2,)), (0.3, (0.3,)), (0.25, (0.25,)), (0.15, (0.15,)), ("10%", (0.1,))),
    )
    yield from given(
        "mixed signs to hundred",
        *(("20%", (0.2,)), (30, (0.3,)), (25, (0.25,)), (15, (0.15,)), ("10%", (0.1,))),
    )
    yield from given(
        "one over one",
        *((0.4, (0.4,)), (0.3, (0.3,)), (1.5, (None, 1.0)), (0.1, (0.1,)), (0.05, (0.05,))),
    )
    yield from given(
        "negative",
        *((0.4, (0.4,)), (0.3, (0.3,)), (-0.2, (None, 0.0)), (0.1, (0.1,)), (0.05, (0.05,))),
    )
    yield from given(
        "null",
        *((0.4, (0.4,)), (None, (None,)), (0.2, (0.2,)), (0.1, (0.1,)), (0.05, (0.05,))),
    )
    yield from given(
        "not a number",
        *((0.4, (0.4,)), ("N/A", (None,)), (0.2, (0.2,)), (0.1, (0.1,)), (0.05, (0.05,))),
    )
    yield from given(
        "zero and one",
        *((1.0, (1.0,)), (0.0, (0.0,)), (0, (0.0,)), (0, (0.0,)), (0, (0.0,))),
    )
    yield from given(
        "whole percents",
        *((40, (0.4,)), (25, (0.25,)), (20, (0.2,)), (10, (0.1,)), (5, (0.05,))),
    )
    yield from given(
        "percents of one", *((f"{x}%", (x / 100,)) for x in (0.5, 0.25, 0.1, 0.05, 0.01))
    )
    yield from given("small", *((x, (x,)) for x in (0.0001, 0.00002, 1e-05, 3e-06, 0.0003)))


CUT = ("plain", "capitals", "clauses", "russian", "chinese", "long", "names", "tweets", "korean")
"""Sets of texts that are cut."""

CUT_BODIES: dict[str, tuple[Callable[[Sequence[Item]], str], str]] = {
    "json indented": (as_json, r"[\"\\]"),
    "json compact": (lambda t: json.dumps(rows(t), ensure_ascii=False), r"[\"\\]"),
    "json in fence": (lambda t: "```json\n" + as_json(t), r"[\"\\]"),
    "json after intro": (lambda t: "Sure:\n" + dump({"responses": rows(t)}), r"[\"\\]"),
    "json after thoughts": (lambda t: f"<think>{DRAFT}</think>" + as_json(t), r"[\"\\]"),
    "list": (as_list, LINE),
    "tags": (as_tags, "<"),
    "blocks": (as_blocks, LINE),
}


def _cut(body: Callable[[Sequence[Item]], str], where: str) -> Render:
    """Ends the answer within its last candidate: the others are certain, the last one is not."""

    def render(items: Sequence[Item]) -> Written:
        whole, last = tuple(items[:-1]), items[-1].text
        answer = body(items)
        start = answer.rindex(last)
        end = start + len(last)
        shown = last
        if where == "before text":
            return Written(answer[:start], (whole,), len(items))
        if where == "in text":
            shown = last[: max(1, len(last) // 2)]
            end = start + len(shown)
        if where == "before number":
            end = answer.index("robability", end) + len("robability")
        return Written(answer[:end], (whole, (*whole, Item(shown.strip(), None))), len(items))

    return render


def _without_end(body: Callable[[Sequence[Item]], str]) -> Render:
    return lambda items: body(items).rstrip(" \n`").rstrip("]} \n")


def truncated_kinds() -> Iterator[Kind]:
    for name, (body, avoid) in CUT_BODIES.items():
        for where in ("in text", "after text", "before number", "before text"):
            if where != "before text" or name.startswith("json"):
                render = _cut(body, where)
                yield Kind("truncated", f"{name} {where}", render, avoid=avoid, sets=CUT)
        if name.startswith("json"):
            render = _without_end(body)
            yield Kind("truncated", f"{name} before the end", render, avoid=avoid, sets=CUT)


def kinds() -> Iterator[Kind]:
    yield from wrapper_kinds()
    yield from language_kinds()
    yield from number_kinds()
    yield from truncated_kinds()
