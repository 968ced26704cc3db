"""Where a sampler weaves itself in, by ``|`` and ``around``, and what it says where it cannot."""

import pytest
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableBranch, RunnableLambda, RunnablePassthrough
from langchain_core.runnables.base import RunnableSequence

from vs_core import ConfigurationError, Distribution
from vs_langchain import VerbalizedChatModel, VerbalizedSampler

PROMPT = ChatPromptTemplate.from_template("Name a US state. Hint: {hint}.")
HINT = {"hint": "any"}

# What LangChain composes without asking the right operand, with the spelling that works instead.
DEAF = {
    "llm": lambda llm: llm,
    "llm.bind(…)": lambda llm: llm.bind(stop=["#"]),
    "llm.with_config(…)": lambda llm: llm.with_config(tags=["mine"]),
    "llm.with_retry(…)": lambda llm: llm.with_retry(),
    "llm.with_fallbacks([…])": lambda llm: llm.with_fallbacks([llm]),
    "(prompt | llm).with_retry(…)": lambda llm: (PROMPT | llm).with_retry(),
    "(prompt | llm).with_config(…)": lambda llm: (PROMPT | llm).with_config(tags=["mine"]),
    "(prompt | llm).with_types(…)": lambda llm: (PROMPT | llm).with_types(output_type=str),
    "(prompt | llm).with_fallbacks([…])": lambda llm: (PROMPT | llm).with_fallbacks([PROMPT | llm]),
    "RunnableBranch": lambda llm: RunnableBranch((bool, PROMPT | llm), PROMPT | llm),
    "(prompt | llm | StrOutputParser).with_retry(…)": lambda llm: (
        PROMPT | llm | StrOutputParser()
    ).with_retry(),
}


@pytest.mark.parametrize("spelled", DEAF)
async def test_around_works_where_the_operator_cannot(llm, server, spelled):
    chain = DEAF[spelled](llm)
    with pytest.raises(ConfigurationError) as caught:
        chain | VerbalizedSampler(k=3)
    assert f"VerbalizedSampler(k=3).around({spelled})" in str(caught.value)
    woven = VerbalizedSampler(k=3).around(chain)
    given = "Name a US state." if spelled.startswith("llm") else HINT
    for distribution in (woven.invoke(given), await woven.ainvoke(given)):
        assert isinstance(distribution, Distribution)
        assert len(distribution) == 3
        if "Parser" in spelled:
            assert [c.value for c in distribution] == [c.text for c in distribution]
    assert len(server.requests) == 2
    if spelled != "RunnableBranch":
        assert woven.get_output_schema() is Distribution


@pytest.mark.parametrize(
    "compose",
    [
        lambda llm, sampler: (PROMPT | llm).pipe(sampler),
        lambda llm, sampler: RunnableSequence(PROMPT, llm, sampler),
    ],
)
def test_other_ways_of_composing_are_told_the_same(llm, compose):
    with pytest.raises(ConfigurationError) as caught:
        compose(llm, VerbalizedSampler(k=3))
    assert "VerbalizedSampler(k=3).around(prompt | llm)" in str(caught.value)


def test_what_holds_no_model_is_refused(llm):
    for chain in (PROMPT, RunnableLambda(str), {"a": PROMPT}, PROMPT | StrOutputParser()):
        with pytest.raises(ConfigurationError, match=r"no model to be found.*\(llm, k=5\)"):
            VerbalizedSampler(k=3).around(chain)
    for sampled in (
        VerbalizedSampler(llm),
        VerbalizedChatModel(llm),
        PROMPT | VerbalizedSampler(llm),
    ):
        with pytest.raises(ConfigurationError, match="no model to be found"):
            VerbalizedSampler(k=3).around(sampled)
    with pytest.raises(ConfigurationError, match="has a model already"):
        VerbalizedSampler(llm).around(PROMPT | llm)


def test_composition_is_associative(llm, server):
    size = RunnableLambda(len)
    for chain in (
        PROMPT | llm | (VerbalizedSampler(k=3) | size),
        PROMPT | (llm | StrOutputParser()) | (VerbalizedSampler(k=3) | size | str),
        PROMPT | llm | VerbalizedSampler(k=3).pipe(size),
        PROMPT | llm | (VerbalizedSampler(k=3).with_retry() | size).with_config(tags=["mine"]),
        VerbalizedSampler(k=3).pipe(size).around((PROMPT | llm).with_retry()),
    ):
        assert int(chain.invoke(HINT)) == 3
        assert "Give 3 responses" in str(server.requests[-1]["messages"])
    assert len(server.requests) == 5


def test_a_list_of_inputs_needs_the_model(llm):
    with pytest.raises(ConfigurationError, match=r"VerbalizedSampler\(llm, k=5\)\.map\(\)"):
        VerbalizedSampler(k=3).map()
    assert [len(d) for d in VerbalizedSampler(llm, k=3).map().invoke(["A state?"] * 2)] == [3, 3]
    chain = RunnablePassthrough() | PROMPT | llm | VerbalizedSampler(k=3)
    assert [len(d) for d in chain.map().invoke([HINT] * 2)] == [3, 3]


def test_a_sampler_is_a_tool(llm, server):
    tool = VerbalizedSampler(llm, k=3, output="text").as_tool(name="idea")
    assert tool.name == "idea"
    assert list(tool.args) == ["request"]
    assert isinstance(tool.invoke({"request": "Name a US state."}), str)
    assert server.requests[0]["messages"][-1]["content"] == "Name a US state."
    with pytest.raises(ConfigurationError, match="no model"):
        VerbalizedSampler(k=3).as_tool()
