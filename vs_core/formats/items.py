"""One candidate in running text: its text and its probability, from the lines that belong to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json

from vs_core.formats.numbers import (
    BARE,
    LABELLED,
    Found,
    leading,
    number_in,
    number_line,
    trailing,
    within,
)
from vs_core.words import CANDIDATE, EXPLANATION, META, PROBABILITY, TEXT, TOTAL, WEAK, kind_of

__all__ = [
    "ListItem", "cleaned", "cleaned_alike", "is_filled", "is_total", "read_item", "unquoted",
]  # fmt: skip

FIELD = re.compile(
    r"(?P<indent>[ \t]{0,16})(?P<mark>[-*•+]\s{1,3})?[*_`\"']{0,3}"
    r"(?P<key>[^\W\d][^:：=\n\"*`<>(]{0,38}?)"
    r"[*_`\"']{0,3}\s?(?P<sep>[:：]|=(?![=>]))[*_`]{0,3}(?P<space>\s*)"
)
"""A line that begins with a label."""


@dataclass(slots=True)
class ListItem:
    """A candidate as it was read.

    Args:
        text: What it says.
        number: Its probability as it is written; None without one.
        strength: How surely that is a probability (see `vs_core.formats.numbers`).
        label: The label of the number.
        leftover: What stands behind both and belongs to neither.
        notes: What else was said of it, by its labels.
        way: Where the number stands: ``"line"``, ``"end"``, ``"begin"`` or ``"within"``.
        total: Whether a sum of the probabilities was left out of it.
        enclosed: Whether the number stands in brackets.
    """

    text: str
    number: str | None = None
    strength: int = 0
    label: str = ""
    leftover: str = ""
    notes: dict[str, str] = field(default_factory=dict)
    way: str = ""
    total: bool = False
    enclosed: bool = False


def read_item(block: Sequence[str], *, at_end: Callable[[], bool] = bool) -> ListItem:
    """Read the lines of one candidate, its marker cut off.

    Args:
        block: The lines.
        at_end: Says whether the numbers of the list stand at the very end of each candidate. Few
            candidates need to know, and it takes a look at all.
    """
    lines = _trimmed(block)
    total = False
    if len(lines) > 1:
        kept = [line for at, line in enumerate(lines) if not (at and is_total(line))]
        total = len(kept) < len(lines)
        lines = _trimmed(kept)
    if not lines:
        return ListItem("", total=total)
    item = _on_its_own_line(lines) if len(lines) > 1 else None
    if item is None:
        item = _beside_the_text(lines, at_end=at_end)
    item.total = total
    return item


_RULES = frozenset("-_*=~")
_RULE = re.compile(r"\s*(?:[-_*=~]\s?){3,}\s*\Z")


def _trimmed(lines: Sequence[str]) -> Sequence[str]:
    """Lines without the blank ones and the rules around them."""
    begin, end = 0, len(lines)
    while begin < end and not is_filled(lines[begin]):
        begin += 1
    while end > begin and not is_filled(lines[end - 1]):
        end -= 1
    return lines[begin:end] if (begin, end) != (0, len(lines)) else lines


def is_filled(line: str) -> bool:
    """Return whether a line is neither blank nor a rule between candidates."""
    plain = line.strip()
    if plain[:1] not in _RULES:
        return plain != ""
    return len(line) >= 160 or _RULE.match(line) is None


_TOTAL = re.compile(r"[\s*_`|>#(\[-]{0,12}(?P<label>[^\W\d][^:：=\d\n|]{0,40}?)[\s*_`)]*[:：=≈|]")


def is_total(line: str) -> bool:
    """Whether a line gives the sum of the probabilities."""
    match = _TOTAL.match(line) if len(line) <= 160 else None
    if match is None or not any(map(str.isdigit, line[match.end() :])):
        return False
    label = match["label"].strip(" *_`").lower()
    return TOTAL in kind_of(label) or label.split()[0] in ("total", "sum")


# --- where the number stands ---------------------------------------------------------------------


def _on_its_own_line(lines: Sequence[str]) -> ListItem | None:
    found: list[tuple[int, Found]] = []
    for at, line in enumerate(lines):
        number = number_line(line)
        if number is not None:
            found.append((at, number))
    if not found:
        return None
    strong = [pair for pair in found if PROBABILITY in kind_of(pair[1].label)] or found
    at, number = strong[-1]
    above, below = lines[:at], lines[at + 1 :]
    beside = [i for i, _ in found if i != at and _is_weak(lines[i])]
    if not any(
        line.strip() and not _is_meta(line) for i, line in enumerate(above) if i not in beside
    ):
        above, below = below, ()
        first = lines[:at]
        notes = dict(_field(line) for line in first if _field(line)[0])
    else:
        notes = {}
    above, more = _without_notes(above, number.label)
    if more and all(map(_HEAD.match, above)):  # what looks like a note is the text
        above, more = lines[:at], {}
    text, way = "\n".join(above).strip(), "line"
    item = ListItem(
        text, number.number, number.strength, number.label, notes={**notes, **more}, way=way
    )
    item.enclosed = number.enclosed
    rest, after = _without_notes(below, number.label or "number", text=False)
    item.notes.update(after)
    item.leftover = "\n".join(rest).strip()
    if not text and rest:
        item.text, item.leftover = "\n".join(rest).strip(), ""
    return item


_HEAD = re.compile(r"[\W_]{0,9}(?:(?:[^\W\d_]{1,20}[\s#]{0,3})?\d{1,3}[\W_]{0,9})?\Z")
"""A line that only heads a candidate, or is blank: ``=== Response 1 ===``."""


def _is_meta(line: str) -> bool:
    """Whether a line is a field of no account: ``ID: 3``."""
    match = FIELD.match(line[:160])
    return match is not None and kind_of(match["key"].strip()) == {META}


def _is_weak(line: str) -> bool:
    number = number_line(line)
    return number is not None and WEAK in kind_of(number.label)


def _beside_the_text(lines: Sequence[str], *, at_end: Callable[[], bool]) -> ListItem:
    if len(lines) == 1:
        return _of_one_line(lines[0])
    final = trailing(lines[-1])
    late = final is not None and final.strength > BARE and at_end()
    item = _of_first_line(lines, None if late else trailing(lines[0]), final)
    if item is None and final is None:
        item = _of_last_line(lines)
    if item is not None:
        return item
    if final is not None and final.strength > BARE:
        return _ended(lines, final)
    begin = leading(lines[0])
    if begin is not None and begin.strength > BARE:
        return _item(_bare("\n".join([lines[0][begin.end :], *lines[1:]])), begin, "begin")
    alone = number_line(lines[0])
    if alone is not None:
        return _item(_bare("\n".join(lines[1:])), alone, "begin")
    item = _in_the_middle(lines) or _within_a_line(lines)
    return item if item is not None else ListItem(_bare("\n".join(lines)))


def _of_one_line(line: str) -> ListItem:
    final = trailing(line)
    headless = final is not None and not line[: final.start].strip()
    if final is not None and final.strength > BARE and not headless:
        return _ended([line], final)
    begin = leading(line)
    if headless and begin is not None:
        final = None  # what looks like a label behind the number is the text
    if final is not None and final.strength > BARE:
        return _ended([line], final)
    if begin is not None and begin.strength > BARE:
        return _item(_bare(line[begin.end :]), begin, "begin")
    item = _within_a_line([line])
    if item is not None:
        return item
    if final is not None and (begin is None or begin.number.isdigit()):  # if all have one
        return _item(_bare(line[: final.start]), final, "end")
    return _item(_bare(line[begin.end :]), begin, "begin") if begin else ListItem(_bare(line))


def _of_first_line(
    lines: Sequence[str], first: Found | None, final: Found | None
) -> ListItem | None:
    """The candidate whose number is on its first line, alone or behind a heading."""
    if first is None:
        bare = number_in(lines[0].strip(" *_`:")[:60])
        if bare is not None and bare.strength > BARE and not bare.label:
            return _item(_bare("\n".join(lines[1:])), bare, "begin")
        return None
    if first.strength < (final.strength if final else LABELLED - 1):
        return None
    rest, notes = _without_notes(lines[1:], "", text=False)
    head = _bare(lines[0][: first.start])
    body = "\n".join(rest).strip()
    if not cleaned(head) or (body and CANDIDATE in kind_of(head.strip("#* "))):
        return _item(_bare(body), first, "begin", notes=notes)
    return _item(head, first, "end", leftover=body, notes=notes)


def _of_last_line(lines: Sequence[str]) -> ListItem | None:
    """The candidate with a number alone on its last line."""
    bare = number_in(lines[-1].strip(" \t*_`–—-")[:60])
    if bare is None or bare.strength == BARE or bare.label:
        return None
    return _item("\n".join(lines[:-1]).strip(), bare, "line")


def _in_the_middle(lines: Sequence[str]) -> ListItem | None:
    """The candidate whose number ends a line that is neither its first nor its last."""
    for at, line in enumerate(lines[1:-1], 1):
        found = trailing(line)
        if found is None or found.strength == BARE:
            continue
        if found.strength == LABELLED or found.enclosed:
            above = "\n".join([*lines[:at], line[: found.start]])
            body = "\n".join(lines[at + 1 :]).strip()
            return _item(_bare(above), found, "end", leftover=body)
    return None


def _within_a_line(lines: Sequence[str]) -> ListItem | None:
    """The candidate whose number stands within a line."""
    for at, line in enumerate(lines):
        found = within(line)
        if found is None:
            continue
        head = "\n".join([*lines[:at], line[: found.start]])
        after = "\n".join([line[found.end :], *lines[at + 1 :]])
        if head.strip():
            head = _bare(_unparted(head))
            rest = _bare(after.lstrip(_PARTS))
            if _HEAD.match(head) and rest:
                return _item(rest, found, "begin")
            return _item(head, found, "within", leftover=rest)
    return None


def _ended(lines: Sequence[str], final: Found) -> ListItem:
    """The candidate whose lines end in its number."""
    kept, notes = _without_notes([*lines[:-1], lines[-1][: final.start]], "")
    return _item(_bare("\n".join(kept)), final, "end", notes=notes)


def _bare(text: str) -> str:
    return text.strip()


_PARTS = " \t\n–—-:;,.|"


def _unparted(head: str) -> str:
    return head.rstrip().rstrip("–—-:;,|").rstrip()


def _item(
    text: str, found: Found, way: str, *, leftover: str = "", notes: dict[str, str] | None = None
) -> ListItem:
    notes = notes or {}
    item = ListItem(text, found.number, found.strength, found.label, leftover, notes, way)
    item.enclosed = found.enclosed
    return item


# --- fields --------------------------------------------------------------------------------------


def _field(line: str) -> tuple[str, str]:
    """The label that a line begins with, and what follows it."""
    match = FIELD.match(line[:160])
    if match is None:
        return "", ""
    return match["key"].strip(), _plain(line[match.end() :])


def _without_notes(
    lines: Sequence[str], label: str, *, text: bool = True
) -> tuple[list[str], dict[str, str]]:
    """Lines without those that a label marks as something other than the text."""
    if not any(":" in line or "=" in line or "：" in line for line in lines):
        return list(lines), {}
    kept: list[str] = []
    notes: dict[str, str] = {}
    begun = text_label = False
    note = None
    inside = _in_blocks(lines)
    for at, line in enumerate(lines):
        if at in inside:
            kept.append(line)
            continue
        match = FIELD.match(line[:160]) if ":" in line or "：" in line or "=" in line else None
        kinds = kind_of(match["key"]) if match else frozenset()
        if match and TEXT in kinds and not begun and not text_label:
            text_label = True
            kept.append(line)
            begun = bool(line[match.end() :].strip()) or begun
            note = None
        elif match and kinds & _NOTES and _set_apart(match, line, label, begun or text_label):
            note = match["key"].strip()
            notes[note] = _plain(line[match.end() :])
        elif note is not None and line.strip() and line.startswith(("  ", "\t")) and text_label:
            notes[note] = f"{notes[note]}\n{line.strip()}".strip()
        else:
            note = None
            begun = begun or bool(line.strip())
            kept.append(line)
    if text and not any(line.strip() for line in kept):
        return list(lines), {}  # a text that looks like a note
    return kept, notes


_NOTES = frozenset((EXPLANATION, META))
_BLOCK = re.compile(r"[|>](?:[+-]?\d?|\d[+-])(?:\s+#[^\n]*)?\Z")
"""What begins a text of several lines in YAML, whose indentation tells where it ends."""
_LONG_QUOTES = ('"""', "'''")


