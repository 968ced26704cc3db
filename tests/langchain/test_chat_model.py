"""`VerbalizedChatModel`: wherever a chat model is demanded by type."""

import pickle

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.globals import set_llm_cache
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from vs_core import ConfigurationError, ParseError
from vs_core.testing import SimulatedModel
from vs_langchain import VerbalizedChatModel, VerbalizedSampler, distribution_of

ASKED = "Name a US state."
STORY = "Tell me a story about a river."


class State(BaseModel):
    """A state."""

    name: str
    letters: int


@tool
def capital(state: str) -> str:
    """Return the capital of a state."""
    return f"the capital of {state}"


async def test_it_answers_with_a_drawn_candidate(llm, server):
    model = VerbalizedChatModel(llm, k=3)
    assert isinstance(model, BaseChatModel)
    for message in (model.invoke(ASKED), await model.ainvoke([HumanMessage(ASKED)])):
        distribution = distribution_of(message)
        assert len(distribution) == 3
        assert message.text in distribution.texts
        assert message.response_metadata["model_name"] == "simulated"
    assert "Give 3 responses" in str(server.requests[0]["messages"])
    assert [len(distribution_of(m)) for m in model.batch([ASKED] * 2)] == [3, 3]


async def test_the_drawn_text_comes_in_pieces(llm):
    model = VerbalizedChatModel(llm, k=3, seed=3)
    for pieces in (list(model.stream(STORY)), [piece async for piece in model.astream(STORY)]):
        assert len(pieces) > 3
        assert all(isinstance(piece, AIMessageChunk) for piece in pieces)
        whole = sum(pieces[1:], pieces[0])
        assert whole.text == "".join(piece.text for piece in pieces)
        assert whole.text in distribution_of(whole).texts
        assert len({piece.id for piece in pieces}) == 1


async def test_usage_is_in_the_message_and_counted_once(llm):
    llm.stream_usage = True
    model = VerbalizedChatModel(llm, k=3, n=6)

    def streamed():
        chunks = list(model.stream(ASKED))
        return sum(chunks[1:], chunks[0])

    for run in (lambda: model.invoke(ASKED), streamed):
        with get_usage_metadata_callback() as counted:
            message = run()
        (usage,) = counted.usage_metadata.values()
        assert message.usage_metadata["output_tokens"] == usage["output_tokens"] > 0
    with get_usage_metadata_callback() as counted:
        message = await model.ainvoke(ASKED)
    (usage,) = counted.usage_metadata.values()
    assert message.usage_metadata == usage


@pytest.mark.parametrize("given", ["field", "argument"])
async def test_several_generations_are_different(server, given):
    llm = ChatOpenAI(base_url=server.base_url, api_key="x", n=4 if given == "field" else None)
    model = VerbalizedChatModel(llm, k=3)
    further = {} if given == "field" else {"n": 4}
    results = [model.generate([[HumanMessage(ASKED)]] * 2, **further)]
    results.append(await model.agenerate([[HumanMessage(ASKED)]] * 2, **further))
    for result in results:
        for generations in result.generations:
            assert len({generation.text for generation in generations}) == 4
            used = [g.message.usage_metadata for g in generations]
            assert used[0]
            assert used[1:] == [None] * 3
    assert all(request.get("n") in (None, 1) for request in server.requests)


def test_a_stop_ends_the_answer_and_not_the_distribution(llm, server):
    model = VerbalizedChatModel(llm, k=3)
    message = model.invoke(STORY, stop=["e"])
    assert "e" not in message.text
    assert len(distribution_of(message)) == 3
    assert "stop" not in server.requests[0]
    ended = VerbalizedChatModel(llm, k=3, stop=["e"])
    assert "e" not in "".join(piece.text for piece in ended.stream(STORY))


def test_settings_are_those_of_the_wrapped_model(server):
    llm = ChatOpenAI(base_url=server.base_url, api_key="x", model="one", max_retries=7)
    model = VerbalizedChatModel(llm, k=3, temperature=0.3, timeout=9, max_retries=1)
    assert model.llm.root_client.max_retries == 1
    assert model.llm.root_client.timeout == 9
    assert llm.max_retries == 7
    model.invoke(ASKED, model="other")
    assert server.requests[0]["temperature"] == 0.3
    assert server.requests[0]["model"] == "other"
    with pytest.raises(ConfigurationError, match="colour"):
        VerbalizedChatModel(llm, colour="blue")
    with pytest.raises(ConfigurationError, match="k must be"):
        VerbalizedChatModel(llm, k=0)


def test_calls_are_cached_and_draws_are_not(llm, server):
    set_llm_cache(InMemoryCache())
    try:
        model = VerbalizedChatModel(llm, k=5)
        drawn = {model.invoke(ASKED).text for _ in range(30)}
    finally:
        set_llm_cache(None)
    assert len(server.requests) == 1
    assert len(drawn) > 1


