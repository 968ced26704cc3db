"""The DSPy module where dspy.Predict stood, through dspy.LM over HTTP."""

import asyncio
import copy
import json
import re
from typing import Literal

import dspy
import pytest
from dspy.utils.callback import BaseCallback
from pydantic import BaseModel

from tests.dspy.models import Says
from vs_core import ConfigurationError, Distribution, ParseError
from vs_core.testing import SimulatedModel, SimulatedTask
from vs_dspy import VerbalizedSampler

JOKES = SimulatedModel().base_distribution("a joke about coffee")
FILLS = hasattr(dspy.adapters.utils, "apply_output_field_defaults")
"""Whether an adapter takes an output field that is not there for one that may be left out: from
DSPy 3.4. Before, it asks again by itself, for a sampler as for dspy.Predict."""
ADAPTERS = [dspy.ChatAdapter(), dspy.JSONAdapter(), dspy.XMLAdapter()]


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda a: type(a).__name__)
def test_a_prediction(adapter, server):
    with dspy.context(adapter=adapter):
        prediction = VerbalizedSampler("topic -> joke", k=5, seed=1)(topic="coffee")
    assert isinstance(prediction, dspy.Prediction)
    assert prediction.joke in JOKES
    assert len(prediction.completions) == 5
    assert set(prediction.completions.joke) <= set(JOKES)
    assert isinstance(prediction.distribution, Distribution)
    assert [c.text for c in prediction.distribution] == prediction.completions.joke
    assert [c.probability for c in prediction.distribution] == pytest.approx(
        [JOKES[c.text] for c in prediction.distribution], abs=1e-4
    )
    assert prediction.joke == prediction.distribution.sample(seed=1).text
    drawn = prediction.distribution.sample(seed=1)
    assert prediction.toDict() == {"joke": drawn.text, "probability": drawn.probability}
    assert prediction.completions.probability == [c.probability for c in prediction.distribution]
    assert len(server.requests) == 1


async def test_async():
    prediction = await VerbalizedSampler("topic -> joke", k=5).acall(topic="coffee")
    assert prediction.joke in JOKES
    assert len(prediction.completions) == 5


class Meta(BaseModel):
    author: str
    year: int


class Question(dspy.Signature):
    """Write a question about the topic."""

    topic: str = dspy.InputField()
    question: str = dspy.OutputField(desc="ends with a question mark")
    difficulty: Literal["easy", "hard"] = dspy.OutputField()
    points: int = dspy.OutputField()
    words: list[str] = dspy.OutputField()
    meta: Meta = dspy.OutputField()


@pytest.mark.parametrize("adapter", ADAPTERS[:2], ids=lambda a: type(a).__name__)
@pytest.mark.parametrize("strategy", ["vs_standard", "sequence", "direct", "cot", "vs_cot"])
def test_typed_fields(adapter, strategy):
    with dspy.context(adapter=adapter):
        prediction = VerbalizedSampler(Question, k=3, strategy=strategy)(topic="rain")
    for completion in [prediction, *(prediction.completions[i] for i in range(3))]:
        assert completion.difficulty in ("easy", "hard")
        assert isinstance(completion.points, int)
        assert isinstance(completion.words, list)
        assert isinstance(completion.meta, Meta)
        assert isinstance(completion.question, str)
    assert ("reasoning" in prediction) == (strategy in ("cot", "vs_cot"))


@pytest.mark.parametrize("format", ["json", "tags", "lines"])
def test_typed_fields_in_a_format_of_the_core(format):
    prediction = VerbalizedSampler(Question, k=3, format=format)(topic="rain")
    assert len(prediction.completions) == 3
    assert isinstance(prediction.meta, Meta)
    assert all(isinstance(points, int) for points in prediction.completions.points)


def test_a_single_typed_field():
    prediction = VerbalizedSampler("request -> number: int", k=4)(request="Roll a dice.")
    assert prediction.number in range(1, 7)
    assert sorted(prediction.completions.number) == sorted(
        int(c.text) for c in prediction.distribution
    )


def test_what_is_asked_is_in_the_type_and_the_instruction_is_the_users(server):
    sampler = VerbalizedSampler(Question, k=4, threshold=0.2)
    (predictor,) = sampler.predictors()
    assert predictor is sampler
    assert predictor.signature.instructions == "Write a question about the topic."
    predictor.signature = predictor.signature.with_instructions("Be wild.")  # as optimizers do
    prediction = sampler(topic="rain")
    assert len(prediction.completions) == 4
    assert all(c.probability is not None for c in prediction.distribution)
    system = server.requests[0]["messages"][0]["content"]
    assert "Be wild." in system
    assert "Give 4 responses" in system
    assert "below 0.2" in system
    assert "probability" in system
    assert "ends with a question mark" in system


