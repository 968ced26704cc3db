"""What type checkers reveal of a user's script over the core, and what they refuse in it."""

import dataclasses
import inspect

import pytest

import vs_core
from tests.checkers import checked
from vs_core import Strategy
from vs_core.strategies.base import Options

SCRIPT = """
from pydantic import BaseModel
from typing_extensions import reveal_type

from vs_core import Candidate, Distribution, averbalize, verbalize
from vs_core.clients import OpenAIModel


class Joke(BaseModel):
    name: str


def drawn(distribution: Distribution) -> str:
    return distribution.sample().text


model = OpenAIModel("m", temperature=0.7)
reveal_type(verbalize("x", model, schema=Joke)[0].value)
reveal_type(verbalize("x", model, schema=Joke, k=3, n=9, on_failure="keep"))
reveal_type(verbalize("x", model, k=3, seed=1).sample())
reveal_type(verbalize("x", model, schema=Joke).sample(2))
reveal_type(verbalize("x", model, schema=Joke).filter(min_probability=0.1)[:2].texts)
reveal_type(Distribution[Joke].model_validate_json("{}"))
reveal_type([joke.value.name for joke in verbalize("x", model, schema=Joke)])
drawn(verbalize("x", model, schema=Joke))


async def later() -> None:
    reveal_type(await averbalize("x", model.acomplete, schema=Joke))


verbalize("x", model, kk=5)
verbalize("x", model, k="five")
verbalize("x", model, on_failure="ignore")
verbalize("x", model, schema=Joke)[0].value.nope
Candidate(txt="a")
"""
REVEALED = [
    "Joke",
    "Distribution[Joke]",
    "Candidate[Any]",
    "list[Candidate[Joke]]",
    "list[str]",
    "Distribution[Joke]",
    "list[str]",
    "Distribution[Joke]",
]


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_results_are_typed_and_misspelled_options_refused(checker, tmp_path):
    revealed, refused = checked(SCRIPT, checker, tmp_path)
    assert revealed == REVEALED
    assert [line for line in refused if line] == SCRIPT.strip().splitlines()[-5:]


LLAMA_INDEX = """
from vs_llama_index import (
    VerbalizedFusionRetriever,
    VerbalizedQueryTransform,
    VerbalizedQuestionGenerator,
    VerbalizedSynthesizer,
)
VerbalizedQueryTransform(k=3, threshold=0.1, on_failure="keep")
VerbalizedSynthesizer(k=3, schema=int)
VerbalizedQueryTransform(tresholt=0.1)
VerbalizedSynthesizer(retries="two")
VerbalizedFusionRetriever([], on_failure="ignore")
VerbalizedQuestionGenerator(kk=3)
"""


def test_options_of_llama_index_are_spelled_out(tmp_path):
    # DSPy has no types to offer, and a class made of its parts takes anything.
    _, refused = checked(LLAMA_INDEX, "mypy", tmp_path)
    wrong = LLAMA_INDEX.strip().splitlines()[-4:]
    assert [line for line in refused if line in wrong] == wrong
    right = LLAMA_INDEX.strip().splitlines()[6:8]
    assert not set(right) & set(refused)


def test_the_types_of_options_are_those_of_the_strategies():
    fields = {field.name: field.type for field in dataclasses.fields(Strategy)}
    del fields["schema"], fields["made_for"]  # the latter is what `profile` comes to
    hints = {name: hint.__forward_arg__ for name, hint in Options.__annotations__.items()}
    assert hints.pop("profile") == "ProfileLike | None"
    assert hints.keys() == fields.keys()
    literal = {"on_failure": "Literal['raise', 'keep']"}
    for name, hint in hints.items():
        assert hint.replace('"', "'") == literal.get(name, str(fields[name]).replace('"', "'"))


def test_verbalize_takes_what_its_type_says():
    from vs_core.driver import VerbalizeOptions

    for function in (vs_core.verbalize, vs_core.averbalize):
        spelled = set(inspect.signature(function).parameters) - {"prompt", "complete", "options"}
        assert spelled == set(VerbalizeOptions.__annotations__) - set(Options.__annotations__)
