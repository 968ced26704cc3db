"""How the simulated model understands a prompt: from its messages alone, as a real model must.

It reads the prompts of vs-core, those that a person would paste from the paper, and those of
DSPy's adapters. `Asked` says what was understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from vs_core.messages import Message
from vs_core.testing.adapters import AdapterPrompt, in_turns
from vs_core.testing.asked import Asked, structured
from vs_core.testing.earlier import candidates_in, said_before
from vs_core.testing.wording import continued, instructed, own_words

__all__ = ["understand"]

# A person's ways of asking for more of the same.
_MORE_OF_IT = re.compile(
    r"\W*(?:(?:please|now|randomly) )*"
    r"(?:give|generate|provide|tell|write|suggest|name|list|propose)(?: (?:me|us))? (?:\w+ )?"
    r"(?:more|another|further|additional|alternative|other)\b"
    r"|\W*(?:(?:one )?more|another(?: one)?|again)\b.{0,10}$",
    re.IGNORECASE,
)
# Sentences of a pasted prompt that say how to answer, not what about.
_INSTRUCTING = re.compile(r"<response>|probabilit|json|\bresponses\b|<text>", re.IGNORECASE)


def understand(messages: Sequence[Message], json_schema: Mapping[str, Any] | None = None) -> Asked:
    """Return what ``messages`` ask for, with ``json_schema`` as the ``response_format``, if any."""
    messages = in_turns(messages)
    prompt = AdapterPrompt.find(messages)
    if prompt:
        return prompt.asked(json_schema)
    system = "\n".join(m.text for m in messages if m.role in ("system", "developer"))
    asked = instructed(system)
    instructions_apart = asked.k is not None  # then the user says what about, and nothing else
    request, further = _request(messages, asked.k)
    if not instructions_apart:
        asked = instructed(f"{system}\n{request}")
    task = request if instructions_apart else _task(request)
    asked = replace(continued(asked, further), task=task, previous=said_before(messages))
    return structured(asked, json_schema)


def _request(messages: Sequence[Message], k: int | None) -> tuple[str, str]:
    """The user's last request, and the last message if that asks for more or better of the same."""
    request = further = answer = ""
    answered = False
    for message in messages:
        if message.role == "assistant":
            answer, answered = message.text, True
        elif message.role == "user":
            if answered and _follows_up(message.text, answer, k):
                further = message.text
            else:
                request, further = message.text, ""
            answered = False
    return request, further


def _follows_up(text: str, answer: str, k: int | None) -> bool:
    """Whether a message goes on about the request before it.

    The words of a retry are the user's to choose, so they are not looked for: who repeats how to
    answer, or speaks after an answer that gave too little, still wants what was asked for.
    """
    if not answer.strip() or own_words(text) is not None or _MORE_OF_IT.match(text):
        return True
    return k is not None and 0 < candidates_in(answer) < k


def _task(text: str) -> str:
    """A user's message without its sentences about the form of the answer."""
    sentences = re.split(r"(?<=[.!?:])\s+|\n+", text)
    kept = [sentence for sentence in sentences if not _INSTRUCTING.search(sentence)]
    return " ".join(kept).strip() or text.strip()
