"""`VerbalizedFusionRetriever`: diverse queries from one call, one ranking of what they find."""

import asyncio
import json
import pickle
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import (
    CallbackManager,
    CBEventType,
    LlamaDebugHandler,
    TokenCountingHandler,
)
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.retrievers.fusion_retriever import FUSION_MODES, QUERY_GEN_PROMPT
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode

from vs_core import Completion, ConfigurationError, ParseError
from vs_core.fusion import (
    best_score,
    coverage,
    distribution_based_score,
    reciprocal_rank,
    relative_score,
    searches,
)
from vs_core.testing import SimulatedModel
from vs_llama_index import VerbalizedFusionRetriever, VerbalizedQueryTransform
from vs_llama_index.fusing import Origin, fuse

QUERY = "What did the Romans eat?"
USAGE = {"input_tokens": 9, "output_tokens": 7}
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


class Writes(SimulatedModel):
    """Answers with the same candidates, each a text and its probability."""

    def __init__(self, *candidates):
        super().__init__()
        self.candidates = [{"text": text, "probability": p} for text, p in candidates]

    def answer(self, messages, json_schema=None):
        return Completion(json.dumps({"responses": self.candidates}), USAGE)


class Lines(Writes):
    """As a list for whoever asks for queries by line, with equal probabilities for us."""

    def __init__(self, *queries):
        super().__init__(*((query, 1 / len(queries)) for query in queries))

    def answer(self, messages, json_schema=None):
        if "probability" in str(messages):
            return super().answer(messages, json_schema)
        return Completion("\n".join(c["text"] for c in self.candidates), USAGE)


def node(text, score=1.0, **metadata):
    return NodeWithScore(node=TextNode(text=text, metadata=metadata), score=score)


# --- what is found -------------------------------------------------------------------------------


def found_by(node):
    return node.metadata["verbalized"]["queries"]


@pytest.mark.parametrize(
    "mode",
    [
        "coverage", "reciprocal_rerank", "reciprocal_rank", "relative_score", "dist_based_score",
        "simple",
    ],
)  # fmt: skip
async def test_nodes_are_fused_by_the_probabilities_of_their_queries(llm, server, retriever, mode):
    found = searches(QUERY, VerbalizedQueryTransform(llm, k=4)(QUERY).distribution)
    results = [{n.node_id: n.score for n in retriever.retrieve(query)} for query in found]
    weights = list(found.values())
    rules = {
        "coverage": coverage, "relative_score": relative_score, "simple": best_score,
        "dist_based_score": distribution_based_score,
    }  # fmt: skip
    if mode in rules:
        expected = rules[mode](results, weights)
    else:
        expected = reciprocal_rank([list(result) for result in results], weights)
    assert len(expected) > 3  # the queries find different things, or this would show nothing
    ours = VerbalizedFusionRetriever([retriever], llm, k=4, mode=mode, similarity_top_k=9)
    server.requests.clear()
    for run in (ours.retrieve, ours.aretrieve):
        server.model.reset()
        nodes = run(QUERY)
        nodes = await nodes if asyncio.iscoroutine(nodes) else nodes
        assert [n.node_id for n in nodes] == list(expected)
        fused = [n.metadata["verbalized"]["fused_score"] for n in nodes]
        assert fused == pytest.approx(list(expected.values()))
        best = {key: max(r[key] for r in results if key in r) for key in expected}
        scores = best if mode in ("coverage", "simple") else expected
        assert [n.score for n in nodes] == pytest.approx([scores[n.node_id] for n in nodes])
    assert len([r for r in server.requests if "messages" in r]) == 2  # one call for all queries


def test_nodes_say_which_searches_found_them_and_no_model_reads_it(llm, server, retriever):
    ours = VerbalizedFusionRetriever([retriever] * 2, llm, k=4, similarity_top_k=9)
    nodes = ours.retrieve(QUERY)
    server.model.reset()
    distribution = VerbalizedQueryTransform(llm, k=4)(QUERY).distribution
    weights = searches(QUERY, distribution)
    for node in nodes:
        said = found_by(node)
        assert said == json.loads(json.dumps(said))
        for one in said:
            assert one["query"] in weights
            results = retriever.retrieve(one["query"])
            again = next(n for n in results if n.node_id == node.node_id)
            assert one["score"] == pytest.approx(again.score)
            assert one["rank"] == 1 + [n.node_id for n in results].index(node.node_id)
            assert one["weight"] == pytest.approx(weights[one["query"]] / 2)
        assert {one["retriever"] for one in said} == {0, 1}
        assert [one["rank"] for one in said] == sorted(one["rank"] for one in said)
        for mode in (MetadataMode.LLM, MetadataMode.EMBED):
            assert "verbalized" not in node.node.get_content(mode)
            assert "number: " in node.node.get_content(mode)
    for node in retriever.retrieve(QUERY):  # what the index holds is untouched
        assert "verbalized" not in node.metadata
        assert "verbalized" not in node.node.excluded_llm_metadata_keys


