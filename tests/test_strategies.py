"""The strategies as flows: what they ask, what they make of the answers. No model is called."""

import pickle
from dataclasses import dataclass
from typing import ClassVar, Literal

import pytest
from pydantic import BaseModel

from vs_core import (
    Completion,
    ConfigurationError,
    CoT,
    Direct,
    Message,
    MultiTurn,
    ParseError,
    Prompts,
    Request,
    VSStandard,
    plugins,
    verbalize,
)
from vs_core.driver import stream
from vs_core.formats import Entry, Lines, Reading, Shape
from vs_core.formats.base import format_of
from vs_core.messages import as_messages
from vs_core.probabilities import DEFINITIONS
from vs_core.strategies import strategy_of

NAMES = ("direct", "cot", "sequence", "multi_turn", "vs_standard", "vs_cot", "vs_multi")
VS = ("vs_standard", "vs_cot", "vs_multi")
FORMATS = ("json", "tags", "lines")


class Script:
    """A model that follows the format, and gives the answers scripted for its first calls."""

    def __init__(self, *scripted: str | int | None):
        self.scripted = list(scripted)
        self.requests: list[Request] = []
        self._next = 0

    def __call__(self, request: Request) -> Completion:
        self.requests.append(request)
        item = self.scripted.pop(0) if self.scripted else None
        text = item if isinstance(item, str) else self.follow(request, item)
        return Completion(text, {"input_tokens": 10, "output_tokens": 1})

    def follow(self, request: Request, size: int | None) -> str:
        if request.shape is None:
            return self.new().text
        size = request.shape.k if size is None else size
        return request.format.write(
            Reading([self.new() for _ in range(size)], "an angle"), request.shape
        )

    def new(self) -> Entry:
        self._next += 1
        return Entry(f"answer {self._next}", 0.125)


def ask(model: Script, **options):
    return verbalize("Tell me a joke.", model, max_concurrency=1, **options)


def system(request: Request) -> str:
    return "\n".join(m.text for m in request.messages if m.role == "system")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("format", FORMATS)
def test_exactly_n_candidates_in_as_few_calls_as_the_strategy_allows(name, format):
    model = Script()
    distribution = ask(model, strategy=name, k=5, n=12, format=format)
    assert len(distribution) == 12
    assert len({c.text for c in distribution}) == 12
    one_a_call = name in ("direct", "cot", "multi_turn")
    assert len(model.requests) == distribution.metadata["calls"] == (12 if one_a_call else 3)
    assert [request.call for request in model.requests] == list(range(len(model.requests)))
    expected = 0.125 if name in VS else None
    assert {c.probability for c in distribution} == {expected}
    assert (distribution.reasoning is not None) == (name in ("cot", "vs_cot"))
    own = {"reasoning"} if name == "cot" else set()  # each of its calls reasons anew
    assert all(candidate.metadata.keys() >= own for candidate in distribution)
    assert distribution.metadata["usage"] == {
        "input_tokens": 10 * len(model.requests),
        "output_tokens": len(model.requests),
    }


@pytest.mark.parametrize("name", ["sequence", "vs_standard", "vs_cot"])
def test_parallel_calls_are_one_round(name):
    flow = plugins.strategy(name, k=5, n=20).flow([Message("user", "x")])
    assert len(next(flow)) == 4


@pytest.mark.parametrize("name", ["multi_turn", "vs_multi"])
def test_turns_keep_the_history(name):
    model = Script()
    ask(model, strategy=name, k=2, n=6)
    turns = [
        [(m.role, m.text) for m in request.messages if m.role != "system"]
        for request in model.requests
    ]
    assert turns[1][: len(turns[0])] == turns[0]
    assert [role for role, _ in turns[-1]][:4] == ["user", "assistant", "user", "assistant"]
    assert "answer 1" in turns[-1][1][1]
    assert "to the same request" in turns[-1][-1][1]


@pytest.mark.parametrize("name", NAMES)
def test_defaults(name):
    strategy = plugins.strategy(name)
    expected = {"direct": 1, "cot": 1, "vs_multi": 10}.get(name, 5)
    assert sum(strategy.sizes()) == expected
    assert pickle.loads(pickle.dumps(strategy)) == strategy
    with pytest.raises(AttributeError):
        strategy.k = 3


def test_direct_leaves_the_task_as_it_is():
    model = Script()
    ask(model, strategy="direct")
    assert model.requests[0].messages == (Message("user", "Tell me a joke."),)


