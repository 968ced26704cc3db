"""What type checkers reveal of a user's script, and what they refuse in it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from pydantic import BaseModel
from typing_extensions import reveal_type

from vs_langchain import VerbalizedChatModel, VerbalizedSampler


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
"""
REVEALED = [
    "Distribution[Any]", "Joke", "Distribution[Any]", "AIMessage", "list[str]", "Joke",
    "Distribution[Any]", "str", "AIMessage",
]  # fmt: skip


def said_by(checker: str, path: Path) -> str:
    """What a checker says of a file, by the packages of this interpreter."""
    command = {
        "mypy": ["--strict", "--config-file=", str(path)],
        "pyright": ["--pythonpath", sys.executable, str(path)],
    }[checker]
    done = subprocess.run(
        [sys.executable, "-m", checker, *command], capture_output=True, text=True, cwd=path.parent
    )
    return done.stdout


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_results_are_typed_and_misspelled_options_refused(checker, tmp_path):
    pytest.importorskip(checker)
    path = tmp_path / "user.py"
    path.write_text(SCRIPT)
    said = said_by(checker, path)
    revealed = re.findall(r'evealed type is "(.*)"|Type of .* is "(.*)"$', said, re.MULTILINE)
    plain = [re.sub(r"[\w.]+\.(?=\w)", "", first or second) for first, second in revealed]
    assert plain == REVEALED, said
    refused = {int(line) for line in re.findall(r"user\.py:(\d+)(?::\d+)?(?: -|:) error", said)}
    assert refused == {26, 27, 28}, said
