"""Agents and graphs: tool calls pass through, answers are drawn."""

import sys
from typing import TypedDict

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage
from langchain_core.output_parsers.openai_tools import JsonOutputToolsParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from vs_core import ConfigurationError, Distribution, ModelError
from vs_langchain import (
    VerbalizedChatModel,
    VerbalizedRetriever,
    VerbalizedSampler,
    distribution_of,
)
from vs_langchain.middleware import VerbalizedMiddleware

CALLING = {"messages": [("user", "Use capital for a US state.")]}


@tool
def capital(state: str) -> str:
    """Return the capital of a state."""
    return f"the capital of {state}"


def as_model(llm):
    return create_agent(VerbalizedSampler(llm, k=3, output="message"), [capital])


def as_middleware(llm):
    return create_agent(llm, [capital], middleware=[VerbalizedMiddleware(k=3)])


@pytest.mark.parametrize("agent", [as_model, as_middleware])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_an_agent_calls_its_tools_and_then_draws_its_answer(llm, server, agent, asynchronous):
    built = agent(llm)
    state = await built.ainvoke(CALLING) if asynchronous else built.invoke(CALLING)
    _, calling, result, answer = state["messages"]
    (call,) = calling.tool_calls
    assert call["name"] == "capital"
    assert isinstance(result, ToolMessage)
    assert result.content == f"the capital of {call['args']['state']}"
    distribution = Distribution.model_validate(answer.response_metadata["distribution"])
    assert answer.text in {candidate.text for candidate in distribution}
    assert len(distribution) == 3
    first, second = server.requests
    assert first["tools"] == second["tools"]
    assert second["messages"][-1]["role"] == "tool"
    assert "Give 3 responses" in second["messages"][0]["content"]


def test_an_agent_without_tools(llm):
    agent = create_agent(VerbalizedSampler(llm, k=3, output="message"), [])
    state = agent.invoke({"messages": [("user", "Name a US state.")]})
    assert "distribution" in state["messages"][-1].response_metadata


async def test_an_agent_streams_its_messages_and_not_the_models_json(llm):
    agent = as_model(llm)
    streams = [list(agent.stream(CALLING, stream_mode="messages"))]
    streams.append([item async for item in agent.astream(CALLING, stream_mode="messages")])
    for stream in streams:
        messages = [message for message, _ in stream]
        assert [type(message) for message in messages] == [AIMessage, ToolMessage, AIMessage]
        assert messages[0].tool_calls
        assert "probability" not in messages[-1].text


async def test_tool_calls_pass_through_untouched(llm, server):
    llm.stream_usage = True
    bound = llm.bind_tools([capital])
    plain = bound.invoke(CALLING["messages"])
    sampler = VerbalizedSampler(bound, k=3, output="message")
    results = []
    for run in (sampler.invoke, sampler.stream, sampler.ainvoke, sampler.astream):
        server.model.reset()
        result = run(CALLING["messages"])
        if run == sampler.ainvoke:
            result = [await result]
        elif run == sampler.astream:
            result = [message async for message in result]
        results += [result] if run == sampler.invoke else result
    assert len(results) == 4
    kinds = [AIMessage, AIMessageChunk, AIMessage, AIMessageChunk]
    for message, kind in zip(results, kinds, strict=True):
        assert type(message) is kind
        assert message.tool_calls == plain.tool_calls
        written = message.usage_metadata["output_tokens"]
        assert written == plain.usage_metadata["output_tokens"]
        assert "distribution" not in message.response_metadata


def test_of_several_calls_the_first_that_calls_tools_decides(llm):
    sampler = VerbalizedSampler(llm.bind_tools([capital]), k=3, n=9, output="message")
    assert sampler.invoke(CALLING["messages"]).tool_calls


async def test_a_stream_goes_on_as_that_of_the_model(llm):
    bound = llm.bind_tools([capital])
    parser = JsonOutputToolsParser()
    chain = VerbalizedSampler(bound, k=3, output="message") | parser
    (expected,) = [*(bound | parser).stream(CALLING["messages"])][-1]
    assert [*chain.stream(CALLING["messages"])][-1][0]["type"] == expected["type"] == "capital"
    results = [result async for result in chain.astream(CALLING["messages"])]
    assert results[-1][0]["type"] == "capital"
    *pieces, last = VerbalizedSampler(llm, k=3, output="message").stream("Name a US state.")
    assert all(isinstance(piece, AIMessageChunk) for piece in pieces)
    assert "distribution" in last.response_metadata


# --- structured answers --------------------------------------------------------------------------


class Place(BaseModel):
    """A place."""

    name: str
    letters: int


class Thing(BaseModel):
    title: str


FORMATS = {
    "tool": ToolStrategy(Place),
    "provider": ProviderStrategy(Place),
    "type": Place,
    "choice": ToolStrategy(Place | Thing),
    "schema": ToolStrategy(Place.model_json_schema()),
}


