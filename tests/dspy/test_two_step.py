"""TwoStepAdapter: one model answers freely, another extracts the fields."""

import dspy
import pytest

from tests.dspy.models import Extracts
from vs_core import ParseError
from vs_core.testing import SimulatedModel
from vs_dspy import VerbalizedSampler

JOKES = SimulatedModel().base_distribution("a joke about coffee")
TOPIC = "a joke about coffee"


@pytest.fixture(autouse=True)
def two_step(server, make_lm):
    server.model = Extracts()
    with dspy.context(adapter=dspy.TwoStepAdapter(make_lm("extractor"))):
        yield


@pytest.fixture(params=["sync", "async"])
def call(request):
    async def acall(sampler, **inputs):
        return await sampler.acall(**inputs)

    async def in_this_thread(sampler, **inputs):
        return sampler(**inputs)

    return acall if request.param == "async" else in_this_thread


async def test_the_second_model_reads_what_the_first_one_says(call, server):
    prediction = await call(VerbalizedSampler("topic -> joke", k=4), topic=TOPIC)
    assert len(prediction.completions) == 4
    assert set(prediction.completions.joke) <= set(JOKES)
    assert all(c.probability for c in prediction.distribution)
    assert [request["model"] for request in server.requests] == ["simulated", "extractor"]
    assert "exactly 4 different candidates" in server.requests[0]["messages"][0]["content"]


async def test_what_cannot_be_extracted_is_read_by_the_core(call, server):
    server.model.can_extract = False
    prediction = await call(VerbalizedSampler("topic -> joke", k=4, retries=0), topic=TOPIC)
    assert set(prediction.completions.joke) <= set(JOKES)
    assert len(prediction.completions) == 4


async def test_a_refusal_is_asked_again_and_then_an_error(call, server):
    server.model = Extracts(quirks=["refusal", "refusal"])
    with pytest.raises(ParseError) as caught:
        await call(VerbalizedSampler("topic -> joke"), topic=TOPIC)
    assert "sorry" in caught.value.text
    asked = [request for request in server.requests if request["model"] == "simulated"]
    assert len(asked) == 2
    assert "sorry" in asked[1]["messages"][-1]["content"]


async def test_several_calls_and_the_errors_of_the_second_model(call, server):
    prediction = await call(VerbalizedSampler("topic -> joke", k=3, n=6), topic=TOPIC)
    assert len(prediction.completions) == 6
    server.faults = [None, "500", "500", "500"]
    with pytest.raises(dspy.utils.exceptions.DSPyError):
        await call(VerbalizedSampler("topic -> joke"), topic=TOPIC)
