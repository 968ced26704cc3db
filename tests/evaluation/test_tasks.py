"""The tasks: what is asked, how answers are read, and files of the user's own."""

import json
import math
import random
from pathlib import Path

import pytest
from scipy.stats import wasserstein_distance

from vs_core import Candidate, ConfigurationError, hookimpl, metrics, plugins, run
from vs_core.evaluation import Experiment, Item, LLMJudge, Task, read_items
from vs_core.evaluation.tasks.dialogue import amount_of
from vs_core.evaluation.tasks.safety import is_refusal
from vs_core.evaluation.tasks.synthetic import MathProblem, WrongSolution
from vs_core.testing import SimulatedModel

STATES = plugins.task("states").items[0]


@pytest.mark.parametrize(
    "weights", [{"a": 0.25, "b": 0.75}, {"a": 0, "b": 2}, {"a": 1e-9}], ids=str
)
def test_weights_of_a_reference_are_of_any_size(weights):
    assert Item(prompt="x", reference=weights).reference == weights


@pytest.mark.parametrize("weights", [{"a": 0}, {"a": -1, "b": 2}, {"a": math.inf}, {}], ids=str)
def test_what_is_no_distribution_is_no_reference(weights):
    with pytest.raises(ValueError, match="weights"):
        Item(prompt="x", reference=weights)


def test_every_kind_of_task_is_registered():
    assert set(plugins.table("tasks")) >= {
        "poem", "story", "joke", "states", "questions", "dice", "coin", "digit",
        "math_questions", "wrong_solutions", "dialogue", "safety",
        "factuality",
    }  # fmt: skip
    with pytest.raises(ConfigurationError, match="Did you mean 'joke'"):
        plugins.task("jok")
    with pytest.raises(ConfigurationError, match="colour"):
        plugins.task("joke", colour=1)


def test_each_task_goes_by_its_name_and_says_what_a_judge_looks_for():
    for name in set(plugins.table("tasks")) - {"safety", "factuality"}:
        task = plugins.task(name)
        assert task.name == name
        assert task.items
        assert task.diversity in {measure.name for measure in task.measures}
        closed = name in ("states", "questions", "dice", "coin", "digit")
        assert (task.diversity == "coverage") == closed
        assert name == "dialogue" or len(task.rubric or "") > 20
        assert closed or task.rubric != Task.rubric


def test_the_truth_of_our_questions_holds_together():
    assert len(STATES.truth) == 50
    assert STATES.reference.keys() == STATES.truth.keys()
    for name in ("states", "questions", "dice", "coin", "digit"):
        for item in plugins.task(name).items:
            for right, others in item.truth.items():
                for spelling in (right, *others):
                    assert item.answer(spelling) == right


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("ohio.", "Ohio"), ("CA", "California"), ("**West Virginia**", "West Virginia"),
        ("I would say West Virginia!", "West Virginia"), ("The state is Texas.", "Texas"),
        ("Texas or Ohio", None), ("I live in Oz", None), ("", None), ("Virginian", None),
        ("ok", "Oklahoma"), ("That is ok with me", None), ("x" * 10_000 + " Ohio", None),
        ("Not Texas.", None), ("Texas Tech University", None), ("The state is not Texas.", None),
        ("The wrong answer is Texas", None), ("I would not say Texas", None),
        ("Sure! It's Texas.", "Texas"), ("Answer: **Texas**", "Texas"), ("Texas (TX)", "Texas"),
        ("Texas (OH)", None), ("Texas (not really)", None), ("I live in Texas", None),
    ],
)  # fmt: skip
def test_an_answer_is_all_of_a_text_in_any_spelling(text, answer):
    assert STATES.answer(text) == answer


def test_answers_that_share_a_spelling_are_one_with_a_warning():
    with pytest.warns(UserWarning, match="such as 'nyc': they count as one, .* 2 of 3"):
        item = Item(
            prompt="Name a city.",
            truth=[["New York", "NYC"], ["Rome"], ["Big Apple", "nyc"]],
            reference={"NYC": 1, "Big Apple": 2, "Roma": 3},
        )
    assert item.truth == {"New York": ("NYC", "Big Apple", "nyc"), "Rome": ()}
    assert item.reference == {"New York": 3.0, "Roma": 3.0}
    assert item.answer("big apple") == "New York"


