"""Candidates and distributions."""

import math
import pickle
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from rich.console import Console

from vs_core import Candidate, ConfigurationError, Distribution

probabilities = st.lists(
    st.none() | st.floats(0, 1) | st.sampled_from([0.0, 5e-324, 1e-300]), min_size=1, max_size=30
)


def make(*probabilities: float | None) -> Distribution:
    return Distribution(
        Candidate(text=f"text {index}", probability=probability)
        for index, probability in enumerate(probabilities)
    )


@given(probabilities)
def test_weights_sum_to_one(values):
    assert math.fsum(make(*values).weights) == pytest.approx(1, abs=1e-9)


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=30))
def test_weights_are_in_proportion(values):
    weights = make(*values).weights
    total = math.fsum(values)
    assert weights == pytest.approx([value / total for value in values])


def test_mass_is_the_sum_before_normalising():
    assert make(0.3, 0.2, None).mass == pytest.approx(0.5)
    assert Distribution().mass == 0


@pytest.mark.parametrize("values", [(0.0, 0.0), (None, None), (0.0, None)])
def test_nothing_to_go_by_is_uniform_and_says_so(values):
    distribution = make(*values)
    assert distribution.weights == (0.5, 0.5)
    assert any("uniform" in repair for repair in distribution.repairs)


def test_a_missing_probability_gets_the_uniform_weight():
    distribution = make(0.4, 0.1, None, None)
    assert distribution.weights == pytest.approx((0.4, 0.1, 0.25, 0.25))
    assert distribution.repairs == ("2 of 4 weights are uniform: no probability was given",)


def test_whole_probabilities_need_no_repair():
    assert make(0.4, 0.6).repairs == ()


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf])
def test_a_probability_is_on_the_unit_interval(value):
    with pytest.raises(ValidationError):
        Candidate(text="a", probability=value)


def test_it_is_an_immutable_sequence():
    distribution = make(0.5, 0.3, 0.2)
    assert isinstance(distribution, Sequence)
    assert [c.text for c in distribution] == ["text 0", "text 1", "text 2"]
    assert distribution[0].text == "text 0"
    assert distribution[-1].text == "text 2"
    assert [c.text for c in distribution[1:]] == ["text 1", "text 2"]
    assert isinstance(distribution[1:], Distribution)
    assert distribution.index(distribution[1]) == 1
    assert distribution[1] in distribution
    with pytest.raises(ValidationError):
        distribution.candidates = ()
    with pytest.raises(ValidationError):
        distribution[0].text = "other"


class Animal(BaseModel):
    name: str


def test_json_round_trip():
    distribution = Distribution(
        [Candidate(text="a", probability=0.5, repairs=("mended",)), Candidate(text="b")],
        reasoning="because",
        metadata={"k": 2},
    )
    data = distribution.model_dump(mode="json")
    assert data["weights"] == pytest.approx([0.5, 0.5])
    assert data["mass"] == 0.5
    assert Distribution.model_validate(data) == distribution
    assert Distribution.model_validate_json(distribution.model_dump_json()) == distribution
    assert pickle.loads(pickle.dumps(distribution)) == distribution


def test_a_typed_value_is_serialised_whole():
    candidate = Candidate(text="cat", value=Animal(name="cat"))
    assert candidate.model_dump(mode="json")["value"] == {"name": "cat"}


def test_entropy_and_effective_size():
    even = make(0.25, 0.25, 0.25, 0.25)
    assert even.entropy() == pytest.approx(2)
    assert even.entropy(base=4) == pytest.approx(1)
    assert even.effective_size() == pytest.approx(4)
    assert make(1.0, 0.0).entropy() == 0
    assert make(1.0, 0.0).effective_size() == pytest.approx(1)
    assert Distribution().entropy() == 0
    assert Distribution().effective_size() == 0


def test_sampling_is_reproducible_and_follows_the_weights():
    distribution = make(0.7, 0.2, 0.1)
    assert distribution.sample(50, seed=7) == distribution.sample(50, seed=7)
    assert distribution.sample(50, seed=7) != distribution.sample(50, seed=8)
    drawn = distribution.sample(20_000, seed=1)
    for candidate, weight in zip(distribution, distribution.weights, strict=True):
        assert drawn.count(candidate) / len(drawn) == pytest.approx(weight, abs=0.02)


