"""A prompt optimised with GEPA, which is told in words which candidates are near-duplicates.

Run it with OPENAI_API_KEY set. Without a key, start `vs serve` and set OPENAI_BASE_URL to the
address it prints, and OPENAI_API_KEY to anything: the answers are then simulated, and no
instruction makes them better: a real model has to.
"""

import dspy

from vs_dspy import VerbalizedSampler
from vs_dspy.metrics import Diversity, TradeOff

TOPICS = ("coffee", "rain", "cats", "the moon", "trains", "chess", "soup", "the office")
EXAMPLES = [dspy.Example(topic=topic).with_inputs("topic") for topic in TOPICS]


def is_short(_: dspy.Example, prediction: dspy.Prediction) -> bool:
    """Stands for your own measure of quality, such as a judge; it sees one candidate at a time."""
    return 10 <= len(prediction.joke) <= 120


def main() -> None:
    # For meaning instead of words: Diversity(dspy.Embedder("openai/text-embedding-3-small")).
    metric = TradeOff(is_short, Diversity(duplicate=0.7), floor=0.7)
    lm = dspy.LM("openai/gpt-4.1-mini")
    program = VerbalizedSampler("topic -> joke", k=5, seed=7)
    with dspy.context(lm=lm):
        told = metric.with_feedback(EXAMPLES[0], program(**EXAMPLES[0].inputs()))
        print(f"what GEPA is told: {told.feedback}")
        optimizer = dspy.GEPA(
            metric=metric.with_feedback, reflection_lm=lm, max_metric_calls=30, num_threads=4
        )
        compiled = optimizer.compile(program, trainset=EXAMPLES[:4], valset=EXAMPLES[4:])
        evaluate = dspy.Evaluate(devset=EXAMPLES[4:], metric=metric)
        print(f"before {evaluate(program).score}, after {evaluate(compiled).score}")
        print(compiled.predict.signature.instructions)
        print(compiled(topic="coffee").distribution)


if __name__ == "__main__":
    main()
