"""`VerbalizedSynthesizer`: answers with probabilities and sources, through OpenAILike over HTTP."""

import asyncio
import json
import pickle
from inspect import signature

import pytest
from llama_index.core import Settings, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.base.response.schema import PydanticResponse
from llama_index.core.callbacks import (
    CallbackManager,
    CBEventType,
    LlamaDebugHandler,
    TokenCountingHandler,
)
from llama_index.core.chat_engine import CondenseQuestionChatEngine
from llama_index.core.llms.utils import parse_partial_json
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import BaseSynthesizer, get_response_synthesizer
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel

from vs_core import Completion, ConfigurationError, Distribution, Message, ParseError
from vs_core.testing import SimulatedModel
from vs_llama_index import (
    VerbalizedFusionRetriever,
    VerbalizedSynthesizer,
    distribution_of,
    sources_of,
)
from vs_llama_index.merging import normalised

QUERY = "Who cheats whom?"


def told(response):
    return response.metadata["verbalized"]


def said(response):
    """All that a response says, but for usage, which a stream need not give."""
    metadata = json.loads(json.dumps(response.metadata))
    metadata["verbalized"]["distribution"]["metadata"].pop("usage")
    return metadata


NODES = [
    NodeWithScore(node=TextNode(text=f"The {animal} cheats.", metadata={"animal": animal}), score=1)
    for animal in ("fox", "cat", "ass")
]


class Scripted(SimulatedModel):
    """Answers what is scripted, as often as it is asked."""

    def __init__(self, *responses):
        super().__init__()
        self.responses = responses

    def answer(self, messages, json_schema=None):
        usage = {"input_tokens": 9, "output_tokens": 7}
        return Completion(json.dumps({"responses": self.responses}), usage)


def response(answer, probability, *sources):
    return {"value": {"answer": answer, "sources": list(sources)}, "probability": probability}


@pytest.fixture
def fables(server):
    """A model that knows four answers, two of which are one."""
    server.model = Scripted(
        response("The fox.", 0.5, 1), response("The cat", 0.2, 2, 9),
        response("the Fox", 0.125, "Source 3"), response("The ass", 0.1),
    )  # fmt: skip
    return server


async def both(synthesizer, nodes=NODES, query=QUERY):
    """What a query gives, in both ways."""
    return synthesizer.synthesize(query, nodes), await synthesizer.asynthesize(query, nodes)


# --- what comes out ------------------------------------------------------------------------------


async def test_a_response_carries_the_drawn_answer_and_all_candidates(llm, fables):
    synthesizer = VerbalizedSynthesizer(llm, 4, resampler="argmax")
    for found in await both(synthesizer):
        assert found.response == "The fox."
        assert found.source_nodes == NODES
        assert told(found)["confidence"] == 0.625
        distribution = distribution_of(found)
        assert isinstance(distribution, Distribution)
        assert [(c.text, c.probability) for c in distribution] == [
            ("The fox.", 0.625), ("The cat", 0.2), ("The ass", 0.1)
        ]  # fmt: skip
        assert [sources_of(found, c) for c in distribution] == [
            [NODES[0], NODES[2]], [NODES[1]], []
        ]  # fmt: skip
        assert sources_of(found) == [NODES[0], NODES[2]]
        assert told(found)["sources"] == [1, 3]
        assert told(found)["source_ids"] == [NODES[0].node_id, NODES[2].node_id]
        assert distribution[0].metadata == {"sources": [1, 3], "merged": ["the Fox"]}
        assert distribution[1].metadata == {"sources": [2], "unknown_sources": [9]}
        assert "cites source 9, which was not shown" in distribution[1].repairs
        assert json.loads(json.dumps(found.metadata)) == found.metadata
        for node in NODES:  # as LlamaIndex's own synthesizers say
            assert found.metadata[node.node_id] == node.metadata
    assert len(fables.requests) == 2
    context = fables.requests[0]["messages"][-1]["content"]
    for number, node in enumerate(NODES, start=1):
        assert f"Source {number}:\nanimal: {node.metadata['animal']}\n\n{node.text}" in context
    assert QUERY in context


