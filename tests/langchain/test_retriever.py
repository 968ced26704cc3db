"""`VerbalizedRetriever`: diverse queries from one call, one ranking of what they find."""

import asyncio
import re
import runpy
import threading
import time
from pathlib import Path
from statistics import fmean, stdev

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.prompts import PromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import ConfigurableField, RunnableLambda, RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_tests.integration_tests import RetrieversIntegrationTests

from examples.fables import HELD_OUT
from tests.in_flight import InFlight
from vs_core import ConfigurationError, ParseError
from vs_core.fusion import by_rank, coverage, reciprocal_rank, searches
from vs_core.testing import SimulatedModel
from vs_langchain import VerbalizedRetriever, VerbalizedSampler

ROOT = Path(__file__).parents[2]
QUERY = "What did the Romans eat?"
TEXTS = [f"passage {number}" for number in range(12)]


@pytest.fixture
def store():
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=32))
    store.add_texts(TEXTS, [{"number": number} for number in range(len(TEXTS))])
    return store


@pytest.fixture
def retriever(store):
    return store.as_retriever(search_kwargs={"k": 3})


def rewrites(llm, k):
    asked = (
        "Write a search query that would find passages which answer the question, in words other "
        f"than its own.\nQuestion: {QUERY}"
    )
    return VerbalizedSampler(llm, k=k).invoke(asked)


@pytest.mark.parametrize("fusion", ["coverage", "reciprocal_rank"])
async def test_documents_are_fused_by_the_probabilities_of_their_queries(
    llm, server, retriever, fusion
):
    found = searches(QUERY, rewrites(llm, 4))
    results = {query: retriever.invoke(query) for query in found}
    rankings = [[document.page_content for document in results[query]] for query in found]
    if fusion == "coverage":
        expected = coverage([by_rank(ranking) for ranking in rankings], list(found.values()))
    else:
        expected = reciprocal_rank(rankings, list(found.values()))
    ours = VerbalizedRetriever(retriever=retriever, llm=llm, k=4, fusion=fusion)
    for run in (ours.invoke, ours.ainvoke):
        server.model.reset()
        documents = run(QUERY)
        documents = await documents if run == ours.ainvoke else documents
        assert [d.page_content for d in documents] == list(expected)
        assert [d.metadata["fusion_score"] for d in documents] == list(expected.values())
        for document in documents:
            assert document.metadata["queries"] == [
                query for query, ranking in zip(found, rankings, strict=True)
                if document.page_content in ranking
            ]  # fmt: skip
            assert "number" in document.metadata
    assert len(server.requests) == 3  # one call for all queries
    assert all("queries" not in d.metadata for d in results[QUERY])  # the store's own are untouched


def test_no_query_is_crowded_out_by_default(llm):
    """With ranks added up, the first places all go to what the likeliest query found."""

    def search(query):
        return [Document(f"{query} {rank}", metadata={"rank": rank}) for rank in range(10)]

    found = {
        fusion: VerbalizedRetriever(
            retriever=search, llm=llm, k=4, top_n=10, include_original=False, fusion=fusion,
            prompt=PromptTemplate.from_template("Tell me a joke about {query}."),
        ).invoke("cats")
        for fusion in ("coverage", "reciprocal_rank")
    }  # fmt: skip
    by = {
        fusion: [document.metadata["queries"][0] for document in documents]
        for fusion, documents in found.items()
    }
    assert len(set(by["coverage"])) == 4
    assert len(set(by["reciprocal_rank"][:5])) < len(set(by["coverage"][:5]))
    counts = [by["coverage"].count(query) for query in dict.fromkeys(by["coverage"])]
    assert counts[0] == max(counts)  # weights are quotas
    plain = VerbalizedRetriever(retriever=search, llm=llm, k=4)
    assert plain.fusion == "coverage"


@pytest.mark.parametrize("mode", ["rewrite", "hyde", "decompose"])
def test_modes(llm, server, retriever, mode):
    VerbalizedRetriever(retriever=retriever, llm=llm, k=3, mode=mode).invoke(QUERY)
    said = server.requests[0]["messages"][-1]["content"]
    asked = {"rewrite": "search query", "hyde": "short passage", "decompose": "sub-question"}
    assert asked[mode] in said
    assert QUERY in said


