"""Keeping the calls of one flow apart in LangChain's cache."""

from __future__ import annotations

from typing import Any

from langchain_core.caches import BaseCache
from langchain_core.globals import get_llm_cache
from langchain_core.language_models import BaseLLM
from langchain_core.runnables import RunnableConfig

from vs_langchain.models import AnyRunnable, with_models

__all__ = ["of_one_call"]


class _OfOneCall(BaseCache):
    """A cache in which each call of a flow has entries of its own.

    The key of a chat model's call holds the fields of its messages, where that of a model which
    completes text is what is sent: so the number of the call can only go into the key here.
    """

    def __init__(self, cache: BaseCache, call: int) -> None:
        self._cache = cache
        self._mark = f"\n(call {call})"

    def lookup(self, prompt: str, llm_string: str) -> Any:
        return self._cache.lookup(prompt + self._mark, llm_string)

    def update(self, prompt: str, llm_string: str, return_val: Any) -> None:
        self._cache.update(prompt + self._mark, llm_string, return_val)

    async def alookup(self, prompt: str, llm_string: str) -> Any:
        return await self._cache.alookup(prompt + self._mark, llm_string)

    async def aupdate(self, prompt: str, llm_string: str, return_val: Any) -> None:
        await self._cache.aupdate(prompt + self._mark, llm_string, return_val)

    def clear(self, **kwargs: Any) -> None:
        self._cache.clear(**kwargs)


def of_one_call(runnable: AnyRunnable, call: int, config: RunnableConfig) -> AnyRunnable:
    """Return a model whose cache keeps this call of a flow apart from its others."""

    def apart(model: AnyRunnable) -> AnyRunnable:
        if not isinstance(model, BaseLLM) or model.cache is False:
            return model
        cache = model.cache if isinstance(model.cache, BaseCache) else get_llm_cache()
        if cache is None:
            return model
        return model.model_copy(update={"cache": _OfOneCall(cache, call)})

    return with_models(runnable, apart, config) if call else runnable
