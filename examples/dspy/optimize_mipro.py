"""A prompt optimised with MIPROv2 for diversity under a quality floor.

Run it with OPENAI_API_KEY set. Without a key, start `vs serve` and set OPENAI_BASE_URL to the
address it prints, and OPENAI_API_KEY to anything: the answers are then simulated, and no
instruction makes them better: a real model has to.

MIPROv2 needs optuna: pip install optuna
"""

import dspy

from vs_dspy import VerbalizedSampler
from vs_dspy.metrics import TradeOff, answer_diversity

TOPICS = ("coffee", "rain", "cats", "the moon", "trains", "chess", "soup", "the office")
EXAMPLES = [dspy.Example(topic=topic).with_inputs("topic") for topic in TOPICS]


def is_short(_: dspy.Example, prediction: dspy.Prediction) -> bool:
    """Stands for your own measure of quality, such as a judge; it sees one candidate at a time."""
    return 10 <= len(prediction.joke) <= 120


def main() -> None:
    metric = TradeOff(is_short, floor=0.7)
    trainset, valset = EXAMPLES[:4], EXAMPLES[4:]
    program = VerbalizedSampler("topic -> joke", k=5, seed=7)
    with dspy.context(lm=dspy.LM("openai/gpt-4.1-mini")):
        optimizer = dspy.MIPROv2(
            metric=metric, auto=None, num_candidates=3, max_bootstrapped_demos=1,
            max_labeled_demos=0, metric_threshold=0.5,
        )  # fmt: skip
        compiled = optimizer.compile(
            program, trainset=trainset, valset=valset, num_trials=4, minibatch=False
        )
        evaluate = dspy.Evaluate(devset=valset, metric=metric)
        print(f"before {evaluate(program).score}, after {evaluate(compiled).score}")
        print(f"diversity of the drawn answers: {answer_diversity(compiled, EXAMPLES):.2f}")
        compiled.save("jokes.json")

        loaded = VerbalizedSampler("topic -> joke", k=5, seed=7)
        loaded.load("jokes.json")
        print(loaded.predict.signature.instructions)
        print(loaded(topic="coffee").distribution)


if __name__ == "__main__":
    main()
