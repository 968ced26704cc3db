"""Choosing by a race: who stays, what is asked, what is believed of it."""

import asyncio
import itertools
import json
import math

import pytest

from tests.commands import vs
from tests.tuning.races import SCENARIOS, as_good
from vs_core import Completion, ConfigurationError, ModelError, plugins, verbalize
from vs_core.cli import main
from vs_core.clients import OpenAIModel
from vs_core.embedding import OpenAIEmbedder
from vs_core.equivalence import ByMeaning
from vs_core.evaluation import LLMJudge
from vs_core.metrics import paired_difference
from vs_core.profiles import Figure, Profile
from vs_core.testing import SimulatedModel, SimulatedServer
from vs_core.tuning import Limits, Measured, Standing, Tuning, prompts_of, tune
from vs_core.tuning.arms import grid
from vs_core.tuning.figures import curves
from vs_core.tuning.racing import front, kept, ranked, schedule

PROMPTS = [
    "Tell me a joke about coffee.", "Name a US state.", "Name a bird.", "Name a board game.",
    "Suggest a name for a bakery.", "Give me a metaphor for time.",
]  # fmt: skip
SMALL = {"strategies": ["sequence", "vs_standard"], "ks": [3, 5], "thresholds": [None], "units": 6}


# --- the arms --------------------------------------------------------------------------------


def test_what_means_nothing_to_a_strategy_is_not_varied():
    arms = grid(["sequence", "vs_standard", "direct"], [3, 50, 60], [None, 0.1], [None], n=10)
    assert [arm.name for arm in arms] == [
        "direct", "sequence k=3", "sequence k=10", "vs_standard k=3",
        "vs_standard k=3 threshold=0.1", "vs_standard k=10", "vs_standard k=10 threshold=0.1",
    ]  # fmt: skip
    assert all(arm.strategy.n == 10 for arm in arms)
    assert arms[4].settings == {"strategy": "vs_standard", "k": 3, "threshold": 0.1}
    warm = grid(["vs_standard"], [3], [None], [0.5, 1.0], n=6)
    assert [(arm.name, arm.temperature) for arm in warm] == [
        ("direct temperature=0.5", 0.5), ("vs_standard k=3 temperature=0.5", 0.5),
        ("direct temperature=1", 1.0), ("vs_standard k=3 temperature=1", 1.0),
    ]  # fmt: skip
    with pytest.raises(ConfigurationError, match="nothing to choose"):
        grid([], [3], [None], [None], n=6)


# --- who stays -------------------------------------------------------------------------------


def gave(*diversities, quality=0.8, tokens=100.0, cost=math.nan):
    return {
        unit: Measured(d, quality, max(1, round(10 * d)), tokens, cost, 2)
        for unit, d in enumerate(diversities)
    }


def test_who_cannot_win_leaves_and_why():
    measured = {
        "direct": gave(0.2, 0.21, 0.19, 0.2),
        "good": gave(0.8, 0.9, 0.85, 0.87),
        "near": gave(0.85, 0.8, 0.9, 0.8),
        "poor": gave(0.95, 0.96, 0.97, 0.95, quality=0.3),
    }
    stay, out = kept(measured, Limits(floor=0.5), "direct", level=0.95)
    assert stay == ["good", "near"]
    assert out["direct"] == "less diverse than good by 0.66"
    assert out["poor"] == "quality 0.30 is under 0.5"
    stay, out = kept(measured, Limits(), "direct", level=0.95)
    assert stay[0] == "poor"
    stay, out = kept(measured, Limits(loss=0.1), "direct", level=0.95)
    assert out["poor"] == "quality falls by more than 0.1 under direct answers"
    assert stay[0] == "good"


def test_what_breaks_a_limit_is_never_first():
    measured = {"a": gave(0.9, 0.9, tokens=900), "b": gave(0.5, 0.5, tokens=50)}
    assert ranked(measured, Limits(), "a") == ["a", "b"]
    assert ranked(measured, Limits(tokens=20), "a") == ["b", "a"]
    assert Standing.of(measured["b"].values()).tokens == 10
    nothing = Standing.of([Measured(0.0, math.nan, 0, 10, math.nan, 1)])
    assert (nothing.tokens, math.isnan(nothing.quality), math.isnan(nothing.low)) == (
        math.inf, True, True,
    )  # fmt: skip