def test_the_last_call_asks_for_the_rest_even_when_optimized(server):
    sampler = VerbalizedSampler("topic -> joke", k=5, n=7)
    assert len(sampler(topic="coffee").completions) == 7
    assert [f"exactly {k}" in str(server.requests) for k in (5, 2)] == [True, True]


MESSY = [
    'Sure!\n[[ ## candidates ## ]]\n[{"joke": "a", "probability": "50%"}, {"joke": "b", "probabil',
    "1. a (probability: 0.5)\n2. b (probability: 0.25)",
    '```json\n{"candidates": [{"joke": "a", "probability": 0.5},]}\n```',
]


@pytest.mark.parametrize("text", MESSY)
@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda a: type(a).__name__)
def test_an_answer_that_the_adapter_cannot_parse_is_read_all_the_same(server, text, adapter):
    server.model = Says(text)
    with dspy.context(adapter=adapter):
        prediction = VerbalizedSampler("topic -> joke", k=1, retries=0)(topic="x")
    assert prediction.joke == "a"
    assert prediction.distribution[0].probability == 0.5
    assert len(server.requests) == 1 or (not FILLS and len(server.requests) == 2)


def test_a_value_that_does_not_fit_is_asked_for_again(server):
    server.model = Says('[[ ## candidates ## ]]\n[{"number": "many", "probability": 0.5}]')
    sampler = VerbalizedSampler("request -> number: int", k=1)
    with pytest.raises(ParseError, match="no candidate fits"):
        sampler(request="x")
    assert len(server.requests) == 2
    assert "valid integer" in str(server.requests[1]["messages"][-1]["content"])


def says(*candidates):
    return Says(f"[[ ## candidates ## ]]\n{json.dumps(candidates)}\n\n[[ ## completed ## ]]")


def test_values_have_the_types_that_predict_gives_them(server):
    server.model = says({"x": None, "probability": 0.3}, {"x": 3, "probability": 0.3})
    maybe = VerbalizedSampler("t -> x: Optional[int]", k=2, retries=0)(t="q")
    assert maybe.completions.x == [None, 3]
    server.model = says({"x": 42, "probability": 0.5}, {"x": "43", "probability": 0.5})
    assert VerbalizedSampler("t -> x", k=2)(t="q").completions.x == ["42", "43"]
    record = [{"x": 42, "why": "so", "probability": 0.5}]
    server.model = says(*record)
    server.requests.clear()
    assert VerbalizedSampler("t -> x, why", k=1)(t="q").x == "42"
    assert len(server.requests) == 1


class Rated(dspy.Signature):
    """Rate it."""

    t: str = dspy.InputField()
    x: int = dspy.OutputField(ge=0, le=10)


def test_constraints_of_a_field_hold(server):
    server.model = says({"x": -5, "probability": 0.3}, {"x": 3, "probability": 0.3})
    prediction = VerbalizedSampler(Rated, k=2, retries=0)(t="q")
    assert prediction.completions.x == [3]
    assert "greater than or equal to 0" in str(prediction.distribution.metadata["invalid"])


def test_what_a_program_sets_on_predict_reaches_the_calls(server):
    sampler = VerbalizedSampler("topic -> joke", k=3)
    sampler.demos = [dspy.Example(topic="DEMOTOPIC", joke="z")]
    sampler.config = {"temperature": 0.5}
    sampler(topic="x")
    assert "DEMOTOPIC" in str(server.requests[-1]["messages"])
    assert server.requests[-1]["temperature"] == 0.5
    assert sampler.lm is sampler.predict.lm
    assert sampler.demos is sampler.predict.demos


def test_more_choices_of_a_call_are_not_paid_for_and_lost(server):
    VerbalizedSampler("topic -> joke", k=3)(topic="x", config={"n": 2, "temperature": 0.9})
    assert server.requests[-1].get("n", 1) == 1


def test_one_step_with_all_candidates_is_left_to_optimizers(server):
    server.model = SimulatedModel(quirks=["refusal"])
    with dspy.context(trace=[]):
        VerbalizedSampler("topic -> joke", k=3)(topic="x")
        ((_, _, shown),) = dspy.settings.trace
        assert len(shown.candidates) == 3


def test_a_refusal_is_a_parse_error_that_carries_the_text(server):
    server.model = SimulatedModel(quirks=["refusal"] * 2)
    with pytest.raises(ParseError) as caught:
        VerbalizedSampler("topic -> joke")(topic="coffee")
    assert "sorry" in caught.value.text
    assert len(server.requests) == 2