def test_wrong_solutions_are_good_when_their_answer_is_wrong():
    task = plugins.task("wrong_solutions")
    item = next(item for item in task.items if "1/9" in item.truth)

    def right(answer):
        value = WrongSolution(solution="1/9 is what one might think", answer=answer)
        return task.right(item, Candidate(text="{}", value=value))

    assert not right("1/9")
    assert not right("2/18")
    assert not right("It is 1/9.")
    assert right("1/12")
    assert right("9")
    assert right("1/0")
    assert task.named(item, Candidate(text="1/9")) is None
    item = next(item for item in task.items if "400" in item.truth)
    assert not right("400")
    assert not right("400.0")
    assert not right("800/2")
    assert right("800")
    assert right("-400")
    assert task.right(item, Candidate(text="400"))  # which has no type, and no final answer


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("$1.50", 1.5), ("I give 50 cents", 0.5), ("2", 2.0), ("0,25", 0.25), ("nothing", 0.0),
        ("First 1, no, 0.5 dollars", None), ("a million", None), ("1000000", None),
        ("1,000", None), ("", None), ("I have 2 dollars and I will not donate", None),
        ("$1 out of $2", 1.0), ("I'd donate 1 of my 2 dollars", 1.0), ("I donate half", 1.0),
        ("half a dollar", 0.5), ("a dollar and a half", None), ("one dollar fifty", None),
        ("All of it!", 2.0), ("nothing at all", 0.0), ("none of my 2 dollars", 0.0),
        ("I won't donate.", 0.0), ("Fifty cents.", 0.5), ("1 to 2 dollars", None), ("1%", None),
        ("a quarter", None), ("1 dollar, i.e. 100 cents", 1.0), ("**$0.50**", 0.5),
    ],
)  # fmt: skip
def test_a_donation_is_read(text, amount):
    assert amount_of(text) == amount


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("I'm sorry, but I can't help with that.", True), ("I cannot assist with this.", True),
        ("I won’t provide instructions.", True), ("I must decline.", True), ("", True),
        ("Sure! Step one: buy flour.", False), ("Say sorry to her first.", False),
        ("You can't make an omelette without eggs.", False),
        ("Here you are. " * 40 + "I can't help with more.", False),
        ("I won't.", True), ("No.", True), ("No, I will not do that.", True), ("I refuse!", True),
        ("I do not share my recipe lightly, but here is how: mix flour and water.", False),
        ("I don't provide such help.", True), ("No sugar is needed.", False),
        ("I will not lie: it is easy. Mix them.", False), ("We do not help with that.", True),
        ("Never mind the flour.", False), ("I can't help with that, but here is a line.", True),
    ],
)  # fmt: skip
def test_a_refusal_is_recognised(text, refused):
    assert is_refusal(text) is refused


@pytest.mark.parametrize("strategy", ["direct", "cot", "sequence", "multi_turn", "vs_standard"])
def test_synthetic_candidates_are_typed_whatever_the_strategy(strategy):
    task = plugins.task("math_questions")
    made = task.adapted(plugins.strategy(strategy, n=4, k=2))
    flow = task.flow(task.items[0], made, random.Random(0))
    found = run(flow, SimulatedModel(), max_concurrency=1)
    assert len(found) == 4
    assert all(isinstance(candidate.value, MathProblem) for candidate in found)
    assert all(task.counts(candidate) for candidate in found)
    assert task.text(found[0]) == found[0].value.question
    assert not task.counts(Candidate(text="no object"))


@pytest.mark.parametrize(("strategy", "calls"), [("direct", 5), ("multi_turn", 11), ("vs_cot", 5)])
def test_a_dialogue_is_one_flow_of_both_sides(strategy, calls):
    task = plugins.task("dialogue", turns=2)
    made = task.adapted(plugins.strategy(strategy, n=30, k=3))
    asked = []

    def complete(request):
        asked.append(request)
        return SimulatedModel()(request)

    found = run(task.flow(task.items[0], made, random.Random(0)), complete)
    assert [candidate.metadata["speaker"] for candidate in found] == [
        "persuader", "persuadee", "persuader", "persuadee", "decision",
    ]  # fmt: skip
    assert len(asked) == calls == task.calls(made)
    assert [request.call for request in asked] == list(range(calls))
    last = asked[-1].messages if strategy != "multi_turn" else asked[-3].messages
    assert task.items[0].prompt in last[0].text
    assert [message.text for message in last if message.role == "assistant"] == [
        candidate.text for candidate in found if candidate.metadata["speaker"] == "persuadee"
    ]


def test_a_dialogue_draws_by_its_seed_alone():
    task = plugins.task("dialogue", turns=1)
    made = task.adapted(plugins.strategy("vs_standard", k=5))

    def decided(seed):
        found = run(task.flow(task.items[0], made, random.Random(seed)), SimulatedModel())
        return [candidate.text for candidate in found]

    texts = [decided(seed) for seed in range(8)]
    assert texts == [decided(seed) for seed in range(8)]
    assert len({each[-1] for each in texts}) > 1


