"""A sampler stands wherever dspy.Predict stands, and fails as it fails."""

import json
import logging
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

import dspy
import pytest
from dspy.adapters.baml_adapter import BAMLAdapter
from dspy.teleprompt.bootstrap_trace import FailedPrediction, bootstrap_trace_data
from dspy.utils.callback import BaseCallback
from dspy.utils.exceptions import AdapterParseError

from tests.dspy.models import Says, completion
from vs_core import ConfigurationError, ParseError, VSStandard
from vs_core.profiles import Profile
from vs_core.prompts import Prompts
from vs_core.testing import SimulatedModel
from vs_dspy import VerbalizedParseError, VerbalizedSampler, majority, verbalize
from vs_dspy.task import SamplerTask


def says(*candidates):
    return Says(f"[[ ## candidates ## ]]\n{json.dumps(candidates)}\n\n[[ ## completed ## ]]")


def joke(text="a", probability=0.5):
    return {"joke": text, "probability": probability}


def system(server, index=-1):
    return server.requests[index]["messages"][0]["content"]


# --- the user's adapter ----------------------------------------------------------------------


class Advises(SimulatedModel):
    """Gives advice where dspy.Refine asks for it, and candidates elsewhere."""

    def answer(self, messages, json_schema=None):
        if "`advice`" not in messages[0].text:
            return super().answer(messages, json_schema)
        said = {"joke": "Be shorter.", "self": "Be shorter."}
        text = f"[[ ## discussion ## ]]\nSo.\n\n[[ ## advice ## ]]\n{json.dumps(said)}"
        return completion(messages, text)


def test_refine_hands_its_advice_on(server, capsys):
    server.model = Advises()
    refine = dspy.Refine(
        VerbalizedSampler("topic -> joke", k=2), N=2, reward_fn=lambda i, p: 0.0, threshold=1.0
    )
    with dspy.context(trace=[]):
        prediction = refine(topic="coffee")
    assert "failed" not in capsys.readouterr().out
    assert len(prediction.completions) == 2
    assert len(server.requests) == 3
    last = server.requests[-1]["messages"]
    assert "[[ ## hint_ ## ]]\nBe shorter." in last[-1]["content"]
    assert "exactly 2 different candidates" in last[0]["content"]


