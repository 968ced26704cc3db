"""`VerbalizedLLM`: an LLM that answers with a candidate drawn from a distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.llms import LLM
from llama_index.core.llms.utils import LLMType
from llama_index.core.prompts import BasePromptTemplate
from pydantic import BaseModel, Field, SerializeAsAny

from vs_core import Candidate, Distribution, Strategy
from vs_core.candidates import resampler_of
from vs_core.effects import Effect, Effects, aperform, perform
from vs_core.strategies import strategy_of
from vs_llama_index.asking import Asking, configured
from vs_llama_index.structured import Method

__all__ = ["VerbalizedLLM"]

M = TypeVar("M", bound=BaseModel)


class VerbalizedLLM(LLM):
    """An LLM that asks another one for a distribution, and answers with a drawn candidate.

    It stands wherever LlamaIndex takes an LLM, so that any part can be made diverse::

        engine = index.as_query_engine(llm=VerbalizedLLM(OpenAI("gpt-4.1-mini"), k=5))

    The distribution is the ``raw`` of each response; `distribution_of` reads it. With
    ``structured_predict`` and ``as_structured_llm`` the candidates have the type that is asked for.
    A stream brings the drawn answer in one piece, once all candidates are there. Calls and their
    tokens are told of by the wrapped LLM, once.

    It calls no functions: an agent that needs them is given the wrapped LLM. A ``ReActAgent``,
    which works by text, would draw its steps.

    Args:
        llm: The LLM to ask; default: ``Settings.llm``.
        k: Candidates a call, at least 1; default: the strategy's, 5.
        strategy: A registered name or a strategy of `vs_core`.
        method: How structured output is asked for; see `VerbalizedQueryTransform`.
        resampler: How the answer is drawn: a registered name such as ``"argmax"``, or a function.
        seed: Makes drawing reproducible.
        **options: Options of the strategy, see `vs_core.strategies.Strategy`; and fields of any
            LLM, such as ``callback_manager`` and ``system_prompt``.

    Raises:
        ConfigurationError: If no LLM is configured or an option cannot work.
        ParseError: At a call, if the model gave no distribution, after all retries.
    """

    llm: SerializeAsAny[LLM]
    strategy: Any = Field(default=None, exclude=True)
    method: str = "auto"
    resampler: Any = Field(default="proportional", exclude=True)
    seed: int | None = None

    def __init__(
        self,
        llm: LLMType | None = None,
        k: int | None = None,
        *,
        strategy: str | Strategy | None = None,
        method: Method = "auto",
        resampler: Any = "proportional",
        seed: int | None = None,
        **options: Any,
    ) -> None:
        inner = configured(llm)
        own = {name: options.pop(name) for name in set(options) & set(LLM.model_fields)}
        own.setdefault("callback_manager", inner.callback_manager)
        if k is not None:
            options["k"] = k
        resampler_of(resampler)
        own |= {"llm": inner, "strategy": strategy_of(strategy, **options)}
        own |= {"method": method, "resampler": resampler, "seed": seed}
        super().__init__(**own)
        self._asking()

    @classmethod
    def class_name(cls) -> str:
        """The name under which it is serialised."""
        return "VerbalizedLLM"

    @property
    def metadata(self) -> LLMMetadata:
        """That of the wrapped LLM, except that this one calls no functions."""
        return self.llm.metadata.model_copy(update={"is_function_calling_model": False})

    # --- answering ---------------------------------------------------------------------------

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer with a drawn candidate; ``kwargs`` go to the wrapped LLM."""
        return perform(self._chat(messages, kwargs))

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer without blocking; see `chat`."""
        return await aperform(self._chat(messages, kwargs))

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:  # noqa: ARG002
        """Complete a prompt with a drawn candidate; see `chat`."""
        return perform(self._complete(prompt, kwargs))

    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any  # noqa: ARG002
    ) -> CompletionResponse:  # fmt: skip
        """Complete a prompt without blocking; see `complete`."""
        return await aperform(self._complete(prompt, kwargs))

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Yield the drawn answer, in one piece."""
        yield self.chat(messages, **kwargs)

    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """Return what yields the drawn answer, in one piece."""

        async def pieces() -> ChatResponseAsyncGen:
            yield await self.achat(messages, **kwargs)

        return pieces()

    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """Yield the drawn completion, in one piece."""
        yield self.complete(prompt, formatted, **kwargs)

    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """Return what yields the drawn completion, in one piece."""

        async def pieces() -> CompletionResponseAsyncGen:
            yield await self.acomplete(prompt, formatted, **kwargs)

        return pieces()

    def structured_predict(
        self,
        output_cls: type[M],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> M:
        """Return a drawn candidate of a type.

        Args:
            output_cls: The type: a pydantic model.
            prompt: What is asked.
            llm_kwargs: Go to the wrapped LLM.
            **prompt_args: Values of the prompt's variables.
        """
        return perform(self._predict(output_cls, prompt, llm_kwargs, prompt_args))

    async def astructured_predict(
        self,
        output_cls: type[M],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> M:
        """Return a drawn candidate of a type without blocking; see `structured_predict`."""
        return await aperform(self._predict(output_cls, prompt, llm_kwargs, prompt_args))

    def stream_structured_predict(
        self,
        output_cls: type[M],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Any:
        """Yield a drawn candidate of a type, in one piece; see `structured_predict`."""
        yield self.structured_predict(output_cls, prompt, llm_kwargs, **prompt_args)

    async def astream_structured_predict(
        self,
        output_cls: type[M],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Any:
        """Return what yields a drawn candidate of a type, in one piece."""

        async def pieces() -> Any:
            yield await self.astructured_predict(output_cls, prompt, llm_kwargs, **prompt_args)

        return pieces()

    # --- how ---------------------------------------------------------------------------------

    def _asking(self, schema: Any = None, settings: dict[str, Any] | None = None) -> Asking:
        if self.callback_manager is not self.llm.callback_manager:
            self.llm.callback_manager = self.callback_manager  # parts set it on this one
        method: Any = self.method
        asking = Asking(
            self.llm, self.strategy, method=method, seed=self.seed, settings=settings or {}
        )
        return asking if schema is None else asking.typed(schema)

    def _drawn(
        self, messages: Sequence[ChatMessage], kwargs: dict[str, Any], schema: Any = None
    ) -> Effects[tuple[Candidate, Distribution]]:
        asking = self._asking(schema, kwargs)
        found = yield Effect(lambda: asking.answer(messages), lambda: asking.aanswer(messages))
        return found.sample(resampler=self.resampler), found

    def _chat(
        self, messages: Sequence[ChatMessage], kwargs: dict[str, Any]
    ) -> Effects[ChatResponse]:
        drawn, found = yield from self._drawn(messages, kwargs)
        message = ChatMessage(role=MessageRole.ASSISTANT, content=drawn.text)
        return ChatResponse(message=message, delta=drawn.text, raw=found)

    def _complete(self, prompt: str, kwargs: dict[str, Any]) -> Effects[CompletionResponse]:
        message = ChatMessage(role=MessageRole.USER, content=prompt)
        drawn, found = yield from self._drawn([message], kwargs)
        return CompletionResponse(text=drawn.text, delta=drawn.text, raw=found)

    def _predict(
        self, output_cls: type[M], prompt: BasePromptTemplate, llm_kwargs: Any, values: Any
    ) -> Effects[M]:
        messages = self._extend_messages(prompt.format_messages(llm=self.llm, **values))
        drawn, _ = yield from self._drawn(messages, llm_kwargs or {}, output_cls)
        value: M = drawn.value
        return value