def test_what_just_keeps_to_a_limit_is_within_it():
    direct, wide = gave(0.2, 0.2, quality=0.75), gave(0.9, 0.9, quality=0.5, tokens=90)
    measured = {"direct": direct, "wide": wide}
    for limits in (Limits(floor=0.5), Limits(loss=0.25), Limits(tokens=10)):
        assert ranked(measured, limits, "direct")[0] == "wide"
    for limits in (Limits(floor=0.51), Limits(loss=0.24), Limits(tokens=9.9)):
        assert ranked(measured, limits, "direct")[-1] == "wide" or limits.tokens
    priced = {name: gave(0.5, 0.5, cost=cost) for name, cost in (("dear", 10.0), ("cheap", 5.0))}
    assert ranked(priced, Limits(cost=2.0), "dear") == ["dear", "cheap"]
    assert ranked(priced, Limits(cost=1.9), "dear") == ["cheap", "dear"]
    assert ranked({**measured, "none": {}}, Limits(cost=1.0), "direct")[0] == "wide"  # not known


def test_of_arms_as_diverse_the_one_that_takes_less_is_better():
    measured = {"dear": gave(0.5, 0.5, tokens=99), "cheap": gave(0.5, 0.5, tokens=98)}
    assert ranked(measured, Limits(), "direct") == ["cheap", "dear"]


def test_how_an_arm_stands_is_added_up():
    seen = [
        Measured(0.5, 0.25, 4, 100, 1.0, 2), Measured(0.75, math.nan, 6, 300, 3.0, 3),
        Measured(0.25, 0.75, 0, 0, 0.0, 1),
    ]  # fmt: skip
    spread = paired_difference(dict(enumerate((0.5, 0.75, 0.25))), dict.fromkeys(range(3), 0))
    assert spread.high > 1  # and a share is none
    assert Standing.of(seen) == Standing(0.5, 0.0, 1.0, 0.5, 40.0, 0.4, 6, 3)
    close = Standing.of(gave(0.5, 0.5 + 1e-3).values())
    assert (close.low, close.high) == pytest.approx(
        paired_difference({0: 0.5, 1: 0.501}, {0: 0, 1: 0})[1:3]
    )


def test_nothing_beats_the_front():
    standings = {
        "wide": Standing.of(gave(0.9, 0.9, quality=0.5).values()),
        "fine": Standing.of(gave(0.5, 0.5, quality=0.9).values()),
        "beaten": Standing.of(gave(0.4, 0.4, quality=0.6).values()),
    }
    assert front(standings, "quality") == ["wide", "fine"]
    assert front(standings, "tokens") == ["wide"]


def test_the_curve_shows_what_nothing_beats():
    found = tune(PROMPTS, SimulatedModel(), score=lambda prompt, text: len(text) / 99, **SMALL)
    quality, tokens = found.plot().axes
    for axes, of in ((quality, "quality"), (tokens, "tokens")):
        assert {note.get_text() for note in axes.texts} == set(found.front(of))
        line, *_ = axes.lines
        assert sorted(line.get_ydata(), reverse=True) == [
            found.standings[name].diversity for name in found.front(of)
        ]
        filled = [dot for dot in axes.lines if dot.get_marker() == "o"]
        hollow = [dot for dot in filled if dot.get_fillstyle() == "none"]
        assert (len(filled), len(hollow)) == (len(found.arms), len(found.out))
    (cost,) = tune(PROMPTS, SimulatedModel(), price=(1, 1), **SMALL).of_simulated().plot().axes
    assert cost.get_xlabel() == "cost of a different answer"


