"""Demos with the user's own fields reach the model as answers of the form that is asked for."""

from typing import Literal

import dspy
import pytest

from tests.dspy.models import Says
from vs_core import parse
from vs_dspy import VerbalizedSampler

ADAPTERS = [dspy.ChatAdapter(), dspy.JSONAdapter(), dspy.XMLAdapter()]
LABELLED = [
    dspy.Example(topic="tea", joke="Tea-riffic."),
    dspy.Example(topic="rain", joke="Drip."),
    dspy.Example(topic="tea", joke="Oolong story."),
]


class Question(dspy.Signature):
    """Write a question about the topic."""

    topic: str = dspy.InputField()
    question: str = dspy.OutputField()
    difficulty: Literal["easy", "hard"] = dspy.OutputField()


def shown(server, sampler, demos, **settings):
    """The demos of a request, as pairs of what was asked and answered."""
    sampler.predict.demos = demos
    with dspy.context(**settings):
        prediction = sampler(topic="coffee")
    assert len(prediction.completions) == len(prediction.distribution)
    _, *messages, _ = server.requests[0]["messages"]
    texts = [message["content"] for message in messages]
    return list(zip(texts[::2], texts[1::2], strict=True))


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda a: type(a).__name__)
def test_labels_of_the_same_inputs_become_one_answer(adapter, server):
    sampler = VerbalizedSampler("topic -> joke", k=4)
    tea, rain = shown(server, sampler, LABELLED, adapter=adapter)
    assert "tea" in tea[0]
    assert "rain" in rain[0]
    # What the adapter wrote, it reads back: valid candidates.
    read = adapter.parse(sampler.verbalized_signature, tea[1])["candidates"]
    assert [(c.text, c.probability) for c in read] == [
        ("Tea-riffic.", 0.25), ("Oolong story.", 0.25)
    ]  # fmt: skip
    (read,) = adapter.parse(sampler.verbalized_signature, rain[1])["candidates"]
    assert (read.text, read.probability) == ("Drip.", 0.25)


def test_several_typed_fields(server):
    demos = [dspy.Example(topic="tea", question="What is oolong?", difficulty="hard")]
    sampler = VerbalizedSampler(Question, k=2, threshold=0.1)
    ((_, answer),) = shown(server, sampler, demos)
    (read,) = dspy.ChatAdapter().parse(sampler.verbalized_signature, answer)["candidates"]
    assert (read.value.question, read.value.difficulty) == ("What is oolong?", "hard")
    assert read.probability < 0.1  # as it is asked of all


def test_a_field_that_a_label_does_not_have_is_said_to_be_missing(server):
    demos = [dspy.Example(topic="tea", question="What is oolong?")]
    ((_, answer),) = shown(server, VerbalizedSampler(Question, k=2), demos)
    assert "Not supplied for this particular example." in answer


@pytest.mark.parametrize(
    ("probability", "written"),
    [("percentage", '"20%"'), ("nll", "1.6094"), ("perplexity", "5.0"), ("confidence", "0.2")],
)
def test_probability_is_written_as_it_is_asked_for(probability, written, server):
    sampler = VerbalizedSampler("topic -> joke", k=5, probability=probability)
    ((_, answer),) = shown(server, sampler, LABELLED[1:2])
    assert written in answer
    body = answer.partition("## ]]")[2].partition("[[ ##")[0]
    (read,) = parse(body, probability=probability, fields=("joke",))
    assert read.probability == pytest.approx(0.2, abs=1e-3)


@pytest.mark.parametrize("format", ["json", "tags", "lines"])
def test_in_a_format_of_the_core(format, server):
    sampler = VerbalizedSampler("topic -> joke", k=4, format=format)
    tea, _ = shown(server, sampler, LABELLED)
    found = parse(tea[1].replace("[[ ## candidates ## ]]", "").split("[[")[0], format=format)
    assert [c.text for c in found] == ["Tea-riffic.", "Oolong story."]
    assert [c.probability for c in found] == [0.25, 0.25]


def test_without_probabilities_there_are_none(server):
    (tea, _) = shown(server, VerbalizedSampler("topic -> joke", strategy="sequence"), LABELLED)
    assert "Oolong story." in tea[1]
    assert "probability" not in tea[1]


@pytest.mark.parametrize("strategy", ["direct", "cot"])
def test_where_one_answer_is_asked_for_a_label_is_one(strategy, server):
    sampler = VerbalizedSampler("topic -> joke", k=1, strategy=strategy)
    pairs = shown(server, sampler, LABELLED)
    assert len(pairs) == 3
    assert all("candidates" not in answer for _, answer in pairs)


def test_bootstrapped_demos_stay_as_they_are_and_the_state_too(server):
    own = dspy.Example(topic="milk", candidates=[{"joke": "Moo.", "probability": 0.3}])
    demos = [own, *LABELLED]
    sampler = VerbalizedSampler("topic -> joke", k=4)
    pairs = shown(server, sampler, demos)
    assert len(pairs) == 3
    assert '"probability": 0.3' in pairs[0][1]
    assert sampler.predict.demos == demos


def test_demos_of_one_call(server):
    VerbalizedSampler("topic -> joke", k=4)(topic="coffee", demos=LABELLED[1:2])
    assert "Drip." in str(server.requests[0]["messages"])


def test_what_the_core_had_to_read_is_a_whole_demo_in_the_trace(server):
    server.model = Says("1. a (probability: 0.5)\n2. b (probability: 0.25)")
    sampler = VerbalizedSampler("topic -> joke", k=2)
    with dspy.context(trace=[]):
        sampler(topic="coffee")
        ((predictor, inputs, outputs),) = dspy.settings.trace
    assert predictor is sampler.predict
    assert inputs == {"topic": "coffee"}
    assert outputs.candidates == [
        {"joke": "a", "probability": 0.5}, {"joke": "b", "probability": 0.25}
    ]  # fmt: skip
