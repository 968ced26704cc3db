"""Retrieval-augmented answers: one, and several with their probabilities from the same call.

One answer hides the others where several are right. Run it from the root: python -m
examples.langchain.answers, with OPENAI_API_KEY set. Without a key, start `vs serve` and set
OPENAI_BASE_URL to the address it prints, and OPENAI_API_KEY to anything: the answers are then
simulated.
"""

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI

from examples.fables import FABLES, QUESTIONS, SIMULATED, Lsa, coverage
from vs_langchain import VerbalizedRetriever, VerbalizedSampler

PROMPT = ChatPromptTemplate.from_template(
    "Answer the question in a few words, from these fables alone.\n\n{context}\n\n"
    "Question: {question}"
)


class LsaEmbeddings(Embeddings):
    def __init__(self) -> None:
        self._embed = Lsa()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._embed(texts)

    def embed_query(self, text: str) -> list[float]:
        return self._embed([text])[0]


def joined(documents: list[Document]) -> str:
    return "\n\n".join(document.page_content for document in documents)


def main() -> None:
    llm = ChatOpenAI(model="gpt-4.1-mini")
    store = InMemoryVectorStore(LsaEmbeddings())
    store.add_texts([f"{f.title}. {f.text}" for f in FABLES], ids=[f.id for f in FABLES])
    retriever = VerbalizedRetriever(
        retriever=store.as_retriever(search_kwargs={"k": 5}), llm=llm, k=4, top_n=8
    )
    inputs = {"context": retriever | joined, "question": RunnablePassthrough()}
    one = inputs | PROMPT | llm | StrOutputParser()
    several = inputs | PROMPT | llm | VerbalizedSampler(k=6)

    question = QUESTIONS[0]
    answer = one.invoke(question.question)
    distribution = several.invoke(question.question).dedupe()
    print(question.question)
    print(f"one answer: {answer!r}, coverage {coverage(question, [answer]):.2f}")
    print(distribution)
    texts = [candidate.text for candidate in distribution]
    print(f"several answers: coverage {coverage(question, texts):.2f}")
    print(SIMULATED)


if __name__ == "__main__":
    main()
