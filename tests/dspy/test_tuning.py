"""Choosing strategy, k, threshold and instruction together."""

import dspy
import pytest

from tests.dspy.models import HELD_OUT, RULE, TRAIN, Learns
from vs_core import ConfigurationError
from vs_dspy import VerbalizedSampler, VerbalizedTuner

TOPICS = [dspy.Example(topic=t).with_inputs("topic") for t in ("coffee", "rain", "tea", "soup")]


def size(example, prediction, trace=None):
    return len(prediction.completions)


def test_the_setting_that_the_metric_likes(server):
    student = VerbalizedSampler("topic -> joke", k=5)
    tuner = VerbalizedTuner(size, strategies=["vs_standard"], ks=[2, 4], thresholds=[None, 0.2])
    tuned = tuner.compile(student, trainset=TOPICS)
    assert tuned.k == 4
    assert student.k == 5  # the student stays as it was
    assert len(tuned(topic="milk").completions) == 4
    assert [trial.options["k"] for trial in tuned.trials] == [4, 4, 2, 2]
    assert [len(trial.scores) for trial in tuned.trials] == [4, 4, 2, 2]  # losers are dropped


def test_cost_counts():
    def same(example, prediction, trace=None):
        return 1.0

    tuner = VerbalizedTuner(
        same, strategies=["vs_standard"], ks=[8, 2], thresholds=[None], cost=1.0
    )
    tuned = tuner.compile(VerbalizedSampler("topic -> joke"), trainset=TOPICS[:2])
    assert tuned.k == 2
    best, other = tuned.trials
    assert best.tokens < other.tokens


def test_the_instruction_is_chosen_with_the_setting(server, lm, tmp_path):
    server.model = Learns()

    def weight(example, prediction, trace=None):
        pairs = zip(prediction.distribution, prediction.distribution.weights, strict=True)
        return sum(w for candidate, w in pairs if candidate.text == example.team)

    optimizer = dspy.COPRO(metric=weight, breadth=3, depth=2)
    tuner = VerbalizedTuner(
        weight, optimizer, strategies=["vs_standard"], ks=[2, 3], thresholds=[None, 0.5],
        num_threads=2,
    )  # fmt: skip
    student = VerbalizedSampler("ticket -> team", k=3)
    tuned = tuner.compile(
        student, trainset=TRAIN[:4], valset=TRAIN[4:], eval_kwargs={"num_threads": 2}
    )
    assert RULE in tuned.signature.instructions
    evaluate = dspy.Evaluate(devset=HELD_OUT, metric=weight, num_threads=2)
    assert evaluate(tuned).score > evaluate(student).score + 30
    again = VerbalizedSampler("ticket -> team", **tuned.options)
    assert (again.k, again.threshold) == (tuned.k, tuned.threshold)


def test_what_cannot_work_is_refused():
    with pytest.raises(ConfigurationError, match="cost"):
        VerbalizedTuner(size, cost=-1)
    with pytest.raises(ConfigurationError, match="no setting"):
        VerbalizedTuner(size, ks=[])
    with pytest.raises(ConfigurationError, match="with a sampler"):
        VerbalizedTuner(size).compile(dspy.Predict("a -> b"), trainset=TOPICS)
