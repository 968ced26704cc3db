"""The query transform inside LlamaIndex's own engines, through OpenAILike over HTTP."""

import asyncio
import json
import math
import pickle

import pytest
from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock, ToolCallBlock
from llama_index.core.callbacks import (
    CallbackManager,
    CBEventType,
    LlamaDebugHandler,
    TokenCountingHandler,
)
from llama_index.core.indices.query.query_transform import HyDEQueryTransform
from llama_index.core.llms import MockLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate, SelectorPromptTemplate
from llama_index.core.prompts.utils import is_chat_model
from llama_index.core.query_engine import TransformQueryEngine
from llama_index.core.retrievers import TransformRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.core.types import PydanticProgramMode
from llama_index.core.workflow import StartEvent, StopEvent, Workflow, step
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel

from vs_core import ConfigurationError, Distribution, ParseError
from vs_core.fusion import searches
from vs_core.testing import SimulatedModel
from vs_llama_index import (
    VerbalizedQueryBundle,
    VerbalizedQueryEngine,
    VerbalizedQueryTransform,
    VerbalizedTransformRetriever,
)
from vs_llama_index.completing import completer, from_chat_messages, to_chat_messages

QUESTION = "How do bees find flowers?"
PASSAGES = [
    "Bees see ultraviolet marks on petals.",
    "The waggle dance tells direction and distance.",
    "Banks set the rate of interest.",
]


@pytest.fixture
def index(embed_model):
    documents = [Document(text=text) for text in PASSAGES]
    return VectorStoreIndex.from_documents(documents, embed_model=embed_model)


def test_one_question_becomes_several(llm, server):
    transform = VerbalizedQueryTransform(llm=llm, k=5)
    bundle = transform(QUESTION)
    assert isinstance(bundle, VerbalizedQueryBundle)
    assert bundle.query_str == QUESTION
    assert bundle.embedding_strs[0] == QUESTION
    assert bundle.embedding_strs[1:] == [c.text for c in bundle.distribution]
    assert len(bundle.distribution) == 5
    assert all(c.probability for c in bundle.distribution)
    assert not hasattr(transform, "distribution")  # threads can share a transform
    assert len(server.requests) == 1
    assert "Write a search query" in server.requests[0]["messages"][-1]["content"]


async def test_async_gives_the_same(llm, server):
    transform = VerbalizedQueryTransform(llm=llm, k=5)
    bundle = transform(QUESTION)
    server.model.reset()
    again = await transform.arun(QueryBundle(query_str=QUESTION))
    assert [c.text for c in again.distribution] == [c.text for c in bundle.distribution]


@pytest.mark.parametrize("engine_class", [TransformQueryEngine, VerbalizedQueryEngine])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_in_a_query_engine(llm, index, server, engine_class, asynchronous):
    transform = VerbalizedQueryTransform(llm=llm, k=4)
    engine = engine_class(index.as_query_engine(llm=llm, similarity_top_k=2), transform)
    expected = transform(QUESTION).distribution
    server.model.reset()
    server.requests.clear()
    response = asyncio.run(engine.aquery(QUESTION)) if asynchronous else engine.query(QUESTION)
    assert str(response)
    assert "Banks" not in [node.text for node in response.source_nodes]
    assert len(response.source_nodes) == 2
    chats = [r for r in server.requests if "messages" in r]
    assert len(chats) == 2  # the queries, and the answer
    embedded = [r["input"] for r in server.requests if "input" in r]
    searched = [text for batch in embedded for text in batch]
    assert {candidate.text for candidate in expected} <= set(searched)


def test_in_a_transform_retriever(llm, index):
    transform = VerbalizedQueryTransform(llm=llm, k=4)
    nodes = TransformRetriever(index.as_retriever(similarity_top_k=2), transform).retrieve(QUESTION)
    assert len(nodes) == 2


async def test_the_verbalized_engine_never_calls_what_blocks(llm, index, monkeypatch):
    def blocks(*args, **kwargs):
        raise AssertionError("a blocking call in async code")

    transform = VerbalizedQueryTransform(llm)
    engine = VerbalizedQueryEngine(index.as_query_engine(llm=llm), transform)
    monkeypatch.setattr(OpenAILike, "chat", blocks)
    monkeypatch.setattr(OpenAILike, "complete", blocks)
    assert str(await engine.aquery(QUESTION))
    own = TransformQueryEngine(index.as_query_engine(llm=llm), transform)
    with pytest.raises(AssertionError, match="blocking"):  # which is why there is another
        await own.aquery(QUESTION)


