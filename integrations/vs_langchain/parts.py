"""What the sampler does, in two parts for those who wire a chain by hand: asking and reading."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import BaseMessage
from langchain_core.output_parsers import BaseTransformOutputParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.prompt_values import ChatPromptValue, PromptValue, StringPromptValue
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.base import RunnableSerializable
from typing_extensions import Unpack

from vs_core import (
    Candidate,
    Completion,
    ConfigurationError,
    Distribution,
    ParseError,
    Request,
    Strategy,
    StreamParser,
)
from vs_core.display import shorten
from vs_core.plugins import plugins
from vs_core.strategies.typed import validated
from vs_langchain.messages import ToolsCalled, apieces, from_answer, from_input, pieces, to_messages
from vs_langchain.options import PartOptions, StrategyOptions
from vs_langchain.snapshots import Snapshot, snapshot

__all__ = ["VerbalizedOutputParser", "VerbalizedPrompt"]


class VerbalizedPrompt(StrategyOptions, RunnableSerializable[LanguageModelInput, PromptValue]):
    """Turn a prompt into one that asks for k responses with their probabilities.

    Prompt value (string, messages) in, prompt value out::

        chain = prompt | VerbalizedPrompt(k=5) | llm | VerbalizedOutputParser()

    The instructions join the system message; a string stays a string.

    Args:
        **options: ``strategy`` and its options; see `vs_core.strategies.Strategy`.

    Raises:
        ConfigurationError: If an option cannot work, or the strategy makes more than one call: then
            it takes a `VerbalizedSampler`.
    """

    name: str | None = "VerbalizedPrompt"

    def __init__(self, **options: Unpack[PartOptions]) -> None:
        super().__init__(**options)
        calls = len(self._strategy().sizes())
        if calls != 1:
            raise ConfigurationError(
                f"A prompt asks once; this strategy makes {calls} calls for its candidates. "
                "VerbalizedSampler(llm, …) makes them all."
            )

    def invoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ARG002  # left aside, as LangChain's own prompts do
    ) -> PromptValue:
        """Return the prompt that asks for a distribution.

        Raises:
            ConfigurationError: If ``input`` is nothing that a model can be given.
        """
        return self._call_with_config(self._asking, input, config, run_type="prompt")

    async def ainvoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ARG002
    ) -> PromptValue:
        """See `invoke`."""

        async def asking(value: LanguageModelInput) -> PromptValue:
            return self._asking(value)

        return await self._acall_with_config(asking, input, config, run_type="prompt")

    def _asking(self, value: LanguageModelInput) -> PromptValue:
        flow = self._strategy().flow(from_input(value))
        (request,) = next(flow)
        flow.close()
        if isinstance(value, (str, StringPromptValue)):
            return StringPromptValue(text="\n\n".join(m.text for m in request.messages))
        return ChatPromptValue(messages=to_messages(Request(request.messages)))


class VerbalizedOutputParser(StrategyOptions, BaseTransformOutputParser[Distribution]):
    """Read a model's answer as a distribution, in whatever format it is written.

    It reads what `vs_core.parse` reads, and the tool call by which a model may have answered. As
    a stream it gives growing distributions, one more candidate each time, in linear time.

    Args:
        **options: Of what was asked for: ``k``, ``probability``, ``format``, ``schema``,
            ``strategy``; see `vs_core.strategies.Strategy`. All candidates of an answer are kept,
            were there more than k.

    Raises:
        ConfigurationError: If an option cannot work.
    """

    name: str | None = "VerbalizedOutputParser"

    def __init__(self, **options: Unpack[PartOptions]) -> None:
        super().__init__(**options)

    def parse(self, text: str) -> Distribution:
        """Return the distribution in an answer.

        Raises:
            OutputParserException: If there is none, or no candidate fits the schema; with the
                answer, so that LangChain's fixing and retrying parsers can ask again.
        """
        try:
            distribution = self._strategy().read(text, self.k)
        except ParseError as error:
            raise OutputParserException(
                str(error), observation=error.reason, llm_output=text
            ) from error
        checked = [validated(candidate, self.schema_) for candidate in distribution]
        errors = [error for _, error in checked if error is not None]
        if errors and len(errors) == len(checked):
            listed = "\n".join(
                f"{shorten(c.text)}: {e}" for c, e in zip(distribution, errors, strict=True)
            )
            message = f"No candidate fits the schema.\n{listed}"
            raise OutputParserException(message, observation=message, llm_output=text)
        candidates = iter([candidate for candidate, _ in checked])
        return distribution.map(lambda _: next(candidates))

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Distribution:  # noqa: ARG002
        """Return the distribution in the first of several generations; see `parse`."""
        generation = result[0]
        if isinstance(generation, ChatGeneration):
            with _complaining():
                return self.parse(from_answer(generation.message).text)
        return self.parse(generation.text)

    def get_format_instructions(self) -> str:
        """Return what to put into a prompt, so that it asks for what this parser reads."""
        strategy = self._strategy()
        parts = (strategy.instruction(self.k), strategy.format_instructions(self.k))
        return "\n\n".join(part for part in parts if part)

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Distribution]:
        reading = _Growing(self._strategy())
        with _complaining():
            for piece in pieces(input):
                yield from reading.grown_by(piece)
        yield snapshot(self.parse(reading.text()))

    async def _atransform(
        self, input: AsyncIterator[str | BaseMessage]
    ) -> AsyncIterator[Distribution]:
        reading = _Growing(self._strategy())
        with _complaining():
            async for piece in apieces(input):
                for grown in reading.grown_by(piece):
                    yield grown
        yield snapshot(self.parse(reading.text()))

    @property
    def _type(self) -> str:
        return "verbalized_output_parser"


class _Growing:
    """An answer that comes in, and the candidates of it that are complete."""

    def __init__(self, strategy: Strategy) -> None:
        shape = strategy.shape(strategy.k)
        format = plugins.format(strategy.format)
        self._schema = strategy.schema
        self._parser = None if shape is None else StreamParser.of(shape, format)
        self._texts: list[str] = []
        self._grown = Snapshot()

    def grown_by(self, piece: Completion) -> Iterator[Snapshot]:
        """Take in a piece; yield the distribution so far for each candidate that it completed."""
        self._texts.append(piece.text)
        found: list[Candidate] = self._parser.feed(piece.text) if self._parser else []
        for candidate in found:
            self._grown = self._grown.grown(validated(candidate, self._schema)[0])
            yield self._grown

    def text(self) -> str:
        """The whole answer."""
        return "".join(self._texts)


@contextmanager
def _complaining() -> Iterator[None]:
    """Raise for an answer that calls tools what LangChain's parsers raise."""
    try:
        yield
    except ToolsCalled as called:
        raise OutputParserException(
            f"The model called tools ({called}) instead of answering.",
            llm_output=called.message.text,
        ) from None