def test_confidence_is_a_share_where_several_calls_say_the_same(llm, server):
    server.model = Scripted(response("x", 0.4), response("y", 0.2))
    found = VerbalizedSynthesizer(llm, 2, n=4, resampler="argmax").synthesize(QUERY, NODES)
    assert [c.probability for c in distribution_of(found)] == [0.8, 0.4]
    assert told(found)["confidence"] == pytest.approx(0.8 / 1.2)
    server.model = Scripted({"value": {"answer": "x"}})
    unsure = VerbalizedSynthesizer(llm, 1, strategy="sequence").synthesize(QUERY, NODES)
    assert told(unsure)["confidence"] is None


def test_the_answer_is_drawn_by_the_seed(llm, fables):
    texts = set()
    for seed in range(20):
        found = VerbalizedSynthesizer(llm, 4, seed=seed).synthesize(QUERY, NODES)
        assert found.response == distribution_of(found).sample(seed=seed).text
        texts.add(found.response)
    assert len(texts) > 1


@pytest.mark.parametrize(
    ("merge", "texts"),
    [
        (None, ["Paris", "Paris", "paris.", "Lyon"]),
        ("exact", ["Paris", "paris.", "Lyon"]),
        ("normalised", ["Paris", "Lyon"]),
    ],
)
async def test_answers_that_are_the_same_are_merged(llm, server, merge, texts):
    server.model = Scripted(
        *(response(text, 0.125) for text in ("Paris", "Paris", "paris.", "Lyon"))
    )
    for found in await both(VerbalizedSynthesizer(llm, 4, merge=merge)):
        assert list(distribution_of(found).texts) == texts
        assert distribution_of(found).mass == 0.5


class Meaning(BaseEmbedding):
    """Embeds what the test knows the meaning of."""

    async def _aget_query_embedding(self, query):
        return self._get_text_embedding(query)

    def _get_query_embedding(self, query):
        return self._get_text_embedding(query)

    def _get_text_embedding(self, text):
        return {"two": [1.0, 0.0], "a pair": [0.96, 0.28]}.get(text, [0.0, 1.0])


@pytest.mark.parametrize(("similarity", "probabilities"), [(0.9, [0.5, 0.25]), (0.97, None)])
async def test_answers_may_be_merged_by_embedding(
    llm, server, monkeypatch, similarity, probabilities
):
    server.model = Scripted(
        response("two", 0.25, 1), response("three", 0.25), response("a pair", 0.25, 2)
    )
    monkeypatch.setattr(Settings, "_embed_model", Meaning())
    for embed_model in (Meaning(), None):
        synthesizer = VerbalizedSynthesizer(
            llm, 3, merge="embedding", similarity=similarity, embed_model=embed_model
        )
        for found in await both(synthesizer):
            distribution = distribution_of(found)
            expected = probabilities or [0.25] * 3
            assert [candidate.probability for candidate in distribution] == expected
            if probabilities:
                assert distribution[0].metadata == {"sources": [1, 2], "merged": ["a pair"]}


def test_normalised_texts():
    assert normalised(" The  Fox, and the CAT! ") == "fox and cat"
    assert normalised("A") == "a"
    assert normalised("The") == "the"
    assert normalised("?!") == "?!"  # nothing would be left
    for one, other in (
        ("1.5 million", "15 million"), ("-5 °C", "5 °C"), ("C++", "C#"), ("C++", "C"),
        ("Vitamin A", "vitamin"), ("5 %", "5"), ("10:30", "1030"),
    ):  # fmt: skip
        assert normalised(one) != normalised(other)
    for one, other in (("well-known", "Well known."), ("“Paris”", "Paris"), ("a dog", "Dog")):
        assert normalised(one) == normalised(other)


class Degrees(BaseModel):
    degrees: int


def test_typed_answers_are_the_same_if_their_values_are(llm, server):
    server.model = Scripted(*(response({"degrees": d}, 0.3, 1) for d in (15, -15, 15)))
    found = VerbalizedSynthesizer(llm, 3, schema=Degrees).synthesize(QUERY, NODES)
    distribution = distribution_of(found, Degrees)
    assert [c.value.degrees for c in distribution] == [15, -15]
    assert [c.probability for c in distribution] == pytest.approx([0.6, 0.3])


