"""A check, over HTTP: of a model that behaves, and of one that misbehaves in each way."""

import json
import math
from typing import get_args

import pytest

from vs_core import ConfigurationError, ModelError, parse, verbalize
from vs_core.checking import FORMATS, Check, ProbeResult, check, record, recorded
from vs_core.checking.findings import share
from vs_core.clients import OpenAIModel
from vs_core.profiles import Profile
from vs_core.testing import SimulatedModel, SimulatedServer
from vs_core.testing.model import Quirk

PLAIN = {"strategy": "vs_standard", "k": 5, "format": "json", "retries": 1}


def checked(*habits, quirks=(), options=None, **server):
    with SimulatedServer(SimulatedModel(habits=habits, quirks=quirks), **server) as running:
        model = OpenAIModel("simulated", base_url=running.base_url, api_key="x", max_retries=0)
        found = check(model, **(options or {}))
        assert len(running.requests) - sum(r.outcome == "failed" for r in found.results) == (
            found.calls
        )
        return found


def test_a_model_that_behaves_is_asked_about_a_dozen_times():
    found = checked()
    assert found.verdict == "yes"
    assert (found.calls, found.remarks, found.parameters) == (13, [], {})
    assert found.settings == PLAIN
    assert {result.format for result in found.of("format")} == set(FORMATS)
    assert {r.strategy for r in found.results} == {
        "vs_standard", "vs_cot", "vs_multi", "sequence", "direct"
    }  # fmt: skip
    assert all(r.outcome == "exact" and r.kept and r.as_asked for r in found.results)
    assert [r.given for r in found.of("turns", "many", "direct")] == [10, 15, 1]
    assert (found.structured, found.streaming, found.usage) == ("enforced", "in pieces", "there")
    (tail,) = found.of("tail")
    assert tail.under == 1.0
    (stream,) = found.of("stream")
    assert stream.pieces > 10
    assert 0 < stream.first <= stream.seconds
    figures = found.figures
    assert (figures["read_exactly"].value, figures["read_exactly"].n) == (1.0, 7)
    assert figures["kept_k"].low == pytest.approx(0.6457, abs=1e-4)
    assert figures["tokens_a_useful_answer"].value > figures["tokens_a_direct_answer"].value
    assert found.cost_a_useful_answer((1e6, 0)).value < figures["tokens_a_useful_answer"].value


def test_the_figures_are_those_of_the_answers():
    found = checked()
    plain = [r for r in found.chosen if r.strategy == "vs_standard" and r.k == 5]
    for result in plain:
        (completion,) = result.completions
        again = parse(completion.text)
        assert result.masses == (pytest.approx(again.mass, abs=1e-6),)
        assert result.distinct == len(again.dedupe())
        assert result.usage == completion.usage
    spent = sum(r.usage["input_tokens"] * 2 + r.usage["output_tokens"] * 3 for r in plain)
    assert found.cost_a_useful_answer((2, 3)).value == pytest.approx(spent / 1e6 / 5 / len(plain))
    assert found.cost_a_useful_answer((0, 0)) is None


def test_all_that_was_found_is_in_its_dict_and_its_profile():
    found = checked()
    said = found.as_dict()
    for name in said.keys() - {"figures", "results"}:
        assert said[name] == getattr(found, name)
    assert said.keys() >= {"verdict", "thoughts", "answers_as", "calls"}
    assert said["figures"].keys() == found.figures.keys()
    assert len(said["results"]) == len(found.results)
    for name in ("read_exactly", "kept_k", "under_threshold"):
        assert found.figures[name].unit == "share"
    assert found.answers_as == found.model  # which a profile need not say twice
    assert found.profile().answers_as is None


EXPECTED = {
    # habit: verdict, settings that differ, part of a remark
    "bare": ("partly", {}, "Only a schema brings it to give probabilities"),
    "certain": ("partly", {}, "sum to 4.8"),
    "empty": ("no", None, "pays no heed to it"),
    "fence": ("yes", {}, "pays no heed to it"),
    "head": ("yes", {}, None),
    "long": ("partly", {}, "7 candidates came where 5 were asked for"),
    "malformed": ("yes", {"format": "lines"}, "pays no heed to it"),
    "percent": ("yes", {}, None),
    "plain": ("no", None, None),
    "prose": ("yes", {}, None),
    "refusal": ("no", None, None),
    "repeat": ("partly", {}, "It repeats itself"),
    "short": ("partly", {"k": 2}, "2 candidates came where 5"),
    "stubborn": ("yes", {"format": "lines"}, "a format of its own"),
    "think": ("yes", {}, "It thinks in its answers"),
    "truncated": ("partly", {"k": 4}, "candidates came"),
    "uniform": ("partly", {}, "the same probability"),
}


@pytest.mark.parametrize("habit", get_args(Quirk))
def test_each_way_to_misbehave_is_found(habit):
    verdict, settings, remark = EXPECTED[habit]
    found = checked(habit)
    assert found.verdict == verdict
    assert found.settings == (
        {"strategy": "direct", "k": 1} if settings is None else {**PLAIN, **settings}
    )
    assert remark is None or any(remark in said for said in found.remarks)
    assert found.calls <= 15
    assert bool(found.parameters) is (habit == "bare")


def test_what_is_recommended_works():
    with SimulatedServer(SimulatedModel(habits=["bare"])) as server:
        model = OpenAIModel("simulated", base_url=server.base_url, api_key="x")
        found = check(model)
        profile = found.profile()
        better = model.replace(**profile.parameters)
        assert all(c.probability for c in verbalize("Name a US state.", better, profile=profile))
        assert not any(c.probability for c in verbalize("Name a US state.", model))


