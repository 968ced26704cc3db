# ruff: noqa: E501 -- samples of answers
"""Shapes of answers as templates, each for texts of one line or for all.

A shape is what stands before the candidates, each candidate, what stands between them and what
stands behind. ``{t}`` is a text, ``{d}`` the same as a JSON string, ``{s}`` in single quotes,
``{p}`` its probability, ``{q}`` in percent, ``{m}`` in permille, ``{i}`` its number, ``{a}`` and
``{A}`` its letter, ``{e}`` the text escaped for XML, ``{n}`` indented by two, ``{w}`` by four;
``@`` before or behind the candidates is all probabilities.

Run: python -m tests.corpus.shapes
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from tests.corpus.combined import Case, outcome
from tests.corpus.texts import LINES, NUMBERS, WHOLE
from vs_core import parse


class Shape(NamedTuple):
    """How an answer is written.

    Args:
        each: A candidate.
        between: What stands between two.
        head: What stands before all.
        foot: What stands behind all.
        lines: Whether it can hold texts of several lines.
        bare: Whether nothing says that its numbers are probabilities, so that they must sum to 1.
    """

    each: str
    between: str = "\n"
    head: str = ""
    foot: str = ""
    lines: bool = False
    bare: bool = False

    def write(self, texts: Sequence[str], numbers: Sequence[float]) -> str:
        """Return the answer that says these texts with these probabilities."""
        parts = [self._one(at, t, p) for at, (t, p) in enumerate(zip(texts, numbers, strict=True))]
        said = ", ".join(f"{p:g}" for p in numbers)
        return (
            self.head.replace("@", said) + self.between.join(parts) + self.foot.replace("@", said)
        )

    def _one(self, at: int, text: str, number: float) -> str:
        return self.each.format(
            t=text, d=json.dumps(text, ensure_ascii=False), s="'" + text.replace("'", "\\'") + "'",
            e=escape(text), n=text.replace("\n", "\n  "), w=text.replace("\n", "\n    "),
            p=f"{number:g}", q=f"{round(number * 100, 6):g}", m=f"{round(number * 1000, 6):g}",
            i=at + 1, a=chr(97 + at), A=chr(65 + at), z=f"{at + 1:02}",
            c=f"{number:g}".replace(".", ","), x=f"{number * 100:.0f}",
        )  # fmt: skip


S = Shape
SHAPES: dict[str, dict[str, Shape]] = {
    "sentences": {
        "chance of quoted": S('There is a {q}% chance of "{t}".'),
        "chance of quoted, one line": S('There is a {q}% chance of "{t}".', " "),
        "chance that it is": S('With a probability of {p}, the answer is "{t}".'),
        "I would say": S('I would say "{t}" with probability {p}.'),
        "has": S('"{t}" has a probability of {p}.'),
        "bold has": S("**{t}** has a probability of {p}."),
        "comes with": S('- "{t}" comes with a probability of {p}'),
        "Probability (.6): Paris": S("Probability ({p}): {t}"),
        "numbered probability": S("{i}. Probability ({p}): {t}"),
        "p(x) =": S('P("{t}") = {p}'),
        "p(x) ≈": S("P({t}) ≈ {p}"),
        "Pr[x]": S("Pr[{t}] = {p}"),
        "a chance": S("- {t}: {q}% chance"),
        "likely": S("{i}. {t} ({q}% likely)"),
        "probability of": S("{i}. {t} (probability of {p})"),
        "with": S("{i}. {t} with a probability of {q}%"),
        "estimated at": S("{i}. {t} (estimated at {q}%)"),
        "roughly": S("- {t} — roughly {q}%"),
        "or": S("{i}. {t} (p = {p}, or {q}%)"),
        "both": S("{i}. {t} ({p} / {q}%)"),
        "probability mass": S("{i}. {t} (probability mass: {p})"),
        "prob≈": S("{i}. {t} (prob ≈ {p})"),
        "p~": S("{i}. {t} (p~{p})"),
        "equals sign": S("{i}. {t} [probability={p}]"),
        "P=": S("{i}. {t} <P={p}>"),
        "permille": S("{i}. {t} ({m}‰)"),
        "times ten": S("{i}. {t} (probability: {q}×10^-2)"),
        "times ten, x": S("{i}. {t} (p = {q} x 10^-2)"),
        "times ten, sup": S("{i}. {t} (p = {q}·10⁻²)"),
        "over hundred": S("{i}. {t} ({q}/100)"),
        "chances in": S("{i}. {t} ({x} chances in 100)"),
    },
    "lists": {
        "number, then text line": S("{i}. [{p}] {t}"),
        "prob: text": S("{i}. {q}% – {t}"),
        "prob first, bold": S("{i}. **{q}%** {t}"),
        "prob first, bold colon": S("{i}. **{q}%:** {t}"),
        "prob first bracket bold": S("- **({p})** {t}"),
        "bold lead": S("{i}. **{t}**\n   - Probability: {p}"),
        "bold lead, reason": S("{i}. **{t}**\n   - Probability: {p}\n   - Reason: it is near."),
        "text, reason, probability": S("{i}. **{t}**\n   - Reason: it is near.\n   - Probability: {p}"),
        "text in quotes, reason": S('{i}. "{t}"\n   Probability: {p}\n   Reason: it is near.'),
        "stars": S("* {t} *({p})*"),
        "italics": S("{i}. {t} _(probability: {p})_"),
        "code": S("{i}. {t} `p={p}`"),
        "code first": S("{i}. `{p}` {t}"),
        "code first, bullet": S("- `{p}` — {t}"),
        "tabs": S("{i}.\t{t}\t{p}"),
        "tabs, no number": S("{t}\t{p}", bare=True),
        "dots": S("{i}. {t} ........ {p}"),
        "slash": S("{i}. {t} / {p}"),
        "double pipes": S("{i} || {t} || {p}"),
        "pipes": S("{i} | {t} | {p}"),
        "at": S("{i}. {t} @ {p}"),
        "hash comment": S("{i}. {t}  # {p}"),
        "slashes comment": S("- {t} // probability {p}"),
        "semicolon": S("{i}. {t}; {p}"),
        "comma": S("{i}. {t}, {p}"),
        "comma percent": S("{i}. {t}, {q}%"),
        "parenthesis then dash": S("({i}) {t} -- {p}"),
        "zero padded": S("{z}. {t} ({p})"),
        "zero padded colon": S("{z}: {t} ({p})"),
        "letters upper paren": S("({A}) {t} ({p})"),
        "letters upper paren 2": S("{A}) {t} — {q}%"),
        "letters upper": S("{A}: {t} [{p}]"),
        "bold letters": S("**{A}.** {t} ({p})"),
        "bold letters 2": S("**{A})** {t} – *{q}%*"),
        "bold number and text": S("**{i}. {t}** ({p})"),
        "bold number, text, number": S("**{i}. {t} ({p})**"),
        "bold number, text, dash": S("**{i}. {t}** — {p}"),
        "italic all": S("*{i}. {t} ({p})*"),
        "Choice": S("Choice {A} ({p}): {t}"),
        "Response #": S("Response #{i} ({q}%): {t}"),
        "Response #, dash": S("Response #{i} – {t} – {p}"),
        "Answer i p": S("Answer {i} [{p}]: {t}"),
        "Sample": S("Sample {i}: {t} | Probability: {p}"),
        "Sample bold": S("**Sample {i}** | {t} | {p}"),
        "text first label": S("{i}. Text: {t} | Probability: {p}"),
        "text first label ;": S("{i}. text: {t}; probability: {p}"),
        "text first label ,": S("{i}. text: {d}, probability: {p}"),
        "response first label": S("- response: {d}, p: {p}"),
        "checkboxes": S("- [x] {t} ({p})"),
        "nested": S("- {i}. {t} ({p})"),
        "arrow list": S("→ {t} ({p})"),
        "chevrons": S("» {t} ({p})"),
        "emoji digits": S("{i}️⃣ {t} — {p}"),
        "emoji bullet": S("🔹 {t} ({q}%)"),
        "emoji before number": S("{i}. {t} 🎲 {q}%"),
        "emoji label": S("{i}. {t} 📊 Probability: {p}"),
        "angle": S("{i}> {t} ({p})"),
        "Roman upper": S("{A}. {t}: {q} %"),
        "quoted colon": S('- "{t}": {p}'),
        "backquoted": S("- `{t}`: {p}"),
        "backquoted dash": S("- `{t}` - {q}%"),
        "backquoted list": S("{i}. `{t}` (p={p})"),
        "triple": S("### {i}. {t} ({p})"),
        "triple, below": S("### {i}. {t}\nProbability: {p}"),
        "heading text": S("## {t}\n\n- probability: {p}\n", lines=False),
        "heading text, bold": S("### {t}\n**Probability:** {p}\n"),
        "definition": S("{t}\n:   {p}\n", bare=True),
        "definition label": S("{t}\n: probability {p}\n"),
        "equals": S("{i}. {t} = {q}%"),
        "brackets at front": S("[{i}] ({p}) {t}"),
        "two brackets": S("[{i}][{p}] {t}"),
        "curly": S("{i}. {{{p}}} {t}"),
        "prefix p=": S("{i}. p={p}: {t}"),
        "prefix p= 2": S("- p={p} | {t}"),
        "prefix Probability = ": S("{i}. Probability = {p}; {t}"),
        "prefix Prob, comma": S("{i}. Prob {p}, {t}"),
        "prefix label, text label": S("{i}. Probability: {p}, Response: {t}"),
        "prefix label, text label, pipe": S("- Probability: {p} | Text: {t}"),
        "prefix label, text label, slash": S("- P: {p} / A: {t}"),
        "spaces between": S("{i}.  {t}      {p}"),
        "right": S("{t}      {p}", bare=True),
        "numbers below in parentheses": S("{i}. {t}\n({p})"),
        "numbers below, star": S("{i}. {t}\n*{q}%*"),
        "numbers below, bare": S("{i}. {t}\n{p}\n"),
        "numbers below, bare percent": S("{i}. {t}\n   {q}%"),
        "numbers below, arrow": S("{i}. {t}\n   ↳ {p}"),
        "numbers below, dash": S("{i}. {t}\n   – {q}%"),
        "numbers below, code": S("{i}. {t}\n   `probability: {p}`"),
        "numbers below, quote": S("{i}. {t}\n   > probability: {p}"),
        "sublist label": S("{i}. Response: {t}\n   Probability: {p}"),
        "sublist label 2": S("{i}. Response: {t}\n   - Probability: {p}\n   - Category: x"),
        "sublist label 3": S("- Response {i}:\n  - Text: {t}\n  - Probability: {p}"),
        "quoted block": S("{i}. > {t}\n   > — {p}"),
        "colon newline": S("{i}.\n{t}\nProbability: {p}\n", lines=True),
        "hash below": S("#{i}\n{t}\nProbability: {p}\n", lines=True),
        "numbers in two parts": S("1.{i} {t} (probability: {p})"),
        "numbers in two parts, first": S("{i}.1 {t} (probability: {p})"),
        "probabilities behind all": S("{i}. {t}", foot="\n\nProbabilities: @"),
        "probabilities before all": S("- {t}", head="Probabilities: @\n\n"),
        "number alone": S("{i}\n{t}\nProbability: {p}\n", lines=True),
        "number in brackets": S("[{i}]\n{t}\n[{p}]\n", lines=True),
        "bold number alone": S("**{i}**\n\n{t}\n\n*Probability: {p}*\n", lines=True),
    },
    "blocks": {
        "rule and heading": S("## Candidate {i}\n\n{t}\n\nProbability: {p}\n", "\n---\n\n", lines=True),
        "rule and bold": S("**Candidate {i}** — probability {p}\n\n{t}\n", "\n---\n\n", lines=True),
        "equals": S("=== Response {i} ===\n{t}\n=== Probability: {p} ===\n", lines=True),
        "equals 2": S("=== Response {i} (p={p}) ===\n{t}\n", lines=True),
        "dashes": S("--- Response {i} ---\n{t}\nProbability: {p}\n", lines=True),
        "dashes 2": S("--- {i} ---\n{t}\n(p = {p})\n", lines=True),
        "hash signs": S("# {i}\n{t}\n\n> Probability: {p}\n", lines=True),
        "setext": S("Response {i}\n----------\n{t}\n\nProbability: {p}\n", lines=True),
        "quotes": S("**Response {i}** (p = {p})\n\n> {t}\n"),
        "bracket head": S("[Candidate {i} | p={p}]\n{t}\n", lines=True),
        "bracket head 2": S("[{i}] Probability: {p}\n{t}\n", lines=True),
        "brackets end": S("[BEGIN {i}]\n{t}\n[END {i}] probability: {p}\n", lines=True),
        "percent heading": S("### {q}% — Response {i}\n\n{t}\n", lines=True),
        "percent bold heading": S("**Response {i} — {q}%**\n{t}\n", lines=True),
        "colon heading": S("Response {i} [{q}%]:\n\n{t}\n", lines=True),
        "option letter": S("**Option {A} ({q}%)**\n{t}\n", lines=True),
        "option letter 2": S("Option {A}\n{t}\nLikelihood: {q}%\n", lines=True),
        "variant": S("Variation {i}: {t}\nEstimated probability: {q}%\n", lines=True),
        "Text and P bold": S("**Text {i}:** {t}\n**P:** {p}\n", lines=True),
        "Response, newline, fields": S("Response {i}:\nText: {t}\nProbability: {p}\n", lines=True),
        "Response, newline, fields, reason": S("Response {i}:\nText: {t}\nProbability: {p}\nReason: it is near.\n"),
        "Text, reason, probability": S("Text: {t}\nReason: it is near.\nProbability: {p}\n"),
        "Response, rating": S("Response: {t}\nProbability: {p}\nRank: {i}\n"),
        "Rank first": S("Rank: {i}\nResponse: {t}\nProbability: {p}\n"),
        "ID first": S("ID: {i}\nProbability: {p}\nResponse: {t}\n", lines=True),
        "two line": S("{t}\n— probability {p}\n", lines=True),
        "two line 2": S("{t}\n[{p}]\n", lines=True),
        "two line 3": S("{t}\n{q}%\n", lines=True, bare=True),
        "two line 4": S("{t}\n**{q}%**\n", lines=True, bare=True),
        "two line 5": S('"{t}"\n— {p}\n', bare=True),
        "two line 6": S("{t}\np={p}\n", lines=True),
        "two line 7": S("{t}\n\n(p: {p})\n", lines=True),
        "above": S("p = {p}\n{t}\n", lines=True),
        "above 2": S("[Probability {p}]\n{t}\n", lines=True),
        "above 3": S("**{q}% probability**\n{t}\n", lines=True),
        "above 4": S("### Probability: {p}\n\n{t}\n", lines=True),
        "above 5": S("Probability {i}: {p}\nResponse {i}: {t}\n", lines=True),
        "above 6": S("(p={p})\n{t}\n", lines=True),
        "rules only": S("{t}\n(probability: {p})", "\n\n***\n\n", lines=True),
        "rules only 2": S("{t}\nProbability: {p}", "\n---\n", lines=True),
        "rules only 3": S("Probability: {p}\n{t}", "\n---\n", lines=True),
        "rules only 4": S("{t} ({p})", "\n---\n"),
        "fenced each": S("Response {i} (probability {p}):\n```\n{t}\n```\n", lines=True),
        "fenced each, below": S("**Response {i}**\n```\n{t}\n```\nProbability: {p}\n", lines=True),
        "fenced each, numbered": S("{i}. Probability: {p}\n```\n{t}\n```\n", lines=True),
        "quoted each": S("> {t}\n\nProbability: {p}\n"),
    },
    "tags": {
        "text within content": S("<response><content><text>{t}</text></content><meta><probability>{p}</probability></meta></response>", lines=True),
        "camel case": S("<Response><ResponseText>{t}</ResponseText><ProbabilityValue>{p}</ProbabilityValue></Response>", lines=True),
        "number in front, closed": S("Probability: {p}\n<response>{t}</response>", lines=True),
        "p tag": S("<response>{t}<p>{p}</p></response>", lines=True),
        "id in tag": S('<candidate id="{i}"><answer>{t}</answer><p>{p}</p></candidate>', lines=True),
        "attributes, order": S('<response probability="{p}" index="{i}">\n{t}\n</response>', lines=True),
        "attributes, text": S('<response index="{i}"><text probability="{p}">{t}</text></response>', lines=True),
        "attributes, percent": S('<response likelihood="{q}%">{t}</response>', lines=True),
        "text escaped": S("<response><text>{e}</text><probability>{p}</probability></response>", lines=True),
        "declaration": S("  <response>\n    <text>{e}</text>\n    <probability>{p}</probability>\n  </response>", head='<?xml version="1.0" encoding="UTF-8"?>\n<responses>\n', foot="\n</responses>", lines=True),
        "sections": S("<response><text>{t}</text><probability>{p}</probability></response>", "\n</common>\n<rare>\n", head="<common>\n", foot="\n</rare>", lines=True),
        "rationale": S("<response>\n<thinking>Near.</thinking>\n<text>{t}</text>\n<probability>{p}</probability>\n</response>", lines=True),
        "confidence": S("<answer>{t}</answer><confidence>{p}</confidence>", lines=True),
        "words": S("<response>{t}</response> — {p}", lines=True),
        "words before": S("{i}. (p={p}) <response>{t}</response>", lines=True),
        "listed": S("- <text>{t}</text> <probability>{p}</probability>", lines=True),
        "headings": S("### {i}\n<text>{t}</text>\n<probability>{p}</probability>", lines=True),
        "hyphen": S("<sample-{i}><sample-text>{t}</sample-text><sample-probability>{p}</sample-probability></sample-{i}>", lines=True),
        "sampled": S("<sample>\n{t}\n<prob>{p}</prob>\n</sample>", lines=True),
        "probability line inside": S("<response>\n{t}\nProbability: {p}\n</response>", lines=True),
        "bracket tags": S("[TEXT]{t}[/TEXT][PROB]{p}[/PROB]", lines=True),
        "braces": S("{{{{text}}}}{t}{{{{/text}}}} {{{{probability}}}}{p}{{{{/probability}}}}", lines=True),
        "li": S("<li>{e} ({p})</li>", head="<ol>\n", foot="\n</ol>"),
        "li strong": S("<li><strong>{e}</strong>: {q}%</li>", head="<ul>\n", foot="\n</ul>"),
        "tr": S("<tr><td>{e}</td><td>{p}</td></tr>", head="<table>\n<tr><th>Response</th><th>Probability</th></tr>\n", foot="\n</table>"),
        "self closed": S('<option value={d} p="{p}" />'),
    },
    "json": {
        "id": S('{{"id": {i}, "text": {d}, "probability": {p}}}', ", ", '{"responses": [', "]}", lines=True),
        "rank, p": S('{{"rank": {i}, "value": {d}, "p": {p}}}', ",\n", "[", "]", lines=True),
        "name, probability": S('{{"name": {d}, "probability": {p}}}', ", ", '{"candidates": [', "]}", lines=True),
        "question kind": S('{{"question": {d}, "likelihood": "{q}%"}}', ", ", "[", "]", lines=True),
        "strings": S('{{"text": {d}, "probability": "{p}"}}', ", ", '{"responses": [', "]}", lines=True),
        "approx strings": S('{{"text": {d}, "probability": "~{q}%"}}', ", ", '{"responses": [', "]}", lines=True),
        "objects in text": S('{{"response": {{"text": {d}, "lang": "en"}}, "probability": {p}}}', ", ", "[", "]", lines=True),
        "probability object": S('{{"text": {d}, "probability": {{"value": {p}, "scale": "0-1"}}}}', ", ", '{"responses": [', "]}", lines=True),
        "array of one-key objects": S('{{"response": {{"content": {d}}}, "meta": {{"prob": {p}}}}}', ", ", "[", "]", lines=True),
        "numbered text keys": S('"text{i}": {d}, "prob{i}": {p}', ", ", "{", "}", lines=True),
        "Response 1 keys": S('"Response {i}": {{"Text": {d}, "Probability": {p}}}', ", ", "{", "}", lines=True),
        "letters": S('"{A}": {{"answer": {d}, "probability": {p}}}', ", ", "{", "}", lines=True),
        "mapping": S("{d}: {p}", ", ", "{", "}", lines=True, bare=True),
        "mapping percent": S('{d}: "{q}%"', ", ", "{", "}", lines=True, bare=True),
        "mapping distribution": S("{d}: {p}", ", ", '{"distribution": {', "}}", lines=True),
        "mapping probabilities": S("{d}: {p}", ", ", '{"question": "Which?", "probabilities": {', "}}", lines=True),
        "unquoted": S("{{text: {d}, probability: {p}}}", ",\n", "{responses: [", "]}", lines=True),
        "single": S("{{'text': {s}, 'probability': {p}}}", ",\n", "{'responses': [", "]}", lines=False),
        "lines of": S('{{"text": {d}, "probability": {p}}}', lines=True),
        "lines of, numbered": S('{i}. {{"text": {d}, "probability": {p}}}', lines=True),
        "lines of, bullets": S('- {{"text": {d}, "probability": {p}}}', lines=True),
        "lines of, labelled": S('Response {i}: {{"text": {d}, "probability": {p}}}', lines=True),
        "lines of, commas": S('{{"text": {d}, "probability": {p}}},', lines=True),
        "fences each": S('```json\n{{"text": {d}, "probability": {p}}}\n```', "\n\n", lines=True),
        "headings, fences": S('### Response {i}\n```json\n{{"text": {d}, "probability": {p}}}\n```', "\n\n", lines=True),
        "columns": S("{d}", ", ", '{"texts": [', '], "probabilities": [@]}', lines=True),
        "pairs": S("[{d}, {p}]", ", ", '{"responses": [', "]}", lines=True),
        "objects with explanation": S('{{"text": {d}, "explanation": "It is near.", "probability": {p}, "tags": ["a", "b"]}}', ", ", '{"responses": [', "]}", lines=True),
        "sum behind": S('{{"text": {d}, "probability": {p}}}', ", ", '{"responses": [', '], "sum": 1.0}', lines=True),
        "prompt before": S('{{"text": {d}, "probability": {p}}}', ", ", '{"prompt": "Name one.", "n": 5, "responses": [', "]}", lines=True),
        "properties": S('{{"text": {d}, "probability": {p}}}', ", ", '{"type": "object", "properties": {"responses": [', "]}}", lines=True),
        "log": S('{{"text": {d}, "probability": {p}, "logprob": -1.2, "tokens": 12}}', ", ", '{"responses": [', "]}", lines=True),
        "title and text": S('{{"title": "No. {i}", "text": {d}, "probability": {p}}}', ", ", '{"responses": [', "]}", lines=True),
        "name and text": S('{{"name": "Response {i}", "text": {d}, "probability": {p}}}', ", ", '{"responses": [', "]}", lines=True),
        "label and text": S('{{"label": "{A}", "text": {d}, "probability": {p}}}', ", ", '{"options": [', "]}", lines=True),
        "reason first": S('{{"reason": "It is near.", "answer": {d}, "probability": {p}}}', ", ", '{"answers": [', "]}", lines=True),
        "function": S('{{"text": {d}, "probability": {p}}}', ", ", 'submit_responses(responses=[', "])", lines=True),
        "unclosed": S('{{"text": {d}, "probability": {p}}}', ", ", '{"responses": [', "", lines=True),
        "plus signs": S('{{"text": {d}, "probability": +{p}}}', ", ", '{"responses": [', "]}", lines=True),
        "comments": S('{{"text": {d}, "probability": {p}}} // number {i}', ",\n", '{"responses": [\n', "\n]}", lines=True),
        "colon missing space": S('{{"text":{d},"probability":{p}}}', ",", '{"responses":[', "]}", lines=True),
        "missing comma within": S('{{"text": {d} "probability": {p}}}', ", ", '{"responses": [', "]}", lines=True),
        "leading point": S('{{"text": {d}, "probability": .{x:0>2}}}', ", ", '{"responses": [', "]}", lines=True),
    },
    "records": {
        "YAML": S("- text: {d}\n  probability: {p}", head="responses:\n", lines=True),
        "YAML, on the next line": S("- text:\n    {d}\n  probability: {p}", lines=True),
        "YAML, anchored": S("- text: &t{i} {d}\n  probability: {p}", lines=True),
        "YAML, tagged": S("- text: !!str {d}\n  probability: {p}", lines=True),
        "YAML, response key": S("- response: {d}\n  prob: {p}", lines=True),
        "YAML, folded": S("- text: >\n    {w}\n  probability: {p}"),
        "YAML, literal": S("- text: |\n    {w}\n  probability: {p}", lines=True),
        "YAML, literal +": S("- text: |+\n    {w}\n  probability: {p}", lines=True),
        "YAML, literal, number first": S("- probability: {p}\n  text: |-\n    {w}", lines=True),
        "YAML, numbered keys": S("response_{i}:\n  text: {d}\n  probability: {p}", lines=True),
        "YAML, numbers as keys": S("{i}:\n  text: {d}\n  probability: {p}", lines=True),
        "YAML, documents": S("text: {d}\nprobability: {p}", "\n---\n", lines=True),
        "YAML, flow": S("- {{text: {d}, probability: {p}}}", lines=True),
        "YAML, quoted keys": S('- "text": {d}\n  "probability": {p}', lines=True),
        "YAML, comment": S("- text: {d}  # number {i}\n  probability: {p}", lines=True),
        "YAML, dash alone": S("-\n  text: {d}\n  probability: {p}", lines=True),
        "YAML, percent": S("- text: {d}\n  probability: {q}%", lines=True),
        "YAML, pairs": S("- [{d}, {p}]", lines=True),
        "YAML, mapping": S("{d}: {p}", bare=True),
        "YAML, mapping list": S("- {d}: {p}", bare=True),
        "YAML, extra": S("- id: {i}\n  text: {d}\n  probability: {p}\n  tags: [a, b]", lines=True),
        "YAML, extra block": S("- text: {d}\n  probability: {p}\n  tags:\n    - a\n    - b", lines=True),
        "YAML, plain": S("- answer: {t}\n  confidence: {p}"),
        "TOML": S("[[responses]]\ntext = {d}\nprobability = {p}", "\n\n", lines=True),
        "TOML, literal": S("[[responses]]\ntext = '''\n{t}'''\nprobability = {p}", "\n\n", lines=True),
        "TOML, basic": S('[[responses]]\nprobability = {p}\ntext = """\n{t}\n"""', "\n\n", lines=True),
        "TOML, inline": S("{{ text = {d}, probability = {p} }},", "\n  ", "responses = [\n  ", "\n]", lines=True),
        "INI": S("[response{i}]\ntext={t}\nprobability={p}", "\n\n"),
        "properties": S("response.{i}.text={t}\nresponse.{i}.probability={p}"),
        "numbered fields": S("text_{i}: {t}\nprobability_{i}: {p}"),
        "numbered fields 2": S("Response {i}: {t}\nProbability {i}: {p}"),
        "environment": S("RESPONSE_{i}={d}\nPROBABILITY_{i}={p}", lines=True),
    },
    "tables": {
        "markdown": S("| {t} | {p} |", head="| Answer | Probability |\n|:--|--:|\n"),
        "markdown, numbered": S("| {i} | {t} | {q}% |", head="| No. | Candidate | Chance |\n|---|---|---|\n"),
        "markdown, percent head": S("| {t} | {q} |", head="| Response | Probability (%) |\n|---|---|\n"),
        "markdown, reason between": S("| {t} | It is near. | {p} |", head="| Response | Why | Probability |\n|---|---|---|\n"),
        "markdown, bold": S("| {i} | **{t}** | **{p}** |", head="| # | **Response** | **Probability** |\n|---|---|---|\n"),
        "markdown, other head": S("| {t} | {p} |", head="| Ville | Proba |\n|---|---|\n"),
        "markdown, no head": S("| {t} | {p} |", bare=True),
        "markdown, empty head": S("| {t} | {p} |", head="| | |\n|---|---|\n", bare=True),
        "markdown, quoted": S('| "{t}" | {p} |', head="| Text | p |\n|---|---|\n"),
        "markdown, code": S("| `{t}` | {p} |", head="| Text | Prob |\n|---|---|\n"),
        "markdown, cumulative": S("| {t} | {p} | 0.9 |", head="| Text | Probability | Cumulative |\n|---|---|---|\n"),
        "markdown, rank last": S("| {t} | {p} | {i} |", head="| Text | Probability | Rank |\n|---|---|---|\n"),
        "markdown, first probability": S("| {p} | {t} |", head="| Probability | Text |\n|---|---|\n"),
        "markdown, total": S("| {t} | {p} |", head="| Text | Probability |\n|---|---|\n", foot="\n| **Total** | **1.00** |"),
        "csv": S('"{t}",{p}', head="response,probability\n"),
        "csv, id": S('{i},"{t}",{p}', head="id,text,probability\n"),
        "csv, no head": S('"{t}",{p}', bare=True),
        "csv, spaces": S('"{t}", {p}', head="response, probability\n"),
        "csv, fenced": S('"{t}",{p}', head="```csv\ntext,probability\n", foot="\n```"),
        "csv, first number": S('{p},"{t}"', head="probability,text\n"),
        "tsv": S("{t}\t{p}", head="text\tprobability\n"),
        "tsv, id": S("{i}\t{t}\t{p}", head="id\ttext\tprobability\n"),
        "semicolons": S("{t};{p}", head="text;probability\n"),
        "semicolons, comma": S("{t};{c}", head="Text;Wahrscheinlichkeit\n"),
        "pipes": S("{t}|{p}", head="text|probability\n"),
        "aligned": S("{t:<60}{p}", head="Response                                                    Probability\n"),
        "latex": S("{t} & {p} \\\\", head="\\begin{tabular}{lr}\nResponse & Probability \\\\\n\\hline\n", foot="\n\\end{tabular}"),
        "org": S("| {t} | {p} |", head="| Response | Probability |\n|----------+-------------|\n"),
        "wiki": S("|-\n| {t} || {p}", head='{| class="wikitable"\n! Response !! Probability\n', foot="\n|}"),
        "asciidoc": S("|{t} |{p}", head="|===\n|Response |Probability\n\n", foot="\n|==="),
        "jira": S("|{t}|{p}|", head="||Response||Probability||\n"),
    },
    "programs": {
        "dict": S("{d}: {p},", "\n    ", "probs = {\n    ", "\n}", lines=True, bare=True),
        "tuples": S("({d}, {p}),", "\n    ", "samples = [\n    ", "\n]", lines=True, bare=True),
        "two lists": S("{d}", ", ", "texts = [", "]\nprobabilities = [@]", lines=True),
        "object": S("{{ response: {d}, prob: {p} }},", "\n  ", "const answers = [\n  ", "\n];", lines=True),
        "named": S("Candidate(text={d}, probability={p}),", "\n    ", "candidates = [\n    ", "\n]", lines=True),
        "Go": S("{{Text: {d}, Probability: {p}}},", "\n\t", "responses := []Response{\n\t", "\n}", lines=True),
        "Rust": S("Response {{ text: {d}.to_string(), probability: {p} }},", "\n    ", "let responses = vec![\n    ", "\n];", lines=True),
        "Java": S("new Response({d}, {p})", ",\n    ", "List<Response> responses = List.of(\n    ", "\n);", lines=True, bare=True),
        "C": S("{{ {d}, {p} }},", "\n  ", "struct response responses[] = {\n  ", "\n};", lines=True, bare=True),
        "literals with a suffix": S("new Response({d}, {p}f),", "\n    ", "List<Response> responses = List.of(\n    ", "\n);", lines=True, bare=True),
        "put": S("map.put({d}, {p});", bare=True, lines=True),
        "subscript": S("probs[{d}] = {p}", bare=True, lines=True),
        "print": S("print({d}, {p})", bare=True, lines=True),
        "yield": S('yield {{"text": {d}, "probability": {p}}}', lines=True),
        "assert": S("add_response({d}, probability={p})", lines=True),
        "R": S("{d}", ", ", "data.frame(text = c(", "), probability = c(@))", lines=True),
        "random.choices": S("{d}", ", ", "random.choices([", "], weights=[@])", lines=True),
        "Lisp": S("({d} . {p})", "\n  ", "'(", ")", lines=True, bare=True),
        "Clojure": S("{{:text {d} :probability {p}}}", "\n ", "[", "]", lines=True),
        "Elixir": S("%{{text: {d}, probability: {p}}}", ",\n  ", "[\n  ", "\n]", lines=True),
        "Haskell": S("({d}, {p})", ", ", "responses = [", "]", lines=True, bare=True),
        "Kotlin": S("{d} to {p}", ",\n    ", "mapOf(\n    ", "\n)", lines=True, bare=True),
        "Swift": S("{d}: {p}", ", ", "let probs: [String: Double] = [", "]", lines=True, bare=True),
        "CSharp": S("new() {{ Text = {d}, Probability = {p} }}", ",\n    ", "var responses = new List<Response> {\n    ", "\n};", lines=True),
    },
}  # fmt: skip


def cases() -> Iterator[Case]:
    """Yield every shape with every sort of text that it can hold, always the same ones."""
    for kind, shapes in SHAPES.items():
        for name, shape in shapes.items():
            for sort in WHOLE if shape.lines else LINES:
                rng = random.Random(name + sort.name)
                size = rng.randint(3, 5)
                numbers = NUMBERS[size][0 if shape.bare else rng.randint(0, 2)]
                texts = sort.texts[:size]
                pairs = [(t.strip(), p) for t, p in zip(texts, numbers, strict=True)]
                yield Case(kind, f"{name}, {sort.name}", shape.write(texts, numbers), pairs)


def known(case: Case) -> str:
    """How a case is read where k is known; see `outcome`."""
    return outcome(case, lambda answer: parse(answer, k=len(case.expected)))


def main() -> None:
    """Print how many cases of each kind are read exactly, with k known."""
    counts: dict[str, Counter[str]] = {}
    for case in cases():
        counts.setdefault(case.kind, Counter())[known(case)] += 1
    for kind, count in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        shares = (f"{n} {count[n] / count.total():.1%}" for n in OUTCOMES)
        print(f"{kind:<12}{count.total():>6}  {', '.join(shares)}")


OUTCOMES = ("exact", "wrong", "repaired", "refused")

if __name__ == "__main__":
    main()