def structured_by_middleware(llm, tools, wanted, **options):
    middleware = [VerbalizedMiddleware(k=3, **options)]
    return create_agent(llm, tools, middleware=middleware, response_format=wanted)


def structured_by_model(llm, tools, wanted, **options):
    return create_agent(VerbalizedChatModel(llm, k=3, **options), tools, response_format=wanted)


def structured_by_sampler(llm, tools, wanted, **options):
    sampler = VerbalizedSampler(llm, k=3, output="message", **options)
    return create_agent(sampler, tools, response_format=wanted)


PROFILES = {
    "plain": {},
    "able": {"structured_output": True, "tool_calling": True, "tool_choice": True},
}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize("tools", [[], [capital]], ids=["alone", "with tools"])
@pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize(
    "agent", [structured_by_middleware, structured_by_model, structured_by_sampler]
)
async def test_a_structured_answer_is_drawn_from_typed_candidates_of_one_call(
    server, agent, format, tools, profile
):
    llm = ChatOpenAI(base_url=server.base_url, api_key="x", model="simulated", profile=profile)
    built = agent(llm, tools, format)
    for state in (built.invoke(STATE), await built.ainvoke(STATE)):
        (request,) = server.requests[-1:]
        answer = state["messages"][1]
        distribution = distribution_of(answer)
        assert len(distribution) == 3
        drawn = state["structured_response"]
        assert isinstance(drawn, dict if format is FORMATS["schema"] else Place)
        drawn = drawn if isinstance(drawn, dict) else drawn.model_dump()
        assert str(drawn["letters"]) in answer.text or answer.tool_calls[0]["args"] == drawn
        assert any(drawn["name"] in candidate.text for candidate in distribution)
        names = [tool["function"]["name"] for tool in request.get("tools", ())]
        if tools:
            assert names == ["capital", "verbalized_responses"]
            assert request["tool_choice"] == "required"
        elif isinstance(format, ToolStrategy):
            assert names == ["verbalized_responses"]
    assert len(server.requests) == 2


STATE = {"messages": [("user", "Name a US state.")]}


@pytest.mark.parametrize("agent", [structured_by_middleware, structured_by_model])
def test_an_agent_uses_its_tools_before_it_answers_in_a_structure(llm, server, agent):
    state = agent(llm, [capital], ToolStrategy(Place)).invoke(CALLING)
    _, calling, result, answer, note = state["messages"]
    assert calling.tool_calls[0]["name"] == "capital"
    assert "distribution" not in calling.response_metadata
    assert isinstance(result, ToolMessage)
    assert len(distribution_of(answer, Place)) == 3
    assert all(isinstance(c.value, Place) for c in distribution_of(answer, Place))
    assert note.tool_call_id == answer.tool_calls[0]["id"]
    assert isinstance(state["structured_response"], Place)


@pytest.mark.parametrize("options", [{"strategy": "direct"}, {"format": "tags"}])
def test_a_structure_that_cannot_be_verbalized_is_an_error_before_anything_is_asked(
    llm, server, options
):
    for agent in (structured_by_middleware, structured_by_model):
        with pytest.raises(ConfigurationError, match="asks for none"):
            agent(llm, [capital], ToolStrategy(Place), **options).invoke(STATE)
    with pytest.raises(ConfigurationError, match="gives no text to sample"):
        VerbalizedSampler(llm).bind_tools([Place], tool_choice="any")
    assert not server.requests


def test_the_words_leave_the_tools_open(llm, server):
    VerbalizedSampler(llm.bind_tools([capital]), k=3).invoke("Name a US state.")
    VerbalizedSampler(llm, k=3).invoke("Name a US state.")
    with_tools, without = (request["messages"][0]["content"] for request in server.requests)
    assert with_tools.startswith(without)
    assert "tool" in with_tools.removeprefix(without)
    assert "tool" not in without


def test_the_history_stays_small(llm, server):
    sizes = {}
    for keep in ("full", "compact", "none"):
        agent = create_agent(
            llm, [], middleware=[VerbalizedMiddleware(k=5, distribution=keep)]
        )  # fmt: skip
        messages = []
        for _ in range(3):
            messages = agent.invoke({"messages": [*messages, ("user", "Name a US state.")]})[
                "messages"
            ]
        sizes[keep] = len(str([message.model_dump_json() for message in messages]))
        sent = server.requests[-1]["messages"]
        assert "probability" not in str(sent[1:])  # whatever is kept, the model sees the text alone
    assert sizes["none"] < sizes["compact"] < 0.5 * sizes["full"]
    with pytest.raises(ConfigurationError, match="carries no distribution"):
        distribution_of(messages[-1])