class Notes(HyDEQueryTransform):
    """A transform that blocks, as LlamaIndex's own do, and notes what it is told."""

    def _run(self, query_bundle, metadata):
        told.append(("run", query_bundle.query_str, metadata))
        return QueryBundle("What do bees see?")


class AsyncNotes(Notes):
    async def arun(self, query, metadata=None):
        told.append(("arun", query.query_str, metadata))
        return QueryBundle("What do bees see?")


told = []


@pytest.mark.parametrize(("transform_class", "way"), [(Notes, "run"), (AsyncNotes, "arun")])
async def test_an_engine_hands_on_what_it_is_given(llm, index, server, transform_class, way):
    told.clear()
    transform = transform_class(llm)
    engine = VerbalizedQueryEngine(
        index.as_query_engine(llm=llm), transform, transform_metadata={"of": "me"}
    )
    query = QueryBundle(QUESTION)
    nodes, more = ([NodeWithScore(node=TextNode(text=text))] for text in ("Bees see.", "More."))
    for found in (
        await engine.asynthesize(query, nodes, additional_source_nodes=more),
        engine.synthesize(query, nodes, additional_source_nodes=more),
    ):
        assert [node.text for node in found.source_nodes] == ["Bees see.", "More."]
    assert (await engine.aquery(query)).source_nodes
    retriever = VerbalizedTransformRetriever(index.as_retriever(), transform, {"of": "me"})
    assert await retriever.aretrieve(query)
    assert told == [(each, QUESTION, {"of": "me"}) for each in (way, "run", way, way)]
    asked = [each["messages"][-1]["content"] for each in server.requests if "messages" in each]
    assert len(asked) == 3
    assert all("What do bees see?" in each and QUESTION not in each for each in asked)


@pytest.mark.parametrize("mode", ["rewrite", "hyde", "decompose"])
def test_modes_ask_for_different_things(llm, server, mode):
    words = {"rewrite": "search query", "hyde": "short passage", "decompose": "sub-question"}
    VerbalizedQueryTransform(llm=llm, mode=mode)(QUESTION)
    assert words[mode] in server.requests[0]["messages"][-1]["content"]


def test_the_original_may_be_left_out(llm):
    bundle = VerbalizedQueryTransform(llm=llm, k=3, include_original=False)(QUESTION)
    assert QUESTION not in bundle.embedding_strs
    assert len(bundle.embedding_strs) == 3


def test_prompts_can_be_read_and_replaced(llm, server):
    transform = VerbalizedQueryTransform(llm=llm)
    assert "{query_str}" in transform.get_prompts()["query_prompt"].get_template()
    transform.update_prompts({"query_prompt": PromptTemplate("Rephrase: {query_str}")})
    transform(QUESTION)
    assert server.requests[0]["messages"][-1]["content"] == f"Rephrase: {QUESTION}"
    messages = [ChatMessage("Be brief.", role="system"), ChatMessage("Search: {query_str}")]
    VerbalizedQueryTransform(llm=llm, prompt=ChatPromptTemplate(messages))(QUESTION)
    system, user = server.requests[1]["messages"]
    assert system["content"].startswith("Be brief.\n\nGive 5 responses")
    assert user["content"] == f"Search: {QUESTION}"


def test_a_completion_model_works_too(server):
    llm = OpenAILike(model="simulated", api_base=server.base_url, api_key="x", is_chat_model=False)
    assert len(VerbalizedQueryTransform(llm=llm, k=3)(QUESTION).distribution) == 3
    assert server.requests[0]["path"] == "/v1/completions"


def test_the_template_of_a_completion_model_is_used(server):
    llm = OpenAILike(
        model="simulated", api_base=server.base_url, api_key="x", is_chat_model=False,
        completion_to_prompt=lambda prompt: f"<INST>{prompt}</INST>",
    )  # fmt: skip
    assert len(VerbalizedQueryTransform(llm=llm, k=3)(QUESTION).distribution) == 3
    (prompt,) = {str(request["prompt"]) for request in server.requests}
    assert "<INST>Give 3 responses" in prompt
    assert prompt.count("</INST>") == 1