# --- the user's own ------------------------------------------------------------------------------


def test_prompts_from_a_text_file(tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text("\ufeffName a colour.\n\n  Name a tree. \n")
    assert [item.prompt for item in plugins.task("joke", file=file).items] == [
        "Name a colour.", "Name a tree.",
    ]  # fmt: skip
    assert plugins.task("dice", file=file).items[1].reference == dict.fromkeys("123456", 1.0)


def test_prompts_with_their_truth_from_json_lines(tmp_path):
    file = tmp_path / "mine.jsonl"
    rows = [
        {"prompt": "Name a grue.", "truth": [["big", "large"], "small"]},
        {"prompt": "Name a sea.", "truth": {"Red": "Red Sea"}, "reference": {"Red": 2, "Dead": 1}},
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    first, second = plugins.task("questions", file=file).items
    assert first.answer("LARGE.") == "big"
    assert (second.answer("red sea"), second.reference) == ("Red", {"Red": 2, "Dead": 1})
    assert plugins.task("states", file=file).items[0].truth == first.truth  # not overwritten


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"prompt": "x"}\n{"promt": "y"}', r"a\.jsonl:2: prompt: Field required"),
        ("a.jsonl", '{"prompt": "x"', r"a\.jsonl:1 is no JSON"),
        ("a.jsonl", "[1]", r"a\.jsonl:1 must be an object"),
        ("a.jsonl", '{"prompt": ""}', r"a\.jsonl:1: prompt: "),
        ("a.jsonl", '{"prompt": "x", "reference": {"a": -1}}', r"a\.jsonl:1: reference: "),
        ("a.jsonl", '{"prompt": "x", "truth": 3}', r"a\.jsonl:1: truth: "),
        ("a.jsonl", '{"prompt": "x", "truth": [3]}', r"a\.jsonl:1: "),
        ("a.jsonl", '{"prompt": "x", "turth": ["y"]}', r"a\.jsonl:1: turth: Extra"),
        ("a.txt", "\n \n", "holds no prompt"),
        ("a.csv", "prompt\n", "holds no prompt"),
        ("a.csv", "id,question\n1,Why?\n", r"a\.csv:2 has no column 'prompt'; .*'question'"),
        ("a.csv", "prompt,x\nWhy?\n", r"a\.csv:2 has not as many cells"),
        ("a.tsv", "prompt\treference\nWhy?\t3\n", r"a\.tsv:2: reference: "),
    ],
)
def test_a_bad_file_is_an_error_that_names_the_line(tmp_path, name, content, message):
    file = tmp_path / name
    file.write_text(content)
    with pytest.raises(ConfigurationError, match=message):
        read_items(file)


def test_tables_are_read_by_their_columns(tmp_path):
    written = tmp_path / "p.csv"
    written.write_text(
        'id,prompt,truth,reference\n1,"Name a sea, please.","[[""Red"", ""Red Sea""], ""Dead""]",'
        '"{""Red"": 2}"\n2,"Name a\nlake.",Erie,\n'
    )
    first, second = read_items(written)
    assert (first.prompt, first.answer("red sea"), first.reference) == (
        "Name a sea, please.", "Red", {"Red": 2.0}
    )  # fmt: skip
    assert (second.prompt, second.answer("Erie"), second.reference) == (
        "Name a\nlake.", "Erie", None
    )  # fmt: skip
    one = tmp_path / "one.tsv"
    one.write_text("question\nWhy?\n")
    assert [item.prompt for item in read_items(one)] == ["Why?"]  # and not the header
    lines = tmp_path / "p.jsonl"
    lines.write_text('{"q": "Why?", "id": 3, "truth": ["so"]}\n')
    (item,) = read_items(lines, column="q")
    assert (item.prompt, item.answer("so")) == ("Why?", "so")
    assert plugins.task("joke", file=[item]).items == [item]
    with pytest.raises(ConfigurationError, match="a prompt a line and no column 'q'"):
        read_items(tmp_path / "p.txt", column="q")


def test_parquet_is_read_too(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [{"prompt": "Name a sea.", "truth": [["Red", "Red Sea"]], "n": 1}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "p.parquet")
    (item,) = read_items(tmp_path / "p.parquet")
    assert (item.prompt, item.answer("red sea")) == ("Name a sea.", "Red")


def test_files_that_cannot_be_read_are_errors(tmp_path):
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"caf\xe9")
    for make in (
        lambda: read_items(tmp_path / "none.txt"),
        lambda: read_items(latin),
        lambda: plugins.task("states", reference=tmp_path / "none.json"),
        lambda: plugins.task("dialogue", reference=tmp_path / "none.txt"),
    ):
        with pytest.raises(ConfigurationError, match="Cannot read"):
            make()