@pytest.mark.parametrize("name", VS)
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("definition", list(DEFINITIONS))
def test_the_definition_of_probability_is_in_the_prompt(name, format, definition):
    model = Script()
    ask(model, strategy=name, format=format, probability=definition)
    text = system(model.requests[0])
    assert DEFINITIONS[definition].meaning in text
    assert DEFINITIONS[definition].key in text
    assert "Give 5 responses" in text
    assert "full distribution of possible responses" in text


@pytest.mark.parametrize("name", VS)
def test_a_threshold_asks_for_the_tails(name):
    model = Script()
    ask(model, strategy=name, threshold=0.05)
    assert "tails of the distribution" in system(model.requests[0])
    assert "below 0.05" in system(model.requests[0])


def test_history_system_message_and_multimodal_content_pass_through():
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    history = [
        {"role": "system", "content": "You are a comedian."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi!"},
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}, image]},
    ]
    model = Script()
    verbalize(history, model)
    (request,) = model.requests
    assert [m.role for m in request.messages] == ["system", "user", "assistant", "user"]
    assert request.messages[0].text.startswith("You are a comedian.\n\nGive 5")
    assert request.messages[3].content == history[3]["content"]


# --- answers that are not what was asked for ---------------------------------------------------

REFUSAL = "I'm sorry, but I can't help with that."


def test_an_unreadable_answer_is_asked_for_again_with_what_was_wrong():
    model = Script(REFUSAL)
    assert len(ask(model, k=3)) == 3
    last = model.requests[1].messages
    assert last[-2] == Message("assistant", REFUSAL)
    assert last[-1].role == "user"
    assert "could not be read" in last[-1].text
    assert '"responses"' in last[-1].text


def test_of_a_short_answer_only_the_rest_is_asked_for():
    model = Script(2)
    distribution = ask(model, k=5)
    assert [c.text for c in distribution] == [f"answer {i}" for i in range(1, 6)]
    assert model.requests[1].shape.k == 3
    assert "Give 3 more" in model.requests[1].messages[-1].text
    assert "missing" not in distribution.metadata


def test_a_torn_candidate_is_asked_for_again_and_kept_only_if_no_whole_one_comes():
    torn = '{"responses": [{"text": "whole", "probability": 0.5}, {"text": "to'
    whole = ask(Script(torn), k=2)
    assert [c.text for c in whole] == ["whole", "answer 1"]
    assert [c["text"] for c in whole.metadata["surplus"]] == ["to"]
    short = ask(Script(torn), k=2, retries=0)
    assert [c.text for c in short] == ["whole", "to"]
    assert short[1].repairs == ("cut off at the end",)


def test_one_call_makes_up_for_another():
    model = Script(7, 3)
    distribution = ask(model, k=5, n=10)
    assert len(distribution) == 10
    assert len(model.requests) == 2


def test_what_is_over_is_kept_in_the_metadata():
    distribution = ask(Script(7), k=5)
    assert len(distribution) == 5
    assert [c["text"] for c in distribution.metadata["surplus"]] == ["answer 6", "answer 7"]


def test_what_stays_missing_is_said(caplog):
    distribution = ask(Script(2, 1), k=5)
    assert len(distribution) == 3
    assert distribution.metadata["missing"] == 2
    assert "3 of 5" in caplog.text


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_refusal_is_an_error_after_the_retries(retries):
    model = Script(*[REFUSAL] * 10)
    with pytest.raises(ParseError) as caught:
        ask(model, retries=retries)
    assert caught.value.text == REFUSAL
    assert len(model.requests) == retries + 1


def test_a_refusal_may_be_kept_as_one_candidate():
    distribution = ask(Script(REFUSAL, REFUSAL), on_unparsed="single")
    assert [(c.text, c.probability) for c in distribution] == [(REFUSAL, None)]
    assert distribution.repairs[0] == "unreadable answer kept whole"


GUESSED = '{"responses": [{"text": "a", "probability": 60}, {"text": "b", "probability": 40}]}'


@pytest.mark.parametrize("strategy", ["vs_standard", "vs_cot"])
def test_strict_asks_again_for_what_had_to_be_repaired(strategy):
    lenient = ask(Script(GUESSED), strategy=strategy, k=2)
    assert lenient.repairs
    model = Script(GUESSED, None)
    assert not ask(model, strategy=strategy, k=2, strict=True).repairs
    assert len(model.requests) == 2
    with pytest.raises(ParseError, match="repaired"):
        ask(Script(GUESSED), strategy=strategy, k=2, strict=True, retries=0)


def test_every_shape_of_a_strict_strategy_is_strict():
    for name in plugins.table("strategies"):
        shape = strategy_of(name, strict=True).question(3).shape
        assert shape is None or shape.strict
    with pytest.raises(ConfigurationError, match="strict"):
        strategy_of("vs_standard", strict="yes")