async def test_an_engine_takes_a_transform_of_llamaindexs_own(llm, embed_model):
    index = VectorStoreIndex([TextNode(text="Bees see ultraviolet.")], embed_model=embed_model)
    engine = VerbalizedQueryEngine(index.as_query_engine(llm=llm), HyDEQueryTransform(llm=llm))
    assert (await engine.aquery(QUESTION)).source_nodes


def test_settings_are_the_default(llm, embed_model, server, monkeypatch):
    monkeypatch.setattr(Settings, "_llm", llm)
    monkeypatch.setattr(Settings, "_embed_model", embed_model)
    bundle = VerbalizedQueryTransform(k=3)(QUESTION)
    assert len(bundle.distribution) == 3
    assert bundle.embedding is None
    assert VerbalizedQueryTransform(k=3, weighted=True)(QUESTION).embedding is not None


def test_tokens_of_every_call_are_counted(server):
    counter = TokenCountingHandler(tokenizer=str.split)
    llm = OpenAILike(
        model="simulated", api_base=server.base_url, api_key="x", is_chat_model=True,
        callback_manager=CallbackManager([counter]),
    )  # fmt: skip
    VerbalizedQueryTransform(llm=llm, k=2, n=6)(QUESTION)
    assert len(counter.llm_token_counts) == 3
    assert counter.total_llm_token_count > 0


def test_the_seed_and_the_usage_are_kept(llm):
    distribution = VerbalizedQueryTransform(llm=llm, k=3, seed=5)(QUESTION).distribution
    assert distribution.metadata["seed"] == 5
    assert distribution.metadata["usage"]["output_tokens"] > 0
    assert distribution.sample(5) == distribution.sample(5)


# --- the weighted mean ---------------------------------------------------------------------------


def expected_mean(embed_model, bundle):
    vectors = [embed_model.get_query_embedding(text) for text in bundle.embedding_strs]
    return [
        math.fsum(weight * value for weight, value in zip(bundle.weights, values, strict=True))
        for values in zip(*vectors, strict=True)
    ]


async def test_the_embedding_is_the_mean_weighted_by_probability(llm, embed_model, server):
    transform = VerbalizedQueryTransform(llm, k=4, embed_model=embed_model)
    bundle = transform(QUESTION)
    found = searches(QUESTION, bundle.distribution)
    assert bundle.embedding_strs == list(found)
    assert bundle.weights == list(found.values())
    assert max(bundle.weights) > 1.5 * min(bundle.weights)  # or weighing would not show
    assert bundle.embedding == pytest.approx(expected_mean(embed_model, bundle), abs=1e-6)
    server.model.reset()
    again = await transform.arun(QUESTION)
    assert again.embedding == pytest.approx(bundle.embedding, abs=1e-6)


def test_the_index_is_searched_by_the_weighted_mean(llm, server, embed_model, index):
    transform = VerbalizedQueryTransform(llm, k=4, embed_model=embed_model)
    retriever = index.as_retriever(similarity_top_k=3)
    nodes = TransformRetriever(retriever, transform).retrieve(QUESTION)
    server.model.reset()
    searched = searches(QUESTION, transform(QUESTION).distribution)
    bundle = VerbalizedQueryBundle(QUESTION, None, list(searched), weights=list(searched.values()))
    mean = expected_mean(embed_model, bundle)
    plain = retriever.retrieve(QueryBundle(QUESTION, custom_embedding_strs=list(searched)))
    scores = {node.node_id: node.score for node in nodes}
    wanted = retriever.retrieve(QueryBundle(QUESTION, embedding=mean))
    assert scores == pytest.approx({node.node_id: node.score for node in wanted})
    assert scores != pytest.approx({node.node_id: node.score for node in plain})


def test_wordings_that_a_transform_before_gave_are_kept(llm):
    given = QueryBundle(QUESTION, custom_embedding_strs=["bees", "flowers"])
    bundle = VerbalizedQueryTransform(llm, k=2)(given)
    assert bundle.embedding_strs[:2] == ["bees", "flowers"]
    assert bundle.weights[:2] == pytest.approx([1 / 6, 1 / 6])


# --- how the model is asked ----------------------------------------------------------------------


class Hiding(OpenAILike):
    """A client that keeps its tool calls elsewhere than in the blocks of the message."""

    def chat(self, messages, **kwargs):
        response = super().chat(messages, **kwargs)
        calls = [b for b in response.message.blocks if isinstance(b, ToolCallBlock)]
        response.message.blocks = [b for b in response.message.blocks if b not in calls]
        response.message.additional_kwargs["hidden"] = calls
        return response

    def get_tool_calls_from_response(self, response, error_on_no_tool_call=True, **kwargs):
        hidden = response.message.additional_kwargs["hidden"]
        return [
            ToolSelection(tool_id="1", tool_name=c.tool_name, tool_kwargs=json.loads(c.tool_kwargs))
            for c in hidden
        ]


