"""The simulated model: the theory shows, prompts are understood, misbehaviour is as told."""

import math
import pickle
from collections import Counter

import pytest
from scipy.stats import chisquare

from vs_core import (
    ConfigurationError,
    Message,
    ParseError,
    Prompts,
    Request,
    hookimpl,
    parse,
    plugins,
    verbalize,
)
from vs_core.formats import Entry, Format, Reading, Shape
from vs_core.probabilities import DEFINITIONS
from vs_core.testing import SimulatedModel, SimulatedTask
from vs_core.testing.filling import Filling

STATES = "Name a US state."
JOKE = "Tell me a joke about coffee."


def kl(counts: Counter[str], base: dict[str, float]) -> float:
    total = counts.total()
    return math.fsum(n / total * math.log(n / total / base[text]) for text, n in counts.items())


def direct(model: SimulatedModel, prompt: str, n: int) -> Counter[str]:
    answers = verbalize(prompt, model, strategy="direct", n=n, max_concurrency=1)
    return Counter(candidate.text for candidate in answers)


def test_gamma_one_leaves_the_base_distribution():
    model = SimulatedModel(gamma=1)
    base = model.base_distribution(JOKE)
    counts = direct(model, JOKE, 4000)
    assert chisquare([counts[a] for a in base], [4000 * p for p in base.values()]).pvalue > 1e-3


def test_a_larger_gamma_sharpens_direct_answers_as_the_theory_says():
    model = SimulatedModel(gamma=3)
    base = model.base_distribution(JOKE)
    total = math.fsum(p**3 for p in base.values())
    counts = direct(model, JOKE, 4000)
    expected = {a: 4000 * p**3 / total for a, p in base.items()}
    common = [a for a in base if expected[a] > 5]
    rest = [4000 - sum(counts[a] for a in common), 4000 - sum(expected[a] for a in common)]
    observed = [*(counts[a] for a in common), rest[0]]
    assert chisquare(observed, [*(expected[a] for a in common), rest[1]]).pvalue > 1e-3


@pytest.mark.parametrize("gamma", [1, 4, 16])
def test_verbalized_answers_keep_the_base_distribution_at_any_gamma(gamma):
    model = SimulatedModel(gamma=gamma)
    base = model.base_distribution(JOKE)
    distribution = verbalize(JOKE, model, k=len(base))
    assert {c.text for c in distribution} == set(base)
    verbalized = dict(zip((c.text for c in distribution), distribution.weights, strict=True))
    kl_verbalized = math.fsum(w * math.log(w / base[a]) for a, w in verbalized.items())
    assert kl_verbalized < 1e-3
    kl_direct = kl(direct(model, JOKE, 2000), base)
    if gamma == 1:
        assert kl_direct < 0.05
    else:
        assert kl_direct > 0.5


def test_a_list_is_of_the_modes():
    base = SimulatedModel().base_distribution(STATES)
    listed = verbalize(STATES, SimulatedModel(), strategy="sequence", k=4)
    assert [c.text for c in listed] == sorted(base, key=lambda a: -base[a])[:4]


def test_noise_moves_probabilities_but_not_the_choice():
    exact = verbalize(STATES, SimulatedModel(), k=10)
    noisy = verbalize(STATES, SimulatedModel(noise=0.5), k=10)
    assert sorted(c.text for c in exact) == sorted(c.text for c in noisy)
    ratios = [math.log(a.probability / b.probability) for a, b in zip(noisy, exact, strict=True)]
    assert 0.1 < sum(r * r for r in ratios) / len(ratios) < 1.0


def test_it_is_deterministic_and_its_series_begins_anew():
    first, second = SimulatedModel(seed=4), SimulatedModel(seed=4)
    series = [first(request(STATES)).text for _ in range(5)]
    assert series == [second(request(STATES)).text for _ in range(5)]
    first.reset()
    assert series == [first(request(STATES)).text for _ in range(5)]


def request(text: str, system: str | None = None) -> Request:
    messages = [Message("system", system)] if system else []
    return Request((*messages, Message("user", text)))


@pytest.mark.parametrize("format", ["json", "tags", "lines"])
@pytest.mark.parametrize("definition", list(DEFINITIONS))
@pytest.mark.parametrize("strategy", ["vs_standard", "vs_cot", "vs_multi"])
def test_every_way_of_asking_is_answered_alike(strategy, format, definition):
    plain = verbalize(STATES, SimulatedModel(), k=4, n=8, strategy=strategy, max_concurrency=1)
    asked = verbalize(
        STATES, SimulatedModel(), k=4, n=8, strategy=strategy, max_concurrency=1,
        format=format, probability=definition,
    )  # fmt: skip
    assert [c.text for c in asked] == [c.text for c in plain]
    assert [c.probability for c in asked] == pytest.approx([c.probability for c in plain])


