"""A reader for JSON as models write it: one pass, no recursion, linear in the text.

It reads what JSON5 and the literals of programs add (comments, trailing commas, single quotes, bare
words, tuples, ``=>`` and ``=`` behind a key, calls such as ``Response(text="…")``),
and mends what is wrong: smart quotes as delimiters, raw newlines and unescaped quotes in strings,
missing commas and brackets, an end in the middle. Nothing is evaluated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from vs_core.formats.base import CUT_OFF
from vs_core.words import CANDIDATE, PROBABILITY, TEXT, WEAK, kind_of

__all__ = ["Lenient", "read_leniently", "unescaped"]

QUOTES = "unusual quotes read as double quotes"
MAX_DEPTH = 200
"""Deepest nesting that is read; no answer needs more."""

_SPACE = re.compile(r"(?:\s+|//[^\n]*|#[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z))*")
_BARE = re.compile(r"[^,:{}\[\])\n\"“”]+")
_ELLIPSIS = re.compile(r"(?:\.{3,9}|…)(?=\s*(?:[,\]}]|\Z))")  # "and so on", not a candidate
# Opening quotes, and what closes them.
_QUOTES = {
    '"': '"', "'": "'", "`": "`", "“": '”"', "”": '”"', "‘": "’'", "„": '“”"', "«": "»",
}  # fmt: skip
_STOPS = {closers: re.compile(rf"[{closers}\\]") for closers in (*_QUOTES.values(), '"”“')}
_CLOSERS = {"{": "}", "[": "]", "(": ")"}
_CONSTANTS = {"true": True, "false": False, "null": None, "none": None, "undefined": None}
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\Z")
_ESCAPE = re.compile(
    r"\\(u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]{1,6}\}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|.)", re.DOTALL
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": ""}
_LOOKAHEAD = 80
# What may follow the quote that ends a string: the end of its list or object, or what comes next.
_ENDS_VALUE = re.compile(r"\s*,?\s*(?:[}\]]|\Z|//|#|/\*)")
_ENDS_CALL = re.compile(r"\s*,?\s*\)")
_NEXT_KEY = re.compile(r"\s*,?\s*[\"'“‘„]?[\w .-]{1,40}[\"'”’“]?\s*(?::|=)")
_NEXT_NUMBER = re.compile(r"\s*,?\s*\"(?P<key>[A-Za-z_]\w{0,30})\"\s*[-+]?\.?\d")
_KEY_BEGINS = re.compile(r"[A-Za-z_]\w{0,30}\"\s*:")
_NEXT_ITEM = re.compile(r"\s*,\s*(?:[\"'“‘„{\[(\d.-]|true|false|null|None|True|False|[}\]]|\Z)")
_ENDS_KEY = re.compile(r"\s*(?::|=>?)")
_BEGINS_VALUE = re.compile(r"\s*(?:[\"“{\[]|[-+]?\.?\d)")
_WORD = re.compile(r"[A-Za-z_]\w{0,30}\Z")
_OPEN_KEY = re.compile(r"\"(?P<key>[A-Za-z_]\w{0,30}):\s{0,9}(?=(?P<quote>\")|[-+]?\.?\d)")
"""A key without the quote that would close it."""
NO_COLON = "missing colon added"
NO_QUOTE = "missing quote of a key added"
# In programs: a call, a key that is assigned, and what a bracket holds that says what it is.
_CALL = re.compile(r"[A-Za-z_$][\w.$]{0,60}\((?P<named>\s*[A-Za-z_]\w{0,40}\s*=(?!=))?")
_ASSIGNED = re.compile(r"(?P<key>:?[A-Za-z_]\w{0,40})\s*=>?(?!=)\s*")
_ARROWED = re.compile(r"\[\s{0,99}(?:['\"][^'\"\n]{1,40}['\"]|:\w{1,40})\s*=>")
_LISTED = re.compile(r"\{\s{0,99}[{(\[]")


_TEXTS = frozenset((TEXT, CANDIDATE))
_NUMBERS = frozenset((PROBABILITY, WEAK))
_SAYING = _TEXTS | _NUMBERS


@dataclass
class Lenient:
    """What was read.

    Args:
        value: Dictionaries, lists, strings, numbers, booleans and None; numbers are floats or ints.
        end: Position behind it.
        repairs: What had to be mended, each once.
        torn: Identities of the dictionaries and lists that the text ended in.
    """

    value: Any
    end: int
    repairs: dict[str, None] = field(default_factory=dict)
    torn: set[int] = field(default_factory=set)


def read_leniently(text: str, start: int) -> Lenient | None:
    """Read the object or list that begins at ``start``.

    Returns:
        What was read, as far as the text goes; None if it is nested too deep.
    """
    return _Reader(text, start).read()


@dataclass
class _Frame:
    """An open object or list."""

    container: Any
    closer: str
    key: str | None = None
    awaits_value: bool = False  # a colon came after the key


class _Reader:
    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.at = start
        self.stack: list[_Frame] = []
        self.done: Any = None
        self.repairs: dict[str, None] = {}

    def read(self) -> Lenient | None:
        text, size = self.text, len(self.text)
        while self.at < size:
            if text[self.at] in "/#" or text[self.at].isspace():
                self._pass_space()
                if self.at >= size:
                    break
            self._step(text[self.at])
            if not self.stack:
                return Lenient(self.done, self.at, self.repairs)
            if len(self.stack) > MAX_DEPTH:
                return None
        torn = {id(frame.container) for frame in self.stack}
        bottom = self.stack[0].container if self.stack else self.done
        self._repair(CUT_OFF)
        return Lenient(bottom, size, self.repairs, torn)

    def _pass_space(self) -> None:
        """Pass over white space and comments."""
        space = _SPACE.match(self.text, self.at)
        assert space is not None  # noqa: S101  # it matches the empty string
        if not self.text[self.at : space.end()].isspace() and space.end() > self.at:
            self._repair("comment left out")
        self.at = space.end()

    def _step(self, character: str) -> None:
        if character in "{[(":
            self._open(character)
        elif character in "}])":
            self._close(character)
        elif character == ",":
            self._end_pair()
            self.at += 1
            if self.text[self.at : self.at + 1] in ("}", "]"):
                self._repair("trailing comma left out")
        elif character == ":":
            self.stack[-1].awaits_value = True
            self.at += 1
        elif character in _QUOTES:
            self._quoted(character)
        elif character == "=" and isinstance(self.stack[-1].container, dict):
            self.stack[-1].awaits_value = True
            self.at += 2 if self.text.startswith("=>", self.at) else 1
        elif character == ";" or self._program():
            self.at += character == ";"
        elif (ellipsis := _ELLIPSIS.match(self.text, self.at)) is not None:
            self._repair("ellipsis left out")
            self.at = ellipsis.end()
        else:
            self._place(self._bare())

    def _quoted(self, quote: str) -> None:
        if quote == '"' and (self._open_key() or self._closes_key()):
            return
        frame = self.stack[-1]
        is_key = isinstance(frame.container, dict) and not frame.awaits_value
        self._place(self._string(quote))
        known = is_key and bool(kind_of(frame.key or "") & _SAYING)
        if known and _BEGINS_VALUE.match(self.text, self.at):
            frame.awaits_value = True
            self._repair(NO_COLON)

    # --- structure ---------------------------------------------------------------------------

    def _open(self, character: str, *, named: bool = False) -> None:
        pairs = character == "{"
        if pairs and _LISTED.match(self.text, self.at):
            pairs = False
        elif character == "[" and _ARROWED.match(self.text, self.at):
            pairs = True
        container: Any = {} if pairs or named else []
        if character == "{" and self.stack and self._lacks_bracket(self.stack[-1]):
            self._repair("missing bracket added")
            self.done = self.stack.pop().container
        if self.stack:
            self._place(container)
        self.stack.append(_Frame(container, _CLOSERS[character]))
        self.at += 1

    def _close(self, character: str) -> None:
        self.at += 1
        if not any(frame.closer == character for frame in self.stack[-3:]):
            self._repair("stray bracket left out")
            return
        while True:
            self._end_pair()
            frame = self.stack.pop()
            self.done = frame.container
            if frame.closer == character:
                return
            self._repair("missing bracket added")

    def _end_pair(self) -> None:
        """A pair ends; a key that got no value keeps None."""
        frame = self.stack[-1]
        if frame.key is not None and isinstance(frame.container, dict):
            frame.container.setdefault(frame.key, None)
        frame.key, frame.awaits_value = None, False

    def _place(self, value: Any) -> None:
        """Put a value where it belongs: into a list, behind its key, or as a key."""
        frame = self.stack[-1]
        if isinstance(frame.container, list):
            frame.container.append(value)
        elif frame.awaits_value and frame.key is not None:
            if frame.container.get(frame.key) is not None and self._is_next(frame):
                frame = self._begin_next(frame)
            frame.container[frame.key or ""] = value
            frame.key, frame.awaits_value = None, False
        elif isinstance(value, (dict, list)):
            frame.container[frame.key or ""] = value
            frame.key = None
        else:
            self._end_pair()
            frame.key = value if isinstance(value, str) else str(value)

    def _lacks_bracket(self, frame: _Frame) -> bool:
        """Whether an object of a list should have ended before another one begins."""
        whole = isinstance(frame.container, dict) and len(frame.container) > 1
        return whole and frame.key is None and not frame.awaits_value and self._is_in_list()

    def _is_next(self, frame: _Frame) -> bool:
        """Whether a key that is there already begins the next object of a list."""
        first = next(iter(frame.container), None) == frame.key
        known = bool(kind_of(frame.key or "") & _SAYING)
        several = len(frame.container) > 1 and frame.closer == "}"
        return self._is_in_list() and first and known and several

    def _is_in_list(self) -> bool:
        """Whether what is open is an item of a list."""
        return len(self.stack) > 1 and isinstance(self.stack[-2].container, list)

    def _begin_next(self, frame: _Frame) -> _Frame:
        """End an object whose bracket is missing, and begin the next."""
        self._repair("an object divided where its keys begin again")
        after: dict[str, Any] = {}
        self.stack[-2].container.append(after)
        self.stack[-1] = _Frame(after, frame.closer, frame.key, awaits_value=True)
        return self.stack[-1]

    def _program(self) -> bool:
        """Read a call or an assigned key, as programs have them."""
        call = _CALL.match(self.text, self.at)
        if call is not None:
            self.at = self.text.index("(", self.at)
            self._open("(", named=call["named"] is not None)
            return True
        frame = self.stack[-1]
        if isinstance(frame.container, dict) and not frame.awaits_value:
            key = _ASSIGNED.match(self.text, self.at)
            if key is not None:
                self._end_pair()
                frame.key, frame.awaits_value = key["key"].lstrip(":"), True
                self.at = key.end()
                return True
        return False

    # --- leaves ------------------------------------------------------------------------------

    def _bare(self) -> Any:
        match = _BARE.match(self.text, self.at)
        if match is None:  # a closing quote without an opening one
            self.at += 1
            return ""
        self.at = match.end()
        word = match[0].strip()
        if word.lower() in _CONSTANTS:
            if word not in ("true", "false", "null"):
                self._repair("Python literal read as JSON")
            return _CONSTANTS[word.lower()]
        if len(word) <= 64 and _NUMBER.match(word):
            return float(word) if any(c in word for c in ".eE") else int(word)
        if self.stack[-1].awaits_value or isinstance(self.stack[-1].container, list):
            self._repair("bare word read as text")
        return word

    def _string(self, quote: str) -> str:
        closers = _QUOTES[quote]
        frame = self.stack[-1]
        if quote == '"' and isinstance(frame.container, dict) and not frame.awaits_value:
            closers = '"”“'  # keys are short: another quote may close them
        if quote != '"':
            self._repair(QUOTES)
        start = self.at + 1
        end = self._end_of_string(start, closers)
        raw = self.text[start:end]
        self.at = min(end + 1, len(self.text))
        if (
            frame.awaits_value
            and raw[-2:].rstrip()[-1:] == ","
            and _KEY_BEGINS.match(self.text, self.at)
        ):  # the quote opens the next key, and the one before it is missing
            raw, self.at = raw.rstrip()[:-1], end
            self._repair("missing quote of a text added")
        if "\n" in raw:
            self._repair("raw newline in a string")
        return unescaped(raw) if "\\" in raw else raw

    def _end_of_string(self, at: int, closers: str) -> int:
        text = self.text
        stops = _STOPS[closers]
        while True:
            found = stops.search(text, at)
            if found is None:
                return len(text)
            at = found.start()
            if text[at] == "\\":
                at += 2
            elif self._ends_here(at + 1):
                return at
            else:
                self._repair("unescaped quote in a string")
                at += 1

    def _ends_here(self, after: int) -> bool:
        """Whether a quote before ``after`` ends its string, from the little that follows."""
        window = self.text[after : after + _LOOKAHEAD]
        window = window.lstrip() if not window.isspace() else window
        frame = self.stack[-1]
        if frame.closer == ")" and _ENDS_CALL.match(window):
            return True
        if isinstance(frame.container, dict):
            if not frame.awaits_value:
                return _ENDS_KEY.match(window) is not None or self._lacks_colon(after, window)
            if _ENDS_VALUE.match(window) or _NEXT_KEY.match(window) or window.isspace():
                return True
            following = _NEXT_NUMBER.match(window)
            return following is not None and bool(kind_of(following["key"]) & _NUMBERS)
        return bool(_ENDS_VALUE.match(window) or _NEXT_ITEM.match(window) or window.isspace())

    def _lacks_colon(self, after: int, window: str) -> bool:
        """Whether a key that is known ends before ``after``, and its value follows at once."""
        word = self.text[self.at + 1 : after - 1][:40]
        return (
            _WORD.match(word) is not None
            and bool(kind_of(word) & _SAYING)
            and _BEGINS_VALUE.match(window) is not None
        )

    def _closes_key(self) -> bool:
        """Pass over the quote behind a key that lacks its opening quote."""
        frame = self.stack[-1]
        bare = isinstance(frame.container, dict) and frame.key is not None
        if (
            not bare
            or frame.awaits_value
            or self.text[self.at - 1 : self.at] != (frame.key or " ")[-1]
        ):
            return False
        if not _ENDS_KEY.match(self.text, self.at + 1):
            return False
        self._repair(NO_QUOTE)
        self.at += 1
        return True

    def _open_key(self) -> bool:
        """Read a key that is known and lacks its closing quote."""
        frame = self.stack[-1]
        if not isinstance(frame.container, dict) or frame.awaits_value:
            return False
        match = _OPEN_KEY.match(self.text, self.at)
        if match is None or not kind_of(match["key"]) & (_TEXTS if match["quote"] else _NUMBERS):
            return False
        self._end_pair()
        self._repair(NO_QUOTE)
        frame.key, frame.awaits_value = match["key"], True
        self.at = match.end()
        return True

    def _repair(self, name: str) -> None:
        self.repairs[name] = None


def unescaped(raw: str) -> str:
    """Undo the escapes of a string of JSON or a program; what is none stays as it is written."""
    text = _ESCAPE.sub(_escaped, raw)
    if any("\ud800" <= character <= "\udfff" for character in text):
        # Pairs of surrogates become one character; lone ones the replacement character.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _escaped(match: re.Match[str]) -> str:
    escape = match[1]
    if len(escape) > 1:
        code = int(escape[1:].strip("{}"), 16)
        return chr(code) if code < 0x110000 else match[0]
    if escape in _ESCAPES:
        return _ESCAPES[escape]
    return escape if escape in "\"'/\\`" else match[0]