def test_queries_and_options(llm, server, retriever):
    asked = []
    remembering = RunnableLambda(lambda query: asked.append(query) or retriever.invoke(query))
    prompt = PromptTemplate.from_template("Ask this in other words: {query}")
    ours = VerbalizedRetriever(
        retriever=remembering, llm=llm, k=3, n=6, threshold=0.2, prompt=prompt,
        include_original=False,
    )  # fmt: skip
    ours.invoke(QUERY)
    assert len(asked) == 6
    assert QUERY not in asked
    assert len(server.requests) == 2
    assert "below 0.2" in server.requests[0]["messages"][0]["content"]
    assert server.requests[0]["messages"][1]["content"] == f"Ask this in other words: {QUERY}"


def test_the_searches_run_at_the_same_time(llm):
    together = threading.Barrier(4, timeout=20)

    def waiting(query):
        together.wait()  # nobody passes before all have come
        return [Document(query)]

    ours = VerbalizedRetriever(retriever=RunnableLambda(waiting), llm=llm, k=3)
    assert len(ours.invoke(QUERY)) == 4


async def test_the_searches_do_not_block_the_loop(llm):
    waiting, all_here = [], asyncio.Event()

    async def search(query):
        waiting.append(query)
        if len(waiting) == 4:
            all_here.set()
        await asyncio.wait_for(all_here.wait(), 20)
        return [Document(query)]

    slow = RunnableLambda(lambda query: pytest.fail("blocking"), afunc=search)
    assert len(await VerbalizedRetriever(retriever=slow, llm=llm, k=3).ainvoke(QUERY)) == 4


def test_documents_are_the_same_by_text_or_by_key(llm):
    def search(query):
        return [Document("same text", metadata={"key": query}), Document("same text")]

    ours = VerbalizedRetriever(retriever=RunnableLambda(search), llm=llm, k=3)
    (document,) = ours.invoke(QUERY)
    assert len(document.metadata["queries"]) == 4
    keyed = RunnableLambda(lambda query: search(query)[:1])
    ours = VerbalizedRetriever(retriever=keyed, llm=llm, k=3, id_key="key")
    assert len(ours.invoke(QUERY)) == 4
    ours = VerbalizedRetriever(retriever=RunnableLambda(search), llm=llm, k=3, id_key="key")
    with pytest.raises(ConfigurationError, match=r"'key' in its metadata.*same text"):
        ours.invoke(QUERY)


async def test_one_search_that_fails_leaves_the_others(llm, retriever, caplog):
    def search(query):
        if query == QUERY:
            raise TimeoutError("too slow")
        return retriever.invoke(query)

    ours = VerbalizedRetriever(retriever=RunnableLambda(search), llm=llm, k=3)
    for documents in (ours.invoke(QUERY), await ours.ainvoke(QUERY)):
        assert documents
        assert not any(QUERY in document.metadata["queries"] for document in documents)
    assert [record.name for record in caplog.records] == ["vs_langchain"] * 2
    assert "too slow" in caplog.text


def test_if_all_searches_fail_that_is_an_error(llm):
    def search(query):
        raise TimeoutError("too slow")

    ours = VerbalizedRetriever(retriever=RunnableLambda(search), llm=llm, k=3)
    with pytest.raises(TimeoutError, match="too slow"):
        ours.invoke(QUERY)


def test_a_model_that_refuses_is_an_error_or_a_fallback(llm, server, retriever):
    server.model = SimulatedModel(quirks=["refusal"] * 9)
    ours = VerbalizedRetriever(retriever=retriever, llm=llm, k=3, retries=0)
    with pytest.raises(ParseError):
        ours.invoke(QUERY)
    assert len(ours.with_fallbacks([retriever]).invoke(QUERY)) == 3


def test_everything_is_traced_below_one_run(llm, retriever):
    runs, parents = {}, {}

    class Recorder(BaseCallbackHandler):
        def note(self, serialized, value, *, run_id, parent_run_id=None, name=None, **kwargs):
            runs[run_id] = name or "model"
            parents[run_id] = runs.get(parent_run_id)

        on_retriever_start = on_chain_start = on_chat_model_start = note

    ours = VerbalizedRetriever(retriever=retriever, llm=llm, k=3)
    ours.invoke(QUERY, {"callbacks": [Recorder()]})
    above = [(runs[run], parents[run]) for run in runs]
    assert above.count(("VectorStoreRetriever", "VerbalizedRetriever")) == 4
    assert ("model", "VerbalizedSampler") in above
    assert sum(parent is None for _, parent in above) == 1


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"mode": "summary"}, "mode must be one of rewrite, hyde, decompose"),
        ({"fusion": "simple"}, "fusion must be one of coverage, reciprocal_rank"),
        ({"k": 0}, "k must be"),
        ({"rank_constant": -1}, "over -1"),
        ({"prompt": PromptTemplate.from_template("{question}")}, r"template of \{query\}"),
        ({"depth": 3}, "depth"),
    ],
)
def test_options_that_cannot_work_are_errors_at_once(llm, retriever, options, named):
    with pytest.raises(ConfigurationError, match=named):
        VerbalizedRetriever(retriever=retriever, llm=llm, **options)


