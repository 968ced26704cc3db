"""Citations: read as models write them, bounded by what was shown, and checked on demand."""

import json
import logging
import time
from inspect import signature

import pytest
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.evaluation import BaseEvaluator, EvaluationResult
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.schema import MediaResource, Node, NodeWithScore, TextNode

from vs_core import Completion, ConfigurationError
from vs_core.testing import SimulatedModel
from vs_llama_index import VerbalizedSynthesizer, distribution_of, sources_of
from vs_llama_index.abstaining import abstains
from vs_llama_index.citing import inline, numbers

QUERY = "Who cheats whom?"
USAGE = {"input_tokens": 9, "output_tokens": 7}
NODES = [
    NodeWithScore(node=TextNode(text=f"The {animal} cheats the {other}.", id_=animal), score=1)
    for animal, other in (("fox", "crow"), ("cat", "mice"), ("wolf", "lamb"))
]


class Says(SimulatedModel):
    """Answers with the same candidates: value and probability."""

    def __init__(self, *candidates):
        super().__init__()
        self.candidates = [{"value": value, "probability": p} for value, p in candidates]

    def answer(self, messages, json_schema=None):
        if "probability" in str(messages[0].content):
            return Completion(json.dumps({"responses": self.candidates}), USAGE)
        # LlamaIndex's evaluator asks whether an information is supported by a context.
        said = messages[-1].content
        return Completion("YES" if "crow" in said.rpartition("Context:")[2] else "NO", USAGE)


def cited(answer, *sources):
    return {"answer": answer, "sources": list(sources)}


# --- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (1, [1]), (2.0, [2]), ([1, 3], [1, 3]), (["1", "Source 2"], [1, 2]), ("1", [1]),
        ("Quelle Nr. 2", [2]), ("source number 3", [3]), ("Sources nos. 1 and 2", [1, 2]),
        ("1, 2", [1, 2]), ("[1]", [1]), ("[1][4]", [1, 4]), ("[1, 2]", [1, 2]),
        ("(1) and (2)", [1, 2]), ("1-999999", [1, 999999]),
        ("1-3", [1, 2, 3]), ("1 to 3", [1, 2, 3]), ("Sources: 1–3, 5", [1, 2, 3, 5]),
        ("Source 1, 2 and 3", [1, 2, 3]), ("Sources 1 & 3", [1, 3]), ("source_2", [2]),
        ("Source 1, page 12", [1]), ("Source 1; Source 4 (p. 3)", [1, 4]), ("Passage #3", [3]),
        ("Quelle 2 und 3", [2, 3]), ("Source 2: The fox (1867)", [2]),
        (["https://x.org/2/3"], []), ("see https://a.b/7 and [2]", [2]), ({"source": 3}, [3]),
        ([{"number": 1}, {"number": 2}], [1, 2]), ("none", []), ("1.5", []), ("", []), (None, []),
        (True, []), ([None, "", 2], [2]), ([1, 1, "1"], [1]), ("3-1", [3, 1]),
    ],
)  # fmt: skip
def test_numbers_are_read_as_models_write_them(said, expected):
    assert numbers(said) == expected


def test_numbers_within_an_answer():
    text = "It fell [1][2], as [Source 3] and [4, 5] say; see [a], x[i] and [1]."
    assert inline(text) == [1, 2, 3, 4, 5]
    assert inline("nothing here: 1, 2 (3)") == []


def test_hostile_texts_take_linear_time():
    for text in ("1," * 50_000, "[1" * 50_000, "source " * 50_000, "1 - " * 50_000, "[" * 100_000):
        begin = time.perf_counter()
        numbers(text)
        inline(text)
        abstains(text)
        assert time.perf_counter() - begin < 20  # it would take hours


@pytest.mark.parametrize(
    "text",
    [
        "The sources do not mention the captain's name.", "I don't know.", "Not mentioned.",
        "There is no information about it in the passages.", "Unknown", "N/A", "I cannot answer.",
        "The context does not provide an answer.", "It is not stated in the text.", "Not found",
        "None of the passages mention this.", "We cannot determine this from the sources.",
        "The question cannot be answered from the given context.", "Not enough information.",
        "Das wird im Text nicht erwähnt.", "Keine Angabe", "Ich weiß es nicht.",
        "Je ne sais pas.", "Le texte ne le mentionne pas.", "El texto no menciona el nombre.",
    ],
)  # fmt: skip
def test_abstentions(text):
    assert abstains(text)
    assert abstains(text.upper())


