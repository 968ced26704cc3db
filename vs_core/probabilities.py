"""What "probability" means: the seven definitions, and reading one back.

A definition says how the prompt words the question and how the number that comes back becomes a
probability on [0, 1]. These are the only rules by which vs-core turns what a model wrote into a
number (Zhang et al. 2025, arXiv 2510.01171, appendix on probability definitions).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from vs_core.errors import ConfigurationError

__all__ = ["DEFINITIONS", "Definition", "definition_of", "read_probabilities"]

Reading = tuple["float | None", "str | None"]
"""A probability, or None; and the repair that it took, if any."""


@dataclass(frozen=True)
class Definition:
    """One way of asking for a probability.

    Args:
        name: The value of ``probability=`` that selects it.
        key: Name of the field or tag that holds the number in an answer.
        meaning: Completes the sentence "``key`` is …" of the prompt.
        scale: ``"probability"``, ``"nll"`` or ``"perplexity"``: what the number measures.
        example: A number as an answer would write it.
    """

    name: str
    key: str
    meaning: str
    scale: str = "probability"
    example: str = "0.2"


DEFINITIONS: dict[str, Definition] = {
    definition.name: definition
    for definition in (
        Definition("implicit", "probability", "how probable the response is"),
        Definition(
            "explicit",
            "probability",
            "the estimated probability, from 0.0 to 1.0, that this response is given to the "
            "request, relative to the full distribution of all possible responses",
        ),
        Definition(
            "relative",
            "probability",
            "the likelihood, from 0.0 to 1.0, of this response relative to the other responses "
            "that could be given to the request",
        ),
        Definition(
            "percentage",
            "probability",
            "the estimated probability of this response as a percentage, from 0% to 100%, "
            "relative to the full distribution of all possible responses",
            example="20%",
        ),
        Definition(
            "confidence",
            "confidence",
            "a score from 0.0 to 1.0 for how typical this response is of the full distribution "
            "of all possible responses",
        ),
        Definition(
            "nll",
            "nll",
            "the estimated negative log-likelihood of this response given the request: the sum "
            "over its tokens of the negative natural logarithm of each token's probability",
            scale="nll",
            example="1.6",
        ),
        Definition(
            "perplexity",
            "perplexity",
            "the estimated perplexity of this response given the request: the exponential of the "
            "mean negative log-likelihood of its tokens",
            scale="perplexity",
            example="5.0",
        ),
    )
}


def definition_of(name: str) -> Definition:
    """Return the definition called ``name``.

    Raises:
        ConfigurationError: If there is none; the message lists them.
    """
    try:
        return DEFINITIONS[name]
    except KeyError:
        raise ConfigurationError(
            f"Unknown probability definition {name!r}. Known: {', '.join(DEFINITIONS)}."
        ) from None


# Linear: every alternative starts with another kind of character and nothing nests.
_NUMBER = r"\d+(?:(?:[.,٫]|·(?!10\b))\d+)?(?:[eE][-+−]?\d+)?|[.,٫]\d+(?:[eE][-+−]?\d+)?"
_PERCENT = (
    r"%|٪|per\s?cent|pct\b|prozent|процент\w{0,3}|por\s?cento|por\sciento|pour\scent|yüzde"
    r"|パーセント|퍼센트"
)
_QUANTITY = re.compile(
    rf"(?P<sign>[-+−]?)\s*(?P<number>{_NUMBER})\s*"
    rf"(?:(?P<percent>{_PERCENT})|(?P<permille>‰)|(?P<of>/|(?:chances?\s)?(?:in|out\sof|of(?=\s100\b)|von|sur|из|su)\b)"
    r"|[×·x*]\s?10(?:\s?\^\s?[({]?|(?=[-−]))(?P<power>[-−]?\d{1,2})[)}]?)?",
    re.IGNORECASE,
)
_DENOMINATOR = re.compile(rf"\s*({_NUMBER})")
_LONGEST = 64
"""Characters of a written probability that are looked at; no number needs more."""


class _Number(NamedTuple):
    value: float
    percent: bool = False
    repair: str | None = None


def _float(digits: str) -> float:
    return float(digits.replace(",", ".").replace("٫", ".").replace("·", ".").replace("−", "-"))


def _read_number(raw: Any) -> _Number | None:
    """Read one number as written; None if there is none."""
    if isinstance(raw, bool) or raw is None:
        return None
    if isinstance(raw, (int, float)):
        value = float(raw) if abs(raw) < 1e300 else math.inf
        return _Number(value) if math.isfinite(value) else None
    return _read_written(raw[:_LONGEST]) if isinstance(raw, str) else None


@lru_cache(maxsize=4096)
def _read_written(raw: str) -> _Number | None:
    """Read a number in a text; the same few stand in many answers, and are weighed again."""
    if raw.isascii() and raw[-1:] != "." and raw.replace(".", "", 1).isdigit():
        return _Number(float(raw))
    text = unicodedata.normalize("NFKC", raw).strip()
    match = _QUANTITY.search(text)
    if match is None:
        return None
    value = _float(match["number"])
    repair = None if match[0] == text else f"probability read from {text!r}"
    if match["sign"] in ("-", "−"):
        value = -value
    if match["of"]:
        denominator = _DENOMINATOR.match(text, match.end())
        if denominator is None or not _float(denominator[1]):
            return None
        value /= _float(denominator[1])
        repair = f"probability read from the fraction {text!r}"
    if match["power"]:
        power = int(match["power"].replace("−", "-"))
        value = value / 10**-power if power < 0 else value * 10.0**power
    percent = match["percent"] is not None
    if not math.isfinite(value):
        return None
    if match["permille"]:
        return _Number(value / 1000, True, repair)
    return _Number(value / 100 if percent else value, percent, repair)


def _from_nll(values: Sequence[float]) -> Sequence[tuple[float | None, str | None]]:
    # A log-likelihood given with its own sign means the same as its negative.
    nlls = [abs(value) for value in values]
    # exp underflows beyond about 745; weights survive a common shift.
    shift = min(nlls) if min(nlls) > 700 else 0.0
    repair = "negative log-likelihoods shifted to keep them from underflowing" if shift else None
    return [(math.exp(shift - nll), repair) for nll in nlls]


def _from_perplexity(values: Sequence[float]) -> Sequence[tuple[float | None, str | None]]:
    return [
        (1 / value, None) if value >= 1 else (None, "perplexity under 1 is unreadable")
        for value in values
    ]


def _from_bare(values: Sequence[float]) -> Sequence[tuple[float | None, str | None]]:
    largest = max(values)
    if largest <= 1:
        divisor, repair = 1.0, None
    elif largest < 2 and any(0 < value < 1 for value in values):
        divisor, repair = largest, "divided by the largest, which was over 1"
    elif largest <= 100:
        divisor, repair = 100.0, "read as a percentage"
    else:
        divisor, repair = sum(value for value in values if value > 0), "divided by the sum"
    return [
        (None, "negative probability is unreadable") if value < 0 else (value / divisor, repair)
        for value in values
    ]


_SCALES: dict[str, Callable[[Sequence[float]], Sequence[Reading]]] = {
    "probability": _from_bare,
    "nll": _from_nll,
    "perplexity": _from_perplexity,
}


def depends_on_others(raw: Any) -> bool:
    """Whether what a number means depends on those beside it: ``20`` may be 20 percent."""
    number = _read_number(raw)
    return number is not None and not number.percent and number.value > 1


def alone(raw: Any) -> float | None:
    """Return the probability that a number is whatever stands beside it; None if it is none."""
    number = _read_number(raw)
    if number is None or number.value < 0 or (number.value > 1 and not number.percent):
        return None
    return min(number.value, 1.0)


def read_probabilities(
    raws: Sequence[Any], definition: Definition | None = None
) -> list[tuple[float | None, str | None]]:
    """Read the probabilities of one answer, together.

    Together, because ``20`` alone says nothing, and among ``35`` and ``45`` it is a percentage:

    ============================================  ============================================
    numbers without a percent sign                are read as
    ============================================  ============================================
    all at most 1                                 themselves
    the largest under 2, others under 1           themselves divided by the largest
    the largest at most 100                       percentages
    the largest over 100                          shares of their sum
    NLL (when that was asked for)                 exp(−nll)
    perplexity (when that was asked for)          1 / perplexity (likelihood per token)
    ============================================  ============================================

    Strings may be written ``"23%"``, ``"230‰"``, ``"1/6"``, ``"1 in 6"``, ``"0,25"``, ``"~0.2"``,
    ``"0.2 (approx.)"``, ``"1e-4"``, ``"2×10^-4"``. What is absent, negative, infinite or no number
    is None: never 0 and never invented.

    Args:
        raws: What the model gave for each candidate: numbers, strings, or None.
        definition: What was asked for; default: plain probabilities.

    Returns:
        For each candidate its probability on [0, 1] or None, and the repair it took or None.
    """
    scale = definition.scale if definition else "probability"
    if scale == "probability" and all(map(_is_plain, raws)):
        return [(raw, None) for raw in raws]
    numbers = [_read_number(raw) for raw in raws]
    bare = [number.value for number in numbers if number and not number.percent]
    converted = iter(_SCALES[scale](bare) if bare else ())
    readings: list[Reading] = []
    for raw, number in zip(raws, numbers, strict=True):
        if number is None:
            repair = None if raw is None else "unreadable probability"
            readings.append((None, repair))
        elif number.percent:
            readings.append(_clip(number.value, number.repair))
        else:
            value, repair = next(converted)
            readings.append((value, repair or number.repair))
    return readings


def _is_plain(raw: Any) -> bool:
    """Whether what a model gave is a probability as it stands, or is absent."""
    return raw is None or (type(raw) is float and 0 <= raw <= 1)


def _clip(value: float, repair: str | None) -> Reading:
    if value < 0:
        return None, "negative probability is unreadable"
    return (1.0, "percentage over 100 read as 1") if value > 1 else (value, repair)
