"""What the package knows beyond LangChain's public names holds in the LangChain installed here."""

import pytest
from langchain.chat_models import init_chat_model
from langchain_core.callbacks import BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import LC_ID_PREFIX
from langchain_core.runnables import RunnableLambda, RunnablePassthrough, RunnableSequence
from langchain_core.tracers.context import collect_runs
from langchain_core.utils.uuid import uuid7
from langgraph.constants import TAG_NOSTREAM
from pydantic import BaseModel

from vs_core import ConfigurationError
from vs_langchain import VerbalizedChatModel, VerbalizedSampler
from vs_langchain.internals import (
    chosen_later,
    chosen_now,
    cut_off,
    hidden,
    message_id,
    model_in,
    operands,
)


class State(BaseModel):
    name: str


def test_the_id_of_a_message_is_that_of_its_run(llm):
    ids = []

    class Watch(BaseCallbackHandler):
        def on_chat_model_start(self, *args, run_id, **kwargs):
            ids.append(run_id)

    model = GenericFakeChatModel(messages=iter(["hello"]))
    *_, last = model.stream("x", {"callbacks": [Watch()]})
    assert last.id == message_id(ids[0])
    assert message_id(7) == f"{LC_ID_PREFIX}-7"


def test_langgraph_hides_the_tokens_of_what_has_this_tag():
    assert hidden({"tags": ["mine"]})["tags"] == ["mine", TAG_NOSTREAM]


def test_a_model_that_the_config_names(llm):
    later = init_chat_model(model_provider="openai", api_key="x")
    assert chosen_later(later)
    assert not chosen_later(llm)
    chosen = chosen_now(later, {"configurable": {"model": "gpt-4.1-mini"}})
    assert (type(chosen), chosen.model_name) == (type(llm), "gpt-4.1-mini")


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
def test_the_model_in_what_with_structured_output_returns(llm, method):
    model = model_in(llm.with_structured_output(State, method=method))
    assert model.bound is llm
    assert model.kwargs.keys() & {"response_format", "tools"}


def test_of_anything_else_there_is_no_model_in_it():
    for other in (RunnableLambda(str), RunnablePassthrough() | str):
        assert model_in(other) is None


async def test_what_openais_client_raises_at_the_limit_of_tokens(llm):
    llm.max_tokens = 5
    model = model_in(llm.with_structured_output(State, method="json_schema"))
    with pytest.raises(Exception, match="length limit") as caught:
        model.invoke("Name a US state.")
    assert cut_off(caught.value).choices[0].finish_reason == "length"
    assert cut_off(ValueError("no")) is None


def test_the_steps_of_a_sequence_in_the_making():
    seen = []

    class Asking(RunnableSequence):
        @property
        def steps(self):
            seen.append(operands())
            return [RunnablePassthrough()]

    asking = Asking(RunnablePassthrough(), RunnablePassthrough())
    seen.clear()
    first = RunnableLambda(str)
    RunnableSequence(first, asking)
    assert seen == [(first, asking)]
    assert operands() == ()
    with pytest.raises(ConfigurationError, match=r"\.around"):
        GenericFakeChatModel(messages=iter([])) | VerbalizedSampler(k=3)


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
async def test_the_calls_of_a_chat_model_are_below_its_run(llm, way):
    parents, models = {}, []

    class Watch(BaseCallbackHandler):
        raise_error = True  # or LangChain logs what fails here

        def on_chain_start(self, *args, run_id, parent_run_id=None, **kwargs):
            parents[run_id] = parent_run_id

        def on_chat_model_start(self, *args, run_id, parent_run_id=None, **kwargs):
            parents[run_id] = parent_run_id
            models.append(run_id)
            assert "mine" in kwargs["tags"]
            assert kwargs["metadata"]["of"] == "a user"

    usage = UsageMetadataCallbackHandler()
    config = {"callbacks": [Watch(), usage], "tags": ["mine"], "metadata": {"of": "a user"}}
    llm.stream_usage = True
    found = getattr(VerbalizedChatModel(llm, k=3), way)("Name a US state.", config)
    if way == "astream":
        found = [piece async for piece in found]
    message = await found if way == "ainvoke" else found
    if "stream" in way:
        first, *others = found
        message = sum(others, first)
    outer, call = models
    assert parents[outer] is None
    assert parents[parents[call]] == outer
    assert usage.usage_metadata["simulated"] == message.usage_metadata


def test_a_run_has_the_id_that_its_config_says(llm):
    given = uuid7()
    model = VerbalizedChatModel(llm, k=3)
    with collect_runs() as collected:
        model.invoke("Name a US state.", {"run_id": given})
        list(model.stream("Name a US state.", {"run_id": given}))
    assert [run.id for run in collected.traced_runs] == [given] * 2
    assert [len(run.child_runs) for run in collected.traced_runs] == [1] * 2