class Delegates(dspy.ChatAdapter):
    """An adapter that overrides the call alone."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner
        self.calls = 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        return self.inner(*args, **kwargs)


def test_a_delegating_adapter(server):
    adapter = Delegates(dspy.JSONAdapter())
    with dspy.context(adapter=adapter):
        prediction = VerbalizedSampler("topic -> joke", k=3)(topic="coffee")
    assert len(prediction.completions) == 3
    assert adapter.calls == len(server.requests) == 1


class Changes(dspy.ChatAdapter):
    """An adapter whose parse says something else than the model."""

    def parse(self, signature, completion):
        values = super().parse(signature, completion)
        (name,) = values
        return {name: type(values[name]).model_validate([joke("mine")])}


def test_what_counts_is_the_prediction():
    with dspy.context(adapter=Changes()):
        prediction = VerbalizedSampler("topic -> joke", k=1)(topic="coffee")
    assert prediction.joke == "mine"


# --- malformed answers -----------------------------------------------------------------------

PAGE = Path(__file__).parents[2] / "docs" / "dspy.md"
NEWEST = tuple(map(int, dspy.__version__.split(".")[:2])) >= (3, 4)
SHAPES = {
    "no marker": json.dumps([joke()]),
    "marker, fence": f"[[ ## candidates ## ]]\n```json\n{json.dumps([joke()])}\n```",
    "numbered list": "1. a (probability: 0.5)\n2. b (probability: 0.25)",
    "trailing comma": '[[ ## candidates ## ]]\n[{"joke": "a", "probability": 0.5},]',
    "cut off": '[[ ## candidates ## ]]\n[{"joke": "a", "probability": 0.5}, {"joke": "b',
    "other keys": '{"responses": [{"text": "a", "probability": 0.5}]}',
    "xml": "<candidates><item><joke>a</joke><probability>0.5</probability></item></candidates>",
    "bad xml": "<candidates><item><joke>a & b</joke><probability>.5</probability></item>",
    "refusal": "I am sorry, but I cannot help with that.",
    "empty": "",
}


def documented(shape, adapter):
    """What docs/dspy.md says of a malformed answer: requests and outcome, Predict first."""
    rows = [line.split("|")[1:-1] for line in PAGE.read_text(encoding="utf-8").splitlines()]
    (head,) = [row for row in rows if row and row[0].strip() == "the answer"]
    (row,) = [row for row in rows if row and row[0].strip() == shape]
    (column,) = [at for at, cell in enumerate(head) if f"`{adapter}`" in cell]
    return row[column].strip()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "adapter",
    [dspy.ChatAdapter, dspy.JSONAdapter, dspy.XMLAdapter, BAMLAdapter, dspy.TwoStepAdapter],
    ids=lambda kind: kind.__name__,
)
def test_no_more_requests_than_predict(shape, adapter, server, lm):
    """The table of docs/dspy.md: whatever is answered, a sampler makes no more requests."""
    server.model = Says(SHAPES[shape])
    sampler = VerbalizedSampler("topic -> joke", k=1, retries=0)
    made = []
    two_step = adapter is dspy.TwoStepAdapter
    with dspy.context(adapter=adapter(extraction_model=lm) if two_step else adapter()):
        for program in (dspy.Predict("topic -> candidates: list[dict]"), sampler):
            before, outcome = len(server.requests), "error"
            with suppress(AdapterParseError):
                found, outcome = program(topic="x"), "read"
            made.append((len(server.requests) - before, outcome))
    (theirs, _), (ours, outcome) = made
    assert ours <= theirs
    assert outcome == ("error" if shape in ("refusal", "empty") else "read")
    assert outcome == "error" or found.joke.startswith("a")
    if NEWEST:  # earlier adapters of DSPy ask again elsewhere
        said = ", ".join(f"{count} {outcome}" for count, outcome in made)
        assert said == documented(shape, adapter.__name__)


def test_the_adapters_own_second_request_is_the_retry(server):
    server.model = Says("I am sorry.")
    with dspy.context(adapter=dspy.XMLAdapter()), pytest.raises(ParseError):
        VerbalizedSampler("topic -> joke", retries=1)(topic="x")
    assert len(server.requests) == 2


@pytest.mark.skipif(not NEWEST, reason="earlier adapters of DSPy ask again elsewhere")
@pytest.mark.parametrize("retries", [0, 1, 2])
def test_a_second_request_for_an_empty_answer_is_the_retry_of_that_call_alone(server, retries):
    server.model = SimulatedModel(quirks=["empty", "empty"])
    sampler = VerbalizedSampler("topic -> joke", k=2, n=4, retries=retries)
    with dspy.context(num_threads=1):
        found = sampler(topic="coffee").distribution
    assert len(found) == (4 if retries == 2 else 2)
    asked = [len(request["messages"]) for request in server.requests]
    assert asked == [2, 2, 2, 6][: 3 + retries // 2]  # the other call is asked, and asked once


def test_what_dspy_mends_in_silence_is_a_repair(server):
    server.model = Says('[[ ## candidates ## ]]\n[{"joke": "a", "probability": 0.5}, {"joke": "b"')
    distribution = VerbalizedSampler("topic -> joke", k=2, retries=0)(topic="x").distribution
    assert "cut off" in str(distribution.repairs)
    server.model = Says('[[ ## candidates ## ]]\n[{"joke": "a", "probability": "50%"}]')
    distribution = VerbalizedSampler("topic -> joke", k=1)(topic="x").distribution
    assert distribution[0].probability == 0.5


# --- failures --------------------------------------------------------------------------------


def test_failures_are_those_of_dspy(server):
    server.model = Says("I am sorry.")
    sampler = VerbalizedSampler("topic -> joke", retries=0)
    with pytest.raises(AdapterParseError) as caught:
        sampler(topic="x")
    assert isinstance(caught.value, VerbalizedParseError)
    assert caught.value.signature is sampler.signature
    assert caught.value.lm_response == "I am sorry."
    (failed,) = bootstrap_trace_data(
        program=sampler,
        dataset=[dspy.Example(topic="x").with_inputs("topic")],
        metric=lambda *args: 1.0,
        raise_on_error=False,
        capture_failed_parses=True,
        failure_score=0,
    )
    assert isinstance(failed["prediction"], FailedPrediction)
    assert failed["prediction"].completion_text == "I am sorry."
    assert failed["trace"][0][0] is not None


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_a_call_that_fails_for_good_costs_itself_alone(server, is_async):
    sampler = VerbalizedSampler("topic -> joke", k=2, n=6, on_failure="keep")
    with dspy.context(num_threads=1):
        server.faults = [None, "500"]
        got = await sampler.acall(topic="tea") if is_async else sampler(topic="tea")
    assert len(got.completions) == 4
    assert len(got.distribution.metadata["failed"]) == 1
    server.faults = [None, "500"]
    with dspy.context(num_threads=1), pytest.raises(dspy.LMError):
        sampler(topic="tea", on_failure="raise")


def test_a_seed_of_the_model_is_each_calls_own(server, make_lm):
    with dspy.context(lm=make_lm(seed=7)):
        VerbalizedSampler("topic -> joke", k=2, n=6)(topic="tea")
    assert sorted(request["seed"] for request in server.requests) == [7, 8, 9]


# --- types -----------------------------------------------------------------------------------


class Loose(dspy.Signature):
    """Say it."""

    t: str = dspy.InputField()
    x: str = dspy.OutputField()
    note: str | None = dspy.OutputField()
    level: Literal["low", "high"] = dspy.OutputField(default="low")


def test_what_may_be_left_out_is_filled_as_predict_fills_it(server):
    server.model = says({"x": "a", "probability": 0.5})
    prediction = VerbalizedSampler(Loose, k=1, retries=0)(t="q")
    assert (prediction.x, prediction.note, prediction.level) == ("a", None, "low")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "signature",
    ["candidates, probability, reasoning -> joke", "topic, history, follow_up -> joke",
     "topic -> candidates, probability: float", "topic -> reasoning, joke"],
)  # fmt: skip
@pytest.mark.parametrize("strategy", ["vs_standard", "vs_cot", "vs_multi"])
def test_names_of_ours_give_way(signature, strategy, server):
    sampler = VerbalizedSampler(signature, k=2, n=4, strategy=strategy, seed=1)
    inputs = dict.fromkeys(sampler.signature.input_fields, "a coffee")
    answers = dict.fromkeys(sampler.signature.output_fields, "a")
    key = SamplerTask.first_asked(sampler.signature, sampler.strategy, sampler.format)
    answers |= {"probability": 0.25} if "probability" in answers else {}
    if key.reasoning:
        answers.pop(key.reasoning, None)
    items = [{**answers, next(iter(answers)): f"a{i}", key.probability: 0.5} for i in range(2)]
    thought = f"[[ ## {key.reasoning} ## ]]\nSo.\n\n" if key.reasoning else ""
    server.model = Says(f"{thought}[[ ## {key.candidates} ## ]]\n{json.dumps(items)}")
    prediction = sampler(**inputs)
    assert {c.probability for c in prediction.distribution} == {0.5}
    assert prediction.completions[next(iter(answers))] == ["a0", "a1"] * 2
    if "probability" in sampler.signature.output_fields:
        assert prediction.probability == 0.25


# --- what can be set -------------------------------------------------------------------------


def test_a_field_added_to_the_predictor_reaches_every_call(server):
    sampler = VerbalizedSampler("topic -> joke", k=5, n=7)
    added = sampler.predict.signature.prepend("mood", dspy.InputField(), str)
    sampler.predict.signature = added
    assert len(sampler(topic="coffee", mood="GLUM").completions) == 7
    assert ["GLUM" in str(request["messages"]) for request in server.requests] == [True, True]


class Haiku(dspy.Signature):
    """Write a haiku."""

    topic: str = dspy.InputField()
    haiku: str = dspy.OutputField()


def test_options_of_one_call(server):
    sampler = VerbalizedSampler("topic -> joke", k=5)
    prediction = sampler(topic="tea", signature=Haiku, k=3, threshold=0.2)
    assert len(prediction.completions.haiku) == 3
    assert "Write a haiku." in system(server)
    assert "below 0.2" in system(server)
    assert len(sampler(topic="tea").completions.joke) == 5
    assert "below" not in system(server)
    with pytest.raises(ConfigurationError, match="k must be"):
        sampler(topic="tea", k=0)
    own = VerbalizedSampler("topic, k -> joke", k=2)
    assert len(own(topic="tea", k="K-INPUT").completions) == 2
    assert "K-INPUT" in str(server.requests[-1])


def test_what_is_set_acts_or_raises(server):
    sampler = VerbalizedSampler("topic -> joke", k=5)
    sampler.k, sampler.threshold, sampler.n = 2, 0.3, 4
    sampler.update_config(temperature=0.4)
    assert sampler.get_config() == {"temperature": 0.4}
    assert len(sampler(topic="tea").completions) == 4
    assert len(server.requests) == 2
    assert server.requests[0]["temperature"] == 0.4
    assert "below 0.3" in system(server)
    sampler.signature, sampler.strategy = Haiku, "vs_cot"
    prediction = sampler(topic="tea")
    assert prediction.reasoning
    assert len(prediction.completions.haiku) == 4
    for name, value in (("k", 0), ("threshold", 2), ("strategy", "nope"), ("n", -1)):
        with pytest.raises(ConfigurationError):
            setattr(sampler, name, value)
    assert sampler.strategy.k == 2


def test_the_form_and_a_profile_can_be_set_and_given_to_a_call(server):
    sampler = VerbalizedSampler("topic -> joke", k=2)
    assert len(sampler(topic="tea", format="tags", k=3).completions) == 3
    assert "<response>" in system(server)
    plain = VerbalizedSampler("topic -> joke")
    assert len(plain(topic="tea", profile=Profile(settings={"k": 4})).completions) == 4
    assert "<response>" not in system(server)
    sampler.format, sampler.profile = "tags", Profile(settings={"threshold": 0.2, "k": 4})
    assert len(sampler(topic="tea").completions) == 2
    assert "<response>" in system(server)
    assert "below 0.2" in system(server)
    sampler.signature = "topic -> haiku"
    assert sampler(topic="tea").haiku
    for name, value in (
        ("format", "nope"), ("signature", "topic -> completions"), ("profile", "no.toml")
    ):  # fmt: skip
        with pytest.raises(ConfigurationError):
            setattr(sampler, name, value)
        with pytest.raises(ConfigurationError):
            sampler(topic="tea", **{name: value})


class Own(VSStandard):
    """A strategy of somebody else's, with words of its own."""

    name = "own"

    def instruction(self, k):
        return f"Say it in {k} unusual ways. {super().instruction(k)}"