@pytest.mark.parametrize(
    ("cls", "settings", "asked"),
    [
        (OpenAILike, {}, None),
        (OpenAILike, {"should_use_structured_outputs": True}, "response_format"),
        (OpenAILike, {"is_function_calling_model": True}, "tools"),
        (Hiding, {"is_function_calling_model": True}, "tools"),
        (
            OpenAILike,
            {
                "is_function_calling_model": True,
                "should_use_structured_outputs": True,
                "pydantic_program_mode": PydanticProgramMode.FUNCTION,
            },
            "tools",
        ),
        (
            OpenAILike,
            {"is_function_calling_model": True, "pydantic_program_mode": PydanticProgramMode.LLM},
            None,
        ),
    ],
    ids=["plain", "schema", "tool", "tool elsewhere", "mode function", "mode text"],
)
async def test_structure_is_asked_for_where_the_model_has_it(
    make_llm, server, cls, settings, asked
):
    expected = VerbalizedQueryTransform(make_llm(), k=3)(QUESTION).distribution
    transform = VerbalizedQueryTransform(make_llm(cls, **settings), k=3)
    for run in (transform.run, transform.arun):
        server.model.reset()
        server.requests.clear()
        bundle = run(QUESTION)
        if not hasattr(bundle, "distribution"):
            if cls is Hiding:
                bundle.close()  # its async method hides nothing
                continue
            bundle = await bundle
        assert bundle.distribution.candidates == expected.candidates
        (request,) = server.requests
        structures = {"response_format", "tools", "tool_choice"} & request.keys()
        assert structures == {None: set(), "tools": {"tools", "tool_choice"}}.get(asked, {asked})
    if asked == "tools":
        assert request["tool_choice"] == "required"
        responses = request["tools"][0]["function"]["parameters"]["properties"]["responses"]
        assert responses["items"]["required"] == ["text", "probability"]


def test_a_tool_that_is_not_called_or_written_wrongly_costs_one_more_call(make_llm, server):
    server.model = SimulatedModel(quirks=["refusal", "truncated", None])
    llm = make_llm(is_function_calling_model=True)
    bundle = VerbalizedQueryTransform(llm, k=3, retries=2)(QUESTION)
    assert len(bundle.distribution) == 3
    assert len(server.requests) == 3


def test_other_formats_are_never_asked_for_as_json(make_llm, server):
    llm = make_llm(should_use_structured_outputs=True)
    assert len(VerbalizedQueryTransform(llm, k=3, format="tags")(QUESTION).distribution) == 3
    assert "response_format" not in server.requests[0]


def test_the_system_prompt_of_the_model_is_kept(make_llm, server):
    VerbalizedQueryTransform(make_llm(system_prompt="Be brief."))(QUESTION)
    (system, _) = server.requests[0]["messages"]
    assert system["content"].startswith("Be brief.\n\nGive 5 responses")


async def test_a_prompt_may_be_selected_by_the_model(make_llm, server):
    told = PromptTemplate("Of a chat: {query_str}")
    prompt = SelectorPromptTemplate(PromptTemplate("{query_str}"), [(is_chat_model, told)])
    for chats in (True, False):
        transform = VerbalizedQueryTransform(make_llm(is_chat_model=chats), prompt=prompt)
        transform(QUESTION)
        await transform.arun(QUESTION)
    said = [str(request.get("messages") or request["prompt"]) for request in server.requests]
    assert [f"Of a chat: {QUESTION}" in each for each in said] == [True, True, False, False]
    assert all(QUESTION in each for each in said)


# --- conventions ---------------------------------------------------------------------------------


async def test_in_a_workflow(llm):
    class Search(Workflow):
        @step
        async def rewrite(self, event: StartEvent) -> StopEvent:
            return StopEvent(result=await VerbalizedQueryTransform(llm, k=3).arun(event.question))

    bundle = await Search(timeout=20).run(question=QUESTION)
    assert len(bundle.distribution) == 3


