"""Metrics of a whole prediction, as dspy.Evaluate and the optimizers call them."""

import inspect
import json

import dspy
import pytest

from tests.dspy.models import Says
from vs_core import ConfigurationError
from vs_core.testing import SimulatedModel, SimulatedTask
from vs_dspy import VerbalizedSampler
from vs_dspy.metrics import Diversity, Quality, TradeOff, answer_diversity, lexical_diversity

EXAMPLE = dspy.Example(topic="coffee").with_inputs("topic")


@pytest.fixture
def predict(server):
    """A prediction with these candidates, each a text or fields, and their probabilities."""

    def make(candidates, probabilities=None, signature="topic -> joke", **options):
        probabilities = probabilities or [0.1] * len(candidates)
        items = [
            {**(said if isinstance(said, dict) else {"joke": said}), "probability": p}
            for said, p in zip(candidates, probabilities, strict=True)
        ]
        server.model = Says(f"[[ ## candidates ## ]]\n{json.dumps(items)}")
        return VerbalizedSampler(signature, k=len(items), **options)(topic="coffee")

    return make


@pytest.mark.parametrize(
    ("candidates", "expected"),
    [
        (["one two", "three four", "five six"], 1.0),
        (["one two", "One, two!", "ONE TWO"], 0.0),
        (["one two", "one three"], 0.5),
        (["one two", "one two", "three"], 2 / 3),
        (["猫が好き", "犬が好き"], 0.25),
        (["😀", "😀"], 0.0),
        (["alone"], 0.0),
    ],
)
def test_lexical_diversity(predict, candidates, expected):
    assert lexical_diversity(EXAMPLE, predict(candidates)) == pytest.approx(expected)


def test_weights_count(predict):
    even = lexical_diversity(EXAMPLE, predict(["a", "b", "c"], [0.2, 0.2, 0.2]))
    peaked = lexical_diversity(EXAMPLE, predict(["a", "b", "c"], [0.98, 0.01, 0.01]))
    assert even == 1
    assert 0 < peaked < 0.1


def test_fields(predict):
    made = [{"joke": "a b", "rating": 1}, {"joke": "a b", "rating": 2}]
    prediction = predict(made, signature="topic -> joke, rating: int")
    assert Diversity(field="joke")(EXAMPLE, prediction) == 0
    assert Diversity(field="rating")(EXAMPLE, prediction) == 1
    assert 0 < Diversity()(EXAMPLE, prediction) < 1
    with pytest.raises(ConfigurationError, match=r"no field 'jok', but \['joke', 'rating'\]"):
        Diversity(field="jok")(EXAMPLE, prediction)


def test_reasoning_is_not_compared():
    prediction = VerbalizedSampler("topic -> joke", k=2, strategy="vs_cot")(topic="coffee")
    prediction_of_jokes = Diversity(field="joke")(EXAMPLE, prediction)
    assert "reasoning" in prediction
    assert Diversity()(EXAMPLE, prediction) == prediction_of_jokes


def test_semantic_diversity(predict, server, make_lm):
    def embed(texts):
        return [[3.0, 0] if "cat" in text else [0, 2.0] if "car" in text else [0, 0]
                for text in texts]  # fmt: skip

    prediction = predict(["a cat", "the feline cat", "a car"])
    assert Diversity(embed)(EXAMPLE, prediction) == pytest.approx(2 / 3)
    assert Diversity(embed)(EXAMPLE, predict(["a cat", "nothing"])) == 1
    hosted = dspy.Embedder("openai/simulated", api_base=server.base_url, api_key="x", caching=False)
    near = predict(["the cat sat", "the cat sits"])
    far = predict(["the cat sat", "my blue bicycle"])
    assert Diversity(hosted)(EXAMPLE, near) < Diversity(hosted)(EXAMPLE, far)
    assert any(request["path"].endswith("embeddings") for request in server.requests)


def test_feedback_names_near_duplicates_and_the_one_with_all_the_weight(predict):
    jokes = ["a b c d e", "x y z", "a b c d f", "x y z", "q"]
    feedback = lexical_diversity.with_feedback(EXAMPLE, predict(jokes), None, "joke", None)
    assert feedback.score == lexical_diversity(EXAMPLE, predict(jokes))
    assert "Candidates 1 and 3 are near-duplicates: 'a b c d e' / 'a b c d f'." in feedback.feedback
    assert "Candidates 2 and 4 are near-duplicates" in feedback.feedback
    assert "5" not in feedback.feedback.split("of 1.")[1]
    strict = Diversity(duplicate=0.9).with_feedback(EXAMPLE, predict(jokes)).feedback
    assert "1 and 3" not in strict
    peaked = predict(["a", "b", "c"], [0.9, 0.05, 0.05])
    said = lexical_diversity.with_feedback(EXAMPLE, peaked).feedback
    assert "No two candidates are near-duplicates." in said
    assert "Candidate 1 alone has 90% of the weight." in said


