"""An existing program, verbalized."""

import dspy
import pytest

from vs_core import ConfigurationError
from vs_dspy import VerbalizedSampler, verbalize


class Shouts(dspy.Predict):
    pass


class Program(dspy.Module):
    def __init__(self):
        super().__init__()
        self.joke = dspy.Predict("topic -> joke", temperature=0.7, n=3)
        self.again = self.joke
        self.titles = [dspy.ChainOfThought("joke -> title"), dspy.Predict("joke -> title")]
        self.more = {"rate": dspy.Predict("joke -> rating: int")}
        self.own = Shouts("title -> title_in_capitals")
        self.sampler = VerbalizedSampler("topic -> mood", k=2)

    def forward(self, topic):
        joke = self.joke(topic=topic).joke
        title = self.titles[0](joke=joke)
        rating = self.more["rate"](joke=joke).rating
        return dspy.Prediction(
            joke=joke, title=title.title, reasoning=title.reasoning, rating=rating
        )


def samplers(program):
    return {
        name.removeprefix("self."): module
        for name, module in program.named_sub_modules(VerbalizedSampler)
    }


def test_every_predict_and_chain_of_thought_is_replaced(server):
    program = Program()
    converted = verbalize(program, k=4)
    found = samplers(converted)
    assert set(found) == {"joke", "titles[0].predict", "titles[1]", "more[rate]", "sampler"}
    assert converted.again is converted.joke
    assert type(converted.own) is Shouts
    assert type(program.joke) is dspy.Predict  # the program itself stays as it was
    prediction = converted(topic="coffee")
    assert isinstance(prediction.rating, int)
    assert prediction.title
    assert prediction.reasoning
    assert all("exactly 4 different" in str(request) for request in server.requests)
    assert len(server.requests) == 3


def test_what_they_keep(server, make_lm):
    program = Program()
    lm = make_lm("another")
    program.joke.signature = program.joke.signature.with_instructions("Be droll.")
    program.joke.demos = [dspy.Example(topic="tea", joke="Tea-riffic.")]
    program.joke.lm = lm
    program.titles[0].predict.demos = [
        dspy.Example(joke="Tea-riffic.", reasoning="It is about tea.", title="Tea")
    ]
    converted = verbalize(program)
    predict = converted.joke.predict
    assert predict.signature.instructions == "Be droll."
    assert predict.config == {"temperature": 0.7}
    assert predict.lm.model == lm.model
    converted(topic="coffee")
    first, second = server.requests[:2]
    assert (first["model"], first["temperature"]) == ("another", 0.7)
    assert '[{"joke": "Tea-riffic.", "probability": 0.2}]' in first["messages"][2]["content"]
    answer = second["messages"][2]["content"]
    assert "[[ ## reasoning ## ]]\nIt is about tea." in answer
    assert '[{"title": "Tea", "probability": 0.2}]' in answer


def test_a_chain_of_thought_reasons_unless_told_otherwise():
    cot = dspy.ChainOfThought("topic -> joke")
    converted = verbalize(cot).predict
    assert converted.strategy.name == "vs_cot"
    assert list(converted.signature.output_fields) == ["reasoning", "joke"]
    assert list(converted.verbalized_signature.output_fields) == ["reasoning", "candidates"]
    assert verbalize(cot, strategy="vs_standard", threshold=0.1).predict.threshold == 0.1
    assert verbalize(dspy.Predict("topic -> joke")).strategy.name == "vs_standard"


def test_only_those_named():
    program = Program()
    assert set(samplers(verbalize(program, names=["joke"]))) == {"joke", "sampler"}
    assert set(samplers(verbalize(program, names=["more['rate']"]))) == {"more[rate]", "sampler"}
    assert "more['rate']" in dict(program.named_predictors())
    with pytest.raises(ConfigurationError, match=r"no predictor named \['jok'\].*joke"):
        verbalize(program, names=["jok"])


def test_names_are_those_of_dspy():
    class Nested(dspy.Module):
        def __init__(self):
            super().__init__()
            self.inner = Program()
            self.cot = dspy.ChainOfThought("a -> b")

    program = Nested()
    for name in ("inner.joke", "cot.predict"):
        assert name in dict(program.named_predictors())
        assert len(samplers(verbalize(program, names=[name]))) == 2  # and the one that was there


def test_a_react_agent_works_on():
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    agent = verbalize(dspy.ReAct("question -> answer", tools=[add], max_iters=1))
    assert set(samplers(agent)) == {"react", "extract.predict"}
    assert agent(question="What is one and one?").answer


def test_optimizers_and_saving_go_on_working(tmp_path):
    converted = verbalize(Program())
    trainset = [dspy.Example(topic="tea", joke="Tea-riffic.").with_inputs("topic")]
    compiled = dspy.LabeledFewShot(k=1).compile(converted, trainset=trainset)
    compiled.save(tmp_path / "program.json")
    fresh = verbalize(Program())
    fresh.load(tmp_path / "program.json")
    assert fresh.joke.predict.demos[0]["joke"] == "Tea-riffic."
    assert fresh(topic="coffee").joke


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: verbalize(Program(), k=0), "joke: k must be"),
        (lambda: verbalize(dspy.Predict("a -> completions")), "self: .*rename"),
        (lambda: verbalize(VerbalizedSampler("a -> b")), "nothing to verbalize"),
        (lambda: verbalize(Program(), strategy="nope"), "strategy"),
    ],
)
def test_what_cannot_work_is_refused(make, message):
    with pytest.raises(ConfigurationError, match=message):
        make()