PAPER_TAGS = (
    "Generate 5 responses to the user query, each within a separate <response> tag. Each "
    "<response> must include a <text> and a numeric <probability>. Please sample at random from "
    "the tails of the distribution, such that the probability of each response is less than 0.10."
)
PAPER_JSON = (
    'Return the responses in JSON format with the key: "responses" (list of dicts). Generate five '
    'responses. Each dictionary must include "text" and "probability" (from 0.0 to 1.0).'
)


@pytest.mark.parametrize("prompt", [PAPER_TAGS, PAPER_JSON])
@pytest.mark.parametrize("pasted", [True, False])
def test_prompts_pasted_from_the_paper_are_understood(prompt, pasted):
    asked = request(f"{prompt}\n\n{STATES}") if pasted else request(STATES, prompt)
    distribution = parse(SimulatedModel()(asked).text)
    base = SimulatedModel().base_distribution(STATES)
    assert len(distribution) == 5
    assert all(c.text in base for c in distribution)
    if prompt is PAPER_TAGS:
        assert all(c.probability < 0.1 for c in distribution)


def test_a_tail_that_is_too_short_is_thinned_out():
    distribution = verbalize("Roll a dice.", SimulatedModel(), k=6, threshold=0.05)
    assert len(distribution) == 6
    assert all(c.probability < 0.05 for c in distribution)


def test_turns_do_not_repeat_even_when_nothing_is_left():
    distribution = verbalize("Toss a coin.", SimulatedModel(), strategy="multi_turn", n=6)
    assert len({c.text for c in distribution}) == 6


def test_other_prompts_get_an_invented_distribution():
    base = SimulatedModel().base_distribution("Describe the smell of rain.")
    assert len(base) >= 10
    assert sum(base.values()) == pytest.approx(1)
    assert all("rain" in answer for answer in base)
    assert base == SimulatedModel().base_distribution("Describe the smell of rain.")
    assert base != SimulatedModel(seed=1).base_distribution("Describe the smell of rain.")


def test_tasks_of_ones_own():
    task = SimulatedTask("pets", r"\bpet\b", {"cat": 3, "dog": 1})
    model = SimulatedModel(gamma=1, tasks=[task])
    assert model.base_distribution("Name a pet.") == {"cat": 0.75, "dog": 0.25}


@pytest.mark.parametrize(
    ("quirk", "calls"),
    [("fence", 1), ("prose", 1), ("malformed", 1), ("long", 1), ("percent", 1), ("short", 2),
     ("refusal", 2), ("plain", 2), ("empty", 2), ("truncated", 2)],
)  # fmt: skip
@pytest.mark.parametrize("format", ["json", "tags", "lines"])
def test_quirks_cost_what_they_must_and_lose_nothing(quirk, calls, format):
    distribution = verbalize(STATES, SimulatedModel(quirks=[quirk]), k=6, format=format)
    assert len(distribution) == 6
    assert distribution.metadata["calls"] == calls


def test_a_quirk_shows_in_the_answer():
    asked = request(STATES, PAPER_JSON)
    assert SimulatedModel(quirks=["fence"])(asked).text.startswith("```")
    assert SimulatedModel(quirks=["empty"])(asked).text == ""
    model = SimulatedModel(quirks=[None, "refusal"])
    assert "sorry" not in model(asked).text
    assert "sorry" in model(asked).text
    assert "sorry" not in model(asked).text


@pytest.mark.parametrize("format", ["json", "tags", "lines"])
@pytest.mark.parametrize(
    ("habit", "shows"),
    [
        ("bare", lambda found: {c.probability for c in found} == {None}),
        ("certain", lambda found: {c.probability for c in found} == {0.95}),
        ("uniform", lambda found: {c.probability for c in found} == {0.25}),
        ("repeat", lambda found: len(found.dedupe()) == 1),
        ("think", lambda found: "several sides" in (found.reasoning or "")),
        ("stubborn", lambda found: found.completions[0].text.startswith("1. ")),
        ("head", lambda found: max(c.probability for c in found) > 0.02),
    ],
)
def test_habits_show_in_every_answer(format, habit, shows):
    model = SimulatedModel(habits=[habit])
    if (habit, format) == ("bare", "lines"):  # a list without probabilities might be anything
        with pytest.raises(ParseError):
            verbalize(STATES, model, k=4, format=format, retries=0)
        return
    for _ in range(2):
        found = verbalize(STATES, model, k=4, format=format, threshold=0.02, retries=0)
        assert len(found) == 4
        assert shows(found)
    assert not shows(verbalize(STATES, SimulatedModel(), k=4, threshold=0.02))


