"""Profiles: settings in a file, taken by whatever asks a model."""

from __future__ import annotations

import json
import logging
import pickle
import re
import sys
from pathlib import Path

import dspy
import pytest
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from llama_index.llms.openai_like import OpenAILike

from vs_core import ConfigurationError, MissingExtraError, VSCoT, averbalize, verbalize
from vs_core.clients import OpenAIModel
from vs_core.profiles import Figure, Profile, same_model
from vs_core.strategies import calls
from vs_core.strategies.base import strategy_of
from vs_core.testing import SimulatedModel, SimulatedServer
from vs_dspy import VerbalizedSampler as DSPySampler
from vs_langchain import VerbalizedRetriever, VerbalizedSampler
from vs_llama_index import VerbalizedLLM, VerbalizedQueryTransform

PROMPT = "Tell me a joke about coffee."
SETTINGS = {"strategy": "vs_cot", "k": 4, "threshold": 0.2, "retries": 0}


@pytest.fixture
def profile():
    return Profile(
        settings=SETTINGS,
        model="gpt-4.1-mini",
        answers_as="gpt-4.1-mini-2025-04-14",
        parameters={"temperature": 0.7, "structured": True},
        figures={"read exactly": Figure(0.9, 0.8, 0.97, 20, "share of answers"), "s": Figure(1)},
        note='Made for "jokes".\nNot for facts.',
        made_by="a test",
        made="2026-11-25T06:00:00+00:00",
        versions={"vs-core": "0.1.0"},
    )


@pytest.fixture
def path(profile, tmp_path):
    return profile.save(tmp_path / "jokes.toml")


@pytest.fixture(autouse=True)
def _warned_of_nothing():
    calls._of_another.cache_clear()


# --- files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".toml", ".json"])
def test_what_is_written_is_read(profile, tmp_path, ending):
    saved = profile.save(tmp_path / f"jokes{ending}")
    assert Profile.load(str(saved)) == Profile.of(saved) == profile
    assert [file.name for file in tmp_path.iterdir()] == [saved.name]
    assert pickle.loads(pickle.dumps(profile)) == profile


def test_zero_and_false_are_written(tmp_path):
    kept = Profile(settings={"retries": 0, "written": False}, parameters={"bounds": False})
    assert Profile.load(kept.save(tmp_path / "p.toml")) == kept


def test_a_date_of_toml_is_a_date(tmp_path):
    (tmp_path / "p.toml").write_text("made = 2026-11-25T06:00:00Z\n[settings]\nk = 3\n")
    assert Profile.load(tmp_path / "p.toml").made == "2026-11-25T06:00:00+00:00"


def test_no_secret_is_written(tmp_path):
    parameters = {"temperature": 1.0, "extra_headers": {"Authorization": "Bearer sk-1"}}
    saved = Profile(settings={}, parameters=parameters).save(tmp_path / "p.toml")
    assert "sk-1" not in saved.read_text()
    assert "temperature" in saved.read_text()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("k = [", "is no TOML"),
        ("[settings]\nk = 3\n[extras]\na = 1\n", "not extras"),
        ("model = 3\n[settings]\nk = 3\n", "model: Input should be a valid string"),
        ("model = 'x'\n", "settings: Field required"),
        ("[settings]\nk = {a = 1}\n", "k is a dict"),
        ("[settings]\n[figures.a]\nlow = 1\n", "figures.a.value"),
    ],
)
def test_what_is_no_profile_is_named_with_its_file(tmp_path, text, named):
    file = tmp_path / "broken.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=named) as caught:
        verbalize(PROMPT, SimulatedModel(), profile=file)
    assert str(file) in str(caught.value)


def test_files_that_cannot_be(tmp_path, profile, monkeypatch):
    with pytest.raises(ConfigurationError, match=r"nothing\.toml cannot be read: No such file"):
        Profile.load(tmp_path / "nothing.toml")
    (tmp_path / "p.json").write_text("[]")
    with pytest.raises(ConfigurationError, match="no table"):
        Profile.load(tmp_path / "p.json")
    with pytest.raises(ConfigurationError, match=r"ends in \.toml or \.json"):
        profile.save(tmp_path / "p.yaml")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        profile.save(tmp_path / "nowhere" / "p.toml")
    monkeypatch.setitem(sys.modules, "tomli_w", None)
    with pytest.raises(MissingExtraError, match=r"vs-core\[cli\]"):
        profile.save(tmp_path / "p.toml")


def test_made_now_says_when_and_with_what(tmp_path):
    made = Profile.made_now(made_by="me", packages=("openai", "no-such-thing"), settings={"k": 2})
    assert set(made.versions) == {"python", "vs-core", "openai"}
    assert made.made.startswith("20")
    assert Profile.load(made.save(tmp_path / "p.json")) == made


def test_the_profile_of_the_docs_is_one(tmp_path):
    page = (Path(__file__).parents[1] / "docs" / "check.md").read_text()
    (tmp_path / "docs.toml").write_text(re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1])
    found = Profile.load(tmp_path / "docs.toml")
    assert strategy_of(profile=found).k == 5
    assert found.figures["read_exactly"].n == 7


# --- options ---------------------------------------------------------------------------------