def test_a_refused_call_does_not_lose_the_others():
    model = Script(None, REFUSAL, REFUSAL)
    distribution = ask(model, k=2, n=4)
    assert len(distribution) == 2
    assert distribution.metadata["unread"] == [REFUSAL]


def test_a_conversation_ends_when_a_turn_is_refused():
    model = Script(None, REFUSAL)
    distribution = ask(model, strategy="vs_multi", k=2, n=6, retries=0)
    assert len(distribution) == 2
    assert len(model.requests) == 2


def test_an_empty_direct_answer_is_unreadable():
    with pytest.raises(ParseError, match="empty"):
        ask(Script("", "  "), strategy="direct")


# --- typed candidates --------------------------------------------------------------------------


class Joke(BaseModel):
    setup: str
    rating: int


def typed(*ratings: object) -> str:
    import json

    return json.dumps(
        {
            "responses": [
                {"value": {"setup": f"s{i}", "rating": rating}, "probability": 0.25}
                for i, rating in enumerate(ratings)
            ]
        }
    )


@pytest.mark.parametrize("format", FORMATS)
def test_typed_candidates_are_validated(format):
    def complete(request: Request) -> str:
        entries = [Entry("", 0.25, {"setup": f"s{i}", "rating": i}) for i in range(request.shape.k)]
        return request.format.write(Reading(entries), request.shape)

    distribution = verbalize("x", complete, k=2, schema=Joke, format=format)
    assert [c.value for c in distribution] == [
        Joke(setup="s0", rating=0),
        Joke(setup="s1", rating=1),
    ]


def test_the_schema_is_in_the_prompt_and_in_the_json_schema():
    model = Script(typed(1, 2))
    ask(model, k=2, schema=Joke)
    assert '"rating"' in system(model.requests[0])
    item = model.requests[0].json_schema["properties"]["responses"]["items"]
    assert item["properties"]["value"]["properties"]["rating"] == {
        "title": "Rating", "type": "integer",
    }  # fmt: skip
    assert item["required"] == ["value", "probability"]
    assert item["additionalProperties"] is False


def test_an_invalid_candidate_is_asked_for_again_with_its_errors():
    model = Script(typed(1, "many"), typed(2))
    distribution = ask(model, k=2, schema=Joke)
    assert [c.value.rating for c in distribution] == [1, 2]
    assert "rating" in model.requests[1].messages[-1].text
    assert model.requests[1].shape.k == 1


def test_an_invalid_candidate_is_kept_aside_with_its_errors():
    distribution = ask(Script(typed(1, "many")), k=2, schema=Joke, retries=0)
    assert [c.value for c in distribution] == [Joke(setup="s0", rating=1)]
    (invalid,) = distribution.metadata["invalid"]
    assert "rating" in invalid["repairs"][-1]
    assert "many" in invalid["text"]
    assert invalid["value"] is None
    assert distribution.metadata["missing"] == 1


def test_a_typed_answer_in_which_nothing_fits_is_an_error_or_one_candidate():
    script = typed("few", "many")
    with pytest.raises(ParseError, match=r"no candidate fits.*rating") as caught:
        ask(Script(script), k=2, schema=Joke, retries=0)
    assert caught.value.text == script
    (single,) = ask(Script(script), k=2, schema=Joke, retries=0, on_unparsed="single")
    assert single.text == script
    assert single.value is None


def test_a_typed_stream_holds_what_fits_alone():
    pieces = typed(1, "many", 3)
    flow = plugins.strategy("vs_standard", k=3, schema=Joke, retries=0).flow(as_messages("x"))
    *early, last = stream(flow, lambda request: iter([pieces[:50], pieces[50:]]))
    assert [candidate.value.rating for candidate in early] == [1, 3]
    assert list(last) == early


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [(int, "5", 5), (Literal["red", "blue"], "red", "red"), (list[int], "[1, 2]", [1, 2])],
)
def test_any_type_may_be_a_schema(schema, text, value):
    answer = f'[{{"text": "{text}", "probability": 0.5}}]'
    assert ask(Script(answer), k=1, schema=schema)[0].value == value


