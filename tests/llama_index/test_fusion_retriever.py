"""`VerbalizedFusionRetriever`: diverse queries from one call, one ranking of what they find."""

import asyncio
import pickle
import threading

import pytest
from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import (
    CallbackManager,
    CBEventType,
    LlamaDebugHandler,
    TokenCountingHandler,
)
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.retrievers.fusion_retriever import FUSION_MODES, QUERY_GEN_PROMPT
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from vs_core import ConfigurationError, ParseError
from vs_core.fusion import reciprocal_rank, relative_score, searches
from vs_core.testing import SimulatedModel
from vs_llama_index import VerbalizedFusionRetriever, VerbalizedQueryTransform
from vs_llama_index.fusion_retriever import fuse

QUERY = "What did the Romans eat?"
TEXTS = [f"The Romans ate passage {number}" for number in range(12)]


@pytest.fixture
def index(embed_model):
    return VectorStoreIndex.from_documents(
        [Document(text=text, metadata={"number": n}) for n, text in enumerate(TEXTS)],
        embed_model=embed_model,
    )


@pytest.fixture
def retriever(index):
    return index.as_retriever(similarity_top_k=3)


class Searching(BaseRetriever):
    """A retriever that is a function; with no async method of its own, like many."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def _retrieve(self, query_bundle):
        return self.function(query_bundle.query_str)


class AsyncSearching(Searching):
    async def _aretrieve(self, query_bundle):
        return await self.function(query_bundle.query_str)

    def _retrieve(self, query_bundle):
        pytest.fail("blocking")


def node(text, score=1.0, **metadata):
    return NodeWithScore(node=TextNode(text=text, metadata=metadata), score=score)


# --- what is found -------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["reciprocal_rerank", "reciprocal_rank", "relative_score"])
async def test_nodes_are_fused_by_the_probabilities_of_their_queries(llm, server, retriever, mode):
    distribution = VerbalizedQueryTransform(llm, k=4)(QUERY).distribution
    found = searches(QUERY, distribution)
    results = [retriever.retrieve(query) for query in found]
    weights = list(found.values())
    if mode == "relative_score":
        scores = [{node.node_id: node.score for node in result} for result in results]
        expected = relative_score(scores, weights)
    else:
        expected = reciprocal_rank([[n.node_id for n in r] for r in results], weights)
    assert len(expected) > 3  # the queries find different things, or this would show nothing
    ours = VerbalizedFusionRetriever([retriever], llm, 4, mode, similarity_top_k=9)
    server.requests.clear()
    for run in (ours.retrieve, ours.aretrieve):
        server.model.reset()
        nodes = run(QUERY)
        nodes = await nodes if asyncio.iscoroutine(nodes) else nodes
        assert [n.node_id for n in nodes] == list(expected)
        assert [n.score for n in nodes] == pytest.approx(list(expected.values()))
        assert ours.distribution.candidates == distribution.candidates
        assert all(set(n.metadata) == {"number"} for n in nodes)  # as they were
    assert len([r for r in server.requests if "messages" in r]) == 2  # one call for all queries


def test_several_retrievers_count_by_their_weights(llm):
    left = Searching(lambda query: [node("left")])
    right = Searching(lambda query: [node("right")])
    ours = VerbalizedFusionRetriever([left, right], llm, 3, retriever_weights=[1, 3])
    nodes = ours.retrieve(QUERY)
    assert [n.text for n in nodes] == ["right", "left"]
    assert nodes[0].score == pytest.approx(3 * nodes[1].score)
    assert sum(n.score for n in nodes) == pytest.approx(1 / 61)
    only = VerbalizedFusionRetriever([left, right], llm, 3, retriever_weights=[1, 0])
    assert [n.text for n in only.retrieve(QUERY)] == ["left"]


def test_it_drops_in_for_query_fusion_retriever(llm, server, retriever):
    options = {
        "llm": llm, "mode": FUSION_MODES.RECIPROCAL_RANK, "similarity_top_k": 3,
        "retriever_weights": [1.0], "use_async": False, "verbose": False,
    }  # fmt: skip
    theirs = QueryFusionRetriever([retriever], num_queries=1, **options)
    ours = VerbalizedFusionRetriever([retriever], num_queries=1, **options)
    expected = [n.node_id for n in theirs.retrieve(QUERY)]
    assert [n.node_id for n in ours.retrieve(QUERY)] == expected
    assert not any("messages" in r for r in server.requests)  # one query, so no model is asked
    ours = VerbalizedFusionRetriever([retriever], num_queries=4, **options)
    assert len(ours.retrieve(QUERY)) == 3
    assert len(ours.distribution) == 3  # and the question
    assert set(ours.get_prompts()) == set(theirs.get_prompts())


@pytest.mark.parametrize("mode", ["rewrite", "hyde", "decompose"])
def test_query_modes(llm, server, retriever, mode):
    VerbalizedFusionRetriever([retriever], llm, 3, query_mode=mode).retrieve(QUERY)
    said = next(r for r in server.requests if "messages" in r)["messages"][-1]["content"]
    asked = {"rewrite": "search query", "hyde": "short passage", "decompose": "sub-question"}
    assert asked[mode] in said
    assert QUERY in said


def test_queries_and_options(llm, server):
    asked = []
    remembering = Searching(lambda query: asked.append(query) or [node(query)])
    ours = VerbalizedFusionRetriever(
        [remembering], llm, 3, n=6, threshold=0.2, include_original=False, use_async=False,
        query_gen_prompt="Ask this in other words: {query}",
    )  # fmt: skip
    assert len(ours.retrieve(QUERY)) == 2  # LlamaIndex's default for similarity_top_k
    assert asked == list(searches(QUERY, ours.distribution, include_original=False))
    assert len(asked) == 6
    assert len(server.requests) == 2
    assert "below 0.2" in server.requests[0]["messages"][0]["content"]
    assert server.requests[0]["messages"][1]["content"] == f"Ask this in other words: {QUERY}"
    ours.update_prompts({"query_gen_prompt": PromptTemplate("Again: {query_str}")})
    ours.retrieve(QUERY)
    assert server.requests[-1]["messages"][1]["content"] == f"Again: {QUERY}"


def test_the_users_own_bundle_is_searched_by_as_it_is(llm, server, retriever):
    own = retriever.retrieve("passage 7")
    embedding = retriever._embed_model.get_query_embedding("passage 7")
    ours = VerbalizedFusionRetriever([retriever], num_queries=1, similarity_top_k=3)
    nodes = ours.retrieve(QueryBundle(QUERY, embedding=embedding))
    assert [n.node_id for n in nodes] == [n.node_id for n in own]


def test_in_a_query_engine(llm, retriever, server):
    ours = VerbalizedFusionRetriever([retriever], llm, 3, similarity_top_k=4)
    response = RetrieverQueryEngine.from_args(ours, llm).query(QUERY)
    assert len(response.source_nodes) == 4
    assert str(response)


# --- fusing --------------------------------------------------------------------------------------


def test_the_same_text_and_metadata_under_different_ids_is_one_node():
    first, second, other = node("a", page=1), node("a", page=1), node("a", page=2)
    fused = fuse([[first], [second], [other]], [0.5, 0.25, 0.2])
    assert [n.node_id for n in fused] == [first.node_id, other.node_id]
    assert [n.score for n in fused] == pytest.approx([0.75 / 61, 0.2 / 61])
    assert first.score == 1.0  # what was retrieved is untouched


def test_results_are_ranked_by_their_scores_as_in_query_fusion_retriever():
    low, high, none = node("low", 0.1), node("high", 0.9), node("none", None)
    assert [n.text for n in fuse([[none, low, high]])] == ["high", "low", "none"]
    assert [n.text for n in fuse([[none, low, high]], mode="relative_score", top_k=1)] == ["high"]
    assert fuse([]) == []


# --- running -------------------------------------------------------------------------------------


def test_the_searches_run_at_the_same_time(llm):
    together = threading.Barrier(4, timeout=20)

    def waiting(query):
        together.wait()  # nobody passes before all have come
        return [node(query)]

    ours = VerbalizedFusionRetriever([Searching(waiting)], llm, 3, similarity_top_k=9)
    assert len(ours.retrieve(QUERY)) == 4
    together.reset()
    assert len(asyncio.run(ours.aretrieve(QUERY))) == 4  # in threads: it would block the loop


async def test_the_searches_do_not_block_the_loop(llm):
    waiting, all_here = [], asyncio.Event()

    async def search(query):
        waiting.append(query)
        if len(waiting) == 4:
            all_here.set()
        await asyncio.wait_for(all_here.wait(), 20)
        return [node(query)]

    ours = VerbalizedFusionRetriever([AsyncSearching(search)], llm, 3, similarity_top_k=9)
    assert len(await ours.aretrieve(QUERY)) == 4


async def test_one_search_that_fails_leaves_the_others(llm, retriever, events, caplog):
    def search(query):
        if query == QUERY:
            raise TimeoutError("too slow")
        return retriever.retrieve(query)

    ours = VerbalizedFusionRetriever([Searching(search)], llm, 3, similarity_top_k=9)
    for run in (ours.retrieve, ours.aretrieve):
        nodes = run(QUERY)
        nodes = await nodes if asyncio.iscoroutine(nodes) else nodes
        rest = searches(QUERY, ours.distribution)
        weights = [weight for query, weight in rest.items() if query != QUERY]
        best = sum(weight / 61 for weight in weights)
        assert 0 < nodes[0].score <= best
    warnings = [record for record in caplog.records if record.name == "vs_llama_index"]
    assert len(warnings) == 2
    assert "too slow" in caplog.text
    told = [event.exception for event in events.seen if type(event).__name__ == "ExceptionEvent"]
    assert [str(error) for error in told] == ["too slow"] * 2


def test_if_all_searches_fail_that_is_an_error(llm):
    def search(query):
        raise TimeoutError("too slow")

    with pytest.raises(TimeoutError, match="too slow"):
        VerbalizedFusionRetriever([Searching(search)], llm, 3).retrieve(QUERY)


async def test_a_model_that_refuses_leaves_the_question_itself(
    llm, server, retriever, events, caplog
):
    server.model = SimulatedModel(quirks=["refusal"] * 9)
    ours = VerbalizedFusionRetriever([retriever], llm, 3, retries=0)
    expected = [found.node.id_ for found in retriever.retrieve(QUERY)][:2]  # similarity_top_k
    for found in (ours.retrieve(QUERY), await ours.aretrieve(QUERY)):
        assert [one.node.id_ for one in found] == expected
    assert caplog.text.count("The model gave no queries") == 2
    assert events.names().count("ExceptionEvent") == 2
    ours = VerbalizedFusionRetriever([retriever], llm, 3, retries=0, include_original=False)
    with pytest.raises(ParseError, match="sorry"):
        ours.retrieve(QUERY)


def test_a_node_counts_once_in_a_ranking_and_where_it_is_best():
    a, b = node("a", 0.9), node("b", 0.5)
    again = a.model_copy(update={"score": 0.1})
    fused = fuse([[a, b, again]], mode="relative_score")
    assert [(one.node.text, one.score) for one in fused] == [("a", 1.0), ("b", 0.0)]
    twin, best = node("b", 0.5), node("c", 0.9)
    assert twin.node.id_ != b.node.id_
    fused = fuse([[best, b, twin]] * 3)
    assert [one.node.text for one in fused] == ["c", "b"]
    assert fused[1].score == pytest.approx(3 / 62)


def test_the_prompt_of_query_fusion_retriever_is_filled(llm, server, retriever):
    ours = VerbalizedFusionRetriever([retriever], llm, 2, query_gen_prompt=QUERY_GEN_PROMPT)
    ours.retrieve(QUERY)
    (asked,) = (request for request in server.requests if "messages" in request)
    assert "Generate 2 search queries" in asked["messages"][-1]["content"]


# --- conventions ---------------------------------------------------------------------------------


def test_everything_is_told_below_one_retrieval(make_llm, retriever, events, spans):
    debug, counter = LlamaDebugHandler(print_trace_on_end=False), TokenCountingHandler(str.split)
    manager = CallbackManager([debug, counter])
    ours = VerbalizedFusionRetriever([retriever], make_llm(), 3, callback_manager=manager)
    ours.retrieve(QUERY)
    assert events.names()[0] == "RetrievalStartEvent"
    assert events.names()[-1] == "RetrievalEndEvent"
    assert events.names().count("RetrievalStartEvent") == 5  # its own, and one a query
    assert events.names().count("LLMChatStartEvent") == 1
    by_id = {span.id_: span for span in spans.completed_spans}
    roots = [span.id_ for span in by_id.values() if span.parent_id not in by_id]
    assert [name.partition("-")[0] for name in roots] == ["VerbalizedFusionRetriever.retrieve"]
    assert len(debug.get_event_pairs(CBEventType.RETRIEVE)) == 1  # the others have no manager
    assert len(counter.llm_token_counts) == 1
    assert counter.total_llm_token_count > 0


def test_settings_are_the_default(llm, retriever, monkeypatch):
    monkeypatch.setattr(Settings, "_llm", llm)
    ours = VerbalizedFusionRetriever([retriever], k=3)
    assert len(ours.retrieve(QUERY)) == 2
    assert len(ours.distribution) == 3


def test_it_is_picklable_before_and_after_a_run(llm, retriever, server):
    ours = VerbalizedFusionRetriever([retriever], llm, 3)
    for _ in range(2):
        server.model.reset()
        copied = pickle.loads(pickle.dumps(ours)).retrieve(QUERY)
        server.model.reset()
        assert [n.node_id for n in ours.retrieve(QUERY)] == [n.node_id for n in copied]


def test_the_queries_can_be_printed(llm, retriever, capsys):
    ours = VerbalizedFusionRetriever([retriever], llm, 3, verbose=True)
    ours.retrieve(QUERY)
    printed = capsys.readouterr().out
    assert all(candidate.text in printed for candidate in ours.distribution)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"mode": "simple"}, "mode must be one of reciprocal_rerank, reciprocal_rank, relative"),
        ({"query_mode": "summary"}, "Known: rewrite"),
        ({"similarity_top_k": 0}, "similarity_top_k must be a whole number of at least 1"),
        ({"similarity_top_k": True}, "similarity_top_k must be a whole number"),
        ({"num_queries": True}, "num_queries must be a whole number"),
        ({"num_queries": 0}, "num_queries must be"),
        ({"num_queries": 3, "k": 2}, "say the same"),
        ({"k": 0}, "k must be"),
        ({"retriever_weights": [1.0, 2.0]}, "2 weights for 1 results"),
        ({"retriever_weights": [0.0]}, "nothing could be found"),
        ({"query_gen_prompt": "{question}"}, r"template of \{query_str\}"),
        ({"depth": 3}, "depth"),
    ],
)
def test_options_that_cannot_work_are_errors_at_once(llm, retriever, options, named):
    with pytest.raises(ConfigurationError, match=named):
        VerbalizedFusionRetriever([retriever], llm, **options)


def test_bad_use_is_refused_with_a_reason(llm, server, retriever, index):
    with pytest.raises(ConfigurationError, match=r"VectorStoreIndex is no retriever.*as_retriever"):
        VerbalizedFusionRetriever([index], llm)
    with pytest.raises(ConfigurationError, match="no retriever"):
        VerbalizedFusionRetriever([], llm)
    server.requests.clear()
    with pytest.raises(ConfigurationError, match="query is empty"):
        VerbalizedFusionRetriever([retriever], llm).retrieve("  ")
    assert not server.requests
