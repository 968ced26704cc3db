"""`VerbalizedQuestionGenerator`: different sub-questions with their probabilities, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

from llama_index.core.llms.utils import LLMType
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.question_gen.prompts import build_tools_text
from llama_index.core.question_gen.types import BaseQuestionGenerator, SubQuestion
from llama_index.core.schema import QueryBundle
from llama_index.core.tools import ToolMetadata
from pydantic import create_model
from typing_extensions import Unpack

from vs_core import ConfigurationError, Strategy
from vs_core.effects import Effect, Effects, aperform, perform
from vs_llama_index.asking import (
    Asking,
    AskOptions,
    PromptInput,
    asked_by,
    require_query,
    template,
)
from vs_llama_index.structured import Method

__all__ = ["VerbalizedQuestionGenerator"]

_PROMPT = (
    "Write a sub-question, the answer to which helps to answer the question, for one of the tools "
    "to answer.\nTools, with what each knows:\n{tools_str}\nQuestion: {query_str}"
)


class VerbalizedQuestionGenerator(BaseQuestionGenerator):
    """Ask for k different sub-questions with their probabilities, in one call.

    It stands where `LLMQuestionGenerator` stands, in a `SubQuestionQueryEngine`. Each sub-question
    names one of the tools: one that names another is asked for again. The probabilities are in the
    ``LLMPredictEndEvent``, as of all parts.

    Args:
        llm: Any LLM of LlamaIndex, chat or completion; default: ``Settings.llm`` at each run.
        k: Sub-questions a call, at least 1; default: the strategy's, 5.
        least: Least weight of a sub-question that is asked, from 0 to 1; each is asked of an
            engine, which costs more than to write it.
        prompt: In place of its own; a template of ``{tools_str}`` and ``{query_str}``.
        strategy: A registered name or a strategy of `vs_core`.
        method: How structured output is asked for; see `VerbalizedQueryTransform`.
        **options: Options of the strategy; see `vs_core.strategies.Strategy`.

    Raises:
        ConfigurationError: If an option cannot work; at a run, if there is no tool, the query is
            empty or no LLM is configured.
        ParseError: At a run, if the model gave no distribution, after all retries.
    """

    def __init__(
        self,
        llm: LLMType | None = None,
        k: int | None = None,
        *,
        least: float = 0.0,
        prompt: BasePromptTemplate | str = _PROMPT,
        strategy: str | Strategy | None = None,
        method: Method = "auto",
        **options: Unpack[AskOptions],
    ) -> None:
        if not 0 <= least <= 1:
            raise ConfigurationError(f"least must be from 0 to 1, not {least!r}.")
        self._asking = Asking(llm, asked_by(strategy, k, options), method=method)
        self._least = least
        self._prompt = template(prompt, "query_str")

    def _get_prompts(self) -> PromptDictType:
        return {"question_gen_prompt": self._prompt}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        if "question_gen_prompt" in prompts:
            self._prompt = template(prompts["question_gen_prompt"], "query_str")

    def generate(self, tools: Sequence[ToolMetadata], query: QueryBundle) -> list[SubQuestion]:
        """Return the sub-questions, the likeliest first.

        Args:
            tools: What can be asked.
            query: The question.
        """
        return perform(self._steps(tools, query))

    async def agenerate(
        self, tools: Sequence[ToolMetadata], query: QueryBundle
    ) -> list[SubQuestion]:
        """Return the sub-questions without blocking; see `generate`."""
        return await aperform(self._steps(tools, query))

    def _steps(
        self, tools: Sequence[ToolMetadata], query: QueryBundle
    ) -> Effects[list[SubQuestion]]:
        if not tools:
            raise ConfigurationError("There is no tool to ask.")
        names = tuple(tool.name or "" for tool in tools)
        asking = self._asking.typed(_of_tools(names))
        question = require_query(query.query_str)
        task = PromptInput({"tools_str": build_tools_text(tools), "query_str": question})
        found = yield Effect(
            lambda: asking.run(self._prompt, task), lambda: asking.arun(self._prompt, task)
        )
        weighed = sorted(
            zip(found.weights, found, strict=True), key=lambda pair: pair[0], reverse=True
        )
        return [
            SubQuestion(sub_question=one.value.sub_question, tool_name=one.value.tool_name)
            for weight, one in weighed
            if one.value is not None and weight >= self._least
        ]


@lru_cache(maxsize=64)
def _of_tools(names: tuple[str, ...]) -> Any:
    """The type of a sub-question for one of these tools."""
    named: Any = Literal[names]
    return create_model("SubQuestion", sub_question=(str, ...), tool_name=(named, ...))
