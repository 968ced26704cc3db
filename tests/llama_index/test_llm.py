"""`VerbalizedLLM`, the question generator and the transform retriever, through OpenAILike."""

import asyncio
import inspect
import pickle

import pytest
from llama_index.core import Document, Settings, SummaryIndex, VectorStoreIndex
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.indices.query.query_transform import HyDEQueryTransform
from llama_index.core.prompts import PromptTemplate, SelectorPromptTemplate
from llama_index.core.prompts.utils import is_chat_model
from llama_index.core.query_engine import SubQuestionQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.retrievers import TransformRetriever
from llama_index.core.schema import QueryBundle
from llama_index.core.tools import QueryEngineTool, ToolMetadata
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel

from vs_core import ConfigurationError, Distribution
from vs_core.testing import SimulatedModel
from vs_llama_index import (
    VerbalizedLLM,
    VerbalizedQueryTransform,
    VerbalizedQuestionGenerator,
    VerbalizedSynthesizer,
    VerbalizedTransformRetriever,
    distribution_of,
)

QUESTION = "Name a US state."


# --- an LLM that draws ---------------------------------------------------------------------------


MESSAGES = [ChatMessage(role=MessageRole.USER, content=QUESTION)]


async def only(found):
    """The one thing that a method of an LLM gives, whole or in pieces, in whichever way."""
    found = await found if inspect.isawaitable(found) else found
    if hasattr(found, "__aiter__"):
        found = [piece async for piece in found]
    elif inspect.isgenerator(found):
        found = list(found)
    (one,) = found if isinstance(found, list) else [found]
    return one


@pytest.mark.parametrize("way", ["", "a", "stream_", "astream_"])
@pytest.mark.parametrize("method", ["chat", "complete"])
async def test_it_answers_with_a_drawn_candidate(llm, server, method, way):
    ours = VerbalizedLLM(llm, 4, seed=4, resampler="uniform")
    asked = MESSAGES if method == "chat" else QUESTION
    found = await only(getattr(ours, way + method)(asked, temperature=0.7))
    distribution = distribution_of(found)
    drawn = distribution.sample(seed=4, resampler="uniform").text
    assert found.raw == distribution
    assert len(distribution) == 4
    assert found.delta == drawn
    if method == "chat":
        assert (found.message.role, found.message.content) == (MessageRole.ASSISTANT, drawn)
    else:
        assert str(found) == found.text == drawn
    (request,) = server.requests
    assert request["temperature"] == 0.7
    assert request["messages"][-1] == {"role": "user", "content": QUESTION}


def test_many_answers_are_diverse(llm, server):
    server.model = SimulatedModel(gamma=8.0)  # collapsed: asked directly it says the same
    direct = {str(llm.complete(QUESTION)) for _ in range(12)}
    drawn = {str(VerbalizedLLM(llm, 5).complete(QUESTION)) for _ in range(12)}
    assert len(drawn) > len(direct)


class Joke(BaseModel):
    setup: str
    rating: int


PROMPT = SelectorPromptTemplate(
    PromptTemplate("A joke about {topic}:"),
    [(is_chat_model, PromptTemplate("Tell a joke about {topic}."))],
)


@pytest.mark.parametrize("way", ["", "a", "stream_", "astream_"])
async def test_typed_answers(llm, server, way):
    ours = VerbalizedLLM(llm, 3, seed=2, resampler="argmax", system_prompt="Be brief.")
    predict = getattr(ours, f"{way}structured_predict")
    found = await only(predict(Joke, PROMPT, {"temperature": 0.7}, topic="bees"))
    assert isinstance(found, Joke)
    (request,) = server.requests
    assert request["temperature"] == 0.7
    assert request["messages"][0]["content"].startswith("Be brief.")
    assert "Tell a joke about bees." in request["messages"][-1]["content"]
    structured = ours.as_structured_llm(Joke)
    assert isinstance(structured.complete("Tell a joke.").raw, Joke)


def test_it_stands_where_llamaindex_takes_an_llm(llm, server, monkeypatch):
    counter = TokenCountingHandler(str.split)
    monkeypatch.setattr(Settings, "_callback_manager", CallbackManager([counter]))
    ours = VerbalizedLLM(llm, 3)
    index = SummaryIndex.from_documents([Document(text="Bees see ultraviolet.")])
    answer = index.as_query_engine(llm=ours).query("What do bees see?")
    assert str(answer)
    assert len(counter.llm_token_counts) == len(server.requests) == 1  # told of once
    assert get_response_synthesizer(ours, response_mode="tree_summarize")
    assert VerbalizedSynthesizer(ours, 2)  # even here


def test_settings_and_managers_reach_the_wrapped_llm(make_llm, server):
    own = CallbackManager([])
    llm = make_llm(callback_manager=own, is_function_calling_model=True)
    ours = VerbalizedLLM(llm, 3, strategy="vs_cot", n=6)
    assert ours.callback_manager is llm.callback_manager is own
    ours.chat(MESSAGES, temperature=0.7)
    assert [request["temperature"] for request in server.requests] == [0.7, 0.7]
    manager = CallbackManager([TokenCountingHandler(str.split)])
    ours.callback_manager = manager
    ours.complete(QUESTION)
    assert llm.callback_manager is manager
    assert ours.metadata.context_window == llm.metadata.context_window
    assert not ours.metadata.is_function_calling_model


