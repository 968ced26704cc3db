"""What the simulated model knows: base distributions over answers, π_ref of the theory.

The answers and weights are made for testing. They are no statement about any real model.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vs_core.errors import ConfigurationError

__all__ = ["TASKS", "SimulatedTask", "task_for"]


@dataclass(frozen=True)
class SimulatedTask:
    """A task with its base distribution.

    Args:
        name: Identifies the task; prompts that are recognised as one task get its answers.
        pattern: Regular expression that a prompt of this task contains, regardless of case.
        weights: Answer to weight, positive; need not sum to 1.

    Raises:
        ConfigurationError: If there are no weights or one is not a positive number.
    """

    name: str
    pattern: str
    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        if not self.weights or not all(0 < w < math.inf for w in self.weights.values()):
            raise ConfigurationError(f"The weights of task {self.name!r} must be positive numbers.")

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

_NAMES = (
    "Emma", "Liam", "Maya", "Noah", "Elena", "Leo", "Amara", "Oskar", "Yuki", "Priya", "Tomas",
    "Ines", "Kofi", "Freya", "Mateo", "Zainab", "Anouk", "Ravi", "Sunniva", "Idris", "Xiomara",
    "Caspian", "Thandiwe", "Ludmila",
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
    SimulatedTask("names", r"\b(first|given) names?\b|\bnames?\b.{0,30}\b(person|baby|child|girl"
                  r"|boy|character|hero|heroine)\b", _falling(_NAMES)),
)  # fmt: skip


_QUESTION = 300  # characters at the end of a prompt, in which it asks


def task_for(prompt: str, seed: int, tasks: Sequence[SimulatedTask] = TASKS) -> SimulatedTask:
    """Return the known task that a prompt is, or one invented for it.

    A long prompt asks at its end: what stands before is what the answer is to be made from.

    Args:
        prompt: What the user wants, without instructions about the form of the answer.
        seed: Of the invention; the same prompt and seed give the same task.
        tasks: The known ones.
    """
    for task in tasks:
        if re.search(task.pattern, prompt[-_QUESTION:], re.IGNORECASE | re.DOTALL):
            return task
    return _invented(prompt, seed)


# --- inventing -------------------------------------------------------------------------------

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
_POEMS = (
    "{topic}, you came in with the rain / and left the kettle singing.",
    "I asked the tide about {topic}. / It took my shoes for answer.",
    "Seven crows, one field, {topic}: / arithmetic for winter.",
    "Under the stairs there lives a word / that rhymes with {topic}, never heard.",
    "Roses are late, violets are torn, / {topic} was up before the morn.",
    "O {topic}, patient as a stone / that learns the river by itself.",
    "What the lamp knows of {topic} / it tells the moth.",
    "First frost. Nobody mentions {topic}. / The gate swings open anyway.",
    "My grandmother folded {topic} / into napkins, corner to corner.",
    "{topic} / is only the long way home / with the lights off.",
    "The map says nothing of {topic}; / the dog pulls toward it.",
    "Praise {topic}, praise the cracked blue cup, / praise whatever fills it up.",
    "They counted {topic} twice at night / and got two different numbers right.",
    "In the station of {topic} / every clock is a little kind.",
    "I kept {topic} in a matchbox. / It kept me, I suppose.",
    "Who planted {topic} by the wall? / The wall has grown since then.",
    "All summer {topic} said its name. / In autumn we pronounced it.",
    "Ask not what {topic} is for: / the sparrow does not, at the door.",
    "Between two trains, {topic}. / Between two breaths, the same.",
    "The last line is for {topic}, / who asked to be left out.",
)
_STORIES = (
    "On the morning {topic} disappeared, nobody in the village was surprised except the baker.",
    "The lighthouse keeper had one rule about {topic}, and tonight she broke it.",
    "It began, as such things do, with a wrong number and {topic}.",
    "My brother says he remembers {topic}. He was not born yet.",
    "By the time the letter about {topic} arrived, the war it spoke of was a museum.",
    "The robot had been built for {topic}, but kept asking about the sea.",
    "Detective Okoro disliked two things: mornings and {topic}. She was about to get both.",
    "Once there was a king who taxed {topic}, and so his people learned to hide it in songs.",
    "Every Thursday the old man fed {topic} to the ducks, and the ducks grew wise.",
    "The elevator stopped between floors, and there, where no floor should be, was {topic}.",
    "I inherited {topic}, a debt and a parrot that knew too much about both.",
    "When the snow melted they found {topic}, exactly where the child had drawn it.",
    "Nobody had told the new teacher about {topic}. The class was waiting.",
    "The ship's log ends with one word, underlined twice, and it concerns {topic}.",
    "In the year of the two moons my mother sold {topic} for a bicycle.",
    "He practised what he would say about {topic} until the bus had gone without him.",
    "The twins agreed on nothing but {topic}, and that is how the fence came down.",
    "Deep in the archive a clerk found that {topic} had never been approved.",
    "She woke up as {topic}. It was, all things considered, an improvement.",
    "This is how it ends: with {topic}, a borrowed coat, and a door left open.",
)
_JOKES = (
    "Why did {topic} cross the road? The focus group was on the other side.",
    "I told a joke about {topic} once. It is still explaining itself.",
    "How many experts on {topic} does it take to change a bulb? It depends, they say.",
    "My therapist asked about {topic}. We now see a therapist together.",
    "{topic} walks into a bar. The bartender says: not you again.",
    "I have nothing against {topic}. My lawyer told me to say that.",
    "What do you call {topic} on a Monday? Late.",
    "They say money cannot buy {topic}. They have not seen my receipts.",
    "Knock, knock. Who is there? {topic}. Come in, everybody else did.",
    "I used to be addicted to {topic}. Then the free trial ended.",
    "My cat has an opinion on {topic}. It is on the keyboard now.",
    "{topic} is like a tent: fine until somebody explains it.",
    "I asked for {topic} in a restaurant. They brought the bill.",
    "What is the difference between {topic} and a meeting? One of them ends.",
    "There are two kinds of people: those who get {topic}, and the loud ones.",
    "My grandfather walked ten miles for {topic}. He was lost.",
    "I put {topic} on my CV. They called, laughing, but they called.",
    "Never discuss {topic} with a goose. It has already decided.",
    "The first rule of {topic} is that there will be a newsletter.",
    "I dreamt of {topic}. I woke up with a parking ticket.",
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


_KINDS: tuple[tuple[re.Pattern[str], Sequence[str]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), templates)
    for pattern, templates in (
        (r"\b(query|queries|search|rewrit\w+|sub-?questions?|rephras\w+)\b", _QUERIES),
        (r"\b(poems?|haikus?|verses?|limericks?)\b", _POEMS),
        (r"\b(story|stories|tale|tales|novel)\b", _STORIES),
        (r"\b(jokes?|puns?)\b", _JOKES),
        (r"\b(passage|document|paragraph|essay|article)\b", _PASSAGES),
        ("", _PHRASES),
    )
)
"""What a prompt asks for, by words of it, to what it may get; the last takes all others."""


def _invented(prompt: str, seed: int) -> SimulatedTask:
    prompt = " ".join(prompt.split())
    templates = next(templates for pattern, templates in _KINDS if pattern.search(prompt))
    topic = _topic(prompt)
    answers = [template.format(topic=topic) for template in templates]
    random.Random(f"{seed}|{prompt}").shuffle(answers)
    return SimulatedTask(prompt, re.escape(prompt), _falling(answers))


# Words that say nothing of what a prompt is about: grammar, requests, and the kinds of answers.
_FILLER = frozenset(
    re.findall(
        r"\w+",
        """
        a an the of to in on for and or is are be do does did how what why when where who which
        about with that this it its your you i my me us some please can could
        tell give write name suggest generate describe list make create compose invent provide
        one two three four five six seven eight nine ten short good different
        answer answers response responses idea ideas variation variations
        poem poems haiku verse story stories tale joke jokes pun essay paragraph passage
        """,
    )
)


def _topic(prompt: str) -> str:
    """The content words of the last line, where a prompt usually puts what it is about."""
    prompt = re.sub(r"\s\w+:$", "", prompt)  # "Question: …? Answer:"
    last = prompt.rsplit(": ", 1)[-1]
    words = re.findall(r"[\w'-]+", last) or re.findall(r"[\w'-]+", prompt)
    content = [word for word in words if word.lower() not in _FILLER]
    return " ".join((content or words or ["nothing"])[-8:])
