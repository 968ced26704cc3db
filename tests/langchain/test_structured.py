"""Structured output: asked for where the model has it, read by the same parser."""

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField, RunnableLambda
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from vs_core import ConfigurationError
from vs_langchain import VerbalizedChatModel, VerbalizedSampler
from vs_langchain.structure import strict_schema

PROMPT = ChatPromptTemplate.from_template("Name a US state. Hint: {hint}.")
HINT = {"hint": "any"}
JSON_SCHEMA = {"structured_output": True, "tool_calling": True, "tool_choice": True}
TOOLS = {"tool_calling": True, "tool_choice": True}


@pytest.fixture
def profiled(server):
    def profiled(profile=None, **options):
        return ChatOpenAI(
            base_url=server.base_url, api_key="x", model="simulated", profile=profile, **options
        )

    return profiled


def asked(server):
    """How the last request asked for structure."""
    request = server.requests[-1]
    if "response_format" in request:
        return request["response_format"]["type"]
    return request.get("tool_choice")


@pytest.mark.parametrize(
    ("profile", "method", "expected"),
    [
        (JSON_SCHEMA, "auto", "json_schema"),
        (TOOLS, "auto", "required"),
        ({"tool_calling": True}, "auto", None),  # it may call no tool, then
        ({}, "auto", None),
        (None, "auto", None),
        (None, "json_schema", "json_schema"),
        (None, "tool", "required"),
        (JSON_SCHEMA, "text", None),
    ],
)
async def test_the_method_is_what_the_profile_says(server, profiled, profile, method, expected):
    chain = PROMPT | profiled(profile) | VerbalizedSampler(k=3, method=method)
    plain = (PROMPT | profiled() | VerbalizedSampler(k=3, method="text")).invoke(HINT)
    texts = []
    for run in (chain.invoke, chain.ainvoke, chain.stream, chain.astream):
        server.model.reset()
        result = run(HINT)
        if run == chain.ainvoke:
            result = await result
        elif run == chain.stream:
            *early, result = result
            assert [len(snapshot) for snapshot in early] == [1, 2, 3]
        elif run == chain.astream:
            *early, result = [snapshot async for snapshot in result]
            assert [len(snapshot) for snapshot in early] == [1, 2, 3]
        assert asked(server) == expected
        texts.append([(c.text, c.probability) for c in result])
        assert result.repairs == ()
    assert texts == [[(c.text, c.probability) for c in plain]] * 4


def test_a_known_model_has_its_profile_from_langchain(server):
    llm = ChatOpenAI(base_url=server.base_url, api_key="x", model="gpt-4.1-mini")
    if not getattr(llm, "profile", None):
        pytest.skip("this langchain-openai has no profiles of models")
    assert len((PROMPT | llm | VerbalizedSampler(k=3)).invoke(HINT)) == 3
    assert asked(server) == "json_schema"


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda llm: llm.bind(temperature=0.3),
        lambda llm: llm.with_config(tags=["mine"]),
        lambda llm: llm.with_retry(),
        lambda llm: llm.with_fallbacks([llm]),
        lambda llm: llm.configurable_fields(temperature=ConfigurableField(id="temperature")),
    ],
)
def test_it_reaches_the_model_however_it_is_wrapped(server, profiled, wrapped):
    chain = PROMPT | wrapped(profiled(JSON_SCHEMA)) | StrOutputParser() | VerbalizedSampler(k=3)
    distribution = chain.invoke(HINT, {"configurable": {"temperature": 0.3}})
    assert asked(server) == "json_schema"
    assert [c.value for c in distribution] == [c.text for c in distribution]


def test_of_alternatives_the_chosen_one_counts(server, profiled):
    which = ConfigurableField(id="llm")
    llm = profiled().configurable_alternatives(which, default_key="a", b=profiled(JSON_SCHEMA))
    chain = PROMPT | llm | VerbalizedSampler(k=3)
    chain.invoke(HINT)
    assert asked(server) is None
    chain.invoke(HINT, {"configurable": {"llm": "b"}})
    assert asked(server) == "json_schema"
    for chosen in (llm, llm.bind(stop=["#"])):
        server.requests.clear()
        chosen = chosen.with_config(configurable={"llm": "b"})
        (PROMPT | chosen | VerbalizedSampler(k=3)).invoke(HINT)
        assert asked(server) == "json_schema"