def test_what_is_given_wins_over_the_profile(path):
    made = strategy_of(profile=path)
    assert (made.name, made.k, made.threshold, made.retries) == ("vs_cot", 4, 0.2, 0)
    made = strategy_of("vs_multi", profile=path, k=2, threshold=None)
    assert (made.name, made.k, made.threshold, made.retries) == ("vs_multi", 2, None, 0)
    assert strategy_of(None) == strategy_of("vs_standard")


def test_prompts_are_a_table_of_templates(tmp_path):
    words = {"verbalize": "Give {k}. {sampling}"}
    file = Profile(settings={"prompts": words, "k": 3}).save(tmp_path / "p.toml")
    assert strategy_of(profile=file).prompts.verbalize == words["verbalize"]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"k": 0}, "With the profile: k must be"),
        ({"strategy": "vs_standart"}, "Did you mean 'vs_standard'"),
        ({"colour": 1}, "colour"),
    ],
)
def test_settings_that_cannot_work_are_errors(settings, named):
    with pytest.raises(ConfigurationError, match=named):
        verbalize(PROMPT, SimulatedModel(), profile=Profile(settings=settings))


def test_a_strategy_that_is_an_object_has_its_own_options(path):
    with pytest.raises(ConfigurationError, match="give its name beside a profile"):
        verbalize(PROMPT, SimulatedModel(), strategy=VSCoT(k=3), profile=path)


# --- every door ------------------------------------------------------------------------------


@pytest.fixture
def server():
    with SimulatedServer(names=["gpt-4.1-mini", "other"]) as server:
        yield server


def _core(server, path, model):
    return verbalize(PROMPT, OpenAIModel(model, base_url=server.base_url), profile=path)


def _langchain(server, path, model):
    llm = ChatOpenAI(model=model, base_url=server.base_url, api_key="x")
    chain = ChatPromptTemplate.from_template("{task}") | llm | VerbalizedSampler(profile=path)
    return chain.invoke({"task": PROMPT})


def _dspy(server, path, model):
    lm = dspy.LM(f"openai/{model}", api_base=server.base_url, api_key="x", cache=False)
    with dspy.context(lm=lm):
        return DSPySampler("task -> joke", profile=path)(task=PROMPT).distribution


def _llama_index(server, path, model):
    llm = OpenAILike(model=model, api_base=server.base_url, api_key="x", is_chat_model=True)
    return VerbalizedLLM(llm, profile=path).complete(PROMPT).raw


DOORS = [_core, _langchain, _dspy, _llama_index]


@pytest.mark.parametrize("door", DOORS)
def test_every_door_asks_as_the_profile_says(door, server, path):
    found = door(server, path, "gpt-4.1-mini")
    assert len(found) == 4
    assert found.metadata["strategy"] == "vs_cot"
    assert found.metadata["threshold"] == 0.2
    assert len(server.requests) == 1
    assert "0.2" in json.dumps(server.requests[0]["messages"])
    assert not found.remarks


@pytest.mark.parametrize("door", DOORS)
def test_another_model_is_warned_of_once(door, server, path, caplog):
    caplog.set_level(logging.WARNING)
    for _ in range(2):
        found = door(server, path, "other")
        assert found.remarks == ("the profile was made for gpt-4.1-mini, and other answered",)
    said = [record.getMessage() for record in caplog.records if record.name == "vs_core"]
    assert [text for text in said if "profile" in text] == [
        "the profile was made for gpt-4.1-mini, and other answered: what is best for one may not "
        "be for another"
    ]


async def test_other_parts_and_the_asynchronous_twin_take_profiles(server, path):
    model = OpenAIModel("gpt-4.1-mini", base_url=server.base_url)
    assert len(await averbalize(PROMPT, model.acomplete, profile=path, k=2)) == 2
    llm = ChatOpenAI(model="gpt-4.1-mini", base_url=server.base_url, api_key="x")
    retriever = VerbalizedRetriever(retriever=lambda query: [], llm=llm, profile=path)
    assert (retriever.strategy, retriever.k, retriever.threshold) == ("vs_cot", 4, 0.2)
    transform = VerbalizedQueryTransform(
        OpenAILike(model="m", api_base=server.base_url, api_key="x", is_chat_model=True),
        profile=path,
    )
    assert transform.strategy.k == 4
    sampler = VerbalizedSampler(llm, profile=path, k=6)
    assert (sampler.k, sampler.threshold, sampler.strategy) == (6, 0.2, "vs_cot")
    assert pickle.loads(pickle.dumps(sampler._strategy())) == sampler._strategy()
    assert sampler._strategy().made_for == ("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("gpt-4.1-mini", "GPT-4.1-mini", True),
        ("openai/gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", True),
        ("claude-sonnet-4-20250514", "anthropic/claude-sonnet-4", True),
        ("gpt-4-0613", "gpt-4", True),
        ("/models/SmolLM2-135M.gguf", "smollm2-135m", True),
        ("gpt-4.1-mini", "gpt-4.1", False),
        ("gpt-4.1-mini", "gpt-4.1-nano", False),
        ("qwen-72b", "qwen-7b", False),
    ],
)
def test_names_of_one_model(one, other, same):
    assert same_model(one, other) is same_model(other, one) is same