def _in_blocks(lines: Sequence[str]) -> Set[int]:
    """The lines of texts that YAML or TOML writes in several lines."""
    found: set[int] = set()
    closes, indent, inside = "", 0, False
    for at, line in enumerate(lines):
        if inside:
            inside = closes not in line if closes else _width(line) > indent or not line.strip()
            if inside or closes:
                found.add(at)
                continue
        rest = line.rpartition(":" if ":" in line else "=")[2].strip() if len(line) < 99 else ""
        if rest in _LONG_QUOTES:
            closes, indent, inside = rest, _width(line), True
        elif _BLOCK.match(rest) or (not rest and _is_above_its_text(lines, at)):
            closes, indent, inside = "", _width(line), True
    return found


def _width(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_above_its_text(lines: Sequence[str], at: int) -> bool:
    """Whether a line is the label of a text that stands below it alone, and indented."""
    match = FIELD.match(lines[at][:160])
    if match is None or not match["key"].islower() or TEXT not in kind_of(match["key"]):
        return False
    below = next((line for line in lines[at + 1 :] if line.strip()), "")
    return _width(below) > match.start("key")


def _set_apart(match: re.Match[str], line: str, label: str, begun: bool) -> bool:
    """Whether a label within the text is one: in a record, indented, emphasised or a bullet."""
    if not begun:
        return bool(label)
    return bool(match["mark"] or match["indent"] or label or line.lstrip()[:1] in "*_")


def _plain(value: str) -> str:
    value = value.strip().rstrip(",").strip()
    for quote in ('"', "'"):
        if len(value) > 1 and value[0] == value[-1] == quote:
            return value[1:-1]
    return value.strip("*_")


# --- the texts ----------------------------------------------------------------------------------

_WRAPS = (
    ("***", "***"), ("**", "**"), ("__", "__"), ('"', '"'), ("“", "”"), ("「", "」"), ("«", "»"),
    ("„", "“"), ("『", "』"), ("`", "`"), ("'", "'"), ("‘", "’"), ("*", "*"), ("_", "_"),
)  # fmt: skip
_WRAPPING = frozenset(opening[0] for opening, _ in _WRAPS)
_NAMES = frozenset((TEXT, CANDIDATE))


def cleaned(text: str) -> str:
    """Return a text alone without its label, and without emphasis or quotes around all of it."""
    return cleaned_alike([text])[0]


def cleaned_alike(texts: Sequence[str]) -> list[str]:
    """Return the texts of one list without what all of them have: a label, emphasis, quotes.

    What only some have is part of the text: ``Text: the musical`` among other titles.
    """
    texts = [text.strip() for text in texts]
    filled = [text for text in texts if text]
    first = _label(filled[0]) if filled else None
    if first is not None and all(_label(text) == first for text in filled):
        texts = [_without_label(text) if text else text for text in texts]
    if any("\\" in text for text in texts) and all(text[:1] == text[-1:] == '"' for text in texts):
        with suppress(ValueError):
            return [str(from_json(text)) for text in texts]
    if len(texts) > 1 and all(
        text.startswith("```\n") and text.endswith("\n```") for text in texts
    ):
        return [text[4:-4] for text in texts]  # with a language, it would be code
    for _ in range(2):
        filled = [text for text in texts if text]
        if not filled or filled[0][0] not in _WRAPPING:
            break
        for opening, closing in _WRAPS:
            if all(_wraps(text, opening, closing) for text in filled):
                width = len(opening), len(closing)
                texts = [text[width[0] : len(text) - width[1]].strip() for text in texts]
                break
        else:
            break
    return [_balanced(text) for text in texts]


def _label(text: str) -> str | None:
    """The label in front of a text, if it names a text."""
    match = FIELD.match(text[:160])
    if match is None:
        return None
    key = match["key"].strip().rstrip("0123456789 ").lower()
    kinds = kind_of(key)
    return key if kinds & _NAMES and len(key.split()) <= 3 and WEAK not in kinds else None


def _without_label(text: str) -> str:
    match = FIELD.match(text[:160])
    if match is None:
        return text
    value = _TYPED.sub("", text[match.end() :], count=1)
    if match["sep"] == ":" and match["key"].islower() and "\n" in value:
        value = _unfolded(value)
    return _value(value, match.end())


def _wraps(text: str, opening: str, closing: str) -> bool:
    """Whether a pair of marks stands around all of a text, and not around two parts of it."""
    if len(text) <= len(opening) + len(closing):
        return False
    if not (text.startswith(opening) and text.endswith(closing)):
        return False
    inner = text[len(opening) : len(text) - len(closing)]
    if opening not in inner and closing not in inner:
        return True
    return _nests(inner, opening, closing)


def _nests(inner: str, opening: str, closing: str) -> bool:
    """Whether the marks within are pairs of their own: ``"He said "no" and left"``."""
    if len(opening) > 1 or opening in "*_`":
        return False
    depth = 0
    for at, character in enumerate(inner):
        if character not in (opening, closing):
            continue
        before, after = inner[at - 1 : at], inner[at + 1 : at + 2]
        if opening == closing:
            opens = (not before or before.isspace() or before in '([“‘"') and not after.isspace()
            if character == "'" and before.isalnum() and after.isalnum():
                continue  # an apostrophe
        else:
            opens = character == opening
        depth += 1 if opens else -1
        if depth < 0:
            return False
    return depth == 0


def _balanced(text: str) -> str:
    """A text without emphasis that opens and never closes, or closes and never opened."""
    if text.count("**") == 1:
        if text.startswith("**"):
            return text[2:].lstrip()
        if text.endswith("**"):
            return text[:-2].rstrip()
    return text


def _indentation(text: str) -> int:
    """The least indentation of the lines behind the first."""
    _, *rest = text.split("\n")
    return min((len(line) - len(line.lstrip()) for line in rest if line.strip()), default=0)


def _outdented(text: str) -> str:
    """Lines of an item without the indentation that the list gives them."""
    if "\n" not in text:
        return text
    least = _indentation(text)
    if not least:
        return text
    first, *rest = text.split("\n")
    return "\n".join([first, *(line[least:] for line in rest)])


_TYPED = re.compile(r"\A(?:(?:!{1,2}[A-Za-z]\w{0,30}|&\w{1,30})\s{1,9})+(?=[\"'|>])")
"""A tag or an anchor of YAML, in front of a string."""
_WIDE = 60
"""Characters of a line that a writer of YAML breaks because it is too long."""


def _unfolded(text: str) -> str:
    """A quoted or plain text of YAML without the breaks that only fold its lines.

    In such a text one break is a space, and more are one less. Short lines without a blank one
    between them are not folded: whoever wrote them meant their breaks.
    """
    head, *rest = text.split("\n")
    if any(line and not line[0].isspace() for line in rest):
        return text
    quote = head.lstrip()[:1]
    quoted = quote in ("'", '"') and text.rstrip()[-1:] == quote and "\n" in text.rstrip()
    if not quoted:
        whole = all(len(line) >= _WIDE for line in (head, *rest[:-1]))
        return " ".join([head.rstrip(), *map(str.strip, rest)]) if whole and rest[-1:] else text
    if not any(not line.strip() for line in rest[:-1]) and any(
        len(line) < _WIDE for line in (head, *rest[:-1])
    ):
        return text
    head, *rest = (_CONTINUED.sub("", text) if quote == '"' else text).split("\n")
    folded, blank = [head.rstrip()], 0
    for line in map(str.strip, rest):
        if line:
            folded += ["\n" * blank or " ", line]
        blank = 0 if line else blank + 1
    return "".join(folded)


_CONTINUED = re.compile(r"\\\n[ \t]*(?:\\(?= ))?")
"""What breaks a long line of a quoted text of YAML without a space."""


def unquoted(text: str) -> str:
    """Return what a string of YAML or TOML says; a text that is none as it stands."""
    if text[:1] == '"' and text[-1:] == '"' and len(text) > 1:
        with suppress(ValueError):
            read: Any = from_json(text)
            return str(read)
        return text[1:-1] if '"' not in text[1:-1] else text
    single = text[:1] == "'" and text[-1:] == "'" and len(text) > 2
    if single and (_wraps(text, "'", "'") or "'" not in text[1:-1].replace("''", "")):
        return text[1:-1].replace("''", "'")
    return text


_COMMENTED = re.compile(r'("(?:[^"\\\n]|\\.){0,4000}")[ \t]{1,9}#[^"\n]*\Z')
_FOLD = re.compile(r"(?<!\n)\n(?!\n)")


def _value(text: str, width: int) -> str:
    """What stands behind a label: a plain text, or a string or block of YAML or TOML."""
    if text[:1] in ("|", ">") and _BLOCK.match(text.partition("\n")[0].rstrip()):
        body = _outdented("\n" + text.partition("\n")[2]).strip()
        return body if text[0] == "|" else _FOLD.sub(" ", body)
    text = text.strip()
    commented = _COMMENTED.match(text) if text[:1] == '"' and "#" in text else None
    text = commented[1] if commented else text
    least = _indentation(text)
    if least in (2, width):
        text = _outdented(text)
    for quotes in ('"""', "'''"):
        if text.startswith(quotes) and text.endswith(quotes) and len(text) >= 6:
            return text[3:-3].strip()
    plain = unquoted(text)
    if plain != text:
        return plain
    return text.rstrip(",") if text.endswith(('",', "',")) else text