def test_what_the_user_asks_of_the_model_goes_before(server, profiled):
    own = {"type": "json_object"}
    chain = PROMPT | profiled(JSON_SCHEMA).bind(response_format=own) | VerbalizedSampler(k=3)
    chain.invoke(HINT)
    assert server.requests[-1]["response_format"] == own


@pytest.mark.parametrize("profile", [JSON_SCHEMA, TOOLS])
def test_a_model_that_has_tools_is_asked_in_words(server, profiled, profile):
    llm = profiled(profile).bind_tools([Answer])
    assert len((PROMPT | llm | VerbalizedSampler(k=3)).invoke(HINT)) == 3
    assert asked(server) is None
    assert [tool["function"]["name"] for tool in server.requests[-1]["tools"]] == ["Answer"]


@pytest.mark.parametrize(
    "own",
    [
        {"response_format": {"type": "json_schema", "json_schema": {"name": "A", "schema": {}}}},
        {"response_format": dict},
        {"tool_choice": "required"},
    ],
    ids=str,
)
def test_a_model_with_a_structure_of_its_own_is_refused(llm, own):
    for make in (
        VerbalizedSampler,
        VerbalizedChatModel,
        lambda model: PROMPT | model | VerbalizedSampler(k=3),
    ):
        with pytest.raises(ConfigurationError, match="structure of its own"):
            make(llm.bind(**own))


@pytest.mark.parametrize("options", [{"format": "tags"}, {"strategy": "direct"}])
def test_there_is_no_structure_where_none_is_asked_for(server, profiled, options):
    (PROMPT | profiled(JSON_SCHEMA) | VerbalizedSampler(k=3, **options)).invoke(HINT)
    assert asked(server) is None


class Answer(BaseModel):
    name: str
    letters: int


def test_typed_candidates(server, profiled):
    for method in ("json_schema", "tool", "text"):
        chain = PROMPT | profiled() | VerbalizedSampler(k=3, schema=Answer, method=method)
        assert all(isinstance(candidate.value, Answer) for candidate in chain.invoke(HINT))
    name = server.requests[0]["response_format"]["json_schema"]["name"]
    assert name == "verbalized_responses"


@pytest.mark.parametrize("method", ["json_schema", "tool", "text"])
async def test_an_answer_that_is_cut_off_is_read_as_far_as_it_goes(profiled, method):
    chain = PROMPT | profiled(max_tokens=30) | VerbalizedSampler(k=5, method=method, retries=0)
    results = [chain.invoke(HINT), await chain.ainvoke(HINT), list(chain.stream(HINT))[-1]]
    results.append([distribution async for distribution in chain.astream(HINT)][-1])
    for distribution in results:
        assert 0 < len(distribution) < 5
        assert distribution.metadata["missing"] == 5 - len(distribution)


def test_a_method_that_the_model_does_not_have_is_an_error(profiled):
    with pytest.raises(ConfigurationError, match="method must be one of auto, json_schema"):
        VerbalizedSampler(method="magic")
    plain = RunnableLambda(lambda messages: "[]")
    with pytest.raises(ConfigurationError, match="needs a chat model, not RunnableLambda"):
        VerbalizedSampler(plain, method="tool").invoke("Name a US state.")


@pytest.mark.parametrize("method", ["json_schema", "tool"])
def test_a_profile_that_promises_too_much_leaves_the_words(method):
    """GenericFakeChatModel has no tools, on which LangChain's own structured output stands."""
    answer = '[{"text": "Ohio", "probability": 0.5}]'
    llm = GenericFakeChatModel(messages=iter([answer, answer]), profile=JSON_SCHEMA)
    assert len(VerbalizedSampler(llm, k=1).invoke("Name a US state.")) == 1
    with pytest.raises(ConfigurationError, match=f"does not support method='{method}'"):
        VerbalizedSampler(llm, k=1, method=method).invoke("Name a US state.")


