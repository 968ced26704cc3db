"""What stands around an answer: thoughts, drafts, tags that wrap it, tokens of a chat template.

`opened` takes a whole text, `Opening` one that comes in; both use the same marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from vs_core.formats.numbers import SHORT
from vs_core.words import DRAFT, FINAL, VOCABULARY

__all__ = ["Envelope", "Opening", "bodies", "may_be_final", "opened"]


class Envelope(NamedTuple):
    """An answer without what stands around it.

    Args:
        text: The answer.
        thoughts: What the model thought before it; None if it did not.
    """

    text: str
    thoughts: str | None = None


# --- thoughts ------------------------------------------------------------------------------------

_NAMES = (
    r"(?:\w{1,20}:)?(?:think|thinking|thoughts?|scratch_?pad|reflection|inner_?monologue|"
    r"inner_?thoughts|reasoning|analysis|rationale|planning|plan|brainstorm(?:ing)?|drafts?)"
)
_OPENS = re.compile(
    rf"(?P<tag><\s{{0,9}}(?P<name>{_NAMES})(?:\s[^<>]{{0,200}})?\s{{0,9}}>)"
    r"|(?P<square>\[\s?(?P<square_name>think|thinking|thoughts?|reasoning|scratchpad)\s?\])"
    r"|(?P<moon>◁think▷)"
    r"|(?P<special><\|(?:begin_of_thought|start_thinking|begin_thinking|think_start|START_THINKING)\|>)"
    r"|(?P<channel>(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*(?:analysis|commentary)[^<]{0,60}<\|message\|>)",
    re.I,
)
_CLOSES = {
    "square": re.compile(r"\[\s?/\s?(?:think|thinking|thoughts?|reasoning|scratchpad)\s?\]", re.I),
    "moon": re.compile(r"◁/think▷"),
    "special": re.compile(r"<\|(?:end_of_thought|end_thinking|think_end)\|>", re.I),
    "channel": re.compile(
        r"(?:<\|(?:end|return)\|>\s*)?(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*final[^<]{0,60}<\|message\|>"
        r"|<\|(?:end|return)\|>\s*(?=<\|start\|>)",
        re.I,
    ),
    "tag": re.compile(rf"<\s{{0,9}}/\s{{0,9}}{_NAMES}\s{{0,9}}>", re.I),
}
_TEMPLATE = re.compile(
    r"(?:\s*(?:<\|[\w ]{1,40}\|>(?:assistant|final)?|</?s>|<bos>|<start_of_turn>(?:model)?"
    r"|\ufeff|\u200b))+"
)
_TEMPLATE_END = re.compile(r"\s*(?:<\|(?:[\w ]{1,40})\|>|</s>|<eos>|<end_of_turn>|\[/INST\])\s*\Z")
_LONGEST_END = 48
_LONGEST_OPENING = 280
_KEPT = frozenset(("reasoning", "analysis", "rationale", "plan", "planning"))
"""Names of tags that belong to the answer: their content is its reasoning even without an end."""


def opened(raw: str) -> Envelope:
    """Return an answer without the thoughts before it and the tokens around it."""
    text = raw.replace("\r\n", "\n") if "\r" in raw else raw
    if text[:1] in ("\ufeff", "\u200b", "<") or (text[:1].isspace() and "<|" in text[:99]):
        head = _TEMPLATE.match(text)
        if head and not _OPENS.match(text.lstrip()):
            text = text[head.end() :]
    for _ in range(3):
        tail = _TEMPLATE_END.search(text[-_LONGEST_END:]) if text[-1:] in (">", "]", "\n") else None
        if tail is None:
            break
        text = text[: len(text) - min(len(text), _LONGEST_END) + tail.start()]
    thoughts: list[str] = []
    while (span := _thoughts(text)) is not None:
        begin, inner, end = span
        thoughts.append(text[begin:inner].strip())
        text = text[end:]
        if not text.strip():
            break
    if thoughts and (head := _TEMPLATE.match(text)):
        text = text[head.end() :]
    said = "\n\n".join(filter(None, thoughts))
    return Envelope(text, said or None)


def _thoughts(text: str) -> tuple[int, int, int] | None:
    """Where thoughts at the beginning of a text begin and end, and where the answer goes on."""
    start = len(text) - len(text.lstrip())
    if text[start : start + 1] not in ("<", "[", "◁"):
        return None
    match = _OPENS.match(text, start)
    if match is None:
        return None
    kind = _kind(match)
    close = _closing(match).search(text, match.end())
    if close is None:
        if kind == "tag" and match["name"].lower() in _KEPT:
            return None
        return match.end(), len(text), len(text)
    return match.end(), close.start(), close.end()


def _kind(match: re.Match[str]) -> str:
    return next(name for name in _CLOSES if match[name])


def _closing(match: re.Match[str]) -> re.Pattern[str]:
    if match["name"] is None:
        return _CLOSES[_kind(match)]
    name = match["name"].lower().rpartition(":")[2]
    return _closing_tag(name)


_closing_tags: dict[str, re.Pattern[str]] = {}


def _closing_tag(name: str) -> re.Pattern[str]:
    if name in ("think", "thinking", "thought", "thoughts"):
        name = "think"
    if name not in _closing_tags:
        names = "(?:think|thinking|thoughts?)" if name == "think" else re.escape(name)
        _closing_tags[name] = re.compile(
            rf"<\s{{0,9}}/\s{{0,9}}(?:\w{{1,20}}:)?{names}\s{{0,9}}>", re.I
        )
    return _closing_tags[name]


# --- drafts and wrappers -------------------------------------------------------------------------


def _heading(*kinds: str) -> str:
    words = sorted({word for kind in kinds for word in VOCABULARY[kind]}, key=len, reverse=True)
    named = "|".join(re.escape(word).replace(r"\ ", r"\s") for word in words)
    begin = rf"[ \t]{{0,8}}(?:[#>*_=-]{{1,6}}[ \t]?){{0,3}}(?:{named})[ \t]?(?:\d{{1,2}}[ \t]?)?"
    return begin + r"[*_=]{0,3}[ \t]?(?:[:：][*_]{0,3}|\n|\Z)"


_FINAL_HEADING = re.compile(rf"(?m)(?:^|(?<=[.!?] )){_heading(FINAL)}", re.I)
_DRAFT_HEADING = re.compile(_heading(DRAFT), re.I)
_LONE_END = re.compile(
    r"(?m)<\s{0,9}/\s{0,9}(?:think|thinking|thoughts?)\s{0,9}>[ \t]*(?=\n|[{\[<`]|\Z)", re.I
)
_THINKING = re.compile(r"<\s{0,9}(?:think|thinking|thoughts?)\b[^<>]{0,99}>", re.I)
_WRAPPING = re.compile(
    r"<\s{0,9}(?P<name>(?:final_?)?(?:answers?|output|response|responses|result|results|distribution)|final|"
    r"candidates|samples|json|text|reply)(?:\s[^<>]{0,100})?>",
    re.I,
)


def bodies(text: str) -> Iterator[tuple[str, str]]:
    """Yield what of a text may be the answer, most likely first, and what that assumes."""
    final = _last(_FINAL_HEADING, text) if may_be_final(text) else None
    if final is not None and text[final.end() :].strip() and final.start() > 0:
        before = text[: final.start()]
        remark = "a draft left out" if any(c.isdigit() for c in before) else ""
        yield text[final.end() :], remark
    if "<" in text and "</" in text:  # one character is found far quicker than two
        yield from _unwrapped(text)
    inside = _inside(text)
    if inside is not None:
        yield inside, ""
    yield text, ""


_AROUND = re.compile(
    r"\s*(?:(?P<begin>[^\w\n]{0,9}BEGIN\b[^\n]{0,60})\n(?P<a>.*)\n[^\w\n]{0,9}END\b[^\n]{0,60}"
    r"|\$\$\n(?P<b>.*)\n\$\$|\\boxed\{(?P<c>.*)\}"
    r"|<(?P<name>[A-Za-z][\w-]{0,30})(?:\s[^<>\n]{0,100})?>\n(?P<d>.*)\n</(?P=name)>)\s*\Z",
    re.DOTALL,
)


def _inside(text: str) -> str | None:
    """What stands between lines that open and close a whole answer, or in a quotation."""
    if text.startswith(">") and all(line[:1] in (">", "") for line in text.rstrip().split("\n")):
        return "\n".join(line[1:].removeprefix(" ") for line in text.split("\n"))
    start = text[:SHORT].lstrip()[:1]
    match = _AROUND.match(text) if start and start in "<$\\B-=*[" else None
    if match is None or (match["name"] and f"<{match['name']}" in match["d"]):
        return None
    return match["a"] or match["b"] or match["c"] or match["d"]


_FINAL_WORDS = ("final", "revised", "corrected", "son cevap")
_OTHER_FINAL_WORDS = ("endgü", "оконч", "итог", "最终", "最終", "최종", "النهائية")


def may_be_final(text: str) -> bool:
    """Return whether a text holds a word of a final heading at all, much cheaper to see."""
    if text.isascii():
        folded = text.lower()
        return any(map(folded.__contains__, _FINAL_WORDS))
    folded = text.casefold()
    if "\u0307" in folded or "ı" in folded:  # İ and ı, which are an i where case is ignored
        folded = folded.replace("\u0307", "").replace("ı", "i")
    return any(map(folded.__contains__, _FINAL_WORDS + _OTHER_FINAL_WORDS))


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = None
    for match in pattern.finditer(text):
        found = match
    return found


def _unwrapped(text: str) -> Iterator[tuple[str, str]]:
    end = _last(_LONE_END, text)
    if end is not None and text[end.end() :].strip() and _is_lone(text[: end.end()]):
        yield text[end.end() :], "thoughts left out"
    seen: set[str] = set()
    for match in _WRAPPING.finditer(text[:20_000]):
        name = match["name"]
        if name in seen:
            continue
        seen.add(name)
        opening = f"<{name}"
        if text.count(opening + ">") + text.count(opening + " ") == 1:
            close = text.find(f"</{name}>", match.end())
            if close > 0 and "<prob" not in text[match.end() : close].lower():
                yield text[match.end() : close], ""
            return


def _is_lone(text: str) -> bool:
    """Whether more tags of thinking are closed in a text than opened."""
    closed = sum(1 for _ in _LONE_END.finditer(text))
    return closed > sum(1 for _ in _THINKING.finditer(text))


# --- streams -------------------------------------------------------------------------------------


class Opening:
    """Leaves out what stands before an answer while it comes in."""

    def __init__(self) -> None:
        self._begin: list[str] | None = []  # of the answer, until it is clear how it begins
        self._size = 0
        self._closing: re.Pattern[str] | None = None
        self._end = ""  # of the thoughts, where the closing mark may have begun
        self.holds = False
        """Whether what comes is a draft, of which nothing must be given early."""
        self._line = ""

    def after(self, chunk: str) -> str:
        """Return what of ``chunk`` belongs to the answer."""
        answer = self._after(chunk)
        if answer:
            self._look_for_drafts(answer)
        return answer

    def _after(self, chunk: str) -> str:
        if self._closing is not None:
            return self._thinking(chunk)
        if self._begin is None:
            return chunk
        if not self._begin and chunk.isspace():
            return ""
        self._begin.append(chunk)
        self._size += len(chunk)
        if self._size < 3:
            return ""
        start = "".join(self._begin).lstrip().lstrip("\ufeff\u200b")
        if not start:
            return ""
        match = _OPENS.match(start)
        begun = match is None and start[0] in "<[◁" and len(start) < _LONGEST_OPENING
        if begun and _MAY_OPEN.match(start) and not _ENDED.search(start):
            return ""  # too early to tell
        self._begin = None
        if match is None:
            head = _TEMPLATE.match(start)
            return start[head.end() :] if head else start
        self._closing = _closing(match)
        return self._thinking(start[match.end() :])

    def _thinking(self, chunk: str) -> str:
        assert self._closing is not None  # noqa: S101  # only then it is called
        self._end += chunk
        match = self._closing.search(self._end)
        if match is None:
            self._end = self._end[-120:]
            return ""
        rest = self._end[match.end() :]
        self._closing, self._end, self._begin, self._size = None, "", [], 0
        return self._after(rest) if rest else ""

    def _look_for_drafts(self, chunk: str) -> None:
        """Notice the headings of a draft and of the final answer."""
        if "\n" not in chunk and len(self._line) > 80:
            return
        self._line += chunk
        *ended, self._line = self._line.split("\n")
        for line in ended:
            self._head(line[:120] + "\n")
        self._line = self._line[:120]
        if self._line.rstrip().endswith((":", "：", "*")):
            self._head(self._line)

    def _head(self, line: str) -> None:
        if _DRAFT_HEADING.match(line):
            self.holds = True


_MAY_OPEN = re.compile(
    r"(?:<\s{0,9}[\w:|]{0,24}(?:\s[^<>]{0,200})?|<\|[^<]{0,80}(?:<\|[^<]{0,40})*|\[\s?[A-Za-z]{0,12}\s?\]?|◁\w{0,6}▷?)\Z"
)
_ENDED = re.compile(r"(?<!\|)>\Z|<\|message\|>")
