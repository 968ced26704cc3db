"""`VerbalizedPrompt` and `VerbalizedOutputParser`, wired by hand."""

import pytest
from langchain_classic.output_parsers import OutputFixingParser, RetryOutputParser
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import OutputParserException
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.prompt_values import ChatPromptValue, StringPromptValue
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.tools import tool
from langchain_core.tracers.context import collect_runs
from langchain_openai import OpenAI
from pydantic import BaseModel

from vs_core import ConfigurationError, Distribution
from vs_core.testing import SimulatedModel
from vs_langchain import VerbalizedOutputParser, VerbalizedPrompt, VerbalizedSampler

PROMPT = ChatPromptTemplate.from_template("Name a US state. Hint: {hint}.")
HINT = {"hint": "any"}
LINES = '{"text": "Ohio", "probability": 0.6}\n{"text": "Iowa", "probability": 0.3}'


# --- the prompt --------------------------------------------------------------------------------


async def test_it_asks_as_the_sampler_does(llm, server):
    (PROMPT | llm | VerbalizedSampler(k=3, threshold=0.1)).invoke(HINT)
    by_hand = PROMPT | VerbalizedPrompt(k=3, threshold=0.1) | llm
    by_hand.invoke(HINT)
    await by_hand.ainvoke(HINT)
    first, second, third = (request["messages"] for request in server.requests)
    assert first == second == third


async def test_a_trace_shows_it_as_a_prompt():
    with collect_runs() as seen:
        made = VerbalizedPrompt(k=3).invoke("A state?")
        # What else is given is left aside, as LangChain's own prompts do.
        assert VerbalizedPrompt(k=3).invoke("A state?", colour="blue") == made
        assert await VerbalizedPrompt(k=3).ainvoke("A state?", colour="blue") == made
    assert [(run.name, run.run_type) for run in seen.traced_runs] == [
        ("VerbalizedPrompt", "prompt")
    ] * 3


def test_what_goes_in_is_what_comes_out():
    prompt = VerbalizedPrompt(k=3)
    asked = prompt.invoke([SystemMessage("Be brief."), HumanMessage("A state?", name="ann")])
    assert isinstance(asked, ChatPromptValue)
    system, human = asked.to_messages()
    assert system.content.startswith("Be brief.\n\nGive 3 responses")
    assert human == HumanMessage("A state?", name="ann")
    for text in ("A state?", StringPromptValue(text="A state?")):
        asked = prompt.invoke(text)
        assert isinstance(asked, StringPromptValue)
        assert asked.text.endswith("\n\nA state?")


def test_it_works_with_a_model_that_completes_text(server):
    llm = OpenAI(base_url=server.base_url, api_key="x", model="simulated")
    template = PromptTemplate.from_template("Name a US state. Hint: {hint}.")
    chain = template | VerbalizedPrompt(k=3) | llm | VerbalizedOutputParser(k=3)
    assert len(chain.invoke(HINT)) == 3


@pytest.mark.parametrize("options", [{"k": 3, "n": 6}, {"strategy": "vs_multi"}])
def test_one_prompt_cannot_ask_several_times(options):
    with pytest.raises(ConfigurationError, match="makes 2 calls"):
        VerbalizedPrompt(**options)


def test_a_dict_is_no_prompt():
    with pytest.raises(ConfigurationError, match="Put a prompt before it"):
        VerbalizedPrompt().invoke(HINT)


# --- the parser --------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["vs_standard", "vs_cot", "sequence"])
async def test_both_parts_together_are_the_sampler(llm, server, strategy):
    expected = (PROMPT | llm | VerbalizedSampler(k=3, strategy=strategy)).invoke(HINT)
    parser = VerbalizedOutputParser(k=3, strategy=strategy)
    chain = PROMPT | VerbalizedPrompt(k=3, strategy=strategy) | llm | parser
    for run in (chain.invoke, chain.ainvoke):
        server.model.reset()
        result = run(HINT)
        distribution = result if run == chain.invoke else await result
        assert [(c.text, c.probability) for c in distribution] == [
            (c.text, c.probability) for c in expected
        ]
        assert distribution.reasoning == expected.reasoning


async def test_streams(llm, server):
    tokens = []

    class Count(BaseCallbackHandler):
        def on_llm_new_token(self, token, **kwargs):
            tokens.append(token)

    chain = PROMPT | VerbalizedPrompt(k=3) | llm | VerbalizedOutputParser(k=3)
    arrivals = [
        (len(distribution), len(tokens))
        for distribution in chain.stream(HINT, {"callbacks": [Count()]})
    ]
    assert [size for size, _ in arrivals] == [1, 2, 3, 3]
    assert 0 < arrivals[0][1] < 0.5 * arrivals[-1][1]
    assert [len(d) async for d in chain.astream(HINT)] == [1, 2, 3, 3]
    follow = chain | (lambda distribution: len(distribution))
    assert list(follow.stream(HINT)) == [3]


