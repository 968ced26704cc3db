"""More context than one call holds: who knows is heard, and everything fits, over HTTP."""

import json
import logging
import re

import pytest
from llama_index.core import Settings
from llama_index.core.indices.prompt_helper import PromptHelper
from llama_index.core.schema import NodeWithScore, TextNode
from pydantic import BaseModel

from vs_core import Completion, ParseError
from vs_core.testing import SimulatedModel
from vs_llama_index import VerbalizedSynthesizer, distribution_of, sources_of

QUERY = "What is the captain called?"
FACT = "The captain is called Ahab."
USAGE = {"input_tokens": 9, "output_tokens": 7}
FILLER = "The harbour was quiet and the gulls sat upon the posts while the tide came in slowly. "


def passages(number=41, known=(20,), fact=FACT):
    """Passages of about 370 tokens, some of which hold the fact."""
    return [
        NodeWithScore(node=TextNode(text=FILLER * 20 + (fact if n in known else ""), id_=f"n{n}"))
        for n in range(number)
    ]


class Knows(SimulatedModel):
    """Answers from the context: with what it says of the captain, or that it says nothing.

    Where it says nothing, one of five candidates is a guess that cites something all the same.
    """

    silence = "The sources do not mention the captain's name."
    guesses = 0.25

    def candidates(self, context):
        numbers = [int(n) for n in re.findall(r"^Source (\d+):$", context, re.MULTILINE)]
        found = []
        for number in numbers:
            text = context.partition(f"Source {number}:\n")[2].partition("\n\nSource ")[0]
            name = re.search(r"captain is called (\w+)", text)
            found += [(name[1], number)] if name else []
        if found:
            share = 0.8 / len(found)
            told = [(name, [number], share) for name, number in found]
            return [*told, (self.silence, [], 0.2)]
        return [(self.silence, [], 1 - self.guesses), ("Nemo", numbers[:1], self.guesses)]

    def answer(self, messages, json_schema=None):
        said = messages[-1].content
        return Completion(
            json.dumps(
                {
                    "responses": [
                        {"value": {"answer": answer, "sources": sources}, "probability": share}
                        for answer, sources, share in self.candidates(said)
                    ]
                }
            ),
            USAGE,
        )


@pytest.fixture
def knows(server):
    server.model = Knows()
    return server


def share_of(response, text):
    distribution = distribution_of(response)
    return sum(w for c, w in zip(distribution, distribution.weights, strict=True) if text in c.text)


# --- who knows is heard ---------------------------------------------------------------------------


@pytest.mark.parametrize("window", [3_900, 8_000, 16_000])
async def test_one_fact_among_many_passages_is_found(make_llm, knows, window):
    synthesizer = VerbalizedSynthesizer(
        make_llm(context_window=window), 2, resampler="argmax", retries=0
    )
    nodes = passages()
    for found in (
        synthesizer.synthesize(QUERY, nodes),
        await synthesizer.asynthesize(QUERY, nodes),
    ):
        assert str(found) == "Ahab"
        assert share_of(found, "Ahab") == pytest.approx(0.8)
        assert [node.node_id for node in sources_of(found)] == ["n20"]
        assert found.metadata["verbalized"]["abstention"] == pytest.approx(0.2)
    packs = distribution_of(found).metadata["packs"]
    assert [n for pack in packs if pack["heard"] for n in pack["sources"] if n == 21] == [21]
    assert sum(pack["heard"] for pack in packs) == 1
    assert len(packs) == len(knows.requests) / 2 > 1
    assert share_of(found, "Nemo") == 0  # nobody heard the guesses, and they are kept
    assert "Nemo" in str(distribution_of(found).metadata["unsupported"])