async def test_an_agent_streams_the_drawn_text(llm):
    for agent in (
        create_agent(llm, [capital], middleware=[VerbalizedMiddleware(k=3)]),
        create_agent(VerbalizedChatModel(llm, k=3), [capital]),
    ):
        streams = [[m for m, _ in agent.stream(STORY, stream_mode="messages")]]
        if sys.version_info >= (
            3,
            11,
        ):  # before, LangGraph streams none there
            streams.append([m async for m, _ in agent.astream(STORY, stream_mode="messages")])
        for pieces in streams:
            assert len(pieces) > 3
            assert "probability" not in "".join(piece.text for piece in pieces)


STORY = {"messages": [("user", "Tell me a story about a river.")]}


@pytest.mark.parametrize("output", ["distribution", "text"])
async def test_tool_calls_are_an_error_where_no_message_comes_out(llm, output):
    sampler = VerbalizedSampler(llm.bind_tools([capital]), k=3, output=output)
    with pytest.raises(ModelError, match=r"called tools \(capital\).*output='message'"):
        sampler.invoke("Use capital for a US state.")
    with pytest.raises(ModelError, match="capital"):
        [_ async for _ in sampler.astream("Use capital for a US state.")]


def test_tools_do_not_keep_a_model_from_answering(llm, server):
    sampler = VerbalizedSampler(llm.bind_tools([capital]), k=3)
    assert len(sampler.invoke("Name a US state.")) == 3
    assert server.requests[0]["tools"][0]["function"]["name"] == "capital"


# --- graphs ------------------------------------------------------------------------------------


class State(TypedDict, total=False):
    topic: str
    jokes: Distribution
    joke: str


@pytest.fixture
def graph(llm):
    prompt = ChatPromptTemplate.from_template("Tell me a joke about {topic}.")
    return joking(prompt | llm | VerbalizedSampler(k=3))


def joking(jokes):
    builder = StateGraph(State)
    builder.add_node("invent", lambda state, config: {"jokes": jokes.invoke(state, config)})
    builder.add_node("choose", lambda state: {"joke": state["jokes"].sample(seed=1).text})
    builder.add_edge(START, "invent")
    builder.add_edge("invent", "choose")
    builder.add_edge("choose", END)
    return builder.compile()


async def test_a_node_of_a_graph(graph):
    for state in (graph.invoke({"topic": "tea"}), await graph.ainvoke({"topic": "tea"})):
        assert len(state["jokes"]) == 3
        assert state["joke"] in {candidate.text for candidate in state["jokes"]}


@pytest.mark.parametrize("output", ["text", "message"])
def test_a_graph_streams_no_tokens_of_what_is_only_drawn_from(llm, output):
    prompt = ChatPromptTemplate.from_template("Tell me a joke about {topic}.")
    chain = prompt | llm | VerbalizedSampler(k=3, output=output)
    builder = StateGraph(State)
    builder.add_node("joke", lambda state, config: {"joke": str(chain.invoke(state, config))})
    builder.add_edge(START, "joke")
    builder.add_edge("joke", END)
    streamed = builder.compile().stream({"topic": "tea"}, stream_mode="messages")
    assert not [message for message, _ in streamed]


async def test_a_graph_streams_the_models_tokens_if_that_is_asked_for(graph, llm):
    assert not list(graph.stream({"topic": "tea"}, stream_mode="messages"))
    assert not [item async for item in graph.astream({"topic": "tea"}, stream_mode="messages")]
    raw = joking(ChatPromptTemplate.from_template("A joke.") | llm | VerbalizedSampler(
        k=3, stream_raw=True
    ))  # fmt: skip
    chunks = [m for m, _ in raw.stream({"topic": "tea"}, stream_mode="messages")]
    assert all(isinstance(chunk, AIMessageChunk) for chunk in chunks)
    assert "probability" in "".join(chunk.text for chunk in chunks)


def test_a_retriever_in_a_graph_streams_no_json(llm):
    found = RunnableLambda(lambda query: [Document(query)])
    retriever = VerbalizedRetriever(retriever=found, llm=llm, k=3)
    builder = StateGraph(State)
    builder.add_node("find", lambda state, config: {"joke": str(retriever.invoke("tea", config))})
    builder.add_edge(START, "find")
    builder.add_edge("find", END)
    assert not list(builder.compile().stream({"topic": "tea"}, stream_mode="messages"))


async def test_events_of_a_graph(graph):
    events = [event async for event in graph.astream_events({"topic": "tea"}, version="v2")]
    (end,) = [
        e for e in events if (e["event"], e["name"]) == ("on_chain_end", "VerbalizedSampler")
    ]  # fmt: skip
    assert len(end["data"]["output"]) == 3
    assert any(event["event"] == "on_chat_model_stream" for event in events)


@pytest.mark.skipif(
    not hasattr(BaseChatModel, "stream_events"), reason="this LangChain has no third version"
)
@pytest.mark.filterwarnings("ignore:The v3 streaming protocol")
async def test_events_of_a_graph_in_the_third_version(graph):
    stream = await graph.astream_events({"topic": "tea"}, version="v3")
    values = [event["params"]["data"] async for event in stream if event["method"] == "values"]
    assert len(values[-1]["jokes"]) == 3
