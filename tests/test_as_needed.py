"""``n="auto"``: many calls where a task has many answers, one or two where it has one."""

import math

import dspy
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from langchain_openai import ChatOpenAI
from llama_index.llms.openai_like import OpenAILike

from vs_core import Candidate, ConfigurationError, Distribution, ParseError, stream, verbalize
from vs_core.metrics import unseen_mass
from vs_core.stopping import coverage
from vs_core.strategies.base import strategy_of
from vs_core.strategies.repeating import SETTLED, unseen_weight
from vs_core.testing import SimulatedModel, SimulatedServer, SimulatedTask
from vs_dspy import VerbalizedSampler as DSPySampler
from vs_langchain import VerbalizedSampler
from vs_llama_index import VerbalizedLLM

FRANCE, COIN, COLOUR = "What is the capital of France?", "Flip a coin.", "Name a colour."
TASKS = (
    SimulatedTask("one", "France", {"Paris": 97, "Lyon": 1, "Nice": 1, "Lille": 0.5, "Brest": 0.5}),
    SimulatedTask("two", "coin", {"heads": 1, "tails": 1, "edge": 0.001}),
    SimulatedTask("hundred", "colour", {f"colour {n}": 1 for n in range(100)}),
)


def model(**options):
    return SimulatedModel(tasks=TASKS, **options)


def run(*pairs):
    return Distribution([Candidate(text=t, probability=p) for t, p in pairs])


def test_the_estimate_by_hand():
    assert unseen_weight([]) == unseen_weight([Distribution()]) == 1.0
    assert unseen_weight([run(("a", 0.9), ("b", 0.3))]) == pytest.approx(0.25)  # of one run
    assert unseen_weight([run(("a", None))]) == 1.0  # nothing is stated
    first, second = run(("a", 0.6), ("b", 0.2)), run(("A ", 0.5), ("c", 0.5))
    assert unseen_weight([first, second]) == pytest.approx((0.25 + 0.5) / 2)
    assert unseen_weight([first, Distribution(), second]) == pytest.approx(0.375)
    assert unseen_weight([first, first]) == 0.0


@given(st.lists(st.sampled_from("abcdef"), min_size=2, max_size=20))
def test_of_runs_of_one_answer_it_is_that_of_good_and_turing(answers):
    counts = {answer: answers.count(answer) for answer in answers}
    runs = [Distribution([answer]) for answer in answers]
    assert unseen_weight(runs) == pytest.approx(unseen_mass(counts))


@given(
    st.lists(st.lists(st.tuples(st.sampled_from("abcde"), st.floats(0, 1)), max_size=4), max_size=5)
)
@example([[("a", 0.86848768348051), ("a", 0.46872117391268275), ("a", 0.46872117391268275)]])
def test_it_is_a_share(runs):
    found = unseen_weight([run(*pairs) for pairs in runs])
    assert 0 <= found <= 1
    assert not math.isnan(found)


@pytest.mark.parametrize("seed", range(5))
def test_calls_are_spent_where_there_is_more_to_find(seed):
    found = {
        prompt: verbalize(prompt, model(seed=seed), n="auto", k=3)
        for prompt in (FRANCE, COIN, COLOUR)
    }
    calls = {prompt: each.metadata["calls"] for prompt, each in found.items()}
    assert calls[FRANCE] == 1
    assert 2 <= calls[COIN] <= 3
    assert calls[COLOUR] == 20
    stopped = [found[prompt].metadata["stopped"] for prompt in (FRANCE, COIN, COLOUR)]
    assert stopped == ["until", "until", "budget"]
    for each in found.values():
        assert each.metadata["n"] == len(each) == 3 * each.metadata["calls"]
        assert (each.metadata["unseen"] <= SETTLED) is (each.metadata["stopped"] == "until")
    assert {c.text for c in found[FRANCE].sample(20, seed=seed)} <= {"Paris", *["Lyon", "Nice"]}
    assert len({c.text for c in found[COLOUR].sample(20, seed=seed)}) > 10


def test_the_budget_bounds_the_calls():
    for budget in (1, 2, 7):
        assert verbalize(COLOUR, model(), n="auto", budget=budget).metadata["calls"] == budget
    assert (
        verbalize(COLOUR, model(), n="auto", strategy="vs_multi", budget=5).metadata["calls"] == 4
    )


@pytest.mark.parametrize(
    "strategy", ["direct", "cot", "sequence", "multi_turn", "vs_cot", "vs_multi"]
)
def test_every_strategy_takes_it(strategy):
    found = verbalize(COLOUR, model(), n="auto", strategy=strategy, k=2, budget=6)
    assert found.metadata["strategy"] == strategy
    assert 2 <= found.metadata["calls"] <= 6
    assert [c.call for c in found] == sorted(c.call for c in found)


def test_it_streams():
    *early, last = stream(strategy_of(n="auto", k=3).flow([*_messages(COIN)]), model().stream)
    assert [c.text for c in early] == last.texts
    assert last.metadata["runs"] >= 2


def _messages(prompt):
    from vs_core.messages import as_messages

    return as_messages(prompt)


def test_a_run_that_cannot_be_read_says_nothing_and_loses_nothing():
    found = verbalize(
        COIN, model(quirks=[None, "refusal", None, None, None]), n="auto", k=3, retries=0
    )
    assert found.metadata["unread"]
    assert found.metadata["stopped"] == "until"
    with pytest.raises(ParseError):
        verbalize(COIN, model(quirks=["refusal"]), n="auto", retries=0)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"n": "many"}, 'or "auto", not'),
        ({"n": "auto", "budget": 0}, "budget must be"),
        ({"n": "auto", "until": coverage(0.9)}, "give one of them"),
    ],
)
def test_what_cannot_work_is_an_error(options, named):
    with pytest.raises(ConfigurationError, match=named):
        verbalize(COIN, model(), **options)


async def test_through_every_framework():
    with SimulatedServer(model()) as server:
        where = {"base_url": server.base_url, "api_key": "x"}
        sampler = VerbalizedSampler(ChatOpenAI(model="m", **where), n="auto", budget=4)
        counts = {p: sampler.invoke(p).metadata["calls"] for p in (FRANCE, COLOUR)}
        assert counts == {FRANCE: 1, COLOUR: 4}
        assert (await sampler.ainvoke(COLOUR)).metadata["calls"] == 4
        with dspy.context(
            lm=dspy.LM("openai/m", api_base=server.base_url, api_key="x", cache=False)
        ):
            predict = DSPySampler("task -> answer", n="auto", budget=4)
            assert predict(task=FRANCE).distribution.metadata["calls"] == 1
            assert predict(task=COLOUR).distribution.metadata["calls"] == 4
            again = DSPySampler("task -> answer", **predict.options)
            assert (again.n, again.budget) == ("auto", 4)
        llm = OpenAILike(model="m", api_base=server.base_url, api_key="x", is_chat_model=True)
        drawn = VerbalizedLLM(llm, n="auto", budget=4).complete(COLOUR)
        assert drawn.raw.metadata["calls"] == 4
