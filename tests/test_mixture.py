"""Several flows run side by side as one."""

import json
import threading

import pytest

from vs_core import Completion, Message, ParseError, VSStandard
from vs_core.driver import run
from vs_core.strategies.mixture import mixture
from vs_core.testing import SimulatedModel


def _mixed(tasks, complete, **options):
    strategy = VSStandard(**options)
    return run(mixture([strategy.flow([Message("user", task)]) for task in tasks]), complete)


def test_a_mixture_asks_side_by_side_and_shares_the_probabilities():
    together = threading.Barrier(2, timeout=20)
    numbers = []

    def complete(request):
        numbers.append(request.call)
        together.wait()  # nobody is answered before both have asked
        about = request.messages[-1].text
        answer = {"text": about, "probability": 0.5}
        return Completion(json.dumps({"responses": [answer]}), {"output_tokens": 3})

    mixed = _mixed(["a", "b"], complete, k=1)
    assert [(c.text, c.probability) for c in mixed] == [("a", 0.25), ("b", 0.25)]
    assert sorted(numbers) == [0, 1]
    assert mixed.metadata["n"] == mixed.metadata["calls"] == 2
    assert mixed.metadata["usage"] == {"output_tokens": 6}


def test_a_mixture_keeps_what_could_be_read():
    def complete(request):
        good = '[{"text": "fine", "probability": 0.4}, {"text": "bare"}]'
        return good if request.messages[1].text == "a" else "No."

    mixed = _mixed(["a", "b"], complete, k=2)
    assert [(c.text, c.probability) for c in mixed] == [("fine", 0.4), ("bare", None)]
    assert mixed.metadata["unread"] == ["No."]
    with pytest.raises(ParseError):
        _mixed(["b", "b"], complete, k=2)


def test_a_mixture_of_one_is_that_one():
    model = SimulatedModel()
    alone = run(VSStandard(k=3).flow([Message("user", "Name a US state.")]), model)
    assert _mixed(["Name a US state."], SimulatedModel(), k=3) == alone
