"""Agents and graphs: tool calls pass through, answers are drawn."""

from typing import TypedDict

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage
from langchain_core.output_parsers.openai_tools import JsonOutputToolsParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from vs_core import ConfigurationError, Distribution, ModelError
from vs_langchain import VerbalizedSampler
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
    assert "Give 3 different responses" in second["messages"][0]["content"]


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
    (drawn,) = VerbalizedSampler(llm, k=3, output="message").stream("Name a US state.")
    assert isinstance(drawn, AIMessageChunk)
    assert "distribution" in drawn.response_metadata


def test_a_structure_that_the_provider_enforces_is_an_error_that_says_what_to_do(llm):
    class State(BaseModel):
        name: str

    for model, middleware in (
        (VerbalizedSampler(llm, output="message"), []),
        (llm, [VerbalizedMiddleware(k=3)]),
    ):
        structure = ProviderStrategy(State)
        agent = create_agent(model, [], response_format=structure, middleware=middleware)
        with pytest.raises(ConfigurationError, match="ToolStrategy"):
            agent.invoke({"messages": [("user", "Name a US state.")]})
        agent = create_agent(model, [], response_format=ToolStrategy(State), middleware=middleware)
        state = agent.invoke({"messages": [("user", "Name a US state.")]})
        assert isinstance(state["structured_response"], State)


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
    jokes = prompt | llm | VerbalizedSampler(k=3)
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


def test_a_graph_streams_the_models_tokens(graph):
    chunks = [m for m, _ in graph.stream({"topic": "tea"}, stream_mode="messages")]
    assert all(isinstance(chunk, AIMessageChunk) for chunk in chunks)
    assert "probability" in "".join(chunk.text for chunk in chunks)


async def test_events_of_a_graph(graph):
    events = [event async for event in graph.astream_events({"topic": "tea"}, version="v2")]
    (end,) = [
        e for e in events if (e["event"], e["name"]) == ("on_chain_end", "VerbalizedSampler")
    ]  # fmt: skip
    assert len(end["data"]["output"]) == 3
    assert any(event["event"] == "on_chat_model_stream" for event in events)


@pytest.mark.filterwarnings("ignore:The v3 streaming protocol")
async def test_events_of_a_graph_in_the_third_version(graph):
    stream = await graph.astream_events({"topic": "tea"}, version="v3")
    values = [event["params"]["data"] async for event in stream if event["method"] == "values"]
    assert len(values[-1]["jokes"]) == 3
