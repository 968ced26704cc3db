"""Synthetic data: typed candidates, many from each call, without the typical ones twice.

Run it with OPENAI_API_KEY set. Without a key, start `vs serve` and set OPENAI_BASE_URL to the
address it prints, and OPENAI_API_KEY to anything: the answers are then simulated.
"""

from typing import Literal

from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field

from vs_langchain import VerbalizedSampler


class Problem(BaseModel):
    """A word problem for children."""

    question: str
    answer: int = Field(description="the number that solves it")
    topic: Literal["money", "time", "animals", "food"]


def main() -> None:
    prompt = ChatPromptTemplate.from_template("Write a word problem for a pupil of {age} years.")
    sampler = VerbalizedSampler(k=5, n=10, threshold=0.2, schema=Problem)
    chain = prompt | ChatOpenAI(model="gpt-4.1-mini") | sampler

    inputs = [{"age": age} for age in (7, 9, 11)]
    problems: dict[str, Problem] = {}
    for _, distribution in chain.batch_as_completed(inputs, {"max_concurrency": 4}):
        for candidate in distribution:
            problems.setdefault(candidate.value.question, candidate.value)
    print(f"{len(problems)} different problems of 30")
    for problem in list(problems.values())[:5]:
        print(problem.model_dump_json())


if __name__ == "__main__":
    main()
