"""The type of an output field that holds candidates, in anybody's signature."""

import pickle
from typing import Literal

import cloudpickle
import dspy
import pytest
from dspy.adapters.baml_adapter import BAMLAdapter
from dspy.adapters.json_adapter import _get_structured_outputs_response_format
from pydantic import BaseModel, TypeAdapter, ValidationError

from tests.dspy.models import Says
from vs_core import Distribution, VSStandard
from vs_dspy import Candidates, VerbalizedSampler
from vs_dspy.signatures import asked_of, signature_of

ADAPTERS = [dspy.ChatAdapter(), dspy.JSONAdapter(), dspy.XMLAdapter(), BAMLAdapter()]


class Joke(BaseModel):
    setup: str
    rating: Literal["good", "bad"]


class Ideas(dspy.Signature):
    """Have ideas."""

    topic: str = dspy.InputField()
    ideas: Candidates[str] = dspy.OutputField()


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda a: type(a).__name__)
def test_in_anybodys_signature(adapter, server):
    with dspy.context(adapter=adapter):
        prediction = dspy.Predict(Ideas)(topic="coffee")
    assert isinstance(prediction.ideas.distribution, Distribution)
    assert len(prediction.ideas) == 5
    assert all(candidate.probability for candidate in prediction.ideas)
    assert "Give 5 responses" in str(server.requests[0]["messages"])
    assert len(server.requests) == 1


def test_one_class_for_one_set_of_options():
    assert Candidates[str] is Candidates[str] is Candidates.of(str, k=5)
    assert Candidates.of(Joke, k=3) is not Candidates.of(Joke, k=4)
    kind = Candidates.of(str, k=3, threshold=0.1, probability="nll")
    assert "below 0.1" in kind.description()
    assert "`nll`" in kind.description()
    with pytest.raises(ValueError, match="k must be"):
        Candidates.of(str, k=0)


@pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
def test_what_holds_candidates_can_be_pickled(dumps):
    made = Candidates[Joke].model_validate([{"setup": "a", "rating": "good", "probability": 0.2}])
    again = pickle.loads(dumps(made))
    assert again == made
    assert type(again) is Candidates[Joke]
    assert again[0].value == Joke(setup="a", rating="good")


def test_a_distribution_of_several_fields_can_be_pickled():
    prediction = VerbalizedSampler("topic -> joke, rating: int", k=2)(topic="tea")
    again = pickle.loads(pickle.dumps(prediction.distribution))
    assert again[0].value == prediction.distribution[0].value
    assert type(again[0].value) is type(prediction.distribution[0].value)
    # A signature from a string has no name to import it by: pickle takes no prediction of DSPy's.
    assert pickle.loads(cloudpickle.dumps(prediction)).toDict() == prediction.toDict()


LENIENT = [
    '[{"setup": "a", "rating": "good", "probability": "50%"}]',
    '{"candidates": [{"setup": "a", "rating": "\'good\'", "probability": 0.5}]}',
    '```json\n[{"setup": "a", "rating": "good", "probability": 0.5},]\n```',
    [{"setup": "a", "rating": "good", "probability": 0.5}],
    {"items": [{"setup": "a", "rating": "good", "probability": 0.5}]},
    "<candidates><item><setup>a</setup><rating>good</rating><probability>.5</probability></item>",
]


@pytest.mark.parametrize("said", LENIENT, ids=str)
def test_it_reads_leniently(said):
    (candidate,) = TypeAdapter(Candidates[Joke]).validate_python(said)
    assert candidate.value == Joke(setup="a", rating="good")
    assert candidate.probability == 0.5


@pytest.mark.parametrize("said", ["I am sorry.", [], {}, 3, None, [{"setup": "a"}], "[1, 2]"])
def test_what_holds_no_candidate_is_a_validation_error(said):
    with pytest.raises(ValidationError):
        TypeAdapter(Candidates[Joke]).validate_python(said)


def test_what_does_not_fit_is_left_out():
    said = [
        {"setup": "a", "rating": "odd", "probability": 0.5},
        {"setup": "b", "rating": "bad", "probability": 0.5},
    ]
    (candidate,) = TypeAdapter(Candidates[Joke]).validate_python(said)
    assert candidate.value.setup == "b"


DEMO = [{"text": "a joke", "probability": 0.25}]


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda a: type(a).__name__)
def test_demos_are_written_as_they_are_asked_for(adapter):
    ideas = Candidates[str].model_validate(DEMO)
    _, _, answer, _ = adapter.format(Ideas, [{"topic": "x", "ideas": ideas}], {"topic": "y"})
    assert "CUSTOM-TYPE" not in answer["content"]
    read = adapter.parse(Ideas, answer["content"])["ideas"]
    assert [(c.text, c.probability) for c in read] == [("a joke", 0.25)]


def test_demos_of_two_steps_are_no_repr(make_lm):
    adapter = dspy.TwoStepAdapter(make_lm("extractor"))
    ideas = Candidates[str].model_validate(DEMO)
    _, _, answer, _ = adapter.format(Ideas, [{"topic": "x", "ideas": ideas}], {"topic": "y"})
    assert answer["content"] == 'ideas: [{"text":"a joke","probability":0.25}]'


def test_a_mapping_is_planned_as_dspy_plans_one(server, make_lm):
    """A strict schema has no place for keys that it does not name."""

    def asked(signature):
        return asked_of(signature_of(signature), "", VSStandard(k=3).shape(3)).signature

    with pytest.raises(Exception, match=r"JsonSchema|plain"):
        _get_structured_outputs_response_format(asked("t -> meta: dict[str, int]"))
    with pytest.raises(Exception, match=r"JsonSchema|plain"):
        _get_structured_outputs_response_format(asked("t -> x, metas: list[dict[str, int]]"))
    strict = _get_structured_outputs_response_format(asked("t -> x, n: int")).model_json_schema()
    item = strict["$defs"]["Candidates"]["items"]
    assert item["required"] == ["x", "n", "probability"]
    assert item["additionalProperties"] is False

    lm = make_lm("gpt-4.1-mini")  # a model whose structured output DSPy knows of
    server.model = Says('{"candidates": [{"meta": {"a": 1}, "probability": 0.5}]}')
    with dspy.context(adapter=dspy.JSONAdapter(), lm=lm):
        prediction = VerbalizedSampler("t -> meta: dict[str, int]", k=1)(t="q")
        assert prediction.meta == {"a": 1}
        assert server.requests[-1]["response_format"] == {"type": "json_object"}
        server.model = Says('{"candidates": [{"x": "a", "probability": 0.5}]}')
        VerbalizedSampler("t -> x", k=1)(t="q")
        schema = server.requests[-1]["response_format"]["json_schema"]["schema"]
        assert "probability" in str(schema)
