"""Answers that say that there is no answer: one class, however they are worded."""

from __future__ import annotations

import re

__all__ = ["abstains"]

_MOST = 1_000
"""Characters that are looked at: an abstention says so at once."""

_NOT = r"(?:not|n['’]t|never|nowhere)"
_HOLDS = (
    r"(?:mention|say|state|contain|provide|specify|include|answer|give|tell|indicate|discuss|"
    r"address|cover|explain|reveal|describe|name|identify|list|hold|offer|have|refer)"
)
_WHERE = (
    r"(?:context|sources?|passages?|texts?|documents?|excerpts?|information|materials?|articles?|"
    r"content|snippets?)"
)
_WORDINGS = (
    # The sources do not mention it.
    rf"\b{_WHERE}\b.{{0,60}}?\b(?:do|does|did)\s?{_NOT}\b.{{0,20}}?\b{_HOLDS}",
    rf"\b(?:none|neither) of\b.{{0,20}}?\b{_WHERE}\b.{{0,20}}?\b{_HOLDS}",
    # It is not mentioned in the sources; the answer is not there.
    rf"\b{_NOT} (?:\w+ )?(?:mentioned|stated|specified|provided|given|found|available|named|"
    rf"included|indicated|discussed|described|contained|clear|known|possible)\b.{{0,30}}?"
    rf"\b(?:in|by|from)\b.{{0,20}}?\b{_WHERE}",
    r"\b(?:no|not enough|insufficient|not sufficient|lack of|without)\s(?:\w+\s){0,2}?"
    r"(?:information|mention|answer|evidence|data|details?|indication|context|reference)\b",
    r"\b(?:i|we)(?: do|['’]m| am| are| could| can)?\s?(?:not|n['’]t|unable to|cannot)\b"
    r".{0,20}?\b(?:know|answer|determine|find|say|tell|sure|infer)\b",
    r"\b(?:cannot|can['’]t|could not|impossible to|unable to)\b.{0,8}?"
    r"\b(?:answer|determin|infer|found|be known|say|tell)",
    # German
    r"\b(?:kontext|quellen?|texte?n?|passagen?|dokumente?n?|informationen)\b.{0,60}?"
    r"\b(?:nicht|kein\w*|nichts)\b",
    r"\b(?:nicht|nirgends) (?:erwähnt|angegeben|genannt|enthalten|bekannt|beschrieben)\b",
    r"\bkeine? (?:angaben?|information(?:en)?|antwort|hinweise?|erwähnung)\b",
    r"\bwei(?:ß|ss) (?:ich |es )*nicht\b|\blässt sich\b.{0,40}?\bnicht\b",
    # French
    r"\b(?:contexte|sources?|textes?|passages?|documents?)\b.{0,60}?\bn['’e].{0,30}?\bpas\b",
    r"\b(?:pas|non) (?:mentionn|précis|indiqu|spécifi)|\baucune (?:information|mention|réponse)",
    r"\bje ne sais pas\b",
    # Spanish
    r"\b(?:contexto|fuentes?|textos?|pasajes?|documentos?)\b.{0,60}?\bno (?:se )?"
    r"(?:menciona|dice|indica|especifica|contiene|proporciona|incluye|responde)",
    r"\bno (?:se )?(?:menciona|indica|especifica)\b|\bno hay (?:información|mención|respuesta)",
    r"\bno (?:lo )?sé\b",
)
_ABSTAINS = re.compile("|".join(_WORDINGS), re.IGNORECASE)
_WHOLE = re.compile(
    r"(?:unknown|n/?a|none|null|nil|unclear|unanswerable|unspecified|empty response|no answer|"
    r"not (?:mentioned|stated|specified|provided|given|found|available|known|applicable|clear|"
    r"answered|answerable)|unbekannt|inconnu|desconocido|keine angabe)",
    re.IGNORECASE,
)


def abstains(text: str) -> bool:
    """Return whether an answer says, in one of many wordings, that there is no answer.

    Wordings of English, German, French and Spanish are known. An answer may be about what somebody
    does not say, so that this is a guess; whoever knows better (the model left the answer empty,
    or cites its sources) does not ask.

    Args:
        text: The answer; of a long one the beginning is looked at.
    """
    start = " ".join(text[:_MOST].split())
    return bool(_WHOLE.fullmatch(start.strip(" .!\"'()[]*"))) or bool(_ABSTAINS.search(start))