def test_the_likeliest_query_does_not_take_all_places(llm, server):
    """Five queries that find different things: each has as many places as its weight says."""
    server.model = Writes(*((f"query {n}", p) for n, p in enumerate((0.3, 0.25, 0.2, 0.15, 0.1))))
    fan = Searching(lambda query: [node(f"{query}: {n}", 1 - n / 100) for n in range(10)])
    ours = VerbalizedFusionRetriever(
        [fan], llm, include_original=False, similarity_top_k=10
    )  # fmt: skip
    shares = Counter(found_by(n)[0]["query"] for n in ours.retrieve(QUERY))
    assert shares == {"query 0": 3, "query 1": 3, "query 2": 2, "query 3": 1, "query 4": 1}
    ours.mode = "reciprocal_rerank"  # the collapse that this is there to prevent
    assert {found_by(n)[0]["query"] for n in ours.retrieve(QUERY)} == {"query 0"}


def test_scores_of_coverage_are_similarities(llm, retriever):
    nodes = VerbalizedFusionRetriever([retriever], llm, k=4, similarity_top_k=9).retrieve(QUERY)
    scores = [n.score for n in nodes]
    cutoff = sorted(scores)[len(scores) // 2]
    kept = SimilarityPostprocessor(similarity_cutoff=cutoff).postprocess_nodes(nodes)
    assert [n.score for n in kept] == [score for score in scores if score >= cutoff]
    assert 0 < len(kept) < len(nodes)


def test_several_retrievers_count_by_their_weights(llm):
    left = Searching(lambda query: [node("left")])
    right = Searching(lambda query: [node("right")])
    ours = VerbalizedFusionRetriever([left, right], llm, k=3, retriever_weights=[1, 3])
    nodes = ours.retrieve(QUERY)
    assert [n.text for n in nodes] == ["right", "left"]
    fused = [n.metadata["verbalized"]["fused_score"] for n in nodes]
    assert fused == pytest.approx([0.75, 0.25])
    only = VerbalizedFusionRetriever([left, right], llm, k=3, retriever_weights=[1, 0])
    assert [n.text for n in only.retrieve(QUERY)] == ["left"]


@pytest.mark.parametrize("mode", list(FUSION_MODES))
def test_it_drops_in_for_query_fusion_retriever(llm, server, retriever, index, mode):
    """The same arguments in the same places, the same attributes, the same results of a query."""
    other = index.as_retriever(similarity_top_k=5)
    server.model = Lines("passage 3", "passage 4 and 5", "What passage 6 ate")
    given = ([retriever, other], llm, QUERY_GEN_PROMPT, mode, 4, 4, False, False)
    given += (None, None, None, [2.0, 2.0])
    theirs, ours = QueryFusionRetriever(*given), VerbalizedFusionRetriever(*given)
    assert set(ours.get_prompts()) == set(theirs.get_prompts())
    for name in ("num_queries", "similarity_top_k", "mode", "use_async"):
        assert getattr(ours, name) == getattr(theirs, name)
    expected = [n.node_id for n in theirs.retrieve(QUERY)]
    assert [n.node_id for n in ours.retrieve(QUERY)] == expected
    assert len({one["query"] for n in ours.retrieve(QUERY) for one in found_by(n)}) > 1
    ours.similarity_top_k = theirs.similarity_top_k = 7
    assert len(ours.retrieve(QUERY)) == len(theirs.retrieve(QUERY)) > 4
    ours.num_queries = theirs.num_queries = 1
    server.requests.clear()
    found, expected = ours.retrieve(QUERY), theirs.retrieve(QUERY)
    assert [n.node_id for n in found] == [n.node_id for n in expected]
    assert not any("messages" in r for r in server.requests)  # one query, so no model is asked


def test_attributes_can_be_set(llm, retriever):
    ours = VerbalizedFusionRetriever([retriever], llm, n=7, k=3)
    assert ours.num_queries == 8
    ours.num_queries = 2
    assert ours.num_queries == 2
    assert len({one["query"] for node in ours.retrieve(QUERY) for one in found_by(node)}) == 2
    ours.num_queries = 3
    ours.similarity_top_k = 12
    nodes = ours.retrieve(QUERY)
    assert len({one["query"] for node in nodes for one in found_by(node)}) == 3
    assert len(nodes) > 2  # the default
    ours.mode = FUSION_MODES.SIMPLE
    scores = [node.score for node in ours.retrieve(QUERY)]
    assert scores == sorted(scores, reverse=True)
    for name, value in (("mode", "best"), ("similarity_top_k", True), ("num_queries", 0)):
        with pytest.raises(ConfigurationError, match=name):
            setattr(ours, name, value)


def test_threads_can_share_it(llm, server):
    """Two runs at once, each with queries of its own."""

    class Echo(SimulatedModel):
        def answer(self, messages, json_schema=None):
            asked = messages[-1].content.partition("Question: ")[2].partition("\n")[0]
            candidates = [{"text": f"{asked}!", "probability": 1}]
            return Completion(json.dumps({"responses": candidates}), USAGE)

    server.model = Echo()
    ours = VerbalizedFusionRetriever(
        [Searching(lambda query: [node(query)])], llm, k=1, similarity_top_k=9
    )
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(ours.retrieve, [f"q{n}" for n in range(16)]))
    assert [{n.text for n in nodes} for nodes in runs] == [{f"q{n}", f"q{n}!"} for n in range(16)]
    assert not hasattr(ours, "distribution")


