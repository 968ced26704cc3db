"""Asking until there is enough: rules, the budget, and the flow under every driver."""

import pickle
import random

import pytest

from tests.metrics.stopping_worlds import CHOSEN_ON, TARGET, differing, outcome
from vs_core import (
    Candidate,
    Completion,
    ConfigurationError,
    Distribution,
    Message,
    ParseError,
    VSMulti,
    VSStandard,
    arun,
    astream,
    averbalize,
    hookimpl,
    plugins,
    run,
    stream,
    verbalize,
)
from vs_core.formats import Entry, Json, Reading, Shape
from vs_core.messages import digest_of
from vs_core.stopping import coverage, repeated
from vs_core.testing import SimulatedModel

TASK = [Message("user", "Name a letter.")]


class Letters:
    """A model that draws from a few letters: three different ones a call."""

    def __init__(self, letters="abcdefgh", seed=0):
        self.letters = letters
        self.rng = random.Random(seed)
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        drawn = self.rng.sample(self.letters, min(3, len(self.letters)))
        answer = Reading([Entry(letter, 0.1) for letter in drawn])
        return Completion(Json().write(answer, Shape(k=3)), {"output_tokens": 5})

    async def answer(self, request):
        return self(request)

    def pieces(self, request):
        yield from self(request).text

    async def apieces(self, request):
        for piece in self.pieces(request):
            yield piece


def repeats(**options):
    return repeated(VSStandard(k=3), TASK, coverage(0.9), **{"budget": 30, **options})


# --- the rule ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "target", "enough"),
    [
        ("", 0.1, False),
        ("abc", 0.1, False),  # nothing was seen twice
        ("aabb", 0.99, True),
        ("aabbc", 0.9, False),  # 1/5 · 4/(4 + 2·2) is unseen: not under a tenth
        ("aabbc", 0.89, True),
    ],
)
def test_coverage_is_estimated_from_what_came_once(texts, target, enough):
    assert coverage(target, confidence=0.5)(Distribution(list(texts))) is enough


def test_an_estimate_alone_is_not_enough():
    assert not coverage(0.9)(Distribution(list("aabb")))
    assert coverage(0.9)(Distribution(list("aabb") * 10))


def test_calls_are_the_units():
    """Ten answers of two calls that agree say no more than two calls do."""
    twice = [Candidate(text=text, call=call) for call in (0, 1) for text in "abcde"]
    assert not coverage(0.5)(Distribution(twice))
    alone = [Candidate(text=text) for _ in range(2) for text in "abcde"]
    assert coverage(0.5)(Distribution(alone))


@pytest.mark.parametrize("name", ["20 alike", "60, each .8 of the last"])
def test_nine_runs_in_ten_have_seen_what_they_say(name):
    """Where the truth is known; `tests.metrics.stopping_worlds` has more of them."""
    was = outcome(CHOSEN_ON[name], differing, coverage(TARGET), 40, random.Random(0))
    assert was.reached >= 0.85
    assert was.cost <= 2.2


def test_answers_are_the_same_by_text_or_by_a_key():
    found = Distribution(["Why  me?", "why me?", "No.", "no."])
    assert coverage(0.9, confidence=0.5)(found)
    assert not coverage(0.9, confidence=0.5, key=lambda candidate: candidate.text)(found)
    by_letter = coverage(0.9, confidence=0.5, key=lambda candidate: candidate.text[0].lower())
    assert by_letter(Distribution(["apple", "Avocado", "almond"]))


@pytest.mark.parametrize("target", [0, 1, 95, float("nan")])
def test_a_coverage_is_a_share(target):
    with pytest.raises(ConfigurationError, match="between 0 and 1"):
        coverage(target)


def test_a_rule_can_be_pickled():
    assert pickle.loads(pickle.dumps(coverage(0.9))) == coverage(0.9)


# --- the flow ----------------------------------------------------------------------------------


def test_it_asks_until_the_rule_is_met_and_no_longer():
    model = Letters()
    found = run(repeats(), model)
    assert coverage(0.9)(found)
    assert not coverage(0.9)(found[:-3])
    assert len(model.requests) == len(found) / 3 < 30
    assert found.metadata["stopped"] == "until"


def test_it_stops_when_the_budget_is_spent():
    model = Letters([f"w{number}" for number in range(10_000)])
    found = run(repeats(budget=7), model)
    assert (len(model.requests), len(found)) == (7, 21)
    assert found.metadata["stopped"] == "budget"


@pytest.mark.parametrize(("budget", "calls"), [(1, 4), (7, 4), (8, 8), (11, 8)])
def test_no_run_begins_that_could_go_over_the_budget_but_the_first(budget, calls):
    model = Letters([f"w{number}" for number in range(10_000)])
    strategy = VSStandard(k=3, n=12)
    found = run(repeated(strategy, TASK, lambda found: False, budget), model)
    assert len(model.requests) == found.metadata["calls"] == calls


def test_a_rule_is_asked_between_runs_with_all_that_was_found():
    sizes = []

    def rule(found):
        sizes.append(len(found))
        return len(found) >= 9

    run(repeated(VSMulti(k=3), TASK, rule), Letters())
    assert sizes == [6, 12]


def test_no_two_requests_share_a_number():
    model = Letters([f"w{number}" for number in range(10_000)])
    run(repeated(VSStandard(k=3, n=6), TASK, lambda found: False, 8), model)
    assert sorted(request.call for request in model.requests) == list(range(8))


