"""JSON, its relatives, YAML, TOML and what programs print."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from .kinds import LINE, Item, Kind, Render, fixed, number, percent

QUOTES = r"""["'\\`]"""


def dump(value: object, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def rows(items: Sequence[Item], text: str = "text", p: str = "probability") -> list[dict[str, Any]]:
    return [{text: item.text, p: item.p} for item in items]


TEXT_KEYS = (
    *("response", "answer", "content", "output", "completion", "joke", "story", "poem", "slogan"),
    *("name", "candidate", "option", "value", "message", "sentence", "city", "prediction", "title"),
    *("continuation", "Response", "generated_text", "tweet"),
)
P_KEYS = (
    *("prob", "p", "confidence", "likelihood", "weight", "score", "estimated_probability"),
    *("chance", "Probability", "PROBABILITY", "verbalized_probability", "probability_estimate"),
    *("relative_probability", "confidence_score", "probability_score"),
)
LISTS = (
    *("candidates", "answers", "results", "outputs", "options", "samples", "items", "choices"),
    *("distribution", "data", "jokes", "completions", "response", "Responses", "generations"),
)


def keyed(text: str, p: str, container: str | None, indent: int | None) -> Render:
    def render(items: Sequence[Item]) -> str:
        body = rows(items, text, p)
        return dump({container: body} if container else body, indent)

    return render


def whole(build: Any, indent: int | None = None) -> Render:
    """JSON of what ``build`` makes of the items."""
    return lambda items: dump(build(list(items)), indent)


def _siblings() -> Iterator[tuple[str, Render]]:
    for name, extra in {
        "total_probability": {"total_probability": 0.9},
        "confidence": {"confidence": 0.8},
        "score": {"score": 4},
        "question": {"question": "Which one?"},
        "count": {"num_responses": 5},
        "note": {"note": "Probabilities are rough estimates (about 0.1 off)."},
        "model": {"model": "gpt-x", "temperature": 0.7},
        "usage": {"usage": {"input_tokens": 10, "output_tokens": 7}},
        "reasoning": {"reasoning": "I thought of common ones first, p = 0.5 or so."},
        "sum": {"sum": 1.0, "normalized": True},
        "tags": {"tags": ["a", "b"], "language": "en"},
        "error": {"error": None},
    }.items():
        yield (
            f"sibling after {name}",
            whole(lambda items, extra=extra: {"responses": rows(items)} | extra),
        )
        yield (
            f"sibling before {name}",
            whole(lambda items, extra=extra: extra | {"responses": rows(items)}, 2),
        )


def _fields() -> Iterator[tuple[str, Render]]:
    def with_fields(before: dict[str, Any], after: dict[str, Any]) -> Render:
        return whole(
            lambda items: {
                "responses": [
                    {
                        key: (i if value == "#" else value)
                        for key, value in (before | row | after).items()
                    }
                    for i, row in enumerate(rows(items), 1)
                ]
            }
        )

    yield "field id", with_fields({"id": "#"}, {})
    yield "field rank", with_fields({}, {"rank": "#"})
    yield "field index", with_fields({"index": "#"}, {})
    yield "field tone", with_fields({}, {"tone": "dry"})
    yield "field category", with_fields({"category": "common"}, {})
    yield (
        "field explanation",
        with_fields({}, {"explanation": "This one is common because people often say it."}),
    )
    yield (
        "field reasoning first",
        with_fields({"reasoning": "A frequent choice; I would give it 0.3 or a bit more."}, {}),
    )
    yield "field valid", with_fields({}, {"valid": True, "source": None})
    yield "field length", with_fields({}, {"length": 12, "tokens": [1, 2]})
    yield "field type", with_fields({"type": "response"}, {})


def _shapes() -> Iterator[tuple[str, Render]]:
    yield "dict of numbers", whole(lambda t: {str(i): r for i, r in enumerate(rows(t), 1)})
    yield "dict of names", whole(lambda t: {f"response_{i}": r for i, r in enumerate(rows(t), 1)})
    yield (
        "dict in responses",
        whole(lambda t: {"responses": {f"Response {i}": r for i, r in enumerate(rows(t), 1)}}, 2),
    )
    yield (
        "flat numbered keys",
        whole(
            lambda t: {
                key: value
                for i, item in enumerate(t, 1)
                for key, value in ((f"response_{i}", item.text), (f"probability_{i}", item.p))
            }
        ),
    )
    yield (
        "parallel lists",
        whole(lambda t: {"responses": [i.text for i in t], "probabilities": [i.p for i in t]}),
    )
    yield (
        "parallel lists texts",
        whole(lambda t: {"texts": [i.text for i in t], "probs": [i.p for i in t]}, 2),
    )
    yield "pairs", whole(lambda t: [[i.text, i.p] for i in t])
    yield "pairs number first", whole(lambda t: [[i.p, i.text] for i in t])
    yield "pairs in responses", whole(lambda t: {"responses": [[i.text, i.p] for i in t]}, 2)
    yield "list of mappings", whole(lambda t: [{i.text: i.p} for i in t])
    yield "nested data", whole(lambda t: {"data": {"responses": rows(t)}}, 2)
    yield "nested result", whole(lambda t: {"status": "ok", "result": {"candidates": rows(t)}})
    yield "list around object", whole(lambda t: [{"responses": rows(t)}])
    yield (
        "response object",
        whole(
            lambda t: {"responses": [{"response": {"text": i.text}, "probability": i.p} for i in t]}
        ),
    )
    yield (
        "openai choices",
        whole(
            lambda t: {
                "choices": [
                    {"message": {"role": "assistant", "content": i.text}, "probability": i.p}
                    for i in t
                ]
            }
        ),
    )
    yield (
        "probability nested",
        whole(
            lambda t: {"responses": [{"text": i.text, "probability": {"value": i.p}} for i in t]}
        ),
    )
    yield (
        "two groups",
        whole(lambda t: {"common": rows(t[:2]), "rare": rows(t[2:])}),
    )
    yield (
        "two groups nested",
        whole(lambda t: {"responses": {"typical": rows(t[:1]), "creative": rows(t[1:])}}, 2),
    )
    yield (
        "text list",
        whole(lambda t: {"responses": [{"text": [i.text], "probability": i.p} for i in t]}),
    )
    yield (
        "schema echoed",
        whole(
            lambda t: {
                "$schema": "https://json-schema.org/draft-07/schema#",
                "responses": rows(t),
            },
            2,
        ),
    )
    yield "ascii escapes", lambda t: json.dumps({"responses": rows(t)})
    yield (
        "percent strings",
        whole(lambda t: [{"text": i.text, "probability": percent(i.p or 0) + "%"} for i in t]),
    )
    yield (
        "number strings",
        whole(lambda t: [{"text": i.text, "probability": number(i.p or 0)} for i in t]),
    )
    yield (
        "percent key",
        whole(
            lambda t: [{"text": i.text, "probability_percent": float(percent(i.p or 0))} for i in t]
        ),
    )
    yield (
        "string in responses",
        whole(lambda t: {"responses": dump(rows(t))}),
    )
    yield "string around all", lambda t: dump(dump({"responses": rows(t)}))
    yield (
        "choice strings",
        whole(lambda t: {"responses": [f"{i.text} (probability: {i.p:g})" for i in t]}),
    )
    yield (
        "distribution with prompt",
        whole(lambda t: {"prompt": "Name one.", "distribution": rows(t, "answer", "p")}),
    )
    yield (
        "three strings",
        whole(lambda t: [{"slogan": i.text, "tone": "warm", "probability": i.p} for i in t]),
    )
    yield (
        "probability before text",
        whole(lambda t: [{"probability": i.p, "text": i.text} for i in t]),
    )


def _many_objects() -> Iterator[tuple[str, Render]]:
    def one(item: Item) -> str:
        return dump({"text": item.text, "probability": item.p})

    yield "jsonl", lambda t: "\n".join(map(one, t))
    yield "jsonl crlf", lambda t: "\r\n".join(map(one, t))
    yield "objects with commas", lambda t: ",\n".join(map(one, t))
    yield "objects one line", lambda t: " ".join(map(one, t))
    yield "objects blank lines", lambda t: "\n\n".join(map(one, t))
    yield "objects numbered", lambda t: "\n".join(f"{i}. {one(x)}" for i, x in enumerate(t, 1))
    yield "objects dashed", lambda t: "\n".join(f"- {one(x)}" for x in t)
    yield (
        "objects under headings",
        lambda t: "\n\n".join(f"### Response {i}\n{one(x)}" for i, x in enumerate(t, 1)),
    )
    yield (
        "objects in fences",
        lambda t: "\n\n".join(f"```json\n{one(x)}\n```" for x in t),
    )
    yield (
        "two arrays",
        lambda t: dump(rows(t[:2])) + "\n" + dump(rows(t[2:])),
    )
    yield (
        "two fences of lists",
        lambda t: (
            f"Common:\n```json\n{dump(rows(t[:2]), 2)}\n```\nRare:\n"
            f"```json\n{dump(rows(t[2:]), 2)}\n```"
        ),
    )
    yield (
        "two objects of responses",
        lambda t: dump({"responses": rows(t[:1])}) + "\n" + dump({"responses": rows(t[1:])}),
    )


def _mapping(items: Sequence[Item]) -> dict[str, float | None]:
    return {item.text: item.p for item in items}


def json_kinds() -> Iterator[Kind]:
    def kind(name: str, render: Render, **options: Any) -> Kind:
        return Kind("JSON", name, render, **options)

    for i, key in enumerate(TEXT_KEYS):
        yield kind(f"text key {key}", keyed(key, "probability", "responses", (None, 2)[i % 2]))
    for i, key in enumerate(P_KEYS):
        yield kind(f"probability key {key}", keyed("text", key, "responses", (2, None, 4)[i % 3]))
    for i, key in enumerate(LISTS):
        yield kind(f"list key {key}", keyed("text", "probability", key, (None, 2)[i % 2]))
    for name, render in (*_siblings(), *_fields(), *_many_objects()):
        yield kind(name, render)
    for name, render in _shapes():
        yield kind(name, render, avoid=r"\([^)]*\)\s*$" if name == "choice strings" else "")
    yield kind("mapping", whole(_mapping), whole=True, avoid=LINE)
    yield kind("mapping indented", whole(_mapping, 2), whole=True, avoid=LINE)
    yield kind(
        "mapping in distribution", whole(lambda t: {"distribution": _mapping(t)}), whole=True
    )
    yield kind("mapping in responses", whole(lambda t: {"responses": _mapping(t)}, 2), whole=True)
    yield kind(
        "mapping of percents",
        whole(lambda t: {i.text: percent(i.p or 0) + "%" for i in t}),
        whole=True,
        avoid=LINE,
    )
    yield kind(
        "mapping of whole percents",
        whole(lambda t: {i.text: float(percent(i.p or 0)) for i in t}),
        whole=True,
        avoid=LINE,
    )
    for name, render, avoid in _damaged_json():
        yield kind(name, render, avoid=avoid)


def _raw(
    each: str, *, between: str = ",\n  ", head: str = '{"responses": [\n  ', tail: str = "\n]}"
) -> Render:
    """JSON by template: {t} text as a JSON string, {r} raw text, {p} number, {c} percent."""

    def render(items: Sequence[Item]) -> str:
        body = between.join(
            each.replace("<p>", number(p or 0))
            .replace("<c>", percent(p or 0))
            .replace("<d>", fixed(p or 0).removeprefix("0"))
            .replace("<t>", dump(text))
            .replace("<r>", text)
            for text, p in items
        )
        return head + body + tail

    return render


def _damaged_json() -> Iterator[tuple[str, Render, str]]:
    clean = '{"text": <t>, "probability": <p>}'
    yield "trailing commas", _raw('{"text": <t>, "probability": <p>,}', tail=",\n]}"), ""
    yield "trailing comma in list", _raw(clean, tail=",\n]}"), ""
    yield "missing commas", _raw(clean, between="\n  "), ""
    yield "missing comma inside", _raw('{"text": <t> "probability": <p>}'), ""
    yield "missing comma line", _raw('{\n"text": <t>\n"probability": <p>\n}'), ""
    yield "double commas", _raw(clean, between=",,\n"), ""
    yield "single quotes", _raw("{'text': '<r>', 'probability': <p>}"), QUOTES + "|" + LINE
    yield "bare keys", _raw("{text: <t>, probability: <p>}"), ""
    yield "bare keys bare list", _raw("{ text: <t>, p: <p> }", head="[", tail="]"), ""
    yield "smart quotes", _raw("{“text”: “<r>”, “probability”: <p>}"), r"[\"“”\\]|" + LINE
    yield "backticks", _raw('{"text": `<r>`, "probability": <p>}'), r"[`\\]|\$\{"
    yield "raw newlines", _raw('{"text": "<r>", "probability": <p>}'), r'["\\]'
    yield (
        "inner quotes",
        _raw('{"text": "<r>", "probability": <p>}'),
        r"[\\\n]|\", |^\[|^\{|\"\"\"",
    )
    yield "line comments", _raw(clean + " // my guess", between=", // next\n"), ""
    yield "block comments", _raw('{"text": <t>, /* sure */ "probability": <p>}'), ""
    yield "hash comments", _raw(clean, between=",  # next one\n"), ""
    yield "ellipsis at the end", _raw(clean, tail=",\n  ...\n]}"), ""
    yield "missing end", _raw(clean, tail="\n]"), ""
    yield "missing ends", _raw(clean, tail=""), ""
    yield "extra brace", _raw(clean, tail="\n]}}"), ""
    yield "missing start", _raw(clean, head="", tail="\n]}"), ""
    yield "doubled braces", _raw("{{" + clean[1:-1] + "}}", head='{{"responses": ['), r"[{}]"
    yield "bare percents", _raw('{"text": <t>, "probability": <c>%}'), ""
    yield "bare dots", _raw('{"text": <t>, "probability": <d>}'), ""
    yield "plus signs", _raw('{"text": <t>, "probability": +<p>}'), ""
    yield "tilde", _raw('{"text": <t>, "probability": ~<p>}'), ""
    yield "tilde strings", _raw('{"text": <t>, "probability": "~<c>%"}'), ""
    yield "about strings", _raw('{"text": <t>, "probability": "about <p>"}'), ""
    yield "arrows", _raw('{"text" => <t>, "probability" => <p>}'), ""
    yield "equal signs", _raw('{"text" = <t>, "probability" = <p>}'), ""
    yield "semicolons", _raw('{"text": <t>; "probability": <p>}', between=";\n"), ""
    yield "unquoted texts", _raw('{"text": <r>, "probability": <p>}'), r"""[\n"'`{}\[\]\\,:#/]"""
    yield (
        "html quotes",
        _raw("{&quot;text&quot;: &quot;<r>&quot;, &quot;probability&quot;: <p>}"),
        (r"[&<>\"\\\n]"),
    )
    yield "nbsp", _raw('\u00a0\u00a0{"text":\u00a0<t>, "probability":\u00a0<p>}'), ""
    yield "bom", _raw(clean, head='\ufeff{"responses": ['), ""
    yield "typo in key", _raw('{"text": <t>, "probablity": <p>}'), ""
    yield "key quote missing", _raw('{"text": <t>, "probability: <p>}'), r"\""
    yield "escaped whole", _raw(r"{\"text\": \"<r>\", \"probability\": <p>}"), r"[\"\\\n]"
    yield "escaped apostrophes", lambda t: dump({"responses": rows(t)}).replace("'", r"\'"), ""
    yield "triple quotes", _raw('{"text": """<r>""", "probability": <p>}'), r'["\\]'
    yield "full width colons", _raw('{"text"：<t>，"probability"：<p>}'), ""
    yield "number in quotes half", _raw('{"text": <t>, "probability": <p>"}'), r"\""


def yaml_kinds() -> Iterator[Kind]:
    def y(name: str, render: Render, avoid: str = PLAIN_YAML, **options: Any) -> Kind:
        return Kind("YAML and TOML", name, render, avoid=avoid, **options)

    def listed(head: str, each: str, indent: str = "  ") -> Render:
        def render(items: Sequence[Item]) -> str:
            return head + "\n".join(
                each.replace("<t>", dump(text))
                .replace("<r>", text)
                .replace("<s>", text.replace("'", "''"))
                .replace("<b>", text.replace("\n", "\n" + indent + "    "))
                .replace("<p>", number(p or 0))
                .replace("<c>", percent(p or 0))
                .replace("<i>", str(i))
                for i, (text, p) in enumerate(items, 1)
            )

        return render

    yield y("yaml", listed("responses:\n", "  - text: <r>\n    probability: <p>"))
    yield y("yaml flush", listed("responses:\n", "- text: <r>\n  probability: <p>"))
    yield y("yaml no key", listed("", "- text: <r>\n  probability: <p>"))
    yield y("yaml double quotes", listed("responses:\n", "- text: <t>\n  probability: <p>"), "")
    yield y("yaml single quotes", listed("responses:\n", "- text: '<s>'\n  probability: <p>"), LINE)
    yield y(
        "yaml block",
        listed("responses:\n", "  - text: |\n        <b>\n    probability: <p>"),
        r"^ ",
    )
    yield y(
        "yaml block strip",
        listed("", "- text: |-\n      <b>\n  probability: <p>"),
        r"^ ",
    )
    yield y("yaml folded", listed("", "- response: >\n      <r>\n  probability: <p>"), LINE)
    yield y("yaml number first", listed("responses:\n", "- probability: <p>\n  text: <r>"))
    yield y("yaml number first block", listed("", "- probability: <p>\n  text: |\n      <b>"), "^ ")
    yield y("yaml percents", listed("responses:\n", "- text: <r>\n  probability: <c>%"))
    yield y("yaml quoted numbers", listed("responses:\n", "- text: <t>\n  probability: '<p>'"), "")
    yield y("yaml comments", listed("responses:\n", "- text: <r>  # no. <i>\n  probability: <p>"))
    yield y("yaml flow", listed("responses:\n", "- {text: <t>, probability: <p>}"), "")
    yield y("yaml document", listed("---\nresponses:\n", "- text: <r>\n  probability: <p>"))
    yield y("yaml extra", listed("responses:\n", "- id: <i>\n  text: <r>\n  probability: <p>"))
    yield y("yaml tone", listed("", "- text: <r>\n  tone: dry\n  probability: <p>"))
    yield y("yaml sibling", listed("count: 5\nresponses:\n", "- text: <r>\n  probability: <p>"))
    yield y("yaml candidates", listed("candidates:\n", "  - answer: <r>\n    p: <p>"))
    yield y("yaml numbered", listed("", "<i>:\n  text: <r>\n  probability: <p>"))
    yield y("yaml names", listed("", "response_<i>:\n  text: <r>\n  probability: <p>"))
    yield y("yaml blank lines", listed("responses:\n", "- text: <r>\n  probability: <p>\n"))
    yield y("yaml dash alone", listed("responses:\n", "-\n  text: <r>\n  probability: <p>"))
    yield y("yaml mapping", listed("", "<r>: <p>"), PLAIN_YAML, whole=True)
    yield y("yaml mapping under key", listed("distribution:\n", "  <r>: <p>"), whole=True)
    yield y("yaml quoted mapping", listed("", "<t>: <p>"), LINE, whole=True)
    yield y("yaml list of pairs", listed("", "- <r>: <p>"), whole=True)
    yield y("yaml flow pairs", listed("responses:\n", "- [<t>, <p>]"), "")
    yield y("yaml documents", listed("", "---\ntext: <r>\nprobability: <p>"))
    yield y("toml", listed("", "[[responses]]\ntext = <t>\nprobability = <p>\n"), "")
    yield y("toml single", listed("", "[[responses]]\ntext = '<r>'\nprobability = <p>\n"), r"'|\n")
    yield y(
        "toml block", listed("", '[[responses]]\ntext = """<r>"""\nprobability = <p>\n'), r'["\\]'
    )
    yield y("toml number first", listed("", "[[candidates]]\nprobability = <p>\ntext = <t>\n"), "")
    yield y(
        "toml titled", listed('title = "5 answers"\n\n', "[[answer]]\ntext = <t>\np = <p>\n"), ""
    )
    yield y("toml tables", listed("", "[response_<i>]\ntext = <t>\nprobability = <p>\n"), "")
    yield y("toml inline", listed("", "[[responses]]\ntext=<t>\nprobability=<p>"), "")
    yield y("ini", listed("", "[Response <i>]\ntext = <r>\nprobability = <p>\n"), LINE + r"|['\"=]")
    yield y("env", listed("", "TEXT_<i>=<t>\nPROBABILITY_<i>=<p>"), LINE)
    yield y("toml mapping", listed("[distribution]\n", "<t> = <p>"), LINE, whole=True)


PLAIN_YAML = r"\n|: |:$| #|^[\[\]{}&*!|>'\"%@`,#?~-]|['\"]"
"""What needs quotes in YAML (and quotes, which could be taken for such)."""


def py(text: str) -> str:
    return repr(text)


def program_kinds() -> Iterator[Kind]:
    def kind(name: str, render: Render, avoid: str = "", **options: Any) -> Kind:
        return Kind("programs", name, render, avoid=avoid, **options)

    def coded(head: str, each: str, tail: str, between: str = ",\n    ") -> Render:
        def render(items: Sequence[Item]) -> str:
            return (
                head
                + between.join(
                    each.replace("<t>", dump(text))
                    .replace("<q>", py(text))
                    .replace("<s>", text.replace("'", "''"))
                    .replace("<p>", number(p or 0))
                    .replace("<i>", str(i))
                    for i, (text, p) in enumerate(items, 1)
                )
                + tail
            )

        return render

    yield kind("tuples", coded("[", "(<q>, <p>)", "]", ", "))
    yield kind("tuples assigned", coded("responses = [\n    ", "(<q>, <p>)", ",\n]"))
    yield kind("tuples double quotes", coded("[", "(<t>, <p>)", "]", ", "))
    yield kind("tuples number first", coded("[", "(<p>, <q>)", "]"))
    yield kind("tuples one a line", coded("", "(<t>, <p>)", "", "\n"))
    yield kind("tuples one a line commas", coded("", "(<q>, <p>)", "", ",\n"))
    yield kind("tuple of tuples", coded("(", "(<q>, <p>)", ")"))
    yield kind("python dicts", coded("[", "{'text': <q>, 'probability': <p>}", "]"))
    yield kind("python dict", coded("{'responses': [", "{'text': <q>, 'probability': <p>}", "]}"))
    yield kind("python assigned", coded("responses = [", '{"text": <t>, "probability": <p>}', "]"))
    yield kind("python None", coded("[", "{'text': <q>, 'probability': <p>, 'note': None}", "]"))
    yield kind("python True", coded("[", "{'text': <q>, 'ok': True, 'probability': <p>}", "]"))
    yield kind("python dict call", coded("[", "dict(text=<q>, probability=<p>)", "]"))
    yield kind("python objects", coded("[", "Response(text=<q>, probability=<p>)", "]"))
    yield kind("python object lines", coded("", "Candidate(text=<q>, probability=<p>)", "", "\n"))
    yield kind("python mapping", coded("{", "<q>: <p>", "}", ", "), LINE, whole=True)
    yield kind("python mapping assigned", coded("probs = {", "<q>: <p>", ",\n}"), LINE, whole=True)
    yield kind("python fence", coded("```python\nresponses = [", "(<q>, <p>)", "]\n```"))
    yield kind("python append", coded("responses = []\n", "responses.append((<q>, <p>))", "", "\n"))
    yield kind("javascript", coded("const responses = [", "{ text: <t>, probability: <p> }", "];"))
    yield kind("javascript single", coded("[", "{ text: <q>, probability: <p> }", "]"))
    yield kind("javascript export", coded("export default [", "{ text: <t>, p: <p> }", "];"))
    yield kind("javascript fence", coded("```js\n[", "{text: <t>, probability: <p>}", "]\n```"))
    yield kind("ruby", coded("[", "{ text: <t>, probability: <p> }", "]"))
    yield kind("ruby rockets", coded("[", '{ "text" => <t>, "probability" => <p> }', "]"))
    yield kind("php", coded("$responses = [", "['text' => <t>, 'probability' => <p>]", "];"))
    yield kind("go", coded("[]Response{", "{Text: <t>, Probability: <p>}", ",\n}"))
    yield kind("rust", coded("vec![", "(<t>, <p>)", "]"))
    yield kind("rust structs", coded("vec![", "Response { text: <t>, probability: <p> }", "]"))
    yield kind(
        "sql", coded("INSERT INTO responses (text, probability) VALUES\n", "('<s>', <p>)", ";")
    )
    yield kind("print", coded("", "print(<t>, <p>)", "", "\n"))
    yield kind("calls", coded("", "respond(text=<t>, probability=<p>)", "", "\n"))
    yield kind("named tuples", coded("[", "Answer(<q>, probability=<p>)", "]"))


def kinds() -> Iterator[Kind]:
    yield from json_kinds()
    yield from yaml_kinds()
    yield from program_kinds()