@pytest.mark.parametrize("mode", ["rewrite", "hyde", "decompose"])
def test_query_modes(llm, server, retriever, mode):
    VerbalizedFusionRetriever([retriever], llm, k=3, query_mode=mode).retrieve(QUERY)
    said = next(r for r in server.requests if "messages" in r)["messages"][-1]["content"]
    asked = {"rewrite": "search query", "hyde": "short passage", "decompose": "sub-question"}
    assert asked[mode] in said
    assert QUERY in said


def test_queries_and_options(llm, server):
    asked = []
    remembering = Searching(lambda query: asked.append(query) or [node(query)])
    ours = VerbalizedFusionRetriever(
        [remembering], llm, k=3, n=6, threshold=0.2, include_original=False, use_async=False,
        query_gen_prompt="Ask this in other words: {query}",
    )  # fmt: skip
    assert len(ours.retrieve(QUERY)) == 2  # LlamaIndex's default for similarity_top_k
    assert len(set(asked)) == len(asked) == 6
    assert QUERY not in asked
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
    ours = VerbalizedFusionRetriever([retriever], llm, k=3, similarity_top_k=4)
    response = RetrieverQueryEngine.from_args(ours, llm).query(QUERY)
    assert len(response.source_nodes) == 4
    assert str(response)


# --- fusing --------------------------------------------------------------------------------------


def test_the_same_text_and_metadata_under_different_ids_is_one_node():
    first, second, other = node("a", page=1), node("a", page=1), node("a", page=2)
    origins = [Origin(name, weight) for name, weight in zip("xyz", (0.5, 0.25, 0.2), strict=True)]
    fused = fuse([[first], [second], [other]], origins, mode="reciprocal_rank")
    assert [[one["query"] for one in found_by(n)] for n in fused] == [["x", "y"], ["z"]]
    assert [n.node_id for n in fused] == [first.node_id, other.node_id]
    assert [n.score for n in fused] == pytest.approx([0.75 / 61, 0.2 / 61])
    assert first.score == 1.0  # what was retrieved is untouched


def test_what_another_fusion_found_is_the_same_node():
    one, other = node("a", 0.9, page=1), node("a", 0.5, page=1)
    (before,) = fuse([[other]], [Origin("before")])
    (fused,) = fuse([[one], [before]], [Origin("x"), Origin("y")])
    assert [found["query"] for found in found_by(fused)] == ["x", "y"]


def test_results_are_ranked_by_their_scores_as_in_query_fusion_retriever():
    low, high, none = node("low", 0.1), node("high", 0.9), node("none", None)
    assert [n.text for n in fuse([[none, low, high]])] == ["high", "low", "none"]
    assert [n.score for n in fuse([[none, low, high]])] == [0.9, 0.1, None]
    assert [n.text for n in fuse([[none, low, high]], mode="relative_score", top_k=1)] == ["high"]
    assert fuse([]) == []


# --- running -------------------------------------------------------------------------------------


def test_the_searches_run_at_the_same_time(llm):
    together = threading.Barrier(4, timeout=20)

    def waiting(query):
        together.wait()  # nobody passes before all have come
        return [node(query)]

    ours = VerbalizedFusionRetriever([Searching(waiting)], llm, k=3, similarity_top_k=9)
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

    ours = VerbalizedFusionRetriever([AsyncSearching(search)], llm, k=3, similarity_top_k=9)
    assert len(await ours.aretrieve(QUERY)) == 4


