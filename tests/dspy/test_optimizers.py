"""Every optimizer of DSPy runs to its end, and what it compiles is better and still verbalizes.

The simulated model knows the answers only where its prompt holds a rule or a demo: an optimizer has
to find one. The metric is the weight of the right answer among the candidates.
"""

from string import ascii_lowercase

import dspy
import numpy as np
import pytest
from dspy.teleprompt.gepa.gepa_utils import ScoreWithFeedback

from tests.dspy.models import HELD_OUT, RULE, TEAMS, TRAIN, Learns, Repeats
from vs_dspy import VerbalizedSampler
from vs_dspy.metrics import TradeOff

K = 3


class Route(dspy.Module):
    """A program with the module inside."""

    def __init__(self):
        super().__init__()
        self.route = VerbalizedSampler("ticket -> team", k=K)

    def forward(self, ticket):
        return self.route(ticket=ticket)


def weight(example, prediction, trace=None):
    """The weight of the right answer in the distribution."""
    distribution = prediction.distribution
    pairs = zip(distribution, distribution.weights, strict=True)
    return sum(w for candidate, w in pairs if candidate.text == example.team)


def with_feedback(example, prediction, trace=None, pred_name=None, pred_trace=None):
    return ScoreWithFeedback(
        score=weight(example, prediction), feedback=f"The right team is {example.team}."
    )


def embed(texts):
    """Vectors of letters: near for tickets with the same words."""
    return np.array([[text.count(letter) for letter in ascii_lowercase] for text in texts], float)


def labeled(student, lm):
    return dspy.LabeledFewShot(k=4).compile(student, trainset=TRAIN)


def bootstrap(student, lm):
    optimizer = dspy.BootstrapFewShot(
        metric=weight, metric_threshold=0.5, max_bootstrapped_demos=2, max_labeled_demos=4
    )
    return optimizer.compile(student, trainset=TRAIN)


def bootstrap_only(student, lm):
    """No labels at all: one of the few good answers of the uncompiled program is the demo."""
    optimizer = dspy.BootstrapFewShot(
        metric=weight, metric_threshold=0.01, max_bootstrapped_demos=2, max_labeled_demos=0
    )
    return optimizer.compile(student, trainset=TRAIN)


def random_search(student, lm):
    optimizer = dspy.BootstrapFewShotWithRandomSearch(
        metric=weight, metric_threshold=0.5, max_bootstrapped_demos=2, max_labeled_demos=2,
        num_candidate_programs=2, num_threads=2,
    )  # fmt: skip
    return optimizer.compile(student, trainset=TRAIN[:4], valset=TRAIN[4:])


def copro(student, lm):
    optimizer = dspy.COPRO(metric=weight, breadth=3, depth=2, track_stats=True)
    return optimizer.compile(student, trainset=TRAIN, eval_kwargs={"num_threads": 2})


def mipro(student, lm):
    optimizer = dspy.MIPROv2(
        metric=weight, auto=None, num_candidates=3, num_threads=2, max_bootstrapped_demos=1,
        max_labeled_demos=1, metric_threshold=0.5,
    )  # fmt: skip
    return optimizer.compile(
        student, trainset=TRAIN[:4], valset=TRAIN[4:], num_trials=3, minibatch=False
    )


def mipro_without_demos(student, lm):
    optimizer = dspy.MIPROv2(
        metric=weight, auto=None, num_candidates=4, num_threads=2, max_bootstrapped_demos=0,
        max_labeled_demos=0,
    )  # fmt: skip
    return optimizer.compile(
        student, trainset=TRAIN[:4], valset=TRAIN[4:], num_trials=5, minibatch=False
    )


def simba(student, lm):
    optimizer = dspy.SIMBA(
        metric=weight, bsize=4, num_candidates=2, max_steps=2, max_demos=2, num_threads=2
    )
    return optimizer.compile(student, trainset=TRAIN)


def simba_by_rules(student, lm):
    optimizer = dspy.SIMBA(
        metric=weight, bsize=6, num_candidates=3, max_steps=2, max_demos=0, num_threads=2
    )
    return optimizer.compile(student, trainset=TRAIN)


def gepa(student, lm):
    optimizer = dspy.GEPA(
        metric=with_feedback, reflection_lm=lm, max_metric_calls=40, num_threads=2
    )
    return optimizer.compile(student, trainset=TRAIN[:4], valset=TRAIN[4:])


# Releases of gepa that go with DSPy 3.3 by its metadata talk to the model as 3.4 does.
needs_gepa = pytest.mark.skipif(
    tuple(map(int, dspy.__version__.split(".")[:2])) < (3, 4),
    reason="GEPA of DSPy 3.3 does not run with today's gepa",
)
BY_DEMOS = [labeled, bootstrap, bootstrap_only, random_search, mipro, simba]
BY_RULES = [copro, mipro_without_demos, simba_by_rules, pytest.param(gepa, marks=needs_gepa)]


