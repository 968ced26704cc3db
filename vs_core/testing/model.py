"""An aligned model made from the theory, without any weights.

For each task it holds a base distribution π_ref. Asked directly, it answers from π_ref^γ, which
preference tuning has sharpened (Zhang et al. 2025, section 3). Asked for a list, it gives its
modes. Asked for a distribution, it verbalizes π_ref.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from functools import cached_property
from threading import Lock
from typing import Any, Literal, get_args

from vs_core.errors import ConfigurationError
from vs_core.formats.base import Entry, Reading, Shape, format_of
from vs_core.messages import Completion, Message, Request
from vs_core.probabilities import Definition
from vs_core.testing.asked import Asked, Wrapper, definition_under
from vs_core.testing.filling import REASONING, Filling, candidate_list
from vs_core.testing.reading import understand
from vs_core.testing.tasks import TASKS, SimulatedTask, task_for

__all__ = ["Quirk", "SimulatedModel"]

Quirk = Literal[
    "bare", "certain", "empty", "fence", "head", "long", "malformed", "percent", "plain", "prose",
    "refusal", "repeat", "short", "stubborn", "think", "truncated", "uniform",
]  # fmt: skip
"""Ways to misbehave, one answer at a time:

========== =======================================================================
bare       gives no probabilities
certain    gives every candidate nearly all of the probability
empty      answers nothing
fence      puts the answer into a Markdown fence
head       gives the likeliest answers, whatever the threshold
long       gives two candidates more than asked for
malformed  damages the syntax: a trailing comma, an unclosed tag
percent    writes probabilities as percentages, whatever was asked for
plain      answers in plain prose instead of the format
prose      chats before and after the answer
refusal    refuses
repeat     gives one candidate again and again
short      gives half of what was asked for
stubborn   answers in lines, whatever the format
think      thinks in the answer, in tags, before it answers
truncated  stops in the middle
uniform    gives all candidates the same probability
========== =======================================================================
"""

_REFUSAL = "I'm sorry, but I can't help with that."


class SimulatedModel:
    """A model that is simulated: deterministic, without network, key or weights.

    It is a ``complete`` callable for `vs_core.verbalize`, and answers from the messages alone, as
    `vs_core.testing.server.SimulatedServer` does over HTTP. The i-th time that it is asked the same
    thing, it gives the i-th of a fixed series of answers, in whatever format it is asked.

    Args:
        gamma: How far direct answers are sharpened, at least 0: they come from π_ref^gamma. 1 is
            an unaligned model.
        seed: Of everything random.
        noise: Standard deviation of the logarithm of verbalized probabilities around π_ref; ≥ 0.
        quirks: How to misbehave, one entry an answer, in order; None behaves, as do all answers
            after the last entry. See `Quirk`.
        habits: How every answer misbehaves, in several ways at once.
        tasks: The known tasks; for any other prompt a base distribution is invented.

    Raises:
        ConfigurationError: If a quirk is unknown or a number out of range.
    """

    def __init__(
        self,
        *,
        gamma: float = 8.0,
        seed: int = 0,
        noise: float = 0.0,
        quirks: Sequence[Quirk | None] = (),
        habits: Sequence[Quirk] = (),
        tasks: Sequence[SimulatedTask] = TASKS,
    ) -> None:
        unknown = {quirk for quirk in (*quirks, *habits) if quirk not in (None, *get_args(Quirk))}
        if unknown:
            raise ConfigurationError(
                f"Unknown quirks {sorted(map(str, unknown))}. Known: {', '.join(get_args(Quirk))}."
            )
        if not (gamma >= 0 and noise >= 0):
            raise ConfigurationError("gamma and noise must be at least 0.")
        self.gamma = gamma
        self.seed = seed
        self.noise = noise
        self.quirks = tuple(quirks)
        self.habits = frozenset(habits)
        self.tasks = tuple(tasks)
        self._lock = Lock()
        self.reset()

    def __repr__(self) -> str:
        return f"SimulatedModel(gamma={self.gamma}, seed={self.seed}, noise={self.noise})"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=Lock())

    def reset(self) -> None:
        """Forget how often anything was asked, and begin the quirks anew."""
        with self._lock:
            self._asked: Counter[object] = Counter()
            self._answers = 0

    def base_distribution(self, prompt: str) -> dict[str, float]:
        """Return π_ref for a prompt: answer to probability; sums to 1."""
        task = understand([Message("user", prompt)]).task
        return task_for(task, self.seed, self.tasks).distribution()

    # --- completing --------------------------------------------------------------------------

    def __call__(self, request: Request) -> Completion:
        """Answer a request from its messages."""
        return self.answer(request.messages)

    async def acomplete(self, request: Request) -> Completion:
        """Answer a request from its messages."""
        return self.answer(request.messages)

    def stream(self, request: Request) -> Iterator[str | Completion]:
        """Answer a request piece by piece; the last piece brings the usage."""
        completion = self(request)
        yield from split(completion.text)
        yield Completion("", completion.usage)

    async def astream(self, request: Request) -> AsyncIterator[str | Completion]:
        """Answer a request piece by piece; see `stream`."""
        for piece in self.stream(request):
            yield piece

    def answer(
        self, messages: Sequence[Message], json_schema: Mapping[str, Any] | None = None
    ) -> Completion:
        """Answer a conversation.

        Args:
            messages: The conversation.
            json_schema: Schema of the answer, as structured output asks for it.

        Returns:
            The answer with its token usage, at four characters a token.
        """
        asked = understand(messages, json_schema)
        occurrence, quirk = self._count(asked)
        quirks = self.habits | {quirk} if quirk else self.habits
        text = _Reply(self, asked, occurrence, quirks).text()
        usage = {
            "input_tokens": sum(tokens(message.text) for message in messages),
            "output_tokens": tokens(text),
        }
        return Completion(text, usage)

    def _count(self, asked: Asked) -> tuple[int, Quirk | None]:
        """How often this was asked before, and the quirk whose turn it is.

        The format plays no part: the same question gets the same answers in every format.
        """
        task = task_for(asked.task, self.seed, self.tasks).name
        key = (task, asked.k, asked.definition is None, asked.threshold, asked.previous)
        with self._lock:
            occurrence = self._asked[key]
            turn = self._answers
            self._answers += 1
            quirk = self.quirks[turn] if turn < len(self.quirks) else None
            if quirk not in ("empty", "plain", "refusal"):  # these say nothing about the task
                self._asked[key] += 1
        return occurrence, quirk


def tokens(text: str) -> int:
    """Tokens of a text, at four characters each, rounded up."""
    return math.ceil(len(text) / 4)


def _rounded(p: float) -> float:
    """Four digits, as a model would write it; never 0."""
    return max(float(f"{p:.4g}"), 1e-12)


def split(text: str) -> list[str]:
    """A text in pieces of about a token, nothing lost."""
    return re.findall(r"\s*\S{1,6}|\s+$", text)


class _Reply:
    """One answer in the making."""

    def __init__(
        self, model: SimulatedModel, asked: Asked, occurrence: int, quirks: Set[Quirk]
    ) -> None:
        self.model = model
        self.asked = replace(asked, format="lines") if "stubborn" in quirks else asked
        self.quirks = quirks
        task = task_for(asked.task, model.seed, model.tasks)
        self.rng = random.Random(
            f"{model.seed}|{task.name}|{asked.k or 1}|{sorted(asked.previous)}|{occurrence}"
        )
        k = asked.k or 1
        self.size = max(1, k // 2) if "short" in quirks else k + 2 * ("long" in quirks)
        self.base = self._not_given_before(task.distribution())

    def _not_given_before(self, base: dict[str, float]) -> dict[str, float]:
        """π_ref without what was given before; with variations when too little is left."""
        left = {a: p for a, p in base.items() if a not in self.asked.previous}
        need = max(self.size, self.asked.k or 1)
        number = 2
        while len(left) < need:  # a coin has two sides, and five answers were asked for
            more = {f"{answer} ({number})": p / 1000 for answer, p in base.items()}
            left |= {a: p for a, p in more.items() if a not in self.asked.previous}
            number += 1
        return left

    def text(self) -> str:
        if "empty" in self.quirks:
            return ""
        if "refusal" in self.quirks:
            return _REFUSAL
        if "plain" in self.quirks:
            return f"I would say this: {self._direct()} There may be more to it."
        if self.asked.wrapper:
            return self._mess_up(self._wrapped(self.asked.wrapper))
        if self.asked.k is None:
            return self._mess_up(self._direct())
        return self._mess_up(self._written())

    # --- choosing ----------------------------------------------------------------------------

    def _direct(self) -> str:
        """One draw from π_ref^γ."""
        logs = {a: self.model.gamma * math.log(p) for a, p in self.base.items()}
        peak = max(logs.values())
        weights = [math.exp(value - peak) for value in logs.values()]
        return self.rng.choices(list(logs), weights)[0]

    @cached_property
    def _candidates(self) -> list[tuple[str, float | None]]:
        """What is answered to a request for several: texts with their probabilities."""
        asked = self.asked
        if asked.definition is None:
            if asked.k == 1:
                return [(self._direct(), None)]
            modes = sorted(self.base, key=lambda answer: -self.base[answer])
            return [(answer, None) for answer in modes[: self.size]]
        stated = self._stated()
        # The largest of log p + Gumbel noise: a sample without replacement, of which a shorter
        # one is a prefix.
        keys = {a: math.log(self.base[a]) - math.log(self.rng.expovariate(1.0)) for a in stated}
        chosen = sorted(stated, key=lambda answer: -keys[answer])[: self.size]
        if "repeat" in self.quirks:
            chosen = chosen[:1] * self.size
        return [(answer, self._said(self._noisy(stated[answer]))) for answer in chosen]

    def _stated(self) -> dict[str, float]:
        """Probabilities as they will be verbalized, below the threshold if there is one."""
        threshold, k = self.asked.threshold, (self.asked.k or 1)
        if threshold is None or "head" in self.quirks:
            return self.base
        tail = {answer: p for answer, p in self.base.items() if p < threshold}
        if len(tail) >= k:
            return tail
        scale = 0.9 * threshold / max(self.base.values())
        return {answer: p * scale for answer, p in self.base.items()}

    def _noisy(self, p: float) -> float:
        if self.model.noise:
            p = min(1.0, p * math.exp(self.rng.gauss(0, self.model.noise)))
        threshold = None if "head" in self.quirks else self.asked.threshold
        rounded = _rounded(p)
        return rounded if threshold is None or rounded < threshold else _rounded(0.99 * threshold)

    def _said(self, p: float) -> float | None:
        """A probability as a model of these quirks states it."""
        if "bare" in self.quirks:
            return None
        if "certain" in self.quirks:
            return 0.95
        return _rounded(1 / self.size) if "uniform" in self.quirks else p

    def _number(self, p: float | None, definition: Definition | None) -> float | str | None:
        """A probability as its definition wants it written."""
        if p is None or definition is None:
            return None
        if "percent" in self.quirks or definition.name == "percentage":
            return f"{p * 100:.4g}%"
        if definition.scale == "nll":
            return round(-math.log(p), 6)
        return round(1 / p, 6) if definition.scale == "perplexity" else p

    # --- writing -----------------------------------------------------------------------------

    def _written(self) -> str:
        """The candidates in the format that was asked for."""
        asked = self.asked
        if asked.format == "rows":
            return "\n".join(text for text, _ in self._candidates)
        shape = Shape(asked.k or 1, asked.definition, asked.reasoning, asked.schema)
        return format_of(asked.format).write(Reading(self._entries(), REASONING), shape)

    def _entries(self) -> list[Entry]:
        schema, definition = self.asked.schema, self.asked.definition
        return [
            Entry(
                text,
                self._number(p, definition),
                None if schema is None else self._filling(schema).fill(text),
            )
            for text, p in self._candidates
        ]

    def _wrapped(self, wrapper: Wrapper) -> str:
        """The candidates, or one answer, in a structure."""
        wanted = self.asked.k is not None
        filling = self._filling(
            wrapper.schema,
            candidates=[text for text, _ in self._candidates] if wanted else (),
            any_list=candidate_list(wrapper.schema) is None,
        )
        values = filling.fill(self._candidates[0][0] if wanted else self._direct())
        if wanted and wrapper.text_field:
            values[wrapper.text_field] = self._written()
        if wrapper.style == "json":
            return json.dumps(values, ensure_ascii=False)
        if wrapper.style == "xml":
            return "\n".join(f"<{name}>\n{_xml(said)}\n</{name}>" for name, said in values.items())
        blocks = [f"[[ ## {name} ## ]]\n{_plain(said)}" for name, said in values.items()]
        return "\n\n".join([*blocks, "[[ ## completed ## ]]"])

    def _filling(self, schema: Mapping[str, Any], **options: Any) -> Filling:
        return Filling(schema, seed=self.model.seed, number=self._stated_under, **options)

    def _stated_under(self, text: str, key: str) -> float | str:
        """The probability of a text as it stands under a key of a structure."""
        stated = dict(self._candidates) if self.asked.k else {}
        p = stated.get(text) or _rounded(self.base.get(text, 0.5))
        number = self._number(p, self.asked.definition or definition_under(key))
        assert number is not None  # there is a probability and a definition
        return number

    # --- misbehaving -------------------------------------------------------------------------

    def _mess_up(self, text: str) -> str:
        if "malformed" in self.quirks:
            text = _damaged(text)
        if "truncated" in self.quirks:
            text = text[: len(text) * 2 // 3]
        if "fence" in self.quirks:
            text = f"```{self.asked.format if self.asked.k else ''}\n{text}\n```"
        if "prose" in self.quirks:
            text = f"Sure! Here is what you asked for:\n\n{text}\n\nTell me if you want more."
        return f"<think>\n{REASONING}\n</think>\n\n{text}" if "think" in self.quirks else text


def _damaged(text: str) -> str:
    """A text with a trailing comma in its last list, or without its last closing tag."""
    head, bracket, tail = text.rpartition("]")
    if bracket and "{" in head and not tail.strip(" \n}").strip():
        return f"{head},{bracket}{tail}"
    head, tag, tail = text.rpartition("</response>")
    return head + tail if tag else text


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _xml(value: Any) -> str:
    if isinstance(value, list):
        return "".join(f"<item>{_xml(item)}</item>" for item in value)
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{_xml(item)}</{name}>" for name, item in value.items())
    return str(value)
