"""What a result keeps: types, calls, raw answers, and a seed that is its own for every task."""

from __future__ import annotations

import copy
import json
import os
import pickle

import pytest
from pydantic import BaseModel, ValidationError

from vs_core import (
    Candidate,
    Completion,
    Distribution,
    Message,
    Request,
    VSStandard,
    averbalize,
    run,
    verbalize,
)
from vs_core.messages import as_messages, digest_of, joined


class Joke(BaseModel):
    name: str


def typed() -> Distribution[Joke]:
    return Distribution(
        [
            Candidate(text="a", probability=0.5, value=Joke(name="a"), call=0),
            Candidate(text="b", probability=0.5, value=Joke(name="b"), call=1),
        ],
        completions=(Completion("x", {"output_tokens": 2}, raw=object(), model="m"),),
        remarks=("a total was left out",),
    )


def answered(*texts: str, **about) -> str:
    items = [{"text": text, "probability": 1 / len(texts)} for text in texts]
    return json.dumps({"responses": items})


# --- types ---------------------------------------------------------------------------------------


def test_a_type_parameter_makes_no_other_class():
    assert type(Distribution[Joke](["a"])) is Distribution
    assert type(Candidate[Joke](text="a")) is Candidate
    assert type(Distribution[Joke].model_validate(typed())) is Distribution


def test_values_come_back_from_json_by_the_type():
    text = typed().model_dump_json()
    assert Distribution[Joke].model_validate_json(text) == typed()
    assert Distribution.model_validate_json(text)[0].value == {"name": "a"}
    assert Candidate[Joke].model_validate_json(typed()[1].model_dump_json()).value == Joke(name="b")
    with pytest.raises(ValidationError, match="name"):
        Distribution[Joke].model_validate({"candidates": [{"text": "a", "value": {"nom": "a"}}]})


def test_values_come_back_in_a_field_of_a_model():
    class State(BaseModel):
        jokes: Distribution[Joke] | None = None
        one: Candidate[Joke] | None = None

    state = State(jokes=typed(), one=typed()[0])
    assert State.model_validate_json(state.model_dump_json()) == state
    assert State.model_json_schema()["properties"]["jokes"]


def test_a_dump_in_python_keeps_the_objects():
    dump = typed().model_dump()
    assert [candidate["value"] for candidate in dump["candidates"]] == [
        Joke(name="a"),
        Joke(name="b"),
    ]
    assert Distribution.model_validate(dump) == typed()
    assert typed().model_dump(mode="json")["candidates"][0]["value"] == {"name": "a"}
    assert "value" not in typed()[0].model_dump(exclude={"value"})
    assert typed().model_dump(include={"candidates": {0: True}})["candidates"]


def test_pickle_and_copy_keep_values_and_the_alias_itself():
    assert pickle.loads(pickle.dumps(typed())) == typed()
    assert copy.deepcopy(typed()) == typed()
    alias = pickle.loads(pickle.dumps(Distribution[Joke]))
    assert alias.model_validate_json(typed().model_dump_json()) == typed()


# --- what is kept of a call ----------------------------------------------------------------------


def test_candidates_say_which_call_gave_them():
    answers = iter([answered("a", "b"), "no", answered("e"), answered("c", "d")])
    found = verbalize("x", lambda request: next(answers), k=2, n=5, max_concurrency=1)
    assert [(c.text, c.call) for c in found] == [
        ("a", 0), ("b", 0), ("c", 3), ("d", 3), ("e", 2),
    ]  # fmt: skip
    assert [completion.text for completion in found.completions][1] == "no"
    for candidate in found:
        assert candidate.text in found.completions[candidate.call].text


def test_adding_numbers_the_calls_on():
    both = typed() + typed()
    assert [candidate.call for candidate in both] == [0, 1, 2, 3]
    assert len(both.completions) == 2
    assert both.remarks == ("a total was left out",)


def test_completions_tell_what_the_model_said_beside_the_text():
    def complete(request: Request) -> Completion:
        return Completion(
            answered("a"), {"output_tokens": 3}, object(), "I thought.", "length", "m-1"
        )

    found = verbalize("x", complete, k=1, n=2)
    assert found.completions == (complete(None),) * 2  # type: ignore[arg-type]
    assert all(completion.raw is None for completion in found.completions)
    assert found.reasoning == "I thought.\n\nI thought."
    assert "2 of 2 answers reached the limit of their length" in found.repairs
    assert Distribution.model_validate_json(found.model_dump_json()) == found
    assert found.compact().completions == ()
    assert found.compact().candidates == found.candidates