@pytest.fixture(autouse=True)
def model(server):
    server.model = Learns()
    return server.model


def score(program):
    evaluate = dspy.Evaluate(devset=HELD_OUT, metric=weight, num_threads=2)
    return evaluate(program).score


def check_candidates(prediction):
    assert len(prediction.completions) == len(prediction.distribution) == K
    assert set(prediction.completions.team) <= set(TEAMS)
    assert all(candidate.probability is not None for candidate in prediction.distribution)


@pytest.mark.parametrize("optimize", BY_DEMOS + BY_RULES, ids=lambda f: f.__name__)
def test_compiled_is_better_and_survives_saving(optimize, lm, tmp_path):
    student = Route()
    before = score(student)
    compiled = optimize(student, lm)
    after = score(compiled)
    assert before < 40
    assert after > before + 30
    check_candidates(compiled(ticket=HELD_OUT[0].ticket))

    compiled.save(tmp_path / "state.json")
    loaded = Route()
    loaded.load(tmp_path / "state.json")
    assert score(loaded) == pytest.approx(after, abs=10)
    check_candidates(loaded(ticket=HELD_OUT[0].ticket))


@pytest.mark.parametrize("optimize", BY_RULES, ids=lambda f: f.__name__)
def test_a_rewritten_instruction_still_asks_for_probabilities(optimize, lm, server):
    compiled = optimize(VerbalizedSampler("ticket -> team", k=K), lm)
    assert RULE in compiled.predict.signature.instructions
    server.requests.clear()
    check_candidates(compiled(ticket=HELD_OUT[0].ticket))
    system = server.requests[0]["messages"][0]["content"]
    assert RULE in system
    assert f"exactly {K} different candidates" in system
    assert "`probability`: the estimated probability" in system


def test_knn_few_shot(tmp_path):
    student = VerbalizedSampler("ticket -> team", k=K)
    optimizer = dspy.KNNFewShot(
        k=2, trainset=TRAIN, vectorizer=dspy.Embedder(embed), metric=weight, metric_threshold=0.5,
        max_bootstrapped_demos=1, max_labeled_demos=2,
    )  # fmt: skip
    before, compiled = score(student), optimizer.compile(student)
    after = score(compiled)
    assert after > before + 30
    check_candidates(compiled(ticket=HELD_OUT[0].ticket))

    # Its demos are chosen at each call: what there is to save is the program.
    compiled.save(tmp_path / "program", save_program=True)
    loaded = dspy.load(tmp_path / "program", allow_pickle=True)
    assert score(loaded) == pytest.approx(after, abs=10)


def test_what_simba_shows_its_model_of_a_trajectory_are_the_candidates(lm, model):
    simba_by_rules(VerbalizedSampler("ticket -> team", k=K), lm)
    shown = [text for text in model.authored if "better_program_trajectory" in text]
    assert shown
    assert all('"team": "' in text and "non-serializable" not in text for text in shown)


def gepa_for_diversity(metric, student, lm):
    optimizer = dspy.GEPA(
        metric=metric.with_feedback, reflection_lm=lm, max_metric_calls=40, num_threads=2
    )
    return optimizer.compile(student, trainset=TRAIN[:4], valset=TRAIN[4:])


def mipro_for_diversity(metric, student, lm):
    optimizer = dspy.MIPROv2(
        metric=metric, auto=None, num_candidates=4, num_threads=2, max_bootstrapped_demos=0,
        max_labeled_demos=0,
    )  # fmt: skip
    return optimizer.compile(
        student, trainset=TRAIN[:4], valset=TRAIN[4:], num_trials=5, minibatch=False
    )


@pytest.mark.parametrize(
    "optimize",
    [pytest.param(gepa_for_diversity, marks=needs_gepa), mipro_for_diversity],
    ids=lambda f: f.__name__,
)
def test_diversity_under_a_quality_floor(optimize, server, lm):
    """GEPA finds the rule only because the feedback says which candidates are near-duplicates."""
    server.model = Repeats()
    metric = TradeOff(lambda example, prediction: len(prediction.team) < 50, floor=0.9)
    student = VerbalizedSampler("ticket -> team", k=K)
    compiled = optimize(metric, student, lm)
    evaluate = dspy.Evaluate(devset=HELD_OUT, metric=metric, num_threads=2)
    assert evaluate(student).score < 60
    assert evaluate(compiled).score > 95
    assert RULE in compiled.predict.signature.instructions
    assert len(compiled(ticket=HELD_OUT[0].ticket).completions) == K