@pytest.mark.parametrize("format", [None, "json", "tags"])
def test_the_words_of_any_strategy_reach_the_model(format, server):
    sampler = VerbalizedSampler("topic -> joke", strategy=Own(k=3, n=5), format=format)
    assert len(sampler(topic="coffee").completions) == 5
    asked = sorted(system(server, index) for index in (0, 1))  # they are asked at once
    assert [
        f"Say it in {k} unusual ways." in text for k, text in zip((2, 3), asked, strict=True)
    ] == [True] * 2
    words = Prompts(verbalize="Offer {k} things. {sampling}", tail="All under {threshold}!")
    VerbalizedSampler("topic -> joke", k=2, threshold=0.2, prompts=words)(topic="coffee")
    assert "Offer 2 things. All under 0.2!" in system(server)
    assert "the fields of the signature" not in str(server.requests)


@pytest.mark.parametrize("strategy", ["vs_standard", "vs_multi"])
def test_the_form_is_asked_for_by_the_adapter_alone(strategy, server):
    VerbalizedSampler("topic -> joke", strategy=strategy, k=2, n=4)(topic="coffee")
    how = VSStandard(k=2).format_instructions(2).splitlines()
    said = {
        line for request in server.requests for message in request["messages"]
        for line in message["content"].splitlines()
    }  # fmt: skip
    assert any("candidates" in line for line in said)
    assert not said & {line for line in how if len(line) > 20}