async def test_events_and_spans_are_those_of_the_frameworks_own_parts(llm, events, spans):
    HyDEQueryTransform(llm).run(QUESTION)
    own = events.names()
    transform = VerbalizedQueryTransform(llm, k=3)
    for run in (transform.run, transform.arun):
        events.seen.clear()
        found = run(QUESTION)
        found = await found if asyncio.iscoroutine(found) else found
        assert events.names() == own
        start, end = events.seen[0], events.seen[-1]
        assert start.template_args["query_str"] == QUESTION
        assert Distribution.model_validate_json(end.output) == found.distribution
    names = [span.id_.partition("-")[0] for span in spans.completed_spans]
    assert names.count("VerbalizedQueryTransform._run") == 1
    assert names.count("VerbalizedQueryTransform.arun") == 1


def test_templates_are_told_to_callbacks(make_llm):
    debug = LlamaDebugHandler(print_trace_on_end=False)
    llm = make_llm(callback_manager=CallbackManager([debug]))
    VerbalizedQueryTransform(llm, k=3)(QUESTION)
    (pair,) = debug.get_event_pairs(CBEventType.TEMPLATING)
    assert pair[0].payload["template_vars"] == {"query_str": QUESTION}
    assert len(debug.get_llm_inputs_outputs()) == 1


def test_it_is_picklable_before_and_after_a_run(llm, server):
    transform = VerbalizedQueryTransform(llm, k=3, seed=1)
    for _ in range(2):
        server.model.reset()
        copy = pickle.loads(pickle.dumps(transform))
        first = copy(QUESTION).distribution
        server.model.reset()
        assert transform(QUESTION).distribution == first


def test_multimodal_messages_reach_the_model_as_they_were():
    image = ImageBlock(url="http://127.0.0.1/picture.png")
    message = ChatMessage([TextBlock(text="What is this?"), image])
    (converted,) = from_chat_messages([message])
    assert converted.text == "What is this?"
    assert converted.raw is message
    assert converted.content == [TextBlock(text="What is this?"), image]
    assert to_chat_messages([converted]) == [message]
    woven = to_chat_messages([converted.with_text("Give 5.")])
    assert woven[0].blocks == [*message.blocks, TextBlock(text="Give 5.")]


class Answer(BaseModel):
    text: str


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda llm: VerbalizedQueryTransform(llm, mode="guess"), "Known: rewrite"),
        (lambda llm: VerbalizedQueryTransform(llm, k=0), "k must be"),
        (lambda llm: VerbalizedQueryTransform(llm)("  "), "empty"),
        (lambda llm: VerbalizedQueryTransform(42), "llm must be an LLM of LlamaIndex, not int"),
        (lambda llm: VerbalizedQueryTransform(llm, method="magic"), "method must be one of auto"),
        (lambda llm: VerbalizedQueryTransform(llm, method="tool"), "calls no functions"),
        (lambda llm: VerbalizedQueryTransform(llm, prompt="Rephrase it."), "{query_str}"),
        (lambda llm: VerbalizedQueryTransform(llm.as_structured_llm(Answer)), "llm=structured.llm"),
    ],
)
def test_bad_use_is_refused_with_a_reason(llm, server, make, message):
    with pytest.raises(ConfigurationError, match=message):
        make(llm)
    assert not server.requests


def test_without_an_llm_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setattr(Settings, "_llm", None)
    with pytest.raises(ConfigurationError, match=r"(?s)No LLM is configured: give llm=….*API key"):
        VerbalizedQueryTransform()(QUESTION)
    monkeypatch.setattr(Settings, "_llm", MockLLM())  # what Settings.llm = None makes
    with pytest.raises(ConfigurationError, match="disabled"):
        VerbalizedQueryTransform()(QUESTION)


def test_without_an_embedding_model_the_error_says_what_to_do(llm, monkeypatch):
    monkeypatch.setattr(Settings, "_embed_model", None)
    with pytest.raises(ConfigurationError, match="No embedding model is configured"):
        VerbalizedQueryTransform(llm, weighted=True)(QUESTION)


def test_a_refusal_is_an_error_that_carries_the_text(llm, server):
    server.model = SimulatedModel(quirks=["refusal", "refusal"])
    with pytest.raises(ParseError) as caught:
        VerbalizedQueryTransform(llm)(QUESTION)
    assert "sorry" in caught.value.text


def test_the_completer_is_a_complete_callable(llm):
    from vs_core import verbalize

    assert len(verbalize("Name a US state.", completer(llm), k=4)) == 4
