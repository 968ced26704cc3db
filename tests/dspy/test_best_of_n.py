"""The best candidate of one call, with the interface of dspy.BestOfN."""

import dspy
import pytest

from vs_core import ConfigurationError, Distribution
from vs_dspy import VerbalizedBestOfN, VerbalizedSampler


class Counting:
    """A reward that remembers what it was asked."""

    def __init__(self, reward=lambda prediction: len(prediction.joke), fails=()):
        self.reward = reward
        self.fails = fails
        self.seen = []

    def __call__(self, inputs, prediction):
        assert inputs == {"topic": "coffee"}
        self.seen.append(prediction)
        if len(self.seen) in self.fails:
            raise RuntimeError("no reward")
        return self.reward(prediction)


class Program(dspy.Module):
    def __init__(self):
        super().__init__()
        self.joke = dspy.Predict("topic -> joke")

    def forward(self, topic):
        return self.joke(topic=topic)


class Rewraps(Program):
    def forward(self, topic):
        return dspy.Prediction(joke=super().forward(topic).joke)


@pytest.mark.parametrize(
    "module",
    ["topic -> joke", dspy.Predict("topic -> joke"), dspy.ChainOfThought("topic -> joke"),
     VerbalizedSampler("topic -> joke", k=4), Program()],
    ids=["signature", "predict", "cot", "sampler", "program"],
)  # fmt: skip
def test_one_call_and_the_best_of_its_candidates(module, server):
    reward = Counting()
    best = VerbalizedBestOfN(module, 4, reward)
    prediction = best(topic="coffee")
    assert len(server.requests) == 1
    assert [p.joke for p in reward.seen] == prediction.completions.joke
    assert prediction.joke == max(prediction.completions.joke, key=len)
    assert isinstance(prediction.distribution, Distribution)
    assert len(best.predictors()) == 1


def test_the_interface_of_best_of_n(server):
    """The same arguments, by position and by name, give the same kind of answer."""
    module, reward = dspy.Predict("topic -> joke"), Counting()
    theirs = dspy.BestOfN(module, 4, reward, 1e9)(topic="coffee")
    calls = len(server.requests)
    ours = VerbalizedBestOfN(module, 4, reward, 1e9)(topic="coffee")
    assert (calls, len(server.requests) - calls) == (4, 1)
    assert ours.keys() == ["probability", *theirs.keys()]
    assert VerbalizedBestOfN(module, k=4, reward_fn=reward, threshold=1.0, fail_count=1)


async def test_async(server):
    prediction = await VerbalizedBestOfN("topic -> joke", 4, Counting()).acall(topic="coffee")
    assert prediction.joke == max(prediction.completions.joke, key=len)


def test_the_threshold_spares_the_other_rewards():
    reward = Counting(lambda prediction: len(reward.seen))
    prediction = VerbalizedBestOfN("topic -> joke", 5, reward, threshold=2)(topic="coffee")
    assert len(reward.seen) == 2
    assert prediction.joke == prediction.completions.joke[1]
    reward.seen.clear()
    prediction = VerbalizedBestOfN("topic -> joke", 5, reward)(topic="coffee")
    assert len(reward.seen) == 5
    assert prediction.joke == prediction.completions.joke[4]


def test_the_first_of_equals():
    prediction = VerbalizedBestOfN("topic -> joke", 3, Counting(lambda p: 0.0))(topic="coffee")
    assert prediction.joke == prediction.completions.joke[0]


def test_rewards_that_fail():
    def run(fails, **options):
        reward = Counting(lambda p: -len(reward.seen), fails=fails)
        return VerbalizedBestOfN("topic -> joke", 3, reward, **options)(topic="coffee")

    prediction = run([1, 3])
    assert prediction.joke == prediction.completions.joke[1]
    for fails, options in (([1, 2, 3], {}), ([1, 2], {"fail_count": 1}), ([2], {"fail_count": 0}),
                           ([1, 2, 3], {"fail_count": 9})):  # fmt: skip
        with pytest.raises(RuntimeError, match="no reward"):
            run(fails, **options)


