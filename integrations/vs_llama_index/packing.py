"""Sources in as few calls as they fit into, with room for what else a call holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from llama_index.core.indices.prompt_helper import PromptHelper
from llama_index.core.llms import LLM
from llama_index.core.prompts import BasePromptTemplate

from vs_core import ConfigurationError, Message, Strategy
from vs_llama_index.citing import labelled
from vs_llama_index.structured import Method, method_of, structured

__all__ = ["Pack", "Packer", "Piece", "Source"]

_LABEL = 10  # tokens that "Source 12:" and the line around it may take
_BLOCK = 1_000  # tokens of an image and the like: those of large images are about as many


@dataclass(frozen=True)
class Source:
    """A retrieved node as a model is shown it.

    Args:
        number: By which it is cited, from 1.
        text: Its text.
        blocks: What else it holds, such as images, as LlamaIndex's content blocks.
    """

    number: int
    text: str
    blocks: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Piece:
    """What of a source stands in one call: all of it, if it fits. Texts have their label."""

    source: Source
    text: str
    tokens: int
    blocks: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Pack:
    """The context of one call."""

    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The context, as it stands in the prompt."""
        return "\n\n".join(piece.text for piece in self.pieces if piece.text)

    @property
    def blocks(self) -> list[Any]:
        """What cannot stand in a text, in the order of the sources."""
        return [block for piece in self.pieces for block in piece.blocks]

    @property
    def numbers(self) -> set[int]:
        """Numbers of the sources that are shown."""
        return {piece.source.number for piece in self.pieces}


class Packer:
    """Knows how much fits into one call.

    Tokens are counted by the helper alone. Beside the context a call holds the prompt, the
    strategy's instructions, the JSON schema or the tool, and its answer, for which k times the
    helper's ``num_output`` are kept free, up to half of the window.

    Args:
        helper: Says the size of the window, and counts tokens.
        llm: The LLM that is asked.
        strategy: What it is asked for.
        method: How it is asked for structure.
        prompt: With all but the context filled in.
        cite: Whether sources are labelled with their numbers.

    Raises:
        ConfigurationError: If there is no room for any context.
    """

    def __init__(
        self,
        helper: PromptHelper,
        llm: LLM,
        strategy: Strategy,
        method: Method,
        prompt: BasePromptTemplate,
        cite: bool,
    ) -> None:
        self._helper = helper
        self._count = helper._token_counter.get_string_tokens
        self._cite = cite
        request = next(strategy.flow([Message("user", "")]))[0]
        self._schema = self._of_schema(request.json_schema, method_of(llm, method))
        asked = sum(self._count(message.text) for message in request.messages)
        self._answer = max(
            helper.num_output, min(strategy.k * helper.num_output, helper.context_window // 2)
        )
        padding = asked + self._schema + self._answer - helper.num_output + 2 * _LABEL
        try:
            self._splitter = helper.get_text_splitter_given_prompt(prompt, padding=padding, llm=llm)
        except ValueError as error:
            raise ConfigurationError(
                f"The prompt leaves no room for context in the LLM's context window: {error}"
            ) from error

    def _of_schema(self, schema: Any, method: Method) -> int:
        """Tokens by which structure is asked for."""
        if schema is None or method == "text":
            return 0
        said = structured(schema, method)
        tools = [tool.metadata.to_openai_tool() for tool in said.get("tools", ())]
        return self._count(json.dumps(tools or said))

    def packs(self, sources: Sequence[Source]) -> list[Pack]:
        """Return all sources in order, long ones cut, in as few packs as hold them."""
        return [Pack(tuple(pieces)) for pieces in self._filled(self._pieces(sources))]

    def best(self, pieces: Iterable[Piece]) -> Pack:
        """Return as many pieces as fit into one call, the first first, in the sources' order."""
        first = next(iter(self._filled(list(dict.fromkeys(pieces)), whole=False)), [])
        return Pack(tuple(sorted(first, key=lambda piece: piece.source.number)))

    def fits(self, messages: Sequence[Message]) -> bool:
        """Return whether a further turn has room for itself and for its answer."""
        said = sum(self._count(message.text) + 4 for message in messages)
        return said + self._schema + self._helper.num_output <= self._helper.context_window

    def _pieces(self, sources: Sequence[Source]) -> list[Piece]:
        pieces = []
        for source in sources:
            whole = self._piece(source, source.text, source.blocks)
            if whole.tokens <= self._splitter.chunk_size or not source.text:
                pieces.append(whole)
                continue
            first, *rest = self._splitter.split_text(source.text)
            pieces.append(self._piece(source, first, source.blocks))
            pieces += [self._piece(source, text) for text in rest]
        return [piece for piece in pieces if piece.source.text or piece.blocks]

    def _piece(self, source: Source, text: str, blocks: tuple[Any, ...] = ()) -> Piece:
        said = labelled(source.number, text) if self._cite else text
        return Piece(source, said, self._count(said) + _BLOCK * len(blocks), blocks)

    def _filled(self, pieces: Sequence[Piece], *, whole: bool = True) -> list[list[Piece]]:
        """Pieces in order, in packs as full as they get; not ``whole`` leaves out what is over."""
        packs: list[list[Piece]] = []
        room = 0
        for piece in pieces:
            if packs and not whole and piece.tokens > room:
                continue
            if not packs or piece.tokens > room:
                packs.append([])
                room = self._splitter.chunk_size + _LABEL  # which was left for the label
            packs[-1].append(piece)
            room -= piece.tokens + 1
        return packs