# --- state -----------------------------------------------------------------------------------


def test_every_option_that_is_data_is_in_the_state():
    given = {
        "strategy": "vs_cot", "k": 7, "n": 14, "threshold": 0.2, "probability": "explicit",
        "on_unparsed": "single", "retries": 4, "format": "json", "resampler": "uniform", "seed": 11,
    }  # fmt: skip
    saved = VerbalizedSampler("topic -> joke", **given)
    held = saved.dump_state()["verbalized"]
    assert {name: held.get(name) for name in given} == given


@pytest.mark.parametrize(
    "options",
    [{"k": 10}, {"threshold": 0.1}, {"probability": "nll"}, {"strategy": "vs_cot"},
     {"strategy": "direct", "k": 1}, {"format": "json"}],
    ids=str,
)  # fmt: skip
def test_a_state_is_loaded_under_the_options_of_the_sampler(options, tmp_path, server):
    saved = VerbalizedSampler("topic -> joke", k=5)
    saved.signature = saved.signature.with_instructions("Be wild.")
    saved.demos = [dspy.Example(topic="rain", joke="Drip.")]
    saved.save(tmp_path / "state.json")
    held = json.loads((tmp_path / "state.json").read_text())["verbalized"]
    assert held["k"] == 5
    assert held["strategy"] == "vs_standard"
    assert held["version"] == 1

    loaded = VerbalizedSampler("topic -> joke", **options)
    loaded.load(tmp_path / "state.json")
    fresh = VerbalizedSampler("topic -> joke", **options)
    fresh.signature = fresh.signature.with_instructions("Be wild.")
    fresh.demos = saved.demos
    loaded(topic="coffee")
    fresh(topic="coffee")
    ours, expected = (request["messages"] for request in server.requests)
    assert ours == expected
    assert "Be wild." in system(server)
    assert "Drip." in str(ours)


