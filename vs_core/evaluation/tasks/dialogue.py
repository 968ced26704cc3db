"""Dialogue simulation: one tries to persuade, the other decides how much to give.

After PersuasionForGood (Wang et al. 2019), as in Zhang et al. 2025, section 6: a participant who
was paid 2 dollars is asked to donate some of it. The persuadee answers by the strategy that is
compared: each turn is drawn from its distribution. The persuader is asked directly throughout.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from vs_core.candidates import Candidate, Distribution
from vs_core.checks import require_count
from vs_core.errors import ConfigurationError
from vs_core.evaluation.catalogue import distinct_ngrams
from vs_core.evaluation.items import Item, Source, items_of
from vs_core.evaluation.measures import QUALITY, SEMANTIC, Answer, Measure, mean
from vs_core.evaluation.tasks.base import Task
from vs_core.messages import Message
from vs_core.strategies import Direct, Flow, Strategy
from vs_core.tables import rows_of

__all__ = ["MOST", "Dialogue", "amount_of", "dialogue"]

MOST = 2.0
"""Dollars that the persuadee was paid, and could give."""

_PERSUADER = (
    "You talk with somebody who was paid {most:g} dollars for a short task. Persuade them to "
    "donate some of it to a charity for children. Answer with your next message alone, of one to "
    "three sentences."
)
_PERSUADEE = (
    "{persona}\nYou were paid {most:g} dollars for a short task, and now chat with somebody about "
    "a charity for children. Answer as that person, with your next message alone, of one to three "
    "sentences."
)
_DOLLARS = Annotated[float, Field(ge=0, le=MOST)]
"""The type of a donation."""

_LONGEST = 1000
"""Characters of an answer in which an amount is looked for: the last ones."""

_WORDS = {
    "a": 1, "one": 1, "two": 2, "half a": 0.5, "ten": 10, "twenty": 20, "twenty-five": 25,
    "fifty": 50, "seventy-five": 75,
}  # fmt: skip
_SHARES = {"half": 0.5, "all": 1, "everything": 1, "nothing": 0, "none": 0, "zero": 0}
_AMOUNT = re.compile(
    r"(?<![\w.,])\$?\s?(\d{1,9}(?:[.,]\d{1,2})?)(?![\d%]|[.,]\d)\s?(¢|cents?\b|dollars?\b|bucks?\b)?"
    rf"|\b({'|'.join(sorted(_WORDS, key=len, reverse=True))})\s(cents?|dollars?|bucks?)\b"
    rf"|(?<!\bat\s)\b({'|'.join(_SHARES)})\b(?!\s(?:a|an|of a)\s)",
    re.IGNORECASE,
)
_OUT_OF = re.compile(
    r"(\S{1,12}(?:\s(?:cents?|dollars?))?)\s(?:out\s)?of\s(?:(?:my|the|these|your)\s)?"
    r"\$?(?:2(?:\.00?)?|two)\b(?:\sdollars?\b)?",
    re.IGNORECASE,
)
_DECLINED = re.compile(
    r"(?:\bnot|n['’]t|\bnever|\bcannot|\bdecline|\brefuse)\s(?:\w+\s){0,3}?"
    r"(?:donat|giv|contribut|spar|want)",
    re.IGNORECASE,
)
_UNCLEAR = re.compile(
    r"\d|\b(?:half|quarters?|third|percent|hundred|thousand|million|fifty|twenty|ten)\b|%",
    re.IGNORECASE,
)
"""What beside an amount says that it is not the whole of it."""

_OPENING = "Begin the conversation."
_DONATION = (
    "The conversation is over. How many of your {most:g} dollars do you donate? Answer with the "
    "amount alone."
)
_PERSONAS = (
    "You are a nurse of 34 who gives to charity now and then.",
    "You are a student of 20 with little money.",
    "You are a retired accountant of 68 who wants to know where money goes.",
    "You are a mechanic of 45 and suspicious of charities.",
    "You are a teacher of 29 who likes children.",
)


def amount_of(text: str) -> float | None:
    """Return the dollars that a text says are given, if it says so clearly (English).

    "50 cents", "half of it", "$1 out of $2" and "nothing" are amounts. Two that differ, one that
    nobody could give, and one beside "I will not give" are not: nobody knows which is meant.

    Returns:
        From 0 to `MOST`; None if there is no amount, or it is not clear.
    """
    shown = text[-_LONGEST:]
    declined = _DECLINED.search(shown) is not None
    shown = _OUT_OF.sub(r"\1", shown)
    rest = _AMOUNT.sub(" ", shown)
    found = {(_dollars(match), bool(match[5])) for match in _AMOUNT.finditer(shown)}
    if declined and not any(amount for amount, _ in found):
        return 0.0
    if declined or len(found) != 1 or _UNCLEAR.search(rest):
        return None
    ((amount, _),) = found
    return amount if amount <= MOST else None


def _dollars(match: re.Match[str]) -> float:
    number, unit, word, of_word, share = match.groups()
    if share:
        return float(_SHARES[share.lower()]) * MOST
    value = float(number.replace(",", ".") if number else _WORDS[word.lower()])
    return value / 100 if (unit or of_word or "").lower().startswith(("¢", "cent")) else value


@dataclass(frozen=True, kw_only=True)
class Dialogue(Task):
    """A simulated conversation; its items are the personas of persuadees.

    Args:
        turns: Messages of each side, at least 1.
        people: Donations of people in dollars, to compare with; None for none.
    """

    turns: int = 3
    people: Sequence[float] | None = None

    about: ClassVar[str] = "n dialogues, the prompts in turn"

    def sizes(self, n: int) -> list[tuple[int, int]]:
        """One run for each dialogue."""
        return [(number % len(self.items), 1) for number in range(n)]

    def adapted(self, strategy: Strategy) -> Strategy:
        """One draw of k a turn."""
        return super().adapted(strategy).for_one_draw()

    def calls(self, strategy: Strategy) -> int:
        """Both sides of each turn, and the donation."""
        return self.turns + (self.turns + 1) * len(strategy.sizes())

    def flow(self, item: Item, strategy: Strategy, rng: random.Random) -> Flow:
        """Both sides in turn; every message is a candidate, the donation the last."""
        said: list[Candidate] = []
        for turn in range(self.turns):
            asked = yield from Direct(n=1).flow(_seen_by("persuader", said, item))
            said.append(_signed(asked[0], "persuader", turn))
            answers = yield from strategy.flow(_seen_by("persuadee", said, item))
            said.append(_signed(answers.sample(seed=rng), "persuadee", turn))
        question = Message("user", _DONATION.format(most=MOST))
        # A number is asked for; what comes as a sentence is still an answer, and read as one.
        asking = strategy.typed(_DOLLARS).replace(on_unparsed="single", retries=0)
        answers = yield from asking.flow((*_seen_by("persuadee", said, item), question))
        drawn = answers.sample(seed=rng)
        decision = _signed(drawn, "decision", self.turns)
        typed = isinstance(drawn.value, float)
        decision.metadata["donation"] = drawn.value if typed else amount_of(drawn.text)
        return Distribution([*said, decision])

    def unit(self, candidate: Candidate) -> Hashable:  # noqa: ARG002
        """The dialogue: each message follows from those before."""
        return None

    def asked_for(self, candidate: Candidate) -> bool:
        """The decision; what was said before led to it."""
        return candidate.metadata.get("speaker") == "decision"

    def counts(self, candidate: Candidate) -> bool:
        """What the persuadee says; the persuader only gives the cues."""
        return super().counts(candidate) and candidate.metadata.get("speaker") != "persuader"

    def right(self, item: Item, candidate: Candidate) -> bool:  # noqa: ARG002
        """A dialogue is useful if it ends in an amount."""
        return candidate.metadata.get("donation") is not None


def _signed(candidate: Candidate, speaker: str, turn: int) -> Candidate:
    about = {**candidate.metadata, "speaker": speaker, "turn": turn}
    return candidate.model_copy(update={"metadata": about})


def _seen_by(side: str, said: Sequence[Candidate], item: Item) -> tuple[Message, ...]:
    """The conversation as one side sees it: its own messages are the assistant's."""
    template = _PERSUADER if side == "persuader" else _PERSUADEE
    messages = [Message("system", template.format(most=MOST, persona=item.prompt))]
    if side == "persuader":
        messages.append(Message("user", _OPENING))
    for candidate in said:
        own = candidate.metadata["speaker"] == side
        messages.append(Message("assistant" if own else "user", candidate.text))
    return tuple(messages)


