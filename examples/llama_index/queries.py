"""One question becomes several: what an index finds for the question, and for all of them.

Run it with OPENAI_API_KEY set. Without a key, start `vs serve` and set OPENAI_BASE_URL and
OPENAI_API_BASE to the address it prints, and OPENAI_API_KEY to anything: the answers and the
embeddings are then simulated.
"""

import os

from llama_index.core import Document, VectorStoreIndex
from llama_index.core.retrievers import TransformRetriever
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai_like import OpenAILike

from vs_llama_index import VerbalizedQueryTransform

QUESTION = "How do bees find flowers?"
PASSAGES = [
    "Bees see ultraviolet marks on petals.",
    "The waggle dance tells the hive in which direction food lies, and how far.",
    "Scent carries a long way on warm air.",
    "Banks set the rate of interest every month.",
    "A flower that was just visited keeps an electric charge for a while.",
]


def main() -> None:
    llm = OpenAILike(
        model="gpt-4.1-mini", is_chat_model=True, api_base=os.environ.get("OPENAI_BASE_URL")
    )
    documents = [Document(text=text) for text in PASSAGES]
    index = VectorStoreIndex.from_documents(documents, embed_model=OpenAIEmbedding())
    retriever = index.as_retriever(similarity_top_k=3)
    transform = VerbalizedQueryTransform(llm=llm, k=5)

    for name, found in (
        ("the question", retriever.retrieve(QUESTION)),
        ("and its five candidates", TransformRetriever(retriever, transform).retrieve(QUESTION)),
    ):
        print(f"{name}:", *(f"\n  {node.score:.3f} {node.text}" for node in found))
    print(transform(QUESTION).distribution)


if __name__ == "__main__":
    main()