def test_the_states_of_predict_and_chain_of_thought_are_converted(tmp_path, server):
    predict, thought = dspy.Predict("topic -> joke"), dspy.ChainOfThought("topic -> joke")
    for program in (predict, thought):
        (inner,) = program.predictors()
        inner.signature = inner.signature.with_instructions("Be wild.")
        inner.demos = [dspy.Example(topic="rain", joke="Drip.", reasoning="It falls.")]
        program.save(tmp_path / f"{type(program).__name__}.json")
    for name in ("Predict", "ChainOfThought"):
        for strategy in ("vs_standard", "vs_cot"):
            sampler = VerbalizedSampler("topic -> joke", k=3, strategy=strategy)
            sampler.load(tmp_path / f"{name}.json")
            assert len(sampler(topic="coffee").completions) == 3
            assert "Be wild." in system(server)
            assert "exactly 3 different" in system(server)
            assert "Drip." in str(server.requests[-1])
    for program in (predict, thought):  # whole programs load each other's states too
        converted = verbalize(program, k=2)
        converted.load(tmp_path / f"{type(program).__name__}.json")
        assert len(converted(topic="coffee").completions) == 2


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (dspy.Predict("topic, mood -> joke").dump_state(), "where the signature.*topic.*joke"),
        ({"outline": dspy.Predict("a -> b").dump_state()}, "no state of a predictor.*outline"),
        ({}, "nothing"),
        ({"verbalized": {"version": 2}}, "version 2: a later"),
    ],
)
def test_other_states_are_refused_with_a_reason(state, message):
    sampler = VerbalizedSampler("topic -> joke")
    with pytest.raises(ConfigurationError, match=message):
        sampler.load_state(state)
    assert sampler.signature.instructions == "Given the fields `topic`, produce the fields `joke`."


def test_a_teacher_of_any_k_teaches(server):
    teacher, student = (VerbalizedSampler("topic -> joke", k=k) for k in (8, 3))
    trainset = [dspy.Example(topic="coffee").with_inputs("topic")]
    optimizer = dspy.BootstrapFewShot(
        metric=lambda *args: True, max_bootstrapped_demos=1, max_labeled_demos=0
    )
    compiled = optimizer.compile(student, teacher=teacher, trainset=trainset)
    for k in (3, 12):  # and what is compiled is asked for any k, without compiling again
        assert len(compiled(topic="rain", k=k).completions) == k
        assert f"exactly {k} different" in system(server)
        answer = server.requests[-1]["messages"][2]["content"]
        assert answer.count('"joke"') == min(k, 8)


