"""Ten jokes about coffee: asked one by one, and drawn from a verbalized distribution.

Run it with OPENAI_API_KEY set. Without a key, start `vs serve` and set OPENAI_BASE_URL to the
address it prints, and OPENAI_API_KEY to anything: the answers are then simulated.
"""

from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI

from vs_langchain import VerbalizedSampler

TOPIC = {"topic": "coffee"}


def main() -> None:
    prompt = ChatPromptTemplate.from_template("Tell me a joke about {topic}.")
    llm = ChatOpenAI(model="gpt-4.1-mini")

    direct = [message.text for message in (prompt | llm).batch([TOPIC] * 10)]
    print(f"asked ten times: {len(set(direct))} distinct jokes")

    distribution = (prompt | llm | VerbalizedSampler(k=5, n=10)).invoke(TOPIC)
    drawn = distribution.sample(10, seed=7)
    print(f"drawn ten times: {len({joke.text for joke in drawn})} distinct jokes, two calls")
    print(distribution)


if __name__ == "__main__":
    main()