@pytest.mark.parametrize(
    "silence",
    [
        "I don't know.", "Not mentioned", "Das wird in den Quellen nicht erwähnt.",
        "Je ne sais pas.", "El texto no menciona su nombre.", None, "",
        "There is no information about the captain in the passages.",
    ],
)  # fmt: skip
def test_abstaining_is_one_class_however_it_is_worded(make_llm, knows, silence):
    knows.model.silence = silence
    synthesizer = VerbalizedSynthesizer(
        make_llm(context_window=8_000), 2, resampler="argmax", retries=0
    )
    assert str(synthesizer.synthesize(QUERY, passages())) == "Ahab"
    knows.model.guesses = 0.0
    found = synthesizer.synthesize(QUERY, passages(known=()))
    said = found.metadata["verbalized"]
    assert said["abstains"]
    assert said["abstention"] == pytest.approx(1.0)
    assert str(found) == (silence or "The sources do not say.")
    assert not said["sources"]


def test_a_model_is_asked_to_leave_the_answer_empty(llm, knows):
    VerbalizedSynthesizer(llm, 2).synthesize(QUERY, passages(3))
    assert "null if the sources do not hold it" in str(knows.requests[-1]["messages"])
    own = VerbalizedSynthesizer(llm, 2, no_answer="Keine Ahnung.", retries=0, resampler="argmax")
    knows.model.silence = None
    assert str(own.synthesize(QUERY, passages(3, known=()))) == "Keine Ahnung."


def test_an_answer_about_silence_is_an_answer_if_it_cites(llm, server):
    server.model = Says(("The letter does not mention the debt.", [1], 0.5), ("Nothing", [2], 0.5))
    found = VerbalizedSynthesizer(llm, 2).synthesize("What is left out?", passages(2))
    assert found.metadata["verbalized"]["abstention"] == 0.0
    assert len(distribution_of(found)) == 2


class Says(Knows):
    """Says the same of every context."""

    def __init__(self, *candidates):
        super().__init__()
        self.said = candidates

    def candidates(self, context):
        return self.said


def test_where_answers_differ_a_last_call_answers_from_what_they_cite(make_llm, knows, caplog):
    nodes = passages()
    nodes[3].node.set_content(FILLER * 20 + "The captain is called Bligh.")
    synthesizer = VerbalizedSynthesizer(
        make_llm(context_window=8_000), 3, retries=0, resampler="argmax"
    )
    with caplog.at_level(logging.ERROR):
        found = synthesizer.synthesize(QUERY, nodes)
    distribution = distribution_of(found)
    last = knows.requests[-1]["messages"][-1]["content"]
    assert re.findall(r"^Source (\d+):$", last, re.MULTILINE) == ["4", "21"]  # in their order
    assert "Bligh" in last
    assert "Ahab" in last
    assert {c.text for c in distribution if not c.metadata.get("abstains")} == {"Bligh", "Ahab"}
    assert [c.metadata["sources"] for c in distribution][:2] == [[4], [21]]
    assert distribution.metadata["rounds"] == 2
    assert distribution.metadata["calls"] == len(knows.requests) == len(
        distribution.completions
    ) or (distribution.completions == ())
    assert distribution.metadata["usage"]["input_tokens"] == 9 * len(knows.requests)
    assert {c["text"] for c in distribution.metadata["votes"]} >= {"Bligh", "Ahab"}


def test_a_last_call_that_fails_leaves_the_votes(make_llm, knows, monkeypatch, caplog):
    class Falters(Knows):
        def answer(self, messages, json_schema=None):
            if "Bligh" in messages[-1].content and "Ahab" in messages[-1].content:
                return Completion("I am sorry.", USAGE)
            return super().answer(messages, json_schema)

    knows.model = Falters()
    nodes = passages()
    nodes[3].node.set_content(FILLER * 20 + "The captain is called Bligh.")
    found = VerbalizedSynthesizer(make_llm(context_window=8_000), 2, retries=0).synthesize(
        QUERY, nodes
    )
    assert share_of(found, "Ahab") == share_of(found, "Bligh") == pytest.approx(0.4)
    assert "The last round gave no answer" in caplog.text