@pytest.mark.parametrize(
    "said",
    [
        {"answer": "The fox", "sources": [1], "probability": 0.5},
        {"text": "The fox", "sources": "Source 1, page 12", "probability": 0.5},
        {"value": {"text": "The fox", "sources": [1]}, "probability": 0.5},
    ],
)
def test_sources_are_found_where_a_model_puts_them(llm, server, said):
    server.model = Scripted(said)
    found = VerbalizedSynthesizer(llm, 1).synthesize(QUERY, NODES)
    assert found.response == "The fox"
    assert distribution_of(found)[0].metadata["sources"] == [1]


async def test_without_nodes_there_is_no_confidence(llm):
    for streaming in (False, True):
        synthesizer = VerbalizedSynthesizer(llm, 3, streaming=streaming)
        for found in (synthesizer.synthesize(QUERY, []), await synthesizer.asynthesize(QUERY, [])):
            assert told(found)["confidence"] is None
            assert len(distribution_of(found)) == 0


def test_candidates_need_not_cite(llm, server):
    found = VerbalizedSynthesizer(llm, 3, cite=False).synthesize(QUERY, NODES)
    said = server.requests[0]["messages"]
    assert '"text"' in said[0]["content"]
    assert "Source 1" not in said[1]["content"]
    assert len(distribution_of(found)) == 3
    assert not any(sources_of(found, candidate) for candidate in distribution_of(found))


def test_what_a_model_writes_loosely_is_read(llm, server):
    server.model = Scripted(
        {"value": "bare", "probability": 0.3},
        {"value": {"answer": "one", "sources": 2}, "probability": 0.3},
        {"value": {"answer": "words", "sources": "Sources 1 and 3"}, "probability": 0.3},
    )
    found = VerbalizedSynthesizer(llm, 3).synthesize(QUERY, NODES)
    assert [(c.text, c.metadata["sources"]) for c in distribution_of(found)] == [
        ("bare", []), ("one", [2]), ("words", [1, 3])
    ]  # fmt: skip
    assert len(server.requests) == 1


def test_an_answer_that_stays_invalid_is_an_error_or_kept_whole(llm, server):
    server.model = Scripted({"value": {"reply": "no answer"}, "probability": 0.3})
    with pytest.raises(ParseError, match="does not fit") as caught:
        VerbalizedSynthesizer(llm, 1).synthesize(QUERY, NODES)
    assert "no answer" in caught.value.text
    assert len(server.requests) == 2
    found = VerbalizedSynthesizer(llm, 1, on_unparsed="single").synthesize(QUERY, NODES)
    assert "no answer" in found.response


class Place(BaseModel):
    town: str


async def test_answers_may_have_a_type(llm, server):
    server.model = Scripted(response({"town": "Athens"}, 0.5, 2))
    for found in await both(VerbalizedSynthesizer(llm, 1, schema=Place)):
        assert isinstance(found, PydanticResponse)
        assert found.response == Place(town="Athens")
        assert found.town == "Athens"  # as LlamaIndex's own typed responses
        assert json.loads(str(found)) == told(found)["value"] == {"town": "Athens"}
        (candidate,) = distribution_of(found, Place)
        assert candidate.value == Place(town="Athens")
        assert distribution_of(found)[0].value == {"town": "Athens"}
        assert candidate.metadata["sources"] == [2]


# --- the context ---------------------------------------------------------------------------------