# --- options and prompts -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"k": 0}, {"k": 2.5}, {"k": True}, {"n": 0}, {"retries": -1}, {"threshold": 0},
        {"threshold": 1.5}, {"threshold": "low"}, {"probability": "odds"}, {"format": "jsno"},
        {"on_unparsed": "drop"}, {"schema": object()}, {"colour": "blue"},
    ],
    ids=lambda options: next(iter(options)),
)  # fmt: skip
@pytest.mark.parametrize("name", NAMES)
def test_an_option_that_cannot_work_is_refused(name, options):
    with pytest.raises(ConfigurationError):
        plugins.strategy(name, **options)
    with pytest.raises(ConfigurationError):
        plugins.strategy(plugins.strategy(name), **options)


def test_prompts_can_be_replaced():
    model = Script()
    ask(model, k=3, prompts=Prompts(verbalize="List {k} odd ones. {sampling}", full="Go wild."))
    assert system(model.requests[0]).startswith("List 3 odd ones. Go wild.\n\nAnswer with")


@pytest.mark.parametrize("template", ["{m} of them", "{", "{0}"])
def test_a_template_is_checked(template):
    with pytest.raises(ConfigurationError, match="verbalize"):
        Prompts(verbalize=template)


@pytest.mark.parametrize("reasoning", [False, True])
@pytest.mark.parametrize("definition", [DEFINITIONS["explicit"], None])
@pytest.mark.parametrize("schema", [None, {"type": "integer"}])
@pytest.mark.parametrize("name", ["tags", "lines"])
def test_instructions_are_sentences(name, reasoning, definition, schema):
    shape = Shape(k=3, reasoning=reasoning, definition=definition, schema=schema)
    lines = format_of(name).instructions(shape).split("\n")
    assert len(lines) == 2 + reasoning
    assert all(line.endswith(".") for line in lines)


def test_an_empty_instruction_adds_nothing_but_the_format():
    model = Script()
    ask(model, prompts=Prompts(verbalize=""))
    assert system(model.requests[0]).startswith("Answer with a JSON object")


# --- a strategy answers for itself ---------------------------------------------------------------


class Counted(Lines):
    """A format that counts how often it is asked how it wants to be written."""

    asked: ClassVar[list[int]] = []

    def instructions(self, shape: Shape) -> str:
        self.asked.append(shape.k)
        return super().instructions(shape)


@pytest.mark.parametrize("name", ["vs_standard", "vs_cot", "vs_multi", "sequence"])
def test_what_is_asked_is_worked_out_once_a_size(name):
    Counted.asked.clear()
    ask(Script(), strategy=name, k=5, n=52, format=Counted())
    assert sorted(Counted.asked) == [2, 5]


def test_a_strategy_that_was_asked_travels_without_what_it_worked_out():
    strategy = plugins.strategy("vs_standard", k=3)
    fresh = pickle.dumps(strategy)
    strategy.format_instructions(3)
    assert pickle.dumps(strategy) == fresh
    assert pickle.loads(fresh) == strategy


@dataclass(frozen=True, kw_only=True)
class Polite(Direct):
    """A baseline of one's own, as docs/plugins.md invites to write."""

    name: ClassVar[str] = "polite"

    def instruction(self, k: int) -> str:
        return "Be polite."


def test_a_subclass_of_direct_can_be_typed():
    model = Script('{"responses": [{"value": {"setup": "s", "rating": 3}}]}')
    (joke,) = ask(model, strategy=Polite().typed(Joke))
    assert isinstance(joke.value, Joke)
    assert "Be polite." in system(model.requests[0])
    assert '"value"' in system(model.requests[0])


@dataclass(frozen=True, kw_only=True)
class Chatty(MultiTurn):
    name: ClassVar[str] = "chatty"


def test_every_turn_of_a_typed_conversation_asks_for_the_type():
    model = Script(*['{"responses": [{"value": {"setup": "s", "rating": 3}}]}'] * 3)
    jokes = ask(model, strategy=Chatty(k=3).typed(Joke))
    assert [type(joke.value) for joke in jokes] == [Joke] * 3
    assert all('"value"' in request.messages[-1].text for request in model.requests[1:])


@pytest.mark.parametrize(
    ("strategy", "calls"),
    [(Polite(k=5, n=5), 1), (Chatty(k=5, n=10), 5), (CoT(k=5), 1), (VSStandard(k=5, n=10), 1)],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_strategy_says_how_it_asks_for_one_draw(strategy, calls):
    assert len(strategy.for_one_draw().sizes()) == calls


def test_a_strategy_says_whether_probabilities_are_asked_for():
    said = {name: plugins.strategy(name).verbalizes for name in NAMES}
    assert [name for name, verbalizes in said.items() if verbalizes] == list(VS)
    assert [name for name in NAMES if plugins.strategy(name).asks_directly] == ["direct"]
    assert Polite().asks_directly
    assert not Chatty().asks_directly