class Name(BaseModel):
    name: str


def test_typed_answers_can_abstain_too(make_llm, server):
    class Typed(Knows):
        def candidates(self, context):
            return [
                ({"name": answer} if answer != self.silence else None, sources, share)
                for answer, sources, share in super().candidates(context)
            ]

    server.model = Typed()
    found = VerbalizedSynthesizer(
        make_llm(context_window=8_000), 2, schema=Name, retries=0, resampler="argmax"
    ).synthesize(QUERY, passages())
    assert found.response == Name(name="Ahab")
    assert found.metadata["verbalized"]["abstention"] == pytest.approx(0.2)


# --- what fits ------------------------------------------------------------------------------------


def sent(server):
    """Tokens of the longest request, with its schema or tools."""
    longest = 0
    for request in server.requests:
        text = "".join(message["content"] or "" for message in request["messages"])
        text += json.dumps([request.get("tools", ""), request.get("response_format", "")])
        longest = max(longest, len(Settings.tokenizer(text)))
    return longest


@pytest.mark.parametrize(
    "settings",
    [{}, {"should_use_structured_outputs": True}, {"is_function_calling_model": True}],
    ids=["text", "schema", "tool"],
)
@pytest.mark.parametrize("k", [1, 5])
def test_there_is_room_for_k_answers_and_the_schema(make_llm, knows, settings, k):
    llm = make_llm(context_window=3_900, **settings)
    VerbalizedSynthesizer(llm, k, retries=0).synthesize(QUERY, passages())
    assert 3_900 - sent(knows) >= k * 256  # LlamaIndex's num_output, of each answer
    assert sent(knows) > 1_000


def test_a_small_window_keeps_half_for_the_answers(make_llm, knows):
    llm = make_llm(context_window=2_000)
    VerbalizedSynthesizer(llm, 20, retries=0).synthesize(QUERY, passages(4, known=(1,)))
    assert 2_000 - sent(knows) >= 1_000


def test_tokens_are_counted_by_the_helper_alone(make_llm, knows):
    """A tokenizer that counts letters: what Settings would count is four times as much text."""
    helper = PromptHelper(16_000, 256, tokenizer=list)
    synthesizer = VerbalizedSynthesizer(
        make_llm(context_window=16_000), 2, prompt_helper=helper, retries=0
    )
    synthesizer.synthesize(QUERY, passages())
    lengths = [sum(len(m["content"]) for m in r["messages"]) for r in knows.requests]
    assert max(lengths) < 16_000 - 2 * 256
    assert max(lengths) > 10_000


def test_a_repair_that_would_not_fit_is_not_made(make_llm, server):
    server.model = Says(("Ahab", [1], 0.5))  # one of the five that are asked for
    llm = make_llm(context_window=3_900)
    crammed = passages(7, known=range(7))
    found = VerbalizedSynthesizer(llm, 5).synthesize(QUERY, crammed[:1])
    assert len(server.requests) == 2  # there is room: it is asked again
    assert str(found) == "Ahab"
    server.requests.clear()
    server.model = Says(("Ahab " * 1_500, [1], 0.5))
    found = VerbalizedSynthesizer(llm, 5).synthesize(QUERY, crammed[:6])
    assert sent(server) + 256 <= 3_900
    assert "Ahab" in str(found)
    assert distribution_of(found).metadata["missing"]


def test_what_stays_unreadable_is_an_error_all_the_same(make_llm, server):
    class Rambles(Knows):
        def answer(self, messages, json_schema=None):
            return Completion("I would rather not say. " * 700, USAGE)

    server.model = Rambles()
    with pytest.raises(ParseError):
        VerbalizedSynthesizer(make_llm(context_window=3_900), 5).synthesize(QUERY, passages(5))
    assert all(len(request["messages"]) == 2 for request in server.requests)
