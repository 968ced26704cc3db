"""What comes out: pieces of a drawn text, what is kept in messages, what a result remembers."""

import json
import random

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel
from typing_extensions import TypedDict

from vs_core import ConfigurationError, Distribution, partial_of
from vs_langchain import VerbalizedSampler, distribution_of
from vs_langchain.outputs import pieces_of

ASKED = "Name a US state."
STORY = "Tell me a story about a river."


class State(BaseModel):
    name: str


# --- streams -----------------------------------------------------------------------------------


@pytest.mark.parametrize("output", ["text", "message"])
@pytest.mark.parametrize("resampler", ["proportional", "uniform", "argmax"])
async def test_a_drawn_text_comes_in_pieces(llm, output, resampler):
    sampler = VerbalizedSampler(llm, k=3, output=output, resampler=resampler)
    for pieces in (list(sampler.stream(STORY)), [piece async for piece in sampler.astream(STORY)]):
        assert len(pieces) > 3
        whole = sum(pieces[1:], pieces[0]) if output == "message" else "".join(pieces)
        if output == "message":
            assert isinstance(whole, AIMessageChunk)
            assert whole.chunk_position == "last"
            assert whole.text in distribution_of(whole).texts
        else:
            assert "probability" not in whole


async def test_what_is_drawn_early_comes_with_its_candidate(llm, server, monkeypatch):
    sent = []
    original = VerbalizedSampler._streaming

    def watching(self, run, following):
        count = [0]
        steps = original(self, run, following)
        result = None
        try:
            while True:
                step = steps.send(result)
                count[0] += type(step).__name__ == "Effect"
                sent.append((count[0], type(step).__name__))
                result = yield step
        except StopIteration:
            return

    monkeypatch.setattr(VerbalizedSampler, "_streaming", watching)
    monkeypatch.setattr(random, "randrange", lambda n: 0)
    for options, candidates in (
        ({"resampler": "uniform"}, 1),
        ({"resampler": "uniform", "seed": 3}, 6),
        ({"resampler": "uniform", "n": 10}, 11),
        ({"resampler": "proportional"}, 6),
    ):
        sent.clear()
        list(VerbalizedSampler(llm, k=5, output="text", **options).stream(STORY))
        assert next(count for count, kind in sent if kind == "Emit") == candidates


def test_what_is_drawn_early_is_drawn_uniformly(server):
    llm = ChatOpenAI(base_url=server.base_url, api_key="x", model="simulated")
    sampler = VerbalizedSampler(llm, k=3, output="text", resampler="uniform")
    drawn = []
    for _ in range(60):
        server.model.reset()
        drawn.append("".join(sampler.stream(ASKED)))
    counts = {text: drawn.count(text) for text in drawn}
    assert len(counts) == 3
    assert min(counts.values()) >= 8  # of 20 expected: less has a chance below 0.1 %


@pytest.mark.parametrize("text", ["", "one", "two words", " a\n\nb  ", "長い文" * 20, "x" * 99])
def test_pieces_add_up_to_the_text(text):
    assert "".join(pieces_of(text)) == text


# --- in messages -------------------------------------------------------------------------------


def test_how_much_is_kept_in_a_message(llm, server):
    drawn = {}
    for keep in ("full", "compact", "none"):
        server.model.reset()
        sampler = VerbalizedSampler(
            llm, k=3, output="message", schema=State, seed=3, distribution=keep
        )
        drawn[keep] = sampler.invoke(ASKED)
        assert json.dumps(drawn[keep].response_metadata)
    assert len({message.text for message in drawn.values()}) == 1
    full, compact = (distribution_of(drawn[keep], State) for keep in ("full", "compact"))
    assert [c.value for c in full] == [c.value for c in compact]
    assert all(isinstance(candidate.value, State) for candidate in compact)
    assert [c.probability for c in full] == [c.probability for c in compact]
    assert full.completions
    assert full.metadata["k"] == 3
    assert distribution_of(drawn["full"])[0].value == full[0].value.model_dump()
    with pytest.raises(ConfigurationError, match="carries no distribution"):
        distribution_of(drawn["none"])
    with pytest.raises(ConfigurationError, match="distribution must be one of full, compact"):
        VerbalizedSampler(distribution="half")