def test_it_keeps_more_candidates_than_were_asked_for():
    assert len(VerbalizedOutputParser(k=1).invoke(LINES)) == 2
    assert VerbalizedOutputParser().invoke(AIMessage(LINES))[0].text == "Ohio"


@pytest.mark.parametrize("answer", ["I would rather not.", "", '{"other": "JSON"}'])
def test_an_answer_without_a_distribution_is_langchains_own_error(answer):
    for given in (answer, AIMessage(answer)):
        with pytest.raises(OutputParserException) as caught:
            VerbalizedOutputParser().invoke(given)
        assert caught.value.llm_output == answer
    with pytest.raises(OutputParserException):
        list(VerbalizedOutputParser().transform(iter([answer])))


class State(BaseModel):
    name: str
    letters: int


TYPED = (
    '[{"value": {"name": "Ohio", "letters": 4}, "probability": 0.5},'
    ' {"value": {"name": "Iowa"}, "probability": 0.5}]'
)


def test_typed_candidates():
    parser = VerbalizedOutputParser(schema=State)
    distribution = parser.invoke(TYPED)
    assert distribution[0].value == State(name="Ohio", letters=4)
    assert "letters: Field required" in distribution[1].repairs[-1]
    first = next(parser.transform(iter([TYPED[:70], TYPED[70:]])))
    assert first[0].value == State(name="Ohio", letters=4)
    with pytest.raises(OutputParserException, match="letters: Field required") as caught:
        parser.invoke('[{"value": {"name": "Iowa"}, "probability": 0.5}]')
    assert "Iowa" in caught.value.llm_output


def test_an_answer_by_a_tool_call_is_read(llm):
    forced = {"name": "verbalized_responses", "args": {"responses": [
        {"text": "Ohio", "probability": 0.5}]}, "id": "1"}  # fmt: skip
    assert VerbalizedOutputParser().invoke(AIMessage("", tool_calls=[forced]))[0].text == "Ohio"

    @tool
    def capital(state: str) -> str:
        """Return the capital of a state."""
        return state

    chain = llm.bind_tools([capital]) | VerbalizedOutputParser()
    for run in (chain.invoke, lambda given: list(chain.stream(given))):
        with pytest.raises(OutputParserException, match=r"called tools \(capital\)"):
            run("Use capital for a US state.")


# --- LangChain's parsers around it -------------------------------------------------------------


def test_the_instructions_can_stand_in_a_prompt(llm):
    parser = VerbalizedOutputParser(k=4)
    prompt = ChatPromptTemplate.from_template("Name a US state. Hint: {hint}.\n\n{instructions}")
    prompt = prompt.partial(instructions=parser.get_format_instructions())
    assert len((prompt | llm | parser).invoke(HINT)) == 4


def test_a_fixing_parser_asks_the_model_to_mend_the_answer(llm, server):
    fixing = OutputFixingParser.from_llm(parser=VerbalizedOutputParser(k=3), llm=llm)
    distribution = fixing.invoke("Ohio, perhaps. Or Iowa.")
    assert isinstance(distribution, Distribution)
    (request,) = server.requests
    said = request["messages"][-1]["content"]
    assert "Ohio, perhaps. Or Iowa." in said
    assert "Give 3 responses" in said


def test_a_retrying_parser_asks_the_whole_prompt_again(llm, server):
    server.model = SimulatedModel(quirks=["refusal"])
    parser = VerbalizedOutputParser(k=3)
    asked = VerbalizedPrompt(k=3).invoke(PROMPT.invoke(HINT))
    refusal = llm.invoke(asked).text
    retrying = RetryOutputParser.from_llm(parser=parser, llm=llm)
    assert len(retrying.parse_with_prompt(refusal, asked)) == 3
    assert len(server.requests) == 2


@pytest.mark.filterwarnings("ignore:The function `loads` is in beta")
def test_dumps_and_loads():
    for part in (VerbalizedPrompt(k=3, strategy="vs_cot"), VerbalizedOutputParser(k=3)):
        again = loads(
            dumps(part), allowed_objects=[type(part)], valid_namespaces=["vs_langchain"]
        )  # fmt: skip
        assert again == part


def test_schemas():
    assert VerbalizedOutputParser().get_output_schema() is Distribution
    assert VerbalizedPrompt().get_name() == "VerbalizedPrompt"