@pytest.mark.parametrize(
    ("lack", "about"),
    [
        ("bounds", {"structured": "enforced", "bounds": False}),
        ("structured", {"structured": "ignored"}),
        ("stream", {"streaming": "refused"}),
        ("stream_usage", {"usage": "missing in streams"}),
        ("usage", {"usage": "missing"}),
    ],
)
def test_what_an_endpoint_lacks_is_found(lack, about):
    found = checked(lacks=[lack])
    assert {name: getattr(found, name) for name in about} == about
    assert found.verdict == "yes"
    assert ("tokens_a_call" in found.figures) is (lack != "usage")


def test_a_schema_without_bounds_is_what_is_recommended_where_it_helps():
    assert checked("bare", lacks=["bounds"]).parameters == {"structured": True, "bounds": False}


def test_thoughts_that_come_apart_are_found():
    assert checked(thinks=True).thoughts == "apart"
    assert checked().thoughts is None


def test_a_threshold_that_is_not_kept_is_told():
    prompt = "Flip a fair coin."
    assert "It pays no heed to a threshold: do not use one with it." in (
        checked("head", options={"prompts": [prompt], "k": 2}).remarks
    )


def test_a_list_is_recommended_where_that_alone_is_given():
    """A model that answers in prose, but for the plain list that it is asked for near the end."""
    quirks = ["plain"] * 6 + [None] * 9
    found = checked(quirks=quirks)
    assert found.verdict == "no"
    assert found.settings == {"strategy": "sequence", "k": 5, "format": "json", "retries": 2}


def test_some_calls_may_fail_but_not_the_first():
    found = checked(faults=[None, None, "500", None, "429"])
    assert [r.outcome for r in found.results].count("failed") == 2
    assert "This failure is simulated" in next(r.error for r in found.results if r.error)
    with pytest.raises(ModelError, match=r"The first call of 'simulated' failed: .*simulated"):
        checked(faults=["500"])


def test_options():
    found = checked(
        options={"formats": ["tags"], "repeats": 2, "k": 3, "prompts": ["Name a fruit."]}
    )
    assert found.settings["format"] == "tags"
    assert (found.settings["k"], found.structured) == (3, "not tried")
    assert found.calls == 2 * 10
    assert {r.prompt for r in found.results} == {"Name a fruit."}
    seen = []
    options = {"concurrency": 4, "progress": lambda done, of: seen.append((done, of))}
    found = checked(options=options)
    assert found.verdict == "yes"
    assert [done for done, _ in seen] == list(range(1, 14))
    assert {of for _, of in seen} == {13}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"k": 1}, "at least 2"), ({"k": 0}, "k must be"), ({"prompts": []}, "at least one"),
        ({"formats": []}, "at least one"), ({"formats": ["yaml"]}, "Unknown format"),
        ({"repeats": 0}, "repeats"), ({"concurrency": 0}, "concurrency"),
    ],
)  # fmt: skip
def test_options_that_cannot_work_are_errors(options, named):
    with pytest.raises(ConfigurationError, match=named):
        check(OpenAIModel("m", base_url="http://127.0.0.1:9/v1"), **options)


def test_the_interval_of_a_share():
    """Against statsmodels' Wilson interval."""
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    for count, n in ((0, 3), (2, 5), (12, 12), (7, 20)):
        found = share([True] * count + [False] * (n - count))
        assert (found.low, found.high) == pytest.approx(
            proportion.proportion_confint(count, n, method="wilson"), abs=1e-12
        )
    assert math.isnan(share([]).value)


# --- what is kept ------------------------------------------------------------------------------


def test_a_profile_of_it_and_its_json(tmp_path):
    found = checked("short").of_simulated()
    profile = Profile.load(found.profile().save(tmp_path / "p.toml"))
    assert profile.settings == found.settings
    assert profile.simulated
    assert profile.model == "simulated"
    assert "openai" in profile.versions
    assert profile.figures["kept_k"].n == len(found.chosen)
    assert "does not keep to k" in profile.note
    data = json.loads(json.dumps(found.as_dict()))
    assert data["verdict"] == "partly"
    assert [r["outcome"] for r in data["results"]] == [r.outcome for r in found.results]


def test_the_answers_are_recorded_without_secrets(tmp_path):
    found = checked("prose")
    secret = found.results[0].completions[0].text[:6]  # as if the model repeated a key
    file = record(found, tmp_path / "answers.jsonl", secrets=[secret, ""])
    lines = list(recorded(file))
    assert len(lines) == found.calls
    assert "***" in lines[0]["text"]
    assert secret not in file.read_text()
    first = next(line for line in lines if line["probe"] == "format")
    assert first["outcome"] == "exact"
    assert first["right"] is None
    assert {line["model"] for line in lines} == {found.model}  # as no answer names another
    assert [len(line["read"]) for line in lines if line["probe"] == "turns"] == [5, 5]
    for line in recorded(record(found, tmp_path / "whole.jsonl")):
        if line["format"] and line["strategy"] != "sequence":
            assert [[c.text, c.probability] for c in parse(line["text"])] == line["read"]
    with pytest.raises(ConfigurationError, match="cannot be written"):
        record(found, tmp_path / "nowhere" / "a.jsonl")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        list(recorded(tmp_path / "nothing.jsonl"))


def test_a_result_says_what_it_is():
    result = ProbeResult("format", "vs_standard", "json", "whole", "x", 5, "unreadable", error="no")
    assert not result.readable
    assert not result.kept
    assert result.useful == 0
    assert Check("m", 5, (result,)).verdict == "no"
    assert "completions" not in result.as_dict()