def test_a_curve_has_a_dot_an_interval_and_a_name():
    unknown = math.nan
    standings = {
        "wide": Standing(0.9, 0.8, 1.0, 0.5, 30.0, unknown, 4, 2),
        "fine": Standing(0.5, unknown, unknown, 0.9, 20.0, unknown, 4, 1),
        "poor": Standing(0.4, 0.3, 0.5, 0.4, math.inf, unknown, 4, 2),
    }
    figure = curves(standings, {"fine": "behind"}, "$a note$")
    quality, tokens = figure.axes

    def lines(axes):
        return [
            (line.get_linestyle(), line.get_marker(), line.get_fillstyle(),
             *(list(values) for values in line.get_data()))
            for line in axes.lines
        ]  # fmt: skip

    front, interval, dot = (":", "None", "full"), ("-", "None", "full"), ("None", "o", "full")
    hollow = ("None", "o", "none")
    assert lines(quality) == [
        (*front, [0.5, 0.9], [0.9, 0.5]), (*interval, [0.5, 0.5], [0.8, 1.0]), (*dot, [0.5], [0.9]),
        (*hollow, [0.9], [0.5]), (*interval, [0.4, 0.4], [0.3, 0.5]), (*dot, [0.4], [0.4]),
    ]  # fmt: skip
    assert lines(tokens) == [
        (*front, [30, 20], [0.9, 0.5]), (*interval, [30, 30], [0.8, 1.0]), (*dot, [30], [0.9]),
        (*hollow, [20], [0.5]),  # and nothing of what has no different answer
    ]  # fmt: skip
    for axes, label in ((quality, "mean quality"), (tokens, "tokens a different answer")):
        assert (axes.get_xlabel(), axes.get_ylabel()) == (label, "share of answers that differ")
        assert axes.get_ylim() == (0, 1.04)
        assert [(note.get_text(), note.xy[1]) for note in axes.texts] == [
            ("wide", 0.9), ("fine", 0.5),
        ]  # fmt: skip
    assert figure.get_suptitle() == "$a note$"
    figure.canvas.draw()  # names and notes are no formulas
    assert curves(standings, {}).get_suptitle() == ""
    assert curves({"none": Standing(0, 0, 0, unknown, math.inf, unknown, 1, 1)}, {}).axes == []


def test_few_prompts_first_and_as_many_again():
    assert [list(batch) for batch in schedule(range(12), 3)] == [
        [0, 1, 2], [3, 4, 5], [6, 7, 8, 9, 10, 11],
    ]  # fmt: skip