async def test_what_does_not_fit_into_one_call_is_packed_into_few(make_llm, server):
    llm = make_llm(context_window=1200)
    words = [f"word{number}" for number in range(330)]
    nodes = [
        NodeWithScore(node=TextNode(text=" ".join(words[at : at + 110]))) for at in (0, 110, 220)
    ]
    short = VerbalizedSynthesizer(make_llm(), 2)
    short.synthesize(QUERY, nodes)
    assert len(server.requests) == 1
    for synthesize in ("synthesize", "asynthesize"):
        server.requests.clear()
        found = getattr(VerbalizedSynthesizer(llm, 2, merge=None), synthesize)(QUERY, nodes)
        found = await found if synthesize == "asynthesize" else found
        contexts = [request["messages"][-1]["content"] for request in server.requests]
        assert 1 < len(contexts) < 6
        assert all(any(f"{word}" in context for context in contexts) for word in words)
        for number in (1, 2, 3):
            pieces = [c.split(f"Source {number}:")[1] for c in contexts if f"e {number}:" in c]
            assert any(words[110 * number - 1] in piece for piece in pieces)
        distribution = distribution_of(found)
        assert distribution.metadata["calls"] == len(contexts)
        assert distribution.mass <= 1


@pytest.mark.skipif(
    "empty_response" not in signature(BaseSynthesizer.__init__).parameters,
    reason="this LlamaIndex has no such option",
)
def test_no_nodes_give_the_empty_response(llm, server):
    assert VerbalizedSynthesizer(llm).synthesize(QUERY, []).response == "Empty Response"
    own = VerbalizedSynthesizer(llm, empty_response="Nothing found.")
    assert own.synthesize(QUERY, []).response == "Nothing found."
    assert not server.requests


# --- streams -------------------------------------------------------------------------------------

LINES = ["The fox.", "The cat", "the Fox", "The ass"]


def test_candidates_are_streamed_as_they_come(llm, fables, events):
    whole = VerbalizedSynthesizer(llm, 4, seed=2).synthesize(QUERY, NODES)
    events.seen.clear()
    found = VerbalizedSynthesizer(llm, 4, seed=2, streaming=True).synthesize(QUERY, NODES)
    assert "verbalized" not in found.metadata
    with pytest.raises(ConfigurationError, match="not read to its end"):
        distribution_of(found)
    assert [candidate.text for candidate in found.candidates()] == LINES
    told_of = [e.candidate.text for e in events.seen if type(e).__name__ == "CandidateEvent"]
    assert told_of == LINES
    assert list(found.response_gen) == [whole.response]  # what a chat shows and stores
    assert str(found) == whole.response
    assert found.get_response().response == whole.response
    assert said(found) == said(whole)
    assert found.source_nodes == NODES
    assert fables.requests[-1]["stream"] is True
    again = VerbalizedSynthesizer(llm, 4, seed=2, streaming=True).synthesize(QUERY, NODES)
    assert list(again.response_gen) == [whole.response]
    assert said(again) == said(whole)


async def test_candidates_are_streamed_without_blocking(llm, fables):
    whole = VerbalizedSynthesizer(llm, 4, seed=2).synthesize(QUERY, NODES)
    synthesizer = VerbalizedSynthesizer(llm, 4, seed=2, streaming=True)
    found = await synthesizer.asynthesize(QUERY, NODES)
    assert [candidate.text async for candidate in found.candidates()] == LINES
    assert [text async for text in found.async_response_gen()] == [whole.response]
    assert (await found.get_response()).response == whole.response
    assert said(found) == said(whole)
    again = await synthesizer.asynthesize(QUERY, NODES)
    assert [text async for text in again.async_response_gen()] == [whole.response]
    assert (await again.get_response()).response == whole.response


def test_a_stream_can_be_printed(llm, fables, capsys):
    found = VerbalizedSynthesizer(llm, 4, streaming=True).synthesize(QUERY, NODES)
    found.print_response_stream()
    assert capsys.readouterr().out == found.response_txt
    assert found.response_txt in {"The fox.", "The cat", "The ass"}


def test_a_chat_streams_and_stores_the_drawn_answer(llm, fables):
    synthesizer = VerbalizedSynthesizer(llm, 4, streaming=True, resampler="argmax")
    engine = RetrieverQueryEngine(Found(), synthesizer)
    chat = CondenseQuestionChatEngine.from_defaults(engine, llm=llm)
    for _ in range(2):
        response = chat.stream_chat(QUERY)
        assert "".join(response.response_gen) == "The fox."
    said = [message.content for message in chat.chat_history]
    assert said == [QUERY, "The fox.", QUERY, "The fox."]
    condensed = fables.requests[-2]["messages"][-1]["content"]  # the next turn rests on one answer
    assert "The fox." in condensed
    assert "The cat" not in condensed