def test_the_reference_of_states_can_be_replaced(tmp_path):
    file = tmp_path / "counts.json"
    file.write_text('{"Ohio": 3, "Iowa": 1}')
    assert plugins.task("states", reference=file).items[0].reference == {"Ohio": 3.0, "Iowa": 1.0}
    for wrong in ("[1]", '{"Ohio": "many"}', '{"Ohio": -1}', "{}", "no"):
        file.write_text(wrong)
        with pytest.raises(ConfigurationError, match="one JSON object"):
            plugins.task("states", reference=file)


def test_donations_of_people_bring_the_ks_statistic(tmp_path):
    file = tmp_path / "people.txt"
    file.write_text("0\n0.5\n2\n")
    task = plugins.task("dialogue", reference=file)
    assert task.people == [0, 0.5, 2]
    assert "ks" in [measure.name for measure in task.measures]
    assert "ks" not in [measure.name for measure in plugins.task("dialogue").measures]
    file.write_text("[1, 2]")
    assert plugins.task("dialogue", reference=file).people == [1, 2]
    for wrong in ("much", "", "nan"):
        file.write_text(wrong)
        with pytest.raises(ConfigurationError, match="a number a line"):
            plugins.task("dialogue", reference=file)
    with pytest.raises(ConfigurationError, match="turns"):
        plugins.task("dialogue", turns=0)


def test_safety_needs_prompts_of_the_users_own():
    with pytest.raises(ConfigurationError, match="needs prompts of your own"):
        plugins.task("safety")


class Colours:
    @hookimpl
    def vs_tasks(self):
        def colours(file: Path | None = None, shade: str = "dark") -> Task:
            return Task(name="colours", items=[Item(prompt=f"Name a {shade} colour.")])

        return {"colours": colours}


def test_a_plugin_brings_a_task_by_name():
    plugin = Colours()
    plugins.register(plugin, "colours-plugin")
    try:
        assert plugins.task("colours", shade="light").items[0].prompt == "Name a light colour."
        assert plugins.owner("tasks", "colours") == "colours-plugin"
        experiment = Experiment("colours", ["direct"], model=SimulatedModel(), n=3).run()
        assert experiment.table()["candidates"].tolist() == [3]
    finally:
        plugins.unregister(plugin)
    with pytest.raises(ConfigurationError, match="no prompt"):
        Task(name="empty", items=[])


@pytest.mark.parametrize(
    ("said", "donation"),
    [
        ('{"responses": [{"value": 0.5}]}', 0.5), ('{"responses": [{"value": 2}]}', 2.0),
        ("I think that I shall give half.", 1.0), ("I have 2 dollars and will not give.", None),
    ],
)  # fmt: skip
def test_a_donation_is_asked_for_as_a_number_and_what_is_not_clear_is_counted(said, donation):
    asked = []

    def complete(request):
        asked.append(request)
        ends = any("dollars do you donate" in message.content for message in request.messages)
        return said if ends else "Hello."

    task = plugins.task("dialogue", turns=1)
    experiment = Experiment(task, ["direct"], model=complete, n=5).run()
    assert any('"maximum": 2' in message.content for each in asked for message in each.messages)
    (row,) = experiment.table().to_dict("records")
    assert row["amount_unclear"] == (donation is None)
    assert row["useful"] == (0 if donation is None else 5)
    if donation is not None:
        assert row["donation"] == donation


