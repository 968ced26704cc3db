"""Several candidates on one line: ``Paris (0.5), Rome (0.3)``."""

from __future__ import annotations

import re

from vs_core.formats.numbers import BARE, PLAIN, SHORT, Found, number_in, trailing
from vs_core.words import FINAL, LIST, REASONING, TEXT, kind_of

__all__ = ["inline"]

_BRACKETS = re.compile(r"[*_`]{0,4}[(\[（【]([^()\[\]（）【】\n]{1,60})[)\]）】][*_`]*")
_JOINER = re.compile(r"[\s,;，；、|/.]*(?:\b(?:and|und|y|et|e|и|or)\s+)?(?:[•*·-]\s+)?")
_ORDINAL = re.compile(r"\(?\d{1,3}[.):、]\s*")
# It begins where white space does, and white space has one way to match: linear time.
_PAIR_END = re.compile(
    r"(?<!\s)(?:\s*(?:[:：=]|-|–|—|->|→)\s*|\s+)[~≈]?((?:\d{1,3}(?:[.,]\d{1,6})?\s?[%％])|(?:0?[.]\d{1,9}|[01][.]0+))(?=\s*(?:[,;，；、|/]|\Z|\.\s|\.?\Z|\s(?:and|und|y|et|и)\s))"
)

_DECIMALS = re.compile(r"\.\d|[%％]")
"""What `_PAIR_END` holds at least once each time."""


def inline(line: str) -> list[tuple[str, Found]]:
    """Return the candidates of one line that holds several, with their probabilities."""
    if not 8 <= len(line) <= 20_000:
        return []
    spans = []
    if sum(map(line.count, "([（【")) > 1:
        spans = [
            (match.start(), match.end(), number._replace(enclosed=True))
            for match in _BRACKETS.finditer(line)
            if (number := number_in(match[1])) is not None and number.strength > BARE
        ]
    if len(spans) < 2:
        if len(_DECIMALS.findall(line)) < 2:
            return []
        spans = []
        for match in _PAIR_END.finditer(line):
            begin = spans[-1][1] if spans else 0
            piece = line[begin : match.start()]
            number = trailing(f"{piece}: {match[1]}") or Found(len(piece), 0, match[1], PLAIN)
            spans.append((begin + number.start, match.end(), number))
    if len(spans) < 2 or len(line[spans[-1][1] :].strip(" .,;|*")) > 60:
        return []
    begins = [0, *(end for _, end, _ in spans)]
    raws = [line[begin:start] for begin, (start, _, _) in zip(begins, spans, strict=False)]
    said = [_SAID.findall(raw) for raw in raws]
    if all(said):  # in a sentence the answers are what it quotes
        texts = ["".join(quotes[-1]) for quotes in said]
    else:
        texts = [_VERB.sub("", _piece(raw)) for raw in raws]
        if not all(texts) or any(_is_clause(text) for text in texts):
            return []
    return [(text, number) for text, (_, _, number) in zip(texts, spans, strict=True)]


_SAID = re.compile(r"“([^“”]{1,400})”|\"([^\"]{1,400})\"|\*\*([^*]{1,400})\*\*|«([^«»]{1,400})»")
_VERB = re.compile(  # begins where white space does, as _PAIR_END
    r"(?<!\s)(?:\s*,\s|\s+)(?:has|have|is|are|gets|at|with|receives|comes|comes with|which has)(?:\s(?:an?|the))?\Z"  # noqa: E501
)
_CLAUSE = re.compile(
    r"(?:i|i'd|we|you|it|there|the most|most|next|then|followed|finally|maybe|perhaps|another|my|"
    r"a less|less|in|about|around|roughly|only|also|with|after|while|lastly|first|second|third)\b",
    re.I,
)


def _is_clause(text: str) -> bool:
    """Whether a piece of a line is part of a sentence around the answer, and not the answer."""
    return len(text.split()) > 3 and _CLAUSE.match(text) is not None


def _piece(text: str) -> str:
    joiner = _JOINER.match(text[:SHORT])
    text = text[joiner.end() :] if joiner else text
    head, colon, tail = text.partition(": ")
    if colon and kind_of(head) & {LIST, FINAL, REASONING, TEXT}:
        text = tail
    ordinal = _ORDINAL.match(text[:SHORT])
    return (text[ordinal.end() :] if ordinal else text).strip()
