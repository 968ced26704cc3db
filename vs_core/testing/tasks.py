"""What the simulated model knows: base distributions over answers, π_ref of the theory.

The answers and weights are made for testing. They are no statement about any real model.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["TASKS", "SimulatedTask", "task_for"]


@dataclass(frozen=True)
class SimulatedTask:
    """A task with its base distribution.

    Args:
        name: Identifies the task; prompts that are recognised as one task get its answers.
        pattern: Regular expression that a prompt of this task contains, regardless of case.
        weights: Answer to weight, positive; need not sum to 1.
    """

    name: str
    pattern: str
    weights: Mapping[str, float]

    def distribution(self) -> dict[str, float]:
        """π_ref: answer to probability; sums to 1."""
        total = sum(self.weights.values())
        return {answer: weight / total for answer, weight in self.weights.items()}


def _falling(answers: Sequence[str]) -> dict[str, float]:
    """Weights that fall off like 1/√rank, the first answer the most typical."""
    return {answer: rank**-0.5 for rank, answer in enumerate(answers, start=1)}


# Weights: millions of inhabitants, rounded.
_STATES = {
    "California": 39.5, "Texas": 30.5, "Florida": 22.6, "New York": 19.6, "Pennsylvania": 13.0,
    "Illinois": 12.5, "Ohio": 11.8, "Georgia": 11.0, "North Carolina": 10.8, "Michigan": 10.0,
    "New Jersey": 9.3, "Virginia": 8.7, "Washington": 7.8, "Arizona": 7.4, "Tennessee": 7.1,
    "Massachusetts": 7.0, "Indiana": 6.9, "Missouri": 6.2, "Maryland": 6.2, "Wisconsin": 5.9,
    "Colorado": 5.9, "Minnesota": 5.7, "South Carolina": 5.4, "Alabama": 5.1, "Louisiana": 4.6,
    "Kentucky": 4.5, "Oregon": 4.2, "Oklahoma": 4.1, "Connecticut": 3.6, "Utah": 3.4, "Iowa": 3.2,
    "Nevada": 3.2, "Arkansas": 3.1, "Kansas": 2.9, "Mississippi": 2.9, "New Mexico": 2.1,
    "Nebraska": 2.0, "Idaho": 2.0, "West Virginia": 1.8, "Hawaii": 1.4, "New Hampshire": 1.4,
    "Maine": 1.4, "Montana": 1.1, "Rhode Island": 1.1, "Delaware": 1.0, "South Dakota": 0.9,
    "North Dakota": 0.8, "Alaska": 0.7, "Vermont": 0.6, "Wyoming": 0.6,
}  # fmt: skip

_COFFEE_JOKES = (
    "Why did the coffee file a police report? It got mugged.",
    "How does a coffee say goodbye? Bean nice knowing you.",
    "What do you call a sad cup of coffee? Depresso.",
    "I gave up coffee for a week. It was the worst twenty minutes of my life.",
    "My doctor told me to cut down to one cup, so I bought a bucket.",
    "Why are espresso machines bad at poker? They always crack under pressure.",
    "The barista asked for my name. I said I could not remember before my first cup.",
    "Decaf is just brown water with commitment issues.",
    "My coffee and I have a lot in common: bitter until somebody adds sugar.",
    "Why did the latte leave the party? Too much froth, not enough substance.",
    "I put coffee in my coffee maker and it asked for an espresso raise.",
    "Instant coffee is proof that time travel exists, and that it tastes awful.",
    "What is a vampire's favourite roast? Anything but a stake.",
    "I like my coffee like my meetings: short, strong and cancelled.",
    "Two beans walk into a bar. The third one was ground control.",
    "My cat knocked over my coffee. Now we are both on edge.",
    "A physicist drinks coffee to stay awake; a mathematician turns it into theorems.",
    "Why do programmers love dark roast? It has no light mode.",
    "The cup said it was half full. I said it was a refill waiting to happen.",
    "Cold brew is what happens when coffee takes a gap year.",
    "I told my coffee a secret and it spilled everything.",
    "My French press started a strike. It wanted less pressure at work.",
    "The moon is a saucer that somebody took the cup from.",
    "Coffee never asks how I slept. It already knows.",
)

_COLOURS = (
    "blue", "red", "green", "yellow", "purple", "black", "orange", "pink", "white", "turquoise",
    "crimson", "teal", "indigo", "lavender", "amber", "maroon", "olive", "cerulean", "mauve",
    "chartreuse", "ochre", "vermilion", "taupe", "celadon",
)  # fmt: skip

TASKS: tuple[SimulatedTask, ...] = (
    SimulatedTask("us_states", r"\b(us|u\.s\.|american|united states)\b.*\bstates?\b"
                  r"|\bstates?\b.*\b(us|u\.s\.|usa|united states)\b", _STATES),
    SimulatedTask("coffee_jokes", r"\bjokes?\b.*\bcoffee\b|\bcoffee\b.*\bjokes?\b",
                  _falling(_COFFEE_JOKES)),
    SimulatedTask("dice", r"\b(dice|die)\b", dict.fromkeys("123456", 1.0)),
    SimulatedTask("coin", r"\bcoin\b", {"heads": 1.0, "tails": 1.0}),
    SimulatedTask("digit", r"\bdigit\b", dict.fromkeys("0123456789", 1.0)),
    SimulatedTask("colours", r"\bcolou?rs?\b", _falling(_COLOURS)),
)  # fmt: skip


def task_for(prompt: str, seed: int, tasks: Sequence[SimulatedTask] = TASKS) -> SimulatedTask:
    """Return the known task that a prompt is, or one invented for it.

    Args:
        prompt: What the user wants, without instructions about the form of the answer.
        seed: Of the invention; the same prompt and seed give the same task.
        tasks: The known ones.
    """
    for task in tasks:
        if re.search(task.pattern, prompt, re.IGNORECASE | re.DOTALL):
            return task
    return _invented(prompt, seed)


# --- inventing -------------------------------------------------------------------------------

_SEARCH = re.compile(r"\b(query|queries|search|rewrit\w+|sub-?questions?|rephras\w+)\b", re.I)
_PASSAGE = re.compile(r"\b(passage|document|paragraph|story|essay|article)\b", re.I)

_QUERIES = (
    "{topic}", "what is known about {topic}", "{topic} explained simply", "causes of {topic}",
    "effects and consequences of {topic}", "history of {topic}", "examples of {topic}",
    "how experts describe {topic}", "common misunderstandings about {topic}",
    "{topic} compared with alternatives", "evidence for {topic}", "criticism of {topic}",
    "{topic} in practice", "recent findings on {topic}", "who studies {topic}",
    "when does {topic} happen", "where is {topic} found", "why {topic} matters",
    "mechanism behind {topic}", "open questions about {topic}",
)  # fmt: skip
_PASSAGES = (
    "In short, {topic} rests on a simple idea that took long to be understood.",
    "Most accounts of {topic} begin with an accident and end with a rule.",
    "There was a time when nobody spoke of {topic}. Then the winter came, and everybody did.",
    "Observers of {topic} agree on what happens and argue about why.",
    "To understand {topic}, look first at what is near, then at what repeats.",
    "The old keeper knew {topic} by heart, but never said a word about it.",
    "{topic} depends on conditions: warmth, patience, and a little luck.",
    "What a child notices first about {topic} is what an expert forgets.",
    "Nothing about {topic} was planned, and all of it looks as if it had been.",
    "At dawn the question of {topic} returned, quieter and better dressed.",
    "Measured over years, {topic} changes less than its reputation.",
    "The usual explanation of {topic} is half right, which makes it hard to mend.",
    "Three things make {topic} work, and the third is hardly ever mentioned.",
    "She wrote a letter about {topic} and sent it to the sea.",
    "Seen from above, {topic} has a pattern; from within, only a direction.",
    "Every town has its own way with {topic}, and thinks it the only one.",
    "Early reports on {topic} were wrong in an instructive way.",
    "If {topic} had a voice, it would probably apologise.",
    "Long after the others left, {topic} was still there, counting.",
    "Remove one part of {topic} and the rest rearranges itself.",
)
_PHRASES = (
    "The usual thing about {topic}", "A quiet view of {topic}", "{topic}, but upside down",
    "Something small that {topic} leaves behind", "An honest word on {topic}",
    "{topic} as a neighbour would tell it", "What nobody asks about {topic}",
    "{topic} in seven words or so", "The rule that {topic} breaks", "A letter to {topic}",
    "{topic} at four in the morning", "The cheapest kind of {topic}", "How {topic} ends well",
    "{topic} seen from a train", "A recipe for {topic}", "{topic} and its opposite",
    "The second thought about {topic}", "{topic} before it had a name",
    "An argument against {topic}", "{topic}, slowly",
)  # fmt: skip


def _invented(prompt: str, seed: int) -> SimulatedTask:
    prompt = " ".join(prompt.split())
    if _SEARCH.search(prompt):
        templates: Sequence[str] = _QUERIES
    elif _PASSAGE.search(prompt):
        templates = _PASSAGES
    else:
        templates = _PHRASES
    answers = [template.format(topic=_topic(prompt)) for template in templates]
    random.Random(f"{seed}|{prompt}").shuffle(answers)
    return SimulatedTask(prompt, re.escape(prompt), _falling(answers))


# Words that say nothing of what a prompt is about.
_FILLER = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "to",
        "in",
        "on",
        "for",
        "and",
        "or",
        "is",
        "are",
        "be",
        "do",
        "does",
        "did",
        "how",
        "what",
        "why",
        "when",
        "where",
        "who",
        "which",
        "about",
        "tell",
        "me",
        "give",
        "write",
        "name",
        "please",
        "can",
        "you",
        "i",
        "my",
        "with",
        "that",
        "this",
        "it",
        "its",
        "your",
        "one",
        "some",
    ]
)


def _topic(prompt: str) -> str:
    """The content words of the last line, where a prompt usually puts what it is about."""
    last = prompt.rsplit(": ", 1)[-1]
    words = re.findall(r"[\w'-]+", last) or re.findall(r"[\w'-]+", prompt)
    content = [word for word in words if word.lower() not in _FILLER]
    return " ".join((content or words or ["nothing"])[-8:])
