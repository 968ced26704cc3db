"""Which passages are found: one query, LangChain's multi-query retriever, and ours.

Run it from the root: python -m examples.langchain.retrieval, with OPENAI_API_KEY set. Without a
key, start `vs serve` and set OPENAI_BASE_URL to the address it prints, and OPENAI_API_KEY to
anything: the queries are then simulated.
"""

import argparse

from langchain_classic.retrievers import MultiQueryRetriever
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI

from examples.fables import FABLES, QUESTIONS, SIMULATED, Lsa, recall
from vs_langchain import VerbalizedRetriever


class LsaEmbeddings(Embeddings):
    def __init__(self) -> None:
        self.embed = Lsa()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.embed(texts)

    def embed_query(self, text: str) -> list[float]:
        return self.embed([text])[0]


def mean_recall(retriever: BaseRetriever, questions: int, k: int) -> float:
    asked = QUESTIONS[:questions]
    results = retriever.batch([question.question for question in asked], {"max_concurrency": 8})
    return sum(
        recall(question, [document.id for document in documents], k)
        for question, documents in zip(asked, results, strict=True)
    ) / len(asked)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="gpt-4.1-mini")
    parser.add_argument("--questions", type=int, default=len(QUESTIONS))
    options = parser.parse_args()
    llm = ChatOpenAI(model=options.model)
    store = InMemoryVectorStore(LsaEmbeddings())
    store.add_texts([f"{f.title}. {f.text}" for f in FABLES], ids=[f.id for f in FABLES])
    plain = store.as_retriever(search_kwargs={"k": 10})
    retrievers = {
        "one query": plain,
        "LangChain's multi-query": MultiQueryRetriever.from_llm(plain, llm, include_original=True),
        "verbalized, rewrite": VerbalizedRetriever(retriever=plain, llm=llm, k=5),
        "verbalized, hyde": VerbalizedRetriever(retriever=plain, llm=llm, k=5, mode="hyde"),
        "verbalized, decompose": VerbalizedRetriever(
            retriever=plain, llm=llm, k=5, mode="decompose"
        ),
    }
    print(f"recall at 10, mean of {options.questions} questions")
    for name, retriever in retrievers.items():
        print(f"{name:<24}{mean_recall(retriever, options.questions, 10):.3f}")
    print(SIMULATED)


if __name__ == "__main__":
    main()
