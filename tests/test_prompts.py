"""The words: what VS and the list ask alike, and replacing every one of them from a file."""

import copy
import pickle

import pytest

from tests.evaluation.running import compare
from vs_core import (
    ConfigurationError,
    Direct,
    MultiTurn,
    Prompts,
    SequenceList,
    VSCoT,
    VSMulti,
    VSStandard,
    verbalize,
)
from vs_core.evaluation import Experiment
from vs_core.messages import as_messages
from vs_core.testing import SimulatedModel, SimulatedServer

TASK = as_messages("Tell me a joke.")

WORDS = '''
direct = "Return one thing."
verbalize = """
Return {k} things of {n}.
tail = "no key, but text in a template"
{sampling}"""
full = "From everything."
unreadable = "That was: {reason}. Once more, {k}. {format}"

[formats]
json = 'As JSON: {{"responses": [{{"text": …, "{key}": {meaning}}}]}}, {k} of them.'

[strategies.sequence]
sequence = "List {k}."
formats = { json = "As a list of {k} strings." }

[strategies.vs_multi]
more = "Another {k}. {sampling}"

[tasks.coin]
verbalize = "Toss it {k} times. {sampling}"

[tasks.coin.strategies.sequence]
sequence = "Toss a list of {k}."
'''


def said(strategy, k):
    return "\n".join(message.text for message in strategy.messages(TASK, k))


@pytest.fixture
def words(tmp_path):
    file = tmp_path / "words.toml"
    file.write_text(WORDS)
    return file


# --- the default -----------------------------------------------------------------------------


def test_vs_and_the_list_differ_in_the_sampling_sentence_and_the_format_alone():
    prompts = Prompts()
    listed, verbalized = SequenceList(k=5), VSStandard(k=5)
    assert f"{listed.instruction(5)} {prompts.full}" == verbalized.instruction(5)
    tail = VSStandard(k=5, threshold=0.1)
    assert f"{listed.instruction(5)} {prompts.sampling(0.1)}" == tail.instruction(5)
    (number, *_), (stated, *_) = (
        [line for line in said(each, 5).splitlines() if line not in said(other, 5).splitlines()]
        for each, other in ((listed, verbalized), (verbalized, listed))
    )
    assert (number, stated) == (listed.instruction(5), verbalized.instruction(5))


@pytest.mark.parametrize(
    "strategy", [Direct(), SequenceList(), VSStandard(), VSCoT(), VSMulti(), MultiTurn()]
)
def test_nobody_asks_for_variety_by_another_word(strategy):
    asked = f"{said(strategy, 5)} {strategy.further(5)}".casefold()
    assert not any(word in asked for word in ("different", "divers", "instead of one", "unusual"))


# --- a file ----------------------------------------------------------------------------------


def test_every_word_comes_from_the_file(words):
    prompts = Prompts.from_file(words)
    json = 'As JSON: {"responses": [{"text": …, "probability": %s}]}, 5 of them.'
    shape = VSStandard().shape(5)
    written = json % shape.definition.meaning
    assert said(Direct(prompts=prompts), 1) == "Return one thing.\nTell me a joke."
    assert said(MultiTurn(prompts=prompts), 1).startswith("Return one thing.")
    assert VSStandard(n=20, prompts=prompts).instruction(5) == (
        'Return 5 things of 20.\ntail = "no key, but text in a template"\nFrom everything.'
    )
    assert VSStandard(prompts=prompts).format_instructions(5) == written
    assert said(SequenceList(prompts=prompts), 5).startswith("List 5.\n\nAs a list of 5 strings.")
    assert VSMulti(prompts=prompts).further(5) == f"Another 5. From everything.\n\n{written}"
    assert VSStandard(format="tags", prompts=prompts).format_instructions(5) == (
        VSStandard(format="tags").format_instructions(5)
    )


def test_a_task_has_words_of_its_own(words):
    prompts = Prompts.from_file(words).for_task("coin")
    assert VSStandard(prompts=prompts).instruction(2) == "Toss it 2 times. From everything."
    assert said(SequenceList(prompts=prompts), 2).startswith(
        "Toss a list of 2.\n\nAs a list of 2 strings."
    )
    assert Prompts.from_file(words).for_task("joke") == Prompts.from_file(words)


def test_words_travel_and_are_values(words):
    prompts = Prompts.from_file(words)
    strategy = VSStandard(prompts=prompts)
    assert strategy.instruction(5)
    for other in (pickle.loads(pickle.dumps(strategy)), copy.deepcopy(strategy)):
        assert other == strategy
        assert hash(other) == hash(strategy)
        assert other.instruction(5) == strategy.instruction(5)
    assert Prompts(tasks={"joke": {"full": "x"}}).for_task("joke").full == "x"


def test_asking_again_is_in_the_words_of_the_file(words):
    asked = []

    def model(request):
        asked.append(request.messages[-1].text)
        return "" if len(asked) == 1 else '["a", "b"]'

    verbalize(TASK, model, strategy="sequence", k=2, prompts=Prompts.from_file(words))
    assert asked[1].startswith("That was: ")
    assert asked[1].endswith("Once more, 2. As a list of 2 strings.")


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ('full = "a"\nverbalise = "b"', 2, "'verbalise'"),
        ('\n\nverbalize = "Give {m}."', 3, "'verbalize' uses \\['m'\\]"),
        ('[formats]\n# a word\njson = "{"', 3, "'formats.json' is not a template"),
        ('tail = """\nfull = 1\n"""\nfull = 1', 4, "'full' must be a text"),
        ('[tasks.joke]\nfull = "x"\n[tasks.joke.strategies."vs_cot"]\nreason = "{q}"', 4,
         "'tasks.joke.strategies.vs_cot.reason' uses"),
        ('[strategies.cot]\nformats = { json = "{z}" }', 2, "'strategies.cot.formats.json' uses"),
        ('tasks = 3', 1, "'tasks'"),
        ('[tasks]\njoke = "x"', 2, "'tasks.joke'"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_named_with_its_line(tmp_path, text, line, key):
    file = tmp_path / "words.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=rf"words\.toml:{line}: .*{key}"):
        Prompts.from_file(file)


def test_a_file_that_is_no_toml_or_is_not_there_is_an_error(tmp_path):
    file = tmp_path / "words.toml"
    with pytest.raises(ConfigurationError, match="Cannot read"):
        Prompts.from_file(file)
    file.write_text('full = "a"\nthis is nothing')
    with pytest.raises(ConfigurationError, match="line 2"):
        Prompts.from_file(file)


# --- in an experiment ------------------------------------------------------------------------


def test_an_experiment_asks_in_the_words_of_the_task(words):
    asked = []

    def model(request):
        asked.append("\n".join(message.text for message in request.messages))
        return SimulatedModel()(request)

    options = {"prompts": Prompts.from_file(words)}
    Experiment(["coin", "dice"], ["vs_standard"], model=model, n=2, k=2, options=options).run()
    coins = [text for text in asked if "Toss it 2 times." in text]
    assert coins
    assert all(("coin" in text) == (text in coins) for text in asked)
    assert len(coins) < len(asked) == len(coins) + sum("Return 2 things of 2." in t for t in asked)


def test_the_command_takes_a_file(words, tmp_path):
    with SimulatedServer() as server:
        done = compare(
            "--task", "coin", "-n", "2", "-k", "2", "--strategies", "vs_standard", "--templates",
            str(words), "--model", "simulated", "--base-url", server.base_url, "--out",
            str(tmp_path / "out"),
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Toss it 2 times." in str(server.requests[0]["messages"])