def test_it_is_picklable_and_says_what_is_wrong(llm, server, monkeypatch):
    ours = VerbalizedLLM(llm, 3, seed=1)
    first = str(ours.complete(QUESTION))
    server.model.reset()
    assert str(pickle.loads(pickle.dumps(ours)).complete(QUESTION)) == first
    with pytest.raises(ConfigurationError, match="kk"):
        VerbalizedLLM(llm, kk=3)
    with pytest.raises(ConfigurationError, match="best"):
        VerbalizedLLM(llm, resampler="best")
    with pytest.raises(ConfigurationError, match="calls no functions"):
        VerbalizedLLM(llm, method="tool")
    with pytest.raises(ConfigurationError, match="no distribution"):
        distribution_of(llm.complete(QUESTION))
    assert ours.class_name() == "VerbalizedLLM"


# --- sub-questions -------------------------------------------------------------------------------

TOOLS = [ToolMetadata("about bees", "bees"), ToolMetadata("about wasps", "wasps")]
COMPARE = QueryBundle("How do bees and wasps find food?")


async def test_sub_questions_name_tools_and_come_by_weight(llm, server, events):
    ours = VerbalizedQuestionGenerator(llm, 4)
    for run in (ours.generate, ours.agenerate):
        found = run(TOOLS, COMPARE)
        found = await found if asyncio.iscoroutine(found) else found
        assert {one.tool_name for one in found} <= {"bees", "wasps"}
        assert len({one.sub_question for one in found}) == len(found) == 4
        end = next(e for e in reversed(events.seen) if type(e).__name__ == "LLMPredictEndEvent")
        told = Distribution.model_validate_json(end.output)
        ranked = sorted(zip(told.weights, told, strict=True), key=lambda pair: -pair[0])
        assert [one.sub_question for one in found] == [c.value["sub_question"] for _, c in ranked]
    said = server.requests[0]["messages"][-1]["content"]
    assert "about wasps" in said
    assert COMPARE.query_str in said
    rare = VerbalizedQuestionGenerator(llm, 4, least=0.99)
    assert rare.generate(TOOLS, COMPARE) == []


def test_in_a_sub_question_query_engine(llm):
    tools = [
        QueryEngineTool(SummaryIndex([]).as_query_engine(llm=llm), metadata) for metadata in TOOLS
    ]
    engine = SubQuestionQueryEngine.from_defaults(
        tools, llm, question_gen=VerbalizedQuestionGenerator(llm, 3), use_async=False,
        response_synthesizer=VerbalizedSynthesizer(llm, 2),
    )  # fmt: skip
    found = engine.query(COMPARE)
    about = found.metadata["verbalized"]
    shown = [node.node_id for node in found.source_nodes[:3]]  # the rest was never shown
    assert set(about["source_ids"]) <= set(shown)
    assert "question_gen:question_gen_prompt" in engine.get_prompts()


def test_bad_use_of_the_question_generator(llm, server):
    with pytest.raises(ConfigurationError, match="no tool"):
        VerbalizedQuestionGenerator(llm).generate([], COMPARE)
    with pytest.raises(ConfigurationError, match="query is empty"):
        VerbalizedQuestionGenerator(llm).generate(TOOLS, QueryBundle(" "))
    with pytest.raises(ConfigurationError, match="least"):
        VerbalizedQuestionGenerator(llm, least=2)
    assert not server.requests


# --- a transform in front of a retriever ---------------------------------------------------------


async def test_the_transform_retriever_never_calls_what_blocks(llm, embed_model, monkeypatch):
    documents = [Document(text=f"Bees see {n}") for n in range(5)]
    index = VectorStoreIndex.from_documents(documents, embed_model=embed_model)
    transform = VerbalizedQueryTransform(llm, 3)
    given = (index.as_retriever(similarity_top_k=2), transform)
    expected = VerbalizedTransformRetriever(*given).retrieve(COMPARE)

    def blocks(*args, **kwargs):
        raise AssertionError("a blocking call in async code")

    monkeypatch.setattr(OpenAILike, "chat", blocks)
    monkeypatch.setattr(type(embed_model), "get_query_embedding", blocks)
    found = await VerbalizedTransformRetriever(*given).aretrieve(COMPARE)
    assert len(found) == len(expected) == 2
    with pytest.raises(AssertionError, match="blocking"):  # which is why there is another
        await TransformRetriever(*given).aretrieve(COMPARE)


async def test_it_takes_transforms_of_llamaindex_too(llm, embed_model):
    index = VectorStoreIndex.from_documents([Document(text="Bees")], embed_model=embed_model)
    retriever = VerbalizedTransformRetriever(index.as_retriever(), HyDEQueryTransform(llm))
    assert len(await asyncio.wait_for(retriever.aretrieve(COMPARE), 20)) == 1
