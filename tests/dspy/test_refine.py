"""Asking again for what a set of candidates lacks."""

import dspy
import pytest

from vs_core import ConfigurationError
from vs_dspy import VerbalizedRefine, VerbalizedSampler
from vs_dspy.metrics import Diversity


def asked(request):
    return request["messages"][-1]["content"]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_the_next_round_is_told_what_the_set_lacks(server, is_async):
    seen = []

    def metric(inputs, prediction):
        seen.append((inputs, len(prediction.completions)))
        return dspy.Prediction(score=len(prediction.completions), feedback="MORE ABOUT MILK.")

    refine = VerbalizedRefine("topic -> joke", 4, metric, threshold=5, k=3)
    prediction = await refine.acall(topic="coffee") if is_async else refine(topic="coffee")
    texts = prediction.completions.joke
    assert len({text.casefold() for text in texts}) == len(texts) >= 5
    assert [c.text for c in prediction.distribution] == texts
    assert prediction.joke in texts
    assert seen[0] == ({"topic": "coffee"}, 3)
    first, second = server.requests[:2]
    assert "MORE ABOUT MILK." not in asked(first)
    assert "MORE ABOUT MILK." in asked(second)
    assert all(text in asked(second) for text in texts[:3])
    assert "exactly 3 different candidates" in second["messages"][0]["content"]


def test_what_is_good_enough_is_not_asked_again(server):
    sampler = VerbalizedSampler("topic -> joke", k=3, seed=1)
    prediction = VerbalizedRefine(sampler, 3, Diversity(), threshold=0.1)(topic="coffee")
    assert len(server.requests) == 1
    assert len(prediction.completions) == 3
    server.requests.clear()
    VerbalizedRefine(sampler, 3, Diversity(), threshold=2.0)(topic="coffee")
    assert len(server.requests) == 3  # the last round is not judged
    assert "Diversity 0." in asked(server.requests[1])


def test_what_cannot_work_is_refused():
    with pytest.raises(ConfigurationError, match="N must"):
        VerbalizedRefine("topic -> joke", 0, Diversity(), 1.0)
    with pytest.raises(ConfigurationError, match="own options"):
        VerbalizedRefine(VerbalizedSampler("topic -> joke"), 2, Diversity(), 1.0, k=3)
