"""The query transform inside LlamaIndex's own engines, through OpenAILike over HTTP."""

import asyncio

import pytest
from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate
from llama_index.core.query_engine import TransformQueryEngine
from llama_index.core.retrievers import TransformRetriever
from llama_index.core.schema import QueryBundle
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai_like import OpenAILike

from vs_core import ConfigurationError, ParseError
from vs_core.testing import SimulatedModel, SimulatedServer
from vs_llama_index import VerbalizedQueryBundle, VerbalizedQueryEngine, VerbalizedQueryTransform
from vs_llama_index.completing import completer, from_chat_messages, to_chat_messages

QUESTION = "How do bees find flowers?"
PASSAGES = [
    "Bees see ultraviolet marks on petals.",
    "The waggle dance tells direction and distance.",
    "Banks set the rate of interest.",
]


@pytest.fixture
def server():
    with SimulatedServer() as server:
        yield server


@pytest.fixture
def llm(server):
    return OpenAILike(
        model="simulated", api_base=server.base_url, api_key="x", is_chat_model=True, max_retries=0
    )


@pytest.fixture
def index(server):
    embed_model = OpenAIEmbedding(api_base=server.base_url, api_key="x")
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
    assert transform.distribution is bundle.distribution
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
    response = asyncio.run(engine.aquery(QUESTION)) if asynchronous else engine.query(QUESTION)
    assert str(response)
    assert "Banks" not in [node.text for node in response.source_nodes]
    assert len(response.source_nodes) == 2
    chats = [r for r in server.requests if "messages" in r]
    assert len(chats) == 2  # the queries, and the answer
    embedded = [r["input"] for r in server.requests if "input" in r]
    searched = [text for batch in embedded for text in batch]
    assert transform.distribution[0].text in searched


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
    assert len(transform.distribution) == 5
    own = TransformQueryEngine(index.as_query_engine(llm=llm), transform)
    with pytest.raises(AssertionError, match="blocking"):  # which is why there is another
        await own.aquery(QUESTION)


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
    assert system["content"].startswith("Be brief.\n\nGive 5 different")
    assert user["content"] == f"Search: {QUESTION}"


def test_a_completion_model_works_too(server):
    llm = OpenAILike(model="simulated", api_base=server.base_url, api_key="x", is_chat_model=False)
    assert len(VerbalizedQueryTransform(llm=llm, k=3)(QUESTION).distribution) == 3
    assert server.requests[0]["path"] == "/v1/completions"


def test_settings_are_the_default(llm, monkeypatch):
    monkeypatch.setattr(Settings, "_llm", llm)
    assert len(VerbalizedQueryTransform(k=3)(QUESTION).distribution) == 3


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


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda llm: VerbalizedQueryTransform(llm, mode="guess"), "Known: rewrite"),
        (lambda llm: VerbalizedQueryTransform(llm, k=0), "k must be"),
        (lambda llm: VerbalizedQueryTransform(llm)("  "), "empty"),
    ],
)
def test_bad_use_is_refused_with_a_reason(llm, server, make, message):
    with pytest.raises(ConfigurationError, match=message):
        make(llm)
    assert not server.requests


def test_a_refusal_is_an_error_that_carries_the_text(llm, server):
    server.model = SimulatedModel(quirks=["refusal", "refusal"])
    with pytest.raises(ParseError) as caught:
        VerbalizedQueryTransform(llm)(QUESTION)
    assert "sorry" in caught.value.text


def test_the_completer_is_a_complete_callable(llm):
    from vs_core import verbalize

    assert len(verbalize("Name a US state.", completer(llm), k=4)) == 4
