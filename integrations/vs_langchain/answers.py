"""The messages of a `VerbalizedChatModel`: several different ones, in an agent's structure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from langchain_core.messages import AIMessage
from langchain_core.outputs import LLMResult

from vs_core import Candidate, Distribution
from vs_langchain.forms import Form
from vs_langchain.messages import ToolsCalled
from vs_langchain.outputs import DrawnMessage, Output, as_chunk, as_message
from vs_langchain.running import SamplerRun
from vs_langchain.sampling import Sampling

__all__ = ["Answering", "Drawing", "all_counted", "counted", "uncounted"]

M = TypeVar("M", bound=AIMessage)


@dataclass(frozen=True)
class Drawing:
    """What becomes of a distribution.

    Args:
        form: The structure of an answer; None for text.
        stops: Texts at which an answer ends.
        count: How many different ones are drawn.
    """

    form: Form | None = None
    stops: Sequence[str] = ()
    count: int = 1

    def ended(self, text: str) -> str:
        """Return a text as far as the first of the stops."""
        ends = (text.find(stop) for stop in self.stops if stop)
        return text[: min((end for end in ends if end >= 0), default=len(text))]


class Answering(Sampling[Any]):
    """A sampler that gives a list of different messages; as a stream the pieces of one."""

    drawing: Drawing = Drawing()

    def _output_of(self, run: SamplerRun) -> Output:
        return _Messages(run, self.drawing)


class _Messages(DrawnMessage):
    """Several messages: what is left of a distribution after each draw is drawn from again."""

    def __init__(self, run: SamplerRun, drawing: Drawing) -> None:
        super().__init__(run)
        self.drawing = drawing

    def result(self, distribution: Distribution, eligible: Distribution) -> Any:
        drawn: list[Candidate] = []
        while eligible and len(drawn) < self.drawing.count:
            drawn.append(self.run.drawn(eligible))
            eligible = eligible.filter(lambda candidate: candidate.text != drawn[-1].text)
        messages = [self.of(candidate, distribution) for candidate in drawn]
        # The calls gave all of them together: their usage is counted once.
        further = (m.model_copy(update={"usage_metadata": None}) for m in messages[1:])
        return [*messages[:1], *further]

    def of(self, candidate: Candidate, distribution: Distribution) -> AIMessage:
        if self.drawing.form is None:
            text, calls = self.drawing.ended(candidate.text), ()
        else:
            text, calls = self.drawing.form.written(candidate, f"call_{self.run.id.hex}")
        message = as_message(text, self.run, distribution, calls)
        return message.model_copy(update={"id": None})  # the chat model's own run gives it one

    def called(self, calling: ToolsCalled) -> Any:
        return [calling.message]

    def text_of(self, candidate: Candidate) -> str:
        return self.drawing.ended(candidate.text)

    def grown(self, candidate: Candidate) -> Iterator[Any]:
        if self.drawing.form is None:
            yield from super().grown(candidate)

    def rest(self, distribution: Distribution, eligible: Distribution) -> Iterator[Any]:
        if self.drawing.form is None:
            yield from super().rest(distribution, eligible)
        else:
            yield as_chunk(self.of(self.run.drawn(eligible), distribution))

    def called_in_stream(self, calling: ToolsCalled) -> Any:
        return as_chunk(calling.message)


# --- usage -----------------------------------------------------------------------------------

_USAGE = "usage_of_calls"
"""Where a message keeps its usage until the callbacks have seen it."""


def uncounted(message: M) -> M:
    """Return a message whose usage callbacks do not count: they count that of each call."""
    if message.usage_metadata is None:
        return message
    about = {**message.response_metadata, _USAGE: message.usage_metadata}
    return message.model_copy(update={"usage_metadata": None, "response_metadata": about})


def counted(message: M) -> M:
    """Return a message with its usage where users look for it."""
    if _USAGE not in message.response_metadata:
        return message
    about = dict(message.response_metadata)
    usage = about.pop(_USAGE)
    return message.model_copy(update={"usage_metadata": usage, "response_metadata": about})


def all_counted(result: LLMResult) -> LLMResult:
    """Return generations with their usage; see `counted`."""
    for generations in result.generations:
        for generation in generations:
            message = getattr(generation, "message", None)
            if isinstance(message, AIMessage):
                generation.message = counted(message)  # type: ignore[union-attr]
    return result