# --- what a result remembers -------------------------------------------------------------------


async def test_raw_answers_and_reasoning_are_kept():
    thought = AIMessage(
        [
            {"type": "reasoning", "reasoning": "Think of states."},
            {"type": "text", "text": '[{"text": "Ohio", "probability": 0.5}]'},
        ],
        response_metadata={"model_name": "m", "finish_reason": "stop"},
        usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
    )
    aside = AIMessage(
        '[{"text": "Ohio", "probability": 0.5}]',
        additional_kwargs={"reasoning_content": "Think of states."},
        response_metadata={"model_name": "m", "stop_reason": "stop"},
    )
    for message in (thought, aside):
        llm = GenericFakeChatModel(messages=iter([message, message]))
        sampler = VerbalizedSampler(llm, k=1)
        for distribution in (sampler.invoke(ASKED), await sampler.ainvoke(ASKED)):
            (completion,) = distribution.completions
            assert completion.reasoning == distribution.reasoning == "Think of states."
            assert (completion.model, completion.finish_reason) == ("m", "stop")
            assert distribution[0].call == 0


def test_streams_keep_the_raw_answers(llm):
    last = list(VerbalizedSampler(llm, k=3, n=6).stream(ASKED))[-1]
    assert [completion.finish_reason for completion in last.completions] == ["stop"] * 2
    assert {candidate.call for candidate in last} == {0, 1}


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_what_others_gave_is_kept_when_a_call_fails(llm, server, asynchronous):
    async def ask(**options):
        server.faults = [None, "500"]
        config = {"max_concurrency": 1}
        sampler = VerbalizedSampler(llm, k=3, n=9, **options)
        if asynchronous:
            return await sampler.ainvoke(ASKED, config)
        return sampler.invoke(ASKED, config)

    distribution = await ask(on_failure="keep")
    assert len(distribution) == 6
    assert len(distribution.metadata["failed"]) == 1
    with pytest.raises(Exception, match="simulated") as caught:
        await ask()
    assert len(partial_of(caught.value)) == 3


def test_tools_that_are_called_are_no_failure(llm):
    class capital(BaseModel):  # noqa: N801  # the user names it so
        """A capital."""

        state: str

    sampler = VerbalizedSampler(llm.bind_tools([capital]), k=3, output="message", on_failure="keep")
    assert sampler.invoke("Use capital for a US state.").tool_calls[0]["name"] == "capital"


def test_one_seed_draws_at_many_places(llm, server):
    sampler = VerbalizedSampler(llm, k=5, output="text", seed=7)
    asked = [f"Name a US state, number {number}." for number in range(20)]
    first = sampler.batch(asked, {"max_concurrency": 1})
    distributions = VerbalizedSampler(llm, k=5, seed=7).batch(asked)
    places = [d.texts.index(d.sample().text) for d in distributions]
    assert len(set(places)) > 2
    server.model.reset()
    assert sampler.batch(asked, {"max_concurrency": 1}) == first


# --- in the state of a graph -------------------------------------------------------------------


class Review(TypedDict, total=False):
    states: Distribution[State]
    chosen: str


def test_typed_distributions_outlive_a_checkpoint(llm):
    prompt = ChatPromptTemplate.from_template("Name a US state.")
    chain = prompt | llm | VerbalizedSampler(k=3, schema=State)

    def choose(state):
        place = interrupt("Which one?")
        return {"chosen": state["states"][place].value.name}

    builder = StateGraph(Review)
    builder.add_node("ask", lambda state, config: {"states": chain.invoke({}, config)})
    builder.add_node("choose", choose)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", "choose")
    builder.add_edge("choose", END)
    graph = builder.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    graph.invoke({}, config)
    state = graph.invoke(Command(resume=1), config)
    assert state["chosen"] == state["states"][1].value.name
    assert isinstance(state["states"], Distribution)
    # Time travel: the same distribution at an earlier step, and another choice from it.
    (before,) = [past for past in graph.get_state_history(config) if past.next == ("choose",)]
    assert before.values["states"] == state["states"]
    fork = graph.update_state(before.config, {"states": before.values["states"]}, as_node="ask")
    graph.invoke(None, fork)
    again = graph.invoke(Command(resume=2), config)
    assert again["chosen"] == state["states"][2].value.name
