"""To answer only when sure: the summed probability of one answer as a confidence.

Run it from the root: python -m examples.llama_index.abstaining, with OPENAI_API_KEY set, and
--questions 39 for all of them. Without a key, start `vs serve` and set OPENAI_BASE_URL and
OPENAI_API_BASE to the address it prints, and OPENAI_API_KEY to anything: the answers are then
simulated.
"""

import argparse

from llama_index.core.query_engine import RetrieverQueryEngine

from examples.fables import QUESTIONS, SIMULATED, coverage
from examples.llama_index.comparison import Embedding, fables_index, model
from vs_llama_index import VerbalizedFusionRetriever, VerbalizedSynthesizer

UNSURE = "I do not know."


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="gpt-4.1-mini")
    parser.add_argument("--questions", type=int, default=8)
    options = parser.parse_args()
    llm = model(options.model)
    embed_model = Embedding()
    retriever = VerbalizedFusionRetriever(
        [fables_index(embed_model).as_retriever(similarity_top_k=5)], llm, k=4, similarity_top_k=6
    )
    # Of several wordings of an answer the probabilities add up; the likeliest one is given.
    synthesizer = VerbalizedSynthesizer(
        llm, 6, merge="embedding", similarity=0.95, embed_model=embed_model, resampler="argmax"
    )
    engine = RetrieverQueryEngine.from_args(retriever, llm, response_synthesizer=synthesizer)

    given = []
    for question in [q for q in QUESTIONS if q.answers][: options.questions]:
        response = engine.query(question.question)
        about = response.metadata["verbalized"]
        confidence = 0.0 if about["abstains"] else about["confidence"] or 0.0
        given.append((confidence, coverage(question, [str(response)]) > 0))
        answer = response if confidence >= 0.1 else UNSURE
        print(f"{question.question}\n  {confidence:.3f} {answer}")

    print("\nanswers from this confidence on; how many; how many of them are right")
    for least in (0.0, 0.05, 0.1, 0.2, 0.4):
        answered = [right for confidence, right in given if confidence >= least]
        print(f"{least:>6.2f}{len(answered):>6}{sum(answered):>6}")
    print(SIMULATED)


if __name__ == "__main__":
    main()
