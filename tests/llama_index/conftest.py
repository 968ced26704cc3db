"""A server, LlamaIndex's own client for it, and what records what LlamaIndex tells."""

from typing import Any

import pytest
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai_like import OpenAILike
from pydantic import Field

from vs_core.testing import SimulatedServer


@pytest.fixture
def server():
    with SimulatedServer() as server:
        yield server


@pytest.fixture
def make_llm(server):
    """Return an LLM of the server, with settings of the test's own."""

    def make(cls: type[OpenAILike] = OpenAILike, **settings: Any) -> OpenAILike:
        given = {"is_chat_model": True, "max_retries": 0, **settings}
        return cls(model="simulated", api_base=server.base_url, api_key="x", **given)

    return make


@pytest.fixture
def llm(make_llm):
    return make_llm()


@pytest.fixture
def embed_model(server):
    return OpenAIEmbedding(api_base=server.base_url, api_key="x")


class Events(BaseEventHandler):
    """Keeps all events."""

    seen: list[Any] = Field(default_factory=list)

    @classmethod
    def class_name(cls) -> str:
        return "Events"

    def handle(self, event: Any, **kwargs: Any) -> None:
        self.seen.append(event)

    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.seen]


@pytest.fixture
def events():
    root, handler = get_dispatcher(), Events()
    root.add_event_handler(handler)
    yield handler
    root.event_handlers.remove(handler)


@pytest.fixture
def spans():
    """Ends with the spans by their method, each with that of its parent."""
    root, handler = get_dispatcher(), SimpleSpanHandler()
    root.add_span_handler(handler)
    yield handler
    root.span_handlers.remove(handler)