@pytest.mark.parametrize(
    "text",
    [
        "The fox.", "No one, said the fox.", "Nothing", "Paris is not in Germany", "Nowhere",
        "He did not eat the grapes", "The lion does not answer the fox", "The Unknown Soldier",
        "It is known as Ahab's ship", "None but the brave", "",
    ],
)  # fmt: skip
def test_answers_that_say_no_are_answers(text):
    assert not abstains(text)


# --- bounded by what was shown -------------------------------------------------------------------


def test_inline_citations_count_where_no_others_are_given(llm, server):
    server.model = Says((cited("The fox [1] and the wolf [3][7]."), 0.5), (cited("Cat", 2), 0.5))
    found = VerbalizedSynthesizer(llm, 2, resampler="argmax").synthesize(QUERY, NODES)
    assert [n.node_id for n in sources_of(found)] == ["fox", "wolf"]
    about = found.metadata["verbalized"]
    assert (about["sources"], about["unknown_sources"]) == ([1, 3], [7])
    assert str(found) == "The fox [1] and the wolf [3][7]."  # as the model wrote it


@pytest.mark.parametrize(
    ("answer", "sources", "known", "unknown"),
    [
        ("The fox [2].", [1], [1, 2], []),  # some here and some there
        ("The fox [1][9].", [1], [1], [9]),  # a wrong one hides behind no right one
        ("It is a[9].", [1], [1], []),  # no source at all
    ],
)
def test_citations_in_an_answer_count_beside_the_others(
    llm, server, answer, sources, known, unknown
):
    server.model = Says((cited(answer, *sources), 1.0))
    about = VerbalizedSynthesizer(llm, 1).synthesize(QUERY, NODES).metadata["verbalized"]
    assert (about["sources"], about["unknown_sources"]) == (known, unknown)


def test_a_number_beyond_what_was_shown_is_flagged_and_maps_to_nothing(llm, server):
    server.model = Says((cited("The fox", 1, 4), 1.0))
    further = [NodeWithScore(node=TextNode(text="never shown", id_="further"))]
    found = VerbalizedSynthesizer(llm, 1).synthesize(QUERY, NODES, additional_source_nodes=further)
    assert len(found.source_nodes) == 4
    assert [n.node_id for n in sources_of(found)] == ["fox"]
    assert found.metadata["verbalized"]["unknown_sources"] == [4]
    assert distribution_of(found)[0].repairs == ("cites source 4, which was not shown",)


def test_citation_query_engine_numbers_once(llm, server, embed_model):
    server.model = Says((cited("The fox [1].", 1), 1.0))
    index = VectorStoreIndex.from_documents(
        [Document(text=n.text) for n in NODES], embed_model=embed_model
    )
    engine = CitationQueryEngine.from_args(
        index, llm=llm, similarity_top_k=3, response_synthesizer=VerbalizedSynthesizer(llm, 1)
    )
    found = engine.query(QUERY)
    context = server.requests[-1]["messages"][-1]["content"]
    assert [context.count(f"Source {n}:") for n in (1, 2, 3)] == [1, 1, 1]
    assert sources_of(found) == found.source_nodes[:1]


# --- checked -------------------------------------------------------------------------------------


class Animals(BaseEmbedding):
    """Two texts are alike if they name the same cheat."""

    def _get_text_embedding(self, text):
        return [float(animal in text) for animal in ("fox", "cat", "wolf")] + [0.01]

    def _get_query_embedding(self, query):
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query):
        return self._get_text_embedding(query)


class Strict(BaseEvaluator):
    def _get_prompts(self):
        return {}

    def _update_prompts(self, prompts):
        pass

    async def aevaluate(self, query=None, response=None, contexts=None, **kwargs):
        return EvaluationResult(passing="crow" in contexts[0])