def test_the_seed_of_a_distribution_is_the_default_of_sample():
    seeded = Distribution(make(0.5, 0.3, 0.2).candidates, metadata={"seed": 3})
    assert seeded.sample(20) == seeded.sample(20) == make(0.5, 0.3, 0.2).sample(20, seed=3)
    assert isinstance(seeded.sample(), Candidate)


def test_argmax_is_the_first_of_the_heaviest():
    assert make(0.1, 0.4, 0.4).argmax().text == "text 1"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Distribution().sample(), "empty"),
        (lambda: Distribution().argmax(), "empty"),
        (lambda: make(0.5).sample(-1), "-1"),
        (lambda: make(0.5).sample(resampler="systematc"), "Did you mean 'systematic'"),
        (lambda: make(0.5).sample(2, resampler="argmax"), "without replacement"),
        (lambda: make(0.5).sample(2, resampler="top_p", p=0.0), "over 0"),
        (lambda: make(0.5).sample(2, resampler="top_p", q=0.5), "q"),
        (lambda: make(0.5).reweight(0), "positive"),
    ],
)
def test_bad_use_is_refused_with_a_reason(call, message):
    with pytest.raises(ConfigurationError, match=message):
        call()


def test_filter():
    distribution = make(0.6, 0.1, 0.05, None)
    assert [c.text for c in distribution.filter(max_probability=0.1)] == ["text 1", "text 2"]
    assert [c.text for c in distribution.filter(min_probability=0.1)] == ["text 0", "text 1"]
    assert [c.text for c in distribution.filter(min_probability=0)] == [
        "text 0", "text 1", "text 2",
    ]  # fmt: skip
    assert [c.text for c in distribution.filter(lambda c: c.text.endswith("3"))] == ["text 3"]


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=10), st.floats(0.05, 20))
def test_reweight_raises_weights_to_the_inverse_temperature(values, temperature):
    distribution = make(*values)
    powers = [weight ** (1 / temperature) for weight in distribution.weights]
    expected = [power / sum(powers) for power in powers]
    reweighted = distribution.reweight(temperature)
    assert reweighted.weights == pytest.approx(expected)
    assert reweighted.mass == pytest.approx(1)


def test_dedupe_adds_probabilities():
    distribution = Distribution(
        [
            Candidate(text="A  cat", probability=0.5),
            Candidate(text="a dog", probability=0.2),
            Candidate(text="a CAT", probability=0.3, repairs=("mended",)),
        ]
    )
    merged = distribution.dedupe()
    assert [(c.text, c.probability) for c in merged] == [("A  cat", 0.8), ("a dog", 0.2)]
    assert merged[0].repairs == ("mended",)
    assert len(distribution.dedupe(key=lambda c: c.text)) == 3
    assert len(distribution.dedupe(key=len_of_text)) == 2


def len_of_text(candidate: Candidate) -> int:
    return len(candidate.text)


def test_map_and_add():
    distribution = make(0.5, 0.5)
    shouted = distribution.map(lambda c: c.text.upper())
    assert [c.text for c in shouted] == ["TEXT 0", "TEXT 1"]
    assert shouted.weights == distribution.weights
    both = Distribution(make(0.5), reasoning="one", metadata={"k": 1}) + Distribution(
        make(0.1), reasoning="two", metadata={"k": 2, "n": 3}
    )
    assert [c.probability for c in both] == [0.5, 0.1]
    assert both.reasoning == "one\n\ntwo"
    assert both.metadata == {"k": 1, "n": 3}


HOSTILE = "[bold]<script>alert(1)</script>\x1b[31m\u202e"


def test_showing_escapes_what_the_model_said():
    distribution = Distribution([Candidate(text=HOSTILE, probability=0.5)])
    html = distribution._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    console = Console(width=200, record=True, force_terminal=False)
    console.print(distribution)
    printed = console.export_text()
    for shown in (html, str(distribution), printed):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
    assert "[bold]" in str(distribution)
    assert "[bold]" in printed


def test_a_missing_probability_is_shown_as_missing():
    assert "…" in str(make(None))


def test_dataframe():
    frame = make(0.5, None).to_dataframe()
    assert list(frame.columns) == ["text", "probability", "weight", "value", "repairs"]
    assert frame["probability"].isna().tolist() == [False, True]
    assert frame["weight"].sum() == pytest.approx(1)
