"""Jokes with a rating: typed candidates where dspy.Predict gives one.

Run it with OPENAI_API_KEY set. Without a key, start `vs serve` and set OPENAI_BASE_URL to the
address it prints, and OPENAI_API_KEY to anything: the answers are then simulated.
"""

import dspy

from vs_dspy import VerbalizedSampler


class Joke(dspy.Signature):
    """Tell a joke about the topic."""

    topic: str = dspy.InputField()
    joke: str = dspy.OutputField()
    rating: int = dspy.OutputField(desc="how funny it is, from 1 to 10")


def main() -> None:
    with dspy.context(lm=dspy.LM("openai/gpt-4.1-mini")):
        print("dspy.Predict:", dspy.Predict(Joke)(topic="coffee").joke)
        prediction = VerbalizedSampler(Joke, k=5, seed=7)(topic="coffee")
    print("drawn:", prediction.joke, f"({prediction.rating}/10)")
    for candidate in prediction.distribution:
        print(candidate.probability, candidate.value.rating, candidate.value.joke)


if __name__ == "__main__":
    main()
