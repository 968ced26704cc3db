"""The best of five candidates of one call, where dspy.BestOfN makes five calls.

Run it with OPENAI_API_KEY set. Without a key, start `vs serve` and set OPENAI_BASE_URL to the
address it prints, and OPENAI_API_KEY to anything: the answers are then simulated.
"""

import dspy

from vs_dspy import VerbalizedBestOfN, verbalize


def brief(_: dict[str, str], prediction: dspy.Prediction) -> float:
    """Stands for your own reward: the fewer words, the better."""
    return 1 / (1 + len(prediction.slogan.split()))


def main() -> None:
    slogan = dspy.Predict("product -> slogan")
    with dspy.context(lm=dspy.LM("openai/gpt-4.1-mini")):
        best = VerbalizedBestOfN(slogan, k=5, reward_fn=brief)
        prediction = best(product="a folding bicycle")
        print("best of one call:", prediction.slogan)
        for candidate in prediction.completions.slogan:
            print("  of:", candidate)

        # The same program without a reward: one of five, drawn by its probability.
        print("drawn:", verbalize(slogan, k=5)(product="a folding bicycle").slogan)


if __name__ == "__main__":
    main()
