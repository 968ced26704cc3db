"""A graph that keeps several drafts alive: fan out over the candidates, judge each, join, choose.

One call gives the drafts. Each goes its own way (`Send`), where it is judged, at the same time as
the others; the join sees all of them. With a checkpointer, another draft can be chosen later.

It needs `pip install langgraph`. Run it with OPENAI_API_KEY set. Without a key, start `vs serve`
and set OPENAI_BASE_URL to the address it prints, and OPENAI_API_KEY to anything: the answers are
then simulated.
"""

import operator
from typing import Annotated, Any, TypedDict

from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from pydantic import BaseModel, Field

from vs_core import Candidate, Distribution
from vs_langchain import VerbalizedSampler


class Verdict(BaseModel):
    """A judge's opinion."""

    score: int = Field(ge=1, le=10)


class Judged(BaseModel):
    """A draft with its score."""

    draft: Candidate
    score: int


class State(TypedDict, total=False):
    product: str
    drafts: Distribution
    judged: Annotated[list[Judged], operator.add]
    slogan: str


def build(llm: ChatOpenAI) -> Any:
    """Return the graph over a model."""
    write = ChatPromptTemplate.from_template("Write a slogan for {product}.") | llm
    judge = ChatPromptTemplate.from_template(
        "Rate this slogan from 1 to 10.\nSlogan: {slogan}"
    ) | llm.with_structured_output(Verdict)
    drafting = write | VerbalizedSampler(k=4, threshold=0.2)

    def draft(state: State) -> State:
        return {"drafts": drafting.invoke(state)}

    def each(state: State) -> list[Send]:
        return [Send("judge", {"draft": candidate}) for candidate in state["drafts"]]

    def judged(state: dict[str, Any]) -> State:
        verdict = judge.invoke({"slogan": state["draft"].text})
        return {"judged": [Judged(draft=state["draft"], score=verdict.score)]}

    def choose(state: State) -> State:
        best = max(state["judged"], key=lambda one: one.score)
        return {"slogan": best.draft.text}

    builder = StateGraph(State)
    builder.add_node("draft", draft)
    builder.add_node("judge", judged)
    builder.add_node("choose", choose)
    builder.add_edge(START, "draft")
    builder.add_conditional_edges("draft", each, ["judge"])
    builder.add_edge("judge", "choose")
    builder.add_edge("choose", END)
    return builder.compile(checkpointer=InMemorySaver())


def main() -> None:
    graph = build(ChatOpenAI(model="gpt-4.1-mini"))
    config: Any = {"configurable": {"thread_id": "1"}}
    state = graph.invoke({"product": "a folding bicycle"}, config)
    for one in state["judged"]:
        print(f"{one.score:2}  {one.draft.probability}  {one.draft.text}")
    print("chosen:", state["slogan"])
    # Time travel: back to where all drafts were judged, and another one taken.
    before = next(past for past in graph.get_state_history(config) if past.next == ("choose",))
    others = [one for one in before.values["judged"] if one.draft.text != state["slogan"]]
    print("instead:", others[0].draft.text)


if __name__ == "__main__":
    main()