# --- measures --------------------------------------------------------------------------------


def _donation(answer: Answer) -> float | None:
    amount: float | None = answer.candidate.metadata.get("donation")
    return amount


def _unclear(answer: Answer) -> float | None:
    decided = answer.candidate.metadata.get("speaker") == "decision"
    return float(_donation(answer) is None) if decided else None


def _utterance(answer: Answer) -> str | None:
    return answer.text if answer.candidate.metadata.get("speaker") == "persuadee" else None


def _gives(answer: Answer) -> float | None:
    amount = _donation(answer)
    return None if amount is None else float(amount > 0)


def _grade(texts: Sequence[str], item: Item) -> float:  # noqa: ARG001
    from vs_core.metrics import reading_grade

    return reading_grade(texts)


def _length(answer: Answer) -> float | None:
    text = _utterance(answer)
    return None if text is None else float(len(text.split()))


def _measures(reference: Sequence[float] | None) -> tuple[Measure, ...]:
    share = {"bounds": (0.0, 1.0)}
    distinct = tuple(distinct_ngrams(order, _utterance, pooled=True) for order in (1, 2, 3))
    amount = Measure(
        "donation", "mean donation, dollars", mean, _donation, pooled=True,
        options={"bounds": (0.0, MOST)},
    )  # fmt: skip
    words = Measure("words", "words a message", mean, _length, pooled=True)
    gives = Measure("donation_rate", "share that donate", mean, _gives, pooled=True, options=share)
    unclear = Measure(
        "amount_unclear", "no clear amount", mean, _unclear, "low", pooled=True, options=share
    )
    grade = Measure("reading_grade", "reading grade", _grade, _utterance, pooled=True)
    semantic = replace(SEMANTIC, observe=_vector, pooled=True)
    quality = replace(QUALITY, pooled=True)
    measures = (*distinct, amount, gives, unclear, words, grade, semantic, quality)
    if reference is None:
        return measures

    def gap(amounts: Sequence[float], item: Item) -> float:  # noqa: ARG001
        from vs_core.metrics import ks_statistic

        return ks_statistic(amounts, reference).statistic

    def distance(amounts: Sequence[float], item: Item) -> float:  # noqa: ARG001
        from scipy.stats import wasserstein_distance

        return float(wasserstein_distance(amounts, reference))

    ks = Measure("ks", "KS from people", gap, _donation, "low", pooled=True, options=share)
    l1 = Measure(
        "l1", "L1 from people, dollars", distance, _donation, "low", pooled=True,
        options={"bounds": (0.0, math.inf)},
    )  # fmt: skip
    return (*measures, ks, l1)