def test_pieces_add_up():
    pieces = [
        Completion("a", {"input_tokens": 3}, reasoning="Hm", model="m"),
        Completion("b", {"output_tokens": 1}, reasoning="m.", finish_reason="stop"),
    ]
    assert joined(pieces) == Completion(
        "ab", {"input_tokens": 3, "output_tokens": 1}, None, "Hmm.", "stop", "m"
    )


def test_texts():
    assert typed().texts == ["a", "b"]


# --- seeds ---------------------------------------------------------------------------------------


def places(distributions: list[Distribution]) -> list[int]:
    return [found.texts.index(found.sample().text) for found in distributions]


def test_one_seed_draws_at_many_places():
    same = answered("a", "b", "c", "d", "e")
    found = [verbalize(f"task {i}", lambda _: same, seed=7) for i in range(200)]
    counts = [places(found).count(place) for place in range(5)]
    assert min(counts) > 20
    again = [verbalize(f"task {i}", lambda _: same, seed=7) for i in range(200)]
    assert places(again) == places(found)
    assert places([verbalize(f"task {i}", lambda _: same, seed=8) for i in range(200)]) != places(
        found
    )


def test_repeats_of_one_task_draw_at_many_places():
    found = [
        verbalize("task", lambda _, i=i: answered(*(f"{i} {j}" for j in range(5))), seed=7)
        for i in range(200)
    ]
    assert min(places(found).count(place) for place in range(5)) > 20


async def test_a_seed_is_the_same_however_it_is_given():
    async def complete(request: Request) -> str:
        return answered("a", "b", "c", "d", "e")

    found = await averbalize("task", complete, seed=3)
    assert found.sample() == found.sample(seed=3)
    assert Distribution.model_validate_json(found.model_dump_json()).sample() == found.sample()


def test_what_is_worked_out_is_not_carried_over():
    found = typed()
    assert found.weights == (0.5, 0.5)
    assert found[:1].weights == (1.0,)
    assert found.reweight(2).mass == pytest.approx(1)
    drawn = [found.model_copy(update={"metadata": {"task": str(i)}}) for i in range(20)]
    assert len({copy._digest for copy in drawn}) == 20


def test_a_digest_tells_tasks_apart():
    tasks = [
        as_messages("a"),
        as_messages("b"),
        (Message("system", "a"),),
        (Message("user", [{"type": "text", "text": "a"}]),),
        (Message("user", [object()]),),
    ]
    assert len({digest_of(task) for task in tasks}) == len(tasks)
    assert digest_of(as_messages("a")) == digest_of(as_messages("a"))
    assert run(VSStandard(k=1).flow(tasks[0]), lambda _: answered("a")).metadata[
        "task"
    ] == digest_of(tasks[0])


def test_a_sample_shows_itself_and_is_a_list():
    found = typed()
    drawn = found.sample(3, seed=1)
    assert isinstance(drawn, list)
    assert drawn == list(drawn)
    assert drawn._repr_html_().count("<tr>") == 4
    assert str(drawn).splitlines()[0].split() == ["#", "probability", "weight", "text"]
    assert found[0]._repr_html_().count("<tr>") == 2
    many = Distribution([str(number) for number in range(30)])
    assert "and 10 more" in many._repr_html_()


def test_what_a_caller_has_read_itself_is_not_read_again() -> None:
    def complete(request: Request) -> Completion:
        return Completion("whatever it says", found=Distribution([Candidate(text="read")]))

    found = verbalize("Tell a joke.", complete, k=1)
    assert found.texts == ["read"]
    (kept,) = found.completions
    assert (kept.text, kept.found) == ("whatever it says", None)
    assert "found" not in found.model_dump_json()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forking where there are threads
def test_a_forked_process_draws_otherwise() -> None:
    reader, writer = os.pipe()
    if not (child := os.fork()):
        os.write(writer, str(Distribution(["a"]).rng().random()).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert float(os.read(reader, 100)) != Distribution(["a"]).rng().random()
