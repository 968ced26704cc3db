"""A graph and an agent: a node that invents, and an agent whose answers are drawn.

It needs `pip install langchain` for the agents and langgraph. Run it with OPENAI_API_KEY set.
Without a key, start `vs serve` and set OPENAI_BASE_URL to the address it prints, and OPENAI_API_KEY
to anything: the answers are then simulated.
"""

from typing import TypedDict

from langchain.agents import create_agent
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, StateGraph

from vs_core import Distribution
from vs_langchain import VerbalizedSampler
from vs_langchain.middleware import VerbalizedMiddleware


class State(TypedDict, total=False):
    product: str
    names: Distribution
    name: str


@tool
def availability(name: str) -> str:
    """Say whether a name is still available."""
    return f"{name} is available"


def main() -> None:
    llm = ChatOpenAI(model="gpt-4.1-mini")
    prompt = ChatPromptTemplate.from_template("Suggest a name for {product}.")
    names = prompt | llm | VerbalizedSampler(k=5, threshold=0.3)

    builder = StateGraph(State)
    builder.add_node("invent", lambda state, config: {"names": names.invoke(state, config)})
    builder.add_node("choose", lambda state: {"name": state["names"].sample(seed=7).text})
    builder.add_edge(START, "invent")
    builder.add_edge("invent", "choose")
    builder.add_edge("choose", END)
    state = builder.compile().invoke({"product": "a kettle that sings"})
    print("chosen from", len(state["names"]), "names:", state["name"])

    agent = create_agent(llm, [availability], middleware=[VerbalizedMiddleware(k=5)])
    question = "Use the tool availability, then recommend a name for a kettle that sings."
    for message in agent.invoke({"messages": [("user", question)]})["messages"]:
        called = [call["name"] for call in getattr(message, "tool_calls", ())]
        print(f"{message.type}: {message.text or called}")


if __name__ == "__main__":
    main()