def test_the_metadata_are_of_all_runs():
    found = run(repeats(budget=4), Letters([f"w{number}" for number in range(10_000)]))
    assert found.metadata == {
        "strategy": "vs_standard",
        "k": 3,
        "n": 12,
        "calls": 4,
        "usage": {"output_tokens": 20},
        "task": digest_of(TASK),
        "runs": 4,
        "stopped": "budget",
    }


async def test_every_driver_gives_the_same():
    expected = run(repeats(), Letters(), max_concurrency=1)
    assert len(expected) > 6
    assert await arun(repeats(), Letters().answer) == expected
    *candidates, streamed = stream(repeats(), Letters().pieces)
    assert streamed.candidates == tuple(candidates) == expected.candidates
    events = [event async for event in astream(repeats(), Letters().apieces)]
    assert events[-1].candidates == expected.candidates


async def test_verbalize_takes_a_rule_and_a_budget():
    options = {"k": 3, "until": coverage(0.9), "budget": 30, "seed": 1}
    found = verbalize("Name a letter.", Letters(), **options)
    assert found.candidates == run(repeats(), Letters()).candidates
    assert found.metadata["seed"] == 1
    assert await averbalize("Name a letter.", Letters().answer, **options) == found
    assert len(verbalize("x", Letters(), k=3, until=lambda found: len(found) > 50)) == 51


def test_the_simulated_model_is_asked_until_its_states_are_known():
    found = verbalize(
        "Roll a die.", SimulatedModel(), k=3, until=coverage(0.95), budget=50, strategy="direct"
    )
    assert found.metadata["stopped"] == "until"


def test_observers_see_every_request_and_one_distribution():
    class Observer:
        requests, distributions = 0, 0

        @hookimpl
        def vs_request(self, request):
            self.requests += 1

        @hookimpl
        def vs_distribution(self, distribution):
            self.distributions += 1

    observer = Observer()
    plugins.register(observer)
    try:
        run(repeats(budget=4), Letters([f"w{number}" for number in range(10_000)]))
    finally:
        plugins.unregister(observer)
    assert (observer.requests, observer.distributions) == (4, 1)


# --- what goes wrong ---------------------------------------------------------------------------


class Scripted:
    def __init__(self, *answers):
        self.answers = list(answers)

    def __call__(self, request):
        return Completion(self.answers.pop(0), {"output_tokens": 1})


GOOD = '[{"text": "a", "probability": 0.5}]'
MORE = '[{"text": "b", "probability": 0.5}, {"text": "c", "probability": 0.1}]'


def test_a_later_run_that_cannot_be_read_costs_nothing_found():
    strategy = VSStandard(k=1, retries=0)
    flow = repeated(strategy, TASK, lambda found: False, 3)
    found = run(flow, Scripted(GOOD, "I cannot.", MORE))
    assert [candidate.text for candidate in found] == ["a", "b"]
    assert found.metadata["unread"] == ["I cannot."]
    assert [item["text"] for item in found.metadata["surplus"]] == ["c"]
    assert found.metadata["missing"] == 1
    assert (found.metadata["calls"], found.metadata["usage"]) == (3, {"output_tokens": 3})
    assert found.metadata["runs"] == found.metadata["n"] == 3


def test_what_several_runs_left_out_is_kept_of_all():
    found = run(repeated(VSStandard(k=1), TASK, lambda found: False, 2), Scripted(MORE, MORE))
    assert [item["text"] for item in found.metadata["surplus"]] == ["c", "c"]


def test_a_first_run_that_cannot_be_read_raises():
    model = Scripted("I cannot.", GOOD)
    with pytest.raises(ParseError, match="I cannot"):
        run(repeated(VSStandard(k=1, retries=0), TASK, lambda found: False), model)
    assert model.answers == [GOOD]


def test_mending_counts_as_calls():
    model = Scripted("?", GOOD, "?", GOOD, "never asked")
    found = run(repeated(VSStandard(k=1), TASK, lambda found: False, 4), model)
    assert found.metadata["calls"] == 4
    assert model.answers == ["never asked"]


def test_closing_the_flow_closes_the_strategys():
    closed, kept = [], []  # kept alive, so that it is not the garbage collector that closes it

    class Watched(VSStandard):
        def flow(self, task):
            kept.append(self.watched(super().flow(task)))
            return kept[-1]

        def watched(self, flow):
            try:
                return (yield from flow)
            finally:
                closed.append(True)

    flow = repeated(Watched(k=1), TASK, lambda found: False)
    next(flow)
    flow.close()
    assert closed == [True]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"until": 0.95}, r"rule such as vs_core\.stopping\.coverage"),
        ({"until": coverage(), "budget": 0}, "budget"),
        ({"until": coverage(), "budget": 2.5}, "budget"),
    ],
)
def test_what_cannot_work_is_said(options, message):
    with pytest.raises(ConfigurationError, match=message):
        verbalize("x", Letters(), **options)


def test_candidates_keep_what_they_carry():
    found = run(repeated(VSStandard(k=1), TASK, lambda found: len(found) > 1), Scripted(GOOD, GOOD))
    assert list(found) == [Candidate(text="a", probability=0.5, call=call) for call in (0, 1)]
    assert found.mass == 1
