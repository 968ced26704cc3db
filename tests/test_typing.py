"""What type checkers reveal of a user's script over the core, and what they refuse in it."""

import dataclasses
import inspect
from importlib.util import find_spec

import pytest

import vs_core
from tests.checkers import checked
from vs_core import Strategy
from vs_core.strategies.base import Options

CORE = """
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
LANGCHAIN = """
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from pydantic import BaseModel
from typing_extensions import reveal_type

from vs_langchain import (
    VerbalizedChatModel,
    VerbalizedOutputParser,
    VerbalizedPrompt,
    VerbalizedRetriever,
    VerbalizedSampler,
)


class Joke(BaseModel):
    setup: str


llm = ChatOpenAI(model="m")
chain = ChatPromptTemplate.from_template("{x}") | llm
given = {"x": "a"}
reveal_type((chain | VerbalizedSampler(k=5)).invoke(given))
reveal_type((chain | VerbalizedSampler(k=5, schema=Joke)).invoke(given)[0].value)
reveal_type((chain | VerbalizedSampler(k=5, schema={"type": "object"})).invoke(given))
reveal_type((chain | VerbalizedSampler(output="message")).invoke(given))
reveal_type((chain | VerbalizedSampler(output="text")).batch([given]))
reveal_type((chain | VerbalizedSampler(output="value", schema=Joke)).invoke(given))
reveal_type(VerbalizedSampler(k=5).around(chain.with_retry()).invoke(given))
reveal_type(VerbalizedSampler(llm, output="text").invoke("a"))
reveal_type(VerbalizedChatModel(llm, k=5).invoke("a"))
VerbalizedSampler(tresholt=0.1)
VerbalizedSampler(k="five")
VerbalizedSampler(output="poem")
VerbalizedPrompt(kk=5)
VerbalizedOutputParser(tresholt=0.1)
VerbalizedRetriever(retreiver=llm)
"""
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
# DSPy has no types to offer, and a class made of its parts takes anything.
SCRIPTS = {"core": CORE, "langchain": LANGCHAIN, "llama_index": LLAMA_INDEX}
REVEALED = {
    "core": [
        "Joke", "Distribution[Joke]", "Candidate[Any]", "list[Candidate[Joke]]", "list[str]",
        "Distribution[Joke]", "list[str]", "Distribution[Joke]",
    ],
    "langchain": [
        "Distribution[Any]", "Joke", "Distribution[Any]", "AIMessage", "list[str]", "Joke",
        "Distribution[Any]", "str", "AIMessage",
    ],
    "llama_index": [],
}  # fmt: skip
WRONG = {"core": 5, "langchain": 6, "llama_index": 4}
"""How many lines of a script, its last, are wrong."""


@pytest.mark.slow
@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_results_are_typed_and_misspelled_options_refused(checker, tmp_path):
    here = {name: SCRIPTS[name] for name in SCRIPTS if name == "core" or find_spec(name)}
    if checker == "pyright":
        here.pop("llama_index", None)  # LlamaIndex itself has types that pyright does not know
    for name, (revealed, refused) in checked(here, checker, tmp_path).items():
        assert revealed == REVEALED[name]
        lines = SCRIPTS[name].strip().splitlines()
        wrong = [line for line in refused if line in lines[-WRONG[name] :]]
        assert wrong == lines[-WRONG[name] :]
        assert not [line for line in refused if line not in wrong and "import" not in line], name


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