class Counting(OpenAILike):
    """Counts the pieces that were taken from the model, and the streams that are open."""

    async def astream_chat(self, messages, **kwargs):
        pieces = await super().astream_chat(messages, **kwargs)

        async def counted():
            counts["open"] += 1
            try:
                async for piece in pieces:
                    if counts["pieces"] == counts["most"]:
                        await asyncio.Event().wait()  # until it is closed
                    counts["pieces"] += 1
                    yield piece
            finally:
                counts["open"] -= 1

        return counted()

    def stream_chat(self, messages, **kwargs):
        pieces = super().stream_chat(messages, **kwargs)

        def counted():
            counts["open"] += 1
            try:
                for piece in pieces:
                    counts["pieces"] += 1
                    yield piece
            finally:
                counts["open"] -= 1

        return counted()


counts = {"pieces": 0, "open": 0, "most": -1}


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_candidates_come_before_the_model_is_done_and_closing_stops_it(
    make_llm, fables, asynchronous
):
    counts.update(pieces=0, open=0, most=-1)
    synthesizer = VerbalizedSynthesizer(make_llm(Counting), 4, streaming=True)
    whole = VerbalizedSynthesizer(make_llm(Counting), 4, streaming=True).synthesize(QUERY, NODES)
    assert str(whole)
    total = counts["pieces"]
    counts.update(pieces=0, most=total // 2)
    if asynchronous:
        found = await synthesizer.asynthesize(QUERY, NODES)
        candidates = found.candidates()
        assert (await asyncio.wait_for(anext(candidates), 20)).text == "The fox."
        assert counts["open"] == 1
        await candidates.aclose()
    else:
        found = synthesizer.synthesize(QUERY, NODES)
        candidates = found.candidates()
        assert next(candidates).text == "The fox."
        assert counts["open"] == 1
        candidates.close()
        with pytest.raises(ConfigurationError, match="closed before its end"):
            str(found)
    assert 0 < counts["pieces"] <= total / 2
    assert counts["open"] == 0


@pytest.mark.parametrize(
    "settings",
    [
        {"should_use_structured_outputs": True},
        {"is_function_calling_model": True},
        {"is_chat_model": False},
    ],
    ids=["schema", "tool", "completion"],
)
async def test_every_kind_of_model_gives_the_same_streamed_and_whole(make_llm, server, settings):
    llm = make_llm(**settings)
    expected = VerbalizedSynthesizer(llm, 3, seed=1).synthesize(QUERY, NODES)
    assert len(distribution_of(expected)) == 3
    assert all("sources" in c.metadata for c in distribution_of(expected))
    for streaming in (False, True):
        synthesizer = VerbalizedSynthesizer(llm, 3, seed=1, streaming=streaming)
        server.model.reset()
        assert str(synthesizer.synthesize(QUERY, NODES)) == expected.response
        server.model.reset()
        found = await synthesizer.asynthesize(QUERY, NODES)
        if streaming:
            texts = [candidate.text async for candidate in found.candidates()]
            assert texts == list(distribution_of(expected).texts)
        assert said(found) == said(expected)


def decoded(arguments):
    try:
        return parse_partial_json(arguments)
    except ValueError:  # cut off where LlamaIndex cannot mend it
        return {}


class Decoding(OpenAILike):
    """A client that decodes the arguments of a tool as they come, as that of Anthropic does."""

    def stream_chat(self, messages, **kwargs):
        for piece in super().stream_chat(messages, **kwargs):
            for block in piece.message.blocks:
                if isinstance(block, ToolCallBlock) and isinstance(block.tool_kwargs, str):
                    block.tool_kwargs = decoded(block.tool_kwargs)
            yield piece


class Older(OpenAILike):
    """A client that has tool calls beside the blocks of the message, as all had once."""

    def stream_chat(self, messages, **kwargs):
        for piece in super().stream_chat(messages, **kwargs):
            blocks = piece.message.blocks
            piece.message.blocks = [b for b in blocks if not isinstance(b, ToolCallBlock)]
            yield piece


@pytest.mark.parametrize("client", [Decoding, Older])
def test_tool_calls_are_read_wherever_a_client_has_them(make_llm, server, client):
    whole = VerbalizedSynthesizer(make_llm(), 3, seed=1).synthesize(QUERY, NODES)
    llm = make_llm(client, is_function_calling_model=True)
    server.model.reset()
    found = VerbalizedSynthesizer(llm, 3, seed=1, streaming=True).synthesize(QUERY, NODES)
    texts = [candidate.text for candidate in found.candidates()]
    assert texts == list(distribution_of(whole).texts)
    assert str(found) == whole.response
    assert "tools" in server.requests[-1]


# --- conventions ---------------------------------------------------------------------------------


class Found(BaseRetriever):
    def _retrieve(self, query_bundle: QueryBundle):
        return NODES


def test_in_a_query_engine(llm, fables):
    engine = RetrieverQueryEngine.from_args(
        Found(), llm, response_synthesizer=VerbalizedSynthesizer(llm, 4)
    )
    found = engine.query(QUERY)
    assert len(distribution_of(found)) == 3
    assert "response_synthesizer:text_qa_template" in engine.get_prompts()


def test_the_prompt_can_be_read_and_replaced(llm, fables):
    synthesizer = VerbalizedSynthesizer(llm, 4)
    (name,) = synthesizer.get_prompts()
    assert name in get_response_synthesizer(llm).get_prompts()
    synthesizer.update_prompts({name: PromptTemplate("{context_str}\nAs a {who}: {query_str}")})
    synthesizer.synthesize(QUERY, NODES, who="judge")
    assert fables.requests[0]["messages"][-1]["content"].endswith(f"As a judge: {QUERY}")


async def test_events_and_spans_are_those_of_the_frameworks_own_parts(llm, fables, events, spans):
    get_response_synthesizer(llm).synthesize(QUERY, NODES)
    own = events.names()
    for synthesize in ("synthesize", "asynthesize"):
        events.seen.clear()
        found = getattr(VerbalizedSynthesizer(llm, 4), synthesize)(QUERY, NODES)
        found = await found if asyncio.iscoroutine(found) else found
        assert sorted(events.names()) == sorted(own)
        assert [events.names()[0], events.names()[-1]] == [own[0], own[-1]]
        assert events.seen[-1].response is found
        assert events.names().count("LLMChatEndEvent") == 1
    names = {span.id_.partition("-")[0] for span in spans.completed_spans}
    assert {"VerbalizedSynthesizer.synthesize", "VerbalizedSynthesizer.get_response"} <= names
    assert {"VerbalizedSynthesizer.asynthesize", "VerbalizedSynthesizer.aget_response"} <= names


@pytest.mark.parametrize("streaming", [False, True])
def test_callbacks_see_every_call(llm, fables, streaming):
    debug, counter = LlamaDebugHandler(print_trace_on_end=False), TokenCountingHandler(str.split)
    synthesizer = VerbalizedSynthesizer(
        llm, 4, n=12, streaming=streaming, callback_manager=CallbackManager([debug, counter])
    )
    assert str(synthesizer.synthesize(QUERY, NODES))
    assert len(debug.get_event_pairs(CBEventType.SYNTHESIZE)) == 1
    assert len(debug.get_event_pairs(CBEventType.LLM)) == 3
    assert len(counter.llm_token_counts) == 3
    assert counter.completion_llm_token_count > 0


def test_usage_of_a_stream_is_counted_once(make_llm, server):
    llm = make_llm(additional_kwargs={"stream_options": {"include_usage": True}})
    found = VerbalizedSynthesizer(llm, 3, streaming=True).synthesize(QUERY, NODES)
    str(found)
    usage = distribution_of(found).metadata["usage"]
    server.model.reset()
    messages = [Message(m["role"], m["content"]) for m in server.requests[0]["messages"]]
    assert usage == server.model.answer(messages).usage


def test_settings_are_the_default(llm, monkeypatch):
    monkeypatch.setattr(Settings, "_llm", llm)
    assert VerbalizedSynthesizer(k=3).synthesize(QUERY, NODES).response


def test_it_is_picklable_before_and_after_a_run(llm, server):
    synthesizer = VerbalizedSynthesizer(llm, 3, seed=1, schema=Place)
    for _ in range(2):
        server.model.reset()
        copy = pickle.loads(pickle.dumps(synthesizer))
        first = copy.synthesize(QUERY, NODES).metadata
        server.model.reset()
        assert synthesizer.synthesize(QUERY, NODES).metadata == first


def test_a_response_can_be_pickled(llm, fables):
    found = VerbalizedSynthesizer(llm, 4).synthesize(QUERY, NODES)
    assert pickle.loads(pickle.dumps(found)) == found


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda llm: VerbalizedSynthesizer(llm, merge="fuzzy"), "merge must be None or one of ex"),
        (lambda llm: VerbalizedSynthesizer(llm, similarity=2), "similarity must be from -1 to 1"),
        (lambda llm: VerbalizedSynthesizer(llm, resampler="best"), "best"),
        (lambda llm: VerbalizedSynthesizer(llm, 0), "k must be"),
        (lambda llm: VerbalizedSynthesizer(llm, depth=3), "depth"),
        (lambda llm: VerbalizedSynthesizer(llm, method="tool"), "calls no functions"),
        (lambda llm: VerbalizedSynthesizer(llm, text_qa_template="{query_str}"), "context_str"),
        (lambda llm: VerbalizedSynthesizer(llm, text_qa_template="{context_str}"), "query_str"),
        (lambda llm: VerbalizedSynthesizer(llm).synthesize(" ", NODES), "query is empty"),
        (
            lambda llm: VerbalizedSynthesizer(llm).synthesize(
                QUERY, [NodeWithScore(node=TextNode(text=" \n"))]
            ),
            r"context is empty: there is no text in 1 source",
        ),
        (lambda llm: VerbalizedSynthesizer(llm).get_response(QUERY, []), "context is empty"),
    ],
)
def test_bad_use_is_refused_with_a_reason(llm, server, make, message):
    with pytest.raises(ConfigurationError, match=message):
        make(llm)
    assert not server.requests


