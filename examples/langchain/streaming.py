"""Candidates as they come: each is shown as soon as the model has finished it.

Run it with OPENAI_API_KEY set. Without a key, start `vs serve` and set OPENAI_BASE_URL to the
address it prints, and OPENAI_API_KEY to anything: the answers are then simulated.
"""

import asyncio

from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI

from vs_langchain import VerbalizedSampler


async def main() -> None:
    prompt = ChatPromptTemplate.from_template("Write the first sentence of a story about {topic}.")
    chain = prompt | ChatOpenAI(model="gpt-4.1-mini") | VerbalizedSampler(k=5)

    shown = 0
    async for distribution in chain.astream({"topic": "a lighthouse"}):
        for candidate in distribution[shown:]:
            print(f"{candidate.probability:.3f}  {candidate.text}", flush=True)
        shown = len(distribution)
    print("drawn:", distribution.sample(seed=7).text)


if __name__ == "__main__":
    asyncio.run(main())