async def test_a_search_that_hangs_does_not_hold_up_who_gives_up(llm):
    begun, ended, finished = threading.Event(), threading.Event(), []

    def hanging(query):
        begun.set()
        ended.wait(5)
        finished.append(query)
        return [node(query)]

    ours = VerbalizedFusionRetriever([Searching(hanging)], llm, k=3)
    task = asyncio.create_task(ours.aretrieve(QUERY))
    assert await asyncio.to_thread(begun.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not finished
    ended.set()


async def test_one_search_that_fails_leaves_the_others(llm, retriever, events, caplog):
    def search(query):
        if query == QUERY:
            raise TimeoutError("too slow")
        return retriever.retrieve(query)

    ours = VerbalizedFusionRetriever([Searching(search)], llm, k=3, similarity_top_k=9)
    for run in (ours.retrieve, ours.aretrieve):
        nodes = run(QUERY)
        nodes = await nodes if asyncio.iscoroutine(nodes) else nodes
        assert len(nodes) >= 3
        assert QUERY not in {one["query"] for found in nodes for one in found_by(found)}
    warnings = [record for record in caplog.records if record.name == "vs_llama_index"]
    assert len(warnings) == 2
    assert "too slow" in caplog.text
    told = [event.exception for event in events.seen if type(event).__name__ == "ExceptionEvent"]
    assert [str(error) for error in told] == ["too slow"] * 2


def test_if_all_searches_fail_that_is_an_error(llm):
    def search(query):
        raise TimeoutError("too slow")

    with pytest.raises(TimeoutError, match="too slow"):
        VerbalizedFusionRetriever([Searching(search)], llm, k=3).retrieve(QUERY)


async def test_a_model_that_refuses_leaves_the_question_itself(
    llm, server, retriever, events, caplog
):
    server.model = SimulatedModel(quirks=["refusal"] * 9)
    ours = VerbalizedFusionRetriever([retriever], llm, k=3, retries=0)
    expected = [found.node.id_ for found in retriever.retrieve(QUERY)][:2]  # similarity_top_k
    for found in (ours.retrieve(QUERY), await ours.aretrieve(QUERY)):
        assert [one.node.id_ for one in found] == expected
    assert caplog.text.count("The model gave no queries") == 2
    assert events.names().count("ExceptionEvent") == 2
    ours = VerbalizedFusionRetriever([retriever], llm, k=3, retries=0, include_original=False)
    with pytest.raises(ParseError, match="sorry"):
        ours.retrieve(QUERY)


def test_a_node_counts_once_in_a_ranking_and_where_it_is_best():
    a, b = node("a", 0.9), node("b", 0.5)
    again = a.model_copy(update={"score": 0.1})
    fused = fuse([[a, b, again]], mode="relative_score")
    assert [(one.node.text, one.score) for one in fused] == [("a", 1.0), ("b", 0.0)]
    twin, best = node("b", 0.5), node("c", 0.9)
    assert twin.node.id_ != b.node.id_
    fused = fuse([[best, b, twin]] * 3, mode="reciprocal_rank")
    assert [one.node.text for one in fused] == ["c", "b"]
    assert fused[1].score == pytest.approx(3 / 62)


def test_the_prompt_of_query_fusion_retriever_is_filled(llm, server, retriever):
    ours = VerbalizedFusionRetriever([retriever], llm, k=2, query_gen_prompt=QUERY_GEN_PROMPT)
    ours.retrieve(QUERY)
    (asked,) = (request for request in server.requests if "messages" in request)
    assert "Generate 2 search queries" in asked["messages"][-1]["content"]


# --- conventions ---------------------------------------------------------------------------------


def test_everything_is_told_below_one_retrieval(make_llm, retriever, events, spans):
    debug, counter = LlamaDebugHandler(print_trace_on_end=False), TokenCountingHandler(str.split)
    manager = CallbackManager([debug, counter])
    ours = VerbalizedFusionRetriever([retriever], make_llm(), k=3, callback_manager=manager)
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
    assert len(ours.retrieve(QUERY)) == 2  # LlamaIndex's default for similarity_top_k


def test_it_is_picklable_before_and_after_a_run(llm, retriever, server):
    ours = VerbalizedFusionRetriever([retriever], llm, k=3)
    for _ in range(2):
        server.model.reset()
        copied = pickle.loads(pickle.dumps(ours)).retrieve(QUERY)
        server.model.reset()
        assert [n.node_id for n in ours.retrieve(QUERY)] == [n.node_id for n in copied]


def test_the_queries_can_be_printed(llm, retriever, capsys):
    ours = VerbalizedFusionRetriever([retriever], llm, k=3, verbose=True, similarity_top_k=9)
    queries = {one["query"] for found in ours.retrieve(QUERY) for one in found_by(found)}
    printed = capsys.readouterr().out
    assert all(query in printed for query in queries)
    assert printed.count("\n") == 5


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"mode": "best"}, "mode must be one of coverage, reciprocal_rerank, .*simple, not 'best'"),
        ({"similarity_top_k": True}, "similarity_top_k must be a whole number"),
        ({"query_gen_prompt": 4}, "k=4"),
        ({"query_mode": "summary"}, "Known: rewrite"),
        ({"similarity_top_k": 0}, "similarity_top_k must be a whole number of at least 1"),
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