def test_quality_is_the_mean_of_the_users_metric_by_weight(predict):
    def short(example, prediction):
        assert example is EXAMPLE
        assert list(prediction.keys()) == ["probability", "joke"]
        return dspy.Prediction(score=float(len(prediction.joke) == 1), feedback="One letter!")

    prediction = predict(["a", "bb"], [0.3, 0.1])
    assert Quality(short)(EXAMPLE, prediction) == pytest.approx(0.75)
    feedback = Quality(short).with_feedback(EXAMPLE, prediction).feedback
    assert feedback == "Quality 0.75. Candidate 2 is the worst (0.00): 'bb'. One letter!"
    assert Quality(short).with_feedback(EXAMPLE, predict(["a"])).feedback == "Quality 1.00."


def is_short(example, prediction):
    return len(prediction.joke) == 1


def test_the_trade_off(predict):
    good, bad, same = predict(["a", "b"]), predict(["a", "bb"]), predict(["a", "a"])
    assert [TradeOff(is_short)(EXAMPLE, p) for p in (good, bad, same)] == [1, 0.75, 0.5]
    assert TradeOff(is_short, weight=0.1)(EXAMPLE, same) == pytest.approx(0.9)
    assert TradeOff(is_short, Quality(is_short))(EXAMPLE, same) == 1


def test_no_diversity_pays_for_quality_below_the_floor(predict):
    metric = TradeOff(is_short, floor=0.9)
    good, same, bad = predict(["a", "b"]), predict(["a", "a"]), predict(["a", "bb"])
    assert metric(EXAMPLE, good) == 1
    assert metric(EXAMPLE, same) == 0.5
    assert metric(EXAMPLE, bad) == pytest.approx(0.5 * 0.5 / 0.9)
    assert "below the floor of 0.90" in metric.with_feedback(EXAMPLE, bad).feedback
    assert "near-duplicates" in metric.with_feedback(EXAMPLE, same).feedback
    assert "floor" not in metric.with_feedback(EXAMPLE, same).feedback


def test_a_prediction_without_candidates_or_none_at_all():
    metric = TradeOff(is_short)
    for failed in (None, dspy.Prediction()):
        assert metric(EXAMPLE, failed) == 0
    assert metric(EXAMPLE, dspy.Prediction(joke="a")) == 0.5
    completions = dspy.Prediction.from_completions([{"joke": "a"}, {"joke": "b"}])
    assert metric(EXAMPLE, completions) == 1


def test_answers_over_a_data_set(server):
    devset = [EXAMPLE] * 6
    collapsed = SimulatedTask("same", "coffee", {"the same": 1.0})
    drawn = answer_diversity(VerbalizedSampler("topic -> joke"), devset, num_threads=2)
    assert drawn > 0.2  # without a seed, so it varies
    server.model = SimulatedModel(tasks=[collapsed])
    assert answer_diversity(dspy.Predict("topic -> joke"), devset, num_threads=2) == 0
    assert answer_diversity(dspy.Predict("topic -> joke"), []) == 0


@pytest.mark.parametrize("metric", [lexical_diversity, TradeOff(lambda e, p: 1.0, floor=0.5)])
def test_evaluate_and_gepa_take_them(metric):
    program = VerbalizedSampler("topic -> joke", k=3)
    plain = dspy.Evaluate(devset=[EXAMPLE] * 2, metric=metric)(program).score
    told = dspy.Evaluate(devset=[EXAMPLE] * 2, metric=metric.with_feedback)(program).score
    assert plain > 50
    assert told > 50
    dspy.GEPA(metric=metric.with_feedback, max_metric_calls=1, reflection_lm=dspy.settings.lm)
    assert list(inspect.signature(metric).parameters)[:3] == ["example", "prediction", "trace"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Diversity(duplicate=0), "duplicate"),
        (lambda: Diversity(duplicate=1.5), "duplicate"),
        (lambda: TradeOff(is_short, weight=2), "weight"),
        (lambda: TradeOff(is_short, floor=0), "floor"),
    ],
)
def test_what_cannot_work_is_refused(make, message):
    with pytest.raises(ConfigurationError, match=message):
        make()


def test_a_metric_in_the_form_of_gepa_is_quality_too(predict):
    def metric(gold, pred, trace, pred_name, pred_trace):
        return trace is pred_name is pred_trace is None

    assert Quality(metric)(None, predict(["a", "b"])) == 1.0


@pytest.mark.parametrize("score", [10, -1, float("nan")])
def test_a_score_that_is_no_quality_is_an_error(predict, score):
    with pytest.raises(ConfigurationError, match=r"on \[0, 1\]"):
        Quality(lambda example, prediction: score)(None, predict(["a", "b"]))