@pytest.mark.parametrize(
    "verify",
    ["overlap", "embedding", "llm", Strict(), lambda answer, passage: "fox" in passage],
    ids=["overlap", "embedding", "llm", "evaluator", "function"],
)
async def test_citations_are_checked(llm, server, verify):
    server.model = Says(
        (cited("A fox cheats the crow.", 1, 3), 0.6), (cited("The cheater", 2), 0.4)
    )
    synthesizer = VerbalizedSynthesizer(
        llm, 2, verify=verify, embed_model=Animals(), resampler="argmax", support=0.7
    )
    whole = synthesizer.synthesize(QUERY, NODES)
    for found in (whole, await synthesizer.asynthesize(QUERY, NODES)):
        assert found.metadata["verbalized"]["supported"] == 0.5
        first, second = distribution_of(found)
        assert first.metadata["supported"] == 0.5
        assert "source 3 does not support it" in first.repairs
        assert second.metadata["supported"] == 0
        assert json.dumps(found.metadata)


def test_without_a_check_nothing_is_said_of_support(llm, server):
    server.model = Says((cited("A fox", 1), 1.0))
    found = VerbalizedSynthesizer(llm, 1).synthesize(QUERY, NODES)
    assert "supported" not in found.metadata["verbalized"]
    assert "supported" not in distribution_of(found)[0].metadata


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"verify": "vibes"}, "overlap, embedding, llm"),
        ({"verify": "overlap", "support": 2}, "support must be"),
        ({"verify": "overlap", "cite": False}, "cite is off"),
    ],
)
def test_checks_that_cannot_work_are_errors(llm, options, named):
    with pytest.raises(ConfigurationError, match=named):
        VerbalizedSynthesizer(llm, **options)


# --- images --------------------------------------------------------------------------------------

PIXEL = (
    b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    b"WjR9awAAAABJRU5ErkJggg=="
)


def with_image():
    picture = Node(
        text_resource=MediaResource(text="A picture of the fox."),
        image_resource=MediaResource(data=PIXEL, mimetype="image/png"),
    )
    return [*NODES[:2], NodeWithScore(node=picture)]


@pytest.mark.skipif(
    "multimodal" not in signature(BaseSynthesizer.__init__).parameters,
    reason="this LlamaIndex has no such option",
)
async def test_images_are_shown_to_the_model(llm, server):
    synthesizer = VerbalizedSynthesizer(llm, 2, multimodal=True)
    synthesizer.synthesize(QUERY, with_image())
    await synthesizer.asynthesize(QUERY, with_image())
    for request in server.requests:
        parts = request["messages"][-1]["content"]
        assert [part["type"] for part in parts] == ["text", "image_url"]
        assert "Source 3:\nA picture of the fox." in parts[0]["text"]
        assert parts[1]["image_url"]["url"].startswith("data:image/png;base64,")


@pytest.mark.skipif(
    not hasattr(BaseSynthesizer, "get_response_from_messages"),
    reason="this LlamaIndex has no such method",
)
async def test_messages_with_images_are_sources_like_any_other(llm, server):
    said = ChatMessage(blocks=[TextBlock(text="A fox."), ImageBlock(image=PIXEL)])
    synthesizer = VerbalizedSynthesizer(llm, 2, multimodal=True)
    for drawn in (
        synthesizer.get_response_from_messages(QUERY, [said]),
        await synthesizer.aget_response_from_messages(QUERY, [said]),
    ):
        assert drawn.distribution.texts
    for request in server.requests:
        parts = request["messages"][-1]["content"]
        assert [part["type"] for part in parts] == ["text", "image_url"]
        assert "A fox." in parts[0]["text"]


def test_images_are_not_dropped_in_silence(llm, server, caplog):
    with caplog.at_level(logging.WARNING, "vs_llama_index"):
        VerbalizedSynthesizer(llm, 2).synthesize(QUERY, with_image())
        assert "1 of 3 nodes hold images" in caplog.text
        caplog.clear()
        VerbalizedSynthesizer(llm, 2).synthesize(QUERY, NODES)
        assert "images" not in caplog.text