def test_half_of_the_arms_at_most_stay_after_a_round():
    found = tune(PROMPTS, SimulatedModel(), **{**SMALL, "ks": [3, 4, 5], "units": 12})
    arms = [count for count, _ in found.rounds]
    assert len(arms) > 1
    assert [units for _, units in found.rounds] == [3, 3, 6][: len(arms)]
    assert found.order[-len(found.out) :] == [*reversed(found.out)]
    assert sorted(found.order) == sorted(found.arms)
    answered = [found.standings[name].units for name in found.order]
    assert answered == sorted(answered, reverse=True)
    assert all(after <= max(1, before // 2) for before, after in itertools.pairwise(arms))


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_best_arm_or_one_as_good_wins_at_two_fifths_of_the_calls(scenario):
    found = [scenario.tuned(seed) for seed in range(3)]
    assert sum(as_good(scenario, seed, t.winner.name) for seed, t in enumerate(found)) >= 3
    assert all(tuning.share_of_grid <= 0.4 for tuning in found)


# --- a race ----------------------------------------------------------------------------------


class Counting:
    """A simulated model that counts, and may fail after some calls."""

    def __init__(self, fails_after=None):
        self.model, self.calls, self.fails_after = SimulatedModel(), 0, fails_after

    def __call__(self, request):
        if self.fails_after is not None and self.calls >= self.fails_after:
            raise ModelError("the power is out")
        self.calls += 1
        return self.model(request)


def test_progress_counts_calls_and_those_expected_at_most():
    model, seen = Counting(), []
    found = tune(PROMPTS, model, concurrency=1, progress=lambda *at: seen.append(at), **SMALL)
    most = 6 * sum(len(arm.strategy.sizes()) for arm in found.arms.values())
    assert seen == [(done, most) for done in range(1, model.calls + 1)]
    judge, seen = LLMJudge(Counting()), []  # whose calls nobody could foresee
    options = {"strategies": ["sequence"], "ks": [3], "n": 3, "thresholds": [None], "units": 6}
    tune(PROMPTS, SimulatedModel(), score=judge, progress=lambda *at: seen.append(at), **options)
    assert len(seen) == 24 + judge.complete.calls > 24
    assert seen == [(done, max(24, done)) for done in range(1, len(seen) + 1)]


def test_no_more_calls_are_in_flight_than_may_be():
    class Busy(Counting):
        now = most = 0

        async def __call__(self, request):
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0)
            self.now -= 1
            return super().__call__(request)

    for limit in (1, 3):
        tune(PROMPTS, model := Busy(), concurrency=limit, **SMALL)
        assert model.most == limit


def test_a_call_that_fails_in_passing_is_tried_again_as_often_as_is_said():
    with SimulatedServer() as server:
        model = OpenAIModel("m", base_url=server.base_url, api_key="x", max_retries=0)
        server.faults = ["500"]
        with pytest.raises(ModelError):
            tune(PROMPTS, model, attempts=1, concurrency=1, **SMALL)
        assert len(server.requests) == 1


def test_the_seed_says_which_prompts_are_for_choosing():
    chosen = set()
    for seed in range(4):
        found = tune(PROMPTS, SimulatedModel(), seed=seed, **{**SMALL, "strategies": ["sequence"]})
        chosen.add(frozenset(place for units in found.measured.values() for place, _ in units))
    assert len(chosen) > 1


def test_it_is_the_same_again_and_asks_for_nothing_that_it_has(tmp_path):
    first = Counting()
    found = tune(PROMPTS, first, out=tmp_path, concurrency=1, **SMALL)
    again = Counting()
    assert tune(PROMPTS, again, out=tmp_path, concurrency=1, **SMALL).as_dict() == found.as_dict()
    assert again.calls == 0
    confirming = sum(s.calls for units in found.confirmed.values() for s in units.values())
    assert first.calls == found.calls + confirming
    plain = tune(PROMPTS, Counting(), concurrency=1, **SMALL)
    assert plain.as_dict() == found.as_dict()


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_race_that_was_stopped_goes_on(tmp_path, concurrency):
    whole = Counting()
    tune(PROMPTS, whole, concurrency=concurrency, **SMALL)
    stopped = Counting(fails_after=20)
    with pytest.raises(ModelError, match="power"):
        tune(PROMPTS, stopped, out=tmp_path, concurrency=concurrency, **SMALL)
    stopped.fails_after = None
    tune(PROMPTS, stopped, out=tmp_path, concurrency=concurrency, **SMALL)
    assert stopped.calls == whole.calls


def test_what_is_on_its_way_when_another_fails_is_kept(tmp_path):
    begun, asked = asyncio.Event(), []

    async def model(request):
        asked.append(request)
        if len(asked) == 1:
            await begun.wait()
            raise ModelError("the power is out")
        begun.set()
        await asyncio.sleep(0.05)
        return SimulatedModel()(request)

    options = {**SMALL, "strategies": ["sequence"], "ks": [3], "n": 3}  # a call for each prompt
    with pytest.raises(ModelError, match="power"):
        tune(PROMPTS, model, out=tmp_path, concurrency=2, **options)
    assert len(asked) == 2
    assert len((tmp_path / "completions.jsonl").read_text().splitlines()) == 1


def test_answers_of_other_settings_are_not_taken(tmp_path):
    class Model(Counting):
        settings = {"precision": "half"}  # noqa: RUF012

    def again():
        tune(PROMPTS, Model(), out=tmp_path, **{**SMALL, "strategies": ["sequence"]})

    again()
    again()
    Model.settings = {"precision": "whole"}
    with pytest.raises(ConfigurationError, match="precision"):
        again()


def test_the_winner_is_judged_by_prompts_that_nothing_was_chosen_by():
    found = tune(PROMPTS, SimulatedModel(), **SMALL)
    chosen = {place for units in found.measured.values() for place, _ in units}
    judged = {place for units in found.confirmed.values() for place, _ in units}
    assert not chosen & judged
    assert chosen | judged == set(range(len(PROMPTS)))
    assert set(found.confirmed) == {found.winner.name, "direct"}
    assert found.gain.estimate > 0.5
    assert found.optimism == pytest.approx(
        found.standings[found.winner.name].diversity - found.standing.diversity
    )
    one = tune(["Name a US state."], SimulatedModel(), **SMALL)  # its runs are halved
    chosen = {unit for units in one.measured.values() for unit in units}
    assert not chosen & {unit for units in one.confirmed.values() for unit in units}


def test_a_profile_of_it_is_taken():
    found = tune(PROMPTS, SimulatedModel(), **SMALL).of_simulated()
    profile = found.profile()
    assert profile.settings == found.winner.settings
    assert profile.simulated
    assert profile.figures["different_answers"].value == pytest.approx(found.standing.diversity)
    assert len(verbalize(PROMPTS[0], SimulatedModel(), profile=profile)) == profile.settings["k"]
    assert {profile.figures[name].unit for name in ("different_answers", "more_than_direct")} == {
        "share"
    }
    said = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert said["arms"].keys() == found.standings.keys()
    assert {name for name, arm in said["arms"].items() if arm["left"]} == set(found.out)
    for name in ("keeps", "calls", "share_of_grid", "optimism"):
        assert said[name] == getattr(found, name)


def tuned(**changed):
    arms = {arm.name: arm for arm in grid(["vs_standard"], [3], [None, 0.1], [0.5], n=6)}
    direct, wide, low = arms
    told = {
        "model": "m, at http://host/v1", "arms": arms, "direct": direct, "units": 4, "n": 6,
        "measured": {direct: gave(0.25, 0.25, quality=0.5),
                     wide: gave(0.75, 0.75, 0.75, 0.75, quality=0.5),
                     low: gave(0.5, 0.5, quality=math.nan)},
        "confirmed": {wide: gave(0.5, 0.5, quality=0.5, tokens=20.0), direct: gave(0.25, 0.25)},
        "order": [wide, direct, low], "out": {low: "behind after 2 prompts"},
        "rounds": [(3, 2), (1, 2)], "limits": Limits(),
    }  # fmt: skip
    return Tuning(**{**told, **changed})


def test_all_that_was_found_is_written():
    direct, wide, low = tuned().arms

    def standing(diversity, quality, tokens, calls, units):
        return {
            "diversity": diversity, "low": diversity, "high": diversity, "quality": quality,
            "tokens": tokens, "cost": None, "calls": calls, "units": units,
        }  # fmt: skip

    assert tuned().as_dict() == {
        "model": "m, at http://host/v1",
        "simulated": False,
        "winner": wide,
        "settings": {"strategy": "vs_standard", "k": 3},
        "temperature": 0.5,
        "keeps": True,
        "confirmed": standing(0.5, 0.5, 4.0, 4, 2),
        "gain": {"estimate": 0.25, "low": 0.25, "high": 0.25, "pvalue": 0.0, "units": 2,
                 "spread": 0.0},
        "optimism": 0.25,
        "calls": 16,
        "share_of_grid": 16 / 24,
        "rounds": [[3, 2], [1, 2]],
        "front": {"quality": [wide], "tokens": [wide], "cost": [wide]},
        "arms": {
            wide: {**standing(0.75, 0.5, 12.5, 8, 4), "left": None},
            direct: {**standing(0.25, 0.5, 50.0, 4, 2), "left": None},
            low: {**standing(0.5, None, 20.0, 4, 2), "left": "behind after 2 prompts"},
        },
    }  # fmt: skip
    assert tuned().of_simulated().as_dict() == {**tuned().as_dict(), "simulated": True}
    nothing = tuned(measured={name: {} for name in tuned().arms})
    assert math.isnan(nothing.share_of_grid)


def test_a_profile_has_what_was_confirmed():
    profile = tuned().profile()
    assert (profile.model, profile.made_by, profile.simulated, profile.note) == (
        "m", "vs tune", False, "",
    )  # fmt: skip
    assert profile.settings == {"strategy": "vs_standard", "k": 3}
    assert profile.parameters == {"temperature": 0.5}
    assert profile.versions.keys() == {"python", "vs-core", "openai"}
    assert profile.figures == {
        "different_answers": Figure(0.5, 0.5, 0.5, 2, "share"),
        "more_than_direct": Figure(0.25, 0.25, 0.25, 2, "share"),
        "quality": Figure(0.5, None, None, 2, "score"),
        "tokens_a_useful_answer": Figure(4.0, None, None, 2, "tokens"),
    }
    _, wide, _ = tuned().arms
    one = {wide: gave(1 / 3, quality=math.nan), "direct temperature=0.5": gave(0.25)}
    third = tuned(confirmed=one).profile().figures
    assert third["different_answers"] == Figure(0.3333, None, None, 1, "share")
    assert "quality" not in third


@pytest.mark.parametrize(
    ("kept_to", "broken"),
    [
        (Limits(floor=0.5), Limits(floor=0.51)), (Limits(loss=0.25), Limits(loss=0.24)),
        (Limits(tokens=4.0), Limits(tokens=3.9)), (Limits(cost=0.5), Limits(cost=0.49)),
    ],
)  # fmt: skip
def test_a_winner_keeps_to_limits_on_other_prompts_or_not(kept_to, broken):
    direct, wide, _ = tuned().arms
    confirmed = {
        wide: gave(0.5, 0.5, quality=0.5, tokens=20.0, cost=2.5), direct: gave(0.2, quality=0.75),
    }  # fmt: skip
    assert tuned(confirmed=confirmed, limits=kept_to).keeps
    assert not tuned(confirmed=confirmed, limits=broken).keeps


def test_quality_may_be_scored_by_a_function_of_any_kind():
    async def slowly(prompt, text):
        await asyncio.sleep(0)
        return 1.0 if len(text) > 3 else 0.0

    for score in (slowly, lambda prompt, text: float(len(text) > 3)):
        found = tune(PROMPTS, SimulatedModel(), score=score, floor=0.5, **SMALL)
        assert found.keeps
        assert 0.5 <= found.standing.quality <= 1
    with pytest.raises(ConfigurationError, match="from 0 to 1"):
        tune(PROMPTS, SimulatedModel(), score=lambda prompt, text: 7, **SMALL)


def test_a_floor_that_nothing_keeps_to_is_told():
    found = tune(PROMPTS, SimulatedModel(), score=lambda prompt, text: 0.2, floor=0.9, **SMALL)
    assert not found.keeps
    assert "did not keep" in found.profile().note


def test_a_model_may_judge_and_is_asked_once_for_each_answer(tmp_path):
    judged = []

    def judge(request):
        judged.append(request.messages[-1].text)
        return Completion('{"responses": [{"value": {"why": "fine", "grade": 4}}]}')

    options = {**SMALL, "score": LLMJudge(judge, name="j"), "loss": 0.1, "out": tmp_path}
    found = tune(PROMPTS, SimulatedModel(), concurrency=1, **options)
    assert found.standing.quality == pytest.approx(0.75)
    assert len(judged) == len(set(judged)) > 20
    kept = [json.loads(line) for line in (tmp_path / "completions.jsonl").open()]
    assert {(each["judge"], each["task"]) for each in kept if "judge" in each} == {("j", "prompts")}
    places = {(each["item"], each["answer"]) for each in kept if "judge" in each}
    assert len(places) == len(judged)
    asked = [each for each in kept if "arm" in each]
    assert {each["arm"] for each in asked} == set(found.arms)
    assert {(each["model"], each["task"], each["n"]) for each in asked} == {
        ("SimulatedModel", "prompts", 10),
    }  # fmt: skip
    assert {each["item"] for each in asked} == set(range(6))
    assert {each["run"] for each in asked} == {0, 1}  # half of six prompts, for six units
    before = len(judged)
    tune(PROMPTS, SimulatedModel(), concurrency=1, **options)
    assert len(judged) == before


def test_a_judge_has_the_rubric_of_the_task_and_one_that_says_nothing_scores_nothing():
    judged = []

    def judge(request):
        judged.append(request.messages[-1].text)
        return "no verdict"

    found = tune("joke", SimulatedModel(), score=LLMJudge(judge), **SMALL)
    assert math.isnan(found.standing.quality)
    rubric = plugins.task("joke").rubric
    assert any(rubric in each for each in judged)


def test_right_answers_are_known_to_a_task():
    found = tune("states", SimulatedModel(), **{**SMALL, "floor": 0.5})
    assert 0.5 <= found.standing.quality <= 1


class Paraphrasing(SimulatedModel):
    """A model that says one thing in other words."""

    def answer(self, messages, schema=None):
        completion = super().answer(messages, schema)
        texts = ["A bear in the wood", "A bear in a wood", "The bear in the wood", "Bear, a wood"]
        answers = [{"text": text, "probability": 0.2} for text in texts]
        return Completion(json.dumps({"responses": answers}), completion.usage)


def test_the_same_in_other_words_is_one_answer():
    with SimulatedServer() as server:
        same = ByMeaning(OpenAIEmbedder("e", base_url=server.base_url), above=0.3)
        given = {"strategies": ["vs_standard"], "ks": [4], "n": 4, "thresholds": [None], "units": 6}
        by_text = tune(PROMPTS, Paraphrasing(), **given)
        by_meaning = tune(PROMPTS, Paraphrasing(), same=same, **given)
    name = "vs_standard k=4"
    assert by_text.standings[name].diversity == 1
    assert by_meaning.standings[name].diversity == 0.25


def test_temperatures_reach_the_model():
    with SimulatedServer() as server:
        model = OpenAIModel("simulated", base_url=server.base_url, api_key="x")
        options = {**SMALL, "ks": [5], "strategies": ["vs_standard"], "temperatures": [0.3, 0.9]}
        found = tune(PROMPTS, model, **options)
        assert {request["temperature"] for request in server.requests} == {0.3, 0.9}
        assert found.profile().parameters == {"temperature": found.winner.temperature}
        assert found.profile().model == "simulated"
    with pytest.raises(ConfigurationError, match=r"model\.replace"):
        tune(PROMPTS, SimulatedModel(), **options)


def test_cost_is_the_price_of_what_was_read_and_written():
    def spent(price):
        found = tune(PROMPTS, SimulatedModel(), price=price, **SMALL)
        return {
            (name, *place): (each.cost, each.tokens)
            for name, units in found.measured.items()
            for place, each in units.items()
        }

    read, written = spent((3.0, 0.0)), spent((0.0, 2.0))
    for place, (cost, tokens) in spent((1.0, 1.0)).items():
        assert cost == pytest.approx(tokens / 1e6)
        assert cost == pytest.approx(read[place][0] / 3 + written[place][0] / 2)
        assert min(read[place][0], written[place][0]) > 0


def test_what_a_model_does_not_count_is_not_made_up():
    said = '{"responses": [{"text": "a", "probability": 1}]}'
    found = tune(PROMPTS, lambda request: said, price=(1.0, 1.0), **SMALL)
    assert {each.tokens for units in found.measured.values() for each in units.values()} == {0}
    assert {each.cost for units in found.measured.values() for each in units.values()} == {0}


def test_cost_is_bounded():
    plain = tune(PROMPTS, SimulatedModel(), price=(1.0, 1.0), **SMALL)
    costs = {name: standing.cost for name, standing in plain.standings.items()}
    assert plain.keeps
    for limit in ({"most_cost": min(costs.values()) / 2}, {"most_tokens": 1}):
        assert not tune(PROMPTS, SimulatedModel(), price=(1.0, 1.0), **SMALL, **limit).keeps
    with pytest.raises(ConfigurationError, match="needs the price"):
        tune(PROMPTS, SimulatedModel(), most_cost=1.0, **SMALL)


async def test_it_runs_where_an_event_loop_runs():
    assert tune(PROMPTS, SimulatedModel(), **SMALL).winner


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"n": 1}, "n must be"), ({"units": 3}, "units must be"), ({"ks": []}, "at least one k"),
        ({"ks": [0]}, "k must be"), ({"floor": 0.5}, "needs a score"),
        ({"loss": 0.1}, "needs a score"), ({"strategies": ["nothing"]}, "Unknown strategy"),
        ({"options": {"colour": 1}}, "colour"),
    ],
)  # fmt: skip
def test_options_that_cannot_work_are_errors(options, named):
    with pytest.raises(ConfigurationError, match=named):
        tune(PROMPTS, Counting(), **{**SMALL, **options})