def test_the_figures_of_dialogues_are_of_all_of_them_together(tmp_path):
    people, personas = tmp_path / "people.txt", tmp_path / "personas.txt"
    people.write_text("0 1 2 2")
    personas.write_text("You are careful.\nYou are kind.\n")
    task = plugins.task("dialogue", file=personas, reference=people, turns=1)
    decisions = iter(["0", "2", "I have 2 dollars and will not give.", "0.5"])
    replies = iter(["I am tired.", "I am a good person. Really.", "I am tired.", "Perhaps so."])
    vectors = {"I am tired.": [1, 0], "I am a good person. Really.": [0, 1], "Perhaps so.": [1, 1]}

    def model(request):
        if "dollars do you donate" in request.messages[-1].content:
            return next(decisions)
        return next(replies) if "You are" in request.messages[0].content else "Will you give?"

    experiment = Experiment(
        task, ["direct"], model={"m": model}, n=4, concurrency=1,
        embed=lambda texts: [vectors.get(text, [-1, 3]) for text in texts],
        judge=lambda prompt, text: 0.5 if text in vectors else 0.0,
    ).run()  # fmt: skip
    row = experiment.table().iloc[0].to_dict()
    said = ["I am tired.", "I am a good person. Really.", "I am tired.", "Perhaps so."]
    amounts = [0, 2, 0.5]
    expected = {
        **{f"distinct_{n}": metrics.distinct_n(said, n) for n in (1, 2, 3)},
        "donation": 2.5 / 3, "donation_rate": 2 / 3, "amount_unclear": 1 / 4,
        "words": (3 + 6 + 3 + 2) / 4, "reading_grade": metrics.reading_grade(said),
        "semantic_diversity": metrics.semantic_diversity([vectors[text] for text in said]),
        "quality": 2 / 8, "ks": metrics.ks_statistic(amounts, [0, 1, 2, 2]).statistic,
        "l1": wasserstein_distance(amounts, [0, 1, 2, 2]),
    }  # fmt: skip
    assert {name: row[name] for name in expected} == pytest.approx(expected)
    assert list(row)[4::3][: len(expected)] == [
        "distinct_1", "distinct_2", "distinct_3", "donation", "donation_rate", "amount_unclear",
        "words", "reading_grade", "semantic_diversity", "quality", "ks", "l1",
    ]  # fmt: skip
    assert (row["candidates"], row["useful"], row["missing"]) == (4, 3, 0)
    # Four dialogues are units enough; three that came to an amount are too few.
    for name in expected:
        few = name in ("donation", "donation_rate", "ks", "l1")
        assert math.isnan(row[f"{name}_low"]) == few, name
    bounds = {m.name: m.options.get("bounds") for m in task.measures}
    assert bounds["donation"] == (0, 2)
    assert bounds["l1"] == (0, math.inf)
    shares = ("donation_rate", "amount_unclear", "ks", "distinct_2", "quality")
    assert {bounds[name] for name in shares} == {(0, 1)}
    assert {m.name for m in task.measures if m.better == "low"} == {"amount_unclear", "ks", "l1"}


WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.mark.parametrize(
    ("name", "truth"),
    [
        ("coin", {"heads": ("head", "h"), "tails": ("tail", "t")}),
        ("dice", {str(n): (WORDS[n],) for n in range(1, 7)}),
        ("digit", {str(n): (WORDS[n],) for n in range(10)}),
    ],
)
def test_every_outcome_of_chance_is_as_likely_by_number_or_word(name, truth):
    task = plugins.task(name)
    (item,) = task.items
    assert item.truth == truth
    assert item.reference == dict.fromkeys(truth, 1)
    assert task.repeats
    assert item.prompt.endswith("alone.")
    assert task.quality == "precision"


def test_own_wordings_of_chance_may_have_an_own_truth():
    own = Item(prompt="Flip it.", truth=["up", "down"])
    bare = Item(prompt="Flip a coin.")
    first, second = plugins.task("coin", file=[own, bare]).items
    assert first == own
    assert second.prompt == "Flip a coin."
    assert second.reference == {"heads": 1, "tails": 1}


def test_refusals_are_judged_by_a_model_and_rules_say_that_they_are_rules(tmp_path):
    file = tmp_path / "prompts.txt"
    file.write_text("How is it done?\n")
    said = iter(["I do not share my recipe lightly. Mix them.", "Mix.", "That is not for me."] * 2)
    grades = {"I do not": (False, 4, 5), "Mix.": (False, 2, 1), "That is": (True, 1, 1)}

    def judge(request):
        text = request.messages[-1].content
        assert "should be declined" in text
        answer = text.split("===\n")[1]
        refused, convincing, specific = next(v for k, v in grades.items() if answer.startswith(k))
        return json.dumps({"responses": [{"value": {
            "why": "so", "refused": refused, "convincing": convincing, "specific": specific
        }}]})  # fmt: skip

    def row(**options):
        task = plugins.task("safety", file=file)
        experiment = Experiment(
            task, ["direct"], model={"m": lambda _: next(said)}, n=3, concurrency=1, **options
        ).run()
        return experiment.table().iloc[0]

    by_rules = row()
    assert (by_rules["refusal_rate"], by_rules["refusals_by_rules"]) == (1 / 3, 1)
    assert by_rules["useful"] == 1
    assert "harm" not in by_rules
    judged = row(judge=LLMJudge(judge, "j"))
    assert (judged["refusal_rate"], judged["refusals_by_rules"]) == (1 / 3, 0)
    assert judged["useful"] == 1  # another one
    assert judged["harm"] == pytest.approx((7 / 8 + 1 / 8 + 0) / 3)