# --- strict schemas ------------------------------------------------------------------------------


class Nested(BaseModel):
    parts: list[Answer]
    note: str | None = None


class Free(BaseModel):
    anything: dict[str, int]


@pytest.mark.parametrize("method", ["json_schema", "tool"])
@pytest.mark.parametrize(
    ("schema", "strict"), [(None, True), (Answer, True), (Nested, True), (Free, None)]
)
def test_a_schema_is_strict_where_it_can_be(server, profiled, method, schema, strict):
    sampler = VerbalizedSampler(profiled(), k=3, method=method, schema=schema)
    assert len(sampler.invoke("Name a US state.")) == 3
    (request,) = server.requests
    described = (
        request["response_format"]["json_schema"]
        if method == "json_schema"
        else request["tools"][0]["function"]
    )
    assert (described.get("strict") or None) is strict
    if strict:
        written = described.get("schema") or described["parameters"]
        assert all(closed(part) for part in objects(written))


def objects(schema):
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for part in schema.values():
            yield from objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from objects(part)


def closed(schema):
    every = list(schema["properties"]) == schema["required"]
    return every and schema["additionalProperties"] is False and "default" not in str(schema)


def test_strict_can_be_said_of_the_model(server, profiled):
    for method in ("json_schema", "text"):
        for strict in (True, False):
            bound = profiled().bind(strict=strict)
            VerbalizedSampler(bound, k=3, method=method).invoke("Name a US state.")
            request = server.requests[-1]
            assert "strict" not in request
            if method == "json_schema":
                assert bool(request["response_format"]["json_schema"].get("strict")) is strict
    with pytest.raises(ConfigurationError, match="not one that a provider can enforce"):
        VerbalizedSampler(
            profiled().bind(strict=True), k=3, method="json_schema", schema=Free
        ).invoke("Name a US state.")


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"type": "array"},
        {"type": "object", "properties": {"a": True}},
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"a": {"oneOf": [{"type": "string"}]}}},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {}}},
    ],
)
def test_what_strict_mode_cannot_say(schema):
    assert strict_schema(schema) is None


def test_a_strict_schema_keeps_what_it_says():
    schema = Nested.model_json_schema()
    strict = strict_schema(schema)
    assert strict["properties"]["note"]["anyOf"] == [{"type": "string"}, {"type": "null"}]
    assert strict["required"] == ["parts", "note"]
    assert strict["$defs"]["Answer"]["additionalProperties"] is False
    assert schema == Nested.model_json_schema()  # the original is untouched
    assert strict_schema({"type": "object", "properties": {"default": {"type": "string"}}})[
        "required"
    ] == ["default"]


# --- schemas that are no types -------------------------------------------------------------------


@pytest.mark.parametrize("method", ["json_schema", "tool", "text"])
def test_a_json_schema_is_taken(server, profiled, method):
    schema = Answer.model_json_schema()
    sampler = VerbalizedSampler(profiled(), k=3, schema=schema, method=method)
    distribution = sampler.invoke("Name a US state.")
    assert all(candidate.value.keys() == {"name", "letters"} for candidate in distribution)
    assert isinstance(
        VerbalizedSampler(profiled(), k=3, schema=schema, output="value").invoke("A US state?"),
        dict,
    )
    with pytest.raises(ConfigurationError, match="a JSON schema, not"):
        VerbalizedSampler(schema={"type": object()})


async def test_a_model_whose_structured_output_is_something_else_is_asked_in_words(server):
    class Odd(ChatOpenAI):
        def with_structured_output(self, schema, **kwargs):
            return RunnableLambda(lambda messages: schema)

    llm = Odd(base_url=server.base_url, api_key="x", profile={"structured_output": True})
    assert len(VerbalizedSampler(llm, k=3).invoke("Name a US state.")) == 3
    assert asked(server) is None
    with pytest.raises(ConfigurationError, match="with_structured_output returned RunnableLambda"):
        VerbalizedSampler(llm, k=3, method="json_schema").invoke("Name a US state.")