def test_saving(tmp_path):
    best = VerbalizedBestOfN("topic -> joke", 3, Counting())
    best.module.predict.signature = best.module.predict.signature.with_instructions("Be brief.")
    best.save(tmp_path / "best.json")
    fresh = VerbalizedBestOfN("topic -> joke", 3, Counting())
    fresh.load(tmp_path / "best.json")
    assert fresh.module.predict.signature.instructions == "Be brief."


def test_each_candidate_goes_through_a_program_that_works_on(server):
    reward = Counting()
    prediction = VerbalizedBestOfN(Rewraps(), 3, reward)(topic="coffee")
    assert len(server.requests) == 1
    assert len({p.joke for p in reward.seen}) == 3
    assert len({p.probability for p in reward.seen}) == 3
    assert prediction.joke == max((p.joke for p in reward.seen), key=len)


class Titled(Program):
    """A program with a later step that asks a model about each candidate."""

    def __init__(self):
        super().__init__()
        self.title = dspy.Predict("joke -> title")

    def forward(self, topic):
        joke = self.joke(topic=topic).joke
        return dspy.Prediction(joke=joke, title=self.title(joke=joke).title)

    async def aforward(self, topic):
        joke = (await self.joke.acall(topic=topic)).joke
        return dspy.Prediction(joke=joke, title=(await self.title.acall(joke=joke)).title)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_later_steps_are_asked_once_for_each_candidate(server, is_async):
    reward = Counting()
    best = VerbalizedBestOfN(Titled(), 3, reward, names=["joke"])
    prediction = await best.acall(topic="coffee") if is_async else best(topic="coffee")
    assert len(server.requests) == 1 + 3
    assert prediction.title
    assert prediction.joke == max((p.joke for p in reward.seen), key=len)
    reward.seen.clear()
    good = VerbalizedBestOfN(Titled(), 3, reward, threshold=1, names=["joke"])
    server.requests.clear()
    await good.acall(topic="coffee") if is_async else good(topic="coffee")
    assert len(server.requests) == 2  # the first was good enough


def test_a_later_step_that_fails_costs_its_candidate_alone():
    class Fails(Program):
        def forward(self, topic):
            joke = super().forward(topic).joke
            if len(seen) == 1:
                seen.append(None)
                raise RuntimeError("no step")
            return dspy.Prediction(joke=joke)

    seen = []

    def reward(inputs, prediction):
        seen.append(prediction)
        return len(seen)

    prediction = VerbalizedBestOfN(Fails(), 3, reward)(topic="coffee")
    assert prediction is seen[2]
    seen.clear()
    with pytest.raises(RuntimeError, match="no step"):
        VerbalizedBestOfN(Fails(), 3, reward, fail_count=0)(topic="coffee")


def test_a_program_without_a_sampler_that_is_called_is_told_so():
    class Skips(Program):
        def forward(self, topic):
            return dspy.Prediction(joke=topic)

    with pytest.raises(ConfigurationError, match="Skips called no VerbalizedSampler"):
        VerbalizedBestOfN(Skips(), 3, Counting())(topic="coffee")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: VerbalizedBestOfN("topic -> joke", 0, len), "k must be"),
        (lambda: VerbalizedBestOfN("topic -> joke", 3, "reward"), "reward_fn"),
        (lambda: VerbalizedBestOfN(VerbalizedSampler("a -> b", k=5), 3, len), "asks for 5"),
        (lambda: VerbalizedBestOfN("topic -> completions", 3, len), "rename"),
    ],
)
def test_what_cannot_work_is_refused_at_construction(make, message):
    with pytest.raises(ConfigurationError, match=message):
        make()


@pytest.mark.parametrize("bad", [float("nan"), None])
def test_a_reward_that_is_no_number_does_not_win(bad):
    rewards = iter([bad, 0.5, 0.9])
    best = VerbalizedBestOfN("topic -> joke", 3, lambda inputs, prediction: next(rewards))
    prediction = best(topic="coffee")
    assert prediction.joke == prediction.completions.joke[2]
