"""Answers that cite: the sources that a model names, read as models write them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BeforeValidator, Field
from pydantic_core import to_json

from vs_core import Candidate
from vs_core.strategies.typed import validated
from vs_llama_index.abstaining import abstains

__all__ = ["ABSTAINS", "SOURCES", "UNKNOWN", "Cited", "cited_type", "labelled", "numbers", "read"]

T = TypeVar("T")

SOURCES = "sources"
UNKNOWN = "unknown_sources"
ABSTAINS = "abstains"
"""Keys of a candidate's metadata: the numbers of the sources it cites, those that it cites and was
not shown, and whether it says that there is no answer."""

_RANGE = 200  # most sources that "1-200" may name

# --- reading numbers ------------------------------------------------------------------------------

_NUMBER = r"\d{1,6}"
_JOIN = (
    r"(?:\s{0,3}(?:[-–—,;&+/]|\band\b|\bto\b|\bor\b|\bund\b|\bbis\b|\bet\b|\bà\b|\by\b|\be\b)"
    r"\s{0,3}|\s{1,3}){1,3}"
)
_MARK = r"[\[(#^]{0,3}"
_END = r"[\])]{0,2}"
_LIST = rf"{_MARK}{_NUMBER}{_END}(?:{_JOIN}{_MARK}{_NUMBER}{_END})*"
_ELSEWHERE = re.compile(
    r"https?://\S+|www\.\S+|"
    rf"\b(?:pages?|pp?\.|chapters?|ch\.|sections?|sec\.|lines?|paragraphs?|para\.|tables?|figures?|"
    rf"figs?\.|vol(?:ume)?s?\.?|seiten?|§{{1,2}})\s{{0,3}}{_NUMBER}(?:{_JOIN}{_NUMBER})*",
    re.IGNORECASE,
)
_LABEL = (
    r"(?:sources?|src|refs?|references?|docs?|documents?|passages?|citations?|nodes?|chunks?|"
    r"excerpts?|contexts?|quellen?|fuentes?)"
)
_LABELLED = re.compile(
    rf"\b{_LABEL}(?:_|\b)[\s:.=-]{{0,3}}(?:(?:nos?|nrs?|numbers?|n[°º])\.?\s{{0,2}})?({_LIST})",
    re.IGNORECASE,
)
_BARE = re.compile(rf"\W{{0,5}}({_LIST})\W{{0,5}}", re.IGNORECASE)
_NAMED = rf"(?:{_LABEL}\s{{0,2}})?{_NUMBER}"
_BRACKETED = re.compile(
    rf"[\[【]\s{{0,2}}({_NAMED}(?:{_JOIN}{_NAMED})*)\s{{0,2}}[\]】]", re.IGNORECASE
)
_SPAN = re.compile(
    rf"({_NUMBER}){_END}\s{{0,3}}(?:[-–—]|\bto\b|\bbis\b|\bà\b)\s{{0,3}}{_MARK}({_NUMBER})|"
    rf"({_NUMBER})"
)


def numbers(said: Any) -> list[int]:
    """Return the numbers of sources in whatever a model wrote where it names them.

    ``1``, ``["1", "Source 2"]``, ``"Sources 1, 2 and 3"``, ``"[1][4]"`` and ``"1-3"`` are read;
    page numbers, addresses and other numbers are not taken for sources.
    """
    return list(dict.fromkeys(_numbers(said)))


def _numbers(said: Any) -> Iterable[int]:
    if isinstance(said, bool) or said is None:
        return ()
    if isinstance(said, (int, float)):
        return (int(said),) if said == int(said) >= 0 else ()
    if isinstance(said, Mapping):
        said = list(said.values())
    if isinstance(said, (list, tuple, set)):
        return [number for one in said for number in _numbers(one)]
    text = _ELSEWHERE.sub(" ", str(said))
    whole = _BARE.fullmatch(text)
    named = [whole[1]] if whole else _LABELLED.findall(text) or _BRACKETED.findall(text)
    return [number for one in named for number in _listed(one)]


def inline(answer: str) -> list[int]:
    """Return the numbers in brackets within an answer, such as ``[1][2]`` and ``[Source 3]``."""
    found = (number for one in _BRACKETED.findall(answer) for number in _listed(one))
    return list(dict.fromkeys(found))


def _listed(text: str) -> Iterable[int]:
    for match in _SPAN.finditer(text):
        if match[3]:
            yield int(match[3])
            continue
        first, last = int(match[1]), int(match[2])
        yield from range(first, last + 1) if 0 <= last - first < _RANGE else (first, last)


def labelled(number: int, text: str) -> str:
    """Return a source with its number for the model; one that has it already stays."""
    label = f"Source {number}:\n"
    return text if text.startswith(label) else label + text


# --- the type of a candidate ----------------------------------------------------------------------


def _bare(said: Any) -> Any:
    """An answer for which a model left the object out, or used another name in it."""
    if isinstance(said, Cited) or (isinstance(said, dict) and "answer" in said):
        return said
    if isinstance(said, dict) and said.keys() <= {"text", "response", SOURCES}:
        answer = said.get("text", said.get("response"))
        return {"answer": answer, SOURCES: said.get(SOURCES, ())}
    return {"answer": said}


@dataclass(frozen=True)
class Cited(Generic[T]):
    """An answer, and the sources that it is based on."""

    answer: Annotated[
        T | None, Field(description="the answer alone; null if the sources do not hold it")
    ]
    sources: Annotated[
        list[int],
        BeforeValidator(numbers),
        Field(description="numbers of the sources that the answer is based on"),
    ] = field(default_factory=list)


def cited_type(answer: Any) -> Any:
    """Return the type of a candidate, from that of its answer; None is text."""
    of_answer: Any = Cited[str] if answer is None else Cited[answer]
    return Annotated[of_answer, BeforeValidator(_bare)]  # generic, because that can be pickled


def read(candidate: Candidate, schema: Any, shown: Collection[int], no_answer: str) -> Candidate:
    """Return a candidate with its answer as its text, and what it cites in its metadata.

    Args:
        candidate: As the model gave it.
        schema: Its type, made by `cited_type`; None if it was not asked to cite.
        shown: Numbers of the sources that the model was shown. Others are ``"unknown_sources"``,
            and a repair says so.
        no_answer: The text of an answer that was left empty.
    """
    about = dict(candidate.metadata)
    if schema is None:
        return candidate.model_copy(
            update={"metadata": {**about, ABSTAINS: True}} if abstains(candidate.text) else {}
        )
    checked, error = validated(candidate, schema)
    if error is not None:
        return candidate  # its repairs say why
    answer = checked.value.answer
    text = answer.strip() if isinstance(answer, str) else ""
    # Some models write the sources beside the answer, or in it, or some here and some there. Where
    # none in it was shown, and others are named, what is in brackets may be no source at all.
    cited = checked.value.sources or numbers(about.get(SOURCES))
    within = inline(text)
    if not cited or not set(within).isdisjoint(shown):
        cited = list(dict.fromkeys([*cited, *within]))
    about[SOURCES] = [number for number in cited if number in shown]
    unknown = [number for number in cited if number not in shown]
    if unknown:
        about[UNKNOWN] = unknown
    if answer is None or text == "" == answer or (not about[SOURCES] and abstains(text)):
        about[ABSTAINS] = True
    update: dict[str, Any] = {"metadata": about, "text": text or no_answer, "value": None}
    if answer is not None and not isinstance(answer, str):
        update |= {"text": to_json(answer).decode(), "value": answer}
    said = [f"cites source {number}, which was not shown" for number in unknown]
    return candidate.model_copy(update=update).repaired(*said)
