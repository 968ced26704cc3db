"""dspy.streamify gives candidates as they come."""

from itertools import chain, pairwise
from typing import Literal

import dspy
import pytest

from tests.dspy.models import Extracts, Says
from vs_core import Candidate
from vs_dspy import VerbalizedSampler
from vs_dspy.xml import ItemSplitter

ADAPTERS = [dspy.ChatAdapter(), dspy.JSONAdapter(), dspy.XMLAdapter()]


class Question(dspy.Signature):
    """Write a question about the topic."""

    topic: str = dspy.InputField()
    question: str = dspy.OutputField()
    difficulty: Literal["easy", "hard"] = dspy.OutputField()
    words: list[str] = dspy.OutputField()


async def collect(program, is_async=False, **inputs):
    return [item async for item in dspy.streamify(program, is_async_program=is_async)(**inputs)]


def candidates(items):
    return [item for item in items if isinstance(item, Candidate)]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda a: type(a).__name__)
@pytest.mark.parametrize("strategy", ["vs_standard", "vs_cot", "sequence"])
async def test_each_candidate_comes_when_it_is_complete(adapter, strategy, is_async):
    sampler = VerbalizedSampler("topic -> joke", k=5, strategy=strategy)
    with dspy.context(adapter=adapter):
        items = await collect(sampler, is_async, topic="coffee")
    prediction = items[-1]
    assert candidates(items) == list(prediction.distribution)
    chunks = [index for index, item in enumerate(items) if not isinstance(item, Candidate)]
    places = [index for index, item in enumerate(items) if isinstance(item, Candidate)]
    between = [sum(a < chunk < b for chunk in chunks) for a, b in pairwise(places)]
    assert min(between) > 2  # text came between any two of them


@pytest.mark.parametrize("adapter", ADAPTERS[:2], ids=lambda a: type(a).__name__)
async def test_streamed_candidates_are_typed(adapter):
    with dspy.context(adapter=adapter):
        items = await collect(VerbalizedSampler(Question, k=3), topic="rain")
    found = candidates(items)
    assert [c.value.question for c in found] == items[-1].completions.question
    assert all(c.value.difficulty in ("easy", "hard") for c in found)
    assert all(isinstance(c.value.words, list) for c in found)


async def test_what_does_not_fit_is_not_streamed(server):
    items = '[{"number": "many", "probability": 0.5}, {"number": "3", "probability": 0.2}]'
    server.model = Says(f"[[ ## candidates ## ]]\n{items}")
    (found,) = candidates(
        await collect(VerbalizedSampler("a -> number: int", k=2, retries=0), a="x")
    )
    assert found.value == 3


async def test_typed_candidates_in_xml_and_one_that_does_not_fit(server):
    item = (
        "<item><question>{}?</question><difficulty>{}</difficulty>"
        "<words><item>x</item><item>y</item></words><probability>0.1</probability></item>"
    )
    items = [item.format("A", "easy"), item.format("B", "odd"), item.format("C", "hard")]
    server.model = Says(f"<candidates>{''.join(items)}</candidates>")
    with dspy.context(adapter=dspy.XMLAdapter()):
        streamed = await collect(VerbalizedSampler(Question, k=3, retries=0), topic="rain")
    found = candidates(streamed)
    assert found == list(streamed[-1].distribution)
    assert len(streamed[-1].distribution.metadata["invalid"]) == 1
    assert [(c.value.question, c.value.difficulty) for c in found] == [
        ("A?", "easy"),
        ("C?", "hard"),
    ]
    assert [c.value.words for c in found] == [["x", "y"]] * 2
    assert [c.probability for c in found] == [0.1, 0.1]


@pytest.mark.parametrize("format", ["json", "tags", "lines"])
async def test_in_a_format_of_the_core(format):
    items = await collect(VerbalizedSampler("topic -> joke", k=4, format=format), topic="coffee")
    assert candidates(items) == list(items[-1].distribution)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_of_several_calls(is_async):
    items = await collect(VerbalizedSampler("topic -> joke", k=3, n=6), is_async, topic="coffee")
    assert {c.text for c in candidates(items)} == set(items[-1].completions.joke)
    assert len(candidates(items)) == 6


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_with_two_steps_the_answer_is_streamed_and_not_the_extraction(
    server, make_lm, is_async
):
    server.model = Extracts()
    with dspy.context(adapter=dspy.TwoStepAdapter(make_lm("extractor"))):
        items = await collect(
            VerbalizedSampler("topic -> joke", k=4), is_async, topic="a joke about coffee"
        )
    assert candidates(items) == list(items[-1].distribution)


async def test_a_plain_answer_streams_as_that_of_predict():
    items = await collect(VerbalizedSampler("topic -> joke", strategy="direct", k=1), topic="tea")
    assert not candidates(items)
    assert "".join(c.choices[0].delta.content or "" for c in items[:-1])
    assert items[-1].joke


async def test_a_listener_elsewhere_leaves_it_alone(server):
    class Program(dspy.Module):
        def __init__(self):
            super().__init__()
            self.joke = VerbalizedSampler("topic -> joke", k=3)
            self.title = dspy.Predict("joke -> title")

        def forward(self, topic):
            return self.title(joke=self.joke(topic=topic).joke)

    listener = dspy.streaming.StreamListener(signature_field_name="title")
    stream = dspy.streamify(Program(), stream_listeners=[listener])
    items = [item async for item in stream(topic="coffee")]
    assert not candidates(items)
    assert any(isinstance(item, dspy.streaming.StreamResponse) for item in items)


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_items_are_cut_out_however_the_text_is_cut(size):
    items = [
        "<item><joke>a < b</joke></item>",
        "<item><words><item>x</item><item>y</item></words></item>",
    ]
    text = f"<candidates></item>{items[0]} <ite\n{items[1]}</candidates>"
    splitter = ItemSplitter()
    found = [splitter.feed(text[at : at + size]) for at in range(0, len(text), size)]
    assert list(chain(*found)) == items