def test_the_models_own_errors_pass_untouched(server):
    server.faults = ["500", "500"]
    with pytest.raises(dspy.utils.exceptions.DSPyError) as own:
        dspy.Predict("topic -> joke")(topic="coffee")
    with pytest.raises(dspy.utils.exceptions.DSPyError) as ours:
        VerbalizedSampler("topic -> joke")(topic="coffee")
    assert type(ours.value) is type(own.value)


def test_settings_reach_the_calls_of_one_request(server):
    with dspy.context(track_usage=True):
        prediction = VerbalizedSampler("topic -> joke", k=2, n=6, temperature=0.9)(topic="coffee")
    assert [request["temperature"] for request in server.requests] == [0.9] * 3
    (usage,) = prediction.get_lm_usage().values()
    assert usage["completion_tokens"] > 0


def test_in_a_program_with_demos_deepcopy_and_saving(tmp_path, server):
    class Program(dspy.Module):
        def __init__(self):
            super().__init__()
            self.joke = VerbalizedSampler("topic -> joke", k=3)

        def forward(self, topic):
            return self.joke(topic=topic)

    program = Program()
    names = [name for name, _ in program.named_predictors()]
    assert names == ["joke"]
    candidates = [{"joke": "an old one", "probability": 0.5}]
    program.joke.predict.demos = [dspy.Example(topic="tea", candidates=candidates)]
    program.save(tmp_path / "program.json")
    fresh = Program()
    fresh.load(tmp_path / "program.json")
    assert copy.deepcopy(fresh)(topic="coffee").joke in JOKES
    assert "an old one" in str(server.requests[-1]["messages"])


def test_parallel_batch_and_asyncify():
    sampler = VerbalizedSampler("topic -> joke", k=3)
    examples = [dspy.Example(topic="coffee").with_inputs("topic") for _ in range(3)]
    assert all(len(p.completions) == 3 for p in sampler.batch(examples))
    results = dspy.Parallel(num_threads=2)([(sampler, example) for example in examples])
    assert all(p.joke in JOKES for p in results)
    assert asyncio.run(dspy.asyncify(sampler)(topic="coffee")).joke in JOKES


def test_evaluate_sees_the_drawn_candidate():
    devset = [dspy.Example(topic="coffee").with_inputs("topic")] * 4
    evaluate = dspy.Evaluate(devset=devset, metric=lambda e, p, trace=None: p.joke in JOKES)
    assert evaluate(VerbalizedSampler("topic -> joke")).score == 100


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: VerbalizedSampler("topic -> joke", k=0), "k must be"),
        (lambda: VerbalizedSampler("topic -> joke", strategy="nope"), "strategy"),
        (lambda: VerbalizedSampler("topic -> joke", resampler="nope"), "resampler"),
        (lambda: VerbalizedSampler("topic -> completions"), "rename"),
        (lambda: VerbalizedSampler("topic -> distribution, joke"), "rename"),
        (lambda: VerbalizedSampler(dspy.Signature({"a": (str, dspy.InputField())})), "no output"),
        (lambda: VerbalizedSampler("topic -> joke: Nonsense"), "no signature.*Nonsense"),
        (lambda: VerbalizedSampler("topic"), "no signature"),
        (lambda: VerbalizedSampler(42), "no signature"),
        (lambda: VerbalizedSampler(Meta), "no signature"),
    ],
)
def test_what_cannot_work_is_refused_at_construction(make, message):
    with pytest.raises(ConfigurationError, match=message):
        make()


class Picture(dspy.Signature):
    """Name a colour in the picture."""

    picture: dspy.Image = dspy.InputField()
    history: dspy.History = dspy.InputField()
    colour: str = dspy.OutputField()
    request: str = dspy.InputField()


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda a: type(a).__name__)
def test_images_and_history_reach_the_model(adapter, server):
    picture = dspy.Image("data:image/png;base64,iVBORw0KGgo=")
    turn = {"picture": picture, "request": "Name a colour.", "colour": "mauve"}
    with dspy.context(adapter=adapter):
        prediction = VerbalizedSampler(Picture, k=3)(
            picture=picture, history=dspy.History(messages=[turn]), request="Name another colour."
        )
    assert len(prediction.completions.colour) == 3
    (request,) = server.requests
    _, before, answer, now = request["messages"]
    for message in (before, now):
        assert [p for p in message["content"] if p["type"] == "image_url"]
    # What was said before has the form that the answer is to have.
    assert re.search(r"candidates.*mauve.*probability", answer["content"], re.DOTALL)
    assert "None" not in answer["content"]