def test_a_prompt_that_fills_the_context_window_is_refused(make_llm, server):
    synthesizer = VerbalizedSynthesizer(make_llm(context_window=300))
    with pytest.raises(ConfigurationError, match="no room for context"):
        synthesizer.synthesize(QUERY, NODES)
    assert not server.requests


def test_without_an_llm_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setattr(Settings, "_llm", None)
    with pytest.raises(ConfigurationError, match="No LLM is configured"):
        VerbalizedSynthesizer()


@pytest.mark.parametrize("streaming", [False, True])
def test_a_refusal_is_an_error_that_carries_the_text(llm, server, streaming):
    server.model = SimulatedModel(quirks=["refusal", "refusal"])
    with pytest.raises(ParseError, match="sorry"):
        str(VerbalizedSynthesizer(llm, streaming=streaming).synthesize(QUERY, NODES))


async def test_a_whole_query_engine_never_calls_what_blocks(llm, embed_model, monkeypatch):
    index = VectorStoreIndex([node.node for node in NODES], embed_model=embed_model)
    retriever = VerbalizedFusionRetriever(
        [index.as_retriever(similarity_top_k=3)], llm, k=3, similarity_top_k=3
    )
    synthesizer = VerbalizedSynthesizer(llm, 3, merge="embedding", embed_model=embed_model)
    engine = RetrieverQueryEngine(retriever, synthesizer)

    def blocks(*args, **kwargs):
        raise AssertionError("a blocking call in async code")

    for cls, name in ((OpenAILike, "chat"), (OpenAILike, "complete"), (BaseRetriever, "retrieve")):
        monkeypatch.setattr(cls, name, blocks)
    for name in ("get_query_embedding", "get_text_embedding_batch"):
        monkeypatch.setattr(type(embed_model), name, blocks)
    found = await engine.aquery(QUERY)
    assert len(found.source_nodes) == 3
    assert distribution_of(found)