def test_prompts_come_from_a_table(tmp_path):
    file = tmp_path / "products.csv"
    file.write_text("product,for\n" + "\n".join(f"thing {n},you" for n in range(50)))
    options = {"prompt": "Write a tagline for {product}."}
    found = prompts_of(file, **options)
    assert found == [f"Write a tagline for thing {n}." for n in range(50)]
    some = prompts_of(file, **options, most=10, seed=1)
    assert len(set(some)) == 10
    assert set(some) < set(found)
    assert some == prompts_of(file, **options, most=10, seed=1) != some[::-1]
    assert prompts_of([{"q": "Name a bird."}], prompt_column="q") == ["Name a bird."]
    drawn = [prompts_of(file, **options, most=10, seed=seed) for seed in range(200)]
    times = [sum(text in each for each in drawn) for text in found]
    assert 15 <= min(times) <= max(times) <= 68  # of 200, at 40 each: five deviations around
    with pytest.raises(ConfigurationError, match=r"products\.csv:2: .*price"):
        prompts_of(file, prompt="{price}")
    with pytest.raises(ConfigurationError, match="no row"):
        prompts_of([], prompt="x")


def test_the_command_takes_a_table(tmp_path):
    (tmp_path / "p.csv").write_text("kind\n" + "\n".join(["bird", "state", "joke", "tree"]))
    done = vs(
        "tune", "--prompts", str(tmp_path / "p.csv"), "--template", "Name a {kind}.", "--simulated",
        "-k", "3", "--strategies", "vs_standard", "--threshold", "1", "--units", "6", "--json",
        "--same", "0.999", "--embedding-model", "e",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["winner"] == "vs_standard k=3"
    assert (
        json.loads(done.stdout)["confirmed"]["units"] == 3
    )  # half of --units, on the other prompts


# --- the command -----------------------------------------------------------------------------


def test_the_command_writes_a_profile_and_goes_on(tmp_path):
    (tmp_path / "prompts.txt").write_text("\n".join(PROMPTS))
    command = (
        "--prompts", str(tmp_path / "prompts.txt"), "--simulated", "-k", "3,5", "--units", "6",
        "--strategies", "sequence,vs_standard", "--out", str(tmp_path / "p.toml"),
        "--records", str(tmp_path / "records"), "--figure", str(tmp_path / "race.svg"),
    )  # fmt: skip
    done = vs("tune", *command)
    assert done.returncode == 0, done.stderr
    for said in ("SIMULATED", "prompts that nothing was chosen by", "calls to choose", "stayed"):
        assert said in done.stdout
    assert Profile.load(tmp_path / "p.toml").made_by == "vs tune"
    assert "SIMULATED" in (tmp_path / "race.svg").read_text()
    kept = (tmp_path / "records" / "completions.jsonl").read_bytes()
    again = vs("tune", *command, "--json")
    assert json.loads(again.stdout)["settings"] == Profile.load(tmp_path / "p.toml").settings
    assert (tmp_path / "records" / "completions.jsonl").read_bytes() == kept


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--prompts FILE"), (("--task", "states", "--template", "x"), "goes with --prompts"),
        (("--task", "nothing", "--simulated"), "Unknown task"),
        (("--task", "states", "--simulated", "-k", "3.5"), "whole numbers"),
        (("--task", "states", "--simulated", "--threshold", "x"), "numbers"),
        (("--task", "states", "--simulated", "--price", "1"), "two numbers"),
        (("--task", "states", "--simulated", "--out", "p.yaml"), "ends in .toml"),
        (("--task", "states", "--simulated", "--figure", "p.gif"), "ends in .svg"),
        (("--task", "joke", "--simulated", "--floor", "0.5"), "needs a score"),
        (("--task", "joke", "--simulated", "--same", "near"), "--same is text, judge, or a cosine"),
        (("--task", "joke", "--simulated", "--same", "0.9"), "needs --embedding-model"),
        (("--task", "joke", "--simulated", "--embedding-model", "e"), "--same 0.9"),
    ],
)  # fmt: skip
def test_the_command_refuses_what_cannot_work(arguments, message, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["vs", "tune", *arguments])
    with pytest.raises(SystemExit) as exit:
        main()
    assert exit.value.code == 2
    assert message in capsys.readouterr().err