def test_the_rationale_of_the_user_is_kept(server):
    field = dspy.OutputField(desc="PROS AND CONS", default="")
    converted = verbalize(dspy.ChainOfThought("topic -> joke", rationale_field=field), k=3)
    prediction = converted(topic="coffee")
    assert prediction.reasoning
    assert "PROS AND CONS" in system(server)


# --- concurrency -----------------------------------------------------------------------------


class Counts(BaseCallback):
    """Knows how many calls of a model were under way at once."""

    def __init__(self):
        self.now = self.most = 0
        self.lock = threading.Lock()

    def on_lm_start(self, call_id, instance, inputs):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.02)

    def on_lm_end(self, call_id, outputs, exception=None):
        with self.lock:
            self.now -= 1


@pytest.mark.parametrize("threads", [1, 2])
def test_one_bound_on_concurrency(threads):
    sampler = VerbalizedSampler("topic -> joke", k=5, n=20)
    examples = [dspy.Example(topic=t).with_inputs("topic") for t in ("coffee", "rain", "tea")]
    counts = Counts()
    with dspy.context(callbacks=[counts]):
        sampler.batch(examples, num_threads=threads, disable_progress_bar=True)
        assert counts.most == threads
        if threads > 1:
            pairs = [(sampler, example) for example in examples]
            dspy.Parallel(num_threads=threads, disable_progress_bar=True)(pairs)
            assert counts.most == threads
        with dspy.context(num_threads=3):
            sampler(topic="coffee")
    assert counts.most == 3


# --- probabilities travel --------------------------------------------------------------------


def test_majority_by_weight(server):
    server.model = says(
        {"city": "Paris", "probability": 0.1},
        {"city": "Lyon", "probability": 0.8},
        {"city": "paris", "probability": 0.05},
    )
    prediction = VerbalizedSampler("q -> city", k=3)(q="Where?")
    assert dspy.majority(prediction).city == "Paris"
    best = majority(prediction)
    assert best.city == "Lyon"
    assert best.probability == pytest.approx(0.8 / 0.95)
    assert len(best.completions) == 3
    assert majority(prediction, normalize=None, field="city").city == "Lyon"
    server.model = says(*({"city": c, "probability": None} for c in ("Rome", "Oslo", "oslo")))
    assert majority(VerbalizedSampler("q -> city", k=3)(q="Where?")).city == "Oslo"
    with pytest.raises(ConfigurationError, match="no field 'town'"):
        majority(prediction, field="town")
    with pytest.raises(ConfigurationError, match="majority takes"):
        majority(dspy.Prediction(city="Rome"))


def test_majority_of_what_others_gave():
    """As ``dspy.majority`` counts them: of completions, and of a list of predictions or dicts."""
    records = [{"city": "Rome"}, {"city": "Oslo"}, {"city": "oslo"}, {"city": ""}]
    many = dspy.Prediction.from_completions(records, signature=dspy.Signature("q -> city"))
    ones = [dspy.Prediction(**record) for record in records]
    for given in (many, many.completions, ones, records, tuple(records)):
        best = majority(given)
        assert (best.city, best.probability) == ("Oslo", 0.5)
        assert type(best) is dspy.Prediction
        assert majority(given, normalize=None).city == "Rome"
    for given in (many, many.completions, ones, records):
        assert dspy.majority(given).city == "Oslo"
    own = dspy.Signature("q -> probability")
    taken = majority(dspy.Prediction.from_completions([{"probability": "high"}], signature=own))
    assert taken.toDict() == {"probability_": 1.0, "probability": "high"}
    for nothing in ([], [1], [{}], "Oslo", None):
        with pytest.raises(ConfigurationError, match="majority takes"):
            majority(nothing)