async def test_max_concurrency_and_choices_reach_the_calls(llm, server):
    other = llm.model_copy(update={"model_name": "other"})
    from langchain_core.runnables import ConfigurableField

    either = llm.configurable_alternatives(ConfigurableField(id="llm"), default_key="a", b=other)
    model = VerbalizedChatModel(either, k=1, n=3)
    model.invoke(ASKED, {"configurable": {"llm": "b"}})
    assert [request["model"] for request in server.requests] == ["other"] * 3
    with pytest.raises(ConfigurationError, match="max_concurrency"):
        await model.ainvoke(ASKED, {"max_concurrency": -1})


# --- structures --------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [None, "json_schema", "function_calling", "json_mode"])
@pytest.mark.parametrize("schema", [State, State.model_json_schema()], ids=["type", "dict"])
async def test_values_of_a_type_are_drawn(llm, server, schema, method):
    model = VerbalizedChatModel(llm, k=3)
    drawing = model.with_structured_output(schema, method=method)
    kind = State if schema is State else dict
    for value in (drawing.invoke(ASKED), await drawing.ainvoke(ASKED)):
        assert isinstance(value, kind)
    (streamed,) = drawing.stream(ASKED)
    assert isinstance(streamed, kind)
    both = model.with_structured_output(schema, method=method, include_raw=True).invoke(ASKED)
    assert isinstance(both["parsed"], kind)
    assert len(distribution_of(both["raw"], schema)) == 3
    assert both["parsing_error"] is None
    assert len(server.requests) == 4
    expected = {None: set(), "json_schema": {"response_format"}, "function_calling": {"tools"}}
    asked = {"response_format", "tools"} & server.requests[0].keys()
    assert asked == expected.get(method, set())


def test_what_cannot_be_read_is_told_with_the_message(llm, server):
    server.model = SimulatedModel(quirks=["refusal", "refusal"])
    drawing = VerbalizedChatModel(llm, k=3, retries=0).with_structured_output(
        State, include_raw=True
    )
    both = drawing.invoke(ASKED)
    assert both["parsed"] is None
    assert isinstance(both["parsing_error"], ParseError)
    assert both["raw"].text == both["parsing_error"].text
    with pytest.raises(ConfigurationError, match="method must be one of"):
        VerbalizedChatModel(llm).with_structured_output(State, method="magic")


def test_a_sampler_has_it_too(llm):
    assert isinstance(
        VerbalizedSampler(llm, k=3).with_structured_output(State).invoke(ASKED), State
    )
    with pytest.raises(ConfigurationError, match="no model"):
        VerbalizedSampler(k=3).with_structured_output(State)


def test_images_go_with_it(llm, server):
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    asked = [HumanMessage([{"type": "text", "text": ASKED}, image])]
    assert isinstance(
        VerbalizedChatModel(llm, k=3).with_structured_output(State).invoke(asked), State
    )
    assert server.requests[0]["messages"][-1]["content"][1] == image


def test_a_call_that_is_forced_among_tools_is_the_wrapped_models_own(llm, server):
    bound = VerbalizedChatModel(llm, k=3).bind_tools([capital], tool_choice="any")
    (call,) = bound.invoke(ASKED).tool_calls
    assert call["name"] == "capital"
    assert "Give 3 responses" not in str(server.requests[0]["messages"])


@pytest.mark.parametrize("choice", ["any", "State", True])
async def test_a_structure_that_is_forced_as_a_tool_is_verbalized(llm, server, choice):
    bound = VerbalizedChatModel(llm, k=3).bind_tools([capital, State], tool_choice=choice)
    whole = [piece async for piece in bound.astream(ASKED)]
    for message in (bound.invoke(ASKED), await bound.ainvoke(ASKED), sum(whole[1:], whole[0])):
        (call,) = message.tool_calls
        assert call["name"] == "State"
        State(**call["args"])
        assert len(distribution_of(message, State)) == 3
    names = [tool["function"]["name"] for tool in server.requests[0]["tools"]]
    assert names == [*(["capital"] if choice != "State" else []), "verbalized_responses"]


async def test_tool_calls_pass_through(llm):
    bound = VerbalizedChatModel(llm, k=3).bind_tools([capital])
    asked = "Use capital for a US state."
    whole = [piece async for piece in bound.astream(asked)]
    for message in (bound.invoke(asked), await bound.ainvoke(asked), sum(whole[1:], whole[0])):
        assert message.tool_calls[0]["name"] == "capital"
        assert "distribution" not in message.response_metadata
    assert len(distribution_of(bound.invoke(ASKED))) == 3


def test_pickle_and_copies(llm):
    from langchain_core.language_models import FakeListChatModel

    model = VerbalizedChatModel(
        FakeListChatModel(responses=['[{"text": "a", "probability": 0.5}]']), k=1
    )
    assert pickle.loads(pickle.dumps(model)).invoke("x").text == "a"
    assert model.model_copy(update={"k": 1}).invoke("x").text == "a"