def test_habits_add_up():
    text = SimulatedModel(habits=["think", "fence", "prose"])(request(STATES, PAPER_JSON)).text
    assert text.startswith("<think>")
    assert "Sure!" in text
    assert "```" in text


@pytest.mark.parametrize(
    "options", [{"quirks": ["rude"]}, {"habits": ["rude"]}, {"gamma": -1}, {"noise": -0.1}], ids=str
)
def test_bad_options_are_refused(options):
    with pytest.raises(ConfigurationError):
        SimulatedModel(**options)


def test_usage_grows_with_the_text():
    completion = SimulatedModel()(request(STATES, PAPER_JSON))
    assert completion.usage["output_tokens"] == math.ceil(len(completion.text) / 4)
    assert completion.usage["input_tokens"] > 20


REWORDED = Prompts(
    unreadable="Das war unlesbar ({reason}). Noch einmal, {k} Stück.\n{format}",
    short="Zu wenige, nur {given}: es fehlen {k}.\n{format}",
    more="{k} weitere, bitte. {sampling}",
)


@pytest.mark.parametrize("format", ["json", "tags", "lines"])
@pytest.mark.parametrize("quirk", ["plain", "refusal", "empty", "short"])
def test_the_words_of_a_retry_are_the_users_to_choose(quirk, format):
    """What the model understands depends on no sentence of ours."""
    options = {"k": 4, "format": format, "max_concurrency": 1}
    own = verbalize("Name a US state.", SimulatedModel(quirks=[quirk]), **options)
    reworded = verbalize(
        "Name a US state.", SimulatedModel(quirks=[quirk]), prompts=REWORDED, **options
    )
    assert own.metadata["calls"] == reworded.metadata["calls"] == 2
    assert reworded.texts == own.texts


def test_further_turns_may_be_worded_in_any_way():
    own = verbalize("Name a US state.", SimulatedModel(), strategy="vs_multi", k=3)
    reworded = verbalize(
        "Name a US state.", SimulatedModel(), strategy="vs_multi", k=3, prompts=REWORDED
    )
    assert reworded.texts == own.texts
    assert len(set(own.texts)) == 6


class Semicolons(Format):
    """A format that says little of itself, and that nobody has heard of."""

    name = "semicolons"

    def instructions(self, shape: Shape) -> str:
        meaning = shape.definition.meaning if shape.definition else "nothing"
        return f"Semikolons, {shape.k}-mal: {meaning}."

    def read(self, text: str, shape: Shape) -> Reading | None:
        rows = [row.split("; ") for row in text.splitlines() if "; " in row]
        return Reading([Entry(text, p) for text, p in rows]) if rows else None

    def write(self, answer: Reading, shape: Shape) -> str:
        return "\n".join(f"{entry.text}; {entry.probability}" for entry in answer.entries)


def test_a_registered_format_is_understood_by_its_own_instructions():
    class Plugin:
        @hookimpl
        def vs_formats(self):
            return {"semicolons": Semicolons}

    plugin = Plugin()
    plugins.register(plugin)
    try:
        options = {"k": 4, "n": 8, "max_concurrency": 1}
        found = verbalize("Name a US state.", SimulatedModel(), format="semicolons", **options)
        assert found.texts == verbalize("Name a US state.", SimulatedModel(), **options).texts
    finally:
        plugins.unregister(plugin)


def test_of_what_may_be_null_something_is_said():
    schema = {"anyOf": [{"type": "null"}, {"type": "string"}]}
    filling = Filling(schema, seed=0, number=lambda text, key: 0.5)
    assert filling.fill("Ohio") == "Ohio"


def test_it_travels_with_what_it_has_been_asked():
    model = SimulatedModel(gamma=2.0, quirks=["refusal", None])
    model(request("Name a US state."))
    sent = pickle.loads(pickle.dumps(model))
    assert repr(sent) == repr(model)
    assert [sent(request("Toss a coin.")).text for _ in range(5)] == [
        model(request("Toss a coin.")).text for _ in range(5)
    ]


@pytest.mark.parametrize(
    ("bounds", "fitting"),
    [
        ({"minimum": 12, "maximum": 20, "multipleOf": 5}, {15, 20}),
        ({"exclusiveMinimum": 10, "maximum": 24, "multipleOf": 5}, {15, 20}),
        ({"minimum": 3, "maximum": 5}, {3, 4, 5}),
    ],
)
def test_filled_numbers_are_all_multiples_within_the_bounds(bounds, fitting):
    schema = {"type": "integer", **bounds}
    drawn = {
        Filling(schema, seed=seed, number=lambda text, key: 0.5).fill("no number")
        for seed in range(60)
    }
    assert drawn == fitting