def test_majority_of_several_distributions(server):
    """Weights are added up over all, and each prediction has the same weight."""
    cities = VerbalizedSampler("q -> city", k=2)
    given = []
    for first, second in ((0.9, 0.1), (0.04, 0.06), (0.02, 0.03)):
        server.model = says(
            {"city": "Rome", "probability": first}, {"city": "Oslo", "probability": second}
        )
        given.append(cities(q=f"Where, after {first}?"))
    best = majority(given)  # Oslo is first in two of three, and Rome has more weight
    assert best.city == "Rome"
    assert best.probability == pytest.approx((0.9 + 0.4 + 0.4) / 3)
    assert len(best.distribution) == len(best.completions) == 6
    assert majority(given[1:]).city == "Oslo"
    mixed = majority([*given[1:], dspy.Prediction(city="rome"), {"city": "Bern"}])
    assert mixed.city == "Rome"
    assert mixed.probability == pytest.approx((0.4 + 0.4 + 1) / 4)
    ensemble = dspy.Ensemble(reduce_fn=majority).compile([cities, cities])
    assert ensemble(q="Where?").probability == pytest.approx(0.6)


def test_majority_of_an_ensemble(server):
    """As with Predict: the last field of a prediction is the user's."""
    server.model = says({"city": "Rome", "probability": 0.9}, {"city": "Oslo", "probability": 0.1})
    programs = [VerbalizedSampler("q -> city", k=2, resampler="argmax") for _ in range(3)]
    assert dspy.Ensemble(reduce_fn=dspy.majority).compile(programs)(q="Where?").city == "Rome"
    assert list(VerbalizedSampler("q -> city", k=2)(q="Where?").keys())[-1] == "city"


def test_usage_and_raw_answers():
    with dspy.track_usage() as tracker:
        prediction = VerbalizedSampler("topic -> joke", k=2, n=4)(topic="coffee")
    (usage,) = tracker.get_total_tokens().values()
    assert prediction.distribution.metadata["usage"] == {
        "input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]
    }  # fmt: skip
    first, second = prediction.distribution.completions
    assert "[[ ## candidates ## ]]" in first.text
    assert (first.model, first.finish_reason) == ("simulated", "stop")
    assert [c.call for c in prediction.distribution] == [0, 0, 1, 1]
    assert second.usage["output_tokens"] > 0


# --- listeners -------------------------------------------------------------------------------


@pytest.mark.parametrize("reused", [False, True], ids=["once", "reused"])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(
    "adapter",
    [dspy.ChatAdapter(), dspy.JSONAdapter(), dspy.XMLAdapter()],
    ids=lambda a: type(a).__name__,
)
async def test_output_fields_can_be_listened_to(adapter, is_async, reused):
    class Program(dspy.Module):
        def __init__(self):
            super().__init__()
            self.sampler = VerbalizedSampler("topic -> joke, rating: int", k=3)

        def forward(self, topic):
            return self.sampler(topic=topic)

        async def aforward(self, topic):
            return await self.sampler.acall(topic=topic)

    listeners = [
        dspy.streaming.StreamListener(name, allow_reuse=reused) for name in ("joke", "rating")
    ]
    with dspy.context(adapter=adapter):
        stream = dspy.streamify(Program(), stream_listeners=listeners, is_async_program=is_async)
        items = [item async for item in stream(topic="coffee")]
    *heard, prediction = items
    jokes = [each for each in heard if each.signature_field_name == "joke"]
    assert [each.chunk for each in jokes] == prediction.completions.joke
    assert [each.is_last_chunk for each in jokes] == [False, False, True]
    assert {each.predict_name for each in jokes} == {"sampler"}
    ratings = [each.chunk for each in heard if each.signature_field_name == "rating"]
    assert ratings == [str(rating) for rating in prediction.completions.rating]


async def test_the_reasoning_can_be_listened_to():
    sampler = VerbalizedSampler("topic -> reasoning, joke", k=2, strategy="vs_cot")
    listener = dspy.streaming.StreamListener("reasoning")
    stream = dspy.streamify(sampler, stream_listeners=[listener])
    *heard, prediction = [item async for item in stream(topic="coffee")]
    assert "".join(each.chunk for each in heard).strip() == prediction.reasoning


def test_nothing_is_warned_of(caplog):
    caplog.set_level(logging.WARNING, "dspy")
    VerbalizedSampler("topic -> joke", k=2, n=4, strategy="vs_multi")(topic="coffee")
    assert not [r for r in caplog.records if r.name.startswith("dspy.predict")]
