"""What type checkers reveal of a user's script, and what they refuse in it."""

import pytest

from tests.checkers import checked

SCRIPT = """
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
REVEALED = [
    "Distribution[Any]", "Joke", "Distribution[Any]", "AIMessage", "list[str]", "Joke",
    "Distribution[Any]", "str", "AIMessage",
]  # fmt: skip


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_results_are_typed_and_misspelled_options_refused(checker, tmp_path):
    revealed, refused = checked(SCRIPT, checker, tmp_path)
    assert revealed == REVEALED
    assert [line.strip() for line in refused] == [
        "VerbalizedSampler(tresholt=0.1)",
        'VerbalizedSampler(k="five")',
        'VerbalizedSampler(output="poem")',
        "VerbalizedPrompt(kk=5)",
        "VerbalizedOutputParser(tresholt=0.1)",
        "VerbalizedRetriever(retreiver=llm)",
    ]