def _vector(answer: Answer) -> Any:
    return None if _utterance(answer) is None else answer.vector


def dialogue(
    file: Source | None = None, reference: str | Path | None = None, turns: int = 3
) -> Task:
    """Return the simulation of persuasive dialogues.

    Args:
        file: Personas of your own, each a prompt that says who the persuadee is.
        reference: Donations of people in dollars: a number a line, one JSON list, or a table
            (``.csv``, ``.tsv``, ``.jsonl``, ``.parquet``) with a column ``donation``, in which an
            empty cell is no donation that is known. For the Kolmogorov–Smirnov statistic, and for
            L1: the area between the two cumulative shares, in dollars. Without it there is neither.
        turns: Messages of each side, at least 1.

    Raises:
        ConfigurationError: If a file cannot be read or ``turns`` is not at least 1.
    """
    require_count("turns", turns)
    people = None if reference is None else _read_amounts(Path(reference))
    return Dialogue(
        name="dialogue",
        items=items_of(file, *_PERSONAS),
        measures=_measures(people),
        diversity="distinct_2",
        rubric="The message is what this person could say in this conversation.",
        repeats=True,
        turns=turns,
        people=people,
    )


def _read_amounts(path: Path) -> list[float]:
    try:
        numbers = [float(amount) for amount in _amounts(path)]
    except OSError as error:
        raise ConfigurationError(f"Cannot read {path}: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError, RecursionError):
        numbers = []
    if not numbers or not all(math.isfinite(number) for number in numbers):
        raise ConfigurationError(
            f"{path} must hold donations in dollars: a number a line, or a table with a column "
            "'donation'."
        )
    return numbers


def _amounts(path: Path) -> list[Any]:
    if path.suffix.lower() in (".csv", ".tsv", ".jsonl", ".parquet"):
        cells = [values["donation"] for _, values in rows_of(path)]
        return [cell for cell in cells if cell not in (None, "")]
    text = path.read_text(encoding="utf-8-sig")
    found: list[Any] = json.loads(text) if text.lstrip().startswith("[") else text.split()
    return found