def test_a_copy_keeps_the_distribution():
    prediction = VerbalizedSampler("topic -> joke", k=3)(topic="coffee")
    copied = prediction.copy(joke="mine")
    assert copied.joke == "mine"
    assert copied.distribution == prediction.distribution
    assert len(copied.completions) == 3


def test_a_changed_signature_or_adapter_changes_the_next_request(server):
    class Own(dspy.ChatAdapter):
        calls = 0

        def format_system_message(self, signature):
            self.calls += 1
            return f"{super().format_system_message(signature)} Call {self.calls}."

    sampler = VerbalizedSampler("topic -> joke", k=2)
    sampler(topic="coffee")
    sampler.predict.signature = sampler.predict.signature.with_instructions("Be wild.")
    sampler(topic="coffee")
    sampler.predict.signature.instructions = "Be tame."
    sampler(topic="coffee")
    with dspy.context(adapter=dspy.XMLAdapter()):
        sampler(topic="coffee")
    with dspy.context(adapter=Own()):
        sampler(topic="coffee")
        sampler(topic="coffee")
    first, wild, tame, xml, *own = [r["messages"][0]["content"] for r in server.requests]
    assert "Give 2 responses" in first
    assert "Be wild." in wild
    assert "Be tame." in tame
    assert "Be wild." not in tame
    assert "<candidates>" in xml
    assert [text[-7:] for text in own] == ["Call 1.", "Call 2."]


class Watching(BaseCallback):
    def __init__(self):
        self.modules = []
        self.messages = []

    def on_module_start(self, call_id, instance, inputs):
        self.modules.append(type(instance).__name__)

    def on_lm_start(self, call_id, instance, inputs):
        self.messages.append(inputs["messages"])


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_callbacks_and_history(is_async, lm, capsys):
    sampler, watching = VerbalizedSampler("topic -> joke", k=2), Watching()
    with dspy.context(callbacks=[watching]):
        await sampler.acall(topic="coffee") if is_async else sampler(topic="coffee")
    assert watching.modules == ["VerbalizedSampler"]
    (messages,) = watching.messages
    assert "exactly 2 different candidates" in messages[0]["content"]
    assert len(lm.history) == len(sampler.history) == 1
    sampler.inspect_history(n=1)
    assert "exactly 2 different candidates" in capsys.readouterr().out


def test_set_lm(server, make_lm):
    sampler = VerbalizedSampler("topic -> joke", k=2)
    sampler.set_lm(make_lm("another"))
    assert sampler.get_lm().model == "openai/another"
    sampler(topic="coffee")
    assert server.requests[0]["model"] == "another"


def test_the_whole_program_is_saved(tmp_path):
    sampler = VerbalizedSampler(Question, k=2, seed=3, strategy="vs_cot", resampler="argmax")
    sampler.predict.signature = sampler.predict.signature.with_instructions("Be wild.")
    sampler.save(tmp_path / "program", save_program=True)
    loaded = dspy.load(tmp_path / "program", allow_pickle=True)
    assert loaded.predict.signature.instructions == "Be wild."
    assert (loaded.seed, loaded.strategy.name) == (3, "vs_cot")
    prediction = loaded(topic="rain")
    assert prediction.question == prediction.distribution.argmax().value.question


@pytest.mark.usefixtures("memory_cache")
def test_the_cache_keeps_the_calls_of_one_request_apart_and_serves_it_again(server, make_lm):
    sampler = VerbalizedSampler("topic -> joke", k=3, n=6, seed=1)
    with dspy.context(lm=make_lm(cache=True)):
        first = sampler(topic="coffee")
        assert len(server.requests) == 2
        again = sampler(topic="coffee")
        other = sampler(topic="coffee", config={"rollout_id": 1, "temperature": 1.0})
    assert again.completions.joke == first.completions.joke
    assert len(server.requests) == 4
    assert first.completions.joke[:3] != first.completions.joke[3:]
    assert other.completions.joke != first.completions.joke


@pytest.mark.parametrize("module", [dspy.ChainOfThought, dspy.Predict, VerbalizedSampler])
def test_a_bare_topic_is_asked_for_by_the_name_of_the_answer_alone(server, module):
    """By the simulated model, whose tasks are told apart by what they ask for."""
    named = SimulatedTask("named", r"^coffee joke$", {"the one": 1.0})
    server.model = SimulatedModel(tasks=[named])
    assert module("topic -> joke")(topic="coffee").joke == "the one"
