"""Synthetic question-answer pairs with typed fields: several different ones from each call.

Run it with OPENAI_API_KEY set. Without a key, start `vs serve` and set OPENAI_BASE_URL to the
address it prints, and OPENAI_API_KEY to anything: the answers are then simulated.
"""

from typing import Literal

import dspy

from vs_dspy import VerbalizedSampler
from vs_dspy.metrics import Diversity, lexical_diversity


class Pair(dspy.Signature):
    """Write a question about the passage, and its answer."""

    passage: str = dspy.InputField()
    question: str = dspy.OutputField()
    answer: str = dspy.OutputField(desc="in a few words of the passage")
    difficulty: Literal["easy", "medium", "hard"] = dspy.OutputField()
    keywords: list[str] = dspy.OutputField()


PASSAGES = (
    "Bees see ultraviolet light. Many flowers have patterns that only show in it.",
    "Rails are laid with gaps, or welded under tension, because steel grows in the heat.",
)


def main() -> None:
    # From the tail of the distribution: what a model does not ask first.
    write = VerbalizedSampler(Pair, k=4, n=8, threshold=0.2, seed=7)
    with dspy.context(lm=dspy.LM("openai/gpt-4.1-mini")):
        for passage in PASSAGES:
            prediction = write(passage=passage)
            unique = prediction.distribution.dedupe(key=lambda candidate: candidate.value.question)
            for candidate in unique:
                pair = candidate.value
                print(f"[{pair.difficulty}] {pair.question} -> {pair.answer} {pair.keywords}")
            print(
                f"{len(unique)} of {len(prediction.distribution)} questions differ; diversity: "
                f"{Diversity(field='question')(None, prediction):.2f} of the questions, "
                f"{lexical_diversity(None, prediction):.2f} of all fields"
            )


if __name__ == "__main__":
    main()