@pytest.mark.parametrize("top_n", [0, 2.5, "3", True])
async def test_a_bad_number_of_documents_is_an_error_before_anything_is_asked(
    llm, server, retriever, top_n
):
    ours = VerbalizedRetriever(retriever=retriever, llm=llm)
    with pytest.raises(ConfigurationError, match=r"^top_n must be a whole number of at least 1"):
        VerbalizedRetriever(retriever=retriever, llm=llm, top_n=top_n)
    with pytest.raises(ConfigurationError, match=r"^top_n must be a whole number of at least 1"):
        ours.invoke(QUERY, top_n=top_n)
    with pytest.raises(ConfigurationError, match=r"^top_n must be a whole number of at least 1"):
        await ours.ainvoke(QUERY, top_n=top_n)
    assert not server.requests


def test_a_function_may_search_but_must_find_documents(llm):
    ours = VerbalizedRetriever(retriever=lambda query: [Document(query)], llm=llm, k=2)
    assert len(ours.invoke(QUERY)) == 3
    ours = VerbalizedRetriever(retriever=lambda query: [query], llm=llm, k=2)
    with pytest.raises(ConfigurationError, match="must return a list of documents"):
        ours.invoke(QUERY)


async def test_the_config_reaches_the_model_and_the_searches(llm, server, retriever):
    named = llm.configurable_fields(model_name=ConfigurableField(id="model"))
    in_flight = InFlight()

    def search(query):
        with in_flight:
            time.sleep(0.02)
        return retriever.invoke(query)

    ours = VerbalizedRetriever(retriever=RunnableLambda(search), llm=named, k=5)
    assert [spec.id for spec in ours.config_specs] == ["model"]
    config = {"max_concurrency": 2, "configurable": {"model": "other"}, "run_name": "mine"}
    ours.invoke(QUERY, config)
    await ours.ainvoke(QUERY, config)
    (RunnablePassthrough() | ours).invoke(QUERY, config)
    assert [request["model"] for request in server.requests] == ["other"] * 3
    assert in_flight.most == 2


def test_an_empty_query_is_an_error(llm, server, retriever):
    with pytest.raises(ConfigurationError, match="query is empty"):
        VerbalizedRetriever(retriever=retriever, llm=llm).invoke("  ")
    assert not server.requests


# --- figures -----------------------------------------------------------------------------------


def test_the_table_of_the_docs_is_what_is_measured():
    """Real embeddings, on the questions that the rule of fusing was not chosen by."""
    example = runpy.run_path(str(ROOT / "examples/langchain/retrieval.py"))
    table = example["measured"](HELD_OUT, None)
    page = (ROOT / "docs/langchain.md").read_text()
    rows = dict(
        re.findall(r"^\| (one query|`Multi|`fusion=\"\w+\"`).*?((?: \| 0\.\d+){3})", page, re.M)
    )
    names = {"`Multi": example["MULTI_QUERY"]} | {
        f'`fusion="{fusion}"`': name for name, fusion in example["OURS"].items()
    }
    for start, name in names.items():
        for kind, cell in zip(example["KINDS"], re.findall(r"0\.\d+", rows[start]), strict=True):
            assert float(cell) == pytest.approx(fmean(table[name, kind]), abs=6e-4), (name, kind)
    assert f"| {fmean(table['one query', 'none']):.3f}" in rows["one query"]
    better, by_ranks = (
        [fmean(row) for row in zip(*(table[name, kind] for kind in example["KINDS"]), strict=True)]
        for name in example["OURS"]
    )
    gains = [a - b for a, b in zip(better, by_ranks, strict=True)]
    half = 2.101 * stdev(gains) / len(gains) ** 0.5  # t of 18 degrees
    low, high = fmean(gains) - half, fmean(gains) + half
    assert f"{fmean(gains):+.3f}, paired 95 % interval {low:+.3f} to\n{high:+.3f}" in page
    assert low > 0


# --- LangChain's own suite ---------------------------------------------------------------------


class TestStandard(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def over(self, llm, store):
        plain = store.as_retriever(search_kwargs={"k": 3})
        self.parts = {"llm": llm, "retriever": plain}

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return VerbalizedRetriever

    @property
    def retriever_constructor_params(self) -> dict:
        return self.parts

    @property
    def retriever_query_example(self) -> str:
        return QUERY

    @property
    def num_results_arg_name(self) -> str:
        return "top_n"
